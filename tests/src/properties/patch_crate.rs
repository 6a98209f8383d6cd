// SPDX-License-Identifier: GPL-2.0
//! Patch crates: whatever is in the folder, it is read and becomes the folder that Kbuild builds,
//! or an error says why not.

use super::scratch;
use super::spec::{check_span, on_a_large_stack, show};
use crate::fixture;
use kps_diag::any_error;
use kps_facts::Facts;
use kpsc::check;
use kpsc::emit::{emit_crate, expand_crate, LIBRARY};
use kpsc::input::Input;
use kpsc::resolve::resolve;
use std::path::{Component, Path};
use std::sync::OnceLock;

/// What stands before the path of a file.
const FILE: &str = "=== ";

/// Takes a crate through every stage that needs no compilers.
pub fn patch_crate(data: &[u8]) {
    let folder = scratch();
    write(folder.path(), data);
    on_a_large_stack(|| compile(folder.path()));
}

/// Writes the files into a folder. A file that cannot be there, such as one in place of a folder,
/// is left out.
fn write(folder: &Path, data: &[u8]) {
    let mut rest = data;
    while let Some(start) = find(rest, FILE.as_bytes()) {
        rest = &rest[start + FILE.len()..];
        let end = rest.iter().position(|&byte| byte == b'\n').unwrap_or(rest.len());
        let (path, text) = rest.split_at(end);
        let text = text.get(1..).unwrap_or_default();
        let text = &text[..find(text, b"\n=== ").map_or(text.len(), |end| end + 1)];
        let path = String::from_utf8_lossy(path).into_owned();
        let is_below = |path: &Path| path.components().all(|c| matches!(c, Component::Normal(_)));
        if is_below(Path::new(&path)) && path.len() < 200 {
            let path = folder.join(path);
            let _ = std::fs::create_dir_all(path.parent().unwrap_or(folder))
                .and_then(|()| std::fs::write(path, text));
        }
    }
}

fn find(text: &[u8], word: &[u8]) -> Option<usize> {
    text.windows(word.len()).position(|window| window == word)
}

fn compile(folder: &Path) {
    static KERNEL: OnceLock<Facts> = OnceLock::new();
    // An error about the folder itself has no place in a file.
    let Ok(input) = Input::read(folder) else { return };
    let Input { sources, patch, mut diagnostics, own_files } = input;
    let Some(patch) = patch else {
        assert!(any_error(&diagnostics), "there is neither a patch nor an error");
        return show(&sources, &diagnostics);
    };
    let facts = KERNEL.get_or_init(fixture::facts);
    let (resolved, found) = resolve(&sources, &patch, !any_error(&diagnostics), facts);
    diagnostics.extend(found);
    let checked = resolved.and_then(|resolved| {
        let (checked, found) = check(resolved);
        diagnostics.extend(found);
        checked
    });
    show(&sources, &diagnostics);
    let Some(checked) = checked.filter(|_| !any_error(&diagnostics)) else {
        assert!(any_error(&diagnostics), "nothing is generated and no error says why");
        return;
    };
    let own = own_files.unwrap_or_default();
    let emitted = emit_crate(&checked, &sources, own.clone(), Vec::new());
    for (path, text) in &emitted.files.0 {
        let is_below = Path::new(path).components().all(|c| matches!(c, Component::Normal(_)));
        assert!(is_below, "{path:?} is outside of the folder");
        let is_own = !path.starts_with(&format!("{LIBRARY}/")) && path != "Kbuild";
        assert!(!is_own || own.get(path).is_none_or(|own| own == text), "{path} was changed");
    }
    emitted.pieces.iter().for_each(|&piece| check_span(&sources, piece));
    let expanded = expand_crate(&checked, &sources);
    assert!(syn::parse_file(&expanded).is_ok(), "this is not Rust:\n{expanded}");
}
