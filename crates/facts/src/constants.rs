// SPDX-License-Identifier: GPL-2.0
//! What C has as macros.

use crate::format::{are_graphic, Reader, Writer};
use crate::from_c::CONSTANTS;
use kps_plan::fnv;
use std::collections::BTreeMap;

/// The constants that the kernel's headers have as macros, by name, once the headers are there.
/// BTF has none of them.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Constants {
    /// What the headers were asked for: the hash of all names, or 0 if they were not there.
    asked: u64,
    values: BTreeMap<String, i64>,
}

impl Constants {
    /// The value of a constant. One above `i64::MAX` is negative, with the same bits.
    pub fn get(&self, name: &str) -> Option<i64> {
        self.values.get(name).copied()
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, i64)> {
        self.values.iter().map(|(name, value)| (name.as_str(), *value))
    }

    /// Whether the headers have been asked for all constants of the table. Then those that are
    /// missing here are missing there.
    pub fn are_measured(&self) -> bool {
        self.asked == asked()
    }

    pub(crate) fn write(&self, w: &mut Writer) {
        w.u64(self.asked);
        w.list(&self.values, |w, (name, value)| {
            w.text(name);
            w.u64(*value as u64);
        });
    }

    pub(crate) fn read(r: &mut Reader<'_>) -> Option<Constants> {
        let asked = r.u64()?;
        let values: BTreeMap<String, i64> =
            r.list(|r| Some((r.text()?.to_owned(), r.u64()? as i64)))?;
        let plain = |name: &str| !name.is_empty() && are_graphic(name.as_bytes());
        values.keys().all(|name| plain(name)).then_some(Constants { asked, values })
    }
}

/// Whether the table has a constant of this name.
pub fn is_constant(name: &str) -> bool {
    CONSTANTS.iter().any(|(_, names)| names.contains(&name))
}

/// The hash of the names that the table has.
fn asked() -> u64 {
    let names = CONSTANTS.iter().flat_map(|(_, names)| *names);
    fnv(&names.flat_map(|name| [*name, "\n"]).collect::<Vec<_>>())
}

/// What the headers have of the whole table.
impl FromIterator<(String, i64)> for Constants {
    fn from_iter<I: IntoIterator<Item = (String, i64)>>(constants: I) -> Self {
        Constants { asked: asked(), values: constants.into_iter().collect() }
    }
}
