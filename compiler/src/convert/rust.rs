// SPDX-License-Identifier: GPL-2.0
//! The Rust of a crate as text: the author's snippets, moved, and printed tokens of the plan.

use super::WIDTH;
use crate::Checked;
use kps_codegen::rust_type;
use kps_grammar::ast::Code;
use kps_grammar::{carried_block, carried_piece, Sources};
use kps_plan::Type;
use proc_macro2::{Literal, TokenStream};
use quote::quote;

/// An author's block with braces around it, for a line that starts at an indentation.
pub(super) fn block(sources: &Sources, code: Code, indent: usize) -> String {
    let file = sources.file(code.span.start);
    let block = carried_block(&file.source.text, file.local(code.span), indent + super::INDENT);
    if block.comment.is_none() && block.lines.is_empty() {
        return "{}".to_owned();
    }
    let comment = block.comment.map(|comment| format!(" {comment}")).unwrap_or_default();
    let lines: String = block.lines.iter().map(|line| format!("{line}\n")).collect();
    format!("{{{comment}\n{lines}{:indent$}}}", "")
}

/// A block on one line, if it is one expression without a line comment, which would hide the brace,
/// and fits after `before` characters.
pub(super) fn short_block(sources: &Sources, code: Code, before: usize) -> Option<String> {
    let text = sources.slice(code.span).trim();
    let is_short = !text.contains(['\n', ';']) && !text.contains("//") && !text.is_empty();
    let text = format!("{{ {text} }}");
    (is_short && before + text.len() <= WIDTH).then_some(text)
}

/// An author's type, value or item that starts at an indentation.
pub(super) fn piece(sources: &Sources, code: Code, indent: usize) -> String {
    let file = sources.file(code.span.start);
    let mut text = carried_piece(&file.source.text, file.local(code.span), indent);
    text.truncate(text.trim_end().len());
    text
}

/// The same, for text that continues on the line: a line comment at its end must not hide that
/// text.
pub(super) fn inline(sources: &Sources, code: Code, indent: usize) -> String {
    let mut text = piece(sources, code, indent);
    if text.lines().next_back().is_some_and(|last| last.contains("//")) {
        text += &format!("\n{:indent$}", "");
    }
    text
}

/// A kernel type in the form that bodies use.
pub(super) fn kernel_type(checked: &Checked, ty: &Type) -> String {
    printed(rust_type(&checked.patch().kernel.types, ty))
}

/// A type on one line. The names of kpsc's runtime are in a crate here.
fn printed(ty: TokenStream) -> String {
    const START: &str = "type T = ";
    let Ok(file) = syn::parse2::<syn::File>(quote!(type T = #ty;)) else {
        unreachable!("what codegen gives as a type is one")
    };
    let text = prettyplease::unparse(&file);
    let text = text.trim_end().trim_start_matches(START).trim_end_matches(';');
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.replace("( ", "(").replace(", )", ")").replace("crate::kps::", "kps::")
}

/// A text as a literal.
pub(super) fn literal(text: &str) -> String {
    Literal::string(text).to_string()
}
