// SPDX-License-Identifier: GPL-2.0
//! `kpsc convert` and `kpsc expand`: the crates that specs become hold what their authors wrote,
//! and nothing that is not theirs or the kernel's.

use kps_grammar::{ast, Source};
use kps_tests::schedule::Case;
use kps_tests::store::with_its_module;
use kps_tests::world::{compare, World};
use kps_tests::{cases, examples, kpsc, printed, repository, stem, FIXTURE};
use kpsc::emit::crate_files;
use kpsc::patch_crate::BINDINGS;
use kpsc::project::Home;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    cases![
        crates_are_as_they_were,
        what_a_crate_cannot_say_is_refused_or_told,
        a_spec_that_is_wrong_is_not_converted,
        a_folder_that_is_there_stays,
        a_trigger_that_is_not_there_leaves_no_crate,
        the_objects_of_a_crate_are_in_the_order_of_the_spec,
        crates_are_laid_out_as_rustfmt_does_it,
        expanding_shows_the_files_that_building_writes,
        every_example_becomes_a_crate_that_holds_it.machine(),
    ]
}

/// The specs that are converted for the fixture: those whose generated code is kept, those of the
/// language with nothing wrong, and those made for this.
const SPECS: &[&str] = &[
    "tests/golden/data",
    "tests/golden/layouts",
    "tests/golden/params",
    "tests/golden/parts",
    "tests/golden/shapes",
    "tests/ui/accepted",
    "tests/ui/data-accepted",
    "tests/convert/comments",
    "tests/convert/alternatives",
];

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Files below a folder, by their paths.
fn tree(root: &Path) -> BTreeMap<String, String> {
    let (mut files, mut pending) = (BTreeMap::new(), vec![root.to_owned()]);
    while let Some(path) = pending.pop() {
        match std::fs::read_dir(&path) {
            Ok(entries) => pending.extend(entries.flatten().map(|entry| entry.path())),
            Err(_) if path.exists() => {
                let name = path.strip_prefix(root).unwrap_or(&path).display().to_string();
                files.insert(
                    name,
                    String::from_utf8_lossy(&std::fs::read(&path).unwrap_or_default()).into_owned(),
                );
            }
            Err(_) => {}
        }
    }
    files
}

/// A world with a spec and what is beside it.
fn world(spec: &Path) -> World {
    let world = World::default();
    let name = stem(spec);
    world.write(format!("{name}.kps"), read(spec));
    let parts = spec.with_file_name(format!("{name}.d"));
    let beside = tree(&parts).into_iter().map(|(path, text)| (format!("{name}.d/{path}"), text));
    beside.for_each(|(path, text)| world.write(path, text));
    world
}

/// Converts a spec of a world: what was said, and the files of the crate.
fn convert(world: &World, name: &str) -> (String, BTreeMap<String, String>) {
    let spec = format!("{name}.kps");
    let said = world.run(&["convert", "--to", "crate", "--kernel", FIXTURE, "-o", "out", &spec]);
    let patch = kps_grammar::parse(&Source::new("", read(&world.work().join(&spec)))).0.patch;
    let folder =
        world.work().join("out").join(patch.map(|patch| patch.name.value).unwrap_or_default());
    (said, tree(&folder))
}

/// The pieces of Rust that a spec holds between braces, and its items: those that are for every
/// kernel.
fn pieces(patch: &ast::Patch) -> Vec<ast::Code> {
    let objects = || patch.objects.iter().filter(|object| object.when.is_empty());
    let funcs = || objects().flat_map(|object| &object.funcs).filter(|func| func.when.is_empty());
    let bodies = funcs()
        .flat_map(|func| [func.replace, func.pre, func.post])
        .flatten()
        .map(|body| body.code);
    let callbacks = objects().flat_map(|object| &object.callbacks).map(|callback| callback.code);
    let states = patch.states.iter().flat_map(|state| [&state.save, &state.apply, &state.restore]);
    let shadows = patch.shadows.iter().flat_map(|shadow| [&shadow.ctor, &shadow.dtor]);
    let bound = states.chain(shadows).flatten().map(|bound| bound.code);
    let items = patch.items.iter().filter(|item| item.when.is_empty()).map(|item| item.code);
    items.chain(bodies).chain(callbacks).chain(bound).collect()
}

/// Lines without the space around them.
fn lines(text: &str) -> String {
    let lines: Vec<_> = text.trim().lines().map(str::trim).collect();
    lines.join("\n")
}

