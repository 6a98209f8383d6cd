// SPDX-License-Identifier: GPL-2.0
//! What a run prints: a line for each case that has ended, and in the end what failed, what took
//! long, and how many there were.

use super::request::Selected;
use super::run::Ended;
use super::Tier;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// How many of the longest cases are named.
const LONGEST: usize = 10;

/// A run that goes on.
pub(super) struct Report {
    start: Instant,
    left: usize,
}

impl Report {
    /// Says how many cases run, and how many are left for other runs.
    pub(super) fn start(cases: usize, left: usize) -> Report {
        println!(
            "\nrunning {cases} cases{}",
            match left {
                0 => String::new(),
                left => format!("; {left} are not of this run"),
            }
        );
        Report { start: Instant::now(), left }
    }

    /// What is said in the end. The last line is like that of cargo's own harness, for those who
    /// read it.
    pub(super) fn end(&self, ended: &[Ended]) -> String {
        let failed = ended.iter().filter(|ended| ended.failure.is_some()).count();
        let mut text = failures(ended) + &longest(ended) + &suites(ended);
        let _ = writeln!(
            text,
            "\ntest result: {}. {} passed; {failed} failed; 0 ignored; 0 measured; {} filtered out; finished in {:.2}s\n",
            if failed == 0 { "ok" } else { "FAILED" },
            ended.len() - failed,
            self.left,
            self.start.elapsed().as_secs_f64(),
        );
        text
    }
}

/// The line of a case that has ended, with what it failed with below it. That is moved to the
/// right: it may hold what other tests have printed, and is not to be taken for the result of
/// these.
pub(super) fn line(ended: &Ended) -> String {
    let word = if ended.failure.is_none() { "ok" } else { "FAILED" };
    let mut line = format!("{word:6} {} {}\n", seconds(ended.took), full_name(ended));
    if let Some(failure) = &ended.failure {
        line += &indented(failure);
    }
    line
}

/// A line for each case, with its tier.
pub(super) fn list(cases: &[Selected]) -> String {
    let line = |selected: &Selected| {
        let tier = match selected.case.tier {
            Tier::Quick => "quick",
            Tier::Full => "full",
            Tier::Long => "long",
        };
        format!("{}: {}\t{tier}\n", selected.suite, selected.case.name)
    };
    cases.iter().map(line).collect()
}

fn failures(ended: &[Ended]) -> String {
    let failed = ended.iter().filter_map(|ended| Some((ended, ended.failure.as_ref()?)));
    let text: String = failed
        .map(|(ended, failure)| format!("---- {}\n{}\n", full_name(ended), indented(failure)))
        .collect();
    if text.is_empty() {
        text
    } else {
        format!("\nfailures:\n\n{text}")
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}

fn longest(ended: &[Ended]) -> String {
    let mut by_time: Vec<&Ended> = ended.iter().collect();
    by_time.sort_by_key(|ended| std::cmp::Reverse(ended.took));
    let lines = by_time.into_iter().take(LONGEST);
    let lines: String =
        lines.map(|ended| format!("{} {}\n", seconds(ended.took), full_name(ended))).collect();
    format!("\nthe longest cases:\n{lines}")
}

/// How long each suite took, all its cases one after the other.
fn suites(ended: &[Ended]) -> String {
    let mut suites: BTreeMap<&str, (Duration, usize)> = BTreeMap::new();
    for ended in ended {
        let (took, count) = suites.entry(ended.suite).or_default();
        *took += ended.took;
        *count += 1;
    }
    let line = |(suite, (took, count)): (&str, (Duration, usize))| {
        format!("{} {suite}, {count} case{}\n", seconds(took), if count == 1 { "" } else { "s" })
    };
    let lines: String = suites.into_iter().map(line).collect();
    format!("\nthe suites, their cases added up:\n{lines}")
}

fn full_name(ended: &Ended) -> String {
    format!("{}: {}", ended.suite, ended.name)
}

fn seconds(time: Duration) -> String {
    format!("{:7.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::{line, list, Report};
    use crate::schedule::request::Selected;
    use crate::schedule::run::Ended;
    use crate::schedule::Case;
    use std::time::Duration;

    fn ended(suite: &'static str, name: &str, millis: u64, failure: Option<&str>) -> Ended {
        let failure = failure.map(str::to_owned);
        Ended { suite, name: name.to_owned(), took: Duration::from_millis(millis), failure }
    }

    #[test]
    fn a_line_says_how_a_case_ended_and_why_it_failed() {
        assert_eq!(line(&ended("vm", "acts: one", 4100, None)), "ok         4.1 s vm: acts: one\n");
        let failed = line(&ended("vm", "acts: one", 4100, Some("it does not\nact")));
        assert_eq!(failed, "FAILED     4.1 s vm: acts: one\n    it does not\n    act\n");
    }

    #[test]
    fn the_end_names_failures_long_cases_and_suites() {
        let mut all: Vec<Ended> =
            (0..12).map(|n| ended("many", &format!("n{n}"), n * 1000, None)).collect();
        all.push(ended("few", "one", 500, Some("why")));
        let text = Report::start(all.len(), 7).end(&all);
        assert!(text.starts_with("\nfailures:\n\n---- few: one\n    why\n"), "{text}");
        assert!(
            text.contains("the longest cases:\n   11.0 s many: n11\n   10.0 s many: n10\n"),
            "{text}"
        );
        assert!(!text.contains("many: n1\n"), "{text}");
        assert!(text.contains("    0.5 s few, 1 case\n   66.0 s many, 12 cases\n"), "{text}");
        let last = text.lines().rfind(|line| !line.is_empty()).unwrap_or_default();
        assert!(
            last.starts_with("test result: FAILED. 12 passed; 1 failed; 0 ignored; "),
            "{last}"
        );
        assert!(last.contains("; 7 filtered out; finished in "), "{last}");
    }

    #[test]
    fn a_list_has_a_line_for_each_case_with_its_tier() {
        let case = |case| Selected { suite: "vm", case };
        let cases = [case(Case::new("a", || ())), case(Case::new("b", || ()).machine())];
        assert_eq!(list(&cases), "vm: a\tquick\nvm: b\tfull\n");
    }
}
