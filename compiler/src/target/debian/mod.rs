//! Stock kernels of Debian: image, headers and source of one version, and the compilers that built them.
//!
//! Nothing is pinned. The newest kernel of the suite that is built with Rust and livepatch is taken, or the release that
//! the user names; the compilers are those that its configuration names. The header package holds no Rust metadata, so
//! the kernel's own build makes it (`modules_prepare`) from the source package, with the configuration of the image:
//! same compilers and same flags give the same symbols.

mod apt;
mod archive;
mod compilers;
mod kernels;
mod tree;

use super::cache::{is_name, Cache};
use super::gather::parse_config;
use super::manifest::{Manifest, Tree};
use super::progress::Progress;
use super::{debug, inventory, modules, taken, write_facts};
use crate::disk::{remove, rename, write_atomically};
use crate::input;
use apt::{Apt, With};
use archive::unpack_package;
use kps_diag::{Diagnostic, NO_SUITABLE_KERNEL};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

pub use apt::keyring;
pub use kernels::Wish;

/// The suite that is looked at, with its backports. Debian's stable release by its own name: mirrors are slow to renew
/// what they keep under `stable`.
pub const SUITE: &str = "trixie";

/// The image in the folder of a target.
const IMAGE: &str = "vmlinuz";

/// Where a stock kernel came from, for fetching the rest of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Source {
    suite: String,
    mirror: Option<String>,
    release: String,
    /// The version of its packages.
    version: String,
}

impl Source {
    /// The suite that it was chosen from.
    pub(super) fn suite(&self) -> &str {
        &self.suite
    }

    /// The mirror, if it is not the machine's own.
    pub(super) fn mirror(&self) -> Option<&str> {
        self.mirror.as_deref()
    }
}

/// Adds a stock kernel, its image and its facts, by way of an empty folder, unless it is there already. Returns the
/// target's name.
pub(super) fn add(
    cache: &Cache,
    folder: &Path,
    name: Option<&str>,
    wish: &Wish,
    progress: Progress,
) -> Result<String, Diagnostic> {
    // Who names a release that is there has nothing to choose, and needs no network.
    if let Some(release) = &wish.release {
        let name = name.unwrap_or(release);
        let there = if is_name(name) { Manifest::read(&cache.kernel(name), name)? } else { None };
        if there.and_then(|there| there.debian).is_some_and(|source| source.release == *release) {
            return Ok(name.to_owned());
        }
    }
    let apt = Apt::new(cache.apt(), wish.mirror.as_deref(), &wish.suite)?;
    let what = match &wish.release {
        Some(release) => format!("Debian's kernel {release}"),
        None => format!("the newest Debian kernel of {} with Rust and livepatch", wish.suite),
    };
    progress.say(&format!("Fetching {what} to {}.", cache.root().display()));
    progress.step("package lists", || apt.update())?;
    let chosen = progress.step("choosing a kernel", || kernels::choose(&apt, wish, folder))?;
    let release = &chosen.release;
    let name = name.unwrap_or(release);
    if !is_name(name) {
        return Err(taken(name));
    }
    if let Some(there) = Manifest::read(&cache.kernel(name), name)? {
        // An earlier run got as far as this, and its target is gone on with.
        return match there.debian {
            Some(source) if source.release == *release => Ok(name.to_owned()),
            _ => Err(taken(name)),
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
        let (image, config, symvers) = files(folder);
        keep(&unpacked, IMAGE, &image)?;
        keep(&unpacked, "busybox", &folder.join("busybox"))?;
        remove(&unpacked)?;
        write_atomically(&config, chosen.config.as_bytes())?;
        write_atomically(&symvers, chosen.symvers.as_bytes())
    })?;
    progress.step("reading the image", || {
        write_facts(folder, &folder.join(IMAGE), &chosen.config, &chosen.symvers)?;
        inventory::record(folder, &[])
    })?;
    let source = Source {
        suite: wish.suite.clone(),
        mirror: wish.mirror.clone(),
        release: release.clone(),
        version: chosen.version.clone(),
    };
    let manifest = Manifest {
        release: release.clone(),
        origin: format!("Debian {} ({})", wish.suite, chosen.version),
        image: IMAGE.into(),
        busybox: Some("busybox".into()),
        debian: Some(source),
        build_dir: None,
        tree: None,
    };
    manifest.write(folder)?;
    cache.put(folder, name)?;
    apt.forget()?;
    Ok(name.to_owned())
}

