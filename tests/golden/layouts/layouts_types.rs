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
pub struct bpf_attr {
    pub _pad0: [u8; 12],
    pub max_entries: u32,
    pub _align: [u64; 0],
}

const _: () = {
    ::core::assert!(::core::mem::size_of:: < bpf_attr > () == 16);
    ::core::assert!(::core::mem::align_of:: < bpf_attr > () == 8);
    ::core::assert!(::core::mem::offset_of!(bpf_attr, max_entries) == 12);
};

#[repr(C, packed(1))]
#[derive(::core::clone::Clone, ::core::marker::Copy)]
pub struct screen_info {
    pub _pad0: [u8; 1],
    pub how: open_how,
}

const _: () = {
    ::core::assert!(::core::mem::size_of:: < screen_info > () == 25);
    ::core::assert!(::core::mem::align_of:: < screen_info > () == 1);
    ::core::assert!(::core::mem::offset_of!(screen_info, how) == 1);
};

#[repr(C)]
#[derive(::core::clone::Clone, ::core::marker::Copy)]
pub struct open_how {
    pub _pad0: [u8; 8],
    pub mode: c_ulong,
    pub _pad2: [u8; 8],
}

const _: () = {
    ::core::assert!(::core::mem::size_of:: < open_how > () == 24);
    ::core::assert!(::core::mem::align_of:: < open_how > () == 8);
    ::core::assert!(::core::mem::offset_of!(open_how, mode) == 8);
};

#[repr(C)]
#[derive(::core::clone::Clone, ::core::marker::Copy)]
pub struct remap_data {
    pub _pad0: [u8; 64],
    pub prot: c_ulong,
    pub _pad2: [u8; 32],
}

const _: () = {
    ::core::assert!(::core::mem::size_of:: < remap_data > () == 104);
    ::core::assert!(::core::mem::align_of:: < remap_data > () == 8);
    ::core::assert!(::core::mem::offset_of!(remap_data, prot) == 64);
};

#[repr(C)]
#[derive(::core::clone::Clone, ::core::marker::Copy)]
pub struct seq_file {
    pub _pad0: [u8; 8],
    pub size: usize,
    pub _pad2: [u8; 24],
    pub file: *mut file,
}

const _: () = {
    ::core::assert!(::core::mem::size_of:: < seq_file > () == 48);
    ::core::assert!(::core::mem::align_of:: < seq_file > () == 8);
    ::core::assert!(::core::mem::offset_of!(seq_file, size) == 8);
    ::core::assert!(::core::mem::offset_of!(seq_file, file) == 40);
};

#[repr(C)]
#[derive(::core::clone::Clone, ::core::marker::Copy)]
pub struct file {
    pub _pad0: [u8; 16],
    pub _align: [u64; 0],
}

const _: () = {
    ::core::assert!(::core::mem::size_of:: < file > () == 16);
    ::core::assert!(::core::mem::align_of:: < file > () == 8);
};

#[repr(C)]
#[derive(::core::clone::Clone, ::core::marker::Copy)]
pub struct sk_buff {
    pub next: *mut c_void,
    pub prev: *mut c_void,
    pub dev: *mut c_void,
    pub _pad3: [u8; 20],
    pub users: c_int,
    pub head: super::kps::user::UserPtr<u8>,
    pub _pad6: [u8; 8],
    pub data: super::kps::flexible_array::FlexibleArray<u8>,
}

impl sk_buff {
    /// The bitfield `fclone`.
    #[inline(always)]
    pub fn fclone(&self) -> u8 {
        // SAFETY: the bits are in the struct of the one kernel that the patch can be loaded into.
        unsafe { super::kps::bitfield::read(self, 225, 2) as u8 }
    }

    /// Sets `fclone` to the low bits of a value.
    #[inline(always)]
    pub fn set_fclone(&mut self, kps_value: u8) {
        // SAFETY: the bits are in the struct of the one kernel that the patch can be loaded into,
        // and what shares their bytes are other bitfields.
        unsafe { super::kps::bitfield::write(self, 225, 2, kps_value as u64) }
    }

