// SPDX-License-Identifier: GPL-2.0
//! What a run leaves that a signal ends, where it puts temporary files, and with which permissions.

use super::{folder, program, write, SPEC};
use kps_tests::schedule::Case;
use kps_tests::{
    cases, fixture, fixture_cache, kpsc, printed, put_prepared_target, put_target, FIXTURE,
    MANIFEST,
};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// The cases of this file.
pub(super) fn cases() -> Vec<Case> {
    cases![
        a_signal_leaves_nothing_and_is_the_status.about(8),
        a_signal_that_is_ignored_ends_nothing,
        a_folder_that_the_sandbox_covers_is_refused,
        a_full_folder_for_temporary_files_is_named,
        a_relative_folder_for_caches_is_ignored,
        files_have_the_permissions_that_the_umask_leaves,
    ]
}

/// A place to build in: a cache whose one target builds with this program as `make`.
struct Place {
    root: tempfile::TempDir,
    cache: tempfile::TempDir,
}

impl Place {
    fn new(make: &str) -> Place {
        let (root, cache) = (folder(), fixture_cache());
        put_prepared_target(cache.path(), FIXTURE, &root.path().join("tree"), &fixture::facts());
        for folder in ["tmp", "out", "bin"] {
            std::fs::create_dir(root.path().join(folder)).unwrap_or_else(|error| panic!("{error}"));
        }
        program(&root.path().join("bin"), "make", make);
        write(&root.path().join("fix.kps"), SPEC.as_bytes());
        Place { root, cache }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn prepared(&self, mut command: Command, arguments: &[&str]) -> Command {
        let path = std::env::var("PATH").unwrap_or_default();
        command
            .args(arguments)
            .current_dir(self.root.path())
            .env("KPSC_CACHE", self.cache.path())
            .env("TMPDIR", self.at("tmp"))
            .env("PATH", format!("{}:{path}", self.at("bin").display()))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let default = || {
            for signal in [INTERRUPT, TERMINATE, HANG_UP] {
                // SAFETY: between fork and exec; the call has no memory to misuse.
                unsafe { libc::signal(signal, libc::SIG_DFL) };
            }
            Ok(())
        };
        // A shell that runs the suite in the background has it ignore some.
        // SAFETY: the closure makes three system calls and allocates nothing.
        unsafe { command.pre_exec(default) };
        command
    }

    /// What is left in the folder for temporary files, and beside the results.
    fn left(&self) -> Vec<String> {
        let inside = |name: &str| std::fs::read_dir(self.at(name)).into_iter().flatten().flatten();
        let names = inside("tmp").chain(
            inside("out")
                .chain(inside("."))
                .filter(|entry| entry.file_name().to_string_lossy().starts_with('.')),
        );
        names.map(|entry| entry.path().display().to_string()).collect()
    }
}

fn start(mut command: Command) -> Child {
    command.spawn().unwrap_or_else(|error| panic!("{error}"))
}

fn send(signal: i32, child: &Child) {
    let sent = Command::new("kill").arg(format!("-{signal}")).arg(child.id().to_string()).status();
    assert!(sent.is_ok_and(|status| status.success()));
}

/// Waits until a file is there.
fn wait_for(path: &Path) {
    let end = Instant::now() + Duration::from_secs(60);
    while !path.exists() {
        assert!(Instant::now() < end, "{} does not appear", path.display());
        std::thread::sleep(Duration::from_millis(2));
    }
}

const INTERRUPT: i32 = 2;
const TERMINATE: i32 = 15;
const HANG_UP: i32 = 1;

fn a_signal_leaves_nothing_and_is_the_status() {
    // It never ends, and fills the folder that it builds in as fast as it can.
    let place = Place::new(
        "echo > \"$TMPDIR/../made\"; n=0; while :; do n=$((n + 1)); echo > file$n; done 2>/dev/null",
    );
    for signal in [INTERRUPT, TERMINATE, HANG_UP] {
        let child = start(place.prepared(kpsc(), &["build", "fix.kps", "-o", "out"]));
        wait_for(&place.at("made"));
        assert!(!place.left().is_empty(), "nothing is temporary");
        send(signal, &child);
        let ended = child.wait_with_output().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(ended.status.signal(), Some(signal), "{}", printed(&ended));
        assert_eq!(printed(&ended), "", "it has more to say");
        assert_eq!(place.left(), [""; 0]);
        std::fs::remove_file(place.at("made")).unwrap_or_else(|error| panic!("{error}"));
    }
    // At any other moment, of what writes into the folder for results and of what builds.
    let commands: [&[&str]; 3] = [
        &["build", "fix.kps", "--emit", "source", "-o", "out"],
        &["convert", "fix.kps", "--to", "crate", "-o", "out"],
        &["build", "fix.kps", "-o", "out"],
    ];
    for (n, command) in commands.iter().cycle().take(24).enumerate() {
        let child = start(place.prepared(kpsc(), command));
        std::thread::sleep(Duration::from_millis(3 * n as u64));
        send(TERMINATE, &child);
        let ended = child.wait_with_output().unwrap_or_else(|error| panic!("{error}"));
        let is_over = ended.status.signal() == Some(TERMINATE) || ended.status.code().is_some();
        assert!(is_over, "{command:?}: {}", ended.status);
        assert_eq!(place.left(), [""; 0], "{command:?} after {n} steps");
        let _ = std::fs::remove_dir_all(place.at("out"));
    }
}

fn a_signal_that_is_ignored_ends_nothing() {
    let place = Place::new("echo > \"$TMPDIR/../made\"; exec sleep 600");
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' HUP; exec \"$@\"", "sh"]).arg(kpsc().get_program());
    let mut child = start(place.prepared(shell, &["build", "fix.kps"]));
    wait_for(&place.at("made"));
    send(HANG_UP, &child);
    std::thread::sleep(Duration::from_millis(100));
    assert!(child.try_wait().is_ok_and(|status| status.is_none()), "it has ended");
    send(INTERRUPT, &child);
    let status = child.wait().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(status.signal(), Some(INTERRUPT));
    assert_eq!(place.left(), [""; 0]);
}

fn build(place: &Place, variables: &[(&str, &str)]) -> (i32, String) {
    let mut command = place.prepared(kpsc(), &["build", "fix.kps"]);
    super::run(command.envs(variables.iter().copied()))
}

fn a_folder_that_the_sandbox_covers_is_refused() {
    let place = Place::new("exit 1");
    let compilers = place.at("compilers");
    std::fs::create_dir_all(compilers.join("usr")).unwrap_or_else(|error| panic!("{error}"));
    let tree =
        format!("[tree]\nbuild = \"/\"\nsources = []\nmake = []\ntoolchain = {compilers:?}\n");
    put_target(place.cache.path(), FIXTURE, &format!("{MANIFEST}{tree}"), &fixture::facts());
    let link = place.at("link");
    std::os::unix::fs::symlink("/usr/lib", &link).unwrap_or_else(|error| panic!("{error}"));
    for folder in ["/usr/share", "/usr", "/bin", &link.display().to_string()] {
        let (status, said) = build(&place, &[("TMPDIR", folder)]);
        assert_eq!(status, 3, "{said}");
        assert!(said.contains("[KPS0701]") && said.contains("set TMPDIR"), "{said}");
    }
    let mut exec = place.prepared(kpsc(), &["kernel", "exec", "--folder", "/usr/src", FIXTURE]);
    super::assert_ends(super::run(exec.args(["--", "true"])), 3, "KPS0701");
}

fn a_full_folder_for_temporary_files_is_named() {
    for said in ["as: fix.o: No space left on device", "cp: x: Disk quota exceeded"] {
        let place = Place::new(&format!("echo '{said}' >&2; exit 2"));
        let (status, said) = build(&place, &[]);
        assert_eq!(status, 3, "{said}");
        assert!(said.contains("[KPS0711]") && said.contains("set TMPDIR"), "{said}");
        assert!(said.contains(&place.at("tmp").display().to_string()), "{said}");
    }
    // Other failures are not taken for that one.
    let place = Place::new("exit 2");
    super::assert_ends(build(&place, &[]), 3, "KPS0801");
}

fn a_relative_folder_for_caches_is_ignored() {
    let (home, work) = (folder(), folder());
    put_target(&home.path().join(".cache/kpsc"), FIXTURE, MANIFEST, &fixture::facts());
    for relative in ["cache", "./cache", "../cache", ""] {
        let (status, said) = super::run(
            kpsc()
                .args(["kernel", "list"])
                .current_dir(work.path())
                .env_remove("KPSC_CACHE")
                .env("XDG_CACHE_HOME", relative)
                .env("HOME", home.path()),
        );
        assert!(status == 0 && said.starts_with(FIXTURE), "{relative}: {said}");
    }
    let absolute = folder();
    put_target(&absolute.path().join("kpsc"), "other", MANIFEST, &fixture::facts());
    let (_, said) = super::run(
        kpsc()
            .args(["kernel", "list"])
            .env_remove("KPSC_CACHE")
            .env("XDG_CACHE_HOME", absolute.path()),
    );
    assert!(said.starts_with("other"), "{said}");
}

fn files_have_the_permissions_that_the_umask_leaves() {
    for (umask, mode) in [("022", 0o644), ("077", 0o600), ("002", 0o664), ("000", 0o666)] {
        let place = Place::new("exit 1");
        let run = |arguments: &[&str]| {
            let mut shell = Command::new("sh");
            shell.args(["-c", "umask $0; exec \"$@\"", umask]).arg(kpsc().get_program());
            let (status, said) = super::run(&mut place.prepared(shell, arguments));
            assert_eq!(status, 0, "{said}");
        };
        let mode_of = |name: &str| {
            let metadata = std::fs::metadata(place.at(name));
            metadata.unwrap_or_else(|error| panic!("{name}: {error}")).permissions().mode() & 0o777
        };
        run(&["new", "starter"]);
        run(&["new", "--crate", "made"]);
        run(&["sync", "made"]);
        run(&["build", "fix.kps", "--emit", "source", "-o", "out"]);
        for name in ["starter.kps", "made/kps/target.facts", "made/Kbuild", "out/fix/Kbuild"] {
            assert_eq!(mode_of(name), mode, "{name} under {umask}");
        }
        // A file that is rewritten keeps its own.
        let ugly = place.at("fix.kps");
        std::fs::write(&ugly, SPEC.replace("    license", "license"))
            .and_then(|()| std::fs::set_permissions(&ugly, std::fs::Permissions::from_mode(0o604)))
            .unwrap_or_else(|error| panic!("{error}"));
        run(&["fmt", "fix.kps"]);
        assert_eq!(std::fs::read_to_string(&ugly).unwrap_or_default(), SPEC);
        assert_eq!(mode_of("fix.kps"), 0o604);
    }
}
