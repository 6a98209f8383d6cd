// SPDX-License-Identifier: GPL-2.0
//! A small Debian with systemd, for what is about a whole system: how it boots, what is still there
//! after the next boot, and what a power cut leaves.

mod root;

use crate::target::{machine, Vm};
use kps_vm::{Guest, Machine, Root, VmError};
use std::path::Path;
use std::process::Command;

/// Files by their path in the machine.
pub type Files = Vec<(String, Vec<u8>)>;

/// A disk that a Debian boots from, as often as a case needs.
pub struct Disk {
    image: tempfile::NamedTempFile,
    files: Files,
    programs: Files,
}

impl Disk {
    /// A new disk, to which these files and programs come when it has booted for the first time.
    pub fn new(files: Files, programs: Files) -> Disk {
        let image = tempfile::NamedTempFile::new().unwrap_or_else(|error| panic!("{error}"));
        copy(root::image(), image.path());
        Disk { image, files, programs }
    }

    /// Boots from it, with more words on the kernel's command line, and waits until all of
    /// `multi-user.target` has started. One machine at a time may run.
    pub fn boot(&mut self, append: &str) -> Vm {
        Vm::boot_machine(&self.machine(append))
    }

    /// Boots from it, which the machine does not survive: what its console has shown of that.
    pub fn goes_down(&mut self, append: &str) -> String {
        match Guest::boot(&self.machine(append)) {
            Ok(_) => panic!("the machine has booted"),
            Err(VmError::Complaint { log, .. } | VmError::Stopped { log }) => log,
            Err(error) => panic!("{error}\n{error:?}"),
        }
    }

    fn machine(&mut self, append: &str) -> Machine {
        Machine {
            root: Root::Disk(self.image.path().to_owned()),
            append: format!("root=/dev/nvme0n1 rw systemd.show_status=auto {append}"),
            programs: std::mem::take(&mut self.programs),
            ..machine(std::mem::take(&mut self.files))
        }
    }
}

/// Copies an image and leaves its holes.
fn copy(from: &Path, to: &Path) {
    let mut copy = Command::new("cp");
    copy.args(["--sparse=always", "--reflink=auto"]).args([from, to]);
    let copied = copy.status().unwrap_or_else(|error| panic!("cp: {error}"));
    assert!(copied.success(), "{copy:?}: {copied}");
}