    /// The bitfield `pkt_type`.
    #[inline(always)]
    pub fn pkt_type(&self) -> u8 {
        // SAFETY: the bits are in the struct of the one kernel that the patch can be loaded into.
        unsafe { super::kps::bitfield::read(self, 227, 3) as u8 }
    }

    /// Sets `pkt_type` to the low bits of a value.
    #[inline(always)]
    pub fn set_pkt_type(&mut self, kps_value: u8) {
        // SAFETY: the bits are in the struct of the one kernel that the patch can be loaded into,
        // and what shares their bytes are other bitfields.
        unsafe { super::kps::bitfield::write(self, 227, 3, kps_value as u64) }
    }

    /// The bitfield `state`.
    #[inline(always)]
    pub fn state(&self) -> skb_state {
        // SAFETY: the bits are in the struct of the one kernel that the patch can be loaded into.
        unsafe { super::kps::bitfield::read_signed(self, 256, 2) as skb_state }
    }

    /// Sets `state` to the low bits of a value.
    #[inline(always)]
    pub fn set_state(&mut self, kps_value: skb_state) {
        // SAFETY: the bits are in the struct of the one kernel that the patch can be loaded into,
        // and what shares their bytes are other bitfields.
        unsafe { super::kps::bitfield::write(self, 256, 2, kps_value as u64) }
    }

    /// The bitfield `depth`.
    #[inline(always)]
    pub fn depth(&self) -> c_int {
        // SAFETY: the bits are in the struct of the one kernel that the patch can be loaded into.
        unsafe { super::kps::bitfield::read_signed(self, 258, 30) as c_int }
    }

    /// Sets `depth` to the low bits of a value.
    #[inline(always)]
    pub fn set_depth(&mut self, kps_value: c_int) {
        // SAFETY: the bits are in the struct of the one kernel that the patch can be loaded into,
        // and what shares their bytes are other bitfields.
        unsafe { super::kps::bitfield::write(self, 258, 30, kps_value as u64) }
    }

    /// The bitfield `stamp`.
    #[inline(always)]
    pub fn stamp(&self) -> c_ulong {
        // SAFETY: the bits are in the struct of the one kernel that the patch can be loaded into.
        unsafe { super::kps::bitfield::read(self, 288, 48) as c_ulong }
    }

    /// Sets `stamp` to the low bits of a value.
    #[inline(always)]
    pub fn set_stamp(&mut self, kps_value: c_ulong) {
        // SAFETY: the bits are in the struct of the one kernel that the patch can be loaded into,
        // and what shares their bytes are other bitfields.
        unsafe { super::kps::bitfield::write(self, 288, 48, kps_value as u64) }
    }

    /// The bitfield `released`.
    #[inline(always)]
    pub fn released(&self) -> bool {
        // SAFETY: the bits are in the struct of the one kernel that the patch can be loaded into.
        unsafe { super::kps::bitfield::read(self, 336, 1) != 0 }
    }

    /// Sets `released` to the low bits of a value.
    #[inline(always)]
    pub fn set_released(&mut self, kps_value: bool) {
        // SAFETY: the bits are in the struct of the one kernel that the patch can be loaded into,
        // and what shares their bytes are other bitfields.
        unsafe { super::kps::bitfield::write(self, 336, 1, kps_value as u64) }
    }
}

/// What overlaps members of `sk_buff` is reached as a member of it.
impl ::core::ops::Deref for sk_buff {
    type Target = sk_buff_overlapping;

    #[inline(always)]
    fn deref(&self) -> &sk_buff_overlapping {
        // SAFETY: both are the one struct of the kernel, with its size and alignment.
        unsafe { &*::core::ptr::from_ref(self).cast() }
    }
}

impl ::core::ops::DerefMut for sk_buff {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut sk_buff_overlapping {
        // SAFETY: both are the one struct of the kernel, with its size and alignment.
        unsafe { &mut *::core::ptr::from_mut(self).cast() }
    }
}

