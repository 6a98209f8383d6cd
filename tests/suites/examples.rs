//! Every example does what it says, and so do the commands that the documentation shows: on the default target, in a virtual
//! machine for each case.

use kps_tests::pages::{block, Block, SCRIPTS};
use kps_tests::target::{build, target, with_its_module, Vm};
use kps_tests::{acts, example, examples, stem};
use libtest_mimic::{Arguments, Failed, Trial};
use std::path::Path;

fn main() {
    let mut arguments = Arguments::from_args();
    // Each case is a virtual machine; more of them than processors only slow each other down.
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    arguments.test_threads = Some(arguments.test_threads.unwrap_or(processors).min(processors));
    let trial = |name: String, run: Box<dyn FnOnce() + Send>| {
        Trial::test(name, move || {
            run();
            Ok::<(), Failed>(())
        })
    };
    let mut trials: Vec<Trial> = examples()
        .into_iter()
        .map(|spec| trial(format!("example: {}", stem(&spec)), Box::new(move || example_acts(&spec))))
        .collect();
    trials.push(trial("guide: what the README shows of the demo".into(), Box::new(demo_is_as_shown)));
    trials.push(trial("guide: parameters are given and written".into(), Box::new(parameters_are_given)));
    trials.push(trial(
        "guide: a patch is loaded by the kernel's own commands".into(),
        Box::new(plain_commands),
    ));
    libtest_mimic::run(&arguments, trials).exit();
}

fn example_acts(spec: &Path) {
    let scratch = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    acts(&with_its_module(spec, target(), scratch.path()), &[]);
}

/// A machine with the module of an example where the commands expect it.
fn machine(name: &str) -> Vm {
    Vm::boot(vec![(format!("/{name}.ko"), build(&example(name), None))])
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
    let (load, unload) = text.split_once("\n\n").unwrap_or_else(|| panic!("no two parts in:\n{text}"));
    assert!(vm.sh(&format!("{load}\ncat /proc/version")).contains("missing:"));
    let left = vm.sh(&format!("{unload}\ncat /proc/version; ls /sys/module /sys/kernel/livepatch"));
    assert!(!left.contains("missing"), "{left}");
    vm.check_log();
}
