//! A resource that nothing releases.

/// A resource that nothing releases.
#[kps::livepatch(license = "GPL")]
mod fix {
    #[resource]
    static kept: Resource<u32> = Resource { acquire: || Ok(1) };
}

fn main() {}
