// SPDX-License-Identifier: GPL-2.0
//! `kpsc check --running`: what it says before is what the kernel does. The program itself in a
//! virtual machine with the default target, beside tracers, BPF programs and livepatches that are
//! really there.

use crate::tracers::{attach, btf_id};
use kps_operate::{look_into, Function, Object};
use kps_plan::ObjectName;
use kps_tests::pages::block;
use kps_tests::schedule::Case;
use kps_tests::store;
use kps_tests::target::{doctored, Steps};
use kps_tests::{cases, kpsc, repository, stem};
use std::path::PathBuf;
use xtask::bench::{builds, Bench};

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    cases![
        what_is_attached_to_a_function_is_told_before.machine().about(50),
        what_is_loaded_and_allowed_is_told_before.machine().about(60),
        the_functions_of_a_module_are_known_from_its_bytes.machine().about(15),
    ]
}

fn path(of: &str) -> PathBuf {
    repository().join(of)
}

/// The module of a spec.
fn module(spec: &str) -> (String, Vec<u8>) {
    let spec = path(spec).with_extension("kps");
    (format!("/{}.ko", stem(&spec)), store::module(&spec))
}

/// A module written by hand, with flags for the compiler.
fn written(source: &str, flags: &str) -> Vec<u8> {
    store::c_module(&path(source), &format!("ccflags-y := {flags}\n"), &[])
}

/// The livepatch in C that comes with the kernel. It changes `cmdline_proc_show`.
fn sample() -> Vec<u8> {
    let scratch = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let built = || -> anyhow::Result<Vec<u8>> {
        let bench = Bench::new(kpsc().get_program().into())?;
        let folder = builds::c_sample(&bench, scratch.path())?;
        Ok(std::fs::read(builds::build(&bench, &folder)?)?)
    };
    built().unwrap_or_else(|error| panic!("{error:#}"))
}

/// The line that says whether a module will load, alone.
fn verdict(machine: &mut Steps, file: &str, status: i32, wanted: &str) {
    let said = machine.step(&format!("kpsc check --running {file} 2> /tmp/messages"), status, &[]);
    assert!(
        said.starts_with(wanted) && said.lines().count() == 1,
        "{file}: {said:?}, and not {wanted:?}"
    );
}

/// The kernel really refuses a module, and says so. The status of `insmod` is the error.
fn refused(machine: &mut Steps, file: &str, errno: i32) {
    machine.step(&format!("insmod {file}"), errno, &[]);
}

const EPERM: i32 = 1;
const ENOEXEC: i32 = 8;
const EBUSY: i32 = 16;
const EEXIST: i32 = 17;
const EINVAL: i32 = 22;
const EKEYREJECTED: i32 = 129;

/// The file systems that the machine does not have at first.
const MOUNT: &str =
    "mount -t debugfs debugfs /sys/kernel/debug && mount -t securityfs securityfs /sys/kernel/security";

fn what_is_attached_to_a_function_is_told_before() {
    let mut machine = Steps::start_with(
        vec![
            module("examples/cmdline_mark/cmdline_mark"),
            module("tests/vm/preflight/own_line"),
            ("/livepatch-sample.ko".into(), sample()),
            ("/own_probe.ko".into(), written("tests/vm/preflight/own_probe.c", "")),
            ("/own_call.ko".into(), written("tests/vm/preflight/own_call.c", "")),
        ],
        vec![attach()],
    );
    unseen(&mut machine);
    machine.step(MOUNT, 0, &[]);
    assert_eq!(
        machine.step("kpsc check --running /cmdline_mark.ko", 0, &[]),
        "cmdline_mark will load\n"
    );
    probe_inside(&mut machine);
    probe_at_the_start(&mut machine);
    probe_with_post_handler(&mut machine);
    direct_call(&mut machine);
    for kind in ["fentry", "fexit"] {
        bpf(&mut machine, kind);
    }
    machine.vm.check_log();
}

