// SPDX-License-Identifier: GPL-2.0
//! `kpsc inspect`: what it says of functions, that its specs pass, and that it knows every function
//! that the kernel can trace.

use kps_facts::{Facts, Outcome, Whereabouts};
use kps_tests::pages::block;
use kps_tests::schedule::Case;
use kps_tests::target::{target, Vm};
use kps_tests::world::{compare, World};
use kps_tests::{cases, check_spec, fixture, fixture_cache, kpsc, printed, repository, FIXTURE};
use std::path::Path;

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    cases![
        what_is_said_of_a_function_is_as_it_was,
        the_answer_that_the_docs_show_is_the_one_that_is_given,
        what_became_of_a_function_is_a_question_to_the_facts,
        every_spec_that_is_offered_passes,
        specs_for_a_stock_kernel_pass.machine().about(20),
        the_kernel_traces_the_functions_that_are_known.machine().about(20),
    ]
}

/// What is asked, by the file that keeps the answer.
const ASKED: &[(&str, &[&str])] = &[
    ("plain", &["cmdline_proc_show"]),
    ("two-of-a-name", &["show_type"]),
    ("one-of-two", &["show_type@2"]),
    ("KPS0203-spec-of-two", &["show_type", "--skeleton"]),
    ("KPS0204-third-of-two", &["show_type@3"]),
    ("KPS0204-no-number", &["show_type@x"]),
    ("variadic", &["seq_printf"]),
    ("no-site", &["asm_entry"]),
    ("KPS0401-spec-without-site", &["asm_entry", "--skeleton"]),
    ("odd-start", &["odd_start"]),
    ("freed", &["start_kernel"]),
    ("clones", &["dput"]),
    ("copies", &["path_put"]),
    ("inlined", &["show_sb_opts"]),
    ("inlined-without-site", &["page_words"]),
    ("inlined-in-a-module", &["dummy_count_one"]),
    ("inlined-of-a-module", &["dummy_count_one", "--object", "dummy"]),
    ("in-a-module", &["dummy_get_stats"]),
    ("copies-of-a-module", &["dummy_get_stats", "--object", "dummy"]),
    ("only-clones", &["seek_to"]),
    ("no-code-left", &["security_sb_pivotroot"]),
    ("KPS0201-spec-of-inlined", &["show_sb_opts", "--skeleton"]),
    ("a-clone", &["clone_me.isra.0"]),
    ("a-clone-with-constants", &["seek_to.constprop.0"]),
    ("a-clone-with-members", &["fold_flags.isra.0"]),
    ("a-clone-without-result", &["count_open.isra.0"]),
    ("same-code", &["tz_trip_up"]),
    ("system-call", &["sys_openat2"]),
    ("never-returns", &["do_exit"]),
    ("waits", &["hrtimer_nanosleep"]),
    ("main-loop", &["worker_thread"]),
    ("odd-names", &["odd_names"]),
    ("no-prototype", &["no_btf_function"]),
    ("spec", &["takes_sockptr", "--skeleton"]),
    ("KPS0201-unknown", &["seq_prntf"]),
    ("variable", &["jiffies"]),
    ("all", &["--all"]),
    ("pattern", &["*proc_show"]),
    ("KPS0201-no-pattern", &["audit*"]),
    ("struct", &["struct", "seq_file"]),
    ("struct-that-overlaps", &["struct", "sk_buff"]),
    ("union", &["union", "bpf_attr"]),
    ("enum", &["enum", "pid_type"]),
    ("typedef", &["struct", "loff_t"]),
    ("KPS0303-no-such-struct", &["struct", "seq_fiel"]),
    ("KPS0201-two-names", &["seq_file", "seq_printf"]),
];

