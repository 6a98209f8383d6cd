//! Target kernels: where they come from, and where they are kept.
//!
//! A target is a folder of the user's cache. `target.toml` is written last, so a folder without it is not a target. What
//! `kpsc check` needs (the facts) is there after seconds; what building needs (the toolchain and the kernel's build tree)
//! follows when it is first needed.

mod apt;
mod archive;
mod build_dir;
mod cache;
mod debian;
pub mod gather;
pub mod image;
pub mod kallsyms;
mod progress;
mod toolchain;

use crate::diag::{Diagnostic, KPS0701, KPS0704, KPS0705, KPS0706};
use kps_facts::Facts;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

pub use cache::Cache;
pub use progress::Progress;
pub use toolchain::{Toolchain, INSIDE};

/// What `kpsc kernel add` is asked for.
#[derive(Debug, Clone)]
pub enum Provider {
    /// A stock kernel of Debian.
    Debian(debian::Wish),
    /// A kernel build folder of the user's own.
    BuildDir(build_dir::Wish),
}

pub use build_dir::Wish as BuildDirWish;
pub use debian::{Wish as DebianWish, SUITE};

/// `target.toml`: what cannot be seen in the folder itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    /// `uname -r`.
    release: String,
    /// Who provides it, in words.
    origin: String,
    /// The image to boot.
    image: PathBuf,
    /// A static busybox for the virtual machine, where the provider has one.
    busybox: Option<PathBuf>,
    /// How to get the rest, for a provider that has not fetched it yet.
    debian: Option<debian::Source>,
    /// What building needs, once it is there.
    tree: Option<Tree>,
}

/// What building needs.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tree {
    /// The kernel's build folder, for `make -C`.
    pub build: PathBuf,
    /// Folders that the build reads besides.
    pub sources: Vec<PathBuf>,
    /// The folder whose `usr` holds the compilers; none for the host's own.
    pub toolchain: Option<PathBuf>,
    /// Variables for make, such as `CC=gcc-14`.
    pub make: Vec<String>,
}

impl Tree {
    /// Where the compilers run.
    pub fn toolchain(&self) -> Toolchain {
        match &self.toolchain {
            Some(folder) => Toolchain::Folder(folder.clone()),
            None => Toolchain::Host,
        }
    }
}

/// A target kernel.
#[derive(Debug)]
pub struct Target {
    /// What the user calls it.
    pub name: String,
    folder: PathBuf,
    manifest: Manifest,
}

impl Target {
    fn open(folder: PathBuf, name: &str) -> Result<Option<Target>, Diagnostic> {
        let path = folder.join("target.toml");
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(cannot("read", &path, &error)),
        };
        match toml::from_str(&text) {
            Ok(manifest) => Ok(Some(Target { name: name.to_owned(), folder, manifest })),
            Err(error) => {
                Err(Diagnostic::error(KPS0705, format!("target `{name}` is damaged: {}", error.message()))
                    .help(format!("run `kpsc kernel remove {name}` and add it again")))
            }
        }
    }

    /// `uname -r` of the kernel.
    pub fn release(&self) -> &str {
        &self.manifest.release
    }

    /// Who provides it.
    pub fn origin(&self) -> &str {
        &self.manifest.origin
    }

    /// Where it is kept.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The image to boot.
    pub fn image(&self) -> PathBuf {
        self.folder.join(&self.manifest.image)
    }

    /// The busybox for the virtual machine, if it came with the target.
    pub fn busybox(&self) -> Option<PathBuf> {
        self.manifest.busybox.as_ref().map(|path| self.folder.join(path))
    }

    /// The facts file.
    pub fn facts_path(&self) -> PathBuf {
        self.folder.join("facts")
    }

    /// Reads the facts.
    pub fn facts(&self) -> Result<Facts, Diagnostic> {
        let path = self.facts_path();
        let bytes = std::fs::read(&path).map_err(|error| cannot("read", &path, &error))?;
        Facts::from_bytes(&bytes).map_err(|error| {
            Diagnostic::error(KPS0705, format!("the facts of target `{}` cannot be used: {error}", self.name))
                .help(format!("run `kpsc kernel remove {}` and add it again", self.name))
        })
    }

    /// What building needs, if it is there.
    pub fn tree(&self) -> Option<&Tree> {
        self.manifest.tree.as_ref()
    }

    /// What building needs; a provider that has not fetched it yet does so now.
    pub fn prepare(&mut self, cache: &Cache, progress: Progress) -> Result<Tree, Diagnostic> {
        let _lock = cache.lock()?;
        // Another kpsc may have been quicker.
        if let Some(current) = Target::open(self.folder.clone(), &self.name)? {
            self.manifest = current.manifest;
        }
        if let Some(tree) = &self.manifest.tree {
            return Ok(tree.clone());
        }
        let Some(source) = self.manifest.debian.clone() else {
            return Err(Diagnostic::error(KPS0704, format!("target `{}` cannot be built for", self.name)));
        };
        let tree = debian::prepare(cache, &self.folder, &source, progress)?;
        self.manifest.tree = Some(tree.clone());
        self.manifest.write(&self.folder)?;
        Ok(tree)
    }
}

impl Manifest {
    /// Writes the manifest, whole or not at all.
    fn write(&self, folder: &Path) -> Result<(), Diagnostic> {
        let path = folder.join("target.toml");
        let text = toml::to_string(self).map_err(|error| {
            Diagnostic::error(KPS0701, format!("the target cannot be described: {error}"))
        })?;
        write_atomically(&path, text.as_bytes())
    }
}

/// Writes a file under another name and renames it.
pub fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), Diagnostic> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let write = || {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        std::io::Write::write_all(&mut file, bytes)?;
        // Temporary files are private; what they become is not.
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        file.as_file().set_permissions(mode)?;
        file.persist(path).map_err(|error| error.error)
    };
    write().map(|_| ()).map_err(|error| cannot("write", path, &error))
}

/// Adds a target to the cache.
pub fn add(
    cache: &Cache,
    name: Option<&str>,
    provider: &Provider,
    progress: Progress,
) -> Result<Target, Diagnostic> {
    let _lock = cache.lock()?;
    match provider {
        Provider::Debian(wish) => debian::add(cache, name, wish, progress),
        Provider::BuildDir(wish) => build_dir::add(cache, name, wish, progress),
    }
}

/// Reads the facts of an image and its files, and writes them.
fn write_facts(folder: &Path, image: &Path, config: &str, symvers: &str) -> Result<Facts, Diagnostic> {
    let bytes = std::fs::read(image).map_err(|error| cannot("read", image, &error))?;
    let facts = gather::gather(&bytes, config, symvers).map_err(|error| {
        Diagnostic::error(KPS0706, format!("{} cannot be read: {error}", image.display()))
            .help("kpsc reads x86-64 kernels since 6.6 that are built with BTF, kallsyms and ftrace")
    })?;
    write_atomically(&folder.join("facts"), &facts.to_bytes())?;
    Ok(facts)
}

/// An error about a file.
pub fn cannot(verb: &str, path: &Path, error: &std::io::Error) -> Diagnostic {
    Diagnostic::error(KPS0701, format!("cannot {verb} {}: {error}", path.display()))
}
