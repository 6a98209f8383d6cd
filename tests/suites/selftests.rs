// SPDX-License-Identifier: GPL-2.0
//! The kernel's own livepatch selftests as an outside judge: its scripts run as they are, its
//! target modules are its own C, and the livepatches are built from specs, or from the crates that
//! these are converted to. What is no livepatch is a crate over the runtime.

use crate::crates::MACROS;
use kps_grammar::ast::{Form, Text, Trigger};
use kps_grammar::Span;
use kps_tests::kernel::on_default;
use kps_tests::schedule::Case;
use kps_tests::store;
use kps_tests::target::{target, Vm};
use kps_tests::{kpsc, printed, repository, userland};
use kpsc::build::build_trigger;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    vec![
        Case::new("all scripts pass as they are with specs", || {
            all_scripts_pass(&newest(), Form::Spec);
        })
        .machine()
        .about(90),
        Case::new("all scripts pass as they are with crates", || {
            all_scripts_pass(&newest(), Form::Crate);
        })
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
    ("comm", "/usr/bin/comm"),
    ("date", "/usr/bin/date"),
    ("diff", "/usr/bin/diff"),
    ("gawk", "/usr/bin/awk"),
    ("grep", "/usr/bin/grep"),
    ("kmod", "/usr/bin/depmod"),
    ("kmod", "/usr/bin/insmod"),
    ("kmod", "/usr/bin/modinfo"),
    ("kmod", "/usr/bin/modprobe"),
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

/// What a kernel's own source has: scripts, modules and programs.
#[derive(Clone)]
struct Source {
    /// The folder with the scripts.
    folder: PathBuf,
    /// The folder with the modules in C.
    modules: PathBuf,
    /// What holds both, if they were unpacked for this.
    _unpacked: Option<Arc<TempDir>>,
    /// The scripts, in the order of the kernel's Makefile, and the number of their tests.
    scripts: &'static [(&'static str, usize)],
    /// The modules in C that are no livepatches.
    in_c: &'static [&'static str],
    /// All livepatches.
    livepatches: &'static [&'static str],
    /// Whether modules of shadow variables are a crate over the runtime, and not C.
    has_crate: bool,
}

/// The kernel of the default target, whose source it is built with.
fn newest() -> Source {
    let sources = on_default(|| target().tree().map(|tree| tree.sources.clone()));
    let mut sources = sources.unwrap_or_default().into_iter().map(|source| source.join(SELFTESTS));
    let found = sources.find(|folder| folder.exists());
    let folder = found.unwrap_or_else(|| panic!("the target's source has no {SELFTESTS}"));
    Source {
        modules: folder.join("test_modules"),
        folder,
        _unpacked: None,
        scripts: &[
            ("test-livepatch.sh", 5),
            ("test-callbacks.sh", 11),
            ("test-shadow-vars.sh", 1),
            ("test-state.sh", 4),
            ("test-ftrace.sh", 3),
            ("test-sysfs.sh", 5),
            ("test-syscall.sh", 1),
            ("test-kprobe.sh", 2),
        ],
        in_c: &[
            "test_klp_callbacks_busy",
            "test_klp_callbacks_mod",
            "test_klp_kprobe",
            "test_klp_mod_target",
        ],
        livepatches: &[
            "test_klp_atomic_replace",
            "test_klp_callbacks_demo",
            "test_klp_callbacks_demo2",
            "test_klp_livepatch",
            "test_klp_mod_patch",
            "test_klp_state",
            "test_klp_state2",
            "test_klp_state3",
            "test_klp_syscall",
        ],
        has_crate: true,
    }
}

/// What the source of the case's kernel has at some paths, from the archive: its headers have no
/// selftests.
fn unpacked(paths: &[&str]) -> (Arc<TempDir>, PathBuf) {
    let scratch = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let root = scratch.path().join("source");
    let mut command = kpsc();
    command.args(["kernel", "source", &target().name]).arg(&root).args(paths);
    let output = command.output().unwrap_or_else(|error| panic!("{error}"));
    assert!(output.status.success(), "{}", printed(&output));
    (Arc::new(scratch), root)
}

/// Linux 6.12.
fn linux_6_12() -> Source {
    let (unpacked, root) = unpacked(&[SELFTESTS]);
    let folder = root.join(SELFTESTS);
    Source {
        modules: folder.join("test_modules"),
        folder,
        _unpacked: Some(unpacked),
        scripts: &[
            ("test-livepatch.sh", 3),
            ("test-callbacks.sh", 11),
            ("test-shadow-vars.sh", 1),
            ("test-state.sh", 4),
            ("test-ftrace.sh", 1),
            ("test-sysfs.sh", 4),
            ("test-syscall.sh", 1),
        ],
        in_c: &["test_klp_callbacks_busy", "test_klp_callbacks_mod", "test_klp_shadow_vars"],
        livepatches: &[
            "test_klp_atomic_replace",
            "test_klp_callbacks_demo",
            "test_klp_callbacks_demo2",
            "test_klp_livepatch",
            "test_klp_state",
            "test_klp_state2",
            "test_klp_state3",
            "test_klp_syscall",
        ],
        has_crate: false,
    }
}

/// Linux 6.1, where the modules are in `lib/livepatch` and `modprobe` finds them.
fn linux_6_1() -> Source {
    const MODULES: &str = "lib/livepatch";
    let (unpacked, root) = unpacked(&[SELFTESTS, MODULES]);
    Source {
        folder: root.join(SELFTESTS),
        modules: root.join(MODULES),
        _unpacked: Some(unpacked),
        scripts: &[
            ("test-livepatch.sh", 3),
            ("test-callbacks.sh", 11),
            ("test-shadow-vars.sh", 1),
            ("test-state.sh", 4),
            ("test-ftrace.sh", 1),
            ("test-sysfs.sh", 2),
        ],
        in_c: &["test_klp_callbacks_busy", "test_klp_callbacks_mod", "test_klp_shadow_vars"],
        livepatches: &[
            "test_klp_atomic_replace",
            "test_klp_callbacks_demo",
            "test_klp_callbacks_demo2",
            "test_klp_livepatch",
            "test_klp_state",
            "test_klp_state2",
            "test_klp_state3",
        ],
        has_crate: false,
    }
}

