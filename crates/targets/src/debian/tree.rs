// SPDX-License-Identifier: GPL-2.0
//! The build tree of a stock kernel, made from its source package and its configuration.

use super::apt::{Apt, With};
use super::archive::{unpack_package, unpack_source};
use super::compilers::run;
use super::kernels::numbers;
use super::Origin;
use crate::cache::Cache;
use crate::gather::parse_config;
use crate::inventory;
use crate::locks::Part;
use crate::progress::Progress;
use crate::toolchain::Toolchain;
use crate::Tree;
use kps_diag::{Diagnostic, DISK_FULL, WRONG_TOOLCHAIN};
use kps_host::disk::{fill_folder, make_folder, remove, write_atomically};
use kps_host::input;
use std::path::Path;

/// The makefile of a build tree that make reads first.
const ENTRANCE: &str = "GNUmakefile";

/// Unpacks the kernel's source as far as a build needs it, once.
pub(super) fn unpack(
    apt: &Apt,
    folder: &Path,
    origin: &Origin,
    progress: Progress,
) -> Result<(), Diagnostic> {
    let unpacked = folder.join("source");
    if unpacked.exists() {
        return Ok(());
    }
    fetch_source(apt, origin, &unpacked, is_needed, progress)
}

/// Fetches the kernel's source package and unpacks everything that a patch can change, with an
/// inventory.
pub(super) fn fetch_source_tree(
    apt: &Apt,
    origin: &Origin,
    into: &Path,
    progress: Progress,
) -> Result<(), Diagnostic> {
    fetch_source_and(apt, origin, into, is_of_the_kernel, progress, |folder| {
        inventory::record(folder, &[])
    })
}

/// Fetches the kernel's source package and unpacks the wanted files, completely or not at all.
pub(super) fn fetch_source(
    apt: &Apt,
    origin: &Origin,
    into: &Path,
    wanted: impl Fn(&Path) -> bool,
    progress: Progress,
) -> Result<(), Diagnostic> {
    fetch_source_and(apt, origin, into, wanted, progress, |_| Ok(()))
}

fn fetch_source_and(
    apt: &Apt,
    origin: &Origin,
    into: &Path,
    wanted: impl Fn(&Path) -> bool,
    progress: Progress,
    finish: impl FnOnce(&Path) -> Result<(), Diagnostic>,
) -> Result<(), Diagnostic> {
    let numbers = numbers(&origin.release);
    let series = numbers.iter().take(2).map(u64::to_string).collect::<Vec<_>>().join(".");
    let package = format!("linux-source-{series}={}", origin.version);
    let files =
        progress.step("kernel source: download", || apt.fetch(&[&package], With::Nothing))?;
    progress.step("kernel source: unpack", || {
        fill_folder(into, |folder| {
            let package = folder.join("package");
            for file in &files {
                unpack_package(file, &package, |path| path.starts_with("usr/src"))?;
            }
            let archive = package.join(format!("usr/src/linux-source-{series}.tar.xz"));
            unpack_source(&archive, folder, &wanted)?;
            remove(&package)?;
            finish(folder)
        })
    })
}

/// The files of the kernel's source that make the kernel and its modules, and those that make reads
/// on the way. The programs in `tools` are not the kernel.
fn is_of_the_kernel(path: &Path) -> bool {
    let of_others = path.starts_with("arch") && !path.starts_with(kps_arch::native().kbuild.folder);
    let is_beside = ["Documentation", "LICENSES", "samples", "tools"]
        .iter()
        .any(|folder| path.starts_with(folder));
    // Kconfig's files are directly in `arch`.
    let is_directly_in_arch = path.parent() == Some(Path::new("arch"));
    !is_beside && (!of_others || is_directly_in_arch)
}

