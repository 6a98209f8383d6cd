// SPDX-License-Identifier: GPL-2.0
//! The tests of a patch: the steps to run in a virtual machine, and their expected results.

use crate::{Conditions, Name, ParamDefault, ParamValue, Span, Text};

/// `test ".." { .. }`.
#[derive(Debug, Clone)]
pub struct Test {
    /// The title: the claim that it shows.
    pub name: Text,
    /// `when ..`
    pub when: Conditions,
    /// `module "..";`: modules that are loaded before anything else.
    pub modules: Vec<Text>,
    /// `param NAME = VALUE;`: what the patch is loaded with.
    pub params: Vec<GivenParam>,
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

    /// Whether something must hold in every phase.
    pub fn holds_always(&self) -> bool {
        let mut expectations = self.steps.iter().flat_map(|step| &step.expectations);
        expectations.any(|expectation| expectation.holds == Holds::Always)
    }
}

/// `param NAME = VALUE;`
#[derive(Debug, Clone)]
pub struct GivenParam {
    /// The parameter.
    pub name: Name,
    /// Its value, written as a default.
    pub value: ParamDefault,
}

impl GivenParam {
    /// Whether a condition on the parameter holds.
    pub fn is_set(&self) -> bool {
        self.value.values.iter().any(|value| match value {
            ParamValue::Word(word) => word.value == "true",
            ParamValue::Number(number) => number.value.contains(|c| !"-0_xob".contains(c)),
            ParamValue::Text(_) => false,
        })
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
    /// When it must hold.
    pub holds: Holds,
    /// The claim.
    pub claim: Claim,
    /// The whole item.
    pub span: Span,
}

/// When an expectation must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holds {
    /// `unpatched`: while no patch is loaded.
    Unpatched,
    /// `patched`: while the patch is the newest one that is loaded.
    Patched,
    /// `always`
    Always,
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
