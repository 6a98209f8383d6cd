// SPDX-License-Identifier: GPL-2.0
//! Packages of livepatches as docs/ship.md makes them, in a machine: apt, rpm and a user's scripts
//! install, upgrade and remove them, a channel brings them, and the running kernel follows.

use kps_tests::debian::{Disk, Files, Package};
use kps_tests::module::livepatch;
use kps_tests::pages::{block, shell, SHIPPING};
use kps_tests::schedule::Case;
use kps_tests::target::{target, Vm};
use kps_tests::{cases, kpsc, kpsctl, printed, repository, store};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    cases![
        what_a_package_needs_is_asked_for,
        lintian_and_rpmlint_say_only_what_is_known,
        packages_are_installed_upgraded_and_removed_without_a_gap.machine().about(60),
        machines_follow_a_channel_as_far_as_they_should.machine().long().about(60),
    ]
}

const MAINTAINER: &str = "Jane Doe <jane@example.com>";

/// The block of docs/ship.md that has these words.
fn of_page(words: &str) -> String {
    let (page, words) = SHIPPING.into_iter().find(|(_, of)| *of == words).unwrap_or_default();
    block(page, |block| block.text.contains(words)).text
}

/// A folder in which a publisher works.
struct Place(tempfile::TempDir);

impl Place {
    /// It has two versions of the package `livepatches` in every format: the second one's
    /// livepatch has another name. A third one for dpkg takes the second back. Of a fourth one, the
    /// kernel refuses a livepatch when it is loaded.
    fn with_packages() -> Place {
        let place = Place(tempfile::tempdir().unwrap_or_else(|error| panic!("{error}")));
        let make = of_page("kpsc package --deb --rpm").replace("--rpm", "--rpm --tar");
        for patch in ["net_fix", "net_fix_2", "refused"] {
            let spec = repository().join(format!("tests/vm/operate/{patch}.kps"));
            let spec = std::fs::copy(spec, place.path(&format!("{patch}.kps")));
            spec.unwrap_or_else(|error| panic!("{error}"));
        }
        place.sh(&make);
        place.sh(&make.replace("net_fix", "net_fix_2"));
        let back = of_page("--version 3");
        place.sh(&back);
        place.sh("kpsc build refused.kps");
        place.sh(&back.replace("net_fix.ko", "net_fix_2.ko refused.ko").replace("3", "4"));
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Runs a script here, with keys of gpg that are here as well.
    fn sh(&self, script: &str) -> String {
        let mut shell = shell(script);
        shell.current_dir(self.0.path()).env("GNUPGHOME", self.0.path());
        let output = shell.output().unwrap_or_else(|error| panic!("{error}"));
        assert!(output.status.success(), "{script}:\n{}", printed(&output));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// All packages that are here, in `/root` of a machine.
    fn packages(&self) -> Files {
        let paths = kps_tests::files(self.0.path()).into_iter();
        let names = paths.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned()));
        let packages = names.filter(|name| name.starts_with("livepatches"));
        packages.map(|name| (format!("/root/{name}"), self.read(&name))).collect()
    }
}

/// Reads a patched file as often as it can until it is told to stop. It counts how often the file
/// was as the first version has it, as the second has it, and, between the first patched and the
/// last, as neither.
const HAMMER: &str = "
import os
first = second = gaps = waiting = 0
while not os.path.exists('/root/stop'):
    text = open('/proc/cmdline').read()
    if 'net_fix=second' in text: second += 1
    elif 'net_fix=1' in text: first += 1
    elif first: waiting += 1; continue
    gaps, waiting = gaps + waiting, 0
print(first, second, gaps)
";

/// What dpkg says of the package.
const OF_DPKG: &str = "dpkg-query --show --showformat '${db:Status-Status}' livepatches";

/// A machine with kpsctl, where dpkg knows of it and of the kernel.
fn machine(mut files: Files) -> Vm {
    files.push(("/root/hammer.py".to_owned(), HAMMER.as_bytes().to_vec()));
    let program = std::fs::read(kpsctl()).unwrap_or_else(|error| panic!("{error}"));
    let programs = vec![("/usr/bin/kpsctl".to_owned(), program)];
    let kernel = target().package();
    let (kernel, version) = kernel.unwrap_or_else(|| panic!("the target is of no package"));
    let mut disk = Disk::new(files, programs)
        .with_installed(&Package::new("kpsctl", "0.1.0"))
        .with_installed(&Package::new(&kernel, &version));
    disk.boot("")
}

