// SPDX-License-Identifier: GPL-2.0
//! The files outside of the store that have a machine load what is installed: units of systemd, a
//! script that packages of kernels run, and the configuration of `modprobe`.

use super::store::{Store, CONFIG};
use super::System;
use kps_diag::{Diagnostic, FILE_ERROR};
use kps_host::below::OpenFolder;
use kps_host::disk::cannot;
use kps_host::owner;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// A file: its folder below the root, its name, and its text, where `@KPSCTL@` is the program.
struct Template {
    folder: &'static str,
    name: &'static str,
    text: &'static str,
    is_script: bool,
}

/// Where systemd looks for the units of the administrator.
const UNITS: &str = "etc/systemd/system";
/// The units that are enabled.
const WANTS: &str = "multi-user.target.wants";
const MODPROBE: &str = "etc/modprobe.d";

const TEMPLATES: [Template; 3] = [
    Template {
        folder: UNITS,
        name: "kpsc.service",
        text: include_str!("../../../templates/operate/kpsc.service"),
        is_script: false,
    },
    Template {
        folder: UNITS,
        name: "kpsc-booted.service",
        text: include_str!("../../../templates/operate/kpsc-booted.service"),
        is_script: false,
    },
    Template {
        folder: "etc/kernel/postinst.d",
        name: "zz-kpsc",
        text: include_str!("../../../templates/operate/zz-kpsc"),
        is_script: true,
    },
];

/// Whether a unit loads what is installed.
pub fn is_set_up(system: &System) -> bool {
    system.path(UNITS).join(WANTS).join("kpsc.service").symlink_metadata().is_ok()
}

/// Writes all of them, and enables the units for the next boot. Returns their paths.
pub fn write(system: &System) -> Result<Vec<PathBuf>, Diagnostic> {
    let program = program()?;
    let units = existing(&system.path(UNITS))
        .map_err(|error| error.help("the units are for machines that systemd boots"))?;
    let mut written = Vec::new();
    for Template { folder, name, text, is_script } in TEMPLATES {
        let folder = made(system, folder)?;
        folder.replace(name, text.replace("@KPSCTL@", &program).as_bytes())?;
        if is_script {
            folder.make_executable(name)?;
        }
        written.push(folder.path().join(name));
    }
    let wants = units.make(WANTS)?;
    for name in TEMPLATES.iter().filter(|file| file.folder == UNITS).map(|file| file.name) {
        wants.remove(name)?;
        wants.make_link(name, &format!("../{name}"))?;
        written.push(wants.path().join(name));
    }
    wants.sync()?;
    let modprobe = made(system, MODPROBE)?;
    Store::of(system).write_modprobe(Path::new(&program))?;
    written.push(modprobe.path().join(CONFIG));
    Ok(written)
}

/// Removes what [`write`] has written. Returns the paths that were there.
pub fn remove(system: &System) -> Result<Vec<PathBuf>, Diagnostic> {
    let mut removed = Vec::new();
    let wants = format!("{UNITS}/{WANTS}");
    let links = TEMPLATES.iter().filter(|file| file.folder == UNITS);
    let links = links.map(|file| (wants.as_str(), file.name));
    for (folder, name) in links.chain(TEMPLATES.iter().map(|file| (file.folder, file.name))) {
        let Some(folder) = OpenFolder::open(&system.path(folder))? else { continue };
        if folder.remove(name)? {
            folder.sync()?;
            removed.push(folder.path().join(name));
        }
    }
    if Store::of(system).remove_modprobe()? {
        removed.push(system.path(MODPROBE).join(CONFIG));
    }
    Ok(removed)
}

/// Has `modprobe` know the installed patches, on a machine that is set up.
pub fn renew_modprobe(system: &System) -> Result<(), Diagnostic> {
    match is_set_up(system) {
        true => Store::of(system).write_modprobe(Path::new(&program()?)),
        false => Ok(()),
    }
}

/// This program, by a path that units, shells and `modprobe` take as it is. They run it as root.
fn program() -> Result<String, Diagnostic> {
    let path = std::env::current_exe()
        .map_err(|error| cannot("find", Path::new("this program"), &error))?;
    let refused = |message: String| {
        Err(Diagnostic::new(FILE_ERROR, message)
            .note("systemd and modprobe would run it as root")
            .help("install the program in a folder such as /usr/sbin, and call it there"))
    };
    if let Some(other) = owner::other(&path) {
        return refused(format!("another user can change {}: {other}", path.display()));
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/.+-_".contains(c);
    match path.to_str().filter(|path| path.chars().all(is_plain)) {
        Some(path) => Ok(path.to_owned()),
        None => refused(format!("{} has special characters in its path", path.display())),
    }
}

fn existing(path: &Path) -> Result<OpenFolder, Diagnostic> {
    OpenFolder::open(path)?.ok_or_else(|| cannot("open", path, &ErrorKind::NotFound.into()))
}

/// A folder below the root, which is made if it is missing.
fn made(system: &System, folder: &str) -> Result<OpenFolder, Diagnostic> {
    let root = existing(&system.path(""))?;
    folder.split('/').try_fold(root, |folder, name| folder.make(name))
}
