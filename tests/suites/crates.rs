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
use kps_tests::{acts, crates, examples, files, fixture, kpsc, printed, repository, stem};
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
        Case::new("a repository of one's own works as a clone", own_repository_works_as_a_clone)
            .machine()
            .long()
            .about(60)
            .shares(CRATES),
        Case::new("the lints are those of Kbuild", lints_are_those_of_kbuild).machine(),
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
            .long()
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

/// A new crate is one for cargo at once, with the library that kpsc has written into it, and when
/// it knows the kernel.
fn new_crate_is_for_cargo() -> Result<(), Failed> {
    let scratch = compiled::source("new");
    run(kpsc().args(["new", "--crate", "watch"]), &scratch)?;
    let folder = scratch.join("watch");
    let check = |command: &str, more: &[&str]| {
        let mut cargo = compiled::cargo(command);
        run(cargo.arg("--quiet").args(more).env_remove("KPS_FACTS"), &folder)
    };
    let said = check("check", &[])?;
    assert!(!said.contains("warning: "), "{said}");
    run(kpsc().args(["sync", "watch", "--kernel", &target().name]), &scratch)?;
    check("clippy", &["--all-targets", "--", "-D", "warnings"])?;
    let said = check("test", &[])?;
    assert!(!said.contains("warning: "), "{said}");
    Ok(())
}

/// Runs a program in a folder. It must succeed; what it prints comes back.
fn run(command: &mut Command, folder: &Path) -> Result<String, Failed> {
    let output = command.current_dir(folder).output()?;
    let said = printed(&output);
    match output.status.success() {
        true => Ok(said),
        false => Err(format!("{command:?}: {said}").into()),
    }
}

/// The file of a workspace whose members are patches and the programs of its owner.
const WORKSPACE: &str = "[workspace]\nresolver = \"2\"\nmembers = [\"tools\"]\n";

/// An item of a patch that depends on the configuration: only the first compiles.
const CONFIGURED: &str = "
    #[cfg(CONFIG_LIVEPATCH)]
    const STEP: u32 = 1;
    #[cfg(not(CONFIG_LIVEPATCH))]
    const STEP: u32 = \"none\";
";

/// Somebody's own repository: a cargo workspace with two patch crates, a program and a spec. A fresh
/// clone of it works before kpsc has been there, and as a whole.
fn own_repository_works_as_a_clone() -> Result<(), Failed> {
    let top = compiled::source("repository");
    let (origin, clone) = (top.join("origin"), top.join("clone"));
    let at = |path: &str, text: &str| {
        let path = origin.join(path);
        std::fs::create_dir_all(path.parent().unwrap_or(&origin))?;
        std::fs::write(path, text)
    };
    at("Cargo.toml", WORKSPACE)?;
    at(
        "tools/Cargo.toml",
        "[package]\nname = \"tools\"\nversion = \"0.1.0\"\nedition = \"2024\"\n",
    )?;
    at("tools/src/lib.rs", "//! Not a patch.\n")?;
    at("kpsc.toml", &format!("kernels = [\"{}\"]\n", target().name))?;
    at(".gitignore", "/target/\n/Cargo.lock\n")?;
    let patches = origin.join("patches");
    std::fs::create_dir_all(&patches)?;
    for words in
        [&["new", "--crate", "first"][..], &["new", "--crate", "second"], &["new", "third"]]
    {
        run(kpsc().args(words), &patches)?;
    }
    let root = patches.join("second/src/lib.rs");
    let text = std::fs::read_to_string(&root)?.replacen(
        "mod second {",
        &format!("mod second {{{CONFIGURED}"),
        1,
    );
    std::fs::write(&root, text.replace("fetch_add(1,", "fetch_add(STEP,"))?;
    run(kpsc().arg("sync"), &origin)?;
    let git = |words: &[&str]| {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=a", "-c", "user.email=a@example.org"]).args(words);
        run(&mut git, &origin)
    };
    git(&["init", "--quiet"])?;
    git(&["add", "--all"])?;
    git(&["commit", "--quiet", "-m", "patches"])?;
    git(&["clone", "--quiet", ".", &clone.display().to_string()])?;
    let cargo = |words: &[&str]| {
        let mut cargo = compiled::cargo(words[0]);
        run(cargo.arg("--quiet").args(&words[1..]).env_remove("KPS_FACTS"), &clone)
    };
    assert!(
        !clone.join("kps/target.facts").exists(),
        "the facts of a kernel are in the repository"
    );
    cargo(&["check"])?;
    cargo(&["test"])?;
    cargo(&["clippy", "--all-targets", "--", "-D", "warnings"])?;
    // One library and one file of facts for all crates.
    run(kpsc().arg("sync"), &clone)?;
    assert!(clone.join("kps/target.facts").exists());
    assert!(!clone.join("patches/first/kps").exists());
    assert!(!cargo(&["check"])?.contains("warning: "));
    let status = run(Command::new("git").args(["status", "--short"]), &clone)?;
    assert_eq!(status, "", "kpsc changes what is in the repository");
    run(kpsc().args(["build", "--all", "-o", "target/modules"]), &clone)?;
    for name in ["first", "second", "third"] {
        assert!(clone.join("target/modules").join(name).with_extension("ko").exists(), "{name}");
    }
    run(kpsc().args(["test", "--all"]), &clone)?;
    Ok(())
}

/// The lints that the manifest of a new crate sets are those that Kbuild sets.
fn lints_are_those_of_kbuild() -> Result<(), Failed> {
    let target = target();
    let sources = target.tree().map(|tree| tree.sources.clone()).unwrap_or_default();
    let makefile = sources.iter().find_map(|folder| {
        let text = std::fs::read_to_string(folder.join("Makefile")).ok()?;
        text.contains("rust_common_flags :=").then_some(text)
    });
    let makefile = makefile.ok_or("the kernel's Makefile is not in the build tree")?;
    let (_, flags) = makefile.split_once("rust_common_flags :=").ok_or("no flags")?;
    let flags = flags.split("\n\n").next().unwrap_or_default();
    let manifest = std::fs::read_to_string(repository().join("templates/crate/Cargo.toml.tera"))?;
    let level = |flag: &str| match flag.get(..2) {
        Some("-W") => Some("warn"),
        Some("-D") => Some("deny"),
        Some("-A") => Some("allow"),
        _ => None,
    };
    // These are about features of the language that a crate for the host does not ask for.
    const OF_KBUILD: [&str; 2] = ["stable_features", "unused_features"];
    for (flag, level) in flags.split_whitespace().filter_map(|flag| Some((flag, level(flag)?))) {
        let (table, name) = flag[2..].split_once("::").unwrap_or(("rust", &flag[2..]));
        if OF_KBUILD.contains(&name) {
            continue;
        }
        let table = manifest.split_once(&format!("[lints.{table}]\n")).map_or("", |(_, rest)| rest);
        let table = table.split("\n[").next().unwrap_or_default();
        let is_set = table.lines().any(|line| {
            line.strip_prefix(name)
                .is_some_and(|rest| rest.starts_with(" = ") && rest.contains(level))
        });
        assert!(is_set, "{flag} of the kernel is not in the manifest of a new crate");
    }
    Ok(())
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
