// SPDX-License-Identifier: GPL-2.0
//! Who waits for whom: long work on one target keeps nobody from another one, and whoever has to
//! wait is told for what.
//!
//! The long work is that of a kpsc whose apt or make does not go on until the case lets it.

use super::{end, flip, read, run, start, succeed, write, World};
use kps_facts::{Constants, Facts};
use kps_host::isolation::Readable;
use kps_targets::KeptKind;
use kps_tests::schedule::Case;
use kps_tests::{cases, fixture, put_prepared_target, put_target, MANIFEST};
use rustix::fs::Mode;
use rustix::process::{geteuid, umask};
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

/// The cases about waiting.
pub(super) fn cases() -> Vec<Case> {
    cases![
        long_work_on_one_target_keeps_nobody_from_another,
        a_prepared_target_is_built_for_while_it_gets_debug_information,
        whoever_removes_waits_for_those_who_prepare,
        whoever_is_killed_keeps_nobody_waiting,
        a_target_is_prepared_once_by_two,
        what_one_thread_writes_stays_readable_when_another_is_done.apart(),
    ]
}

/// The release of the fixture, as a stock kernel.
const RELEASE: &str = "7.3.4-fixture";

const SPEC: &str =
    "patch a { license \"GPL\"; object vmlinux { fn cmdline_proc_show { pre { } } } }\n";

/// Does not go on while the file `$GATE` exists, for two minutes at most: whoever waits for it then
/// fails instead of waiting for ever.
const AT_THE_GATE: &str = "touch \"$GATE.reached\"; n=0; \
     while [ -e \"$GATE\" ] && [ $n -lt 2400 ]; do sleep 0.05; n=$((n + 1)); done";

/// A kpsc in the midst of long work.
struct Busy {
    kpsc: Child,
    gate: PathBuf,
}

impl Busy {
    /// Starts it, and returns when it is at the gate.
    fn start(world: &World, command: &mut Command) -> Busy {
        let gate = world.folder.path().join("gate");
        write(&gate, b"");
        let mut kpsc = start(command.env("GATE", &gate));
        while !gate.with_extension("reached").exists() {
            let ended = kpsc.try_wait().unwrap_or_else(|error| panic!("{error}"));
            assert!(ended.is_none(), "{:?}", end(kpsc));
            std::thread::yield_now();
        }
        Busy { kpsc, gate }
    }

    /// This command ends before the long work does, and says nothing of waiting.
    fn does_not_delay(&mut self, command: &mut Command) -> (i32, String) {
        let (status, said) = run(command);
        assert!(!said.contains("waiting"), "{command:?}: {said}");
        self.is_at_work();
        (status, said)
    }

    fn is_at_work(&mut self) {
        let ended = self.kpsc.try_wait().unwrap_or_else(|error| panic!("{error}"));
        assert!(ended.is_none(), "the long work was waited for");
    }

    /// Lets it go, and returns how it ends.
    fn end(self) -> (i32, String) {
        super::remove(&self.gate);
        end(self.kpsc)
    }
}

impl World {
    /// kpsc with an apt that has no archive, and that waits at the gate, if there is one.
    fn with_apt(&self, words: &[&str]) -> Command {
        let bin = self.folder.path().join("bin");
        let apt = bin.join("apt-get");
        std::fs::create_dir_all(&bin).unwrap_or_else(|error| panic!("{error}"));
        let script = format!(
            "#!/bin/sh\n[ -z \"$GATE\" ] || {{ {AT_THE_GATE}; }}\necho E: none >&2\nexit 100\n"
        );
        write(&apt, script.as_bytes());
        std::fs::set_permissions(&apt, PermissionsExt::from_mode(0o755))
            .unwrap_or_else(|error| panic!("{error}"));
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = self.kpsc(words);
        command.env("PATH", format!("{}:{path}", bin.display()));
        command
    }

    /// A stock kernel whose compilers and build tree are still to be fetched.
    fn put_stock(&self, name: &str) {
        let cache = self.folder.path().join("cache");
        let folder = put_target(&cache, name, MANIFEST, &fixture::facts());
        write(&folder.join("config"), b"CONFIG_CC_VERSION_TEXT=\"gcc-14 (Debian) 14.2.0\"\n");
    }

