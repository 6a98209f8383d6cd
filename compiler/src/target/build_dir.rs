//! A kernel build folder of the user's own. Nothing is fetched or copied but the facts, and root is not needed.

use super::cache::{is_name, make_folder, Cache};
use super::debian::exists;
use super::progress::Progress;
use super::{cannot, write_facts, Manifest, Target, Tree};
use crate::diag::{Diagnostic, KPS0707};
use std::path::{Path, PathBuf};

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

/// Where a build leaves the image to boot.
const IMAGES: &[&str] = &["arch/x86/boot/bzImage", "arch/x86_64/boot/bzImage", "vmlinuz"];

/// Adds the folder as a target.
pub(super) fn add(
    cache: &Cache,
    name: Option<&str>,
    wish: &Wish,
    progress: Progress,
) -> Result<Target, Diagnostic> {
    let folder = wish.folder.canonicalize().map_err(|error| cannot("open", &wish.folder, &error))?;
    let read = |name: &str| {
        let path = folder.join(name);
        std::fs::read_to_string(&path).map_err(|error| {
            cannot("read", &path, &error).help("give the folder that `make` has built the kernel in")
        })
    };
    let (config, symvers) = (read(".config")?, read("Module.symvers")?);
    let image = IMAGES.iter().map(|image| folder.join(image)).find(|image| image.exists());
    let vmlinux = Some(folder.join("vmlinux")).filter(|path| path.exists());
    let Some(readable) = vmlinux.or_else(|| image.clone()) else {
        return Err(Diagnostic::error(KPS0707, format!("{} holds no kernel", folder.display()))
            .help("build the kernel first: `make` leaves vmlinux there"));
    };

    let scratch = cache.root().join("adding");
    super::cache::remove_folder(&scratch)?;
    make_folder(&scratch)?;
    let facts = progress.step("reading the image", || write_facts(&scratch, &readable, &config, &symvers))?;
    let release = facts.identity.release;
    let name = name.unwrap_or(&release);
    let target = cache.kernel(name);
    if !is_name(name) || Target::open(target.clone(), name)?.is_some() {
        return Err(exists(name));
    }
    super::cache::remove_folder(&target)?;
    if let Some(parent) = target.parent() {
        make_folder(parent)?;
    }
    std::fs::rename(&scratch, &target).map_err(|error| cannot("rename", &scratch, &error))?;
    let tree = Tree {
        sources: vec![source_of(&folder)],
        build: folder.clone(),
        toolchain: wish.toolchain.clone(),
        make: wish.make.clone(),
    };
    let manifest = Manifest {
        release: release.clone(),
        origin: format!("build folder {}", folder.display()),
        image: image.unwrap_or(readable),
        busybox: None,
        debian: None,
        tree: Some(tree),
    };
    manifest.write(&target)?;
    Ok(Target { name: name.to_owned(), folder: target, manifest })
}

/// The source of a build folder: the folder itself, or what its makefile includes when it was built with `O=`.
fn source_of(folder: &Path) -> PathBuf {
    let makefile = std::fs::read_to_string(folder.join("Makefile")).unwrap_or_default();
    let included = makefile.lines().find_map(|line| line.strip_prefix("include "));
    let source = included.map(str::trim).filter(|path| path.starts_with('/')).map(Path::new);
    source.and_then(Path::parent).unwrap_or(folder).to_owned()
}
