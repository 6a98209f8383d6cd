// SPDX-License-Identifier: GPL-2.0
//! `kpsctl` on a running kernel: every verb, transitions that stall, and results for programs. It
//! is the static program itself, in a virtual machine.

use kps_tests::pages::{blocks, read};
use kps_tests::schedule::Case;
use kps_tests::target::{another_release, for_another_kernel, Steps};
use kps_tests::{cases, kpsctl, repository, store};
use object::read::elf::ProgramHeader as _;
use object::Object as _;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    let of_kernel = KERNEL.map(|(name, run, time)| Case::new(name, run).machine().about(time));
    let cases = cases![
        names_are_taken_as_people_type_them,
        the_program_is_small_and_needs_nothing,
        every_command_of_the_guide_is_run.machine().about(40),
        an_ordinary_user_is_told_what_is_not_visible.machine().about(15),
        parameters_that_a_module_lacks_are_refused.machine().about(15),
    ];
    of_kernel.into_iter().chain(cases).collect()
}

/// The cases that hold on other kernels too.
pub(crate) fn on_every_kernel() -> Vec<Case> {
    let case = |(name, run, time): (&str, fn(), u32)| {
        Case::new(format!("operate: {name}"), run).machine().long().about(time)
    };
    KERNEL.map(case).into()
}

/// What a kernel decides, with the seconds that it takes.
const KERNEL: [(&str, fn(), u32); 7] = [
    ("every_verb_does_what_it_says", every_verb_does_what_it_says, 25),
    ("a_load_that_stalls_is_explained_and_taken_back", stalls_are_taken_back, 30),
    ("a_load_may_be_left_in_transition", a_load_may_be_left_in_transition, 25),
    ("a_livepatch_is_unloaded_under_load", a_livepatch_is_unloaded_under_load, 20),
    ("forcing_wants_a_transition_and_a_yes", forcing_wants_a_transition_and_a_yes, 15),
    ("a_set_is_installed_loaded_and_rolled_back", a_set_is_installed_and_rolled_back, 25),
    ("a_kernel_that_does_not_follow_is_left_as_it_is", kernels_that_do_not_follow, 25),
];

fn module(path: &str) -> (String, Vec<u8>) {
    let spec: PathBuf = repository().join(path).with_extension("kps");
    (format!("/{}.ko", kps_tests::stem(&spec)), store::module(&spec))
}

/// Results that were printed with `--format json` must be as the schema says.
fn validate(results: &[String]) {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let mut command = Command::new("/usr/bin/jsonschema");
    for (n, result) in results.iter().enumerate() {
        let path = folder.path().join(format!("{n}.json"));
        std::fs::write(&path, result).unwrap_or_else(|error| panic!("{error}"));
        command.arg("--instance").arg(path);
    }
    let output = command.arg(repository().join("docs/operate.schema.json")).output();
    let output = output.unwrap_or_else(|error| panic!("jsonschema: {error}"));
    assert!(output.status.success(), "{}\n{results:#?}", String::from_utf8_lossy(&output.stderr));
}

/// Runs `kpsctl` with results in JSON, and returns the object.
fn in_json(machine: &mut Steps, script: &str, status: i32) -> String {
    let text = machine.step(&format!("{script} --format json 2> /dev/null"), status, &[]);
    let line = text.lines().find(|line| line.starts_with('{'));
    line.unwrap_or_else(|| panic!("{script}: {text}")).to_owned()
}

