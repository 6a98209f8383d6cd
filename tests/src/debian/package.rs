// SPDX-License-Identifier: GPL-2.0
//! Packages that tests want to be there.

use super::repository::said;
use super::Files;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

/// A package without files of which dpkg says that it is installed, so that others can depend on an
/// exact version of it: a kernel's is 50 MB, and the machine has its kernel from QEMU.
#[derive(Debug, Clone)]
pub struct Package {
    name: String,
    version: String,
}

impl Package {
    /// A package for the machine's architecture.
    pub fn new(name: &str, version: &str) -> Package {
        Package { name: name.to_owned(), version: version.to_owned() }
    }

    /// A script that enters it into dpkg's database. In place of another version it takes dpkg
    /// itself.
    pub(super) fn install(&self) -> String {
        let Package { name, version } = self;
        let architecture = kps_arch::native().debian.architecture;
        format!(
            "cat >> /var/lib/dpkg/status << END\n\
             Package: {name}\nStatus: install ok installed\nPriority: optional\nSection: kernel\n\
             Maintainer: A test <test@localhost>\nArchitecture: {architecture}\n\
             Version: {version}\nDescription: a package that a test wants to be there\n\nEND\n\
             echo /. > /var/lib/dpkg/info/{name}.list\n"
        )
    }
}

/// The file of a package for every architecture: more lines of its `control`, its scripts by their
/// names there, and its files by their paths in the machine.
pub fn deb(package: &Package, lines: &str, scripts: &[(&str, &str)], files: &Files) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let Package { name, version } = package;
    let control = format!(
        "Package: {name}\nVersion: {version}\nArchitecture: all\n\
         Maintainer: A test <test@localhost>\nDescription: a package of a test\n{lines}"
    );
    let put = |path: &str, bytes: &[u8], mode: u32| {
        let path = folder.path().join("tree").join(path.trim_start_matches('/'));
        let parent = path.parent().unwrap_or(folder.path());
        std::fs::create_dir_all(parent)
            .and_then(|()| std::fs::write(&path, bytes))
            .and_then(|()| std::fs::set_permissions(&path, Permissions::from_mode(mode)))
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    };
    put("DEBIAN/control", control.as_bytes(), 0o644);
    scripts.iter().for_each(|(name, text)| put(&format!("DEBIAN/{name}"), text.as_bytes(), 0o755));
    files.iter().for_each(|(path, bytes)| put(path, bytes, 0o644));
    let file = folder.path().join("package.deb");
    let mut build = Command::new("dpkg-deb");
    said(
        build
            .args(["--root-owner-group", "-Znone", "--build"])
            .args([&folder.path().join("tree"), &file]),
    );
    std::fs::read(&file).unwrap_or_else(|error| panic!("{error}"))
}
