// SPDX-License-Identifier: GPL-2.0
//! Has the target's compilers read and compile the files of a fix.

use super::whole::{expanded, Texts};
use crate::cli::progress;
use crate::import::Front;
use kps_diag::{list, Diagnostic, NOT_COMPILED, UNCLEAR_OBJECT, UNREAD_SOURCE};
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
    /// The changed headers that it includes, as they were and as they will be, by path.
    pub(super) headers: BTreeMap<String, (Text, Text)>,
    /// The functions whose code differs.
    pub(super) code: BTreeSet<String>,
    /// What the code of each function of the new text refers to.
    pub(super) reaches: BTreeMap<String, BTreeSet<String>>,
}

/// Reads both texts of a file. `object` is the one that the user names, which matters if the file
/// is in several. The inner result is none for a file that the target does not compile.
pub(super) fn read(
    front: &Front,
    path: &str,
    object: Option<&str>,
    (old, new): (&str, &str),
) -> Result<Option<Pair>, Diagnostic> {
    let read = match front.read(path, old, new) {
        Ok(read) => read,
        Err(error) if error.code == NOT_COMPILED => return Ok(None),
        Err(error) => return Err(error),
    };
    let Some(of_file) = one_of(&read.command.objects, object) else {
        return Err(in_several(path, &read.command.objects));
    };
    let unfit = || Diagnostic::new(UNREAD_SOURCE, format!("{path} and what clang reads differ"));
    let text = |text: &str, unit| Text::new(text.to_owned(), unit).ok_or_else(unfit);
    let objects = (Object::read(&read.old.object), Object::read(&read.new.object));
    let (Some(before), Some(after)) = objects else { return Err(unfit()) };
    let differences = Differences::between(&before, &after);
    let owned = |names: BTreeSet<&str>| names.into_iter().map(str::to_owned).collect();
    let mut headers = BTreeMap::new();
    let mut after_fix = read.new.headers;
    for (path, before_fix) in read.old.headers {
        if let (Some((old, new)), Some(unit)) = (front.header(&path), after_fix.remove(&path)) {
            headers.insert(path, (text(old, before_fix)?, text(new, unit)?));
        }
    }
    Ok(Some(Pair {
        object: of_file,
        old: text(old, read.old.unit)?,
        new: text(new, read.new.unit)?,
        before,
        headers,
        code: differences.functions.changed,
        reaches: after.functions().map(|name| (name.to_owned(), owned(after.uses(name)))).collect(),
    }))
}

/// Reads a file that the fix does not name, if its code differs with the changed headers.
pub(super) fn follow(
    front: &Front,
    path: &str,
    object: Option<&str>,
) -> Result<Option<Pair>, Diagnostic> {
    let (before, after) = match front.compile_both(path) {
        Err(error) if error.code == NOT_COMPILED => return Ok(None),
        compiled => compiled?,
    };
    let (Some(before), Some(after)) = (Object::read(&before), Object::read(&after)) else {
        return Ok(None);
    };
    match Differences::between(&before, &after).functions.changed.is_empty() {
        true => Ok(None),
        false => {
            let text = expanded(front, path, &Texts::new())?;
            read(front, path, object, (&text, &text))
        }
    }
}

/// The object of a file: the only one, or the one that the user names.
fn one_of(objects: &[String], named: Option<&str>) -> Option<String> {
    match objects {
        [one] => Some(one.clone()),
        several => several.iter().find(|object| Some(object.as_str()) == named).cloned(),
    }
}

fn in_several(path: &str, objects: &[String]) -> Diagnostic {
    let names: Vec<&String> = objects.iter().collect();
    let message = format!("{path} is compiled into several modules: {}", list(&names, "and"));
    Diagnostic::new(UNCLEAR_OBJECT, message).help(format!(
        "import it for each of them into a folder of its own, with `--object {} -o DIR` and the like",
        objects.first().map_or("", String::as_str)
    ))
}

/// The source and the compilers of a target.
pub(super) fn open(
    target: &mut kps_targets::Target,
    cache: &kps_targets::Cache,
) -> Result<Front, Diagnostic> {
    Front::new(target, cache, progress())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_chooses_among_the_objects_of_a_file_and_no_other() {
        let of = |objects: &[&str], named| {
            one_of(&objects.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>(), named)
        };
        assert_eq!(of(&["loop"], None).as_deref(), Some("loop"));
        assert_eq!(of(&["a", "b"], Some("b")).as_deref(), Some("b"));
        assert_eq!(of(&["a", "b"], None), None);
        assert_eq!(of(&["a", "b"], Some("c")), None);
        // A fix may change files of several objects.
        assert_eq!(of(&["vmlinux"], Some("b")).as_deref(), Some("vmlinux"));
    }
}
