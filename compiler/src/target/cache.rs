//! The user's cache folder.
//!
//! | path | holds |
//! |---|---|
//! | `kernels/NAME/` | a target: `target.toml`, `facts`, the image, and for stock kernels `source/` and `build/` |
//! | `toolchains/ID/` | compilers, shared by the kernels that were built with them |
//! | `apt/` | package lists and packages on their way |
//! | `lock` | held while anything is added, prepared or removed |

use super::{cannot, Target};
use crate::diag::{Diagnostic, KPS0701, KPS0704};
use std::fs::File;
use std::path::{Path, PathBuf};

/// The folder of one version of the format, so that another version never reads it.
const VERSION: &str = "v1";

/// The user's cache folder.
#[derive(Debug, Clone)]
pub struct Cache {
    root: PathBuf,
}

impl Cache {
    /// `$KPSC_CACHE`, or `kpsc` in the user's cache folder.
    pub fn open() -> Result<Cache, Diagnostic> {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let root = set("KPSC_CACHE")
            .or_else(|| Some(set("XDG_CACHE_HOME")?.join("kpsc")))
            .or_else(|| Some(set("HOME")?.join(".cache/kpsc")));
        // Make and the sandbox want absolute paths.
        let root = root.map(|root| std::path::absolute(&root).unwrap_or(root).join(VERSION));
        match root {
            Some(root) if root.to_string_lossy().contains([' ', ':', '%', '$', '\t', '\n']) => {
                Err(Diagnostic::error(KPS0701, format!("the cache cannot be in {}", root.display()))
                    .note("the kernel's makefiles do not bear spaces, colons, `%` and `$` in paths")
                    .help("set KPSC_CACHE to another folder"))
            }
            Some(root) => Ok(Cache { root }),
            None => Err(Diagnostic::error(KPS0701, "there is no place for the cache: HOME is not set")
                .help("set KPSC_CACHE to a folder")),
        }
    }

    /// A cache in this folder.
    pub fn at(root: &Path) -> Cache {
        Cache { root: root.join(VERSION) }
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn kernel(&self, name: &str) -> PathBuf {
        self.root.join("kernels").join(name)
    }

    pub(super) fn toolchains(&self) -> PathBuf {
        self.root.join("toolchains")
    }

    pub(super) fn apt(&self) -> PathBuf {
        self.root.join("apt")
    }

    /// Waits until no other kpsc changes the cache, and keeps others from it until the file is dropped.
    pub(super) fn lock(&self) -> Result<File, Diagnostic> {
        make_folder(&self.root)?;
        let path = self.root.join("lock");
        let file = File::create(&path).map_err(|error| cannot("write", &path, &error))?;
        file.lock().map_err(|error| cannot("lock", &path, &error))?;
        Ok(file)
    }

    /// All targets by name.
    pub fn targets(&self) -> Result<Vec<Target>, Diagnostic> {
        let folder = self.root.join("kernels");
        let entries = match std::fs::read_dir(&folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(cannot("read", &folder, &error)),
        };
        let mut names: Vec<String> =
            entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort();
        let mut targets = Vec::new();
        for name in names {
            targets.extend(Target::open(self.kernel(&name), &name)?);
        }
        Ok(targets)
    }

    /// The target of this name.
    pub fn target(&self, name: &str) -> Result<Target, Diagnostic> {
        let found = if is_name(name) { Target::open(self.kernel(name), name)? } else { None };
        match found {
            Some(target) => Ok(target),
            None => {
                let names: Vec<_> = self.targets()?.into_iter().map(|target| target.name).collect();
                let error = Diagnostic::error(KPS0704, format!("there is no target `{name}`"));
                Err(match names.as_slice() {
                    [] => error.help("`kpsc kernel add` adds one"),
                    names => error.help(format!("there is {}", names.join(", "))),
                })
            }
        }
    }

    /// The target to use when none is named: the one added last, or none yet.
    pub fn default_target(&self) -> Result<Option<Target>, Diagnostic> {
        let age = |target: &Target| {
            std::fs::metadata(target.facts_path()).and_then(|metadata| metadata.modified()).ok()
        };
        Ok(self.targets()?.into_iter().max_by_key(age))
    }

    /// Removes a target, and every toolchain that no target needs any more.
    pub fn remove(&self, name: &str) -> Result<(), Diagnostic> {
        let target = self.target(name)?;
        let _lock = self.lock()?;
        // Without its manifest it is no target any more, however far the rest gets.
        let manifest = target.folder().join("target.toml");
        std::fs::remove_file(&manifest).map_err(|error| cannot("remove", &manifest, &error))?;
        remove_folder(target.folder())?;
        let needed: Vec<PathBuf> =
            self.targets()?.iter().filter_map(|target| target.tree()?.toolchain.clone()).collect();
        let Ok(toolchains) = std::fs::read_dir(self.toolchains()) else { return Ok(()) };
        for toolchain in toolchains.flatten().map(|entry| entry.path()) {
            if !needed.contains(&toolchain) {
                remove_folder(&toolchain)?;
            }
        }
        Ok(())
    }
}

/// Whether a word can be a target's name: it becomes a folder.
pub(super) fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._+-~".contains(c);
    !name.is_empty() && name.len() < 128 && !name.starts_with('.') && name.chars().all(plain)
}

pub(super) fn make_folder(path: &Path) -> Result<(), Diagnostic> {
    std::fs::create_dir_all(path).map_err(|error| cannot("make", path, &error))
}

pub(super) fn remove_folder(path: &Path) -> Result<(), Diagnostic> {
    match std::fs::remove_dir_all(path) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(cannot("remove", path, &error)),
    }
}
