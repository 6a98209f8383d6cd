//! The modules that a spec names: found among those of the target or beside the spec, and read.

use super::files::beside;
use crate::diag::Diagnostic;
use crate::target::{Cache, Progress, Target};
use kps_facts::Facts;
use kps_grammar::ast;
use kps_grammar::{Source, Span};

/// Adds the modules that a spec names to the facts. Returns what cannot be read, with the place of the object's name; what there
/// is not, is left to be missed.
pub(super) fn add(
    facts: &mut Facts,
    patch: &ast::Patch,
    source: &Source,
    target: &Target,
    cache: &Cache,
) -> Result<Vec<(Span, Diagnostic)>, Diagnostic> {
    let mut unread = Vec::new();
    let named = || patch.objects.iter().filter(|object| object.name.value != "vmlinux");
    let known = match named().any(|object| object.from.is_none()) {
        true => target.modules(cache, Progress::Shown)?,
        false => Default::default(),
    };
    for object in named() {
        let name = &object.name.value;
        if facts.modules.contains_key(name) {
            continue;
        }
        let path = match &object.from {
            None => known.get(name).cloned(),
            Some(from) => match beside(&source.name, from) {
                Ok(path) => Some(path),
                Err(error) => {
                    unread.push((object.name.span, error));
                    continue;
                }
            },
        };
        let Some(path) = path else { continue };
        if let Err(error) = Target::add_module(facts, name, &path) {
            let place = object.from.as_ref().map_or(object.name.span, |from| from.span);
            unread.push((object.name.span, error.at(place, "")));
        }
    }
    facts.module_names = known.into_keys().collect();
    Ok(unread)
}
