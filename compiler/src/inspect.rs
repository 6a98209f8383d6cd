// SPDX-License-Identifier: GPL-2.0
//! `kpsc inspect`: shows the facts about a function, and whether and with which hooks it can be
//! changed.

mod absent;
mod records;

pub use records::{layout, members, Member, KEYWORDS};

use crate::emit::{function_spec, FunctionSpec};
use crate::resolve::{version_of, Hookability, Probe};
use kps_codegen::{names::ident, rust_type};
use kps_diag::{any_error, Diagnostic, Severity};
use kps_facts::{CloneParam, DebugInfo, Facts, Function, Object, Place};
use kps_grammar::ast::{At, Symbol};
use kps_grammar::Span;
use kps_plan::{Convention, ObjectName, Signature, Type, Types};
use quote::quote;
use std::collections::BTreeSet;

/// The result of inspecting a function.
#[derive(Debug)]
pub struct Inspection {
    /// The facts: a title and its lines each.
    pub facts: Vec<(&'static str, Vec<String>)>,
    /// A spec that changes it and keeps its behaviour; the errors if no hook can change it.
    pub spec: Result<String, Vec<Diagnostic>>,
}

impl Inspection {
    /// The facts as lines, below the function's name.
    pub fn lines(&self, symbol: &Symbol) -> String {
        let mut text = format!("{}\n", written(symbol));
        for (word, lines) in &self.facts {
            for (n, line) in lines.iter().enumerate() {
                let word = if n == 0 { word } else { "" };
                text.push_str(&format!("  {word:<11} {line}\n"));
            }
        }
        text
    }
}

/// A name, with its position if it has one: `NAME` or `NAME@N`.
pub fn read(text: &str) -> Symbol {
    match text.split_once('@') {
        // Positions count from 1.
        Some((name, position)) => symbol(name, Some(position.parse().unwrap_or(0))),
        None => symbol(text, None),
    }
}

/// The symbols of a name: all positions if the name is ambiguous and has none.
pub fn symbols(facts: &Facts, object: &str, named: Symbol) -> Vec<Symbol> {
    let name = &named.name.value;
    let count = object_of(facts, object).map_or(0, |object| object.symbols.named(name).len());
    match &named.position {
        None if count > 1 => (1..=count as u32).map(|n| symbol(name, Some(n))).collect(),
        _ => vec![named],
    }
}

/// Inspects one function. Returns an error if it does not exist.
pub fn inspect(
    probe: &Probe<'_>,
    facts: &Facts,
    object: &str,
    symbol: &Symbol,
) -> Result<Inspection, Vec<Diagnostic>> {
    let hookability = probe.probe(object, symbol);
    let Some((name, address)) = address(facts, object, symbol) else {
        // The error is the same for every hook.
        let said = hookability.words.into_iter().map(|(_, said)| said);
        let errors = said.into_iter().find(|said| any_error(said)).unwrap_or_default();
        return absent::inspect(probe, facts, object, &symbol.name.value, errors);
    };
    let mut lines = Vec::new();
    let mut line = |word, values: Vec<String>| {
        if !values.is_empty() {
            lines.push((word, values));
        }
    };
    line("object", vec![object.to_owned()]);
    let declarations = declarations(facts, &name);
    line("prototype", declarations.clone());
    if let Some((func, types)) = &hookability.func {
        line("parameters", parameters(&func.signature, types));
        line("result", vec![text(types, &func.signature.ret)]);
    }
    line("arguments", clone_arguments(facts, object, address));
    line("entered by", (name != symbol.name.value).then(|| name.clone()).into_iter().collect());
    line("system call", system_call(facts, object, &name).into_iter().collect());
    line("symbol", vec![format!("{address:#x}, {}", rank(facts, object, symbol, &name))]);
    line("source", position(facts, object, address).into_iter().collect());
    line("entry", start(facts, object, address).into_iter().collect());
    line("exported", vec![exported(facts, object, &name)]);
    let relatives = relatives(facts, object, &name, address);
    line("aliases", relatives.aliases);
    line("derived", relatives.parts);
    line("inlined in", copies(facts, object, address));
    line("namesakes", absent::namesakes(facts, object, &name));
    line("change", absent::above(facts, object, address));
    line("hooks", vec![possible(&hookability)]);
    line("refused", refusals(&hookability));
    line("warnings", warnings(&hookability));
    let kernel = symbol.position.as_ref().map(|_| version_of(&facts.identity.release));
    let spec = spec(object, symbol, kernel, &declarations, &hookability);
    let refused = || hookability.said().into_iter().cloned().collect();
    Ok(Inspection { facts: lines, spec: spec.ok_or_else(refused) })
}

/// Whether a name is like a pattern, in which `*` stands for any text.
fn is_like(name: &str, pattern: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else { return name == pattern };
    let (middle, end) = rest.rsplit_once('*').unwrap_or(("", rest));
    let Some(tail) = name.strip_prefix(start).and_then(|tail| tail.strip_suffix(end)) else {
        return false;
    };
    let parts = middle.split('*');
    let found = parts.into_iter().try_fold(tail, |tail, part| {
        let at = tail.find(part)?;
        tail.get(at + part.len()..)
    });
    found.is_some()
}

/// One line for every function that ftrace can redirect: name, object, supported hooks, codes of
/// the diagnostics, address, and source position. Functions that are freed after boot are left out,
/// and those that have no name like the pattern, if there is one.
pub fn all<'a>(
    probe: &'a Probe<'a>,
    facts: &'a Facts,
    name: &'a str,
    pattern: Option<&'a str>,
) -> impl Iterator<Item = String> + 'a {
    let found = object_of(facts, name);
    let mut addresses: Vec<u64> = found
        .into_iter()
        .flat_map(|object| object.sites.iter().map(|(address, _)| address))
        .collect();
    addresses.retain(|&address| found.is_some_and(|object| !object.is_init(address)));
    if let (Some(pattern), Some(object)) = (pattern, found) {
        addresses
            .retain(|&address| object.symbols.at(address).any(|sym| is_like(sym.name, pattern)));
    }
    addresses.sort_unstable();
    addresses.into_iter().map(move |address| {
        // If a function has several names, take the one that supports most hooks, and the first of
        // those.
        let named = found.map_or(Vec::new(), |object| symbols_at(object, address));
        let hookable = named.into_iter().rev().map(|symbol| (probe.probe(name, &symbol), symbol));
        let best = hookable.max_by_key(|(hookability, _)| hookability.possible().len());
        let Some((hookability, symbol)) = best else {
            return format!("-\t{name}\t-\t-\t{address:#x}\t-");
        };
        let codes: BTreeSet<&str> =
            hookability.said().into_iter().map(|said| said.code.id()).collect();
        let codes: Vec<&str> = codes.into_iter().collect();
        let or_dash = |text: String| if text.is_empty() { "-".to_owned() } else { text };
        let (words, codes) =
            (or_dash(hookability.possible().join(", ")), or_dash(codes.join(", ")));
        let position = or_dash(position(facts, name, address).unwrap_or_default());
        format!("{}\t{name}\t{words}\t{codes}\t{address:#x}\t{position}", written(&symbol))
    })
}

