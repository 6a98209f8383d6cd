// SPDX-License-Identifier: GPL-2.0
//! The machine from which others are managed: the real Ansible, and the collection, which comes
//! there as its README says.

use super::readme;
use kps_tests::debian::{Disk, Key};
use kps_tests::{printed, repository};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Where the README has the livepatches.
const LIVEPATCHES: &str = "/srv/livepatches";

/// The group of the machines, in the README too.
pub(super) const GROUP: &str = "web";

/// A folder with the collection, an inventory, playbooks and livepatches.
pub(super) struct Controller {
    folder: tempfile::TempDir,
    programs: PathBuf,
    is_pipelined: bool,
}

impl Controller {
    /// One that manages nothing yet.
    pub(super) fn new() -> Controller {
        let programs = repository().join(xtask::ansible::FOLDER).join("bin");
        assert!(programs.exists(), "there is no Ansible: `cargo xtask test fleet` installs it");
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let controller = Controller { folder, programs, is_pipelined: false };
        std::os::unix::fs::symlink(repository().join("deploy"), controller.path("deploy"))
            .unwrap_or_else(|error| panic!("{error}"));
        controller.succeeds(&readme("ansible-galaxy collection build"));
        controller
    }

    /// It runs modules without a file on the machine, which takes a fifth less time than Ansible's
    /// default, and which many administrators choose.
    pub(super) fn pipelined(self) -> Controller {
        Controller { is_pipelined: true, ..self }
    }

    /// It manages the machines of these disks, with these host names.
    pub(super) fn manages(&self, hosts: &[&str], disks: &[Disk], key: &Key) {
        let mut inventory = format!("[{GROUP}]\n{}\n[{GROUP}:vars]\n", hosts.join("\n"));
        let config = key.config(disks);
        let _ = writeln!(
            inventory,
            "ansible_python_interpreter=/usr/bin/python3\nansible_ssh_common_args=-F {}",
            config.display()
        );
        self.write("inventory", inventory);
    }

    /// Writes a livepatch where the playbooks have it.
    pub(super) fn livepatch(&self, name: &str, module: &[u8]) {
        self.write(&format!("{name}.ko"), module);
    }

    /// Writes a playbook of the README.
    pub(super) fn playbook(&self, name: &str, text: &str) {
        let here = self.folder.path().display().to_string();
        self.write(name, text.replace(LIVEPATCHES, &here));
    }

    /// Runs a script of the README, which must succeed: what it says.
    pub(super) fn succeeds(&self, script: &str) -> String {
        let (is_done, said) = self.run(script);
        assert!(is_done, "{script}:\n{said}");
        said
    }

    /// Runs a script that must fail: what it says.
    pub(super) fn fails(&self, script: &str) -> String {
        let (is_done, said) = self.run(script);
        assert!(!is_done, "{script} has not failed:\n{said}");
        said
    }

    /// A path in its folder.
    pub(super) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, contents: impl AsRef<[u8]>) {
        std::fs::write(self.path(name), contents).unwrap_or_else(|error| panic!("{name}: {error}"));
    }

    /// Nothing of this user's own Ansible is in the environment, nor of another case: Ansible's
    /// connections are shared by all that have one home and one name of a host.
    fn run(&self, script: &str) -> (bool, String) {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::iter::once(self.programs.clone()).chain(std::env::split_paths(&path));
        let path = std::env::join_paths(path).unwrap_or_else(|error| panic!("{error}"));
        let own = std::env::vars_os().map(|(name, _)| name);
        let own = own.filter(|name| name.to_string_lossy().starts_with("ANSIBLE_"));
        let mut shell = Command::new("sh");
        own.for_each(|name| {
            shell.env_remove(name);
        });
        shell
            .args(["-ec", script])
            .current_dir(self.folder.path())
            .env("PATH", path)
            .env("LC_ALL", "C.UTF-8")
            .env("HOME", self.path("home"))
            // A machine that is emulated beside others may be slow to answer.
            .env("ANSIBLE_TIMEOUT", "60")
            .env("ANSIBLE_PIPELINING", self.is_pipelined.to_string())
            .env("ANSIBLE_INVENTORY", self.path("inventory"));
        let output = shell.output().unwrap_or_else(|error| panic!("{script}: {error}"));
        (output.status.success(), printed(&output))
    }
}