fn own() -> PathBuf {
    repository().join("tests/selftests")
}

/// The cases for stock kernels: the newest one in core mode, 6.12 and 6.1.
pub(crate) fn on_core() -> Case {
    let run = || all_scripts_pass(&Source { has_crate: false, ..newest() }, Form::Spec);
    Case::new("selftests: all scripts pass as they are", run).machine().about(90)
}

/// The case for 6.12.
pub(crate) fn on_6_12() -> Case {
    let run = || all_scripts_pass(&linux_6_12(), Form::Spec);
    Case::new("selftests: all scripts pass as they are", run).machine().about(80)
}

/// The case for 6.1.
pub(crate) fn on_6_1() -> Case {
    let run = || all_scripts_pass(&linux_6_1(), Form::Spec);
    Case::new("selftests: all scripts pass as they are", run).machine().about(80)
}

/// Every script passes unmodified, one after the other in one machine, with livepatches of a form.
fn all_scripts_pass(source: &Source, form: Form) {
    let mut vm = Vm::start_with(source.files(form), source.programs());
    vm.sh("mount -t debugfs debug /sys/kernel/debug; ln -s /proc/self/fd /dev/fd");
    // Where scripts call modprobe.
    vm.sh("folder=/lib/modules/$(uname -r); mkdir -p $folder; ln -s /selftests/test_modules $folder/extra; /usr/bin/depmod");
    for (script, tests) in source.scripts {
        let run = format!("cd /selftests && PATH=/usr/bin:/bin KDIR=/ bash ./{script}");
        let output = vm.run_within(&run, 300);
        assert_eq!(output.status, 0, "{script}:\n{}", output.text);
        assert_eq!(output.text.matches(" ... ok\n").count(), *tests, "{script}:\n{}", output.text);
    }
    vm.check_log();
}

impl Source {
    /// The scripts, and the modules that they load.
    fn files(&self, form: Form) -> Vec<(String, Vec<u8>)> {
        let scripts = self.scripts.iter().map(|(script, _)| *script).chain(["functions.sh"]);
        let scripts = scripts.map(|name| (name.to_owned(), read(&self.folder.join(name))));
        let modules = self.modules(form).into_iter();
        let modules = modules.map(|(name, module)| (format!("test_modules/{name}.ko"), module));
        scripts.chain(modules).map(|(name, bytes)| (format!("/selftests/{name}"), bytes)).collect()
    }

    /// The modules, with livepatches of a form.
    fn modules(&self, form: Form) -> Vec<(&'static str, Vec<u8>)> {
        let mut modules: Vec<_> =
            self.in_c.iter().map(|name| (*name, self.c_module(name))).collect();
        // Specs name the modules that they patch as files beside them.
        let scratch = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        for (name, module) in &modules {
            write(&scratch.path().join(name).with_extension("ko"), module);
        }
        for name in self.livepatches {
            let spec = scratch.path().join(name).with_extension("kps");
            write(&spec, &read(&own().join(name).with_extension("kps")));
            modules.push((name, store::module_as(form, &spec)));
        }
        const SHADOW_VARS: &str = "test_klp_shadow_vars";
        if self.has_crate {
            let runtime = repository().join("crates/runtime/src");
            let folders = [(&*own().join("shadow_vars"), ""), (&*runtime, "kps")];
            modules.push((SHADOW_VARS, store::folder_module(&folders)));
        } else if !self.in_c.contains(&SHADOW_VARS) {
            modules.push((SHADOW_VARS, self.c_module(SHADOW_VARS)));
        }
        modules
    }

    /// A module of the kernel's C.
    fn c_module(&self, name: &str) -> Vec<u8> {
        store::c_module(&self.modules.join(name).with_extension("c"), "", &[])
    }

    /// The programs that the scripts start. They are those of the default target's compilers on
    /// every kernel.
    fn programs(&self) -> Vec<(String, Vec<u8>)> {
        on_default(|| {
            let toolchain = target().tree().and_then(|tree| tree.toolchain.clone());
            let toolchain =
                toolchain.unwrap_or_else(|| panic!("the target has no compilers of its own"));
            let mut programs = userland::programs(&toolchain, PROGRAMS);
            programs.push(("/usr/bin/sysctl".to_owned(), SYSCTL.as_bytes().to_vec()));
            programs.push(("/usr/bin/getconf".to_owned(), b"#!/bin/sh\nexec nproc\n".to_vec()));
            if self.livepatches.contains(&"test_klp_syscall") {
                programs.push(self.program("test_klp-call_getpid"));
            }
            programs
        })
    }

    /// A program of the kernel's C, where the scripts look for it.
    fn program(&self, name: &str) -> (String, Vec<u8>) {
        let file = format!("{name}.c");
        let text = std::fs::read_to_string(self.folder.join(&file)).unwrap_or_default();
        let file = Text { value: file, span: Span::new(0, 0) };
        let scratch = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let target = target();
        let tree = target.tree().unwrap_or_else(|| panic!("the target has no build tree"));
        let built = build_trigger(&Trigger { file, as_user: false }, &text, tree, scratch.path());
        let (program, _) = built.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        (format!("/selftests/{name}"), program)
    }
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn write(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
