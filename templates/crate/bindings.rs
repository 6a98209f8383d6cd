//! What the patch uses of the kernel, as its BTF says it.
//! Until `kpsc sync` has read a target, there are only names.

#[repr(C)]
pub struct seq_file {
    _opaque: [u8; 0],
}
extern "C" {
    pub fn seq_printf(m: *mut seq_file, f: *const core::ffi::c_char, ...);
}
