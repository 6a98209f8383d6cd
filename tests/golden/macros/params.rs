//! Parameters of the module: `param`.

use kps::prelude::*;

/// Parameters of every kind, one of which decides whether the patch replaces others.
#[livepatch(license = "GPL", atomic_replace(if verbose))]
mod params {
    /// Whether to say more.
    #[param(mode = 0o644)]
    static verbose: bool = false;

    #[param]
    static ratio: i16 = -3;

    #[param(mode = 0o600)]
    static levels: [c_int; 4] = [1, 0x10];

    #[param]
    static device: charp = "eth0";

    #[param(mode = 0o640)]
    static label: charp = "\"none\"";

    #[param]
    static r#type: u8 = 0;

    #[post(vmlinux::cmdline_proc_show)]
    unsafe fn show(m: *mut seq_file, v: *mut c_void, ret: c_int) {
        if verbose.get() || r#type.get() == 1 {
            let first = levels.get(0).unwrap_or(ratio.get().into());
            seq_printf(m, c"%d %s\n".as_ptr(), first, device.get().as_ptr());
        }
        label.with(|text| unsafe { seq_printf(m, c"%s\n".as_ptr(), text.as_ptr()) });
    }
}
