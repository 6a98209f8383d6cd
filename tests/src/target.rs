// SPDX-License-Identifier: GPL-2.0
//! The target kernel that the suites build for and boot, and doctored copies of it.

use crate::{kernel, kpsc, printed, put_target, stem};
use kps_facts::Facts;
use kps_targets::{module, Progress, Target};
use kps_vm::{complaint, Booting, Firmware, Guest, Machine, Output, VmError};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// The kernel that the case is about. `cargo xtask test` prepares the default target before the
/// suites.
pub fn target() -> Target {
    match kernel::cache().default_target() {
        Ok(Some(target)) if target.tree().is_some() => target,
        Ok(_) => {
            panic!("no target kernel is prepared: run `kpsc kernel add`, or `cargo xtask test`")
        }
        Err(error) => panic!("{}", error.message),
    }
}

/// A module that came with the target.
pub fn kernel_module(name: &str) -> Vec<u8> {
    let modules = target().modules(&kernel::cache(), Progress::Quiet);
    let modules = modules.unwrap_or_else(|error| panic!("{}", error.message));
    let path = modules.get(name).unwrap_or_else(|| panic!("the target has no module {name}"));
    let file = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    module::unpack(file).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The release of a kernel that does not run: the target's, with another first digit.
pub fn another_release() -> String {
    target().release().replacen(|c: char| c.is_ascii_digit(), "9", 1)
}

/// The module as another kernel would have it.
pub fn for_another_kernel(module: &[u8]) -> Vec<u8> {
    let (own, other) = (target().release().to_owned(), another_release());
    let mut module = module.to_vec();
    let places = (0..module.len()).filter(|&at| module[at..].starts_with(own.as_bytes()));
    let places: Vec<_> = places.collect();
    assert!(!places.is_empty(), "the module does not name its kernel");
    places.into_iter().for_each(|at| module[at..at + own.len()].copy_from_slice(other.as_bytes()));
    module
}

/// A cache whose one target is the default one with other facts.
pub fn doctored(change: impl FnOnce(&mut Facts)) -> tempfile::TempDir {
    let real = target();
    let mut facts = real.facts().unwrap_or_else(|error| panic!("{}", error.message));
    change(&mut facts);
    let sealed = std::fs::read_to_string(real.folder().join("target.toml"))
        .unwrap_or_else(|e| panic!("{e}"));
    let manifest = sealed.split_once('\n').map(|(_, manifest)| manifest).unwrap_or_default();
    // Everything but the facts stays where it is.
    let manifest =
        manifest.replace("image = \"vmlinuz\"", &format!("image = \"{}\"", real.image().display()));
    let manifest = match real.busybox() {
        Some(busybox) => manifest
            .replace("busybox = \"busybox\"", &format!("busybox = \"{}\"", busybox.display())),
        None => manifest,
    };
    let cache = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    put_target(cache.path(), &real.name, &manifest, &facts);
    cache
}

/// The crate that a spec is converted to, in a folder.
pub fn as_crate(spec: &Path, into: &Path) -> PathBuf {
    let output = kpsc().arg("convert").arg(spec).args(["--to", "crate", "-o"]).arg(into).output();
    let output = output.unwrap_or_else(|error| panic!("{error}"));
    assert!(output.status.success(), "{}:\n{}", spec.display(), printed(&output));
    into.join(stem(spec))
}

/// The programs under test for a virtual machine: their files there, and the words that run them as
/// `kpsc` and `kpsctl`.
pub fn program() -> (Vec<(String, Vec<u8>)>, &'static str) {
    let kpsc = kpsc().get_program().to_owned();
    let listed =
        Command::new("ldd").arg(&kpsc).output().unwrap_or_else(|error| panic!("ldd: {error}"));
    let libraries = String::from_utf8_lossy(&listed.stdout).into_owned();
    // Lines are `NAME => PATH (ADDRESS)`, and `PATH (ADDRESS)` for the loader.
    let paths =
        libraries.split_whitespace().filter(|word| word.starts_with('/')).map(PathBuf::from);
    let mut files = Vec::new();
    for path in paths.chain([PathBuf::from(kpsc)]) {
        let bytes =
            std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let name = if name.starts_with("ld-") { "loader".to_owned() } else { name };
        files.push((format!("/{name}"), bytes));
    }
    let kpsctl = crate::kpsctl();
    let bytes =
        std::fs::read(&kpsctl).unwrap_or_else(|error| panic!("{}: {error}", kpsctl.display()));
    files.push(("/bin/kpsctl".to_owned(), bytes));
    // Files of a machine are no programs; the loader runs what it is given all the same, once it
    // may run itself.
    (files, "chmod +x /loader /bin/kpsctl; kpsc() { /loader --library-path / /kpsc \"$@\"; }")
}

/// What kpsc says of a machine that was to be a copy and is none.
const BOOTED: &str = "was booted in place of a copy of the template machine";

/// Shows what kpsc has said of machines that were to be copies and are none: that is right for a
/// user, and slow.
pub fn tell_of_boots(said: &str) {
    said.lines().filter(|line| line.contains(BOOTED)).for_each(|line| println!("{}", line.trim()));
}

/// A virtual machine that takes commands.
pub struct Vm {
    guest: Guest,
}

impl Vm {
    /// Starts the default target with some files, each by its path in the machine.
    pub fn start(files: Vec<(String, Vec<u8>)>) -> Vm {
        Vm::start_with(files, Vec::new())
    }

    /// The same with programs besides.
    pub fn start_with(files: Vec<(String, Vec<u8>)>, programs: Vec<(String, Vec<u8>)>) -> Vm {
        let machine = Machine { programs, ..machine(files) };
        let guest = Guest::start(&machine).unwrap_or_else(|error| panic!("{error:?}"));
        if let Some(reason) = guest.passed_over() {
            // Right for a user, and slow.
            println!("a machine {BOOTED}: {reason}");
        }
        Vm { guest }
    }

    /// Why it is not a copy of the target's template machine, if it was to be one.
    pub fn passed_over(&self) -> Option<&str> {
        self.guest.passed_over()
    }

    /// Boots the default target anew, where that is the claim.
    pub fn boot(files: Vec<(String, Vec<u8>)>) -> Vm {
        Vm::boot_told(files, "")
    }

    /// The same with more words on the kernel's command line.
    pub fn boot_told(files: Vec<(String, Vec<u8>)>, append: &str) -> Vm {
        Vm::boot_machine(&Machine { append: append.to_owned(), ..machine(files) })
    }

    /// The same with a firmware.
    pub fn boot_from(firmware: Firmware, files: Vec<(String, Vec<u8>)>, append: &str) -> Vm {
        let (append, firmware) = (append.to_owned(), Some(firmware));
        let kpsctl = std::fs::read(crate::kpsctl()).unwrap_or_else(|error| panic!("{error}"));
        let programs = vec![("/bin/kpsctl".to_owned(), kpsctl)];
        Vm::boot_machine(&Machine { append, firmware, programs, ..machine(files) })
    }

    pub(crate) fn boot_machine(machine: &Machine) -> Vm {
        Vm { guest: Guest::boot(machine).unwrap_or_else(|error| panic!("{error}\n{error:?}")) }
    }

    /// Boots several at once. They are waited for in this thread, because QEMU ends with the thread
    /// that has started it.
    pub(crate) fn boot_machines(machines: &[Machine]) -> Vec<Vm> {
        let fail = |error: VmError| -> Booting<'_> { panic!("{error}\n{error:?}") };
        let all: Vec<_> =
            machines.iter().map(|one| Booting::start(one).unwrap_or_else(fail)).collect();
        let wait = |booting: Booting<'_>| Vm {
            guest: booting.finish().unwrap_or_else(|error| panic!("{error}\n{error:?}")),
        };
        all.into_iter().map(wait).collect()
    }

    /// Runs a script, whatever it says.
    pub fn run(&mut self, script: &str) -> Output {
        self.run_within(script, 180)
    }

    /// Runs a script that may take so many seconds.
    pub fn run_within(&mut self, script: &str, seconds: u64) -> Output {
        self.guest
            .run(script, Duration::from_secs(seconds))
            .unwrap_or_else(|error| panic!("{error}\n{error:?}"))
    }

    /// Runs a script that must succeed, and returns what it printed.
    pub fn sh(&mut self, script: &str) -> String {
        let output = self.run(script);
        assert_eq!(output.status, 0, "{script}:\n{}\n{}", output.text, self.guest.log());
        output.text
    }

    /// Runs a script in a machine that may not survive it.
    pub fn try_run(&mut self, script: &str) -> Result<Output, VmError> {
        self.guest.run(script, Duration::from_secs(60))
    }

    /// Runs a script that stops the machine, however that dies: what its console has shown.
    pub fn stop(self, script: &str) -> String {
        let stopped = self.guest.stop(script, Duration::from_secs(180));
        stopped.unwrap_or_else(|error| panic!("{error}\n{error:?}"))
    }

    /// Shuts down a machine with systemd, whose kernel must not complain.
    pub fn shut_down(mut self) {
        self.check_log();
        let log = self.stop("systemctl poweroff");
        assert!(complaint(&log).is_none(), "{log}");
    }

    /// Takes the machine's power away.
    pub fn cut(self) {
        drop(self);
    }

    /// What its console has shown.
    pub fn console(&self) -> String {
        self.guest.log()
    }

    /// The kernel must not have complained.
    pub fn check_log(&mut self) {
        self.verdict().unwrap_or_else(|error| panic!("{error}\n{error:?}"));
    }

    /// Whether the kernel has complained.
    pub fn verdict(&mut self) -> Result<(), VmError> {
        self.guest.check_log()
    }
}

