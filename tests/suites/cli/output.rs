// SPDX-License-Identifier: GPL-2.0
//! Standard output that takes nothing: a result that is cut short is an error, and a reader that has
//! read enough is none.

use super::{folder, write, SPEC};
use kps_tests::schedule::Case;
use kps_tests::{cases, fixture_cache, kpsc, printed, FIXTURE};
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

/// The cases of this file.
pub(super) fn cases() -> Vec<Case> {
    cases![output_that_nothing_takes_fails_every_command_that_prints.about(15)]
}

/// Every command that prints a result, but those that need a machine or a running kernel: `test`,
/// `load`, `unload`, `list`. They print through the same function.
const COMMANDS: &[&[&str]] = &[
    &["--help"],
    &["--version"],
    &["build", "--help"],
    &["help", "kernel"],
    &["new", "starter"],
    &["new", "starter", "--crate"],
    &["fmt", "-"],
    &["fmt", "--check", "ugly.kps"],
    &["check", "fix.kps", "next.kps"],
    &["inspect", "cmdline_proc_show"],
    &["inspect", "cmdline_proc_show", "--skeleton"],
    &["inspect", "--all"],
    &["build", "fix.kps", "--emit", "source", "-o", "out"],
    &["expand", "fix.kps"],
    &["convert", "fix.kps", "--to", "crate", "-o", "crates"],
    &["sync", "made"],
    &["kernel", "list"],
    &["kernel", "show"],
    &["kernel", "facts"],
    &["doctor"],
    &["explain", "KPS0203"],
    &["explain"],
    &["doc"],
    &["doc", "language"],
];

/// Those of them that are also read by somebody who has read enough.
const QUICK: &[&str] = &["--help", "fmt", "new", "inspect", "kernel", "explain"];

/// Runs a command in a folder of its own, with this standard output.
fn run(command: &[&str], place: &Path, cache: &Path, stdout: Stdio) -> Output {
    let mut made = kpsc();
    made.args(command).current_dir(place).env("KPSC_CACHE", cache);
    if !["--help", "--version", "help", "new", "fmt", "kernel", "doctor", "explain", "doc"]
        .contains(&command[0])
    {
        made.args(["--kernel", FIXTURE]);
    }
    made.stdin(Stdio::piped()).stdout(stdout).stderr(Stdio::piped());
    let mut child = made.spawn().unwrap_or_else(|error| panic!("{error}"));
    // Most commands do not read it.
    let _ = child.stdin.take().map(|mut stdin| stdin.write_all(SPEC.as_bytes()));
    child.wait_with_output().unwrap_or_else(|error| panic!("{error}"))
}

/// A folder with all that the commands name.
fn place() -> tempfile::TempDir {
    let place = folder();
    write(&place.path().join("fix.kps"), SPEC.as_bytes());
    write(&place.path().join("ugly.kps"), SPEC.replace("    license", "license").as_bytes());
    let next = SPEC.replace("patch fix {", "patch next {\n    atomic replace;");
    write(&place.path().join("next.kps"), next.as_bytes());
    let new = Command::new(kpsc().get_program())
        .args(["new", "--crate", "made"])
        .current_dir(place.path())
        .output();
    assert!(new.is_ok_and(|new| new.status.success()));
    place
}

fn output_that_nothing_takes_fails_every_command_that_prints() {
    let cache = fixture_cache();
    let help = kpsc().arg("--help").output().map(|output| printed(&output)).unwrap_or_default();
    let verbs = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let verbs = verbs.map_while(|line| line.strip_prefix("  ")?.split(' ').next());
    // What `lsp` writes is for a client, and one that does not read is gone.
    // `import` takes the target's source (`suites/import.rs`), and `sign` its build tree
    // (`suites/signing.rs`). `package` takes modules.
    let others = ["", "test", "lsp", "import", "sign", "package"];
    // They print in one place (`suites/operate.rs`).
    let operate = "load unload list status info enable disable wait force install uninstall \
                   rollback setup";
    let operate: Vec<_> = operate.split_whitespace().collect();
    let is_other = |verb: &&str| others.contains(verb) || operate.contains(verb);
    for verb in verbs.filter(|verb| !is_other(verb)) {
        assert!(COMMANDS.iter().any(|command| command[0] == verb), "{verb} is not here");
    }
    for command in COMMANDS {
        // A disk that is full, and a descriptor that is open for reading.
        let full = File::options().write(true).open("/dev/full");
        for (taken, code) in [(full, "[KPS0711]"), (File::open("/dev/null"), "[KPS0701]")] {
            let taken = taken.unwrap_or_else(|error| panic!("{error}"));
            let ended = run(command, place().path(), cache.path(), taken.into());
            let said = printed(&ended);
            assert_eq!(ended.status.code(), Some(3), "{command:?}: {said}");
            assert!(said.contains(code) && said.contains("standard output"), "{said}");
        }
    }
    for command in COMMANDS.iter().filter(|command| QUICK.contains(&command[0])) {
        let (reader, writer) = std::io::pipe().unwrap_or_else(|error| panic!("{error}"));
        drop(reader);
        let unread = run(command, place().path(), cache.path(), writer.into());
        let is_difference = command.contains(&"--check");
        assert_eq!(unread.status.code(), Some(is_difference.into()), "{command:?}");
        assert_eq!(printed(&unread), "", "{command:?}");
    }
}
