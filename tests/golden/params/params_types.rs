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
pub struct kernel_param {
    pub name: *const c_char,
    pub r#mod: *mut c_void,
    pub ops: *const kernel_param_ops,
    pub perm: u16,
    pub level: i8,
    pub flags: u8,
    pub _pad6: [u8; 4],
    pub arg: *mut c_void,
}

impl kernel_param {
    /// All members zero, as C leaves those that an initialiser does not mention.
    // SAFETY: zero is a value of every C type that a kernel struct is made of.
    pub const ZERO: Self = unsafe { ::core::mem::zeroed() };
}

const _: () = {
    ::core::assert!(::core::mem::size_of:: < kernel_param > () == 40);
    ::core::assert!(::core::mem::align_of:: < kernel_param > () == 8);
    ::core::assert!(::core::mem::offset_of!(kernel_param, name) == 0);
    ::core::assert!(::core::mem::offset_of!(kernel_param, r#mod) == 8);
    ::core::assert!(::core::mem::offset_of!(kernel_param, ops) == 16);
    ::core::assert!(::core::mem::offset_of!(kernel_param, perm) == 24);
    ::core::assert!(::core::mem::offset_of!(kernel_param, level) == 26);
    ::core::assert!(::core::mem::offset_of!(kernel_param, flags) == 27);
    ::core::assert!(::core::mem::offset_of!(kernel_param, arg) == 32);
};

#[repr(C)]
pub struct kernel_param_ops {
    _opaque: [u8; 0],
}

#[repr(C)]
#[derive(::core::clone::Clone, ::core::marker::Copy)]
pub struct kparam_array {
    pub max: c_uint,
    pub elemsize: c_uint,
    pub num: *mut c_uint,
    pub ops: *const kernel_param_ops,
    pub elem: *mut c_void,
}

impl kparam_array {
    /// All members zero, as C leaves those that an initialiser does not mention.
    // SAFETY: zero is a value of every C type that a kernel struct is made of.
    pub const ZERO: Self = unsafe { ::core::mem::zeroed() };
}

const _: () = {
    ::core::assert!(::core::mem::size_of:: < kparam_array > () == 32);
    ::core::assert!(::core::mem::align_of:: < kparam_array > () == 8);
    ::core::assert!(::core::mem::offset_of!(kparam_array, max) == 0);
    ::core::assert!(::core::mem::offset_of!(kparam_array, elemsize) == 4);
    ::core::assert!(::core::mem::offset_of!(kparam_array, num) == 8);
    ::core::assert!(::core::mem::offset_of!(kparam_array, ops) == 16);
    ::core::assert!(::core::mem::offset_of!(kparam_array, elem) == 24);
};

#[repr(C)]
#[derive(::core::clone::Clone, ::core::marker::Copy)]
pub struct seq_file {
    pub _pad0: [u8; 48],
    pub _align: [u64; 0],
}

const _: () = {
    ::core::assert!(::core::mem::size_of:: < seq_file > () == 48);
    ::core::assert!(::core::mem::align_of:: < seq_file > () == 8);
};

extern "C" {
    pub fn seq_printf(m: *mut seq_file, f: *const c_char, ...);
}
