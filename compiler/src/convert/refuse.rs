// SPDX-License-Identifier: GPL-2.0
//! Constructs that a spec supports and a crate does not.

use crate::Checked;
use kps_codegen::names::ident;
use kps_diag::{
    Diagnostic, Severity, ALTERNATIVE_LEFT_OUT, INVALID_DOC_COMMENT, LOST_COMMENT,
    NAME_NOT_IN_CRATES, PATH_CHANGES_MEANING,
};
use kps_grammar::ast::{self, Lifetime, Name};
use kps_grammar::{Language, Sources, Span};
use proc_macro2::{TokenStream, TokenTree};
use std::str::FromStr as _;

/// Everything that cannot be converted.
pub(super) fn refuse(checked: &Checked, sources: &Sources) -> Vec<Diagnostic> {
    let patch = checked.written();
    let mut diagnostics = names(patch);
    let described = patch.params.iter().filter_map(|param| param.description.as_ref());
    diagnostics.extend(described.filter(|text| text.value.trim() != text.value).map(|text| {
        Diagnostic::new(
            INVALID_DOC_COMMENT,
            "a description in a crate cannot start or end with a space",
        )
        .at(text.span, "")
        .note("it becomes a doc comment")
        .help("drop the space")
    }));
    let code = super::pieces::code(patch).into_iter().map(|code| code.span);
    let in_rust = sources.files().filter(|file| file.language == Language::Rust);
    let modules =
        in_rust.filter(|file| patch.modules.iter().any(|module| module.file.value == file.path));
    for span in code.chain(modules.map(|file| file.span())) {
        let tokens = TokenStream::from_str(sources.slice(span)).unwrap_or_default();
        if let Some(range) = root_path(tokens) {
            let place = Span::new(span.start + range.start, span.start + range.end);
            diagnostics.push(
                Diagnostic::new(PATH_CHANGES_MEANING, "`crate::` means something else in a crate")
                    .at(place, "")
                    .note("in a crate, the items beside a spec's objects are in the patch's module")
                    .help("write the name alone, or `super::` in a module of your own"),
            );
        }
    }
    diagnostics.extend(patch.absent.iter().map(|&item| {
        Diagnostic::new(ALTERNATIVE_LEFT_OUT, "an item for other kernels is not in the crate")
            .at(item, "")
            .note("the crate is made from what the target says about prototypes and types")
            .help(
                "convert the spec for such a kernel, too, and copy the item with its `#[when(..)]`",
            )
    }));
    let of_objects = patch.objects.iter().filter(|object| !object.when.is_empty());
    diagnostics.extend(of_objects.flat_map(|object| &object.callbacks).map(|callback| {
        let message = "in a crate, a callback cannot have a condition";
        Diagnostic::with(Severity::Error, ALTERNATIVE_LEFT_OUT, message)
            .at(callback.word, "")
            .help("build it from the spec")
    }));
    diagnostics.sort_by_key(|d| d.labels.first().map(|label| label.span));
    diagnostics.dedup_by(|a, b| a.is_about_the_same(b));
    diagnostics
}

/// The message about comments that belong to no converted snippet.
pub(super) fn lost(comments: &[Span]) -> Option<Diagnostic> {
    /// The limit of comments that one message shows.
    const SHOWN: usize = 20;
    let (first, more) = comments.split_first()?;
    let message = match more.len() {
        0 => "a comment is not in the crate".to_owned(),
        more => format!("{} comments are not in the crate", more + 1),
    };
    let remark = Diagnostic::new(LOST_COMMENT, message).at(*first, "");
    let remark = more.iter().take(SHOWN).fold(remark, |remark, &comment| remark.at(comment, ""));
    Some(
        remark
            .note("a comment belongs to the item below it in its block, or to the code before it on its line")
            .help("put it above the code that it describes and convert again, or copy it into the crate"),
    )
}

/// The names that are not valid in Rust where a crate would need them.
fn names(patch: &ast::Patch) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    let declared = std::iter::once(&patch.name)
        .chain(patch.params.iter().map(|param| &param.name))
        .chain(patch.states.iter().map(|state| &state.name))
        .chain(patch.shadows.iter().flat_map(|shadow| [&shadow.name, &shadow.parent]))
        .chain(patch.resources.iter().map(|resource| &resource.name))
        .chain(patch.family.iter().chain(&patch.over))
        .chain(
            patch
                .objects
                .iter()
                .flat_map(|object| object.used_symbols().map(|symbol| &symbol.name)),
        );
    diagnostics.extend(declared.filter(|name| !is_name(&name.value)).map(|name| {
        no_name(name, "a name that a crate declares must be a Rust identifier").help(
            match name.value.contains(['.', '$']) {
                true => "build it from the spec, or call another function".to_owned(),
                false => "rename it in the spec".to_owned(),
            },
        )
    }));
    let ties = patch.shadows.iter().filter_map(|shadow| match &shadow.lifetime {
        Some(Lifetime::FreedBy(tie)) => Some(&tie.symbol.name),
        _ => None,
    });
    let changed = patch.objects.iter().flat_map(|object| {
        let funcs = object.funcs.iter().map(|func| &func.symbol.name);
        std::iter::once(&object.name).chain(funcs)
    });
    diagnostics.extend(changed.chain(ties).filter(|name| !is_tokens(&name.value)).map(|name| {
        no_name(name, "attributes consist of Rust tokens").help("build it from the spec")
    }));
    diagnostics
}

fn no_name(name: &Name, why: &str) -> Diagnostic {
    Diagnostic::new(NAME_NOT_IN_CRATES, format!("`{}` is not a valid name in a crate", name.value))
        .at(name.span, "")
        .note(why)
}

/// Whether a name is a Rust identifier, possibly a raw one.
fn is_name(name: &str) -> bool {
    let ident = ident(name).to_string();
    ident.strip_prefix("r#").unwrap_or(&ident) == name
}

/// Whether Rust's lexer splits a name into tokens that give the same name again.
fn is_tokens(name: &str) -> bool {
    let tokens = TokenStream::from_str(name);
    tokens.is_ok_and(|tokens| tokens.to_string().split_whitespace().collect::<String>() == name)
}

/// The first path that starts at the crate's root.
fn root_path(tokens: TokenStream) -> Option<std::ops::Range<usize>> {
    let all: Vec<TokenTree> = tokens.into_iter().collect();
    for (n, token) in all.iter().enumerate() {
        let found = match token {
            TokenTree::Group(group) => root_path(group.stream()),
            TokenTree::Ident(word) if word == "crate" => {
                let next = all.get(n + 1);
                let is_path =
                    matches!(next, Some(TokenTree::Punct(punct)) if punct.as_char() == ':');
                is_path.then(|| word.span().byte_range())
            }
            _ => None,
        };
        if found.is_some() {
            return found;
        }
    }
    None
}
