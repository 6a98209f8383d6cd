//! Stock kernels of Debian: image, headers and source of one version, and the compilers that built them.
//!
//! Nothing is pinned. The newest kernel of the suite that is built with Rust and livepatch is taken, or the release that
//! the user names; the compilers are those that its configuration names. The header package holds no Rust metadata, so
//! the kernel's own build makes it (`modules_prepare`) from the source package, with the configuration of the image:
//! same compilers and same flags give the same symbols.

use super::apt::Apt;
use super::archive::{unpack_package, unpack_source};
use super::cache::{is_name, make_folder, remove_folder, Cache};
use super::gather::parse_config;
use super::progress::Progress;
use super::toolchain::{missing, Toolchain};
use super::{cannot, write_atomically, write_facts, Manifest, Target, Tree};
use crate::diag::{Diagnostic, KPS0703, KPS0707, KPS0708, KPS0709};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

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

/// What the toolchain holds beside the compilers that the configuration names.
const TOOLS: &[&str] = &[
    "bash",
    "bc",
    "bindgen",
    "binutils",
    "bison",
    "coreutils",
    "cpio",
    "dash",
    "diffutils",
    "findutils",
    "flex",
    "gawk",
    "grep",
    "gzip",
    "kmod",
    "libclang-dev",
    "libelf-dev",
    "libssl-dev",
    "make",
    "pahole",
    "perl-base",
    "python3-minimal",
    "rust-src",
    "rustc",
    "sed",
    "tar",
    "xz-utils",
];

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
    let compiler = compiler(&options)?;
    let apt = Apt::new(cache.apt(), source.mirror.as_deref(), &source.suite)?;
    progress
        .say(&format!("Preparing to build for {}: once, about 3 minutes and 2 GB of disk.", source.release));
    progress.step("package lists", || apt.update())?;
    let toolchain = toolchain(cache, &apt, &compiler, progress)?;
    check_toolchain(&toolchain, &compiler, &options)?;
    unpack_kernel(cache, &apt, folder, source, progress)?;
    let host = compiler.strip_prefix("x86_64-linux-gnu-").unwrap_or(&compiler);
    let make = vec![format!("CC={compiler}"), format!("HOSTCC={host}")];
    let tree = Tree {
        build: folder.join("build"),
        sources: vec![folder.join("source")],
        toolchain: Some(toolchain),
        make,
    };
    build_tree(folder, source, &config, &tree, progress)?;
    Ok(tree)
}

/// The C compiler's name, which is the first word of `CONFIG_CC_VERSION_TEXT`.
fn compiler(options: &BTreeMap<String, String>) -> Result<String, Diagnostic> {
    let text = options.get("CONFIG_CC_VERSION_TEXT").map(String::as_str).unwrap_or_default();
    let name = text.split_whitespace().next().unwrap_or_default();
    match name.strip_prefix("x86_64-linux-gnu-").unwrap_or(name) {
        gcc if gcc.starts_with("gcc-") && gcc[4..].bytes().all(|b| b.is_ascii_digit()) => Ok(name.to_owned()),
        _ => Err(Diagnostic::error(
            KPS0708,
            format!("the kernel was built by `{text}`, which Debian does not have"),
        )),
    }
}

/// The folder of the compilers, fetched if it is not there.
fn toolchain(cache: &Cache, apt: &Apt, compiler: &str, progress: Progress) -> Result<PathBuf, Diagnostic> {
    let gcc = compiler.strip_prefix("x86_64-linux-gnu-").unwrap_or(compiler);
    let packages: Vec<&str> = TOOLS.iter().copied().chain([gcc]).collect();
    let downloads = cache.apt().join("toolchain");
    let files = progress.step("compilers: download", || apt.download_all(&packages, &downloads))?;
    // The folder is named by what is in it: another version of any package gives another folder.
    let names: Vec<_> = files.iter().filter_map(|file| file.file_name()).collect();
    let digest =
        Sha256::digest(names.iter().flat_map(|name| name.as_encoded_bytes()).copied().collect::<Vec<_>>());
    let id: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let folder = cache.toolchains().join(format!("{gcc}-{id}"));
    if !folder.exists() {
        progress.step("compilers: unpack", || {
            let partial = cache.toolchains().join("partial");
            remove_folder(&partial)?;
            make_folder(&partial)?;
            for file in &files {
                unpack_package(file, &partial, is_tool)?;
            }
            // What the packages' own scripts would have set up. gawk is the one awk among them.
            let awk = partial.join("usr/bin/awk");
            std::os::unix::fs::symlink("gawk", &awk).map_err(|error| cannot("make", &awk, &error))?;
            std::fs::rename(&partial, &folder).map_err(|error| cannot("rename", &partial, &error))
        })?;
    }
    remove_folder(&downloads)?;
    Ok(folder)
}

