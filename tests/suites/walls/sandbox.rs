// SPDX-License-Identifier: GPL-2.0
//! What code in the sandbox can do: `tests/walls/probe.c` tries it from inside.

use super::{allow, write, Person, EVERYONE};
use kps_tests::schedule::Case;
use kps_tests::target::target;
use kps_tests::{example, printed, repository, store};
use rustix::process::{geteuid, getpid};
use std::net::TcpListener;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixListener};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

/// The cases with the target's compilers.
pub(super) fn machine_cases() -> Vec<Case> {
    let mut all: Vec<Case> = EVERYONE
        .into_iter()
        .map(|person| {
            let name = format!("sandbox: {person:?} meets no way out of it");
            Case::new(name, move || no_way_out(person)).machine().about(4)
        })
        .collect();
    all.extend(EVERYONE.into_iter().map(|person| {
        let name = format!("sandbox: nothing of {person:?} outlives it");
        Case::new(name, move || nothing_outlives(person)).machine().about(3)
    }));
    all.push(
        Case::new("sandbox: an ordinary user builds what root builds", everyone_builds_the_same)
            .machine()
            .about(4),
    );
    all
}

/// The cache of the target that the suites use.
pub(super) fn cache() -> PathBuf {
    let folder = target().folder().to_owned();
    // It is CACHE/VERSION/kernels/NAME.
    folder.ancestors().nth(3).unwrap_or(&folder).to_owned()
}

/// Runs a program in the sandbox, which may write to a folder.
pub(super) fn exec(person: Person, folder: &Path, words: &[&str]) -> Output {
    exec_with(person, folder, words, |_| ())
}

fn exec_with(
    person: Person,
    folder: &Path,
    words: &[&str],
    change: impl FnOnce(&mut Command),
) -> Output {
    let mut command = person.kpsc(&cache());
    command.args(["kernel", "exec", &target().name, "--folder"]).arg(folder);
    command.args(words);
    change(&mut command);
    command.output().unwrap_or_else(|error| panic!("{error}"))
}

fn no_way_out(person: Person) {
    let (folder, shown) = (person.folder(), person.folder());
    let secret = shown.path().join("secret");
    write(&secret, "of root");
    write(&shown.path().join("public"), "of everybody\n");
    // What an ordinary user may read, the sandbox may too; of root's it reads what all may.
    if geteuid().is_root() {
        allow(&secret, 0o600);
    } else {
        std::fs::remove_file(&secret).unwrap_or_else(|error| panic!("{error}"));
    }
    let probe = std::fs::read_to_string(repository().join("tests/walls/probe.c"));
    let source = folder.path().join("probe.c");
    write(&source, &probe.unwrap_or_else(|error| panic!("{error}")));
    person.own(&source);

    let listener = TcpListener::bind("127.0.0.1:0").unwrap_or_else(|error| panic!("{error}"));
    let port = listener.local_addr().unwrap_or_else(|error| panic!("{error}")).port();
    let name = format!("kpsc-wall-{}-{person:?}", getpid().as_raw_nonzero());
    let _local = SocketAddr::from_abstract_name(&name)
        .and_then(|address| UnixListener::bind_addr(&address))
        .unwrap_or_else(|error| panic!("{error}"));

    let at = folder.path().display();
    let script = format!(
        "cat {public} && touch {at}/written && gcc -O1 -Wall -o {at}/probe {at}/probe.c && \
         {at}/probe {at} {secret} {port} {name} {host}",
        public = shown.path().join("public").display(),
        secret = secret.display(),
        host = std::process::id(),
    );
    let read = shown.path().display().to_string();
    let output = exec_with(
        person,
        folder.path(),
        &["--read", &read, "--", "sh", "-c", &script],
        |command| {
            command.env("KPSC_WALL", "a secret");
            // SAFETY: the closure makes system calls with strings that are constants, and allocates
            // nothing.
            unsafe { command.pre_exec(bring_a_key_and_a_file) };
        },
    );
    let said = printed(&output);
    assert!(output.status.success() && said.starts_with("of everybody"), "{person:?}: {said}");
    assert!(!said.contains("BROKEN"), "{person:?}: {said}");
    let tries = said.lines().find_map(|line| line.strip_suffix(" attacks")?.parse::<u32>().ok());
    assert!(tries.is_some_and(|tries| tries > 300), "{person:?}: {said}");
    assert!(folder.path().join("written").exists(), "{person:?}: it could not write");
}

fn nothing_outlives(person: Person) {
    let folder = person.folder();
    let path = |name: &str| folder.path().join(name);
    let program = std::fs::read_to_string(repository().join("tests/walls/survivor.c"));
    write(&path("survivor.c"), &program.unwrap_or_else(|error| panic!("{error}")));
    let at = folder.path().display();
    let script = format!("gcc -w -o {at}/survivor {at}/survivor.c && {at}/survivor {at}/alive");
    // It returns although what was left behind has its streams.
    let output = exec(person, folder.path(), &["--", "sh", "-c", &script]);
    let said = printed(&output);
    assert!(output.status.success() && said.contains("injected: 0"), "{person:?}: {said}");
    let size = || std::fs::metadata(path("alive")).map(|found| found.len()).unwrap_or_default();
    let before = size();
    std::thread::sleep(Duration::from_millis(200));
    assert_eq!(size(), before, "{person:?}: it is still alive");
}

/// Puts a key into a session keyring, and leaves a file open that a program inherits.
fn bring_a_key_and_a_file() -> std::io::Result<()> {
    // SAFETY: the strings end with a zero byte and live for ever; the file stays open.
    unsafe {
        libc::syscall(libc::SYS_keyctl, 1, std::ptr::null::<libc::c_char>());
        let (kind, name) = (c"user".as_ptr(), c"kpsc-wall".as_ptr());
        libc::syscall(libc::SYS_add_key, kind, name, c"secret".as_ptr(), 6, -3);
        let file = libc::open(c"/etc/passwd".as_ptr(), libc::O_RDONLY);
        libc::dup2(file, 9);
    }
    Ok(())
}

fn everyone_builds_the_same() {
    let spec = example("cmdline_mark");
    let folder = Person::Ordinary.folder();
    let copy = folder.path().join("cmdline_mark.kps");
    std::fs::copy(&spec, &copy).unwrap_or_else(|error| panic!("{error}"));
    let mut command = Person::Ordinary.kpsc(&cache());
    command.args(["build", "--kernel", &target().name, "-o"]).arg(folder.path()).arg(&copy);
    let output = command.output().unwrap_or_else(|error| panic!("{error}"));
    assert!(output.status.success(), "{}", printed(&output));
    let module = std::fs::read(folder.path().join("cmdline_mark.ko"));
    let same = module.is_ok_and(|module| module == store::built(&spec).module);
    assert!(same, "the modules differ");
}
