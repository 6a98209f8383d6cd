// SPDX-License-Identifier: GPL-2.0
//! Resources of patches that follow each other. Two patches have the same one if they are of one
//! family and give it the same name.

use super::Member;
use kps_diag::{Diagnostic, CONFLICTING_ID, RESOURCE_ENDS, RESOURCE_IN_TWO_PATCHES};
use kps_grammar::{ast, Span};

/// A resource of a patch.
#[derive(Debug)]
pub(super) struct Owned {
    name: String,
    /// The type as in the source.
    ty: String,
    /// Whether it takes over the value of the earlier version.
    adopts: bool,
    at: Span,
    /// Its file and line, for messages about other specs.
    place: String,
}

/// The resources of a patch.
pub(super) fn owned(
    spec: &ast::Patch,
    place: impl Fn(Span) -> String,
    words: impl Fn(Span) -> String,
) -> Vec<Owned> {
    let owned = |resource: &ast::Resource| Owned {
        name: resource.name.value.clone(),
        ty: words(resource.ty.span),
        adopts: resource.adopt.is_some(),
        at: resource.name.span,
        place: place(resource.name.span),
    };
    spec.resources.iter().map(owned).collect()
}

/// What becomes of the resources of an earlier patch.
pub(super) fn check(earlier: &Member, next: &Member) -> Vec<Diagnostic> {
    if earlier.family != next.family {
        return Vec::new();
    }
    let check = |theirs: &Owned| {
        let same = next.resources.iter().find(|own| own.name == theirs.name);
        match same {
            Some(own) if !next.replaces => Some(in_two_patches(earlier, theirs, own)),
            Some(own) if own.adopts && own.ty != theirs.ty => Some(other_type(theirs, own)),
            None if next.replaces => Some(ends(earlier, theirs, next)),
            _ => None,
        }
    };
    earlier.resources.iter().filter_map(check).collect()
}

fn in_two_patches(earlier: &Member, theirs: &Owned, own: &Owned) -> Diagnostic {
    let message = format!("`{}` has the resource `{}` already", earlier.name, own.name);
    Diagnostic::new(RESOURCE_IN_TWO_PATCHES, message)
        .at(own.at, "")
        .note(format!(
            "it is in {}, in a patch of the same family that stays; this patch is refused with EBUSY",
            theirs.place
        ))
        .help("add `atomic replace`, or give the resource another name")
}

fn other_type(theirs: &Owned, own: &Owned) -> Diagnostic {
    Diagnostic::new(CONFLICTING_ID, format!("`{}` adopts a value of another type", own.name))
        .at(own.at, format!("this is `{}: {}`", own.name, own.ty))
        .note(format!("in {} it is `{}: {}`", theirs.place, theirs.name, theirs.ty))
        .help(
            "write the same type, or drop `adopt`: the resource is then released and acquired anew",
        )
}

fn ends(earlier: &Member, theirs: &Owned, next: &Member) -> Diagnostic {
    let message = format!("the resource `{}` of `{}` ends here", theirs.name, earlier.name);
    Diagnostic::new(RESOURCE_ENDS, message)
        .at(next.name_at, "this replaces all patches before it, and does not have the resource")
        .note(format!("its `release`, in {}, runs when this patch is loaded", theirs.place))
        .help(format!("add `resource {}` if this version needs it too", theirs.name))
}
