// SPDX-License-Identifier: GPL-2.0
//! Shows how many tasks a transition still waits for: a bar on a terminal, a line a second in a
//! log.

use indicatif::{ProgressBar, ProgressStyle};
use kps_operate::{describe, Behind, Livepatch, State};
use kps_report::{complain, line, Console, Format};
use std::cell::Cell;
use std::io::{stderr, IsTerminal as _};

/// The progress of one transition.
pub(crate) struct Progress {
    kind: Kind,
    /// The largest number of tasks that was seen.
    most: Cell<usize>,
}

enum Kind {
    Bar(ProgressBar),
    Lines,
    /// Programs that read lines get only messages.
    Quiet,
}

impl Progress {
    /// Nothing is shown before the transition has taken a second.
    pub(crate) fn of(console: Console) -> Progress {
        let kind = match console.format {
            Format::Human if stderr().is_terminal() => Kind::Bar(ProgressBar::hidden()),
            Format::Human => Kind::Lines,
            Format::Short | Format::Json => Kind::Quiet,
        };
        Progress { kind, most: Cell::new(0) }
    }

    /// Shows the tasks that are behind.
    pub(crate) fn show(&self, patch: &Livepatch, behind: &Behind) {
        let doing = match patch.state {
            State::Unpatching => "disabling",
            _ => "enabling",
        };
        let what = format!("{doing} {}", patch.name);
        let count = behind.tasks.len();
        self.most.set(self.most.get().max(count));
        let first = behind.tasks.first().map(|task| format!("; {}", line(&describe(task))));
        let first = first.unwrap_or_default();
        match &self.kind {
            Kind::Quiet => {}
            Kind::Lines => complain(&format!("{what}: {count} behind{first}\n")),
            Kind::Bar(bar) => {
                if bar.is_hidden() {
                    let style = ProgressStyle::with_template("{prefix} [{bar:20}] {wide_msg}");
                    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));

                    bar.set_draw_target(indicatif::ProgressDrawTarget::stderr());
                }
                bar.set_prefix(what);
                bar.set_length(self.most.get() as u64);
                bar.set_message(format!("{count} behind{first}"));
                bar.set_position((self.most.get() - count) as u64);
            }
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Kind::Bar(bar) = &self.kind {
            bar.finish_and_clear();
        }
    }
}
