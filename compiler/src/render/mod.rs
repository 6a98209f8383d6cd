// SPDX-License-Identifier: GPL-2.0
//! Shows diagnostics: for people, on one line, as JSON.

mod format;
mod human;
mod machine;
mod page;
mod plain;
mod syntax;

pub use format::{render, Format};
pub use kps_diag::escape as line;
pub use page::page;
pub use plain::plain;
pub use syntax::{syntax, too_large};
