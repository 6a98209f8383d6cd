// SPDX-License-Identifier: GPL-2.0
//! What C has as macros.

use crate::format::{are_graphic, Reader, Writer};
use std::collections::BTreeMap;

/// The constants that the kernel's headers have as macros, by name, once the headers are there.
/// BTF has none of them.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Constants(BTreeMap<String, i64>);

impl Constants {
    /// The value of a constant. One above `i64::MAX` is negative, with the same bits.
    pub fn get(&self, name: &str) -> Option<i64> {
        self.0.get(name).copied()
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, i64)> {
        self.0.iter().map(|(name, value)| (name.as_str(), *value))
    }

    pub(crate) fn write(&self, w: &mut Writer) {
        w.list(&self.0, |w, (name, value)| {
            w.text(name);
            w.u64(*value as u64);
        });
    }

    pub(crate) fn read(r: &mut Reader<'_>) -> Option<Constants> {
        let constants: BTreeMap<String, i64> =
            r.list(|r| Some((r.text()?.to_owned(), r.u64()? as i64)))?;
        let plain = |name: &str| !name.is_empty() && are_graphic(name.as_bytes());
        constants.keys().all(|name| plain(name)).then_some(Constants(constants))
    }
}

impl FromIterator<(String, i64)> for Constants {
    fn from_iter<I: IntoIterator<Item = (String, i64)>>(constants: I) -> Self {
        Constants(constants.into_iter().collect())
    }
}