/// What the facts of a target in this folder are made from: the image, the configuration and the exports.
pub(super) fn files(folder: &Path) -> (PathBuf, PathBuf, PathBuf) {
    (folder.join(IMAGE), folder.join("config"), folder.join("Module.symvers"))
}

/// The releases of a flavour that the suite has, newest first.
pub(super) fn available(cache: &Cache, wish: &Wish) -> Result<Vec<String>, Diagnostic> {
    let _changing = cache.change()?;
    let apt = Apt::new(cache.apt(), wish.mirror.as_deref(), &wish.suite)?;
    apt.update()?;
    kernels::releases(&apt, wish)
}

/// Moves the file whose name starts so out of an unpacked package.
fn keep(unpacked: &Path, name: &str, to: &Path) -> Result<(), Diagnostic> {
    let mut files = WalkDir::new(unpacked).into_iter().flatten().filter(|entry| !entry.file_type().is_dir());
    match files.find(|entry| entry.file_name().to_string_lossy().starts_with(name)) {
        Some(found) => rename(found.path(), to),
        None => Err(Diagnostic::new(NO_SUITABLE_KERNEL, format!("the packages hold no {name}"))),
    }
}

/// Fetches the compilers, and makes the kernel's build tree. Every step that an earlier run has finished is left out.
pub(super) fn prepare(
    cache: &Cache,
    folder: &Path,
    source: &Source,
    progress: Progress,
) -> Result<Tree, Diagnostic> {
    let config = input::read_text(&folder.join("config"), input::CONFIG)?;
    let options = parse_config(&config);
    let compiler = compilers::compiler(&options)?;
    let apt = Apt::new(cache.apt(), source.mirror.as_deref(), &source.suite)?;
    progress
        .say(&format!("Preparing to build for {}: once, about 3 minutes and 2 GB of disk.", source.release));
    progress.step("package lists", || apt.update())?;
    let toolchain = compilers::fetch(cache, &apt, &compiler, progress)?;
    compilers::check(&toolchain, &compiler, &options)?;
    tree::unpack(&apt, folder, source, progress)?;
    let host = compilers::without_prefix(&compiler);
    let make = vec![format!("CC={compiler}"), format!("HOSTCC={host}")];
    let tree = Tree {
        build: folder.join("build"),
        sources: vec![folder.join("source")],
        toolchain: Some(toolchain),
        make,
    };
    tree::build(folder, source, &config, &tree, progress)?;
    progress.step("taking the inventory", || inventory::record(folder, &[]))?;
    apt.forget()?;
    Ok(tree)
}

/// Fetches the modules of a stock kernel.
pub(super) fn modules(
    cache: &Cache,
    folder: &Path,
    source: &Source,
    progress: Progress,
) -> Result<(), Diagnostic> {
    let apt = Apt::new(cache.apt(), source.mirror.as_deref(), &source.suite)?;
    progress.step("package lists", || apt.update())?;
    progress.step(&format!("modules of {}", source.release), || {
        let package = format!("{}={}", kernels::modules_package(&apt, &source.release)?, source.version);
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

/// Fetches the debug package of a stock kernel and unpacks the kernel in it. Returns where it is.
pub(super) fn debug(
    cache: &Cache,
    into: &Path,
    source: &Source,
    progress: Progress,
) -> Result<PathBuf, Diagnostic> {
    let apt = Apt::new(cache.apt(), source.mirror.as_deref(), &source.suite)?;
    progress.step("package lists", || apt.update())?;
    let package = kernels::debug_package(&apt, &source.release)?;
    let files = progress.step("debug information: download", || {
        apt.fetch(&[&format!("{package}={}", source.version)], With::Nothing)
    })?;
    progress.step("debug information: unpack", || {
        files.iter().try_for_each(|file| unpack_package(file, into, debug::is_vmlinux))
    })?;
    apt.forget()?;
    debug::vmlinux_in(into)
}

/// Unpacks all of a stock kernel's source into a folder that is not there yet.
pub(super) fn source(
    cache: &Cache,
    source: &Source,
    into: &Path,
    progress: Progress,
) -> Result<(), Diagnostic> {
    let _changing = cache.change()?;
    let apt = Apt::new(cache.apt(), source.mirror.as_deref(), &source.suite)?;
    progress.step("package lists", || apt.update())?;
    tree::fetch_source(&apt, source, into, |_| true, progress)?;
    apt.forget()
}
