// SPDX-License-Identifier: GPL-2.0
//! Converts a checked spec to the equivalent crate: `src/lib.rs` with the attributes of patch
//! crates, and the files beside it.
//!
//! The output has three parts. Tokens: types, names and prototypes that the spec leaves to the
//! kernel, from the plan; names as identifiers, and the patch's strings as literals. The author's
//! own text: bodies, items, types and initial values, which move by lines, as `kpsc fmt` moves
//! them, and stay between their braces. And comments, which stay comments. No other text of the
//! author gets into the crate, so the conversion turns nothing into Rust that was not Rust in the
//! spec.

mod comments;
mod functions;
mod pieces;
mod refuse;
mod rust;
mod tests;

use crate::emit::{crate_files, Files};
use crate::project::Home;
use crate::Checked;
use comments::{Below, Comments};
use kps_codegen::names::ident;
use kps_diag::{any_error, Diagnostic};
use kps_grammar::ast;
use kps_grammar::{Language, Sources, Span};
use pieces::{Piece, What};

/// The indentation of items in the patch's module.
const INDENT: usize = 4;
/// The indentation in a block of such an item.
const INNER: usize = 2 * INDENT;
/// The maximum width of a line, as in rustfmt.
const WIDTH: usize = 100;

/// Converts a patch to a crate with this home. Without files there is at least one error.
pub fn convert(
    checked: &Checked,
    sources: &Sources,
    home: &Home,
) -> (Option<Files>, Vec<Diagnostic>) {
    let patch = checked.written();
    let mut diagnostics = refuse::refuse(checked, sources);
    if any_error(&diagnostics) {
        return (None, diagnostics);
    }
    let mut pieces = pieces::pieces(checked, sources);
    pieces.sort_by_key(|piece| piece.place);
    let comments = Comments::of(patch, sources);
    let mut lost = comments.give(sources, &mut pieces);
    lost.extend(functions::comments_below(patch, sources));
    diagnostics.extend(refuse::lost(&lost));

    let mut files = crate_files(&patch.name.value, home);
    files.0.insert("src/lib.rs".into(), lib(patch, sources, &comments, &pieces));
    files.0.extend(tests::file(patch, sources, &pieces).map(|text| ("tests.kps".to_owned(), text)));
    let in_c = sources.files().filter(|file| file.language == Language::C);
    files.0.extend(in_c.map(|file| (file.path.clone(), file.source.text.clone())));
    (Some(files), diagnostics)
}

/// The crate's root.
fn lib(patch: &ast::Patch, sources: &Sources, comments: &Comments, pieces: &[Piece]) -> String {
    let name = &patch.name.value;
    let mut text = String::new();
    for &comment in &comments.of_file {
        text += &format!("{}\n", comments::carried(sources, comment, 0, Below::Nothing));
    }
    text += &format!("//! The livepatch `{name}`.\n\nuse kps::prelude::*;\n\n");
    for line in &patch.docs {
        text += format!("/// {line}").trim_end();
        text.push('\n');
    }
    text += &attribute(sources, pieces);
    text += &format!("mod {} {{\n{}}}\n", ident(name), items(sources, pieces));
    text
}

/// `#[livepatch(..)]`: on one line where rustfmt would do so.
fn attribute(sources: &Sources, pieces: &[Piece]) -> String {
    /// `attr_fn_like_width` of rustfmt.
    const ONE_LINE: usize = 70;
    let arguments: Vec<_> =
        pieces.iter().filter(|piece| matches!(piece.what, What::Argument)).collect();
    let all = arguments.iter().map(|piece| piece.text.as_str()).collect::<Vec<_>>().join(", ");
    if arguments.iter().all(|piece| piece.comments.is_empty()) && all.len() <= ONE_LINE {
        return format!("#[livepatch({all})]\n");
    }
    let lines = arguments.iter().enumerate().map(|(n, piece)| {
        let comma = if n + 1 < arguments.len() { "," } else { "" };
        format!("{}{:INDENT$}{}{comma}\n", piece.comments_above(sources, INDENT), "", piece.text)
    });
    format!("#[livepatch(\n{})]\n", lines.collect::<String>())
}

/// The items of the module, in the order of the spec.
fn items(sources: &Sources, pieces: &[Piece]) -> String {
    let is_item = |piece: &&Piece| !matches!(piece.what, What::Argument | What::Test);
    let mut groups: Vec<Vec<&Piece>> = Vec::new();
    for piece in pieces.iter().filter(is_item) {
        let home = match &piece.what {
            // Consecutive symbols of one object share a block. All functions of one C file share a
            // block.
            What::Symbol(_) => groups.last_mut().filter(|group| group[0].what == piece.what),
            What::InC(_) => groups.iter_mut().find(|group| group[0].what == piece.what),
            _ => None,
        };
        match home {
            Some(group) => group.push(piece),
            None => groups.push(vec![piece]),
        }
    }
    // A module sees only the macros of items before it.
    if let Some(last) = groups.iter().rposition(|group| group[0].what == What::Item) {
        let behind = groups.split_off(last + 1);
        let (modules, others): (Vec<_>, Vec<_>) =
            groups.into_iter().partition(|group| group[0].what == What::Module);
        groups = others.into_iter().chain(modules).chain(behind).collect();
    }
    let mut text = String::new();
    let mut before: Option<&Piece> = None;
    for group in &groups {
        if before.is_some_and(|last| is_set_apart(sources, last, group[0])) {
            text.push('\n');
        }
        text += &shown(sources, group);
        before = Some(group[0]);
    }
    text
}

/// Whether two items are separated by an empty line: between Rust items the author's choice stays.
fn is_set_apart(sources: &Sources, last: &Piece, next: &Piece) -> bool {
    let start = next
        .comments
        .iter()
        .map(|comment| comment.start)
        .min()
        .unwrap_or(next.place)
        .min(next.place);
    let both_are_items = last.what == What::Item && next.what == What::Item;
    if !both_are_items || start < last.end {
        return true;
    }
    sources.slice(Span::new(last.end, start)).matches('\n').count() > 1
}

/// One item, or one block with several.
fn shown(sources: &Sources, group: &[&Piece]) -> String {
    let each = |indent: usize| {
        let members = group.iter().map(move |piece| {
            let comments = piece.comments_above(sources, indent);
            format!("{comments}{:indent$}{}\n", "", piece.text)
        });
        members.collect::<String>()
    };
    match &group[0].what {
        What::Symbol(of) | What::InC(of) => {
            format!(
                "{:INDENT$}#[{of}]\n{:INDENT$}extern \"C\" {{\n{}{:INDENT$}}}\n",
                "",
                "",
                each(INNER),
                ""
            )
        }
        _ => each(INDENT),
    }
}
