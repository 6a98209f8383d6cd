// SPDX-License-Identifier: GPL-2.0
//! The power fails, or a system call does, at every step of every writer.

use super::disk::{self, Disk, Tree};
use super::place::{
    boot, done, has_no_leftovers, has_whole_generations, install, release, set, store, writer,
    Place, KERNEL, OTHER,
};
use super::trace::{operations, traced, Operation};
use kps_operate::store::{Entry, Verdict};
use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fs;
use std::path::{Path, PathBuf};

/// Two patches for a kernel and one for another one, installed one after the other.
fn installed(place: &Place) {
    for (name, kernel) in [("first", KERNEL), ("second", KERNEL), ("other", OTHER)] {
        let file = place.module(name, kernel, "0a");
        done(place.install(&[file]));
    }
}

/// Every writer of the store, in a place of its own.
fn writers() -> Vec<(Place, Vec<String>)> {
    let mut all = Vec::new();
    let mut add = |prepare: &dyn Fn(&Place), arguments: &dyn Fn(&Place) -> Vec<String>| {
        let place = Place::new();
        prepare(&place);
        let arguments = arguments(&place);
        all.push((place, arguments));
    };
    let install = |place: &Place, modules: &[(&str, &str, &str)]| {
        let file = |(name, kernel, id): &(&str, &str, &str)| {
            place.module(name, kernel, id).display().to_string()
        };
        std::iter::once("install".to_owned()).chain(modules.iter().map(file)).collect()
    };
    let words = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect();
    let many = |place: &Place| {
        installed(place);
        for name in ["c", "d", "e", "f", "g"] {
            let file = place.module(name, KERNEL, "0a");
            done(place.install(&[file]));
        }
    };
    // The first one ever.
    add(&|_| {}, &|place| install(place, &[("first", KERNEL, "0a")]));
    // One more, and another one in place of one that is there.
    add(&installed, &|place| install(place, &[("third", KERNEL, "0a")]));
    add(&installed, &|place| install(place, &[("first", KERNEL, ""), ("other", OTHER, "0b")]));
    // The oldest generation is removed.
    add(&many, &|place| install(place, &[("third", KERNEL, "0a")]));
    add(&installed, &|_| words(&["uninstall", KERNEL, "first"]));
    add(&installed, &|_| words(&["uninstall", KERNEL, "first", "second"]));
    add(&installed, &|_| words(&["rollback", KERNEL]));
    // Nothing was installed before, and the set that was left is removed.
    let left = |place: &Place| {
        installed(place);
        done(place.store().rollback(&release(KERNEL)));
    };
    add(&left, &|_| words(&["rollback", KERNEL]));
    all
}

/// What each kernel has installed. No generation is there in part, installed or not.
fn sets(root: &Path) -> Vec<Option<(u32, Vec<Entry>)>> {
    has_whole_generations(root);
    [KERNEL, OTHER].map(|kernel| set(root, kernel)).into()
}

pub(super) fn a_cut_leaves_the_old_set_or_the_new_one() {
    let mut states = 0;
    for (place, arguments) in writers() {
        let next = [KERNEL, OTHER].map(|kernel| place.module("next", kernel, "0a"));
        states += survives(&place, &arguments, sets, |root, found| {
            done(install(root, &next));
            let names = |set: &Option<(u32, Vec<Entry>)>| -> Vec<String> {
                set.iter().flat_map(|(_, all)| all).map(|entry| entry.name.clone()).collect()
            };
            for (found, now) in found.iter().zip(sets(root)) {
                assert_eq!(names(&now), [names(found), vec!["next".into()]].concat());
            }
            has_no_leftovers(root);
        });
    }
    assert!(states > 100, "only {states} states of a disk");
}

pub(super) fn a_cut_leaves_the_guard_as_it_was_or_as_it_is() {
    let place = Place::new();
    installed(&place);
    let verdict = |root: &Path| {
        boot(root, "b");
        let (store, kernel) = (store(root), release(KERNEL));
        let set = done(store.set(&kernel)).unwrap_or_else(|| panic!("nothing is installed"));
        let verdict = done(store.verdict(&set));
        done(store.clear(&kernel));
        assert_eq!(done(store.verdict(&set)), Verdict::Load);
        has_no_leftovers(root);
        vec![verdict]
    };
    for step in ["begin", "loaded", "booted"] {
        let step = [step.to_owned(), KERNEL.to_owned()];
        survives(&place, &step, verdict, |_, _| {});
        boot(&place.root(), "a");
        let done = writer(&place.root(), &[&step[0], KERNEL]).status();
        assert!(done.is_ok_and(|status| status.success()));
    }
}

pub(super) fn a_cut_leaves_a_whole_configuration_of_modprobe() {
    let place = Place::new();
    let config = |root: &Path| vec![fs::read_to_string(root.join("etc/modprobe.d/kpsc.conf")).ok()];
    let step = ["modprobe".to_owned(), "/usr/sbin/kpsctl".to_owned()];
    survives(&place, &step, config, |_, _| {});
    installed(&place);
    assert!(writer(&place.root(), &["modprobe", "/usr/sbin/kpsc"]).status().is_ok());
    survives(&place, &step, config, |_, _| {});
}

