// SPDX-License-Identifier: GPL-2.0
//! The changelog: a file of the `.deb`, and entries in the header of the `.rpm`.

use crate::text::{date, wrap};
use crate::{check, version, Change, Error, Package, Urgency};
use std::fmt::Write as _;

pub(crate) fn check(changes: &[Change], version: &str) -> Result<(), Error> {
    match changes.first() {
        Some(newest) if newest.version == version => {}
        Some(newest) => {
            const ALLOWED: &str = "the version of the package in the first entry";
            return Err(Error::field("changelog.version", &newest.version, ALLOWED));
        }
        None => check::require("changelog", true, "at least one entry")?,
    }
    for Change { version, date, author, urgency: _, lines } in changes {
        version::check("changelog.version", version)?;
        check::seconds("changelog.date", *date)?;
        check::person("changelog.author", author)?;
        check::require("changelog.lines", lines.is_empty(), "at least one line")?;
        check::lines("changelog.lines", lines)?;
    }
    match changes.windows(2).find(|pair| pair[0].date < pair[1].date) {
        Some(pair) => {
            let older = pair[1].date.to_string();
            Err(Error::field("changelog.date", &older, "not later than that of the entry before"))
        }
        None => Ok(()),
    }
}

/// Where Debian wants it (policy 12.7): a package with a release has its changelog beside the one
/// of its source.
pub(crate) fn path(package: &Package) -> String {
    let name = &package.name;
    match version::is_native(&package.version) {
        true => format!("usr/share/doc/{name}/changelog.gz"),
        false => format!("usr/share/doc/{name}/changelog.Debian.gz"),
    }
}

/// The text of the `.deb`'s file (Debian policy 4.4).
pub(crate) fn deb(package: &Package) -> Result<String, Error> {
    let mut text = String::new();
    for Change { version, date: seconds, author, urgency, lines } in &package.changelog {
        if !text.is_empty() {
            text.push('\n');
        }
        let (name, urgency) = (&package.name, urgency.word());
        // Writing to a string cannot fail.
        let _ = write!(text, "{name} ({version}) unstable; urgency={urgency}\n\n");
        for line in lines {
            for (n, line) in wrap(line, 4).iter().enumerate() {
                let _ = writeln!(text, "  {} {line}", if n == 0 { '*' } else { ' ' });
            }
        }
        let date = date(check::seconds("changelog.date", *seconds)?);
        let _ = write!(text, "\n -- {author}  {date}\n");
    }
    Ok(text)
}

/// One entry of the `.rpm`: its title and its text.
pub(crate) fn rpm(change: &Change) -> (String, String) {
    let (version, release) = version::for_rpm(&change.version);
    let lines = change.lines.iter().flat_map(|line| {
        let lines = wrap(line, 2).into_iter().enumerate();
        lines.map(|(n, line)| format!("{} {line}", if n == 0 { '-' } else { ' ' }))
    });
    let text = lines.collect::<Vec<_>>().join("\n");
    (format!("{} - {version}-{release}", change.author), text)
}

impl Urgency {
    fn word(self) -> &'static str {
        match self {
            Urgency::Low => "low",
            Urgency::Medium => "medium",
            Urgency::High => "high",
            Urgency::Critical => "critical",
        }
    }
}
