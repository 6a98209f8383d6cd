//! Resources that lack something or have too much.

/// Resources that lack something or have too much.
#[kps::livepatch(license = "GPL")]
mod fix {
    #[resource(id = 1)]
    static numbered: Resource<u32> = Resource { acquire: || Ok(1), release: |_| {} };

    #[resource]
    static untyped: State<u32> = Resource { acquire: || Ok(1), release: |_| {} };

    #[resource]
    static computed: Resource<u32> = Resource::new(1);

    #[resource]
    static restored: Resource<u32> = Resource { acquire: || Ok(1), restore: |_| {} };

    #[resource]
    static captures: Resource<u32> = Resource { acquire: move || Ok(1), release: |_| {} };

    #[resource]
    fn misplaced() {}

    #[post(vmlinux::version_proc_show)]
    unsafe fn show(m: *mut seq_file, v: *mut c_void, ret: c_int) {}
}

fn main() {}
