// SPDX-License-Identifier: GPL-2.0
//! Debian's archive, through the machine's own apt, which knows mirrors and proxies and checks
//! signatures.
//!
//! apt writes only to a folder of the cache and believes that nothing is installed, so a request
//! for a package yields the package and all its dependencies. Nothing is installed, and root is not
//! needed.
//!
//! Fetched files stay until [`Apt::forget`], so that an interrupted preparation does not fetch them
//! again. apt resumes a partial file, but takes one of the right length for complete, so kpsc
//! compares each with the digest in the signed lists before using it. apt compares the lists
//! themselves only when it fetches them; an inventory tells whether they are still the same.

use crate::inventory;
use crate::seal::digest;
use crate::toolchain::missing;
use kps_diag::{Diagnostic, MISSING_PROGRAM, NO_SUITABLE_KERNEL, PROGRAM_FAILED};
use kps_host::disk::{cannot, disk_full, has_room, make_folder, remove, write_atomically};
use kps_host::output;
use kps_host::process::program;
use rustix::process::{kill_process, Pid, Signal};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{channel, RecvTimeoutError};
use std::time::Duration;

/// A private view of the archive.
pub(super) struct Apt {
    folder: PathBuf,
}

/// A package in the signed lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Package {
    /// The file's name, which contains name, version and architecture.
    pub(super) file: String,
    size: u64,
    sha256: String,
}

/// Which packages to fetch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum With {
    /// The named ones.
    Nothing,
    /// The named ones and all their dependencies.
    Dependencies,
}

/// apt's folder of package lists.
const LISTS: &str = "lists";
/// The file that apt derives from them.
const PACKAGE_CACHE: &str = "pkgcache.bin";

const KEYRINGS: &[&str] = &[
    "/usr/share/keyrings/debian-archive-keyring.gpg",
    "/usr/share/keyrings/debian-archive-keyring.pgp",
];

/// The keys that sign Debian's archive, if they are installed.
pub fn keyring() -> Option<&'static Path> {
    KEYRINGS.iter().map(Path::new).find(|path| path.exists())
}

