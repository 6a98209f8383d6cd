// SPDX-License-Identifier: GPL-2.0
//! A rollout of packages that install their livepatch themselves.

use super::controller::Controller;
use super::{disk, is_unchanged, livepatch, on_this_kernel, readme, reports, NOTHING_IS_THERE};
use kps_tests::cases;
use kps_tests::debian::{deb, Key, Package, Repository};
use kps_tests::schedule::Case;
use kps_tests::target::for_another_kernel;

pub(super) fn cases() -> Vec<Case> {
    cases![a_package_is_rolled_out_by_its_name.machine().long().about(120)]
}

const NAME: &str = "livepatch-net-fix";
/// It is for a kernel that does not run.
const OTHER: &str = "livepatch-elsewhere";

/// The file of a package that installs its livepatch.
fn package(name: &str, module: Vec<u8>) -> Vec<u8> {
    let path = format!("/usr/lib/livepatches/{name}/net_fix.ko");
    let postinst = format!("#!/bin/sh\nkpsctl install {path} --now\n");
    let files = vec![(path, module)];
    deb(&Package::new(name, "1"), "", &[("postinst", &postinst)], &files)
}

fn a_package_is_rolled_out_by_its_name() {
    let controller = Controller::new();
    let key = Key::new();
    let module = livepatch("operate/net_fix");
    let mut repository = Repository::new();
    repository.add(&format!("{OTHER}_1_all.deb"), package(OTHER, for_another_kernel(&module)));
    repository.add(&format!("{NAME}_1_all.deb"), package(NAME, module));
    let mut disks = [disk("h1", repository.files(), &key)];
    controller.manages(&["h1"], &disks, &key);
    let mut vm = disks[0].boot("");
    vm.sh("apt-get update");
    let playbook = readme("livepatch_packages: [livepatch-net-fix]");
    controller.playbook("fix.yml", &playbook);
    controller.playbook("other.yml", &playbook.replace(NAME, OTHER));

    let said = controller.succeeds("ansible-playbook fix.yml --check");
    reports(&said, &on_this_kernel("h1: would change, kernel 6.12.118+deb13-cloud-amd64"));
    vm.sh(NOTHING_IS_THERE);

    let said = controller.succeeds("ansible-playbook fix.yml");
    let report = on_this_kernel(&readme("h3: done, kernel"));
    let of_one: Vec<_> = report.lines().take(2).collect();
    reports(&said, &of_one.join("\n"));
    vm.sh("grep net_fix=1 /proc/cmdline && kpsctl list --installed | grep net_fix");
    is_unchanged(&controller.succeeds("ansible-playbook fix.yml"), "h1");

    // What the kernel does not run ends the rollout, whether the package says so or not.
    let said = controller.fails("ansible-playbook other.yml");
    assert!(said.contains("\"h1: failed: KPS1006: "), "{said}");
    vm.sh("kpsctl unload net_fix");
    let said = controller.fails("ansible-playbook fix.yml");
    assert!(said.contains("missing: net_fix"), "{said}");
    vm.check_log();
}
