// SPDX-License-Identifier: GPL-2.0
//! Which functions of a file a patch replaces: those whose code changes, or where these cannot be
//! replaced, their callers.

use crate::changes::{Change, Changes};
use crate::find::{find, Found};
use crate::kernel::{self, Kernel, Symbol};
use crate::objects::Object;
use crate::shadow::Shadow;
use crate::text::{declarations, Name, Space, Text};
use crate::unit::Declaration;
use kps_diag::{list, Diagnostic, NOT_REPLACEABLE, UNKNOWN_SYMBOL};
use std::collections::{BTreeMap, BTreeSet};

/// A function that the patch replaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Root {
    /// Its name in the source.
    pub name: String,
    /// Its name in the spec: a symbol, or `sys_NAME`.
    pub symbol: String,
    /// Why it is in the patch.
    pub why: Why,
}

/// Why a function is in the patch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Why {
    /// The fix changes it.
    Changed,
    /// The compiler has put code of these there, which the fix changes.
    Contains(BTreeSet<String>),
    /// It calls this one, which the fix changes and which cannot be replaced, for this reason.
    Calls(String, String),
}

/// The functions to replace, and what cannot be.
#[derive(Debug, Default)]
pub struct Roots {
    /// By symbol.
    pub roots: BTreeMap<String, Root>,
    /// What stands in the way, with the name of the function that the fix changes.
    pub errors: Vec<(String, Diagnostic)>,
}

/// A file of the fix, as it was and as it will be.
#[derive(Debug)]
pub struct File<'a> {
    /// Its path below the top of the source.
    pub path: &'a str,
    /// The object that its code is in.
    pub object: &'a str,
    /// Its old text.
    pub old: &'a Text,
    /// Its new text.
    pub new: &'a Text,
    /// What its compiled code tells; `None` if it has not been compiled.
    pub compiled: Option<Compiled<'a>>,
    /// The new members of structs, which the new text reaches by functions of the patch.
    pub shadows: &'a [Shadow],
}

/// What the compiled code of both texts of a file tells.
#[derive(Debug, Clone, Copy)]
pub struct Compiled<'a> {
    /// The compiled old text.
    pub old: &'a Object,
    /// The functions whose code differs.
    pub code: &'a BTreeSet<String>,
    /// The functions and variables that the new code of each function refers to.
    pub reaches: &'a BTreeMap<String, BTreeSet<String>>,
}

impl Roots {
    /// Finds the functions to replace.
    pub fn of(file: &File<'_>, changes: &Changes, kernel: &dyn Kernel) -> Roots {
        let mut finder =
            Finder { file, changes, kernel, seen: BTreeSet::new(), roots: Roots::default() };
        for name in touched(file, changes) {
            finder.add(&name);
        }
        finder.roots
    }
}

/// The functions whose code changes. The compiler knows; without it, they are those whose text
/// changes, and those that use a changed macro, inline function or type.
fn touched(file: &File<'_>, changes: &Changes) -> BTreeSet<String> {
    let has =
        |text: &Text, name: &str| !text.declaring(&Name::new(Space::Function, name)).is_empty();
    let is_in_both = |name: &str| has(file.old, name) && has(file.new, name);
    if let Some(compiled) = &file.compiled {
        // An inline function of a header may have become a function of its own: its callers
        // have the same code, and call another copy of it.
        let of_headers: BTreeSet<&String> =
            compiled.code.iter().filter(|name| !has(file.new, name)).collect();
        let calls = |names: &BTreeSet<String>| names.iter().any(|name| of_headers.contains(name));
        let callers = compiled.reaches.iter().filter(|(_, names)| calls(names));
        let touched = compiled.code.iter().chain(callers.map(|(name, _)| name));
        return touched.filter(|name| is_in_both(name)).cloned().collect();
    }
    let functions = file.new.functions().filter(|(_, one)| is_in_both(&one.name));
    let is_touched = |one: &Declaration| {
        changes.of(&Name::new(Space::Function, &one.name)).is_some()
            || one.uses.iter().any(|used| {
                let space = Space::from(used.of);
                space != Space::Function
                    && changes.of(&Name::new(space, &used.name)) == Some(Change::Changed)
            })
    };
    functions.filter(|(_, one)| is_touched(one)).map(|(_, one)| one.name.clone()).collect()
}

