// SPDX-License-Identifier: GPL-2.0
//! A sweep over the whole kernel: functions chosen evenly from all of them, and some of every kind,
//! can be hooked or are refused with a code; a hundred hooked at once change nothing.

use kps_facts::{Facts, Importer, Object, Wanted};
use kps_targets::{module, Cache, Progress};
use kps_tests::schedule::Case;
use kps_tests::store;
use kps_tests::target::{target, Vm};
use kps_tests::{cases, kpsc, printed, work};
use kpsc::notable;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    cases![
        functions_of_the_whole_kernel_can_be_hooked_or_are_refused_with_a_code.machine().about(60),
        so_can_more_functions_of_it_than_every_run_tries.machine().long().about(500),
    ]
}

/// How many functions are tried in every run.
const TRIED: usize = 150;
/// How many are tried in a long run.
const TRIED_LONG: usize = 2000;
/// How many of them one patch hooks.
const BATCH: usize = 50;
/// How many are hooked at once in one machine.
const AT_ONCE: usize = 100;
/// For how many of these one is chosen of every kind.
const OF_A_KIND: usize = 60;

/// A function with an ftrace site.
#[derive(Debug, Clone)]
struct Function {
    object: String,
    /// As a spec names it.
    name: String,
    hooks: &'static str,
    /// Whether it was chosen for its kind, of which many are refused.
    is_of_a_kind: bool,
}

fn functions_of_the_whole_kernel_can_be_hooked_or_are_refused_with_a_code() {
    sweep(TRIED, 90);
}

fn so_can_more_functions_of_it_than_every_run_tries() {
    sweep(TRIED_LONG, 95);
}

/// At least so many of a hundred functions can be hooked. A small draw of each new kernel has more
/// or fewer clones of the compiler's by chance, so it is held to less.
fn sweep(tried: usize, of_a_hundred: usize) {
    let facts = target().facts().unwrap_or_else(|error| panic!("{}", error.message));
    let modules = modules();
    let chosen = chosen(&facts, &modules, tried);
    let scratch = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let (mut hooked, mut quiet) = (Vec::new(), Vec::new());
    let mut refusals: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (n, batch) in chosen.chunks(BATCH).enumerate() {
        let spec = scratch.path().join(format!("batch_{n}.kps"));
        let said = check(&spec, batch);
        let is_refused =
            |function: &Function| said.iter().any(|s| s.error && s.name == function.name);
        let taken: Vec<Function> = batch.iter().filter(|f| !is_refused(f)).cloned().collect();
        for refusal in said.iter().filter(|said| said.error) {
            refusals.entry(refusal.code.clone()).or_default().push(refusal.name.clone());
        }
        let again = check(&spec, &taken);
        assert!(again.iter().all(|said| !said.error), "{again:?}");
        store::build(&spec, None);
        hooked.extend(taken.iter().cloned());
        // What is warned of may keep a patch from being complete.
        quiet.extend(taken.into_iter().filter(|f| !again.iter().any(|said| said.name == f.name)));
    }
    println!("{} functions: {} hooked, refused: {refusals:#?}", chosen.len(), hooked.len());
    assert!(chosen.len() >= tried);
    let even = |of: &[Function]| of.iter().filter(|function| !function.is_of_a_kind).count();
    let (hooked, chosen) = (even(&hooked), even(&chosen));
    let is_enough = hooked * 100 >= chosen * of_a_hundred;
    assert!(is_enough, "of {chosen} functions only {hooked} can be hooked");
    all_at_once(&quiet, &modules, scratch.path());
}

