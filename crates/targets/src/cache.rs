// SPDX-License-Identifier: GPL-2.0
//! The user's cache folder.
//!
//! | path | holds |
//! |---|---|
//! | `kernels/NAME/` | a target: `target.toml`, `files`, `facts`, the image, and for stock kernels `source/` and `build/` |
//! | `toolchains/ID/` | compilers, shared by the kernels that were built with them |
//! | `sources/VERSION/` | the source of stock kernels, shared by the targets of this version |
//! | `macros/NAME/ID/` | the macros of patch crates, built with the compilers of the target NAME |
//! | `machines/NAME/ID/` | the template machine of the target NAME, by everything that it depends on |
//! | `core/NAME/ID/` | the crate `kernel` of core mode, compiled for the target NAME |
//! | `kbuild/NAME/ID/` | results that Kbuild repeats in each build for the target NAME, by its compilers |
//! | `reader/NAME/ID/` | the program that reads C for `kpsc import`, compiled for the target NAME |
//! | `apt-N/` | the package lists and packages that a run fetches |
//! | `adding-N/` | a target that a run adds; `adding-N.replaced/` is the one that it replaces |
//! | `default` | the name of the target that the user has chosen |
//! | `lock`, `locks/`, `making/` | locks (`locks.rs`) |
//!
//! Long work on one target keeps nobody from working with another one, nor from building for the
//! same one once it is prepared. Therefore each thing that is made has a lock of its own. A process
//! takes locks in this order:
//!
//! | lock | is held |
//! |---|---|
//! | `locks/NAME` | shared by users of the target NAME, and exclusively to remove it |
//! | `lock` | shared with each of the locks below, and exclusively to remove anything: compilers that no target needs may be those of one that is being prepared. Whoever shares it gets it again at once, even if another process waits for it |
//! | `making/adding-N`, `making/apt-N` | by the run that has the folder of this name. A run takes the first that is free, and never waits |
//! | `making/kernels/NAME` | to add, prepare or extend the target NAME: minutes |
//! | `making/toolchains/ID`, `making/sources/VERSION` | to fetch these compilers, or this source: minutes |
//! | `making/files/NAME`, `making/KIND/NAME` | to replace the facts, the makefile, the inventory or kept results of the target NAME: a moment, in which nothing else is locked |
//!
//! To remove a target takes both of the first two, and waits for either without the other: users of
//! the target go on.

use super::kept::Kind;
use super::locks::{OwnFolder, Part};
use super::manifest::{Manifest, Tree};
use super::Target;
use kps_diag::{Diagnostic, AMBIGUOUS_TARGET, FILE_ERROR, FOREIGN_CACHE, NO_SUCH_TARGET};
use kps_host::disk::{entries, make_folder, remove, rename, write_atomically};
use kps_host::input::read_at_most;
use kps_host::owner::{other, other_below, Other};
use std::path::{Path, PathBuf};

/// The folder of one version of the format: other versions never read it.
const VERSION: &str = "v4";

/// How deep kpsc looks for what somebody else can change, before it uses a cache: at the folders of
/// targets, compilers and kept results, and at what is in them. `kpsc kernel verify` looks at all.
const LEVELS: usize = 4;

/// The kinds of folders that belong to one run.
const ADDING: &str = "adding";
const APT: &str = "apt";

/// The user's cache folder.
#[derive(Debug, Clone)]
pub struct Cache {
    /// The parent of the folders of all versions.
    top: PathBuf,
    root: PathBuf,
    /// Somebody else who can change it.
    other: Option<Other>,
}

/// A target with its name, or the reason why it cannot be used.
pub type Listed = (String, Result<Target, Diagnostic>);

impl Cache {
    /// `$KPSC_CACHE`, or `kpsc` in the user's cache folder.
    pub fn open() -> Result<Cache, Diagnostic> {
        let set =
            |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let top = set("KPSC_CACHE")
            // The XDG Base Directory Specification has relative paths ignored.
            .or_else(|| Some(set("XDG_CACHE_HOME").filter(|path| path.is_absolute())?.join("kpsc")))
            .or_else(|| Some(set("HOME")?.join(".cache/kpsc")));
        // make and the sandbox need absolute paths.
        let top = top.map(|top| std::path::absolute(&top).unwrap_or(top));
        match top {
            Some(top) if !is_supported_path(&top) => {
                Err(unsupported_path("the cache", &top).help("set KPSC_CACHE to another folder"))
            }
            Some(top) => Ok(Cache::at(&top)),
            None => Err(Diagnostic::new(
                FILE_ERROR,
                "no folder for the cache is known: HOME is not set",
            )
            .help("set KPSC_CACHE to a folder")),
        }
    }

