// SPDX-License-Identifier: GPL-2.0
//! The part of a livepatch that is the same in every one.
//!
//! It is used in two forms. `kpsc` puts these files beside the code that it generates from a spec, as the module `kps` of the
//! patch. A patch that is a crate of its own depends on them as the crate `kps`, which Kbuild compiles beside it. Both become the
//! same instructions: whatever a changed function calls is `#[inline]`.
//!
//! On the host, where nobody sets `CONFIG_RUST`, [`host`] stands in for the kernel, so that a patch can be checked there and what
//! does not need a kernel can be tested. Otherwise nothing here allocates, prints or panics.
#![cfg_attr(not(CONFIG_RUST), no_std)]

pub mod bitfield;
pub mod ctypes;
pub mod errno;
pub mod flexible_array;
pub mod frame;
pub mod gate;
pub mod guard;
#[cfg(not(CONFIG_RUST))]
pub mod host;
pub mod klp;
pub mod lasting;
pub mod note;
pub mod param;
pub mod percpu;
pub mod prelude;
pub mod shadow;
pub mod shim;
pub mod state;

#[cfg(feature = "macros")]
pub use kps_macros::*;
