//! Arguments that an attribute does not understand.

use kps::prelude::*;

#[livepatch(license = "GPL", license = "GPL v2", name = "other")]
mod arguments {
    #[pre]
    unsafe fn nothing_is_named() {}

    #[pre(cmdline_proc_show)]
    unsafe fn no_object(m: *mut seq_file, v: *mut c_void) -> c_int {}

    #[pre(vmlinux::cmdline proc_show)]
    unsafe fn two_words(m: *mut seq_file, v: *mut c_void) -> c_int {}

    #[pre = "vmlinux::cmdline_proc_show"]
    unsafe fn not_a_list(m: *mut seq_file, v: *mut c_void) -> c_int {}

    #[pre(vmlinux::cmdline_proc_show@first)]
    unsafe fn no_position(m: *mut seq_file, v: *mut c_void) -> c_int {}

    #[post_patch]
    unsafe fn of_nothing() {}

    #[param(mode = "rw")]
    static verbose: bool = false;

    #[param(mode = 0o644, mode = 0)]
    static quiet: bool = false;

    #[shadow(untied)]
    static on_nothing: Shadow<u32> = Shadow::new(0);

    #[shadow(on = seq_file, freed_by = seq_release)]
    static no_parent: Shadow<u32> = Shadow::new(0);

    #[state(version = 1)]
    static no_id: State<c_int> = State { save: || 0, apply: |_| {}, restore: |_| {} };

    #[symbols("vmlinux")]
    extern "C" {}

    #[symbols(vmlinux)]
    extern "C" {
        #[position]
        fn unexported_helper(x: c_int) -> c_int;
        #[percpu(cpu)]
        static process_counts: c_ulong;
    }

    #[c(helpers.c)]
    extern "C" {
        fn helper();
    }
}

fn main() {}
