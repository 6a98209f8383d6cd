// SPDX-License-Identifier: GPL-2.0
//! The part of a livepatch that is the same in every one.
//!
//! `kpsc` puts these files beside the code it generates, as the module `kps` of the patch, because Kbuild compiles one
//! crate and knows no libraries. On the host they are a crate, so that what does not need a kernel can be tested there.
//! Nothing here allocates, prints or panics.
#![cfg_attr(not(CONFIG_RUST), no_std)]

pub mod bitfield;
pub mod ctypes;
pub mod errno;
pub mod flexible_array;
pub mod frame;
pub mod gate;
pub mod guard;
pub mod klp;
pub mod lasting;
pub mod note;
pub mod param;
pub mod percpu;
#[cfg(CONFIG_RUST)]
pub mod prelude;
pub mod shadow;
#[cfg(CONFIG_RUST)]
pub(crate) mod shim;
pub mod state;