impl Apt {
    /// A view of a suite and its backports.
    pub(super) fn new(
        folder: PathBuf,
        mirror: Option<&str>,
        suite: &str,
    ) -> Result<Apt, Diagnostic> {
        for part in ["lists/partial", "archives/partial", "nothing/partial"] {
            make_folder(&folder.join(part))?;
        }
        let Some(keyring) = keyring() else {
            return Err(Diagnostic::new(
                MISSING_PROGRAM,
                "the keyring of Debian's archive is not installed",
            )
            .help("install the package debian-archive-keyring"));
        };
        let mirror = match mirror {
            Some(mirror) => mirror.to_owned(),
            None => own_mirror()?,
        };
        let plain = |text: &str| {
            !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic() && !"[]\"".contains(c))
        };
        if !plain(&mirror) || !mirror.contains(":/") {
            return Err(Diagnostic::new(
                NO_SUITABLE_KERNEL,
                format!("the mirror {mirror:?} is not a URL"),
            )
            .help("write it as a `URIs` line of the apt sources on this machine has it"));
        }
        if !plain(suite) || suite.contains('/') {
            return Err(Diagnostic::new(
                NO_SUITABLE_KERNEL,
                format!("{suite:?} is not a Debian suite"),
            )
            .help(format!("write a name such as `{}`", super::SUITE)));
        }
        let source =
            |suite: &str| format!("deb [signed-by={}] {mirror} {suite} main\n", keyring.display());
        let sources = source(suite) + &source(&format!("{suite}-backports"));
        write_atomically(&folder.join("sources.list"), sources.as_bytes())?;
        write_atomically(&folder.join("status"), b"")?;
        Ok(Apt { folder })
    }

    fn command(&self, name: &str) -> Command {
        let mut command = program(name);
        let folder = self.folder.display();
        let options = [
            format!("Dir::Etc::sourcelist={folder}/sources.list"),
            "Dir::Etc::sourceparts=-".to_owned(),
            "Dir::Etc::preferences=-".to_owned(),
            "Dir::Etc::preferencesparts=-".to_owned(),
            format!("Dir::State={folder}"),
            format!("Dir::State::status={folder}/status"),
            format!("Dir::Cache={folder}"),
            // Containers have this switched off, and then every command parses the lists again.
            format!("Dir::Cache::pkgcache={PACKAGE_CACHE}"),
            "Dir::Cache::srcpkgcache=".to_owned(),
            format!("APT::Architecture={}", kps_arch::native().debian.architecture),
            "APT::Install-Recommends=false".to_owned(),
            "APT::Sandbox::User=root".to_owned(),
            "APT::Get::Assume-Yes=true".to_owned(),
            "Acquire::ForceHash=SHA256".to_owned(),
        ];
        for option in options {
            command.arg("-o").arg(option);
        }
        command.env("LC_ALL", "C");
        command
    }

    /// Fetches the package lists. apt takes lists that it has for those that the archive has signed
    /// and does not read them again, so damaged ones would stay: they are fetched anew.
    pub(super) fn update(&self) -> Result<(), Diagnostic> {
        remove_damaged_lists(&self.folder)?;
        self.run(self.command("apt-get").args(["update", "-q"]))?;
        inventory::record(&self.folder.join(LISTS), &[])
    }

    /// The names of all packages with this prefix.
    pub(super) fn names(&self, prefix: &str) -> Result<Vec<String>, Diagnostic> {
        let names = self.run(self.command("apt-cache").arg("pkgnames").arg(prefix))?;
        Ok(names.lines().map(str::to_owned).collect())
    }

    /// The newest version of a package.
    pub(super) fn version(&self, package: &str) -> Result<String, Diagnostic> {
        let shown =
            self.run(self.command("apt-cache").args(["show", "--no-all-versions"]).arg(package))?;
        match shown.lines().find_map(|line| line.strip_prefix("Version: ")) {
            Some(version) => Ok(version.to_owned()),
            None => Err(Diagnostic::new(
                NO_SUITABLE_KERNEL,
                format!("the archive has no package {package}"),
            )),
        }
    }

    /// The packages that a package needs directly, the first of each choice.
    pub(super) fn depends(&self, package: &str) -> Result<Vec<String>, Diagnostic> {
        let shown =
            self.run(self.command("apt-cache").args(["show", "--no-all-versions"]).arg(package))?;
        let depends = shown.lines().find_map(|line| line.strip_prefix("Depends: "));
        let names = depends.unwrap_or_default().split(", ");
        Ok(names.filter_map(|name| name.split([' ', ':']).next()).map(str::to_owned).collect())
    }

    /// The files of these packages, each named `NAME` or `NAME=VERSION`; nothing is fetched.
    pub(super) fn list(&self, packages: &[&str], with: With) -> Result<Vec<Package>, Diagnostic> {
        let mut command = self.get(packages, with);
        // apt omits files that it finds here; it must not find any.
        let nothing = format!("Dir::Cache::archives={}", self.folder.join("nothing").display());
        let listed = self.run(command.arg("-o").arg(nothing).arg("--print-uris"))?;
        let mut listed: Vec<_> = listed.lines().filter_map(listed_package).collect();
        listed.sort_by(|a, b| a.file.cmp(&b.file));
        Ok(listed)
    }

    /// Fetches the missing files, and returns where each file is, by name.
    pub(super) fn fetch(&self, packages: &[&str], with: With) -> Result<Vec<PathBuf>, Diagnostic> {
        let listed = self.list(packages, with)?;
        // The second try is for files of an interrupted run: apt takes those of the right length
        // for complete.
        for _ in 0..2 {
            if self.all_here(&listed)? {
                break;
            }
            self.run(self.get(packages, with).current_dir(self.archives()))?;
        }
        if !self.all_here(&listed)? {
            return Err(Diagnostic::new(PROGRAM_FAILED, "downloaded packages do not match the archive's checksums")
                .help("check the proxies between this machine and the mirror, or name another mirror with `--mirror URL`"));
        }
        Ok(listed.iter().map(|package| self.archives().join(&package.file)).collect())
    }

    /// Removes the packages that were fetched.
    pub(super) fn forget(&self) -> Result<(), Diagnostic> {
        remove(&self.archives())
    }

    fn archives(&self) -> PathBuf {
        self.folder.join("archives")
    }

    fn get(&self, packages: &[&str], with: With) -> Command {
        let mut command = self.command("apt-get");
        match with {
            With::Nothing => command.args(["download", "-q"]),
            With::Dependencies => command.args(["install", "-q", "--download-only"]),
        };
        command.args(packages);
        command
    }

    /// Whether every file is here and complete. A damaged file of full length is removed.
    fn all_here(&self, packages: &[Package]) -> Result<bool, Diagnostic> {
        let mut all = true;
        for package in packages {
            let path = self.archives().join(&package.file);
            let here =
                std::fs::metadata(&path).is_ok_and(|metadata| metadata.len() >= package.size);
            if here
                && digest(&path).map_err(|error| cannot("read", &path, &error))? != package.sha256
            {
                remove(&path)?;
                all = false;
            }
            all &= here;
        }
        Ok(all)
    }

    fn run(&self, command: &mut Command) -> Result<String, Diagnostic> {
        run(command, &self.folder)
    }
}

/// Removes lists that are not as the last update left them, and what apt has derived from them.
fn remove_damaged_lists(folder: &Path) -> Result<(), Diagnostic> {
    let lists = folder.join(LISTS);
    if inventory::verify(&lists).map_or(true, |(damage, _)| !damage.is_empty()) {
        remove(&lists)?;
    }
    remove(&folder.join(PACKAGE_CACHE))?;
    make_folder(&lists.join("partial"))
}

/// A line of `--print-uris`: `'ADDRESS' FILE SIZE SHA256:DIGEST`.
fn listed_package(line: &str) -> Option<Package> {
    let (_, rest) = line.strip_prefix('\'')?.split_once("' ")?;
    let mut words = rest.split_whitespace();
    let (file, size, digest) = (words.next()?, words.next()?, words.next()?);
    Some(Package {
        file: file.to_owned(),
        size: size.parse().ok()?,
        sha256: digest.strip_prefix("SHA256:")?.to_owned(),
    })
}