/// Loads hooks on a hundred of these functions, and has the machine work.
fn all_at_once(functions: &[Function], modules: &BTreeMap<String, Module>, scratch: &Path) {
    // A patch is complete when no task is in an old function any more. In these some task is all
    // the time.
    let stacks = Vm::start(Vec::new()).sh("cat /proc/[0-9]*/stack");
    let rests = |function: &&Function| !stacks.contains(&format!(" {}+", function.name));
    let resting: Vec<&Function> = functions.iter().filter(rests).collect();
    assert!(resting.len() >= AT_ONCE, "{} functions are left", resting.len());
    let some: Vec<Function> =
        (0..AT_ONCE).map(|n| resting[n * resting.len() / AT_ONCE].clone()).collect();
    let mut files = Vec::new();
    let mut needed = Vec::new();
    for (n, part) in some.chunks(AT_ONCE / 4).enumerate() {
        let spec = scratch.join(format!("part_{n}.kps"));
        check(&spec, part);
        files.push((format!("/part_{n}.ko"), store::build(&spec, None).module));
        part.iter().for_each(|function| need(&function.object, modules, &mut needed));
    }
    let of_modules = some.iter().filter(|function| function.object != "vmlinux").count();
    println!("{AT_ONCE} at once, {of_modules} of them in modules");
    let mut load = String::new();
    for name in &needed {
        files.push((format!("/modules/{name}.ko"), modules[name].bytes.clone()));
        // Some modules are for hardware that the machine does not have.
        let _ = writeln!(load, "insmod /modules/{name}.ko 2> /dev/null");
    }
    let mut vm = Vm::boot(files);
    vm.run(&load);
    vm.check_log();
    vm.sh("for n in 0 1 2 3; do livepatch load /part_$n.ko || exit 1; done");
    let report = vm.run_within(&work::rounds(100), 180);
    assert_eq!(report.status, 0, "the machine does not work any more:\n{}", report.text);
    println!("{}", report.text);
    vm.check_log();
    vm.sh(
        "for n in 3 2 1 0; do livepatch unload part_$n || exit 1; done; ls /sys/kernel/livepatch",
    );
    vm.check_log();
}

/// A module and what it depends on, in the order in which they are loaded.
fn need(name: &str, modules: &BTreeMap<String, Module>, needed: &mut Vec<String>) {
    let Some(module) = modules.get(name).filter(|_| !needed.iter().any(|known| known == name))
    else {
        return;
    };
    module.read.module.depends.iter().for_each(|other| need(other, modules, needed));
    needed.push(name.to_owned());
}

/// What `check` says of a function.
#[derive(Debug)]
struct Said {
    error: bool,
    code: String,
    name: String,
}

/// Writes a spec that hooks some functions, and checks it.
fn check(spec: &Path, functions: &[Function]) -> Vec<Said> {
    let patch = spec.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let mut text = format!("patch {patch} {{\nlicense \"GPL\";\n");
    let mut lines: BTreeMap<usize, &str> = BTreeMap::new();
    let objects: BTreeSet<&str> =
        functions.iter().map(|function| function.object.as_str()).collect();
    for object in objects {
        let _ = writeln!(text, "object {object} {{");
        for function in functions.iter().filter(|function| function.object == object) {
            let _ = writeln!(text, "fn {} {{ {} }}", function.name, function.hooks);
            lines.insert(text.lines().count(), &function.name);
        }
        text.push_str("}\n");
    }
    text.push_str("}\n");
    std::fs::write(spec, text).unwrap_or_else(|error| panic!("{error}"));
    let output = kpsc().arg("check").arg(spec).output().unwrap_or_else(|error| panic!("{error}"));
    let report = printed(&output);
    assert!(matches!(output.status.code(), Some(0 | 1)), "{report}");
    let mut said = Vec::new();
    let mut report = report.lines();
    while let Some(line) = report.next() {
        let error = line.starts_with("error[");
        let Some(code) = line.split_once('[').and_then(|(_, rest)| Some(rest.split_once("]:")?.0))
        else {
            continue;
        };
        if !error && !line.starts_with("warning[") {
            continue;
        }
        // `--> FILE:LINE:COLUMN`
        let place = report.next().unwrap_or_default();
        let line = place.rsplit(':').nth(1).and_then(|line| line.parse::<usize>().ok());
        let name = line.and_then(|line| lines.get(&line));
        let name = name.unwrap_or_else(|| panic!("{code} is of no function: {place}"));
        said.push(Said { error, code: code.to_owned(), name: (*name).to_owned() });
    }
    said
}

/// A module of the target.
struct Module {
    bytes: Vec<u8>,
    read: module::Read,
}