fn every_verb_does_what_it_says() {
    let mut machine = Steps::start(vec![
        module("examples/cmdline_mark/cmdline_mark"),
        module("tests/vm/stacked/marks_over"),
        module("tests/vm/stacked/marks_all"),
        module("tests/vm/acts/parameters"),
    ]);
    let mut results = Vec::new();
    machine.step("kpsctl list", 0, &["no livepatch is loaded; `kpsctl load NAME.ko` loads one"]);
    results.push(in_json(&mut machine, "kpsctl status", 0));
    results.push(in_json(&mut machine, "kpsctl info /parameters.ko", 0));
    machine.step(
        "kpsctl info /parameters.ko",
        0,
        &["state       not loaded", "changes     vmlinux: version_proc_show", "signature   none"],
    );

    machine.step("kpsctl info /parameters.ko > /dev/full", 3, &["KPS0711", "standard output"]);

    // Three in a row, one with parameters, listed in their order.
    machine.step(
        "kpsctl load /cmdline_mark.ko /parameters.ko ratio=7 label='two words' /marks_over.ko",
        0,
        &["cmdline_mark\tenabled", "parameters\tenabled", "marks_over\tenabled"],
    );
    machine.step("cat /proc/version", 0, &["ratio=7", "label=two words"]);
    let listed = machine.step("kpsctl list", 0, &[]);
    let names: Vec<_> = listed.lines().filter_map(|line| line.split('\t').next()).collect();
    assert_eq!(names, ["cmdline_mark", "parameters", "marks_over"], "{listed}");
    results.push(in_json(&mut machine, "kpsctl list", 0));
    machine.step("kpsctl status parameters", 0, &["  ratio=7", "parameters\tenabled"]);
    results.push(in_json(&mut machine, "kpsctl info marks-over", 0));
    let order = machine.step("kpsctl info marks-over", 0, &["replaces    never"]);
    let words = ["stack order 3", "stack order not shown by kernels before 6.14"];
    assert!(words.iter().any(|words| order.contains(words)), "{order}");
    machine.step("kpsctl enable marks-over", 0, &["marks_over\tenabled"]);
    machine.step("kpsctl wait", 0, &["marks_over\tenabled"]);

    // A disabled livepatch is still there, and stays disabled.
    machine.step("kpsctl disable /lib/marks-over.ko", 0, &["marks_over\tdisabled"]);
    results.push(in_json(&mut machine, "kpsctl disable marks_over", 0));
    machine.step("kpsctl enable marks_over", 3, &["KPS1028", "kpsctl unload marks_over"]);
    results.push(in_json(&mut machine, "kpsctl enable marks_over", 3));
    machine.step("cat /proc/cmdline", 0, &["kps=1"]);
    results.push(in_json(&mut machine, "kpsctl unload marks_over.ko", 0));
    machine.step("kpsctl unload marks_over", 3, &["KPS1003", "`cmdline_mark` or `parameters`"]);

    // One that replaces the others.
    results.push(in_json(&mut machine, "kpsctl load /marks_all.ko", 0));
    machine.step("kpsctl list", 0, &["cmdline_mark\tdisabled", "marks_all\tenabled"]);
    results.push(in_json(&mut machine, "kpsctl load /no-such.ko", 3));
    results.push(in_json(&mut machine, "kpsctl unload --all", 0));
    machine.step("kpsctl list && ! grep -E 'marks|params' /proc/modules", 0, &["no livepatch"]);
    machine.vm.check_log();
    validate(&results);
}

