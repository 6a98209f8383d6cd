// SPDX-License-Identifier: GPL-2.0
//! Reads the files of a fix: as the target's source has them, and with the fix applied.

use super::front::{self, Pair};
use super::whole::{compiled, whole};
use crate::cli::progress;
use crate::driver;
use crate::import::Front;
use crate::input::{ModuleFile, Modules};
use kps_diag::{
    any_error, list, Diagnostic, Span, FIX_DOES_NOT_APPLY, LEFT_OUT, NO_SUCH_MODULE,
    UNCLEAR_OBJECT, UNREADABLE_FIX, UNREAD_SOURCE,
};
use kps_facts::Facts;
use kps_host::below::{try_below, Unread};
use kps_host::input::C_FILE;
use kps_import::fix::{Edit, FileChange, Fix, Lines};
use kps_import::follow::changed;
use kps_import::kernel::VMLINUX;
use kps_import::refused::{by_name, FileKind};
use kps_import::roots::{Compiled, File};
use kps_import::shadow::{rewrite, Both, Rewritten, Shadow};
use kps_import::text::is_same;
use kps_import::{Headers, Source};
use kps_targets::{Cache, Target};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The most files that are compiled because they name what a header changes.
const FOLLOWED: usize = 48;
/// How many files are tried that seem to include a header.
const READERS: usize = 8;

/// The files of a fix, read.
#[derive(Debug, Default)]
pub(super) struct Read {
    /// The files in C that the target compiles, by path.
    files: BTreeMap<String, Pair>,
    /// For each compiled file, in the order of the fix, the changed files that are its text.
    compiled: Vec<Parts>,
    /// Files that the fix does not name: those whose code differs with its headers, and those that
    /// only show what is in these.
    others: BTreeMap<String, Pair>,
    /// How many such files there are, if these are too many to compile.
    unfollowed: Option<usize>,
    /// The changed headers with their new texts, by path.
    headers: BTreeMap<String, String>,
    /// The new members of structs.
    pub(super) shadows: Vec<Shadow>,
}

/// A compiled file, and the changed files that are its text.
#[derive(Debug)]
struct Parts {
    path: String,
    changed: Vec<String>,
    /// Whether they are more than the file itself.
    is_expanded: bool,
}

/// A changed file in C.
pub(super) struct Changed<'a> {
    /// Its path.
    pub(super) path: String,
    /// Its changes, and those of the files in C that it includes.
    pub(super) changes: Vec<&'a FileChange<'a>>,
    /// The text that the target has.
    pub(super) old: String,
    /// The text with the fix.
    pub(super) new: String,
    /// Whether its text has that of files which it includes.
    pub(super) is_expanded: bool,
}

impl Parts {
    fn of(one: &Changed<'_>) -> Parts {
        let changed = one.changes.iter().map(|change| change.path.clone()).collect();
        Parts { path: one.path.clone(), changed, is_expanded: one.is_expanded }
    }
}

impl Changed<'_> {
    /// Where the fix starts to change it.
    fn place(&self) -> Span {
        self.changes.first().map_or(Span::new(0, 0), |change| change.place)
    }
}

impl Read {
    /// The files with the places of the diff that change them.
    pub(super) fn sources<'a>(&'a self, fix: &'a Fix<'_>) -> Vec<Source<'a>> {
        let own = self.compiled.iter().filter_map(|Parts { path, changed, is_expanded }| {
            let pair = self.files.get(path)?;
            let mut changes = fix.files.iter().filter(|change| changed.contains(&change.path));
            let first = changes.next()?;
            // The diff has the lines of the single files.
            let lines = match is_expanded {
                false => first.lines(),
                true => Lines { place: first.place, hunks: &[] },
            };
            Some(Source { file: self.file(path, pair), lines })
        });
        let mut headers = fix.files.iter().filter(|change| self.headers.contains_key(&change.path));
        let place = headers.next().map_or(Span::new(0, 0), |change| change.place);
        let lines = Lines { place, hunks: &[] };
        let followed = self.others.iter().filter(|(_, pair)| !pair.code.is_empty());
        let followed = followed.map(|(path, pair)| Source { file: self.file(path, pair), lines });
        own.chain(followed).collect()
    }

    fn file<'a>(&'a self, path: &'a str, pair: &'a Pair) -> File<'a> {
        let Pair { object, old, new, headers: _, before, code, reaches } = pair;
        let compiled = Some(Compiled { old: before, code, reaches });
        File { path, object, old, new, compiled, shadows: &self.shadows }
    }

    /// The headers with their changes.
    pub(super) fn headers<'a>(&'a self, fix: &'a Fix<'_>) -> Headers<'a> {
        let read = fix.files.iter().filter_map(|change| {
            let mut pairs = self.files.values().chain(self.others.values());
            let (old, new) = pairs.find_map(|pair| pair.headers.get(&change.path))?;
            Some(Both { path: &change.path, old, new, lines: change.lines() })
        });
        let (texts, unfollowed) = (self.headers.clone(), self.unfollowed);
        Headers { texts, read: read.collect(), unfollowed }
    }
}

impl Read {
    /// The error about a module that the user names and that no changed file is in.
    fn lacks(&self, object: &str) -> Option<Diagnostic> {
        if self.files.values().any(|pair| pair.object == object) {
            return None;
        }
        let message = format!("no changed file is compiled into `{object}`");
        let help =
            "leave `--object` out: the kernel's makefiles say what each file is compiled into";
        Some(Diagnostic::new(UNCLEAR_OBJECT, message).help(help))
    }

