// SPDX-License-Identifier: GPL-2.0
//! A kernel as a distribution installs it, below a folder: a machine's `/`, or unpacked packages.
//!
//! | path | holds |
//! |---|---|
//! | `boot/vmlinuz-RELEASE` or `lib/modules/RELEASE/vmlinuz` | the image |
//! | `boot/config-RELEASE` or `lib/modules/RELEASE/config` | its configuration |
//! | `lib/modules/RELEASE/kernel/` | its modules |
//! | `lib/modules/RELEASE/build`, `usr/src/linux-headers-RELEASE` or `usr/src/kernels/RELEASE` | what modules are built against, with `Module.symvers` |
//! | `usr/lib/debug/` | the kernel with debug information |
//!
//! Nothing is fetched, and only the facts are copied. The compilers are the machine's own.

use super::build_dir::{compilers, is_source, no_source, source_of, toolchain};
use super::cache::{is_name, is_supported_path, unsupported_path, Cache};
use super::debian;
use super::header_tree::HeaderTree;
use super::manifest::{Manifest, Tree};
use super::origin::{KernelFiles, Provider};
use super::progress::Progress;
use super::stamp::Stamp;
use super::{inventory, mode, modules, put, taken, write_facts};
use kps_diag::{list, Diagnostic, NO_SUITABLE_KERNEL, REBUILT_KERNEL, WRONG_TOOLCHAIN};
use kps_facts::Mode;
use kps_host::disk::{cannot, entries, fill_folder};
use kps_host::input;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A kernel below a folder.
#[derive(Debug, Clone)]
pub struct Request {
    /// The folder that holds `boot/`, `lib/modules/` and `usr/src/`.
    pub folder: PathBuf,
    /// The release, `uname -r`; by default the only one there.
    pub release: Option<String>,
    /// The folder whose `usr` holds the compilers; none for the host's own.
    pub toolchain: Option<PathBuf>,
    /// Variables for make, such as `CC=gcc-14`.
    pub make: Vec<String>,
    /// What the Rust of its patches stands on; by default the kernel's own crate if its metadata is
    /// there.
    pub mode: Option<Mode>,
}

/// The kernel as kpsc read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Origin {
    folder: PathBuf,
    release: String,
    image: Stamp,
    config: PathBuf,
    symvers: PathBuf,
    toolchain: Option<PathBuf>,
    make: Vec<String>,
    /// What the Rust of its patches stands on.
    #[serde(with = "mode", default)]
    rust: Mode,
}

/// Adds a kernel as a target, or renews its existing target, through an empty folder. Returns the
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
        return Err(unsupported_path("the kernel", &folder).help("rename the folder"));
    }
    let release = release(&folder, request.release.as_deref())?;
    let name = name.unwrap_or(&release);
    if !is_name(name) {
        return Err(taken(name));
    }
    let lacks = |what: &str, places: &str| {
        let message = format!("{} has no {what} of {release}", folder.display());
        Diagnostic::new(NO_SUITABLE_KERNEL, message).help(format!("kpsc looks for {places}"))
    };
    let image = image(&folder, &release).ok_or_else(|| lacks("image", "boot/vmlinuz-RELEASE"))?;
    let config =
        config(&folder, &release).ok_or_else(|| lacks("configuration", "boot/config-RELEASE"))?;
    let symvers = symvers(&folder, &release).ok_or_else(|| {
        lacks(
            "list of exports",
            "Module.symvers in the kernel's headers: unpack that package there too",
        )
    })?;
    let toolchain = toolchain(request.toolchain.as_deref())?;
    let (make, image_stamp) = (request.make.clone(), Stamp::of(&image)?);
    let has_crate = build(&folder, &release).is_some_and(|build| build.join(METADATA).exists());
    let rust = request.mode.unwrap_or(match has_crate {
        true => Mode::KernelCrate,
        false => Mode::Core,
    });
    if rust == Mode::Core && (toolchain.is_some() || !make.is_empty()) {
        return Err(Diagnostic::new(
            WRONG_TOOLCHAIN,
            "core mode has compilers of its own, which kpsc fetches",
        )
        .help("leave out `--toolchain` and `--make`"));
    }
    let origin = Origin {
        folder,
        release: release.clone(),
        image: image_stamp,
        config,
        symvers,
        toolchain,
        make,
        rust,
    };
    let files = origin.files(adding);
    let tree = if rust == Mode::KernelCrate { origin.tree().ok() } else { None };
    let facts =
        progress.step("reading the image", || write_facts(adding, &files, rust, tree.as_ref()))?;
    if facts.identity.release != release {
        let message = format!("{} is the kernel {}", image.display(), facts.identity.release);
        return Err(Diagnostic::new(NO_SUITABLE_KERNEL, message)
            .note(format!("its file name says {release}"))
            .help("replace it with the image of that release"));
    }
    let read = [files.image, files.config, files.symvers];
    progress.step("taking the inventory", || inventory::record(adding, &read))?;
    let folder = origin.folder.clone();
    let origin = super::Origin::Root(origin);
    let manifest = Manifest { image, busybox: None, origin, tree, release: release.clone() };
    put(cache, adding, name, &manifest, |old| match old {
        super::Origin::Root(old) => old.folder == folder && old.release == release,
        _ => false,
    })
}

