// SPDX-License-Identifier: GPL-2.0
//! Manual pages, of the command lines that clap parses: one for a program, and one for each verb.

use anyhow::{Context as _, Result};
use clap::Command;
use clap_mangen::roff::{bold, roman, Roff};
use clap_mangen::Man;

/// What all pages of a program have in common.
pub struct Manual<'a> {
    /// The section of the manual: 1 for all users, 8 for administrators.
    pub section: u8,
    /// The day of the release, as `2026-01-02`.
    pub date: &'a str,
    /// What `docs/commands.md` says about the exit status, of which the page of the program has the
    /// table.
    pub commands: &'a str,
}

/// The pages of a program and of its verbs, by the names of their files.
///
/// # Errors
/// If `commands` has no table.
pub fn pages(program: Command, manual: &Manual<'_>) -> Result<Vec<(String, Vec<u8>)>> {
    let mut program = program.disable_help_subcommand(true);
    program.build();
    let name = program.get_name().to_owned();
    let mut pages = Vec::new();
    collect(&program, &name, manual, &mut pages)?;
    Ok(pages)
}

/// The page of a command, and those of its verbs.
fn collect(
    command: &Command,
    program: &str,
    manual: &Manual<'_>,
    pages: &mut Vec<(String, Vec<u8>)>,
) -> Result<()> {
    pages.push((file(command, manual), page(command, program, manual)?));
    verbs(command).try_for_each(|verb| collect(verb, program, manual, pages))
}

fn verbs(command: &Command) -> impl Iterator<Item = &Command> {
    command.get_subcommands().filter(|verb| !verb.is_hide_set())
}

/// The name of a page: `kpsc-kernel-add` is that of `kpsc kernel add`.
fn title(command: &Command) -> &str {
    command.get_display_name().unwrap_or(command.get_name())
}

fn file(command: &Command, manual: &Manual<'_>) -> String {
    format!("{}.{}", title(command), manual.section)
}

fn page(command: &Command, program: &str, manual: &Manual<'_>) -> Result<Vec<u8>> {
    let about = command.get_about().with_context(|| format!("{} says nothing", title(command)))?;
    let mut described = command.clone();
    // The sentence of the help has no full stop, because it stands in a list there.
    if described.get_long_about().is_none() {
        described = described.long_about(format!("{about}."));
    }
    let man = Man::new(described)
        .section(manual.section.to_string())
        .date(manual.date)
        .source(format!("{program} {}", env!("CARGO_PKG_VERSION")))
        .manual(format!("Manual of {program}"));
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if verbs(command).next().is_some() {
        man.render_subcommands_section(&mut page)?;
    }
    let mut more = Roff::default();
    let is_program = title(command) == program;
    if is_program {
        exit_status(&mut more, manual.commands)?;
    }
    see_also(&mut more, command, program, manual);
    more.to_writer(&mut page)?;
    Ok(page)
}

/// The table `## Exit status` of the documentation.
fn exit_status(roff: &mut Roff, commands: &str) -> Result<()> {
    let section = commands.split("\n## Exit status\n").nth(1);
    let section = section.context("docs/commands.md has no table of exit statuses")?;
    let section = section.split("\n## ").next().unwrap_or_default();
    roff.control("SH", ["EXIT STATUS"]);
    let rows = section.lines().filter_map(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    for (status, meaning) in rows.filter_map(|row| row.split_once(" | ")) {
        if status.chars().all(|c| c.is_ascii_digit()) {
            roff.control("TP", []);
            roff.text([bold(status)]);
            roff.text([roman(meaning)]);
        }
    }
    Ok(())
}

/// The pages above a page and below it, and where the documentation is.
fn see_also(roff: &mut Roff, command: &Command, program: &str, manual: &Manual<'_>) {
    roff.control("SH", ["SEE ALSO"]);
    let own = title(command);
    // `a-b` is above `a-b-c`. No verb has the character in its name.
    let above = own.match_indices('-').map(|(end, _)| own[..end].to_owned());
    let below = verbs(command).map(|verb| title(verb).to_owned());
    let mut words = Vec::new();
    for page in above.chain(below) {
        words.push(bold(page));
        words.push(roman(format!("({}), ", manual.section)));
    }
    words.pop();
    if let Some(last) = words.last().cloned() {
        words.pop();
        words.push(last);
        words.push(roman(format!("({})", manual.section)));
        roff.text(words);
    }
    roff.control("PP", []);
    roff.text([roman(format!("The documentation is in /usr/share/doc/{program}."))]);
}
