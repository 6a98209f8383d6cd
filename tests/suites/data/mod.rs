// SPDX-License-Identifier: GPL-2.0
//! What patches keep: data of objects, which come and go, and changes of the system. Nothing of it
//! may outlive them, and nothing may be lost to the patch that takes their place.

mod ends;
mod parents;
mod sample;

use kps_tests::schedule::Case;
use kps_tests::store;
use kps_tests::target::Vm;
use kps_tests::{acts, repository, stem};
use std::path::{Path, PathBuf};

/// What the cases about parents need: modules that are built once.
const PARENTS: &str = "parents and the patches for them";

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    let machine = |name: &str, run: fn()| Case::new(name, run).machine().about(15);
    let parents = |name: &str, run: fn()| machine(name, run).shares(PARENTS);
    vec![
        parents(
            "data: they go with their parent, and another at its address inherits none",
            parents::tied,
        ),
        parents("data: there is a ctor and a dtor for each", parents::told),
        parents(
            "data: none while the first patch is loaded, when parents go unseen",
            parents::old_code_frees,
        ),
        parents(
            "data: none while an older patch is left, and what it frees is gone",
            parents::older_code_frees,
        ),
        parents("data: ten thousand under load, unloaded in the middle", parents::under_load),
        parents("upgrade: data and states are taken over", parents::upgrade),
        parents(
            "upgrade: one that is reversed leaves the older patch whole",
            parents::upgrade_reversed,
        ),
        parents("load: one that is reversed leaves nothing", parents::load_reversed),
        parents("unload: one that is reversed begins anew", parents::unload_reversed),
        parents("refused: an older version", parents::older_version_is_refused),
        parents("refused: data of another type", parents::other_type_is_refused),
        parents("refused: by the patch itself, which leaves nothing", parents::refuses_by_itself),
        machine(
            "replaced: the console of the example is as before in the end",
            ends::the_console_is_as_before_after_a_replacement,
        ),
        machine("ends: a resource is released once", ends::resources_end_once),
        machine(
            "ends: the same where a transition is reversed or forced",
            ends::resources_end_once_when_a_transition_does_not_go_through,
        ),
        machine("shadow-mod: it leaks", sample::leaks),
        machine("shadow-mod: fix1 ends the leak", sample::with_fix1),
        machine("shadow-mod: fix2 goes on with what fix1 keeps", sample::with_fix2),
        machine("the kernel's own functions are called by name", low_level),
    ]
}

/// The cases that hold on other kernels too.
pub(crate) fn on_every_kernel() -> Vec<Case> {
    let machine = |name: &str, run: fn()| Case::new(name, run).machine().about(20);
    vec![
        machine(
            "data: they go with their parent, and another at its address inherits none",
            parents::tied,
        ),
        machine("upgrade: data and states are taken over", parents::upgrade),
        machine("the kernel's own functions are called by name", low_level),
    ]
}

fn folder() -> PathBuf {
    repository().join("tests/vm/data")
}

type File = (String, Vec<u8>);

/// A module in C, made by a Kbuild file with some more lines, in a folder with these files besides.
fn c_module(source: &Path, more: &str, beside: &[&Path]) -> File {
    (format!("/{}.ko", stem(source)), store::c_module(source, more, beside))
}

/// The modules of some specs, which find a module in C and their own files in C beside them.
fn patches(names: &[&str], module: &File, scratch: &Path) -> Vec<File> {
    std::fs::write(scratch.join(module.0.trim_start_matches('/')), &module.1)
        .unwrap_or_else(|error| panic!("{error}"));
    let built = names.iter().map(|name| {
        let spec = scratch.join(name).with_extension("kps");
        let written = folder().join(name).with_extension("kps");
        let in_c = [(written.with_extension("c"), spec.with_extension("c"))];
        let in_c = in_c.into_iter().filter(|(written, _)| written.exists());
        for (from, to) in in_c.chain([(written, spec.clone())]) {
            std::fs::copy(&from, &to).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
        }
        (format!("/{name}.ko"), store::module(&spec))
    });
    built.collect()
}

/// The module that counts shadow variables.
fn counter() -> File {
    c_module(&folder().join("shadows.c"), "", &[])
}

/// Words of the scripts.
const WORDS: &str = r#"
until_holds() { n=0; until eval "$1"; do n=$((n + 1)); [ $n -lt 3000 ] || { echo "never: $1"; exit 1; }; usleep 10000; done; }
parents() { echo "$@" > /proc/parents || exit 1; }
shown() { cat /proc/parents || exit 1; }
counted() { cat /proc/shadows || exit 1; }
console() { echo "console $(cut -f 1 /proc/sys/kernel/printk)"; }
transition() { echo "transition $(cat /sys/kernel/livepatch/$1/transition)"; }
enabled() { echo $2 > /sys/kernel/livepatch/$1/enabled || exit 1; }
settled() { until_holds "[ \"\$(cat /sys/kernel/livepatch/$1/transition)\" = 0 ]"; }
gone() { until_holds "[ ! -e /sys/kernel/livepatch/$1 ] && [ \"\$(cat /sys/module/$1/refcnt)\" = 0 ]"; }
# A task that waits in a function which the patches change; it is let go by `release`.
hold() { parents hold $1 & pid=$!; until_holds 'grep -q parent_hold /proc/$pid/stack'; }
release() { parents release; wait $pid || exit 1; }
insmod /shadows.ko hash=0x$(grep ' klp_shadow_hash$' /proc/kallsyms | cut -d ' ' -f 1) || exit 1
"#;

/// What a script prints in a machine that has these files and the counter of shadow variables.
fn say(files: Vec<File>, script: &str, seconds: u64) -> String {
    let mut vm = Vm::start(files);
    let output = vm.run_within(&format!("{WORDS}{script}"), seconds);
    assert_eq!(output.status, 0, "{script}:\n{}", output.text);
    vm.check_log();
    output.text
}

fn low_level() {
    acts(&folder().join("low_level.kps"), &[]);
}