fn unseen(machine: &mut Steps) {
    machine.step(
        "kpsc check --running /cmdline_mark.ko",
        0,
        &["note[KPS1014]", "kprobes", "locked down", "cmdline_mark will load\n"],
    );
    machine.step("umount /sys/kernel/tracing", 0, &[]);
    machine.step(
        "kpsc check --running /cmdline_mark.ko",
        0,
        &["warning[KPS1014]", "mount -t tracefs"],
    );
    verdict(
        machine,
        "/cmdline_mark.ko",
        0,
        "cmdline_mark will load, but it is unknown whether something else is attached",
    );
    machine.step("mount -t tracefs trace /sys/kernel/tracing", 0, &[]);
}

/// Sets a kprobe event, and defines `hits`, which counts it.
fn event(place: &str) -> String {
    format!(
        "cd /sys/kernel/tracing; echo 'p:seen {place}' > kprobe_events && echo 1 > events/kprobes/seen/enable
        hits() {{ echo > trace; cat /proc/cmdline > /dev/null; grep -c 'seen:' trace; }}"
    )
}

const NO_EVENT: &str =
    "cd /sys/kernel/tracing; echo 0 > events/kprobes/seen/enable; echo > kprobe_events";

fn probe_inside(machine: &mut Steps) {
    let set = event("cmdline_proc_show+9");
    assert_eq!(machine.step(&format!("{set}; hits"), 0, &[]), "1\n");
    let said = machine.step("cd / && kpsc check --running own_line.ko", 0, &["warning[KPS1013]"]);
    let shown = block("docs/commands.md", |block| block.text.contains("--running own_line.ko"));
    assert_eq!(
        format!("$ kpsc check --running own_line.ko\n{said}"),
        shown.text,
        "docs/commands.md"
    );
    verdict(
        machine,
        "/own_line.ko",
        0,
        "own_line will load, but a kprobe at `cmdline_proc_show+0x9` no longer fires\n",
    );
    // This one runs the old body too.
    verdict(machine, "/cmdline_mark.ko", 0, "cmdline_mark will load\n");
    verdict(
        machine,
        "/livepatch-sample.ko",
        0,
        "livepatch_sample will load, but a kprobe at `cmdline_proc_show+0x9`",
    );
    let hits = "hits() { echo > /sys/kernel/tracing/trace; cat /proc/cmdline > /dev/null; grep -c 'seen:' /sys/kernel/tracing/trace; }";
    machine.step(
        &format!("kpsc load /own_line.ko && {hits}; hits"),
        1,
        &["KPS1013", "own_line\tenabled", "\n0\n"],
    );
    machine.step("kpsc unload own_line && kpsc load /cmdline_mark.ko", 0, &[]);
    assert_eq!(machine.step(&format!("{hits}; hits"), 0, &[]), "1\n");
    machine.step(&format!("kpsc unload cmdline_mark; {NO_EVENT}"), 0, &[]);
}

fn probe_at_the_start(machine: &mut Steps) {
    let set = event("cmdline_proc_show");
    machine.step(&set, 0, &[]);
    verdict(machine, "/own_line.ko", 0, "own_line will load\n");
    let hits =
        "echo > /sys/kernel/tracing/trace; cat /proc/cmdline; grep -c 'seen:' /sys/kernel/tracing/trace";
    machine.step("kpsc load /own_line.ko", 0, &[]);
    assert_eq!(machine.step(hits, 0, &[]), "own=1\n1\n");
    machine.step(&format!("kpsc unload own_line; {NO_EVENT}"), 0, &[]);
}

