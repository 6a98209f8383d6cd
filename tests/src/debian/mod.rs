// SPDX-License-Identifier: GPL-2.0
//! A Debian with systemd, for what is about a whole system: how it boots, what is still there after
//! the next boot, what a power cut leaves, which packages come and go, and what is done to several
//! machines over a network.
//!
//! A case has its own [`Disk`], and says before the first boot what is on it:
//!
//! ```no_run
//! use kps_tests::debian::{boot_all, Disk, Key, Package};
//!
//! let key = Key::new();
//! let kernel = Package::new("linux-image-7.3.4+deb13-cloud-amd64", "7.3.4-1~bpo13+1");
//! let mut first = Disk::new(Vec::new(), Vec::new()).with_installed(&kernel);
//! first.boot("").shut_down();
//! let mut disks = ["one", "two"].map(|host| first.copy().named(host).with_network(&key));
//! let machines = boot_all(&mut disks);
//! let config = key.config(&disks); // for `ssh -F` and Ansible
//! ```

mod network;
mod package;
mod repository;
mod root;

pub use network::Key;
pub use package::{deb, Package};
pub use repository::Repository;

use crate::target::{machine, Vm};
use kps_vm::{Guest, Machine, Root, VmError};
use network::Port;
use sha2::{Digest as _, Sha256};
use std::path::Path;
use std::process::Command;

/// Files by their path in the machine.
pub type Files = Vec<(String, Vec<u8>)>;

/// A disk that a Debian boots from, as often as a case needs.
pub struct Disk {
    image: tempfile::NamedTempFile,
    files: Files,
    programs: Files,
    /// Scripts to run when it has booted for the first time.
    scripts: Vec<String>,
    host: Option<String>,
    port: Option<Port>,
}

impl Disk {
    /// A new disk, to which these files and programs come when it has booted for the first time.
    ///
    /// It has what administrators manage a machine with: apt, dpkg and a database of all packages
    /// that are there, unattended-upgrades, Python, and rpm. apt has no sources. rpm wants
    /// `--force-debian`; one of its packages provides `/bin/sh`, and there are no others.
    pub fn new(files: Files, programs: Files) -> Disk {
        Disk::with_image(root::image(), files, programs)
    }

    /// A disk with all that is on this one, from which no machine may run meanwhile. It has neither
    /// its name nor its network.
    pub fn copy(&self) -> Disk {
        let (files, programs) = (self.files.clone(), self.programs.clone());
        let copy = Disk::with_image(self.image.path(), files, programs);
        Disk { scripts: self.scripts.clone(), ..copy }
    }

    /// Its machine has a host name of its own, and so a machine id. Otherwise it is `debian`.
    pub fn named(self, host: &str) -> Disk {
        Disk { host: Some(host.to_owned()), ..self }
    }

    /// Its machine has a network with an SSH server. Root logs in with this key, at a port of
    /// 127.0.0.1 that stays the same for all boots. The machine itself reaches nothing.
    pub fn with_network(mut self, key: &Key) -> Disk {
        let (files, script) = network::prepared(key);
        self.files.extend(files);
        self.scripts.push(script);
        Disk { port: Some(Port::free()), ..self }
    }

    /// In its machine, dpkg says that this package is installed.
    pub fn with_installed(mut self, package: &Package) -> Disk {
        self.scripts.push(package.install());
        self
    }

    /// The port of 127.0.0.1 at which root logs in.
    pub fn ssh_port(&self) -> u16 {
        self.port.as_ref().unwrap_or_else(|| panic!("the disk has no network")).number()
    }

    /// Boots from it, with more words on the kernel's command line, and waits until all of
    /// `multi-user.target` has started, and its network. Only one machine may run from a disk:
    /// several have a copy each.
    pub fn boot(&mut self, append: &str) -> Vm {
        let machine = self.machine(append);
        self.prepared(Vm::boot_machine(&machine))
    }

    /// Boots from it, which the machine does not survive: what its console has shown of that.
    pub fn goes_down(&mut self, append: &str) -> String {
        match Guest::boot(&self.machine(append)) {
            Ok(_) => panic!("the machine has booted"),
            Err(VmError::Complaint { log, .. } | VmError::Stopped { log }) => log,
            Err(error) => panic!("{error}\n{error:?}"),
        }
    }

    /// Does in a machine that has booted what is still to be done.
    fn prepared(&mut self, mut vm: Vm) -> Vm {
        std::mem::take(&mut self.scripts).iter().for_each(|script| {
            vm.sh(script);
        });
        if self.port.is_some() {
            vm.sh(network::IS_UP);
        }
        vm
    }

    fn with_image(image: &Path, files: Files, programs: Files) -> Disk {
        let own = tempfile::NamedTempFile::new().unwrap_or_else(|error| panic!("{error}"));
        copy(image, own.path());
        Disk { image: own, files, programs, scripts: Vec::new(), host: None, port: None }
    }

    fn machine(&mut self, append: &str) -> Machine {
        let named = self.host.as_deref().map(named).unwrap_or_default();
        Machine {
            root: Root::Disk(self.image.path().to_owned()),
            append: format!("root=/dev/nvme0n1 rw systemd.show_status=auto {named} {append}"),
            programs: std::mem::take(&mut self.programs),
            ssh_port: self.port.as_ref().map(Port::number),
            ..machine(std::mem::take(&mut self.files))
        }
    }
}

/// Boots from several disks at once. Each machine takes 1 GiB of memory.
pub fn boot_all(disks: &mut [Disk]) -> Vec<Vm> {
    let machines: Vec<_> = disks.iter_mut().map(|disk| disk.machine("")).collect();
    let booted = Vm::boot_machines(&machines);
    disks.iter_mut().zip(booted).map(|(disk, vm)| disk.prepared(vm)).collect()
}

/// The words that name a machine to systemd. What shows itself on a network as one of several must
/// have its own machine id as well.
fn named(host: &str) -> String {
    let digest = Sha256::digest(host);
    let id: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    format!("systemd.hostname={host} systemd.machine_id={id}")
}

/// Copies an image and leaves its holes.
fn copy(from: &Path, to: &Path) {
    let mut copy = Command::new("cp");
    copy.args(["--sparse=always", "--reflink=auto"]).args([from, to]);
    let copied = copy.status().unwrap_or_else(|error| panic!("cp: {error}"));
    assert!(copied.success(), "{copy:?}: {copied}");
}
