// SPDX-License-Identifier: GPL-2.0
//! Standard output. Everything that a command prints there is written here, so that no result is
//! cut short unnoticed: a write that fails makes the command fail. The standard library takes a
//! descriptor that cannot be written to for one that takes everything, so this does without it.

use super::line;
use kps_diag::Diagnostic;
use kps_host::disk::cannot;
use rustix::io::{retry_on_intr, write};
use std::fmt::Display;
use std::io::{self, ErrorKind};
use std::path::Path;
use std::sync::OnceLock;

/// The first error of a write.
static FAILED: OnceLock<io::Error> = OnceLock::new();

/// Prints a line of a command's result.
pub fn say(text: impl Display) {
    print(&format!("{}\n", line(&text.to_string())));
}

/// Prints a text that other programs read, as it is.
pub fn print(text: &str) {
    pass_on(text.as_bytes());
}

/// Prints what a program in a machine prints on its terminal.
pub fn pass_on(bytes: &[u8]) {
    match write_all(bytes) {
        // The reader of a pipe is gone: it has read what it wanted.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => drop(FAILED.set(error)),
        _ => {}
    }
}

/// Prints a text with styles, which only terminals show.
pub fn print_styled(text: &clap::builder::StyledStr) {
    match anstream::AutoStream::choice(&io::stdout()) {
        anstream::ColorChoice::Never => print(&text.to_string()),
        _ => print(&text.ansi().to_string()),
    }
}

fn write_all(mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = retry_on_intr(|| write(rustix::stdio::stdout(), bytes))?;
        bytes = bytes.get(written..).filter(|_| written > 0).ok_or(ErrorKind::WriteZero)?;
    }
    Ok(())
}

/// Fails if the output is not complete.
pub fn finish() -> Result<(), Diagnostic> {
    let Some(error) = FAILED.get() else { return Ok(()) };
    let failed = cannot("write to", Path::new("the standard output"), error)
        .note("the output is not complete");
    Err(failed.help(match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            "free some space, or write the output elsewhere"
        }
        _ => "write the output elsewhere",
    }))
}
