//! What the kernel does not export: `symbols`, `position`, `percpu`.

/// Symbols of the kernel's.
#[kps::livepatch(license = "GPL", kernel = "7.3")]
mod symbols {
    #[symbols(vmlinux)]
    extern "C" {
        fn unexported_helper(value: c_int) -> c_int;
        #[position(2)]
        fn show_type(m: *mut seq_file);
        static console_printk: [c_int; 4];
        #[percpu]
        static process_counts: c_ulong;
    }

    #[post(vmlinux::cmdline_proc_show)]
    unsafe fn use_all(m: *mut seq_file, v: *mut c_void, mut ret: c_int) {
        show_type(m);
        ret = unexported_helper(console_printk[0]);
        if *process_counts.this_cpu_ptr() == 0 {
            ret = -EINVAL;
        }
    }
}
