// SPDX-License-Identifier: GPL-2.0
//! Template machines: a copy is the target, a template serves nothing but what it was made of, and
//! what cannot be copied is booted.

use kps_targets::Cache;
use kps_tests::cases;
use kps_tests::schedule::Case;
use kps_tests::target::{doctored, target, Vm};
use kps_tests::{example, kpsc, printed, store};
use kps_vm::{Guest, Machine, Root};
use std::fs::File;
use std::os::unix::fs::{FileExt as _, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_copy_is_the_target.machine().quick().about(20),
        a_kernel_that_boots_anew_takes_a_patch_too.machine().about(15),
        a_template_is_made_once_and_accounted_for.machine().about(45),
        a_template_serves_nothing_else.machine().long().about(40),
        what_cannot_be_copied_is_booted.machine().long().about(60),
        two_hundred_copies_in_a_row_load_and_unload.machine().long().about(300),
    ]
}

/// What tells kernels apart, and what chance has decided in this one.
const IDENTITY: &str =
    "uname -a; md5sum < /sys/kernel/notes; md5sum < /proc/kallsyms; md5sum < /proc/version
    wc -l < /sys/kernel/tracing/available_filter_functions";
const FIRST: &str = "echo cmdline_proc_show > /sys/kernel/tracing/set_ftrace_filter
    echo function > /sys/kernel/tracing/current_tracer; cat /proc/cmdline; grep -c 'cmdline_proc_show <-' /sys/kernel/tracing/trace
    echo nop > /sys/kernel/tracing/current_tracer";

/// Names, build-id, symbols and ftrace are those of the kernel that boots; the log has the boot in
/// it, and no complaint; the clock is the host's.
fn a_copy_is_the_target() {
    let (mut copy, mut other) = (Vm::start(Vec::new()), Vm::start(Vec::new()));
    let mut booted = Vm::boot(Vec::new());
    assert_eq!(copy.sh(IDENTITY), other.sh(IDENTITY), "two copies differ");
    // The kernel's addresses are the only thing that chance decides.
    let names = "cut -d ' ' -f 3- /proc/kallsyms | sort | md5sum";
    let same = IDENTITY.replace("md5sum < /proc/kallsyms", names);
    assert_eq!(copy.sh(&same), booted.sh(&same), "a copy is another kernel than what boots");
    assert_eq!(copy.sh(FIRST), booted.sh(FIRST), "functions are not traced alike");
    assert!(copy.sh("uname -r").trim() == target().release());
    let lines =
        "dmesg | sed 's/^\\[[^]]*\\] //' | grep -e '^Linux version' -e '^Command line' -e '^Run /init'";
    assert_eq!(copy.sh(lines), booted.sh(lines), "the log of a copy does not tell how it booted");
    for vm in [&mut copy, &mut other, &mut booted] {
        vm.check_log();
    }
    let now = std::time::SystemTime::now().duration_since(std::time::SystemTime::UNIX_EPOCH);
    let there: u64 = copy.sh("date +%s").trim().parse().unwrap_or_default();
    assert!(
        now.unwrap_or_default().as_secs().abs_diff(there) < 60,
        "it is another time there: {there}"
    );
}

/// Nothing depends on what a template has fixed: addresses, boot id and random numbers are new
/// here.
fn a_kernel_that_boots_anew_takes_a_patch_too() {
    let own =
        |vm: &mut Vm| vm.sh("cat /proc/sys/kernel/random/boot_id; grep ' _text$' /proc/kallsyms");
    let mark = store::module(&example("cmdline_mark"));
    let mut booted = Vm::boot(vec![("/cmdline_mark.ko".to_owned(), mark)]);
    let mut copy = Vm::start(Vec::new());
    assert_ne!(own(&mut booted), own(&mut copy));
    let said = booted.sh(
        "livepatch load /cmdline_mark.ko && cat /proc/cmdline && livepatch unload cmdline_mark",
    );
    assert!(said.contains("kps=1"), "{said}");
    booted.check_log();
}

/// A user's cache with the default target in it and no template, and programs that come before the
/// host's.
struct World {
    cache: tempfile::TempDir,
    programs: tempfile::TempDir,
    name: String,
}

impl World {
    fn new() -> World {
        let programs = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        World { cache: doctored(|_| ()), programs, name: target().name }
    }

    fn kpsc(&self, words: &[&str]) -> Command {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = format!("{}:{}", self.programs.path().display(), path.to_string_lossy());
        let mut command = kpsc();
        command.env("KPSC_CACHE", self.cache.path()).env("PATH", path).args(words);
        command
    }

