// SPDX-License-Identifier: GPL-2.0
//! `test` blocks: steps, and the expectations of each.

use super::SpecParser;
use crate::ast::{Action, Claim, Expectation, Holds, Level, Step, Test, TestItem, Trigger};
use crate::head::{Head, Rule};
use crate::scan::RawItem;
use crate::ErrorKind;

/// The limit of a `wait`.
const MAX_SECONDS: u32 = 600;

impl SpecParser<'_> {
    pub(super) fn test(&mut self, item: &RawItem) -> Option<Test> {
        let head = self.head(Rule::test, item);
        let name = head.as_ref().and_then(|head| head.strings().pop());
        let when = head.map(|head| head.conditions()).unwrap_or_default();
        let block = self.block(item)?;
        let (mut modules, mut params, mut steps) = (Vec::new(), Vec::new(), Vec::new());
        let before = self.errors.len();
        for item in self.items(block, Level::Test) {
            let Some(construct) = TestItem::of(self.word(&item)) else {
                self.unknown(Level::Test, &item);
                continue;
            };
            match construct {
                TestItem::Module => modules.extend(self.string(Rule::module_of_test, &item)),
                TestItem::Param => {
                    let head = self.head(Rule::param_of_test, &item);
                    params.extend(head.and_then(|head| head.given_param()));
                }
                TestItem::Unpatched | TestItem::Patched | TestItem::Always if steps.is_empty() => {
                    // A step with a mistake is not a missing step.
                    if self.errors.len() == before {
                        self.expected("`run \"..\";` before this expectation", &item);
                    }
                }
                TestItem::Unpatched => self.expectation(Holds::Unpatched, &item, &mut steps),
                TestItem::Patched => self.expectation(Holds::Patched, &item, &mut steps),
                TestItem::Always => self.expectation(Holds::Always, &item, &mut steps),
                TestItem::Run => {
                    let action = self.string(Rule::run, &item).map(Action::Run);
                    steps.extend(action.map(|action| step(action, &item)));
                }
                TestItem::Trigger => {
                    let action = self.trigger(&item).map(Action::Trigger);
                    steps.extend(action.map(|action| step(action, &item)));
                }
                TestItem::Dmesg => {
                    let head = self.head(Rule::bare, &item);
                    steps.extend(head.map(|_| step(Action::Dmesg, &item)));
                }
                TestItem::Wait => {
                    let action = self.wait(&item);
                    steps.extend(action.map(|action| step(action, &item)));
                }
            }
        }
        if steps.is_empty() {
            if self.errors.len() == before {
                self.expected("`run \"..\";` in the test", item);
            }
            return None;
        }
        Some(Test { name: name?, when, modules, params, steps, whole: item.whole })
    }

    fn trigger(&mut self, item: &RawItem) -> Option<Trigger> {
        let head = self.head(Rule::trigger, item)?;
        let as_user = head.find(Rule::user).is_some_and(|user| user.as_str() == "user");
        Some(Trigger { file: head.strings().pop()?, as_user })
    }

    fn wait(&mut self, item: &RawItem) -> Option<Action> {
        let head = self.head(Rule::wait, item)?;
        let seconds = head.number().filter(|seconds| (1..=MAX_SECONDS).contains(seconds));
        if seconds.is_none() {
            self.expected(&format!("a number of seconds from 1 to {MAX_SECONDS}"), item);
        }
        Some(Action::Wait { command: head.strings().pop()?, seconds: seconds? })
    }

    /// An expectation belongs to the step above it.
    fn expectation(&mut self, holds: Holds, item: &RawItem, steps: &mut [Step]) {
        let rule = match holds {
            Holds::Unpatched => Rule::unpatched,
            Holds::Patched => Rule::patched,
            Holds::Always => Rule::always,
        };
        let Some(head) = self.head(rule, item) else { return };
        let over = steps.iter().any(Step::complains);
        let Some(step) = steps.last_mut() else { return };
        if over && holds != Holds::Patched {
            self.expected(
                "`patched`: after `complains`, nothing runs on the unpatched kernel",
                item,
            );
            return;
        }
        match claim(&head) {
            Some(claim) => step.expectations.push(Expectation { holds, claim, span: item.head }),
            None => self.expected("an exit status from 0 to 255", item),
        }
    }

    pub(super) fn expected(&mut self, expected: &str, item: &RawItem) {
        self.error(ErrorKind::Expected { expected: expected.to_owned(), meant: None }, item.head);
    }
}

/// A step without expectations so far.
fn step(action: Action, item: &RawItem) -> Step {
    Step { action, expectations: Vec::new(), span: item.head }
}

/// The claim of a line; `None` if a number is not an exit status.
fn claim(head: &Head<'_>) -> Option<Claim> {
    const MAX_STATUS: u32 = 255;
    let Some(text) = head.strings().pop() else {
        return head.number().filter(|status| *status <= MAX_STATUS).map(Claim::Status);
    };
    Some(match head.find(Rule::verb) {
        Some(verb) if verb.as_str() == "has" => Claim::Has(text),
        Some(_) => Claim::Lacks(text),
        None => Claim::Complains(text),
    })
}
