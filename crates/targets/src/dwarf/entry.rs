// SPDX-License-Identifier: GPL-2.0
//! The attributes of one entry: a function, or a copy of one.

use super::{Attribute, Slice, Unit};
use gimli::{constants as dw, AttributeValue};

/// The attributes of an entry.
#[derive(Default)]
pub(super) struct Entry<'a> {
    /// The start of its code, if it has any.
    pub(super) address: Option<u64>,
    /// Whether any code of it is left. A result computed at compile time has a position there, but
    /// no bytes.
    pub(super) is_code: bool,
    /// The entry that it refers to.
    pub(super) origin: Option<usize>,
    /// Whether it has a type: that of the function's result.
    pub(super) has_result: bool,
    /// Its name.
    pub(super) name: Option<&'a [u8]>,
    /// Whether it describes a function that is inlined or cloned, and no code.
    pub(super) is_abstract: bool,
    /// File and line of its definition.
    pub(super) declared: Line,
    /// File and line of the inlined call.
    pub(super) called: Line,
}

/// A line, and the number of its file in the unit.
pub(super) type Line = (Option<u64>, Option<u32>);

impl<'a> Entry<'a> {
    pub(super) fn of(
        unit: Unit<'_, 'a>,
        attributes: &[Attribute<'a>],
    ) -> Result<Entry<'a>, gimli::Error> {
        let mut entry = Entry::default();
        let (mut low_pc, mut first_range) = (None, None);
        for attribute in attributes {
            let value = attribute.value();
            let line = attribute.udata_value().and_then(|line| u32::try_from(line).ok());
            let file = match value {
                AttributeValue::FileIndex(file) => Some(file),
                _ => attribute.udata_value(),
            };
            match attribute.name() {
                dw::DW_AT_low_pc => low_pc = unit.attr_address(value)?,
                dw::DW_AT_ranges => first_range = first_address(unit, value)?,
                dw::DW_AT_type => entry.has_result = true,
                dw::DW_AT_name => entry.name = Some(unit.attr_string(value)?.slice()),
                dw::DW_AT_inline => entry.is_abstract = true,
                dw::DW_AT_entry_pc => entry.is_code = true,
                dw::DW_AT_abstract_origin | dw::DW_AT_specification => {
                    entry.origin = target(unit, value);
                }
                dw::DW_AT_decl_file => entry.declared.0 = file,
                dw::DW_AT_decl_line => entry.declared.1 = line,
                dw::DW_AT_call_file => entry.called.0 = file,
                dw::DW_AT_call_line => entry.called.1 = line,
                _ => {}
            }
        }
        entry.address = low_pc.or(first_range);
        entry.is_code |= entry.address.is_some();
        Ok(entry)
    }
}

/// The start of the first range: compilers put the entry point's range first.
fn first_address<'a>(
    unit: Unit<'_, 'a>,
    value: AttributeValue<Slice<'a>>,
) -> Result<Option<u64>, gimli::Error> {
    let Some(mut ranges) = unit.attr_ranges(value)? else { return Ok(None) };
    Ok(ranges.next()?.map(|range| range.begin))
}

/// The entry that a reference points to, in this unit or in another one.
fn target(unit: Unit<'_, '_>, value: AttributeValue<Slice<'_>>) -> Option<usize> {
    match value {
        AttributeValue::UnitRef(offset) => Some(offset.to_debug_info_offset(&unit.header)?.0),
        AttributeValue::DebugInfoRef(offset) => Some(offset.0),
        _ => None,
    }
}
