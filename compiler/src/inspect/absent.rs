// SPDX-License-Identifier: GPL-2.0
//! `kpsc inspect` of a function of the source that has no symbol of its name.

use super::{object_of, possible, shown, Inspection};
use crate::resolve::Probe;
use kps_diag::Diagnostic;
use kps_facts::{
    redirectable_above, Copy, Facts, Function, InModule, Inlined, Outcome, Redirection, Whereabouts,
};

/// What is known of the function; the errors if nothing is. They also tell why there is no spec.
pub(super) fn inspect(
    probe: &Probe<'_>,
    facts: &Facts,
    object: &str,
    name: &str,
    errors: Vec<Diagnostic>,
) -> Result<Inspection, Vec<Diagnostic>> {
    let module = facts.modules.get(object);
    let modules = facts.in_modules.get(name).map(Vec::as_slice).unwrap_or_default();
    let modules: Vec<&InModule> = modules.iter().filter(|found| found.module != object).collect();
    let is_there =
        object_of(facts, object).is_some_and(|known| !known.symbols.named(name).is_empty());
    let found = Whereabouts::of(facts, module, name, None);
    let symbol = match found.outcome() {
        _ if is_there => return Err(errors),
        Outcome::Inlined => "none: it is inlined where it is called",
        Outcome::Cloned => "none: only what the compiler derived from it is left",
        Outcome::Gone => "none: no code of it is left",
        _ if modules.is_empty() => return Err(errors),
        _ => "none: modules have it",
    };
    let mut lines = vec![("object", vec![object.to_owned()]), ("symbol", vec![symbol.to_owned()])];
    let source = |of: &Inlined<'_>| format!("{}:{}", of.file, of.line);
    lines.push(("source", found.inlined.iter().map(source).collect()));
    let of = |of: &Inlined<'_>| match found.inlined.len() {
        1 => String::new(),
        _ => format!(", of {}", source(of)),
    };
    let copies = found.inlined.iter().flat_map(|definition| {
        let of = of(definition);
        definition
            .into
            .iter()
            .map(move |(function, copy)| format!("{}{of}", container(function, copy)))
    });
    lines.push(("inlined in", shown(copies.collect())));
    let clone = |clone: &Function<'_>| {
        let written = clone.written();
        let found = probe.probe(object, &super::read(&written));
        format!("{written}, hooks: {}", possible(&found))
    };
    lines.push(("derived", found.clones.iter().map(clone).collect()));
    lines.push(("change", written(&found.containers(facts, module))));
    let in_module = |found: &&InModule| {
        let (module, has_symbol) = (&found.module, found.has_symbol);
        let how = if has_symbol { "has a symbol of it" } else { "has inlined it" };
        format!("{module}, which {how}: see `--object {module}`")
    };
    lines.push(("modules", shown(modules.iter().map(in_module).collect())));
    lines.retain(|(_, values)| !values.is_empty());
    Ok(Inspection { facts: lines, spec: Err(errors) })
}

/// The definitions of a function's name that have no symbol.
pub(super) fn namesakes(facts: &Facts, object: &str, name: &str) -> Vec<String> {
    let found = Whereabouts::of(facts, facts.modules.get(object), name, None);
    let inlined = found.inlined.iter().filter(|of| !of.into.is_empty());
    let one = |of: &Inlined<'_>| {
        let (first, _) = &of.into[0];
        let more = match of.into.len() {
            1 => String::new(),
            n => format!(" and {} more", n - 1),
        };
        format!("{}:{}, inlined in {}{more}", of.file, of.line, first.written())
    };
    shown(inlined.map(one).collect())
}

/// The functions to change in place of one that cannot be redirected.
pub(super) fn above(facts: &Facts, object: &str, address: u64) -> Vec<String> {
    let module = facts.modules.get(object);
    let known = object_of(facts, object).and_then(|object| Function::at(object, address));
    match known {
        Some(Function { redirection: Redirection::NoSite, .. }) => {
            written(&redirectable_above(facts, module, [address]))
        }
        _ => Vec::new(),
    }
}

/// A function that contains a copy, with the call.
pub(super) fn container(function: &Function<'_>, copy: &Copy<'_>) -> String {
    let but = match function.redirection {
        Redirection::Possible => "",
        Redirection::NoSite => "; it cannot be redirected",
        Redirection::Freed => "; it is freed later",
    };
    format!("{}, from the call at {}:{}{but}", function.written(), copy.file, copy.line)
}

fn written(functions: &[Function<'_>]) -> Vec<String> {
    shown(functions.iter().map(|function| format!("fn {} {{ .. }}", function.written())).collect())
}
