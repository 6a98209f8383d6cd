// SPDX-License-Identifier: GPL-2.0
//! What patches do to a running kernel: the default target, in a virtual machine for each case.

use crate::crates::MACROS;
use kps_grammar::ast::Form;
use kps_tests::schedule::Case;
use kps_tests::store;
use kps_tests::target::{doctored, target, Vm};
use kps_tests::{acts, example, kpsc, printed, repository, specs, stem};
use std::path::PathBuf;
use std::process::Command;
use xtask::bench::{builds, Bench};

/// The specs of `tests/vm/acts` that `--quick` has in a virtual machine: between them they have new
/// bodies, hooks before and after a function, one that ends it early, C, a module, parameters,
/// callbacks, system calls and triggers.
const QUICK: [&str; 5] = ["c_bodies", "callbacks", "module_function", "parameters", "system_calls"];

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    let machine = |name: &str, run: fn()| Case::new(name, run).machine();
    let mut cases = vec![
        machine("cycles: 100 times loaded and unloaded under load", hundred_cycles).about(120),
        machine("callbacks run in their order", callbacks_run_in_order),
        machine("parameters: given when the module is loaded", parameters_are_given),
        machine("parameters: a text is whole while others write it", texts_are_whole).about(20),
        machine("parameters: one decides whether the patch replaces", replaces_if_told),
        machine("the entry is seen and traced by ftrace", entry_is_traced),
        machine("the note tells what is loaded", note_is_readable),
        machine("guard: another build-id is refused", other_build_id_is_refused),
        machine("guard: another entry is refused", other_entry_is_refused),
        machine("a clone has arguments of its own", clones_have_their_own_arguments),
        machine("a panic ends the task, and the patch can go", panic_ends_the_task),
        machine("nothing that is not finished can be loaded", intermediates_cannot_be_loaded),
        machine("test: what is wrong is said once, and what steps printed", mistakes_are_said_once),
        machine("bench: what is compared does the same", compared_modules_do_the_same).about(20),
    ];
    cases.extend(unloads(Ending::Disabled, Form::Spec));
    cases.extend(unloads(Ending::Replaced, Form::Spec));
    cases.extend(unloads(Ending::Disabled, Form::Crate));
    // A crate's module has the same code, and a replacement ends every module alike.
    cases.extend(unloads(Ending::Replaced, Form::Crate).into_iter().map(Case::long));
    for spec in specs("acts") {
        let name = stem(&spec);
        let case = Case::new(format!("acts: {name}"), move || acts(&spec, &[])).machine();
        cases.push(if QUICK.contains(&name.as_str()) { case.quick() } else { case });
    }
    cases.extend(that_fail());
    cases
}

/// The cases of specs whose tests must not hold.
pub(crate) fn that_fail() -> impl Iterator<Item = Case> {
    FAILS.into_iter().map(|(spec, codes, status)| {
        let run = move || fails(spec, codes, status);
        Case::new(format!("fails: {spec}"), run).machine()
    })
}

/// The cases that hold on other kernels too.
pub(crate) fn on_every_kernel() -> Vec<Case> {
    let machine = |name: &str, run: fn()| Case::new(name, run).machine();
    let cases = vec![
        machine("callbacks run in their order", callbacks_run_in_order),
        machine("parameters: given when the module is loaded", parameters_are_given),
        machine("the entry is seen and traced by ftrace", entry_is_traced),
        machine("the note tells what is loaded", note_is_readable),
        machine("guard: another build-id is refused", other_build_id_is_refused).about(15),
        machine("guard: another entry is refused", other_entry_is_refused).about(15),
        machine("a panic ends the task, and the patch can go", panic_ends_the_task),
    ];
    let others = [
        (Ending::Replaced, Form::Spec),
        (Ending::Disabled, Form::Crate),
        (Ending::Replaced, Form::Crate),
    ];
    let others =
        others.into_iter().flat_map(|(ending, form)| unloads(ending, form)).map(Case::long);
    cases.into_iter().chain(unloads(Ending::Disabled, Form::Spec)).chain(others).collect()
}

