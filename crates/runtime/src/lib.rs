// SPDX-License-Identifier: GPL-2.0
//! The part of a livepatch that is the same in every one.
//!
//! The kernel redirects functions (`Documentation/livepatch/livepatch.rst`). What a patch in Rust
//! needs beside that is here: an entry that ftrace can send callers to, a guard that compares the
//! running kernel with the one that the patch was made for, states and shadow variables that
//! outlive the patch, parameters, and the names that C has and Rust lacks.
//!
//! # Two forms
//!
//! `kpsc` puts these files beside the code that it generates from a spec, as the module `kps` of
//! the patch. A patch that is a crate of its own depends on them as the crate `kps`, which Kbuild
//! compiles beside it:
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
//! compiled with the patch that calls it, and what nobody calls is in no module.
//!
//! # On the host
//!
//! `--cfg kps_kernel` says that the code is compiled for a kernel. Without it, [`host`] stands in
//! for the kernel: `cargo check` checks a patch there, and `cargo test` tests what needs no kernel.
//! Otherwise nothing here allocates, prints or panics.
//!
//! # What is for whom
//!
//! | module | for | may be used |
//! |---|---|---|
//! | [`prelude`] | bodies | |
//! | [`bitfield`], [`flexible_array`], [`percpu`](mod@percpu) | members and variables that Rust has no types for | anywhere |
//! | [`param`](mod@param) | parameters of the module | anywhere, but for texts that can be changed: where tasks may sleep |
//! | [`state`](mod@state) | changes of the system that the last patch takes back | in callbacks, under `klp_mutex`; its value anywhere |
//! | [`shadow`](mod@shadow) | data that belongs to objects of the kernel's | anywhere but in an NMI |
//! | [`klp`] | the same without its safeguards, as the kernel has it | anywhere but in an NMI |
//! | [`arch`], [`frame`], [`gate`], [`guard`], [`persistent`], [`note`], [`shim`], [`sys`] | generated code | as each says |
//!
//! # Where code of a patch runs
//!
//! - A *body* runs in the place of the old function, and so in whatever context that is called in:
//!   it may sleep where the old one may.
//! - A *callback* (`Documentation/livepatch/callbacks.rst`) runs in process context under
//!   `klp_mutex`. It may sleep, but must not wait for anybody who needs that mutex, as loading
//!   another module does.
//! - A *constructor* or *destructor* of shadow data runs under the kernel's shadow lock, a spin
//!   lock, with interrupts off: it must not sleep. With `PREEMPT_RT` that lock sleeps and
//!   interrupts stay on, but neither may be counted on.
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
pub mod note;
pub mod param;
pub mod percpu;
pub mod persistent;
pub mod prelude;
pub mod shadow;
pub mod shim;
pub mod state;
pub mod sys;

#[cfg(feature = "macros")]
pub use kps_macros::*;
