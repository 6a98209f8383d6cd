// SPDX-License-Identifier: GPL-2.0
//! What a program reports to the user who runs it.

use super::{plain, render, stdout, Format, Style};
use kps_diag::{Diagnostic, Severity, Sources};
use std::fmt::Write as _;
use std::io::Write as _;

/// The exit status of a program: 0 done; 1 the input is wrong, or would be formatted differently; 2
/// usage; 3 the environment; 4 a test failed; 5 a transition did not complete; 6 a livepatch was
/// taken back; 70 a bug. Scripts rely on these.
pub type ExitCode = u8;

/// The program, and the format of its messages.
#[derive(Debug, Clone, Copy)]
pub struct Console {
    /// The program, as a user types its name.
    pub program: &'static str,
    /// The format of messages.
    pub format: Format,
}

impl Console {
    /// The text of messages. There is a limit to those for people: the first ones are the most
    /// useful.
    pub fn text(
        &self,
        diagnostics: &[Diagnostic],
        sources: Option<&Sources>,
        kernel: Option<&str>,
    ) -> String {
        const SHOWN: usize = 50;
        let Console { program, format } = *self;
        let shown = if format == Format::Human { SHOWN } else { diagnostics.len() };
        let (style, mut text) = (Style { program, format, kernel }, String::new());
        // Writing to a string cannot fail.
        for diagnostic in diagnostics.iter().take(shown) {
            let _ = writeln!(text, "{}", render(diagnostic, sources, style));
        }
        if diagnostics.len() > shown {
            let _ = writeln!(text, "and {} more", diagnostics.len() - shown);
        }
        text
    }

    /// Prints messages without positions to standard error, and returns the exit status that they
    /// call for.
    pub fn report(&self, diagnostics: &[Diagnostic]) -> ExitCode {
        complain(&self.text(diagnostics, None, None));
        exit_code(diagnostics)
    }

    /// The exit status of a command that has ended. One whose output is cut short has failed.
    pub fn finished(&self, code: ExitCode) -> ExitCode {
        match stdout::finish() {
            Ok(()) => code,
            Err(error) => code.max(self.report(&[error])),
        }
    }
}

/// Prints a text to standard error, in colour if that is a terminal.
pub fn complain(text: &str) {
    // If standard error is closed, the error cannot be reported.
    drop(anstream::stderr().lock().write_all(text.as_bytes()));
}

/// The highest exit status that any of these messages calls for.
pub fn exit_code(diagnostics: &[Diagnostic]) -> ExitCode {
    let errors = diagnostics.iter().filter(|diagnostic| diagnostic.severity == Severity::Error);
    errors.map(|error| error.code.exit() as ExitCode).max().unwrap_or(0)
}

/// Answers a command line that clap does not take, or one that asks for help, and returns the exit
/// status.
pub fn usage(error: &clap::Error) -> ExitCode {
    // The user asked for help or the version; anything else is a mistake, and the message repeats
    // the argument.
    if !error.use_stderr() {
        stdout::print_styled(&error.render());
        return 0;
    }
    let _ = write!(std::io::stderr(), "{}", plain(&error.render().to_string()));
    2
}

/// Reports arguments that do not go together, and returns the exit status.
pub fn wrong_usage(message: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "error: {message}");
    2
}
