// SPDX-License-Identifier: GPL-2.0
//! Debian's archive, through the machine's own apt, which knows mirrors and proxies and checks
//! signatures.
//!
//! apt writes only to a folder of the cache and believes that nothing is installed, so a request
//! for a package yields the package and all its dependencies. Nothing is installed, and root is not
//! needed. A view of the archive has its folder to itself, so several runs fetch at once.
//!
//! Fetched files stay until [`Apt::forget`], so that an interrupted preparation does not fetch them
//! again. apt resumes a partial file, but takes one of the right length for complete, so kpsc
//! compares each with the digest in the signed lists before using it. apt compares the lists
//! themselves only when it fetches them; an inventory tells whether they are still the same.

use super::suites::{is_security, sources, Mirror, Source, SUITE};
use crate::inventory;
use crate::locks::OwnFolder;
use crate::progress::Progress;
use crate::seal::digest;
use crate::toolchain::missing;
use kps_diag::{list, Diagnostic, MISSING_PROGRAM, PROGRAM_FAILED};
use kps_host::disk::{cannot, disk_full, entries, has_room, make_folder, remove, write_atomically};
use kps_host::input;
use kps_host::output;
use kps_host::process::program;
use rustix::process::{kill_process, Pid, Signal};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::{channel, RecvTimeoutError};
use std::time::Duration;

/// A private view of the archive: of some of its suites.
pub(super) struct Apt {
    folder: OwnFolder,
    sources: Vec<Source>,
    /// The sources, as apt reads them.
    text: String,
}

/// When package lists that are here already are fetched again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lists {
    /// Always: the archive is searched for what is new.
    Newest,
    /// Unless that was done some minutes ago, to fetch more of what was chosen then.
    Recent,
}

/// A package in the signed lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Package {
    /// The file's name, which contains name, version and architecture.
    pub(super) file: String,
    size: u64,
    sha256: String,
}

/// A version of a package in a suite.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    pub(super) package: String,
    pub(super) version: String,
    pub(super) suite: String,
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

/// The file that says which lists were fetched, and by its age when.
const UPDATED: &str = "updated";
/// How long lists stay recent: a kernel is added and prepared in this time.
const RECENT: Duration = Duration::from_secs(10 * 60);

const KEYRINGS: &[&str] = &[
    "/usr/share/keyrings/debian-archive-keyring.gpg",
    "/usr/share/keyrings/debian-archive-keyring.pgp",
];

/// The keys that sign Debian's archive, if they are installed.
pub fn keyring() -> Option<&'static Path> {
    KEYRINGS.iter().map(Path::new).find(|path| path.exists())
}

