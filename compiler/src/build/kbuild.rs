// SPDX-License-Identifier: GPL-2.0
//! Caches the steps that Kbuild repeats in every build for a target: it runs the compiler to find
//! the options that it supports, and compiles `scripts/module-common.c`.
//!
//! Only for stock kernels: nothing replaces the compilers and the build tree that kpsc has
//! unpacked.

use super::libraries::{compilers, short};
use kps_diag::Diagnostic;
use kps_host::below::read_below;
use kps_host::disk::{cannot, write_atomically};
use kps_host::input;
use kps_targets::{Cache, Kept, KeptKind, Target, Tree};
use sha2::{Digest as _, Sha256};
use std::path::{Path, PathBuf};

/// The makefile that make reads first.
const RULES: &str = include_str!("../../../templates/try-run.mk");
/// Its name in the folder that is built.
const MAKEFILE: &str = ".kps-try-run.mk";
/// The commands that succeeded, one per line.
const PROBES: &str = ".kps-probes";
/// An object that is the same in all modules.
const OBJECT: &str = ".module-common.o";
/// The command that made it. Kbuild keeps the object if it would run the same command.
const COMMAND: &str = "..module-common.o.cmd";
/// What stands in the cached command for the folder that is built, which is another one each time.
/// Kbuild names it before Linux 6.13.
const FOLDER: &str = "@FOLDER@";

/// Copies the cached results into a folder before it is built. If that fails, Kbuild repeats all
/// steps.
pub fn bring(folder: &Path, target: &Target, cache: &Cache) {
    let (Some(kept), Some(tree)) = (kept(target, cache), target.tree()) else { return };
    let Some(try_run) = try_run(tree) else { return };
    let probes = match kept.bring(folder) {
        true => {
            let _ = name_folder(folder);
            read_probes(folder).unwrap_or_default()
        }
        false => String::new(),
    };
    let _ = write_rules(folder, &try_run, &probes);
}

/// Names a folder in the cached command.
fn name_folder(folder: &Path) -> Result<(), Diagnostic> {
    let command = input::text(Path::new(COMMAND), read_below(folder, COMMAND, input::MAKEFILE)?)?;
    let path = folder.join(COMMAND);
    std::fs::write(&path, command.replace(FOLDER, &folder.display().to_string()))
        .map_err(|error| cannot("write", &path, &error))
}

fn write_rules(folder: &Path, try_run: &str, probes: &str) -> std::io::Result<()> {
    std::fs::write(folder.join(PROBES), probes)?;
    std::fs::write(folder.join(MAKEFILE), RULES.replace("@TRY_RUN@", try_run))
}

/// The makefile that is read first when a folder is built, if there is one.
pub(crate) fn makefile(folder: &Path) -> Option<PathBuf> {
    Some(folder.join(MAKEFILE)).filter(|path| path.exists())
}

/// Caches the results of a build, and removes those of other compilers for the target.
pub fn keep(folder: &Path, target: &Target, cache: &Cache) -> Result<(), Diagnostic> {
    let Some(kept) = kept(target, cache) else { return Ok(()) };
    let probes = read_probes(folder)?;
    let probes: String = probes.split_inclusive('\n').filter(|line| is_probe(line)).collect();
    if kept.have(PROBES, probes.as_bytes()) {
        return Ok(());
    }
    kept.keep(|into| {
        // Linux 6.1 has none.
        if let Ok(object) = read_below(folder, OBJECT, input::MODULE) {
            write_atomically(&into.join(OBJECT), &object)?;
            let path = Path::new(COMMAND);
            let command = input::text(path, read_below(folder, COMMAND, input::MAKEFILE)?)?;
            let command = command.replace(&folder.display().to_string(), FOLDER);
            write_atomically(&into.join(COMMAND), command.as_bytes())?;
        }
        write_atomically(&into.join(PROBES), probes.as_bytes())
    })
}

/// The commands that succeeded, as they are in a folder.
fn read_probes(folder: &Path) -> Result<String, Diagnostic> {
    input::text(&folder.join(PROBES), read_below(folder, PROBES, input::MAKEFILE)?)
}