    /// A target that is prepared, with this makefile in its build tree.
    fn put_prepared(&self, name: &str, facts: &Facts, makefile: &str) -> PathBuf {
        let cache = self.folder.path().join("cache");
        let build = self.cache().kernel(name).join("build");
        put_prepared_target(&cache, name, &build, facts);
        write(&build.join("Makefile"), makefile.as_bytes());
        build
    }

    /// The same, whose facts lack what its headers tell. The makefile waits at the gate, if there
    /// is one, and counts how often the headers are read.
    fn put_without_headers(&self, name: &str) -> PathBuf {
        let gate = AT_THE_GATE.replace('$', "$$");
        let makefile = format!(
            "all:\nconstants.s:\n\techo read >>read\n\t[ -z \"$$GATE\" ] || {{ {gate}; }}\n\
             \techo '.ascii \"->PAGE_SIZE 4096\"' >$(M)/$@\n"
        );
        let facts = Facts { constants: Constants::default(), ..fixture::facts() };
        self.put_prepared(name, &facts, &makefile)
    }

    /// A build, which reads the headers first. Behind that it fails: its make makes no module.
    fn build_for(&self, name: &str) -> Command {
        let spec = self.folder.path().join("a.kps");
        write(&spec, SPEC.as_bytes());
        let mut command = self.kpsc(&["build", "--kernel", name, "-o"]);
        command.arg(self.folder.path()).arg(spec);
        command
    }

    /// Prepares a stock kernel.
    fn prepare(&self, name: &str) -> Command {
        self.with_apt(&["kernel", "add", "--release", RELEASE, "--name", name])
    }

    /// Keeps a result of a build for a target.
    fn keep(&self, name: &str) {
        let target = self.cache().target(name).unwrap_or_else(|error| panic!("{}", error.message));
        let kept = target.kept(KeptKind::Kbuild, "id").keep(|folder| {
            write(&folder.join("a"), b"");
            Ok(())
        });
        kept.unwrap_or_else(|error| panic!("{}", error.message));
    }

    fn path(&self, path: &str) -> PathBuf {
        self.cache().root().join(path)
    }
}

/// The first line that a command says, once it says one.
fn first_line(child: &mut Child) -> String {
    let pipe = child.stderr.as_mut().unwrap_or_else(|| panic!("no pipe"));
    let mut line = String::new();
    BufReader::with_capacity(1, pipe)
        .read_line(&mut line)
        .unwrap_or_else(|error| panic!("{error}"));
    line
}

const PREPARING: &str = "waiting: another kpsc is preparing target `busy`\n";

fn long_work_on_one_target_keeps_nobody_from_another() {
    let world = World::new();
    world.put_stock("busy");
    world.put_stock("stock");
    let other = world.put_without_headers("other");
    let mut busy = Busy::start(&world, &mut world.prepare("busy"));
    let (status, said) = busy.does_not_delay(&mut world.add("mine"));
    assert_eq!(status, 0, "{said}");
    flip(&world.path("kernels/mine/facts"));
    let (status, said) = busy.does_not_delay(&mut world.kpsc(&["kernel", "show", "mine"]));
    assert!(status == 0 && said.contains("made again"), "{said}");
    let (status, said) = busy.does_not_delay(&mut world.kpsc(&["kernel", "default", "mine"]));
    assert_eq!(status, 0, "{said}");
    let (_, said) = busy.does_not_delay(&mut world.build_for("other"));
    assert!(other.join("read").exists() && said.contains("cannot read a.ko"), "{said}");
    ["other", "busy"].iter().for_each(|name| world.keep(name));
    busy.is_at_work();
    // The archive is used by both, each in a folder of its own.
    let into = world.folder.path().join("source").display().to_string();
    for mut command in
        [world.prepare("stock"), world.with_apt(&["kernel", "source", "stock", &into])]
    {
        let (status, said) = busy.does_not_delay(&mut command);
        assert!(status == 3 && said.contains("apt-get failed"), "{said}");
    }
    assert!(world.path("apt-0").exists() && world.path("apt-1").exists());
    assert_eq!(busy.end().0, 3);
}

