// SPDX-License-Identifier: GPL-2.0
//! Answers what an import asks about the target, from its facts, its code, and the rules that specs
//! are held to.

use crate::input::Modules;
use crate::inspect;
use crate::resolve::Probe;
use kps_diag::{any_error, Diagnostic, Severity};
use kps_facts::{Facts, Sym};
use kps_import::kernel::{Kernel, Symbol, VMLINUX};
use kps_import::objects::Object;
use kps_targets::{Code, Target};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::ops::Range;

/// The keyword of a new body in C.
const IN_C: &str = "replace c";

pub(super) struct Asked<'a> {
    facts: &'a Facts,
    probe: Probe<'a>,
    modules: &'a Modules,
    target: &'a Target,
    /// The code of objects; `None` if it cannot be read.
    codes: RefCell<BTreeMap<String, Option<Code>>>,
    unread: Cell<Option<Diagnostic>>,
}

impl<'a> Asked<'a> {
    pub(super) fn new(
        facts: &'a Facts,
        probe: Probe<'a>,
        modules: &'a Modules,
        target: &'a Target,
    ) -> Self {
        let (codes, unread) = (RefCell::default(), Cell::new(None));
        Asked { facts, probe, modules, target, codes, unread }
    }

    /// The error of reading code, if there was one.
    pub(super) fn unread(&self) -> Option<Diagnostic> {
        self.unread.take()
    }

    /// Asks about the code of an object; false if there is none.
    fn ask_code(&self, object: &str, question: impl FnOnce(&Code) -> bool) -> bool {
        let mut codes = self.codes.borrow_mut();
        let code = codes.entry(object.to_owned()).or_insert_with(|| self.read_code(object));
        code.as_ref().is_some_and(question)
    }

    fn read_code(&self, object: &str) -> Option<Code> {
        let read = match object {
            VMLINUX => self.target.code(),
            module => self.modules.get(module)?.code(self.target),
        };
        read.map_err(|error| self.unread.set(Some(error))).ok()
    }
}

impl Kernel for Asked<'_> {
    fn facts(&self) -> &Facts {
        self.facts
    }

    fn refusal(&self, object: &str, symbol: &Symbol) -> Option<String> {
        let judged = self.probe.probe(object, &inspect::read(&symbol.written()));
        let (_, said) = judged.words.into_iter().find(|(word, _)| *word == IN_C)?;
        let error = said.iter().find(|one| one.severity == Severity::Error)?;
        any_error(&said).then(|| error.message.clone())
    }

    fn has_code(&self, object: &str, sym: &Sym<'_>, compiled: &Object) -> bool {
        self.ask_code(object, |code| compiled.is_at(sym.name, code.at(sym.address)) == Some(true))
    }

    fn refers(&self, object: &str, code: &Range<u64>, data: &Range<u64>) -> bool {
        self.ask_code(object, |of_object| of_object.refers(code, data))
    }
}
