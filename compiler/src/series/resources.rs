// SPDX-License-Identifier: GPL-2.0
//! Resources of patches that follow each other. Two patches have the same one if they are of one
//! family and give it the same name.

use super::Member;
use kps_diag::{Diagnostic, Severity, CONFLICTING_ID, RESOURCE_ENDS, RESOURCE_IN_TWO_PATCHES};
use kps_grammar::{ast, Span};
use kps_plan::Replace;

/// A resource of a patch.
#[derive(Debug, Clone)]
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
            Some(own) => {
                let adopts = next.replace != Replace::Never && own.adopts;
                let differs = adopts && own.ty != theirs.ty;
                let refused = in_two_patches(earlier, theirs, own, &next.replace);
                let other_type = differs.then(|| other_type(theirs, own));
                refused.into_iter().chain(other_type).collect()
            }
            None if next.replace != Replace::Never => vec![ends(earlier, theirs, next)],
            None => Vec::new(),
        }
    };
    earlier.resources.iter().flat_map(check).collect()
}

fn in_two_patches(
    earlier: &Member,
    theirs: &Owned,
    own: &Owned,
    replace: &Replace,
) -> Option<Diagnostic> {
    let message = format!("`{}` has the resource `{}` already", earlier.name, own.name);
    let error = Diagnostic::new(RESOURCE_IN_TWO_PATCHES, message).at(own.at, "");
    let refused = format!(
        "it is in {}, in a patch of the same family that stays; this patch is refused with EBUSY",
        theirs.place
    );
    match replace {
        Replace::Always => None,
        Replace::Never => Some(
            error.note(refused).help("add `atomic replace`, or give the resource another name"),
        ),
        // As for a loaded livepatch (KPS1026): whoever loads it decides.
        Replace::If(param) => Some(
            Diagnostic { severity: Severity::Warning, ..error }
                .note(refused)
                .note(format!("this applies if the parameter `{param}` is not set"))
                .help(format!(
                    "set `{param}` when you load the patch, or give the resource another name"
                )),
        ),
    }
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
    let label = next.replacement().unwrap_or_default();
    Diagnostic::new(RESOURCE_ENDS, message)
        .at(next.name_at, format!("{label}, and does not have the resource"))
        .note(format!("its `release`, in {}, runs when this patch is loaded", theirs.place))
        .help(format!("add `resource {}` if this version needs it too", theirs.name))
}