/// The mirror of Debian's archive that the machine's own apt uses.
fn own_mirror() -> Result<String, Diagnostic> {
    let mut command = program("apt-get");
    let targets = run(
        command.args(["indextargets", "--no-release-info", "--format", "$(REPO_URI)"]),
        Path::new("apt's own folders"),
    )?;
    let mut mirrors =
        targets.lines().map(str::trim).filter(|uri| uri.trim_end_matches('/').ends_with("/debian"));
    match mirrors.next() {
        Some(mirror) => Ok(mirror.to_owned()),
        None => Err(Diagnostic::new(
            NO_SUITABLE_KERNEL,
            "the apt sources of this machine have no Debian mirror",
        )
        .help("name one with `--mirror URL`, or use your own kernel with `--build-dir DIR`")),
    }
}

/// The interval between two checks whether apt can still work.
const LOOK: Duration = Duration::from_secs(1);

/// Runs apt and returns its output. On a full disk apt waits for ever for its own helpers, which
/// have given up, so it is killed then.
fn run(command: &mut Command, folder: &Path) -> Result<String, Diagnostic> {
    let name = command.get_program().to_string_lossy().into_owned();
    let failed = |error| Diagnostic::new(PROGRAM_FAILED, format!("cannot run {name}: {error}"));
    let child = match output::spawn(command) {
        Ok(child) => child,
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(missing(&name, "apt")),
        Err(error) => return Err(failed(error)),
    };
    let pid = Pid::from_child(&child);
    let (send, end) = channel();
    let waiting = std::thread::spawn(move || send.send(output::collect(child)));
    let output = loop {
        match end.recv_timeout(LOOK) {
            Err(RecvTimeoutError::Timeout) if has_room(folder) => {}
            Err(_) => {
                let _ = kill_process(pid, Signal::KILL);
                let _ = waiting.join();
                return Err(disk_full(folder));
            }
            Ok(output) => break output.map_err(failed)?,
        }
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if output.ended.is_cut {
        return Err(output::too_long(&name));
    }
    if output.ended.status.success() {
        return Ok(text(&output.stdout));
    }
    let errors = text(&output.stderr);
    if errors.contains("No space left on device") || errors.contains("enough free space") {
        return Err(disk_full(folder));
    }
    let failed = Diagnostic::new(PROGRAM_FAILED, format!("{name} failed"));
    let failed =
        errors.lines().filter(|line| line.starts_with("E:")).fold(failed, Diagnostic::note);
    Err(failed.help("check the network and the machine's apt sources, then run the command again"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lists_as_apt_left_them_stay() {
        type Change = fn(&Path) -> std::io::Result<()>;
        let changes: [(Change, bool); 6] = [
            (|_| Ok(()), true),
            (|lists| std::fs::write(lists.join("Packages.lz4"), "lisT"), false),
            (|lists| std::fs::remove_file(lists.join("InRelease")), false),
            (|lists| std::fs::rename(lists.join("InRelease"), lists.join("Packages.lz4")), false),
            (|lists| std::fs::write(lists.join("other"), ""), false),
            (|lists| std::fs::remove_file(lists.join("files")), false),
        ];
        for (n, (change, stay)) in changes.into_iter().enumerate() {
            let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
            let lists = folder.path().join(LISTS);
            let put = || {
                std::fs::create_dir_all(lists.join("partial"))?;
                std::fs::write(folder.path().join(PACKAGE_CACHE), "derived")?;
                std::fs::write(lists.join("InRelease"), "signed")?;
                std::fs::write(lists.join("Packages.lz4"), "list")
            };
            put().unwrap_or_else(|error| panic!("{error}"));
            inventory::record(&lists, &[]).unwrap_or_else(|error| panic!("{}", error.message));
            change(&lists).unwrap_or_else(|error| panic!("{n}: {error}"));
            remove_damaged_lists(folder.path()).unwrap_or_else(|error| panic!("{}", error.message));
            assert_eq!(lists.join("Packages.lz4").exists(), stay, "{n}");
            assert!(lists.join("partial").exists(), "{n}");
            assert!(!folder.path().join(PACKAGE_CACHE).exists(), "{n}");
        }
    }

    #[test]
    fn a_package_is_read_from_the_line_that_apt_prints() {
        let digest = "ab".repeat(32);
        let line =
            format!("'http://mirror/pool/x_1%3a2_all.deb' x_1%3a2_all.deb 970908 SHA256:{digest}");
        let wanted = Package { file: "x_1%3a2_all.deb".into(), size: 970_908, sha256: digest };
        assert_eq!(listed_package(&line), Some(wanted));
        assert_eq!(listed_package("Reading package lists..."), None);
        assert_eq!(listed_package("'http://mirror/x.deb' x.deb 12 MD5Sum:ab"), None);
    }
}
