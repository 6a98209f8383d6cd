// SPDX-License-Identifier: GPL-2.0
//! What imports of drawn functions come to.

use super::drawn::{read, Drawn};
use super::functions::{diff, functions};
use kps_tests::{files, kernel, kpsc, printed, stem};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

/// A source diff to import, about one function.
#[derive(Debug, Clone)]
pub(super) struct Asked {
    /// The function.
    pub(super) drawn: Drawn,
    /// What its file is compiled into.
    pub(super) object: String,
    /// The diffs: the first one that the compiler accepts counts.
    pub(super) diffs: Vec<String>,
}

/// What became of it.
#[derive(Debug, Clone)]
pub(super) enum Outcome {
    /// A module, with its name.
    Built(String, Vec<u8>),
    /// The function runs once and has run.
    Init,
    /// The kernel's compiler does not see the function, or makes the same code of it.
    NoCode,
    /// The diff needs more than its file, so it is no fix.
    NotAlone,
    /// The function cannot be replaced, as `inspect` says too: the message.
    Refused(String),
    /// Anything else.
    Failed(String),
}

/// An added instruction.
pub(super) fn unchanged(tree: &Path, drawn: Drawn, object: String) -> Asked {
    let text = text(tree, &drawn);
    let diffs = vec![diff(&drawn.path, &text, &drawn.function.with_nop(&text))];
    Asked { drawn, object, diffs }
}

/// What a newer source changes of the function, and of its whole file.
pub(super) fn real(tree: &Path, newer: &Path, asked: &Asked) -> Asked {
    let drawn = &asked.drawn;
    let (old, new) = (text(tree, drawn), text(newer, drawn));
    let other = functions(&new).into_iter().find(|one| one.name == drawn.function.name);
    let other = other.unwrap_or_else(|| panic!("{} is gone", drawn.function.name));
    let alone = drawn.function.replaced(&old, &other, &new);
    let diffs = vec![diff(&drawn.path, &old, &alone), diff(&drawn.path, &old, &new)];
    Asked { diffs, ..asked.clone() }
}

fn text(tree: &Path, drawn: &Drawn) -> String {
    read(tree, &drawn.path).unwrap_or_else(|| panic!("{} is not text", drawn.path))
}

/// Imports all of them, two at a time, each in a folder of its own.
pub(super) fn outcomes(target: &str, all: &[Asked]) -> Vec<Outcome> {
    let here = kernel::folder();
    let queue = Mutex::new(all.iter().enumerate());
    let found = Mutex::new(BTreeMap::new());
    let work = || loop {
        let next = queue.lock().unwrap_or_else(|error| error.into_inner()).next();
        let Some((n, asked)) = next else { break };
        let outcome = match &here {
            Some(cache) => {
                let kernel = kernel::Kernel { cache: cache.clone(), name: target.to_owned() };
                kernel::on(&kernel, || outcome(target, n, asked))
            }
            None => outcome(target, n, asked),
        };
        println!("{}", line(asked, &outcome));
        found.lock().unwrap_or_else(|error| error.into_inner()).insert(n, outcome);
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
    });
    let found = found.into_inner().unwrap_or_else(|error| error.into_inner());
    found.into_values().collect()
}

/// Imports a diff, as the patch of this number.
fn outcome(target: &str, n: usize, asked: &Asked) -> Outcome {
    let mut outcome = Outcome::NotAlone;
    for diff in &asked.diffs {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        // Its name is the module's, and several are loaded at once.
        let fix = folder.path().join(format!("drawn_{n}.patch"));
        std::fs::write(&fix, diff).unwrap_or_else(|error| panic!("{error}"));
        let (status, said) = import(target, &fix, &folder.path().join("made"));
        outcome = judged(target, asked, status, &said, (&fix, &folder.path().join("made")));
        if !said.contains("[KPS1312]") {
            return outcome;
        }
    }
    match asked.diffs.len() {
        1 => outcome,
        _ => Outcome::NotAlone,
    }
}

