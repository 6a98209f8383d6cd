// SPDX-License-Identifier: GPL-2.0
//! The part of a livepatch that is the same in all of them.
//!
//! The kernel redirects functions (`Documentation/livepatch/livepatch.rst`). This crate has the
//! rest of a patch in Rust: an entry that ftrace can redirect callers to, a guard that compares the
//! running kernel with the target, states and shadow variables that outlive the patch, resources
//! that do not, parameters, and the C names that Rust lacks.
//!
//! # Two forms
//!
//! `kpsc` puts these files beside the code that it generates from a spec, as the module `kps` of
//! the patch. A patch crate depends on them as the crate `kps`, which Kbuild compiles beside it:
//!
//! ```text
//! obj-m := NAME.o
//! NAME-y := src/lib.o kps/lib.o
//!
//! rustflags-y := --cfg kps_kernel
//! RUSTFLAGS_kps/lib.o := --crate-name kps --emit=metadata=$(obj)/kps/libkps.rmeta
//! RUSTFLAGS_src/lib.o := --crate-name NAME --extern kps=$(obj)/kps/libkps.rmeta
//! $(obj)/src/lib.o: $(obj)/kps/lib.o
//! ```
//!
//! Both become the same instructions: every function here is generic or `#[inline]`, so it is
//! compiled with the patch that calls it, and no module contains unused ones.
//!
//! # On the host
//!
//! `--cfg kps_kernel` says that the code is compiled for a kernel. Without it, [`host`] stands in
//! for the kernel: `cargo check` checks a patch there, and `cargo test` tests what needs no kernel.
//! Otherwise nothing here allocates or panics, and only [`message`] prints.
//!
//! # Which module is for what
//!
//! | module | for | may be used |
//! |---|---|---|
//! | [`prelude`] | bodies | |
//! | [`bitfield`], [`flexible_array`], [`percpu`](mod@percpu) | members and variables that Rust has no types for | anywhere |
//! | [`param`](mod@param) | parameters of the module | anywhere; changeable strings only where tasks may sleep |
//! | [`user`] | memory of programs | where tasks may sleep |
//! | [`state`](mod@state) | changes of the system that the last patch reverts | in callbacks, under `klp_mutex`; its value anywhere |
//! | [`resource`](mod@resource) | timers, kthreads, files and the like of the patch's own | in callbacks, under `klp_mutex`; its value anywhere |
//! | [`shadow`](mod@shadow) | data attached to kernel objects | anywhere but in an NMI |
//! | [`klp`] | the same without its safeguards, as in the kernel | anywhere but in an NMI |
//! | [`arch`], [`frame`], [`gate`], [`guard`], [`message`], [`persistent`], [`note`], [`shim`], [`sys`] | generated code | as each says |
//!
//! # Where code of a patch runs
//!
//! - A *body* runs instead of the old function, in the context of its caller: it may sleep where
//!   the old function may.
//! - A *callback* (`Documentation/livepatch/callbacks.rst`) runs in process context under
//!   `klp_mutex`. It may sleep, but must not wait for a task that needs that mutex, as loading
//!   another module does.
//! - A *constructor* or *destructor* of shadow data runs under the kernel's shadow lock, a spin
//!   lock, with interrupts off: it must not sleep. With `PREEMPT_RT` that lock sleeps and
//!   interrupts stay on, but a patch must not rely on either.
#![cfg_attr(not(kps_kernel), no_std)]
#![deny(missing_docs, rustdoc::broken_intra_doc_links)]

pub mod arch;
pub mod bitfield;
pub mod ctypes;
pub mod errno;
pub mod flexible_array;
pub mod frame;
pub mod gate;
pub mod guard;
#[cfg(not(kps_kernel))]
pub mod host;
pub mod klp;
pub mod message;
pub mod note;
pub mod param;
pub mod percpu;
pub mod persistent;
pub mod prelude;
pub mod resource;
pub mod shadow;
pub mod shim;
pub mod state;
pub mod sys;
pub mod user;

#[cfg(feature = "macros")]
pub use kps_macros::*;