    /// The command that tests the smallest example.
    fn test(&self) -> Command {
        let mut command = self.kpsc(&["test"]);
        command.arg(example("cmdline_mark"));
        command
    }

    /// Tests the smallest example, which must hold: what kpsc has said.
    fn acts(&self) -> String {
        self.succeed(&mut self.test())
    }

    fn succeed(&self, command: &mut Command) -> String {
        let output = command.output().unwrap_or_else(|error| panic!("{error}"));
        assert!(output.status.success(), "{command:?}:\n{}", printed(&output));
        printed(&output)
    }

    fn folder(&self) -> PathBuf {
        Cache::at(self.cache.path()).root().join("machines").join(&self.name)
    }

    /// The names of the templates that are there.
    fn templates(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder()).into_iter().flatten().flatten();
        let folders = entries.filter(|entry| entry.path().is_dir());
        folders.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }

    /// A QEMU in front of the real one, which this line of a shell script may change.
    fn put_qemu(&self, line: &str) {
        let real = ["/usr/bin", "/usr/local/bin"].iter().map(|folder| Path::new(folder).join(QEMU));
        let real =
            real.into_iter().find(|path| path.exists()).unwrap_or_else(|| panic!("no {QEMU}"));
        let path = self.programs.path().join(QEMU);
        let script = format!("#!/bin/bash\nreal={}\n{line}\nexec $real \"$@\"\n", real.display());
        std::fs::write(&path, script)
            .and_then(|()| std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)))
            .unwrap_or_else(|error| panic!("{error}"));
    }
}

const QEMU: &str = "qemu-system-x86_64";
const MADE: &str = "booting a template machine, once per kernel";

/// Two that want it at once make it once, and so does one that comes after another was killed. It
/// is counted, held against its inventory, and removed.
fn a_template_is_made_once_and_accounted_for() {
    let world = World::new();
    killed_while_it_is_made(&world);
    assert_eq!(world.templates(), ["partial"]);
    let left = world.succeed(&mut world.kpsc(&["kernel", "remove", "--unused"]));
    assert!(left.contains("partial") && world.templates().is_empty(), "{left}");
    killed_while_it_is_made(&world);

    let start = || {
        let mut command = world.test();
        command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{error}"))
    };
    for child in [start(), start()] {
        let output = child.wait_with_output().unwrap_or_else(|error| panic!("{error}"));
        assert!(output.status.success(), "{}", printed(&output));
    }
    let made = world.templates();
    assert!(made.len() == 1 && made[0] != "partial", "{made:?}");
    assert!(!world.acts().contains(MADE), "it is made again");

    let shown = world.succeed(&mut world.kpsc(&["kernel", "show"]));
    let line = shown.lines().find_map(|line| line.strip_prefix("template   ")).unwrap_or_default();
    let size: u64 = line.split(' ').next().and_then(|word| word.parse().ok()).unwrap_or_default();
    println!("a template takes {size} MB");
    assert!((20..400).contains(&size), "{shown}");

    let template = world.folder().join(&made[0]);
    assert!(verify(&world).is_none());
    const FILES: [&str; 5] = ["console", "initramfs", "memory", "state", "places"];
    FILES.iter().for_each(|file| flip(&template.join(file)));
    let said = verify(&world).unwrap_or_default();
    FILES.iter().for_each(|file| {
        assert!(said.contains(&format!("\"{file}\" was changed")), "{file}: {said}");
    });
    FILES.iter().for_each(|file| flip(&template.join(file)));
    // One whose state has changed is made again.
    std::fs::write(template.join("state"), "no state").unwrap_or_else(|error| panic!("{error}"));
    let said = world.acts();
    assert!(said.contains("made again: the template machine") && said.contains(MADE), "{said}");
    assert_eq!(world.templates(), made);
    // One whose memory is too short is passed over, and makes room for the next.
    let memory = File::options().write(true).open(template.join("memory"));
    memory.and_then(|file| file.set_len(1 << 29)).unwrap_or_else(|error| panic!("{error}"));
    let said = world.acts();
    assert!(
        said.contains("booted in place of a copy of the template machine: it did not start"),
        "{said}"
    );
    assert!(world.templates().is_empty());
    world.succeed(&mut world.kpsc(&["kernel", "remove", &world.name]));
    assert!(!world.folder().exists());
}

