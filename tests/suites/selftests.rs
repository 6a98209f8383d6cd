// SPDX-License-Identifier: GPL-2.0
//! The kernel's own livepatch selftests as an outside judge: its scripts run as they are, its
//! target modules are its own C, and the livepatches are built from specs, or from the crates that
//! these are converted to. What is no livepatch is a crate over the runtime.

use crate::crates::MACROS;
use kps_grammar::ast::{Form, Text, Trigger};
use kps_grammar::Span;
use kps_tests::schedule::Case;
use kps_tests::store;
use kps_tests::target::{target, Vm};
use kps_tests::{repository, userland};
use kpsc::build::build_trigger;
use std::path::{Path, PathBuf};

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new("all scripts pass as they are with specs", || all_scripts_pass(Form::Spec))
            .machine()
            .about(90),
        Case::new("all scripts pass as they are with crates", || all_scripts_pass(Form::Crate))
            .machine()
            .long()
            .about(110)
            .shares(MACROS),
    ]
}

/// The folder in the kernel's source.
const SELFTESTS: &str = "tools/testing/selftests/livepatch";
/// The programs that the scripts need besides those of busybox.
const PROGRAMS: &[(&str, &str)] = &[
    ("bash", "/bin/bash"),
    ("date", "/usr/bin/date"),
    ("diff", "/usr/bin/diff"),
    ("gawk", "/usr/bin/awk"),
    ("grep", "/usr/bin/grep"),
    ("kmod", "/usr/bin/insmod"),
    ("kmod", "/usr/bin/modinfo"),
    ("kmod", "/usr/bin/rmmod"),
    ("sed", "/usr/bin/sed"),
    ("stat", "/bin/stat"),
];
/// Busybox's sysctl has no long options, and reports errors in other words than that of procps,
/// which a script compares.
const SYSCTL: &str = "#!/bin/sh
case $1 in
--values) exec /bin/busybox sysctl -n \"$2\" ;;
-q) shift ;;
esac
said=$(/bin/busybox sysctl \"$@\" 2>&1 > /dev/null) && exit 0
echo \"sysctl: setting key \\\"${1%%=*}\\\": ${said##*error: }\" >&2
exit 1
";

/// The folder with the scripts, in the source that the target is built with.
fn selftests() -> PathBuf {
    let target = target();
    let sources = target.tree().map(|tree| tree.sources.clone()).unwrap_or_default();
    let found = sources.iter().map(|source| source.join(SELFTESTS)).find(|folder| folder.exists());
    found.unwrap_or_else(|| panic!("the target's source has no {SELFTESTS}"))
}

/// A module of the kernel's C.
fn c_module(name: &str) -> Vec<u8> {
    store::c_module(&selftests().join("test_modules").join(name).with_extension("c"), "", &[])
}

/// A program of the kernel's C, where the scripts look for it.
fn program(name: &str) -> (String, Vec<u8>) {
    let file = format!("{name}.c");
    let text = std::fs::read_to_string(selftests().join(&file)).unwrap_or_default();
    let file = Text { value: file, span: Span::new(0, 0) };
    let scratch = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let target = target();
    let tree = target.tree().unwrap_or_else(|| panic!("the target has no build tree"));
    let built = build_trigger(&Trigger { file, as_user: false }, &text, tree, scratch.path());
    let (program, _) = built.unwrap_or_else(|error| panic!("{name}: {error:?}"));
    (format!("/selftests/{name}"), program)
}

/// The scripts, in the order of the kernel's Makefile, and the number of their tests.
const SCRIPTS: [(&str, usize); 8] = [
    ("test-livepatch.sh", 5),
    ("test-callbacks.sh", 11),
    ("test-shadow-vars.sh", 1),
    ("test-state.sh", 4),
    ("test-ftrace.sh", 3),
    ("test-sysfs.sh", 5),
    ("test-syscall.sh", 1),
    ("test-kprobe.sh", 2),
];
/// The kernel's modules that are no livepatches.
const IN_C: [&str; 4] =
    ["test_klp_callbacks_busy", "test_klp_callbacks_mod", "test_klp_kprobe", "test_klp_mod_target"];
/// All livepatches.
const LIVEPATCHES: [&str; 9] = [
    "test_klp_atomic_replace",
    "test_klp_callbacks_demo",
    "test_klp_callbacks_demo2",
    "test_klp_livepatch",
    "test_klp_mod_patch",
    "test_klp_state",
    "test_klp_state2",
    "test_klp_state3",
    "test_klp_syscall",
];

/// Every script passes unmodified, one after the other in one machine, with livepatches of a form.
fn all_scripts_pass(form: Form) {
    let mut vm = Vm::start_with(files(form), programs());
    vm.sh("mount -t debugfs debug /sys/kernel/debug; ln -s /proc/self/fd /dev/fd");
    for (script, tests) in SCRIPTS {
        let run = format!("cd /selftests && PATH=/usr/bin:/bin KDIR=/ bash ./{script}");
        let output = vm.run_within(&run, 300);
        assert_eq!(output.status, 0, "{script}:\n{}", output.text);
        assert_eq!(output.text.matches(" ... ok\n").count(), tests, "{script}:\n{}", output.text);
    }
    vm.check_log();
}

/// The scripts, and the modules that they load.
fn files(form: Form) -> Vec<(String, Vec<u8>)> {
    let scripts = SCRIPTS.map(|(script, _)| script).into_iter().chain(["functions.sh"]);
    let scripts = scripts.map(|name| (name.to_owned(), read(&selftests().join(name))));
    let modules = modules(form).into_iter();
    let modules = modules.map(|(name, module)| (format!("test_modules/{name}.ko"), module));
    scripts.chain(modules).map(|(name, bytes)| (format!("/selftests/{name}"), bytes)).collect()
}

/// The modules, with livepatches of a form.
fn modules(form: Form) -> Vec<(&'static str, Vec<u8>)> {
    let own = repository().join("tests/selftests");
    let mut modules: Vec<_> = IN_C.iter().map(|name| (*name, c_module(name))).collect();
    // Specs name the modules that they patch as files beside them.
    let scratch = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    for (name, module) in &modules {
        write(&scratch.path().join(name).with_extension("ko"), module);
    }
    for name in LIVEPATCHES {
        let spec = scratch.path().join(name).with_extension("kps");
        write(&spec, &read(&own.join(name).with_extension("kps")));
        modules.push((name, store::module_as(form, &spec)));
    }
    let runtime = repository().join("crates/runtime/src");
    let folders = [(&*own.join("shadow_vars"), ""), (&*runtime, "kps")];
    modules.push(("test_klp_shadow_vars", store::folder_module(&folders)));
    modules
}

/// The programs that the scripts start.
fn programs() -> Vec<(String, Vec<u8>)> {
    let toolchain = target().tree().and_then(|tree| tree.toolchain.clone());
    let toolchain = toolchain.unwrap_or_else(|| panic!("the target has no compilers of its own"));
    let mut programs = userland::programs(&toolchain, PROGRAMS);
    programs.push(("/usr/bin/sysctl".to_owned(), SYSCTL.as_bytes().to_vec()));
    programs.push(("/usr/bin/getconf".to_owned(), b"#!/bin/sh\nexec nproc\n".to_vec()));
    programs.push(program("test_klp-call_getpid"));
    programs
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn write(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
