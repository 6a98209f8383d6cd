// SPDX-License-Identifier: GPL-2.0
//! The members of what an expression in a body is. `check` knows the types of expressions, and says
//! so when a member does not exist: a name that no struct has is put in the member's place, and the
//! message names the struct.

use super::documents::Found;
use crate::inspect::Member;
use kps_diag::NO_SUCH_MEMBER;
use kps_grammar::{Cursor, Span};

/// The name that no struct has.
const NONE: &str = "no_member_has_this_name";

/// Whether a member stands at a place.
pub(super) fn is_member(text: &str, cursor: &Cursor<'_>) -> bool {
    cursor.body().is_some() && text[..cursor.word.start].ends_with('.')
}

/// The spec with the other name in place of a member's.
pub(super) fn question(text: &str, word: Span) -> String {
    let (before, behind) = (&text[..word.start], &text[word.end..]);
    // While a statement is typed, the next one stands behind it.
    let next = behind.trim_start();
    let is_name = next.starts_with(|c: char| c.is_alphabetic() || c == '_' || c == '*');
    let is_other = is_name && next.len() < behind.len() && !next.starts_with("as ");
    let end = if is_other { ";" } else { "" };
    format!("{before}{NONE}{end}{behind}")
}

/// The struct or union that the answer names.
pub(super) fn record(found: &Found) -> Option<&str> {
    let is_answer = |message: &&str| message.ends_with(&format!("`{NONE}`"));
    let said = found.diagnostics.iter().filter(|found| found.code == NO_SUCH_MEMBER);
    let message = said.map(|found| found.message.as_str()).find(is_answer)?;
    message.split('`').nth(1)
}

/// A member as hover text.
pub(super) fn described(record: &str, member: &Member) -> String {
    let Member { name, ty, offset, size } = member;
    format!("{record}.{name}: {ty}\noffset {offset}, size {size}\n")
}
