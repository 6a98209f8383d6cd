// SPDX-License-Identifier: GPL-2.0
//! Resolves the names of functions and variables to symbols of the kernel.

use super::{spelling, Resolver};
use crate::advice::Advice;
use crate::metadata::version_of;
use crate::propose::TYPES;
use kps_ast as ast;
use kps_diag::{
    list, Diagnostic, AMBIGUOUS_NAME, NO_SUCH_FUNCTION, NO_SUCH_POSITION, NO_SUCH_VARIABLE,
    POSITION_WITHOUT_KERNEL, RUST_FUNCTION, WRONG_KIND_OF_SYMBOL,
};
use kps_facts::{DebugInfo, Facts, Module, Object, Sym};
use kps_plan::{ObjectName, Symbol};

/// The object in which names are looked up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope<'a> {
    /// Its name.
    pub(super) name: &'a str,
    /// Its contents.
    pub(super) object: &'a Object,
    /// Further facts, if it is a module.
    pub(super) module: Option<&'a Module>,
}

impl<'a> Scope<'a> {
    /// The kernel image.
    pub(super) fn vmlinux(facts: &'a Facts) -> Scope<'a> {
        Scope { name: ObjectName::IMAGE, object: &facts.vmlinux, module: None }
    }

    /// The object of this name. None if it is a module that the kernel does not have.
    pub(super) fn of(facts: &'a Facts, name: &str) -> Option<Scope<'a>> {
        if name == ObjectName::IMAGE {
            return Some(Scope::vmlinux(facts));
        }
        let (name, module) = facts.modules.get_key_value(name)?;
        Some(Scope { name, object: &module.object, module: Some(module) })
    }

    /// The event after which init memory is freed.
    pub(super) fn ready(&self) -> String {
        match self.module {
            None => "boot".to_owned(),
            Some(_) => format!("{} is loaded", self.name),
        }
    }

    /// An address for readers: a module has no addresses before it is loaded.
    fn place(&self, address: u64) -> String {
        match self.object.section_of(address).filter(|_| self.module.is_some()) {
            Some(section) => format!("{}+{:#x}", section.name, address - section.address),
            None => format!("{address:#x}"),
        }
    }

    /// Its name in a plan.
    pub(super) fn object_name(&self) -> ObjectName {
        match self.module {
            None => ObjectName::Vmlinux,
            Some(_) => ObjectName::Module(self.name.to_owned()),
        }
    }
}

/// A resolved symbol.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub(super) symbol: Symbol,
    pub(super) address: u64,
}

/// The kind of symbol that a name should be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Wanted {
    /// A function to change.
    Function,
    /// A function to call.
    Callee,
    Variable,
}

impl Wanted {
    pub(super) fn is_function(self) -> bool {
        self != Wanted::Variable
    }
}

