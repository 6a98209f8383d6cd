// SPDX-License-Identifier: GPL-2.0
//! Standard output. Everything that a command prints there is written here, so that no result is
//! cut short unnoticed: a write that fails makes the command fail.

use crate::render;
use kps_diag::Diagnostic;
use kps_host::disk::cannot;
use std::fmt::Display;
use std::io::{self, ErrorKind, Write as _};
use std::path::Path;
use std::sync::OnceLock;

/// The first error of a write.
static FAILED: OnceLock<io::Error> = OnceLock::new();

/// Prints a line of a command's result.
pub(super) fn say(line: impl Display) {
    print(&format!("{}\n", render::line(&line.to_string())));
}

/// Prints a text that other programs read, as it is.
pub(super) fn print(text: &str) {
    note(io::stdout().write_all(text.as_bytes()));
}

/// Notes the outcome of a write to standard output. That the reader of a pipe is gone is no error:
/// it has read what it wanted.
pub(super) fn note(written: io::Result<()>) {
    match written {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => drop(FAILED.set(error)),
        _ => {}
    }
}

/// Writes what is still held back. Fails if the command's output is not complete.
pub(super) fn finish() -> Result<(), Diagnostic> {
    note(io::stdout().flush());
    match FAILED.get() {
        None => Ok(()),
        Some(error) => Err(cannot("write to", Path::new("the standard output"), error)
            .note("the output is not complete")
            .help("free some space, or write the output elsewhere")),
    }
}