    /// A cache in this folder.
    pub fn at(top: &Path) -> Cache {
        let root = top.join(VERSION);
        let other = [top, &root].into_iter().find_map(other);
        let other = other.or_else(|| other_below(&root, LEVELS));
        Cache { top: top.to_owned(), root, other }
    }

    /// Refuses a cache that somebody else can change. kpsc reads it, but neither writes to it nor
    /// runs what it holds: that would be to run what somebody else has put there.
    pub fn own(&self) -> Result<(), Diagnostic> {
        self.other.as_ref().map_or(Ok(()), |other| Err(self.foreign(other)))
    }

    /// The same for all that is in a folder of the cache, which takes longer.
    pub(super) fn own_all(&self, folder: &Path) -> Result<(), Diagnostic> {
        other_below(folder, usize::MAX).map_or(Ok(()), |other| Err(self.foreign(&other)))
    }

    fn foreign(&self, other: &Other) -> Diagnostic {
        let message = format!("the cache {} is not yours alone: {other}", self.top.display());
        Diagnostic::new(FOREIGN_CACHE, message)
            .note("kpsc runs the compilers and the kernels that the cache holds")
            .help("set KPSC_CACHE to a folder that only you can change, or run kpsc as its owner")
    }

    /// Refuses a build tree or compilers that somebody else can change. A cache that was copied
    /// uses those of the cache that it was copied from.
    pub(super) fn own_tree(&self, tree: &Tree) -> Result<(), Diagnostic> {
        let Some(other) = tree.folders().find_map(|folder| other(&folder)) else {
            return Ok(());
        };
        let message = format!("a part of the target is not yours alone: {other}");
        Err(Diagnostic::new(FOREIGN_CACHE, message)
            .note("kpsc runs the compilers of the target, and builds in its build tree")
            .help("remove the target and add it again, in a cache that only you can change"))
    }

    /// The folder of this version's targets and compilers.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// The folder of a target.
    pub fn kernel(&self, name: &str) -> PathBuf {
        self.root.join("kernels").join(name)
    }

    /// The folder of a target's template machine.
    pub(super) fn templates(&self, name: &str) -> PathBuf {
        self.root.join("machines").join(name)
    }

    /// The folder of the kept results of a kind for a target.
    pub(super) fn kept(&self, kind: Kind, name: &str) -> PathBuf {
        self.root.join(kind.folder()).join(name)
    }

    pub(super) fn toolchains(&self) -> PathBuf {
        self.root.join("toolchains")
    }

    pub(super) fn sources(&self) -> PathBuf {
        self.root.join("sources")
    }

    /// An empty folder for a target that is being added.
    pub(super) fn adding(&self) -> Result<OwnFolder, Diagnostic> {
        let folder = self.own_folder(ADDING, "adding a target")?;
        remove(&folder)?;
        make_folder(&folder)?;
        Ok(folder)
    }

    /// A folder for apt, perhaps with the lists and packages of an earlier run.
    pub(super) fn apt(&self) -> Result<OwnFolder, Diagnostic> {
        self.own_folder(APT, "fetching from an archive of packages")
    }

    /// What runs have left in folders of their own. The caller holds [`Cache::clearing`].
    pub(super) fn leftovers_of_runs(&self) -> Result<Vec<PathBuf>, Diagnostic> {
        let mut found = entries(&self.root)?;
        // Earlier versions of kpsc had one folder of each kind, and `replaced`.
        let is_left =
            |name: &str| [ADDING, APT, "replaced"].iter().any(|kind| name.starts_with(kind));
        found.retain(|path| path.file_name().is_some_and(|name| is_left(&name.to_string_lossy())));
        Ok(found)
    }

    /// Makes a finished folder the target of this name, replacing an older one. The caller has
    /// locked the target.
    pub(super) fn put(&self, finished: &Path, name: &str) -> Result<(), Diagnostic> {
        let _files = self.change(Part::Files(name), "adding")?;
        let (target, old) = (self.kernel(name), finished.with_extension("replaced"));
        make_folder(&self.root.join("kernels"))?;
        remove(&old)?;
        if target.exists() {
            rename(&target, &old)?;
        }
        rename(finished, &target)?;
        remove(&old)
    }

    /// The names of all targets, damaged ones too.
    pub(super) fn names(&self) -> Result<Vec<String>, Diagnostic> {
        let folders = entries(&self.root.join("kernels"))?;
        let targets = folders.iter().filter(|folder| Manifest::exists(folder));
        Ok(targets.filter_map(|folder| Some(folder.file_name()?.to_str()?.to_owned())).collect())
    }