fn a_prepared_target_is_built_for_while_it_gets_debug_information() {
    let world = World::new();
    let build = world.put_prepared("busy", &fixture::facts(), "all:\n");
    let mut add = world.prepare("busy");
    let mut busy = Busy::start(&world, add.arg("--debug"));
    // What each build may replace: the makefile of an earlier kpsc, and kept results.
    let makefile = build.join("GNUmakefile");
    write(&makefile, b"old");
    let (_, said) = busy.does_not_delay(&mut world.kpsc(&["kernel", "exec", "busy", "--", "true"]));
    assert!(read(&makefile) != b"old", "{said}");
    world.keep("busy");
    busy.is_at_work();
    let mut second = start(world.prepare("busy").arg("--debug"));
    let said = first_line(&mut second);
    assert_eq!(said, "waiting: another kpsc is adding debug information to target `busy`\n");
    assert_eq!((busy.end().0, end(second).0), (3, 3));
}

fn whoever_removes_waits_for_those_who_prepare() {
    let world = World::new();
    world.put_stock("busy");
    succeed(&mut world.add("mine"));
    let mut busy = Busy::start(&world, &mut world.prepare("busy"));
    let removers = [["remove", "mine"], ["remove", "--unused"]].map(|words| {
        let mut remover = start(&mut world.kpsc(&[&["kernel"], &words[..]].concat()));
        assert_eq!(first_line(&mut remover), PREPARING);
        remover
    });
    assert!(world.path("apt-0").exists() && world.path("kernels/mine/target.toml").exists());
    // Nobody waits for those who wait.
    let (status, said) = busy.does_not_delay(&mut world.kpsc(&["kernel", "show", "mine"]));
    assert_eq!(status, 0, "{said}");
    busy.end();
    for remover in removers {
        let (status, said) = end(remover);
        assert_eq!(status, 0, "{said}");
    }
    assert!(!world.path("apt-0").exists() && !world.path("kernels/mine").exists());
    assert!(world.path("kernels/busy").exists());
}

fn whoever_is_killed_keeps_nobody_waiting() {
    let world = World::new();
    world.put_stock("busy");
    let mut busy = Busy::start(&world, &mut world.prepare("busy"));
    busy.kpsc.kill().and_then(|()| busy.kpsc.wait()).unwrap_or_else(|error| panic!("{error}"));
    assert!(world.path("apt-0").exists());
    let said = succeed(&mut world.kpsc(&["kernel", "remove", "--unused"]));
    assert!(said.contains("apt-0\t") && !said.contains("waiting"), "{said}");
    assert!(!world.path("apt-0").exists());
}

fn a_target_is_prepared_once_by_two() {
    let world = World::new();
    let build = world.put_without_headers("busy");
    let busy = Busy::start(&world, &mut world.build_for("busy"));
    let mut second = start(&mut world.build_for("busy"));
    assert_eq!(first_line(&mut second), PREPARING);
    let said = [busy.end().1, end(second).1];
    assert!(said.iter().all(|said| said.contains("cannot read a.ko")), "{said:?}");
    assert_eq!(read(&build.join("read")), b"read\n");
}

/// As root, what the sandbox is to read is readable for all, whatever umask root has.
fn what_one_thread_writes_stays_readable_when_another_is_done() {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let mode = |name: &str| {
        let path: &Path = &folder.path().join(name);
        write(path, b"");
        let metadata = path.metadata().unwrap_or_else(|error| panic!("{error}"));
        metadata.permissions().mode() & 0o777
    };
    umask(Mode::from_raw_mode(0o077));
    let readable = if geteuid().is_root() { 0o644 } else { 0o600 };
    let (first, second) = (Readable::for_sandbox(), Readable::for_sandbox());
    drop(first);
    assert_eq!(mode("while the second exists"), readable);
    drop(second);
    assert_eq!(mode("afterwards"), 0o600);
}
