// SPDX-License-Identifier: GPL-2.0
//! Stock kernels of Debian: image, headers and source of one version, and the compilers that built
//! them.
//!
//! No version is pinned. kpsc takes the suite's newest kernel that is built with Rust and
//! livepatch, or the release that the user names, and the compilers that its configuration names.
//! The header package has no Rust metadata, so the kernel's own build makes it (`modules_prepare`)
//! from the source package, with the configuration of the image: same compilers and same flags give
//! the same symbols.

mod apt;
mod archive;
mod compilers;
mod headers;
mod kernels;
mod suites;
mod tree;

use super::cache::{is_name, Cache};
use super::gather::parse_config;
use super::header_tree::HeaderTree;
use super::locks::Part;
use super::manifest::{Manifest, Tree};
use super::origin::{KernelFiles, Provider};
use super::progress::Progress;
use super::rust_core::{self, RustCore};
use super::{inventory, mode, modules, taken, write_facts};
use apt::{Apt, Lists, With};
use archive::{unpack_each, unpack_package};
use kps_diag::{Diagnostic, NO_SUITABLE_KERNEL};
use kps_facts::Mode;
use kps_host::disk::{entries, remove, rename, write_atomically};
use kps_host::input;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

pub use apt::keyring;
pub use kernels::{Available, Request};
pub use suites::SUITE;

/// The image in the folder of a target.
const IMAGE: &str = "vmlinuz";

/// Where a stock kernel came from, to fetch more of it later.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Origin {
    suite: String,
    /// The mirror, if it is not the machine's own.
    mirror: Option<String>,
    release: String,
    /// The version of its packages.
    version: String,
    /// What the Rust of its patches stands on.
    #[serde(with = "mode", default)]
    rust: Mode,
}

impl Origin {
    /// A view of the archive, with its package lists fetched.
    fn apt(&self, cache: &Cache, progress: Progress) -> Result<Apt, Diagnostic> {
        let apt = Apt::new(cache.apt()?, self.mirror.as_deref(), Some(&self.suite))?;
        apt.update(Lists::Recent, progress)?;
        Ok(apt)
    }
}

impl Origin {
    /// A build tree with the kernel's own Rust crate, which its own build makes.
    fn tree_with_crate(
        &self,
        apt: &Apt,
        cache: &Cache,
        folder: &Path,
        config: &str,
        (compiler, options): (&str, &BTreeMap<String, String>),
        progress: Progress,
    ) -> Result<Tree, Diagnostic> {
        let toolchain = compilers::fetch(cache, apt, compiler, progress)?;
        compilers::check(&toolchain, compiler, options)?;
        tree::unpack(apt, folder, self, progress)?;
        let host = compilers::without_prefix(compiler);
        let make = vec![format!("CC={compiler}"), format!("HOSTCC={host}")];
        let tree = Tree {
            build: folder.join("build"),
            sources: vec![folder.join("source")],
            toolchain: Some(toolchain),
            make,
        };
        tree::build(folder, self, config, &tree, progress)?;
        Ok(tree)
    }

    /// The kernel's headers, and the compilers of core mode with their `core`.
    fn tree_of_headers(
        &self,
        apt: &Apt,
        cache: &Cache,
        folder: &Path,
        core: &RustCore,
        progress: Progress,
    ) -> Result<Tree, Diagnostic> {
        let toolchain = compilers::fetch_with_core(cache, apt, core, progress)?;
        let headers = headers::unpack(apt, folder, self, progress)?;
        tree_in(folder, headers, toolchain)
    }
}

impl Provider for Origin {
    fn keeps_tree(&self) -> bool {
        true
    }

    fn mode(&self) -> Mode {
        self.rust
    }

    fn package(&self) -> Option<(String, String)> {
        Some((format!("linux-image-{}", self.release), self.version.clone()))
    }

    fn title(&self) -> String {
        format!("Debian {} ({})", self.suite, self.version)
    }

    fn arguments(&self, release: &str, tree: Option<&Tree>) -> String {
        let mut arguments = format!("--release {release}");
        if self.rust == Mode::Core {
            arguments.push_str(" --rust core");
        }
        if self.suite != SUITE {
            arguments.push_str(&format!(" --suite {}", self.suite));
        }
        if let Some(mirror) = &self.mirror {
            arguments.push_str(&format!(" --mirror {mirror}"));
        }
        // Users who only check do not wait for compilers.
        if tree.is_none() {
            arguments.push_str(" --facts-only");
        }
        arguments
    }

