// SPDX-License-Identifier: GPL-2.0
// What the examples of this crate use of a kernel, as `kpsc` writes it into a patch crate.
#[repr(C)]
pub struct seq_file {
    _opaque: [u8; 128],
}
#[repr(C)]
pub struct sock {
    _opaque: [u8; 760],
}
#[repr(C)]
pub struct rq {
    pub nr_running: u32,
}
#[repr(C)]
pub struct klp_object {
    _opaque: [u8; 192],
}
extern "C" {
    pub fn seq_printf(m: *mut seq_file, f: *const core::ffi::c_char, ...);
}
