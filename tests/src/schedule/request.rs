// SPDX-License-Identifier: GPL-2.0
//! What the command line asks for, and the cases that it selects.

use super::{Case, Suite, Tier};

/// How the program is started for one case that runs in a process of its own. The word behind it is
/// the whole name of the case.
pub(super) const HERE: &str = "--here";

/// What to do with which cases.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Request {
    pub(super) action: Action,
    tier: Tier,
    filters: Vec<Filter>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Action {
    Run,
    /// In this very process.
    RunHere,
    List,
}

/// A suite, and what the names of its cases contain.
#[derive(Debug, PartialEq, Eq)]
struct Filter {
    suite: String,
    part: String,
}

/// A case that was asked for.
pub(super) struct Selected {
    pub(super) suite: &'static str,
    pub(super) case: Case,
}

/// The cases that were asked for, and how many are left for other runs.
pub(super) struct Selection {
    pub(super) cases: Vec<Selected>,
    pub(super) left: usize,
}

impl Request {
    /// `[SUITE | "SUITE: PART"] .. [--quick | --long] [--list]`; `PART` is any part of a case's
    /// name.
    pub(super) fn parse(words: impl Iterator<Item = String>) -> Result<Request, String> {
        let mut request = Request { action: Action::Run, tier: Tier::Full, filters: Vec::new() };
        for word in words {
            match word.as_str() {
                "--quick" => request.tier = Tier::Quick,
                "--long" => request.tier = Tier::Long,
                "--list" => request.action = Action::List,
                HERE => request.action = Action::RunHere,
                option if option.starts_with('-') => {
                    return Err(format!(
                        "unknown option `{option}`; there are --quick, --long and --list"
                    ));
                }
                filter => {
                    let (suite, part) = filter.split_once(": ").unwrap_or((filter, ""));
                    request.filters.push(Filter { suite: suite.to_owned(), part: part.to_owned() });
                }
            }
        }
        Ok(request)
    }

    /// Whether a run of this tier has the cases of that one. A list and a case's own process have
    /// those of all.
    fn has_tier(&self, tier: Tier) -> bool {
        match (self.action, self.tier) {
            (Action::List, Tier::Full) | (Action::RunHere, _) => true,
            (_, Tier::Full) => tier != Tier::Long,
            (_, asked) => tier == asked,
        }
    }

    fn has_case(&self, suite: &str, name: &str) -> bool {
        self.filters.is_empty()
            || self.filters.iter().any(|filter| filter.takes(suite, name, self.action))
    }
}

impl Filter {
    fn takes(&self, suite: &str, name: &str, action: Action) -> bool {
        suite == self.suite
            && match action {
                Action::RunHere => name == self.part,
                Action::Run | Action::List => name.contains(&self.part),
            }
    }
}

/// The cases that are asked for. A filter that takes none is an error: nobody means to run nothing.
pub(super) fn select(request: &Request, suites: &[Suite]) -> Result<Selection, String> {
    let names: Vec<&str> = suites.iter().map(|suite| suite.name).collect();
    if let Some(unknown) =
        request.filters.iter().find(|filter| !names.contains(&filter.suite.as_str()))
    {
        return Err(format!(
            "there is no suite `{}`; there are {}",
            unknown.suite,
            names.join(", ")
        ));
    }
    let mut selection = Selection { cases: Vec::new(), left: 0 };
    for suite in suites {
        for case in (suite.cases)() {
            match request.has_tier(case.tier) && request.has_case(suite.name, &case.name) {
                true => selection.cases.push(Selected { suite: suite.name, case }),
                false => selection.left += 1,
            }
        }
    }
    let is_idle = |filter: &&Filter| {
        let takes =
            |selected: &Selected| filter.takes(selected.suite, &selected.case.name, request.action);
        !selection.cases.iter().any(takes)
    };
    if let Some(Filter { suite, part }) = request.filters.iter().find(is_idle) {
        return Err(format!(
            "no case of this run is `{suite}: {part}`; `--list` shows all, with their tiers"
        ));
    }
    if selection.cases.is_empty() {
        return Err("no case is selected; `--list` shows all, with their tiers".to_owned());
    }
    Ok(selection)
}

#[cfg(test)]
mod tests {
    use super::{select, Request};
    use crate::schedule::{Case, Suite};

    const SUITES: &[Suite] = &[
        Suite::new("one", || vec![Case::new("a", || ()), Case::new("ab", || ()).machine()]),
        Suite::new("two", || {
            vec![Case::new("a", || ()).machine().quick(), Case::new("b", || ()).long()]
        }),
    ];

    /// The cases that some words select, and how many they leave; or the error.
    fn selected(words: &str) -> Result<(String, usize), String> {
        let request =
            Request::parse(words.split(", ").filter(|word| !word.is_empty()).map(str::to_owned))?;
        let selection = select(&request, SUITES)?;
        let names: Vec<String> = selection
            .cases
            .iter()
            .map(|selected| format!("{}: {}", selected.suite, selected.case.name))
            .collect();
        Ok((names.join(", "), selection.left))
    }

    #[test]
    fn a_run_has_the_cases_of_its_tier() {
        assert_eq!(selected(""), Ok(("one: a, one: ab, two: a".into(), 1)));
        assert_eq!(selected("--quick"), Ok(("one: a, two: a".into(), 2)));
        assert_eq!(selected("--long"), Ok(("two: b".into(), 3)));
        assert_eq!(selected("--list"), Ok(("one: a, one: ab, two: a, two: b".into(), 0)));
        assert_eq!(selected("--list, --quick"), Ok(("one: a, two: a".into(), 2)));
    }

    #[test]
    fn a_suite_and_a_part_of_a_name_select_cases() {
        assert_eq!(selected("one"), Ok(("one: a, one: ab".into(), 2)));
        assert_eq!(selected("one: b, two"), Ok(("one: ab, two: a".into(), 2)));
        assert_eq!(selected("--here, one: a"), Ok(("one: a".into(), 3)));
    }

    #[test]
    fn what_selects_nothing_is_an_error_that_says_what_there_is() {
        let error = |words| selected(words).err().unwrap_or_default();
        assert_eq!(error("three"), "there is no suite `three`; there are one, two");
        assert!(error("one: z").contains("`one: z`"));
        assert!(error("one, two: b").contains("`two: b`"), "it is a long one");
        assert!(error("--slow").contains("`--slow`"));
    }
}
