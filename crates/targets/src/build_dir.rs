// SPDX-License-Identifier: GPL-2.0
//! The user's own kernel build folder. Only the facts are copied, nothing is fetched, and root is
//! not needed.

use super::cache::{is_name, is_supported_path, unsupported_path, Cache};
use super::manifest::{Manifest, Tree};
use super::origin::{KernelFiles, Provider};
use super::progress::Progress;
use super::stamp::Stamp;
use super::{inventory, modules, put, taken, write_facts};
use kps_diag::{Diagnostic, NO_SOURCE, NO_SUITABLE_KERNEL, REBUILT_KERNEL};
use kps_facts::Mode;
use kps_host::disk::cannot;
use kps_host::input;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The folder, and how to build in it.
#[derive(Debug, Clone)]
pub struct Request {
    /// The folder with `vmlinux`, `.config` and `Module.symvers`.
    pub folder: PathBuf,
    /// The folder whose `usr` holds the compilers; none for the host's own.
    pub toolchain: Option<PathBuf>,
    /// Variables for make, such as `CC=gcc-14`.
    pub make: Vec<String>,
}

/// The folder as kpsc read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Origin {
    folder: PathBuf,
    /// The kernel that was read.
    kernel: Stamp,
}

/// The files that a build leaves beside the kernel.
const CONFIG: &str = ".config";
const SYMVERS: &str = "Module.symvers";

/// Adds the folder as a target, or renews its existing target, through an empty folder. Returns the
/// target's name.
pub(super) fn add(
    cache: &Cache,
    adding: &Path,
    name: Option<&str>,
    request: &Request,
    progress: Progress,
) -> Result<String, Diagnostic> {
    let folder =
        request.folder.canonicalize().map_err(|error| cannot("open", &request.folder, &error))?;
    if !is_supported_path(&folder) {
        return Err(unsupported_path("the build folder", &folder).help("rename the folder"));
    }
    if name.is_some_and(|name| !is_name(name)) {
        return Err(taken(name.unwrap_or_default()));
    }
    // Both are read again for the facts. Here the message can say which folder to give.
    for (file, limit) in [(CONFIG, input::CONFIG), (SYMVERS, input::SYMVERS)] {
        input::read_text(&folder.join(file), limit)
            .map_err(|error| error.help("pass the folder in which `make` built the kernel"))?;
    }
    let image = kps_arch::native()
        .kbuild
        .images
        .iter()
        .map(|image| folder.join(image))
        .find(|image| image.exists());
    let vmlinux = Some(folder.join("vmlinux")).filter(|path| path.exists());
    let Some(kernel) = vmlinux.or_else(|| image.clone()) else {
        return Err(Diagnostic::new(
            NO_SUITABLE_KERNEL,
            format!("{} holds no kernel", folder.display()),
        )
        .help("build the kernel first: `make` leaves vmlinux there"));
    };
    let image = image.unwrap_or_else(|| kernel.clone());
    let origin = Origin { kernel: Stamp::of(&kernel)?, folder };
    let files = origin.files(adding);
    let tree = Tree {
        sources: vec![source_of(&origin.folder)],
        build: origin.folder.clone(),
        toolchain: toolchain(request.toolchain.as_deref())?,
        make: request.make.clone(),
    };
    let facts = progress.step("reading the image", || {
        write_facts(adding, &files, Mode::KernelCrate, Some(&tree))
    })?;
    let release = facts.identity.release;
    let name = name.unwrap_or(&release);
    if !is_name(name) {
        return Err(taken(name));
    }
    let mut read = vec![files.image, files.config, files.symvers];
    read.extend(Some(&image).filter(|image| !read.contains(image)).cloned());
    progress.step("taking the inventory", || inventory::record(adding, &read))?;
    let folder = origin.folder.clone();
    let origin = super::Origin::BuildDir(origin);
    let manifest =
        Manifest { image, busybox: None, origin, tree: Some(tree), release: release.clone() };
    // Users of the old target have read its facts; everything else they read is in the build
    // folder.
    put(
        cache,
        adding,
        name,
        &manifest,
        |old| matches!(old, super::Origin::BuildDir(old) if old.folder == folder),
    )
}

