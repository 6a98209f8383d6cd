//! The files that a spec names, and those that they include: read, and kept with its text.

use crate::diag::{Diagnostic, KPS0214};
use crate::input;
use crate::resolve::is_c_path;
use kps_grammar::ast::{self, Text};
use kps_grammar::Source;
use std::path::{Component, Path, PathBuf};

/// Reads the files in C that a spec names, and what they include from beside them. Returns what cannot be read.
pub(super) fn read(patch: &ast::Patch, source: &mut Source) -> Vec<Diagnostic> {
    let functions = patch.objects.iter().flat_map(|object| &object.funcs);
    let bodies = functions.filter_map(|func| func.replace_c.as_ref());
    let mut errors = Vec::new();
    let all = bodies.chain(patch.c_files.iter().map(|item| &item.file));
    // Other paths are refused for what they are.
    for file in all.filter(|file| is_c_path(&file.value)) {
        if let Err(error) = read_with_includes(file, source) {
            errors.push(error);
        }
    }
    errors
}

fn read_with_includes(file: &Text, source: &mut Source) -> Result<(), Diagnostic> {
    let mut pending = vec![file.value.clone()];
    while let Some(name) = pending.pop() {
        if source.files.contains_key(&name) {
            continue;
        }
        // What a file includes and is not beside it is the kernel's.
        if name != file.value && !folder_of(&source.name).join(&name).exists() {
            continue;
        }
        let path = beside(&source.name, &Text { value: name.clone(), span: file.span })?;
        let text = input::read_text(&path, input::C_FILE).map_err(|error| error.at(file.span, ""))?;
        let folder = Path::new(&name).parent().unwrap_or(Path::new(""));
        pending.extend(includes(&text).filter_map(|included| below(&folder.join(included))));
        source.files.insert(name, text);
    }
    Ok(())
}

/// What a file in C includes by `#include "FILE"`.
fn includes(text: &str) -> impl Iterator<Item = &str> {
    text.lines().filter_map(|line| {
        let directive = line.trim_start().strip_prefix('#')?.trim_start();
        directive.strip_prefix("include")?.trim_start().strip_prefix('"')?.split('"').next()
    })
}

/// A path that goes down only, as text.
fn below(path: &Path) -> Option<String> {
    let down = path.components().all(|part| matches!(part, Component::Normal(_)));
    path.to_str().filter(|_| down).map(str::to_owned)
}

/// The path of a file that a spec names: below the folder of the spec, so that a spec reads nothing that was not given with it.
pub(super) fn beside(spec: &str, file: &Text) -> Result<PathBuf, Diagnostic> {
    let outside = || {
        Diagnostic::error(KPS0214, format!("{:?} is not below the folder of the spec", file.value))
            .at(file.span, "")
            .help("put the file beside the spec, and name it from there")
    };
    let path = below(Path::new(&file.value)).filter(|path| !path.is_empty()).ok_or_else(outside)?;
    let folder = folder_of(spec);
    let full = folder.join(path);
    // A link may lead anywhere.
    match (folder.canonicalize(), full.canonicalize()) {
        (Ok(folder), Ok(real)) if real.starts_with(&folder) => Ok(full),
        (Ok(_), Ok(_)) => Err(outside()),
        _ => Err(Diagnostic::error(KPS0214, format!("there is no file {:?} beside the spec", file.value))
            .at(file.span, "")
            .help("put the file beside the spec, or below, and name it from there")),
    }
}

/// The folder that a spec lies in.
fn folder_of(spec: &str) -> &Path {
    let folder = Path::new(spec).parent().filter(|folder| !folder.as_os_str().is_empty());
    folder.unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn includes_of_files_are_found() {
        let text = "#include <linux/fs.h>\n #  include \"own.h\" // x\n#include\"b.h\"\nint x; // #include \"no.h\"\n";
        assert_eq!(includes(text).collect::<Vec<_>>(), ["own.h", "b.h"]);
    }
}
