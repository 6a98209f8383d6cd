// SPDX-License-Identifier: GPL-2.0
//! Finds the symbols that the C files of a patch need and that nothing gives them, from the objects
//! that Kbuild has compiled. modpost names at most ten of them, and none if one file does not
//! compile.

mod definitions;
mod messages;

use super::author::{Author, IN_A_MACRO, NAMED};
use super::{exports, result};
use crate::resolve::{is_reserved, Offer, UseKind};
use kps_diag::Diagnostic;
use kps_grammar::ast::Form;
use kps_grammar::{identifiers, File, Language, Span};
use kps_host::input;
use kps_link::ObjectFile;
use kps_plan::{CFile, ObjectName, PLACEHOLDER};
use kps_targets::Tree;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Tells what an object of the kernel has under a name; `None` if that is not known.
pub type Ask<'a> = &'a dyn Fn(&ObjectName, &str) -> Option<Offer>;

/// A `use` line that a patch lacks, and can have as it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct MissingUse {
    /// The object that the line belongs to.
    pub object: String,
    /// The line.
    pub line: String,
}

/// What C files need and do not have.
#[derive(Debug, Default)]
pub(super) struct Undefined {
    /// The errors, one about each symbol.
    pub(super) diagnostics: Vec<Diagnostic>,
    /// The `use` lines that mend some of them.
    pub(super) uses: Vec<MissingUse>,
    /// The symbols that the errors are about.
    pub(super) names: BTreeSet<String>,
}

/// What the kernel exports.
struct Exports {
    /// The names of what every module may use.
    names: BTreeSet<String>,
    /// The modules of what modules export.
    by_module: BTreeMap<String, String>,
}

impl Exports {
    fn read(tree: &Tree) -> Result<Exports, Diagnostic> {
        let (mut names, by_module) =
            (exports::names(&tree.build)?, exports::by_module(&tree.build)?);
        let for_modules = exports::for_modules(&tree.build)?;
        names.retain(|name| !for_modules.contains(name));
        Ok(Exports { names, by_module })
    }
}

/// A file in C that was compiled.
struct Compiled<'a> {
    file: &'a CFile,
    object: ObjectFile<'a>,
}

/// Finds what the objects in a folder lack. `linked` is the whole module, if all of them compiled.
pub(super) fn undefined(
    name: &str,
    folder: &Path,
    linked: Option<&ObjectFile<'_>>,
    tree: &Tree,
    ask: Ask<'_>,
    author: Author<'_>,
) -> Result<Undefined, Diagnostic> {
    let files = &author.emitted.c_files;
    let read = |object: &String| result(folder, object, input::MODULE);
    let (of_rust, of_c) = objects(name, files.len(), author.emitted.form);
    let of_rust = of_rust.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let of_c = of_c.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let rust: Vec<_> =
        of_rust.iter().flatten().filter_map(|bytes| ObjectFile::read(bytes)).collect();
    let compiled: Vec<Compiled<'_>> = files
        .iter()
        .zip(&of_c)
        .filter_map(|(file, bytes)| {
            Some(Compiled { file, object: ObjectFile::read(bytes.as_ref()?)? })
        })
        .collect();
    if compiled.is_empty() {
        return Ok(Undefined::default());
    }
    let exports = Exports::read(tree)?;
    let mut defined = linked.map(|linked| linked.shared_names().defined).unwrap_or_default();
    let mut lacking: BTreeMap<&str, Vec<&Compiled<'_>>> = BTreeMap::new();
    rust.iter().for_each(|object| defined.extend(object.shared_names().defined));
    for one in &compiled {
        let shared = one.object.shared_names();
        defined.extend(shared.defined);
        shared.lacking.into_iter().for_each(|name| lacking.entry(name).or_default().push(one));
    }
    let is_of_failed = |name: &str| {
        let is_failed = |file: &File| !compiled.iter().any(|one| one.file.path == file.path);
        let is_complete = compiled.len() == files.len() && rust.len() == of_rust.len();
        !is_complete && definitions::may_be_in(author, name, &is_failed)
    };
    lacking.retain(|name, users| {
        let is_implied = users.iter().any(|one| one.object.is_implied(name));
        let is_exported = exports.names.contains(*name) && !exports.by_module.contains_key(*name);
        !is_generated(name)
            && !is_implied
            && !is_exported
            && !defined.contains(name)
            && !is_of_failed(name)
    });
    let mut found = Undefined::default();
    for (name, users) in lacking {
        let need = Need::of(name, &users, &exports, ask);
        let (places, text) = places(name, &users, author);
        let error = messages::error(name, &need, author.emitted.form);
        found.diagnostics.push(places.into_iter().fold(error, |error, span| error.at(span, text)));
        found.uses.extend(need.missing_use(name));
        found.names.insert(name.to_owned());
    }
    found.diagnostics.sort_by_key(|error| error.labels.first().map(|label| label.span));
    found.uses.sort();
    Ok(found)
}

/// The paths of the objects from the author's Rust, and of those from C files in their order.
fn objects(name: &str, files: usize, form: Form) -> (Vec<String>, Vec<String>) {
    let (of_rust, of_c) = match form {
        Form::Spec => (format!("{name}_main.o"), format!("{name}_c")),
        Form::Crate => ("src/lib.o".to_owned(), "kps/patch_c".to_owned()),
    };
    (vec![of_rust], (0..files).map(|n| format!("{of_c}{n}.o")).collect())
}

/// Whether generated code or modpost gives a name its meaning.
fn is_generated(name: &str) -> bool {
    const OF_MODPOST: &str = "__this_module";
    name == OF_MODPOST || name.starts_with(PLACEHOLDER) || is_reserved(name, &BTreeSet::new())
}

