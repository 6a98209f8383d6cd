// SPDX-License-Identifier: GPL-2.0
//! What to write in place of a value of the wrong type. Advice that compiles and means something
//! else is worse than none, so a cast is proposed only where C would make it silently.

use super::ty::Ty;
use super::{Part, Place};
use kps_plan::Types;

/// What to write for a value of another type than its place.
pub(super) fn repair(
    types: &Types,
    part: &Part,
    text: &str,
    (found, wanted): (&Ty, &Ty),
    place: &Place,
) -> String {
    let (close, open) = (part.tight(text), part.loose(text));
    match (found, wanted) {
        (_, Ty::Unit) if *place == Place::Result => "write `return;`: it has no result".to_owned(),
        (_, Ty::Unit) => {
            format!("write `return {text};` to leave the function with it, or `;` behind it")
        }
        (_, Ty::Bool) => to_bool(part, text, found, place),
        (Ty::Int(_) | Ty::Bool, Ty::Int(to)) => format!("write `{open} as {to}`"),
        (Ty::Literal, Ty::Int(to)) => out_of_range(text, to),
        (Ty::Char, Ty::Int(to)) => match text.is_ascii() && text.len() <= 4 {
            true if *to == "u8" => format!("write `b{text}`"),
            true => format!("write `b{text} as {to}`"),
            false => format!("write its number, as {}", a(to)),
        },
        (Ty::Pointer { .. }, Ty::Int(to)) => match inside(text, "ERR_PTR(") {
            Some(error) => format!("write `{error}`"),
            None if matches!(place, Place::End | Place::Result) => {
                format!("write `PTR_ERR({text}) as {to}` for an error, or `{close}.addr() as {to}`")
            }
            None => format!("write `{close}.addr() as {to}`"),
        },
        (_, Ty::Pointer { .. }) => to_pointer(types, part, text, (found, wanted), place),
        (Ty::Pointer { to, .. }, Ty::Record(_)) if **to == *wanted => format!("write `*{text}`"),
        (Ty::Unit, _) => format!("write {}", a(&wanted.text(types))),
        _ => format!("write a value of type `{}`", wanted.text(types)),
    }
}

/// What to write for a condition.
fn to_bool(part: &Part, text: &str, found: &Ty, place: &Place) -> String {
    let inverted = text.trim_start_matches('!');
    match found {
        Ty::Literal if text == "0" => "write `false`".to_owned(),
        Ty::Literal if text == "1" => "write `true`".to_owned(),
        Ty::Int(_) | Ty::Literal if text.starts_with('-') && *place == Place::Condition => {
            format!("write what is compared with it: `ret == {text}`")
        }
        Ty::Int(_) | Ty::Literal if text.starts_with('-') => {
            "write `true` or `false`: a `bool` holds no error".to_owned()
        }
        Ty::Int(_) | Ty::Literal => match (text.len() - inverted.len()) % 2 {
            0 => format!("write `{inverted} != 0`"),
            _ => format!("write `{inverted} == 0`"),
        },
        Ty::Pointer { .. } => format!("write `!{}.is_null()`", part.tight(text)),
        Ty::Function => format!("write `{}.is_some()`", part.tight(text)),
        _ => "write a value of type `bool`".to_owned(),
    }
}

/// What to write for a pointer.
fn to_pointer(
    types: &Types,
    part: &Part,
    text: &str,
    (found, wanted): (&Ty, &Ty),
    place: &Place,
) -> String {
    let Ty::Pointer { to: wanted_to, mutable } = wanted else { return String::new() };
    let (keyword, close) = (if *mutable { "mut" } else { "const" }, part.tight(text));
    let is_number = matches!(found, Ty::Int(_) | Ty::Literal);
    match found {
        Ty::Literal if text == "0" => {
            format!("write `{}`", if *mutable { "null_mut()" } else { "null()" })
        }
        _ if is_number && text.starts_with('-') => format!("write `ERR_PTR({text})`"),
        _ if is_number && **wanted_to == Ty::Int("i8") => {
            "write a C string: `c\"..\".as_ptr()`".to_owned()
        }
        _ if is_number && *place == Place::Assigned => {
            format!("write `*POINTER = {text};` to change what it points to")
        }
        _ if is_number && part.is_place => format!("write `&raw {keyword} {text}` for its address"),
        Ty::CStr => format!("write `{close}.as_ptr()`"),
        Ty::Str => "write a C string: `c\"..\".as_ptr()`".to_owned(),
        Ty::Array(_) if *mutable => format!("write `{close}.as_mut_ptr()`"),
        Ty::Array(_) => format!("write `{close}.as_ptr()`"),
        Ty::User => format!("write `{close}.as_ptr()`"),
        Ty::Record(_) => format!("write `&raw {keyword} {text}`"),
        Ty::Reference { to, .. } => {
            let of = text.trim_start_matches('&').trim_start_matches("mut ");
            match () {
                // C would take the address of a pointer that is wanted itself.
                () if to.fits(wanted) => format!("write `{of}`"),
                () if of.len() == text.len() => format!("write a `{}`", wanted.text(types)),
                () if may_cast(to, wanted_to) => format!("write `(&raw {keyword} {of}).cast()`"),
                () => differ(to, wanted_to, types),
            }
        }
        Ty::Pointer { to, .. } if to.is_pointer() != wanted_to.is_pointer() => {
            match wanted_to.is_pointer() && part.is_place {
                true => {
                    format!("write `(&raw {keyword} {text}).cast()`: the pointer's own address")
                }
                false if **to == Ty::Void || **wanted_to == Ty::Void => {
                    format!("write `{close}.cast()`")
                }
                false => differ(to, wanted_to, types),
            }
        }
        Ty::Pointer { to, mutable: false } if *mutable && to.fits(wanted_to) => {
            format!("write `{close}.cast_mut()`, if nothing else relies on it staying as it is")
        }
        Ty::Pointer { to, mutable: is_mutable } if may_cast(to, wanted_to) => {
            let first = if *mutable && !is_mutable { ".cast_mut()" } else { "" };
            format!("write `{close}{first}.cast()`")
        }
        Ty::Pointer { to, .. } => differ(to, wanted_to, types),
        _ => format!("write a value of type `{}`", wanted.text(types)),
    }
}

/// Whether C converts between pointers to these without a cast, or authors mean the same bytes.
fn may_cast(from: &Ty, to: &Ty) -> bool {
    let is_plain = |ty: &Ty| matches!(ty, Ty::Void | Ty::Int(_));
    *from == Ty::Void || *to == Ty::Void || (is_plain(from) && is_plain(to))
}

fn differ(from: &Ty, to: &Ty, types: &Types) -> String {
    format!(
        "it points to {}, and {} is wanted: write `.cast()` behind it only if it is one",
        a(&from.text(types)),
        a(&to.text(types))
    )
}

/// A literal that its type cannot hold.
fn out_of_range(text: &str, to: &str) -> String {
    match text.strip_prefix('-') {
        Some("1") => format!("write `{to}::MAX`, all bits of which are set"),
        Some(_) => format!("write `{text}i64 as {to}`"),
        None => format!("write `{text}u64 as {to}`, which keeps the lower bits"),
    }
}

/// What a call of this, with its bracket, has for an argument.
fn inside<'t>(text: &'t str, call: &str) -> Option<&'t str> {
    text.strip_prefix(call)?.strip_suffix(')')
}

/// A type behind its article.
pub(super) fn a(ty: &str) -> String {
    let article = if ty.starts_with('i') { "an" } else { "a" };
    format!("{article} `{ty}`")
}
