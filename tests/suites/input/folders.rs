// SPDX-License-Identifier: GPL-2.0
//! Folders of specs and crates in which files are links, pipes or sockets, or are too many; and
//! folders that make has filled with such files, or for which it prints without end.

use super::{arguments, Bad};
use kps_tests::world::World;
use kps_tests::{fixture, put_prepared_target, FIXTURE};
use std::ffi::{OsStr, OsString};
use std::os::unix::fs::{symlink, PermissionsExt as _};
use std::os::unix::net::UnixListener;
use std::process::Command;

const MIB: u64 = 1 << 20;

/// A file that anybody may read, and of which no byte may be in a message.
const ELSEWHERE: &str = "/proc/version";

pub(crate) const CASES: &[Bad] = &[
    ("KPS1211-manifest-link-out", |w| crate_with(w, |w| link(w, "fix/Cargo.toml"))),
    ("KPS1211-manifest-link-to-a-file-beside", |w| {
        crate_with(w, |w| {
            std::fs::rename(w.work().join("fix/Cargo.toml"), w.work().join("fix/own.toml"))
                .and_then(|()| symlink("own.toml", w.work().join("fix/Cargo.toml")))
                .unwrap_or_else(|error| panic!("{error}"));
        })
    }),
    ("KPS0701-manifest-pipe", |w| crate_with(w, |w| pipe(w, "fix/Cargo.toml"))),
    ("KPS1211-tests-link-out", |w| crate_with(w, |w| link(w, "fix/tests.kps"))),
    ("KPS1211-tests-link-to-nothing", |w| {
        crate_with(w, |w| {
            symlink("none", w.work().join("fix/tests.kps"))
                .unwrap_or_else(|error| panic!("{error}"));
        })
    }),
    ("KPS0701-tests-pipe", |w| crate_with(w, |w| pipe(w, "fix/tests.kps"))),
    ("KPS0701-tests-socket", |w| {
        crate_with(w, |w| {
            UnixListener::bind(w.work().join("fix/tests.kps"))
                .unwrap_or_else(|error| panic!("{error}"));
        })
    }),
    ("KPS0701-tests-folder", |w| crate_with(w, |w| w.write("fix/tests.kps/file", ""))),
    ("KPS0713-tests-too-large", |w| {
        crate_with(w, |w| w.write_sparse("fix/tests.kps", 4 * MIB + 1))
    }),
    ("KPS0701-source-pipe", |w| crate_with(w, |w| pipe(w, "fix/src/more.rs"))),
    ("KPS1211-source-folder-link-out", |w| {
        crate_with(w, |w| {
            symlink("/proc", w.work().join("fix/src/more"))
                .unwrap_or_else(|error| panic!("{error}"));
        })
    }),
    ("KPS0701-kbuild-link-out", |w| {
        crate_with(w, |w| link(w, "fix/Kbuild"));
        arguments(&["sync", "--kernel", FIXTURE, "fix"])
    }),
    ("KPS1211-bindings-pipe", |w| {
        crate_with(w, |w| pipe(w, "fix/src/bindings.rs"));
        arguments(&["sync", "--kernel", FIXTURE, "fix"])
    }),
    ("KPS0214-body-link-to-a-file-beside", |w| {
        w.write("real.rs", "fn cmdline_proc_show() {}\n");
        symlink("real.rs", w.work().join("body.rs")).unwrap_or_else(|error| panic!("{error}"));
        hook(w, "replace from \"body.rs\";")
    }),
    ("KPS0701-file-in-c-pipe", |w| {
        pipe(w, "body.c");
        hook(w, "replace c \"body.c\";")
    }),
    ("KPS0214-header-folder-link-out", |w| {
        w.write("body.c", "#include \"folder/version\"\n");
        symlink("/proc", w.work().join("folder")).unwrap_or_else(|error| panic!("{error}"));
        hook(w, "replace c \"body.c\";")
    }),
    ("KPS0701-header-pipe", |w| {
        w.write("body.c", "#include \"own.h\"\n");
        pipe(w, "own.h");
        hook(w, "replace c \"body.c\";")
    }),
    ("KPS0214-vendor-module-link-out", |w| {
        link(w, "vendor.ko");
        spec(w, "object vendor from \"vendor.ko\" { fn f { pre { } } }")
    }),
    ("KPS0701-vendor-module-pipe", |w| {
        pipe(w, "vendor.ko");
        spec(w, "object vendor from \"vendor.ko\" { fn f { pre { } } }")
    }),
    ("KPS0716-headers-too-many", |w| {
        let includes = (0..401).map(|n| format!("#include \"h{n}.h\"\n"));
        w.write("body.c", includes.collect::<String>());
        (0..401).for_each(|n| w.write(format!("h{n}.h"), ""));
        hook(w, "replace c \"body.c\";")
    }),
    ("KPS0716-tokens-of-a-spec-too-many", |w| {
        let modules = (0..250).map(|n| {
            w.write(format!("m{n}.rs"), format!("pub fn f() {{ {} }}", "a;".repeat(32_000)));
            format!("mod m{n} from \"m{n}.rs\";\n")
        });
        let modules: String = modules.collect();
        spec(w, &format!("{modules}object vmlinux {{ fn cmdline_proc_show {{ pre {{ }} }} }}"))
    }),
    ("KPS0716-tokens-of-a-root-too-many", |w| {
        crate_with(w, |w| w.write("fix/src/lib.rs", "a;".repeat(1 << 20)))
    }),
    ("KPS0716-sources-without-text", |w| {
        crate_with(w, |w| (0..3).for_each(|n| w.write_sparse(format!("fix/src/m{n}.rs"), 4 * MIB)))
    }),
    ("KPS0716-sources-of-a-crate-too-many", |w| {
        crate_with(w, |w| (0..256).for_each(|n| w.write(format!("fix/src/m{n}.rs"), "")))
    }),
    ("KPS0525-files-of-modules", |w| {
        crate_with(w, |w| {
            w.write("fix/src/notes.txt", "fn unread() {}\n");
            w.write("fix/src/tests.rs", "const BUILT: &str = env!(\"PWD\");\n");
            let modules = MODULES.replace("ELSEWHERE", ELSEWHERE);
            let root = std::fs::read_to_string(w.work().join("fix/src/lib.rs"));
            w.write("fix/src/lib.rs", root.unwrap_or_default() + &modules);
            ["fix/src/a.rs", "fix/src/inner/b.rs"].into_iter().for_each(|path| w.write(path, ""));
        })
    }),
    ("KPS0716-triggers-too-many", |w| {
        let steps = (0..65).map(|n| {
            w.write(format!("t{n}.c"), "int main(void) { return 0; }\n");
            format!("trigger c \"t{n}.c\"; patched status 0; ")
        });
        let steps: String = steps.collect();
        let text = format!(
            "object vmlinux {{ fn cmdline_proc_show {{ pre {{ }} }} }} test \"x\" {{ {steps} }}"
        );
        spec(w, &text);
        arguments(&["test", "--kernel", FIXTURE, "spec.kps"])
    }),
    ("KPS0716-vendor-modules-too-many", |w| {
        w.write("vendor.ko", fixture::module());
        let objects = (0..17).map(|n| {
            let name = format!("vendor{n}");
            w.write(format!("{name}.ko"), fixture::module());
            format!("object {name} from \"{name}.ko\" {{ fn dummy_show@1 {{ pre {{ }} }} }}\n")
        });
        let objects: String = objects.collect();
        spec(w, &objects)
    }),
    ("KPS0701-built-link-out", |w| build(w, &format!("ln -s {ELSEWHERE} \"$folder/fix.ko\""))),
    ("KPS0701-built-pipe", |w| build(w, "mkfifo \"$folder/fix.ko\"")),
    ("KPS0701-built-object-link-out", |w| {
        build(w, &format!("ln -s {ELSEWHERE} \"$folder/fix.o\"; touch \"$folder/fix.ko\""))
    }),
    ("KPS0701-built-nothing", |w| build(w, "true")),
    ("KPS0713-built-too-much", |w| build(w, "truncate -s 10G \"$folder/fix.ko\"")),
    ("KPS0809-make-prints-lines-without-end", |w| build(w, "yes >&2")),
    ("KPS0809-make-prints-one-line-without-end", |w| build(w, "cat /dev/zero >&2")),
    ("KPS0809-make-prints-messages-without-end", |w| {
        build(
            w,
            "yes '{\"message\":\"m\",\"code\":null,\"level\":\"error\",\"spans\":[],\"children\":[]}' >&2",
        )
    }),
    ("KPS0809-make-prints-commands-without-end", |w| build(w, "yes")),
];

