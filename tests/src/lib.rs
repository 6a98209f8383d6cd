// SPDX-License-Identifier: GPL-2.0
//! What the suites share: a kernel to test on, and the program under test.

pub mod btf;
pub mod code;
pub mod compiled;
pub mod debian;
pub mod expansion;
pub mod firmware;
pub mod fixture;
pub mod kept;
pub mod kernel;
pub mod miniature;
pub mod mistakes;
pub mod module;
pub mod pages;
pub mod properties;
pub mod schedule;
pub mod store;
pub mod target;
pub mod userland;
pub mod work;
pub mod world;

use kps_facts::Facts;
use kps_targets::{record, seal, Cache};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The name of the fixture among the targets.
pub const FIXTURE: &str = "fixture";

/// The folder of the repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("..")
        .canonicalize()
        .unwrap_or_else(|error| panic!("{error}"))
}

/// The program under test, of the same build as the suite. `cargo xtask test` builds it before the
/// suites. It works with the cache of the kernel that the case is about.
pub fn kpsc() -> Command {
    let suite = std::env::current_exe().unwrap_or_else(|error| panic!("{error}"));
    let program = suite.ancestors().nth(2).unwrap_or(Path::new("")).join("kpsc");
    assert!(
        program.exists(),
        "{} is missing: build it first, `cargo xtask test` does",
        program.display()
    );
    let mut command = Command::new(program);
    if let Some(cache) = kernel::folder() {
        command.env("KPSC_CACHE", cache);
    }
    command
}

/// The program for servers, static, as `cargo xtask kpsctl` builds it.
pub fn kpsctl() -> PathBuf {
    let suite = std::env::current_exe().unwrap_or_else(|error| panic!("{error}"));
    let target = suite.ancestors().nth(3).unwrap_or(Path::new(""));
    let program = target.join(env!("KPS_HOST")).join("kpsctl/kpsctl");
    assert!(
        program.exists(),
        "{} is missing: build it first, `cargo xtask kpsctl` does",
        program.display()
    );
    program
}

/// The manifest of the fixture: a stock kernel whose compilers have not been fetched.
pub const MANIFEST: &str = "release = \"7.3.4-fixture\"\nimage = \"vmlinuz\"\n\
    [origin]\nprovider = \"debian\"\nsuite = \"s\"\nrelease = \"7.3.4-fixture\"\nversion = \"7.3.4-1\"\n";

/// A cache whose one target is the fixture. It can be checked against, not built for.
pub fn fixture_cache() -> tempfile::TempDir {
    let cache = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let folder = put_target(cache.path(), FIXTURE, MANIFEST, &fixture::facts());
    let debug = folder.join("debug");
    std::fs::create_dir(&debug)
        .and_then(|()| std::fs::write(debug.join("functions"), fixture::debug().to_bytes()))
        .and_then(|()| {
            std::fs::write(debug.join("modules"), fixture::debug_of_modules().to_bytes())
        })
        .unwrap_or_else(|error| panic!("{error}"));
    let modules = folder.join("modules");
    std::fs::create_dir(&modules)
        .and_then(|()| std::fs::write(modules.join("dummy.ko"), fixture::module()))
        .unwrap_or_else(|error| panic!("{error}"));
    record(&modules, &[]).unwrap_or_else(|error| panic!("{}", error.message));
    cache
}

/// Puts a target into a cache, and returns its folder.
pub fn put_target(cache: &Path, name: &str, manifest: &str, facts: &Facts) -> PathBuf {
    let folder = Cache::at(cache).kernel(name);
    std::fs::create_dir_all(&folder)
        .and_then(|()| std::fs::write(folder.join("facts"), facts.to_bytes()))
        .and_then(|()| std::fs::write(folder.join("target.toml"), seal(manifest)))
        .unwrap_or_else(|error| panic!("{error}"));
    folder
}

/// Puts a target that is prepared into a cache. Its build tree is an empty folder with this path.
pub fn put_prepared_target(cache: &Path, name: &str, build: &Path, facts: &Facts) {
    let manifest = format!("{MANIFEST}[tree]\nbuild = {build:?}\nsources = []\nmake = []\n");
    put_target(cache, name, &manifest, facts);
    std::fs::create_dir(build).unwrap_or_else(|error| panic!("{}: {error}", build.display()));
}

/// The specs of a folder of `tests/vm`.
pub fn specs(folder: &str) -> Vec<PathBuf> {
    let files = files(&repository().join("tests/vm").join(folder)).into_iter();
    files.filter(|path| path.extension().is_some_and(|extension| extension == "kps")).collect()
}

/// The specs of `examples`, each in a folder of its name, that are for every kernel.
pub fn examples() -> Vec<PathBuf> {
    in_folders().into_iter().filter(|spec| !is_fix(spec)).collect()
}

/// The specs of `examples` that mend a kernel, and so are for those that have the fault.
pub fn fixes() -> Vec<PathBuf> {
    in_folders().into_iter().filter(|spec| is_fix(spec)).collect()
}

fn is_fix(spec: &Path) -> bool {
    stem(spec).starts_with("fix_")
}

fn in_folders() -> Vec<PathBuf> {
    let folders = files(&repository().join("examples")).into_iter().filter(|path| path.is_dir());
    // The others are crates.
    let specs = folders.map(|folder| folder.join(stem(&folder)).with_extension("kps"));
    specs.filter(|spec| spec.exists()).collect()
}

/// The folders of `examples` that are crates.
pub fn crates() -> Vec<PathBuf> {
    let folders = files(&repository().join("examples")).into_iter();
    folders.filter(|folder| folder.join("Cargo.toml").exists()).collect()
}

/// The spec of an example.
pub fn example(name: &str) -> PathBuf {
    repository().join("examples").join(name).join(name).with_extension("kps")
}

/// The spec's own tests hold: unpatched, patched, and unpatched again. `words` are more for
/// `kpsc test`.
pub fn acts(spec: &Path, words: &[&str]) {
    let built = store::built(spec);
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let module = folder.path().join(&built.name);
    std::fs::write(&module, &built.module).unwrap_or_else(|error| panic!("{error}"));
    let output = kpsc()
        .args(["test", "--limit", "20", "--module"])
        .arg(&module)
        .args(words)
        .arg(spec)
        .output();
    let output = output.unwrap_or_else(|error| panic!("{error}"));
    let said = printed(&output);
    assert!(output.status.success(), "{}:\n{said}", spec.display());
    assert!(said.contains("ok: "), "no test held:\n{said}");
    target::tell_of_boots(&said);
}

/// A file's name without what follows the dot.
pub fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// What is in a folder, by name.
pub fn files(folder: &Path) -> Vec<PathBuf> {
    let entries =
        std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    files
}

/// What a program printed, both streams as text.
pub fn printed(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Checks the text of a spec against the fixture: the exit status and everything that was printed.
pub fn check_spec(text: &str, cache: &Path) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let path = folder.path().join("spec.kps");
    std::fs::write(&path, text).unwrap_or_else(|error| panic!("{error}"));
    let output = kpsc()
        .env("KPSC_CACHE", cache)
        .args(["check", "--kernel", FIXTURE])
        .arg(&path)
        .output()
        .unwrap_or_else(|error| panic!("{error}"));
    (output.status.code(), printed(&output))
}

/// Copies a folder with all that is in it.
pub fn copy_folder(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (entry, to) = (entry.path(), to.join(entry.file_name()));
        if entry.is_dir() {
            copy_folder(&entry, &to)?;
        } else {
            std::fs::copy(&entry, &to)?;
        }
    }
    Ok(())
}