/// Kills kpsc when the template's QEMU runs.
fn killed_while_it_is_made(world: &World) {
    let pipe = world.programs.path().join("started");
    world.succeed(Command::new("mkfifo").arg(&pipe));
    world.put_qemu(&format!("[ \"$1\" = --version ] || echo > {}", pipe.display()));
    let mut command = world.test();
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
    let mut child = child.unwrap_or_else(|error| panic!("{error}"));
    // It is there when QEMU is about to be.
    std::fs::read(&pipe).unwrap_or_else(|error| panic!("{error}"));
    child.kill().and_then(|()| child.wait()).unwrap_or_else(|error| panic!("{error}"));
    [QEMU, "started"].iter().for_each(|name| {
        std::fs::remove_file(world.programs.path().join(name))
            .unwrap_or_else(|error| panic!("{error}"));
    });
}

/// What `kernel verify` says of a template that is damaged.
fn verify(world: &World) -> Option<String> {
    let output =
        world.kpsc(&["kernel", "verify"]).output().unwrap_or_else(|error| panic!("{error}"));
    Some(printed(&output)).filter(|said| said.contains("the template machine is damaged"))
}

/// Changes the byte in the middle of a file, or changes it back.
fn flip(path: &Path) {
    let change = || -> std::io::Result<()> {
        let file = File::options().read(true).write(true).open(path)?;
        let middle = file.metadata()?.len() / 2;
        let mut byte = [0];
        file.read_exact_at(&mut byte, middle)?;
        file.write_all_at(&[byte[0] ^ 1], middle)
    };
    change().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// Another image, busybox (which is one archive with the init script) and QEMU each have a template
/// of their own, and it is the only one that is left.
fn a_template_serves_nothing_else() {
    let world = World::new();
    let there = Cache::at(world.cache.path()).target(&world.name);
    let there = there.unwrap_or_else(|error| panic!("{}", error.message));
    let mut machine = Machine::of(&there, Vec::new()).unwrap_or_else(|error| panic!("{error}"));
    let mut seen = Vec::new();
    let mut is_new = |what: &str| {
        let templates = world.templates();
        assert_eq!(templates.len(), 1, "{what}: {templates:?}");
        assert!(!seen.contains(&templates), "another {what} is served by the same template");
        seen.push(templates);
    };
    let start = |machine: &Machine| {
        Guest::start(machine).map(drop).unwrap_or_else(|error| panic!("{error:?}"));
    };
    start(&machine);
    is_new("machine");
    // What follows the end of either changes nothing else.
    machine.image = longer(&machine.image, world.programs.path());
    start(&machine);
    is_new("image");
    let busybox = machine.root.busybox().map(|file| longer(file, world.programs.path()));
    machine.root = Root::Initramfs(busybox.unwrap_or_else(|| panic!("it has no initramfs")));
    start(&machine);
    is_new("busybox");
    world.put_qemu("[ \"$1\" = --version ] && echo another && exit");
    world.acts();
    is_new("QEMU");
}

/// A copy of a file with some more bytes.
fn longer(file: &Path, folder: &Path) -> PathBuf {
    let mut bytes =
        std::fs::read(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    bytes.extend([0; 16]);
    let copy = folder.join(file.file_name().unwrap_or_default());
    std::fs::write(&copy, bytes).unwrap_or_else(|error| panic!("{error}"));
    copy
}

/// The user sees a patch that acts, whatever is wrong with templates, and nothing is tried twice
/// that cannot be.
fn what_cannot_be_copied_is_booted() {
    let broken = [
        (
            "set -- \"${@/name=kpsc.files/name=kpsc.files,nr=2}\"",
            "its kernel has no virtio console",
        ),
        ("case \"$*\" in *-incoming*) exit 1 ;; esac", "it did not start after it was saved"),
    ];
    for (line, reason) in broken {
        let world = World::new();
        world.put_qemu(line);
        assert!(world.acts().contains(MADE), "{reason}");
        let shown = world.succeed(&mut world.kpsc(&["kernel", "show"]));
        assert!(shown.contains(&format!("template   none: {reason}")), "{shown}");
    }
    // No place for it.
    let world = World::new();
    let place = world.folder();
    std::fs::write(place.parent().unwrap_or(&place), "a file")
        .unwrap_or_else(|error| panic!("{error}"));
    assert!(
        !world.acts().contains("in place of a copy"),
        "there is none that it could be a copy of"
    );
}

/// Half a second each, and never one that fails.
fn two_hundred_copies_in_a_row_load_and_unload() {
    let mark = vec![("/cmdline_mark.ko".to_owned(), store::module(&example("cmdline_mark")))];
    for n in 1..=200 {
        let mut vm = Vm::start(mark.clone());
        assert_eq!(vm.passed_over(), None, "machine {n} is no copy");
        let said = vm.sh(
            "livepatch load /cmdline_mark.ko && cat /proc/cmdline && livepatch unload cmdline_mark",
        );
        assert!(said.contains("kps=1"), "copy {n}: {said}");
        vm.check_log();
    }
}
