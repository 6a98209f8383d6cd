//! What runs before, after and in the place of functions: `pre`, `post`, `replace`.

/// Functions that change.
#[kps::livepatch(license = "GPL", author = "A", version = "1", fixes("CVE-2026-1"), kernel = "7.3", over(other))]
mod hooks {
    static CALLS: AtomicU32 = AtomicU32::new(0);

    #[pre(vmlinux::meminfo_proc_show)]
    unsafe fn refuse(m: *mut seq_file, v: *mut c_void) -> c_int {
        if CALLS.fetch_add(1, Ordering::Relaxed) > 8 {
            return -EPERM;
        }
    }

    #[pre(vmlinux::cmdline_proc_show)]
    unsafe fn count(m: *mut seq_file, v: *mut c_void) -> c_int {
        CALLS.fetch_add(1, Ordering::Relaxed);
    }

    #[post(vmlinux::cmdline_proc_show)]
    unsafe fn mark(m: *mut seq_file, v: *mut c_void, mut ret: c_int) {
        if ret == 0 {
            seq_printf(m, c"kps=1\n".as_ptr());
        }
        ret = 0;
    }

    #[replace(vmlinux::version_proc_show)]
    unsafe fn show(m: *mut seq_file, v: *mut c_void) -> c_int {
        original(m, v)
    }

    #[pre(vmlinux::show_type@2)]
    unsafe fn empty(m: *mut seq_file) {}
}
