// SPDX-License-Identifier: GPL-2.0
//! Compiles `.kps` specs to Rust-for-Linux livepatch modules.
//!
//! A patch starts as text and ends as a loaded module. Each stage is a function from one type to
//! the next, and the type says what has been proven so far:
//!
//! ```text
//! SPEC.kps --parse--> ast::Patch --resolve--> Resolved --check--> Checked
//!          --emit--> Files --build--> NAME.ko
//! ```
//!
//! `docs/architecture.md` describes all of it.

pub mod build;
pub mod cli;
pub mod convert;
pub mod doctor;
pub mod driver;
pub mod emit;
pub mod import;
pub mod input;
pub mod inspect;
pub mod known;
pub mod lsp;
pub mod package;
pub mod patch_crate;
pub mod project;
pub mod resolve;
pub mod series;
pub mod sign;
pub mod syntax;

pub use kps_resolve::{check, notable, Checked};
