// SPDX-License-Identifier: GPL-2.0
//! A system whose store the cases of this suite write to.

use super::disk::{self, Item};
use kps_diag::Diagnostic;
use kps_operate::store::{Change, Entry, Release, Store};
use kps_operate::{open, System};
use kps_plan::Note;
use kps_tests::module::livepatch;
use sha2::{Digest as _, Sha256};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// Two kernels.
pub(super) const KERNEL: &str = "7.3.4-a";
pub(super) const OTHER: &str = "7.4.0-b";

/// A system, and modules outside of it.
pub(super) struct Place {
    folder: TempDir,
}

impl Place {
    /// A system without a store, in memory if possible: a disk takes long for a sync.
    pub(super) fn new() -> Place {
        let memory = Path::new("/dev/shm");
        let folder = match memory.is_dir() {
            true => tempfile::tempdir_in(memory),
            false => tempfile::tempdir(),
        };
        let place = Place { folder: folder.unwrap_or_else(|error| panic!("{error}")) };
        for folder in ["var/lib", "etc/modprobe.d", "proc/sys/kernel/random"] {
            fs::create_dir_all(place.root().join(folder)).unwrap_or_else(|error| panic!("{error}"));
        }
        boot(&place.root(), "a");
        place
    }

    pub(super) fn root(&self) -> PathBuf {
        self.path("root")
    }

    /// A path beside the system.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(super) fn store(&self) -> Store {
        store(&self.root())
    }

    /// A path below the store.
    pub(super) fn at(&self, path: &str) -> PathBuf {
        self.root().join("var/lib/kpsc").join(path)
    }

    /// The file of a module that kpsc has made, for a kernel with this build-id.
    pub(super) fn module(&self, name: &str, kernel: &str, build_id: &str) -> PathBuf {
        let note = Note {
            patch: name.into(),
            version: Some("1.0".into()),
            fixes: vec![format!("CVE-{name}")],
            build_id: build_id.into(),
            ..Note::default()
        };
        self.file(name, livepatch(name, &format!("{kernel} SMP"), Some(&note)))
    }

    /// The same of a module that somebody else has made.
    pub(super) fn foreign(&self, name: &str, vermagic: &str) -> PathBuf {
        self.file(name, livepatch(name, vermagic, None))
    }

    fn file(&self, name: &str, bytes: Vec<u8>) -> PathBuf {
        let digits = fs::read_dir(self.folder.path()).map_or(0, Iterator::count);
        let path = self.path(&format!("{digits}-{name}.ko"));
        fs::write(&path, bytes).unwrap_or_else(|error| panic!("{error}"));
        path
    }

    /// Installs modules without parameters.
    pub(super) fn install(&self, files: &[PathBuf]) -> Result<Vec<Change>, Diagnostic> {
        install(&self.root(), files)
    }

    /// The names of the installed patches, with the number of the generation in front.
    pub(super) fn names(&self, kernel: &str) -> Vec<String> {
        match set(&self.root(), kernel) {
            None => Vec::new(),
            Some((generation, entries)) => {
                let names = entries.into_iter().map(|entry| entry.name);
                std::iter::once(generation.to_string()).chain(names).collect()
            }
        }
    }
}

/// Begins a boot: the kernel has another id.
pub(super) fn boot(root: &Path, id: &str) {
    let path = root.join("proc/sys/kernel/random/boot_id");
    fs::write(path, format!("{id}\n")).unwrap_or_else(|error| panic!("{error}"));
}

pub(super) fn store(root: &Path) -> Store {
    Store::of(&System::at(root))
}

pub(super) fn release(kernel: &str) -> Release {
    Release::of(kernel).unwrap_or_else(|| panic!("{kernel}"))
}

pub(super) fn install(root: &Path, files: &[PathBuf]) -> Result<Vec<Change>, Diagnostic> {
    let open = |file: &PathBuf| open(file).map(|module| (module, Vec::new()));
    store(root).install(files.iter().map(open).collect::<Result<_, _>>()?, None)
}

/// The installed set, whose files are all what was installed.
pub(super) fn set(root: &Path, kernel: &str) -> Option<(u32, Vec<Entry>)> {
    let (store, kernel) = (store(root), release(kernel));
    let read = || -> Result<_, Diagnostic> {
        let Some(set) = store.set(&kernel)? else { return Ok(None) };
        for entry in &set.entries {
            let module = store.open(&set, entry)?;
            assert_eq!(module.incoming.name, entry.name);
        }
        Ok(Some((set.generation, set.entries)))
    };
    done(read())
}

/// Each generation has the modules of its manifest, whether it is installed or not.
pub(super) fn has_whole_generations(root: &Path) {
    let tree = disk::read(root);
    let generation = |path: &Path| {
        let number = path.file_name()?.to_str()?.parse::<u32>();
        number
            .is_ok_and(|_| path.parent().is_some_and(|p| p.ends_with("generations")))
            .then_some(())
    };
    for folder in tree.keys().filter(|path| generation(path).is_some()) {
        let files = tree.iter().filter(|(path, _)| path.parent() == Some(folder));
        let (mut digests, mut manifest) = (Vec::new(), String::new());
        for (path, item) in files {
            match item {
                Item::File(bytes) if path.ends_with("manifest.toml") => {
                    manifest = String::from_utf8_lossy(bytes).into_owned();
                }
                Item::File(bytes) => {
                    let digest = Sha256::digest(bytes);
                    digests
                        .push(digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
                }
                _ => panic!("{} is no file", path.display()),
            }
        }
        let is_whole = manifest.starts_with("format = 1\n")
            && manifest.matches("sha256").count() == digests.len()
            && digests.iter().all(|digest| manifest.contains(digest));
        assert!(is_whole, "{} is there in part: {manifest:?}, {digests:?}", folder.display());
    }
}

/// Nothing is in the store but whole generations, as few as are kept, and what refers to them.
pub(super) fn has_no_leftovers(root: &Path) {
    has_whole_generations(root);
    let mut kept = 0;
    for path in disk::read(&root.join("var/lib/kpsc")).into_keys() {
        let parts: Vec<&str> = path.iter().filter_map(|part| part.to_str()).collect();
        let is_right = match parts.as_slice() {
            [] | [".lock"] | [_] | [_, "current" | "generations"] => true,
            [_, "generations", number] => {
                kept += 1;
                number.parse::<u32>().is_ok()
            }
            [_, "generations", _, _] => true,
            _ => false,
        };
        assert!(is_right, "{} is left", path.display());
    }
    assert!(kept <= 2 * 7, "{kept} generations are left of two kernels");
}

/// The program that writes to the store of a system.
pub(super) fn writer(root: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_store-writer"));
    command.arg(root).args(arguments);
    command
}

/// What a function returns that does not fail.
pub(super) fn done<T>(result: Result<T, Diagnostic>) -> T {
    result.unwrap_or_else(|error| panic!("{}", said(&error)))
}

/// A message with its code and its help.
pub(super) fn said(error: &Diagnostic) -> String {
    let help = error.help.as_deref().unwrap_or_default();
    format!("{}: {} {} ({help})", error.code.id(), error.message, error.notes.join("; "))
}
