// SPDX-License-Identifier: GPL-2.0
//! Livepatches that kpsc has not made: what their files tell, and that they are shown, loaded,
//! replaced and unloaded like its own. `tests/vm/foreign/` has one by hand, its successor, and one
//! in the layout of the kernel's klp-build.

use kps_operate::{look_into, Function, Incoming, Information, Object, Parameter};
use kps_plan::{ObjectName, Replace};
use kps_tests::schedule::Case;
use kps_tests::store;
use kps_tests::target::{kernel_module, Steps};
use kps_tests::{cases, repository};
use std::path::PathBuf;

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    cases![
        what_their_files_tell.machine().about(20),
        the_signature_tells_its_key.machine().about(5),
        they_are_loaded_replaced_and_unloaded.machine().about(25),
    ]
}

/// The cases that hold on other kernels too.
pub(crate) fn on_every_kernel() -> Vec<Case> {
    let case = |name: &str, run: fn()| Case::new(name, run).machine().long().about(25);
    vec![
        case("foreign: what their files tell", what_their_files_tell),
        case("foreign: loaded, replaced and unloaded", they_are_loaded_replaced_and_unloaded),
    ]
}

fn folder() -> PathBuf {
    repository().join("tests/vm/foreign")
}

/// A livepatch by hand, compiled with these flags.
fn by_hand(name: &str, flags: &str) -> Vec<u8> {
    let source = folder().join(name).with_extension("c");
    store::c_module(&source, &format!("ccflags-y := {flags}\n"), &[])
}

/// The one in the layout of klp-build.
fn of_klp_build() -> Vec<u8> {
    store::folder_module(&[(&folder().join("livepatch-cmdline"), "")])
}

fn read(module: &[u8]) -> Incoming {
    look_into(module).unwrap_or_else(|other| panic!("{other:?}"))
}

fn object(name: ObjectName, functions: &[(&str, u64)]) -> Object {
    let function = |&(name, sympos): &(&str, u64)| Function {
        name: name.to_owned(),
        sympos,
        keeps_original: false,
    };
    Object { name, functions: functions.iter().map(function).collect() }
}

fn information(version: Option<&str>, description: &str) -> Information {
    Information {
        version: version.map(str::to_owned),
        description: Some(description.to_owned()),
        license: Some("GPL".to_owned()),
    }
}

fn parameter(name: &str, kind: &str, description: Option<&str>) -> Parameter {
    Parameter {
        name: name.to_owned(),
        kind: Some(kind.to_owned()),
        description: description.map(str::to_owned),
    }
}

fn what_their_files_tell() {
    let vmlinux =
        object(ObjectName::Vmlinux, &[("cmdline_proc_show", 0), ("loadavg_proc_show", 1)]);

    let v1 = read(&by_hand("mark_v1", ""));
    assert_eq!((v1.name.as_str(), &v1.note), ("mark_v1", &None));
    assert_eq!(v1.objects, std::slice::from_ref(&vmlinux));
    assert_eq!(v1.information, information(Some("1.0"), "Marks /proc/cmdline"));
    let text = parameter("text", "charp", Some("What /proc/cmdline shows: one word or more"));
    assert_eq!(v1.parameters, [parameter("sleep_ms", "uint", None), text]);
    assert_eq!((v1.replace, v1.signature), (Some(Replace::Never), None));
    assert_eq!(v1.release.as_deref(), Some(kps_tests::target::target().release()));

    let v2 = read(&by_hand("mark_v2", ""));
    assert_eq!(v2.objects, [object(ObjectName::Vmlinux, &[("cmdline_proc_show", 0)])]);
    assert_eq!((v2.replace, v2.parameters), (Some(Replace::Always), Vec::new()));
    // The table says no, but the code may change it.
    let by_parameter = read(&by_hand("mark_v2", "-DBY_PARAMETER"));
    assert_eq!(by_parameter.replace, None);
    assert_eq!(by_parameter.parameters, [parameter("replace", "bool", None)]);

    let built = read(&of_klp_build());
    let greeter = object(ObjectName::new("greeter"), &[("greeter_show", 0)]);
    assert_eq!(built.name, "livepatch_cmdline");
    assert_eq!(built.objects, [vmlinux, greeter]);
    assert_eq!(built.information, information(None, "Livepatch module"));
    assert_eq!((built.replace, built.parameters), (None, Vec::new()));
}

