// SPDX-License-Identifier: GPL-2.0
//! `docs/from-c.md`: what C people write is answered with what to write here.

use kps_tests::mistakes::words;
use kps_tests::pages::read;
use kps_tests::schedule::Case;
use kps_tests::{cases, check_spec, fixture_cache, repository};
use kpsc::resolve::{FromC, FROM_C};
use std::path::Path;

/// The page.
const PAGE: &str = "docs/from-c.md";

pub(super) fn cases() -> Vec<Case> {
    cases![
        what_c_people_write_is_answered_with_what_to_write_here,
        the_names_of_the_page_are_those_of_the_code,
    ]
}

/// A row of the page: a body with a mistake, and its repair.
struct Row<'a> {
    hook: &'a str,
    function: &'a str,
    mistake: String,
    repair: String,
    code: &'a str,
}

impl Row<'_> {
    fn spec(&self, body: &str) -> String {
        let Row { hook, function, .. } = self;
        format!("patch fix {{ license \"GPL\"; object vmlinux {{ fn {function} {{ {hook} {{ {body} }} }} }} }}\n")
    }
}

/// The rows below the headings ``### `HOOK` of `FUNCTION(..)` ``.
fn rows(page: &str) -> Vec<Row<'_>> {
    let mut of = None;
    let mut rows = Vec::new();
    for line in page.lines() {
        if let Some(heading) = line.strip_prefix("### ") {
            of = heading
                .strip_prefix('`')
                .and_then(|rest| rest.split_once("` of `"))
                .and_then(|(hook, rest)| Some((hook, rest.split_once('(')?.0)));
        }
        let cells: Vec<&str> = line.split(" | ").collect();
        let (Some((hook, function)), [mistake, repair, code, _]) = (of, cells.as_slice()) else {
            continue;
        };
        if let Some(code) = code.strip_prefix("[KPS").and_then(|rest| rest.split(']').next()) {
            let (mistake, repair) = (text(mistake.trim_start_matches("| ")), text(repair));
            rows.push(Row { hook, function, mistake, repair, code });
        }
    }
    rows
}

/// The text of a cell.
fn text(cell: &str) -> String {
    cell.trim().trim_matches('`').replace("\\|", "|")
}

/// `check` says what to write, and the repair, which has no word that is in neither, passes.
fn what_c_people_write_is_answered_with_what_to_write_here() {
    let page = read(PAGE);
    let rows = rows(&page);
    assert!(rows.len() >= 60, "{} rows", rows.len());
    let cache = fixture_cache();
    let mut wrong = String::new();
    for row in &rows {
        let (status, said) = check_spec(&row.spec(&row.mistake), cache.path());
        let code = format!("error[KPS{}]", row.code);
        if status != Some(1) || !said.contains(&code) {
            wrong += &format!("{}: {code} is not reported:\n{said}\n", row.mistake);
        }
        let spec = row.spec(&row.mistake);
        let known = [words(&spec), words(&said)].concat();
        let unsaid: Vec<&str> =
            words(&row.repair).into_iter().filter(|word| !known.contains(word)).collect();
        if !unsaid.is_empty() {
            wrong += &format!("{}: {unsaid:?} is not said:\n{said}\n", row.mistake);
        }
        let (status, said) = check_spec(&row.spec(&row.repair), cache.path());
        if status != Some(0) || said.contains("KPS") {
            wrong += &format!("{}: the repair does not pass:\n{said}\n", row.repair);
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// `BLESS=1` writes the tables anew.
fn the_names_of_the_page_are_those_of_the_code() {
    let page = read(PAGE);
    let start = page.find("\n## Names\n").unwrap_or_else(|| panic!("{PAGE} has no `## Names`"));
    let (before, names) = page.split_at(start);
    let intro = names.split("\n### ").next().unwrap_or_default().trim_end();
    let tables: Vec<String> = FROM_C.iter().map(|(subject, rows)| table(subject, rows)).collect();
    let wanted = format!("{before}{intro}\n\n{}", tables.join("\n"));
    if std::env::var_os("BLESS").is_some() {
        let written = std::fs::write(repository().join(Path::new(PAGE)), &wanted);
        written.unwrap_or_else(|error| panic!("{PAGE}: {error}"));
    }
    assert!(
        page == wanted,
        "the tables of {PAGE} are not those of the code: `BLESS=1` writes them"
    );
}

fn table(subject: &str, rows: &[FromC]) -> String {
    let mut table = format!("### {subject}\n\n| in C | in a body |\n|---|---|\n");
    for row in rows {
        let names: Vec<String> = row.names.iter().map(|name| format!("`{name}`")).collect();
        table += &format!("| {} | {} |\n", names.join(", "), row.write.replace('|', "\\|"));
    }
    table
}
