// SPDX-License-Identifier: GPL-2.0
//! The static variables of functions: a function of the patch shares them with the old one, because
//! a second variable would lack the state of the first.

use super::{Selector, UseLine};
use crate::find::{find, Found};
use crate::kernel::{self, extent};
use crate::text::{Name, Space};
use crate::unit::{Declaration, Kind, StaticLocal};
use kps_diag::{Diagnostic, UNKNOWN_SYMBOL};
use kps_facts::{Object, Sym};
use kps_grammar::{identifiers, Language};
use std::ops::Range;

impl Selector<'_> {
    /// Lets a function that the kernel has share its static variables with the old one.
    pub(super) fn share_statics(&mut self, n: usize, one: &Declaration) {
        let Kind::Function { statics, .. } = &one.kind else { return };
        for local in statics {
            // A macro's own variable, such as the `__already_done` of `pr_warn_once()`, has a state
            // that nothing depends on. Of others the author gives the name: `DEFINE_MUTEX(lock)`.
            let is_named = identifiers(self.file.new.slice(&local.range), Language::C)
                .any(|(_, word)| word == local.name);
            let is_of_macro = local.of_macro && !is_named;
            let is_old = self.file.old.function(&one.name).is_some_and(|(_, old)| {
                matches!(&old.kind, Kind::Function { statics, .. }
                    if statics.iter().any(|old| old.name == local.name))
            });
            if local.is_const || is_of_macro || !is_old {
                continue;
            }
            match self.symbol_of_static(&one.name, &local.name) {
                Ok(symbol) => self.share(n, local, &symbol),
                Err(error) => self.errors.push(error),
            }
        }
    }

    fn share(&mut self, n: usize, local: &StaticLocal, symbol: &str) {
        let plain = symbol.split('@').next().unwrap_or(symbol);
        let declaration = local.declaration.trim_end().trim_end_matches(';');
        let text = format!("{declaration} __asm__(\"{plain}\");");
        // `static` may stand before the macro that makes the variable.
        let before = self.file.new.text().get(..local.range.start).unwrap_or_default();
        let start = match before.trim_end().strip_suffix("static") {
            Some(rest) if local.of_macro => rest.len(),
            _ => local.range.start,
        };
        let edits = self.selection.edits.entry(n).or_default();
        if !edits.iter().any(|(range, _)| range.start == start) {
            edits.push((start..local.range.end, text));
        }
        let use_line = UseLine::Static(symbol.to_owned());
        self.selection.uses.insert((self.file.object.to_owned(), use_line));
    }

    /// The symbol of a static variable of a function: the one that the code of the old function
    /// refers to, or that of a function of the file which contains it.
    fn symbol_of_static(&self, function: &str, local: &str) -> Result<String, Diagnostic> {
        let facts = self.kernel.facts();
        let unknown = |note: String| {
            Diagnostic::new(
                UNKNOWN_SYMBOL,
                format!("the kernel's variable `{local}` of `{function}` is not known"),
            )
            .note(note)
            .note("a second variable of that name would lack its state")
            .help("write the patch by hand, as a hook that does not need the variable")
        };
        let object = kernel::object(facts, self.file.object)
            .ok_or_else(|| unknown(format!("{} is not known", self.file.object)))?;
        let users = std::iter::once(function).chain(self.roots.iter().copied());
        let codes: Vec<Range<u64>> = users.flat_map(|name| self.codes_of(name, object)).collect();
        let prefix = format!("{local}.");
        let is_number = |name: &str| {
            let rest = name.strip_prefix(&prefix);
            rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_digit()))
        };
        let candidates = object.symbols.with_prefix(&prefix).filter(|sym| is_number(sym.name));
        let candidates: Vec<Sym<'_>> = candidates.collect();
        let referred_by = |codes: &[Range<u64>]| -> Vec<Sym<'_>> {
            let is_meant = |sym: &&Sym<'_>| {
                let data = extent(object, sym.address);
                codes.iter().any(|code| self.kernel.refers(self.file.object, code, &data))
            };
            candidates.iter().filter(is_meant).copied().collect()
        };
        let mut meant = referred_by(&codes);
        // The function may be inlined into any of the file, if no other has such a variable.
        if meant.is_empty() && self.has_only_static(function, local) {
            let all = self.file.old.functions();
            let codes = all.flat_map(|(_, one)| self.codes_of(&one.name, object));
            meant = referred_by(&codes.collect::<Vec<_>>());
        }
        match meant.as_slice() {
            [one] => {
                let all = object.symbols.named(one.name);
                let position = all.iter().position(|other| other.address == one.address);
                Ok(match position.filter(|_| all.len() > 1) {
                    Some(before) => format!("{}@{}", one.name, before + 1),
                    None => one.name.to_owned(),
                })
            }
            [] => Err(unknown(format!("the code of `{function}` refers to no symbol `{local}.N`"))),
            several => {
                let names: Vec<&str> = several.iter().map(|sym| sym.name).collect();
                Err(unknown(format!("it may be {}", kps_diag::list(&names, "or"))))
            }
        }
    }
    /// The code of a function, and that of the compiler's versions of it.
    fn codes_of(&self, name: &str, object: &Object) -> Vec<Range<u64>> {
        let own = match find(self.kernel, self.file, &Name::new(Space::Function, name)) {
            Found::Yes(symbol) => Some(symbol.address),
            Found::No | Found::Unclear(_) => None,
        };
        let compiled = self.file.compiled.as_ref().map(|both| both.old);
        let is_own = |sym: &Sym<'_>| {
            compiled.is_none_or(|old| self.kernel.has_code(self.file.object, sym, old))
        };
        let derived = kernel::clones(object, name).into_iter().filter(is_own);
        let addresses = own.into_iter().chain(derived.map(|sym| sym.address));
        addresses.map(|address| extent(object, address)).collect()
    }

    /// Whether no other function of the old file has a static variable of this name.
    fn has_only_static(&self, function: &str, local: &str) -> bool {
        self.file.old.functions().filter(|(_, one)| one.name != function).all(|(_, one)| {
            !matches!(&one.kind, Kind::Function { statics, .. }
                if statics.iter().any(|other| other.name == local))
        })
    }
}
