// SPDX-License-Identifier: GPL-2.0
//! The output formats of messages: long or short for people, and JSON for programs.

use super::{human, machine};
use kps_diag::Diagnostic;
use kps_grammar::Sources;

/// What a message is written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// The place in the text, with notes and help.
    #[default]
    Human,
    /// One line: `FILE:LINE:COLUMN: error[CODE]: TEXT`.
    Short,
    /// One line of JSON.
    Json,
}

/// Renders a message; `sources` is the text that its spans refer to, `kernel` is the target, which
/// programs are told of in a run for several, and `width` is the number of columns for people.
pub fn render(
    diagnostic: &Diagnostic,
    sources: Option<&Sources>,
    kernel: Option<&str>,
    format: Format,
    width: usize,
) -> String {
    match format {
        // An empty line separates messages.
        Format::Human => human::render(diagnostic, sources, width) + "\n",
        Format::Short => machine::short(diagnostic, sources),
        Format::Json => machine::json(diagnostic, sources, kernel),
    }
}
