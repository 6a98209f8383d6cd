// SPDX-License-Identifier: GPL-2.0
//! What a program prints: diagnostics for people, on one line or as JSON, pages of the
//! documentation, and results on standard output.

mod console;
mod explain;
mod format;
mod human;
mod machine;
mod page;
mod plain;
pub mod stdout;

pub use console::{complain, exit_code, usage, wrong_usage, Console, ExitCode};
pub use explain::Explain;
pub use format::{render, Format, Style};
pub use kps_diag::escape as line;
pub use machine::to_json;
pub use page::page;
pub use plain::plain;