    /// All targets by name.
    pub fn targets(&self) -> Result<Vec<Listed>, Diagnostic> {
        let names = self.names()?;
        let open = |name: String| match Target::open(self, &name) {
            Ok(target) => target.map(|target| (name, Ok(target))),
            Err(error) => Some((name, Err(error))),
        };
        Ok(names.into_iter().filter_map(open).collect())
    }

    /// The target of this name.
    pub fn target(&self, name: &str) -> Result<Target, Diagnostic> {
        let found = if is_name(name) { Target::open(self, name)? } else { None };
        match found {
            Some(target) => Ok(target),
            None => Err(self.no_target(name)?),
        }
    }

    /// The target of this name, or the only one whose release starts with this version.
    pub fn find(&self, name: &str) -> Result<Target, Diagnostic> {
        let is_there = is_name(name) && Manifest::exists(&self.kernel(name));
        if is_there || !name.starts_with(|c: char| c.is_ascii_digit()) {
            return self.target(name);
        }
        let mut found = self.targets()?;
        found.retain(|(known, target)| is_of(target.as_ref().map_or(known, Target::release), name));
        match found.len() {
            0 => Err(self.no_target(name)?),
            1 => found.swap_remove(0).1,
            _ => {
                let names: Vec<&str> = found.iter().map(|(name, _)| name.as_str()).collect();
                let message = format!("`{name}` can be {} targets", names.len());
                Err(Diagnostic::new(AMBIGUOUS_TARGET, message)
                    .help(format!("write more of a name: {}", names.join(", "))))
            }
        }
    }

    pub(super) fn no_target(&self, name: &str) -> Result<Diagnostic, Diagnostic> {
        let error = Diagnostic::new(NO_SUCH_TARGET, format!("there is no target `{name}`"));
        Ok(match self.names()?.as_slice() {
            [] => error.help("add one with `kpsc kernel add`"),
            names => error.help(format!("choose from: {}", names.join(", "))),
        })
    }

    /// The default target: the one that the user has chosen, or else the one added last, if there
    /// is one.
    pub fn default_target(&self) -> Result<Option<Target>, Diagnostic> {
        match self.default_name()? {
            Some(name) => Target::open(self, &name),
            None => Ok(None),
        }
    }

    /// The name of the default target.
    pub fn default_name(&self) -> Result<Option<String>, Diagnostic> {
        let names = self.names()?;
        if let Some(chosen) = self.chosen().filter(|name| names.contains(name)) {
            return Ok(Some(chosen));
        }
        let age = |name: &String| {
            let facts = self.kernel(name).join("facts");
            std::fs::metadata(facts).and_then(|metadata| metadata.modified()).ok()
        };
        Ok(names.iter().max_by_key(|name| age(name)).cloned())
    }

    /// The target that the user has chosen to be the default.
    pub fn chosen(&self) -> Option<String> {
        const MOST: u64 = 256;
        let bytes = read_at_most(&self.default_file(), MOST).ok()??;
        let name = String::from_utf8(bytes).ok()?.trim().to_owned();
        is_name(&name).then_some(name)
    }

    /// Makes a target the default.
    pub fn choose(&self, target: &Target) -> Result<(), Diagnostic> {
        self.own()?;
        write_atomically(&self.default_file(), format!("{}\n", target.name).as_bytes())
    }

    fn default_file(&self) -> PathBuf {
        self.root.join("default")
    }

    /// The folders of older versions of the format.
    pub(super) fn older(&self) -> Result<Vec<PathBuf>, Diagnostic> {
        let number =
            |path: &Path| path.file_name()?.to_str()?.strip_prefix('v')?.parse::<u32>().ok();
        let own = number(&self.root);
        let mut found = entries(&self.top)?;
        found.retain(|path| number(path).is_some_and(|version| Some(version) < own));
        Ok(found)
    }
}

/// Whether the kernel's makefiles support a path: make and the shell would interpret other
/// characters.
pub fn is_supported_path(path: &Path) -> bool {
    let plain = |c: char| c.is_alphanumeric() || "/._+-~@".contains(c);
    path.to_str().is_some_and(|path| path.chars().all(plain))
}

/// The error for an unsupported path.
pub fn unsupported_path(what: &str, path: &Path) -> Diagnostic {
    Diagnostic::new(FILE_ERROR, format!("{what} cannot be in {}", path.display()))
        .note("the kernel's makefiles accept only letters, digits and `/ . _ + - ~ @` in paths")
}

/// Whether a release starts with this version: 6.12.118 with 6.12 and not with 6.1.
fn is_of(release: &str, version: &str) -> bool {
    let rest = release.strip_prefix(version).filter(|_| !version.is_empty());
    rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
}

/// Whether a word can be a target's name: it becomes a folder.
pub(super) fn is_name(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._+-~".contains(c);
    !name.is_empty() && name.len() < 128 && !name.starts_with('.') && name.chars().all(plain)
}
