//! Tables that can be read in a terminal and pasted into a document.

use super::measure::Spread;

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

    /// Prints it as a table of Markdown, with columns as wide as they need to be.
    pub(super) fn print(&self) {
        let columns = self.rows.first().map_or(0, Vec::len);
        let width = |n: usize| self.rows.iter().map(|row| row[n].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for (n, row) in self.rows.iter().enumerate() {
            let cells = row.iter().zip(&widths).map(|(cell, &width)| format!("{cell:<width$}"));
            println!("| {} |", cells.collect::<Vec<_>>().join(" | "));
            if n == 0 {
                let rules = widths.iter().map(|&width| "-".repeat(width + 2));
                println!("|{}|", rules.collect::<Vec<_>>().join("|"));
            }
        }
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
