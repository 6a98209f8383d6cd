// SPDX-License-Identifier: GPL-2.0
//! Runs cases on some workers.

use super::panics;
use super::queue::{Next, Queue};
use super::request::{Selected, HERE};
use std::process::Command;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A case that has been run.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) suite: &'static str,
    pub(super) name: String,
    pub(super) took: Duration,
    /// What it failed with, if it has.
    pub(super) failure: Option<String>,
}

/// Runs all of them, and tells of each when it has ended.
pub(super) fn run(
    cases: Vec<Selected>,
    workers: usize,
    tell: &(dyn Fn(&Ended) + Sync),
) -> Vec<Ended> {
    let (queue, a_case_ended) = (Mutex::new(Queue::new(cases)), Condvar::new());
    let ended = Mutex::new(Vec::new());
    let work = || {
        while let Some(selected) = take(&queue, &a_case_ended) {
            let shared = selected.case.shared;
            let one = run_one(selected);
            lock(&queue).ended(shared);
            a_case_ended.notify_all();
            let mut ended = lock(&ended);
            tell(&one);
            ended.push(one);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(work);
        }
    });
    ended.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// The next case, as soon as there is one that can start.
fn take(queue: &Mutex<Queue>, a_case_ended: &Condvar) -> Option<Selected> {
    let mut queue = lock(queue);
    loop {
        match queue.next() {
            Next::Case(selected) => return Some(selected),
            Next::Done => return None,
            Next::Wait => queue = a_case_ended.wait(queue).unwrap_or_else(PoisonError::into_inner),
        }
    }
}

/// Nothing is left half done by a thread that panics with one of these locks.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn run_one(selected: Selected) -> Ended {
    let Selected { suite, case } = selected;
    let start = Instant::now();
    let result = match case.is_apart {
        true => in_a_process(suite, &case.name),
        // A thread for each, so that nothing is left in its variables for the next.
        false => match std::thread::spawn(|| panics::caught(case.run)).join() {
            Ok(result) => result,
            Err(_) => Err("its thread ended in a panic of its own".to_owned()),
        },
    };
    Ended { suite, name: case.name, took: start.elapsed(), failure: result.err() }
}

/// Starts this program again for one case.
fn in_a_process(suite: &str, name: &str) -> Result<(), String> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    let output = Command::new(program).args([HERE, &format!("{suite}: {name}")]).output();
    let output =
        output.map_err(|error| format!("it cannot be run in a process of its own: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => Err(format!("{}\n{}", crate::printed(&output).trim_end(), output.status)),
    }
}

#[cfg(test)]
mod tests {
    use super::run;
    use crate::schedule::request::Selected;
    use crate::schedule::Case;
    use std::sync::{Arc, Barrier, Mutex};

    fn selected(cases: Vec<Case>) -> Vec<Selected> {
        cases.into_iter().map(|case| Selected { suite: "a suite", case }).collect()
    }

    #[test]
    fn every_case_ends_once_and_tells_how() {
        let cases = vec![
            Case::new("holds", || ()),
            Case::new("panics", || assert_eq!(1, 2, "they differ")),
            Case::new("holds too", || ()),
        ];
        let told = Mutex::new(Vec::new());
        let tell = |ended: &super::Ended| {
            told.lock().unwrap_or_else(|error| panic!("{error}")).push(ended.name.clone());
        };
        let mut ended = run(selected(cases), 2, &tell);
        ended.sort_by(|one, other| one.name.cmp(&other.name));
        let failed: Vec<bool> = ended.iter().map(|ended| ended.failure.is_some()).collect();
        assert_eq!(failed, [false, false, true]);
        let mut told = told.into_inner().unwrap_or_else(|error| panic!("{error}"));
        told.sort();
        assert_eq!(told, ["holds", "holds too", "panics"]);
    }

    /// Each of the two ends only when the other one runs.
    #[test]
    fn as_many_run_at_once_as_there_are_workers() {
        let both = Arc::new(Barrier::new(2));
        let case = |name: &str| {
            let both = Arc::clone(&both);
            Case::new(name, move || {
                both.wait();
            })
        };
        let ended = run(selected(vec![case("one"), case("other")]), 2, &|_| {});
        assert!(ended.iter().all(|ended| ended.failure.is_none()));
    }
}
