// SPDX-License-Identifier: GPL-2.0
//! `kpsc load`, `unload` and `list` on a running kernel: the program itself in a virtual machine
//! with the default target.

use kps_tests::pages::{block, Block};
use kps_tests::schedule::Case;
use kps_tests::store;
use kps_tests::target::{doctored, Steps};
use kps_tests::world::World;
use kps_tests::{cases, kpsc, printed, repository};
use std::path::PathBuf;

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_livepatch_is_loaded_listed_and_unloaded.machine().about(25),
        a_transition_that_does_not_complete_names_who_holds_it_up.machine().about(25),
        a_livepatch_that_was_replaced_can_be_unloaded.machine().about(15),
        two_patches_of_one_function_are_refused_unless_one_says_so.machine().about(20),
        unloading_says_what_was_restored_and_freed.machine().about(15),
        what_new_writes_acts_as_it_is.machine().about(20),
    ]
}

fn spec(path: &str) -> PathBuf {
    repository().join(path).with_extension("kps")
}

fn module(path: &str) -> (String, Vec<u8>) {
    let spec = spec(path);
    (format!("/{}.ko", kps_tests::stem(&spec)), store::module(&spec))
}

/// The line of a livepatch that `docs/operate.md` shows.
fn shown(name: &str) -> String {
    let start = format!("{name}\t");
    let Block { text, .. } = block("docs/operate.md", |block| block.text.contains(&start));
    let line = text.lines().find(|line| line.starts_with(&start)).unwrap_or_default();
    format!("{line}\n")
}

fn a_livepatch_is_loaded_listed_and_unloaded() {
    let another = doctored(|facts| facts.identity.build_id[7] ^= 1);
    let foreign =
        store::build(&spec("examples/cmdline_mark/cmdline_mark"), Some(another.path())).module;
    let mark = store::module(&spec("examples/cmdline_mark/cmdline_mark"));
    let mut machine = Steps::start(vec![
        module("tests/vm/acts/callbacks"),
        module("examples/missing_files/missing_files"),
        ("/foreign.ko".into(), foreign),
        ("/plain.ko".into(), without_mark(&mark)),
        ("/cmdline_mark.ko".into(), mark),
        ("/refused.ko".into(), store::module(&spec("tests/vm/fails/refused_by_callback"))),
    ]);
    machine.step("kpsc list", 0, &["no livepatch is loaded"]);
    let line = "callbacks\tenabled\tvmlinux: 1 function\tversion 2.0.1\tfixes CVE-2026-0001, CVE-2026-0002\n";
    assert_eq!(machine.step("kpsc load /callbacks.ko", 0, &[]), line);
    machine.step("cat /proc/cmdline", 0, &["count="]);
    assert_eq!(machine.step("kpsc list", 0, &[]), line);

    machine.step("kpsc load /callbacks.ko", 3, &["KPS1008", "a module `callbacks` is loaded"]);
    machine.step("kpsc load /bin/busybox", 3, &["KPS1002", "is not a module"]);
    machine.step("kpsc load /plain.ko", 3, &["KPS1002", "insmod"]);
    machine.step("kpsc load /no-such.ko", 3, &["KPS0701"]);
    machine.step(
        "kpsc unload cmdline_mark",
        3,
        &["KPS1003", "name a loaded livepatch: `callbacks`"],
    );
    assert_eq!(machine.step("kpsc list", 0, &[]), line);

    assert_eq!(machine.step("kpsc unload callbacks", 0, &[]), "");
    machine.step("kpsc unload callbacks", 3, &["KPS1003"]);
    machine.step("kpsc load /foreign.ko", 3, &["KPS1006", "another build of 7"]);
    machine.step("insmod /foreign.ko", 8, &["invalid module format"]);
    machine.step("dmesg", 0, &["cmdline_mark: refused: this kernel is not"]);
    machine.step(
        "kpsc load /refused.ko",
        3,
        &["KPS1004", "the kernel's log:", "pre-patch callback failed"],
    );
    assert_eq!(machine.step("kpsc load /missing_files.ko", 0, &[]), shown("missing_files"));
    machine.step("kpsc unload missing_files", 0, &[]);
    let after =
        machine.step("cat /proc/cmdline /proc/modules; kpsc list", 0, &["no livepatch is loaded"]);
    assert!(!after.contains("count=") && !after.contains("callbacks"), "{after}");

    machine.step(
        "mount -t securityfs none /sys/kernel/security && echo integrity > /sys/kernel/security/lockdown
        kpsc load /cmdline_mark.ko",
        3,
        &["KPS1019", "locked down"],
    );
    machine.step(
        "echo 1 > /proc/sys/kernel/modules_disabled; kpsc load /cmdline_mark.ko",
        3,
        &["KPS1022", "kernel.modules_disabled is set"],
    );
    machine.vm.check_log();
}

/// The module with another word where its information says that it is a livepatch.
fn without_mark(module: &[u8]) -> Vec<u8> {
    const MARK: &[u8] = b"livepatch=";
    let at = module.windows(MARK.len()).position(|window| window == MARK);
    let at = at.unwrap_or_else(|| panic!("the module does not say that it is a livepatch"));
    let mut module = module.to_vec();
    module[at..at + MARK.len()].copy_from_slice(b"somethings");
    module
}

