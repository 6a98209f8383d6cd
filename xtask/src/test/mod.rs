// SPDX-License-Identifier: GPL-2.0
//! Every test, from cheap to dear. What cannot run fails and says what to install.

mod background;
mod results;

use crate::{build_kpsc, cargo, host, kpsc, kpsctl};
use anyhow::Result;
use background::Background;
use results::Sum;
use std::process::Command;
use std::time::Instant;

/// What is asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request {
    tier: Tier,
    /// For the program of the suites: one of them, and a part of the names of its cases.
    only: Option<String>,
    list: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tier {
    Full,
    Quick,
    Long,
}

/// What cargo and the suites make of everything that is compiled: one choice of crates, of features
/// and of optimisation for all steps, so that nothing is compiled twice.
const ALL: [&str; 2] = ["--release", "--workspace"];

/// Only the program of the suites.
const SUITES: [&str; 2] = ["--test", "suites"];

impl Request {
    /// Reads the words of the command line; none if they are not understood.
    pub(crate) fn parse(words: &[&str]) -> Option<Request> {
        let mut request = Request { tier: Tier::Full, only: None, list: false };
        let mut names = Vec::new();
        for &word in words {
            match word {
                "--quick" | "--long" if request.tier != Tier::Full => return None,
                "--quick" => request.tier = Tier::Quick,
                "--long" => request.tier = Tier::Long,
                "--list" => request.list = true,
                word if word.starts_with('-') => return None,
                name => names.push(name),
            }
        }
        request.only = match names.as_slice() {
            [] => None,
            [suite] => Some((*suite).to_owned()),
            [suite, case] => Some(format!("{suite}: {case}")),
            _ => return None,
        };
        Some(request)
    }

    /// The words for the program of the suites.
    fn words(&self) -> Vec<&str> {
        let tier = match self.tier {
            Tier::Full => None,
            Tier::Quick => Some("--quick"),
            Tier::Long => Some("--long"),
        };
        let list = self.list.then_some("--list");
        self.only.as_deref().into_iter().chain(tier).chain(list).collect()
    }
}

/// Runs what is asked for: whether all of it has passed. The last line says how much has.
pub(crate) fn run(request: &Request) -> Result<bool> {
    let clock = Instant::now();
    let step = |text: &str| println!("\n== {text} (after {} s)", clock.elapsed().as_secs());
    if request.list {
        crate::run(test(&["--quiet"]).args(SUITES).arg("--").args(request.words()))?;
        return Ok(true);
    }
    host::prepare_tests()?;
    let is_part = request.only.is_some() || request.tier == Tier::Long;
    if !is_part {
        step("formatting");
        crate::run(cargo().args(["fmt", "--all", "--check"]))?;
    }
    step("kpsc");
    build_kpsc()?;
    step("target kernel and kpsctl, in the background");
    // Without a name this prepares the default target if there is none, and says so.
    let kernel = Background::start(kpsc()?.args([
        "build",
        "examples/cmdline_mark/cmdline_mark.kps",
        "-o",
        "target/example",
    ]))?;
    let (mut build, _) = kpsctl()?;
    let kpsctl = Background::start(&mut build)?;
    if !is_part {
        step("clippy");
        // In the profile of the tests: what the compiler itself runs, macros and build scripts, is
        // theirs too.
        crate::run(cargo().args(["clippy", "--quiet"]).args(ALL).args([
            "--all-targets",
            "--",
            "--deny",
            "warnings",
        ]))?;
    }
    step("compiling the tests");
    match is_part {
        true => crate::run(test(&["--no-run"]).args(SUITES))?,
        false => crate::run(&mut test(&["--no-run"]))?,
    }
    let mut sum = Sum::default();
    let mut run = |mut command: Command| sum.run(&mut command, &mut std::io::stdout());
    if !is_part {
        step("tests that need no target kernel");
        without_kernel().into_iter().try_for_each(&mut run)?;
    }
    step("target kernel and kpsctl");
    kernel.end()?;
    kpsctl.end()?;
    step("suites");
    run(suites(request))?;
    println!(
        "{} minutes and {} seconds",
        clock.elapsed().as_secs() / 60,
        clock.elapsed().as_secs() % 60
    );
    println!("{sum}");
    Ok(sum.failed == 0)
}

/// The commands that run the tests beside the suites. With those, they are everything that cargo
/// knows of.
fn without_kernel() -> [Command; 2] {
    [all_of(&["--lib", "--bins", "--examples", "--benches"]), all_of(&["--doc"])]
}

/// The command that runs suites: all tests that are programs of their own where everything is to
/// run, so that none can be forgotten.
fn suites(request: &Request) -> Command {
    match (&request.only, request.tier) {
        (None, Tier::Full) => all_of(&["--test", "*"]),
        _ => {
            let mut suites = all_of(&SUITES);
            suites.arg("--").args(request.words());
            suites
        }
    }
}

fn all_of(words: &[&str]) -> Command {
    test(&[&["--no-fail-fast"], words].concat())
}

fn test(words: &[&str]) -> Command {
    let mut test = cargo();
    test.arg("test").args(ALL).args(words);
    test
}

#[cfg(test)]
mod unit_tests {
    use super::{suites, without_kernel, Request};
    use std::process::Command;

    fn arguments(command: &Command) -> String {
        let words: Vec<_> =
            command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
        words.join(" ")
    }

    /// The arguments of the command that runs suites for these words.
    fn suites_of(words: &[&str]) -> String {
        arguments(&suites(&Request::parse(words).unwrap_or_else(|| panic!("{words:?}"))))
    }

    #[test]
    fn everything_is_all_that_cargo_knows_of() {
        let all = "test --release --workspace --no-fail-fast";
        assert_eq!(suites_of(&[]), format!("{all} --test *"));
        let others = without_kernel().each_ref().map(arguments);
        assert_eq!(
            others,
            [format!("{all} --lib --bins --examples --benches"), format!("{all} --doc")]
        );
    }

    #[test]
    fn a_suite_and_a_case_select_cases_of_the_suites_alone() {
        let suites = "test --release --workspace --no-fail-fast --test suites --";
        assert_eq!(suites_of(&["--quick"]), format!("{suites} --quick"));
        assert_eq!(suites_of(&["vm", "acts: c_bodies"]), format!("{suites} vm: acts: c_bodies"));
        assert_eq!(suites_of(&["vm", "--quick"]), format!("{suites} vm --quick"));
        assert_eq!(suites_of(&["--long"]), format!("{suites} --long"));
    }

    #[test]
    fn what_is_not_understood_runs_nothing() {
        for words in [&["--slow"][..], &["--quick", "--long"], &["vm", "acts", "more"]] {
            assert_eq!(Request::parse(words), None, "{words:?}");
        }
    }
}
