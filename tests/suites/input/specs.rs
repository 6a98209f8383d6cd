// SPDX-License-Identifier: GPL-2.0
//! Specs that are no files, no text, or too much of it; and paths that are hostile themselves.

use super::{arguments, Bad};
use kps_tests::world::World;
use kps_tests::FIXTURE;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

/// A spec with one mistake, in its fourth line.
const MISTAKE: &str =
    "patch fix {\n    license \"GPL\";\n    object vmlinux {\n        fn cmdline_proc_shw { pre { } }\n    }\n}\n";
const MIB: u64 = 1 << 20;

pub(crate) const CASES: &[Bad] = &[
    ("KPS0110-empty", |w| spec(w, "")),
    ("KPS0110-only-a-mark", |w| spec(w, "\u{feff}")),
    ("KPS0110-only-a-comment", |w| spec(w, "// patch fix { }\n")),
    ("KPS0115-nul", |w| spec(w, MISTAKE.replace("GPL", "G\0PL"))),
    ("KPS0113-not-utf-8", |w| spec(w, b"patch fix {\n    author \"Jos\xe9\";\n}\n")),
    ("KPS0113-utf-16", |w| spec(w, b"\xff\xfep\0a\0t\0c\0h\0")),
    ("KPS0103-endless-nesting", |w| spec(w, "{".repeat(100_000))),
    ("KPS0102-endless-comments", |w| spec(w, "/*".repeat(100_000))),
    // Other ends of lines and a byte order mark do not move the place.
    ("KPS0201-crlf", |w| spec(w, MISTAKE.replace('\n', "\r\n"))),
    ("KPS0201-mark", |w| spec(w, format!("\u{feff}{}", MISTAKE.replace('\n', " ")))),
    ("KPS0201-endless-line", |w| {
        spec(
            w,
            MISTAKE.replace('\n', " ").replace("fn ", &format!("{} fn ", " ".repeat(1_000_000))),
        )
    }),
    ("KPS0104-one-byte-too-many", |w| spec(w, " ".repeat(4 * MIB as usize + 1))),
    ("KPS0104-cut-in-a-letter", |w| spec(w, "\u{e4}".repeat(4 * MIB as usize))),
    ("KPS0104-ten-gigabytes", |w| {
        w.write_sparse("spec.kps", 10 << 30);
        check("spec.kps")
    }),
    ("KPS0214-trigger-missing", |w| trigger(w, "poc.c")),
    ("KPS0701-trigger-is-a-folder", |w| {
        w.write("poc.c/file", "");
        trigger(w, "poc.c")
    }),
    ("KPS0214-trigger-link-out", |w| {
        symlink("/proc/version", w.work().join("poc.c")).unwrap_or_else(|error| panic!("{error}"));
        trigger(w, "poc.c")
    }),
    ("KPS0214-trigger-folder-link-out", |w| {
        std::fs::write(w.temporary().join("poc.c"), "").unwrap_or_else(|error| panic!("{error}"));
        symlink(w.temporary(), w.work().join("folder")).unwrap_or_else(|error| panic!("{error}"));
        trigger(w, "folder/poc.c")
    }),
    ("KPS0713-trigger-too-large", |w| {
        w.write_sparse("poc.c", MIB + 1);
        trigger(w, "poc.c")
    }),
    ("KPS0214-module-link-out", |w| {
        symlink("/proc/version", w.work().join("file.rs"))
            .unwrap_or_else(|error| panic!("{error}"));
        module(w)
    }),
    ("KPS0701-module-is-a-folder", |w| {
        w.write("file.rs/file", "");
        module(w)
    }),
    ("KPS0713-module-too-large", |w| {
        w.write_sparse("file.rs", 4 * MIB + 1);
        module(w)
    }),
    ("KPS0113-module-not-utf-8", |w| {
        w.write("file.rs", b"// Jos\xe9\n");
        module(w)
    }),
    ("KPS0103-module-of-brackets", |w| {
        w.write("file.rs", "(".repeat(100_000));
        module(w)
    }),
    ("KPS0116-module-of-many-tokens", |w| {
        w.write("file.rs", "const A: u8 = -1;\n".repeat(10_000));
        module(w)
    }),
    // Other ends of lines and a byte order mark do not move the place.
    ("KPS0501-module-crlf", |w| {
        w.write("file.rs", "\u{feff}pub fn f() {\r\n    let a = ;\r\n}\r\n");
        module(w)
    }),
    ("KPS0214-header-link-out", |w| {
        w.write("file.c", "#include \"file.h\"\n");
        symlink("/proc/version", w.work().join("file.h")).unwrap_or_else(|error| panic!("{error}"));
        with_item(w, "c \"file.c\"")
    }),
    ("KPS0701-missing", |_| check("no/such/spec.kps")),
    ("KPS1211-folder", |_| check(".")),
    ("KPS0701-link-to-nothing", |w| {
        link(w, "/no/such/spec");
        check("spec.kps")
    }),
    ("KPS0701-link-to-itself", |w| {
        link(w, "spec.kps");
        check("spec.kps")
    }),
    // Nobody writes to it: whoever opens it as a file waits for ever.
    ("KPS0701-pipe", |w| {
        let made = Command::new("mkfifo").arg(w.work().join("spec.kps")).status();
        assert!(made.is_ok_and(|status| status.success()), "install the package coreutils");
        check("spec.kps")
    }),
    ("KPS0701-device", |_| check("/dev/zero")),
    // Root may read every file, but not the memory that is not there.
    ("KPS0701-unreadable", |_| check("/proc/self/mem")),
    ("KPS0701-endless-path", |_| check("x/".repeat(10_000) + "spec.kps")),
    ("KPS0701-path-that-hurts-a-terminal", |_| check("\u{1b}[2J\u{202e}\r\nspec.kps")),
    ("KPS0201-path-with-everything", |w| {
        named(w, OsStr::new("a \"b\" 'c' $(touch pwned) `d`;\n\u{1b}[31m\u{202e}\u{e4}.kps"))
    }),
    ("KPS0201-path-not-utf-8", |w| named(w, OsStr::from_bytes(b"\xff\xfe.kps"))),
    ("KPS0201-path-like-an-option", |w| {
        w.write("--kernel.kps", MISTAKE);
        arguments(&["check", "--kernel", FIXTURE, "--", "--kernel.kps"])
    }),
];

