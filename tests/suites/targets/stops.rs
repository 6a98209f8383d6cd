// SPDX-License-Identifier: GPL-2.0
//! The steps that make a stock kernel a target, and how one sees from outside that each is under
//! way.

use super::there::There;
use kps_targets::Cache;
use std::path::PathBuf;

/// A step in which a preparation is killed.
pub(super) struct Stop {
    /// The part of the preparation that it belongs to, and what kpsc calls it. A release in it is
    /// `RELEASE`.
    pub(super) step: &'static str,
    /// Whether it has begun its work, once it is known to have been reached.
    pub(super) is_under_way: fn(&Work) -> bool,
    /// How many megabytes the disk has for a second run that is to fail in this step; none if there
    /// is no such run.
    pub(super) room: Option<u32>,
}

/// In which steps a preparation is interrupted.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Interrupted {
    /// In each: what has been done is done once more after most of them.
    InAll,
    /// In one step of each part, in which the disk fills up too.
    InSome,
}

/// The steps of [`Interrupted::InSome`]: both unpack, so they leave most behind.
const SOME: [&str; 2] = ["facts: kernel RELEASE", "building: kernel headers: unpack"];

impl Interrupted {
    /// Whether a preparation is interrupted in a step.
    pub(super) fn holds(self, stop: &Stop) -> bool {
        self == Interrupted::InAll || SOME.contains(&stop.step)
    }
}

/// What a target is like until [`BUILDING`] begins: it is none.
pub(super) const FACTS: &str = "facts";
/// What a target is like from then on: it can be checked against, and not built for.
pub(super) const BUILDING: &str = "building";

/// Every step of a preparation in core mode, in order.
pub(super) fn of_core_mode() -> Vec<&'static Stop> {
    FIRST.iter().chain(&OF_CORE_MODE).chain(&LAST).collect()
}

/// Every step of a preparation with the kernel's own Rust crate, in order.
pub(super) fn with_crate() -> Vec<&'static Stop> {
    FIRST.iter().chain(&WITH_CRATE).chain(&LAST).collect()
}

/// The steps up to the compilers. Where a step leaves nothing to be seen before it ends, it is
/// killed as soon as it begins.
const FIRST: [Stop; 7] = [
    Stop {
        step: "facts: package lists",
        is_under_way: |work| work.has("apt-0/lists/partial"),
        room: Some(8),
    },
    Stop {
        step: "facts: choosing a kernel",
        is_under_way: |work| work.has("adding-0/headers"),
        room: None,
    },
    Stop {
        step: "facts: kernel RELEASE",
        is_under_way: |work| work.has("adding-0/unpacked"),
        room: Some(4),
    },
    Stop { step: "facts: reading the image", is_under_way: |_| true, room: None },
    Stop { step: "building: package lists", is_under_way: |_| true, room: None },
    Stop {
        step: "building: compilers: download",
        is_under_way: |work| work.has("apt-0/archives/partial"),
        room: Some(8),
    },
    Stop {
        step: "building: compilers: unpack",
        is_under_way: |work| {
            work.entries("toolchains").any(|path| path.extension() == Some("partial".as_ref()))
        },
        room: Some(8),
    },
];

const OF_CORE_MODE: [Stop; 3] = [
    Stop {
        step: "building: Rust's core: compile",
        is_under_way: |work| work.entries("toolchains").any(|path| path.join("core").exists()),
        room: None,
    },
    Stop {
        step: "building: kernel headers: download",
        is_under_way: |work| work.fetches("/linux-headers-"),
        room: None,
    },
    Stop {
        step: "building: kernel headers: unpack",
        is_under_way: |work| work.has("kernels/NAME/headers.partial"),
        room: Some(40),
    },
];

const WITH_CRATE: [Stop; 4] = [
    Stop {
        step: "building: kernel source: download",
        is_under_way: |work| work.fetches("/linux-source-"),
        room: None,
    },
    Stop {
        step: "building: kernel source: unpack",
        is_under_way: |work| work.has("kernels/NAME/source.partial"),
        room: Some(8),
    },
    Stop {
        step: "building: kernel: configuration",
        is_under_way: |work| work.is_there("kernels/NAME/build/scripts/basic/fixdep"),
        room: None,
    },
    Stop {
        step: "building: kernel: Rust metadata",
        // The first of the crates. What is left of it is built on.
        is_under_way: |work| work.is_there("kernels/NAME/build/rust/core.o"),
        room: Some(4),
    },
];

const LAST: [Stop; 1] =
    [Stop { step: "building: taking the inventory", is_under_way: |_| true, room: None }];

/// The name of the step that a line says is finished, if it is such a line.
pub(super) fn finished(line: &str, release: &str) -> Option<String> {
    // `  NAME....... SECONDS s`
    let (step, seconds) = line.strip_prefix("  ")?.strip_suffix(" s")?.rsplit_once(' ')?;
    let is_time = seconds.parse::<f64>().is_ok();
    is_time.then(|| step.trim_end().trim_end_matches('.').replace(release, "RELEASE"))
}

/// What a preparation leaves in the cache while it works.
pub(super) struct Work {
    root: PathBuf,
    name: String,
}

impl Work {
    /// The work on a target.
    pub(super) fn on(there: &There) -> Work {
        Work { root: Cache::at(&there.cache).root().to_owned(), name: there.name.clone() }
    }

    /// Whether there is a folder with something in it.
    fn has(&self, folder: &str) -> bool {
        self.entries(folder).next().is_some()
    }

    /// Whether packages are there, or parts of them, whose paths have this in them.
    fn fetches(&self, part: &str) -> bool {
        let mut files =
            self.entries("apt-0/archives").chain(self.entries("apt-0/archives/partial"));
        files.any(|path| path.to_string_lossy().contains(part))
    }

    fn is_there(&self, path: &str) -> bool {
        self.path(path).exists()
    }

    fn entries(&self, folder: &str) -> impl Iterator<Item = PathBuf> {
        let read = std::fs::read_dir(self.path(folder));
        read.into_iter().flatten().flatten().map(|entry| entry.path())
    }

    /// `NAME` stands for the target's name.
    fn path(&self, path: &str) -> PathBuf {
        self.root.join(path.replace("NAME", &self.name))
    }
}
