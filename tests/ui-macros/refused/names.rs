//! Functions and symbols that the kernel does not have, or has more than once.

use kps::prelude::*;

#[livepatch(license = "GPL")]
mod names {
    #[pre(vmlinux::cmdline_proc_shw)]
    unsafe fn near(m: *mut seq_file, v: *mut c_void) -> c_int {}

    #[pre(vmlinux::show_type)]
    unsafe fn ambiguous(m: *mut seq_file, v: *mut c_void) -> c_int {}

    #[pre(vmlinux::show_type@9)]
    unsafe fn far(m: *mut seq_file, v: *mut c_void) -> c_int {}

    #[pre(vmlinux::asm_entry)]
    unsafe fn no_site() {}

    #[pre(dummi::dummy_get_stats)]
    unsafe fn no_module(m: *mut seq_file, v: *mut c_void) -> c_int {}

    #[symbols(vmlinux)]
    extern "C" {
        fn unexported_helpr(x: c_int) -> c_int;
        static saved_comand_line: *mut c_char;
    }

    #[post(vmlinux::cmdline_proc_show)]
    unsafe fn undeclared(m: *mut seq_file, v: *mut c_void, mut ret: c_int) {
        ret = unexported_helper(ret);
    }
}

fn main() {}
