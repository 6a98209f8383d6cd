// SPDX-License-Identifier: GPL-2.0
//! The makefiles that kpsc writes, given folders and variables that hold commands. They refuse these
//! before make starts a program, whether root runs them or anybody else.

use super::{folder, program, with_fixture, write, SPEC};
use kps_tests::schedule::Case;
use kps_tests::{cases, copy_folder, kpsc, printed, repository};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The cases of this file.
pub(super) fn cases() -> Vec<Case> {
    cases![
        the_entrance_of_a_build_tree_runs_no_command_of_a_name.about(8),
        a_generated_makefile_runs_no_command_of_its_folder.about(8),
        a_generated_kbuild_file_runs_no_command_of_its_folder.about(8),
        make_gets_only_folders_that_it_can_carry,
    ]
}

/// Names that are commands for a shell or for make, or that make cannot carry. Each could be the name
/// of a folder.
const HOSTILE: &[&str] = &[
    "x';>PWN;'y",
    "$(shell touch PWN)",
    "$$(touch PWN)",
    "$(touch PWN)",
    "`touch PWN`",
    "a;touch PWN",
    "a\ntouch PWN\nb",
    "a b",
    "a\tb",
    "a#b",
    "a%b",
    "a=b",
    "a:b",
    // Three that nobody has named.
    "a\"&touch PWN&\"",
    "x|touch PWN",
    "${IFS}>PWN",
    "x\\';touch PWN;'",
    "$(eval all:;touch PWN)",
];

/// The user that is nobody in particular.
const NOBODY: u32 = 65534;

/// A folder that everybody may write to, with a program `kpsc` in it that writes down its arguments.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Place {
        let place = Place(folder());
        program(place.path(), "kpsc", "printf '%s\\n' \"$@\" >>\"$0.called\"");
        place.open();
        place
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// Lets everybody write everywhere.
    fn open(&self) {
        for path in self.paths() {
            let mode = if path.is_dir() || path.ends_with("kpsc") { 0o777 } else { 0o666 };
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode))
                .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        }
    }

    /// Everything in the folder.
    fn paths(&self) -> Vec<PathBuf> {
        let (mut found, mut next) = (Vec::new(), vec![self.path().to_owned()]);
        while let Some(path) = next.pop() {
            let inside = std::fs::read_dir(&path).into_iter().flatten().flatten();
            next.extend(inside.map(|entry| entry.path()));
            found.push(path);
        }
        found
    }

    /// What the program was called with, once.
    fn called(&self) -> Option<String> {
        let path = self.path().join("kpsc.called");
        let called = std::fs::read_to_string(&path).ok()?;
        std::fs::remove_file(path).unwrap_or_else(|error| panic!("{error}"));
        Some(called)
    }

    /// Runs make as the user of the tests, and if that is root as another one too. Both must end in
    /// the same way: with this status, and without the file that the commands in names make.
    fn make(&self, at: &Path, arguments: &[&str], variables: &[(&str, &str)], wanted: bool) {
        let is_root = self.path().metadata().is_ok_and(|own| own.uid() == 0);
        let other = is_root.then_some(NOBODY);
        for user in [None].into_iter().chain(other.map(Some)) {
            let mut make = Command::new("make");
            make.args(arguments).current_dir(at).envs(variables.iter().copied());
            make.env("PATH", "/usr/bin:/bin");
            user.map(|user| make.gid(user).uid(user));
            let output = make.output().unwrap_or_else(|error| panic!("{error}"));
            let said = printed(&output);
            let what = format!("make {arguments:?} with {variables:?} as {user:?}:\n{said}");
            assert_eq!(output.status.success(), wanted, "{what}");
            // The makefile of a crate looks for its rules first, and finds none behind such a name.
            let says_why =
                ["*** kpsc: ", "*** run `kpsc sync"].iter().any(|why| said.contains(why));
            assert!(wanted || says_why, "it does not say why: {what}");
            let pwned = self.paths().into_iter().find(|path| path.ends_with("PWN"));
            assert_eq!(pwned, None, "{what}");
            assert_eq!(self.called().is_some(), wanted, "{what}");
        }
    }
}

/// The makefile at the top of a build tree.
fn entrance() -> String {
    let read = |name: &str| std::fs::read_to_string(repository().join("templates").join(name));
    let read = |name| read(name).unwrap_or_else(|error| panic!("{error}"));
    read("GNUmakefile")
        .replace("@REFUSE@", &read("refuse.mk"))
        .replace("@NAME@", "fixture")
        .replace("@VARIABLES@", "CC=gcc")
}

