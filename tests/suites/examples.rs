// SPDX-License-Identifier: GPL-2.0
//! Every example does what it says, and so do the commands that the documentation shows: on the
//! default target, in a virtual machine for each case.

use kps_tests::pages::{block, Block, SCRIPTS};
use kps_tests::schedule::Case;
use kps_tests::store::{self, with_its_module};
use kps_tests::target::Vm;
use kps_tests::{acts, example, examples, stem};
use std::path::{Path, PathBuf};

/// The examples that `--quick` has in a virtual machine: between them they have new bodies in files
/// of Rust, data that outlives a patch, a resource that does not, and a patch that takes the place
/// of others.
const QUICK: [&str; 5] = ["cumulative", "failed_opens", "look_count", "no_kexec", "pipe_bytes"];

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    let of_example = |spec: PathBuf| {
        let name = stem(&spec);
        let case = Case::new(format!("example: {name}"), move || example_acts(&spec)).machine();
        if QUICK.contains(&name.as_str()) {
            case.quick()
        } else {
            case
        }
    };
    let of_guides = [
        Case::new("guide: what the README shows of the demo", demo_is_as_shown).machine(),
        Case::new("guide: parameters are given and written", parameters_are_given).machine(),
        Case::new("guide: a patch is loaded by the kernel's own commands", plain_commands)
            .machine(),
    ];
    examples().into_iter().map(of_example).chain(of_guides).collect()
}

fn example_acts(spec: &Path) {
    let scratch = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    acts(&with_its_module(spec, scratch.path()), &[]);
}

/// A machine with the module of an example where the commands expect it.
fn machine(name: &str) -> Vm {
    Vm::start(vec![(format!("/{name}.ko"), store::module(&example(name)))])
}

/// The commands that a page shows for an example.
fn script(example: &str) -> String {
    let known = SCRIPTS
        .iter()
        .find(|(_, words)| words.ends_with(example) || words.contains(&format!("{example}.ko")));
    let (page, words) = known.unwrap_or_else(|| panic!("no page has commands for {example}"));
    block(page, |block| block.text.contains(words)).text
}

/// The commands say just what stands below them.
fn demo_is_as_shown() {
    let Block { text, .. } = block("README.md", |block| block.text.contains("# livepatch load"));
    let mut vm = machine("cmdline_mark");
    let (_, session) = text.split_once("\n# ").unwrap_or_else(|| panic!("no command in:\n{text}"));
    for step in session.split("\n# ") {
        let (command, shown) = step.split_once('\n').unwrap_or((step, ""));
        assert_eq!(vm.sh(command).trim(), shown.trim(), "{command}");
    }
    vm.check_log();
}

fn parameters_are_given() {
    let text = script("support_mark");
    let mut vm = machine("support_mark");
    let said = vm.sh(&format!("{text}\ncat /proc/version"));
    assert!(said.contains("contract K-17, rack 7\nticket 8\nticket 9\n"), "{said}");
    vm.sh("livepatch unload support_mark");
    vm.check_log();
}

/// The block is a script: it does every step when the one before it is over.
fn plain_commands() {
    let text = script("missing_files");
    let mut vm = machine("missing_files");
    let (load, unload) =
        text.split_once("\n\n").unwrap_or_else(|| panic!("no two parts in:\n{text}"));
    assert!(vm.sh(&format!("{load}\ncat /proc/version")).contains("missing:"));
    let left = vm.sh(&format!("{unload}\ncat /proc/version; ls /sys/module /sys/kernel/livepatch"));
    assert!(!left.contains("missing"), "{left}");
    vm.check_log();
}