const _: () = {
    ::core::assert!(::core::mem::size_of:: < sk_buff > () == 64);
    ::core::assert!(::core::mem::align_of:: < sk_buff > () == 8);
    ::core::assert!(::core::mem::offset_of!(sk_buff, next) == 0);
    ::core::assert!(::core::mem::offset_of!(sk_buff, prev) == 8);
    ::core::assert!(::core::mem::offset_of!(sk_buff, dev) == 16);
    ::core::assert!(::core::mem::offset_of!(sk_buff, users) == 44);
    ::core::assert!(::core::mem::offset_of!(sk_buff, head) == 48);
    ::core::assert!(::core::mem::offset_of!(sk_buff, data) == 64);
    ::core::assert!(225 + 2 <= 8 * 64);
    ::core::assert!(227 + 3 <= 8 * 64);
    ::core::assert!(256 + 2 <= 8 * 64);
    ::core::assert!(258 + 30 <= 8 * 64);
    ::core::assert!(288 + 48 <= 8 * 64);
    ::core::assert!(336 + 1 <= 8 * 64);
};

#[repr(C)]
#[derive(::core::clone::Clone, ::core::marker::Copy)]
pub struct list_head {
    pub next: *mut list_head,
    pub prev: *mut list_head,
}

const _: () = {
    ::core::assert!(::core::mem::size_of:: < list_head > () == 16);
    ::core::assert!(::core::mem::align_of:: < list_head > () == 8);
    ::core::assert!(::core::mem::offset_of!(list_head, next) == 0);
    ::core::assert!(::core::mem::offset_of!(list_head, prev) == 8);
};

pub type skb_state = c_int;

#[repr(C)]
#[derive(::core::clone::Clone, ::core::marker::Copy)]
pub struct sk_buff_overlapping_2 {
    pub ll_node: *mut c_void,
    pub _pad1: [u8; 56],
}

const _: () = {
    ::core::assert!(::core::mem::size_of:: < sk_buff_overlapping_2 > () == 64);
    ::core::assert!(::core::mem::align_of:: < sk_buff_overlapping_2 > () == 8);
    ::core::assert!(::core::mem::offset_of!(sk_buff_overlapping_2, ll_node) == 0);
};

#[repr(C)]
#[derive(::core::clone::Clone, ::core::marker::Copy)]
pub struct sk_buff_overlapping {
    pub list: list_head,
    pub dev_scratch: c_ulong,
    pub _pad2: [u8; 40],
}

/// What overlaps members of `sk_buff_overlapping` is reached as a member of it.
impl ::core::ops::Deref for sk_buff_overlapping {
    type Target = sk_buff_overlapping_2;

    #[inline(always)]
    fn deref(&self) -> &sk_buff_overlapping_2 {
        // SAFETY: both are the one struct of the kernel, with its size and alignment.
        unsafe { &*::core::ptr::from_ref(self).cast() }
    }
}

impl ::core::ops::DerefMut for sk_buff_overlapping {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut sk_buff_overlapping_2 {
        // SAFETY: both are the one struct of the kernel, with its size and alignment.
        unsafe { &mut *::core::ptr::from_mut(self).cast() }
    }
}

const _: () = {
    ::core::assert!(::core::mem::size_of:: < sk_buff_overlapping > () == 64);
    ::core::assert!(::core::mem::align_of:: < sk_buff_overlapping > () == 8);
    ::core::assert!(::core::mem::offset_of!(sk_buff_overlapping, list) == 0);
    ::core::assert!(::core::mem::offset_of!(sk_buff_overlapping, dev_scratch) == 16);
};

pub const SKB_LOST: c_int = -1;

extern "C" {
    pub fn copy_page(to: *mut c_void, from: *const c_void);

    #[link_name = "kps.sym.vmlinux.perf_load_guest_lvtpc,0"]
    pub fn perf_load_guest_lvtpc(entry: u32);

    #[link_name = "kps.sym.vmlinux.process_counts,0"]
    pub static process_counts: super::kps::percpu::PerCpu<c_ulong>;
}