pub(crate) fn object_of<'a>(facts: &'a Facts, name: &str) -> Option<&'a Object> {
    match name {
        ObjectName::IMAGE => Some(&facts.vmlinux),
        name => facts.modules.get(name).map(|module| &module.object),
    }
}

fn symbol(name: &str, position: Option<u32>) -> Symbol {
    let span = Span::new(0, 0);
    Symbol {
        name: At { value: name.to_owned(), span },
        position: position.map(|value| At { value, span }),
    }
}

/// A symbol in the syntax of specs.
pub fn written(symbol: &Symbol) -> String {
    match &symbol.position {
        Some(position) => format!("{}@{}", symbol.name.value, position.value),
        None => symbol.name.value.clone(),
    }
}

/// The symbols at a function's address, each with a position if its name is ambiguous.
fn symbols_at(object: &Object, address: u64) -> Vec<Symbol> {
    let names =
        object.symbols.at(address).map(|sym| sym.name).filter(|name| !name.starts_with("__pfx_"));
    names
        .map(|name| {
            let all = object.symbols.named(name);
            let rank = all.iter().position(|sym| sym.address == address).filter(|_| all.len() > 1);
            symbol(name, rank.map(|rank| rank as u32 + 1))
        })
        .collect()
}

/// The name and address of a symbol; for a system call, those of its entry.
fn address(facts: &Facts, object: &str, symbol: &Symbol) -> Option<(String, u64)> {
    let symbols = &object_of(facts, object)?.symbols;
    let name = &symbol.name.value;
    let entry =
        name.strip_prefix("sys_").map(|call| format!("{}{call}", facts.arch().syscalls.entry));
    let name = entry.filter(|_| symbols.named(name).is_empty()).unwrap_or_else(|| name.clone());
    let all = symbols.named(&name);
    let sym = match &symbol.position {
        None if all.len() > 1 => None,
        None => all.first(),
        Some(position) => all.get((position.value as usize).checked_sub(1)?),
    };
    sym.map(|sym| (name, sym.address))
}

