// SPDX-License-Identifier: GPL-2.0
//! From a fix of the kernel's source to a patch.
//!
//! A fix is a source diff. Its files are read twice, as they were and as they will be: by clang,
//! which tells what they define and what each definition uses ([`unit`]), and by the kernel's own
//! compiler, whose code tells which functions change. Everything here maps values to values; who
//! calls it runs the compilers.

pub mod lines;
pub mod objects;
pub mod unit;