fn the_entrance_of_a_build_tree_runs_no_command_of_a_name() {
    let place = Place::new();
    let tree = place.path().join("tree");
    write(&tree.join("GNUmakefile"), entrance().as_bytes());
    place.open();
    let kpsc = place.path().join("kpsc").display().to_string();
    let with = |name: &str, value: &str| format!("{name}={value}");
    let ours = with("KPSC", &kpsc);
    let refused = |arguments: &[&str], variables: &[(&str, &str)]| {
        place.make(&tree, &[&[ours.as_str()], arguments].concat(), variables, false);
    };
    for name in HOSTILE {
        refused(&[&with("M", name)], &[]);
        refused(&[&with("M", &format!("/tmp/{name}/c"))], &[]);
        refused(&[], &[("M", name)]);
        // These values are lists, in which white space, `=` and `:` have their places.
        if name.contains(['\'', '"', '$', '`', ';', '|', '>', '#', '%', '\n']) {
            refused(&[&with("KCFLAGS", name)], &[]);
            place.make(&tree, &[&with("KPSC", name)], &[], false);
            place.make(&tree, &[], &[("KPSC", name)], false);
            refused(&["--", name], &[]);
            refused(&[], &[("MAKECMDGOALS", name)]);
            place.make(&tree, &[], &[("KPSC", &kpsc), ("MAKEOVERRIDES", name)], false);
        }
        let hostile = place.path().join(name);
        write(&hostile.join("GNUmakefile"), entrance().as_bytes());
        place.open();
        place.make(&hostile, &[&ours], &[], false);
    }
    refused(&["--", "--eval=x"], &[]);
    refused(&["--", "-fMakefile"], &[]);
    // Everything else reaches the program as it is.
    let accepted = |arguments: &[&str], end: &str| {
        place.make(&tree, &[&[ours.as_str()], arguments].concat(), &[], true);
        let mut make = Command::new("make");
        make.arg(&ours).args(arguments).current_dir(&tree);
        assert!(make.status().is_ok_and(|status| status.success()));
        let called = place.called().unwrap_or_default();
        assert!(called.ends_with(end), "{called}");
    };
    accepted(&["M=/tmp/w\u{f6}rk/a-b_c.d+e~f@g"], "M=/tmp/w\u{f6}rk/a-b_c.d+e~f@g\n");
    accepted(&["M=/a", "KCFLAGS=-O2 -DX=1", "modules"], "\nKCFLAGS=-O2 -DX=1\nM=/a\nmodules\n");
    let spaced = with("KPSC", &format!("{kpsc} --message-format short"));
    place.make(&tree, &[&spaced, "M=/a", "modules"], &[], true);
}

/// A kernel's build tree as far as the makefiles of modules can tell. It reads that of the module in
/// `FROM`, a path without a command, as if the module were in `M`.
const KERNEL: &str = "\
override KBUILD_EXTMOD := $(value M)
srctree := $(CURDIR)
obj := $(value M)
need-modorder := 1
build := -f build.mk obj
.DEFAULT_GOAL := modules
ifdef FROM
include $(FROM)/Kbuild
endif
modules clean: ; @../kpsc \"$$M\"
";

/// Writes the source of a patch with a kernel's build tree beside it.
fn source(place: &Place, spec: &str) -> PathBuf {
    write(&place.path().join("kernel/Makefile"), KERNEL.as_bytes());
    let output = place.path().join("out");
    let to = output.display().to_string();
    let (status, said) = with_fixture(&["build", spec, "--emit", "source", "-o", &to]);
    assert_eq!(status, 0, "{said}");
    place.open();
    output.join("fix")
}

fn a_generated_makefile_runs_no_command_of_its_folder() {
    let place = Place::new();
    let spec = write(&place.path().join("fix.kps"), SPEC.as_bytes());
    let made = source(&place, &spec);
    let kernel = place.path().join("kernel").display().to_string();
    place.make(&made, &[&format!("KDIR={kernel}")], &[], true);
    place.make(&made, &["clean"], &[("KDIR", &kernel)], true);
    for name in HOSTILE {
        place.make(&made, &[&format!("KDIR={name}")], &[], false);
        place.make(&made, &["clean"], &[("KDIR", name)], false);
        place.make(&made, &[&format!("KDIR={kernel}"), &format!("KPSC={name};")], &[], false);
        let hostile = place.path().join(name);
        copy_folder(&made, &hostile).unwrap_or_else(|error| panic!("{error}"));
        place.open();
        for goal in ["modules", "clean"] {
            place.make(&hostile, &[&format!("KDIR={kernel}"), goal], &[], false);
        }
    }
}

fn a_generated_kbuild_file_runs_no_command_of_its_folder() {
    let place = Place::new();
    let spec = write(&place.path().join("fix.kps"), SPEC.as_bytes());
    let of_spec = source(&place, &spec).display().to_string();
    let kernel = place.path().join("kernel");
    let runs = |from: &str| {
        let (own, from) = (format!("M={from}"), format!("FROM={from}"));
        place.make(&kernel, &[&from, &own], &[], true);
        for name in HOSTILE {
            place.make(&kernel, &[&from], &[("M", name)], false);
            place.make(&kernel, &[&from, &own], &[("KPSC", &format!("{name};"))], false);
        }
    };
    runs(&of_spec);
    let place_of = |path: &str| place.path().join(path).display().to_string();
    let new = kpsc().args(["new", "--crate", "fix"]).current_dir(place.path()).output();
    assert!(new.is_ok_and(|new| new.status.success()));
    let (of_crate, output) = (place_of("fix"), place_of("crates"));
    let emit = ["build", &of_crate, "--emit", "source", "-o", &output];
    let (status, said) = with_fixture(&emit);
    assert_eq!(status, 0, "{said}");
    place.open();
    runs(&format!("{output}/fix"));
}

fn make_gets_only_folders_that_it_can_carry() {
    for name in HOSTILE {
        let at = format!("/tmp/{name}");
        let exec = ["kernel", "exec", "--folder", &at, "fixture", "--", "make"];
        super::assert_ends(with_fixture(&exec), 3, "KPS0701");
        let exec = ["kernel", "exec", "fixture", "--", "make", &format!("M={at}")];
        super::assert_ends(with_fixture(&exec), 3, "KPS0701");
    }
    for option in ["--eval=all", "-f=/tmp/Makefile", "--file=Makefile", "=x", "A.B=x"] {
        let add = ["kernel", "add", "--build-dir", "/", &format!("--make={option}")];
        assert_eq!(with_fixture(&add).0, 2, "{option}");
    }
}