/// Files of the packages that building needs: programs, libraries, headers, and of Rust's source only the libraries.
fn is_tool(path: &Path) -> bool {
    let share = path.strip_prefix("usr/share");
    let source = path.strip_prefix("usr/src");
    match (share, source) {
        (Ok(share), _) => share.starts_with("bison") || share.starts_with("perl") || share.starts_with("awk"),
        (_, Ok(source)) => source.components().any(|component| component.as_os_str() == "library"),
        _ => path.starts_with("usr") && !is_unused_library(path),
    }
}

/// LLVM as archives, and the runtimes of sanitizers: a quarter of the packages, and nothing in a kernel links with them.
fn is_unused_library(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let llvm =
        path.components().any(|component| component.as_os_str().to_string_lossy().starts_with("llvm-"));
    llvm && name.ends_with(".a") || name.contains("san.so") || name.ends_with("san.a")
}

/// The compilers must be those that built the kernel: Rust's symbols carry hashes of the compiler's version.
fn check_toolchain(
    toolchain: &Path,
    compiler: &str,
    options: &BTreeMap<String, String>,
) -> Result<(), Diagnostic> {
    let inside = Toolchain::Folder(toolchain.to_owned());
    let wanted = [("CONFIG_CC_VERSION_TEXT", compiler), ("CONFIG_RUSTC_VERSION_TEXT", "rustc")];
    for (option, program) in wanted {
        let Some(wanted) = options.get(option) else { continue };
        let mut command = inside.command(program, &[], &[], Path::new("/"))?;
        let output = run(command.arg("--version"), program)?;
        let found = output.lines().next().unwrap_or_default();
        let version = |text: &str| {
            text.split_whitespace().find(|w| w.starts_with(|c: char| c.is_ascii_digit())).map(str::to_owned)
        };
        if version(found) != version(wanted) {
            return Err(Diagnostic::error(
                KPS0708,
                format!("the suite's {program} is not the one that built the kernel"),
            )
            .note(format!("the kernel: {wanted}"))
            .note(format!("the suite: {found}"))
            .help("choose the newest kernel of the suite"));
        }
    }
    Ok(())
}

/// Unpacks the kernel's source, once.
fn unpack_kernel(
    cache: &Cache,
    apt: &Apt,
    folder: &Path,
    source: &Source,
    progress: Progress,
) -> Result<(), Diagnostic> {
    let unpacked = folder.join("source");
    if unpacked.exists() {
        return Ok(());
    }
    let numbers = numbers(&source.release);
    let series = numbers.iter().take(2).map(u64::to_string).collect::<Vec<_>>().join(".");
    let downloads = cache.apt().join("source");
    remove_folder(&downloads)?;
    progress.step("kernel source: download", || {
        let package = format!("linux-source-{series}={}", source.version);
        for file in apt.download(&[package], &downloads)? {
            unpack_package(&file, &downloads, |path| path.starts_with("usr/src"))?;
        }
        Ok(())
    })?;
    progress.step("kernel source: unpack", || {
        let archive = downloads.join(format!("usr/src/linux-source-{series}.tar.xz"));
        let partial = folder.join("source.partial");
        remove_folder(&partial)?;
        make_folder(&partial)?;
        unpack_source(&archive, &partial, is_needed)?;
        std::fs::rename(&partial, &unpacked).map_err(|error| cannot("rename", &partial, &error))
    })?;
    remove_folder(&downloads)
}

/// Files of the kernel's source that building a module needs: everything but the C of drivers and subsystems, other
/// architectures and the documentation. Kconfig reads its files wherever they are.
fn is_needed(path: &Path) -> bool {
    const ARCHITECTURE: &str = "arch/x86";
    const BODIES: &[&str] =
        &["block", "crypto", "drivers", "fs", "ipc", "mm", "net", "samples", "security", "sound", "virt"];
    // The last one describes the registers of graphics chips in half a gigabyte.
    const UNUSED: &[&str] =
        &["Documentation", "tools/perf", "tools/testing", "tools/power", "drivers/gpu/drm/amd/include"];
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let build_file =
        name.starts_with("Kconfig") || name.starts_with("Makefile") || name.starts_with("Kbuild");
    if build_file {
        return true;
    }
    if path.starts_with("tools/testing/selftests/livepatch") || path.starts_with("samples/livepatch") {
        return true;
    }
    if path.starts_with("arch") && !path.starts_with(ARCHITECTURE)
        || UNUSED.iter().any(|dir| path.starts_with(dir))
    {
        return false;
    }
    if BODIES.iter().any(|dir| path.starts_with(dir)) {
        return name.ends_with(".h");
    }
    true
}