/// The folder of the compilers, wherever make runs.
pub(super) fn toolchain(folder: Option<&Path>) -> Result<Option<PathBuf>, Diagnostic> {
    let canonical =
        |folder: &Path| folder.canonicalize().map_err(|error| cannot("open", folder, &error));
    if let Some(folder) = folder {
        canonical(&folder.join("usr"))
            .map_err(|error| error.help("pass the folder whose `usr` holds the compilers"))?;
    }
    folder.map(canonical).transpose()
}

impl Provider for Origin {
    fn title(&self) -> String {
        format!("build folder {}", self.folder.display())
    }

    fn arguments(&self, _release: &str, tree: Option<&Tree>) -> String {
        format!("--build-dir {}{}", self.folder.display(), compilers(tree))
    }

    fn files(&self, _folder: &Path) -> KernelFiles {
        KernelFiles {
            image: self.kernel.path().to_owned(),
            config: self.folder.join(CONFIG),
            symvers: self.folder.join(SYMVERS),
        }
    }

    fn modules(
        &self,
        _cache: &Cache,
        _folder: &Path,
        _progress: Progress,
    ) -> Result<BTreeMap<String, PathBuf>, Diagnostic> {
        modules::in_build_dir(&self.folder)
    }

    fn source_tree(&self, _cache: &Cache, _progress: Progress) -> Result<PathBuf, Diagnostic> {
        let source = source_of(&self.folder);
        match is_source(&source) {
            true => Ok(source),
            false => Err(no_source(&source)
                .help("unpack the source that the kernel was built from there again")),
        }
    }

    fn debug_files(
        &self,
        _cache: &Cache,
        _scratch: &Path,
        module: &dyn Fn(PathBuf),
        _progress: Progress,
    ) -> Result<PathBuf, Diagnostic> {
        let modules = modules::in_build_dir(&self.folder)?.into_values();
        // A list of modules is there before they are built.
        modules.filter(|path| path.exists()).for_each(module);
        Ok(self.folder.join("vmlinux"))
    }

    /// A module for another kernel would be refused when it is loaded.
    fn check(&self, name: &str, command: &str) -> Result<(), Diagnostic> {
        if self.kernel.holds() {
            return Ok(());
        }
        self.kernel.is_there(name)?;
        let message =
            format!("{} was rebuilt after it became the target `{name}`", self.folder.display());
        Err(Diagnostic::new(REBUILT_KERNEL, message).help(format!("run `{command}`")))
    }
}

/// The command-line arguments that select the compilers.
pub(super) fn compilers(tree: Option<&Tree>) -> String {
    let toolchain = tree.and_then(|tree| tree.toolchain.as_ref());
    let mut words: String =
        toolchain.iter().map(|toolchain| format!(" --toolchain {}", toolchain.display())).collect();
    words.extend(
        tree.iter().flat_map(|tree| &tree.make).map(|variable| format!(" --make {variable}")),
    );
    words
}

/// Whether a folder has the source of a kernel, and not only its headers.
pub(super) fn is_source(folder: &Path) -> bool {
    ["Makefile", "scripts/Makefile.build", "fs/open.c"]
        .iter()
        .all(|file| folder.join(file).is_file())
}

/// A kernel whose source is missing.
pub(super) fn no_source(folder: &Path) -> Diagnostic {
    Diagnostic::new(NO_SOURCE, format!("{} has no source of the kernel", folder.display()))
}

/// The source of a build folder: the folder itself, or the one that its makefile includes after a
/// build with `O=`.
pub(super) fn source_of(folder: &Path) -> PathBuf {
    let makefile = input::read_text(&folder.join("Makefile"), input::MAKEFILE).unwrap_or_default();
    let included = makefile.lines().find_map(|line| line.strip_prefix("include "));
    let source = included.map(str::trim).filter(|path| path.starts_with('/')).map(Path::new);
    source.and_then(Path::parent).unwrap_or(folder).to_owned()
}
