// SPDX-License-Identifier: GPL-2.0
//! The compilers that built a stock kernel, from the suite's packages.

use super::apt::{Apt, With};
use super::archive::unpack_package;
use crate::cache::Cache;
use crate::inventory;
use crate::locks::Part;
use crate::progress::Progress;
use crate::rust_core::RustCore;
use crate::seal::hex;
use crate::toolchain::{Program, Toolchain};
use kps_diag::{Diagnostic, PROGRAM_FAILED, WRONG_TOOLCHAIN};
use kps_host::disk::{cannot, disk_full, fill_folder};
use kps_host::output;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The packages of the toolchain beside the compilers that the configuration names.
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

/// The packages of core mode, where no kernel is built.
const CORE_TOOLS: &[&str] = &[
    "bash",
    "binutils",
    "coreutils",
    "dash",
    "diffutils",
    "findutils",
    "gawk",
    OF_CORE_MODE,
    "grep",
    "libelf-dev",
    "librust-proc-macro2-dev",
    "librust-quote-dev",
    "librust-syn-dev",
    "make",
    "rust-src",
    "rustc",
    "sed",
];

/// The packages that read C with clang, where the compilers have none: core mode.
const CLANG_TOOLS: &[&str] =
    &["bash", "binutils", "coreutils", "dash", "gawk", OF_CORE_MODE, "libclang-dev", "rustc"];

/// The start of the names of their folders.
pub(crate) const CLANG: &str = "clang";

/// The packages that give a program of the sandbox a PKCS#11 token: a provider of OpenSSL, and the
/// client of the host's token.
const TOKEN_LIBRARIES: &[&str] = &["p11-kit-modules", "pkcs11-provider"];

/// The start of the names of their folders.
pub(crate) const TOKEN: &str = "pkcs11";

/// The C compiler of core mode, and its package: the suite's own. The headers of older kernels work
/// with newer compilers, and one set of compilers serves all kernels.
pub(super) const OF_CORE_MODE: &str = "gcc";

/// The C compiler's name, which is the first word of `CONFIG_CC_VERSION_TEXT`.
pub(super) fn compiler(options: &BTreeMap<String, String>) -> Result<String, Diagnostic> {
    let text = options.get("CONFIG_CC_VERSION_TEXT").map(String::as_str).unwrap_or_default();
    let name = text.split_whitespace().next().unwrap_or_default();
    match without_prefix(name) {
        gcc if gcc.starts_with("gcc-") && gcc[4..].bytes().all(|b| b.is_ascii_digit()) => {
            Ok(name.to_owned())
        }
        _ => Err(Diagnostic::new(
            WRONG_TOOLCHAIN,
            format!("the kernel was built with `{text}`, which Debian does not have"),
        )),
    }
}

/// The name of a compiler for the machine that it runs on.
pub(super) fn without_prefix(compiler: &str) -> &str {
    compiler.strip_prefix(kps_arch::native().kbuild.cross_compile).unwrap_or(compiler)
}

/// The folder of the compilers, fetched if it is missing.
pub(super) fn fetch(
    cache: &Cache,
    apt: &Apt,
    compiler: &str,
    progress: Progress,
) -> Result<PathBuf, Diagnostic> {
    let gcc = without_prefix(compiler);
    let packages: Vec<&str> = TOOLS.iter().copied().chain([gcc]).collect();
    fetch_packages(cache, apt, (gcc, &packages, With::Dependencies), "", progress, |_| Ok(()))
}

/// The folder of the compilers of core mode with their `core`, fetched and compiled if it is
/// missing.
pub(super) fn fetch_with_core(
    cache: &Cache,
    apt: &Apt,
    core: &RustCore,
    progress: Progress,
) -> Result<PathBuf, Diagnostic> {
    let compile = |folder: &Path| progress.step("Rust's core: compile", || core.compile(folder));
    let packages = ("core", CORE_TOOLS, With::Dependencies);
    fetch_packages(cache, apt, packages, &core.inputs(), progress, compile)
}

/// The folder of clang and a rustc, fetched if it is missing.
pub(super) fn fetch_clang(
    cache: &Cache,
    apt: &Apt,
    progress: Progress,
) -> Result<PathBuf, Diagnostic> {
    let packages = (CLANG, CLANG_TOOLS, With::Dependencies);
    fetch_packages(cache, apt, packages, "", progress, |_| Ok(()))
}

/// The folder of the libraries for a token, fetched if it is missing. What they need is in every
/// toolchain.
pub(super) fn fetch_token_libraries(
    cache: &Cache,
    apt: &Apt,
    progress: Progress,
) -> Result<PathBuf, Diagnostic> {
    let packages = (TOKEN, TOKEN_LIBRARIES, With::Nothing);
    fetch_packages(cache, apt, packages, "", progress, |_| Ok(()))
}

