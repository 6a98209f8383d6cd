// SPDX-License-Identifier: GPL-2.0
//! Has the target's compilers read and compile the files of a fix.

use crate::cli::progress;
use crate::import::Front;
use kps_diag::{Diagnostic, NOT_COMPILED, UNREAD_SOURCE};
use kps_import::objects::{Differences, Object};
use kps_import::text::Text;
use std::collections::{BTreeMap, BTreeSet};

/// A file in C as it was and as it will be.
#[derive(Debug)]
pub(super) struct Pair {
    /// The object that its code is in.
    pub(super) object: String,
    /// Its old text.
    pub(super) old: Text,
    /// Its new text.
    pub(super) new: Text,
    /// The compiled old text.
    pub(super) before: Object,
    /// The functions whose code differs.
    pub(super) code: BTreeSet<String>,
    /// What the code of each function of the new text refers to.
    pub(super) reaches: BTreeMap<String, BTreeSet<String>>,
}

/// Reads both texts of a file. `object` is the module that it belongs to, if the user says so. The
/// inner result is none for a file that the target does not compile.
pub(super) fn read(
    front: &Front,
    path: &str,
    object: Option<&str>,
    (old, new): (String, String),
) -> Result<Option<Pair>, Diagnostic> {
    let read = match front.read(path, &old, &new) {
        Ok(read) => read,
        Err(error) if error.code == NOT_COMPILED => return Ok(None),
        Err(error) => return Err(error),
    };
    let unfit = || Diagnostic::new(UNREAD_SOURCE, format!("{path} and what clang reads differ"));
    let objects = (Object::read(&read.old.object), Object::read(&read.new.object));
    let (Some(before), Some(after)) = objects else { return Err(unfit()) };
    let differences = Differences::between(&before, &after);
    let owned = |names: BTreeSet<&str>| names.into_iter().map(str::to_owned).collect();
    Ok(Some(Pair {
        object: object.map_or(read.command.object, str::to_owned),
        old: Text::new(old, read.old.unit).ok_or_else(unfit)?,
        new: Text::new(new, read.new.unit).ok_or_else(unfit)?,
        before,
        code: differences.functions.changed,
        reaches: after.functions().map(|name| (name.to_owned(), owned(after.uses(name)))).collect(),
    }))
}

/// The source and the compilers of a target.
pub(super) fn open(
    target: &mut kps_targets::Target,
    cache: &kps_targets::Cache,
) -> Result<Front, Diagnostic> {
    Front::new(target, cache, progress())
}
