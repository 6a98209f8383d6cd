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
    pub _pad0: [u8; 16],
    pub mem: [module_memory; 3],
}

impl module {
    /// All members zero, as C leaves those that an initialiser does not mention.
    // SAFETY: zero is a value of every C type that a kernel struct is made of.
    pub const ZERO: Self = unsafe { ::core::mem::zeroed() };
}

const _: () = {
    ::core::assert!(::core::mem::size_of:: < module > () == 64);
    ::core::assert!(::core::mem::align_of:: < module > () == 8);
    ::core::assert!(::core::mem::offset_of!(module, mem) == 16);
};

#[repr(C)]
#[derive(::core::clone::Clone, ::core::marker::Copy)]
pub struct klp_object {
    pub name: *const c_char,
    pub funcs: *mut klp_func,
    pub callbacks: klp_callbacks,
    pub _pad3: [u8; 96],
    pub r#mod: *mut module,
    pub _pad5: [u8; 8],
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
    ::core::assert!(::core::mem::offset_of!(klp_object, r#mod) == 152);
};

#[repr(C)]
#[derive(::core::clone::Clone, ::core::marker::Copy)]
pub struct klp_func {
    pub old_name: *const c_char,
    pub new_func: *mut c_void,
    pub old_sympos: c_ulong,
    pub old_func: *mut c_void,
    pub _pad4: [u8; 96],
    pub old_size: c_ulong,
    pub new_size: c_ulong,
    pub _pad7: [u8; 8],
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
    ::core::assert!(::core::mem::offset_of!(klp_func, old_func) == 24);
    ::core::assert!(::core::mem::offset_of!(klp_func, old_size) == 128);
    ::core::assert!(::core::mem::offset_of!(klp_func, new_size) == 136);
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
pub struct module_memory {
    pub base: *mut c_void,
    pub size: c_uint,
    pub _pad2: [u8; 4],
}

impl module_memory {
    /// All members zero, as C leaves those that an initialiser does not mention.
    // SAFETY: zero is a value of every C type that a kernel struct is made of.
    pub const ZERO: Self = unsafe { ::core::mem::zeroed() };
}

const _: () = {
    ::core::assert!(::core::mem::size_of:: < module_memory > () == 16);
    ::core::assert!(::core::mem::align_of:: < module_memory > () == 8);
    ::core::assert!(::core::mem::offset_of!(module_memory, base) == 0);
    ::core::assert!(::core::mem::offset_of!(module_memory, size) == 8);
};

#[repr(C)]
#[derive(::core::clone::Clone, ::core::marker::Copy)]
pub struct seq_file {
    pub _pad0: [u8; 16],
    pub count: usize,
    pub _pad2: [u8; 24],
}

const _: () = {
    ::core::assert!(::core::mem::size_of:: < seq_file > () == 48);
    ::core::assert!(::core::mem::align_of:: < seq_file > () == 8);
    ::core::assert!(::core::mem::offset_of!(seq_file, count) == 16);
};

#[repr(C)]
#[derive(::core::clone::Clone, ::core::marker::Copy)]
pub struct dummy_stats {
    pub _pad0: [u8; 8],
    pub bytes: c_ulong,
}

const _: () = {
    ::core::assert!(::core::mem::size_of:: < dummy_stats > () == 16);
    ::core::assert!(::core::mem::align_of:: < dummy_stats > () == 8);
    ::core::assert!(::core::mem::offset_of!(dummy_stats, bytes) == 8);
};

extern "C" {
    #[link_name = "kps.sym.7358a4b16a71c58a"]
    pub fn atomic_notifier_chain_register_unique_prio(
        nh: *mut c_void,
        n: *mut c_void,
    ) -> c_int;

    #[link_name = "kps_fn_reckon"]
    pub fn reckon(figure: c_int) -> c_int;

    pub fn seq_printf(m: *mut seq_file, f: *const c_char, ...);

    #[link_name = "kps.sym.vmlinux.unexported_helper,0"]
    pub fn unexported_helper(value: c_int) -> c_int;
}