/// Runs the import: the exit status, and what was said.
pub(super) fn import(target: &str, fix: &Path, into: &Path) -> (Option<i32>, String) {
    run(kpsc().args(["import", "--kernel", target, "-o"]).arg(into).arg(fix))
}

fn judged(
    target: &str,
    asked: &Asked,
    status: Option<i32>,
    said: &str,
    (fix, made): (&Path, &Path),
) -> Outcome {
    let codes: Vec<&str> = said.lines().filter_map(error).collect();
    match (status, codes.as_slice()) {
        (Some(0), _) => Outcome::Built(stem(fix), module(made)),
        (_, ["KPS1306"]) => Outcome::Init,
        (_, ["KPS1309"]) => Outcome::NoCode,
        (_, ["KPS1310"]) if !is_patchable(target, asked) => {
            let message = said.lines().find(|line| error(line).is_some());
            Outcome::Refused(message.unwrap_or_default().to_owned())
        }
        _ => Outcome::Failed(said.to_owned()),
    }
}

/// The code of an error's first line.
fn error(line: &str) -> Option<&str> {
    line.strip_prefix("error[")?.split_once(']').map(|(code, _)| code)
}

/// The module that an import has left in a folder.
pub(super) fn module(made: &Path) -> Vec<u8> {
    let all = files(made).into_iter();
    let module = all.into_iter().find(|path| path.extension().is_some_and(|end| end == "ko"));
    let module = module.unwrap_or_else(|| panic!("there is no module in {}", made.display()));
    std::fs::read(&module).unwrap_or_else(|error| panic!("{error}"))
}

/// Whether `inspect` says that the function can be replaced in C.
fn is_patchable(target: &str, asked: &Asked) -> bool {
    let name = asked.drawn.function.name.as_str();
    let words = ["inspect", name, "--object", &asked.object, "--kernel", target];
    let (_, said) = run(kpsc().args(words));
    said.lines().any(|line| line.trim_start().starts_with("hooks") && line.contains("replace c"))
}

fn run(command: &mut Command) -> (Option<i32>, String) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    (output.status.code(), printed(&output))
}

/// An outcome in a line.
fn line(asked: &Asked, outcome: &Outcome) -> String {
    let about = format!("{} {}", asked.drawn.path, asked.drawn.function.name);
    match outcome {
        Outcome::Built(..) => format!("built: {about}"),
        Outcome::Init => format!("__init: {about}"),
        Outcome::NoCode => format!("no code: {about}"),
        Outcome::NotAlone => format!("not alone: {about}"),
        Outcome::Refused(said) => format!("refused: {about}: {said}"),
        Outcome::Failed(said) => format!("FAILED: {about}:\n{said}"),
    }
}

/// So many of a hundred are built, without those that are no fixes of code that runs.
pub(super) fn are_built(outcomes: &[Outcome], percent: usize) {
    let is_fix =
        |one: &&Outcome| !matches!(one, Outcome::Init | Outcome::NoCode | Outcome::NotAlone);
    let drawn: Vec<&Outcome> = outcomes.iter().filter(is_fix).collect();
    let built = drawn.iter().filter(|one| matches!(one, Outcome::Built(..))).count();
    println!(
        "of {} functions {built} are built, {} are left out",
        drawn.len(),
        outcomes.len() - drawn.len()
    );
    assert!(
        built > 0 && built * 100 >= drawn.len() * percent,
        "of {} functions only {built} are built",
        drawn.len()
    );
}

/// What is not built has an error with a code.
pub(super) fn have_a_reason(asked: &[Asked], outcomes: &[Outcome]) {
    let without = asked.iter().zip(outcomes).filter(|(_, outcome)| match outcome {
        Outcome::Failed(said) => said.lines().filter_map(error).next().is_none(),
        _ => false,
    });
    let without: Vec<String> = without.map(|(asked, outcome)| line(asked, outcome)).collect();
    assert!(without.is_empty(), "{}", without.join("\n"));
}
