//! A kernel build folder of the user's own. Nothing is fetched or copied but the facts, and root is not needed.

use super::cache::{bears, is_name, not_bearable, Cache};
use super::manifest::{Manifest, Tree};
use super::progress::Progress;
use super::{inventory, taken, write_facts};
use crate::disk::cannot;
use crate::input;
use kps_diag::{Diagnostic, NO_SUITABLE_KERNEL, REBUILT_KERNEL};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// Which folder, and how it is built in.
#[derive(Debug, Clone)]
pub struct Wish {
    /// The folder: where `vmlinux`, `.config` and `Module.symvers` are.
    pub folder: PathBuf,
    /// The folder whose `usr` holds the compilers; none for the host's own.
    pub toolchain: Option<PathBuf>,
    /// Variables for make, such as `CC=gcc-14`.
    pub make: Vec<String>,
}

/// The folder as it was when it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Stamp {
    folder: PathBuf,
    /// The kernel that was read.
    image: PathBuf,
    /// Its size in bytes, and when it was built, in nanoseconds since 1970.
    size: u64,
    built: i64,
}

/// What a build leaves beside the kernel.
const CONFIG: &str = ".config";
const SYMVERS: &str = "Module.symvers";

/// Adds the folder as a target, or renews the target that it is already, by way of an empty folder. Returns the target's
/// name.
pub(super) fn add(
    cache: &Cache,
    adding: &Path,
    name: Option<&str>,
    wish: &Wish,
    progress: Progress,
) -> Result<String, Diagnostic> {
    let folder = wish.folder.canonicalize().map_err(|error| cannot("open", &wish.folder, &error))?;
    if !bears(&folder) {
        return Err(not_bearable("the build folder", &folder).help("rename the folder"));
    }
    if name.is_some_and(|name| !is_name(name)) {
        return Err(taken(name.unwrap_or_default()));
    }
    let read = |name: &str, limit| {
        let text = input::read_text(&folder.join(name), limit);
        text.map_err(|error| error.help("give the folder that `make` has built the kernel in"))
    };
    let (config, symvers) = (read(CONFIG, input::CONFIG)?, read(SYMVERS, input::SYMVERS)?);
    let image =
        kps_arch::native().kbuild.images.iter().map(|image| folder.join(image)).find(|image| image.exists());
    let vmlinux = Some(folder.join("vmlinux")).filter(|path| path.exists());
    let Some(readable) = vmlinux.or_else(|| image.clone()) else {
        return Err(Diagnostic::new(NO_SUITABLE_KERNEL, format!("{} holds no kernel", folder.display()))
            .help("build the kernel first: `make` leaves vmlinux there"));
    };
    let toolchain = match &wish.toolchain {
        Some(folder) => Some(folder.canonicalize().map_err(|error| cannot("open", folder, &error))?),
        None => None,
    };

    let stamp = Stamp::of(&folder, &readable)?;
    let facts = progress.step("reading the image", || write_facts(adding, &readable, &config, &symvers))?;
    let release = facts.identity.release;
    let name = name.unwrap_or(&release);
    if !is_name(name) {
        return Err(taken(name));
    }
    let image = image.unwrap_or_else(|| readable.clone());
    let mut files = vec![readable, folder.join(CONFIG), folder.join(SYMVERS)];
    files.extend(Some(&image).filter(|image| !files.contains(image)).cloned());
    let manifest = Manifest {
        origin: format!("build folder {}", folder.display()),
        image,
        busybox: None,
        debian: None,
        build_dir: Some(stamp),
        tree: Some(Tree {
            sources: vec![source_of(&folder)],
            build: folder.clone(),
            toolchain,
            make: wish.make.clone(),
        }),
        release: release.clone(),
    };
    progress.step("taking the inventory", || inventory::record(adding, &files))?;
    manifest.write(adding)?;
    if let Some(old) = Manifest::read(&cache.kernel(name), name)? {
        if old.build_dir.is_none_or(|stamp| stamp.folder != folder) {
            return Err(taken(name));
        }
    }
    // Whoever uses the old target has read its facts; what else they read is in the build folder.
    cache.put(adding, name)?;
    Ok(name.to_owned())
}

impl Stamp {
    fn of(folder: &Path, image: &Path) -> Result<Stamp, Diagnostic> {
        let metadata = image.metadata().map_err(|error| cannot("read", image, &error))?;
        let built = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        Ok(Stamp {
            folder: folder.to_owned(),
            image: image.to_owned(),
            size: metadata.len(),
            built: built.and_then(|since| since.as_nanos().try_into().ok()).unwrap_or_default(),
        })
    }

    /// The folder.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// What the facts are made from: the image, the configuration and the exports.
    pub(super) fn files(&self) -> (PathBuf, PathBuf, PathBuf) {
        (self.image.clone(), self.folder.join(CONFIG), self.folder.join(SYMVERS))
    }

    /// The kernel there must still be the one that was read: a module for another one would be refused when it is loaded.
    pub(super) fn check(&self, name: &str, tree: &Tree) -> Result<(), Diagnostic> {
        let folder = self.folder.display();
        if Stamp::of(&self.folder, &self.image).is_ok_and(|now| now == *self) {
            return Ok(());
        }
        Err(Diagnostic::new(
            REBUILT_KERNEL,
            format!("{folder} has been built anew since it became the target `{name}`"),
        )
        .help(format!("run `{}`", self.command(name, tree))))
    }

    /// The command that adds the folder again.
    pub(super) fn command(&self, name: &str, tree: &Tree) -> String {
        let mut command = format!("kpsc kernel add --name {name} --build-dir {}", self.folder.display());
        if let Some(toolchain) = &tree.toolchain {
            command.push_str(&format!(" --toolchain {}", toolchain.display()));
        }
        command.extend(tree.make.iter().map(|variable| format!(" --make {variable}")));
        command
    }
}

/// The source of a build folder: the folder itself, or what its makefile includes when it was built with `O=`.
fn source_of(folder: &Path) -> PathBuf {
    let makefile = input::read_text(&folder.join("Makefile"), input::MAKEFILE).unwrap_or_default();
    let included = makefile.lines().find_map(|line| line.strip_prefix("include "));
    let source = included.map(str::trim).filter(|path| path.starts_with('/')).map(Path::new);
    source.and_then(Path::parent).unwrap_or(folder).to_owned()
}
