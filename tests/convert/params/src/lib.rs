//! The livepatch `params`.

use kps::prelude::*;

/// Parameters of every kind, one of which decides whether the patch replaces others.
#[livepatch(license = "GPL", atomic_replace(if ratio))]
mod params {
    /// log every hit
    #[param(mode = 0o644)]
    static verbose: bool = false;

    #[param]
    static ratio: i16 = -3;

    /// of them: at most
    #[param(mode = 0)]
    static most: u64 = 18_446_744_073_709_551_615;

    /// the levels
    #[param(mode = 0o600)]
    static levels: [c_int; 4] = [1, 0x10];

    #[param]
    static flags: [bool; 2] = [];

    #[param]
    static device: charp = "eth0";

    /// shown at the end
    #[param(mode = 0o640)]
    static label: charp = "\"none\"";

    #[param]
    static r#type: u8 = 0;

    #[param]
    static param_ops_byte: bool = true;

    #[post(vmlinux::cmdline_proc_show)]
    unsafe fn post_cmdline_proc_show(m: *mut seq_file, v: *mut c_void, mut ret: c_int) {
        if verbose.get() {
            seq_printf(m, c"%d of %d\n".as_ptr(), levels.get(0).unwrap_or(ratio.get().into()), levels.len() as c_int);
        }
        if flags.get(1) == Some(true) || most.get() > 4 || r#type.get() == 1 || param_ops_byte.get() { ret = 1; }
        seq_printf(m, c"%s\n".as_ptr(), device.get().as_ptr());
        label.with(|text| unsafe { seq_printf(m, c"%s\n".as_ptr(), text.as_ptr()) });
    }
}