fn stalls_are_taken_back() {
    let mut machine = Steps::start(vec![module("tests/vm/unload/post_sleeps")]);
    let held = "sleep, task ";
    // In a log there is a line a second meanwhile.
    machine.step(
        "sleep 1000 & echo $! > /sleeper; kpsctl load /post_sleeps.ko --timeout 3",
        6,
        &[
            "KPS1027",
            "enabling post_sleeps: 1 behind; sleep, task ",
            "did not complete within 3 s",
            "held up by sleep, task ",
            ", in `hrtimer_nanosleep`",
            "--on-stall wait",
        ],
    );
    machine.step("kpsctl list && ! grep post_sleeps /proc/modules", 0, &["no livepatch"]);
    let result = in_json(&mut machine, "kpsctl load /post_sleeps.ko --timeout 1", 6);
    for text in ["\"outcome\":\"taken-back\"", "\"function\":\"hrtimer_nanosleep\"", "KPS1027"] {
        assert!(result.contains(text), "{text}: {result}");
    }
    validate(&[result]);
    // The interrupt key and its like do the same at once.
    let said = machine.step(
        "kpsctl load /post_sleeps.ko 2> /said & loader=$!
        until [ \"$(cat /sys/kernel/livepatch/post_sleeps/transition)\" = 1 ]; do usleep 10000; done
        kill -TERM $loader; wait $loader; echo status $?; cat /said",
        0,
        &["status 6", "loading it was interrupted", held],
    );
    assert!(!said.contains("within 60 s"), "{said}");
    machine.step(
        "kill $(cat /sleeper); kpsctl load /post_sleeps.ko && kpsctl unload --all",
        0,
        &[],
    );
    machine.vm.check_log();
}

fn a_load_may_be_left_in_transition() {
    let mut machine = Steps::start(vec![module("tests/vm/unload/post_sleeps")]);
    machine.step(
        "sleep 1000 & echo $! > /sleeper; kpsctl load /post_sleeps.ko --timeout 1 --on-stall wait",
        5,
        &[
            "KPS0904",
            "held up by sleep, task ",
            "the least harmful first",
            "kpsctl force post_sleeps",
        ],
    );
    // Killed at any moment, it is what anybody finds later.
    let explained = machine.step(
        "kpsctl status",
        5,
        &[
            "post_sleeps\tin transition to enabled, 1 task behind",
            "held up by sleep, task ",
            "in `hrtimer_nanosleep`",
            "wait: `kpsctl wait post_sleeps`",
            "every 15 s",
            "kill ",
            "take it back: `kpsctl disable post_sleeps`",
        ],
    );
    let order: Vec<_> = ["kpsctl wait", "every 15 s", "kill ", "kpsctl disable", "kpsctl force"]
        .iter()
        .map(|text| explained.find(text))
        .collect();
    assert!(order.is_sorted() && !order.contains(&None), "{explained}");
    let mut results = vec![in_json(&mut machine, "kpsctl status", 5)];
    // Who watches a stall has not failed.
    let stalled = "kpsc_livepatch_in_transition{name=\"post_sleeps\"} 1\n";
    machine.step("kpsctl status --format prometheus", 0, &[stalled, "tasks_behind{"]);
    results.push(in_json(&mut machine, "kpsctl wait --timeout 1", 5));
    results.push(in_json(&mut machine, "kpsctl load /post_sleeps.ko", 3));
    machine.step("kpsctl disable post_sleeps", 0, &["post_sleeps\tdisabled"]);
    machine.step("kpsctl unload post_sleeps", 0, &[]);

    machine.step("kpsctl load /post_sleeps.ko --timeout 1 --on-stall wait", 5, &[]);
    machine.step("kill $(cat /sleeper); kpsctl wait", 0, &["post_sleeps\tenabled"]);

    // Somebody sleeps under the hook: the unload waits, and can be reversed.
    machine.step(
        "sleep 1000 & echo $! > /sleeper
        until grep -q hrtimer_nanosleep /proc/$!/stack; do usleep 10000; done
        kpsctl unload post_sleeps --timeout 1",
        5,
        &["KPS0904", "the transition to unload `post_sleeps`", "kpsctl enable post_sleeps"],
    );
    results.push(in_json(&mut machine, "kpsctl status post_sleeps", 5));
    machine.step("kpsctl enable post_sleeps", 0, &["post_sleeps\tenabled"]);
    machine.step("kill $(cat /sleeper); kpsctl unload post_sleeps; kpsctl list", 0, &["no live"]);
    machine.vm.check_log();
    validate(&results);
}

fn a_livepatch_is_unloaded_under_load() {
    let mut machine = Steps::start(vec![module("tests/vm/unload/replace_sleeps")]);
    machine.step(
        "kpsctl load /replace_sleeps.ko
        for n in 1 2 3; do (while [ ! -e /stop ]; do cat /proc/cmdline; done) > /dev/null & done
        until grep -q livepatch_cmdline_proc_show /proc/[0-9]*/stack; do usleep 10000; done
        kpsctl unload replace_sleeps; status=$?; touch /stop; wait; exit $status",
        0,
        &["replace_sleeps\tenabled"],
    );
    machine.step("kpsctl list && ! grep replace_sleeps /proc/modules", 0, &["no livepatch"]);
    machine.vm.check_log();
}

fn forcing_wants_a_transition_and_a_yes() {
    let mut machine = Steps::start(vec![module("tests/vm/unload/post_sleeps")]);
    machine.step("kpsctl force post_sleeps --yes", 3, &["KPS1003"]);
    machine.step("kpsctl load /post_sleeps.ko && kpsctl force post_sleeps --yes", 3, &["KPS1029"]);
    machine.step(
        "kpsctl unload post_sleeps; sleep 1000 &
        kpsctl load /post_sleeps.ko --timeout 0 --on-stall wait; kpsctl force post_sleeps",
        3,
        &["Forcing a transition makes the kernel", "KPS1031", "kpsctl force post_sleeps --yes"],
    );
    let result = in_json(&mut machine, "kpsctl force post_sleeps --yes", 0);
    validate(&[result]);
    machine.step("kpsctl list", 0, &["post_sleeps\tenabled"]);
    machine.vm.check_log();
}

/// The folders that a server has, and whether a patch acts.
const SERVER: &str = "mkdir -p /var/lib /etc/modprobe.d /etc/systemd/system; cd /; \
                      acts() { grep -q \"net_fix=$1\" /proc/cmdline; }";

fn a_set_is_installed_and_rolled_back() {
    let mut machine = Steps::start(vec![
        module("tests/vm/operate/net_fix"),
        module("tests/vm/operate/net_fix_2"),
        module("tests/vm/operate/other_fix"),
    ]);
    let mut results = Vec::new();
    machine.step(SERVER, 0, &[]);
    machine.step("kpsctl list --installed", 0, &["no livepatch is installed"]);
    machine.step("kpsctl load --all", 0, &["no livepatch is installed for "]);
    machine.step("kpsctl rollback", 3, &["KPS1037"]);
    machine.step("kpsctl uninstall net_fix", 3, &["KPS1036"]);

    // For the next boot alone.
    let said = machine.step("kpsctl install net_fix.ko level=5", 0, &["KPS1033", "kpsctl setup"]);
    assert!(said.contains("net_fix is installed for "), "{said}");
    machine.step(
        "! ls /etc/modprobe.d/kpsc.conf 2> /dev/null && kpsctl setup",
        0,
        &["kpsc.service"],
    );
    machine.step("cat /etc/modprobe.d/kpsc.conf", 0, &["install net_fix /bin/kpsctl load net_fix"]);
    machine.step(
        "kpsctl status",
        0,
        &["net_fix is installed and not enabled; `kpsctl load net_fix`"],
    );
    results.push(in_json(&mut machine, "kpsctl status", 0));
    machine.step(
        "kpsctl status --format prometheus",
        0,
        &["kpsc_livepatch_installed_not_loaded{name=\"net_fix\"} 1\n", "kpsc_kernel_info{release"],
    );
    machine.step("kpsctl load net-fix && kpsctl unload net_fix", 0, &["net_fix\tenabled"]);
    machine.step("kpsctl load --all && grep net_fix=5 /proc/cmdline", 0, &["version 1"]);
    let enabled = "kpsc_livepatch_enabled{name=\"net_fix\"} 1\n";
    let loaded = "kpsc_livepatch_installed_not_loaded{name=\"net_fix\"} 0\n";
    machine.step("kpsctl status --format prometheus", 0, &[enabled, loaded]);
    machine.step("kpsctl list --format prometheus", 2, &["invalid value 'prometheus'"]);
    results.push(in_json(&mut machine, "kpsctl load --all", 0));
    results.push(in_json(&mut machine, "kpsctl list --installed", 0));

    // In the running kernel too: a patch beside it, and one that takes its place.
    machine.step("kpsctl install other_fix.ko --now", 0, &["other_fix\tenabled"]);
    results.push(in_json(&mut machine, "kpsctl install net_fix_2.ko --now", 0));
    machine.step("kpsctl list", 0, &["net_fix_2\tenabled"]);
    machine.step("grep net_fix=second /proc/cmdline && ! grep other_fix /proc/modules", 0, &[]);
    let listed = machine.step("kpsctl list --installed", 0, &["\tnet_fix_2\tversion 2\tfixes CVE"]);
    assert_eq!(listed.lines().count(), 1, "it replaces the others: {listed}");
    machine.step("kpsctl load --all", 0, &["net_fix_2\tenabled"]);

    // And back, one set after the other.
    results.push(in_json(&mut machine, "kpsctl rollback --now", 0));
    machine.step("grep net_fix=5 /proc/cmdline && grep other_fix /proc/version", 0, &[]);
    machine.step("! grep net_fix_2 /proc/modules", 0, &[]);
    machine.step("kpsctl rollback --now && ! grep other_fix /proc/modules", 0, &["no longer"]);
    results.push(in_json(&mut machine, "kpsctl uninstall net_fix --now", 0));
    machine.step("kpsctl list", 0, &["no livepatch is loaded"]);
    machine.step("kpsctl list --installed", 0, &["no livepatch is installed"]);
    machine.vm.check_log();
    validate(&results);
}

/// Nothing is unloaded for a livepatch that cannot be loaded, and what the kernel does not follow is
/// said.
fn kernels_that_do_not_follow() {
    let mut machine = Steps::start(vec![
        module("tests/vm/operate/net_fix"),
        module("tests/vm/operate/net_fix_2"),
        module("tests/vm/operate/other_fix"),
        module("tests/vm/operate/refused"),
        ("/elsewhere.ko".into(), for_another_kernel(&module("tests/vm/operate/net_fix").1)),
        ("/another.ko".into(), another_build()),
    ]);
    machine.step(SERVER, 0, &[]);
    machine.step("kpsctl install net_fix.ko level=5 --now", 0, &["net_fix\tenabled"]);

    // The kernel refuses one, alone or after another one: what was there before is back.
    let refused = [
        ("net_fix.ko level=abc", "a value that it cannot take"),
        ("net_fix_2.ko refused.ko", "`refused`"),
    ];
    for (files, why) in refused {
        let install = format!("kpsctl install {files} --now");
        let said = machine.step(&install, 3, &["KPS1004", why, "are those of before"]);
        assert_eq!(said.matches("net_fix\tenabled").count(), 1, "{said}");
        machine.step("grep net_fix=5 /proc/cmdline && ! grep net_fix_2 /proc/modules", 0, &[]);
        let listed = machine.step("kpsctl list --installed", 0, &["\tlevel=5\n"]);
        assert_eq!(listed.lines().count(), 1, "{listed}");
    }

    // It is for another kernel: nothing changes.
    machine.step("kpsctl install elsewhere.ko --now", 3, &["KPS1006"]);
    let listed = machine.step("kpsctl list --installed", 0, &[]);
    assert_eq!(listed.lines().count(), 1, "{listed}");

    // Another build of the name is loaded than the installed one.
    machine.step("kpsctl install net_fix_2.ko --now && kpsctl unload --all", 0, &[]);
    machine.step("kpsctl load another.ko && kpsctl load --all", 3, &["KPS1041", "`net_fix_2`"]);
    let said = &["KPS1041", "KPS1034", "kpsctl rollback"];
    machine.step("kpsctl install other_fix.ko --now", 3, said);
    machine.step("kpsctl rollback && grep net_fix=another /proc/cmdline", 0, &["no longer"]);

    // An installed name is meant, whatever is in the folder. A set is loaded although the one of
    // another kernel is damaged.
    machine.step("kpsctl unload --all; cp /bin/busybox net_fix_2; kpsctl load net_fix_2", 0, &[]);
    machine.step(
        "kpsctl install elsewhere.ko; kpsctl unload --all
        (cd /var/lib/kpsc/9*/ && rm current && mkdir current); kpsctl load --all",
        0,
        &["KPS1035", "net_fix_2\tenabled"],
    );
    machine.vm.check_log();
}

/// A livepatch of the name of `net_fix_2`, of another text.
fn another_build() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let spec = folder.path().join("net_fix_2.kps");
    let text = read("tests/vm/operate/net_fix_2.kps").replace("=second", "=another");
    std::fs::write(&spec, text).unwrap_or_else(|error| panic!("{error}"));
    store::module(&spec)
}

