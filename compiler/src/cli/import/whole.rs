// SPDX-License-Identifier: GPL-2.0
//! Files in C that another file includes, as `kernel/sched/build_utility.c` does with
//! `kernel/sched/psi.c`. The kernel compiles the other one, so the fix is read as a change of that:
//! of its text, with each included file in the place of the `#include`.

use super::reading::Changed;
use crate::import::Front;
use crate::input::included;
use kps_diag::{Diagnostic, NOT_COMPILED};
use kps_host::below::read_below;
use kps_host::disk::entries;
use kps_host::input::C_FILE;
use kps_import::fix::FileChange;
use std::collections::BTreeMap;

/// Texts by their paths.
pub(super) type Texts<'a> = BTreeMap<&'a str, &'a str>;

/// How deep files include each other.
const DEPTH: usize = 4;

/// The changes of the files that the kernel compiles.
pub(super) fn whole<'a>(
    front: &Front,
    changed: Vec<Changed<'a>>,
) -> Result<Vec<Changed<'a>>, Diagnostic> {
    let mut files: Vec<(String, Vec<&FileChange<'a>>)> = Vec::new();
    for one in &changed {
        for path in compiled(front, &one.path)? {
            match files.iter_mut().find(|(known, _)| *known == path) {
                Some((_, changes)) => changes.extend(&one.changes),
                None => files.push((path, one.changes.clone())),
            }
        }
    }
    let before: Texts = changed.iter().map(|one| (one.path.as_str(), one.old.as_str())).collect();
    let after: Texts = changed.iter().map(|one| (one.path.as_str(), one.new.as_str())).collect();
    let mut whole = Vec::new();
    for (path, changes) in files {
        let old = expanded(front, &path, &before)?;
        let new = expanded(front, &path, &after)?;
        let is_own = changed.iter().any(|one| one.path == path && one.old == old);
        whole.push(Changed { path, changes, old, new, is_expanded: !is_own });
    }
    Ok(whole)
}

/// The files whose objects have the code of a file: those of its folder and of that above which
/// include it, and itself if the kernel compiles it or nothing includes it.
pub(super) fn compiled(front: &Front, path: &str) -> Result<Vec<String>, Diagnostic> {
    let file_name = path.rsplit('/').next().unwrap_or(path);
    let mut readers = Vec::new();
    for folder in path.match_indices('/').rev().take(2).map(|(end, _)| &path[..end]) {
        for file in entries(&front.source().join(folder))? {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            let other = format!("{folder}/{name}");
            if !name.ends_with(".c") || other == path || !file.is_file() {
                continue;
            }
            // A few old files have names of people in another encoding.
            let Ok(bytes) = read_below(front.source(), &other, C_FILE) else { continue };
            let text = String::from_utf8_lossy(&bytes);
            let includes = || included(&other, &text).iter().any(|included| included == path);
            if text.contains(&format!("{file_name}\"")) && includes() {
                readers.push(other);
            }
        }
    }
    let mut found = Vec::new();
    for reader in readers {
        if is_compiled(front, &reader)? {
            found.push(reader);
        }
    }
    if found.is_empty() || is_compiled(front, path)? {
        found.insert(0, path.to_owned());
    }
    Ok(found)
}

fn is_compiled(front: &Front, path: &str) -> Result<bool, Diagnostic> {
    match front.command(path) {
        Ok(_) => Ok(true),
        Err(error) if error.code == NOT_COMPILED => Ok(false),
        Err(error) => Err(error),
    }
}

/// A file with the files in C that it includes, all as these texts have them or the kernel's
/// source.
pub(super) fn expanded(front: &Front, path: &str, texts: &Texts<'_>) -> Result<String, Diagnostic> {
    let mut whole = String::new();
    add(front, (path, path), texts, DEPTH, &mut whole)?;
    Ok(whole)
}

/// Adds the text of a file that the first one includes.
fn add(
    front: &Front,
    (first, path): (&str, &str),
    texts: &Texts<'_>,
    depth: usize,
    whole: &mut String,
) -> Result<(), Diagnostic> {
    let text = match texts.get(path) {
        Some(text) => (*text).to_owned(),
        None => front.text(path)?,
    };
    for line in text.split_inclusive('\n') {
        let name = in_quotes(line);
        let beside = name.and_then(|name| Some((name, included(path, line).pop()?)));
        match beside.filter(|(_, other)| front.source().join(other).is_file()) {
            Some((_, other)) if depth > 0 && other.ends_with(".c") => {
                add(front, (first, &other), texts, depth - 1, whole)?;
                if !whole.ends_with('\n') {
                    whole.push('\n');
                }
            }
            // A header beside this file is elsewhere for the first one.
            Some((name, other)) if path != first => {
                whole.push_str(&line.replacen(name, &seen_from(first, &other), 1));
            }
            _ => whole.push_str(line),
        }
    }
    Ok(())
}

/// A path as a file has it in an `#include`.
fn seen_from(file: &str, path: &str) -> String {
    let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
    match path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')) {
        Some(below) => below.to_owned(),
        None => format!("{}{path}", "../".repeat(folder.split('/').count())),
    }
}

/// The name in quotes that a line includes.
fn in_quotes(line: &str) -> Option<&str> {
    let directive = line.trim_start().strip_prefix('#')?.trim_start().strip_prefix("include")?;
    let (name, _) = directive.trim_start().strip_prefix('"')?.split_once('"')?;
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::{in_quotes, seen_from};

    #[test]
    fn files_are_found_from_the_folder_of_who_includes_them() {
        assert_eq!(in_quotes("#include \"psi.c\"\n"), Some("psi.c"));
        assert_eq!(in_quotes("# include \"ext/ext.c\" /* with BPF */\n"), Some("ext/ext.c"));
        for line in ["#include <psi.c>\n", "#define include \"psi.c\"\n", "psi.c"] {
            assert_eq!(in_quotes(line), None, "{line}");
        }
        let from = "kernel/sched/build_policy.c";
        assert_eq!(seen_from(from, "kernel/sched/ext/idle.h"), "ext/idle.h");
        assert_eq!(seen_from(from, "kernel/time/tick.h"), "../../kernel/time/tick.h");
    }
}