    fn files(&self, folder: &Path) -> KernelFiles {
        files(folder)
    }

    /// Fetches the compilers, and makes the kernel's build tree. Steps that an earlier run has
    /// finished are skipped.
    fn prepare(
        &self,
        cache: &Cache,
        folder: &Path,
        progress: Progress,
    ) -> Result<Tree, Diagnostic> {
        let config = input::read_text(&files(folder).config, input::CONFIG)?;
        let options = parse_config(&config);
        let apt;
        let tree = match self.rust {
            Mode::KernelCrate => {
                let compiler = compilers::compiler(&options)?;
                progress.say(&format!(
                    "Preparing to build for {}: once, about 3 minutes and 2 GB of disk.",
                    self.release
                ));
                apt = self.apt(cache, progress)?;
                let compilers = (compiler.as_str(), &options);
                self.tree_with_crate(&apt, cache, folder, &config, compilers, progress)?
            }
            Mode::Core => {
                progress.say(&format!("Preparing to build for {}.", self.release));
                apt = self.apt(cache, progress)?;
                self.tree_of_headers(&apt, cache, folder, &RustCore::of(&options), progress)?
            }
        };
        apt.forget()?;
        Ok(tree)
    }

    fn renew(&self, cache: &Cache, folder: &Path, tree: &Tree) -> Result<(), Diagnostic> {
        tree::renew(cache, folder, tree)
    }

    /// The modules are fetched on first use.
    fn modules(
        &self,
        cache: &Cache,
        folder: &Path,
        progress: Progress,
    ) -> Result<BTreeMap<String, PathBuf>, Diagnostic> {
        let kept = folder.join(modules::FOLDER);
        if !self.has_modules(folder) {
            let _fetching = cache.change(Part::target_in(folder), "fetching the modules of")?;
            // Another kpsc may have finished first.
            if !kept.exists() {
                fetch_modules(cache, folder, self, progress)?;
            }
        }
        modules::in_folder(&kept)
    }

    fn has_modules(&self, folder: &Path) -> bool {
        folder.join(modules::FOLDER).exists()
    }

    /// Fetches the debug package and unpacks the kernel and the modules in it.
    fn debug_files(
        &self,
        cache: &Cache,
        scratch: &Path,
        module: &dyn Fn(PathBuf),
        progress: Progress,
    ) -> Result<PathBuf, Diagnostic> {
        let apt = self.apt(cache, progress)?;
        let package = kernels::debug_package(&apt, &self.release)?;
        let files = progress.step("debug information: download", || {
            apt.fetch(&[&format!("{package}={}", self.version)], With::Nothing)
        })?;
        progress.step("debug information: unpack, and read modules", || {
            let is_wanted = |path: &Path| is_vmlinux(path) || modules::has_debug(path);
            let done = |path: PathBuf| {
                if modules::has_debug(&path) {
                    module(path);
                }
            };
            files.iter().try_for_each(|file| unpack_each(file, scratch, is_wanted, done))
        })?;
        apt.forget()?;
        vmlinux_in(scratch)
    }

    /// One folder for all targets of the version: their source is the same.
    fn source_tree(&self, cache: &Cache, progress: Progress) -> Result<PathBuf, Diagnostic> {
        let folder = cache.sources().join(&self.version);
        if folder.exists() {
            return Ok(folder);
        }
        let _fetching = cache.change(Part::Source(&self.version), "fetching")?;
        // Another kpsc may have finished first.
        if !folder.exists() {
            let apt = self.apt(cache, progress)?;
            tree::fetch_source_tree(&apt, self, &folder, progress)?;
            apt.forget()?;
        }
        Ok(folder)
    }

    fn source_name(&self) -> Option<&str> {
        Some(&self.version)
    }

    fn source(
        &self,
        cache: &Cache,
        into: &Path,
        wanted: &dyn Fn(&Path) -> bool,
        progress: Progress,
    ) -> Result<(), Diagnostic> {
        let apt = self.apt(cache, progress)?;
        tree::fetch_source(&apt, self, into, wanted, progress)?;
        apt.forget()
    }
}

/// The compilers of core mode with their `core`, for a kernel of this configuration from anywhere.
pub(super) fn compilers_with_core(
    cache: &Cache,
    config: &str,
    progress: Progress,
) -> Result<PathBuf, Diagnostic> {
    let apt = Apt::new(cache.apt()?, None, Some(SUITE))?;
    apt.update(Lists::Recent, progress)?;
    let core = RustCore::of(&parse_config(config));
    let toolchain = compilers::fetch_with_core(cache, &apt, &core, progress)?;
    apt.forget()?;
    Ok(toolchain)
}

