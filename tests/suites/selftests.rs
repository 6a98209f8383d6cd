// SPDX-License-Identifier: GPL-2.0
//! The kernel's own livepatch selftests as an outside judge: its scripts run as they are, its
//! target modules are its own C, and the livepatches are built from specs. What is no livepatch is
//! a crate over the runtime.

use kps_grammar::ast::{Text, Trigger};
use kps_grammar::Span;
use kps_tests::schedule::Case;
use kps_tests::store;
use kps_tests::target::{target, Vm};
use kps_tests::{cases, copy_folder, kpsc, repository, userland};
use kpsc::build::build_trigger;
use std::path::{Path, PathBuf};
use xtask::bench::builds::{self, Folder};
use xtask::bench::Bench;

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    cases![all_scripts_pass_in_their_order_as_they_are.machine().about(90)]
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

/// The module of a crate in `tests/selftests`, built in a folder with the runtime beside it.
fn crate_module(folder: &str, name: &str, into: &Path) -> Vec<u8> {
    let path = into.join(folder);
    let built = || -> anyhow::Result<Vec<u8>> {
        copy_folder(&repository().join("tests/selftests").join(folder), &path)?;
        copy_folder(&repository().join("crates/runtime/src"), &path.join("kps"))?;
        let bench = Bench::new(kpsc().get_program().into())?;
        let folder = Folder { path: path.clone(), name: name.to_owned() };
        Ok(std::fs::read(builds::build(&bench, &folder)?)?)
    };
    built().unwrap_or_else(|error| panic!("{name}: {error:#}"))
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
const SPECS: [&str; 9] = [
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

/// Every script passes unmodified, one after the other in one machine.
fn all_scripts_pass_in_their_order_as_they_are() {
    let mut vm = Vm::start_with(files(), programs());
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
fn files() -> Vec<(String, Vec<u8>)> {
    let scratch = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let folder = selftests();
    let mut files = Vec::new();
    for name in SCRIPTS.map(|(script, _)| script).into_iter().chain(["functions.sh"]) {
        let bytes = std::fs::read(folder.join(name));
        let bytes = bytes.unwrap_or_else(|error| panic!("{name}: {error}"));
        files.push((format!("/selftests/{name}"), bytes));
    }
    let mut module = |name: &str, bytes: Vec<u8>| {
        files.push((format!("/selftests/test_modules/{name}.ko"), bytes));
    };
    for name in IN_C {
        let bytes = c_module(name);
        // Specs name the modules that they patch as files beside them.
        std::fs::write(scratch.path().join(format!("{name}.ko")), &bytes)
            .unwrap_or_else(|error| panic!("{error}"));
        module(name, bytes);
    }
    for name in SPECS {
        let spec = scratch.path().join(format!("{name}.kps"));
        let written = repository().join("tests/selftests").join(format!("{name}.kps"));
        std::fs::copy(&written, &spec)
            .unwrap_or_else(|error| panic!("{}: {error}", written.display()));
        module(name, store::module(&spec));
    }
    // It is no livepatch.
    let shadow_vars = "test_klp_shadow_vars";
    module(shadow_vars, crate_module("shadow_vars", shadow_vars, scratch.path()));
    files
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
