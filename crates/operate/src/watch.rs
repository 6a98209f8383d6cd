// SPDX-License-Identifier: GPL-2.0
//! Waiting for the kernel, which is asked and does not report.

use super::{tasks_in, Behind, Livepatch, System};
use kps_diag::Diagnostic;
use std::time::{Duration, Instant};

/// How long a caller waits for a transition, and what it does meanwhile.
#[derive(Clone, Copy)]
pub struct Watch<'a> {
    /// The time limit.
    pub timeout: Duration,
    /// Whether the user has asked to stop waiting.
    pub is_interrupted: &'a dyn Fn() -> bool,
    /// Is called once a second with the livepatch and the tasks that its transition waits for.
    pub observe: &'a dyn Fn(&Livepatch, &Behind),
}

/// Why waiting has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Waited {
    /// What was waited for has come.
    Done,
    /// The time limit has passed.
    TimedOut,
    /// The user has asked to stop.
    Interrupted,
}

impl Watch<'_> {
    /// Polls a condition, at least once.
    pub(super) fn until(
        &self,
        mut holds: impl FnMut() -> Result<bool, Diagnostic>,
    ) -> Result<Waited, Diagnostic> {
        const PAUSE: Duration = Duration::from_millis(50);
        let start = Instant::now();
        loop {
            if holds()? {
                return Ok(Waited::Done);
            }
            if (self.is_interrupted)() {
                return Ok(Waited::Interrupted);
            }
            if start.elapsed() >= self.timeout {
                return Ok(Waited::TimedOut);
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Polls a livepatch until a condition holds of it, and shows whom its transition waits for.
    pub(super) fn until_patch(
        &self,
        system: &System,
        mut get: impl FnMut() -> Result<Option<Livepatch>, Diagnostic>,
        holds: impl Fn(Option<&Livepatch>) -> bool,
    ) -> Result<(Waited, Option<Livepatch>), Diagnostic> {
        const SECOND: Duration = Duration::from_secs(1);
        let (mut patch, mut observed) = (None, Instant::now());
        let waited = self.until(|| {
            patch = get()?;
            let is_done = holds(patch.as_ref());
            if let (false, Some(patch)) = (is_done, &patch) {
                if observed.elapsed() >= SECOND {
                    observed = Instant::now();
                    (self.observe)(patch, &behind(system, patch));
                }
            }
            Ok(is_done)
        })?;
        Ok((waited, patch))
    }
}

/// The tasks that the transition of a livepatch waits for; none without a transition.
pub fn behind(system: &System, patch: &Livepatch) -> Behind {
    let patches = super::livepatches(system).unwrap_or_default();
    patch.state.behind().map_or(Behind::default(), |state| tasks_in(system, state, &patches))
}
