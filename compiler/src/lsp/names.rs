// SPDX-License-Identifier: GPL-2.0
//! The names that can stand at a place: those of the kernel, of the function around, and of the
//! patch.

use super::documents::Document;
use crate::inspect::object_of;
use kps_facts::btf::Kind;
use kps_facts::{Facts, Object, Sym};
use kps_grammar::ast::{Hook, Level, Patch};
use kps_grammar::Cursor;
use kps_plan::ObjectName;
use lsp_types::CompletionItemKind;

/// The most symbols that are looked at. Those with the same start are next to each other.
const MOST: usize = 400;

/// A name with what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Named {
    /// The name.
    pub(super) name: String,
    /// What it names.
    pub(super) kind: CompletionItemKind,
    /// Its type or prototype.
    pub(super) detail: Option<String>,
}

impl Named {
    /// A keyword.
    pub(super) fn word(word: &str) -> Named {
        Named { name: word.to_owned(), kind: CompletionItemKind::KEYWORD, detail: None }
    }

    fn value(name: &str, detail: Option<String>) -> Named {
        Named { name: name.to_owned(), kind: CompletionItemKind::VARIABLE, detail }
    }

    fn function(facts: &Facts, name: &str) -> Named {
        let declared = facts.btf.functions(name).first().map(|id| facts.btf.declaration(*id));
        let kind = CompletionItemKind::FUNCTION;
        Named { name: name.to_owned(), kind, detail: declared }
    }
}

/// The functions of an object that ftrace can redirect, and its system calls under their names in
/// specs.
pub(super) fn changeable(facts: &Facts, object: &str, typed: &str) -> Vec<Named> {
    let Some(found) = object_of(facts, object) else { return Vec::new() };
    let has_site =
        |sym: &Sym<'_>| found.sites.get(sym.address).is_some() && !found.is_init(sym.address);
    let mut named = symbols(facts, found, typed, has_site);
    if object == ObjectName::IMAGE {
        let calls = facts.syscalls.iter().map(|(name, params)| {
            let params = params.iter().map(|param| format!("{} {}", param.ty, param.name));
            let params = params.collect::<Vec<_>>().join(", ").replace("* ", "*");
            let named = Named::function(facts, &format!("sys_{name}"));
            Named { detail: Some(format!("({params})")), ..named }
        });
        named.extend(calls.filter(|call| call.name.starts_with(typed)));
    }
    named
}

/// All functions of an object.
pub(super) fn functions(facts: &Facts, object: &str, typed: &str) -> Vec<Named> {
    let Some(found) = object_of(facts, object) else { return Vec::new() };
    symbols(facts, found, typed, |sym| matches!(sym.kind, 't' | 'T' | 'w' | 'W'))
}

/// The variables of an object.
pub(super) fn variables(facts: &Facts, object: &str, typed: &str) -> Vec<Named> {
    let Some(found) = object_of(facts, object) else { return Vec::new() };
    let is_variable = |sym: &Sym<'_>| !matches!(sym.kind, 't' | 'T' | 'w' | 'W');
    let named = symbols(facts, found, typed, is_variable);
    named.into_iter().map(|named| Named::value(&named.name, None)).collect()
}

/// Symbols that start with a text. One whose name others have too needs its position.
fn symbols(
    facts: &Facts,
    object: &Object,
    typed: &str,
    is_meant: impl Fn(&Sym<'_>) -> bool,
) -> Vec<Named> {
    let found = object.symbols.with_prefix(typed).filter(|sym| !sym.name.starts_with("__pfx_"));
    let found = found.filter(|sym| is_meant(sym)).take(MOST);
    let named = found.map(|sym| {
        let all = object.symbols.named(sym.name);
        let rank = all.iter().position(|other| other.address == sym.address);
        let position = rank.filter(|_| all.len() > 1).map(|rank| format!("@{}", rank + 1));
        let named = Named::function(facts, sym.name);
        Named { name: named.name + &position.unwrap_or_default(), ..named }
    });
    named.collect()
}

/// The objects of the kernel, as far as they are known.
pub(super) fn objects(facts: Option<&Facts>) -> Vec<Named> {
    let modules = facts.into_iter().flat_map(|facts| &facts.module_names).map(String::as_str);
    let named = std::iter::once(ObjectName::IMAGE).chain(modules);
    let kind = CompletionItemKind::MODULE;
    named.map(|name| Named { name: name.to_owned(), kind, detail: None }).collect()
}

/// The names in scope of a body: parameters, names of the patch, and functions of the kernel.
pub(super) fn in_body(
    document: &Document,
    facts: Option<&Facts>,
    cursor: &Cursor<'_>,
    (object, keyword): (&str, &str),
    typed: &str,
) -> Vec<Named> {
    let function = cursor.name_of(Level::Func);
    let mut named = Vec::new();
    if let (Some(facts), Some(function)) = (facts, &function) {
        let all = parameters(facts, function).into_iter();
        named.extend(all.map(|(name, ty)| Named::value(&name, Some(ty))));
    }
    match Hook::of(keyword) {
        Some(Hook::Post) => named.push(Named::value("ret", Some("the result".to_owned()))),
        Some(Hook::Replace) => {
            let detail = Some("calls the old function".to_owned());
            named.push(Named {
                kind: CompletionItemKind::FUNCTION,
                detail,
                ..Named::word("original")
            });
        }
        Some(Hook::Pre) | None => {}
    }
    if let Some(patch) = kps_grammar::parse(&document.source).0.patch {
        named.extend(of_patch(&patch, object));
    }
    // With nothing typed, this would be all that a kernel exports.
    if let Some(facts) = facts.filter(|_| !typed.is_empty()) {
        let exported = facts.exports.iter().map(|(name, _)| name);
        let exported = exported.filter(|name| name.starts_with(typed)).take(MOST);
        named.extend(exported.map(|name| Named::function(facts, name)));
    }
    named
}

/// The names that a patch gives to what bodies use.
fn of_patch(patch: &Patch, object: &str) -> Vec<Named> {
    let params = patch.params.iter().map(|param| &param.name);
    let states = patch.states.iter().map(|state| &state.name);
    let shadows = patch.shadows.iter().map(|shadow| &shadow.name);
    let resources = patch.resources.iter().map(|resource| &resource.name);
    let used = patch.objects.iter().filter(|item| item.name.value == object);
    let used = used.flat_map(|object| object.used_symbols()).map(|symbol| &symbol.name);
    let functions = patch.c_files.iter().flat_map(|file| &file.functions).map(|item| &item.name);
    let all = params.chain(states).chain(shadows).chain(resources).chain(used).chain(functions);
    all.map(|name| Named::value(&name.value, None)).collect()
}

/// The parameters of a function with their types in C.
pub(super) fn parameters(facts: &Facts, function: &str) -> Vec<(String, String)> {
    let call = function.strip_prefix("sys_").and_then(|call| facts.syscalls.get(call));
    if let Some(call) = call {
        return call.iter().map(|param| (param.name.clone(), param.ty.clone())).collect();
    }
    let btf = &facts.btf;
    let prototype = btf.functions(function).first().and_then(|id| match btf.get(*id).kind {
        Kind::Function(prototype) => Some(btf.get(prototype).kind),
        _ => None,
    });
    match prototype {
        Some(Kind::Prototype(prototype)) => {
            prototype.params().map(|(name, ty)| (name.to_owned(), btf.c_name(ty))).collect()
        }
        _ => Vec::new(),
    }
}
