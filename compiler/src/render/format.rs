// SPDX-License-Identifier: GPL-2.0
//! How messages are written: for people, for people in a hurry, and for programs.

use super::{human, machine};
use kps_diag::Diagnostic;
use kps_grammar::Sources;

/// What a message is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub enum Format {
    /// The place in the text, with notes and help.
    #[default]
    Human,
    /// One line: `FILE:LINE:COLUMN: error[CODE]: TEXT`.
    Short,
    /// One line of JSON.
    Json,
}

/// Writes a message; `sources` are the texts that its places are in, and `width` is how many
/// columns people have.
pub fn render(
    diagnostic: &Diagnostic,
    sources: Option<&Sources>,
    format: Format,
    width: usize,
) -> String {
    match format {
        // An empty line keeps pictures apart.
        Format::Human => human::render(diagnostic, sources, width) + "\n",
        Format::Short => machine::short(diagnostic, sources),
        Format::Json => machine::json(diagnostic, sources),
    }
}