/// Each command of the guide, what comes before it, and its exit status.
const GUIDE: &[(&str, &str, i32)] = &[
    ("kpsctl info net_fix.ko", "", 0),
    ("kpsctl load net_fix.ko --dry-run", "", 0),
    ("kpsctl load net_fix.ko", "", 0),
    ("kpsctl load net_fix.ko level=2 other_fix.ko", "kpsctl unload --all", 0),
    ("kpsctl list", "", 0),
    ("kpsctl status net_fix", "", 0),
    ("kpsctl wait net_fix", "", 0),
    ("kpsctl disable net_fix", "", 0),
    ("kpsctl unload net_fix", "", 0),
    (
        "kpsctl rollback --now",
        "kpsctl install net_fix.ko --now; kpsctl install net_fix_2.ko --now",
        0,
    ),
    ("kpsctl unload net_fix", "acts 1 || exit", 0),
    ("kpsctl unload --all", "", 0),
    ("kpsctl setup", "", 0),
    ("kpsctl install net_fix.ko level=2", "", 0),
    ("kpsctl install net_fix.ko level=2 --now", "", 0),
    ("kpsctl list --installed", "acts 2 || exit", 0),
    ("kpsctl load --all", "kpsctl unload --all", 0),
    ("kpsctl uninstall net_fix", "acts 2 || exit", 0),
    ("kpsctl setup --remove", "", 0),
    ("kpsctl list --missing 6.12.118+deb13-cloud-amd64", "", 0),
    (
        "kpsctl uninstall net_fix --kernel 6.12.110+deb13-cloud-amd64",
        "kpsctl install elsewhere.ko",
        0,
    ),
    ("kpsctl rollback", "", 0),
    ("kpsctl load --all --again", "", 0),
    ("kpsctl status --format json", "", 0),
    ("kpsctl load net_fix.ko --format json --message-format json", "kpsctl unload --all", 0),
];

