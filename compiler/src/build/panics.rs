// SPDX-License-Identifier: GPL-2.0
//! Finds panics in bodies by reading the compiled code, from which the compiler has removed those
//! that it can rule out.
//!
//! A panic is a `BUG()`: it ends the task while it holds its locks, or stops the machine (`panic()`
//! in `rust/kernel/lib.rs`).

mod methods;

use super::author::Author;
use super::is_of_library;
use kps_diag::{Diagnostic, MAY_PANIC};
use kps_grammar::Span;
use kps_link::{Address, CodeLine, CodeLines, ObjectFile, Use};
use std::collections::BTreeMap;

/// The cause of a call to a panic function of `core`, and the fix.
struct Cause {
    /// The start of the function's path.
    path: &'static str,
    what: &'static str,
    help: &'static str,
}

const fn by(path: &'static str, what: &'static str, help: &'static str) -> Cause {
    Cause { path, what, help }
}

const BOUNDS: &str = "core::panicking::panic_bounds_check";
const RANGE: &str = "core::slice::index::";

const CAUSES: &[Cause] = &[
    by(BOUNDS, "the index may be out of bounds", "write `.get(index)`, which gives an `Option`"),
    by(
        "core::panicking::panic_const::panic_const_add_overflow",
        "`+` may overflow",
        "write `checked_add`, `saturating_add` or `wrapping_add`",
    ),
    by(
        "core::panicking::panic_const::panic_const_sub_overflow",
        "`-` may overflow",
        "write `checked_sub`, `saturating_sub` or `wrapping_sub`",
    ),
    by(
        "core::panicking::panic_const::panic_const_mul_overflow",
        "`*` may overflow",
        "write `checked_mul`, `saturating_mul` or `wrapping_mul`",
    ),
    by(
        "core::panicking::panic_const::panic_const_neg_overflow",
        "`-` may overflow",
        "write `checked_neg` or `wrapping_neg`",
    ),
    by(
        "core::panicking::panic_const::panic_const_shl_overflow",
        "`<<` may shift by too much",
        "write `checked_shl` or `wrapping_shl`",
    ),
    by(
        "core::panicking::panic_const::panic_const_shr_overflow",
        "`>>` may shift by too much",
        "write `checked_shr` or `wrapping_shr`",
    ),
    by(
        "core::panicking::panic_const::panic_const_div_by_zero",
        "the divisor may be 0",
        "write `checked_div`, which gives an `Option`",
    ),
    by(
        "core::panicking::panic_const::panic_const_rem_by_zero",
        "the divisor may be 0",
        "write `checked_rem`, which gives an `Option`",
    ),
    by(
        "core::panicking::panic_const::panic_const_div_overflow",
        "`/` may overflow",
        "write `checked_div` or `wrapping_div`",
    ),
    by(
        "core::panicking::panic_const::panic_const_rem_overflow",
        "`%` may overflow",
        "write `checked_rem` or `wrapping_rem`",
    ),
    by(
        "core::option::unwrap_failed",
        "it may be `None`",
        "write `let Some(value) = .. else { .. }`",
    ),
    by(
        "core::option::expect_failed",
        "it may be `None`",
        "write `let Some(value) = .. else { .. }`",
    ),
    by(
        "core::result::unwrap_failed",
        "it may be an error, or no error",
        "write `let Ok(value) = .. else { .. }`, or `match`",
    ),
    by(RANGE, "the range may be out of bounds", "write `.get(from..to)`, which gives an `Option`"),
    by("core::slice::", "the lengths may differ", "compare the lengths first"),
    by(
        "core::str::",
        "the range may not fit the string",
        "write `.get(from..to)`, which gives an `Option`",
    ),
    by("core::cell::panic_", "it may be borrowed", "write `try_borrow` or `try_borrow_mut`"),
    by("core::panicking::", "it may panic", "return an error number, or leave the body early"),
];

/// Where the kernel's own crate is. Its lengths and indices are those of memory that it has
/// allocated.
const KERNEL_CRATE: &str = "rust/kernel/";

/// Files of `core` in which an operator cannot overflow, because it counts bytes or elements in
/// memory, or because the digits of a number are too few for it.
const SOUND: [&str; 7] = [
    "core/src/ffi/c_str.rs",
    "core/src/iter/adapters/enumerate.rs",
    "core/src/iter/adapters/filter.rs",
    "core/src/num/mod.rs",
    "core/src/slice/memchr.rs",
    "core/src/str/iter.rs",
    "core/src/str/pattern.rs",
];

/// A line that may panic.
struct Panic {
    cause: &'static Cause,
    /// Whether the line itself panics, and not a function that was inlined there.
    itself: bool,
    span: Span,
    generated: CodeLine,
}