/// Runs commands while a process reads the patched file, which changes from the first version to
/// the second, and is never unpatched meanwhile.
fn hammered(vm: &mut Vm, run: impl FnOnce(&mut Vm)) {
    vm.sh("rm -f /root/stop; python3 /root/hammer.py > /root/counted 2>&1 &");
    run(vm);
    vm.sh("sleep 1; touch /root/stop; while pgrep -f hammer.py; do sleep 0.1; done");
    let text = vm.sh("cat /root/counted");
    let counted: Vec<u64> = text.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    let [first, second, gaps] = counted.as_slice() else { panic!("{text}") };
    assert!(*first > 20 && *second > 20 && *gaps == 0, "{first} {second} {gaps}");
}

fn is_patched(vm: &mut Vm, text: &str) {
    let cmdline = vm.sh("cat /proc/cmdline");
    assert!(cmdline.contains(text), "{cmdline}");
}

fn nothing_is_left(vm: &mut Vm) {
    vm.sh("! grep net_fix /proc/cmdline && ! grep net_fix /proc/modules");
    vm.sh("test -z \"$(kpsctl list --installed 2> /dev/null)\" && ! ls /usr/lib/kpsc 2> /dev/null");
}

fn packages_are_installed_upgraded_and_removed_without_a_gap() {
    let place = Place::with_packages();
    let mut vm = machine(place.packages());
    vm.sh("kpsctl setup");

    hammered(&mut vm, |vm| {
        vm.sh("apt-get install --yes /root/livepatches_1_amd64.deb");
        is_patched(vm, "net_fix=1");
        let installed = vm.sh("kpsctl list --installed");
        let told = installed.contains("fixes CVE-2026-0003");
        assert!(told && installed.contains("package livepatches"), "{installed}");
        vm.sh("apt-get install --yes /root/livepatches_2_amd64.deb");
        is_patched(vm, "net_fix=second");
    });
    let installed = vm.sh("kpsctl list --installed; dpkg --audit livepatches; dpkg -V livepatches");
    assert!(installed.contains("net_fix_2") && installed.lines().count() == 1, "{installed}");
    // The third one takes the second back.
    vm.sh("apt-get install --yes /root/livepatches_3_amd64.deb");
    is_patched(&mut vm, "net_fix=1");
    // What the kernel refuses of the fourth one leaves the third in place, and dpkg knows.
    let refused = vm.run("apt-get install --yes /root/livepatches_4_amd64.deb");
    assert!(refused.status != 0 && refused.text.contains("KPS1004"), "{}", refused.text);
    is_patched(&mut vm, "net_fix=1");
    assert_eq!(vm.sh("kpsctl list --installed | cut -f 2"), "net_fix\n");
    assert_eq!(vm.sh(OF_DPKG), "half-configured");
    vm.sh("apt-get remove --yes livepatches");
    nothing_is_left(&mut vm);

    // The machine has no kernel and no kpsctl of rpm.
    let rpm = "rpm --force-debian --nodeps";
    hammered(&mut vm, |vm| {
        vm.sh(&format!("{rpm} -i /root/livepatches-1-1.x86_64.rpm && rpm -V --nodeps livepatches"));
        is_patched(vm, "net_fix=1");
        vm.sh(&format!("{rpm} -U /root/livepatches-2-1.x86_64.rpm && rpm -V --nodeps livepatches"));
        is_patched(vm, "net_fix=second");
    });
    vm.sh(&format!("{rpm} -e livepatches"));
    nothing_is_left(&mut vm);

    let unpacked = |version| format!("cd /root && tar xf livepatches-{version}-x86_64.tar.xz");
    hammered(&mut vm, |vm| {
        vm.sh(&format!("{} && livepatches-1/install", unpacked(1)));
        vm.sh(&format!("{} && livepatches-2/install", unpacked(2)));
    });
    vm.sh("/root/livepatches-2/uninstall");
    nothing_is_left(&mut vm);

    // What the kernel refuses is not installed, and dpkg knows.
    vm.sh("sysctl --write kernel.modules_disabled=1");
    let refused = vm.run("apt-get install --yes /root/livepatches_1_amd64.deb");
    assert!(refused.status != 0 && refused.text.contains("KPS1022"), "{}", refused.text);
    assert_eq!(vm.sh(OF_DPKG), "half-configured");
    assert_eq!(vm.sh("kpsctl list --installed 2> /dev/null"), "");
    vm.check_log();
}

