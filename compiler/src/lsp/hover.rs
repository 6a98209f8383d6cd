// SPDX-License-Identifier: GPL-2.0
//! What is known of the name at a place, and the page of the message there.

use super::documents::Document;
use super::members::described;
use super::names::parameters;
use super::position::Encoding;
use crate::inspect::{inspect, layout, object_of, symbols, Member};
use crate::resolve::ProbeSpec;
use kps_facts::Facts;
use kps_grammar::ast::Level;
use kps_grammar::Cursor;
use kps_plan::ObjectName;
use lsp_types::{Hover, HoverContents, MarkupContent, MarkupKind};

/// The hover text at a byte of a spec. `members` are those of the struct whose member stands there,
/// and its name.
pub(super) fn hover(
    document: &Document,
    facts: Option<&Facts>,
    members: Option<(String, Vec<Member>)>,
    byte: usize,
    encoding: Encoding,
) -> Option<Hover> {
    let text = &document.source.text;
    let cursor = Cursor::at(text, byte).filter(|cursor| cursor.word.start < cursor.word.end);
    let described = cursor.as_ref().zip(facts).and_then(|(cursor, facts)| {
        let word = &text[cursor.word.start..cursor.word.end];
        match &members {
            Some((record, members)) => {
                let name = |member: &&Member| member.name.trim_end_matches("()") == word;
                members.iter().find(name).map(|member| described(record, member))
            }
            None => of_name(facts, cursor, word),
        }
    });
    let pages = document.found_at(byte).map(|(found, _)| found.code.page().to_owned());
    let known = described.map(|described| format!("```text\n{}\n```\n", described.trim_end()));
    let mut parts: Vec<String> = known.into_iter().chain(pages).collect();
    parts.dedup();
    let range = cursor.map(|cursor| encoding.range(&document.source, cursor.word));
    let value = parts.join("\n---\n\n");
    let contents = HoverContents::Markup(MarkupContent { kind: MarkupKind::Markdown, value });
    (!parts.is_empty()).then_some(Hover { contents, range })
}

/// A parameter, a function of the kernel, or one of its types.
fn of_name(facts: &Facts, cursor: &Cursor<'_>, word: &str) -> Option<String> {
    let function = cursor.body().and_then(|_| cursor.name_of(Level::Func));
    let params = function.map(|function| parameters(facts, &function)).unwrap_or_default();
    if let Some((name, ty)) = params.into_iter().find(|(name, _)| name == word) {
        return Some(format!("{name}: {ty}"));
    }
    let object = cursor.name_of(Level::Object).unwrap_or_else(|| ObjectName::IMAGE.to_owned());
    let is_there = |object: &str| {
        object_of(facts, object).is_some_and(|object| !object.symbols.named(word).is_empty())
    };
    let object = if is_there(&object) { object } else { ObjectName::IMAGE.to_owned() };
    let is_name = cursor.head.contains(&"fn") || cursor.body().is_some();
    if is_name && (is_there(&object) || word.starts_with("sys_")) {
        if let Some(text) = of_function(facts, &object, word) {
            return Some(text);
        }
    }
    (!facts.btf.types(word).is_empty()).then(|| layout(facts, word).ok()).flatten()
}

/// What `kpsc inspect` shows of a function.
fn of_function(facts: &Facts, object: &str, word: &str) -> Option<String> {
    let spec = ProbeSpec::new();
    let text = spec.text();
    let probe = spec.probe(&text, facts);
    let all = symbols(facts, object, crate::inspect::read(word));
    let found = all
        .iter()
        .filter_map(|symbol| Some(inspect(&probe, facts, object, symbol).ok()?.lines(symbol)));
    Some(found.collect::<Vec<_>>().join("\n")).filter(|text| !text.is_empty())
}
