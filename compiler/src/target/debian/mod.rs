//! Stock kernels of Debian: image, headers and source of one version, and the compilers that built them.
//!
//! Nothing is pinned. The newest kernel of the suite that is built with Rust and livepatch is taken, or the release that
//! the user names; the compilers are those that its configuration names. The header package holds no Rust metadata, so
//! the kernel's own build makes it (`modules_prepare`) from the source package, with the configuration of the image:
//! same compilers and same flags give the same symbols.

mod compilers;
mod tree;

use super::apt::Apt;
use super::archive::unpack_package;
use super::cache::{is_name, make_folder, remove_folder, Cache};
use super::gather::parse_config;
use super::progress::Progress;
use super::{cannot, write_atomically, write_facts, Manifest, Target, Tree};
use crate::diag::{Diagnostic, KPS0707, KPS0709};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// What kind of stock kernel is wanted.
#[derive(Debug, Clone)]
pub struct Wish {
    /// The release, `uname -r`; the newest one if not given.
    pub release: Option<String>,
    /// The suite, by name or by role.
    pub suite: String,
    /// The flavour: the end of the release.
    pub flavour: String,
    /// The mirror; the one that the machine's apt uses if not given.
    pub mirror: Option<String>,
}

/// The suite that is looked at, with its backports. Debian's stable release by its own name: mirrors are slow to renew
/// what they keep under `stable`.
pub const SUITE: &str = "trixie";

impl Default for Wish {
    fn default() -> Self {
        Wish { release: None, suite: SUITE.into(), flavour: "cloud-amd64".into(), mirror: None }
    }
}

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

