//! The modules that a spec names: found among those of the target or beside the spec, and read.

use crate::diag::{Diagnostic, KPS0214};
use crate::target::{Cache, Progress, Target};
use kps_facts::Facts;
use kps_grammar::ast::{self, Text};
use kps_grammar::{Source, Span};
use std::path::{Component, Path, PathBuf};

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

/// The path of a file that a spec names: below the folder of the spec, so that a spec reads nothing that was not given with it.
fn beside(spec: &str, file: &Text) -> Result<PathBuf, Diagnostic> {
    let path = Path::new(&file.value);
    let below = path.components().all(|part| matches!(part, Component::Normal(_)));
    let folder = Path::new(spec).parent().unwrap_or(Path::new(""));
    let full = folder.join(path);
    // A link may lead anywhere.
    let real = |path: &Path| path.canonicalize().ok();
    let inside = match (real(folder_or_here(folder)), real(&full)) {
        (Some(folder), Some(full)) => full.starts_with(folder),
        // What is not there is said when it is read.
        _ => true,
    };
    if below && inside && !file.value.is_empty() {
        return Ok(full);
    }
    Err(Diagnostic::error(KPS0214, format!("{:?} is not below the folder of the spec", file.value))
        .at(file.span, "")
        .help("put the file beside the spec, and name it from there"))
}

fn folder_or_here(folder: &Path) -> &Path {
    if folder.as_os_str().is_empty() {
        Path::new(".")
    } else {
        folder
    }
}
