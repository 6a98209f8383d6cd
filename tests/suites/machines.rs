// SPDX-License-Identifier: GPL-2.0
//! The machines of other suites themselves: packages come and go in them as on any Debian, and
//! several run at once, which nobody but the test reaches.

use kps_tests::cases;
use kps_tests::debian::{boot_all, deb, Disk, Key, Package, Repository};
use kps_tests::schedule::Case;
use kps_tests::target::Vm;
use std::path::Path;
use std::process::{Command, Output};

/// The cases of this suite. The suites that need such machines are in every run.
pub(crate) fn cases() -> Vec<Case> {
    cases![
        packages_of_debian_come_and_go.machine().long().about(90),
        packages_of_rpm_come_and_go.machine().long().about(60),
        three_machines_run_at_once_and_reach_nothing.machine().long().about(90),
        a_copy_has_what_its_original_had.machine().long().about(60),
    ]
}

const KERNEL: &str = "linux-image-test";

/// A package of a version, which is for one version of the kernel, and notes what happens to it.
fn package(version: &str) -> Vec<u8> {
    let script = format!("#!/bin/sh\necho $0 $@ for {version} >> /root/happened\n");
    let scripts = [("postinst", script.as_str()), ("prerm", script.as_str())];
    let lines = format!("Depends: {KERNEL} (= 1.0-1), python3\n");
    let files = vec![("/usr/share/patch/version".to_owned(), version.as_bytes().to_vec())];
    deb(&Package::new("patch", version), &lines, &scripts, &files)
}

fn packages_of_debian_come_and_go() {
    let mut repository = Repository::new();
    repository.add("patch_2_all.deb", package("2"));
    let mut files = repository.files();
    files.push(("/root/patch.deb".to_owned(), package("1")));
    let lines = "Depends: linux-image-other\n";
    let wants = deb(&Package::new("wants", "1"), lines, &[], &Vec::new());
    files.push(("/root/wants.deb".to_owned(), wants));
    let kernel = Package::new(KERNEL, "1.0-1");
    let mut disk = Disk::new(files, Vec::new()).with_installed(&kernel);
    let mut vm = disk.boot("");
    vm.sh("apt-get check && dpkg --audit");
    let shows = "dpkg-query --show --showformat '${db:Status-Status} ${Version}' ";
    assert_eq!(vm.sh(&format!("{shows} {KERNEL}")), "installed 1.0-1");

    let refused = vm.run("apt-get install --yes /root/wants.deb");
    assert!(refused.status != 0 && refused.text.contains("linux-image-other"), "{}", refused.text);
    vm.sh("apt-get install --yes /root/patch.deb");
    assert_eq!(vm.sh("cat /usr/share/patch/version"), "1");
    assert!(vm.sh("cat /root/happened").contains("patch.postinst configure for 1"));

    // A newer one comes from the repository, by whoever upgrades.
    vm.sh("apt-get update && apt-get check");
    vm.sh("echo 'Unattended-Upgrade::Origins-Pattern { \"origin=Test\"; };' \
           > /etc/apt/apt.conf.d/60test");
    let said = vm.sh("unattended-upgrade -v");
    assert!(said.contains("Packages that will be upgraded: patch"), "{said}");
    assert_eq!(vm.sh(&format!("{shows} patch")), "installed 2");
    vm.sh("apt-get purge --yes patch");
    vm.sh("! ls /usr/share/patch 2> /dev/null && ! dpkg -s patch 2> /dev/null && dpkg --audit");
    assert!(vm.sh("tail -n 1 /root/happened").contains("prerm remove for 2"));

    // Nothing that is not signed is taken.
    vm.sh("echo >> /srv/repository/Packages; rm -r /var/lib/apt/lists/*");
    let refused = vm.run("apt-get update");
    assert!(refused.status != 0 && refused.text.contains("Packages"), "{}", refused.text);
    vm.check_log();
}

const SPEC: &str = "Name: patch
Version: %{version}
Release: 1
Summary: A package of a test
License: GPL-2.0-only
BuildArch: noarch
%description
%{summary}
%install
install -D /dev/null %{buildroot}/usr/share/patch/version
echo %{version} > %{buildroot}/usr/share/patch/version
%files
/usr/share/patch/version
%post
echo post $1 for %{version} >> /root/happened
%preun
echo preun $1 for %{version} >> /root/happened
";

