// SPDX-License-Identifier: GPL-2.0
//! From the read files of a fix to the files of a patch.

use crate::c_file::{difference, write, Origin};
use crate::changes::{Change, Changes};
use crate::find::{find, Found};
use crate::fix::{Edit, FileChange, Fix, Lines};
use crate::kernel::Kernel;
use crate::refused::{layouts, place, refused};
use crate::roots::{File, Root, Roots};
use crate::selection::{select, UseLine};
use crate::shadow::{Both, Shadow};
use crate::text::{declarations, Name, Space, Text};
use crate::unit::{At, Brought, Declaration, ItemKind};
use kps_diag::{any_error, Diagnostic, HEADER_ELSEWHERE, LEFT_OUT, NOTHING_TO_IMPORT};
use kps_grammar::{identifiers, Language};
use std::collections::{BTreeMap, BTreeSet};

/// A file of a fix, read, with what the diff says of it.
#[derive(Debug)]
pub struct Source<'a> {
    /// The file.
    pub file: File<'a>,
    /// Where the diff changes it.
    pub lines: Lines<'a>,
}

/// The files of a patch, and what is in them.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Import {
    /// The texts of the files beside the spec, by their paths.
    pub files: BTreeMap<String, String>,
    /// The files that replace nothing: new ones, and those that other files call.
    pub new_files: BTreeSet<String>,
    /// What is in each object.
    pub objects: BTreeMap<String, Contents>,
    /// How the functions differ from those of the kernel, for each file.
    pub differences: Vec<String>,
    /// The new members of structs, which are kept beside the objects.
    pub shadows: Vec<Shadow>,
}

/// The changed headers of a fix.
#[derive(Debug, Default)]
pub struct Headers<'a> {
    /// Their new texts, by path.
    pub texts: BTreeMap<String, String>,
    /// Those that a file in C includes, read.
    pub read: Vec<Both<'a>>,
    /// How many other files name what changes in them, if these are too many to compile.
    pub unfollowed: Option<usize>,
}

/// What is in an object of the patch.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Contents {
    /// The symbols that its files reach.
    pub uses: BTreeSet<UseLine>,
    /// The functions that it replaces, each with its file.
    pub functions: Vec<(String, Root)>,
}