    /// Reads the files that the fix does not name and that have code of its headers.
    fn follow(
        &mut self,
        front: &Front,
        fix: &Fix<'_>,
        object: Option<&str>,
    ) -> Result<(), Diagnostic> {
        let paths: Vec<String> = self.headers.keys().cloned().collect();
        for path in paths {
            if !self.headers(fix).read.iter().any(|header| header.path == path) {
                self.find_reader(front, &path, object)?;
            }
        }
        let names = changed(&self.headers(fix).read);
        if names.is_empty() {
            return Ok(());
        }
        let naming = progress()
            .step("searching the source for what the headers change", || front.naming(names))?;
        let mut naming = all_compiled(front, naming)?;
        naming.retain(|path| !self.files.contains_key(path) && !self.others.contains_key(path));
        if naming.len() > FOLLOWED {
            self.unfollowed = Some(naming.len());
            return Ok(());
        }
        progress().step("compiling the files that name it", || {
            for path in naming {
                if let Some(pair) = front::follow(front, &path, object)? {
                    self.others.insert(path, pair);
                }
            }
            Ok(())
        })
    }

    /// Reads a file that includes a header, if no file of the fix does.
    fn find_reader(
        &mut self,
        front: &Front,
        header: &str,
        object: Option<&str>,
    ) -> Result<(), Diagnostic> {
        if front.header(header).is_none() {
            return Ok(());
        }
        for path in front.including(header)?.into_iter().take(READERS) {
            let text = front.text(&path)?;
            let pair = front::read(front, &path, object, (&text, &text))?;
            if let Some(pair) = pair.filter(|pair| pair.headers.contains_key(header)) {
                self.others.insert(path, pair);
                return Ok(());
            }
        }
        Ok(())
    }
}

/// The files whose objects have the code of these.
fn all_compiled(front: &Front, paths: BTreeSet<String>) -> Result<BTreeSet<String>, Diagnostic> {
    if paths.len() > FOLLOWED {
        return Ok(paths);
    }
    let mut found = BTreeSet::new();
    for path in paths {
        found.extend(compiled(front, &path)?);
    }
    Ok(found)
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
    let mut changed = Vec::new();
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
            (Ok(Some((old, new))), _) => {
                let (path, changes) = (change.path.clone(), vec![change]);
                changed.push(Changed { path, changes, old, new, is_expanded: false });
            }
        }
    }
    if any_error(&found) {
        return Ok((read, found));
    }
    let mut changed = whole(&front, changed)?;
    read.compiled = changed.iter().map(Parts::of).collect();
    let front = front.with_headers(read.headers.clone())?;
    read.files = read_all(&front, &changed, object, &mut found)?;
    found.extend(object.filter(|_| !any_error(&found)).and_then(|object| read.lacks(object)));
    let files: Vec<Both> = read.sources(fix).iter().map(both).collect();
    let Rewritten { shadows, texts, errors } = rewrite(&files, &read.headers(fix).read);
    found.extend(errors);
    if any_error(&found) {
        return Ok((read, found));
    }
    if shadows.is_empty() {
        read.follow(&front, fix, object)?;
        return Ok((read, found));
    }
    read.shadows = shadows;
    for one in &mut changed {
        if let Some(text) = texts.get(&one.path) {
            one.new.clone_from(text);
        }
    }
    // A header whose only change is the member stays the kernel's.
    let is_kernels =
        |path: &str, text: &str| front.header(path).is_some_and(|(old, _)| is_same(old, text));
    for (path, text) in &mut read.headers {
        if let Some(rewritten) = texts.get(path) {
            text.clone_from(rewritten);
        }
    }
    read.headers.retain(|path, text| !is_kernels(path, text));
    let front = front.with_headers(read.headers.clone())?;
    // What was left out is said already.
    let mut again = Vec::new();
    read.files = read_all(&front, &changed, object, &mut again)?;
    found.extend(again.into_iter().filter(|one| one.code != LEFT_OUT));
    if any_error(&found) {
        return Ok((read, found));
    }
    read.follow(&front, fix, object)?;
    Ok((read, found))
}

fn both<'a>(source: &Source<'a>) -> Both<'a> {
    let File { path, old, new, .. } = source.file;
    Both { path, old, new, lines: source.lines }
}

/// Reads and compiles the changed files in C, those of them that the target compiles.
fn read_all(
    front: &Front,
    changed: &[Changed<'_>],
    object: Option<&str>,
    found: &mut Vec<Diagnostic>,
) -> Result<BTreeMap<String, Pair>, Diagnostic> {
    let mut files = BTreeMap::new();
    for one in changed {
        let Changed { path, old, new, .. } = one;
        match front::read(front, path, object, (old, new)) {
            Ok(Some(pair)) => drop(files.insert(path.clone(), pair)),
            Ok(None) => {
                let message = format!("{path} is left out: this kernel does not compile it");
                found.push(Diagnostic::new(LEFT_OUT, message).at(one.place(), ""));
            }
            Err(error) if [UNREAD_SOURCE, UNCLEAR_OBJECT].contains(&error.code) => {
                found.push(error.at(one.place(), ""));
            }
            Err(error) => return Err(error),
        }
    }
    Ok(files)
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
