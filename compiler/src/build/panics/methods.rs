// SPDX-License-Identifier: GPL-2.0
//! Methods of `core` that panic, and what to write instead: the reason is in the library, where the
//! author can change nothing.

use super::{by, Cause};
use crate::build::author::Author;
use kps_grammar::Span;

/// The methods by their names; [`Cause::path`] holds them, separated by spaces.
const METHODS: &[Cause] = &[
    by("sum", "the sum may overflow", "write `.fold(0, |sum, value| sum.wrapping_add(value))`"),
    by(
        "product",
        "the product may overflow",
        "write `.fold(1, |product, value| product.wrapping_mul(value))`",
    ),
    by("abs", "the smallest number has no positive one", "write `unsigned_abs` or `wrapping_abs`"),
    by("pow", "the power may overflow", "write `checked_pow`, `saturating_pow` or `wrapping_pow`"),
    by(
        "next_power_of_two",
        "the power may overflow",
        "write `checked_next_power_of_two`, which gives an `Option`",
    ),
    by("next_multiple_of", "it may overflow", "write `checked_next_multiple_of`"),
    by("div_ceil", "the divisor may be 0", "test for 0 first"),
    by("div_euclid", "the divisor may be 0", "write `checked_div_euclid`, which gives an `Option`"),
    by("rem_euclid", "the divisor may be 0", "write `checked_rem_euclid`, which gives an `Option`"),
    by("ilog2", "the number may be 0", "write `checked_ilog2`, which gives an `Option`"),
    by("ilog10", "the number may be 0", "write `checked_ilog10`, which gives an `Option`"),
    by("split_at", "it may be too short", "write `split_at_checked`, which gives an `Option`"),
    by(
        "split_at_mut",
        "it may be too short",
        "write `split_at_mut_checked`, which gives an `Option`",
    ),
    by(
        "copy_from_slice clone_from_slice",
        "the lengths may differ",
        "write `for (to, from) in to.iter_mut().zip(from) { *to = *from; }`, which stops at the shorter one",
    ),
    by(
        "chunks chunks_mut chunks_exact chunks_exact_mut rchunks windows step_by",
        "the size may be 0",
        "test for 0 first, or write `.max(1)` behind the size",
    ),
    by("swap", "an index may be out of bounds", "compare the indices with `.len()` first"),
    by(
        "rotate_left rotate_right",
        "it may be too short",
        "compare the number with `.len()` first",
    ),
    by("clamp", "the limits may be in the wrong order", "write `.max(least).min(most)`"),
];

/// What is known of the method that the author calls at a place.
pub(super) fn method(span: Span, author: Author<'_>) -> Option<&'static Cause> {
    let file = author.sources.file(span.start);
    let local = file.local(span);
    let (before, rest) = file.source.text.split_at_checked(local.start)?;
    let end = rest.find(|c: char| c != '_' && !c.is_ascii_alphanumeric())?;
    let (name, rest) = rest.split_at(end);
    let is_called = before.ends_with('.') && (rest.starts_with('(') || rest.starts_with("::"));
    METHODS.iter().find(|cause| is_called && cause.path.split(' ').any(|known| known == name))
}
