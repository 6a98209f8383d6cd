// SPDX-License-Identifier: GPL-2.0
//! Runs the steps of a test in a virtual machine.

use super::{Guest, Output, VmError};
use kps_ast::{Action, Step, Test, Trigger};
use std::thread;
use std::time::{Duration, Instant};

/// The result of a step.
#[derive(Debug)]
pub(super) struct Said {
    /// Its output and exit status.
    pub(super) output: Output,
    /// The kernel's log of the step, if requested.
    pub(super) log: String,
}

/// The path of a trigger's program in the machine. Specs in two folders may name two files alike.
pub fn trigger_path(patch: &str, trigger: &Trigger) -> String {
    let file = &trigger.file.value;
    format!("/trigger/{patch}/{}", file.strip_suffix(".c").unwrap_or(file))
}

const COMMAND_LIMIT: Duration = Duration::from_secs(120);
/// How long a command of a `wait` may run on: the host may be busy.
const GRACE: Duration = Duration::from_secs(20);
/// The interval between two polls. Each poll is a shell in the machine.
const PAUSE: Duration = Duration::from_millis(200);

/// Marks the kernel's log, if the test will read it: a step that reads the log gets the lines that
/// the step before it caused.
pub(super) fn mark(guest: &mut Guest, test: &Test, step: &Step) -> Result<(), VmError> {
    let reads_log = |step: &Step| matches!(step.action, Action::Dmesg);
    match !reads_log(step) && (test.complains() || test.steps.iter().any(reads_log)) {
        true => guest.start_step(),
        false => Ok(()),
    }
}

/// Runs a step of a patch's test.
pub(super) fn act(guest: &mut Guest, patch: &str, step: &Step) -> Result<Said, VmError> {
    let output = match &step.action {
        Action::Run(command) => guest.run(&command.value, COMMAND_LIMIT),
        Action::Trigger(trigger) => {
            let path = trigger_path(patch, trigger);
            let command = if trigger.as_user { format!("su - user -c {path}") } else { path };
            guest.run(&command, COMMAND_LIMIT)
        }
        Action::Dmesg => guest.step_log().map(|text| Output { text, status: 0 }),
        Action::Wait { command, seconds } => {
            wait(guest, &command.value, Duration::from_secs(u64::from(*seconds)))
        }
    };
    Ok(Said { output: output?, log: String::new() })
}

/// Runs a step that makes the kernel complain, and perhaps die.
pub(super) fn provoke(guest: &mut Guest, patch: &str, step: &Step) -> Result<Said, VmError> {
    let said = act(guest, patch, step).and_then(|said| Ok(Said { log: guest.step_log()?, ..said }));
    match said {
        Err(VmError::Complaint { .. } | VmError::Stopped { .. }) => {
            let output = Output { text: String::new(), status: -1 };
            Ok(Said { output, log: guest.last_log() })
        }
        said => said,
    }
}

/// Runs a command until it succeeds or a time limit ends. A command that does not end itself soon
/// after that is one more that does not answer.
fn wait(guest: &mut Guest, command: &str, limit: Duration) -> Result<Output, VmError> {
    let end = Instant::now() + limit;
    loop {
        let rest = end.saturating_duration_since(Instant::now());
        let output = guest.run(command, (rest + GRACE).min(COMMAND_LIMIT))?;
        if output.status == 0 || Instant::now() >= end {
            return Ok(output);
        }
        thread::sleep(PAUSE);
    }
}
