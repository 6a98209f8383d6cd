// SPDX-License-Identifier: GPL-2.0
//! Reads the files that a spec names, and the files that these include, and adds them to its text.

use super::decode;
use crate::resolve::{is_path, near, refused_path, FileKind};
use kps_diag::{list, Diagnostic, FILE_OUTSIDE, PATCH_TOO_LARGE};
use kps_grammar::ast::{self, Text};
use kps_grammar::{tokens, Language, Source, Sources, Span};
use kps_host::below::{is_below, Reader, Unread};
use kps_host::input::{self, Limit};
use std::collections::BTreeSet;
use std::path::Path;

/// Reads the Rust and C files that a spec names, and the files beside these that C files include.
/// Returns the errors. A path that a spec cannot have gets an error about the path.
pub(super) fn read(
    patch: &ast::Patch,
    sources: &mut Sources,
    reader: &mut Reader<'_>,
) -> Vec<Diagnostic> {
    let functions = || patch.objects.iter().flat_map(|object| &object.funcs);
    let in_rust = functions().filter_map(|func| func.replace_from.as_ref());
    let in_rust = in_rust.chain(patch.modules.iter().map(|module| &module.file));
    let in_c = functions().filter_map(|func| func.replace_c.as_ref());
    let in_c = in_c.chain(patch.c_files.iter().map(|item| &item.file));
    let in_rust = in_rust.filter(|file| is_path(&file.value, FileKind::Rust));
    let in_c = in_c.filter(|file| is_path(&file.value, FileKind::C));
    let all =
        in_rust.map(|file| (Language::Rust, file)).chain(in_c.map(|file| (Language::C, file)));
    let mut errors = Vec::new();
    for (language, file) in all {
        let read = match language {
            Language::C => read_with_includes(file, sources, reader),
            _ => read_rust(file, sources, reader),
        };
        if let Err(error) = read {
            let is_last = error.code == PATCH_TOO_LARGE;
            errors.push(error);
            // The same holds for every other file.
            if is_last {
                break;
            }
        }
    }
    errors
}

/// Reads one file that a spec names.
pub fn read_text(
    spec: &str,
    file: &Text,
    kind: FileKind,
    limit: Limit,
    reader: &mut Reader<'_>,
) -> Result<Source, Diagnostic> {
    let bytes = read_bytes(spec, file, kind, limit, reader)?;
    let name = Path::new(spec).with_file_name(&file.value);
    decode(name.display().to_string(), bytes).map_err(|error| error.at(file.span, ""))
}

/// The bytes of a file that a spec names. It is below the spec's folder, so that a spec reads only
/// files that came with it.
pub(super) fn read_bytes(
    spec: &str,
    file: &Text,
    kind: FileKind,
    limit: Limit,
    reader: &mut Reader<'_>,
) -> Result<Vec<u8>, Diagnostic> {
    if !is_path(&file.value, kind) {
        return Err(refused_path(file, kind));
    }
    let unread = |unread| unreadable(unread, spec, file, kind);
    reader.read(Path::new(&file.value), limit).map_err(unread)
}

fn read_rust(
    file: &Text,
    sources: &mut Sources,
    reader: &mut Reader<'_>,
) -> Result<(), Diagnostic> {
    if sources.find(Language::Rust, &file.value).is_none() {
        let spec = sources.spec().name.clone();
        let text = read_text(&spec, file, FileKind::Rust, input::RUST_FILE, reader)?;
        sources.add(Language::Rust, &file.value, text);
    }
    Ok(())
}

fn read_with_includes(
    file: &Text,
    sources: &mut Sources,
    reader: &mut Reader<'_>,
) -> Result<(), Diagnostic> {
    let spec = sources.spec().name.clone();
    let mut seen = BTreeSet::from([file.value.clone()]);
    let mut pending = vec![(file.clone(), FileKind::C)];
    while let Some((file, kind)) = pending.pop() {
        if sources.find(Language::C, &file.value).is_some() {
            continue;
        }
        let text = read_text(&spec, &file, kind, input::C_FILE, reader)?;
        let read = sources.add(Language::C, &file.value, text);
        let folder = Path::new(&file.value).parent().unwrap_or(Path::new(""));
        for (name, span) in includes(&read.source.text) {
            let span = read.global(span);
            let Some(value) = below(folder, name) else {
                let message = format!("{name:?} is outside the spec's folder");
                return Err(Diagnostic::new(FILE_OUTSIDE, message)
                    .at(span, "")
                    .help("put the file there, and include it from there; `<../fs/mount.h>` is a header beside the kernel's sources"));
            };
            // A header that is not beside the file is the kernel's.
            if seen.insert(value.clone()) && is_below(folder_of(&spec), &value) {
                pending.push((Text { value, span }, FileKind::Header));
            }
        }
    }
    Ok(())
}

