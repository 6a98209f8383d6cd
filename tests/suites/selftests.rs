//! The kernel's own livepatch selftests as an outside judge: its scripts run as they are, its target modules are its own C, and the
//! livepatches are built from specs.

use kps_tests::target::{build, target, Vm};
use kps_tests::{kpsc, repository, userland};
use std::path::{Path, PathBuf};
use xtask::bench::{builds, Bench};

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

/// A module of the kernel's C, built in a folder.
fn c_module(name: &str, into: &Path) -> Vec<u8> {
    let source = selftests().join("test_modules").join(name).with_extension("c");
    let built = || -> anyhow::Result<Vec<u8>> {
        let bench = Bench::new(kpsc().get_program().into())?;
        let folder = builds::plain(&source, into)?;
        Ok(std::fs::read(builds::build(&bench, &folder)?)?)
    };
    built().unwrap_or_else(|error| panic!("{name}: {error:#}"))
}

/// Runs a script, which says of each of its tests how it went.
fn run(script: &str, c_modules: &[&str], specs: &[&str], tests: usize) {
    let scratch = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let folder = selftests();
    let mut files = Vec::new();
    let file = |name: &str| {
        let bytes = std::fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        (format!("/selftests/{name}"), bytes)
    };
    files.extend(["functions.sh", script].map(file));
    for name in c_modules {
        let module = c_module(name, scratch.path());
        std::fs::write(scratch.path().join(format!("{name}.ko")), &module).unwrap_or_else(|e| panic!("{e}"));
        files.push((format!("/selftests/test_modules/{name}.ko"), module));
    }
    for name in specs {
        let spec = scratch.path().join(format!("{name}.kps"));
        let written = repository().join("tests/selftests").join(format!("{name}.kps"));
        std::fs::copy(&written, &spec).unwrap_or_else(|error| panic!("{}: {error}", written.display()));
        files.push((format!("/selftests/test_modules/{name}.ko"), build(&spec, None)));
    }
    let toolchain = target().tree().and_then(|tree| tree.toolchain.clone());
    let toolchain = toolchain.unwrap_or_else(|| panic!("the target has no compilers of its own"));
    let mut programs = userland::programs(&toolchain, PROGRAMS);
    programs.push(("/usr/bin/sysctl".to_owned(), SYSCTL.as_bytes().to_vec()));
    let mut vm = Vm::boot_with(files, programs);
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

#[test]
fn test_livepatch_passes_as_it_is() {
    run(
        "test-livepatch.sh",
        &["test_klp_mod_target", "test_klp_syscall", "test_klp_callbacks_mod", "test_klp_callbacks_busy"],
        &["test_klp_livepatch", "test_klp_atomic_replace", "test_klp_mod_patch", "test_klp_callbacks_demo"],
        5,
    );
}

#[test]
fn test_callbacks_passes_as_it_is() {
    run(
        "test-callbacks.sh",
        &["test_klp_callbacks_mod", "test_klp_callbacks_busy"],
        &["test_klp_callbacks_demo", "test_klp_callbacks_demo2"],
        11,
    );
}

#[test]
fn test_state_passes_as_it_is() {
    run("test-state.sh", &[], &["test_klp_state", "test_klp_state2", "test_klp_state3"], 4);
}
