// SPDX-License-Identifier: GPL-2.0
//! The spec of an imported fix as a value. A template makes its text.

use crate::c_file::short;
use crate::header::Header;
use crate::import::Import;
use crate::kernel::VMLINUX;
use crate::selection::UseLine;
use crate::shadow::Shadow;
use serde::Serialize;

/// The input of the template.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct Spec {
    /// The name of the patch.
    pub name: String,
    /// What the fix is, for people.
    pub origin: String,
    /// The files that it changes.
    pub files: Vec<String>,
    /// The description of the module.
    pub description: String,
    /// The author of the fix.
    pub author: Option<String>,
    /// What it fixes.
    pub fixes: Vec<String>,
    /// The version of the kernel that the bodies come from.
    pub kernel: String,
    /// Its shadow variables.
    pub shadows: Vec<Variable>,
    /// Its objects, the image first.
    pub objects: Vec<Object>,
    /// The files in C that replace nothing.
    pub c_files: Vec<String>,
}

/// A shadow variable of the spec, which stands for a member of a struct.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct Variable {
    /// The member, and the variable.
    pub name: String,
    /// The struct.
    pub record: String,
    /// The type in Rust.
    pub ty: &'static str,
    /// Its first value.
    pub value: &'static str,
    /// Functions that may free the objects.
    pub freeing: Vec<String>,
}

/// An object of the spec.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct Object {
    /// Its name.
    pub name: String,
    /// Its `use` lines.
    pub uses: Vec<String>,
    /// Its functions.
    pub functions: Vec<Function>,
}

/// A function of the spec.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// The file with its new body.
    pub file: String,
    /// Why it is in the patch, if that is not plain.
    pub comment: Option<String>,
}

impl Spec {
    /// The spec of an import.
    pub fn of(name: &str, version: &str, header: &Header, import: &Import) -> Spec {
        let mut objects: Vec<Object> = import
            .objects
            .iter()
            .map(|(name, contents)| Object {
                name: name.clone(),
                uses: contents.uses.iter().map(line).collect(),
                functions: contents
                    .functions
                    .iter()
                    .map(|(file, root)| Function {
                        name: root.symbol.clone(),
                        file: file.clone(),
                        comment: root.why.comment(),
                    })
                    .collect(),
            })
            .collect();
        objects.sort_by_key(|object| (object.name != VMLINUX, object.name.clone()));
        let origin = match (&header.commit, header.subject.as_str()) {
            (Some(commit), "") => format!("the fix {}", short(commit)),
            (Some(commit), subject) => format!("the fix {} (\"{subject}\")", short(commit)),
            (None, "") => "a fix".to_owned(),
            (None, subject) => format!("the fix \"{subject}\""),
        };
        Spec {
            name: name.to_owned(),
            origin,
            files: import.files.keys().cloned().collect(),
            description: match header.subject.as_str() {
                "" => format!("Functions of Linux {version} with a fix"),
                subject => subject.to_owned(),
            },
            author: header.author.as_deref().map(in_quotes),
            fixes: header.cves.iter().cloned().collect(),
            kernel: version.to_owned(),
            shadows: import.shadows.iter().map(variable).collect(),
            objects,
            c_files: import.new_files.iter().cloned().collect(),
        }
    }
}

fn variable(shadow: &Shadow) -> Variable {
    let Shadow { name, record, stored, freeing } = shadow;
    let (name, record) = (name.clone(), record.clone());
    let freeing = freeing.iter().cloned().collect();
    Variable { name, record, ty: stored.rust, value: stored.zero, freeing }
}

/// A text as a spec has it between quotes.
fn in_quotes(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}

fn line(line: &UseLine) -> String {
    match line {
        UseLine::Function(name) => format!("use fn {name};"),
        UseLine::Static(name) => format!("use static {name};"),
        UseLine::PerCpu(name) => format!("use percpu {name};"),
    }
}

/// The name of a patch that is made of a fix: words of its subject, or else of the name of its
/// file.
pub fn name_of(header: &Header, file: &str) -> String {
    /// The longest name; that of a module may have 55 characters.
    const MAX: usize = 40;
    let stem = file.rsplit('/').next().unwrap_or(file);
    let stem = stem.rsplit_once('.').map_or(stem, |(stem, _)| stem);
    let text = if header.subject.is_empty() { stem } else { &header.subject };
    let mut name = String::new();
    let words = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    for word in words.map(str::to_ascii_lowercase) {
        match name.is_empty() {
            true => name = word.chars().take(MAX).collect(),
            false if name.len() + 1 + word.len() <= MAX => {
                name.push('_');
                name.push_str(&word);
            }
            false => break,
        }
    }
    match name.chars().next() {
        Some(first) if first.is_ascii_alphabetic() => name,
        _ => format!("fix_{name}").trim_end_matches('_').to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_comes_from_the_subject() {
        let named = |subject: &str, file| {
            name_of(&Header { subject: subject.to_owned(), ..Header::default() }, file)
        };
        assert_eq!(named("net/sched: Fix a use-after-free", "x"), "net_sched_fix_a_use_after_free");
        assert_eq!(named("", "dir/0001-net-fix.patch"), "fix_0001_net_fix");
        assert_eq!(named("", "\u{e9}"), "fix");
        assert!(named(&"long ".repeat(40), "x").len() <= 40);
    }
}
