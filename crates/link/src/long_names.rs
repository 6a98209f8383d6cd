// SPDX-License-Identifier: GPL-2.0
//! The meanings of short placeholders, from a section of the module that says them.

use super::KlpName;
use kps_plan::{short_placeholder, LONG_NAMES, PLACEHOLDER};
use object::elf::FileHeader64;
use object::read::elf::{SectionHeader as _, SectionTable};
use object::LittleEndian as LE;
use std::collections::BTreeMap;

/// Long placeholders by their short forms.
#[derive(Debug, Default)]
pub(super) struct LongNames<'d>(BTreeMap<String, &'d str>);

impl<'d> LongNames<'d> {
    /// Those of a module that is not converted yet. Text that is not a placeholder is an error, and
    /// so are two of the same short form.
    pub(super) fn read(
        sections: &SectionTable<'d, FileHeader64<LE>>,
        module: &'d [u8],
    ) -> Result<Self, String> {
        let mut names = LongNames::default();
        let Some((_, section)) = sections.section_by_name(LE, LONG_NAMES.as_bytes()) else {
            return Ok(names);
        };
        let data = section.data(LE, module).unwrap_or_default();
        for text in data.split(|&byte| byte == 0).filter(|text| !text.is_empty()) {
            let bad = || String::from_utf8_lossy(text).into_owned();
            let long = std::str::from_utf8(text).map_err(|_| bad())?;
            long.strip_prefix(PLACEHOLDER).and_then(KlpName::parse).ok_or_else(bad)?;
            let known = names.0.insert(short_placeholder(long), long);
            if known.is_some_and(|known| known != long) {
                return Err(bad());
            }
        }
        Ok(names)
    }

    /// The long form of a short placeholder; any other name is what it says.
    pub(super) fn meaning<'n>(&self, name: &'n str) -> &'n str
    where
        'd: 'n,
    {
        self.0.get(name).copied().unwrap_or(name)
    }
}