/// The files of the kernel's source that a module's build needs: everything but the C of drivers
/// and subsystems, other architectures and the documentation. Kconfig reads its files in every
/// folder.
fn is_needed(path: &Path) -> bool {
    let architecture = kps_arch::native().kbuild.folder;
    const BODIES: &[&str] = &[
        "block", "crypto", "drivers", "fs", "ipc", "mm", "net", "samples", "security", "sound",
        "virt",
    ];
    // The last one describes the registers of graphics chips in half a gigabyte.
    const UNUSED: &[&str] = &[
        "Documentation",
        "tools/perf",
        "tools/testing",
        "tools/power",
        "drivers/gpu/drm/amd/include",
    ];
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let build_file =
        name.starts_with("Kconfig") || name.starts_with("Makefile") || name.starts_with("Kbuild");
    if build_file {
        return true;
    }
    if path.starts_with("tools/testing/selftests/livepatch")
        || path.starts_with("samples/livepatch")
    {
        return true;
    }
    if path.starts_with("arch") && !path.starts_with(architecture)
        || UNUSED.iter().any(|dir| path.starts_with(dir))
    {
        return false;
    }
    if BODIES.iter().any(|dir| path.starts_with(dir)) {
        return name.ends_with(".h");
    }
    true
}

/// Builds the files that modules are built against: generated headers, host programs, and Rust's
/// metadata of the kernel crate.
///
/// A folder that an interrupted run has left is reused: Kbuild records for each finished file how
/// it was made, and makes all others again. If that fails, the build starts from scratch.
pub(super) fn build(
    folder: &Path,
    origin: &Origin,
    config: &str,
    tree: &Tree,
    progress: Progress,
) -> Result<(), Diagnostic> {
    let begun = tree.build.exists();
    match make_tree(folder, origin, config, tree, progress) {
        Err(error) if begun && error.code != DISK_FULL => {}
        result => return result,
    }
    progress.say(
        "The build tree of an interrupted run cannot be completed; rebuilding it from scratch.",
    );
    remove(&tree.build)?;
    make_tree(folder, origin, config, tree, progress)
}

fn make_tree(
    folder: &Path,
    origin: &Origin,
    config: &str,
    tree: &Tree,
    progress: Progress,
) -> Result<(), Diagnostic> {
    let build = &tree.build;
    make_folder(build)?;
    write_atomically(&build.join(".config"), config.as_bytes())?;
    // The part of the release behind the version: "+deb13-FLAVOUR" of "7.3.4+deb13-FLAVOUR".
    let version = origin.release.find(['-', '+']).unwrap_or(origin.release.len());
    write_atomically(&build.join("localversion-kpsc"), &origin.release.as_bytes()[version..])?;
    let Some(toolchain) = &tree.toolchain else { return Ok(()) };
    let inside = Toolchain::Folder(toolchain.clone());
    let sources = folder.join("source");
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let make = |goal: &str, variables: &[&str]| {
        let mut command = inside.command("make", &[&sources], &[build], &sources)?;
        command
            .arg(format!("O={}", build.display()))
            .args(&tree.make)
            .arg("LOCALVERSION=")
            .args(variables);
        command.arg(format!("-j{jobs}")).arg(goal);
        run(command, "make")
    };
    progress.step("kernel: configuration", || make("olddefconfig", &[]))?;
    check_config(&build.join(".config"), config)?;
    // For make, the kernel has no BTF: otherwise it would compile the program that writes BTF into
    // a vmlinux, and there is no vmlinux here.
    progress
        .step("kernel: Rust metadata", || make("modules_prepare", &["CONFIG_DEBUG_INFO_BTF="]))?;
    let symvers = input::read(&folder.join("Module.symvers"), input::SYMVERS)?;
    write_atomically(&build.join("Module.symvers"), &symvers)?;
    enter_toolchain(folder, tree)
}