pub(crate) fn machine(files: Vec<(String, Vec<u8>)>) -> Machine {
    Machine::of(&target(), files).unwrap_or_else(|error| panic!("{error}"))
}

/// A machine with the program under test and some files. Each step runs a script in which `kpsc` is
/// the program.
pub struct Steps {
    /// The machine.
    pub vm: Vm,
    prelude: &'static str,
}

impl Steps {
    /// Starts the machine.
    pub fn start(files: Vec<(String, Vec<u8>)>) -> Steps {
        Steps::start_with(files, Vec::new())
    }

    /// The same with other programs besides.
    pub fn start_with(files: Vec<(String, Vec<u8>)>, programs: Vec<(String, Vec<u8>)>) -> Steps {
        let (mut all, prelude) = program();
        all.extend(files);
        Steps { vm: Vm::start_with(all, programs), prelude }
    }

    /// Runs a script that must end with a status and say some things.
    pub fn step(&mut self, script: &str, status: i32, said: &[&str]) -> String {
        let output = self.vm.run(&format!("{}\n{script}", self.prelude));
        assert_eq!(output.status, status, "{script}:\n{}", output.text);
        for text in said {
            assert!(output.text.contains(text), "{script} does not say {text:?}:\n{}", output.text);
        }
        output.text
    }
}
