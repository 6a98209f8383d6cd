// SPDX-License-Identifier: GPL-2.0
//! `docs/bench.md`, whose last section is what `cargo xtask bench --page` has measured: nobody
//! copies figures by hand.

use anyhow::{Context as _, Result};

const PAGE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/bench.md");
/// The section's heading, with a line for those who look at the page.
const HEADING: &str = "\n## Figures\n\n`cargo xtask bench --page` has written this section.\n\n";

/// Puts figures into the page, in the place of those that are there.
pub(super) fn write(figures: &str) -> Result<()> {
    let page = std::fs::read_to_string(PAGE).with_context(|| format!("cannot read {PAGE}"))?;
    std::fs::write(PAGE, with(&page, figures)?).with_context(|| format!("cannot write {PAGE}"))
}

/// A page with other figures.
fn with(page: &str, figures: &str) -> Result<String> {
    let (text, _) =
        page.split_once(HEADING).context("docs/bench.md has no section for the figures")?;
    Ok(format!("{text}{HEADING}{figures}"))
}

#[cfg(test)]
mod tests {
    use super::super::figures::{Build, Figures, Labelled};
    use super::super::measure::Sample;
    use super::super::modes::{InMode, Modes};
    use super::super::sizes::Sizes;
    use super::super::specs::{label, COUNTS};
    use super::super::KINDS;
    use super::*;

    /// A figure, or figures, that grow with how many functions a spec changes; the first is of
    /// something else.
    fn series<T>(first: &str, of: impl Fn(usize) -> T) -> Labelled<T> {
        let rest = COUNTS.into_iter().map(|count| (label(count), of(count)));
        [(first.to_owned(), of(0))].into_iter().chain(rest).collect()
    }

    /// Samples of three rounds.
    fn samples(seconds: f64) -> Vec<Sample> {
        [0.9, 1.0, 1.1]
            .map(|factor| Sample { seconds: seconds * factor, mebibytes: 40.0 * factor })
            .into()
    }

    fn made_up() -> Figures {
        let sizes = |count: usize| Sizes { file: 10_000 + 1_000 * count as u64, loaded: 4_000 };
        let by_hand = ["by_hand.rs", "by_hand.rs without debug information"];
        let names =
            |first: &[&str]| -> Vec<String> { first.iter().map(|&name| name.to_owned()).collect() };
        Figures {
            machine: "Machine: of any kind.\nTarget: of any kind.".to_owned(),
            checks: series("the example", |count| samples(0.05 + count as f64 / 1e4)),
            builds: series("the sample's job", |count| {
                let make = 1.0 + count as f64 / 1e3;
                Build { make: samples(make), kpsc: samples(make * 0.95) }
            }),
            by_hand: names(&by_hand).into_iter().map(|name| (name, samples(1.0))).collect(),
            sizes_of_others: names(&["livepatch-sample.c", by_hand[0], by_hand[1]])
                .into_iter()
                .map(|name| (name, sizes(0)))
                .collect(),
            sizes: series("the sample's job", sizes),
            kinds: vec![9; KINDS.len()],
            modes: Modes {
                prepared: 17.0,
                modes: ["kernel crate", "core"].map(|mode| InMode {
                    mode,
                    checks: samples(0.05),
                    builds: samples(1.0),
                    size: sizes(1),
                }),
            },
            jobs: names(&["livepatch-sample.c", by_hand[0], "generated"])
                .into_iter()
                .map(|name| (name, 9))
                .collect(),
        }
    }

    /// A text without its figures and without what only aligns its columns.
    fn form(text: &str) -> String {
        let of_the_run = ["Machine: ", "Target: "];
        let line = |line: &str| {
            if let Some(start) = of_the_run.into_iter().find(|start| line.starts_with(start)) {
                return format!("{start}\n");
            }
            let mut form = String::new();
            for c in line.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }) {
                let repeats = "0 -".contains(c) && form.ends_with(c);
                form.extend(Some(c).filter(|_| !repeats));
            }
            form.replace("0.0", "0") + "\n"
        };
        text.lines().map(line).collect()
    }

    #[test]
    fn the_page_has_the_form_that_the_command_writes() -> Result<()> {
        let page = std::fs::read_to_string(PAGE)?;
        let (there, written) = (form(&page), form(&with(&page, &made_up().text())?));
        for (there, written) in there.lines().zip(written.lines()) {
            assert_eq!(there, written);
        }
        assert_eq!(there.lines().count(), written.lines().count());
        Ok(())
    }

    #[test]
    fn a_page_with_other_figures_has_the_same_text() -> Result<()> {
        let page = format!("# Speed\n\nText.\n{HEADING}old\n");
        assert_eq!(with(&page, "new\n")?, format!("# Speed\n\nText.\n{HEADING}new\n"));
        assert!(with("# Speed\n", "new\n").is_err());
        Ok(())
    }

    #[test]
    fn the_form_of_figures_does_not_depend_on_them() {
        let a = form("| 1 function  | 0.94 s (0.9 to 1.1) |\n|-----|");
        assert_eq!(a, form("| 1 function | 10 s (9.95 to 11) |\n|---|"));
        assert_ne!(a, form("| 1 function | 10 s (9.95 to 11 s) |\n|---|"));
        assert_ne!(form("at most 1, holds"), form("at most 1, DOES NOT HOLD"));
    }
}
