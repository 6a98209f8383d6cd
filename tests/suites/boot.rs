// SPDX-License-Identifier: GPL-2.0
//! Installed patches in a Debian that boots: they are there before anything ordinary starts, unless
//! the administrator says otherwise.

use kps_tests::debian::Disk;
use kps_tests::schedule::Case;
use kps_tests::target::{for_another_kernel, target, Vm};
use kps_tests::{cases, example, kpsctl, repository, stem, store};
use std::path::Path;

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_patch_is_there_before_the_network_and_every_service.machine().about(60),
        one_word_on_the_command_line_boots_without_patches.machine().long().about(60),
        a_set_that_brings_the_machine_down_is_not_loaded_again.machine().long().about(90),
        a_patch_is_there_after_a_power_cut.machine().long().about(60),
        a_kernel_without_builds_says_so_and_boots.machine().long().about(60),
        what_reads_the_files_of_setup_accepts_them.machine().long().about(30),
    ]
}

/// A patch that shows itself in `/proc/cmdline`.
const MARK: &str = "cmdline_mark";
const KPSCTL: &str = "/usr/local/sbin/kpsctl";

/// An ordinary service that starts as early as ordinary services do, and notes what it sees.
const WITNESS: &str = "[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'cat /proc/cmdline > /run/witness'
[Install]
WantedBy=multi-user.target
";

/// A disk of a machine with kpsctl, and a patch to install.
fn disk(patch: &Path) -> Disk {
    with_module(patch, store::module(patch))
}

fn with_module(patch: &Path, module: Vec<u8>) -> Disk {
    let files = vec![
        ("/etc/systemd/system/witness.service".to_owned(), WITNESS.as_bytes().to_vec()),
        (format!("/root/{}.ko", stem(patch)), module),
    ];
    let kpsctl = std::fs::read(kpsctl()).unwrap_or_else(|error| panic!("{error}"));
    Disk::new(files, vec![(KPSCTL.to_owned(), kpsctl)])
}

/// Boots it for the first time, and installs the patch.
fn installed(disk: &mut Disk) -> Vm {
    let mut vm = disk.boot("");
    // The files of the case are on the disk then. What kpsctl writes is its own affair.
    vm.sh("systemctl enable witness && sync");
    vm.sh(&format!("{KPSCTL} setup && {KPSCTL} install /root/*.ko"));
    assert!(!is_patched(&mut vm), "it is installed for the next boot");
    vm
}

fn is_patched(vm: &mut Vm) -> bool {
    vm.sh("cat /proc/cmdline").contains("kps=1")
}

/// When a unit began to start, in microseconds since the kernel did.
fn started(vm: &mut Vm, unit: &str) -> u64 {
    moment(vm, unit, "InactiveExit")
}

/// When a unit had started.
fn active(vm: &mut Vm, unit: &str) -> u64 {
    moment(vm, unit, "ActiveEnter")
}

fn moment(vm: &mut Vm, unit: &str, change: &str) -> u64 {
    let show = format!("systemctl show --value --property {change}TimestampMonotonic {unit}");
    let moment = vm.sh(&show).trim().parse().unwrap_or_default();
    assert!(
        moment > 0,
        "{unit} has no {change}: {}",
        vm.run(&format!("systemctl status {unit}")).text
    );
    moment
}

fn a_patch_is_there_before_the_network_and_every_service() {
    let mut disk = disk(&example(MARK));
    installed(&mut disk).shut_down();
    let mut vm = disk.boot("");
    assert!(is_patched(&mut vm), "{}", vm.sh("systemctl status kpsc"));
    assert!(vm.sh("cat /run/witness").contains("kps=1"));
    let patched = active(&mut vm, "kpsc.service");
    let later =
        ["network-pre", "sysinit", "basic", "multi-user"].map(|name| format!("{name}.target"));
    for unit in later.iter().map(String::as_str).chain(["witness.service"]) {
        let start = started(&mut vm, unit);
        assert!(patched < start, "{unit} started at {start}, the patch was there at {patched}");
    }
    let booted = active(&mut vm, "multi-user.target");
    assert!(started(&mut vm, "kpsc-booted.service") > booted);
    assert_eq!(vm.sh("systemctl is-system-running --wait").trim(), "running");
    vm.sh("! ls /var/lib/kpsc/*/attempt 2> /dev/null");
    vm.shut_down();
}

