// SPDX-License-Identifier: GPL-2.0
//! `kpsc link`, which Kbuild calls instead of the linker.

use super::{report, CommandResult};
use kps_diag::{Diagnostic, EARLY_TABLE, POST_LINK_FAILED, PROGRAM_FAILED, VERIFY_FAILED};
use kps_host::below::read_below;
use kps_host::disk::{cannot, write_atomically};
use kps_host::input;
use kps_link::{post_link, verify, PostLinkError};
use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

#[derive(Debug, clap::Args)]
pub(super) struct Link {
    /// The linker and its arguments.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    command: Vec<OsString>,
}

impl Link {
    pub(super) fn run(mut self) -> CommandResult {
        let output = self.command.iter().position(|word| word == "-o").map(|at| at + 1);
        let module = output.filter(|&at| {
            self.command
                .get(at)
                .is_some_and(|path| Path::new(path).extension() == Some("ko".as_ref()))
        });
        let Some(at) = module else {
            return self.link();
        };
        let module = self.command[at].clone();
        // The linker's output has another name until it is a livepatch.
        let mut linked = module.clone();
        linked.push(".linked");
        self.command[at] = linked.clone();
        let code = self.link()?;
        if code != 0 {
            return Ok(code);
        }
        let linked = Path::new(&linked);
        let folder = linked.parent().filter(|folder| !folder.as_os_str().is_empty());
        let name = linked.file_name().unwrap_or_default();
        let bytes = read_below(folder.unwrap_or(Path::new(".")), name, input::MODULE);
        let removed =
            std::fs::remove_file(linked).map_err(|error| cannot("remove", linked, &error));
        let bytes = bytes?;
        removed?;
        let mut refused = crate::build::of_linked(&bytes);
        refused.extend(crate::build::of_make(Path::new(&module))?);
        if !refused.is_empty() {
            return Ok(report(&refused, None));
        }
        let finish = || -> Result<Vec<u8>, Diagnostic> {
            let bug = |code, error: String| {
                Diagnostic::new(code, error).help("report this with the spec")
            };
            let converted = post_link(&bytes).map_err(|error| match error {
                PostLinkError::Early(_) => Diagnostic::new(EARLY_TABLE, error.to_string())
                    .help("`kpsc build` shows where a body uses it"),
                _ => bug(POST_LINK_FAILED, error.to_string()),
            })?;
            verify(&converted).map_err(|error| bug(VERIFY_FAILED, error.to_string()))?;
            Ok(converted)
        };
        match finish() {
            Ok(converted) => {
                write_atomically(Path::new(&module), &converted)?;
                Ok(0)
            }
            Err(error) => Ok(report(&[error], None)),
        }
    }

    fn link(&self) -> CommandResult {
        let status = Command::new(&self.command[0]).args(&self.command[1..]).status();
        match status {
            Ok(status) => Ok(status.code().and_then(|code| code.try_into().ok()).unwrap_or(1)),
            Err(error) => {
                let program = self.command[0].to_string_lossy().into_owned();
                Err(Diagnostic::new(PROGRAM_FAILED, format!("cannot run {program}: {error}"))
                    .help("check that it is installed and executable"))
            }
        }
    }
}