impl Resolver<'_> {
    /// The symbols that the author may have meant. The search looks at every symbol: after many
    /// mistakes, the suggestions for the first ones are enough.
    fn near_symbols(&mut self, scope: Scope<'_>, name: &str, wanted: Wanted) -> Vec<String> {
        self.unknown += 1;
        if self.unknown > SEARCHES {
            return Vec::new();
        }
        let mut near = self.near_syscalls(name);
        // The compiler's names of copies end in a suffix that each build has another of.
        if let Some((of, _)) = name.split_once('.') {
            let is_there = !scope.object.symbols.named(of).is_empty();
            near.extend(is_there.then(|| of.to_owned()));
        }
        match near.is_empty() {
            true => nearest(scope.object, name, wanted),
            false => near,
        }
    }

    /// Finds the symbol that a spec names, or reports why there is none.
    pub(super) fn find(
        &mut self,
        scope: Scope<'_>,
        symbol: &ast::Symbol,
        wanted: Wanted,
    ) -> Option<Found> {
        let name = &symbol.name;
        let all = scope.object.symbols.named(&name.value);
        let (noun, code) = match wanted {
            Wanted::Function | Wanted::Callee => ("function", NO_SUCH_FUNCTION),
            Wanted::Variable => ("variable", NO_SUCH_VARIABLE),
        };
        if all.is_empty() {
            let message = format!("there is no {noun} `{}` in {}", name.value, scope.name);
            let error = Diagnostic::new(code, message).at(name.span, "");
            let error = self.absent(scope, &name.value, wanted, error);
            self.report(error);
            return None;
        }
        // Positions count every symbol of the name, of any type, as `klp_find_object_symbol()`
        // does.
        let position = match (&symbol.position, all.len()) {
            (None, 1) => 0,
            (Some(position), _) => position.value as usize,
            (None, _) => {
                self.report(self.ambiguous(scope, symbol, &all, noun));
                return None;
            }
        };
        let Some(&sym) = all
            .get(position.saturating_sub(1))
            .filter(|_| position > 0 || symbol.position.is_none())
        else {
            let span = symbol.position.as_ref().map_or(name.span, |p| p.span);
            let message =
                format!("`{}` names {} in {}", name.value, many(all.len(), noun), scope.name);
            let error =
                Diagnostic::new(NO_SUCH_POSITION, message).at(span, "there is no such position");
            self.report(error.help(match all.len() {
                1 => format!("write `{}` without a position", name.value),
                most => format!("write a position from 1 to {most}"),
            }));
            return None;
        };
        let sympos = if all.len() == 1 { 0 } else { position as u32 };
        if !self.is_wanted(scope, sym, wanted, symbol)
            || !self.keeps_position(scope, &all, sym, symbol)
        {
            return None;
        }
        if sympos > 0 && !self.names_one_kernel {
            self.report(self.unstable_position(scope, sym, symbol));
        }
        Some(Found {
            symbol: Symbol { object: scope.object_name(), name: name.value.clone(), sympos },
            address: sym.address,
        })
    }

    /// The error about a name without a symbol, with what else is known of it.
    fn absent(
        &mut self,
        scope: Scope<'_>,
        name: &str,
        wanted: Wanted,
        error: Diagnostic,
    ) -> Diagnostic {
        let mut elsewhere = self.objects_with(name);
        elsewhere.extend(self.modules_with(name));
        if !elsewhere.is_empty() {
            let objects: Vec<String> = elsewhere.iter().map(ToString::to_string).collect();
            return error.help(Advice::Elsewhere(&objects, name).text(self.form));
        }
        let error = match wanted.is_function() {
            true => match self.with_whereabouts(scope, name, wanted, error) {
                Ok(explained) => return explained,
                Err(error) => error,
            },
            false => error,
        };
        let near = self.near_symbols(scope, name, wanted);
        let debug = self.facts.debug_of(scope.module);
        let has_debug = debug.is_some_and(DebugInfo::has_functions);
        match near.as_slice() {
            [] if !wanted.is_function() => {
                error.help("look it up in /proc/kallsyms of the target")
            }
            [] if self.facts.in_modules.contains_key(name) => {
                let error = self.inlined_in_modules(scope, name, error);
                error.help("change the functions that contain it there")
            }
            [] => error
                .note(match has_debug {
                    true => format!("debug information has no such function either: it is a macro, or not compiled into {}", scope.name),
                    false => "inline functions and macros have no symbol and cannot be patched".to_owned(),
                })
                .help(format!(
                    "look it up in /proc/kallsyms of the target; {}",
                    Advice::InModule.text(self.form)
                )),
            near => error.help(format!("did you mean {}?", list(near, "or"))),
        }
    }

    /// The address of a function that a spec names, without a message if it has none.
    pub(super) fn address_of(&self, scope: Scope<'_>, symbol: &ast::Symbol) -> Option<u64> {
        let call = self.syscall(scope, symbol);
        let symbol = call.as_ref().map_or(symbol, |call| &call.entry);
        let all = scope.object.symbols.named(&symbol.name.value);
        match (&symbol.position, all.as_slice()) {
            (None, [one]) => Some(one.address),
            (None, _) => None,
            (Some(position), all) => {
                all.get((position.value as usize).checked_sub(1)?).map(|sym| sym.address)
            }
        }
    }

    /// The help for an unknown type: a kernel type of similar spelling, if there is one.
    pub(super) fn type_help(&mut self, name: &str, otherwise: &str) -> String {
        // As with symbols: the search looks at every type.
        self.unknown += 1;
        let found = if self.unknown <= SEARCHES {
            near(name, self.facts.btf.type_names().filter(|known| *known != name))
        } else {
            Vec::new()
        };
        match found.as_slice() {
            [] => otherwise.to_owned(),
            found => format!("did you mean {}?", list(found, "or")),
        }
    }

    /// The objects that have a symbol of this name.
    pub(super) fn objects_with(&self, name: &str) -> Vec<&str> {
        let modules = self.facts.modules.keys().map(String::as_str);
        let scopes =
            modules.chain([ObjectName::IMAGE]).filter_map(|object| Scope::of(self.facts, object));
        scopes
            .filter(|scope| !scope.object.symbols.named(name).is_empty())
            .map(|scope| scope.name)
            .collect()
    }

    /// The kernel counts a module's symbols while it loads the module and again afterwards, without
    /// those that are freed in between. If the two counts differ, no position is right.
    fn keeps_position(
        &mut self,
        scope: Scope<'_>,
        all: &[Sym<'_>],
        sym: Sym<'_>,
        symbol: &ast::Symbol,
    ) -> bool {
        let stays = |sym: &&Sym<'_>| !scope.object.is_init(sym.address);
        let before = || all.iter().take_while(|other| other.address != sym.address);
        if scope.module.is_none() || before().count() == before().filter(stays).count() {
            return true;
        }
        let name = &symbol.name;
        let message =
            format!("the position of `{}` changes after {} is loaded", name.value, scope.name);
        self.report(
            Diagnostic::new(AMBIGUOUS_NAME, message)
                .at(name.span, "")
                .note("an earlier symbol of the same name is `__init` and is freed then")
                .help("patch a function that calls it"),
        );
        false
    }

    fn is_wanted(
        &mut self,
        scope: Scope<'_>,
        sym: Sym<'_>,
        wanted: Wanted,
        symbol: &ast::Symbol,
    ) -> bool {
        let name = &symbol.name;
        if wanted.is_function() && sym.name.starts_with("_R") {
            let message =
                format!("`{}` is a Rust function of the kernel", spelling::demangled(sym.name));
            self.report(
                Diagnostic::new(RUST_FUNCTION, message)
                    .at(name.span, "")
                    .note("rustc gives functions no ftrace site, so they cannot be redirected")
                    .help("patch the C functions that call it"),
            );
            return false;
        }
        let is_function = scope.object.is_function(sym);
        if is_function == wanted.is_function() {
            return true;
        }
        let (is, advice) = match wanted {
            Wanted::Function | Wanted::Callee => {
                ("a variable, not a function", Advice::AsVariable(&name.value))
            }
            Wanted::Variable => ("a function, not a variable", Advice::AsFunction(&name.value)),
        };
        let message = format!("`{}` is {is}", name.value);
        let mut error = Diagnostic::new(WRONG_KIND_OF_SYMBOL, message).at(name.span, "");
        if wanted.is_function() {
            error = error.note(TYPES);
        }
        self.report(error.help(advice.text(self.form)));
        false
    }

    fn ambiguous(
        &self,
        scope: Scope<'_>,
        symbol: &ast::Symbol,
        all: &[Sym<'_>],
        noun: &str,
    ) -> Diagnostic {
        let name = &symbol.name;
        let describe = |(n, sym): (usize, &Sym<'_>)| {
            format!("@{} is {}", n + 1, whereabouts(self.facts, scope, *sym))
        };
        let candidates: Vec<_> = all.iter().enumerate().take(8).map(describe).collect();
        let error = Diagnostic::new(
            AMBIGUOUS_NAME,
            format!("`{}` names {} in {}", name.value, many(all.len(), noun), scope.name),
        )
        .at(name.span, "needs a position");
        let error = candidates.into_iter().fold(error, Diagnostic::note);
        let choice: Vec<_> =
            (1..=all.len().min(8)).map(|n| format!("{}@{n}", name.value)).collect();
        let choose = Advice::Position(&choice).text(self.form);
        error.help(match self.names_one_kernel {
            true => choose,
            false => {
                let version = version_of(&self.facts.identity.release);
                format!("{choose}, and {}", Advice::Kernel(&version).text(self.form))
            }
        })
    }

    /// The warning about a position in a patch that does not name its kernel.
    fn unstable_position(
        &self,
        scope: Scope<'_>,
        sym: Sym<'_>,
        symbol: &ast::Symbol,
    ) -> Diagnostic {
        let name = &symbol.name;
        let span = symbol.position.as_ref().map_or(name.span, |position| position.span);
        let release = &self.facts.identity.release;
        Diagnostic::new(
            POSITION_WITHOUT_KERNEL,
            format!("this position of `{}` holds for one kernel only", name.value),
        )
        .at(span, "")
        .note(format!("in {release} it is {}", whereabouts(self.facts, scope, sym)))
        .note("in another kernel it may be another function, and nothing would tell")
        .help(Advice::OneKernel(&version_of(release)).text(self.form))
    }
}

/// A description that tells a symbol from others of its name: its source line if known, or its
/// neighbours.
pub(super) fn whereabouts(facts: &Facts, scope: Scope<'_>, sym: Sym<'_>) -> String {
    let debug = facts.debug_of(scope.module);
    if let Some((file, line)) = debug.and_then(|debug| debug.position(sym.address)) {
        return format!("in {file}:{line}");
    }
    let between = match scope.object.symbols.landmarks(sym.address) {
        (Some(before), Some(after)) => format!(", between `{before}` and `{after}`"),
        (Some(near), None) | (None, Some(near)) => format!(", near `{near}`"),
        (None, None) => String::new(),
    };
    format!("at {}{between}", scope.place(sym.address))
}

/// The most unknown names for which the kernel's names are searched.
pub(super) const SEARCHES: usize = 20;

/// The most names that are suggested.
const OFFERED: usize = 3;

/// The symbols that the author may have meant, best first.
pub(super) fn nearest(object: &Object, name: &str, wanted: Wanted) -> Vec<String> {
    let reach = (name.len() / 3).clamp(1, 4);
    let near_length = |candidate: &str| candidate.len().abs_diff(name.len()) <= reach;
    let mut near: Vec<(usize, &str)> = object
        .symbols
        .iter()
        .filter(|sym| near_length(sym.name) && object.is_function(*sym) == wanted.is_function())
        .filter(|sym| !sym.name.starts_with("__pfx_"))
        .map(|sym| (spelling::distance(name, sym.name), sym.name))
        .filter(|(distance, _)| *distance <= reach)
        .collect();
    near.sort_unstable();
    near.dedup();
    // A longer name that starts with this one, or contains it, is often meant.
    if near.is_empty() && name.len() >= 4 {
        let mut longer: Vec<_> = object
            .symbols
            .iter()
            .filter(|sym| {
                sym.name.contains(name) && object.is_function(*sym) == wanted.is_function()
            })
            .filter(|sym| !sym.name.starts_with("__pfx_"))
            .map(|sym| (sym.name.len(), sym.name))
            .collect();
        longer.sort_unstable();
        longer.dedup();
        near = longer;
    }
    near.into_iter().take(OFFERED).map(|(_, name)| name.to_owned()).collect()
}

/// The names that the author may have meant, best first.
pub fn near<'n>(name: &str, known: impl Iterator<Item = &'n str>) -> Vec<String> {
    let reach = (name.len() / 3).clamp(1, 4);
    let mut near: Vec<(usize, &str)> = known
        .filter(|known| known.len().abs_diff(name.len()) <= reach)
        .map(|known| (spelling::distance(name, known), known))
        .filter(|(distance, _)| *distance <= reach)
        .collect();
    near.sort_unstable();
    near.dedup();
    near.into_iter().take(OFFERED).map(|(_, name)| name.to_owned()).collect()
}

fn many(count: usize, noun: &str) -> String {
    match count {
        1 => format!("one {noun}"),
        _ => format!("{count} symbols"),
    }
}
