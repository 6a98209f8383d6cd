// SPDX-License-Identifier: GPL-2.0
//! What the patch uses of the kernel, as its BTF says it.
#![allow(
    non_camel_case_types,
    non_upper_case_globals,
    improper_ctypes,
    missing_docs,
    dead_code
)]

use ::core::ffi::*;

#[repr(C)]
#[derive(::core::clone::Clone, ::core::marker::Copy)]
pub struct klp_patch {
    pub r#mod: *mut module,
    pub objs: *mut klp_object,
    pub states: *mut c_void,
    pub replace: bool,
    pub _pad4: [u8; 175],
}

impl klp_patch {
    /// All members zero, as C leaves those that an initialiser does not mention.
    // SAFETY: zero is a value of every C type that a kernel struct is made of.
    pub const ZERO: Self = unsafe { ::core::mem::zeroed() };
}

const _: () = {
    ::core::assert!(::core::mem::size_of:: < klp_patch > () == 200);
    ::core::assert!(::core::mem::align_of:: < klp_patch > () == 8);
    ::core::assert!(::core::mem::offset_of!(klp_patch, r#mod) == 0);
    ::core::assert!(::core::mem::offset_of!(klp_patch, objs) == 8);
    ::core::assert!(::core::mem::offset_of!(klp_patch, states) == 16);
    ::core::assert!(::core::mem::offset_of!(klp_patch, replace) == 24);
};

#[repr(C)]
#[derive(::core::clone::Clone, ::core::marker::Copy)]
pub struct module {
    pub _pad0: [u8; 64],
    pub _align: [u64; 0],
}

const _: () = {
    ::core::assert!(::core::mem::size_of:: < module > () == 64);
    ::core::assert!(::core::mem::align_of:: < module > () == 8);
};

#[repr(C)]
#[derive(::core::clone::Clone, ::core::marker::Copy)]
pub struct klp_object {
    pub name: *const c_char,
    pub funcs: *mut klp_func,
    pub callbacks: klp_callbacks,
    pub _pad3: [u8; 112],
}

impl klp_object {
    /// All members zero, as C leaves those that an initialiser does not mention.
    // SAFETY: zero is a value of every C type that a kernel struct is made of.
    pub const ZERO: Self = unsafe { ::core::mem::zeroed() };
}

const _: () = {
    ::core::assert!(::core::mem::size_of:: < klp_object > () == 168);
    ::core::assert!(::core::mem::align_of:: < klp_object > () == 8);
    ::core::assert!(::core::mem::offset_of!(klp_object, name) == 0);
    ::core::assert!(::core::mem::offset_of!(klp_object, funcs) == 8);
    ::core::assert!(::core::mem::offset_of!(klp_object, callbacks) == 16);
};

#[repr(C)]
#[derive(::core::clone::Clone, ::core::marker::Copy)]
pub struct klp_func {
    pub old_name: *const c_char,
    pub new_func: *mut c_void,
    pub old_sympos: c_ulong,
    pub _pad3: [u8; 128],
}

impl klp_func {
    /// All members zero, as C leaves those that an initialiser does not mention.
    // SAFETY: zero is a value of every C type that a kernel struct is made of.
    pub const ZERO: Self = unsafe { ::core::mem::zeroed() };
}

const _: () = {
    ::core::assert!(::core::mem::size_of:: < klp_func > () == 152);
    ::core::assert!(::core::mem::align_of:: < klp_func > () == 8);
    ::core::assert!(::core::mem::offset_of!(klp_func, old_name) == 0);
    ::core::assert!(::core::mem::offset_of!(klp_func, new_func) == 8);
    ::core::assert!(::core::mem::offset_of!(klp_func, old_sympos) == 16);
};

#[repr(C)]
#[derive(::core::clone::Clone, ::core::marker::Copy)]
pub struct klp_callbacks {
    pub pre_patch: ::core::option::Option<
        unsafe extern "C" fn(*mut klp_object) -> c_int,
    >,
    pub post_patch: ::core::option::Option<unsafe extern "C" fn(*mut klp_object)>,
    pub pre_unpatch: ::core::option::Option<unsafe extern "C" fn(*mut klp_object)>,
    pub post_unpatch: ::core::option::Option<unsafe extern "C" fn(*mut klp_object)>,
    pub _pad4: [u8; 8],
}

impl klp_callbacks {
    /// All members zero, as C leaves those that an initialiser does not mention.
    // SAFETY: zero is a value of every C type that a kernel struct is made of.
    pub const ZERO: Self = unsafe { ::core::mem::zeroed() };
}

const _: () = {
    ::core::assert!(::core::mem::size_of:: < klp_callbacks > () == 40);
    ::core::assert!(::core::mem::align_of:: < klp_callbacks > () == 8);
    ::core::assert!(::core::mem::offset_of!(klp_callbacks, pre_patch) == 0);
    ::core::assert!(::core::mem::offset_of!(klp_callbacks, post_patch) == 8);
    ::core::assert!(::core::mem::offset_of!(klp_callbacks, pre_unpatch) == 16);
    ::core::assert!(::core::mem::offset_of!(klp_callbacks, post_unpatch) == 24);
};

#[repr(C)]
#[derive(::core::clone::Clone, ::core::marker::Copy)]
pub struct seq_file {
    pub _pad0: [u8; 16],
    pub count: usize,
    pub _pad2: [u8; 16],
    pub file: *mut file,
}

const _: () = {
    ::core::assert!(::core::mem::size_of:: < seq_file > () == 48);
    ::core::assert!(::core::mem::align_of:: < seq_file > () == 8);
    ::core::assert!(::core::mem::offset_of!(seq_file, count) == 16);
    ::core::assert!(::core::mem::offset_of!(seq_file, file) == 40);
};

#[repr(C)]
#[derive(::core::clone::Clone, ::core::marker::Copy)]
pub struct file {
    pub _pad0: [u8; 8],
    pub f_pos: loff_t,
}

const _: () = {
    ::core::assert!(::core::mem::size_of:: < file > () == 16);
    ::core::assert!(::core::mem::align_of:: < file > () == 8);
    ::core::assert!(::core::mem::offset_of!(file, f_pos) == 8);
};

pub type loff_t = c_long;

#[repr(C)]
#[derive(::core::clone::Clone, ::core::marker::Copy)]
pub struct open_how {
    pub flags: c_ulong,
    pub _pad1: [u8; 16],
}

const _: () = {
    ::core::assert!(::core::mem::size_of:: < open_how > () == 24);
    ::core::assert!(::core::mem::align_of:: < open_how > () == 8);
    ::core::assert!(::core::mem::offset_of!(open_how, flags) == 0);
};

#[repr(C)]
#[derive(::core::clone::Clone, ::core::marker::Copy)]
pub struct sockptr_t {
    pub _pad0: [u8; 8],
    pub is_kernel: bool,
    pub _pad2: [u8; 7],
    pub _align: [u64; 0],
}

const _: () = {
    ::core::assert!(::core::mem::size_of:: < sockptr_t > () == 16);
    ::core::assert!(::core::mem::align_of:: < sockptr_t > () == 8);
    ::core::assert!(::core::mem::offset_of!(sockptr_t, is_kernel) == 8);
};

#[repr(C)]
#[derive(::core::clone::Clone, ::core::marker::Copy)]
pub struct pt_regs {
    pub _pad0: [u8; 56],
    pub r10: c_ulong,
    pub r9: c_ulong,
    pub r8: c_ulong,
    pub _pad4: [u8; 16],
    pub dx: c_ulong,
    pub si: c_ulong,
    pub di: c_ulong,
    pub _pad8: [u8; 48],
}

impl pt_regs {
    /// All members zero, as C leaves those that an initialiser does not mention.
    // SAFETY: zero is a value of every C type that a kernel struct is made of.
    pub const ZERO: Self = unsafe { ::core::mem::zeroed() };
}

const _: () = {
    ::core::assert!(::core::mem::size_of:: < pt_regs > () == 168);
    ::core::assert!(::core::mem::align_of:: < pt_regs > () == 8);
    ::core::assert!(::core::mem::offset_of!(pt_regs, r10) == 56);
    ::core::assert!(::core::mem::offset_of!(pt_regs, r9) == 64);
    ::core::assert!(::core::mem::offset_of!(pt_regs, r8) == 72);
    ::core::assert!(::core::mem::offset_of!(pt_regs, dx) == 96);
    ::core::assert!(::core::mem::offset_of!(pt_regs, si) == 104);
    ::core::assert!(::core::mem::offset_of!(pt_regs, di) == 112);
};

#[repr(C)]
#[derive(::core::clone::Clone, ::core::marker::Copy)]
pub struct timespec64 {
    pub _pad0: [u8; 8],
    pub tv_nsec: c_long,
}

const _: () = {
    ::core::assert!(::core::mem::size_of:: < timespec64 > () == 16);
    ::core::assert!(::core::mem::align_of:: < timespec64 > () == 8);
    ::core::assert!(::core::mem::offset_of!(timespec64, tv_nsec) == 8);
};

pub type pid_type = c_int;
pub const PIDTYPE_TGID: c_int = 1;

extern "C" {
    pub fn do_nothing();
    pub fn seq_printf(m: *mut seq_file, f: *const c_char, ...);

    #[link_name = "kps.sym.vmlinux.unexported_helper,0"]
    pub fn unexported_helper(value: c_int) -> c_int;

    #[link_name = "kps.sym.vmlinux.console_printk,0"]
    pub static mut console_printk: [c_int; 4];
}
