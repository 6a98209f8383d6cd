//! All that has an attribute, checked against the kernel of the tests.

#![allow(unexpected_cfgs)]

use kps::prelude::*;

/// Everything at once.
///
/// Only the first paragraph is the description.
#[livepatch(
    license = "GPL",
    author = "A <a@example.com>",
    author = "B",
    version = "1.0",
    fixes("CVE-2026-1"),
    fixes("CVE-2026-2"),
    kernel = "7.1 ..",
    atomic_replace(if verbose),
    family = all,
    over(other),
)]
mod everything {
    //! What stands here is a part of the comment.

    static SHOWN: AtomicU32 = AtomicU32::new(0);

    /// Whether to say more.
    #[kps::param(mode = 0o644)]
    static verbose: bool = false;

    #[param]
    static r#type: [c_int; 4] = [1, -2];

    #[shadow(on = seq_file, untied)]
    static hits: Shadow<AtomicU32> = Shadow::new(AtomicU32::new(0));

    #[state(id = 7, version = 2)]
    static level: State<c_int> = State {
        save: || console_printk[0],
        apply: |saved| {
            console_printk[0] = saved;
        },
        restore: |_| {},
    };

    #[symbols(vmlinux)]
    extern "C" {
        fn unexported_helper(value: c_int) -> c_int;
        static console_printk: [c_int; 4];
        static saved_command_line: *mut c_char;
    }

    /// Both hooks of one function.
    #[pre(vmlinux::cmdline_proc_show)]
    unsafe fn before(m: *mut seq_file, v: *mut c_void) -> c_int {
        if verbose.get() {
            return -EPERM;
        }
    }

    #[post(vmlinux::cmdline_proc_show)]
    unsafe fn after(m: *mut seq_file, v: *mut c_void, ret: c_int) {
        SHOWN.fetch_add(1, Ordering::Relaxed);
        ret = unexported_helper(ret + r#type.get(0).unwrap_or(0));
        if let Some(n) = hits.get_or_init(m, GFP_KERNEL) {
            n.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[kps::prelude::replace(vmlinux::version_proc_show)]
    unsafe extern "C" fn show(m: *mut seq_file, v: *mut c_void) -> c_int {
        seq_printf(m, c"%s\n".as_ptr(), saved_command_line);
        original(m, v)
    }

    #[pre(vmlinux::show_type@2)]
    unsafe fn empty(m: *mut seq_file) {}

    #[pre_patch(vmlinux)]
    unsafe fn may_begin(obj: *mut klp_object) -> c_int {
        if level.taken_over() {
            0
        } else {
            -EINVAL
        }
    }

    #[post_patch(vmlinux)]
    unsafe fn begun() {
        pr_info!("begun\n");
    }

    #[pre_unpatch(vmlinux)]
    unsafe fn ends(_obj: *mut klp_object) {}

    #[post_unpatch(vmlinux)]
    unsafe fn ended() {}
}

fn main() {}