fn a_transition_that_does_not_complete_names_who_holds_it_up() {
    let mut machine = Steps::start(vec![
        module("tests/vm/unload/post_sleeps"),
        module("tests/vm/unload/replace_sleeps"),
        module("tests/vm/unload/successor"),
    ]);
    // A task that sleeps in the old function. Taking the patch back is the way out.
    machine.step(
        "sleep 100 & kpsc load /post_sleeps.ko --timeout 2 --on-stall wait",
        5,
        &["KPS0904", "held up by sleep, task", "hrtimer_nanosleep", "kpsc disable post_sleeps"],
    );
    machine.step("kpsc list", 0, &[&shown("post_sleeps")]);
    machine.step("kpsc load /successor.ko", 3, &["KPS1015", "another livepatch is in transition"]);
    machine.step("kpsc unload post_sleeps && kpsc list", 0, &["no livepatch is loaded"]);

    // A task that sleeps in the new code. It comes out by itself.
    machine.step("kpsc load /replace_sleeps.ko", 0, &["replace_sleeps\tenabled"]);
    machine.step(
        "cat /proc/cmdline > /dev/null &
        until grep -q livepatch_cmdline_proc_show /proc/$!/stack; do usleep 10000; done
        kpsc unload replace_sleeps --timeout 0",
        5,
        &[
            "KPS0904",
            "held up by cat, task",
            "livepatch_cmdline_proc_show",
            "kpsc wait replace_sleeps",
        ],
    );
    machine.step("kpsc unload replace_sleeps && kpsc list", 0, &["no livepatch is loaded"]);
    machine.vm.check_log();
}

fn a_livepatch_that_was_replaced_can_be_unloaded() {
    let mut machine = Steps::start(vec![
        module("examples/cmdline_mark/cmdline_mark"),
        module("tests/vm/unload/successor"),
    ]);
    machine.step(
        "kpsc load /cmdline_mark.ko && kpsc load /successor.ko",
        0,
        &["successor\tenabled"],
    );
    machine.step(
        "kpsc list",
        0,
        &[&shown("cmdline_mark"), "successor\tenabled\tvmlinux: 1 function\n"],
    );
    machine.step("kpsc unload cmdline_mark && ! grep cmdline_mark /proc/modules", 0, &[]);
    machine.step("kpsc unload successor && kpsc list", 0, &["no livepatch is loaded"]);
    machine.vm.check_log();
}

fn two_patches_of_one_function_are_refused_unless_one_says_so() {
    let mut machine = Steps::start(vec![
        module("examples/cmdline_mark/cmdline_mark"),
        module("tests/vm/stacked/marks_too"),
        module("tests/vm/stacked/marks_over"),
        module("tests/vm/stacked/marks_all"),
    ]);
    machine.step("kpsc load /cmdline_mark.ko", 0, &[]);
    let refused = "`marks_too` and `cmdline_mark` both change `cmdline_proc_show`";
    machine.step("kpsc load /marks_too.ko", 3, &["KPS1005", refused, "`over cmdline_mark;`"]);
    machine.step("cat /proc/cmdline", 0, &["kps=1"]);
    machine.step("kpsc load /marks_over.ko && cat /proc/cmdline", 0, &["over=1"]);
    machine.step("kpsc load /marks_all.ko && cat /proc/cmdline", 0, &["all=1"]);
    machine.step(
        "kpsc unload marks_all",
        0,
        &["marks_all is unloaded; loading an older version with `atomic replace`"],
    );
    // These were replaced by it: nothing more ends with them.
    let replaced = machine.step("kpsc unload marks_over && kpsc unload cmdline_mark", 0, &[]);
    assert_eq!(replaced, "");
    machine.vm.check_log();
}

fn unloading_says_what_was_restored_and_freed() {
    let mut machine = Steps::start(vec![
        module("examples/no_kexec/no_kexec"),
        module("examples/task_misses/task_misses"),
    ]);
    machine.step("kpsc load /no_kexec.ko && kpsc load /task_misses.ko", 0, &[]);
    let gap = "the system runs without the patch until another version is loaded";
    machine.step("kpsc unload no_kexec", 0, &["no_kexec is unloaded, `", "` restored; ", gap]);
    machine.step(
        "kpsc unload task_misses",
        0,
        &["task_misses is unloaded, the data of `", "` freed; ", gap],
    );
    machine.vm.check_log();
}

fn what_new_writes_acts_as_it_is() {
    let world = World::default();
    for arguments in [&["new", "hello"][..], &["new", "calls", "--function", "do_sys_openat2"]] {
        let name = arguments[1];
        assert_eq!(world.run(arguments), format!("{name}.kps\nexit status 0\n"));
        let output =
            kpsc().current_dir(world.work()).arg("test").arg(format!("{name}.kps")).output();
        let output = output.unwrap_or_else(|error| panic!("{error}"));
        assert!(
            output.status.success() && printed(&output).contains("ok: "),
            "{name}:\n{}",
            printed(&output)
        );
    }
}
