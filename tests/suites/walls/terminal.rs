// SPDX-License-Identifier: GPL-2.0
//! A terminal of kpsc's user is never that of a program in the sandbox.

use super::sandbox::cache;
use super::Person;
use kps_tests::schedule::Case;
use kps_tests::target::target;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::{FromRawFd as _, OwnedFd};
use std::process::Stdio;

/// The case, with the target's compilers.
pub(super) fn case() -> Case {
    Case::new("terminal: the sandbox has none", the_sandbox_has_none).machine().about(1)
}

/// A terminal: what a person sees and types, and what programs have.
fn terminal() -> (File, File) {
    let (mut person, mut program) = (-1, -1);
    let null = std::ptr::null_mut::<u8>();
    // SAFETY: the two numbers are written, and the other pointers may be null.
    let made =
        unsafe { libc::openpty(&mut person, &mut program, null.cast(), null.cast(), null.cast()) };
    assert_eq!(made, 0, "{}", std::io::Error::last_os_error());
    // SAFETY: nobody else has these descriptors.
    unsafe { (File::from_raw_fd(person), File::from_raw_fd(program)) }
}

/// What is typed is not read, the terminal stays as it is, and what moves the cursor is escaped.
fn the_sandbox_has_none() {
    let (mut person, program) = terminal();
    person.write_all(b"typed\n").unwrap_or_else(|error| panic!("{error}"));
    let copy = || -> Stdio {
        let copy = program.try_clone().unwrap_or_else(|error| panic!("{error}"));
        OwnedFd::from(copy).into()
    };
    let folder = Person::Root.folder();
    let script = "stty -echo rows 7; head -c 5; test -t 0 || test -t 1 || test -t 2 || echo none; \
                  printf '\\033[31mred\\a\\n'; printf '\\033[2Jgone' >&2";
    let mut command = Person::Root.kpsc(&cache());
    command.args(["kernel", "exec", &target().name, "--folder"]).arg(folder.path());
    command.args(["--", "sh", "-c", script]).stdin(copy()).stdout(copy()).stderr(copy());
    let status = command.status().unwrap_or_else(|error| panic!("{error}"));
    drop((command, program));
    assert!(status.success());
    let mut shown = Vec::new();
    // It ends with an error when no program has the terminal any more.
    let _ = person.read_to_end(&mut shown);
    let shown = String::from_utf8_lossy(&shown);
    assert!(shown.contains("none"), "{shown:?}");
    assert!(
        shown.contains("\\u{1b}[31mred\\u{7}") && shown.contains("\\u{1b}[2Jgone"),
        "{shown:?}"
    );
    assert!(!shown.contains(['\u{1b}', '\u{7}']), "{shown:?}");
    // The echo of what was typed, and no copy of it.
    assert_eq!(shown.matches("typed").count(), 1, "{shown:?}");
}