/// Checks a spec of this text.
fn spec(world: &World, text: impl AsRef<[u8]>) -> Vec<OsString> {
    world.write("spec.kps", text);
    check("spec.kps")
}

/// Tests a spec with this trigger.
fn trigger(world: &World, file: &str) -> Vec<OsString> {
    let text = format!(
        "patch fix {{\n    license \"GPL\";\n    object vmlinux {{ fn cmdline_proc_show {{ pre {{ }} }} }}\n    \
         test \"x\" {{ trigger c \"{file}\"; patched status 0; }}\n}}\n"
    );
    world.write("spec.kps", text);
    arguments(&["test", "--kernel", FIXTURE, "spec.kps"])
}

/// Checks a spec with a module in `file.rs`.
fn module(world: &World) -> Vec<OsString> {
    with_item(world, "mod file from \"file.rs\"")
}

/// Checks a spec with this line.
fn with_item(world: &World, item: &str) -> Vec<OsString> {
    let text = format!(
        "patch fix {{\n    license \"GPL\";\n    {item};\n    \
         object vmlinux {{ fn cmdline_proc_show {{ pre {{ }} }} }}\n}}\n"
    );
    spec(world, text)
}

/// Checks a spec with a mistake in a file of this name.
fn named(world: &World, name: &OsStr) -> Vec<OsString> {
    world.write(name, MISTAKE);
    check(name)
}

fn check(path: impl AsRef<OsStr>) -> Vec<OsString> {
    let mut all = arguments(&["check", "--kernel", FIXTURE]);
    all.push(path.as_ref().to_owned());
    all
}

fn link(world: &World, to: impl AsRef<Path>) {
    symlink(to, world.work().join("spec.kps")).unwrap_or_else(|error| panic!("{error}"));
}
