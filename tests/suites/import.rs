// SPDX-License-Identifier: GPL-2.0
//! `kpsc import`: what a stranger's diff cannot do, and a fix that becomes a patch of the target.
//! The stages between are tested in `crates/import/`.

use kps_tests::schedule::Case;
use kps_tests::target::target;
use kps_tests::{cases, kpsc, printed, world::World};

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_diff_that_leaves_the_source_is_refused_and_leaves_nothing,
        a_revision_is_no_option_of_git,
        a_folder_that_is_there_stays,
        a_fix_becomes_a_patch_that_builds_and_acts.machine().about(90),
    ]
}

/// A fix of a function of every kernel. Its line numbers are wrong, as those of other versions are.
const FIX: &str = "From 0123456789abcdef0123456789abcdef01234567 Mon Sep 17 00:00:00 2001\n\
    From: =?UTF-8?q?J=C3=BCrgen=20Fix?= <fix@example.org>\n\
    Subject: [PATCH] proc: say who \"speaks\"\n\n\
    Fixes CVE-2026-00001.\n\
    ---\n\
    diff --git a/fs/proc/version.c b/fs/proc/version.c\n\
    --- a/fs/proc/version.c\n\
    +++ b/fs/proc/version.c\n\
    @@ -70,3 +70,4 @@\n \
    static int version_proc_show(struct seq_file *m, void *v)\n \
    {\n\
    +\tseq_puts(m, \"imported: \");\n \
    \tseq_printf(m, linux_proc_banner,\n";

fn a_diff_that_leaves_the_source_is_refused_and_leaves_nothing() {
    for path in ["../../etc/passwd", "/etc/passwd", "fs/../../x.c", "fs/$(id).c"] {
        let world = World::default();
        world.write("fix.patch", FIX.replace("fs/proc/version.c", path));
        let said = world.run_cleanly(&["import", "fix.patch"]);
        let said = said.unwrap_or_else(|changed| panic!("{path}: {changed}"));
        assert!(said.contains("[KPS1304]") && said.ends_with("exit status 1\n"), "{path}: {said}");
    }
}

fn a_revision_is_no_option_of_git() {
    for revision in ["--output=stolen", "-o.", "HEAD --output=stolen", "$(touch stolen)", ""] {
        let world = World::default();
        let said = world.run_cleanly(&["import", &format!("--git={revision}")]);
        let said = said.unwrap_or_else(|changed| panic!("{revision}: {changed}"));
        assert!(said.contains("[KPS1301]"), "{revision}: {said}");
    }
}

fn a_folder_that_is_there_stays() {
    let world = World::default();
    world.write("fix.patch", FIX);
    world.write("proc_say_who_speaks/mine", "x");
    let said = world.run_cleanly(&["import", "fix.patch"]);
    let said = said.unwrap_or_else(|changed| panic!("{changed}"));
    assert!(said.contains("[KPS0701]"), "{said}");
}

fn a_fix_becomes_a_patch_that_builds_and_acts() {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let write = |path: &str, text: &str| {
        std::fs::write(folder.path().join(path), text).unwrap_or_else(|error| panic!("{error}"));
    };
    let read = |path: &str| {
        std::fs::read_to_string(folder.path().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
    };
    let run = |words: &[&str]| {
        let output = kpsc().args(words).current_dir(folder.path()).output();
        let output = output.unwrap_or_else(|error| panic!("{error}"));
        (output.status.code(), printed(&output))
    };
    write("fix.patch", FIX);
    let (status, said) = run(&["import", "fix.patch"]);
    assert_eq!(status, Some(0), "{said}");
    let spec = read("proc_say_who_speaks/proc_say_who_speaks.kps");
    for line in [
        "// This is the fix 0123456789ab (\"proc: say who \"speaks\"\") as a livepatch.",
        "author \"Jurgen Fix <fix@example.org>\";",
        "fixes \"CVE-2026-00001\";",
        "fn version_proc_show { replace c \"fs/proc/version.c\"; }",
    ] {
        assert!(spec.contains(line), "{line}:\n{spec}");
    }
    let body = read("proc_say_who_speaks/fs/proc/version.c");
    assert!(!body.contains("proc_version_init"), "what it does not need stays away:\n{body}");
    assert!(folder.path().join("proc_say_who_speaks/proc_say_who_speaks.ko").exists());

    let (status, difference) = run(&["import", "fix.patch", "--diff"]);
    let changed = difference.lines().filter(|line| line.starts_with(['+', '-']));
    let changed: Vec<&str> = changed.filter(|line| !line[1..].starts_with(&line[..1])).collect();
    assert_eq!((status, changed), (Some(0), vec!["+\tseq_puts(m, \"imported: \");"]));

    let step = "run \"true\";                     // or: trigger c \"fault.c\" as user;";
    assert!(spec.contains(step), "{spec}");
    let filled = spec.replace(step, "run \"cat /proc/version\"; patched has \"imported: Linux\";");
    write("proc_say_who_speaks/proc_say_who_speaks.kps", &filled);
    let (status, said) = run(&["test", "proc_say_who_speaks/proc_say_who_speaks.kps"]);
    assert_eq!(status, Some(0), "{}:\n{said}", target().name);

    // What the fix names and the target has not is an error of its line, and nothing is written.
    write("other.patch", &FIX.replace("seq_puts(m, \"imported: \")", "no_such_function(m)"));
    let (status, said) = run(&["import", "other.patch", "-o", "other"]);
    assert!(status == Some(3) && said.contains("[KPS1312]"), "{said}");
    assert!(!folder.path().join("other").exists());

    // The makefiles of the kernel say what a file is compiled into.
    let (status, said) = run(&["import", "fix.patch", "--object", "loop", "-o", "loop"]);
    assert!(status == Some(1) && said.contains("[KPS1318]"), "{said}");

    // What does not build is there to be completed.
    let call = "asm volatile(\"call no_such_symbol\")";
    write("call.patch", &FIX.replace("seq_puts(m, \"imported: \")", call));
    let (status, said) = run(&["import", "call.patch", "-o", "call"]);
    assert!(status != Some(0) && said.contains("[KPS1315]"), "{said}");
    assert!(folder.path().join("call/proc_say_who_speaks.kps").exists());
}
