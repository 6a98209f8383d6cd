// SPDX-License-Identifier: GPL-2.0
//! A kernel that has complained is found, whatever root does in the machine to hide it.

use kps_tests::schedule::Case;
use kps_tests::target::Vm;
use kps_tests::{cases, example, repository, store};
use kps_vm::VmError;

pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_complaint_that_is_hidden_is_found.machine().about(40),
        a_complaint_without_a_taint_is_found.machine().about(30),
        a_flood_does_not_carry_a_complaint_away.machine().about(10),
        a_log_that_does_not_arrive_is_no_clean_log.machine().about(35),
        what_the_agent_does_not_say_is_no_answer.machine().about(10),
    ]
}

/// A machine with a module in which the kernel complains, and an example that silences the console.
fn machine() -> Vm {
    let complains = repository().join("tests/vm/verdict/complains.c");
    let mut vm = Vm::start(vec![
        ("/complains.ko".into(), store::c_module(&complains, "", &[])),
        ("/quiet_console.ko".into(), store::module(&example("quiet_console"))),
    ]);
    vm.sh("insmod /complains.ko");
    vm
}

/// Runs a script, which may well take the agent along.
fn after(script: &str) -> Result<(), VmError> {
    after_all(&[script])
}

/// The same with several scripts, one after another.
fn after_all(scripts: &[&str]) -> Result<(), VmError> {
    let mut vm = machine();
    for script in scripts {
        vm.try_run(&format!(
            "printk=/sys/module/printk/parameters; complain=/sys/module/complains/parameters/now
            {script}"
        ))?;
    }
    vm.verdict()
}

/// What is tried to hide a complaint, each in a machine of its own: the taint stays for good.
const HIDDEN: [(&str, &str); 13] = [
    ("the log is erased", "echo warn > $complain; dmesg -c > /dev/null; dmesg -n 1"),
    (
        "4,000 lines follow",
        "echo warn > $complain
        n=0; while [ $n -lt 4000 ]; do n=$((n + 1)); echo $n lines follow; done > /dev/kmsg",
    ),
    ("the level is lowered", "dmesg -n 1; echo warn > $complain; dmesg -c > /dev/null"),
    (
        "a patch lowers the level",
        "livepatch load /quiet_console.ko; echo warn > $complain; dmesg -c > /dev/null",
    ),
    (
        "the console is silent, and speaks again",
        "echo N > $printk/ignore_loglevel; dmesg -n 1
        echo warn > $complain; dmesg -c > /dev/null
        echo Y > $printk/ignore_loglevel; dmesg -n 8",
    ),
    (
        "a key silences the console",
        "echo N > $printk/ignore_loglevel; echo 0 > /proc/sysrq-trigger; echo warn > $complain",
    ),
    ("the console is detached", "echo N > /sys/class/tty/ttyS0/console; echo warn > $complain"),
    (
        "the taint that programs see is another",
        "echo 0 > /tmp/0; mount --bind /tmp/0 /proc/sys/kernel/tainted
        echo N > /sys/class/tty/ttyS0/console; echo warn > $complain; dmesg -c > /dev/null
        [ $(cat /proc/sys/kernel/tainted) = 0 ]",
    ),
    (
        "the kernel goes on after an oops",
        "echo 0 > /proc/sys/kernel/panic_on_oops; echo N > /sys/class/tty/ttyS0/console
        (echo oops > $complain) 2> /dev/null; dmesg -c > /dev/null",
    ),
    (
        "the programs of the machine are replaced",
        "echo N > /sys/class/tty/ttyS0/console; echo warn > $complain
        mv /bin/busybox /bin/real; printf '#!/bin/real sh\\nexit 0\\n' > /bin/busybox
        /bin/real chmod +x /bin/busybox",
    ),
    (
        "the answers of the agent are forged",
        "echo N > /sys/class/tty/ttyS0/console; echo warn > $complain
        (while usleep 1000; do echo . 0; done > /dev/ttyS1) > /dev/null 2>&1 &",
    ),
    (
        "the marks of kpsc are forwarded",
        "echo N > /sys/class/tty/ttyS0/console; echo warn > $complain
        (cat /dev/kmsg | grep kpsc: > /dev/ttyS0) > /dev/null 2>&1 &",
    ),
    (
        "it comes last",
        "dmesg -n 1; echo N > $printk/ignore_loglevel
        echo Y > /sys/module/complains/parameters/at_exit; rmmod complains",
    ),
];

fn a_complaint_that_is_hidden_is_found() {
    machine().check_log();
    for (how, script) in HIDDEN {
        match after(script) {
            Err(VmError::Complaint { .. }) => {}
            other => panic!("{how}: {other:?}"),
        }
    }
    // Nothing is left of what was to answer, and that is no verdict either.
    let gone = "echo warn > $complain; kill -STOP $PPID; echo i > /proc/sysrq-trigger; reboot -f";
    assert!(after(gone).is_err());
}

