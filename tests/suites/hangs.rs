// SPDX-License-Identifier: GPL-2.0
//! What `kpsc test` says of a machine that dies or hangs in code of a patch, and the shell in which
//! the reason is found.

use kps_tests::pages::read;
use kps_tests::schedule::Case;
use kps_tests::target::Vm;
use kps_tests::{cases, example, kpsc, printed, repository};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    cases![
        an_oops_names_its_step_and_leads_to_the_line.machine().about(10),
        a_complaint_names_the_load_that_it_comes_with.machine().about(10),
        a_task_that_sleeps_on_is_shown_with_its_stack.machine().long().about(40),
        a_processor_that_takes_no_interrupts_is_shown_with_its_stack.machine().about(40),
        a_script_runs_in_the_patched_machine.machine().about(10),
        a_shell_has_a_terminal_of_its_own.machine().about(10),
        the_machine_has_what_the_guide_says.machine(),
        a_command_is_taken_while_others_end.machine().about(15),
    ]
}

fn spec(name: &str) -> PathBuf {
    repository().join("tests/vm/hangs").join(name).with_extension("kps")
}

/// What `kpsc test` prints of a spec whose test fails.
fn fails(name: &str) -> String {
    let output = kpsc().args(["test", "--timeout", "20"]).arg(spec(name)).output();
    let output = output.unwrap_or_else(|error| panic!("{error}"));
    let said = printed(&output);
    assert_eq!(output.status.code(), Some(4), "{said}");
    said
}

/// The place of a text in a spec, as messages show it.
fn place(name: &str, text: &str) -> String {
    let spec = std::fs::read_to_string(spec(name)).unwrap_or_else(|error| panic!("{error}"));
    let mut lines = spec.lines();
    let line = lines.position(|line| line.contains(text)).unwrap_or_else(|| panic!("no {text}"));
    format!("{name}.kps:{}:", line + 1)
}

const STEP: &str = "in \"the command line is read\" with the patch loaded";

#[track_caller]
fn has(said: &str, wanted: &[&str]) {
    for wanted in wanted {
        assert!(said.contains(wanted), "{wanted:?} is not there:\n{said}");
    }
}

fn an_oops_names_its_step_and_leads_to_the_line() {
    let said = fails("reads_nothing");
    let message = format!("error[KPS0902]: the kernel complained {STEP}: ");
    let line = place("reads_nothing", "read_volatile");
    has(&said, &[&message, "NULL pointer dereference", &line]);
    has(&said, &["kps_body_cmdline_proc_show+0x", "during this step", "run \"cat /proc/cmdline\""]);
}

fn a_complaint_names_the_load_that_it_comes_with() {
    has(&fails("warns_at_load"), &["the kernel complained while the patch was being loaded: "]);
}

fn a_task_that_sleeps_on_is_shown_with_its_stack() {
    let said = fails("sleeps_on");
    let line = place("sleeps_on", "schedule_timeout_interruptible");
    has(&said, &["error[KPS0908]: the virtual machine did not answer for 2", STEP, &line]);
    has(&said, &["task:cat", "schedule_timeout+0x", "during this step"]);
    assert!(!said.contains("task:kthreadd"), "{said}");
}

fn a_processor_that_takes_no_interrupts_is_shown_with_its_stack() {
    let said = fails("takes_no_interrupts");
    has(&said, &["error[KPS0908]: ", STEP, "RIP: ", "[takes_no_interrupts]"]);
    has(&said, &["takes_no_interrupts.kps:", "during this step"]);
}

/// What `kpsc test --shell` prints if it reads this, and its exit status.
fn shell(mut command: Command, script: &str) -> (Option<i32>, String) {
    let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let mut child = child.unwrap_or_else(|error| panic!("{error}"));
    let mut stdin = child.stdin.take().unwrap_or_else(|| panic!("no standard input"));
    stdin.write_all(script.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
    drop(stdin);
    let output = child.wait_with_output().unwrap_or_else(|error| panic!("{error}"));
    (output.status.code(), printed(&output))
}

fn with_shell(specs: &[&Path]) -> Command {
    let mut command = kpsc();
    command.args(["test", "--shell"]).args(specs);
    command
}

fn a_script_runs_in_the_patched_machine() {
    let over = repository().join("tests/vm/series/mark_over.kps");
    let (status, said) = shell(
        with_shell(&[&example("cmdline_mark"), &over]),
        "cat /proc/cmdline; ls /sys/kernel/livepatch; ls -d /mnt",
    );
    assert_eq!(status, Some(0), "{said}");
    has(&said, &["over=1\n", "cmdline_mark\n", "mark_over\n", "/mnt\n"]);
    let (status, said) = shell(with_shell(&[&example("cmdline_mark")]), "exit 3");
    assert_eq!(status, Some(4), "{said}");
    has(&said, &["KPS0901", "the script's exit status is 3"]);
}

/// `script` of Debian's `bsdutils` gives kpsc a terminal and types what it reads.
fn a_shell_has_a_terminal_of_its_own() {
    let line = with_shell(&[&example("cmdline_mark")]);
    let words = [line.get_program()].into_iter().chain(line.get_args());
    let words: Vec<_> = words.map(|word| word.to_string_lossy()).collect();
    let mut terminal = Command::new("script");
    terminal.args(["-qec", &words.join(" "), "/dev/null"]);
    for (name, value) in line.get_envs() {
        terminal.env(name, value.unwrap_or_default());
    }
    let typed = "tty; cat /proc/cmdline | tail -n 1\necho $((6 * 7)) answers\nexit\n";
    let (status, said) = shell(terminal, typed);
    assert_eq!(status, Some(0), "{said}");
    // The terminal in the machine ends its lines as terminals do.
    has(&said, &["/dev/ttyS1\r\n", "kps=1\r\n", "42 answers\r\n"]);
}

/// The table of folders, and the number of processors.
fn the_machine_has_what_the_guide_says() {
    let guide = read("docs/testing.md");
    let folders = guide.lines().filter_map(|line| line.strip_prefix("| `/")?.split('`').next());
    let folders: Vec<String> = folders.map(|folder| format!("/{folder}")).collect();
    assert!(folders.len() >= 8, "{folders:?}");
    let mut vm = Vm::start(Vec::new());
    for folder in &folders {
        vm.sh(&format!(
            "[ -d {folder} ] && touch {folder} || [ {folder} = /proc -o {folder} = /sys ]"
        ));
    }
    vm.sh("mount -t tmpfs none /mnt && umount /mnt");
    vm.check_log();
}

/// A command arrives while programs end that an earlier one has left behind.
fn a_command_is_taken_while_others_end() {
    let mut vm = Vm::start(Vec::new());
    let leave = "for n in $(seq 60); do usleep ${n}0000 & done";
    // More than one line of the agent.
    let words = "word ".repeat(200);
    for _ in 0..3 {
        vm.sh(leave);
        for n in 0..20 {
            assert_eq!(vm.sh(&format!("echo {words} {n} | wc -w")).trim(), "201");
        }
    }
    vm.check_log();
}