/// A channel as docs/ship.md makes it, with a package in each suite, in an archive. A new key signs
/// it.
fn published(place: &Place, canary: &str, stable: &str) -> Vec<u8> {
    let key =
        "gpg --batch --quiet --passphrase '' --quick-generate-key me@example.com ed25519 sign";
    place.sh(&format!("rm -rf pool dists pubring.kbx private-keys-v1.d; {key}"));
    let publish = of_page("apt-ftparchive");
    let publish = publish.replace("livepatches_2_amd64.deb", canary);
    place.sh(&publish.replace("livepatches_1_amd64.deb", stable));
    place.sh("gpgconf --kill all; tar cf published.tar pool dists livepatches.asc");
    place.read("published.tar")
}

fn machines_follow_a_channel_as_far_as_they_should() {
    let (first, second) = ("livepatches_1_amd64.deb", "livepatches_2_amd64.deb");
    let place = Place::with_packages();
    let files = [
        ("/srv/livepatches.tar".to_owned(), published(&place, second, first)),
        // The second package for all, signed by somebody else.
        ("/srv/others.tar".to_owned(), published(&place, second, second)),
    ];
    let mut vm = machine(files.into());
    vm.sh("cd /srv; for of in livepatches others; do mkdir $of; tar xf $of.tar -C $of; done");
    let version = |vm: &mut Vm| vm.sh("dpkg-query --show --showformat '${Version}' livepatches");

    let follow = of_page("Unattended-Upgrade");
    let follow = follow.replace("https://packages.example.com", "file:/srv");
    vm.sh(&format!("cd /srv/livepatches\n{follow}"));
    is_patched(&mut vm, "net_fix=1");
    hammered(&mut vm, |vm| {
        // Whoever is no canary.
        vm.sh("unattended-upgrade -v");
        assert_eq!(version(vm), "1");
        // A canary that is held at a version.
        vm.sh(&format!("rm /etc/apt/preferences.d/livepatches\n{}", of_page("preferences.d/hold")));
        vm.sh("unattended-upgrade -v");
        assert_eq!(version(vm), "1");
        // Somebody else signs.
        vm.sh("rm -r /etc/apt/preferences.d/hold /var/lib/apt/lists/*");
        vm.sh("cd /srv; mv livepatches mine; mv others livepatches");
        let refused = vm.run("apt-get update");
        assert!(refused.status != 0 && refused.text.contains("is not signed"), "{}", refused.text);
        vm.sh("unattended-upgrade -v");
        assert_eq!(version(vm), "1");
        // A canary.
        vm.sh("cd /srv; rm -r livepatches; mv mine livepatches; apt-get update");
        vm.sh("unattended-upgrade -v");
        assert_eq!(version(vm), "2");
        is_patched(vm, "net_fix=second");
    });
    vm.check_log();
}

/// What rpmlint says of every package of livepatches, and why that is no fault.
const KNOWN: [&str; 8] = [
    // A module is linked by the kernel that loads it: it has neither libraries nor a stack, and the
    // kernel's symbols are looked up by the names that stripping would remove.
    "statically-linked-binary",
    "missing-PT_GNU_STACK-section",
    "unstripped-binary-or-object",
    // Whoever gives the package out signs it.
    "no-signature",
    // Without the configuration of a distribution it knows only names that were in use before
    // SPDX.
    "invalid-license",
    // The release of a kernel belongs to its name: a module is for this one alone.
    "requires-on-release",
    // A fix of one's own has no page.
    "no-url-tag",
    // The package is named for what it has.
    "name-repeated-in-summary",
];

fn lintian_and_rpmlint_say_only_what_is_known() {
    let place = Place::with_packages();
    let lintian =
        place.sh("lintian --no-cfg --tag-display-limit 0 --allow-root livepatches_2_amd64.deb");
    assert_eq!(lintian, "");
    let said = Command::new("rpmlint").arg(place.path("livepatches-2-1.x86_64.rpm")).output();
    let said = said.unwrap_or_else(|error| panic!("rpmlint: {error}"));
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let tags = said.lines().filter(|line| line.contains(": W: ") || line.contains(": E: "));
    let unknown: Vec<_> = tags.filter(|line| !KNOWN.iter().any(|tag| line.contains(tag))).collect();
    assert!(said.contains("1 packages") && unknown.is_empty(), "{unknown:#?}\n{said}");
}

