// SPDX-License-Identifier: GPL-2.0
//! A case: what it claims, how to find out, and what a schedule has to know of it.

use crate::kernel::{self, Kernel};

/// What a fallible case fails with; `?` makes it of any error and of any text.
pub type Failed = Box<dyn std::error::Error>;

/// One claim.
pub struct Case {
    pub(super) name: String,
    pub(super) run: Run,
    pub(super) tier: Tier,
    pub(super) seconds: u32,
    pub(super) shared: Option<&'static str>,
    pub(super) is_apart: bool,
}

/// Finds out whether a claim holds; the error says why not.
pub(super) type Run = Box<dyn FnOnce() -> Result<(), String> + Send>;

/// When a case runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    /// In every run but that of the long ones, with `--quick` too.
    Quick,
    /// In a run of everything.
    Full,
    /// With `--long` alone.
    Long,
}

/// How long a case takes that says nothing else about it, with a machine.
const SECONDS_WITH_A_MACHINE: u32 = 8;

impl Case {
    /// A case that needs no virtual machine and takes next to no time. It fails by panicking, or by
    /// returning an error.
    pub fn new<T: Outcome>(
        name: impl Into<String>,
        run: impl FnOnce() -> T + Send + 'static,
    ) -> Case {
        let run: Run = Box::new(|| run().into_result());
        Case {
            name: name.into(),
            run,
            tier: Tier::Quick,
            seconds: 0,
            shared: None,
            is_apart: false,
        }
    }

    /// It runs a virtual machine or builds with the target's compilers, and so is not in `--quick`.
    pub fn machine(self) -> Case {
        Case { tier: Tier::Full, seconds: self.seconds.max(SECONDS_WITH_A_MACHINE), ..self }
    }

    /// It is in `--quick` although it uses a machine.
    pub fn quick(self) -> Case {
        Case { tier: Tier::Quick, ..self }
    }

    /// It runs with `--long` only.
    pub fn long(self) -> Case {
        Case { tier: Tier::Long, ..self }
    }

    /// How long it takes, roughly. Nothing depends on it but the order of the cases: the longest
    /// come first.
    pub fn about(self, seconds: u32) -> Case {
        Case { seconds, ..self }
    }

    /// It is one of several that need the same thing, which the first of them makes. The others
    /// start when that one has ended, and no worker waits for them.
    pub fn shares(self, thing: &'static str) -> Case {
        Case { shared: Some(thing), ..self }
    }

    /// The same claim about another kernel. It starts with the kernel's name.
    pub fn on(self, name: &'static str, get: impl Fn() -> Kernel + Send + 'static) -> Case {
        let Case { name: claim, run, .. } = self;
        let run: Run = Box::new(move || kernel::on(&get(), run));
        Case { name: format!("{name}: {claim}"), run, ..self }
    }

    /// It changes what a process has only one of, such as its environment, and so runs in a process
    /// of its own.
    pub fn apart(self) -> Case {
        Case { is_apart: true, ..self }
    }
}

/// What a case's function returns.
pub trait Outcome {
    /// Whether the claim holds.
    fn into_result(self) -> Result<(), String>;
}

impl Outcome for () {
    fn into_result(self) -> Result<(), String> {
        Ok(())
    }
}

impl Outcome for Result<(), Failed> {
    fn into_result(self) -> Result<(), String> {
        self.map_err(|error| error.to_string())
    }
}

/// Cases from functions, each with the function's name:
/// `cases![is_so, is_there.machine().about(20)]`.
#[macro_export]
macro_rules! cases {
    ($($function:ident $(.$mark:ident($($with:expr)?))*),* $(,)?) => {
        vec![$($crate::schedule::Case::new(stringify!($function), $function)$(.$mark($($with)?))*),*]
    };
}

#[cfg(test)]
mod tests {
    use super::{Case, Failed, Tier};

    fn holds() {}

    fn does_not() -> Result<(), Failed> {
        Err("it does not".into())
    }

    #[test]
    fn a_function_becomes_a_case_of_its_name() {
        let cases = cases![holds, does_not.machine().about(30).shares("a kernel")];
        let [one, other] = <[Case; 2]>::try_from(cases).unwrap_or_else(|_| panic!("two cases"));
        assert_eq!(
            (one.name.as_str(), one.tier, one.seconds, one.shared),
            ("holds", Tier::Quick, 0, None)
        );
        assert_eq!((one.run)(), Ok(()));
        assert_eq!((other.tier, other.seconds, other.shared), (Tier::Full, 30, Some("a kernel")));
        assert_eq!((other.run)(), Err("it does not".to_owned()));
    }

    #[test]
    fn what_uses_a_machine_is_quick_only_if_it_says_so() {
        let case = || Case::new("it acts", holds).machine();
        assert_eq!(case().tier, Tier::Full);
        assert_eq!(case().quick().tier, Tier::Quick);
        assert_eq!(case().long().tier, Tier::Long);
    }
}
