// SPDX-License-Identifier: GPL-2.0
//! The verb `load`.

use super::{Context, ResultArgs, TimeoutArgs};
use crate::answer::Answer;
use crate::livepatch::Patch;
use crate::text::describe;
use kps_diag::{any_error, Diagnostic, Severity};
use kps_operate::{load, open, preflight, verdict, Behind, OnStall};
use std::ffi::{CString, OsString};
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub struct Load {
    /// The modules, in the order in which they are loaded; behind each, its parameters, as `insmod`
    /// takes them.
    #[arg(value_name = "FILE.ko [NAME=VALUE..]", required = true)]
    items: Vec<OsString>,
    #[command(flatten)]
    timeout: TimeoutArgs,
    /// What to do with a transition that takes longer: reverse it and unload the module, or leave
    /// it to the kernel and go.
    #[arg(
        long,
        value_name = "reverse|wait",
        default_value = "reverse",
        hide_possible_values = true
    )]
    on_stall: Choice,
    /// Only report whether the kernel would accept them, and with which side effects.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    pub(super) results: ResultArgs,
}

/// What happens with a load that misses its time limit.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Choice {
    Reverse,
    Wait,
}

impl Load {
    pub(super) fn run(self, context: &Context, answer: &mut Answer) -> Result<(), Diagnostic> {
        for (file, parameters) in requests(&self.items)? {
            if !self.load(&file, &parameters, context, answer)? {
                break;
            }
        }
        Ok(())
    }

    /// Loads one livepatch, and returns whether the next one may follow.
    fn load(
        &self,
        file: &Path,
        parameters: &str,
        context: &Context,
        answer: &mut Answer,
    ) -> Result<bool, Diagnostic> {
        let system = &context.system;
        let module = open(file)?;
        let mut found = preflight(system, &module.incoming);
        if self.dry_run {
            answer.say(verdict(&module.incoming.name, &found));
            answer.patches.push(Patch::in_file(file, &module.incoming));
            answer.report(&found);
            return Ok(true);
        }
        // A user who loads a patch needs the result, and not additional information.
        found.retain(|diagnostic| diagnostic.severity != Severity::Note);
        answer.report(&found);
        if any_error(&found) {
            return Ok(false);
        }
        let on_stall = match self.on_stall {
            Choice::Reverse => OnStall::Reverse,
            Choice::Wait => OnStall::Wait,
        };
        // An argument of a process has no NUL.
        let parameters = CString::new(parameters).unwrap_or_default();
        let what = format!("loading {}", module.incoming.name);
        let ended = context.watching(&what, self.timeout.duration(), |watch| {
            load(system, module, &parameters, on_stall, watch)
        })?;
        let Some(patch) = context.ended(ended, answer) else { return Ok(false) };
        answer.say(describe(&patch, &Behind::default()));
        answer.patches.push(Patch::loaded(&patch).with_parameters(system));
        Ok(true)
    }
}

/// The files, each with the parameters that follow it, as the kernel parses them.
fn requests(items: &[OsString]) -> Result<Vec<(PathBuf, String)>, Diagnostic> {
    let mut requests: Vec<(PathBuf, String)> = Vec::new();
    for item in items {
        match (parameter(item), requests.last_mut()) {
            (Some(parameter), Some((_, parameters))) => {
                if !parameters.is_empty() {
                    parameters.push(' ');
                }
                parameters.push_str(&parameter);
            }
            _ => requests.push((item.into(), String::new())),
        }
    }
    Ok(requests)
}

/// `NAME=VALUE`. The kernel takes a space for the end of a value that has no quotes (`next_arg()`
/// in `lib/cmdline.c`).
fn parameter(item: &OsString) -> Option<String> {
    let (name, value) = item.to_str()?.split_once('=')?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    if name.is_empty() || !name.chars().all(is_plain) {
        return None;
    }
    let needs_quotes = value.contains(char::is_whitespace) && !value.contains('"');
    Some(if needs_quotes { format!("{name}=\"{value}\"") } else { format!("{name}={value}") })
}
