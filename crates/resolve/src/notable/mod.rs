// SPDX-License-Identifier: GPL-2.0
//! Kernel functions with special behaviour, listed by name because nothing in a kernel image tells
//! of it.

mod called;
mod held;
mod patched;

pub use called::*;
pub use held::*;
pub use patched::*;
