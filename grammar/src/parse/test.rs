//! `test` blocks: steps, and what is expected of each.

use super::SpecParser;
use crate::ast::{Action, Claim, Expectation, Step, Test, Trigger};
use crate::head::{Head, Rule};
use crate::scan::{Level, RawItem};
use crate::ErrorKind;

pub(crate) const TEST: Level = Level {
    statements: &["module", "run", "trigger", "dmesg", "wait", "unpatched", "patched"],
    blocks: &[],
    others: &[],
};

/// Nobody waits longer for a test.
const MAX_SECONDS: u32 = 600;

impl SpecParser<'_> {
    pub(super) fn test(&mut self, item: &RawItem) -> Option<Test> {
        let name = self.string(Rule::test, item);
        let block = self.block(item)?;
        let (mut modules, mut steps) = (Vec::new(), Vec::new());
        let before = self.errors.len();
        for item in self.items(block, &TEST) {
            match self.word(&item) {
                "module" => modules.extend(self.string(Rule::module_of_test, &item)),
                "patched" | "unpatched" if steps.is_empty() => {
                    // A step that has a mistake is not missing.
                    if self.errors.len() == before {
                        self.expected("the `run \"..\";` that this is expected of, above it", &item);
                    }
                }
                "patched" => self.expectation(Rule::patched, &item, &mut steps),
                "unpatched" => self.expectation(Rule::unpatched, &item, &mut steps),
                word if TEST.statements.contains(&word) => steps.extend(self.step(&item)),
                word => self.unknown(word, TEST.statements, &item),
            }
        }
        if steps.is_empty() {
            if self.errors.len() == before {
                self.expected("`run \"..\";` in the test", item);
            }
            return None;
        }
        Some(Test { name: name?, modules, steps, whole: item.whole })
    }

    fn step(&mut self, item: &RawItem) -> Option<Step> {
        let action = match self.word(item) {
            "run" => Action::Run(self.string(Rule::run, item)?),
            "trigger" => {
                let head = self.head(Rule::trigger, item)?;
                let as_user = head.find(Rule::user).is_some_and(|user| user.as_str() == "user");
                Action::Trigger(Trigger { file: head.strings().pop()?, as_user })
            }
            "wait" => {
                let head = self.head(Rule::wait, item)?;
                let seconds = head.number().filter(|seconds| (1..=MAX_SECONDS).contains(seconds));
                if seconds.is_none() {
                    self.expected(&format!("seconds from 1 to {MAX_SECONDS}"), item);
                }
                Action::Wait { command: head.strings().pop()?, seconds: seconds? }
            }
            _ => {
                self.head(Rule::bare, item)?;
                Action::Dmesg
            }
        };
        Some(Step { action, expectations: Vec::new(), span: item.head })
    }

    /// An expectation belongs to the step above it.
    fn expectation(&mut self, rule: Rule, item: &RawItem, steps: &mut [Step]) {
        let Some(head) = self.head(rule, item) else { return };
        let patched = rule == Rule::patched;
        let over = steps.iter().any(Step::complains);
        let Some(step) = steps.last_mut() else { return };
        if over && !patched {
            self.expected("`patched`: behind `complains` the unpatched kernel does nothing more", item);
            return;
        }
        match claim(&head) {
            Some(claim) => step.expectations.push(Expectation { patched, claim, span: item.head }),
            None => self.expected("an exit status from 0 to 255", item),
        }
    }

    pub(super) fn expected(&mut self, expected: &str, item: &RawItem) {
        self.error(ErrorKind::Expected { expected: expected.to_owned() }, item.head);
    }
}

/// What a line claims; nothing for a number that is no exit status.
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