/// Runs a writer on a copy of a system, and cuts it off at each system call: each part of what is
/// found then is as it was before or as it is after, and after the last call it is as it is after.
/// Then the next one works, too. Returns how many states of the disk were tried.
fn survives<T: PartialEq + Debug>(
    place: &Place,
    arguments: &[String],
    look: impl Fn(&Path) -> Vec<T>,
    next: impl Fn(&Path, &[T]),
) -> usize {
    let (tree, at) = (disk::read(&place.root()), place.path("cut"));
    let (operations, end) = operations_of(&tree, &at, place, arguments);
    let [before, after] = [&tree, &end].map(|tree| within(tree, &at, &look));
    assert_ne!(before, after, "{arguments:?} changes nothing");
    let (mut disk, mut seen) = (Disk::new(&tree), BTreeSet::new());
    for done in 0..=operations.len() {
        if let Some(last) = done.checked_sub(1) {
            disk.apply(&operations[last]);
        }
        let is_complete = done == operations.len();
        for state in disk.after_cut() {
            if seen.contains(&state) && !is_complete {
                continue;
            }
            within(&state, &at, |root| {
                let found = look(root);
                let mut parts = found.iter().zip(before.iter().zip(&after));
                let is_right = parts.all(|(found, (before, after))| {
                    found == after || found == before && !is_complete
                });
                let last = &operations[done.saturating_sub(3)..done];
                assert!(is_right, "{arguments:?}, cut after {last:#?}: {found:#?}\n{state:#?}");
                next(root, &found);
            });
            seen.insert(state);
        }
    }
    assert_eq!(disk.now(), end, "{arguments:?} has done something else");
    seen.len()
}

/// Does something with a system that has this on its disk, and removes it.
fn within<T>(tree: &Tree, at: &Path, work: impl FnOnce(&Path) -> T) -> T {
    disk::write(tree, at);
    let result = work(at);
    fs::remove_dir_all(at).unwrap_or_else(|error| panic!("{error}"));
    result
}

/// What a writer does to a system, and the system after it.
fn operations_of(
    tree: &Tree,
    at: &Path,
    place: &Place,
    arguments: &[String],
) -> (Vec<Operation>, Tree) {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let trace = place.path("trace");
    let end = within(tree, at, |root| {
        let output = traced(&mut writer(root, &arguments), &trace, None);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        disk::read(root)
    });
    let text = fs::read_to_string(&trace).unwrap_or_else(|error| panic!("{error}"));
    (operations(&text, at), end)
}

/// The calls that may find the disk full, and one that fails otherwise.
const FAILING: [(&str, &str); 7] = [
    ("openat", "ENOSPC"),
    ("write", "ENOSPC"),
    ("mkdirat", "ENOSPC"),
    ("symlinkat", "ENOSPC"),
    ("renameat", "ENOSPC"),
    ("fsync", "ENOSPC"),
    ("unlinkat", "EIO"),
];

pub(super) fn a_call_that_fails_leaves_the_old_set_and_nothing_else() {
    let mut failures = 0;
    for (place, arguments) in writers() {
        let next = [KERNEL, OTHER].map(|kernel| place.module("next", kernel, "0a"));
        let tree = disk::read(&place.root());
        for (call, errno) in FAILING {
            for at in 1.. {
                let fail = format!("{call}:error={errno}:when={at}");
                let Some(failed) = fails(&place, &tree, &arguments, &fail, &next) else { break };
                failures += usize::from(failed);
            }
        }
    }
    assert!(failures > 100, "only {failures} failures");
}

/// Runs a writer with one system call that fails. Says whether the writer fails; `None` if there is
/// no such call.
fn fails(
    place: &Place,
    tree: &Tree,
    arguments: &[String],
    fail: &str,
    next: &[PathBuf],
) -> Option<bool> {
    let (root, trace) = (place.path("failing"), place.path("trace"));
    disk::write(tree, &root);
    let before = sets(&root);
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let output = traced(&mut writer(&root, &words), &trace, Some(fail));
    let calls = fs::read_to_string(&trace).unwrap_or_else(|error| panic!("{error}"));
    let injected = calls.lines().find(|line| line.ends_with("(INJECTED)"));
    let is_failure = !output.status.success();
    let stderr = String::from_utf8_lossy(&output.stderr);
    // Folders and files that are only read are opened, too, and not only by the writer.
    let is_about_writing = |line: &&str| {
        line.contains("failing/") && (!fail.starts_with("openat") || line.contains("O_CREAT"))
    };
    if let Some(injected) = injected.filter(is_about_writing) {
        let shown = format!("{arguments:?}, {injected}: {stderr}");
        let after = sets(&root);
        assert_eq!(is_failure, after == before, "{shown}");
        if is_failure {
            let code = if fail.contains("ENOSPC") { "KPS0711: " } else { "KPS0701: " };
            assert!(stderr.starts_with(code), "{shown}");
            let [left, was] = [disk::read(&root), tree.clone()].map(|mut tree| {
                // The store itself stays, with its lock.
                tree.retain(|path, _| !path.ends_with("kpsc") && !path.ends_with(".lock"));
                tree
            });
            // What cannot be removed is left to the next writer.
            assert!(left == was || fail.starts_with("unlinkat"), "{shown}\n{left:#?}");
        }
        let installed = install(&root, next);
        assert!(installed.is_ok(), "{shown}");
        has_no_leftovers(&root);
    }
    fs::remove_dir_all(&root).unwrap_or_else(|error| panic!("{error}"));
    injected.map(|_| is_failure)
}
