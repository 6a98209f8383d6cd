// SPDX-License-Identifier: GPL-2.0
//! A small world for one run of kpsc: folders of its own, and the proof that it left them as they
//! were.

use crate::{fixture_cache, kpsc, printed, FIXTURE};
use kps_targets::Cache;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fs::Permissions as Mode;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// A folder to work in, a cache whose one target is the fixture, and a folder for temporary files.
pub struct World {
    root: tempfile::TempDir,
    cache: tempfile::TempDir,
    /// Variables of the environment that are not as they usually are; none removes one.
    variables: Vec<(&'static str, Option<OsString>)>,
    /// The most address space that kpsc may have, in KiB.
    space: Option<u64>,
    /// Whether kpsc runs as a user who owns nothing, which only root can do.
    is_stranger: bool,
}

/// The user and group `nobody` of Debian.
const NOBODY: u32 = 65_534;

/// What is at a path: its kind and mode, its size, and what it holds.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    mode: u32,
    text: Text,
}

/// What an entry holds.
#[derive(Debug, PartialEq, Eq)]
enum Text {
    /// Other entries, or nothing.
    None,
    /// The bytes of a file.
    Bytes(Vec<u8>),
    /// A file so large that its size, and when it was changed, have to do.
    Large(u64, i64, i64),
    /// Where a link leads.
    Link(PathBuf),
}

/// A larger file is not read.
const LARGE: u64 = 1 << 24;

/// Everything below some folders.
pub type Snapshot = BTreeMap<PathBuf, Entry>;

impl Default for World {
    fn default() -> Self {
        let root = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        for folder in ["work", "tmp"] {
            std::fs::create_dir(root.path().join(folder)).unwrap_or_else(|error| panic!("{error}"));
        }
        let cache = fixture_cache();
        World { root, cache, variables: Vec::new(), space: None, is_stranger: false }
    }
}

impl World {
    /// The folder that kpsc works in.
    pub fn work(&self) -> PathBuf {
        self.root.path().join("work")
    }

    /// The user's cache.
    pub fn cache(&self) -> &Path {
        self.cache.path()
    }

    /// The folder for temporary files.
    pub fn temporary(&self) -> PathBuf {
        self.root.path().join("tmp")
    }

    /// Writes a file into the folder that kpsc works in.
    pub fn write(&self, path: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
        let path = self.work().join(path);
        let folder = path.parent().unwrap_or(Path::new("/"));
        std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::write(&path, bytes))
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    /// Puts the files of a folder, if there is one, into the folder that kpsc works in.
    pub fn copy(&self, folder: &Path) {
        let mut pending = vec![folder.to_owned()];
        while let Some(path) = pending.pop() {
            if path.is_dir() {
                let inside = std::fs::read_dir(&path).unwrap_or_else(|error| panic!("{error}"));
                pending.extend(inside.flatten().map(|entry| entry.path()));
            } else if let (Ok(name), Ok(bytes)) = (path.strip_prefix(folder), std::fs::read(&path))
            {
                self.write(name, bytes);
            }
        }
    }