/// Builds what modules are built against: generated headers, host programs, and Rust's metadata of the kernel crate.
fn build_tree(
    folder: &Path,
    source: &Source,
    config: &str,
    tree: &Tree,
    progress: Progress,
) -> Result<(), Diagnostic> {
    let build = &tree.build;
    remove_folder(build)?;
    make_folder(build)?;
    write_atomically(&build.join(".config"), config.as_bytes())?;
    // The part of the release behind the version: "+deb13-cloud-amd64" of "7.3.4+deb13-cloud-amd64".
    let version = source.release.find(['-', '+']).unwrap_or(source.release.len());
    write_atomically(&build.join("localversion-kpsc"), &source.release.as_bytes()[version..])?;
    let Some(toolchain) = &tree.toolchain else { return Ok(()) };
    let inside = Toolchain::Folder(toolchain.clone());
    let sources = folder.join("source");
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let make = |goal: &str| {
        let mut command = inside.command("make", &[&sources], &[build], &sources)?;
        command.arg(format!("O={}", build.display())).args(&tree.make).arg("LOCALVERSION=");
        command.arg(format!("-j{jobs}")).arg(goal);
        run(&mut command, "make")
    };
    progress.step("kernel: configuration", || make("olddefconfig"))?;
    check_config(&build.join(".config"), config)?;
    progress.step("kernel: Rust metadata", || make("modules_prepare"))?;
    let symvers = folder.join("Module.symvers");
    std::fs::copy(&symvers, build.join("Module.symvers"))
        .map_err(|error| cannot("copy", &symvers, &error))?;
    enter_toolchain(folder, tree)
}

/// The configuration must come through unchanged where modules can tell.
fn check_config(path: &Path, wanted: &str) -> Result<(), Diagnostic> {
    let text = std::fs::read_to_string(path).map_err(|error| cannot("read", path, &error))?;
    let (got, wanted) = (parse_config(&text), parse_config(wanted));
    // The packages leave the signing keys out, and the builder's OpenSSL may be another one.
    let about_keys =
        |option: &str| ["SIG", "KEY", "BUILD_SALT", "OPENSSL"].iter().any(|word| option.contains(word));
    let differs =
        wanted.iter().find(|(option, value)| got.get(*option) != Some(value) && !about_keys(option));
    match differs {
        None => Ok(()),
        Some((option, value)) => {
            let now = got.get(option).map_or("not set", String::as_str);
            Err(Diagnostic::error(
                KPS0708,
                format!("{option} is {value} in the kernel and {now} in its build tree"),
            )
            .note("some program that the kernel's build looks for is missing or of another version")
            .help("report this kernel"))
        }
    }
}

/// Makes plain `make -C BUILD_TREE` work on any host: make reads a `GNUmakefile` before a `Makefile`, and this one runs
/// it where the compilers are.
fn enter_toolchain(folder: &Path, tree: &Tree) -> Result<(), Diagnostic> {
    const TEMPLATE: &str = include_str!("../../../templates/GNUmakefile");
    let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let text = TEMPLATE.replace("@NAME@", &name).replace("@VARIABLES@", &tree.make.join(" "));
    write_atomically(&tree.build.join("GNUmakefile"), text.as_bytes())
}

fn run(command: &mut Command, program: &str) -> Result<String, Diagnostic> {
    let output = match command.output() {
        Ok(output) => output,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Err(missing("bwrap", "bubblewrap"))
        }
        Err(error) => return Err(Diagnostic::error(KPS0703, format!("cannot run {program}: {error}"))),
    };
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let lines: Vec<_> = errors.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = lines[lines.len().saturating_sub(12)..].iter().map(|line| (*line).to_owned());
    let failed = last.fold(Diagnostic::error(KPS0703, format!("{program} failed")), Diagnostic::note);
    Err(match errors.contains("bwrap:") {
        true => {
            failed.help("kpsc runs compilers in a sandbox of bubblewrap, which needs user namespaces or root")
        }
        false => failed,
    })
}
