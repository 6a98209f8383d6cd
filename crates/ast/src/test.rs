// SPDX-License-Identifier: GPL-2.0
//! The tests of a patch: what is done in a virtual machine, and what must come of it.

use crate::{Span, Text};

/// `test ".." { .. }`.
#[derive(Debug, Clone)]
pub struct Test {
    /// What it shows.
    pub name: Text,
    /// `module "..";`: modules that are loaded before anything else.
    pub modules: Vec<Text>,
    /// What is done, one after the other.
    pub steps: Vec<Step>,
    /// All of it.
    pub whole: Span,
}

impl Test {
    /// Whether the unpatched kernel must complain, of which it may die.
    pub fn complains(&self) -> bool {
        self.steps.iter().any(Step::complains)
    }
}

/// Something that a test does, with what is expected of it.
#[derive(Debug, Clone)]
pub struct Step {
    /// What is done.
    pub action: Action,
    /// What must come of it.
    pub expectations: Vec<Expectation>,
    /// Where it is written.
    pub span: Span,
}

impl Step {
    /// Whether the unpatched kernel must complain while it is done.
    pub fn complains(&self) -> bool {
        self.expectations.iter().any(|expectation| matches!(expectation.claim, Claim::Complains(_)))
    }
}

/// What a step does.
#[derive(Debug, Clone)]
pub enum Action {
    /// `run "..";`: a command for the shell of the virtual machine.
    Run(Text),
    /// `trigger c "..";`: a program in C.
    Trigger(Trigger),
    /// `dmesg;`: what the kernel has logged since the step before.
    Dmesg,
    /// `wait ".." 10;`: a command, again and again until it succeeds.
    Wait {
        /// The command.
        command: Text,
        /// For how many seconds.
        seconds: u32,
    },
}

/// `trigger c "FILE" as user;`
#[derive(Debug, Clone)]
pub struct Trigger {
    /// The file, relative to the spec's folder.
    pub file: Text,
    /// Whether it runs as a user without privileges, and not as root.
    pub as_user: bool,
}

/// `unpatched lacks "..";` and the like.
#[derive(Debug, Clone)]
pub struct Expectation {
    /// `patched` or `unpatched`.
    pub patched: bool,
    /// What must hold.
    pub claim: Claim,
    /// All of it.
    pub span: Span,
}

/// What must hold of a step.
#[derive(Debug, Clone)]
pub enum Claim {
    /// It prints this text.
    Has(Text),
    /// It does not.
    Lacks(Text),
    /// It ends with this exit status.
    Status(u32),
    /// The kernel complains with this text in its log.
    Complains(Text),
}