/// The name of a system call in specs, which gives access to its arguments.
fn system_call(facts: &Facts, object: &str, name: &str) -> Option<String> {
    let call =
        name.strip_prefix(facts.arch().syscalls.entry).filter(|_| object == ObjectName::IMAGE)?;
    let alone = object_of(facts, object)?.symbols.named(&format!("sys_{call}")).is_empty();
    alone.then(|| format!("sys_{call}"))
}

fn declarations(facts: &Facts, name: &str) -> Vec<String> {
    let mut all: Vec<String> =
        facts.btf.functions(name).into_iter().map(|id| facts.btf.declaration(id)).collect();
    all.dedup();
    all
}

/// The debug information about an object.
fn debug_of<'a>(facts: &'a Facts, object: &str) -> Option<&'a DebugInfo> {
    match facts.modules.get(object) {
        None if object == ObjectName::IMAGE => facts.debug.as_ref(),
        module => module?.debug.as_ref(),
    }
}

/// What debug information says of the parameters of a clone of the image.
fn clone_arguments(facts: &Facts, object: &str, address: u64) -> Vec<String> {
    let debug = facts.debug.as_ref().filter(|_| object == ObjectName::IMAGE);
    let Some(arguments) = debug.and_then(|debug| debug.clone_at(address)) else {
        return Vec::new();
    };
    let place = |param: &CloneParam| {
        let name = &param.name;
        match param.place {
            Place::Register(n) => format!("argument {} is `{name}`", n + 1),
            Place::Constant(value) => format!("`{name}` is always {:#x}", value),
            Place::Gone => format!("`{name}` is not passed"),
            Place::Elsewhere => format!("`{name}` is in no register of its own"),
        }
    };
    let unnamed = arguments.unnamed.iter().map(|n| format!("argument {} may be anything", n + 1));
    let result = (!arguments.returns).then(|| "the result may be anything".to_owned());
    arguments.params.iter().map(place).chain(unnamed).chain(result).collect()
}

fn parameters(signature: &Signature, types: &Types) -> Vec<String> {
    let named = signature
        .params
        .iter()
        .map(|param| format!("{}: {}", ident(&param.name), text(types, &param.ty)));
    named.chain(signature.variadic.then(|| "..".to_owned())).collect()
}

