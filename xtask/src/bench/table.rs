// SPDX-License-Identifier: GPL-2.0
//! Tables of Markdown, which can be read in a terminal too.

use super::measure::Spread;
use std::fmt;

/// Rows of cells under a heading.
#[derive(Debug)]
pub(super) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new<const N: usize>(heading: [&str; N]) -> Self {
        Table { rows: vec![heading.map(str::to_owned).to_vec()] }
    }

    pub(super) fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.rows.push(cells.to_vec());
    }
}

impl fmt::Display for Table {
    /// Columns are as wide as they need to be.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows.first().map_or(0, Vec::len);
        let width =
            |n: usize| self.rows.iter().map(|row| row[n].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for (n, row) in self.rows.iter().enumerate() {
            let cells = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}"));
            writeln!(f, "| {} |", cells.collect::<Vec<_>>().join(" | "))?;
            if n == 0 {
                let rules = widths.iter().map(|&width| "-".repeat(width + 2));
                writeln!(f, "|{}|", rules.collect::<Vec<_>>().join("|"))?;
            }
        }
        Ok(())
    }
}

/// `MEDIAN UNIT (MIN to MAX)`.
pub(super) fn spread(spread: Spread, decimals: usize, unit: &str) -> String {
    let Spread { min, median, max } = spread;
    format!("{median:.decimals$}{unit} ({min:.decimals$} to {max:.decimals$})")
}

/// A figure with what it is held to, and whether it is.
pub(super) fn held(figure: f64, at_most: f64) -> String {
    let holds = if figure <= at_most { "holds" } else { "DOES NOT HOLD" };
    format!("at most {at_most}, {holds}")
}