fn package(words: &[impl AsRef<OsStr>], output: &str) -> Output {
    let mut command = kpsc();
    command.env_remove("DEBFULLNAME").env_remove("DEBEMAIL").arg("package").args(words);
    command.args(["-o", output]).output().unwrap_or_else(|error| panic!("{error}"))
}

fn what_a_package_needs_is_asked_for() {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let path = |name: &str| folder.path().join(name).display().to_string();
    let write = |name: &str, bytes: &[u8]| {
        std::fs::write(path(name), bytes).unwrap_or_else(|error| panic!("{error}"));
    };
    let module = |spec: &str| store::module(&repository().join("tests/vm/operate").join(spec));
    write("a.ko", &module("net_fix.kps"));
    write("b.ko", b"no module");
    write("c.ko", &module("net_fix_2.kps"));
    let (a, b, c, out) = (path("a.ko"), path("b.ko"), path("c.ko"), path("out"));
    let by = ["--deb", "--maintainer", MAINTAINER];
    let of =
        |words: &[&str]| [&by[..], words].concat().iter().map(|&word| word.to_owned()).collect();
    let refused: [(Vec<String>, &str, &str); 9] = [
        (vec!["--deb".into(), a.clone()], "KPS1403", "pass `--maintainer"),
        (of(&[&b]), "KPS1002", "b.ko is not a livepatch"),
        (of(&[&a, &a]), "KPS1403", "two of its files are `net_fix`"),
        (of(&[&a, &c]), "KPS1403", "`--name`"),
        (of(&[&a, &c, "--name", "ab"]), "KPS1403", "`--version`"),
        (vec!["--deb".into(), a.clone(), "--maintainer=nobody".into()], "KPS1403", "maintainer"),
        (of(&[&a, "--name", "A B"]), "KPS1403", "\"A B\""),
        (of(&[&a, "--name", "a;reboot"]), "KPS1403", "\"a;reboot\""),
        (of(&[&a, "--version", "1:0"]), "KPS1403", "\"1:0\""),
    ];
    for (words, code, said) in refused {
        let output = package(&words, &out);
        let text = printed(&output);
        assert_eq!(output.status.code(), Some(3), "{words:?}: {text}");
        assert!(text.contains(code) && text.contains(said), "{words:?}: {text}");
        assert!(!Path::new(&out).exists(), "{words:?}");
    }
    let output = package(&[&a, "--maintainer", MAINTAINER], &out);
    let text = printed(&output);
    let names_them = text.contains("`--deb`, `--rpm` or `--tar`");
    assert!(output.status.code() == Some(2) && names_them, "{text}");

    // A kernel of Fedora, which no target here is.
    write("f.ko", &livepatch("fix", "6.12.4-200.fc41.x86_64 SMP", None));
    let f = path("f.ko");
    for kind in ["--rpm", "--tar"] {
        let output = package(&[kind, &f, "--version", "1", "--maintainer", MAINTAINER], &out);
        assert!(output.status.success(), "{}", printed(&output));
    }
    let words = ["--deb", &a, &c, "--name", "ab", "--version", "3", "--maintainer", MAINTAINER];
    let output = package(&[&words[..], &["--per-kernel"]].concat(), &out);
    let name = format!("ab-{}_3_amd64.deb", target().release());
    assert!(Path::new(&out).join(&name).exists(), "{name}: {}", printed(&output));
    let (kernel, version) = target().package().unwrap_or_default();
    let depends = Command::new("dpkg-deb").arg("--field").arg(Path::new(&out).join(&name)).output();
    let depends = depends.map(|output| printed(&output)).unwrap_or_default();
    assert!(depends.contains(&format!("kpsctl (>= 0.1.0), {kernel} (= {version})\n")), "{depends}");
    let made = |time: &str| {
        let mut command = kpsc();
        command.env("SOURCE_DATE_EPOCH", time).arg("package").args(words).args(["-o", &out]);
        command.output().unwrap_or_else(|error| panic!("{error}"));
        std::fs::read(Path::new(&out).join("ab_3_amd64.deb"))
            .unwrap_or_else(|error| panic!("{error}"))
    };
    assert!(made("1700000000") == made("1700000000") && made("1700000000") != made("1700000001"));
}
