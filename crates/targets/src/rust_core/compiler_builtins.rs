// SPDX-License-Identifier: GPL-2.0
//! rustc links this crate into every other one. The kernel has memcpy() and its kin. What else it
//! would hold stays undefined, and modpost names it: 128-bit divisions, and floating point.
#![feature(compiler_builtins)]
#![allow(internal_features)]
#![compiler_builtins]
#![no_builtins]
#![no_std]