/// All modules of the target.
fn modules() -> BTreeMap<String, Module> {
    let cache = Cache::open().unwrap_or_else(|error| panic!("{}", error.message));
    let paths = target()
        .modules(&cache, Progress::Quiet)
        .unwrap_or_else(|error| panic!("{}", error.message));
    let read = |(name, path)| {
        let file = std::fs::read(&path).unwrap_or_else(|error| panic!("{error}"));
        let bytes = module::unpack(file).unwrap_or_else(|error| panic!("{name}: {error}"));
        let read = module::read(&bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        (name, Module { bytes, read })
    };
    paths.into_iter().map(read).collect()
}

/// Functions at even distances among all, and some of every kind.
fn chosen(facts: &Facts, modules: &BTreeMap<String, Module>, tried: usize) -> Vec<Function> {
    let mut all = traceable("vmlinux", &facts.vmlinux);
    let of_image = all.len();
    for (name, module) in modules {
        // Names that start with a digit have a test of their own.
        if !name.starts_with(|c: char| c.is_ascii_digit()) {
            all.extend(traceable(name, &module.read.module.object));
        }
    }
    println!("{of_image} functions of the image, {} of modules", all.len() - of_image);
    let mut chosen: Vec<Function> = evenly(&all, tried);
    for (kind, functions) in kinds(facts, &all[..of_image]) {
        assert!(!functions.is_empty(), "no function is {kind}");
        for function in evenly(&functions, tried / OF_A_KIND) {
            chosen.retain(|known| known.object != function.object || known.name != function.name);
            chosen.push(Function { is_of_a_kind: true, ..function });
        }
    }
    chosen
}

fn evenly(all: &[Function], count: usize) -> Vec<Function> {
    let count = count.min(all.len());
    (0..count).map(|n| all[n * all.len() / count].clone()).collect()
}

/// The functions of an object that stay when it is ready, by address.
fn traceable(object_name: &str, object: &Object) -> Vec<Function> {
    let mut addresses: Vec<u64> = object.sites.iter().map(|(address, _)| address).collect();
    addresses.sort_unstable();
    let name = |address: u64| {
        let symbol = object.symbols.at(address).next()?;
        let same: Vec<u64> =
            object.symbols.named(symbol.name).iter().map(|sym| sym.address).collect();
        let position = same.iter().position(|&other| other == address).filter(|_| same.len() > 1);
        let name = match position {
            Some(n) => format!("{}@{}", symbol.name, n + 1),
            None => symbol.name.to_owned(),
        };
        let hooks =
            if notable::never_returns(symbol.name) { "pre { }" } else { "pre { } post { }" };
        Some(Function { object: object_name.to_owned(), name, hooks, is_of_a_kind: false })
    };
    addresses.into_iter().filter(|&address| !object.is_init(address)).filter_map(name).collect()
}

/// Functions of the image by what is special about them.
fn kinds(facts: &Facts, all: &[Function]) -> BTreeMap<&'static str, Vec<Function>> {
    let wanted = Wanted::default();
    let entry = facts.arch().syscalls.entry;
    let mut importer = Importer::new(facts.arch(), &facts.btf, &wanted);
    let mut kinds: BTreeMap<&str, Vec<Function>> = BTreeMap::new();
    for function in all {
        let plain = function.name.split('@').next().unwrap_or_default();
        let mut add = |kind, function: Function| kinds.entry(kind).or_default().push(function);
        if plain != function.name {
            add("one of several", function.clone());
        }
        if plain.contains('.') {
            add("a clone", function.clone());
        }
        if notable::never_returns(plain) {
            add("one that never returns", function.clone());
        }
        if let Some(call) =
            plain.strip_prefix(entry).filter(|call| facts.syscalls.contains_key(*call))
        {
            add("a system call", Function { name: format!("sys_{call}"), ..function.clone() });
        }
        let Some(signature) =
            facts.btf.functions(plain).first().and_then(|&id| importer.signature(id))
        else {
            continue;
        };
        let types = importer.types();
        if signature.variadic {
            add("variadic", Function { hooks: "pre { }", ..function.clone() });
        } else if signature.params.len() > 6 {
            add("one of many arguments", function.clone());
        }
        if signature.params.iter().any(|param| types.is_record(&param.ty)) {
            add("one that takes a struct", function.clone());
        }
        if types.is_record(&signature.ret) {
            add("one that returns a struct", function.clone());
        }
    }
    kinds
}