fn probe_with_post_handler(machine: &mut Steps) {
    machine.step("insmod /own_probe.ko", 0, &[]);
    machine.step(
        "kpsc check --running /cmdline_mark.ko",
        3,
        &["error[KPS1011]", "kprobe at `cmdline_proc_show+0x4`"],
    );
    verdict(
        machine,
        "/cmdline_mark.ko",
        3,
        "cmdline_mark will not load because something else redirects `cmdline_proc_show`\n",
    );
    verdict(
        machine,
        "/livepatch-sample.ko",
        3,
        "livepatch_sample will not load because something else redirects",
    );
    machine.step("kpsc load /cmdline_mark.ko", 3, &["error[KPS1011]"]);
    machine.step("dmesg | grep 'enabling patch .cmdline_mark' | wc -l", 0, &["1\n"]);
    refused(machine, "/cmdline_mark.ko", EBUSY);
    machine.step(
        "rmmod own_probe && kpsc check --running /cmdline_mark.ko",
        0,
        &["cmdline_mark will load\n"],
    );
}

fn direct_call(machine: &mut Steps) {
    machine.step("insmod /own_call.ko && cat /proc/cmdline", 0, &["console"]);
    machine.step(
        "kpsc check --running /cmdline_mark.ko",
        3,
        &["error[KPS1011]", "`own_tramp` is called directly"],
    );
    refused(machine, "/cmdline_mark.ko", EBUSY);
    machine.step(
        "rmmod own_call && kpsc check --running /cmdline_mark.ko",
        0,
        &["cmdline_mark will load\n"],
    );
}

/// The program counts how often it runs, and runs beside a new body.
fn bpf(machine: &mut Steps, kind: &str) {
    let id = btf_id("cmdline_proc_show");
    machine.step(
        &format!(
            "echo 1 > /proc/sys/kernel/bpf_stats_enabled
            /attach {kind} {id} > /tmp/program & echo $! > /tmp/attached
            until [ -s /tmp/program ]; do kill -0 $(cat /tmp/attached) || exit 1; usleep 10000; done"
        ),
        0,
        &[],
    );
    machine.step(
        "kpsc check --running /own_line.ko",
        0,
        &["warning[KPS1012]", "`fexit` runs after it"],
    );
    verdict(
        machine,
        "/own_line.ko",
        0,
        "own_line will load, but BPF programs are attached to `cmdline_proc_show`\n",
    );
    machine.step("kpsc load /own_line.ko", 0, &["KPS1012", "own_line\tenabled"]);
    let runs = "grep run_cnt /proc/$(cat /tmp/attached)/fdinfo/$(cat /tmp/program)";
    let before = machine.step(runs, 0, &["run_cnt"]);
    assert_eq!(machine.step("cat /proc/cmdline", 0, &[]), "own=1\n");
    assert_ne!(machine.step(runs, 0, &["run_cnt"]), before, "{kind}");
    machine.step("kpsc unload own_line && kill $(cat /tmp/attached) && rm /tmp/program", 0, &[]);
}

fn what_is_loaded_and_allowed_is_told_before() {
    let scratch = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let greeter = |greeting: &str| {
        written("tests/vm/modules/greeter.c", &format!("'-DGREETING=\"{greeting}\"'"))
    };
    let mine = greeter("hello");
    let greets_back = scratch.path().join("greets_back.kps");
    std::fs::write(scratch.path().join("greeter.ko"), &mine)
        .and_then(|()| std::fs::copy(path("tests/vm/modules/greets_back.kps"), &greets_back))
        .unwrap_or_else(|error| panic!("{error}"));
    let mark = path("examples/cmdline_mark/cmdline_mark.kps");
    let another = doctored(|facts| facts.identity.build_id[7] ^= 1);
    let mut files = vec![
        ("/foreign.ko".into(), store::build(&mark, Some(another.path())).module),
        ("/greets_back.ko".into(), store::module(&greets_back)),
        ("/greeter.ko".into(), mine),
        ("/other.ko".into(), greeter("goodbye")),
        ("/livepatch-sample.ko".into(), sample()),
        ("/cmdline_mark.kps".into(), std::fs::read(&mark).unwrap_or_default()),
    ];
    let specs = [
        "examples/cmdline_mark/cmdline_mark",
        "examples/missing_files/missing_files",
        "examples/both_at_once/both_at_once",
        "tests/vm/ends/beats_1",
        "tests/vm/ends/beats_beside",
        "tests/vm/stacked/marks_too",
        "tests/vm/stacked/marks_over",
        "tests/vm/stacked/marks_all",
        "tests/vm/unload/post_sleeps",
        "tests/vm/preflight/limit_v1",
        "tests/vm/preflight/limit_v2",
    ];
    files.extend(specs.map(module));
    let prepared = doctored(|_| {});
    for (folder, cache) in [("/cache", &prepared), ("/another", &another)] {
        files.extend(below(folder, cache));
    }
    let mut machine = Steps::start(files);
    machine.step(MOUNT, 0, &[]);
    another_kernel(&mut machine);
    spec(&mut machine);
    same_function(&mut machine);
    states(&mut machine);
    callbacks(&mut machine);
    resources(&mut machine);
    transition(&mut machine);
    modules(&mut machine);
    machine.vm.check_log();
    // It makes the kernel say that it has oopsed, so the log is looked at before.
    not_allowed(&mut machine);
}