fn every_command_of_the_guide_is_run() {
    let guide = blocks(&read("docs/operate.md"));
    let lines =
        guide.iter().filter(|block| block.info == "sh").flat_map(|block| block.text.lines());
    let commands = lines.map(|line| line.split_once(" #").map_or(line, |(command, _)| command));
    let commands: Vec<_> =
        commands.map(str::trim).filter(|command| command.starts_with("kpsctl")).collect();
    assert_eq!(commands, GUIDE.iter().map(|(command, _, _)| *command).collect::<Vec<_>>());

    let (name, bytes) = module("tests/vm/operate/net_fix");
    let mut machine = Steps::start(vec![
        ("/elsewhere.ko".into(), for_another_kernel(&bytes)),
        (name, bytes),
        module("tests/vm/operate/net_fix_2"),
        module("tests/vm/operate/other_fix"),
    ]);
    machine.step(SERVER, 0, &[]);
    for (command, before, status) in GUIDE {
        let command = command.replace("6.12.110+deb13-cloud-amd64", &another_release());
        machine.step(&format!("{SERVER}\n{before}\n{command}"), *status, &[]);
    }
    machine.vm.check_log();
}

/// A server has another C library than the machine that it was built on, and neither compilers nor
/// target kernels.
fn the_program_is_small_and_needs_nothing() {
    const MOST: usize = 6 << 20;
    let program = std::fs::read(kpsctl()).unwrap_or_else(|error| panic!("{error}"));
    assert!(program.len() <= MOST, "kpsctl has {} bytes", program.len());
    let elf = object::read::elf::ElfFile64::<object::LittleEndian>::parse(&*program);
    let elf = elf.unwrap_or_else(|error| panic!("{error}"));
    let kinds = elf.elf_program_headers().iter().map(|header| header.p_type(elf.endian()));
    assert!(!kinds.into_iter().any(|kind| kind == object::elf::PT_INTERP), "it wants a loader");
    assert!(elf.section_by_name(".symtab").is_none(), "kpsctl is not stripped");

    let mut tree = Command::new("cargo");
    tree.args([
        "tree",
        "--package",
        "kpsctl",
        "--edges",
        "normal",
        "--prefix",
        "none",
        "--offline",
    ]);
    let output = tree.current_dir(repository()).output().unwrap_or_else(|error| panic!("{error}"));
    let listed = String::from_utf8_lossy(&output.stdout);
    let ours: BTreeSet<_> = listed
        .lines()
        .filter_map(|line| line.split(' ').next())
        .filter(|name| name.starts_with("kps"))
        .collect();
    let allowed =
        ["kps-arch", "kps-diag", "kps-host", "kps-operate", "kps-plan", "kps-report", "kpsctl"];
    assert_eq!(ours, BTreeSet::from(allowed), "{}", kps_tests::printed(&output));
}

