//! What a patch sets up for itself: `resource`.

/// What a patch sets up for itself.
#[kps::livepatch(license = "GPL", family = golden)]
mod resources {
    static OPEN: AtomicU32 = AtomicU32::new(0);

    macro_rules! one_less {
        ($count:expr) => {
            $count.fetch_sub(1, Ordering::Relaxed)
        };
    }

    #[resource]
    static lease: Resource<u32> = Resource {
        acquire: || {
            if OPEN.fetch_add(1, Ordering::Relaxed) > 0 {
                return Err(-EBUSY);
            }
            Ok(7)
        },
        release: |_| {
            one_less!(OPEN);
        },
    };

    #[resource]
    static number: Resource<u64> =
        Resource { acquire: || Ok(1), release: |_| {}, adopt: |earlier| Ok(earlier + 1) };

    #[post(vmlinux::cmdline_proc_show)]
    unsafe fn show(m: *mut seq_file, v: *mut c_void, ret: c_int) {
        if let Some(n) = number.get() {
            seq_printf(m, c"number %llu\n".as_ptr(), *n);
        }
    }
}
