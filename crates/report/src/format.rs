// SPDX-License-Identifier: GPL-2.0
//! The output formats of messages: long or short for people, and JSON for programs.

use super::{human, machine};
use kps_diag::{Diagnostic, Sources};

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

/// How messages are written, and by which program.
#[derive(Debug, Clone, Copy)]
pub struct Style<'a> {
    /// The program, as a user types its name.
    pub program: &'a str,
    /// For whom.
    pub format: Format,
    /// The target kernel, which programs are told of in a run for several.
    pub kernel: Option<&'a str>,
}

/// Renders a message; `sources` is the text that its spans refer to.
pub fn render(diagnostic: &Diagnostic, sources: Option<&Sources>, style: Style<'_>) -> String {
    match style.format {
        // An empty line separates messages.
        Format::Human => human::render(diagnostic, sources, style.program) + "\n",
        Format::Short => machine::short(diagnostic, sources),
        Format::Json => machine::json(diagnostic, sources, style.kernel),
    }
}