/// The options that modules can see must come through unchanged.
fn check_config(path: &Path, wanted: &str) -> Result<(), Diagnostic> {
    let text = input::read_text(path, input::CONFIG)?;
    let (got, wanted) = (parse_config(&text), parse_config(wanted));
    // The packages lack the signing keys, and the builder's OpenSSL may be another version.
    let about_keys = |option: &str| {
        ["SIG", "KEY", "BUILD_SALT", "OPENSSL"].iter().any(|word| option.contains(word))
    };
    let differs = wanted
        .iter()
        .find(|(option, value)| got.get(*option) != Some(value) && !about_keys(option));
    match differs {
        None => Ok(()),
        Some((option, value)) => {
            let now = got.get(option).map_or("not set", String::as_str);
            Err(Diagnostic::new(
                WRONG_TOOLCHAIN,
                format!("{option} is {value} in the kernel and {now} in its build tree"),
            )
            .note("a program that the kernel's build looks for is missing or has another version")
            .help("report this kernel"))
        }
    }
}

/// Makes plain `make -C BUILD_TREE` work on any host: make reads a `GNUmakefile` before a
/// `Makefile`, and this one runs make in the sandbox with the compilers.
pub(super) fn enter_toolchain(folder: &Path, tree: &Tree) -> Result<(), Diagnostic> {
    write_atomically(&tree.build.join(ENTRANCE), entrance(folder, tree).as_bytes())
}

/// Replaces the makefile that an earlier kpsc has written. The tree of a cache that was copied is
/// that of the cache it was copied from, which this one does not change.
pub(super) fn renew(cache: &Cache, folder: &Path, tree: &Tree) -> Result<(), Diagnostic> {
    let text = entrance(folder, tree);
    let path = tree.build.join(ENTRANCE);
    let Ok(name) = path.strip_prefix(folder) else { return Ok(()) };
    if input::read_text(&path, input::MAKEFILE).is_ok_and(|there| there == text) {
        return Ok(());
    }
    let _files = cache.change(Part::files_in(folder), "renewing")?;
    // The inventory comes first: an interruption in between leaves a file that is replaced once
    // more.
    inventory::renew(folder, &name.to_string_lossy(), text.as_bytes())?;
    enter_toolchain(folder, tree)
}

fn entrance(folder: &Path, tree: &Tree) -> String {
    const TEMPLATE: &str = include_str!("../../../../templates/GNUmakefile");
    const REFUSE: &str = include_str!("../../../../templates/refuse.mk");
    let name =
        folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    TEMPLATE
        .replace("@REFUSE@", REFUSE)
        .replace("@NAME@", &name)
        .replace("@VARIABLES@", &tree.make.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kps_host::disk::cannot;
    use std::path::PathBuf;

    #[test]
    fn the_makefile_of_an_earlier_kpsc_is_replaced_and_whole() -> Result<(), Diagnostic> {
        let top = tempfile::tempdir().map_err(|error| cannot("make", Path::new("a"), &error))?;
        let cache = Cache::at(top.path());
        let folder = cache.kernel("some");
        let (build, make) = (folder.join("build"), vec!["CC=gcc-14".to_owned()]);
        make_folder(&build)?;
        let entrance = build.join(ENTRANCE);
        write_atomically(&entrance, b"in-toolchain: ; @kpsc $(M)\n")?;
        inventory::record(&folder, &[])?;
        let tree = Tree { build, sources: Vec::new(), toolchain: Some(PathBuf::from("/c")), make };
        for _ in 0..2 {
            renew(&cache, &folder, &tree)?;
            let text = input::read_text(&entrance, input::MAKEFILE)?;
            assert!(
                text.contains("kps-refuse")
                    && text.contains("'some' --")
                    && text.contains("CC=gcc-14")
            );
            assert!(inventory::verify(&folder)?.0.is_empty());
        }
        // Another target's tree is not touched.
        write_atomically(&entrance, b"old")?;
        renew(&cache, &cache.kernel("other"), &tree)?;
        assert_eq!(input::read_text(&entrance, input::MAKEFILE)?, "old");
        Ok(())
    }
}
