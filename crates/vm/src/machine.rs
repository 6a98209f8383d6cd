// SPDX-License-Identifier: GPL-2.0
//! What a virtual machine is made of, and why one is of no use.

use kps_targets::{Target, Templates};
use std::io;
use std::path::PathBuf;

/// What to start.
#[derive(Debug, Clone)]
pub struct Machine {
    /// The kernel, a `bzImage`.
    pub image: PathBuf,
    /// A static busybox.
    pub busybox: PathBuf,
    /// More words for the kernel's command line. A machine with some is booted anew.
    pub append: String,
    /// Files to put in, by their path in the machine.
    pub files: Vec<(String, Vec<u8>)>,
    /// Programs to put in, likewise.
    pub programs: Vec<(String, Vec<u8>)>,
    /// Modules to load when it runs, by their names, each behind those that it depends on.
    pub modules: Vec<(String, Vec<u8>)>,
    /// Where the target's template machine is kept; without a place every machine is booted anew.
    pub templates: Option<Templates>,
}

impl Machine {
    /// A machine for a target. The busybox is the one that came with it, or the host's.
    pub fn of(target: &Target, files: Vec<(String, Vec<u8>)>) -> Result<Machine, VmError> {
        let host = ["/bin/busybox", "/usr/bin/busybox"].iter().map(PathBuf::from);
        let busybox = target.busybox().into_iter().chain(host).find(|path| path.exists());
        let Some(busybox) = busybox else {
            return Err(VmError::Missing { program: "busybox", package: "busybox-static" });
        };
        Ok(Machine {
            image: target.image(),
            busybox,
            append: String::new(),
            files,
            programs: Vec::new(),
            modules: Vec::new(),
            templates: Some(target.templates()),
        })
    }
}

/// Why a machine is of no use.
#[derive(Debug, thiserror::Error)]
pub enum VmError {
    /// A program is missing.
    #[error("`{program}` is not installed")]
    Missing {
        /// The program.
        program: &'static str,
        /// The package that has it.
        package: &'static str,
    },
    /// Something around the machine failed.
    #[error("{what}: {error}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// What went wrong.
        error: io::Error,
    },
    /// A module is not taken.
    #[error("the kernel did not load the module {name}")]
    Module {
        /// Its name.
        name: String,
        /// What was said.
        log: String,
    },
    /// It said nothing for too long.
    #[error("the virtual machine did not answer for {seconds} s")]
    Silent {
        /// How long.
        seconds: u64,
        /// The end of the kernel's log.
        log: String,
    },
    /// It ended.
    #[error("the virtual machine stopped")]
    Stopped {
        /// The end of the kernel's log, and what QEMU said.
        log: String,
    },
    /// The kernel complained.
    #[error("the kernel complained: {line}")]
    Complaint {
        /// The line.
        line: String,
        /// The kernel's log from a little before it.
        log: String,
    },
}

impl VmError {
    /// The error on one line, with the last that the machine has said.
    pub(super) fn whole(&self) -> String {
        let log = match self {
            VmError::Missing { .. } | VmError::Io { .. } => "",
            VmError::Module { log, .. }
            | VmError::Silent { log, .. }
            | VmError::Stopped { log }
            | VmError::Complaint { log, .. } => log,
        };
        match log.lines().rfind(|line| !line.trim().is_empty()) {
            Some(line) => format!("{self} ({})", line.trim()),
            None => self.to_string(),
        }
    }
}

/// Makes an error of something around the machine say what was tried.
pub(super) fn io_error(what: &'static str) -> impl FnOnce(io::Error) -> VmError {
    move |error| VmError::Io { what, error }
}
