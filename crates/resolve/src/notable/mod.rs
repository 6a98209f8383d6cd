// SPDX-License-Identifier: GPL-2.0
//! Kernel functions that behave unlike others, by name: no fact that a kernel tells about itself
//! says so.

mod called;
mod patched;

pub use called::*;
pub use patched::*;
