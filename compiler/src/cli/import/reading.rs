// SPDX-License-Identifier: GPL-2.0
//! Reads the files of a fix: as the target's source has them, and with the fix applied.

use super::front::{self, Pair};
use crate::cli::progress;
use crate::driver;
use crate::input::{ModuleFile, Modules};
use kps_diag::{
    any_error, list, Diagnostic, FIX_DOES_NOT_APPLY, LEFT_OUT, NO_SUCH_MODULE, UNCLEAR_OBJECT,
    UNREADABLE_FIX, UNREAD_SOURCE,
};
use kps_facts::Facts;
use kps_host::below::{try_below, Unread};
use kps_host::input::C_FILE;
use kps_import::fix::{Edit, FileChange, Fix};
use kps_import::kernel::VMLINUX;
use kps_import::refused::{by_name, FileKind};
use kps_import::roots::{Compiled, File};
use kps_import::Source;
use kps_targets::{Cache, Target};
use std::collections::BTreeMap;
use std::path::Path;

/// The files of a fix, read.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// The files in C that the target compiles, by path.
    files: BTreeMap<String, Pair>,
    /// The changed headers with their new texts, by path.
    pub(super) headers: BTreeMap<String, String>,
}

impl Read {
    /// The files with their changes.
    pub(super) fn sources<'a>(&'a self, fix: &'a Fix<'_>) -> Vec<Source<'a>> {
        let changes = fix.files.iter();
        let sources = changes.filter_map(|change| {
            let (path, pair) = self.files.get_key_value(&change.path)?;
            let Pair { object, old, new, before, code, reaches } = pair;
            let compiled = Compiled { old: before, code, reaches };
            Some(Source { file: File { path, object, old, new, compiled: Some(compiled) }, change })
        });
        sources.collect()
    }
}

/// Reads the files of a fix. `object` is the module that the user names for those that are in
/// several.
pub(super) fn read(
    fix: &Fix<'_>,
    object: Option<&str>,
    target: &mut Target,
    cache: &Cache,
) -> Result<(Read, Vec<Diagnostic>), Diagnostic> {
    let front = front::open(target, cache)?;
    let tree = front.source().to_owned();
    let (mut read, mut found) = (Read::default(), Vec::new());
    // The old and the new texts of the files in C.
    let mut texts = Vec::new();
    for change in &fix.files {
        if let Some(said) = by_name(change) {
            found.push(said);
            continue;
        }
        match (applied(change, &tree), FileKind::of(&change.path)) {
            (Err(error), _) => found.push(error),
            (Ok(None), _) => {}
            (Ok(Some((_, new))), FileKind::Header) => {
                read.headers.insert(change.path.clone(), new);
            }
            (Ok(Some((old, new))), _) => texts.push((change, old, new)),
        }
    }
    if any_error(&found) {
        return Ok((read, found));
    }
    let front = front.with_headers(read.headers.clone())?;
    for (change, old, new) in texts {
        let path = &change.path;
        match front::read(&front, path, object, (old, new)) {
            Ok(Some(pair)) => drop(read.files.insert(path.clone(), pair)),
            Ok(None) => {
                let message = format!("{path} is left out: this kernel does not compile it");
                found.push(Diagnostic::new(LEFT_OUT, message).at(change.place, ""));
            }
            Err(error) if [UNREAD_SOURCE, UNCLEAR_OBJECT].contains(&error.code) => {
                found.push(error.at(change.place, ""));
            }
            Err(error) => return Err(error),
        }
    }
    let is_of = |object: &str| read.files.values().any(|pair| pair.object == object);
    if let Some(object) = object.filter(|object| !any_error(&found) && !is_of(object)) {
        let message = format!("no changed file is compiled into `{object}`");
        let help =
            "leave `--object` out: the kernel's makefiles say what each file is compiled into";
        found.push(Diagnostic::new(UNCLEAR_OBJECT, message).help(help));
    }
    Ok((read, found))
}

/// The old and the new text of a changed file; `None` if the fix brings it or takes it away.
fn applied(change: &FileChange<'_>, tree: &Path) -> Result<Option<(String, String)>, Diagnostic> {
    let from = match &change.edit {
        Edit::Modify { from, .. } => from,
        Edit::Create(_) if FileKind::of(&change.path) == FileKind::Header => {
            return Ok(Some((String::new(), change.apply("")?)));
        }
        Edit::Create(_) | Edit::Delete => return Ok(None),
        Edit::Binary => {
            let message = format!("the change of {} is not text", change.path);
            return Err(Diagnostic::new(UNREADABLE_FIX, message)
                .at(change.place, "")
                .help("make the diff with `git diff --text`"));
        }
    };
    let bytes = try_below(tree, Path::new(from), C_FILE).map_err(|unread| match unread {
        Unread::Missing => {
            Diagnostic::new(FIX_DOES_NOT_APPLY, format!("the target's source has no {from}"))
                .at(change.place, "")
                .help("take the fix from the stable branch that is nearest to the target")
        }
        unread => unread.about(&tree.join(from)).at(change.place, ""),
    })?;
    let Ok(old) = String::from_utf8(bytes) else {
        let message = format!("{from} is not UTF-8");
        return Err(Diagnostic::new(UNREAD_SOURCE, message).at(change.place, ""));
    };
    let new = change.apply(&old)?;
    Ok(Some((old, new)))
}

/// The facts about the target, with the modules that the files belong to and those they depend on.
pub(super) fn facts(
    read: &Read,
    target: &Target,
    cache: &Cache,
) -> Result<(Facts, Modules), Diagnostic> {
    let mut facts = driver::facts(target)?;
    let mut wanted: Vec<String> = read
        .files
        .values()
        .map(|pair| pair.object.clone())
        .filter(|object| object != VMLINUX)
        .collect();
    if wanted.is_empty() {
        return Ok((facts, Modules::default()));
    }
    let of_target = target.modules(cache, progress())?.into_iter();
    let modules: Modules =
        of_target.map(|(name, path)| (name, ModuleFile::OfTarget(path))).collect();
    facts.module_names = modules.keys().cloned().collect();
    while let Some(name) = wanted.pop() {
        if facts.modules.contains_key(&name) {
            continue;
        }
        let Some(ModuleFile::OfTarget(path)) = modules.get(&name) else {
            // What a module depends on may be built in.
            match read.files.values().any(|pair| pair.object == name) {
                true => return Err(no_such_module(&name, &facts.module_names)),
                false => continue,
            }
        };
        Target::add_module(&mut facts, &name, path, target.read_module(path)?)?;
        wanted.extend(facts.modules.get(&name).into_iter().flat_map(|added| added.depends.clone()));
    }
    Ok((facts, modules))
}

fn no_such_module(name: &str, known: &[String]) -> Diagnostic {
    let error = Diagnostic::new(NO_SUCH_MODULE, format!("there is no module `{name}`"));
    let near = crate::resolve::near(name, known.iter().map(String::as_str));
    error.help(match near.as_slice() {
        [] => "write the name that `lsmod` shows, without `.ko`, behind `--object`".to_owned(),
        found => format!("did you mean {}?", list(found, "or")),
    })
}