/// The crate's source is Rust, and all of the author's is in the crate.
fn holds_everything(spec: &Path, files: &BTreeMap<String, String>) {
    let source = Source::new("", read(spec));
    let Some(patch) = kps_grammar::parse(&source).0.patch else {
        panic!("{} has no patch", spec.display())
    };
    let lib = files.get("src/lib.rs").map(String::as_str).unwrap_or_default();
    let parsed = syn::parse_file(lib);
    assert!(parsed.is_ok(), "{}: {:?}\n{lib}", spec.display(), parsed.err());
    let held = lines(lib);
    let holds = |text: &str| {
        assert!(held.contains(&lines(text)), "{}: {text:?} is not in\n{lib}", spec.display());
    };
    for piece in pieces(&patch) {
        holds(source.slice(piece.span));
    }
    for module in &patch.modules {
        holds(&read(&spec.with_file_name(&module.file.value)));
    }
    let tests = files.get("tests.kps").map(String::as_str).unwrap_or_default();
    for test in &patch.tests {
        assert!(
            tests.contains(source.slice(test.whole)),
            "{}: a test is not in\n{tests}",
            spec.display()
        );
    }
    let (tests, errors) = kps_grammar::parse(&Source::new("", tests));
    if !patch.tests.is_empty() {
        let tests = tests.patch.map(|tests| (tests.name.value, tests.tests.len()));
        assert_eq!((tests, errors.len()), (Some((patch.name.value.clone(), patch.tests.len())), 0));
    }
    let triggers =
        patch.tests.iter().flat_map(|test| &test.steps).filter_map(|step| match &step.action {
            ast::Action::Trigger(trigger) => Some(&trigger.file.value),
            _ => None,
        });
    let in_c = patch
        .objects
        .iter()
        .flat_map(|object| &object.funcs)
        .filter_map(|func| func.replace_c.as_ref());
    let in_c = in_c.chain(patch.c_files.iter().map(|file| &file.file)).map(|file| &file.value);
    for file in triggers.chain(in_c) {
        assert_eq!(
            files.get(file),
            Some(&read(&spec.with_file_name(file))),
            "{}: {file}",
            spec.display()
        );
    }
    let of_every_crate = crate_files(&patch.name.value, &Home::default()).0;
    for (file, text) in &of_every_crate {
        assert_eq!(files.get(file), Some(text), "{}: {file}", spec.display());
    }
}

/// The crates are kept beside the specs that were made for this. `BLESS=1` writes them anew.
fn crates_are_as_they_were() {
    for spec in SPECS {
        let spec = repository().join(spec).with_extension("kps");
        let name = stem(&spec);
        let world = world(&spec);
        let (said, mut files) = convert(&world, &name);
        assert!(said.ends_with("exit status 0\n"), "{said}");
        holds_everything(&spec, &files);
        let kept = repository().join("tests/convert").join(&name);
        let pinned = kept.with_extension("said");
        compare(&said, &pinned).unwrap_or_else(|error| panic!("{name}: {error}"));
        // What every crate has alike is compared once, above.
        let is_kept = |path: &str| !path.starts_with("kps/") && path != BINDINGS;
        files.retain(|path, _| {
            !crate_files("any", &Home::default()).0.contains_key(path) && is_kept(path)
        });
        if std::env::var_os("BLESS").is_some() {
            let _ = std::fs::remove_dir_all(&kept);
            for (path, text) in &files {
                let path = kept.join(path);
                std::fs::create_dir_all(path.parent().unwrap_or(&kept))
                    .and_then(|()| std::fs::write(&path, text))
                    .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
            }
        }
        let wanted = tree(&kept);
        assert_eq!(files.keys().collect::<Vec<_>>(), wanted.keys().collect::<Vec<_>>(), "{name}");
        for (path, text) in &files {
            assert_eq!(text, &wanted[path], "{path} of {name}");
        }
    }
}

fn what_a_crate_cannot_say_is_refused_or_told() {
    let folder = repository().join("tests/convert");
    let mut cases = 0;
    for entry in std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{error}")).flatten() {
        let spec = entry.path();
        let name = stem(&spec);
        if spec.extension() != Some("kps".as_ref()) || !name.starts_with("KPS") {
            continue;
        }
        let world = world(&spec);
        let (said, files) = convert(&world, &name);
        compare(&said, &spec.with_extension("said"))
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let refused = said.ends_with("exit status 1\n");
        assert_eq!(files.is_empty(), refused, "{name}: {said}");
        assert_eq!(world.work().join("out").exists(), !refused, "{name}: {said}");
        cases += 1;
    }
    assert!(cases >= 3);
}

/// Who converts a spec that is wrong is told what `kpsc check` says.
fn a_spec_that_is_wrong_is_not_converted() {
    let world = World::default();
    let wrong = "patch fix { license \"GPL\"; object vmlinux { fn no_such_function { pre { } } } }";
    world.write("fix.kps", wrong);
    let checked = world.run_cleanly(&["check", "--kernel", FIXTURE, "fix.kps"]);
    for words in [&["convert", "--to", "crate"][..], &["expand"]] {
        assert_eq!(
            world.run_cleanly(&[words, &["--kernel", FIXTURE, "fix.kps"]].concat()),
            checked
        );
    }
    assert!(
        checked.is_ok_and(|said| said.contains("[KPS0201]") && said.ends_with("exit status 1\n"))
    );
}