impl Apt {
    /// A view of a suite's family, or of all known ones if none is named.
    pub(super) fn new(
        folder: OwnFolder,
        mirror: Option<&str>,
        suite: Option<&str>,
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
        let mirror = mirror.map_or_else(Mirror::own, Mirror::named)?;
        let sources = sources(&mirror, suite)?;
        let text = sources.iter().filter_map(|source| source_line(source, keyring)).collect();
        let apt = Apt { folder, sources, text };
        write_atomically(&apt.folder.join("sources.list"), apt.text.as_bytes())?;
        write_atomically(&apt.folder.join("status"), b"")?;
        Ok(apt)
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
            // Compilers come from one suite: packages there win over newer ones in other suites.
            format!("APT::Default-Release={SUITE}"),
            // Views of other suites keep their lists.
            "APT::Get::List-Cleanup=false".to_owned(),
        ];
        for option in options {
            command.arg("-o").arg(option);
        }
        command.env("LC_ALL", "C");
        command
    }

    /// Fetches the package lists, and says which suites the mirror lacks. Only the suites that
    /// everything depends on must be there.
    pub(super) fn update(&self, lists: Lists, progress: Progress) -> Result<(), Diagnostic> {
        let is_fetched = progress.step("package lists", || self.update_lists(lists))?;
        let absent = if is_fetched { self.absent()? } else { Vec::new() };
        let names: Vec<&str> = absent.iter().map(|source| source.suite.as_str()).collect();
        let required = absent.iter().find(|source| source.is_required);
        if let Some(Source { suite, .. }) = required {
            remove(&self.folder.join(UPDATED))?;
            let message = format!("the package lists of {suite} cannot be fetched");
            return Err(Diagnostic::new(PROGRAM_FAILED, message)
                .help("check the network and the mirror, then run the command again"));
        }
        if !names.is_empty() {
            let security = names.iter().any(|suite| is_security(suite));
            let without = if security { ": security updates are missing" } else { "" };
            progress.say(&format!("  the mirror has no {}{without}", list(&names, "or")));
        }
        Ok(())
    }

    /// Returns whether lists were fetched. apt takes lists that it has for those that the archive
    /// has signed and does not read them again, so damaged ones would stay: they are fetched anew.
    fn update_lists(&self, lists: Lists) -> Result<bool, Diagnostic> {
        let updated = self.folder.join(UPDATED);
        let are_whole = remove_damaged_lists(&self.folder)?;
        if lists == Lists::Recent && are_whole && is_recent(&updated, &self.text) {
            return Ok(false);
        }
        remove(&updated)?;
        match self.run(self.command("apt-get").args(["update", "-q"])) {
            Err(error) if !self.only_lacks_suites(&error) => return Err(error),
            _ => {}
        }
        inventory::record(&self.folder.join(LISTS), &[])?;
        write_atomically(&updated, self.text.as_bytes())?;
        Ok(true)
    }

    /// Whether apt has failed only because the mirror lacks suites that are not required. It has
    /// fetched the others.
    fn only_lacks_suites(&self, error: &Diagnostic) -> bool {
        let lacks = |line: &String| {
            let mut optional = self.sources.iter().filter(|source| !source.is_required);
            line.ends_with("have a Release file.")
                && optional.any(|source| line.contains(&format!(" {} Release'", source.suite)))
        };
        error.code == PROGRAM_FAILED && !error.notes.is_empty() && error.notes.iter().all(lacks)
    }

    /// The suites without lists. apt only warns if it cannot reach a mirror.
    fn absent(&self) -> Result<Vec<&Source>, Diagnostic> {
        let format = ["indextargets", "--no-release-info", "--format", "$(RELEASE) $(FILENAME)"];
        let targets = self.run(self.command("apt-get").args(format))?;
        let files = entries(&self.folder.join(LISTS))?;
        // The file of a target is named HOST_dists_SUITE_main_binary-ARCHITECTURE_Packages, and
        // there is always a Release file of the suite beside it.
        let is_here = |source: &&Source| {
            let end = format!("_dists_{}_", source.suite);
            let mut targets = targets.lines().filter_map(|line| line.split_once(' '));
            targets.any(|(suite, path)| {
                let start = path.find(&end).map(|at| &path[..at + end.len()]);
                let named = |file: &PathBuf| {
                    start.is_some_and(|start| file.to_string_lossy().starts_with(start))
                };
                suite == source.suite && files.iter().any(named)
            })
        };
        Ok(self.sources.iter().filter(|source| !is_here(source)).collect())
    }

    /// The names of all packages with this prefix.
    pub(super) fn names(&self, prefix: &str) -> Result<Vec<String>, Diagnostic> {
        let names = self.run(self.command("apt-cache").arg("pkgnames").arg(prefix))?;
        Ok(names.lines().map(str::to_owned).collect())
    }

    /// The versions of these packages in each suite.
    pub(super) fn versions(&self, packages: &[String]) -> Result<Vec<Version>, Diagnostic> {
        if packages.is_empty() {
            return Ok(Vec::new());
        }
        let listed = self.run(self.command("apt-cache").arg("madison").args(packages))?;
        Ok(listed.lines().filter_map(listed_version).collect())
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
            if let Err(error) = self.run(self.get(packages, with).current_dir(self.archives())) {
                // The archive may have replaced the packages since the lists were fetched.
                remove(&self.folder.join(UPDATED))?;
                return Err(error);
            }
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
/// Returns whether the lists were whole.
fn remove_damaged_lists(folder: &Path) -> Result<bool, Diagnostic> {
    let lists = folder.join(LISTS);
    let are_whole = inventory::verify(&lists).is_ok_and(|(damage, _)| damage.is_empty());
    if !are_whole {
        remove(&lists)?;
    }
    remove(&folder.join(PACKAGE_CACHE))?;
    make_folder(&lists.join("partial"))?;
    Ok(are_whole)
}

/// The line of apt's sources, if the mirror may have the suite. Descriptions for software centres
/// and lists that packages of the machine ask for are not fetched.
fn source_line(source: &Source, keyring: &Path) -> Option<String> {
    let architecture = kps_arch::native().debian.architecture;
    let keyring = keyring.display();
    let options = format!("signed-by={keyring} arch={architecture} lang=none target=Packages");
    let repository = source.repository.as_ref()?;
    Some(format!("deb [{options}] {repository} {} main\n", source.suite))
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

/// A line of `apt-cache madison`: `PACKAGE | VERSION | ADDRESS SUITE/COMPONENT ARCHITECTURE
/// Packages`.
fn listed_version(line: &str) -> Option<Version> {
    let mut columns = line.split('|').map(str::trim);
    let (package, version, place) = (columns.next()?, columns.next()?, columns.next()?);
    let mut words = place.split_whitespace();
    let (suite, _) = words.nth(1)?.split_once('/')?;
    (words.last() == Some("Packages")).then(|| Version {
        package: package.to_owned(),
        version: version.to_owned(),
        suite: suite.to_owned(),
    })
}

/// Whether the lists of these sources were fetched some minutes ago.
fn is_recent(updated: &Path, sources: &str) -> bool {
    let age = updated.metadata().and_then(|metadata| metadata.modified());
    let age = age.ok().and_then(|time| time.elapsed().ok());
    let has = |there: &str| sources.lines().all(|source| there.lines().any(|line| line == source));
    age.is_some_and(|age| age < RECENT)
        && input::read_text(updated, input::MANIFEST).is_ok_and(|there| has(&there))
}

/// The interval between two checks whether apt can still work.
const LOOK: Duration = Duration::from_secs(1);

/// Runs apt and returns its output. On a full disk apt waits for ever for its own helpers, which
/// have given up, so it is killed then.
pub(super) fn run(command: &mut Command, folder: &Path) -> Result<String, Diagnostic> {
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
    use std::time::SystemTime;

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
    fn a_version_is_read_from_the_line_that_apt_prints() {
        let line = "linux-headers-6.1.0-57-amd64 |  6.1.192-3 | http://m/debian-security bookworm-security/main amd64 Packages";
        let wanted = Version {
            package: "linux-headers-6.1.0-57-amd64".into(),
            version: "6.1.192-3".into(),
            suite: "bookworm-security".into(),
        };
        assert_eq!(listed_version(line), Some(wanted));
        assert_eq!(listed_version(&line.replace("amd64 Packages", "Sources")), None);
        assert_eq!(listed_version("N: Unable to locate package"), None);
    }

    #[test]
    fn lists_are_recent_for_some_minutes_and_for_their_sources() {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let updated = folder.path().join(UPDATED);
        assert!(!is_recent(&updated, ""));
        std::fs::write(&updated, "deb\nanother\n").unwrap_or_else(|error| panic!("{error}"));
        assert!(is_recent(&updated, "deb\n") && !is_recent(&updated, "deb\nother\n"));
        let set = |time: SystemTime| {
            let file = std::fs::File::options().write(true).open(&updated);
            file.and_then(|file| file.set_modified(time)).unwrap_or_else(|error| panic!("{error}"));
        };
        for time in [SystemTime::now() - 2 * RECENT, SystemTime::now() + RECENT] {
            set(time);
            assert!(!is_recent(&updated, "deb"), "{time:?}");
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
