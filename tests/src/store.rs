// SPDX-License-Identifier: GPL-2.0
//! The modules that have been built in this run. The same input gives the same bytes
//! (`suites/build/` holds that), and so a module is built once for a kernel, whichever cases need it:
//! they all build with one kpsc.

use crate::target::{as_crate, target};
use crate::{kernel, kpsc, printed, stem};
use kps_grammar::ast::{Form, Text, Trigger};
use kps_grammar::Span;
use kpsc::build::build_trigger;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use xtask::bench::builds;
use xtask::bench::Bench;

/// What a build has come to.
pub struct Built {
    /// The name of the module's file.
    pub name: String,
    /// The module.
    pub module: Vec<u8>,
    /// What kpsc has said, and the tools that it calls.
    pub said: String,
}

/// The digest of all that a module is made from.
type Key = [u8; 32];

/// Empty while it is being built.
type Entry = Arc<OnceLock<Arc<Built>>>;

static STORE: Mutex<BTreeMap<Key, Entry>> = Mutex::new(BTreeMap::new());

/// What has been built of this, by whoever was the first to need it; the others wait. If that one
/// panics the next one tries again, and fails with a message of its own.
fn once(key: Key, build: impl FnOnce() -> Built) -> Arc<Built> {
    let entry =
        Arc::clone(STORE.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default());
    Arc::clone(entry.get_or_init(|| Arc::new(build())))
}

/// The module of a spec or of a patch crate.
pub fn module(spec: &Path) -> Vec<u8> {
    built(spec).module.clone()
}

/// The module of a spec, or of the crate that the spec is converted to.
pub fn module_as(form: Form, spec: &Path) -> Vec<u8> {
    match form {
        Form::Spec => module(spec),
        Form::Crate => module(&as_crate(spec, folder().path())),
    }
}

/// The build of a spec or of a patch crate. All that it is made from is in the folder that Kbuild
/// gets, which takes no time to make.
pub fn built(spec: &Path) -> Arc<Built> {
    let folder = folder();
    run(kpsc().args(["build", "--emit", "source", "-o"]).arg(folder.path()).arg(spec), spec);
    once(digest("spec", &below(folder.path())), || build(spec, None))
}

/// Builds a spec for the default target of a cache, or for the kernel that the case is about,
/// whether it has been built or not.
pub fn build(spec: &Path, cache: Option<&Path>) -> Built {
    let folder = folder();
    let mut command = kpsc();
    if let Some(cache) = cache {
        command.env("KPSC_CACHE", cache);
    }
    let said = run(command.arg("build").arg(spec).arg("-o").arg(folder.path()), spec);
    Built { said, ..made(folder.path()) }
}

/// A module in C, made by a Kbuild file with some more lines, in a folder with these files besides.
pub fn c_module(source: &Path, more: &str, beside: &[&Path]) -> Vec<u8> {
    let name = |path: &Path| PathBuf::from(path.file_name().unwrap_or_default());
    let kbuild = format!("obj-m := {}.o\n{more}", stem(source));
    let files = beside.iter().copied().chain([source]).map(|path| (name(path), read(path)));
    make(&files.chain([("Kbuild".into(), kbuild.into())]).collect()).module.clone()
}

/// The module that make builds in a folder of its own with what is in some folders, each at a place
/// in it.
pub fn folder_module(folders: &[(&Path, &str)]) -> Vec<u8> {
    let of_folder = |(folder, place): &(&Path, &str)| {
        let place = PathBuf::from(place);
        below(folder).into_iter().map(move |(path, bytes)| (place.join(path), bytes))
    };
    make(&folders.iter().flat_map(of_folder).collect()).module.clone()
}

/// A spec that can be built: where its folder has a Kbuild file, a copy of the folder with its
/// module made. The copy is in `scratch`.
pub fn with_its_module(spec: &Path, scratch: &Path) -> PathBuf {
    let folder = spec.parent().unwrap_or(Path::new("."));
    if !folder.join("Kbuild").exists() {
        return spec.to_owned();
    }
    let mut files = below(folder);
    let built = make(&files);
    files.insert(PathBuf::from(&built.name), built.module.clone());
    write(&files, scratch);
    scratch.join(spec.file_name().unwrap_or_default())
}

