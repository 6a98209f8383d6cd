// SPDX-License-Identifier: GPL-2.0
//! The crate `kernel` for kernels without the one of Rust for Linux: what generated code, the
//! runtime and bodies name of that crate, under the same paths.
//!
//! The text of a patch is then the same with either. What needs more of the real crate than this
//! one has does not compile, and kpsc says what to write instead (KPS0313).
#![no_std]
#![feature(core_intrinsics)]
#![allow(internal_features, reason = "to abort is what it is for")]

pub mod bindings;
pub mod error;
mod module;
mod panic;
mod print;
pub mod task;

pub use module::{Module, ThisModule};

#[doc(hidden)]
pub use module::modinfo;
#[doc(hidden)]
pub use print::print;

/// The names of C types.
pub mod ffi {
    pub use core::ffi::*;
}

/// What most code uses.
pub mod prelude {
    pub use crate::error::{Error, Result};
    pub use crate::{
        module, pr_alert, pr_crit, pr_debug, pr_emerg, pr_err, pr_info, pr_notice, pr_warn,
        Module, ThisModule,
    };
}

/// The struct that contains a field, from a pointer to the field.
#[macro_export]
macro_rules! container_of {
    ($field:expr, $container:ty, $($name:tt)+) => {{
        let field = $field;
        let container =
            field.byte_sub(::core::mem::offset_of!($container, $($name)+)).cast::<$container>();
        $crate::same_type(field, &raw const (*container).$($name)+);
        container
    }};
}

/// Compiles for pointers to one type only.
#[doc(hidden)]
#[inline(always)]
pub fn same_type<T>(_: *const T, _: *const T) {}

/// A C string from a string literal.
#[macro_export]
macro_rules! c_str {
    ($text:expr) => {{
        const TEXT: &::core::ffi::CStr =
            match ::core::ffi::CStr::from_bytes_with_nul(::core::concat!($text, "\0").as_bytes()) {
                Ok(text) => text,
                Err(_) => panic!("the text has a NUL"),
            };
        TEXT
    }};
}

/// A message's arguments, formatted where they are printed.
#[macro_export]
macro_rules! fmt {
    ($($message:tt)*) => { ::core::format_args!($($message)*) };
}

/// A condition that is checked when the patch is compiled.
#[macro_export]
macro_rules! static_assert {
    ($condition:expr $(, $message:literal)?) => {
        const _: () = ::core::assert!($condition $(, $message)?);
    };
}