/// A folder of unpacked packages, which `finish` adds more to. It is named by its contents: another
/// version of any package, or of the `inputs` of what is added, gives another folder.
fn fetch_packages(
    cache: &Cache,
    apt: &Apt,
    (name, packages, with): (&str, &[&str], With),
    inputs: &str,
    progress: Progress,
    finish: impl FnOnce(&Path) -> Result<(), Diagnostic>,
) -> Result<PathBuf, Diagnostic> {
    let mut digest = Sha256::new();
    apt.list(packages, with)?.iter().for_each(|package| digest.update(&package.file));
    digest.update(inputs);
    let id = format!("{name}-{}", hex(&digest.finalize()[..8]));
    let folder = cache.toolchains().join(&id);
    if folder.exists() {
        return Ok(folder);
    }
    let _fetching = cache.change(Part::Toolchain(&id), "fetching")?;
    // Another kpsc may have finished first.
    if folder.exists() {
        return Ok(folder);
    }
    let what = if name == TOKEN { "libraries for tokens" } else { "compilers" };
    let files = progress.step(&format!("{what}: download"), || apt.fetch(packages, with))?;
    fill_folder(&folder, |folder| {
        progress.step(&format!("{what}: unpack"), || unpack(&files, folder))?;
        finish(folder)?;
        inventory::record(folder, &[])
    })?;
    Ok(folder)
}

fn unpack(files: &[PathBuf], folder: &Path) -> Result<(), Diagnostic> {
    for file in files {
        unpack_package(file, folder, is_tool)?;
    }
    // The links that the packages' own scripts would have made. gawk is the only awk among them.
    let awk = folder.join("usr/bin/awk");
    if !folder.join("usr/bin/gawk").exists() {
        return Ok(());
    }
    std::os::unix::fs::symlink("gawk", &awk).map_err(|error| cannot("make", &awk, &error))
}

/// Files of the packages that a build needs: programs, libraries, headers, and of Rust's source
/// only the libraries.
fn is_tool(path: &Path) -> bool {
    let share = path.strip_prefix("usr/share");
    let source = path.strip_prefix("usr/src");
    match (share, source) {
        (Ok(share), _) => {
            ["bison", "perl", "awk", "cargo/registry"].iter().any(|used| share.starts_with(used))
        }
        (_, Ok(source)) => source.components().any(|component| component.as_os_str() == "library"),
        _ => path.starts_with("usr") && !is_unused_library(path),
    }
}

/// LLVM as archives, and the sanitizers' runtimes: a quarter of the packages, and nothing in a
/// kernel links with them.
fn is_unused_library(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let llvm = path
        .components()
        .any(|component| component.as_os_str().to_string_lossy().starts_with("llvm-"));
    llvm && name.ends_with(".a") || name.contains("san.so") || name.ends_with("san.a")
}

/// The compilers must be those that built the kernel: Rust's symbols carry hashes of the compiler's
/// version.
pub(super) fn check(
    toolchain: &Path,
    compiler: &str,
    options: &BTreeMap<String, String>,
) -> Result<(), Diagnostic> {
    let inside = Toolchain::Folder(toolchain.to_owned());
    let wanted = [("CONFIG_CC_VERSION_TEXT", compiler), ("CONFIG_RUSTC_VERSION_TEXT", "rustc")];
    for (option, program) in wanted {
        let Some(wanted) = options.get(option) else { continue };
        let mut command = inside.command(program, &[], &[], Path::new("/"))?;
        command.arg("--version");
        let output = run(command, program)?;
        let found = output.lines().next().unwrap_or_default();
        let version = |text: &str| {
            text.split_whitespace()
                .find(|w| w.starts_with(|c: char| c.is_ascii_digit()))
                .map(str::to_owned)
        };
        if version(found) != version(wanted) {
            return Err(Diagnostic::new(
                WRONG_TOOLCHAIN,
                format!("the suite's {program} is not the one that built the kernel"),
            )
            .note(format!("the kernel: {wanted}"))
            .note(format!("the suite: {found}"))
            .help("choose the newest kernel of the suite"));
        }
    }
    Ok(())
}

/// Runs a program of the toolchain and returns its output.
pub(super) fn run(mut command: Program, program: &str) -> Result<String, Diagnostic> {
    let output = output::output(&mut command).map_err(|error| command.not_started(&error))?;
    if output.ended.is_cut {
        return Err(output::too_long(program));
    }
    if output.ended.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    if errors.contains("No space left on device") {
        return Err(disk_full(Path::new("the build output")));
    }
    let lines: Vec<_> = errors.lines().filter(|line| !line.trim().is_empty()).collect();
    let last = lines[lines.len().saturating_sub(12)..].iter().map(|line| (*line).to_owned());
    let failed =
        last.fold(Diagnostic::new(PROGRAM_FAILED, format!("{program} failed")), Diagnostic::note);
    Err(match errors.contains("bwrap:") {
        true => failed.help(
            "allow user namespaces for ordinary users: kpsc runs compilers in a bubblewrap sandbox, \
             also as root",
        ),
        false => failed,
    })
}
