// SPDX-License-Identifier: GPL-2.0
//! What the patch uses of the kernel, as its BTF says it.
#![allow(
    non_camel_case_types,
    non_upper_case_globals,
    improper_ctypes,
    missing_docs,
    dead_code
)]

use core::ffi::*;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct klp_patch {
    pub r#mod: *mut module,
    pub objs: *mut klp_object,
    pub states: *mut klp_state,
    pub replace: bool,
    pub _pad4: [u8; 175],
}

impl klp_patch {
    /// All members zero, as C leaves those that an initialiser does not mention.
    // SAFETY: zero is a value of every C type that a kernel struct is made of.
    pub const ZERO: Self = unsafe { core::mem::zeroed() };
}

const _: () = {
    let size = core::mem::size_of::<klp_patch>();
    assert!(size == 200);
    let align = core::mem::align_of::<klp_patch>();
    assert!(align == 8);
    assert!(core::mem::offset_of!(klp_patch, r#mod) == 0);
    assert!(core::mem::offset_of!(klp_patch, objs) == 8);
    assert!(core::mem::offset_of!(klp_patch, states) == 16);
    assert!(core::mem::offset_of!(klp_patch, replace) == 24);
};

#[repr(C)]
#[derive(Clone, Copy)]
pub struct module {
    pub _pad0: [u8; 1280],
    pub _align: [u64; 0],
}

const _: () = {
    let size = core::mem::size_of::<module>();
    assert!(size == 1280);
    let align = core::mem::align_of::<module>();
    assert!(align == 8);
};

#[repr(C)]
#[derive(Clone, Copy)]
pub struct klp_object {
    pub name: *const c_char,
    pub funcs: *mut klp_func,
    pub callbacks: klp_callbacks,
    pub _pad3: [u8; 112],
}

impl klp_object {
    /// All members zero, as C leaves those that an initialiser does not mention.
    // SAFETY: zero is a value of every C type that a kernel struct is made of.
    pub const ZERO: Self = unsafe { core::mem::zeroed() };
}

const _: () = {
    let size = core::mem::size_of::<klp_object>();
    assert!(size == 168);
    let align = core::mem::align_of::<klp_object>();
    assert!(align == 8);
    assert!(core::mem::offset_of!(klp_object, name) == 0);
    assert!(core::mem::offset_of!(klp_object, funcs) == 8);
    assert!(core::mem::offset_of!(klp_object, callbacks) == 16);
};

#[repr(C)]
#[derive(Clone, Copy)]
pub struct klp_state {
    pub _pad0: [u8; 24],
    pub _align: [u64; 0],
}

const _: () = {
    let size = core::mem::size_of::<klp_state>();
    assert!(size == 24);
    let align = core::mem::align_of::<klp_state>();
    assert!(align == 8);
};

#[repr(C)]
#[derive(Clone, Copy)]
pub struct klp_func {
    pub old_name: *const c_char,
    pub new_func: *mut c_void,
    pub old_sympos: c_ulong,
    pub _pad3: [u8; 128],
}

impl klp_func {
    /// All members zero, as C leaves those that an initialiser does not mention.
    // SAFETY: zero is a value of every C type that a kernel struct is made of.
    pub const ZERO: Self = unsafe { core::mem::zeroed() };
}

const _: () = {
    let size = core::mem::size_of::<klp_func>();
    assert!(size == 152);
    let align = core::mem::align_of::<klp_func>();
    assert!(align == 8);
    assert!(core::mem::offset_of!(klp_func, old_name) == 0);
    assert!(core::mem::offset_of!(klp_func, new_func) == 8);
    assert!(core::mem::offset_of!(klp_func, old_sympos) == 16);
};

#[repr(C)]
#[derive(Clone, Copy)]
pub struct klp_callbacks {
    pub pre_patch: klp_pre_patch_t,
    pub post_patch: klp_post_patch_t,
    pub pre_unpatch: klp_pre_unpatch_t,
    pub post_unpatch: klp_post_unpatch_t,
    pub _pad4: [u8; 8],
}

impl klp_callbacks {
    /// All members zero, as C leaves those that an initialiser does not mention.
    // SAFETY: zero is a value of every C type that a kernel struct is made of.
    pub const ZERO: Self = unsafe { core::mem::zeroed() };
}

const _: () = {
    let size = core::mem::size_of::<klp_callbacks>();
    assert!(size == 40);
    let align = core::mem::align_of::<klp_callbacks>();
    assert!(align == 8);
    assert!(core::mem::offset_of!(klp_callbacks, pre_patch) == 0);
    assert!(core::mem::offset_of!(klp_callbacks, post_patch) == 8);
    assert!(core::mem::offset_of!(klp_callbacks, pre_unpatch) == 16);
    assert!(core::mem::offset_of!(klp_callbacks, post_unpatch) == 24);
};

pub type klp_pre_patch_t = Option<unsafe extern "C" fn(*mut klp_object) -> c_int>;
pub type klp_post_patch_t = Option<unsafe extern "C" fn(*mut klp_object)>;
pub type klp_pre_unpatch_t = Option<unsafe extern "C" fn(*mut klp_object)>;
pub type klp_post_unpatch_t = Option<unsafe extern "C" fn(*mut klp_object)>;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kernel_param {
    pub name: *const c_char,
    pub r#mod: *mut module,
    pub ops: *const kernel_param_ops,
    pub perm: u16,
    pub level: i8,
    pub _pad5: [u8; 5],
    pub arg: *mut c_void,
}

impl kernel_param {
    /// All members zero, as C leaves those that an initialiser does not mention.
    // SAFETY: zero is a value of every C type that a kernel struct is made of.
    pub const ZERO: Self = unsafe { core::mem::zeroed() };
}

const _: () = {
    let size = core::mem::size_of::<kernel_param>();
    assert!(size == 40);
    let align = core::mem::align_of::<kernel_param>();
    assert!(align == 8);
    assert!(core::mem::offset_of!(kernel_param, name) == 0);
    assert!(core::mem::offset_of!(kernel_param, r#mod) == 8);
    assert!(core::mem::offset_of!(kernel_param, ops) == 16);
    assert!(core::mem::offset_of!(kernel_param, perm) == 24);
    assert!(core::mem::offset_of!(kernel_param, level) == 26);
    assert!(core::mem::offset_of!(kernel_param, arg) == 32);
};

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kernel_param_ops {
    pub _pad0: [u8; 16],
    pub get: Option<unsafe extern "C" fn(*mut c_char, *const kernel_param) -> c_int>,
    pub _pad2: [u8; 8],
}

const _: () = {
    let size = core::mem::size_of::<kernel_param_ops>();
    assert!(size == 32);
    let align = core::mem::align_of::<kernel_param_ops>();
    assert!(align == 8);
    assert!(core::mem::offset_of!(kernel_param_ops, get) == 16);
};

#[repr(C)]
#[derive(Clone, Copy)]
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
    pub const ZERO: Self = unsafe { core::mem::zeroed() };
}

const _: () = {
    let size = core::mem::size_of::<kparam_array>();
    assert!(size == 32);
    let align = core::mem::align_of::<kparam_array>();
    assert!(align == 8);
    assert!(core::mem::offset_of!(kparam_array, max) == 0);
    assert!(core::mem::offset_of!(kparam_array, elemsize) == 4);
    assert!(core::mem::offset_of!(kparam_array, num) == 8);
    assert!(core::mem::offset_of!(kparam_array, ops) == 16);
    assert!(core::mem::offset_of!(kparam_array, elem) == 24);
};

#[repr(C)]
#[derive(Clone, Copy)]
pub struct kernel_siginfo {
    pub _pad0: [u8; 48],
    pub _align: [u64; 0],
}

const _: () = {
    let size = core::mem::size_of::<kernel_siginfo>();
    assert!(size == 48);
    let align = core::mem::align_of::<kernel_siginfo>();
    assert!(align == 8);
};

#[repr(C)]
#[derive(Clone, Copy)]
pub struct task_struct {
    pub _pad0: [u8; 2876],
    pub tgid: pid_t,
    pub _pad2: [u8; 528],
    pub comm: [c_char; 16],
    pub _pad4: [u8; 96],
    pub signal: *mut signal_struct,
    pub _pad6: [u8; 2616],
}

const _: () = {
    let size = core::mem::size_of::<task_struct>();
    assert!(size == 6144);
    let align = core::mem::align_of::<task_struct>();
    assert!(align == 8);
    assert!(core::mem::offset_of!(task_struct, tgid) == 2876);
    assert!(core::mem::offset_of!(task_struct, comm) == 3408);
    assert!(core::mem::offset_of!(task_struct, signal) == 3520);
};

pub type pid_t = c_int;

#[repr(C)]
#[derive(Clone, Copy)]
pub struct signal_struct {
    pub _pad0: [u8; 1144],
    pub _align: [u64; 0],
}

const _: () = {
    let size = core::mem::size_of::<signal_struct>();
    assert!(size == 1144);
    let align = core::mem::align_of::<signal_struct>();
    assert!(align == 8);
};

pub type pid_type = c_uint;

extern "C" {
    pub fn __printk_ratelimit(func: *const c_char) -> c_int;
}
