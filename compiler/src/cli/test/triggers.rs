// SPDX-License-Identifier: GPL-2.0
//! The programs in C that tests run.

use super::super::report;
use crate::build;
use crate::input::{folder_of, read_text};
use crate::resolve::FileKind;
use kps_diag::{is_hidden, Diagnostic, HIDDEN_CHARACTER};
use kps_grammar::ast;
use kps_grammar::{Source, Sources};
use kps_host::below::{Reader, TRIGGERS};
use kps_host::disk::cannot;
use kps_host::input;
use kps_host::temporary::Folder;
use kps_targets::Tree;
use kps_vm::trigger_path;

/// The triggers of all tests with their source, each once.
pub(in crate::cli) fn read_triggers(
    tests: &[ast::Test],
    sources: &Sources,
) -> Result<Vec<(ast::Trigger, Source)>, Diagnostic> {
    let spec = &sources.spec().name;
    let mut reader = Reader::new(folder_of(spec), TRIGGERS);
    let mut triggers: Vec<(ast::Trigger, Source)> = Vec::new();
    for step in tests.iter().flat_map(|test| &test.steps) {
        let ast::Action::Trigger(trigger) = &step.action else { continue };
        if !triggers.iter().any(|(known, _)| known.file.value == trigger.file.value) {
            let text = read_text(spec, &trigger.file, FileKind::C, input::TRIGGER, &mut reader)?;
            check_characters(&trigger.file, &text)?;
            triggers.push((trigger.clone(), text));
        }
    }
    Ok(triggers)
}

/// A trigger is read like the files of a spec.
fn check_characters(file: &ast::Text, text: &Source) -> Result<(), Diagnostic> {
    let mut lines = text.text.lines().enumerate();
    let found = lines.find_map(|(n, line)| Some((n + 1, line.chars().find(|&c| is_hidden(c))?)));
    match found {
        None => Ok(()),
        Some((line, c)) => {
            let message =
                format!("line {line} of {} has the character U+{:04X}", text.name, u32::from(c));
            Err(Diagnostic::new(HIDDEN_CHARACTER, message)
                .at(file.span, "")
                .help("drop it, or write it as an escape"))
        }
    }
}

/// The programs of a patch for the machine. Warnings have been printed.
pub(super) fn build_triggers(
    patch: &str,
    triggers: &[(ast::Trigger, Source)],
    tree: &Tree,
    sources: &Sources,
) -> Result<Vec<(String, Vec<u8>)>, Diagnostic> {
    let mut programs = Vec::new();
    for (trigger, text) in triggers {
        let place = std::env::temp_dir();
        build::check_visible(tree, "the folder to build in", &place)
            .map_err(|error| error.help("set TMPDIR to another folder"))?;
        let folder = Folder::new_in(&place).map_err(|error| cannot("write to", &place, &error))?;
        let at = |said: Diagnostic| said.at(trigger.file.span, "");
        let (program, warning) =
            build::build_trigger(trigger, &text.text, tree, folder.path()).map_err(at)?;
        report(warning.map(at).as_slice(), Some(sources));
        programs.push((trigger_path(patch, trigger), program));
    }
    Ok(programs)
}
