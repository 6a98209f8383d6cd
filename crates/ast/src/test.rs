// SPDX-License-Identifier: GPL-2.0
//! The tests of a patch: the steps to run in a virtual machine, and their expected results.

use crate::{Conditions, Span, Text};

/// `test ".." { .. }`.
#[derive(Debug, Clone)]
pub struct Test {
    /// The title: the claim that it shows.
    pub name: Text,
    /// `when ..`
    pub when: Conditions,
    /// `module "..";`: modules that are loaded before anything else.
    pub modules: Vec<Text>,
    /// The steps, in order.
    pub steps: Vec<Step>,
    /// The whole item.
    pub whole: Span,
}

impl Test {
    /// Whether the unpatched kernel must complain, which may crash it.
    pub fn complains(&self) -> bool {
        self.steps.iter().any(Step::complains)
    }
}

/// One step of a test, with its expected results.
#[derive(Debug, Clone)]
pub struct Step {
    /// The action.
    pub action: Action,
    /// The expected results.
    pub expectations: Vec<Expectation>,
    /// Its span.
    pub span: Span,
}

impl Step {
    /// Whether the unpatched kernel must complain during this step.
    pub fn complains(&self) -> bool {
        self.expectations.iter().any(|expectation| matches!(expectation.claim, Claim::Complains(_)))
    }
}

/// The action of a step.
#[derive(Debug, Clone)]
pub enum Action {
    /// `run "..";`: a command for the shell of the virtual machine.
    Run(Text),
    /// `trigger c "..";`: a program in C.
    Trigger(Trigger),
    /// `dmesg;`: the kernel's log since the step before.
    Dmesg,
    /// `wait ".." 10;`: repeat a command until it succeeds.
    Wait {
        /// The command.
        command: Text,
        /// The limit, in seconds.
        seconds: u32,
    },
}

/// `trigger c "FILE" as user;`
#[derive(Debug, Clone)]
pub struct Trigger {
    /// The file, relative to the spec's folder.
    pub file: Text,
    /// Whether it runs as an unprivileged user instead of root.
    pub as_user: bool,
}

/// `unpatched lacks "..";` and the like.
#[derive(Debug, Clone)]
pub struct Expectation {
    /// `patched` or `unpatched`.
    pub patched: bool,
    /// The claim.
    pub claim: Claim,
    /// The whole item.
    pub span: Span,
}

/// A claim about a step.
#[derive(Debug, Clone)]
pub enum Claim {
    /// It prints this text.
    Has(Text),
    /// It does not print this text.
    Lacks(Text),
    /// It ends with this exit status.
    Status(u32),
    /// The kernel complains with this text in its log.
    Complains(Text),
}
