//! The livepatch `everything`.

use kps::prelude::*;

/// Everything that this version of the language has, and nothing wrong with it.
#[livepatch(
    license = "GPL",
    author = "Somebody <somebody@example.com>",
    author = "Somebody Else",
    version = "1.2.0",
    fixes("CVE-2026-0001", "CVE-2026-0002"),
    kernel = "7.3",
    require(CONFIG_INET, CONFIG_HZ = "250"),
    atomic_replace
)]
mod everything {
    /// A plain Rust item.
    static SEEN: AtomicU32 = AtomicU32::new(0);
    const LIMIT: u64 = { 4096 };

    unsafe fn note(m: *mut seq_file) {
        seq_printf(m, c"seen %u\n".as_ptr(), SEEN.load(Ordering::Relaxed));
    }

    #[resource]
    static lease: Resource<*mut seq_file> = Resource {
        acquire: || {
            if LIMIT == 0 { return Err(-ENOMEM); } Ok(null_mut())
        },
        release: |file| {
            pr_info!("{}\n", file.is_null());
        },
        adopt: |file| { Ok(file) },
    };

    #[symbols(vmlinux)]
    extern "C" {
        static console_printk: [i32; 4];
        static saved_command_line: *const c_char;
        fn unexported_helper(value: c_int) -> c_int;
        fn no_btf_function(m: *mut seq_file) -> c_int;
    }

    #[replace(vmlinux::cmdline_proc_show)]
    unsafe fn replace_cmdline_proc_show(m: *mut seq_file, v: *mut c_void) -> c_int {
        SEEN.fetch_add(1, Ordering::Relaxed);
        note(m);
        seq_printf(m, c"%s\n".as_ptr(), saved_command_line);
        original(m, v)
    }

    #[pre(vmlinux::do_sys_openat2)]
    unsafe fn pre_do_sys_openat2(dfd: c_int, filename: *const c_char, how: *mut open_how) -> c_int {
        if (*how).flags > LIMIT { return -EINVAL; }
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

    #[pre(vmlinux::show_type@2)]
    unsafe fn pre_show_type(m: *mut seq_file) {
        (*m).count = 0;
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

    #[pre_patch(vmlinux)]
    unsafe fn pre_patch() -> c_int {
        if console_printk[0] > PIDTYPE_TGID as i32 { return -EBUSY; } 0
    }

    #[post_patch(vmlinux)]
    unsafe fn post_patch() {
        console_printk[0] = 7;
    }

    #[pre_unpatch(vmlinux)]
    unsafe fn pre_unpatch(obj: *mut klp_object) {
        pr_info!("{}\n", (*obj).name.is_null());
    }

    #[post_unpatch(vmlinux)]
    unsafe fn post_unpatch() {}
}
