// SPDX-License-Identifier: GPL-2.0
//! The livepatches of the running kernel, and how to load and unload them.
//!
//! Everything is read from sysfs and procfs, below a root that tests can fill by hand. Loading and
//! unloading wait for states and not for time; `Documentation/livepatch/livepatch.rst` of the
//! kernel describes these states.

mod certificate;
mod incoming;
mod information;
mod kmsg;
mod livepatches;
mod module;
mod note;
mod preflight;
mod refusal;
pub mod setup;
mod signature;
mod stall;
pub mod store;
mod tables;
mod tasks;
mod transition;
mod watch;
mod x509;

pub use certificate::Certificate;
pub use incoming::Incoming;
pub use information::{Information, Parameter};
pub use livepatches::{is_another, livepatches, parameters, Changed, Livepatch, State};
pub use module::{look_into, open, ModuleFile, Other};
pub use note::note;
pub use preflight::{preflight, preflight_without, verdict, Kernel};
pub use refusal::check_root;
pub use signature::{unsigned, Signature};
pub use stall::{describe, remedies, Remedy, Stall};
pub use tables::{Function, Object};
pub use tasks::{tasks_in, Behind, Task, Unit};
pub use transition::{
    check_transition, disable, enable, find, force, load, not_there, unload, wait, Ended, OnStall,
};
pub use watch::{behind, Watch};

use kps_diag::{Diagnostic, LIVEPATCH_DISABLED};
use kps_host::input::read_at_most;
use std::path::{Path, PathBuf};

/// The file systems of a kernel, and the program that looks at them.
#[derive(Debug, Clone)]
pub struct System {
    root: PathBuf,
    /// The program's name, for the commands that messages advise.
    program: &'static str,
}

impl System {
    /// The kernel that runs this program.
    pub fn running(program: &'static str) -> Self {
        System { root: "/".into(), program }
    }

    /// A kernel whose file systems are below a folder.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        System { root: root.into(), program: "kpsc" }
    }

    /// The folder of livepatches. It is missing if the kernel does not support them.
    fn livepatch(&self) -> Result<PathBuf, Diagnostic> {
        let folder = self.path("sys/kernel/livepatch");
        match folder.is_dir() {
            true => Ok(folder),
            false => Err(Diagnostic::new(
                LIVEPATCH_DISABLED,
                "the running kernel does not support livepatches",
            )
            .note(format!("there is no folder {}", folder.display()))
            .help("boot a kernel with CONFIG_LIVEPATCH; in a container, run this on the host")),
        }
    }

    /// The folder of a module, loaded or built in.
    fn module(&self, name: &str) -> PathBuf {
        self.path("sys/module").join(name)
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }
}

/// The name of a module in what people type for it: a path, a file's name, or with `-` for `_`, as
/// the kernel's own tools take them.
pub fn name_of(text: &str) -> String {
    let file = text.rsplit('/').next().unwrap_or(text);
    file.strip_suffix(".ko").unwrap_or(file).replace('-', "_")
}

/// The contents of a file of sysfs or procfs; `None` if it is missing or not readable.
fn read(path: &Path) -> Option<String> {
    const MOST: u64 = 1 << 16;
    let bytes = read_at_most(path, MOST).ok()??;
    Some(String::from_utf8_lossy(&bytes).trim_end().to_owned())
}
