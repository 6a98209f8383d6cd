// SPDX-License-Identifier: GPL-2.0
//! C integer types that are Rust's under another name, as in `include/linux/types.h` and
//! `include/uapi/asm-generic/int-ll64.h`. The kernel's other typedefs come from its BTF.
#![allow(
    missing_docs,
    non_camel_case_types,
    reason = "they have their names in C, and say all there is to say"
)]

pub type __s8 = i8;
pub type __s16 = i16;
pub type __s32 = i32;
pub type __s64 = i64;
pub type __u8 = u8;
pub type __u16 = u16;
pub type __u32 = u32;
pub type __u64 = u64;
pub type int8_t = i8;
pub type int16_t = i16;
pub type int32_t = i32;
pub type int64_t = i64;
pub type s8 = i8;
pub type s16 = i16;
pub type s32 = i32;
pub type s64 = i64;
pub type size_t = usize;
pub type ssize_t = isize;
pub type uint8_t = u8;
pub type uint16_t = u16;
pub type uint32_t = u32;
pub type uint64_t = u64;
pub type uintptr_t = usize;
