// SPDX-License-Identifier: GPL-2.0
//! The command that Kbuild would compile a source file with, from Kbuild itself
//! (`templates/command.mk`).

use super::{first_lines, scratch, write, Front};
use crate::build::kbuild;
use kps_diag::{Diagnostic, KBUILD_FAILED, NOT_COMPILED};
use kps_host::temporary::Folder;
use kps_targets::{Cache, Target, Tree};
use std::path::{Component, Path, PathBuf};

/// How the kernel's build compiles a source file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    /// The file, from the top of the source.
    pub path: String,
    /// What its object is linked into: `vmlinux`, or one module or several.
    pub objects: Vec<String>,
    /// The file, as Kbuild names it to the compiler.
    pub(super) file: PathBuf,
    /// The compiler and its options, without those about input and output.
    pub(super) words: Vec<String>,
}

impl Command {
    /// The file's name for messages and `__FILE__`.
    pub(super) fn name(&self) -> String {
        self.file.display().to_string()
    }

    /// The compiler.
    pub(super) fn program(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }

    /// What stands behind it.
    pub(super) fn options(&self) -> &[String] {
        self.words.get(1..).unwrap_or_default()
    }
}

const RULES: &str = include_str!("../../../templates/command.mk");
const MAKEFILE: &str = "kps-command.mk";

/// Asks Kbuild for commands.
#[derive(Debug)]
pub(super) struct Commands {
    /// The rules for make, and what it has found out about the compilers.
    folder: Folder,
}

impl Commands {
    pub(super) fn new(target: &Target, cache: &Cache, tree: &Tree) -> Result<Commands, Diagnostic> {
        let folder = scratch(tree)?;
        write(&folder, MAKEFILE, RULES)?;
        kbuild::bring(folder.path(), target, cache);
        Ok(Commands { folder })
    }

    /// The command for a file, from the top of the source.
    pub(super) fn of(&self, front: &Front, path: &str) -> Result<Command, Diagnostic> {
        let Some(stem) = path.strip_suffix(".c").filter(|_| is_plain(path)) else {
            return Err(
                not_compiled(path).help("only files in C below the kernel's source are read")
            );
        };
        if !front.source.join(path).is_file() {
            return Err(not_compiled(path).note("the target's source has no such file"));
        }
        if let Some(found) = self.ask(front, path, stem)? {
            return Ok(found);
        }
        // Some folders have files for all architectures, which the makefile of each one names.
        let folder = kps_arch::native().kbuild.folder;
        let in_folder = Path::new(stem).components().nth(1).map(|folder| folder.as_os_str());
        if let Some(name) = in_folder.filter(|name| front.source.join(folder).join(name).is_dir()) {
            let name = name.to_string_lossy();
            let up = "../".repeat(folder.split('/').count() + 1);
            if let Some(found) = self.ask(front, path, &format!("{folder}/{name}/{up}{stem}"))? {
                return Ok(found);
            }
        }
        Err(not_compiled(path)
            .note("no makefile of the kernel's source names it with the target's configuration"))
    }

    /// The command for the object of a goal, if Kbuild makes it.
    fn ask(&self, front: &Front, path: &str, goal: &str) -> Result<Option<Command>, Diagnostic> {
        let folder = self.folder.path();
        let makefiles = kbuild::makefile(folder).into_iter().chain([folder.join(MAKEFILE)]);
        let makefiles: Vec<String> = makefiles.map(|path| path.display().to_string()).collect();
        let mut words = vec![
            format!("MAKEFILES={}", makefiles.join(" ")),
            "make".to_owned(),
            "--no-print-directory".to_owned(),
            "-C".to_owned(),
            front.tree.build.display().to_string(),
            "-f".to_owned(),
            front.source.join("Makefile").display().to_string(),
        ];
        words.extend(front.tree.make.iter().cloned());
        words.push(format!("{goal}.kps"));
        let output = front.run(&front.tree.toolchain(), "env", words, folder, &[])?;
        let printed = String::from_utf8_lossy(&output.stdout);
        let value = |key: &str| {
            let mut values =
                printed.lines().filter_map(|line| line.strip_prefix("kps ")?.strip_prefix(key));
            values.next().map(str::trim)
        };
        let Some(part) = value("part ") else {
            // A folder that the configuration leaves out has no rule for the goal.
            let said = first_lines(&output);
            if said.iter().any(|line| line.contains("No rule to make target")) {
                return Ok(None);
            }
            let error = Diagnostic::new(
                KBUILD_FAILED,
                format!("Kbuild does not say how it compiles {path}"),
            );
            return Err(said.into_iter().fold(error, Diagnostic::note));
        };
        let objects = match part {
            "builtin" => vec!["vmlinux".to_owned()],
            "module" => modules(value("name ").unwrap_or_default()),
            _ => return Ok(None),
        };
        let words = printed.lines().filter_map(|line| line.strip_prefix("kps word "));
        // The list of what was included.
        let words = words.filter(|word| !word.starts_with("-Wp,")).map(str::to_owned).collect();
        let file = front.source.join(path);
        Ok(Some(Command { path: path.to_owned(), objects, file, words }))
    }
}

/// The modules of an object, which scripts/Makefile.lib joins with colons.
fn modules(joined: &str) -> Vec<String> {
    joined.split(':').map(|name| name.replace('-', "_")).collect()
}

/// Whether a path has only what make and the shell leave alone, and leads down.
pub(super) fn is_plain(path: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._+-".contains(c);
    let leads_down = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
    path.chars().all(plain) && leads_down && !path.starts_with('-')
}

pub(super) fn not_compiled(path: &str) -> Diagnostic {
    Diagnostic::new(NOT_COMPILED, format!("the target is built without {path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_may_be_in_several_modules() {
        assert_eq!(modules("snd-soc-core"), ["snd_soc_core"]);
        assert_eq!(modules("i10nm_edac:skx-edac"), ["i10nm_edac", "skx_edac"]);
    }

    #[test]
    fn only_plain_paths_reach_make() {
        assert!(is_plain("drivers/block/loop.c") && is_plain("fs/xfs/libxfs/xfs_da-btree.c"));
        for path in ["../a.c", "/etc/a.c", "a/../../b.c", "a b.c", "$(shell id).c", "a;b.c", "-f.c"]
        {
            assert!(!is_plain(path), "{path}");
        }
    }
}
