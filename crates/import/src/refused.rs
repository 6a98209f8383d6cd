// SPDX-License-Identifier: GPL-2.0
//! What of a fix no replaced function can bring into a running kernel, with what can.

use crate::changes::{nameless, Change, Changes};
use crate::find::{find, Found};
use crate::fix::{FileChange, Lines};
use crate::kernel::Kernel;
use crate::roots::File;
use crate::shadow::{record, Both};
use crate::text::{Name, Space, Text};
use crate::unit::{Declaration, Kind, Of};
use kps_diag::{
    Diagnostic, Span, CHANGED_ASSEMBLY, CHANGED_DATA, CHANGED_INIT_CODE, CHANGED_LAYOUT, LEFT_OUT,
};

/// What a file's name tells of what the fix does there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// C, which functions are taken from.
    C,
    /// A header in C.
    Header,
    /// Assembly, or code of the vDSO.
    Assembly,
    /// Rust.
    Rust,
    /// Nothing that the kernel runs: documentation, tests, tools.
    Text,
    /// What is built, and how.
    Build,
}

impl FileKind {
    /// The kind of a file.
    pub fn of(path: &str) -> FileKind {
        const TEXT: &[&str] =
            &["Documentation/", "tools/", "scripts/", "samples/", "LICENSES/", "usr/"];
        let name = path.rsplit('/').next().unwrap_or(path);
        let ending = name.rsplit_once('.').map_or("", |(_, ending)| ending);
        if TEXT.iter().any(|folder| path.starts_with(folder)) {
            return FileKind::Text;
        }
        match ending {
            _ if name.starts_with("Kconfig")
                || name.starts_with("Makefile")
                || name == "Kbuild" =>
            {
                FileKind::Build
            }
            "S" | "lds" => FileKind::Assembly,
            "c" | "h" if path.contains("/vdso/") || path.contains("/entry/vsyscall/") => {
                FileKind::Assembly
            }
            "c" => FileKind::C,
            "h" => FileKind::Header,
            "rs" => FileKind::Rust,
            _ => FileKind::Text,
        }
    }
}

/// What is said of a file by its name alone; `None` if its text is read.
pub fn by_name(change: &FileChange<'_>) -> Option<Diagnostic> {
    let path = &change.path;
    let left_out = |why: &str| {
        Diagnostic::new(LEFT_OUT, format!("{path} is left out: {why}")).at(change.place, "")
    };
    match FileKind::of(path) {
        FileKind::C | FileKind::Header => None,
        FileKind::Text => Some(left_out("the kernel does not run it")),
        FileKind::Build => Some(left_out("it decides what is built, and the kernel is built")),
        FileKind::Assembly | FileKind::Rust => {
            let message = format!("{path} is not C that functions could be taken from");
            Some(
                Diagnostic::new(CHANGED_ASSEMBLY, message)
                    .at(change.place, "")
                    .note("a livepatch redirects functions at their ftrace site")
                    .help("change a function around it with a hook, or boot the fixed kernel, with kexec for example"),
            )
        }
    }
}

/// The errors and notes about the changes of one file.
pub fn refused(
    file: &File<'_>,
    changes: &Changes,
    lines: Lines<'_>,
    kernel: &dyn Kernel,
) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (name, how) in changes.in_space(Space::Function) {
        found.extend(init_code(file, name, how, lines));
    }
    for (name, how) in changes.in_space(Space::Variable) {
        found.extend(data(file, name, how, lines, kernel));
    }
    found.extend(layouts(&Both { path: file.path, old: file.old, new: file.new, lines }));
    for (n, text) in nameless(file.old, file.new) {
        let message = format!("`{}` is left out", first_line(text));
        let note = "it tells the build or the loader something about the file, which is compiled as part of the patch";
        found.push(Diagnostic::new(LEFT_OUT, message).at(place(lines, file.new, n), "").note(note));
    }
    found
}

/// The place in the diff at which an item of the new text changes: the hunk that has its lines.
pub fn place(lines: Lines<'_>, new: &Text, item: usize) -> Span {
    let Some(range) = new.items().get(item).map(|item| item.range.clone()) else {
        return lines.place;
    };
    let (first, last) = (new.line(range.start), new.line(range.end));
    let has_it = |lines: &std::ops::Range<usize>| lines.start <= last && first < lines.end;
    lines.hunks.iter().find(|hunk| has_it(&hunk.lines)).map_or(lines.place, |hunk| hunk.place)
}

