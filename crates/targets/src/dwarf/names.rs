// SPDX-License-Identifier: GPL-2.0
//! The names of functions, each kept once.

use kps_facts::DebugInfo;
use std::collections::HashMap;

/// The names by number.
#[derive(Default)]
pub(super) struct Names<'a> {
    numbers: HashMap<&'a [u8], u32>,
    names: Vec<&'a str>,
}

impl<'a> Names<'a> {
    /// The number of a name. None if no function in C has such a name: those of other languages
    /// cannot be patched.
    pub(super) fn number(&mut self, name: &'a [u8]) -> Option<u32> {
        if let Some(number) = self.numbers.get(name) {
            return Some(*number);
        }
        let text = std::str::from_utf8(name).ok().filter(|name| DebugInfo::is_function(name))?;
        let number = self.names.len() as u32;
        self.numbers.insert(name, number);
        self.names.push(text);
        Some(number)
    }

    /// The name of a number.
    pub(super) fn text(&self, number: u32) -> String {
        self.names.get(number as usize).copied().unwrap_or_default().to_owned()
    }
}
