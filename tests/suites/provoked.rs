// SPDX-License-Identifier: GPL-2.0
//! What kpsc warns of and refuses goes wrong in a running kernel: patches that do it all the same.
//! `tests/vm/fails` has others, and `entries` the system calls that no program enters.

use kps_tests::schedule::Case;
use kps_tests::store::{self, with_its_module};
use kps_tests::target::{kernel_module, Vm};
use kps_tests::{kpsc, printed, repository};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    let of_wrong = |wrong: Wrong| {
        case(format!("goes wrong: {} ({})", wrong.name, wrong.code), move || goes_wrong(&wrong))
    };
    let mut cases: Vec<Case> = WRONG.into_iter().map(of_wrong).collect();
    cases.push(case(
        "one position is two functions in two builds (KPS0215)".to_owned(),
        one_position_is_two_functions,
    ));
    cases.push(case(
        "a module that a patch is linked to comes first and stays (KPS0205)".to_owned(),
        linked_to_a_module,
    ));
    cases
}

fn case(name: String, run: impl FnOnce() + Send + 'static) -> Case {
    Case::new(name, run).machine().about(10)
}

/// A spec of `tests/vm/provoked` that is wrong.
struct Wrong {
    name: &'static str,
    /// The code that tells it before.
    code: &'static str,
    told: Told,
    shown: Shown,
}

/// How kpsc tells it.
#[derive(Clone, Copy, PartialEq)]
enum Told {
    /// `build` warns.
    Warned,
    /// `build` refuses what plain make builds.
    Refused,
    /// Only of a simpler form: this one is beyond the check.
    Unseen,
}

/// What shows it.
#[derive(Clone, Copy)]
enum Shown {
    /// The expectations of the spec's test.
    Expected,
    /// The kernel complains.
    Complaint,
    /// The patch cannot be unloaded.
    Stall,
}

use Shown::{Complaint, Expected, Stall};
use Told::{Refused, Unseen, Warned};

/// Patches whose own tests show it.
const WRONG: [Wrong; 6] = [
    Wrong { name: "init_helper", code: "KPS0514", told: Refused, shown: Complaint },
    Wrong { name: "other_layout", code: "KPS0516", told: Refused, shown: Expected },
    Wrong { name: "returns", code: "KPS0410", told: Warned, shown: Complaint },
    Wrong { name: "second_static", code: "KPS0515", told: Warned, shown: Expected },
    Wrong { name: "thread_stays", code: "KPS0517", told: Warned, shown: Complaint },
    Wrong { name: "with_in_with", code: "KPS0519", told: Unseen, shown: Stall },
];

fn folder() -> PathBuf {
    repository().join("tests/vm/provoked")
}

/// kpsc tells it, and the kernel shows it.
fn goes_wrong(wrong: &Wrong) {
    let Wrong { name, code, told, shown } = wrong;
    let scratch = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let spec = folder().join(name).join(name).with_extension("kps");
    let spec = with_its_module(&spec, scratch.path());
    let mut test = kpsc();
    test.args(["test", "--timeout", "3"]).arg(&spec);
    if *told == Refused {
        let (status, said) = run(kpsc().args(["build", "-o"]).arg(scratch.path()).arg(&spec));
        assert_eq!(status, Some(1), "{said}");
        assert!(said.contains(code), "{code} is not reported:\n{said}");
        test.arg("--module").arg(made(&spec, name, scratch.path()));
    }
    let (status, said) = run(&mut test);
    assert_eq!(said.contains(code), *told == Warned, "{code}:\n{said}");
    let (wanted, shows) = match shown {
        Expected => (0, "ok: "),
        Complaint => (4, "KPS0902"),
        Stall => (5, "KPS0904"),
    };
    assert_eq!(status, Some(wanted), "{said}");
    assert!(said.contains(shows), "{shows} is not reported:\n{said}");
}

/// The module that plain make builds of a spec, which knows nothing of what `kpsc build` looks for
/// in compiled code.
fn made(spec: &Path, name: &str, into: &Path) -> PathBuf {
    let (status, said) = run(kpsc().args(["build", "--emit", "source", "-o"]).arg(into).arg(spec));
    assert_eq!(status, Some(0), "{said}");
    let module = into.join(name).with_extension("ko");
    write(&module, &store::folder_module(&[(&into.join(name), "")]));
    module
}

/// The exit status of a command, and all that it prints.
fn run(command: &mut Command) -> (Option<i32>, String) {
    let output = command.output().unwrap_or_else(|error| panic!("{error}"));
    (output.status.code(), printed(&output))
}

fn write(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// The same spec, built for two builds of a module that differ in the order of their files.
fn one_position_is_two_functions() {
    let folder = folder().join("position");
    let mut files = Vec::new();
    for [first, second] in [["left", "right"], ["right", "left"]] {
        let parts = [("twins", ""), (first, "first"), (second, "second")];
        let parts = parts.map(|(part, place)| (folder.join(part), place));
        let parts: Vec<_> = parts.iter().map(|(part, place)| (part.as_path(), *place)).collect();
        let twins = store::folder_module(&parts);
        let scratch = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let spec = scratch.path().join("position.kps");
        write(&scratch.path().join("twins.ko"), &twins);
        std::fs::copy(folder.join("position.kps"), &spec).unwrap_or_else(|error| panic!("{error}"));
        let patch = store::built(&spec);
        assert!(patch.said.contains("KPS0215"), "{}", patch.said);
        files.push((format!("/{first}/twins.ko"), twins));
        files.push((format!("/{first}/position.ko"), patch.module.clone()));
    }
    let mut vm = Vm::start(files);
    let said = vm.sh("for first in left right; do
            insmod /$first/twins.ko && livepatch load /$first/position.ko && cat /proc/twins || exit 1
            livepatch unload position && rmmod twins || exit 1
        done");
    assert_eq!(said, "patched right \nleft patched \n");
    vm.check_log();
}

/// The kernel's loader resolves what a module is linked to: at once, and for as long as it is there.
fn linked_to_a_module() {
    const DEPENDS: &[u8] = b"depends=vhost_iotlb\0";
    let patch = store::c_module(&folder().join("resets.c"), "", &[]);
    let is_linked = patch.windows(DEPENDS.len()).any(|window| window == DEPENDS);
    assert!(is_linked, "it is not linked to the module");
    let module = kernel_module("vhost_iotlb");
    let mut vm = Vm::start(vec![("/resets.ko".into(), patch), ("/vhost_iotlb.ko".into(), module)]);
    let said = vm.sh("insmod /resets.ko || echo it cannot be loaded first
        dmesg | grep -o 'resets: Unknown symbol vhost_iotlb_del_range'
        insmod /vhost_iotlb.ko && livepatch load /resets.ko || exit 1
        rmmod vhost_iotlb || echo the module stays
        livepatch unload resets && rmmod vhost_iotlb && echo until the patch is gone");
    for line in [
        "it cannot be loaded first\nresets: Unknown symbol vhost_iotlb_del_range\n",
        "the module stays\n",
        "until the patch is gone\n",
    ] {
        assert!(said.contains(line), "{line:?} is not in:\n{said}");
    }
    vm.check_log();
}