/// A program in C for the virtual machine, compiled without a warning as triggers are.
pub fn c_program(source: &Path) -> Vec<u8> {
    let (name, scratch, target) = (stem(source), folder(), target());
    let tree = target.tree().unwrap_or_else(|| panic!("the target has no build tree"));
    let file = Text { value: format!("{name}.c"), span: Span::new(0, 0) };
    let text = String::from_utf8_lossy(&read(source)).into_owned();
    let trigger = Trigger { file, as_user: false };
    let built = build_trigger(&trigger, &text, tree, scratch.path());
    let (program, warning) = built.unwrap_or_else(|error| panic!("{error:?}"));
    assert!(warning.is_none(), "{warning:?}");
    program
}

/// What make builds of a folder with these files.
fn make(files: &BTreeMap<PathBuf, Vec<u8>>) -> Arc<Built> {
    let make = || -> anyhow::Result<Built> {
        let scratch = folder();
        write(files, scratch.path());
        let bench = Bench { kpsc: kpsc().get_program().into(), target: target() };
        let words = builds::make(&bench, scratch.path())?;
        let mut make = Command::new(&words[0]);
        make.args(&words[1..]);
        if let Some(cache) = kernel::folder() {
            make.env("KPSC_CACHE", cache);
        }
        let output = make.output()?;
        anyhow::ensure!(output.status.success(), "{make:?}:\n{}", printed(&output));
        Ok(made(scratch.path()))
    };
    once(digest("folder", files), || make().unwrap_or_else(|error| panic!("{error:#}")))
}

/// The module in a folder.
fn made(folder: &Path) -> Built {
    let is_module = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "ko");
    let module = crate::files(folder).into_iter().find(is_module);
    let module = module.unwrap_or_else(|| panic!("nothing was built in {}", folder.display()));
    let name = module.file_name().unwrap_or_default().to_string_lossy().into_owned();
    Built { name, module: read(&module), said: String::new() }
}

/// Runs kpsc, which must succeed: what it says.
fn run(command: &mut Command, spec: &Path) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{error}"));
    assert!(output.status.success(), "{}:\n{}", spec.display(), printed(&output));
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"))
}

fn write(files: &BTreeMap<PathBuf, Vec<u8>>, into: &Path) {
    for (name, bytes) in files {
        let path = into.join(name);
        std::fs::create_dir_all(path.parent().unwrap_or(into))
            .and_then(|()| std::fs::write(&path, bytes))
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The files below a folder, by their paths in it.
fn below(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut files, mut pending) = (BTreeMap::new(), vec![folder.to_owned()]);
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            pending.extend(crate::files(&path));
        } else {
            files.insert(path.strip_prefix(folder).unwrap_or(&path).to_owned(), read(&path));
        }
    }
    files
}

/// A digest in which no two sets of files are alike, nor one set for two kernels.
fn digest(kind: &str, files: &BTreeMap<PathBuf, Vec<u8>>) -> Key {
    let mut digest = Sha256::new();
    let cache = kernel::cache();
    digest.update(format!("{kind} for {}, {} files\n", cache.root().display(), files.len()));
    for (path, bytes) in files {
        digest.update(format!("{path:?} {}\n", bytes.len()));
        digest.update(bytes);
    }
    digest.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::{digest, once, Built};
    use std::collections::BTreeMap;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn what_is_asked_for_by_several_at_once_is_built_once() {
        let builds = AtomicUsize::new(0);
        let build = || {
            builds.fetch_add(1, Ordering::SeqCst);
            Built { name: "a.ko".to_owned(), module: vec![7], said: String::new() }
        };
        let key = digest("a test", &BTreeMap::new());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| once(key, build));
            }
        });
        assert_eq!(once(key, build).module, [7]);
        assert_eq!(builds.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn files_that_differ_in_anything_have_another_digest() {
        let of = |files: &[(&str, &str)]| {
            digest("", &files.iter().map(|(path, text)| ((*path).into(), (*text).into())).collect())
        };
        let one = of(&[("a", "b"), ("c", "d")]);
        assert_eq!(one, of(&[("c", "d"), ("a", "b")]));
        for other in [
            &[("a", "b")][..],
            &[("a", "b"), ("c", "e")],
            &[("a", "bc"), ("", "d")],
            &[("a", "d"), ("c", "b")],
        ] {
            assert_ne!(one, of(other));
        }
    }
}