/// Adds a stock kernel: its image and its facts.
pub(super) fn add(
    cache: &Cache,
    name: Option<&str>,
    wish: &Wish,
    progress: Progress,
) -> Result<Target, Diagnostic> {
    let apt = Apt::new(cache.apt(), wish.mirror.as_deref(), &wish.suite)?;
    let what = match &wish.release {
        Some(release) => format!("Debian's kernel {release}"),
        None => format!("the newest Debian kernel of {} with Rust and livepatch", wish.suite),
    };
    progress.say(&format!("Fetching {what} to {}.", cache.root().display()));
    progress.step("package lists", || apt.update())?;
    let downloads = cache.apt().join("kernel");
    remove_folder(&downloads)?;
    let chosen = progress.step("choosing a kernel", || choose(&apt, wish, &downloads))?;
    let name = name.unwrap_or(&chosen.release);
    let folder = cache.kernel(name);
    if !is_name(name) || Target::open(folder.clone(), name)?.is_some() {
        return Err(exists(name));
    }
    remove_folder(&folder)?;
    make_folder(&folder)?;
    let release = &chosen.release;
    progress.step(&format!("kernel {release}"), || {
        let image = image_package(&apt, release)?;
        let busybox = "busybox-static".to_owned();
        let packages = [format!("{image}={}", chosen.version), busybox];
        for package in apt.download(&packages, &downloads.join("image"))? {
            unpack_package(&package, &downloads.join("files"), |path| {
                path.file_name().is_some_and(|name| name.to_string_lossy().contains("vmlinuz"))
                    || path.ends_with("bin/busybox")
            })?;
        }
        keep(&downloads.join("files"), "vmlinuz", &folder.join("vmlinuz"))?;
        keep(&downloads.join("files"), "busybox", &folder.join("busybox"))?;
        write_atomically(&folder.join("config"), chosen.config.as_bytes())?;
        write_atomically(&folder.join("Module.symvers"), chosen.symvers.as_bytes())
    })?;
    progress.step("reading the image", || {
        write_facts(&folder, &folder.join("vmlinuz"), &chosen.config, &chosen.symvers)
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
        image: "vmlinuz".into(),
        busybox: Some("busybox".into()),
        debian: Some(source),
        tree: None,
    };
    manifest.write(&folder)?;
    remove_folder(&downloads)?;
    Ok(Target { name: name.to_owned(), folder, manifest })
}

pub(super) fn exists(name: &str) -> Diagnostic {
    Diagnostic::error(KPS0709, format!("there is a target `{name}` already, or it cannot be a target's name"))
        .help("choose another name with `--name`, or remove the old one with `kpsc kernel remove`")
}

/// A kernel, by what its header package says.
struct Chosen {
    release: String,
    version: String,
    config: String,
    symvers: String,
}

/// The newest kernel of the flavour that can be livepatched in Rust, or the one that is named.
fn choose(apt: &Apt, wish: &Wish, downloads: &Path) -> Result<Chosen, Diagnostic> {
    const HEADERS: &str = "linux-headers-";
    let names = apt.names(HEADERS)?;
    let mut releases: Vec<&str> = names.iter().filter_map(|name| name.strip_prefix(HEADERS)).collect();
    match &wish.release {
        Some(release) => releases.retain(|candidate| candidate == release),
        None => {
            let suffix = format!("-{}", wish.flavour);
            // "7.3.4+deb13-cloud-amd64" is a release; "cloud-amd64" and "7.3-cloud-amd64" are meta packages.
            releases.retain(|name| name.ends_with(&suffix) && numbers(name).len() >= 3);
            releases.sort_by_key(|release| std::cmp::Reverse(numbers(release)));
        }
    }
    for release in &releases {
        let package = format!("{HEADERS}{release}");
        let version = apt.version(&package)?;
        let folder = downloads.join(release);
        let files = downloads.join(format!("{release}.files"));
        for file in apt.download(&[format!("{package}={version}")], &folder)? {
            unpack_package(&file, &files, |path| {
                path.ends_with(".config") || path.ends_with("Module.symvers")
            })?;
        }
        let read = |name: &str| {
            let path = files.join("usr/src").join(&package).join(name);
            std::fs::read_to_string(&path).map_err(|error| cannot("read", &path, &error))
        };
        let config = read(".config")?;
        let options = parse_config(&config);
        let has = |option: &str| options.get(option).is_some_and(|value| value == "y");
        if has("CONFIG_RUST") && has("CONFIG_LIVEPATCH") {
            let symvers = read("Module.symvers")?;
            return Ok(Chosen { release: (*release).to_owned(), version, config, symvers });
        }
        if wish.release.is_some() {
            let without = if has("CONFIG_LIVEPATCH") { "CONFIG_RUST" } else { "CONFIG_LIVEPATCH" };
            return Err(Diagnostic::error(KPS0707, format!("{release} is built without {without}"))
                .help("choose a newer kernel; `kpsc kernel add` alone takes the newest that fits"));
        }
    }
    let what =
        wish.release.clone().unwrap_or_else(|| format!("{} kernel with Rust and livepatch", wish.flavour));
    Err(Diagnostic::error(KPS0707, format!("the suite {} has no {what}", wish.suite))
        .help("choose another suite with `--suite`, or use a kernel of your own with `--build-dir DIR`"))
}

/// The numbers that a release starts with.
fn numbers(release: &str) -> Vec<u64> {
    let version = release.split(['-', '+']).next().unwrap_or_default();
    version.split('.').map_while(|part| part.parse().ok()).collect()
}

/// Newer kernels have their image in a package of its own.
fn image_package(apt: &Apt, release: &str) -> Result<String, Diagnostic> {
    let binary = format!("linux-binary-{release}");
    Ok(match apt.names(&binary)?.contains(&binary) {
        true => binary,
        false => format!("linux-image-{release}"),
    })
}

/// Moves the file whose name starts so out of an unpacked package.
fn keep(unpacked: &Path, name: &str, to: &Path) -> Result<(), Diagnostic> {
    fn find(folder: &Path, name: &str) -> Option<PathBuf> {
        std::fs::read_dir(folder).ok()?.flatten().find_map(|entry| {
            let path = entry.path();
            match entry.file_type().ok()?.is_dir() {
                true => find(&path, name),
                false => entry.file_name().to_string_lossy().starts_with(name).then_some(path),
            }
        })
    }
    match find(unpacked, name) {
        Some(found) => std::fs::rename(&found, to).map_err(|error| cannot("move", &found, &error)),
        None => Err(Diagnostic::error(KPS0707, format!("the packages hold no {name}"))),
    }
}

/// Fetches the compilers, and makes the kernel's build tree.
pub(super) fn prepare(
    cache: &Cache,
    folder: &Path,
    source: &Source,
    progress: Progress,
) -> Result<Tree, Diagnostic> {
    let config_path = folder.join("config");
    let config =
        std::fs::read_to_string(&config_path).map_err(|error| cannot("read", &config_path, &error))?;
    let options = parse_config(&config);
    let compiler = compilers::compiler(&options)?;
    let apt = Apt::new(cache.apt(), source.mirror.as_deref(), &source.suite)?;
    progress
        .say(&format!("Preparing to build for {}: once, about 3 minutes and 2 GB of disk.", source.release));
    progress.step("package lists", || apt.update())?;
    let toolchain = compilers::fetch(cache, &apt, &compiler, progress)?;
    compilers::check(&toolchain, &compiler, &options)?;
    tree::unpack(cache, &apt, folder, source, progress)?;
    let host = compiler.strip_prefix("x86_64-linux-gnu-").unwrap_or(&compiler);
    let make = vec![format!("CC={compiler}"), format!("HOSTCC={host}")];
    let tree = Tree {
        build: folder.join("build"),
        sources: vec![folder.join("source")],
        toolchain: Some(toolchain),
        make,
    };
    tree::build(folder, source, &config, &tree, progress)?;
    Ok(tree)
}
