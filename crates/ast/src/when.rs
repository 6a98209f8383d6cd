// SPDX-License-Identifier: GPL-2.0
//! `when ..`: the kernels that an item is for.

use crate::{Name, Span, Text};

/// The conditions of an item: all of them must hold.
pub type Conditions = Vec<When>;

/// `when ..` behind the head of an item in a spec, `#[when(..)]` on an item in a crate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct When {
    /// The condition.
    pub condition: Condition,
    /// The whole condition, without the word `when`.
    pub span: Span,
}

/// What a kernel must be like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// A range of versions, as in the clause `kernel`.
    Kernel(Text),
    /// `has NAME`: a function or variable of the object that the item is in, or of `vmlinux`.
    Has(Name),
    /// `lacks NAME`
    Lacks(Name),
}

impl When {
    /// The arguments of `#[when(..)]`.
    pub fn arguments(&self) -> String {
        match &self.condition {
            Condition::Kernel(range) => format!("{:?}", range.value),
            Condition::Has(name) => format!("has({})", name.value),
            Condition::Lacks(name) => format!("lacks({})", name.value),
        }
    }
}
