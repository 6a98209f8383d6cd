// SPDX-License-Identifier: GPL-2.0
/*
 * Kept for the vendor.
 */
// And one that describes nothing.
//! The livepatch `comments`.

use kps::prelude::*;

/// Comments wherever a spec may have them.
///
/// A second paragraph.
#[livepatch(
    // what the kernel asks for
    // of the whole
    license = "GPL",
    author = "Somebody \"quoted\" <somebody@example.com>",
    kernel = "7.3",
    // This describes no argument.
    //////// Nor this,
    /* nor this. */
    // a slow one
    require(CONFIG_INET, CONFIG_HZ = "250"),
    // for tests
    atomic_replace(if alone)
)]
mod comments {
    // the same
    // of a parameter
    /// take the place of others
    #[param(mode = 0o644)]
    static alone: bool = false;

    #[param]
    static r#type: u8 = 1;

    /// Adds one,
    /// and no more.
    macro_rules! add {
        ($count:expr) => {
            $count.fetch_add(1, Ordering::Relaxed)
        };
    }
    //////// Two that belong together.
    static FIRST: AtomicU32 = AtomicU32::new(0);
    static pre_cmdline_proc_show: AtomicU32 = AtomicU32::new(0);

    use core::cmp::min;

    /* Its file is in a folder. */
    mod shared {
        //! What bodies share.

        /// Counts with the macro of the spec.
        pub fn count(by: c_int) -> c_int {
            add!(FIRST);
            by
        }

        #[allow(unused_imports)]
        use super::*;
    }

    #[symbols(vmlinux)]
    extern "C" {
        // about the image
        // all of it
        // not exported
        static console_printk: [c_int; 4];
        // known from BTF
        fn unexported_helper(value: c_int) -> c_int;
    }

    /// Shows the line.
    // known from BTF
    // first
    #[pre(vmlinux::cmdline_proc_show)]
    unsafe fn pre_cmdline_proc_show_vmlinux(m: *mut seq_file, v: *mut c_void) -> c_int { // behind the brace
        /* inside */
        add!(pre_cmdline_proc_show);
        if min(1, 2) == 3 { return -EINVAL; }
    }

    /*
     * then
     *   this
     */
    #[post(vmlinux::cmdline_proc_show)]
    unsafe fn post_cmdline_proc_show(m: *mut seq_file, v: *mut c_void, mut ret: c_int) {
        let text = c"starts here
  and goes on\n";
        seq_printf(m, text.as_ptr());
        ret = shared::count(ret);
    }

    // the second
    #[pre(vmlinux::show_type@2)]
    unsafe fn pre_show_type(mut m: *mut seq_file) {
        m = m;
    }

    #[pre(vmlinux::show_type@1)]
    unsafe fn pre_show_type_vmlinux(m: *mut seq_file) {}

    // One function.
    /// Shows the version,
    /* and more, */
    // open
    #[replace(vmlinux::version_proc_show)]
    unsafe fn replace_version_proc_show(mut file: *mut seq_file, _v: *mut c_void) -> c_int {
        file = file;
        original(file, _v) // as it was
    }

    // may refuse
    #[pre_patch(vmlinux)]
    unsafe fn pre_patch(obj: *mut klp_object) -> c_int {
        pr_info!("{obj:p}\n"); 0
    }

    #[pre(dummy::dummy_get_stats)]
    unsafe fn pre_dummy_get_stats(
        m: *mut seq_file,
        stats: *mut dummy_stats /* of the module */,
    ) -> c_int {}

    #[pre_patch(dummy)]
    unsafe fn pre_patch_dummy() -> c_int {
        0
    }
}