/// A type in the form that bodies use, on one line.
fn text(types: &Types, ty: &Type) -> String {
    if *ty == Type::Void {
        return "nothing".to_owned();
    }
    let ty = rust_type(types, ty);
    let Ok(file) = syn::parse2(quote!(type T = #ty;)) else { return ty.to_string() };
    let item = prettyplease::unparse(&file);
    let ty = item.trim().trim_start_matches("type T =").trim_end_matches(';');
    ty.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn rank(facts: &Facts, object: &str, symbol: &Symbol, name: &str) -> String {
    let count = object_of(facts, object).map_or(0, |object| object.symbols.named(name).len());
    match &symbol.position {
        Some(position) if count > 1 => format!("`old_sympos` {} of {count}", position.value),
        _ => "the only one of its name".to_owned(),
    }
}

fn start(facts: &Facts, object: &str, address: u64) -> Option<String> {
    let site = object_of(facts, object)?.sites.get(address)?;
    Some(match site.entry(facts.arch()) {
        Some(entry) => {
            let first = match entry.landing_pad {
                true => format!("{}, ", facts.arch().landing_pad),
                false => String::new(),
            };
            format!(
                "{first}ftrace site at +{}; the original continues at +{}",
                site.offset, entry.skip
            )
        }
        None => format!("unknown code, ftrace site at +{}", site.offset),
    })
}

fn exported(facts: &Facts, object: &str, name: &str) -> String {
    let export = facts.exports.get(name).filter(|_| facts.vmlinux.symbols.named(name).len() == 1);
    let Some(export) = export.filter(|_| object == ObjectName::IMAGE) else {
        // The exports of modules are not known, and bodies use exported and other symbols in the
        // same way.
        let known = if object == ObjectName::IMAGE { "no; " } else { "" };
        return format!("{known}bodies call it after `use fn {name};` in `object {object}`");
    };
    let to = if export.gpl { "to GPL-compatible modules" } else { "to all modules" };
    match &export.namespace {
        Some(namespace) => format!("{to}, in the namespace {namespace}"),
        None => to.to_owned(),
    }
}

/// The source position of a function, if the target has debug information.
fn position(facts: &Facts, object: &str, address: u64) -> Option<String> {
    debug_of(facts, object)?.position(address).map(|(file, line)| format!("{file}:{line}"))
}

/// The functions that contain an inlined copy of a function, each with the call that the copy
/// replaces.
fn copies(facts: &Facts, object: &str, address: u64) -> Vec<String> {
    let Some(known) = object_of(facts, object) else { return Vec::new() };
    let copies = debug_of(facts, object).into_iter().flat_map(|debug| debug.inlined_into(address));
    let named = copies
        .filter_map(|copy| Some(absent::container(&Function::at(known, copy.caller)?, &copy)));
    shown(named.collect())
}

/// The first of many lines.
fn shown(mut lines: Vec<String>) -> Vec<String> {
    const MOST: usize = 50;
    if lines.len() > MOST {
        let more = lines.split_off(MOST).len();
        lines.push(format!("and {more} more"));
    }
    lines
}

#[derive(Default)]
struct Relatives {
    aliases: Vec<String>,
    parts: Vec<String>,
}

/// The aliases of a function, and the parts that the compiler split off.
fn relatives(facts: &Facts, object: &str, name: &str, address: u64) -> Relatives {
    let prefix = format!("{name}.");
    let Some(object) = object_of(facts, object) else { return Relatives::default() };
    let names = |found: BTreeSet<&str>| {
        found.into_iter().filter(|other| *other != name).map(str::to_owned).collect()
    };
    Relatives {
        aliases: names(object.symbols.at(address).map(|sym| sym.name).collect()),
        parts: names(object.symbols.with_prefix(&prefix).map(|sym| sym.name).collect()),
    }
}

fn possible(hookability: &Hookability) -> String {
    match hookability.possible().as_slice() {
        [] => "none".to_owned(),
        words => words.join(", "),
    }
}

/// The reasons, each once with all hooks that it applies to.
fn refusals(hookability: &Hookability) -> Vec<String> {
    let errors = hookability.said().into_iter().filter(|said| said.severity == Severity::Error);
    let words = |error: &Diagnostic| {
        let met = |said: &[Diagnostic]| said.iter().any(|other| other.code == error.code);
        let words = hookability.words.iter().filter(|(_, said)| met(said)).map(|(word, _)| *word);
        words.collect::<Vec<_>>().join(", ")
    };
    errors.map(|error| format!("{}: {}", words(error), one_line(error))).collect()
}

fn warnings(hookability: &Hookability) -> Vec<String> {
    let said = hookability.said().into_iter().filter(|said| said.severity != Severity::Error);
    said.map(one_line).collect()
}

fn one_line(said: &Diagnostic) -> String {
    let help = said.help.as_ref().map_or(String::new(), |help| format!("; {help}"));
    format!("{} {}{help}", said.code.id(), said.message)
}

/// A starter spec: a new body that calls the old function, or a hook that does nothing.
fn spec(
    object: &str,
    symbol: &Symbol,
    kernel: Option<String>,
    declarations: &[String],
    hookability: &Hookability,
) -> Option<String> {
    let (func, _) = hookability.func.as_ref()?;
    let words = hookability.possible();
    let arguments: Vec<String> =
        func.signature.params.iter().map(|param| ident(&param.name).to_string()).collect();
    let change = if words.contains(&"replace") {
        format!("replace {{ original({}) }}", arguments.join(", "))
    } else {
        format!("{} {{ }}", words.first()?)
    };
    let plain = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
    let name: String = format!("fix_{}", symbol.name.value).chars().map(plain).take(55).collect();
    let declaration = match (&func.convention, declarations.first()) {
        (Convention::Syscall { .. }, _) => format!("system call: {}", arguments.join(", ")),
        (Convention::C, Some(declaration)) => declaration.clone(),
        (Convention::C, None) => written(symbol),
    };
    let (object, function) = (object.to_owned(), written(symbol));
    Some(function_spec(&FunctionSpec { name, kernel, object, declaration, function, change }))
}

#[cfg(test)]
mod tests {
    use super::is_like;

    #[test]
    fn a_star_stands_for_any_text() {
        for (name, pattern, is) in [
            ("audit_log", "audit*", true),
            ("audit_log", "*log", true),
            ("audit_log", "a*_*g", true),
            ("audit_log", "*", true),
            ("audit_log", "audit_log*", true),
            ("audit_log", "*dit*audit*", false),
            ("audit_log", "log*", false),
            ("a", "a*a", false),
        ] {
            assert_eq!(is_like(name, pattern), is, "{name} {pattern}");
        }
    }
}
