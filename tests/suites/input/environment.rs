// SPDX-License-Identifier: GPL-2.0
//! An environment and arguments that are not as they should be, and what the linker may leave to
//! `kpsc link`.

use super::{arguments, Bad};
use kps_tests::world::World;
use kps_tests::{fixture, put_prepared_target, FIXTURE};
use std::ffi::{OsStr, OsString};
use std::os::unix::fs::PermissionsExt;

const SPEC: &str =
    "patch fix {\n    license \"GPL\";\n    object vmlinux { fn cmdline_proc_show { pre { } } }\n}\n";

pub(crate) const CASES: &[Bad] = &[
    ("KPS0701-cache-with-substitution", |w| cache(w, "a$(touch pwned)")),
    ("KPS0701-cache-with-quotes", |w| cache(w, "a';touch${IFS}pwned;'")),
    ("KPS0701-cache-that-hurts-a-terminal", |w| cache(w, "a\n\u{1b}[31m\u{202e}")),
    ("KPS0704-cache-is-not-there", |w| cache(w, "nothing")),
    ("KPS0701-cache-is-a-file", |w| {
        w.write("file", "");
        cache(w, "file");
        arguments(&["kernel", "list"])
    }),
    ("KPS0701-no-home", |w| {
        ["KPSC_CACHE", "XDG_CACHE_HOME", "HOME"].iter().for_each(|name| w.set(name, None));
        check(w)
    }),
    ("KPS0701-temporary-folder-with-substitution", |w| {
        let folder = w.temporary().join("a $(touch pwned);'");
        std::fs::create_dir(&folder).unwrap_or_else(|error| panic!("{error}"));
        w.set("TMPDIR", Some(folder.as_os_str()));
        build(w, "output")
    }),
    ("KPS0701-temporary-folder-is-not-there", |w| {
        w.set("TMPDIR", Some(OsStr::new("/no/such/folder")));
        build(w, "output")
    }),
    ("KPS0701-output-in-a-file", |w| {
        w.write("file", "");
        source(w, "file/$(touch pwned)\n\u{1b}[31m")
    }),
    ("KPS0701-output-of-endless-name", |w| source(w, &"o".repeat(10_000))),
    ("KPS0701-output-is-somebodys", |w| {
        w.write("output/fix/thesis.txt", "years of work");
        source(w, "output")
    }),
    ("KPS0703-no-linker", |_| arguments(&["link", "/no/such/\u{1b}[31m ld", "-o", "a.o"])),
    ("KPS0701-linked-nothing", |w| link(w, "true", "a.ko")),
    ("KPS0802-linked-junk", |w| link(w, "echo junk > \"$3\"", "a.ko")),
    ("KPS0802-linked-nothing-but-a-header", |w| {
        link(
            w,
            "printf '\\177ELF\\2\\1\\1\\0\\0\\0\\0\\0\\0\\0\\0\\0\\1\\0\\76\\0' > \"$3\"",
            "a.ko",
        )
    }),
    ("KPS0713-linked-too-much", |w| link(w, "truncate -s 10G \"$3\"", "a.ko")),
    ("KPS0701-linked-a-pipe", |w| link(w, "mkfifo \"$3\"", "a.ko")),
    ("KPS0802-linked-under-a-hostile-name", |w| {
        link(w, "echo junk > \"$3\"", "$(touch pwned) `a`;\"\n\u{1b}[31m'.ko")
    }),
    ("usage-hostile-command", |_| arguments(&["bu\u{1b}[31mild\u{202e}"])),
    ("usage-endless-option", |_| arguments(&["check", &format!("--{}", "o".repeat(10_000))])),
    ("usage-no-spec", |_| arguments(&["check"])),
    ("usage-hostile-code", |_| arguments(&["explain", "KPS0203$(touch pwned)"])),
    ("usage-hostile-make-variable", |_| {
        arguments(&["kernel", "add", "--build-dir", "/", "--make", "CC=gcc $(touch pwned)"])
    }),
];

fn check(world: &World) -> Vec<OsString> {
    world.write("spec.kps", SPEC);
    arguments(&["check", "--kernel", FIXTURE, "spec.kps"])
}

/// Checks with another cache, in the folder that kpsc works in.
fn cache(world: &mut World, folder: &str) -> Vec<OsString> {
    let folder = world.work().join(folder);
    world.set("KPSC_CACHE", Some(folder.as_os_str()));
    check(world)
}

fn source(world: &World, output: &str) -> Vec<OsString> {
    world.write("spec.kps", SPEC);
    arguments(&["build", "--kernel", FIXTURE, "spec.kps", "--emit", "source", "-o", output])
}

/// Builds for a target that says it has been prepared.
fn build(world: &World, output: &str) -> Vec<OsString> {
    put_prepared_target(world.cache(), FIXTURE, &world.work().join("tree"), &fixture::facts());
    world.write("spec.kps", SPEC);
    arguments(&["build", "--kernel", FIXTURE, "spec.kps", "-o", output])
}

/// Links a module with a linker that does this; `$3` is what it is to make.
fn link(world: &World, script: &str, module: &str) -> Vec<OsString> {
    world.write("ld", format!("#!/bin/sh\n{script}\n"));
    std::fs::set_permissions(world.work().join("ld"), PermissionsExt::from_mode(0o755))
        .unwrap_or_else(|error| panic!("{error}"));
    arguments(&["link", "./ld", "-r", "-o", module])
}
