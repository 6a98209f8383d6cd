// SPDX-License-Identifier: GPL-2.0
//! A repository of packages that a machine has in a folder, signed as apt demands.

use super::Files;
use crate::printed;
use sha2::{Digest as _, Sha256};
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Where the repository is in the machine.
const FOLDER: &str = "/srv/repository";
/// Its public key there.
const KEYRING: &str = "/usr/share/keyrings/test.gpg";

/// A repository that grows: a machine that gets its files again sees the newer packages. The
/// archive's `Origin` and `Suite` are `Test` and `stable`.
pub struct Repository {
    home: tempfile::TempDir,
    packages: Files,
}

impl Repository {
    /// A repository without packages, and with a key of its own.
    #[expect(clippy::new_without_default, reason = "no repository is the usual one")]
    pub fn new() -> Repository {
        let home = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let repository = Repository { home, packages: Vec::new() };
        let key = ["--passphrase", "", "--quick-generate-key", "test@localhost", "ed25519", "sign"];
        repository.gpg(&key);
        repository
    }

    /// Adds the file of a package, by its name: `NAME_VERSION_ARCHITECTURE.deb`.
    pub fn add(&mut self, name: &str, package: Vec<u8>) {
        self.packages.push((name.to_owned(), package));
    }

    /// What of it is in the machine: the packages, the signed index, the key, and the source for
    /// apt, which has no other.
    pub fn files(&self) -> Files {
        let index = self.packages.iter().map(|(name, package)| stanza(name, package));
        let index = index.collect::<String>();
        let release = format!(
            "Origin: Test\nSuite: stable\nCodename: stable\nDate: {}\nSHA256:\n {} {} Packages\n",
            said(Command::new("date").args(["-Ru"])).trim(),
            digest(index.as_bytes()),
            index.len()
        );
        let text = self.home.path().join("Release");
        std::fs::write(&text, release).unwrap_or_else(|error| panic!("{error}"));
        let signed = self.gpg(&["--output", "-", "--clearsign", &text.display().to_string()]);
        let source = format!("Types: deb\nURIs: file:{FOLDER}\nSuites: ./\nSigned-By: {KEYRING}\n");
        let in_folder = |name: &str| format!("{FOLDER}/{name}");
        let packages = self.packages.iter().map(|(name, file)| (in_folder(name), file.clone()));
        let others = [
            (in_folder("Packages"), index.into_bytes()),
            (in_folder("InRelease"), signed),
            (KEYRING.to_owned(), self.gpg(&["--export"])),
            ("/etc/apt/sources.list.d/test.sources".to_owned(), source.into_bytes()),
        ];
        packages.chain(others).collect()
    }

    /// Runs gpg with the keys of this repository alone.
    fn gpg(&self, words: &[&str]) -> Vec<u8> {
        let mut gpg = Command::new("gpg");
        gpg.arg("--homedir").arg(self.home.path()).args(["--batch", "--quiet"]).args(words);
        let output = gpg.output().unwrap_or_else(|error| panic!("gpg: {error}"));
        assert!(output.status.success(), "{gpg:?}:\n{}", printed(&output));
        output.stdout
    }
}

impl Drop for Repository {
    fn drop(&mut self) {
        // gpg has started an agent for this folder, which would outlive it.
        let mut end = Command::new("gpgconf");
        end.arg("--homedir").arg(self.home.path()).args(["--kill", "all"]);
        let _ = end.stdout(Stdio::null()).stderr(Stdio::null()).status();
    }
}

/// What the index says of a package.
fn stanza(name: &str, package: &[u8]) -> String {
    let file = tempfile::NamedTempFile::new().unwrap_or_else(|error| panic!("{error}"));
    std::fs::write(file.path(), package).unwrap_or_else(|error| panic!("{error}"));
    let mut stanza = control(file.path());
    let (size, digest) = (package.len(), digest(package));
    let _ = writeln!(stanza, "Filename: ./{name}\nSize: {size}\nSHA256: {digest}\n");
    stanza
}

/// What the file of a package says of it.
fn control(package: &Path) -> String {
    said(Command::new("dpkg-deb").arg("--field").arg(package))
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What a program prints, which must succeed.
pub(super) fn said(command: &mut Command) -> String {
    let output = command.env("LC_ALL", "C").output();
    let output = output.unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}:\n{}", printed(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
