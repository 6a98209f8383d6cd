//! The livepatch `shapes`.

use kps::prelude::*;

/// Every shape of generated code: a new body, hooks before, after and around, callbacks, symbols of both kinds.
#[livepatch(
    license = "GPL",
    author = "Somebody <somebody@example.com>",
    version = "1.0",
    kernel = "7.3",
    fixes("CVE-2026-0001"),
    atomic_replace
)]
mod shapes {
    static SEEN: AtomicU32 = AtomicU32::new(0);

    #[symbols(vmlinux)]
    extern "C" {
        static console_printk: [c_int; 4];
        fn unexported_helper(value: c_int) -> c_int;
    }

    #[replace(vmlinux::cmdline_proc_show)]
    unsafe fn replace_cmdline_proc_show(m: *mut seq_file, v: *mut c_void) -> c_int {
        SEEN.fetch_add(1, Ordering::Relaxed);
        let raw = c"spans
 two lines\n";
        seq_printf(m, raw.as_ptr());
        original(m, v)
    }

    #[pre(vmlinux::do_sys_openat2)]
    unsafe fn pre_do_sys_openat2(dfd: c_int, filename: *const c_char, how: *mut open_how) -> c_int {
        if (*how).flags > 4096 { return -EINVAL; }
    }

    #[post(vmlinux::do_sys_openat2)]
    unsafe fn post_do_sys_openat2(
        dfd: c_int,
        filename: *const c_char,
        how: *mut open_how,
        mut ret: c_int,
    ) {
        if ret < 0 { ret = unexported_helper(ret); }
    }

    #[pre(vmlinux::eight_arguments)]
    unsafe fn pre_eight_arguments(
        a: c_long,
        b: c_long,
        c: c_long,
        d: c_long,
        e: c_long,
        f: c_long,
        g: c_long,
        mut h: c_long,
    ) -> c_long {
        h = a;
    }

    #[pre(vmlinux::takes_sockptr)]
    unsafe fn pre_takes_sockptr(optval: sockptr_t) -> c_int {
        if optval.is_kernel { return -EINVAL; }
    }

    #[pre(vmlinux::sys_openat2)]
    unsafe fn pre_sys_openat2(
        mut dfd: c_int,
        filename: UserPtr<c_char>,
        how: UserPtr<open_how>,
        usize: usize,
    ) -> c_long {
        dfd = PIDTYPE_TGID as c_int;
    }

    #[post(vmlinux::sys_openat2)]
    unsafe fn post_sys_openat2(
        dfd: c_int,
        filename: UserPtr<c_char>,
        how: UserPtr<open_how>,
        usize: usize,
        mut ret: c_long,
    ) {
        if how.is_null() { ret = -1; }
    }

    #[replace(vmlinux::sys_unsaid)]
    unsafe fn replace_sys_unsaid(
        r#type: c_int,
        handler: Option<unsafe extern "C" fn(c_int)>,
    ) -> c_long {
        if handler.is_some() { original(r#type, None) } else { 0 }
    }

    #[pre(vmlinux::sys_getpid)]
    unsafe fn pre_sys_getpid() -> c_long {
        if SEEN.load(Ordering::Relaxed) > 9 { return 1; }
    }

    #[post(vmlinux::returns_timespec)]
    unsafe fn post_returns_timespec(mut ret: timespec64) {
        ret.tv_nsec = 0;
    }

    #[pre(vmlinux::show_type@2)]
    unsafe fn pre_show_type(m: *mut seq_file) {
        (*m).count = 0;
    }

    #[post(vmlinux::show_type@1)]
    unsafe fn post_show_type(m: *mut seq_file) {
        do_nothing();
    }

    #[post(vmlinux::clone_me.isra.0)]
    unsafe fn post_clone_me_isra_0(m: *mut seq_file, v: *mut c_void, mut ret: c_int) {
        if (*(*m).file).f_pos == PIDTYPE_TGID as i64 { ret = 0; }
    }

    #[post(vmlinux::odd_names)]
    unsafe fn post_odd_names(
        r#type: c_int,
        self_: c_int,
        ret_: c_int,
        arg3: c_int,
        r#match: c_int,
        original_: c_int,
        mut ret: c_int,
    ) {
        ret = r#type + self_ + ret_ + arg3 + r#match + original_;
    }

    #[pre_patch(vmlinux)]
    unsafe fn pre_patch(obj: *mut klp_object) -> c_int {
        if obj.is_null() { return -EINVAL; } 0
    }

    #[post_unpatch(vmlinux)]
    unsafe fn post_unpatch() {
        console_printk[0] = 4;
    }
}