/// The files of a cache, for a folder in the machine.
fn below(folder: &str, cache: &tempfile::TempDir) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    let mut pending = vec![cache.path().to_owned()];
    while let Some(path) = pending.pop() {
        if path.is_dir() {
            let entries = std::fs::read_dir(&path).unwrap_or_else(|error| panic!("{error}"));
            pending.extend(entries.filter_map(|entry| Some(entry.ok()?.path())));
        } else if let Ok(inside) = path.strip_prefix(cache.path()) {
            let bytes = std::fs::read(&path).unwrap_or_else(|error| panic!("{error}"));
            files.push((format!("{folder}/{}", inside.display()), bytes));
        }
    }
    files
}

fn another_kernel(machine: &mut Steps) {
    verdict(machine, "/cmdline_mark.ko", 0, "cmdline_mark will load\n");
    machine.step("kpsc check --running /foreign.ko", 3, &["error[KPS1006]", "build-id"]);
    verdict(
        machine,
        "/foreign.ko",
        3,
        "cmdline_mark will not load because `cmdline_mark` was built for another build of 7",
    );
    refused(machine, "/foreign.ko", ENOEXEC);
    // The highest status of several counts, and each has its line.
    machine.step(
        "kpsc check --running /cmdline_mark.ko /foreign.ko /missing_files.ko 2> /dev/null",
        3,
        &[
            "cmdline_mark will load\ncmdline_mark will not load because",
            "\nmissing_files will load\n",
        ],
    );
}

fn spec(machine: &mut Steps) {
    // Compiling has room for a stack that is larger than this machine.
    machine.step("echo 1 > /proc/sys/vm/overcommit_memory", 0, &[]);
    let check = |cache: &str| format!("KPSC_CACHE={cache} kpsc check --running /cmdline_mark.kps");
    assert_eq!(machine.step(&check("/cache"), 0, &[]), "cmdline_mark will load\n");
    machine.step(&check("/empty"), 3, &["error[KPS1007]", "kpsc kernel add --release 7"]);
    machine.step(&check("/another"), 3, &["error[KPS1007]", "is another build of it"]);
}

fn same_function(machine: &mut Steps) {
    machine.step("kpsc load /cmdline_mark.ko && kpsc load /missing_files.ko", 0, &[]);
    machine.step(
        "kpsc check --running /cmdline_mark.ko",
        3,
        &["error[KPS1008]", "a module `cmdline_mark` is loaded"],
    );
    refused(machine, "/cmdline_mark.ko", EEXIST);
    verdict(
        machine,
        "/marks_too.ko",
        3,
        "marks_too will not load because `marks_too` and `cmdline_mark` both change `cmdline_proc_show`\n",
    );
    verdict(machine, "/marks_over.ko", 0, "marks_over will load\n");
    // Its functions of a module written by hand are known, its states are not; it does not say
    // whether it replaces others.
    verdict(machine, "/livepatch-sample.ko", 0, "livepatch_sample will load\n");
    machine.step(
        "kpsc check --running /marks_all.ko",
        0,
        &["note[KPS1016]", "`marks_all` replaces `cmdline_mark`\n", "warning[KPS1016]"],
    );
    verdict(
        machine,
        "/marks_all.ko",
        0,
        "marks_all will load, but `marks_all` replaces `missing_files` and reverts `",
    );
    machine.step(
        "insmod /livepatch-sample.ko && kpsc check --running /marks_all.ko",
        0,
        &["warning[KPS1018]", "the states of `livepatch_sample` are unknown"],
    );
    machine.step(
        "kpsc load /marks_all.ko && kpsc list",
        0,
        &["warning[KPS1016]", "cmdline_mark\tdisabled", "missing_files\tdisabled"],
    );
    let all = ["marks_all", "cmdline_mark", "missing_files", "livepatch_sample"];
    machine.step(&all.map(|name| format!("kpsc unload {name}")).join(" && "), 0, &[]);
}

