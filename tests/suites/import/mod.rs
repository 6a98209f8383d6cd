// SPDX-License-Identifier: GPL-2.0
//! `kpsc import`: what a stranger's diff cannot do, and a fix that becomes a patch of the target.
//! The stages between are tested in `crates/import/`.

mod kinds;

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
        each_kind_of_change_is_imported_or_refused.long().about(200),
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

/// A fix of a function with a static variable of its own, a per-CPU variable and a static variable
/// of its file: it takes a batch of numbers each time, and keeps what it finds the first time.
const NUMBERS: &str = "diff --git a/fs/inode.c b/fs/inode.c\n\
    --- a/fs/inode.c\n\
    +++ b/fs/inode.c\n\
    @@ -1000,8 +1000,12 @@\n \
    #ifdef CONFIG_SMP\n\
    -\tif (unlikely((res & (LAST_INO_BATCH-1)) == 0)) {\n\
    +\t{\n \
    \t\tstatic atomic_t shared_last_ino;\n \
    \t\tint next = atomic_add_return(LAST_INO_BATCH, &shared_last_ino);\n \n \
    \t\tres = next - LAST_INO_BATCH;\n\
    +\t\tif (!inodes_stat.dummy[1]) {\n\
    +\t\t\tinodes_stat.dummy[0] = *p;\n\
    +\t\t\tinodes_stat.dummy[1] = res;\n\
    +\t\t}\n \
    \t}\n \
    #endif\n";

/// Draws numbers past the end of a batch, and compares them with the last one of the run before.
/// The kernel prints the variable of the file.
const DRAWS: &str = r#"
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { DRAWS = 1100, BATCH = 1024 };

static unsigned long number(void)
{
	int ends[2];
	struct stat end = {};

	if (pipe(ends) || fstat(ends[0], &end))
		return 0;
	close(ends[0]);
	close(ends[1]);
	return end.st_ino;
}

int main(void)
{
	unsigned long first_of_run = 0, last = 0, found[2] = {};
	int ascend = 1, begin = 0;
	cpu_set_t cpus;
	FILE *file;

	CPU_ZERO(&cpus);
	CPU_SET(0, &cpus);
	sched_setaffinity(0, sizeof(cpus), &cpus);
	file = fopen("/tmp/number", "r");
	if (file && fscanf(file, "%lu", &last) == 1)
		first_of_run = last;
	file = fopen("/proc/sys/fs/inode-state", "r");
	if (!file || fscanf(file, "%*d %*d %lu %lu", &found[0], &found[1]) != 2)
		return 1;
	for (int n = 0; n < DRAWS; n++) {
		unsigned long next = number();

		ascend &= next > last;
		begin += next % BATCH == 1;
		last = next;
	}
	printf("%s\n", ascend ? "numbers go on" : "numbers start again");
	printf("%s\n", begin == DRAWS ? "a batch for each" : "batches are used up");
	if (found[0] && found[1] >= found[0] && found[1] >= first_of_run)
		printf("what the old function had was there\n");
	file = fopen("/tmp/number", "w");
	return !file || fprintf(file, "%lu\n", last) < 0 || fclose(file);
}
"#;

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

fn each_kind_of_change_is_imported_or_refused() {
    kinds::are_imported_or_refused();
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
    write("fix.patch", &format!("{FIX}{NUMBERS}"));
    let (status, said) = run(&["import", "fix.patch"]);
    assert_eq!(status, Some(0), "{said}");
    let spec = read("proc_say_who_speaks/proc_say_who_speaks.kps");
    for line in [
        "// This is the fix 0123456789ab (\"proc: say who \"speaks\"\") as a livepatch.",
        "author \"Jurgen Fix <fix@example.org>\";",
        "fixes \"CVE-2026-00001\";",
        "fn version_proc_show { replace c \"fs/proc/version.c\"; }",
        "fn get_next_ino { replace c \"fs/inode.c\"; }",
        "use percpu last_ino;",
        "use static inodes_stat;",
        "use static shared_last_ino.",
    ] {
        assert!(spec.contains(line), "{line}:\n{spec}");
    }
    let body = read("proc_say_who_speaks/fs/proc/version.c");
    assert!(!body.contains("proc_version_init"), "what it does not need stays away:\n{body}");
    assert!(folder.path().join("proc_say_who_speaks/proc_say_who_speaks.ko").exists());

    let (status, difference) = run(&["import", "fix.patch", "--diff"]);
    let changed = difference.lines().filter(|line| line.starts_with(['+', '-']));
    let changed: Vec<&str> = changed.filter(|line| !line[1..].starts_with(&line[..1])).collect();
    let of_fix = |text: &'static str| text.lines().filter(|line| line.starts_with(['+', '-']));
    let is_change = |line: &&str| !line.starts_with("+++") && !line.starts_with("---");
    let in_fix = [NUMBERS, FIX].into_iter().flat_map(of_fix).filter(is_change);
    let in_fix: Vec<&str> = in_fix.filter(|line| !line.trim_end().ends_with("---")).collect();
    assert!(status == Some(0) && in_fix.iter().all(|line| changed.contains(line)), "{difference}");

    let step = "run \"true\";                     // or: trigger c \"fault.c\" as user;";
    assert!(spec.contains(step), "{spec}");
    let seen = "run \"cat /proc/version\"; patched has \"imported: Linux\"; \
        trigger c \"draws.c\"; always has \"numbers go on\"; \
        unpatched has \"batches are used up\"; patched has \"a batch for each\"; \
        patched has \"what the old function had was there\";";
    write("proc_say_who_speaks/draws.c", DRAWS);
    let filled = spec.replace(step, seen);
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