fn an_ordinary_user_is_told_what_is_not_visible() {
    let mut machine = Steps::start(vec![module("tests/vm/unload/post_sleeps")]);
    machine.step("sleep 1000 & kpsctl load /post_sleeps.ko --timeout 0 --on-stall wait", 5, &[]);
    // Nobody in particular, in a small memory.
    let nobody = |command: &str| {
        format!("(ulimit -v 65536; exec start-stop-daemon -S -c 1000 -x /bin/kpsctl -- {command})")
    };
    machine.step(&nobody("list"), 0, &["post_sleeps\tin transition to enabled, ", "not visible"]);
    machine.step(&nobody("status"), 5, &["this user may not look into ", "run it as root"]);
    machine.step(&nobody("info /post_sleeps.ko"), 0, &["vmlinux: hrtimer_nanosleep"]);
    machine.step(&nobody("info post_sleeps"), 0, &["state       to enabled"]);
    machine.step(&nobody("disable post_sleeps"), 3, &["KPS1004", "run it as root"]);
    machine.step(&nobody("load /post_sleeps.ko"), 3, &["KPS1023"]);
    let result = machine.step(&nobody("status --format json"), 5, &["\"unseen\":"]);
    validate(&[result]);
    machine.step("kpsctl disable post_sleeps && kpsctl unload --all", 0, &[]);
    machine.vm.check_log();
}

fn names_are_taken_as_people_type_them() {
    for text in ["fix-it.ko", "fix_it", "/lib/modules/fix-it.ko", "./fix_it.ko", "fix-it"] {
        assert_eq!(kps_operate::name_of(text), "fix_it", "{text}");
    }
}

fn parameters_that_a_module_lacks_are_refused() {
    let mut machine = Steps::start(vec![module("tests/vm/acts/parameters")]);
    machine.step("kpsctl load /parameters.ko ratoi=3", 3, &["KPS1030", "`ratoi`", "`ratio`"]);
    machine.step("kpsctl load /parameters.ko ratoi=3", 3, &["KPS1030", "`ratoi`", "`ratio`"]);
    machine.step("kpsctl load /parameters.ko 'label=\"a b\" ratio=9'", 3, &["KPS1042"]);
    machine.step("kpsctl load ratio=3 /parameters.ko", 3, &["KPS0701", "ratio=3"]);
    machine.step(
        "kpsctl load /parameters.ko ratio=many",
        3,
        &["KPS1004", "invalid for parameter", "a value that it cannot take"],
    );
    machine.step("kpsctl list", 0, &["no livepatch"]);
    machine.vm.check_log();
}
