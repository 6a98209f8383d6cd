// SPDX-License-Identifier: GPL-2.0
//! Target kernels: where they come from, and where they are kept.
//!
//! A target is a folder of the user's cache. `kpsc check` needs only the facts, which take seconds;
//! the compilers and the kernel's build tree, which a build needs, follow on first use. Every step
//! works under another name and renames its result, and `target.toml` is written last: an
//! interrupted addition is not a target yet, and the next run resumes it.

mod build_dir;
mod cache;
mod clean;
mod code;
mod constants;
mod debian;
mod debug;
mod debug_modules;
pub mod dwarf;
mod facts;
pub mod gather;
mod header_tree;
mod headers;
pub mod image;
mod inventory;
pub mod kallsyms;
mod kept;
mod linked;
mod loadable;
mod locks;
mod manifest;
mod mode;
pub mod module;
mod modules;
mod origin;
mod progress;
mod references;
mod roles;
mod root;
mod rust_core;
mod sandbox;
mod seal;
mod signing;
mod stamp;
mod syscalls;
mod templates;
mod toolchain;
mod user_arguments;
mod verify;

use facts::write_facts;
use image::ImageError;
use kps_diag::{Diagnostic, DAMAGED_TARGET, FILE_ERROR, TARGET_NAME_TAKEN, UNREADABLE_IMAGE};
use kps_facts::{Facts, Mode};
use kps_host::disk::remove;
use locks::{Held, Part};
use manifest::Manifest;
use origin::{KernelFiles, Origin, Provider};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

pub use build_dir::Request as BuildDirRequest;
pub use cache::{is_supported_path, unsupported_path, Cache, Listed};
pub use debian::{keyring, Available, Request as DebianRequest, SUITE};
pub use inventory::record;
pub use kept::{Kept, Kind as KeptKind};
pub use manifest::Tree;
pub use origin::Request;
pub use progress::Progress;
pub use references::Code;
pub use root::Request as RootRequest;
pub use seal::seal;
pub use signing::{Key, PIN};
pub use templates::{Template, Templates};
pub use toolchain::{Program, Toolchain, INSIDE};

/// A target kernel. It is not removed while a value of this type exists.
#[derive(Debug)]
pub struct Target {
    /// Its name in the cache.
    pub name: String,
    folder: PathBuf,
    manifest: Manifest,
    /// The cache that it is in.
    cache: Cache,
    /// Whether the facts that were read lack what the headers tell.
    lacks_headers: AtomicBool,
    _using: Option<Held>,
}

impl Target {
    fn open(cache: &Cache, name: &str) -> Result<Option<Target>, Diagnostic> {
        let folder = cache.kernel(name);
        if !Manifest::exists(&folder) {
            return Ok(None);
        }
        let _using = cache.using(name)?;
        let manifest = Manifest::read(&folder, name)?;
        let cache = cache.clone();
        Ok(manifest.map(|manifest| Target {
            name: name.to_owned(),
            folder,
            manifest,
            cache,
            lacks_headers: AtomicBool::new(false),
            _using,
        }))
    }

    /// `uname -r` of the kernel.
    pub fn release(&self) -> &str {
        &self.manifest.release
    }

    /// What the Rust of its patches stands on.
    pub fn mode(&self) -> Mode {
        self.provider().mode()
    }

    /// Where it comes from, for messages.
    pub fn origin(&self) -> String {
        self.provider().title()
    }

    /// The name and the version of the package that the kernel is installed with, if it is known.
    pub fn package(&self) -> Option<(String, String)> {
        self.provider().package()
    }

    fn provider(&self) -> &dyn Provider {
        self.manifest.origin.provider()
    }

    /// The command that adds it again, which renews it.
    pub fn command(&self) -> String {
        let arguments = self.provider().arguments(self.release(), self.tree());
        match self.name == self.release() {
            true => format!("kpsc kernel add {arguments}"),
            false => format!("kpsc kernel add --name {} {arguments}", self.name),
        }
    }

    /// Where it is kept.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The image to boot.
    pub fn image(&self) -> PathBuf {
        self.folder.join(&self.manifest.image)
    }

