//! Debian's archive, through the machine's own apt: it knows mirrors and proxies, and it checks the signatures.
//!
//! Everything apt writes goes to a folder of the cache, and its idea of what is installed is empty, so asking it for a
//! package gives the package and all that it depends on. Nothing is installed and root is not needed.

use super::cache::make_folder;
use super::toolchain::missing;
use super::{cannot, write_atomically};
use crate::diag::{Diagnostic, KPS0702, KPS0703, KPS0707};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A private view of the archive.
pub(super) struct Apt {
    folder: PathBuf,
}

const KEYRINGS: &[&str] =
    &["/usr/share/keyrings/debian-archive-keyring.gpg", "/usr/share/keyrings/debian-archive-keyring.pgp"];

impl Apt {
    /// A view of a suite and its backports.
    pub(super) fn new(folder: PathBuf, mirror: Option<&str>, suite: &str) -> Result<Apt, Diagnostic> {
        for part in ["lists/partial", "cache/archives/partial"] {
            make_folder(&folder.join(part))?;
        }
        let Some(keyring) = KEYRINGS.iter().find(|path| Path::new(path).exists()) else {
            return Err(Diagnostic::error(KPS0702, "the keys of Debian's archive are not installed")
                .help("install the package debian-archive-keyring"));
        };
        let mirror = match mirror {
            Some(mirror) => mirror.to_owned(),
            None => own_mirror()?,
        };
        if mirror.chars().any(|c| c.is_whitespace() || c.is_control() || c == ']') {
            return Err(Diagnostic::error(KPS0707, "the mirror is not an address"));
        }
        let source = |suite: &str| format!("deb [signed-by={keyring}] {mirror} {suite} main\n");
        let sources = source(suite) + &source(&format!("{suite}-backports"));
        write_atomically(&folder.join("sources.list"), sources.as_bytes())?;
        write_atomically(&folder.join("status"), b"")?;
        Ok(Apt { folder })
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        let folder = self.folder.display();
        let options = [
            format!("Dir::Etc::sourcelist={folder}/sources.list"),
            "Dir::Etc::sourceparts=-".to_owned(),
            "Dir::Etc::preferences=-".to_owned(),
            "Dir::Etc::preferencesparts=-".to_owned(),
            format!("Dir::State={folder}"),
            format!("Dir::State::status={folder}/status"),
            format!("Dir::Cache={folder}/cache"),
            "APT::Architecture=amd64".to_owned(),
            "APT::Install-Recommends=false".to_owned(),
            "APT::Sandbox::User=root".to_owned(),
            "APT::Get::Assume-Yes=true".to_owned(),
        ];
        for option in options {
            command.arg("-o").arg(option);
        }
        command.env("LC_ALL", "C");
        command
    }

    /// Fetches the package lists.
    pub(super) fn update(&self) -> Result<(), Diagnostic> {
        run(self.command("apt-get").args(["update", "-q"])).map(drop)
    }

    /// The names of all packages that start so.
    pub(super) fn names(&self, prefix: &str) -> Result<Vec<String>, Diagnostic> {
        let names = run(self.command("apt-cache").arg("pkgnames").arg(prefix))?;
        Ok(names.lines().map(str::to_owned).collect())
    }

    /// The newest version of a package.
    pub(super) fn version(&self, package: &str) -> Result<String, Diagnostic> {
        let shown = run(self.command("apt-cache").args(["show", "--no-all-versions"]).arg(package))?;
        match shown.lines().find_map(|line| line.strip_prefix("Version: ")) {
            Some(version) => Ok(version.to_owned()),
            None => Err(Diagnostic::error(KPS0707, format!("the archive has no package {package}"))),
        }
    }

    /// Fetches packages, each `NAME` or `NAME=VERSION`, without what they depend on.
    pub(super) fn download(&self, packages: &[String], folder: &Path) -> Result<Vec<PathBuf>, Diagnostic> {
        make_folder(folder)?;
        run(self.command("apt-get").args(["download", "-q"]).args(packages).current_dir(folder))?;
        packages_in(folder)
    }

    /// Fetches packages and all that they depend on.
    pub(super) fn download_all(&self, packages: &[&str], folder: &Path) -> Result<Vec<PathBuf>, Diagnostic> {
        make_folder(&folder.join("partial"))?;
        let archives = format!("Dir::Cache::archives={}", folder.display());
        let mut command = self.command("apt-get");
        run(command.arg("-o").arg(archives).args(["install", "-q", "--download-only"]).args(packages))?;
        packages_in(folder)
    }
}

fn packages_in(folder: &Path) -> Result<Vec<PathBuf>, Diagnostic> {
    let entries = std::fs::read_dir(folder).map_err(|error| cannot("read", folder, &error))?;
    let mut packages: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    packages.retain(|path| path.extension() == Some(OsStr::new("deb")));
    packages.sort();
    Ok(packages)
}

/// The mirror of Debian's archive that the machine's own apt is set to.
fn own_mirror() -> Result<String, Diagnostic> {
    let mut command = Command::new("apt-get");
    let targets = run(command.args(["indextargets", "--no-release-info", "--format", "$(REPO_URI)"]))?;
    let mut mirrors =
        targets.lines().map(str::trim).filter(|uri| uri.trim_end_matches('/').ends_with("/debian"));
    match mirrors.next() {
        Some(mirror) => Ok(mirror.to_owned()),
        None => Err(Diagnostic::error(KPS0707, "this machine's apt is not set to a mirror of Debian")
            .help("name one with `--mirror URL`, or use a kernel of your own with `--build-dir DIR`")),
    }
}

fn run(command: &mut Command) -> Result<String, Diagnostic> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = match command.output() {
        Ok(output) => output,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Err(missing(&program, "apt")),
        Err(error) => return Err(Diagnostic::error(KPS0703, format!("cannot run {program}: {error}"))),
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.status.success() {
        return Ok(text(&output.stdout));
    }
    let errors = text(&output.stderr);
    let failed = Diagnostic::error(KPS0703, format!("{program} failed"));
    let failed = errors.lines().filter(|line| line.starts_with("E:")).fold(failed, Diagnostic::note);
    Err(failed.help("check the network and the machine's apt sources, then run the command again"))
}