/// Makes a patch of a fix.
pub fn import(
    fix: &Fix<'_>,
    version: &str,
    sources: &[Source<'_>],
    headers: &Headers<'_>,
    kernel: &dyn Kernel,
) -> (Option<Import>, Vec<Diagnostic>) {
    let mut import = Import::default();
    let mut found: Vec<Diagnostic> = headers.read.iter().flat_map(layouts).collect();
    let Headers { texts: headers, read, unfollowed } = headers;
    let is_read = |path: &str| read.iter().any(|header| header.path == path);
    for source in sources {
        let (file, lines) = (&source.file, source.lines);
        let changes = Changes::between(file.old, file.new);
        found.extend(refused(file, &changes, lines, kernel));
        let Roots { roots, errors } = Roots::of(file, &changes, kernel);
        let is_stuck = !errors.is_empty();
        found.extend(errors.into_iter().map(|(name, error)| match file.new.function(&name) {
            Some((item, _)) => error.at(place(lines, file.new, item), ""),
            None => error.at(lines.place, ""),
        }));
        let provided = provided(file, sources, kernel);
        if roots.is_empty() && provided.is_empty() {
            found.extend((!is_stuck).then(|| no_code(file, lines)));
            continue;
        }
        found.extend(without_effect(file, lines, &changes, &roots));
        let replaced = roots.values().map(|root| root.name.as_str());
        let written = replaced.chain(provided).collect();
        let (selection, errors) = select(file, written, &changes, kernel);
        found.extend(errors.into_iter().map(|error| error.at(lines.place, "")));
        found.extend(selection.traces.iter().map(|name| {
            let message = format!("the calls of `{name}()` in {} are left out", file.path);
            let note = "the kernel patches the branch of a trace event before it knows those of the module";
            Diagnostic::new(LEFT_OUT, message).at(lines.place, "").note(note)
        }));
        let origin = Origin { path: file.path, version, header: &fix.header };
        let text = write(file.new, &selection, origin);
        import.files.insert(file.path.to_owned(), with_headers(text, file, headers));
        if roots.is_empty() {
            import.new_files.insert(file.path.to_owned());
        }
        import.differences.push(difference(file.old, file.new, &selection, file.path));
        for (object, line) in selection.uses {
            import.objects.entry(object).or_default().uses.insert(line);
        }
        let contents = import.objects.entry(file.object.to_owned()).or_default();
        let functions = roots.into_values().map(|root| (file.path.to_owned(), root));
        contents.functions.extend(functions);
    }
    let unread = fix.files.iter().filter(|change| {
        let is_of_kernel = matches!(change.edit, Edit::Modify { .. });
        is_of_kernel
            && unfollowed.is_none()
            && headers.contains_key(&change.path)
            && !is_read(&change.path)
    });
    found.extend(unread.map(unread_header));
    if let Some(count) = unfollowed {
        let changed = fix.files.iter().filter(|change| headers.contains_key(&change.path));
        found.extend(changed.map(|change| elsewhere(change, *count)));
    }
    if import.files.is_empty() && !any_error(&found) {
        let error = Diagnostic::new(NOTHING_TO_IMPORT, "the fix changes no function of the target");
        found.push(error.help("choose a kernel that has the code with `--kernel`"));
    }
    add_new_files(fix, headers, &mut import);
    let is_whole = !any_error(&found);
    (is_whole.then_some(import), found)
}

/// The functions of a file that other files of the fix call, and that the kernel has no symbol of:
/// new ones, and those that were `static` and are inlined.
fn provided<'f>(file: &File<'f>, sources: &[Source<'_>], kernel: &dyn Kernel) -> BTreeSet<&'f str> {
    let others =
        || sources.iter().map(|source| &source.file).filter(|other| other.path != file.path);
    let is_new = |one: &&Declaration| {
        !one.is_static && file.old.function(&one.name).is_none_or(|(_, old)| old.is_static)
    };
    let is_called = |name: &str| {
        let calls =
            |text: &Text| identifiers(text.text(), Language::C).any(|(_, word)| word == name);
        others().any(|other| other.object == file.object && calls(other.new))
    };
    let all = file.new.functions().map(|(_, one)| one).filter(is_new);
    let called = all.filter(|one| is_called(&one.name)).map(|one| one.name.as_str());
    called
        .filter(|name| find(kernel, file, &Name::new(Space::Function, *name)) == Found::No)
        .collect()
}

/// The note about a file whose functions stay as they are.
fn no_code(file: &File<'_>, lines: Lines<'_>) -> Diagnostic {
    let message = format!("{} is left out: the code of its functions stays as it is", file.path);
    Diagnostic::new(LEFT_OUT, message).at(lines.place, "")
}

/// The notes about functions whose text changes and whose code does not.
fn without_effect(
    file: &File<'_>,
    lines: Lines<'_>,
    changes: &Changes,
    roots: &BTreeMap<String, Root>,
) -> Vec<Diagnostic> {
    let Some(compiled) = &file.compiled else { return Vec::new() };
    let has_effect = |name: &str| {
        compiled.code.contains(name)
            || roots.values().any(|root| root.name == name || root.why.is_about(name))
    };
    let changed = changes.in_space(Space::Function).filter(|(_, how)| *how == Change::Changed);
    let without = changed.filter(|(name, _)| !has_effect(name)).filter_map(|(name, _)| {
        let (item, one) = file.new.function(name)?;
        // Several functions of one macro share a text, and one of them has the code.
        let is_alone = declarations(file.new.items().get(item)?).len() == 1;
        let is_init = one.section.as_deref().is_some_and(|name| name.starts_with(".init"));
        (is_alone && !is_init).then(|| {
            let message = format!("the change of `{name}` does not reach its code");
            let note = "the compiler makes the same code of both texts, with this configuration";
            Diagnostic::new(LEFT_OUT, message).at(place(lines, file.new, item), "").note(note)
        })
    });
    without.collect()
}

/// The warning about a header whose code too many other files have.
fn elsewhere(change: &FileChange<'_>, count: usize) -> Diagnostic {
    let message =
        format!("{count} files that are not in the diff may contain code of {}", change.path);
    Diagnostic::new(HEADER_ELSEWHERE, message)
        .at(change.place, "")
        .note("they name what it changes, and keep their copies of its macros and inline functions as they are")
        .help("`kpsc inspect` shows which functions contain a copy of an inline function, with debug information of the target")
}

/// The warning about a header that no file was found for.
fn unread_header(change: &FileChange<'_>) -> Diagnostic {
    let message = format!("files that are not in the diff may contain code of {}", change.path);
    Diagnostic::new(HEADER_ELSEWHERE, message)
        .at(change.place, "")
        .note("no file that includes it was found, so what it changes is unknown")
        .help(
            "add a file that includes it to the diff, with a change that only touches white space",
        )
}

/// Adds what the fix brings along: new files, and headers as they are with the fix.
fn add_new_files(fix: &Fix<'_>, headers: &BTreeMap<String, String>, import: &mut Import) {
    for change in &fix.files {
        if let (Edit::Create(_), true) = (&change.edit, change.path.ends_with(".c")) {
            if let Ok(text) = change.apply("") {
                import.files.insert(change.path.clone(), text);
                import.new_files.insert(change.path.clone());
            }
        }
    }
    // A header may be included by another one alone.
    let mut missing: Vec<&String> = headers.keys().collect();
    loop {
        let is_included =
            |path: &&String| import.files.values().any(|text| text.contains(&relative_end(path)));
        let (found, rest): (Vec<&String>, Vec<&String>) =
            missing.into_iter().partition(is_included);
        if found.is_empty() {
            return;
        }
        for path in found {
            import.files.insert(path.clone(), headers[path].clone());
        }
        missing = rest;
    }
}

/// The end of an `#include` line that names a header of the patch.
fn relative_end(path: &str) -> String {
    format!("{}\"", path.rsplit('/').next().unwrap_or(path))
}

/// The text with the changed headers included from beside the spec, each before the line that would
/// include the kernel's own first: its guard keeps that away.
fn with_headers(text: String, file: &File<'_>, headers: &BTreeMap<String, String>) -> String {
    let mut used = used_headers(file, headers);
    let changed = used.clone();
    let up = "../".repeat(file.path.matches('/').count());
    let own = |path: &str| format!("#include \"{up}{path}\" /* with the fix */\n");
    let mut lines: Vec<String> = Vec::new();
    for line in text.split_inclusive('\n') {
        let spelled = line.trim().strip_prefix("#include").map(str::trim);
        let Some((path, brings)) = spelled.and_then(|spelled| included(file, spelled)) else {
            lines.push(line.to_owned());
            continue;
        };
        for Brought { path, behind } in brings {
            if let Some(path) = used.take(&path.as_str()) {
                lines.extend(behind.iter().map(|name| format!("#include <{name}>\n")));
                lines.push(own(path));
            }
        }
        if path.is_none_or(|path| !changed.contains(path)) {
            lines.push(line.to_owned());
        }
    }
    // The line that brings them is not needed.
    let first = lines.iter().position(|line| line.starts_with("#include"));
    lines.insert(first.unwrap_or(lines.len()), used.into_iter().map(own).collect());
    lines.concat()
}

/// The changed headers that a file includes, itself or through others.
fn used_headers<'h>(file: &File<'_>, headers: &'h BTreeMap<String, String>) -> BTreeSet<&'h str> {
    let mut used = BTreeSet::new();
    let mut add = |path: &str| {
        if let Some((path, _)) = headers.get_key_value(path) {
            used.insert(path.as_str());
        }
    };
    for item in file.new.items() {
        match &item.kind {
            ItemKind::Include { path, brings, .. } => {
                let brought = brings.iter().map(|one| &one.path);
                path.iter().chain(brought).for_each(|path| add(path));
            }
            ItemKind::Declarations(all) => {
                for used in all.iter().flat_map(|one| &one.uses) {
                    if let At::Header(path) = &used.at {
                        add(path);
                    }
                }
            }
            _ => {}
        }
    }
    used
}

/// The file that an `#include` of this spelling names, and the changed headers that it brings.
fn included<'f>(file: &'f File<'_>, spelled: &str) -> Option<(Option<&'f str>, &'f [Brought])> {
    file.new.items().iter().find_map(|item| match &item.kind {
        ItemKind::Include { spelled: own, path, brings, .. } if own == spelled => {
            Some((path.as_deref(), brings.as_slice()))
        }
        _ => None,
    })
}
