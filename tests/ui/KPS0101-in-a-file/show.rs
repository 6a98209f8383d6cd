fn cmdline_proc_show() {
