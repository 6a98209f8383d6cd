// SPDX-License-Identifier: GPL-2.0
//! Standard output. Everything that a command prints there is written here, so that no result is
//! cut short unnoticed: a write that fails makes the command fail. The standard library takes a
//! descriptor that cannot be written to for one that takes everything, so this does without it.

use crate::render;
use kps_diag::Diagnostic;
use kps_host::disk::cannot;
use rustix::io::{retry_on_intr, write};
use rustix::stdio::stdout;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Display;
use std::io::{self, ErrorKind, Write as _};
use std::path::Path;
use std::sync::OnceLock;

/// The first error of a write.
static FAILED: OnceLock<io::Error> = OnceLock::new();

/// What a command says for one of several kernels.
#[derive(Debug, Default)]
pub(super) struct Collected {
    /// The name of the kernel's target.
    kernel: String,
    /// The messages and the results, in the order in which they were made.
    pub(super) text: String,
    /// The codes of the errors.
    pub(super) errors: BTreeSet<&'static str>,
}

impl Collected {
    /// Whether nothing was said.
    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }
}

thread_local! {
    /// What this thread says, if it works for one of several kernels.
    static COLLECTED: RefCell<Option<Collected>> = const { RefCell::new(None) };
}

/// Does something for one of several kernels. Nothing that it says is printed: lines of several
/// threads would be mixed.
pub(super) fn collecting<T>(kernel: &str, work: impl FnOnce() -> T) -> (T, Collected) {
    let collected = Collected { kernel: kernel.to_owned(), ..Collected::default() };
    COLLECTED.set(Some(collected));
    let result = work();
    (result, COLLECTED.take().unwrap_or_default())
}

/// The kernel whose messages this thread collects.
pub(super) fn kernel() -> Option<String> {
    COLLECTED.with_borrow(|collected| Some(collected.as_ref()?.kernel.clone()))
}

/// Whether this thread collects what it says.
pub(super) fn is_collecting() -> bool {
    COLLECTED.with_borrow(Option::is_some)
}

/// Prints lines to standard error, where the codes of `errors` count, or collects them.
pub(super) fn complain(text: &str, errors: impl Iterator<Item = &'static str>) {
    COLLECTED.with_borrow_mut(|collected| match collected {
        Some(collected) => {
            collected.text.push_str(text);
            collected.errors.extend(errors);
        }
        // If standard error is closed, the error cannot be reported.
        None => drop(anstream::stderr().lock().write_all(text.as_bytes())),
    });
}

/// Prints a line of a command's result.
pub(super) fn say(line: impl Display) {
    let line = format!("{}\n", render::line(&line.to_string()));
    match is_collecting() {
        true => complain(&line, std::iter::empty()),
        false => print(&line),
    }
}

/// Prints a text that other programs read, as it is.
pub(super) fn print(text: &str) {
    pass_on(text.as_bytes());
}

/// Prints what a program in a machine prints on its terminal.
pub(super) fn pass_on(bytes: &[u8]) {
    match write_all(bytes) {
        // The reader of a pipe is gone: it has read what it wanted.
        Err(error) if error.kind() != ErrorKind::BrokenPipe => drop(FAILED.set(error)),
        _ => {}
    }
}

/// Prints a text with styles, which only terminals show.
pub(super) fn print_styled(text: &clap::builder::StyledStr) {
    match anstream::AutoStream::choice(&io::stdout()) {
        anstream::ColorChoice::Never => print(&text.to_string()),
        _ => print(&text.ansi().to_string()),
    }
}

fn write_all(mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        let written = retry_on_intr(|| write(stdout(), bytes))?;
        bytes = bytes.get(written..).filter(|_| written > 0).ok_or(ErrorKind::WriteZero)?;
    }
    Ok(())
}

/// Fails if the command's output is not complete.
pub(super) fn finish() -> Result<(), Diagnostic> {
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
