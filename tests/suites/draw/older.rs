// SPDX-License-Identifier: GPL-2.0
//! The newest kernel of the series before the default target's that the archive holds whole. It is
//! kept below `target/` with its source for the next long run.

use kps_targets::{Cache, Target};
use kps_tests::kernel::{self, Kernel};
use kps_tests::target::target as default_target;
use kps_tests::{kept, kpsc, printed};
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

/// The kernel, prepared.
pub(super) fn kernel() -> Kernel {
    static OLDER: LazyLock<Kernel> = LazyLock::new(make);
    OLDER.clone()
}

/// The target of the case's kernel.
pub(super) fn target() -> Target {
    let name = &kernel().name;
    kernel::cache().target(name).unwrap_or_else(|error| panic!("{}", error.message))
}

fn make() -> Kernel {
    let release = newest_before(default_target().release());
    let cache = kept::folder("older-kernel", std::slice::from_ref(&release));
    let compilers = |cache: &Path| Cache::at(cache).root().join("toolchains");
    let own = compilers(&cache);
    let default = kernel::cache();
    // Links take no time. On another disk, the compilers are fetched again.
    if !own.exists() {
        let parent = own.parent().unwrap_or(&own);
        let _ = Command::new("mkdir").arg("-p").arg(parent).status();
        let _ =
            Command::new("cp").arg("-al").arg(default.root().join("toolchains")).arg(&own).status();
    }
    let mut add = kpsc();
    add.env("KPSC_CACHE", &cache).args(["kernel", "add", "--release", &release]);
    let said = add.output().unwrap_or_else(|error| panic!("{error}"));
    assert!(said.status.success(), "{}", printed(&said));
    kept::forget_others(&cache);
    Kernel { cache, name: release }
}

/// The newest release of the newest series before that of a release, of its flavour.
fn newest_before(release: &str) -> String {
    let flavour = kps_arch::native().debian.flavour;
    let mut list = kpsc();
    list.args(["kernel", "list", "--available", "--flavour", flavour]);
    let listed = printed(&list.output().unwrap_or_else(|error| panic!("{error}")));
    let series = |release: &str| -> Vec<u32> {
        release.split(['.', '+', '-']).take(2).filter_map(|number| number.parse().ok()).collect()
    };
    // The list has the newest first.
    let whole = listed.lines().filter(|line| line.ends_with("\theaders"));
    let mut releases = whole.filter_map(|line| line.split('\t').next());
    let found = releases.find(|other| series(other) < series(release));
    found.unwrap_or_else(|| panic!("nothing is older than {release}:\n{listed}")).to_owned()
}
