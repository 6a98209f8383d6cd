// SPDX-License-Identifier: GPL-2.0
//! What can stand at a place: keywords of the level, names of the kernel and of the patch, members,
//! and the repair of the message there.

use super::documents::Document;
use super::names::{self, Named};
use super::position::Encoding;
use super::repairs::{self, Repair};
use crate::inspect::Member;
use kps_facts::Facts;
use kps_grammar::ast::{Construct, Level};
use kps_grammar::{Cursor, Span};
use kps_plan::ObjectName;
use lsp_types::{
    CompletionItem, CompletionItemKind, CompletionList, CompletionTextEdit, Documentation, TextEdit,
};

/// The most names that are offered at once; a client asks again when more is typed.
const MOST: usize = 200;

/// What is offered at a byte of a spec. `members` are those of the expression before it.
pub(super) fn completion(
    document: &Document,
    facts: Option<&Facts>,
    members: Option<Vec<Member>>,
    byte: usize,
    encoding: Encoding,
) -> CompletionList {
    let range = |span| encoding.range(&document.source, span);
    let repairs = repairs::at(document, byte).into_iter();
    let mut items: Vec<CompletionItem> =
        repairs.map(|repair| of_repair(&repair, range(repair.span))).collect();
    let mut is_incomplete = false;
    if let Some(cursor) = Cursor::at(&document.source.text, byte) {
        let typed = &document.source.text[cursor.word.start..byte];
        let mut named = match members {
            Some(members) => members.into_iter().map(of_member).collect(),
            None => offered(document, facts, &cursor, typed),
        };
        let is_new = |named: &Named| items.iter().all(|item| item.label != named.name);
        named.retain(|named| named.name.starts_with(typed) && is_new(named));
        is_incomplete = named.len() > MOST;
        named.truncate(MOST);
        let word = Span::new(cursor.word.start, byte);
        items.extend(named.into_iter().map(|named| of_name(named, range(word))));
    }
    CompletionList { is_incomplete, items }
}

fn offered(
    document: &Document,
    facts: Option<&Facts>,
    cursor: &Cursor<'_>,
    typed: &str,
) -> Vec<Named> {
    let object = cursor.name_of(Level::Object);
    let object = object.as_deref().unwrap_or(ObjectName::IMAGE);
    if let Some(keyword) = cursor.body() {
        return names::in_body(document, facts, cursor, (object, keyword), typed);
    }
    match (cursor.level(), cursor.head.as_slice(), facts) {
        (Some(level), [], _) => level.constructs().map(of_construct).collect(),
        (Some(Level::Object), ["use"], _) => ["fn", "static", "percpu"].map(Named::word).into(),
        (Some(Level::Object), ["fn"], Some(facts)) => names::changeable(facts, object, typed),
        (Some(Level::Object), ["use", "fn"], Some(facts)) => names::functions(facts, object, typed),
        (Some(Level::Object), ["use", _], Some(facts)) => names::variables(facts, object, typed),
        (Some(Level::Patch), ["object"], facts) => names::objects(facts),
        _ => Vec::new(),
    }
}

fn of_construct(construct: &Construct) -> Named {
    Named { detail: Some(construct.spec.to_owned()), ..Named::word(construct.keyword) }
}

fn of_member(member: Member) -> Named {
    Named { name: member.name, kind: CompletionItemKind::FIELD, detail: Some(member.ty) }
}

fn of_name(named: Named, range: lsp_types::Range) -> CompletionItem {
    let Named { name, kind, detail } = named;
    CompletionItem {
        label: name.clone(),
        kind: Some(kind),
        detail,
        text_edit: Some(CompletionTextEdit::Edit(TextEdit { range, new_text: name })),
        ..CompletionItem::default()
    }
}

/// The repair comes first, although it does not start with what is there.
fn of_repair(repair: &Repair, range: lsp_types::Range) -> CompletionItem {
    let new_text = repair.after.clone();
    CompletionItem {
        label: repair.after.trim_matches('"').to_owned(),
        kind: Some(CompletionItemKind::TEXT),
        detail: Some(format!("in place of `{}`", repair.before.trim_matches('"'))),
        documentation: Some(Documentation::String(repair.message.clone())),
        preselect: Some(true),
        sort_text: Some(String::new()),
        filter_text: Some(repair.before.clone()),
        text_edit: Some(CompletionTextEdit::Edit(TextEdit { range, new_text })),
        ..CompletionItem::default()
    }
}