/// Compilers with clang, where those of a target have none.
pub(super) fn compilers_with_clang(
    cache: &Cache,
    progress: Progress,
) -> Result<PathBuf, Diagnostic> {
    const WHAT: &str = "clang, which reads C: once, about 0.2 GB";
    shared(cache, (compilers::CLANG, WHAT), compilers::fetch_clang, progress)
}

/// The libraries that give a program of the sandbox a PKCS#11 token.
pub(super) fn token_libraries(cache: &Cache, progress: Progress) -> Result<PathBuf, Diagnostic> {
    const WHAT: &str = "OpenSSL's libraries for PKCS#11: once, about 1 MB";
    shared(cache, (compilers::TOKEN, WHAT), compilers::fetch_token_libraries, progress)
}

/// A folder of packages that serves every target. Which packages of the archive they are is asked
/// when there is none.
fn shared(
    cache: &Cache,
    (name, what): (&str, &str),
    fetch: impl FnOnce(&Cache, &Apt, Progress) -> Result<PathBuf, Diagnostic>,
    progress: Progress,
) -> Result<PathBuf, Diagnostic> {
    let is_whole = |path: &&PathBuf| is_named(path, name) && path.extension().is_none();
    if let Some(there) = entries(&cache.toolchains())?.iter().find(is_whole).cloned() {
        return Ok(there);
    }
    progress.say(&format!("Fetching {what}."));
    let apt = Apt::new(cache.apt()?, None, Some(SUITE))?;
    apt.update(Lists::Recent, progress)?;
    let folder = fetch(cache, &apt, progress)?;
    apt.forget()?;
    Ok(folder)
}

/// Whether compilers are those with clang alone, which core mode shares.
pub(super) fn is_clang_alone(toolchain: &Path) -> bool {
    is_named(toolchain, compilers::CLANG)
}

/// Whether a folder has the libraries for a token, which all targets share.
pub(super) fn is_for_tokens(toolchain: &Path) -> bool {
    is_named(toolchain, compilers::TOKEN)
}

fn is_named(toolchain: &Path, name: &str) -> bool {
    let found = toolchain.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    found.strip_prefix(name).is_some_and(|rest| rest.starts_with('-'))
}

/// The build tree of headers in the folder of a target, with the compilers of core mode.
pub(super) fn tree_in(
    folder: &Path,
    headers: HeaderTree,
    toolchain: PathBuf,
) -> Result<Tree, Diagnostic> {
    let make = vec![
        format!("CC={}", compilers::OF_CORE_MODE),
        format!("HOSTCC={}", compilers::OF_CORE_MODE),
        format!("KPS_CORE=/{}", rust_core::FOLDER),
    ];
    let HeaderTree { build, sources } = headers;
    let tree = Tree { build, sources, toolchain: Some(toolchain), make };
    tree::enter_toolchain(folder, &tree)?;
    Ok(tree)
}

/// Adds a stock kernel, its image and its facts, through an empty folder, unless it is already
/// there. Returns the target's name.
pub(super) fn add(
    cache: &Cache,
    folder: &Path,
    name: Option<&str>,
    request: &Request,
    progress: Progress,
) -> Result<String, Diagnostic> {
    // An existing release leaves nothing to choose, and needs no network.
    if let Some(release) = &request.release {
        let name = name.unwrap_or(release);
        let there = if is_name(name) { Manifest::read(&cache.kernel(name), name)? } else { None };
        if there.is_some_and(|there| is_release(&there, release)) {
            return Ok(name.to_owned());
        }
    }
    let apt = Apt::new(cache.apt()?, request.mirror.as_deref(), request.view())?;
    progress.say(&format!("Fetching {} to {}.", request.title(), cache.root().display()));
    apt.update(Lists::Newest, progress)?;
    let chosen = progress.step("choosing a kernel", || kernels::choose(&apt, request, folder))?;
    let release = &chosen.release;
    let name = name.unwrap_or(release);
    if !is_name(name) {
        return Err(taken(name));
    }
    let _adding = cache.change(Part::Target(name), "adding")?;
    if let Some(there) = Manifest::read(&cache.kernel(name), name)? {
        // An earlier run got this far, or another one just now. This one goes on with its target.
        return match is_release(&there, release) {
            true => Ok(name.to_owned()),
            false => Err(taken(name)),
        };
    }
    progress.step(&format!("kernel {release}"), || {
        let image = format!("{}={}", kernels::image_package(&apt, release)?, chosen.version);
        let unpacked = folder.join("unpacked");
        for package in apt.fetch(&[&image, "busybox-static"], With::Nothing)? {
            unpack_package(&package, &unpacked, |path| {
                path.file_name().is_some_and(|name| name.to_string_lossy().contains("vmlinuz"))
                    || path.ends_with("bin/busybox")
            })?;
        }
        let KernelFiles { image, config, symvers } = files(folder);
        keep(&unpacked, IMAGE, &image)?;
        keep(&unpacked, "busybox", &folder.join("busybox"))?;
        remove(&unpacked)?;
        write_atomically(&config, chosen.config.as_bytes())?;
        write_atomically(&symvers, chosen.symvers.as_bytes())
    })?;
    progress.step("reading the image", || {
        write_facts(folder, &files(folder), chosen.mode, None)?;
        inventory::record(folder, &[])
    })?;
    let origin = Origin {
        suite: chosen.suite.clone(),
        mirror: request.mirror.clone(),
        release: release.clone(),
        version: chosen.version.clone(),
        rust: chosen.mode,
    };
    let manifest = Manifest {
        release: release.clone(),
        image: IMAGE.into(),
        busybox: Some("busybox".into()),
        origin: super::Origin::Debian(origin),
        tree: None,
    };
    manifest.write(folder)?;
    cache.put(folder, name)?;
    apt.forget()?;
    Ok(name.to_owned())
}

