// SPDX-License-Identifier: GPL-2.0
//! Livepatches on many machines: the collection for Ansible does what its README shows, from a
//! machine with the real Ansible, over SSH, on machines with the real kpsctl.

mod controller;
mod packages;
mod stall;

use controller::Controller;
use kps_tests::debian::{Disk, Files, Key};
use kps_tests::pages::{block, ANSIBLE, FLEET};
use kps_tests::schedule::Case;
use kps_tests::target::{for_another_kernel, target};
use kps_tests::{cases, copy_folder, kpsctl, printed, repository, store};
use sha2::{Digest as _, Sha256};
use std::process::Command;

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    let cases = cases![
        what_the_modules_conclude_from_answers_is_right,
        ansible_lint_finds_nothing.about(10),
        a_machine_is_patched_as_the_readme_shows.machine().about(100),
    ];
    cases.into_iter().chain(stall::cases()).chain(packages::cases()).collect()
}

/// The text of a block of the README, by words in it.
fn readme(words: &str) -> String {
    assert!(FLEET.contains(&(ANSIBLE, words)), "tests/src/pages.rs does not list {words:?}");
    block(ANSIBLE, |block| block.text.contains(words)).text
}

/// A block of what is printed for every kernel, as it is for this one.
fn on_this_kernel(text: &str) -> String {
    text.replace("6.12.118+deb13-cloud-amd64", target().release())
}

/// Succeeds on a machine that has no livepatches.
const NOTHING_IS_THERE: &str = "test -z \"$(kpsctl list && kpsctl list --installed)\"";

/// A livepatch of `tests/vm`.
fn livepatch(path: &str) -> Vec<u8> {
    store::module(&repository().join("tests/vm").join(path).with_extension("kps"))
}

/// A disk of a machine that can be managed: it has a network, and kpsctl where the scripts of
/// packages find it.
fn disk(host: &str, files: Files, key: &Key) -> Disk {
    let kpsctl = std::fs::read(kpsctl()).unwrap_or_else(|error| panic!("{error}"));
    let programs = vec![("/usr/sbin/kpsctl".to_owned(), kpsctl)];
    Disk::new(files, programs).named(host).with_network(key)
}

/// What a report has of a text, line by line: Ansible prints it as a list of JSON.
fn reports(said: &str, text: &str) {
    for line in text.lines() {
        assert!(said.contains(&format!("\"{line}\"")), "no line {line:?}:\n{said}");
    }
}

/// The collection's own tests, with answers that kpsctl has given.
fn what_the_modules_conclude_from_answers_is_right() {
    let mut python = Command::new("sh");
    python.args(["-ec", &readme("python3 -m unittest discover")]);
    python.env("PYTHONDONTWRITEBYTECODE", "1").current_dir(repository().join("deploy/ansible"));
    let output = python.output().unwrap_or_else(|error| panic!("sh: {error}"));
    let said = printed(&output);
    assert!(output.status.success() && said.contains("\nOK"), "{said}");
}

/// It looks at a copy, because it makes folders there.
fn ansible_lint_finds_nothing() {
    let controller = Controller::new();
    let copy = controller.path("copy");
    copy_folder(&repository().join("deploy/ansible"), &copy)
        .unwrap_or_else(|error| panic!("{error}"));
    let said = controller.succeeds("cd copy && ansible-lint --offline --nocolor --strict");
    assert!(said.contains("Passed: 0 failure(s), 0 warning(s)"), "{said}");
    // What the README names for the options.
    let of_module = controller.succeeds("ansible-doc kpsc.livepatch.kpsc_livepatch");
    assert!(of_module.contains("on_stall"), "{of_module}");
    let of_role = controller.succeeds("ansible-doc -t role kpsc.livepatch.livepatch");
    assert!(of_role.contains("livepatch_packages_state"), "{of_role}");
}

fn a_machine_is_patched_as_the_readme_shows() {
    let controller = Controller::new().pipelined();
    let key = Key::new();
    let mut disks = [disk("h1", Vec::new(), &key)];
    controller.manages(&["h1"], &disks, &key);
    let mut vm = disks[0].boot("");
    let module = livepatch("operate/net_fix");
    controller.livepatch("net_fix", &module);
    controller.livepatch("elsewhere", &for_another_kernel(&module));
    controller.playbook("fix.yml", &readme("- src: /srv/livepatches/net_fix.ko"));
    let commands = readme("ansible-playbook fix.yml --check");
    let (check, rollout) = commands.trim().split_once('\n').unwrap_or_default();

    // Check mode says what would change, or what the kernel would refuse, and changes nothing.
    let said = controller.succeeds(check);
    let digest: String = Sha256::digest(&module).iter().map(|byte| format!("{byte:02x}")).collect();
    let shown = readme("+  net_fix 1 level=2");
    let example = shown.split("sha256=").nth(1).and_then(|rest| rest.lines().next());
    let shown = shown.replace(example.unwrap_or_default(), &digest);
    assert!(said.contains(&shown), "{said}");
    reports(&said, &on_this_kernel("h1: would change, kernel 6.12.118+deb13-cloud-amd64"));
    let refused = controller.fails(
        "ansible web --check --module-name kpsc.livepatch.kpsc_livepatch \
         --args '{\"modules\": [{\"src\": \"elsewhere.ko\"}]}'",
    );
    assert!(refused.contains("\"exit_status\": 3") && refused.contains("KPS1006"), "{refused}");
    vm.sh(NOTHING_IS_THERE);

    // Another case at the same time, and whoever tests, may have an `h1` of their own.
    assert!(controller.path("home/.ansible/cp").is_dir(), "connections are shared with others");

    // A rollout changes the running kernel and the next boot, and a second one nothing.
    let said = controller.succeeds(rollout);
    let report = on_this_kernel(&readme("h3: done, kernel"));
    let of_one: Vec<_> = report.lines().take(2).collect();
    reports(&said, &of_one.join("\n"));
    vm.sh("grep net_fix=2 /proc/cmdline && kpsctl list --installed | grep net_fix");
    vm.sh("systemctl is-enabled kpsc.service");
    is_unchanged(&controller.succeeds(rollout), "h1");

    // Who asks is told which CVEs that fixes.
    let tasks = readme("- name: List the CVEs").replace('\n', "\n    ");
    let play = format!("- hosts: web\n  gather_facts: false\n  tasks:\n    {tasks}");
    controller.playbook("facts.yml", &play);
    let said = controller.succeeds("ansible-playbook facts.yml");
    assert!(said.contains("\"msg\": \"CVE-2026-0003\""), "{said}");

    // It goes as it came.
    let commands = readme("ansible web --module-name kpsc.livepatch.kpsc_facts");
    let (facts, remove) = commands.trim().split_once('\n').unwrap_or_default();
    let removed = controller.succeeds(remove);
    assert!(removed.contains("\"changed\": true"), "{removed}");
    let facts = controller.succeeds(facts);
    assert!(facts.contains("\"fixes\": []") && facts.contains("\"installed\": []"), "{facts}");
    vm.sh("! grep net_fix /proc/cmdline /proc/modules");
    vm.shut_down();
}

/// Nothing has changed on this host.
fn is_unchanged(said: &str, host: &str) {
    let recap = said.lines().rfind(|line| line.starts_with(host) && line.contains("ok="));
    assert!(recap.is_some_and(|line| line.contains(" changed=0 ")), "{said}");
}
