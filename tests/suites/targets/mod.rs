// SPDX-License-Identifier: GPL-2.0
//! Several targets: an older stock kernel, whose preparation is killed in each of its steps and
//! runs out of room, and, in long runs, a small kernel built from source. What holds on the default
//! target holds on them.

mod damage;
mod debug;
mod interrupted;
mod kernel;
mod moved;
mod namespace;
mod older;
mod small;
mod stops;
mod there;

use kernel::Kernel;
use kps_tests::schedule::Case;
use kps_tests::{fixes, stem};

pub(crate) use namespace::enter_namespace;

const OLDER: Kernel = Kernel {
    name: "older",
    get: older::older,
    acts: &older::ACTS,
    refused: &older::REFUSED,
    elsewhere: &[WITH_ITS_MODULE],
    is_for_long_runs: false,
};
const SMALL: Kernel = Kernel {
    name: "small",
    get: small::small,
    acts: &small::ACTS,
    refused: &small::REFUSED,
    elsewhere: &[WITH_ITS_MODULE, POSITION],
    // To build it takes a third of the processor time of all other cases.
    is_for_long_runs: true,
};

/// The example with a symbol's position, which is that of one kernel alone.
const POSITION: &str = "private_kallsyms";

/// The example of a module that has to be built for the kernel first. It is tried on the default
/// target.
const WITH_ITS_MODULE: &str = "meter_gap";

/// The cases. The first two make the kernels, which takes longest; those of a kernel start when it
/// is there.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = vec![
        SMALL.case("built from source and added", || SMALL.is_ready()).about(300),
        OLDER
            .case("prepared although it is killed in every step and its disk fills up", || {
                OLDER.is_ready();
            })
            .about(240),
        Case::new(
            "default: its debug information tells of inlined copies",
            debug::copies_are_known,
        )
        .machine()
        .about(45),
        SMALL.case("everything works without root", small::everything_works_without_root).about(20),
        OLDER.case("a prepared target keeps less than 1 GB beside its compilers", older::is_small),
        OLDER.case("what is gone or different there is said", moved::what_differs_is_said),
    ];
    cases.push(
        OLDER.case("the crates that fixes are converted to mend it", older::crates_mend).about(90),
    );
    cases.extend(
        fixes()
            .into_iter()
            .map(|fix| OLDER.case(&stem(&fix), move || older::mends(&fix)).about(20)),
    );
    cases.extend(OLDER.specs());
    cases.extend(SMALL.specs());
    cases
}
