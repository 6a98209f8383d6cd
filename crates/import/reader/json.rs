// SPDX-License-Identifier: GPL-2.0
//! Writes JSON.

use std::fmt::Write as _;
use std::ops::Range;

/// A string.
pub fn text(value: &str) -> String {
    let mut json = String::from("\"");
    for character in value.chars() {
        match character {
            '"' | '\\' => json.extend(['\\', character]),
            // Writing to a string does not fail.
            control if control < ' ' => drop(write!(json, "\\u{:04x}", control as u32)),
            other => json.push(other),
        }
    }
    json.push('"');
    json
}

/// A string or `null`.
pub fn optional(value: Option<&str>) -> String {
    value.map_or_else(|| "null".to_owned(), text)
}

/// A range, as serde has it.
pub fn range(range: &Range<usize>) -> String {
    format!("{{\"start\":{},\"end\":{}}}", range.start, range.end)
}

/// An object of values that are JSON already.
pub fn object<const N: usize>(fields: [(&str, String); N]) -> String {
    let fields: Vec<String> =
        fields.into_iter().map(|(name, value)| format!("{}:{value}", text(name))).collect();
    format!("{{{}}}", fields.join(","))
}

/// A list of values that are JSON already.
#[derive(Default)]
pub struct List(Vec<String>);

impl List {
    /// Adds one.
    pub fn push(&mut self, value: String) {
        self.0.push(value);
    }

    /// The list.
    pub fn finish(self) -> String {
        format!("[{}]", self.0.join(","))
    }
}

/// A list of these.
pub fn list(values: impl IntoIterator<Item = String>) -> String {
    List(values.into_iter().collect()).finish()
}
