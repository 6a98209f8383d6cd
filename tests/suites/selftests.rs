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
    cases![
        test_livepatch_passes_as_it_is.machine().about(60),
        test_callbacks_passes_as_it_is.machine().about(60),
        test_state_passes_as_it_is.machine().about(40),
        test_shadow_vars_passes_as_it_is.machine().about(30),
        test_syscall_passes_as_it_is.machine().about(30),
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
];
/// Busybox's sysctl has no long options.
const SYSCTL: &str = "#!/bin/sh
case $1 in
--values) exec /bin/busybox sysctl -n \"$2\" ;;
-q) shift ;;
esac
exec /bin/busybox sysctl \"$@\" > /dev/null
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

/// The livepatches and other modules that a script loads beside the kernel's own.
#[derive(Default)]
struct Modules<'a> {
    /// Those of the kernel's C.
    c: &'a [&'a str],
    /// Specs.
    specs: &'a [&'a str],
    /// Crates, by their folders and the names of their modules.
    crates: &'a [(&'a str, &'a str)],
    /// Programs of the kernel's C.
    programs: &'a [&'a str],
}

/// Runs a script, which says of each of its tests how it went.
fn run(script: &str, modules: &Modules, tests: usize) {
    let scratch = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let folder = selftests();
    let mut files = Vec::new();
    let file = |name: &str| {
        let bytes =
            std::fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        (format!("/selftests/{name}"), bytes)
    };
    files.extend(["functions.sh", script].map(file));
    for name in modules.c {
        let module = c_module(name);
        std::fs::write(scratch.path().join(format!("{name}.ko")), &module)
            .unwrap_or_else(|e| panic!("{e}"));
        files.push((format!("/selftests/test_modules/{name}.ko"), module));
    }
    for name in modules.specs {
        let spec = scratch.path().join(format!("{name}.kps"));
        let written = repository().join("tests/selftests").join(format!("{name}.kps"));
        std::fs::copy(&written, &spec)
            .unwrap_or_else(|error| panic!("{}: {error}", written.display()));
        files.push((format!("/selftests/test_modules/{name}.ko"), store::module(&spec)));
    }
    for (folder, name) in modules.crates {
        let module = crate_module(folder, name, scratch.path());
        files.push((format!("/selftests/test_modules/{name}.ko"), module));
    }
    let toolchain = target().tree().and_then(|tree| tree.toolchain.clone());
    let toolchain = toolchain.unwrap_or_else(|| panic!("the target has no compilers of its own"));
    let mut programs = userland::programs(&toolchain, PROGRAMS);
    programs.push(("/usr/bin/sysctl".to_owned(), SYSCTL.as_bytes().to_vec()));
    programs.push(("/usr/bin/getconf".to_owned(), b"#!/bin/sh\nexec nproc\n".to_vec()));
    programs.extend(modules.programs.iter().map(|name| program(name)));
    let mut vm = Vm::start_with(files, programs);
    let output = vm.run_within(
        &format!(
            "mount -t debugfs debug /sys/kernel/debug && ln -s /proc/self/fd /dev/fd && cd /selftests || exit 1
            PATH=/usr/bin:/bin KDIR=/ bash ./{script}"
        ),
        600,
    );
    assert_eq!(output.status, 0, "{script}:\n{}", output.text);
    assert_eq!(output.text.matches(" ... ok\n").count(), tests, "{script}:\n{}", output.text);
    vm.check_log();
}

fn test_livepatch_passes_as_it_is() {
    let modules = Modules {
        c: &["test_klp_mod_target", "test_klp_callbacks_mod", "test_klp_callbacks_busy"],
        specs: &[
            "test_klp_livepatch",
            "test_klp_atomic_replace",
            "test_klp_mod_patch",
            "test_klp_callbacks_demo",
            "test_klp_syscall",
        ],
        ..Modules::default()
    };
    run("test-livepatch.sh", &modules, 5);
}

fn test_callbacks_passes_as_it_is() {
    let modules = Modules {
        c: &["test_klp_callbacks_mod", "test_klp_callbacks_busy"],
        specs: &["test_klp_callbacks_demo", "test_klp_callbacks_demo2"],
        ..Modules::default()
    };
    run("test-callbacks.sh", &modules, 11);
}

fn test_state_passes_as_it_is() {
    let specs = &["test_klp_state", "test_klp_state2", "test_klp_state3"];
    run("test-state.sh", &Modules { specs, ..Modules::default() }, 4);
}

fn test_shadow_vars_passes_as_it_is() {
    let crates = &[("shadow_vars", "test_klp_shadow_vars")];
    run("test-shadow-vars.sh", &Modules { crates, ..Modules::default() }, 1);
}

fn test_syscall_passes_as_it_is() {
    let (specs, programs) = (&["test_klp_syscall"], &["test_klp-call_getpid"]);
    run("test-syscall.sh", &Modules { specs, programs, ..Modules::default() }, 1);
}