/// What is tried to hide a complaint that leaves no taint: the kernel has it in its own log.
const UNTAINTED: [(&str, &str); 6] = [
    (
        "a stall, while the console is silent",
        "echo 3 > /sys/module/rcupdate/parameters/rcu_cpu_stall_timeout
        echo N > $printk/ignore_loglevel; dmesg -n 1
        echo stall > $complain; dmesg -c > /dev/null
        echo Y > $printk/ignore_loglevel; dmesg -n 8",
    ),
    (
        "a task that hangs, while the console is silent",
        "echo N > $printk/ignore_loglevel; echo 0 0 0 0 > /proc/sys/kernel/printk
        echo hung > $complain; dmesg -C
        echo Y > $printk/ignore_loglevel; dmesg -n 8",
    ),
    (
        "the console is detached, and attached",
        "echo N > /sys/class/tty/ttyS0/console; echo lockup > $complain; dmesg -c > /dev/null
        echo Y > /sys/class/tty/ttyS0/console",
    ),
    (
        "4,000 lines follow, while the console is silent",
        "echo N > $printk/ignore_loglevel; dmesg -n 1; echo hung > $complain
        n=0; while [ $n -lt 4000 ]; do n=$((n + 1)); echo $n lines follow; done > /dev/kmsg
        dmesg -c > /dev/null; echo Y > $printk/ignore_loglevel; dmesg -n 8",
    ),
    (
        "more lines follow than the buffer has descriptors",
        "echo N > $printk/ignore_loglevel; dmesg -n 1; echo hung > $complain
        yes | head -n 140000 > /tmp/short; dd if=/tmp/short of=/dev/kmsg bs=2 2> /dev/null
        echo Y > $printk/ignore_loglevel; dmesg -n 8",
    ),
    (
        "the console stays silent",
        "echo N > $printk/ignore_loglevel; dmesg -n 1; echo hung > $complain; dmesg -C",
    ),
];

fn a_complaint_without_a_taint_is_found() {
    for (how, script) in UNTAINTED {
        match after(script) {
            Err(VmError::Complaint { line, log }) => {
                let words = ["rcu_preempt", "blocked for more", "lockup"];
                let is_shown = words.iter().any(|word| line.contains(word));
                // Nothing tells the time of a record whose descriptor has another one by now.
                let has_time = line.starts_with('[') || how.contains("descriptors");
                assert!(is_shown && has_time && log.contains(&line), "{how}: {line}");
            }
            other => panic!("{how}: {other:?}"),
        }
    }
}

/// More than the kernel keeps of its log, while the console is silent.
const FLOOD: &str = "echo N > $printk/ignore_loglevel; dmesg -n 1
    head -c 6000000 /dev/zero | tr '\\0' a > /tmp/flood
    dd if=/tmp/flood of=/dev/kmsg bs=1000 2> /dev/null
    dmesg -c > /dev/null; echo Y > $printk/ignore_loglevel; dmesg -n 8";

/// A complaint is read before the next script begins, and within one nobody knows.
fn a_flood_does_not_carry_a_complaint_away() {
    let quietly = "echo N > $printk/ignore_loglevel; dmesg -n 1; echo hung > $complain; dmesg -C";
    match after(&format!("{quietly}\n{FLOOD}")) {
        Err(VmError::LogLost { .. }) => {}
        other => panic!("{other:?}"),
    }
    match after_all(&[quietly, FLOOD, FLOOD]) {
        Err(VmError::Complaint { line, .. }) => assert!(line.contains("blocked"), "{line}"),
        other => panic!("{other:?}"),
    }
}

/// KPS0907: nobody knows what the kernel has logged.
fn a_log_that_does_not_arrive_is_no_clean_log() {
    for script in [
        "dmesg -n 1; echo N > $printk/ignore_loglevel",
        "rm /dev/kmsg; touch /dev/kmsg",
        "mount --bind /dev/full /dev/kmsg",
    ] {
        match after(script) {
            Err(VmError::LogLost { .. }) => {}
            other => panic!("{script}: {other:?}"),
        }
    }
    // A silence that has ended with nothing hidden is none.
    let ended = "echo N > $printk/ignore_loglevel; dmesg -n 1; dmesg -c > /dev/null
        echo Y > $printk/ignore_loglevel; n=0
        while [ $n -lt 4000 ]; do n=$((n + 1)); echo $n lines follow; done > /dev/kmsg";
    after(ended).unwrap_or_else(|error| panic!("{error:?}"));
}

/// Whatever is written to the agent's line, by whomever, ends the run.
fn what_the_agent_does_not_say_is_no_answer() {
    for write in [
        "echo . 0",
        "echo ok",
        "echo ready",
        "echo . 00c0ffee00c0ffee 0",
        "head -c 100000 /dev/zero | tr '\\0' a",
    ] {
        let mut vm = machine();
        let answer = vm.try_run(&format!("({write}) > /dev/ttyS1"));
        match answer.and_then(|_| vm.try_run("cat /proc/cmdline")) {
            Err(VmError::Garbled { .. }) => {}
            other => panic!("{write}: {other:?}"),
        }
    }
}
