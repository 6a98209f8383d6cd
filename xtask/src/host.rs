//! The programs of the host that kpsc and its tests call.

use anyhow::{bail, Context as _, Result};
use std::path::Path;
use std::process::Command;

/// A program and the Debian package that has it.
const PROGRAMS: &[(&str, &str)] = &[
    ("apt-get", "apt"),
    ("bwrap", "bubblewrap"),
    ("cc", "gcc"),
    ("make", "make"),
    ("qemu-system-x86_64", "qemu-system-x86"),
];

/// The keys that Debian's archive is signed with.
const KEYRING: (&str, &str) = ("/usr/share/keyrings/debian-archive-keyring.gpg", "debian-archive-keyring");

/// Installs what is missing, as root on a Debian-like machine; elsewhere says what to run.
pub(crate) fn prepare() -> Result<()> {
    let mut missing: Vec<&str> =
        PROGRAMS.iter().filter(|(program, _)| !is_installed(program)).map(|(_, package)| *package).collect();
    if !Path::new(KEYRING.0).exists() && !Path::new(&KEYRING.0.replace(".gpg", ".pgp")).exists() {
        missing.push(KEYRING.1);
    }
    if missing.is_empty() {
        return Ok(());
    }
    let packages = missing.join(" ");
    let line = format!("apt-get install --no-install-recommends -y {packages}");
    if !is_root() || !is_installed("apt-get") {
        bail!("this machine lacks {packages}; as root, run:\n\n    apt-get update && {line}\n");
    }
    println!("Installing on this machine: {packages}");
    for arguments in [vec!["update", "-q"], line.split(' ').skip(1).collect()] {
        let output = Command::new("apt-get")
            .args(&arguments)
            .env("DEBIAN_FRONTEND", "noninteractive")
            .output()
            .context("cannot run apt-get")?;
        if !output.status.success() {
            bail!("apt-get failed:\n{}", String::from_utf8_lossy(&output.stderr));
        }
    }
    Ok(())
}

fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).exists())
}

fn is_root() -> bool {
    // The owner of this process's own files in /proc is who it runs as.
    std::fs::metadata("/proc/self").is_ok_and(|metadata| std::os::unix::fs::MetadataExt::uid(&metadata) == 0)
}
