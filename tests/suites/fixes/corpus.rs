// SPDX-License-Identifier: GPL-2.0
//! What the folders of `examples/fixes` hold: a fix of the kernel each, as a spec with hooks or as
//! what `kpsc import` is to be given.

use kps_grammar::ast::TextClause;
use kps_grammar::Source;
use kps_tests::{files, repository, stem};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A fix.
#[derive(Debug, Clone)]
pub(super) struct Fix {
    /// Its name, which its folder has.
    pub(super) name: String,
    /// Its folder.
    pub(super) folder: PathBuf,
    /// The kernels that have the fault, as the clause `kernel` says it.
    pub(super) kernels: String,
    /// How it becomes a patch.
    pub(super) way: Way,
}

/// How a fix becomes a patch.
#[derive(Debug, Clone)]
pub(super) enum Way {
    /// It is a spec.
    Hook(PathBuf),
    /// The change of some functions is imported.
    Import(Changed),
}

/// What an upstream fix changes.
#[derive(Debug, Clone)]
pub(super) struct Changed {
    /// The title of its commit.
    pub(super) title: String,
    /// By files, the functions.
    pub(super) files: BTreeMap<String, Vec<String>>,
}

/// All fixes, by name.
pub(super) fn corpus() -> Vec<Fix> {
    let folders = files(&repository().join("examples/fixes")).into_iter();
    folders.filter(|path| path.is_dir()).map(fix).collect()
}

fn fix(folder: PathBuf) -> Fix {
    let name = stem(&folder);
    let spec = folder.join(&name).with_extension("kps");
    let (kernels, way) = match spec.exists() {
        true => (range(&spec), Way::Hook(spec)),
        false => imported(&folder.join("fix.toml")),
    };
    Fix { name, folder, kernels, way }
}

/// A text file of the repository.
pub(super) fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The kernels that a spec is for.
fn range(spec: &Path) -> String {
    let (parsed, _) = kps_grammar::parse(&Source::new(stem(spec), read(spec)));
    let clause = parsed
        .patch
        .and_then(|patch| patch.texts.first(TextClause::Kernel).map(|clause| clause.value.clone()));
    clause.unwrap_or_else(|| panic!("{} does not say what kernels have the fault", spec.display()))
}

/// `fix.toml`.
fn imported(path: &Path) -> (String, Way) {
    let table: toml::Table =
        toml::from_str(&read(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let text = |key: &str| {
        let value = table.get(key).and_then(toml::Value::as_str);
        value.unwrap_or_else(|| panic!("{} has no {key}", path.display())).to_owned()
    };
    let names = |value: &toml::Value| {
        let names = value.as_array().into_iter().flatten().filter_map(toml::Value::as_str);
        names.map(str::to_owned).collect::<Vec<_>>()
    };
    let files = table.get("files").and_then(toml::Value::as_table);
    let files = files.unwrap_or_else(|| panic!("{} names no files", path.display()));
    let files = files.iter().map(|(file, value)| (file.clone(), names(value))).collect();
    (text("kernels"), Way::Import(Changed { title: text("title"), files }))
}
