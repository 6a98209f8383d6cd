// SPDX-License-Identifier: GPL-2.0
//! The parts of a virtual machine, and its errors.

use kps_targets::{Target, Templates};
use std::io;
use std::path::{Path, PathBuf};

/// The machine to start.
#[derive(Debug, Clone)]
pub struct Machine {
    /// The kernel, a `bzImage`.
    pub image: PathBuf,
    /// What it boots to.
    pub root: Root,
    /// The kernel's facts.
    pub facts: PathBuf,
    /// Extra arguments for the kernel's command line. A machine that has some always boots.
    pub append: String,
    /// Files to add, by their path in the machine.
    pub files: Vec<(String, Vec<u8>)>,
    /// Programs to add, likewise.
    pub programs: Vec<(String, Vec<u8>)>,
    /// Modules to load after the start, by name, each after its dependencies.
    pub modules: Vec<(String, Vec<u8>)>,
    /// What boots the kernel in place of QEMU's own loader. A machine that has some always boots.
    pub firmware: Option<Firmware>,
    /// The port of the host's own address, `127.0.0.1`, that leads to the machine's SSH server. The
    /// machine then has a network of its own, which leads nowhere else. It always boots.
    pub ssh_port: Option<u16>,
    /// Where the target's template machine is kept; if `None`, every machine boots.
    pub templates: Option<Templates>,
}

impl Machine {
    /// A machine for a target. The busybox is the target's own, or the host's.
    pub fn of(target: &Target, files: Vec<(String, Vec<u8>)>) -> Result<Machine, VmError> {
        let host = ["/bin/busybox", "/usr/bin/busybox"].iter().map(PathBuf::from);
        let busybox = target.busybox().into_iter().chain(host).find(|path| path.exists());
        let Some(busybox) = busybox else {
            return Err(VmError::Missing { program: "busybox", package: "busybox-static" });
        };
        Ok(Machine {
            image: target.image(),
            root: Root::Initramfs(busybox),
            facts: target.facts_path(),
            append: String::new(),
            files,
            programs: Vec::new(),
            modules: Vec::new(),
            firmware: None,
            ssh_port: None,
            templates: Some(target.templates()),
        })
    }
}

/// A UEFI firmware.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Firmware {
    /// Its code.
    pub code: PathBuf,
    /// Its variables, which the machine writes to.
    pub variables: PathBuf,
}

/// The root file system of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Root {
    /// An initramfs with this static busybox, and an `init` that is the agent.
    Initramfs(PathBuf),
    /// The image of a disk with ext4, whose own `init` starts the agent (`agent.sh`). The machine
    /// writes to it.
    Disk(PathBuf),
}

impl Root {
    /// The busybox of an initramfs.
    pub fn busybox(&self) -> Option<&Path> {
        match self {
            Root::Initramfs(busybox) => Some(busybox),
            Root::Disk(_) => None,
        }
    }
}

/// Why a machine failed.
#[derive(Debug, thiserror::Error)]
pub enum VmError {
    /// A program is missing.
    #[error("`{program}` is not installed")]
    Missing {
        /// The program.
        program: &'static str,
        /// The package that contains it.
        package: &'static str,
    },
    /// An operation on the host failed.
    #[error("{what}: {error}")]
    Io {
        /// The operation.
        what: &'static str,
        /// The error.
        error: io::Error,
    },
    /// A module could not be loaded.
    #[error("the kernel did not load the module {name}")]
    Module {
        /// Its name.
        name: String,
        /// The error message.
        log: String,
    },
    /// It did not answer in time.
    #[error("the virtual machine did not answer for {seconds} s")]
    Silent {
        /// The time limit.
        seconds: u64,
        /// What its tasks were doing, or its processor.
        stacks: String,
        /// The end of the kernel's log.
        log: String,
    },
    /// It sent something that its agent does not send.
    #[error("the virtual machine's answer is none of its agent: {line}")]
    Garbled {
        /// The line.
        line: String,
        /// The end of the kernel's log.
        log: String,
    },
    /// It ended.
    #[error("the virtual machine stopped")]
    Stopped {
        /// The end of the kernel's log, and QEMU's output.
        log: String,
    },
    /// The kernel complained.
    #[error("the kernel complained: {line}")]
    Complaint {
        /// The line.
        line: String,
        /// The kernel's log around it.
        log: String,
    },
    /// The console does not show what the kernel logs.
    #[error("not all that the kernel logged has reached the console, so it may have complained")]
    LogLost {
        /// The end of the kernel's log.
        log: String,
    },
}

impl VmError {
    /// The error on one line, with the last line of the machine's output.
    pub(super) fn whole(&self) -> String {
        let log = match self {
            VmError::Missing { .. } | VmError::Io { .. } => "",
            VmError::Module { log, .. }
            | VmError::Silent { log, .. }
            | VmError::Garbled { log, .. }
            | VmError::Stopped { log }
            | VmError::Complaint { log, .. }
            | VmError::LogLost { log } => log,
        };
        match log.lines().rfind(|line| !line.trim().is_empty()) {
            Some(line) => format!("{self} ({})", line.trim()),
            None => self.to_string(),
        }
    }
}

/// Turns an I/O error on the host into a `VmError` that names the operation.
pub(super) fn io_error(what: &'static str) -> impl FnOnce(io::Error) -> VmError {
    move |error| VmError::Io { what, error }
}
