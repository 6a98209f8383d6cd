// SPDX-License-Identifier: GPL-2.0
//! Patch crates on the default target: those of `examples`, and what the specs there are converted
//! to.

use kps_targets::Cache;
use kps_tests::code::{functions_of, Code};
use kps_tests::compiled::{self, CRATES};
use kps_tests::kernel::on_default;
use kps_tests::schedule::{Case, Failed};
use kps_tests::store::{self, with_its_module};
use kps_tests::target::{as_crate, doctored, target};
use kps_tests::{acts, crates, examples, files, fixture, kpsc, printed, stem};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What all crates wait for the first time: the macros, compiled for the target.
pub(crate) const MACROS: &str = "the macros, compiled for the target";

/// The crate that `--quick` has in a virtual machine. In a run of everything it comes before all
/// other crates, which need what it makes.
const QUICK: &str = "fork_rate";

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    let of_crate = |folder: PathBuf| {
        let name = stem(&folder);
        let (one, other, third) = (folder.clone(), folder.clone(), folder);
        let acts =
            Case::new(format!("{name}: acts"), move || acts(&one, &[])).machine().shares(MACROS);
        let make = move || make_builds_the_same(&other);
        let make = Case::new(format!("{name}: make builds the same module"), make)
            .machine()
            .about(40)
            .shares(MACROS);
        [
            if name == QUICK { acts.quick().about(60) } else { acts },
            // Plain make compiles the macros anew for each crate.
            if name == QUICK { make } else { make.long() },
            Case::new(format!("{name}: the host tests it"), move || host_tests(&third))
                .machine()
                .about(20)
                .shares(CRATES),
        ]
    };
    let of_spec = |spec: PathBuf| {
        let name = format!("converted: {}", stem(&spec));
        Case::new(name, move || converted_is_the_same(&spec)).machine().about(15).shares(MACROS)
    };
    let of_cargo = [
        Case::new("a new crate is one for cargo", new_crate_is_for_cargo)
            .machine()
            .about(20)
            .shares(CRATES),
        Case::new("cargo sees that the facts have changed", cargo_watches_facts)
            .machine()
            .about(10)
            .shares(CRATES),
        Case::new("what kpsc has not checked is not compiled in", only_what_is_checked)
            .machine()
            .about(10)
            .shares(MACROS),
        Case::new("damaged macros are made again", damaged_macros_are_made_again)
            .machine()
            .about(40)
            .shares(MACROS),
    ];
    crates()
        .into_iter()
        .flat_map(of_crate)
        .chain(of_cargo)
        .chain(examples().into_iter().map(of_spec))
        .collect()
}

/// The cases that hold on other kernels too.
pub(crate) fn on_every_kernel() -> Vec<Case> {
    let of_crate = |folder: PathBuf| {
        let (name, acts) = (format!("crate: {}", stem(&folder)), move || acts(&folder, &[]));
        let case = Case::new(name.clone(), acts).machine().about(20);
        if name.ends_with(QUICK) {
            case
        } else {
            case.long()
        }
    };
    crates().into_iter().map(of_crate).collect()
}

/// The crate without what others have left in it.
fn copy(folder: &Path, into: &Path) -> PathBuf {
    let to = into.join(stem(folder));
    let copied = Command::new("cp").arg("-a").arg(folder).arg(&to).status();
    assert!(copied.is_ok_and(|status| status.success()));
    for leftover in ["kps", "target"] {
        let _ = std::fs::remove_dir_all(to.join(leftover));
    }
    to
}

/// Plain make in the build tree finds all that it needs by itself, and comes to the same bytes as
/// kpsc.
fn make_builds_the_same(folder: &Path) {
    let scratch = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let copy = copy(folder, scratch.path());
    let target = target();
    let tree = target.tree().unwrap_or_else(|| panic!("the target has no build tree"));
    let kpsc = kpsc().get_program().to_owned();
    let mut make = Command::new("make");
    make.arg("-C").arg(&tree.build).arg(format!("M={}", copy.display()));
    let output = make.arg(format!("KPSC={}", kpsc.display())).output();
    let output = output.unwrap_or_else(|error| panic!("make: {error}"));
    assert!(output.status.success(), "{}", printed(&output));
    let name = stem(folder);
    let made = std::fs::read(copy.join(&name).with_extension("ko"))
        .unwrap_or_else(|error| panic!("{error}"));
    assert!(
        made == store::build(folder, None).module,
        "{name}: make and kpsc do not build the same module"
    );
}

