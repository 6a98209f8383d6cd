// SPDX-License-Identifier: GPL-2.0
//! The long draw: functions that differ between the newest kernels of two series, imported into the
//! older one with an instruction that does nothing, and with their real changes.

use super::drawn::{changed, Drawn};
use super::imports::{are_built, have_a_reason, outcomes, real, unchanged, Asked, Outcome};
use super::{older, IMPORTED};
use kps_diag::Diagnostic;
use kps_import::kernel::VMLINUX;
use kps_targets::Progress;
use kps_tests::kernel::{self, cache};
use kps_tests::target::{target, Vm};
use kps_tests::work;
use kpsc::import::Front;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// How many functions of the image are imported.
const OF_IMAGE: usize = 100;
/// How many of modules.
const OF_MODULES: usize = 40;
/// How many of those of the image are imported as they were really changed.
const REAL: usize = 60;
/// How many of a hundred of these are built at least.
const REALLY_IMPORTED: usize = 80;
/// How many patches are loaded at once.
const AT_ONCE: usize = 30;

/// The draw between the kernel that the case is about and the default target.
pub(super) fn are_imported() -> Result<(), Diagnostic> {
    let newer = kernel::on_default(|| target().source_tree(&cache(), Progress::Quiet))?;
    let (mut older, cache) = (older::target(), cache());
    let front = Front::new(&mut older, &cache, Progress::Quiet)?;
    let (tree, name) = (front.source(), older.name.as_str());
    let all = changed(tree, &newer);
    println!("{} functions differ in few lines", all.len());

    let objects = Objects { front: &front, known: RefCell::default() };
    let in_order = |is_of_image: bool| {
        let of = objects.of(&all).filter(move |(_, object)| (object == VMLINUX) == is_of_image);
        of.map(move |(drawn, object)| unchanged(tree, drawn.clone(), object))
    };
    let of_image = imported(name, in_order(true), OF_IMAGE);
    let of_modules = imported(name, in_order(false), OF_MODULES);
    // Most changes need more than their file, so that those of more functions are tried.
    let changes = in_order(true).filter(|asked| !asked.drawn.function.is_init);
    let changes = imported(name, changes.map(|asked| real(tree, &newer, &asked)), REAL);
    all_at_once(&of_image);
    for unchanged in [&of_image, &of_modules] {
        have_a_reason(&unchanged.asked, &unchanged.outcomes);
        are_built(&unchanged.outcomes, IMPORTED);
    }
    are_built(&changes.outcomes, REALLY_IMPORTED);
    Ok(())
}

/// What the files of a kernel are compiled into, each asked once.
struct Objects<'a> {
    front: &'a Front,
    known: RefCell<BTreeMap<String, Option<String>>>,
}

impl Objects<'_> {
    /// The functions whose files the kernel compiles, with the first object of each.
    fn of<'d>(&'d self, all: &'d [Drawn]) -> impl Iterator<Item = (&'d Drawn, String)> + 'd {
        all.iter().filter_map(move |drawn| {
            let mut known = self.known.borrow_mut();
            let object = known.entry(drawn.path.clone()).or_insert_with(|| {
                self.front.command(&drawn.path).ok()?.objects.into_iter().next()
            });
            Some((drawn, object.clone()?))
        })
    }
}

/// Imports and what became of them.
#[derive(Default)]
struct Imported {
    asked: Vec<Asked>,
    outcomes: Vec<Outcome>,
}

/// Imports the first ones that are fixes, so many.
fn imported(target: &str, mut all: impl Iterator<Item = Asked>, count: usize) -> Imported {
    let mut found = Imported::default();
    loop {
        let next: Vec<Asked> = all.by_ref().take(count - found.asked.len()).collect();
        if next.is_empty() {
            return found;
        }
        let outcomes = outcomes(target, &next);
        for (asked, outcome) in next.into_iter().zip(outcomes) {
            if !matches!(outcome, Outcome::NoCode | Outcome::NotAlone) {
                found.asked.push(asked);
                found.outcomes.push(outcome);
            }
        }
    }
}

/// Loads some of the patches, and has the machine work for a minute.
fn all_at_once(imported: &Imported) {
    // A patch is complete when no task is in an old function any more. In these some task is all
    // the time.
    let stacks = Vm::start(Vec::new()).sh("cat /proc/[0-9]*/stack");
    let rests = |asked: &Asked| !stacks.contains(&format!(" {}+", asked.drawn.function.name));
    let modules = imported.asked.iter().zip(&imported.outcomes).filter_map(|(asked, outcome)| {
        let Outcome::Built(name, module) = outcome else { return None };
        rests(asked).then(|| (format!("/{name}.ko"), module.clone()))
    });
    let files: Vec<_> = modules.take(AT_ONCE).collect();
    let names: Vec<String> = files.iter().map(|(path, _)| path.clone()).collect();
    assert_eq!(files.len(), AT_ONCE);
    let mut vm = Vm::boot(files);
    vm.sh(&format!("for file in {}; do livepatch load $file || exit 1; done", names.join(" ")));
    let minute = format!(
        "end=$(($(date +%s) + 60)); while [ $(date +%s) -lt $end ]; do ( {} ) || exit 1; done",
        work::rounds(5)
    );
    let report = vm.run_within(&minute, 240);
    assert_eq!(report.status, 0, "the machine does not work any more:\n{}", report.text);
    vm.sh("for patch in $(ls /sys/kernel/livepatch); do livepatch unload $patch || exit 1; done");
    vm.check_log();
}