impl Origin {
    /// The build tree and compilers, if they are installed.
    fn tree(&self) -> Result<Tree, Diagnostic> {
        let Origin { folder, release, toolchain, make, .. } = self;
        let incomplete = |problem: String| {
            let error = Diagnostic::new(WRONG_TOOLCHAIN, problem);
            error.note("`kpsc check` and `kpsc inspect` need no build tree")
        };
        let Some(build) = build(folder, release) else {
            let message =
                format!("{} has no build tree or headers for {release}", folder.display());
            return Err(incomplete(message)
                .help("install the headers of this kernel there, and add the target again"));
        };
        let source = source_of(&build);
        if !source.join("Makefile").exists() {
            let message =
                format!("{} includes {}, which does not exist", build.display(), source.display());
            return Err(
                incomplete(message).help("add the kernel on the machine where it is installed")
            );
        }
        if !build.join(METADATA).exists() {
            let message =
                format!("{} lacks the metadata of the kernel's Rust crate", build.display());
            return Err(incomplete(message).note(format!("there is no {METADATA}")).help(
                "install the package that has it, or pass the kernel's build folder with `--build-dir`",
            ));
        }
        Ok(Tree { sources: vec![source], build, toolchain: toolchain.clone(), make: make.clone() })
    }

    /// A copy of the installed headers in the folder of the target: the sandbox of the compilers
    /// has a `/usr` of its own.
    fn tree_of_headers(
        &self,
        cache: &Cache,
        folder: &Path,
        progress: Progress,
    ) -> Result<Tree, Diagnostic> {
        let Some(build) = build(&self.folder, &self.release) else {
            let message = format!("{} has no headers of {}", self.folder.display(), self.release);
            return Err(Diagnostic::new(WRONG_TOOLCHAIN, message)
                .note("`kpsc check` and `kpsc inspect` need none")
                .help("install the headers of this kernel there, and run this again"));
        };
        let config = input::read_text(&self.config, input::CONFIG)?;
        let toolchain = debian::compilers_with_core(cache, &config, progress)?;
        let top = folder.join("headers");
        let relative = build.strip_prefix(&self.folder).unwrap_or(&build);
        let copied = top.join(relative);
        if !top.exists() {
            let installed = HeaderTree::below(&self.folder, &build)?;
            progress.step("kernel headers: copy", || {
                fill_folder(&top, |partial| installed.copy(&self.folder, partial, &top).map(|_| ()))
            })?;
        }
        debian::tree_in(folder, HeaderTree::of(&copied)?, toolchain)
    }
}

/// The metadata that modules in Rust are compiled against.
const METADATA: &str = "rust/libkernel.rmeta";

impl Provider for Origin {
    fn keeps_tree(&self) -> bool {
        self.rust == Mode::Core
    }

    fn mode(&self) -> Mode {
        self.rust
    }

    fn title(&self) -> String {
        format!("{} below {}", self.release, self.folder.display())
    }

    fn arguments(&self, release: &str, tree: Option<&Tree>) -> String {
        let rust = if self.rust == Mode::Core { " --rust core" } else { "" };
        // The compilers of core mode are kpsc's.
        let compilers = if self.rust == Mode::Core { String::new() } else { compilers(tree) };
        format!("--root {} --release {release}{rust}{compilers}", self.folder.display())
    }

    fn files(&self, _folder: &Path) -> KernelFiles {
        let (config, symvers) = (self.config.clone(), self.symvers.clone());
        KernelFiles { image: self.image.path().to_owned(), config, symvers }
    }

    fn modules(
        &self,
        _cache: &Cache,
        _folder: &Path,
        _progress: Progress,
    ) -> Result<BTreeMap<String, PathBuf>, Diagnostic> {
        Ok(modules::below(&self.folder.join("lib/modules").join(&self.release).join("kernel")))
    }

    /// A build folder that is installed whole has it, or leads to it. Packages have only headers.
    fn source_tree(&self, _cache: &Cache, _progress: Progress) -> Result<PathBuf, Diagnostic> {
        let built = build(&self.folder, &self.release).map(|build| source_of(&build));
        let modules = self.folder.join("lib/modules").join(&self.release);
        let found = built.into_iter().chain([modules.join("source")]).find(|path| is_source(path));
        found.ok_or_else(|| {
            no_source(&self.folder).note("packages of headers do not have it").help(format!(
                "unpack the source that {} was built from, and lead {}/source to it",
                self.release,
                modules.display()
            ))
        })
    }