    /// Makes a file of this size that takes no room.
    pub fn write_sparse(&self, path: impl AsRef<Path>, size: u64) {
        let path = self.work().join(path);
        std::fs::File::create(&path)
            .and_then(|file| file.set_len(size))
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    /// Sets a variable of the environment, or removes it.
    pub fn set(&mut self, name: &'static str, value: Option<&OsStr>) {
        self.variables.push((name, value.map(OsStr::to_owned)));
    }

    /// Limits the memory of kpsc. Its stack alone has 1 GiB of address space.
    pub fn limit_space(&mut self, mib: u64) {
        self.space = Some(((1 << 10) + mib) << 10);
    }

    /// From now on, kpsc runs as a user who owns nothing and may read everything that is there now.
    /// Returns false for a user who is not root: then it does already, nearly.
    pub fn as_stranger(&mut self) -> bool {
        let is_root = std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
        if is_root {
            self.is_stranger = true;
            let entries = self.snapshot();
            for (path, entry) in &entries {
                if !matches!(entry.text, Text::Link(_)) {
                    let enter = if path.is_dir() { 0o111 } else { 0 };
                    std::fs::set_permissions(path, Mode::from_mode(entry.mode | 0o444 | enter))
                        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                }
            }
            // For the folders that it builds in.
            std::fs::set_permissions(self.temporary(), Mode::from_mode(0o1777))
                .unwrap_or_else(|error| panic!("{error}"));
        }
        is_root
    }

    /// The folder of the fixture in the cache.
    pub fn target(&self) -> PathBuf {
        Cache::at(self.cache()).kernel(FIXTURE)
    }

    /// Everything that is there but locks, which are empty files that stay.
    pub fn snapshot(&self) -> Snapshot {
        let mut entries = Snapshot::new();
        let mut pending = vec![self.root.path().to_owned(), self.cache().to_owned()];
        while let Some(path) = pending.pop() {
            if ["lock", "locks", "making"]
                .iter()
                .any(|lock| path.file_name() == Some(lock.as_ref()))
            {
                continue;
            }
            let metadata = path.symlink_metadata().unwrap_or_else(|error| panic!("{error}"));
            if metadata.is_dir() {
                let inside = std::fs::read_dir(&path).unwrap_or_else(|error| panic!("{error}"));
                pending.extend(inside.flatten().map(|entry| entry.path()));
            }
            let text = match metadata.file_type() {
                kind if kind.is_symlink() => std::fs::read_link(&path).map(Text::Link),
                kind if !kind.is_file() => Ok(Text::None),
                _ if metadata.len() < LARGE => std::fs::read(&path).map(Text::Bytes),
                _ => Ok(Text::Large(metadata.len(), metadata.mtime(), metadata.mtime_nsec())),
            };
            let text = text.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            entries.insert(path, Entry { mode: metadata.mode(), text });
        }
        entries
    }

    /// Runs kpsc: what it printed and its exit status, with the world's own paths by what they
    /// stand for. An error if anything is left that was not there, or anything is gone or changed.
    pub fn run_cleanly(&self, arguments: &[impl AsRef<OsStr>]) -> Result<String, String> {
        let before = self.snapshot();
        let said = self.run(arguments);
        let after = self.snapshot();
        let differs = |path: &&PathBuf| before.get(*path) != after.get(*path);
        match before.keys().chain(after.keys()).find(differs) {
            Some(path) => Err(format!("{} was changed; kpsc said:\n{said}", path.display())),
            None => Ok(said),
        }
    }

    /// Runs kpsc: what it printed and its exit status.
    pub fn run(&self, arguments: &[impl AsRef<OsStr>]) -> String {
        let program = match self.is_stranger {
            true => for_strangers(),
            false => Path::new(kpsc().get_program()).to_owned(),
        };
        let mut command = match self.space {
            Some(space) => {
                let mut shell = Command::new("/bin/sh");
                shell.args(["-c", "ulimit -v $0 && exec \"$@\"", &space.to_string()]).arg(program);
                shell
            }
            None => Command::new(program),
        };
        if self.is_stranger {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
            .current_dir(self.work())
            .env("KPSC_CACHE", self.cache())
            .env("TMPDIR", self.temporary());
        for (name, value) in &self.variables {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let output = command.args(arguments).output().unwrap_or_else(|error| panic!("{error}"));
        let status = output.status.code().map_or("signal".to_owned(), |code| code.to_string());
        let version = Cache::at(self.cache())
            .root()
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        let said = printed(&output)
            .replace(&self.target().display().to_string(), "TARGET")
            .replace(&self.cache().display().to_string(), "CACHE")
            .replace(&self.work().display().to_string(), "WORK")
            .replace(&self.temporary().display().to_string(), "TMP")
            .replace(&format!("/{version}/"), "/VERSION/");
        format!("{said}exit status {status}\n")
    }
}

/// A copy of kpsc in a place that everybody may enter; the program itself may be below a folder of
/// root's.
fn for_strangers() -> PathBuf {
    static COPY: OnceLock<tempfile::TempDir> = OnceLock::new();
    let make = || -> std::io::Result<tempfile::TempDir> {
        let folder = tempfile::tempdir()?;
        std::fs::set_permissions(folder.path(), Mode::from_mode(0o755))?;
        std::fs::copy(kpsc().get_program(), folder.path().join("kpsc"))?;
        Ok(folder)
    };
    COPY.get_or_init(|| make().unwrap_or_else(|error| panic!("{error}"))).path().join("kpsc")
}

/// Holds what was said against the file that says what it should be; `BLESS=1` writes that file. A
/// name that starts with a code is about that code.
pub fn compare(said: &str, pinned: &Path) -> Result<(), String> {
    let name = pinned.file_name().unwrap_or_default().to_string_lossy();
    let code = name.split(['-', '.']).next().unwrap_or_default();
    if code.starts_with("KPS") && !said.contains(&format!("[{code}]")) {
        return Err(format!("{code} is not reported:\n{said}"));
    }
    // A terminal obeys control characters, and nobody reads a megabyte.
    if let Some(c) = said.chars().find(|&c| c.is_control() && c != '\n') {
        return Err(format!("a message holds {c:?}:\n{said:?}"));
    }
    if said.len() > 20_000 {
        let start: String = said.chars().take(2000).collect();
        return Err(format!("the messages have {} bytes:\n{start}", said.len()));
    }
    if std::env::var_os("BLESS").is_some() {
        return std::fs::write(pinned, said)
            .map_err(|error| format!("{}: {error}", pinned.display()));
    }
    let wanted = std::fs::read_to_string(pinned).unwrap_or_default();
    match said == wanted {
        true => Ok(()),
        false => Err(format!("the messages differ; wanted:\n{wanted}\ngot:\n{said}")),
    }
}
