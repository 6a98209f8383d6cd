// SPDX-License-Identifier: GPL-2.0
//! Installed patches in a Debian that boots: they are there before anything ordinary starts, unless
//! the administrator says otherwise.

use kps_tests::debian::Disk;
use kps_tests::schedule::Case;
use kps_tests::target::Vm;
use kps_tests::{cases, example, kpsctl, repository, stem, store};
use std::path::Path;

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_patch_is_there_before_the_network_and_every_service.machine().about(60),
        one_word_on_the_command_line_boots_without_patches.machine().long().about(60),
        a_machine_that_a_patch_brings_down_boots_with_that_word.machine().long().about(60),
        a_patch_is_there_after_a_power_cut.machine().long().about(60),
        a_set_that_is_not_loaded_is_reported_on_the_console.machine().long().about(60),
        what_reads_the_files_of_setup_accepts_them.machine().long().about(30),
    ]
}

/// A patch that shows itself in `/proc/cmdline`.
const MARK: &str = "cmdline_mark";
const KPSCTL: &str = "/usr/local/sbin/kpsctl";

/// In place of what kpsctl does with the store: the installed set is all modules in its folder, and
/// kpsctl itself loads them.
const STAND_IN: &str = "#!/bin/sh
kpsctl=/usr/local/lib/kpsctl installed=/var/lib/kpsc
case \"$*\" in
'load --all --boot') exec $kpsctl load $installed/*.ko ;;
'load cmdline_mark') exec $kpsctl load $installed/cmdline_mark.ko ;;
'load --booted') touch /run/kpsc-booted ;;
'list --missing '*) echo \"no build for $3\" ;;
esac
";

/// An ordinary service that starts as early as ordinary services do, and notes what it sees.
const WITNESS: &str = "[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'cat /proc/cmdline > /run/witness'
[Install]
WantedBy=multi-user.target
";

/// A file that `kpsctl setup` writes.
fn operate(name: &str) -> String {
    let path = repository().join("templates/operate").join(name);
    let text = std::fs::read_to_string(&path);
    text.unwrap_or_else(|error| panic!("{}: {error}", path.display())).replace("@KPSCTL@", KPSCTL)
}

/// A disk of a machine on which kpsctl has been set up, with a patch to install.
fn disk(patch: &Path) -> Disk {
    let unit = |name: &str| (format!("/etc/systemd/system/{name}"), operate(name).into_bytes());
    let files = vec![
        unit("kpsc.service"),
        unit("kpsc-booted.service"),
        ("/etc/systemd/system/witness.service".to_owned(), WITNESS.as_bytes().to_vec()),
        (format!("/root/{}.ko", stem(patch)), store::module(patch)),
    ];
    let kpsctl = std::fs::read(kpsctl()).unwrap_or_else(|error| panic!("{error}"));
    let programs = vec![
        ("/usr/local/lib/kpsctl".to_owned(), kpsctl),
        (KPSCTL.to_owned(), STAND_IN.as_bytes().to_vec()),
        ("/etc/kernel/postinst.d/zz-kpsc".to_owned(), operate("zz-kpsc").into_bytes()),
    ];
    Disk::new(files, programs)
}

/// Boots it for the first time, and installs the patch.
fn installed(disk: &mut Disk) -> Vm {
    let mut vm = disk.boot("");
    vm.sh("systemctl enable kpsc kpsc-booted witness; mkdir -p /var/lib/kpsc");
    vm.sh("cp /root/*.ko /var/lib/kpsc; sync");
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
    vm.shut_down();
    let mut vm = disk.boot("");
    assert!(is_patched(&mut vm), "the word is for one boot");
    vm.check_log();
}

fn a_machine_that_a_patch_brings_down_boots_with_that_word() {
    let mut disk = disk(&repository().join("tests/vm/boot/goes_down.kps"));
    installed(&mut disk).cut();
    let log = disk.goes_down("");
    assert!(log.contains("[goes_down"), "{log}");
    let mut vm = disk.boot("kpsc.enable=0");
    vm.sh("rm /var/lib/kpsc/goes_down.ko; sync");
    vm.check_log();
    vm.cut();
    let mut vm = disk.boot("");
    assert_eq!(vm.sh("systemctl is-active multi-user.target").trim(), "active");
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

/// The machine boots all the same.
fn a_set_that_is_not_loaded_is_reported_on_the_console() {
    let mut disk = disk(&example(MARK));
    let mut vm = installed(&mut disk);
    vm.sh(&format!("printf '#!/bin/sh\necho the set is held >&2\nexit 3\n' > {KPSCTL}; sync"));
    vm.cut();
    let mut vm = disk.boot("");
    assert!(!is_patched(&mut vm));
    assert!(vm.sh("systemctl --failed").contains("kpsc.service"));
    assert!(vm.sh("journalctl --boot --unit kpsc").contains("the set is held"));
    vm.sh("systemctl is-active multi-user.target network-pre.target witness.service");
    vm.check_log();
    assert!(vm.console().contains("the set is held"), "{}", vm.console());
}

fn what_reads_the_files_of_setup_accepts_them() {
    let mut vm = disk(&example(MARK)).boot("");
    let said = vm.sh("systemd-analyze verify --man=no kpsc.service kpsc-booted.service");
    assert_eq!(said, "");
    // A kernel is installed, whatever is said of it.
    vm.sh("run-parts --test /etc/kernel/postinst.d | grep -q /zz-kpsc$");
    let installed = "/etc/kernel/postinst.d/zz-kpsc 6.1.0-1-amd64 /boot/vmlinuz-6.1.0-1-amd64";
    assert_eq!(vm.sh(installed), "no build for 6.1.0-1-amd64\n");
    vm.sh("mkdir -p /lib/modules/$(uname -r) /var/lib/kpsc; depmod");
    vm.sh(&format!("echo 'install {MARK} {KPSCTL} load {MARK}' > /etc/modprobe.d/kpsc.conf"));
    vm.sh(&format!("cp /root/{MARK}.ko /var/lib/kpsc; modprobe {MARK}"));
    assert!(is_patched(&mut vm));
    for broken in ["printf '#!/bin/sh\nexit 3\n' >", "rm"] {
        vm.sh(&format!("{broken} {KPSCTL}; {installed}"));
    }
    vm.check_log();
}
