// SPDX-License-Identifier: GPL-2.0
//! A rollout over several machines, one of which does not take the livepatch.

use super::controller::Controller;
use super::{disk, is_unchanged, livepatch, on_this_kernel, readme, reports};
use kps_tests::cases;
use kps_tests::debian::{boot_all, Key};
use kps_tests::schedule::Case;
use kps_tests::target::Vm;

pub(super) fn cases() -> Vec<Case> {
    cases![a_host_that_stalls_ends_the_rollout.machine().long().about(400)]
}

const HOSTS: [&str; 3] = ["h1", "h2", "h3"];

/// How many batches a rollout has begun.
fn batches(said: &str) -> usize {
    said.lines().filter(|line| line.starts_with("PLAY [Roll out livepatches]")).count()
}

fn is_loaded(vm: &mut Vm, name: &str) -> bool {
    let [loaded, installed] = ["kpsctl list", "kpsctl list --installed"]
        .map(|command| vm.sh(command).split_whitespace().any(|word| word == name));
    assert_eq!(loaded, installed, "{name} is loaded and not installed, or the other way round");
    loaded
}

fn a_host_that_stalls_ends_the_rollout() {
    let controller = Controller::new();
    let key = Key::new();
    let mut disks = HOSTS.map(|host| disk(host, Vec::new(), &key));
    controller.manages(&HOSTS, &disks, &key);
    controller.livepatch("net_fix", &livepatch("operate/net_fix"));
    controller.livepatch("post_sleeps", &livepatch("unload/post_sleeps"));
    let playbook = readme("- src: /srv/livepatches/net_fix.ko");
    controller.playbook("fix.yml", &playbook);
    // It has no parameters.
    let parameters = playbook.find("        parameters:").unwrap_or(playbook.len());
    let stalls = playbook[..parameters].replace("net_fix.ko", "post_sleeps.ko");
    controller.playbook("stalls.yml", &stalls);
    let rollout = "ansible-playbook fix.yml";
    let stall = "ansible-playbook stalls.yml --extra-vars livepatch_timeout=10";

    // One rollout reaches all hosts in three batches.
    let machines = boot_all(&mut disks);
    let [mut first, mut second, third] =
        <[Vm; 3]>::try_from(machines).unwrap_or_else(|_| panic!("three machines"));
    let said = controller.succeeds(rollout);
    reports(&said, &on_this_kernel(&readme("h3: done, kernel")));
    assert_eq!(batches(&said), 3, "{said}");

    // The third one is off meanwhile: whoever tries to reach it says so.
    third.shut_down();
    second.sh("setsid sleep 1000 < /dev/null > /dev/null 2>&1 & echo $! > /root/sleeper
        until grep -q hrtimer_nanosleep /proc/$!/stack; do sleep 0.1; done");
    let said = controller.fails(stall);
    let shown = readme("h2: failed: KPS1027").replace("within 60 s", "within 10 s");
    reports(&said, &on_this_kernel(&shown));
    assert_eq!(batches(&said), 2, "{said}");
    assert!(!said.contains("UNREACHABLE"), "{said}");
    for told in [
        "\"exit_status\": 6",
        "\"rolled_back\": true",
        "\"comm\": \"sleep\"",
        "\"function\": \"hrtimer_nanosleep\"",
        "\"remedies\": [",
    ] {
        assert!(said.contains(told), "{told}: {said}");
    }
    assert!(is_loaded(&mut first, "post_sleeps") && is_loaded(&mut second, "net_fix"));
    assert!(!is_loaded(&mut second, "post_sleeps"));
    second.sh("grep net_fix=2 /proc/cmdline && ! grep post_sleeps /proc/modules");

    // When the task has ended, the same command goes on. The third one has booted with its
    // livepatch.
    second.sh("kill $(cat /root/sleeper)");
    let mut third = disks[2].boot("");
    third.sh("grep net_fix=2 /proc/cmdline");
    assert!(!is_loaded(&mut third, "post_sleeps"));
    is_unchanged(&controller.succeeds(stall), "h1");
    for mut vm in [first, second, third] {
        assert!(is_loaded(&mut vm, "post_sleeps") && is_loaded(&mut vm, "net_fix"));
        vm.shut_down();
    }
}