struct Finder<'a> {
    file: &'a File<'a>,
    changes: &'a Changes,
    kernel: &'a dyn Kernel,
    seen: BTreeSet<String>,
    roots: Roots,
}

impl Finder<'_> {
    /// Adds a function whose code changes.
    fn add(&mut self, name: &str) {
        let why = match self.changes.of(&Name::new(Space::Function, name)) {
            Some(_) => Why::Changed,
            None => Why::Contains(self.changed_below(name)),
        };
        self.replace(name, why);
    }

    /// Replaces a function, or its callers if it cannot be replaced itself.
    fn replace(&mut self, name: &str, why: Why) {
        if !self.seen.insert(name.to_owned()) {
            return;
        }
        let new = self.file.new;
        let declared = new.declaring(&Name::new(Space::Function, name)).last();
        let item = declared.and_then(|item| new.items().get(*item));
        if let Some(call) = item.and_then(|item| system_call(new.slice(&item.range))) {
            // The macro makes several functions of one body.
            let is_changed = |one: &Declaration| {
                self.changes.of(&Name::new(Space::Function, &one.name)).is_some()
            };
            let all = item.map(declarations).unwrap_or_default();
            let why = if all.iter().any(is_changed) { Why::Changed } else { why };
            self.replace_call(name, &call, &why);
            return;
        }
        let section = new.function(name).and_then(|(_, one)| one.section.as_deref());
        // What has run already does not run again; `refused` reports what the fix changes there.
        if section.is_some_and(|section| section.starts_with(".init")) {
            return;
        }
        let calls = |reason: &str| Why::Calls(name.to_owned(), reason.to_owned());
        if self.changes.of(&Name::new(Space::Function, name)) == Some(Change::Prototype) {
            let reason = "its parameters or its result change";
            self.replace_callers(name, reason, &calls(reason));
            return;
        }
        match find(self.kernel, self.file, &Name::new(Space::Function, name)) {
            Found::Yes(symbol) => match self.kernel.refusal(self.file.object, &symbol) {
                None => self.insert_with_clones(name, &symbol, why),
                Some(reason) => self.replace_callers(name, &reason, &calls(&reason)),
            },
            Found::No => {
                let reason = format!("{} has no symbol of this name", self.file.object);
                let why = match why {
                    Why::Contains(names) => Why::Contains(names),
                    Why::Changed | Why::Calls(..) => {
                        Why::Contains(BTreeSet::from([name.to_owned()]))
                    }
                };
                self.replace_callers(name, &reason, &why);
            }
            Found::Unclear(count) => {
                let message = format!("{} has {count} symbols `{name}`", self.file.object);
                let error = Diagnostic::new(UNKNOWN_SYMBOL, message)
                    .note(format!(
                        "none or several of them are among functions of {}",
                        self.file.path
                    ))
                    .help(format!("write the patch by hand: `kpsc inspect {name}` shows them"));
                self.roots.errors.push((name.to_owned(), error));
            }
        }
    }

    /// Replaces the entries of a system call.
    fn replace_call(&mut self, name: &str, call: &SystemCall<'_>, why: &Why) {
        if !call.is_compat {
            self.insert(name, format!("sys_{}", call.name), why.clone());
            return;
        }
        let facts = self.kernel.facts();
        let entries = facts.arch().syscalls.other_entries.iter().filter(|entry| entry.is_compat);
        let symbols = entries.map(|entry| format!("{}{}", entry.prefix, call.name));
        for symbol in symbols.filter(|symbol| !facts.vmlinux.symbols.named(symbol).is_empty()) {
            self.insert(name, symbol, why.clone());
        }
    }

    fn insert(&mut self, name: &str, symbol: String, why: Why) {
        let root = Root { name: name.to_owned(), symbol: symbol.clone(), why };
        self.roots.roots.entry(symbol).or_insert(root);
    }

    /// Replaces a function, and those that call a part of it that the compiler has split off.
    fn insert_with_clones(&mut self, name: &str, symbol: &Symbol, why: Why) {
        self.insert(name, symbol.written(), why);
        let facts = self.kernel.facts();
        let Some(object) = kernel::object(facts, self.file.object) else { return };
        let clones = kernel::clones(object, name);
        let Some(first) = clones.first() else { return };
        let module = facts.modules.get(self.file.object);
        let calls_a_clone = |caller: u64| {
            facts.calls_from(module, caller).any(|to| clones.iter().any(|one| one.address == to))
        };
        let reason = format!("they call a part that the compiler has split off, `{}`", first.name);
        for caller in callers(self.file.new, name) {
            let full = Name::new(Space::Function, &caller);
            let Found::Yes(symbol) = find(self.kernel, self.file, &full) else { continue };
            if calls_a_clone(symbol.address) {
                self.replace(&caller, Why::Calls(name.to_owned(), reason.clone()));
            }
        }
    }

    /// Replaces the callers of a function that cannot be replaced.
    fn replace_callers(&mut self, name: &str, reason: &str, why: &Why) {
        let callers = callers(self.file.new, name);
        if callers.is_empty() {
            let message = format!("`{name}` cannot be replaced: {reason}");
            let error = Diagnostic::new(NOT_REPLACEABLE, message)
                .note(format!("no function of {} calls it and could be replaced instead", self.file.path))
                .help("change what calls it, with a hook; `kpsc inspect` shows the hooks of a function");
            self.roots.errors.push((name.to_owned(), error));
        }
        for caller in callers {
            self.replace(&caller, why.clone());
        }
    }

    /// The changed functions and macros that a function reaches through functions of the file,
    /// the nearest only.
    fn changed_below(&self, name: &str) -> BTreeSet<String> {
        let (mut found, mut seen) = (BTreeSet::new(), BTreeSet::from([name.to_owned()]));
        let mut pending = vec![name.to_owned()];
        while let Some(name) = pending.pop() {
            let Some((_, one)) = self.file.new.function(&name) else { continue };
            for used in &one.uses {
                let space = Space::from(used.of);
                if self.changes.of(&Name::new(space, &used.name)).is_some() {
                    found.insert(used.name.clone());
                } else if space == Space::Function && seen.insert(used.name.clone()) {
                    pending.push(used.name.clone());
                }
            }
        }
        found
    }
}