/// The warnings about an object, one for each line of the author's text.
pub(super) fn panics(object: &ObjectFile<'_>, author: Author<'_>) -> Vec<Diagnostic> {
    let Some(lines) = CodeLines::read(object) else { return Vec::new() };
    // In core mode the module has functions of `core` too.
    let is_patch = |at| !object.function_at(at).is_some_and(is_of_library);
    let in_code = || object.uses().filter(|used| used.in_code && is_patch(used.at));
    let calls = in_code().filter_map(|used| Some((used, lines.at(used.at), cause(used)?)));
    let calls: Vec<_> = calls.filter(|(_, lines, cause)| !is_sound(lines, cause)).collect();
    let by_call = calls.iter().filter_map(|(_, lines, cause)| panic(lines, cause, author));
    // The compiler merges calls that differ only in their location, and the merged call has no
    // line.
    let by_place = in_code().filter_map(|used| {
        let place = location(object, used.target?)?;
        let function = object.function_at(used.at);
        let behind =
            object.uses_from(used.at).take_while(|next| object.function_at(next.at) == function);
        let cause = behind.filter(|used| used.in_code).find_map(cause)?;
        panic(&[place], cause, author)
    });
    let mut found = BTreeMap::new();
    for panic in by_call.chain(by_place) {
        let file = author.sources.file(panic.span.start).span().start;
        let line = author.sources.place(panic.span.start).line;
        found.entry((file, line)).or_insert(panic);
    }
    if found.is_empty() {
        return calls
            .first()
            .map(|(call, _, cause)| without_line(object, call, cause, author))
            .into_iter()
            .collect();
    }
    found.into_values().map(|panic| warning(panic, author)).collect()
}

/// The cause, if the function that is called panics.
fn cause(call: &Use<'_>) -> Option<&'static Cause> {
    let path = format!("{:#}", rustc_demangle::try_demangle(call.symbol).ok()?);
    // The modules of slices and strings contain other functions, too:
    // `core::str::converts::from_utf8`.
    let panics = path.starts_with("core::panicking::") || path.starts_with("core::cell::panic_");
    let fails = path.ends_with("_fail") || path.ends_with("_failed");
    CAUSES.iter().find(|cause| (panics || fails) && path.starts_with(cause.path))
}

/// Whether the check is one of a library's that cannot fail.
fn is_sound(lines: &[CodeLine], cause: &Cause) -> bool {
    let Some(line) = lines.first() else { return false };
    let is_index = cause.path == BOUNDS || cause.path == RANGE;
    let counts = SOUND.iter().any(|file| line.file.ends_with(file));
    is_operator(cause) && counts
        || line.file.contains(KERNEL_CRATE) && (is_operator(cause) || is_index)
}

fn is_operator(cause: &Cause) -> bool {
    cause.path.starts_with("core::panicking::panic_const::")
}

/// The author's line in a chain of inlined calls.
fn panic(lines: &[CodeLine], cause: &'static Cause, author: Author<'_>) -> Option<Panic> {
    lines.iter().enumerate().find_map(|(depth, line)| {
        Some(Panic { cause, itself: depth == 0, span: author.at(line)?, generated: line.clone() })
    })
}

/// The `core::panic::Location` at an address: the file's name by pointer and length, the line, the
/// column.
fn location(object: &ObjectFile<'_>, at: Address) -> Option<CodeLine> {
    let name = object.use_at(at).filter(|name| !name.in_code)?.target?;
    let number = |offset| {
        let bytes = object.bytes_at(at)?.get(offset..offset + 4)?;
        usize::try_from(u32::from_le_bytes(bytes.try_into().ok()?)).ok()
    };
    let file = std::str::from_utf8(object.bytes_at(name)?.get(..number(8)?)?).ok()?;
    Some(CodeLine { file: file.to_owned(), line: number(16)?, column: number(20)? })
}

fn warning(panic: Panic, author: Author<'_>) -> Diagnostic {
    let Panic { cause, itself, span, generated } = panic;
    let method = methods::method(span, author);
    let in_library = method.is_none() && is_operator(cause) && !itself;
    let cause = method.unwrap_or(cause);
    let what = match in_library {
        true => format!("in code that this calls, {}", cause.what),
        false => cause.what.to_owned(),
    };
    let warning = Diagnostic::new(MAY_PANIC, "the body can panic here").at(span, what);
    let warning = author.note(warning.note(CONSEQUENCE), &generated);
    match in_library {
        true => warning.help(
            "see under \"Panics\" in the documentation of what this calls, and test for that first",
        ),
        false => warning.help(cause.help),
    }
}

/// A warning without a line of the author's text: it names only the function.
fn without_line(
    object: &ObjectFile<'_>,
    call: &Use<'_>,
    cause: &'static Cause,
    author: Author<'_>,
) -> Diagnostic {
    let symbol = object.function_at(call.at).unwrap_or_default();
    let warning =
        Diagnostic::new(MAY_PANIC, format!("`{:#}` can panic", rustc_demangle::demangle(symbol)));
    let warning = match author.function(symbol) {
        Some(span) => warning.at(span, cause.what),
        None => warning.note(cause.what),
    };
    warning.note(CONSEQUENCE).help(cause.help)
}

const CONSEQUENCE: &str = "a panic stops the task while it holds its locks, or stops the machine";
