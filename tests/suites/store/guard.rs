// SPDX-License-Identifier: GPL-2.0
//! The guard against boot loops, over several boots.

use super::place::{boot, done, release, said, Place, KERNEL};
use kps_diag::Diagnostic;
use kps_operate::store::{Stage, Verdict};

/// What happens on a machine with the set of a patch, from boot to boot (`|`): what the boot does
/// (`begin`, `loaded`, `booted`), what a user does (`install`, `reinstall`, `rollback`, `clear`),
/// and which verdict on the installed set is then right (`load?`, `again?`, `held-loading?`,
/// `held-loaded?`).
const COURSES: &[(&str, &str)] = &[
    ("boots that end well", "load? begin loaded booted | load? begin loaded booted | load?"),
    (
        "the machine goes down while the set is loaded",
        "begin | held-loading? booted | held-loading? booted clear load? begin loaded booted | load?",
    ),
    (
        "it goes down after that, twice",
        "begin loaded | again? begin loaded | held-loaded? booted | held-loaded? clear load?",
    ),
    (
        "a power cut",
        "begin loaded | again? begin loaded booted | load? begin loaded | again?",
    ),
    (
        "a power cut, and then it goes down while the set is loaded",
        "begin loaded | again? begin | held-loading?",
    ),
    (
        "the service is started again in one boot",
        "begin load? begin loaded load? begin loaded | again? begin load? begin loaded | held-loaded?",
    ),
    (
        "what is not the attempt of this boot is not ended by it",
        "begin | loaded held-loading? booted held-loading?",
    ),
    ("another patch is installed", "begin | held-loading? install load?"),
    ("the same patch is installed again", "begin | held-loading? reinstall load?"),
    ("the set before is installed", "install begin | held-loading? rollback load?"),
    ("everything is uninstalled", "begin | held-loading? uninstall load?"),
];

pub(super) fn a_set_that_takes_the_machine_down_is_held_until_somebody_says_so() {
    for (course, steps) in COURSES {
        let place = Place::new();
        done(place.install(&[place.module("one", KERNEL, "0a")]));
        for (at, step) in steps.split(' ').enumerate() {
            done(take(&place, step, &format!("{course}, step {at}")));
        }
    }
}

fn take(place: &Place, step: &str, at: &str) -> Result<(), Diagnostic> {
    let (store, kernel) = (place.store(), release(KERNEL));
    let set = store.set(&kernel)?.unwrap_or_else(|| panic!("{at}: nothing is installed"));
    let install = |name: &str| place.install(&[place.module(name, KERNEL, "0a")]);
    let is = |verdict: Verdict| -> Result<(), Diagnostic> {
        assert_eq!(store.verdict(&set)?, verdict, "{at}");
        Ok(())
    };
    match step {
        "|" => boot(&place.root(), &at.replace(|c: char| !c.is_ascii_digit(), "")),
        "begin" => store.begin(&set)?,
        "loaded" => store.loaded(&kernel)?,
        "booted" => store.booted(&kernel)?,
        "install" => drop(install("two")?),
        "reinstall" => drop(install("one")?),
        "uninstall" => drop(store.uninstall(&kernel, &["one".to_owned()])?),
        "rollback" => drop(store.rollback(&kernel)?),
        "clear" => store.clear(&kernel)?,
        "load?" => is(Verdict::Load)?,
        "again?" => is(Verdict::LoadAgain)?,
        "held-loading?" => is(Verdict::Held(Stage::Loading))?,
        "held-loaded?" => is(Verdict::Held(Stage::Loaded))?,
        _ => panic!("{at}: {step}"),
    }
    Ok(())
}

pub(super) fn what_is_held_says_how_to_go_on() {
    let place = Place::new();
    let (store, kernel) = (place.store(), release(KERNEL));
    // A machine without a store has booted, too.
    done(store.booted(&kernel).and_then(|()| store.clear(&kernel)));
    assert!(!place.at("").exists());
    done(place.install(&[place.module("one", KERNEL, "0a")]));
    let set = done(store.set(&kernel)).unwrap_or_else(|| panic!("nothing is installed"));
    for (stage, when) in
        [(Stage::Loading, "while it loaded them"), (Stage::Loaded, "twice in a row")]
    {
        let said = said(&store.held(&set, stage));
        assert!(said.starts_with("KPS1038") && said.contains(when), "{said}");
        assert!(said.contains("`kpsc rollback`") && said.contains("--again`"), "{said}");
    }
}