/// A module of the target is signed; its signature tells of the key whatever it is appended to.
fn the_signature_tells_its_key() {
    const TRAILER: usize = 12 + b"~Module signature appended~\n".len();
    let signed = kernel_module("dummy");
    let trailer = &signed[signed.len() - TRAILER..];
    let length = trailer[8..12].iter().fold(0, |length, &byte| length << 8 | usize::from(byte));
    let signature = &signed[signed.len() - TRAILER - length..];

    let mut module = by_hand("mark_v2", "");
    module.extend(signature);
    let read_signature = read(&module).signature.unwrap_or_else(|| panic!("it is not signed"));
    let issuer = read_signature.issuer.unwrap_or_default();
    assert!(issuer.starts_with("CN="), "{issuer:?}");
    let key = read_signature.key.unwrap_or_default();
    assert!(!key.is_empty() && key.chars().all(|c| c.is_ascii_hexdigit()), "{key:?}");

    // What is no signature is reported as one that cannot be read.
    let at = module.len() - TRAILER;
    module[at - 1 - length / 2] ^= 0xff;
    module[at + 8] = 0xff;
    let unread = read(&module).signature.unwrap_or_else(|| panic!("it is not signed"));
    assert_eq!((unread.issuer, unread.key), (None, None));
}

fn they_are_loaded_replaced_and_unloaded() {
    let mut machine = Steps::start(vec![
        ("/mark_v1.ko".into(), by_hand("mark_v1", "")),
        ("/mark_v2.ko".into(), by_hand("mark_v2", "")),
        ("/livepatch-cmdline.ko".into(), of_klp_build()),
    ]);
    by_hand_is_cumulative(&mut machine);
    stalls(&mut machine);
    replaces_by_its_code(&mut machine);
    machine.vm.check_log();
}

fn by_hand_is_cumulative(machine: &mut Steps) {
    assert_eq!(
        machine.step("kpsctl load /mark_v1.ko && cat /proc/cmdline /proc/loadavg", 0, &[]),
        "mark_v1\tenabled\tvmlinux: 2 functions\tversion 1.0\nversion 1\nno load\n"
    );
    machine.step(
        "kpsctl load --dry-run /mark_v2.ko",
        0,
        &["`mark_v2` replaces `mark_v1` and reverts `loadavg_proc_show` to the kernel's own code"],
    );
    machine.step("kpsctl load /mark_v2.ko && cat /proc/cmdline", 0, &["KPS1016", "version 2\n"]);
    machine.step(
        "kpsctl list && ! grep load /proc/loadavg",
        0,
        &["mark_v1\tdisabled", "mark_v2\tenabled\tvmlinux: 1 function\tversion 2.0\n"],
    );
    machine.step("kpsctl unload mark_v1 && kpsctl unload mark_v2", 0, &[]);
}

/// A task that sleeps in its code holds up the unload.
fn stalls(machine: &mut Steps) {
    machine.step("kpsctl load /mark_v1.ko 'text=two words' sleep_ms=3000", 0, &[]);
    machine.step(
        "cat /proc/cmdline > /tmp/shown &
        until grep -q mark_cmdline_proc_show /proc/$!/stack; do usleep 10000; done
        kpsctl unload mark_v1 --timeout 0",
        5,
        &["KPS0904", "held up by cat, task", "mark_cmdline_proc_show"],
    );
    machine.step("kpsctl unload mark_v1 && cat /tmp/shown", 0, &["two words\n"]);
}

/// One of klp-build: what it replaces is known afterwards.
fn replaces_by_its_code(machine: &mut Steps) {
    machine.step("kpsctl load /mark_v1.ko", 0, &[]);
    machine.step(
        "kpsctl load --dry-run /livepatch-cmdline.ko",
        0,
        &["warning[KPS1045]", "whether `livepatch_cmdline` replaces `mark_v1` is unknown"],
    );
    machine.step(
        "kpsctl load /livepatch-cmdline.ko && cat /proc/cmdline /proc/loadavg && kpsctl list",
        0,
        &[
            "KPS1045",
            "made by klp-build\nno load at all\n",
            "livepatch_cmdline\tenabled\t",
            "mark_v1\tdisabled",
        ],
    );
    machine.step("kpsctl unload mark_v1 && kpsctl unload livepatch-cmdline.ko", 0, &[]);
    machine.step(
        "dmesg | grep livepatch_cmdline:",
        0,
        &["pre_patch of vmlinux", "post_unpatch of vmlinux"],
    );
    machine.step("! grep klp-build /proc/cmdline; kpsctl list", 0, &["no livepatch is loaded"]);
}
