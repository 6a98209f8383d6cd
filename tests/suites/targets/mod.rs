// SPDX-License-Identifier: GPL-2.0
//! Several targets: stock kernels in core mode, the preparation of one of which is killed and runs
//! out of room, and, in long runs, a small kernel built from source. What holds on the default
//! target holds on them.

mod crate_mode;
mod damage;
mod debug;
mod fixes;
mod interrupted;
mod kernel;
mod moved;
mod namespace;
mod small;
mod stock;
mod stops;
mod there;

use crate::{
    build, claims, crates, data, entries, foreign, killed, modules, operate, provoked, selftests,
    vm,
};
use kernel::{Kernel, Rest};
use kps_tests::schedule::Case;
use kps_tests::{fixes as all_fixes, stem};
use stock::{BOOKWORM, CORE, TRIXIE};

pub(crate) use namespace::enter_namespace;
pub(crate) use stock::available;
pub(crate) use there::{succeed, There};

const SMALL: Kernel = Kernel {
    name: "small",
    get: small::small,
    made_by: "the small kernel",
    acts: &small::ACTS,
    refused: &small::REFUSED,
    elsewhere: &[WITH_ITS_MODULE, POSITION],
    rest: Rest::IsBuilt,
    // To build it takes a third of the processor time of all other cases.
    is_for_long_runs: true,
};

/// The example with a symbol's position, which is that of one kernel alone.
const POSITION: &str = "private_kallsyms";

/// The example of a module that has to be built for the kernel first.
const WITH_ITS_MODULE: &str = "meter_gap";

/// The cases. The first two make the kernels, which takes longest; those of a kernel start when it
/// is there.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = vec![
        SMALL.case("built from source and added", || SMALL.is_ready()).about(300),
        TRIXIE
            .case("prepared although it is killed and its disk fills up", || {
                TRIXIE.is_ready();
                // The others need its compilers, so they are not for two workers at once.
                BOOKWORM.is_ready();
                fixes::prepare();
            })
            .about(200),
        Case::new(
            "core mode: prepared although it is killed in every step and its disk fills up",
            stock::is_prepared_under_interruptions,
        )
        .machine()
        .long()
        .about(200),
        Case::new(
            "kernel crate: prepared although it is killed in every step and its disk fills up",
            crate_mode::is_prepared_under_interruptions,
        )
        .machine()
        .long()
        .about(400),
        Case::new(
            "default: its debug information tells of inlined copies",
            debug::copies_are_known,
        )
        .machine()
        .about(45),
        SMALL.case("everything works without root", small::everything_works_without_root).about(20),
        TRIXIE.case("a prepared target keeps less than 130 MB beside its compilers", || {
            (TRIXIE.get)().keeps_less_than(130 << 10);
        }),
        TRIXIE.case("what is gone or different there is said", moved::what_differs_is_said),
    ];
    cases.extend(fixes());
    cases.extend([TRIXIE, BOOKWORM, CORE].into_iter().flat_map(Kernel::specs));
    cases.extend([TRIXIE, CORE].into_iter().flat_map(of_other_suites));
    // In every run, 6.1 has the specs that act for what it differs in.
    cases.extend(of_other_suites(BOOKWORM).into_iter().map(Case::long));
    cases.extend([TRIXIE, BOOKWORM, CORE].into_iter().flat_map(of_checks));
    // Each kernel's own.
    cases.extend([
        TRIXIE.has(selftests::on_6_12()).long(),
        BOOKWORM.has(selftests::on_6_1()).long(),
        CORE.has(selftests::on_core()),
        CORE.has(
            Case::new(
                "bodies are the same in both modes",
                crates::bodies_are_the_same_in_both_modes,
            )
            .machine()
            .about(120),
        ),
    ]);
    cases.extend(SMALL.specs());
    cases
}

fn fixes() -> Vec<Case> {
    let case = |name: String, run: Box<dyn FnOnce() + Send>| {
        Case::new(name, run).machine().shares(TRIXIE.made_by).about(30)
    };
    let crates =
        case("the crates that fixes are converted to mend it".into(), Box::new(fixes::crates_mend))
            .long();
    let specs = all_fixes().into_iter();
    let specs = specs.map(|fix| case(stem(&fix), Box::new(move || fixes::mends(&fix))));
    [crates].into_iter().chain(specs).collect()
}

/// Cases of other suites: what patches do to a running kernel.
fn of_other_suites(kernel: Kernel) -> Vec<Case> {
    let cases = [
        vm::on_every_kernel(),
        modules::on_every_kernel(),
        data::on_every_kernel(),
        crates::on_every_kernel(),
        build::on_every_kernel(),
        foreign::on_every_kernel(),
        killed::on_every_kernel(),
        operate::on_every_kernel(),
    ];
    cases.into_iter().flatten().map(|case| kernel.has(case)).collect()
}

/// Cases of other suites: what kpsc says of a kernel's functions and of wrong patches is what that
/// kernel shows.
fn of_checks(kernel: Kernel) -> Vec<Case> {
    let cases = [provoked::cases(), claims::cases(), entries::cases()];
    let cases = cases.into_iter().flatten().chain(vm::that_fail());
    cases.map(|case| kernel.has(case).long()).collect()
}
