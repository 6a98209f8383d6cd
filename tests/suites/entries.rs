// SPDX-License-Identifier: GPL-2.0
//! The entries of system calls: what kpsc says of each is held to programs that make every call.

use kps_tests::miniature::{compile, compiler};
use kps_tests::schedule::Case;
use kps_tests::store;
use kps_tests::target::Vm;
use kps_tests::{cases, kpsc, printed, repository};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    cases![entries_that_are_accepted_are_entered_and_no_others.machine().about(60)]
}

/// The prefixes of the entries for 64-bit and for 32-bit programs.
const ENTRIES: [&str; 3] = ["__x64_sys_", "__ia32_sys_", "__ia32_compat_sys_"];

/// Entries that the program does not get to, and why.
const NOT_MADE: [&str; 0] = [];

/// An entry that is accepted. It shows that the tracer sees entries.
const TRACED: &str = "__x64_sys_getpgid";

/// An entry that kpsc accepts fires when a program makes its call. One that it refuses is never
/// entered, whichever call a program makes: ftrace would see it, which calls livepatches too.
fn entries_that_are_accepted_are_entered_and_no_others() {
    let (accepted, refused) = entries();
    assert!(accepted.len() > 600 && refused.len() > 200, "{} {}", accepted.len(), refused.len());
    let scratch = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let spec = scratch.path().join("entries.kps");
    std::fs::write(&spec, counting(&accepted)).unwrap_or_else(|error| panic!("{error}"));
    let program = scratch.path().join("calls");
    let source = repository().join("tests/vm/entries/calls.c");
    compile(compiler().args(["-static", "-o"]).arg(&program).arg(source));
    let program = std::fs::read(program).unwrap_or_else(|error| panic!("{error}"));
    let traced = format!("{TRACED}\n{}\n", refused.join("\n")).into_bytes();
    let files =
        vec![("/entries.ko".to_owned(), store::module(&spec)), ("/traced".to_owned(), traced)];
    let mut vm = Vm::start_with(files, vec![("/bin/calls".to_owned(), program)]);
    let traced = vm.sh("livepatch load /entries.ko && cd /sys/kernel/tracing || exit 1
        while read -r name; do echo $name; done < /traced > set_ftrace_filter
        echo function > current_tracer
        grep -c . set_ftrace_filter");
    assert_eq!(traced, format!("{}\n", 1 + refused.len()));
    let made = vm.run_within("/bin/calls", 300);
    assert!(made.text.contains("done"), "{}", made.text);
    let traced = vm.sh("sed '/^#/d' /sys/kernel/tracing/trace");
    assert!(traced.contains(TRACED), "{traced}");
    assert!(traced.lines().all(|line| line.contains(TRACED)), "{traced}");
    let shown = vm.sh("cat /proc/cmdline");
    assert!(shown.contains("counted"), "{shown}");
    let unseen: BTreeSet<&str> =
        shown.lines().filter_map(|line| line.strip_prefix("unseen ")).collect();
    assert_eq!(unseen, BTreeSet::from(NOT_MADE), "{}", made.text);
}

/// The entries that kpsc can hook, and those that it refuses because no program comes through.
fn entries() -> (Vec<String>, Vec<String>) {
    let output = kpsc().args(["inspect", "--all"]).output();
    let output = output.unwrap_or_else(|error| panic!("{error}"));
    assert!(output.status.success(), "{}", printed(&output));
    let (mut accepted, mut refused) = (Vec::new(), Vec::new());
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let columns: Vec<&str> = line.split('\t').collect();
        let [name, "vmlinux", hooks, codes, ..] = columns[..] else { continue };
        if !ENTRIES.iter().any(|prefix| name.starts_with(prefix)) {
            continue;
        }
        match hooks {
            "-" => {
                assert_eq!(codes, "KPS0418", "{name}");
                refused.push(name.to_owned());
            }
            _ => accepted.push(name.to_owned()),
        }
    }
    (accepted, refused)
}

/// A spec that tells which functions have not been called.
fn counting(functions: &[String]) -> String {
    let count = functions.len();
    let names: Vec<String> = functions.iter().map(|name| format!("c\"{name}\"")).collect();
    let mut hooks = String::new();
    for (n, name) in functions.iter().enumerate() {
        writeln!(hooks, "fn {name} {{ pre {{ SEEN[{n}].store(true, Ordering::Relaxed); }} }}")
            .unwrap_or_else(|error| panic!("{error}"));
    }
    let names = names.join(", ");
    format!(
        r#"patch entries {{
    license "GPL";

    static SEEN: [AtomicBool; {count}] = [const {{ AtomicBool::new(false) }}; {count}];
    const NAMES: [&CStr; {count}] = [{names}];

    object vmlinux {{
        {hooks}
        fn cmdline_proc_show {{
            post {{
                for (name, seen) in NAMES.iter().zip(&SEEN) {{
                    if !seen.load(Ordering::Relaxed) {{
                        seq_printf(m, c"unseen %s\n".as_ptr(), name.as_ptr());
                    }}
                }}
                seq_printf(m, c"counted\n".as_ptr());
            }}
        }}
    }}
}}
"#
    )
}