fn a_folder_that_is_there_stays() {
    let world = World::default();
    world.write(
        "fix.kps",
        "patch fix { license \"GPL\"; object vmlinux { fn cmdline_proc_show { pre { } } } }",
    );
    let words = ["convert", "--to", "crate", "--kernel", FIXTURE, "fix.kps"];
    std::fs::create_dir(world.work().join("fix")).unwrap_or_else(|error| panic!("{error}"));
    for _ in 0..2 {
        let said = world.run_cleanly(&words).unwrap_or_else(|error| panic!("{error}"));
        assert!(said.contains("[KPS0701]") && said.ends_with("exit status 3\n"), "{said}");
        world.write("fix/src/lib.rs", "mine");
    }
    std::fs::remove_dir_all(world.work().join("fix")).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(world.run(&words), "./fix\nexit status 0\n");
    let left = std::fs::read_dir(world.work()).map(|entries| entries.count()).unwrap_or_default();
    assert_eq!(left, 2, "something half-made is left");
}

fn a_trigger_that_is_not_there_leaves_no_crate() {
    let world = World::default();
    world.write(
        "fix.kps",
        "patch fix { license \"GPL\"; object vmlinux { fn cmdline_proc_show { pre { } } } test \"t\" { trigger c \"no.c\"; } }",
    );
    let said = world.run_cleanly(&["convert", "--to", "crate", "--kernel", FIXTURE, "fix.kps"]);
    assert!(
        said.as_ref()
            .is_ok_and(|said| said.contains("[KPS0214]") && said.ends_with("exit status 1\n")),
        "{said:?}"
    );
}

/// What is not the author's is laid out as rustfmt lays it out; this spec's bodies are.
fn crates_are_laid_out_as_rustfmt_does_it() {
    let spec = repository().join("tests/convert/laid-out.kps");
    let world = world(&spec);
    let (said, files) = convert(&world, "laid-out");
    assert!(said.ends_with("exit status 0\n"), "{said}");
    holds_everything(&spec, &files);
    let lib = world.work().join("out/laid_out/src/lib.rs");
    let output = Command::new("rustfmt").args(["--edition", "2021", "--check"]).arg(&lib).output();
    let output = output.unwrap_or_else(|error| {
        panic!("rustfmt: {error}; `rustup component add rustfmt` installs it")
    });
    assert!(output.status.success(), "{}", printed(&output));
}

/// The kernel patches them, and calls their callbacks, in this order.
fn the_objects_of_a_crate_are_in_the_order_of_the_spec() {
    const VMLINUX: &str = "object vmlinux { fn cmdline_proc_show { pre { } } }";
    const MODULE: &str = "object dummy { pre_patch { 0 } }";
    let objects = |text: &str| {
        let names = text.lines().map(str::trim).filter(|line| line.starts_with("name: "));
        names.map(str::to_owned).collect::<Vec<_>>()
    };
    for items in [[VMLINUX, MODULE], [MODULE, VMLINUX]] {
        let world = World::default();
        world.write("fix.kps", format!("patch fix {{ license \"GPL\"; {} }}", items.concat()));
        convert(&world, "fix");
        let expanded = |input: &str| world.run(&["expand", "--kernel", FIXTURE, input]);
        let (spec, converted) = (expanded("fix.kps"), expanded("out/fix"));
        assert!(converted.ends_with("exit status 0\n"), "{converted}");
        assert!(!objects(&spec).is_empty(), "{spec}");
        assert_eq!(objects(&spec), objects(&converted));
    }
}

fn expanding_shows_the_files_that_building_writes() {
    for name in ["parts", "data"] {
        let world = world(&repository().join("tests/golden").join(name).with_extension("kps"));
        let spec = format!("{name}.kps");
        let expanded = world.run_cleanly(&["expand", "--kernel", FIXTURE, &spec]);
        let built = world.run(&["build", "--kernel", FIXTURE, "--emit", "source", &spec]);
        assert!(built.ends_with("exit status 0\n"), "{built}");
        let [main, types] = ["main", "types"].map(|part| {
            let file = format!("{name}_{part}.rs");
            format!("// ==> {file}\n{}", read(&world.work().join(name).join(&file)))
        });
        assert_eq!(expanded, Ok(format!("{main}{types}exit status 0\n")));
    }
}

fn every_example_becomes_a_crate_that_holds_it() {
    for spec in examples() {
        let [into, beside] =
            [(); 2].map(|()| tempfile::tempdir().unwrap_or_else(|error| panic!("{error}")));
        let spec: PathBuf = with_its_module(&spec, beside.path());
        let output =
            kpsc().args(["convert", "--to", "crate", "-o"]).arg(into.path()).arg(&spec).output();
        let output = output.unwrap_or_else(|error| panic!("{error}"));
        assert!(output.status.success(), "{}", printed(&output));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!said.contains("KPS12"), "{said}");
        holds_everything(&spec, &tree(&into.path().join(stem(&spec))));
    }
}