/// The cases of patches that are unloaded while somebody sleeps.
fn unloads(ending: Ending, form: Form) -> Vec<Case> {
    let sleeper = |(case, function): (&'static str, &'static str)| {
        let name = format!("unload: {form:?}, {ending:?}: {case}");
        unload(name, form, move || unload_is_safe(case, function, ending, form))
    };
    let name = format!("unload: {form:?}, {ending:?}: pre_only");
    let pre_only = unload(name, form, move || pre_only_never_waits(ending, form));
    SLEEPERS.into_iter().map(sleeper).chain([pre_only]).collect()
}

/// A case of a patch that is unloaded. Those of crates need the macros.
fn unload(name: String, form: Form, run: impl FnOnce() + Send + 'static) -> Case {
    let case = Case::new(name, run).machine().about(15);
    match form {
        Form::Spec => case,
        Form::Crate => case.shares(MACROS),
    }
}

fn spec(folder: &str, name: &str) -> PathBuf {
    repository().join("tests/vm").join(folder).join(name).with_extension("kps")
}

fn module(folder: &str, name: &str) -> (String, Vec<u8>) {
    (format!("/{name}.ko"), store::module(&spec(folder, name)))
}

/// A patch that somebody sleeps in, or does not, with its path in the machine.
fn sleepers_module(name: &str, form: Form) -> (String, Vec<u8>) {
    (format!("/{name}.ko"), store::module_as(form, &spec("unload", name)))
}

/// The module that `cargo xtask bench` generates, the one by hand and the kernel's sample in C.
fn compared_modules_do_the_same() {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let built = || -> anyhow::Result<Vec<(String, Vec<u8>)>> {
        let bench = Bench::new(kpsc().get_program().into())?;
        let folders = [
            builds::generated(&bench, &builds::input("sample.kps"), folder.path())?,
            builds::plain(&builds::input("by_hand.rs"), folder.path())?,
            builds::c_sample(&bench, folder.path())?,
        ];
        let read = |folder: builds::Folder| {
            let module = std::fs::read(builds::build(&bench, &folder)?)?;
            Ok((format!("/{}.ko", folder.name.replace('-', "_")), module))
        };
        folders.into_iter().map(read).collect()
    };
    let modules = built().unwrap_or_else(|error| panic!("{error:#}"));
    let names: Vec<String> = modules.iter().map(|(path, _)| path.clone()).collect();
    let mut vm = Vm::start(modules);
    for path in names {
        let name = path.trim_start_matches('/').trim_end_matches(".ko");
        vm.sh(&format!("livepatch load {path}"));
        assert_eq!(vm.sh("cat /proc/cmdline").trim(), "this has been live patched", "{name}");
        vm.sh(&format!("livepatch unload {name}"));
        assert!(vm.sh("cat /proc/cmdline").contains("console="), "{name}");
    }
    vm.check_log();
}

/// Specs whose tests must not hold, with the codes and the exit status that say so.
const FAILS: [(&str, &str, i32); 20] = [
    ("comes_back", "KPS0902", 4),
    ("does_not_hold", "KPS0901", 4),
    ("main_loop", "KPS0904", 5),
    ("never_comes", "KPS0901", 4),
    ("no_complaint", "KPS0901", 4),
    ("program_memory", "KPS0902", 4),
    ("program_memory_passed_on", "KPS0420 KPS0902", 4),
    ("refused_by_callback", "KPS0902", 4),
    ("refused_by_a_number", "KPS0902", 4),
    ("shows_nothing", "KPS0905", 4),
    ("silences", "KPS0907", 4),
    ("sleeps", "KPS0902", 4),
    ("stalls_unseen", "KPS0902", 4),
    ("status_differs", "KPS0901", 4),
    ("stays_inside", "KPS0904", 5),
    ("still_complains", "KPS0902", 4),
    ("stopped", "KPS0904", 5),
    ("trigger_refused", "KPS0506", 1),
    ("warns", "KPS0902", 4),
    ("writes_read_only", "KPS0902", 4),
];