/// The paths that the `#include "FILE"` lines of a C file name from its own place, below the folder
/// that its path starts from.
pub fn included(path: &str, text: &str) -> Vec<String> {
    let folder = Path::new(path).parent().unwrap_or(Path::new(""));
    includes(text).filter_map(|(name, _)| below(folder, name)).collect()
}

/// The `#include "FILE"` lines of a C file, with the spans of the names.
fn includes(text: &str) -> impl Iterator<Item = (&str, Span)> {
    let mut before = ["", ""];
    tokens(text, Language::C).filter_map(move |(at, token)| {
        let is_included = before == ["#", "include"];
        before = [before[1], token];
        let name = token.strip_prefix('"')?.strip_suffix('"').filter(|_| is_included)?;
        Some((name, Span::new(at + 1, at + 1 + name.len())))
    })
}

/// A path relative to a folder, with `.` and `..` resolved; `None` if it leaves the top folder.
fn below(folder: &Path, path: &str) -> Option<String> {
    let mut parts: Vec<&str> =
        folder.to_str()?.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/")).filter(|_| !path.starts_with('/'))
}

/// The error about a file that a spec names.
fn unreadable(unread: Unread, spec: &str, file: &Text, kind: FileKind) -> Diagnostic {
    let name = &file.value;
    let error = match unread {
        Unread::Link => Diagnostic::new(FILE_OUTSIDE, format!("{name:?} is a link, or below one"))
            .note("a link may lead out of the spec's folder")
            .help("put the file itself there"),
        Unread::Missing => Diagnostic::new(
            FILE_OUTSIDE,
            format!("there is no file {name:?} beside the spec"),
        )
        .help(match similar(spec, file, kind).as_slice() {
            [] => "put the file in the spec's folder or below, and name it relative to that folder"
                .to_owned(),
            found => format!("did you mean {}?", list(found, "or")),
        }),
        other => other.about(&Path::new(spec).with_file_name(name)),
    };
    error.at(file.span, "")
}

/// Files beside the spec with a name similar to that of a missing file. Subfolders are not
/// searched, because they may be links to anywhere.
fn similar(spec: &str, file: &Text, kind: FileKind) -> Vec<String> {
    /// A spec has few files beside it, but its folder may contain any number.
    const LOOKED_AT: usize = 1000;
    let entries =
        std::fs::read_dir(folder_of(spec)).into_iter().flatten().flatten().take(LOOKED_AT);
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let names: Vec<String> = names.filter(|name| is_path(name, kind)).collect();
    near(&file.value, names.iter().map(String::as_str))
}

/// The folder of a spec.
pub fn folder_of(spec: &str) -> &Path {
    let folder = Path::new(spec).parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn includes_of_files_are_found() {
        let text = "#include <linux/fs.h>\n #  include \"own.h\" // x\n#include\"b.h\"\nint x; // #include \"no.h\"\n/*\n#include \"no.h\"\n*/\n";
        let found: Vec<_> = includes(text).collect();
        assert_eq!(found.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["own.h", "b.h"]);
        assert!(found.iter().all(|(name, span)| &text[span.start..span.end] == *name));
    }

    #[test]
    fn a_path_is_followed_as_far_as_it_stays_below() {
        let from = |path| below(Path::new("net/fix"), path);
        let found =
            ["./a.h", "../a.h", "../../a.h", "b/../a.h"].map(|path| from(path).unwrap_or_default());
        assert_eq!(found, ["net/fix/a.h", "net/a.h", "a.h", "net/fix/a.h"]);
        assert_eq!(["../../../a.h", "/a.h", "../../../net/a.h"].map(from), [None, None, None]);
    }
}