/// The functions of a file that name a function.
fn callers(text: &Text, name: &str) -> BTreeSet<String> {
    let names = |one: &&Declaration| {
        one.uses.iter().any(|used| Space::from(used.of) == Space::Function && used.name == name)
    };
    let all = text.functions().map(|(_, one)| one).filter(|one| one.name != name);
    all.filter(names).map(|one| one.name.clone()).collect()
}

/// A system call that an item defines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct SystemCall<'t> {
    /// Its name for programs.
    name: &'t str,
    /// Whether only 32-bit programs enter it.
    is_compat: bool,
}

/// The system call of an item: `SYSCALL_DEFINE3(read, ..)`.
fn system_call(item: &str) -> Option<SystemCall<'_>> {
    let (item, is_compat) = item.strip_prefix("COMPAT_").map_or((item, false), |rest| (rest, true));
    let rest = item.strip_prefix("SYSCALL_DEFINE")?;
    let (count, rest) = rest.split_once('(')?;
    let name = rest.split([',', ')']).next()?.trim();
    let is_plain = |c: u8| c.is_ascii_alphanumeric() || c == b'_';
    let is_call = count.len() == 1
        && count.bytes().all(|b| b.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(is_plain);
    is_call.then_some(SystemCall { name, is_compat })
}

impl Why {
    /// Whether the reason is a change of this function.
    pub fn is_about(&self, function: &str) -> bool {
        match self {
            Why::Changed => false,
            Why::Contains(names) => names.contains(function),
            Why::Calls(name, _) => name == function,
        }
    }

    /// The reason for a reader of the spec, in one line; `None` if the fix changes the function.
    pub fn comment(&self) -> Option<String> {
        match self {
            Why::Changed => None,
            Why::Contains(names) if names.is_empty() => {
                Some("The fix changes its code, through what it includes.".to_owned())
            }
            Why::Contains(names) => {
                let names: Vec<&String> = names.iter().collect();
                Some(format!("The compiler puts code of {} here, which the fix changes.", list(&names, "and")))
            }
            Why::Calls(name, reason) => {
                Some(format!("Calls `{name}`, which the fix changes and which cannot be replaced alone: {reason}."))
            }
        }
    }
}