/// Whether a target is this release of Debian's.
fn is_release(manifest: &Manifest, release: &str) -> bool {
    matches!(&manifest.origin, super::Origin::Debian(origin) if origin.release == release)
}

/// The files of the kernel in the folder of a target.
fn files(folder: &Path) -> KernelFiles {
    KernelFiles {
        image: folder.join(IMAGE),
        config: folder.join("config"),
        symvers: folder.join("Module.symvers"),
    }
}

/// The kernels of the archive that a request is about, newest first.
pub(super) fn available(
    cache: &Cache,
    request: &Request,
    progress: Progress,
) -> Result<Vec<Available>, Diagnostic> {
    let apt = Apt::new(cache.apt()?, request.mirror.as_deref(), request.suite.as_deref())?;
    apt.update(Lists::Newest, progress)?;
    kernels::available(&apt, request)
}

/// Moves the file with this prefix out of an unpacked package.
fn keep(unpacked: &Path, name: &str, to: &Path) -> Result<(), Diagnostic> {
    let mut files =
        WalkDir::new(unpacked).into_iter().flatten().filter(|entry| !entry.file_type().is_dir());
    match files.find(|entry| entry.file_name().to_string_lossy().starts_with(name)) {
        Some(found) => rename(found.path(), to),
        None => Err(Diagnostic::new(NO_SUITABLE_KERNEL, format!("the packages contain no {name}"))),
    }
}

/// Fetches the modules of a stock kernel.
fn fetch_modules(
    cache: &Cache,
    folder: &Path,
    origin: &Origin,
    progress: Progress,
) -> Result<(), Diagnostic> {
    let apt = origin.apt(cache, progress)?;
    progress.step(&format!("modules of {}", origin.release), || {
        let package =
            format!("{}={}", kernels::modules_package(&apt, &origin.release)?, origin.version);
        let files = apt.fetch(&[&package], With::Nothing)?;
        modules::keep(folder, |kept| {
            let unpacked = kept.join("unpacked");
            for file in &files {
                unpack_package(file, &unpacked, modules::is_module)?;
            }
            let all = WalkDir::new(&unpacked).into_iter().flatten();
            for file in all.filter(|entry| entry.file_type().is_file()) {
                rename(file.path(), &kept.join(file.file_name()))?;
            }
            remove(&unpacked)
        })
    })?;
    apt.forget()
}

/// The kernel among the files of a debug package.
fn vmlinux_in(unpacked: &Path) -> Result<PathBuf, Diagnostic> {
    let mut files = walkdir::WalkDir::new(unpacked).into_iter().flatten();
    match files.find(|entry| entry.file_type().is_file() && is_vmlinux(entry.path())) {
        Some(found) => Ok(found.into_path()),
        None => Err(Diagnostic::new(NO_SUITABLE_KERNEL, "the debug package contains no vmlinux")
            .help("run `kpsc kernel list --available` to see the other kernels")),
    }
}

/// Whether a file of a debug package is the kernel, by its name.
fn is_vmlinux(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    name == "vmlinux" || name.starts_with("vmlinux-")
}
