// SPDX-License-Identifier: GPL-2.0
//! A rollout of packages that install their livepatch themselves.

use super::controller::Controller;
use super::{disk, is_unchanged, livepatch, on_this_kernel, readme, reports, NOTHING_IS_THERE};
use kps_tests::debian::{Key, Package, Repository};
use kps_tests::schedule::Case;
use kps_tests::target::target;
use kps_tests::{cases, kpsc, printed};

pub(super) fn cases() -> Vec<Case> {
    cases![a_package_is_rolled_out_by_its_name.machine().long().about(120)]
}

const NAME: &str = "livepatch-net-fix";
/// The kernel refuses what it has.
const OTHER: &str = "livepatch-refused";

/// Adds a package of a livepatch, as kpsc makes it.
fn add(repository: &mut Repository, controller: &Controller, name: &str, module: &str) {
    let file = format!("{module}.ko");
    controller.livepatch(module, &livepatch(&format!("operate/{module}")));
    let mut package = kpsc();
    package.args(["package", "--deb", &file, "--name", name, "--version", "1"]);
    package.args(["--maintainer", "Jane Doe <jane@example.com>"]);
    let output = package.current_dir(controller.path("")).output();
    let output = output.unwrap_or_else(|error| panic!("{error}"));
    assert!(output.status.success(), "{}", printed(&output));
    let file = format!("{name}_1_amd64.deb");
    let bytes = std::fs::read(controller.path(&file)).unwrap_or_else(|error| panic!("{error}"));
    repository.add(&file, bytes);
}

fn a_package_is_rolled_out_by_its_name() {
    let controller = Controller::new();
    let key = Key::new();
    let mut repository = Repository::new();
    add(&mut repository, &controller, NAME, "net_fix");
    add(&mut repository, &controller, OTHER, "refused");
    let kernel = target().package();
    let (kernel, version) = kernel.unwrap_or_else(|| panic!("the target is of no package"));
    let mut disks = [disk("h1", repository.files(), &key)
        .with_installed(&Package::new("kpsctl", "0.1.0"))
        .with_installed(&Package::new(&kernel, &version))];
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
    vm.sh("kpsctl unload net_fix");
    let said = controller.fails("ansible-playbook fix.yml");
    assert!(said.contains("missing: net_fix"), "{said}");
    let said = controller.fails("ansible-playbook other.yml");
    assert!(said.contains("\"h1: failed: KPS1004: "), "{said}");
    assert_eq!(vm.sh("kpsctl list --installed | cut -f 2"), "net_fix\n");
    vm.check_log();
}