    fn debug_files(
        &self,
        _cache: &Cache,
        _scratch: &Path,
        module: &dyn Fn(PathBuf),
        _progress: Progress,
    ) -> Result<PathBuf, Diagnostic> {
        let Origin { folder, release, .. } = self;
        let debug = folder.join("usr/lib/debug");
        let mut places = vec![
            debug.join(format!("boot/vmlinux-{release}")),
            debug.join(format!("lib/modules/{release}/vmlinux")),
        ];
        places.extend(build(folder, release).map(|build| build.join("vmlinux")));
        let message = format!("{} has no debug information for {release}", debug.display());
        let vmlinux = places.into_iter().find(|path| path.exists()).ok_or_else(|| {
            Diagnostic::new(NO_SUITABLE_KERNEL, message)
                .help("install the kernel's debug package there")
        })?;
        let modules = modules::with_debug_below(&debug.join("lib/modules").join(release));
        modules.into_values().for_each(module);
        Ok(vmlinux)
    }

    fn check(&self, name: &str, command: &str) -> Result<(), Diagnostic> {
        if self.image.holds() {
            return Ok(());
        }
        self.image.is_there(name)?;
        let image = self.image.path().display();
        let message = format!("{image} has changed since it became the target `{name}`");
        Err(Diagnostic::new(REBUILT_KERNEL, message).help(format!("run `{command}`")))
    }

    /// The headers may have been installed since the target was added.
    fn prepare(
        &self,
        cache: &Cache,
        folder: &Path,
        progress: Progress,
    ) -> Result<Tree, Diagnostic> {
        match self.rust {
            Mode::KernelCrate => self.tree(),
            Mode::Core => self.tree_of_headers(cache, folder, progress),
        }
    }
}

/// The selected release.
fn release(folder: &Path, wanted: Option<&str>) -> Result<String, Diagnostic> {
    let modules = entries(&folder.join("lib/modules"))?;
    let names = modules.iter().filter_map(|path| path.file_name()?.to_str());
    let there: Vec<&str> =
        names.filter(|name| is_name(name) && image(folder, name).is_some()).collect();
    let here = folder.display();
    match (wanted, there.as_slice()) {
        (Some(wanted), there) if there.contains(&wanted) => Ok(wanted.to_owned()),
        (None, [only]) => Ok((*only).to_owned()),
        (_, []) => Err(Diagnostic::new(NO_SUITABLE_KERNEL, format!("{here} holds no kernel"))
            .note("kpsc looks for lib/modules/RELEASE/ and boot/vmlinuz-RELEASE")
            .help("pass the folder that has both, for example `/`")),
        (Some(wanted), there) => {
            Err(Diagnostic::new(NO_SUITABLE_KERNEL, format!("{here} has no kernel {wanted}"))
                .help(format!("name one with `--release`: {}", list(there, "or"))))
        }
        (None, there) => Err(Diagnostic::new(
            NO_SUITABLE_KERNEL,
            format!("{here} holds {} kernels", there.len()),
        )
        .help(format!("name one with `--release`: {}", list(there, "or")))),
    }
}

fn image(folder: &Path, release: &str) -> Option<PathBuf> {
    first([
        folder.join(format!("boot/vmlinuz-{release}")),
        folder.join(format!("lib/modules/{release}/vmlinuz")),
        folder.join(format!("boot/vmlinux-{release}")),
    ])
}

fn config(folder: &Path, release: &str) -> Option<PathBuf> {
    let installed = [
        folder.join(format!("boot/config-{release}")),
        folder.join(format!("lib/modules/{release}/config")),
    ];
    first(installed).or_else(|| first([build(folder, release)?.join(".config")]))
}

fn symvers(folder: &Path, release: &str) -> Option<PathBuf> {
    let of_headers = build(folder, release).map(|build| build.join("Module.symvers"));
    let beside = ["", ".gz", ".xz", ".zst"].into_iter().flat_map(|end| {
        [format!("lib/modules/{release}/symvers{end}"), format!("boot/symvers-{release}{end}")]
    });
    of_headers.into_iter().chain(beside.map(|path| folder.join(path))).find(|path| path.is_file())
}

/// The folder that modules of a release are built against. An absolute link is resolved below the
/// folder.
fn build(folder: &Path, release: &str) -> Option<PathBuf> {
    let link = folder.join(format!("lib/modules/{release}/build"));
    let linked = match link.read_link() {
        Ok(leads) => link.parent()?.join(match leads.strip_prefix("/") {
            Ok(below) => folder.join(below),
            Err(_) => leads,
        }),
        Err(_) => link,
    };
    let headers =
        ["linux-headers-", "kernels/"].map(|name| folder.join(format!("usr/src/{name}{release}")));
    let found =
        std::iter::once(linked).chain(headers).find(|path| path.join("Makefile").exists())?;
    found.canonicalize().ok()
}

fn first<const N: usize>(paths: [PathBuf; N]) -> Option<PathBuf> {
    paths.into_iter().find(|path| path.is_file())
}