fn fails(name: &str, codes: &str, wanted: i32) {
    let output = kpsc().args(["test", "--timeout", "3"]).arg(spec("fails", name)).output();
    let output = output.unwrap_or_else(|error| panic!("{error}"));
    let said = printed(&output);
    assert_eq!(output.status.code(), Some(wanted), "{said}");
    for code in codes.split_whitespace() {
        assert!(said.contains(code), "{code} is not reported:\n{said}");
    }
}

/// An expectation that fails before the patch and after it is one mistake; `-v` shows each step in
/// each phase, and `--filter` leaves tests out.
fn mistakes_are_said_once() {
    let test = |words: &[&str]| {
        let output = kpsc().arg("test").arg(spec("fails", "wrong_before")).args(words).output();
        let output = output.unwrap_or_else(|error| panic!("{error}"));
        (output.status.code(), printed(&output))
    };
    let (status, said) = test(&["-v"]);
    assert_eq!(status, Some(4), "{said}");
    // Two expectations and a test that proves nothing, of three phases.
    assert_eq!(said.matches("error[KPS0901]").count(), 2, "{said}");
    assert_eq!(said.matches("error[KPS0905]").count(), 1, "{said}");
    assert!(said.contains("ok: holds\n"), "{said}");
    let shown =
        "holds: with the patch loaded: run \"cat /proc/cmdline\" (exit status 0)\n    console=";
    assert!(said.contains(shown) && said.contains("\n    kps=1\n"), "{said}");
    assert_eq!(test(&["--filter", "hold"]).0, Some(0));
    let (status, said) = test(&["--filter", "nothing"]);
    assert!(status == Some(4) && said.contains("`expects the wrong thing` and `holds`"), "{said}");
}

/// Patches with code that sleeps, each with the function on whose stack the sleeper is seen.
const SLEEPERS: [(&str, &str); 5] = [
    ("replace_sleeps", "cmdline_proc_show"),
    ("tail_sleeps", "cmdline_proc_show"),
    ("post_sleeps", "hrtimer_nanosleep"),
    ("pre_sleeps", "cmdline_proc_show"),
    ("c_sleeps", "cmdline_proc_show"),
];

/// How a patch is taken away.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Ending {
    Disabled,
    Replaced,
}

/// What takes the patch away, and what shows that it is gone.
fn ending(case: &str, ending: Ending) -> (String, String) {
    let livepatch = "/sys/kernel/livepatch";
    match ending {
        Ending::Disabled => {
            (format!("echo 0 > {livepatch}/{case}/enabled"), format!("[ ! -e {livepatch}/{case} ]"))
        }
        Ending::Replaced => (
            "insmod /successor.ko".to_owned(),
            format!("[ \"$(cat {livepatch}/successor/transition)\" = 0 ]"),
        ),
    }
}

/// Starts a task that goes into a patched function and sleeps there; `$pid` is its process.
fn sleeper(function: &str) -> &'static str {
    match function {
        "hrtimer_nanosleep" => "(sleep 2; echo status $?) > /tmp/out 2>&1 & pid=$!",
        _ => "(cat /proc/cmdline; echo status $?) > /tmp/out 2>&1 & pid=$!",
    }
}

