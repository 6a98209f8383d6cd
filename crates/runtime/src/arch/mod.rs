// SPDX-License-Identifier: GPL-2.0
//! The part of the runtime that depends on the processor: the entries in assembly, the first bytes
//! of a function, and the registers that carry arguments. Everything else here is the same on every
//! architecture.
//!
//! Each architecture has a file with the same items. `kps-arch` is the compiler's counterpart.

mod x86_64;

pub use x86_64::*;