    /// The busybox for the virtual machine, if the provider has one.
    pub fn busybox(&self) -> Option<PathBuf> {
        self.manifest.busybox.as_ref().map(|path| self.folder.join(path))
    }

    /// The build tree and compilers, if they are there.
    pub fn tree(&self) -> Option<&Tree> {
        self.manifest.tree.as_ref()
    }

    /// Whether there is no build tree, or the facts that were read do not have all that its headers
    /// tell. After [`Target::prepare`] a patch is to be resolved again.
    pub fn tells_more(&self) -> bool {
        self.tree().is_none() || self.lacks_headers.load(Ordering::Relaxed)
    }

    /// The build tree and compilers, for the user who owns the cache; the provider fetches them now
    /// if they are missing.
    pub fn prepare(&mut self, cache: &Cache, progress: Progress) -> Result<Tree, Diagnostic> {
        cache.own()?;
        if let Some(tree) = &self.manifest.tree {
            self.has_folders_of(tree)?;
            if self.provider().keeps_tree() {
                cache.own_tree(tree)?;
            }
            // Only the owner of a cache can bring it up to date; others use it as it is.
            let _ = self.provider().renew(cache, &self.folder, tree);
            let tree = tree.clone();
            if self.lacks_headers.load(Ordering::Relaxed) {
                let _reading = cache.change(Part::Target(&self.name), "preparing")?;
                let facts = self.facts()?;
                // Another kpsc may have finished first.
                if self.lacks_headers.load(Ordering::Relaxed) {
                    self.add_headers(facts, &tree)?;
                }
            }
            return Ok(tree);
        }
        let _preparing = cache.change(Part::Target(&self.name), "preparing")?;
        // Another kpsc may have finished first.
        if let Some(current) = Manifest::read(&self.folder, &self.name)? {
            self.manifest = current;
        }
        if let Some(tree) = &self.manifest.tree {
            return Ok(tree.clone());
        }
        let tree = self.provider().prepare(cache, &self.folder, progress)?;
        progress.step("taking the inventory", || self.take_inventory())?;
        self.add_headers(self.facts()?, &tree)?;
        self.manifest.tree = Some(tree.clone());
        self.manifest.write(&self.folder)?;
        Ok(tree)
    }

    /// Fails if a folder that a build reads is gone, with the cache that it was in for example.
    fn has_folders_of(&self, tree: &Tree) -> Result<(), Diagnostic> {
        match tree.folders().find(|folder| !folder.exists()) {
            Some(folder) => Err(gone(&self.name, &folder)),
            None => Ok(()),
        }
    }

    /// Records all files of the target, and those elsewhere that its facts are made from.
    fn take_inventory(&self) -> Result<(), Diagnostic> {
        let _files = self.cache.change(Part::Files(&self.name), "preparing")?;
        let KernelFiles { image, config, symvers } = self.provider().files(&self.folder);
        let mut elsewhere = vec![image, config, symvers];
        elsewhere.retain(|path| !path.starts_with(&self.folder));
        inventory::record(&self.folder, &elsewhere)
    }

    /// The files of the modules that came with the kernel, by name; the provider fetches them now
    /// if they are missing.
    pub fn modules(
        &self,
        cache: &Cache,
        progress: Progress,
    ) -> Result<BTreeMap<String, PathBuf>, Diagnostic> {
        let found = self.provider().modules(cache, &self.folder, progress)?;
        self.compare_modules()?;
        Ok(found)
    }

    /// Whether the files of the modules are there, so that [`Target::modules`] fetches nothing.
    pub fn has_modules(&self) -> bool {
        self.provider().has_modules(&self.folder)
    }

    /// Adds a module to the kernel's facts: the contents of the file at this path.
    pub fn add_module(
        facts: &mut Facts,
        name: &str,
        path: &Path,
        file: Vec<u8>,
    ) -> Result<(), Diagnostic> {
        module::add(facts, name, file).map_err(|error| Target::unreadable_module(path, &error))
    }

    /// A module that cannot be used.
    pub fn unreadable_module(path: &Path, error: &ImageError) -> Diagnostic {
        Diagnostic::new(
            UNREADABLE_IMAGE,
            format!("the module {} cannot be read: {error}", path.display()),
        )
        .help(format!(
            "use an unmodified {} module of the kernel's build",
            kps_arch::native().title
        ))
    }