/// rustc tells which files it has read, also those that macros have hidden from kpsc.
fn only_what_is_checked() -> Result<(), Failed> {
    let crates = crates();
    let folder = crates.iter().find(|folder| stem(folder) == QUICK).ok_or("no crate")?;
    let scratch = tempfile::tempdir()?;
    let copy = copy(folder, scratch.path());
    std::fs::write(copy.join("src/notes.txt"), "1\n")?;
    let root = copy.join("src/lib.rs");
    let text = std::fs::read_to_string(&root)?;
    let hidden = "
        macro_rules! turned { ($b:tt $a:tt $g:tt) => { $a $b $g } }
        macro_rules! hidden { ($a:tt $g:tt) => { turned!(! $a $g) } }
        const _: u32 = hidden!(include (\"notes.txt\"));\n";
    std::fs::write(&root, text + hidden)?;
    let into = scratch.path().join("into");
    let output = kpsc().arg("build").arg(&copy).arg("-o").arg(&into).output()?;
    let said = printed(&output);
    assert!(!output.status.success() && said.contains("KPS0525"), "{said}");
    assert!(said.contains("\"src/notes.txt\"") && said.contains("lib.rs:"), "{said}");
    assert!(!into.join(QUICK).with_extension("ko").exists());
    Ok(())
}

/// The crate's own tests pass where no kernel is.
fn host_tests(folder: &Path) {
    let (passes, said) = cargo("test", folder, &target().folder().join("facts"));
    assert!(passes, "{said}");
    assert!(!said.contains("warning: "), "{said}");
}

/// Whether cargo does something with a crate, and what it prints.
fn cargo(command: &str, folder: &Path, facts: &Path) -> (bool, String) {
    let mut run = compiled::cargo(command);
    run.args(["--quiet", "--manifest-path"]).arg(folder.join("Cargo.toml"));
    let output =
        run.env("KPS_FACTS", facts).output().unwrap_or_else(|error| panic!("cargo: {error}"));
    (output.status.success(), printed(&output))
}

/// One file of the cached macros has other bytes, another one is missing: the next build says so,
/// compiles all of them, and comes to the same module. The build after it finds them whole.
fn damaged_macros_are_made_again() {
    let crates = crates();
    let folder = crates.iter().find(|folder| stem(folder) == QUICK);
    let folder = folder.unwrap_or_else(|| panic!("there is no crate {QUICK}"));
    let whole = store::build(folder, None);
    let cache = doctored(|_| {});
    let name = target().name;
    let real = Cache::open().unwrap_or_else(|error| panic!("{}", error.message));
    let kept = Cache::at(cache.path()).root().join("macros").join(&name);
    std::fs::create_dir_all(kept.parent().unwrap_or(&kept))
        .unwrap_or_else(|error| panic!("{}: {error}", kept.display()));
    let mut copy = Command::new("cp");
    copy.arg("-a").arg(real.root().join("macros").join(&name)).arg(&kept);
    assert!(copy.status().is_ok_and(|status| status.success()));
    let libraries = files(&kept).iter().flat_map(|folder| files(folder)).collect::<Vec<_>>();
    let mut libraries = libraries.into_iter().filter(|file| file.extension().is_some());
    let (Some(one), Some(other)) = (libraries.next(), libraries.next()) else {
        panic!("nothing is kept in {}", kept.display())
    };
    let mut bytes = std::fs::read(&one).unwrap_or_else(|error| panic!("{error}"));
    let middle = bytes.len() / 2;
    bytes.iter_mut().skip(middle).take(8).for_each(|byte| *byte ^= 1);
    std::fs::write(&one, bytes)
        .and_then(|()| std::fs::remove_file(other))
        .unwrap_or_else(|error| panic!("{error}"));
    let built = store::build(folder, Some(cache.path()));
    let note = format!("made again: the compiled macros of target `{name}`");
    assert!(built.said.contains(&note), "{}", built.said);
    assert!(built.module == whole.module, "it is another module");
    let built = store::build(folder, Some(cache.path()));
    assert!(!built.said.contains("made again"), "{}", built.said);
    assert!(!built.said.contains("compiling the macros"), "{}", built.said);
}

/// A new crate is one for cargo too, with the library that kpsc has written into it.
fn new_crate_is_for_cargo() {
    let scratch = compiled::source("new");
    for words in [&["new", "--crate", "watch"][..], &["sync", "watch", "--kernel", &target().name]]
    {
        let output = kpsc().current_dir(&scratch).args(words).output();
        let output = output.unwrap_or_else(|error| panic!("{error}"));
        assert!(output.status.success(), "{}", printed(&output));
    }
    let folder = scratch.join("watch");
    let (passes, said) = cargo("test", &folder, &folder.join("kps/target.facts"));
    assert!(passes && !said.contains("warning: "), "{said}");
}

/// A crate that has not changed is read again when the kernel has: here to one that has nothing of
/// what it needs.
fn cargo_watches_facts() {
    let folder = crates()
        .into_iter()
        .next()
        .unwrap_or_else(|| panic!("there is no crate among the examples"));
    let scratch = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let facts = scratch.path().join("facts");
    std::fs::copy(target().folder().join("facts"), &facts)
        .unwrap_or_else(|error| panic!("{error}"));
    let (passes, said) = cargo("check", &folder, &facts);
    assert!(passes, "{said}");
    std::fs::write(&facts, fixture::facts().to_bytes()).unwrap_or_else(|error| panic!("{error}"));
    let (passes, said) = cargo("check", &folder, &facts);
    assert!(!passes && said.contains("[KPS0201]"), "{said}");
}

/// Examples that change no function: they have states alone.
const NO_FUNCTIONS: [&str; 2] = ["no_kexec", "quiet_console"];

/// A crate that a spec is converted to passes the spec's tests, and its bodies are the same
/// instructions.
fn converted_is_the_same(spec: &Path) {
    let scratch = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let modules = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let spec = with_its_module(spec, modules.path());
    let krate = as_crate(&spec, scratch.path());
    let (one, other) = (bodies(&store::module(&spec)), bodies(&store::module(&krate)));
    assert_eq!(one.is_empty(), NO_FUNCTIONS.contains(&stem(&spec).as_str()), "{}", spec.display());
    assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
    for (name, code) in &one {
        assert!(*code == other[name], "{name} of {} differs", spec.display());
    }
    acts(&krate, &[]);
}

/// One spec in both modes for one kernel: the bodies are the same instructions, and only the
/// addresses in them differ. Where a spec logs or asks for the current task, the compiler puts parts
/// of the crate `kernel` into the body, and each mode has a crate of its own.
pub(crate) fn bodies_are_the_same_in_both_modes() {
    let bodies = |spec: &Path| {
        let scratch = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        bodies(&store::module(&with_its_module(spec, scratch.path())))
    };
    for spec in examples() {
        let (own, core) = (on_default(|| bodies(&spec)), bodies(&spec));
        assert_eq!(own.keys().collect::<Vec<_>>(), core.keys().collect::<Vec<_>>());
        let text = std::fs::read_to_string(&spec).unwrap_or_else(|error| panic!("{error}"));
        let has_parts = ["pr_", "current!"].iter().any(|part| text.contains(part));
        for (name, code) in own.iter().filter(|_| !has_parts) {
            assert!(*code == core[name], "{name} of {} differs", spec.display());
        }
    }
}

/// What runs in the place of functions, or around them.
fn bodies(module: &[u8]) -> BTreeMap<String, Code> {
    let functions = functions_of(module).into_iter();
    let is_body =
        |name: &str| ["kps_body_", "kps_c_"].iter().any(|prefix| name.starts_with(prefix));
    functions.filter(|(name, _)| is_body(name)).collect()
}
