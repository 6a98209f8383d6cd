// SPDX-License-Identifier: GPL-2.0
//! The kernels that have the faults, and the source of those that have them no more. They are in a
//! cache of their own below `target/`, where the next run finds them.

use super::corpus::{Changed, Fix};
use crate::targets::{available, succeed, There};
use kps_targets::{Cache, Progress};
use kps_tests::repository;
use kpsc::resolve::is_meant_for;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Mutex, PoisonError};

/// What the archive holds that can be added, newest first.
static RELEASES: LazyLock<Vec<String>> = LazyLock::new(|| {
    let listed = available(&[]);
    let whole = listed.lines().filter(|line| line.ends_with("\theaders"));
    whole.filter_map(|line| line.split('\t').next()).map(str::to_owned).collect()
});

/// The newest kernel of the archive that has the fault, ready to build for.
pub(super) fn with_fault(fix: &Fix) -> There {
    let release = &RELEASES[place(fix)];
    let there = there(release);
    once(release, || add(&there, &[]));
    there
}

/// Where in the list of releases the newest kernel with the fault is.
fn place(fix: &Fix) -> usize {
    let has_fault = |release: &String| {
        is_meant_for(&fix.kernels, release)
            .unwrap_or_else(|| panic!("{}: {}", fix.name, fix.kernels))
    };
    RELEASES.iter().position(has_fault).unwrap_or_else(|| {
        panic!(
            "the archive holds no kernel {} any more: remove examples/fixes/{}, or take a newer fix \
             in its place",
            fix.kernels, fix.name
        )
    })
}

/// The files of a fix in the kernel that has the fault, and in the oldest one of the same series
/// that has not: both folders.
pub(super) fn sources(fix: &Fix, changed: &Changed) -> (PathBuf, PathBuf) {
    let there = with_fault(fix);
    let series = |release: &str| release.split('.').take(2).map(str::to_owned).collect::<Vec<_>>();
    let mut newer = RELEASES[..place(fix)].iter().rev();
    let mended = newer.find(|release| series(release) == series(&there.name));
    let mended = mended.unwrap_or_else(|| {
        panic!("the archive holds no kernel of the series of {} with this fix", there.name)
    });
    let old = there.target().source_tree(&Cache::at(&there.cache), Progress::Quiet);
    let old = old.unwrap_or_else(|error| panic!("{}", error.message));
    let new = there.cache.join("mended").join(&fix.name);
    if !changed.files.keys().all(|file| new.join(file).exists()) {
        unpack(mended, &new, changed);
    }
    (old, new)
}

/// Unpacks the files of a fix from the source of a kernel that has it.
fn unpack(release: &str, folder: &Path, changed: &Changed) {
    let there = there(release);
    once(&format!("facts of {release}"), || add(&there, &["--rust", "core", "--facts-only"]));
    let mut unpack = there.kpsc(&["kernel", "source", &there.name]);
    std::fs::create_dir_all(folder.parent().unwrap_or(folder))
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    succeed(unpack.arg(folder).args(changed.files.keys()));
}

fn there(release: &str) -> There {
    There { cache: repository().join("target/fixes"), name: release.to_owned() }
}

/// `kpsc kernel add`; one that is there already stays.
fn add(there: &There, words: &[&str]) {
    let add = ["kernel", "add", "--release", &there.name, "--name", &there.name];
    succeed(there.kpsc(&add).args(words));
}

/// Makes a thing that several cases need. Who comes second waits.
fn once(thing: &str, make: impl FnOnce()) {
    static MADE: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if !made.contains(thing) {
        make();
        made.insert(thing.to_owned());
    }
}