    /// The folder with the kernel's source, for the user who owns the cache: everything that its
    /// configuration can compile. A stock kernel's is fetched now if it is missing, and shared by
    /// all targets of its version.
    pub fn source_tree(&self, cache: &Cache, progress: Progress) -> Result<PathBuf, Diagnostic> {
        cache.own()?;
        self.provider().source_tree(cache, progress)
    }

    /// The compilers that clang comes with, for the user who owns the cache: those of the build
    /// tree or, in core mode, others that are fetched now if they are missing.
    pub fn with_clang(
        &self,
        cache: &Cache,
        tree: &Tree,
        progress: Progress,
    ) -> Result<Toolchain, Diagnostic> {
        cache.own()?;
        match self.mode() {
            Mode::KernelCrate => Ok(tree.toolchain()),
            Mode::Core => debian::compilers_with_clang(cache, progress).map(Toolchain::Folder),
        }
    }

    /// Unpacks the kernel's source into a folder that does not exist yet: what is at or below one
    /// of the paths, or all of it if there are none.
    pub fn unpack_source(
        &self,
        cache: &Cache,
        into: &Path,
        paths: &[PathBuf],
        progress: Progress,
    ) -> Result<(), Diagnostic> {
        let wanted =
            |file: &Path| paths.is_empty() || paths.iter().any(|path| file.starts_with(path));
        self.provider().source(cache, into, &wanted, progress)?;
        let Some(missing) = paths.iter().find(|path| !into.join(path).exists()) else {
            return Ok(());
        };
        remove(into)?;
        let message = format!("the source of {} has no {}", self.release(), missing.display());
        Err(Diagnostic::new(FILE_ERROR, message)
            .help("write a path below the top of the source, such as `kernel/livepatch`"))
    }
}

/// Adds a target to the cache.
pub fn add(
    cache: &Cache,
    name: Option<&str>,
    request: &Request,
    progress: Progress,
) -> Result<Target, Diagnostic> {
    let adding = cache.adding()?;
    let added = request.add(cache, &adding, name, progress);
    remove(&adding)?;
    let name = added?;
    drop(adding);
    cache.target(&name)
}

/// The stock kernels that a request is about, newest first.
pub fn available(
    cache: &Cache,
    request: &DebianRequest,
    progress: Progress,
) -> Result<Vec<Available>, Diagnostic> {
    debian::available(cache, request, progress)
}

/// Makes a filled folder the target of this name: a new one, or in place of an old one of which
/// `is_renewed` says that it is the same kernel's. Returns the name.
fn put(
    cache: &Cache,
    adding: &Path,
    name: &str,
    manifest: &Manifest,
    is_renewed: impl Fn(&Origin) -> bool,
) -> Result<String, Diagnostic> {
    let _adding = cache.change(Part::Target(name), "adding")?;
    let old = Manifest::read(&cache.kernel(name), name)?;
    if old.is_some_and(|old| !is_renewed(&old.origin)) {
        return Err(taken(name));
    }
    manifest.write(adding)?;
    cache.put(adding, name)?;
    Ok(name.to_owned())
}

/// A name that is taken or not allowed.
fn taken(name: &str) -> Diagnostic {
    Diagnostic::new(
        TARGET_NAME_TAKEN,
        format!("target `{name}` already exists, or the name is not valid"),
    )
    .help("choose another name with `--name`, or remove the old target with `kpsc kernel remove`")
}

/// A target that cannot be used.
fn damaged(name: &str, what: &str) -> Diagnostic {
    Diagnostic::new(DAMAGED_TARGET, format!("target `{name}` is damaged: {what}")).help(format!(
        "run `kpsc kernel remove {name}` and add it again; `kpsc kernel verify` checks all its files"
    ))
}

/// A target that lacks a file or folder that is not in its own folder.
fn gone(name: &str, path: &Path) -> Diagnostic {
    let message = format!("target `{name}` is damaged: {} is gone", path.display());
    Diagnostic::new(DAMAGED_TARGET, message)
        .note("a target uses what it was made with where that was then, so it cannot be moved")
        .help(format!("put it back, or run `kpsc kernel remove {name}` and add the target again"))
}