/// Modules in files that kpsc has read, and in others.
const MODULES: &str = r#"
#[path = "a.rs"]
mod accepted;
mod inner {
    #[path = "b.rs"]
    mod accepted;
    #[path = "a.rs"]
    mod in_another_folder;
}
#[path = "notes.txt"]
mod no_rust;
#[path = "ELSEWHERE"]
mod elsewhere;
#[path = "../kps/lib.rs"]
mod above;
#[path = "missing.rs"]
mod missing;
#[cfg_attr(all(), path = "notes.txt")]
mod conditional;
#[path = "folder"]
mod folder {}
macro_rules! made { ($($p:tt)*) => { #[$($p)*] mod of_a_macro; } }
made!(path = "ELSEWHERE");
#[cfg(test)]
#[path = "tests.rs"]
mod for_tests;
mod tests;
"#;

/// Checks a crate that was changed.
fn crate_with(world: &World, change: impl FnOnce(&World)) -> Vec<OsString> {
    let root = "#[livepatch(license = \"GPL\")]\nmod fix {\n    #[post_patch(vmlinux)]\n    unsafe fn on() {}\n}\n";
    let manifest =
        "[package]\nname = \"fix\"\nedition = \"2021\"\n[dependencies]\nkps = { path = \"kps\" }\n";
    world.write("fix/src/lib.rs", root);
    world.write("fix/Cargo.toml", manifest);
    change(world);
    arguments(&["check", "--kernel", FIXTURE, "fix"])
}

/// Checks a spec with these items.
fn spec(world: &World, items: &str) -> Vec<OsString> {
    world.write("spec.kps", format!("patch fix {{\nlicense \"GPL\";\n{items}\n}}\n"));
    arguments(&["check", "--kernel", FIXTURE, "spec.kps"])
}

/// Checks a spec that changes a function like this.
fn hook(world: &World, hook: &str) -> Vec<OsString> {
    spec(world, &format!("object vmlinux {{ fn cmdline_proc_show {{ {hook} }} }}"))
}

/// Builds with a make that does this; `$folder` is the folder that it builds.
fn build(world: &mut World, script: &str) -> Vec<OsString> {
    put_prepared_target(world.cache(), FIXTURE, &world.work().join("tree"), &fixture::facts());
    let script = format!(
        "#!/bin/sh\nfor word; do case $word in M=*) folder=${{word#M=}};; esac; done\n{script}\n"
    );
    world.write("bin/make", script);
    let bin = world.work().join("bin");
    std::fs::set_permissions(bin.join("make"), std::fs::Permissions::from_mode(0o755))
        .unwrap_or_else(|error| panic!("{error}"));
    let path = std::env::join_paths([bin.as_path(), "/usr/bin".as_ref(), "/bin".as_ref()]);
    world.set("PATH", path.ok().as_deref());
    hook(world, "pre { }");
    arguments(&["build", "--kernel", FIXTURE, "spec.kps"])
}

/// Puts a link to a file elsewhere in the place of a file.
fn link(world: &World, path: &str) {
    let path = world.work().join(path);
    // Only some of the files are there.
    let _ = std::fs::remove_file(&path);
    symlink(ELSEWHERE, &path).unwrap_or_else(|error| panic!("{error}"));
}

/// Puts a pipe in the place of a file. Nobody writes to it: whoever opens it as a file waits.
fn pipe(world: &World, path: &str) {
    let path = world.work().join(path);
    let _ = std::fs::remove_file(&path);
    let made = Command::new("mkfifo").arg::<&OsStr>(path.as_ref()).status();
    assert!(made.is_ok_and(|status| status.success()), "install the package coreutils");
}