fn packages_of_rpm_come_and_go() {
    let files = ["1", "2"].map(|version| {
        let spec = SPEC.replace("Version: %{version}", &format!("Version: {version}"));
        (format!("/root/{version}.spec"), spec.into_bytes())
    });
    let mut vm = Disk::new(files.to_vec(), Vec::new()).boot("");
    vm.sh("cd /root && for version in 1 2; do rpmbuild --quiet -bb $version.spec; done");
    let rpms = "/root/rpmbuild/RPMS/noarch";
    assert_eq!(vm.sh("rpm --query --all").trim(), "shell-1-1.noarch");
    vm.sh(&format!("rpm --force-debian -i {rpms}/patch-1-1.noarch.rpm && rpm -V patch"));
    vm.sh(&format!("rpm --force-debian -U {rpms}/patch-2-1.noarch.rpm && rpm -V patch"));
    assert_eq!(vm.sh("rpm --query patch").trim(), "patch-2-1.noarch");
    assert_eq!(vm.sh("cat /usr/share/patch/version").trim(), "2");
    vm.sh("echo x >> /usr/share/patch/version");
    let changed = vm.run("rpm -V patch");
    assert!(changed.status != 0 && changed.text.contains("/usr/share/patch/version"));
    vm.sh("rpm --force-debian -e patch && ! ls /usr/share/patch/version 2> /dev/null");
    let happened = "post 1 for 1\npost 2 for 2\npreun 1 for 1\npreun 0 for 2\n";
    assert_eq!(vm.sh("cat /root/happened"), happened);
    vm.check_log();
}

/// Runs a command in a machine as whoever administers it does.
fn ssh(config: &Path, host: &str, command: &str) -> Output {
    let output = Command::new("ssh").arg("-F").arg(config).args([host, command]).output();
    output.unwrap_or_else(|error| panic!("ssh: {error}"))
}

fn says(config: &Path, host: &str, command: &str) -> String {
    let output = ssh(config, host, command);
    let said = kps_tests::printed(&output);
    assert!(output.status.success(), "{host}: {command}: {said}");
    said
}

fn three_machines_run_at_once_and_reach_nothing() {
    let key = Key::new();
    let hosts = ["one", "two", "three"];
    let mut disks =
        hosts.map(|host| Disk::new(Vec::new(), Vec::new()).named(host).with_network(&key));
    let config = key.config(&disks);
    let machines = boot_all(&mut disks);
    for host in hosts {
        assert_eq!(says(&config, host, "hostname").trim(), host);
    }
    let ids = hosts.map(|host| says(&config, host, "cat /etc/machine-id"));
    assert!(ids[0] != ids[1] && ids[1] != ids[2] && ids[2] != ids[0], "{ids:?}");
    says(&config, "one", "python3 -c 'import apt; assert apt.Cache()[\"apt\"].is_installed'");

    // Of the addresses that QEMU has on such a network, none answers: the host's, and its own
    // servers'.
    let reach = "import socket, sys
for address in ['10.0.2.2', '10.0.2.3', '127.0.0.2']:
    try: socket.create_connection((address, PORT), 3)
    except OSError as error: print(address, error)
    else: sys.exit(address + ' answers')";
    let port = disks[1].ssh_port();
    let reach = reach.replace("PORT", &port.to_string());
    says(&config, "one", &format!("python3 -c \"{reach}\""));

    // Another key opens nothing.
    let other = Key::new();
    let refused = ssh(&other.config(&disks), "one", "true");
    let said = kps_tests::printed(&refused);
    assert!(!refused.status.success() && said.contains("Permission denied"), "{said}");
    machines.into_iter().for_each(Vm::shut_down);
}

fn a_copy_has_what_its_original_had() {
    let key = Key::new();
    let mut original = Disk::new(Vec::new(), Vec::new());
    let mut vm = original.boot("");
    vm.sh("echo original > /root/made && sync");
    vm.shut_down();
    let mut disks = [original.copy().named("copy").with_network(&key)];
    let config = key.config(&disks);
    let port = disks[0].ssh_port();
    for _ in 0..2 {
        // The network comes by itself when the machine boots again.
        let vm = disks[0].boot("");
        assert_eq!(says(&config, "copy", "cat /root/made; hostname"), "original\ncopy\n");
        assert_eq!(disks[0].ssh_port(), port);
        vm.shut_down();
    }
}