/// What the kernel has for C files that need a symbol.
enum Need {
    /// One object has it.
    In(ObjectName, Offer),
    /// Files of several objects need it, and each has its own.
    InSeveral(BTreeSet<ObjectName>),
    /// A module exports it. The offer is that of the module, if it is an object of the patch that
    /// all the files belong to.
    Exported(String, Option<Offer>),
    /// None of these objects has it.
    Nowhere {
        objects: BTreeSet<ObjectName>,
        /// Whether debug information would tell of a function that was inlined.
        is_known: bool,
    },
}

impl Need {
    fn of(name: &str, users: &[&Compiled<'_>], exports: &Exports, ask: Ask<'_>) -> Need {
        let objects: BTreeSet<&ObjectName> = users.iter().map(|one| &one.file.object).collect();
        if let Some(module) = exports.by_module.get(name) {
            let module = ObjectName::Module(module.clone());
            let offer = objects.iter().all(|&object| *object == module).then(|| ask(&module, name));
            return Need::Exported(module.as_str().to_owned(), offer.flatten());
        }
        // A file uses the symbols of its own object, and those of vmlinux.
        let something = |object: &ObjectName| {
            let offer = ask(object, name).filter(Offer::is_something)?;
            Some((object.clone(), offer))
        };
        let in_reach = |object: &ObjectName| {
            let of_image = || something(&ObjectName::Vmlinux);
            something(object).or_else(|| of_image().filter(|_| *object != ObjectName::Vmlinux))
        };
        let mut offers: BTreeMap<ObjectName, Offer> =
            objects.iter().filter_map(|object| in_reach(object)).collect();
        match (offers.pop_first(), offers.is_empty()) {
            (Some((object, offer)), true) => Need::In(object, offer),
            (Some((object, _)), false) => {
                Need::InSeveral(offers.into_keys().chain([object]).collect())
            }
            (None, _) => {
                let mut looked = objects.iter().copied().chain([&ObjectName::Vmlinux]);
                let is_known = looked.all(|object| ask(object, name) == Some(Offer::Absent));
                Need::Nowhere { objects: objects.into_iter().cloned().collect(), is_known }
            }
        }
    }

    /// The line that makes the symbol known, if there is only one that may be meant.
    fn missing_use(&self, name: &str) -> Option<MissingUse> {
        let (object, kind) = match self {
            Need::In(object, Offer::One(kind)) => (object.as_str(), kind),
            Need::Exported(module, Some(Offer::One(kind))) => (module.as_str(), kind),
            _ => return None,
        };
        // Functions that the compiler derived take other arguments than C says.
        let is_derived = *kind == UseKind::Function && name.contains('.');
        (is_symbol(name) && !is_derived)
            .then(|| MissingUse { object: object.to_owned(), line: messages::line(*kind, name) })
    }
}

/// Whether a spec can name a symbol.
fn is_symbol(name: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '$');
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && name.chars().all(is_part)
}

/// Where the files that need a symbol name it first, or else where their code uses it.
fn places(name: &str, users: &[&Compiled<'_>], author: Author<'_>) -> (Vec<Span>, &'static str) {
    let is_main = |file: &File| author.emitted.c_files.iter().any(|main| main.path == file.path);
    let of_users = |file: &File| users.iter().any(|one| one.file.path == file.path);
    let in_c = || author.sources.files().filter(|file| file.language == Language::C);
    let first = |file: &File| {
        let mut words = identifiers(&file.source.text, Language::C);
        let (at, _) = words.find(|(_, word)| *word == name)?;
        Some(file.global(Span::new(at, at + name.len())))
    };
    let named: Vec<Span> = in_c().filter(|file| of_users(file)).filter_map(first).collect();
    if !named.is_empty() {
        return (named, NAMED);
    }
    // A header of the author's may name it.
    let named: Vec<Span> = in_c().filter(|file| !is_main(file)).filter_map(first).collect();
    if !named.is_empty() {
        return (named, NAMED);
    }
    (users.iter().flat_map(|one| author.using(name, &one.object)).collect(), IN_A_MACRO)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resolve::Candidate;

    #[test]
    fn only_one_meaning_becomes_a_line() {
        let vmlinux = ObjectName::Vmlinux;
        let line = |need: Need, name| need.missing_use(name).map(|found| found.line);
        let one = |kind| Need::In(vmlinux.clone(), Offer::One(kind));
        assert_eq!(line(one(UseKind::Function), "a").as_deref(), Some("use fn a;"));
        assert_eq!(line(one(UseKind::Variable), "a.1").as_deref(), Some("use static a.1;"));
        assert_eq!(line(one(UseKind::PerCpu), "a").as_deref(), Some("use percpu a;"));
        assert_eq!(line(one(UseKind::Function), "a.isra.0"), None);
        assert_eq!(line(one(UseKind::Function), "a; } x"), None);
        let candidate = Candidate { kind: UseKind::Function, whereabouts: String::new() };
        let several = Offer::Several(vec![candidate.clone(), candidate]);
        assert_eq!(line(Need::In(vmlinux.clone(), several), "a"), None);
        assert_eq!(line(Need::Exported("m".to_owned(), None), "a"), None);
        let inlined = Offer::Inlined("a.c:1".to_owned(), Vec::new());
        assert_eq!(line(Need::In(vmlinux.clone(), inlined), "a"), None);
        let nowhere = Need::Nowhere { objects: BTreeSet::from([vmlinux]), is_known: true };
        assert_eq!(line(nowhere, "a"), None);
    }
}