/// Shell functions: the stacks of the sleeper and its children, and waiting.
const STACKS: &str = "
stacks() { for p in $pid $(cat /proc/$pid/task/$pid/children 2>/dev/null); do cat /proc/$p/stack 2>/dev/null; done; }
until_holds() { n=0; until eval \"$1\"; do n=$((n + 1)); [ $n -lt 2000 ] || { echo \"never: $1\"; exit 1; }; usleep 10000; done; }
";

/// The patch is not let go while a task is in its code, whatever the task does there.
fn unload_is_safe(case: &str, function: &str, how: Ending, form: Form) {
    let mut vm = Vm::start(vec![sleepers_module(case, form), module("unload", "successor")]);
    let (take_away, gone) = ending(case, how);
    let report = vm.sh(&format!(
        "{STACKS}
        livepatch load /{case}.ko || exit 1
        {start}
        until_holds 'stacks | grep -q livepatch_{function}'
        {take_away} || exit 1
        usleep 500000
        if stacks | grep -q livepatch_{function} && ! {gone}; then echo it waits; fi
        until_holds '{gone}'
        if stacks | grep -q '\\[{case}\\]'; then echo GONE UNDER A TASK; stacks; fi
        rmmod {case} || exit 1
        wait $pid
        cat /tmp/out; lsmod | grep -c '^{case} '; cat /proc/cmdline",
        start = sleeper(function),
    ));
    assert!(report.contains("it waits"), "{report}");
    assert!(!report.contains("GONE UNDER A TASK"), "{report}");
    assert!(report.contains("status 0"), "the task did not come back:\n{report}");
    assert!(report.contains("\n0\nconsole="), "the module is still there:\n{report}");
    assert_eq!(report.contains("successor"), how == Ending::Replaced, "{report}");
    vm.check_log();
}

/// Under a hook that runs before a function only, the sleep of the original holds nothing up.
fn pre_only_never_waits(how: Ending, form: Form) {
    let mut vm = Vm::start(vec![sleepers_module("pre_only", form), module("unload", "successor")]);
    let (take_away, gone) = ending("pre_only", how);
    let report = vm.sh(&format!(
        "{STACKS}
        livepatch load /pre_only.ko || exit 1
        (sleep 6; echo status $?) > /tmp/out 2>&1 & pid=$!
        until_holds 'stacks | grep -q hrtimer_nanosleep'
        stacks | grep -q pre_only && echo A FRAME OF THE MODULE
        {take_away} || exit 1
        until_holds '{gone}'
        rmmod pre_only || exit 1
        stacks | grep -q hrtimer_nanosleep && echo still asleep
        wait $pid
        cat /tmp/out"
    ));
    assert!(report.contains("still asleep"), "{report}");
    assert!(!report.contains("A FRAME OF THE MODULE"), "{report}");
    assert!(report.contains("status 0"), "{report}");
    vm.check_log();
}

fn callbacks_run_in_order() {
    let mut vm = Vm::start(vec![module("acts", "callbacks")]);
    let log = vm.sh("livepatch load /callbacks.ko && livepatch unload callbacks && dmesg | grep 'callbacks: .* is number'");
    let order: Vec<_> = log.lines().filter_map(|line| line.split("callbacks: ").nth(1)).collect();
    let wanted = ["pre_patch", "post_patch", "pre_unpatch", "post_unpatch"];
    let wanted: Vec<_> =
        wanted.iter().enumerate().map(|(n, name)| format!("{name} is number {}", n + 1)).collect();
    assert_eq!(order, wanted);
    vm.check_log();
}

fn parameters_are_given() {
    let file = module("acts", "parameters");
    for entry in [
        "parm=levels:at most four: levels\0",
        "parmtype=levels:array of int\0",
        "parmtype=most:ullong\0",
    ] {
        let there = file.1.windows(entry.len()).any(|window| window == entry.as_bytes());
        assert!(there, "{entry:?} is not in the module's information");
    }
    let mut vm = Vm::start(vec![file]);
    let report = vm.sh("insmod /parameters.ko levels=1,2,3,4,5 && echo LOADED
        insmod /parameters.ko ratio=99999 && echo LOADED
        livepatch load /parameters.ko verbose ratio=0x10 levels=5,6,7 flags=n,Y hidden=9 device=eth9 label=given || exit 1
        cat /proc/version
        livepatch unload parameters");
    assert!(!report.contains("LOADED"), "{report}");
    let wanted =
        "v eth9 ratio=16 most=18446744073709551615 hidden=9 levels=5;6;7; flag=1 label=given\n";
    assert!(report.contains(wanted), "{report}");
    vm.check_log();
}

fn texts_are_whole() {
    let mut vm = Vm::start(vec![module("acts", "parameters")]);
    let report = vm.sh("livepatch load /parameters.ko || exit 1
        label=/sys/module/parameters/parameters/label
        long=$(printf '%01000d' 0)
        echo -n $long > $label
        (while [ ! -e /tmp/stop ]; do echo -n $long > $label; echo -n short > $label; done) & writer=$!
        n=0
        while [ $n -lt 300 ]; do n=$((n + 1)); grep -o 'label=.*' /proc/version; done | sort | uniq -c | sed 's/^ *//'
        touch /tmp/stop; wait $writer
        livepatch unload parameters");
    let counted: usize = report
        .lines()
        .filter(|line| line.ends_with("label=short") || line.ends_with(&"0".repeat(1000)))
        .filter_map(|line| line.split(' ').next()?.parse::<usize>().ok())
        .sum();
    assert_eq!(counted, 300, "{report}");
    vm.check_log();
}

/// As in the kernel's own `test_klp_atomic_replace`.
fn replaces_if_told() {
    let mut vm = Vm::start(vec![module("unload", "replaces_if"), module("unload", "successor")]);
    let report = vm.sh("acting() { echo \"$1: $(ls /sys/kernel/livepatch | tr '\\n' ' ')$(grep -c successor /proc/cmdline)$(grep -c replaces_if /proc/meminfo)\"; }
        livepatch load /successor.ko || exit 1
        livepatch load /replaces_if.ko replace=0 || exit 1
        acting stacked
        livepatch unload replaces_if || exit 1
        livepatch load /replaces_if.ko replace=1 || exit 1
        acting alone
        livepatch unload successor && livepatch unload replaces_if");
    assert!(report.contains("stacked: replaces_if successor 11"), "{report}");
    assert!(report.contains("alone: replaces_if 01"), "{report}");
    vm.check_log();
}

/// The module of the smallest example.
fn mark() -> (String, Vec<u8>) {
    ("/cmdline_mark.ko".to_owned(), store::module(&example("cmdline_mark")))
}

fn entry_is_traced() {
    let mut vm = Vm::start(vec![mark()]);
    let report = vm.sh("livepatch load /cmdline_mark.ko || exit 1
        cd /sys/kernel/tracing
        grep 'livepatch_' available_filter_functions
        echo livepatch_cmdline_proc_show > set_ftrace_filter && echo function > current_tracer
        cat /proc/cmdline
        grep -v '^#' trace
        echo nop > current_tracer; echo > set_ftrace_filter
        livepatch unload cmdline_mark");
    assert!(report.contains("livepatch_cmdline_proc_show [cmdline_mark]"), "{report}");
    assert!(report.contains("livepatch_cmdline_proc_show <-"), "it is not traced:\n{report}");
    assert!(report.contains("kps=1"), "it does not act while it is traced:\n{report}");
    vm.check_log();
}

fn note_is_readable() {
    let mut vm = Vm::start(vec![module("acts", "callbacks")]);
    let report = vm.sh("livepatch load /callbacks.ko || exit 1
        strings /sys/module/callbacks/notes/.note.kps
        cat /sys/module/callbacks/version");
    for line in [
        "patch=callbacks",
        "version=2.0.1",
        "fixes=CVE-2026-0001",
        "fixes=CVE-2026-0002",
        "source-sha256=",
    ] {
        assert!(report.contains(line), "{line} is not in:\n{report}");
    }
    assert!(report.contains(&format!("kernel={}", target().release())), "{report}");
    assert!(report.ends_with("2.0.1\n"), "{report}");
}

/// The log names the place in the generated source, and the machine goes on, where an oops does not
/// stop it.
fn panic_ends_the_task() {
    let mut vm = Vm::start(vec![module("unload", "panics")]);
    let report = vm.sh("echo 0 > /proc/sys/kernel/panic_on_oops
        livepatch load /panics.ko || exit 1
        (exec cat /proc/cmdline); echo status $?
        dmesg | grep 'rust_kernel: panicked at'
        livepatch unload panics || exit 1
        cat /proc/cmdline");
    assert!(report.contains("status 139") || report.contains("status 137"), "it lives:\n{report}");
    assert!(report.contains("panicked at panics_main.rs:"), "the place is not told:\n{report}");
    assert!(report.contains("\nconsole="), "the patch is still there:\n{report}");
}

fn refused(module: Vec<u8>, reason: &str) {
    // What the guard looks at is where chance has put it.
    let mut vm = Vm::boot(vec![("/cmdline_mark.ko".to_owned(), module)]);
    let report = vm.sh("insmod /cmdline_mark.ko && echo LOADED
        dmesg | grep 'cmdline_mark: refused'
        ls /sys/kernel/livepatch; lsmod | grep cmdline_mark
        cat /proc/cmdline");
    assert!(!report.contains("LOADED"), "{report}");
    assert!(report.contains(reason), "{reason:?} is not in the log:\n{report}");
    assert!(!report.contains("kps=1"), "it acts:\n{report}");
    vm.check_log();
}

fn other_build_id_is_refused() {
    let cache = doctored(|facts| facts.identity.build_id[7] ^= 1);
    let module = store::build(&example("cmdline_mark"), Some(cache.path())).module;
    refused(module, "this kernel is not");
}

fn other_entry_is_refused() {
    let cache = doctored(|facts| {
        let address = facts.vmlinux.symbols.named("cmdline_proc_show")[0].address;
        let mut site =
            facts.vmlinux.sites.get(address).copied().unwrap_or_else(|| panic!("it has no site"));
        // As if the function had no ENDBR, or as if it had one.
        const ENDBR: [u8; 4] = [0xf3, 0x0f, 0x1e, 0xfa];
        site.bytes.rotate_left(site.offset as usize);
        site.offset = match site.offset {
            0 => {
                site.bytes.rotate_right(ENDBR.len());
                site.bytes[..ENDBR.len()].copy_from_slice(&ENDBR);
                ENDBR.len() as u32
            }
            _ => 0,
        };
        facts.vmlinux.sites.insert(address, site);
    });
    let module = store::build(&example("cmdline_mark"), Some(cache.path())).module;
    refused(module, "cmdline_proc_show does not start as in");
}

/// Whatever the source says, a clone gets what its callers pass. With the prototype of the source a
/// hook takes one argument for another: the size that a reader asks for, which is 8 here.
fn clones_have_their_own_arguments() {
    // BTF has no `kpage_read()` of fs/proc/page.c, and all of its callers are clones of it.
    const OWN: &str = "buf: *mut c_void, count: usize, ppos: *mut c_void, op: c_uint";
    let of_source = format!("file: *mut c_void, {OWN}");
    let release = target().release().to_owned();
    let version = release.split(['-', '+']).next().unwrap_or_default();
    // Debug information would refuse the prototype of the source.
    let cache = doctored(|_| ());
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let module = |name: &str, params: &str| {
        let spec = format!(
            "patch {name} {{ license \"GPL\"; kernel \"{version}\"; object vmlinux {{
            fn kpage_read.isra.0({params}) -> isize {{
                arguments \"the case\";
                pre {{ pr_info!(\"asks for {{count}}\\n\"); }}
            }} }} }}"
        );
        let path = folder.path().join(format!("{name}.kps"));
        std::fs::write(&path, spec).unwrap_or_else(|error| panic!("{error}"));
        (format!("/{name}.ko"), store::build(&path, Some(cache.path())).module)
    };
    let mut vm = Vm::start(vec![module("own", OWN), module("of_source", &of_source)]);
    let mut asked = |name: &str| {
        vm.sh(&format!("livepatch load /{name}.ko; dmesg -c > /dev/null"));
        vm.sh("dd if=/proc/kpagecount of=/dev/null bs=8 count=1 2>/dev/null");
        let said = vm.sh("dmesg | grep 'asks for'");
        vm.sh(&format!("livepatch unload {name}"));
        said
    };
    assert!(asked("own").trim_end().ends_with("asks for 8"));
    assert!(!asked("of_source").trim_end().ends_with("asks for 8"));
    vm.check_log();
}

/// What the linker makes, and what it makes it from, is no module that the kernel takes.
fn intermediates_cannot_be_loaded() {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let output = kpsc()
        .args(["build", "--emit", "source", "-o"])
        .arg(folder.path())
        .arg(example("cmdline_mark"))
        .output()
        .unwrap_or_else(|error| panic!("{error}"));
    assert!(output.status.success(), "{}", printed(&output));
    let source = folder.path().join("cmdline_mark");
    let target = target();
    let tree = target.tree().unwrap_or_else(|| panic!("no build tree"));
    // The second reading of the Kbuild file alone: a module like any other, made by the plain
    // linker.
    let mut make = Command::new("make");
    make.arg("-C").arg(&tree.build).arg(format!("M={}", source.display())).arg("kps-module=1");
    make.arg(format!("KPSC={}", kpsc().get_program().to_string_lossy()));
    let output = make.output().unwrap_or_else(|error| panic!("{error}"));
    let file = |name: &str| {
        let bytes = std::fs::read(source.join(name));
        (
            format!("/{name}"),
            bytes.unwrap_or_else(|error| panic!("{name}: {error}\n{}", printed(&output))),
        )
    };
    let mut vm = Vm::start(vec![
        file("cmdline_mark.ko"),
        file("cmdline_mark.o"),
        file("cmdline_mark_main.o"),
    ]);
    let report = vm.sh(
        "for f in /cmdline_mark.ko /cmdline_mark.o /cmdline_mark_main.o; do insmod $f && echo LOADED $f; done
        cat /proc/cmdline; dmesg | grep 'Unknown symbol'",
    );
    assert!(!report.contains("LOADED"), "{report}");
    assert!(report.contains("Unknown symbol kps.sym.vmlinux.cmdline_proc_show,0"), "{report}");
    vm.check_log();
}

/// A hundred times in one boot, while another process calls the patched function all the time.
fn hundred_cycles() {
    let mut vm = Vm::start(vec![mark()]);
    let script = "
        (while [ ! -e /tmp/stop ]; do cat /proc/cmdline > /dev/null; done) & hammer=$!
        unreclaimable() { grep SUnreclaim /proc/meminfo | tr -dc 0-9; }
        n=0
        while [ $n -lt 100 ]; do
            n=$((n + 1))
            livepatch load /cmdline_mark.ko || { echo load $n failed; exit 1; }
            grep -q kps=1 /proc/cmdline || { echo cycle $n does not act; exit 1; }
            livepatch unload cmdline_mark || { echo unload $n failed; exit 1; }
            grep -q kps=1 /proc/cmdline && { echo cycle $n is not gone; exit 1; }
            case $n in 10 | 100) sync; usleep 500000; echo after $n: $(unreclaimable) kB ;; esac
        done
        touch /tmp/stop; wait $hammer";
    let output = vm.run_within(script, 1200);
    let report = output.text;
    assert_eq!(output.status, 0, "{report}");
    let after = |n: &str| -> i64 {
        let line = report.lines().find_map(|line| line.strip_prefix(&format!("after {n}: ")));
        let number = line.and_then(|line| line.trim_end_matches(" kB").parse().ok());
        number.unwrap_or_else(|| panic!("no figure after {n}:\n{report}"))
    };
    let growth = after("100") - after("10");
    println!("SUnreclaim: {} kB after 10 cycles, {growth:+} kB after 100", after("10"));
    assert!(growth <= 256, "{growth} kB more after 100 cycles than after 10");
    vm.check_log();
}