/// Those of a target in the cache.
fn kept(target: &Target, cache: &Cache) -> Option<Kept> {
    target.tree()?.toolchain.as_ref().filter(|folder| folder.starts_with(cache.root()))?;
    let mut sum = Sha256::new();
    sum.update(RULES);
    sum.update(compilers(target));
    Some(target.kept(KeptKind::Kbuild, &short(sum)))
}

/// The kernel's own definition, under another name.
fn try_run(tree: &Tree) -> Option<String> {
    let mut files =
        tree.sources.iter().chain([&tree.build]).map(|root| root.join("scripts/Makefile.compiler"));
    let text = input::read_text(&files.find(|path| path.exists())?, input::MAKEFILE).ok()?;
    let mut definition = String::from("kps-");
    for line in text.split_inclusive('\n').skip_while(|line| !line.starts_with("try-run = ")) {
        definition.push_str(line);
        if !line.ends_with("\\\n") {
            return Some(definition);
        }
    }
    None
}

/// Whether a line only sets a variable of make.
fn is_probe(line: &str) -> bool {
    let name = line.strip_prefix("kps-ok-").and_then(|rest| rest.strip_suffix(" := y\n"));
    name.is_some_and(|name| !name.contains(['$', '#', ':', '=', ' ', '\t']))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    const COMPILER: &str = "\
# How Kbuild asks
try-run = $(shell set -e; \\
	if ($(1)) >/dev/null 2>&1; \\
	then echo \"$(2)\"; \\
	else echo \"$(3)\"; \\
	fi)
# and what else is there
";
    const ASKS: &str = r#"
srcroot := $(CURDIR)
include scripts/Makefile.compiler
good := $(call try-run,echo good >>ran; test -d $(srcroot) -a ":=" != '\#' && printf "%b\n" "$$$$",good,none)
bad := $(call try-run,echo bad >>ran; false,bad,none)
all: ; @echo $(good) $(bad)
"#;

    /// Runs make in a folder with known results. Returns its output, the commands that it ran, and
    /// the results known afterwards.
    fn asks(known: &str) -> std::io::Result<[String; 3]> {
        let folder = tempfile::tempdir()?;
        let folder = folder.path();
        std::fs::create_dir(folder.join("scripts"))?;
        std::fs::write(folder.join("scripts/Makefile.compiler"), COMPILER)?;
        std::fs::write(folder.join("Makefile"), ASKS)?;
        let tree = Tree {
            build: folder.to_owned(),
            sources: Vec::new(),
            toolchain: None,
            make: Vec::new(),
        };
        write_rules(folder, &try_run(&tree).unwrap_or_default(), known)?;
        let mut make = Command::new("make");
        let rules = makefile(folder).unwrap_or_default();
        let output = make.current_dir(folder).env("MAKEFILES", rules).output()?;
        let printed =
            String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        let read = |name| std::fs::read_to_string(folder.join(name));
        Ok([printed.into_owned(), read("ran")?, read(PROBES)?])
    }

    #[test]
    fn a_command_that_has_succeeded_is_not_run_again() -> std::io::Result<()> {
        let [printed, ran, known] = asks("")?;
        assert_eq!((printed.as_str(), ran.as_str()), ("good none\n", "good\nbad\n"));
        assert!(known.lines().count() == 1 && is_probe(&known), "{known}");
        let [printed, ran, still_known] = asks(&known)?;
        assert_eq!((printed.as_str(), ran.as_str()), ("good none\n", "bad\n"));
        assert_eq!(still_known, known);
        Ok(())
    }

    #[test]
    fn only_probes_are_kept() {
        assert!(is_probe("kps-ok-gcc_-Werror_-c_-x_c_/dev/null_-o_\"^TMP\" := y\n"));
        for line in [
            "kps-ok-gcc := y",
            "kps-ok-gcc := $(shell true)y\n",
            "kps-ok-$(shell true) := y\n",
            "CC := y\n",
            "kps-ok-a := b := y\n",
            "kps-ok-gcc := y\r\n",
        ] {
            assert!(!is_probe(line), "{line:?}");
        }
    }
}