fn init_code(file: &File<'_>, name: &str, how: Change, lines: Lines<'_>) -> Option<Diagnostic> {
    let (item, one) = file.new.function(name)?;
    let is_init =
        |one: &Declaration| one.section.as_deref().is_some_and(|name| name.starts_with(".init"));
    if !is_init(one) || how == Change::Removed {
        return None;
    }
    let message = format!("`{name}` runs once, and has run already");
    let error = Diagnostic::new(CHANGED_INIT_CODE, message)
        .at(place(lines, file.new, item), "")
        .note(format!("it is `__init` code of {}, which is freed after that", file.object));
    Some(error.help(
        "take this part out of the diff, and do what it changes in `post_patch` of the imported spec, or boot the fixed kernel",
    ))
}

fn data(
    file: &File<'_>,
    name: &str,
    how: Change,
    lines: Lines<'_>,
    kernel: &dyn Kernel,
) -> Option<Diagnostic> {
    if how != Change::Changed {
        return None;
    }
    let full = Name::new(Space::Variable, name);
    let (item, new) = file.new.definition(&full)?;
    let Kind::Variable { is_const, .. } = new.kind else { return None };
    let has_functions = new.uses.iter().any(|used| used.of == Of::Function);
    let has_symbol = find(kernel, file, &full) != Found::No;
    // A constant that only functions of the file read comes with the new ones.
    if is_const && new.is_static && !has_functions && !has_symbol {
        return None;
    }
    let message = format!("the initial value of `{name}` changes");
    let error = Diagnostic::new(CHANGED_DATA, message)
        .at(place(lines, file.new, item), "")
        .note("the kernel has its variable already, with the old value or a later one");
    let help = match has_functions {
        true => "take this part out of the diff, and hook the function that the old value names or the one that calls it".to_owned(),
        false => format!("take this part out of the diff, and write the value in a `state` of the imported spec, which puts `{name}` back in the end"),
    };
    Some(error.help(help))
}

/// The errors about the types of a file that change.
pub fn layouts(both: &Both<'_>) -> Vec<Diagnostic> {
    let changes = Changes::between(both.old, both.new);
    let changed = changes.in_space(Space::Type).filter(|(_, how)| *how == Change::Changed);
    changed.filter_map(|(name, _)| layout(both, name)).collect()
}

fn layout(both: &Both<'_>, name: &str) -> Option<Diagnostic> {
    let full = Name::new(Space::Type, name);
    let (item, new) = record(both.new, &full)?;
    let (_, old) = record(both.old, &full)?;
    let (Kind::Record { members: after }, Kind::Record { members: before }) =
        (&new.kind, &old.kind)
    else {
        return None;
    };
    let has = |members: &[(String, _)], name: &str| members.iter().any(|(one, _)| one == name);
    let added: Vec<&str> = after
        .iter()
        .map(|(member, _)| member.as_str())
        .filter(|member| !member.is_empty() && !has(before, member))
        .collect();
    let error = |message: String| {
        Diagnostic::new(CHANGED_LAYOUT, message)
            .at(place(both.lines, both.new, item), "")
            .note("the kernel has objects of the old layout, and code that knows no other")
    };
    let is_longer = after.len() == before.len() + added.len();
    Some(match added.as_slice() {
        [member, ..] if is_longer => error(format!("`struct {name}` gets a member, `{member}`"))
            .help(format!("take this part out of the diff, and keep the member beside the objects: `shadow {member}: TYPE on {name} = VALUE, freed by FN(PARENT);`")),
        _ => error(format!("the members of `{name}` change")).help(
            "no shadow variable stands for this: boot the fixed kernel, with kexec for example",
        ),
    })
}

fn first_line(text: &str) -> String {
    const MAX: usize = 60;
    text.lines().next().unwrap_or_default().chars().take(MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fix::Fix;

    #[test]
    fn what_is_not_c_is_refused_or_left_out_by_its_name() {
        let cases = [
            ("kernel/entry.S", Some("KPS1308")),
            ("lib/vdso/getrandom.c", Some("KPS1308")),
            ("rust/kernel/lib.rs", Some("KPS1308")),
            ("Documentation/index.rst", Some("KPS1313")),
            ("tools/perf/x.c", Some("KPS1313")),
            ("drivers/net/Kconfig", Some("KPS1313")),
            ("net/Makefile", Some("KPS1313")),
            ("net/core/dev.c", None),
            ("include/net/sock.h", None),
        ];
        for (path, expected) in cases {
            let text = format!("--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-a\n+b\n");
            let Ok(fix) = Fix::read(&text) else { panic!("{path}") };
            assert_eq!(by_name(&fix.files[0]).map(|said| said.code.id()), expected, "{path}");
        }
    }
}
