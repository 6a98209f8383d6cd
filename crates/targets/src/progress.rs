// SPDX-License-Identifier: GPL-2.0
//! Reports the progress of slow steps.

use indicatif::{ProgressBar, ProgressStyle};
use kps_diag::escape;
use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

/// Where progress is shown: a spinner on a terminal, one line for each step elsewhere, or nowhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// On standard error.
    Shown,
    /// Not at all.
    Quiet,
}

impl Progress {
    /// Prints a message once.
    pub fn say(self, text: &str) {
        if self == Progress::Shown {
            let lines = text.lines().map(escape);
            lines.for_each(|line| drop(writeln!(std::io::stderr(), "{line}")));
        }
    }

    /// Runs a step and reports how long it took.
    pub fn step<T, E>(self, text: &str, step: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        if self == Progress::Quiet {
            return step();
        }
        let text = &*escape(text);
        let bar = if std::io::stderr().is_terminal() {
            ProgressBar::new_spinner()
        } else {
            ProgressBar::hidden()
        };
        if let Ok(style) = ProgressStyle::with_template("  {msg} {spinner} {elapsed}") {
            bar.set_style(style);
        }
        bar.set_message(text.to_owned());
        bar.enable_steady_tick(Duration::from_millis(100));
        let start = Instant::now();
        let result = step();
        bar.finish_and_clear();
        if result.is_ok() {
            let _ = writeln!(
                std::io::stderr(),
                "  {text:.<58} {:5.1} s",
                start.elapsed().as_secs_f64()
            );
        }
        result
    }
}