fn states(machine: &mut Steps) {
    machine.step("kpsc load /limit_v2.ko", 0, &[]);
    machine.step(
        "kpsc check --running /limit_v1.ko",
        3,
        &["error[KPS1017]", "has version 2 of the state `kexec_disabled`"],
    );
    refused(machine, "/limit_v1.ko", EINVAL);
    machine.step(
        "kpsc check --running /marks_all.ko",
        3,
        &["error[KPS1017]", "but lacks its state `kexec_disabled`"],
    );
    refused(machine, "/marks_all.ko", EINVAL);
    machine.step("dmesg", 0, &["(limit_v1) is not compatible", "(marks_all) is not compatible"]);
    verdict(machine, "/marks_too.ko", 0, "marks_too will load\n");
    machine.step("kpsc unload limit_v2 && kpsc load /limit_v1.ko", 0, &[]);
    machine.step(
        "kpsc check --running /limit_v2.ko",
        0,
        &["note[KPS1016]", "the data of `kexec_disabled` is handed over", "limit_v2 will load\n"],
    );
    machine.step("kpsc load /limit_v2.ko && kpsc unload limit_v2 && kpsc unload limit_v1", 0, &[]);
}

/// `check` and `load` name the callbacks that the kernel skips.
fn callbacks(machine: &mut Steps) {
    machine.step("kpsc load /both_at_once.ko", 0, &[]);
    let skipped = ["warning[KPS1025]", "`pre_unpatch` of `both_at_once` will not run"];
    machine.step("kpsc check --running /marks_all.ko", 0, &skipped);
    machine.step("kpsc load /marks_all.ko", 0, &skipped);
    // It is disabled now, and nothing is left to be skipped.
    verdict(
        machine,
        "/cmdline_mark.ko",
        3,
        "cmdline_mark will not load because `cmdline_mark` and",
    );
    machine.step("kpsc unload marks_all && kpsc unload both_at_once", 0, &[]);
}

/// Two patches that do not replace each other cannot have one resource.
fn resources(machine: &mut Steps) {
    machine.step("kpsc load /beats_1.ko", 0, &[]);
    let both = "`beats_beside` and `beats_1` both have the resource `home`";
    machine.step("kpsc check --running /beats_beside.ko", 3, &["error[KPS1026]", both]);
    refused(machine, "/beats_beside.ko", EBUSY);
    let reason = "refused: a patch that this one does not replace has the resource `home`";
    machine.step("dmesg", 0, &[reason]);
    machine.step("kpsc unload beats_1", 0, &[]);
}

fn transition(machine: &mut Steps) {
    machine.step(
        "sleep 100 & kpsc load /post_sleeps.ko --timeout 0 --on-stall wait",
        5,
        &["KPS0904"],
    );
    machine.step(
        "kpsc check --running /cmdline_mark.ko",
        3,
        &["error[KPS1015]", "kpsc unload post_sleeps"],
    );
    refused(machine, "/cmdline_mark.ko", EBUSY);
    machine.step("killall sleep; kpsc unload post_sleeps", 0, &[]);
}