fn one_word_on_the_command_line_boots_without_patches() {
    let mut disk = disk(&example(MARK));
    installed(&mut disk).shut_down();
    let mut vm = disk.boot("kpsc.enable=0");
    assert!(!is_patched(&mut vm));
    vm.sh("! systemctl is-active kpsc kpsc-booted && systemctl is-active multi-user.target");
    // Whoever repairs a machine gets it as it is without patches.
    let wanted = vm.sh("systemctl list-dependencies --plain --all rescue.target emergency.target");
    assert!(wanted.contains("sysinit.target") && !wanted.contains("kpsc"), "{wanted}");
    vm.sh("systemctl start kpsc.service");
    assert!(!is_patched(&mut vm), "the word holds until the next boot");
    vm.sh(&format!("{KPSCTL} load --all"));
    assert!(is_patched(&mut vm), "whoever loads them by hand means it");
    vm.shut_down();
    let mut vm = disk.boot("");
    assert!(is_patched(&mut vm), "the word is for one boot");
    vm.check_log();
}

fn a_set_that_brings_the_machine_down_is_not_loaded_again() {
    let mut disk = disk(&repository().join("tests/vm/boot/goes_down.kps"));
    installed(&mut disk).cut();
    let log = disk.goes_down("");
    assert!(log.contains("[goes_down"), "{log}");

    // The next boot does without, and says why wherever somebody looks.
    let mut vm = disk.boot("");
    let held = "the installed patches are not loaded: the machine went down while it loaded them";
    assert!(vm.console().contains(held), "{}", vm.console());
    assert!(vm.sh("systemctl --failed").contains("kpsc.service"));
    assert!(vm.sh("journalctl --boot --unit kpsc").contains(held));
    let status = vm.sh(&format!("{KPSCTL} status 2>&1"));
    assert!(status.contains("KPS1038") && status.contains("not enabled"), "{status}");
    vm.sh("systemctl is-active multi-user.target network-pre.target witness.service");
    let again = vm.run(&format!("{KPSCTL} load --all"));
    assert!(again.status == 3 && again.text.contains("--again"), "{}", again.text);
    vm.check_log();
    vm.cut();

    // Neither does the one after, until somebody says how to go on.
    let mut vm = disk.boot("");
    assert!(vm.sh("systemctl --failed").contains("kpsc.service"));
    vm.sh(&format!("{KPSCTL} rollback"));
    vm.check_log();
    vm.cut();
    let mut vm = disk.boot("");
    assert_eq!(vm.sh("systemctl is-system-running --wait").trim(), "running");
    vm.check_log();
}

fn a_patch_is_there_after_a_power_cut() {
    let mut disk = disk(&example(MARK));
    installed(&mut disk).cut();
    let mut vm = disk.boot("");
    assert!(is_patched(&mut vm));
    vm.check_log();
    vm.cut();
    let mut vm = disk.boot("");
    assert!(is_patched(&mut vm));
    vm.check_log();
}

fn a_kernel_without_builds_says_so_and_boots() {
    let patch = example(MARK);
    let mut disk = with_module(&patch, for_another_kernel(&store::module(&patch)));
    installed(&mut disk).cut();
    let mut vm = disk.boot("");
    let said = format!("`{MARK}` has no build for {}", target().release());
    assert!(vm.sh("journalctl --boot --unit kpsc").contains(&said));
    assert!(vm.console().contains(&said), "{}", vm.console());
    assert_eq!(vm.sh("systemctl is-system-running --wait").trim(), "running");
    vm.check_log();
}

fn what_reads_the_files_of_setup_accepts_them() {
    let mut disk = disk(&example(MARK));
    let mut vm = installed(&mut disk);
    let said = vm.sh("systemd-analyze verify --man=no kpsc.service kpsc-booted.service");
    assert_eq!(said, "");
    // A kernel is installed, whatever is said of it.
    vm.sh("run-parts --test /etc/kernel/postinst.d | grep -q /zz-kpsc$");
    let installed = "/etc/kernel/postinst.d/zz-kpsc 6.1.0-1-amd64 /boot/vmlinuz-6.1.0-1-amd64";
    let said = vm.sh(&format!("{installed} 2>&1"));
    assert!(said.contains("KPS1032") && said.contains("no build for 6.1.0-1-amd64"), "{said}");
    // A name that was installed is not loaded past the checks.
    vm.sh(&format!("mkdir -p /lib/modules/$(uname -r); depmod 2> /dev/null; modprobe {MARK}"));
    assert!(is_patched(&mut vm));
    vm.sh(&format!("{KPSCTL} unload {MARK}; echo integrity > /sys/kernel/security/lockdown"));
    let refused = vm.run(&format!("modprobe {MARK}"));
    assert!(refused.status != 0 && refused.text.contains("KPS1019"), "{}", refused.text);
    vm.sh(&format!("{KPSCTL} setup --remove"));
    vm.sh("! ls /etc/kernel/postinst.d/zz-kpsc /etc/modprobe.d/kpsc.conf 2> /dev/null");
    vm.sh("! find /etc/systemd -name 'kpsc*' | grep .");
    vm.check_log();
}
