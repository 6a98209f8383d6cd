// SPDX-License-Identifier: GPL-2.0
//! What every verb works with, and how a verb waits.

use crate::answer::Answer;
use crate::livepatch::{word, Patch};
use crate::progress::Progress;
use kps_host::signals;
use kps_operate::{Ended, Livepatch, System, Watch};
use kps_report::Console;
use std::cell::Cell;
use std::time::Duration;

/// What every verb works with.
pub(crate) struct Context {
    pub(crate) system: System,
    pub(crate) console: Console,
    /// Whether the user has interrupted an operation: nothing more is begun then.
    pub(crate) is_interrupted: Cell<bool>,
}

impl Context {
    /// Runs an operation that waits, shows its progress, and lets signals stop the waiting.
    pub(crate) fn watching<T>(&self, timeout: Duration, work: impl FnOnce(Watch<'_>) -> T) -> T {
        let progress = Progress::of(self.console);
        let held = signals::hold();
        let result = work(Watch {
            timeout,
            is_interrupted: &|| held.has_come(),
            observe: &|patch, behind| progress.show(patch, behind),
        });
        self.is_interrupted.set(self.is_interrupted.get() || held.has_come());
        result
    }

    /// Adds how an operation has ended to the answer, and returns the livepatch if it is complete.
    pub(crate) fn ended(&self, ended: Ended, answer: &mut Answer) -> Option<Livepatch> {
        let (state, stall, error) = match &ended {
            Ended::Complete(patch) => return Some(patch.clone()),
            Ended::TakenBack(stall) => (None, stall, stall.taken_back(&self.system)),
            Ended::InTransition(stall) => {
                (Some(word(stall.patch.state)), stall, stall.in_transition(&self.system))
            }
        };
        let patch = Patch { state, ..Patch::loaded(&stall.patch) };
        answer.patches.push(patch.held_by(&stall.patch, &stall.behind, &self.system));
        answer.report(&[error]);
        None
    }
}