fn what_is_said_of_a_function_is_as_it_was() {
    for (name, words) in ASKED {
        let said =
            World::default().run_cleanly(&[&["inspect", "--kernel", FIXTURE], *words].concat());
        // What is pinned has no control characters.
        let said = said.unwrap_or_else(|error| panic!("{name}: {error}")).replace('\t', " | ");
        let pinned = repository().join("tests/inspect").join(format!("{name}.said"));
        compare(&said, &pinned).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

fn the_answer_that_the_docs_show_is_the_one_that_is_given() {
    let shown = block("docs/commands.md", |block| block.text.starts_with("dput\n")).text;
    let said = World::default().run_cleanly(&["inspect", "--kernel", FIXTURE, "dput"]);
    assert_eq!(said, Ok(format!("{shown}exit status 0\n")));
    let shown = block("docs/commands.md", |block| block.text.starts_with("show_sb_opts\n")).text;
    let said = World::default().run_cleanly(&["inspect", "--kernel", FIXTURE, "show_sb_opts"]);
    assert_eq!(said, Ok(format!("{shown}exit status 0\n")));
    let shown = block("docs/commands.md", |block| block.text.starts_with("struct seq_file,")).text;
    let said =
        World::default().run_cleanly(&["inspect", "--kernel", FIXTURE, "struct", "seq_file"]);
    assert_eq!(said, Ok(format!("{shown}exit status 0\n")));
}

/// Functions of the fixture's source, each with its file if that matters, and what became of them.
const BECAME: &[(&str, Option<&str>, Outcome)] = &[
    ("path_put", None, Outcome::Redirectable),
    ("asm_entry", None, Outcome::Fixed),
    ("start_kernel", None, Outcome::Fixed),
    ("show_sb_opts", None, Outcome::Inlined),
    ("show_sb_opts", Some("fs/proc_namespace.c"), Outcome::Inlined),
    ("show_sb_opts", Some("fs/open.c"), Outcome::Unknown),
    ("show_type", Some("fs/proc_namespace.c"), Outcome::Redirectable),
    ("show_type", Some("fs/open.c"), Outcome::Inlined),
    ("seek_to", None, Outcome::Cloned),
    ("security_sb_pivotroot", None, Outcome::Gone),
    ("jiffies", None, Outcome::Unknown),
    ("audit_log", None, Outcome::Unknown),
];

fn what_became_of_a_function_is_a_question_to_the_facts() {
    let facts = fixture::facts();
    for (name, file, outcome) in BECAME {
        let found = Whereabouts::of(&facts, None, name, *file);
        assert_eq!(found.outcome(), *outcome, "{name} of {file:?}: {found:?}");
    }
    let of = |name| Whereabouts::of(&facts, None, name, None);
    let instead = |name| of(name).containers(&facts, None).into_iter().map(|f| f.written());
    let instead = |name| instead(name).collect::<Vec<_>>();
    assert_eq!(instead("show_sb_opts"), ["show_mountinfo", "meminfo_proc_show"]);
    assert_eq!(instead("page_words"), ["remap_pte_fn"], "`copy_page` cannot be redirected");
    let positions: Vec<_> = of("show_type").symbols.iter().map(|sym| sym.position).collect();
    assert_eq!(positions, [Some(1), Some(2)]);
    let without = Facts { debug: None, ..fixture::facts() };
    let outcome = |name| Whereabouts::of(&without, None, name, None).outcome();
    assert_eq!((outcome("show_sb_opts"), outcome("seek_to")), (Outcome::Unknown, Outcome::Cloned));
}

/// Runs `kpsc inspect` and returns what it printed.
fn inspect(cache: Option<&Path>, words: &[&str]) -> String {
    let mut command = kpsc();
    if let Some(cache) = cache {
        command.env("KPSC_CACHE", cache);
    }
    let output =
        command.arg("inspect").args(words).output().unwrap_or_else(|error| panic!("{error}"));
    assert!(output.status.success(), "{words:?}: {}", printed(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A line of `--all`.
struct Row<'a> {
    name: &'a str,
    words: &'a str,
    codes: &'a str,
    address: &'a str,
}

fn rows(text: &str) -> Vec<Row<'_>> {
    let row = |line| {
        let columns: Vec<&str> = str::split(line, '\t').collect();
        let [name, "vmlinux", words, codes, address, _] = columns[..] else { panic!("{line}") };
        Row { name, words, codes, address }
    };
    text.lines().map(row).collect()
}

/// The names of functions that can be changed.
fn changeable(text: &str) -> Vec<&str> {
    rows(text).into_iter().filter(|row| row.words != "-").map(|row| row.name).collect()
}

fn every_spec_that_is_offered_passes() {
    let cache = fixture_cache();
    let all = inspect(Some(cache.path()), &["--all"]);
    let mut offered = 0;
    for name in changeable(&all) {
        let spec = inspect(Some(cache.path()), &["--skeleton", name]);
        let (status, said) = check_spec(&spec, cache.path());
        assert_eq!(status, Some(0), "{spec}\n{said}");
        let laid = kps_grammar::format(&kps_grammar::Source::new("spec.kps", spec.as_str()));
        assert_eq!(laid.as_ref(), Ok(&spec), "it is not laid out as by fmt");
        offered += 1;
    }
    assert!(offered > 20, "{offered}");
}

/// The same for a sample of the default target.
fn specs_for_a_stock_kernel_pass() {
    const STEP: usize = 997;
    let all = inspect(None, &["--all"]);
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let file = folder.path().join("spec.kps");
    for name in changeable(&all).into_iter().step_by(STEP) {
        let spec = inspect(None, &["--skeleton", name]);
        std::fs::write(&file, &spec).unwrap_or_else(|error| panic!("{error}"));
        let output =
            kpsc().arg("check").arg(&file).output().unwrap_or_else(|error| panic!("{error}"));
        assert!(output.status.success(), "{spec}\n{}", printed(&output));
    }
}

/// What ftrace offers in the running kernel is what kpsc can change or refuses for a reason: no
/// more and no less.
fn the_kernel_traces_the_functions_that_are_known() {
    let all = inspect(None, &["--all"]);
    let rows = rows(&all);
    for row in &rows {
        assert!(row.words != "-" || row.codes != "-", "{} is refused without a reason", row.name);
    }
    // ftrace lists the calls, which stand behind an ENDBR where there is one.
    let facts = target().facts().unwrap_or_else(|error| panic!("{}", error.message));
    let call = |row: &Row<'_>| {
        let address = u64::from_str_radix(row.address.trim_start_matches("0x"), 16);
        let address = address.unwrap_or_else(|error| panic!("{}: {error}", row.address));
        format!(
            "{:x}",
            address + facts.vmlinux.sites.get(address).map_or(0, |site| site.offset.into())
        )
    };
    let mut known: Vec<String> = rows.iter().map(call).collect();
    known.sort_unstable();
    assert!(known.len() > 10_000, "{} functions of {} are known", known.len(), target().release());
    let list = known.join("\n") + "\n";
    let mut vm = Vm::boot_told(vec![("/known".to_owned(), list.into_bytes())], "nokaslr");
    let difference = vm.sh(concat!(
        "mkdir -p /sys/kernel/tracing; mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null; ",
        "grep -v '\\[' /sys/kernel/tracing/available_filter_functions_addrs | cut -d ' ' -f 1 | sort > /traced; ",
        "wc -l < /traced; diff /known /traced | head -n 20; true"
    ));
    assert_eq!(difference.trim(), known.len().to_string(), "what is known, and what is traced");
    vm.check_log();
}
