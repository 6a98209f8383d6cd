//! The livepatch `parts`.

use kps::prelude::*;

/// What is not in the spec itself: text in files of Rust and C, and a module that may be another one.
#[livepatch(license = "GPL")]
mod parts {
    mod tally {
        //! Counts.

        static SEEN: AtomicU32 = AtomicU32::new(0);

        /// One more.
        pub fn count() -> u32 {
            SEEN.fetch_add(1, Ordering::Relaxed)
        }

        #[allow(unused_imports)]
        use super::*;
    }

    #[symbols(vmlinux)]
    extern "C" {
        fn unexported_helper(value: c_int) -> c_int;
        fn atomic_notifier_chain_register_unique_prio(nh: *mut c_void, n: *mut c_void) -> c_int;
        // Only C names these, so nothing has to tell their types.
        fn no_btf_function() -> _;
        static console_printk: _;
        #[percpu]
        static cpu_number: _;
    }

    // SPDX-License-Identifier: GPL-2.0
    #[replace(vmlinux::cmdline_proc_show)]
    unsafe fn replace_cmdline_proc_show(m: *mut seq_file, value: *mut c_void) -> c_int {
        seq_printf(m, c"%d\n".as_ptr(), reckon(unexported_helper(2)));
        original(m, value)
    }

    #[c("parts.d/version.c")]
    extern "C" {
        #[replace(vmlinux::version_proc_show)]
        fn version_proc_show(m: *mut seq_file, v: *mut c_void) -> c_int;
    }

    #[symbols(dummy)]
    extern "C" {
        static dummy_count: c_ulong;
    }

    #[post(dummy::dummy_get_stats)]
    unsafe fn post_dummy_get_stats(m: *mut seq_file, stats: *mut dummy_stats, ret: c_int) {
        (*stats).bytes = dummy_count; tally::count();
    }

    #[pre_patch(dummy)]
    unsafe fn pre_patch_dummy() -> c_int {
        0
    }

    #[post_patch(dummy)]
    unsafe fn post_patch_dummy() {
        pr_info!("patched\n");
    }

    #[c("parts.d/helpers.c")]
    extern "C" {
        fn reckon(figure: c_int) -> c_int;
    }
}
