// SPDX-License-Identifier: GPL-2.0
//! `kpsc test --shell`: a shell in the machine while the patches are loaded.

use super::super::{progress, report, say, CommandResult};
use super::messages::{describe, tell_broken};
use super::{series, start, Tested};
use kps_diag::{Diagnostic, TEST_FAILED};
use kps_host::disk::cannot;
use kps_report::stdout;
use kps_vm::{is_interactive, with_loaded, Copy, Machine, Output};
use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

/// The limit for a script.
const LIMIT: Duration = Duration::from_secs(600);

/// Opens a shell, or runs the script on standard input. Messages have been printed.
pub(super) fn open(
    copy: Option<Copy>,
    machine: &Machine,
    tested: &[Tested],
    limit: u32,
) -> CommandResult {
    let script = (!is_interactive()).then(script).transpose()?;
    let series = series(tested, tested.iter().map(|_| Vec::new()), limit);
    let work = || {
        let mut guest = start(copy, machine)?;
        with_loaded(&mut guest, &series, |guest| match &script {
            Some(script) => guest.run(script, LIMIT).map(Some),
            None => {
                progress().say("The patches are loaded. `exit` unloads them and ends the machine.");
                guest.shell(stdout::pass_on).map(|()| None)
            }
        })
    };
    match work() {
        Ok(Ok(None)) => Ok(0),
        Ok(Ok(Some(Output { text, status }))) => {
            text.lines().for_each(say);
            let message = format!("the script's exit status is {status}");
            let failed = (status != 0).then(|| Diagnostic::new(TEST_FAILED, message));
            Ok(report(failed.as_slice(), None))
        }
        Ok(Err(failure)) => {
            let said = describe(&failure, tested);
            Ok(report(&[said], Some(&tested[failure.patch].compiled.sources)))
        }
        Err(broken) => Ok(tell_broken(broken, tested)),
    }
}

/// The script on standard input.
fn script() -> Result<String, Diagnostic> {
    let mut text = String::new();
    match std::io::stdin().read_to_string(&mut text) {
        Ok(_) => Ok(text),
        Err(error) => Err(cannot("read", Path::new("standard input"), &error)),
    }
}