fn modules(machine: &mut Steps) {
    machine.step(
        "kpsc check --running /greets_back.ko",
        0,
        &["note[KPS1010]", "`greeter` is not loaded", "greets_back will load\n"],
    );
    machine.step("insmod /greeter.ko", 0, &[]);
    assert_eq!(
        machine.step("kpsc check --running /greets_back.ko", 0, &[]),
        "greets_back will load\n"
    );
    machine.step("rmmod greeter && insmod /other.ko", 0, &[]);
    machine.step(
        "kpsc check --running /greets_back.ko",
        0,
        &["warning[KPS1009]", "it stays unpatched"],
    );
    machine.step("kpsc load /greets_back.ko && cat /proc/greeter", 0, &["KPS1009", "goodbye 1\n"]);
    machine.step("kpsc unload greets_back && rmmod greeter", 0, &[]);
}

fn not_allowed(machine: &mut Steps) {
    let check = "kpsc check --running /cmdline_mark.ko";
    machine.step(
        "cp /kpsc /tmp/kpsc && chmod 755 /tmp/kpsc && su user -c '/loader --library-path / /kpsc check --running /cmdline_mark.ko'",
        3,
        &["error[KPS1023]", "run it as root", "cmdline_mark will not load because this user may not load modules"],
    );
    machine.step("echo 128 > /proc/sys/kernel/tainted", 0, &[]);
    machine.step(
        check,
        0,
        &["warning[KPS1024]", "cmdline_mark will load, but the kernel has oopsed"],
    );

    // As `module.sig_enforce` on the kernel's command line does.
    machine.step("echo 1 > /sys/module/module/parameters/sig_enforce", 0, &[]);
    machine.step(check, 3, &["error[KPS1019]", "`cmdline_mark` has no signature", "kpsc sign"]);
    refused(machine, "/cmdline_mark.ko", EKEYREJECTED);
    machine.step("kpsc load /cmdline_mark.ko", 3, &["error[KPS1019]"]);
    machine.step(
        "cp /cmdline_mark.ko /tmp/signed.ko && printf '~Module signature appended~\\n' >> /tmp/signed.ko
        kpsc check --running /tmp/signed.ko",
        0,
        &["warning[KPS1020]", "cmdline_mark will load, but it is unknown whether the kernel trusts"],
    );
    refused(machine, "/tmp/signed.ko", EKEYREJECTED);

    machine.step("echo 1 > /proc/sys/kernel/modules_disabled", 0, &[]);
    machine.step(
        check,
        3,
        &["error[KPS1022]", "error[KPS1019]", "loads and unloads no modules (and 1 more)"],
    );
    refused(machine, "/cmdline_mark.ko", EPERM);
}

fn the_functions_of_a_module_are_known_from_its_bytes() {
    let function =
        |name: &str, keeps_original| Function { name: name.into(), sympos: 0, keeps_original };
    let vmlinux = |functions| vec![Object { name: ObjectName::Vmlinux, functions }];
    let known = |bytes: &[u8]| look_into(bytes).map(|incoming| incoming.objects);
    let (_, own_line) = module("tests/vm/preflight/own_line");
    let (_, mark) = module("examples/cmdline_mark/cmdline_mark");
    assert_eq!(known(&own_line), Ok(vmlinux(vec![function("cmdline_proc_show", false)])));
    assert_eq!(known(&mark), Ok(vmlinux(vec![function("cmdline_proc_show", true)])));
    assert_eq!(known(&sample()), Ok(vmlinux(vec![function("cmdline_proc_show", false)])));
    assert_eq!(
        known(&module("tests/vm/unload/pre_only").1),
        Ok(vmlinux(vec![function("hrtimer_nanosleep", true)]))
    );

    // Damaged in any place, it is read as far as it goes.
    for at in (0..own_line.len()).step_by(7) {
        let mut damaged = own_line.clone();
        damaged[at] ^= 0xff;
        let _ = look_into(&damaged);
        if at % 2 == 0 {
            let _ = look_into(&own_line[..at]);
        }
    }
}
