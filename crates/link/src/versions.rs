// SPDX-License-Identifier: GPL-2.0
//! The versions of the symbols that a module takes from others, which modpost writes on kernels
//! with `CONFIG_MODVERSIONS`. It writes one for each placeholder too, but the kernel looks for
//! those of exports only.

use kps_plan::PLACEHOLDER;
use object::build::elf::{Builder, SectionData};

/// The table: `struct modversion_info` of `include/linux/module.h`, a number and 56 bytes for a
/// name.
const TABLE: &[u8] = b"__versions";
const ENTRY: usize = 64;
const NUMBER: usize = 8;

/// The tables since 6.14 (`CONFIG_EXTENDED_MODVERSIONS`): numbers of four bytes, and as many names,
/// each ended by a NUL.
const NUMBERS: &[u8] = b"__version_ext_crcs";
const NAMES: &[u8] = b"__version_ext_names";
const EXTENDED_NUMBER: usize = 4;

/// Whether a section of this name holds names of versions.
pub(super) fn has_names(section: &[u8]) -> bool {
    section == TABLE || section == NAMES
}

/// Whether a table names a placeholder.
pub(super) fn has_placeholder(table: &[u8]) -> bool {
    table.windows(PLACEHOLDER.len()).any(|bytes| bytes == PLACEHOLDER.as_bytes())
}

/// Drops the entries of placeholders.
pub(super) fn drop_placeholders(builder: &mut Builder<'_>) {
    let is_placeholder = |name: &[u8]| name.starts_with(PLACEHOLDER.as_bytes());
    if let Some(table) = table(builder, TABLE) {
        let entries = table.chunks(ENTRY);
        let kept = entries.filter(|entry| !entry.get(NUMBER..).is_some_and(is_placeholder));
        let kept = kept.collect::<Vec<_>>().concat();
        replace(builder, TABLE, kept);
    }
    if let (Some(numbers), Some(names)) = (table(builder, NUMBERS), table(builder, NAMES)) {
        let numbers = numbers.chunks(EXTENDED_NUMBER);
        let names = names.split_inclusive(|&byte| byte == 0);
        let kept = numbers.zip(names).filter(|(_, name)| !is_placeholder(name));
        let (numbers, names): (Vec<&[u8]>, Vec<&[u8]>) = kept.unzip();
        let (numbers, names) = (numbers.concat(), names.concat());
        replace(builder, NUMBERS, numbers);
        replace(builder, NAMES, names);
    }
}

/// The bytes of a section.
fn table(builder: &Builder<'_>, name: &[u8]) -> Option<Vec<u8>> {
    let section = builder.sections.iter().find(|section| section.name.as_slice() == name)?;
    match &section.data {
        SectionData::Data(bytes) => Some(bytes.as_slice().to_vec()),
        _ => None,
    }
}

fn replace(builder: &mut Builder<'_>, name: &[u8], bytes: Vec<u8>) {
    let section = builder.sections.iter_mut().find(|section| section.name.as_slice() == name);
    if let Some(section) = section {
        section.data = SectionData::Data(bytes.into());
    }
}
