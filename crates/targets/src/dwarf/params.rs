// SPDX-License-Identifier: GPL-2.0
//! The parameters of one function in DWARF: their names, their types, and where each is when the
//! function is called.
//!
//! A location holds for ranges of addresses, and the one that counts is that of the function's
//! first instruction. GCC describes a parameter that a clone does without by a reference to what
//! its callers would have passed (`DW_OP_GNU_parameter_ref`), or not at all, and one that is the
//! same in all calls by its value.

use super::{Slice, Unit};
use gimli::{
    constants as dw, AttributeValue, DebuggingInformationEntry as Entry, Expression, Operation,
    UnitOffset,
};
use kps_facts::btf::Int;
use kps_facts::{CloneParam, DebugBase, DebugType, Place};

type Read<T> = Result<T, gimli::Error>;

/// The longest chain of types, and of references between entries.
const DEEPEST: usize = 16;

/// The parameters of the function whose entry is at an offset and whose code starts at an address,
/// those in registers first and in the order of the registers.
pub(super) fn params(unit: Unit<'_, '_>, at: UnitOffset, address: u64) -> Read<Vec<CloneParam>> {
    let mut params = Vec::new();
    let mut tree = unit.entries_tree(Some(at))?;
    let mut children = tree.root()?.children();
    while let Some(child) = children.next()? {
        let entry = child.entry();
        if entry.tag() == dw::DW_TAG_formal_parameter {
            let (name, ty) = described(unit, entry)?;
            params.push(CloneParam { name, ty, place: place(unit, entry, address)? });
        }
    }
    let register = |param: &CloneParam| match param.place {
        Place::Register(n) => n,
        _ => u32::MAX,
    };
    params.sort_by_key(register);
    Ok(params)
}

/// The type of the result of the function whose entry is at an offset.
pub(super) fn ret(unit: Unit<'_, '_>, at: UnitOffset) -> Read<Option<DebugType>> {
    let entry = unit.entry(at)?;
    match attribute(unit, &entry, dw::DW_AT_type)? {
        Some(value) => Ok(Some(debug_type(unit, value)?)),
        None => Ok(None),
    }
}

/// The name and the type of a parameter.
fn described<'a>(unit: Unit<'_, 'a>, entry: &Entry<Slice<'a>>) -> Read<(String, DebugType)> {
    let name = match attribute(unit, entry, dw::DW_AT_name)? {
        Some(name) => unit.attr_string(name)?.to_string_lossy().into_owned(),
        None => String::new(),
    };
    let unnamed = DebugType { pointers: Vec::new(), base: DebugBase::Unnamed };
    let ty = match attribute(unit, entry, dw::DW_AT_type)? {
        Some(value) => debug_type(unit, value)?,
        None => unnamed,
    };
    Ok((name, ty))
}

/// An attribute of an entry, or of the entries that it refers to in its unit.
fn attribute<'a>(
    unit: Unit<'_, 'a>,
    entry: &Entry<Slice<'a>>,
    name: gimli::DwAt,
) -> Read<Option<AttributeValue<Slice<'a>>>> {
    let mut entry = entry.clone();
    for _ in 0..DEEPEST {
        if let Some(value) = entry.attr_value(name) {
            return Ok(Some(value));
        }
        let origin = entry
            .attr_value(dw::DW_AT_abstract_origin)
            .or_else(|| entry.attr_value(dw::DW_AT_specification));
        let Some(AttributeValue::UnitRef(origin)) = origin else { break };
        entry = unit.entry(origin)?;
    }
    Ok(None)
}

fn debug_type<'a>(unit: Unit<'_, 'a>, mut value: AttributeValue<Slice<'a>>) -> Read<DebugType> {
    let mut pointers: Vec<bool> = Vec::new();
    for _ in 0..DEEPEST {
        let AttributeValue::UnitRef(at) = value else { break };
        let entry = unit.entry(at)?;
        let inner = entry.attr_value(dw::DW_AT_type);
        match entry.tag() {
            dw::DW_TAG_pointer_type => pointers.push(false),
            dw::DW_TAG_const_type => {
                if let Some(constant) = pointers.last_mut() {
                    *constant = true;
                }
            }
            dw::DW_TAG_volatile_type | dw::DW_TAG_restrict_type | dw::DW_TAG_atomic_type => {}
            _ => return Ok(DebugType { pointers, base: base(unit, &entry)? }),
        }
        let Some(inner) = inner else {
            return Ok(DebugType { pointers, base: DebugBase::Void });
        };
        value = inner;
    }
    Ok(DebugType { pointers, base: DebugBase::Unnamed })
}

fn base<'a>(unit: Unit<'_, 'a>, entry: &Entry<Slice<'a>>) -> Read<DebugBase> {
    let Some(name) = entry.attr_value(dw::DW_AT_name) else { return Ok(DebugBase::Unnamed) };
    let name = unit.attr_string(name)?.to_string_lossy().into_owned();
    let Some(behind) = behind_typedefs(unit, entry)? else { return Ok(DebugBase::Unnamed) };
    let size = behind.attr_value(dw::DW_AT_byte_size).and_then(|size| size.udata_value());
    let size = match behind.tag() {
        dw::DW_TAG_pointer_type => unit.encoding().address_size.into(),
        _ => size.unwrap_or(0),
    };
    Ok(match (entry.tag(), behind.tag(), u32::try_from(size)) {
        (dw::DW_TAG_base_type, _, Ok(size)) => {
            let encoding = entry.attr_value(dw::DW_AT_encoding);
            let is = |wanted| encoding == Some(AttributeValue::Encoding(wanted));
            let signed = is(dw::DW_ATE_signed) || is(dw::DW_ATE_signed_char);
            DebugBase::Int(name, Int { size, signed, boolean: is(dw::DW_ATE_boolean) })
        }
        (_, dw::DW_TAG_structure_type | dw::DW_TAG_union_type, _) => DebugBase::Record(name, size),
        (dw::DW_TAG_subroutine_type | dw::DW_TAG_array_type, ..) => DebugBase::Unnamed,
        _ => DebugBase::Named(name, size),
    })
}

/// The type behind typedefs and qualifiers; `None` if it is `void`.
fn behind_typedefs<'a>(
    unit: Unit<'_, 'a>,
    entry: &Entry<Slice<'a>>,
) -> Read<Option<Entry<Slice<'a>>>> {
    let mut entry = entry.clone();
    for _ in 0..DEEPEST {
        match entry.tag() {
            dw::DW_TAG_typedef
            | dw::DW_TAG_const_type
            | dw::DW_TAG_volatile_type
            | dw::DW_TAG_restrict_type => {}
            _ => return Ok(Some(entry)),
        }
        let Some(AttributeValue::UnitRef(of)) = entry.attr_value(dw::DW_AT_type) else { break };
        entry = unit.entry(of)?;
    }
    Ok(None)
}

/// Where a parameter is at the first instruction of its function.
fn place<'a>(unit: Unit<'_, 'a>, entry: &Entry<Slice<'a>>, address: u64) -> Read<Place> {
    match entry.attr_value(dw::DW_AT_const_value) {
        Some(AttributeValue::Sdata(value)) => return Ok(Place::Constant(value as u64)),
        Some(value) => return Ok(value.udata_value().map_or(Place::Elsewhere, Place::Constant)),
        None => {}
    }
    let Some(location) = entry.attr_value(dw::DW_AT_location) else { return Ok(Place::Gone) };
    if let Some(expression) = location.exprloc_value() {
        return evaluated(unit, expression);
    }
    let Some(mut list) = unit.attr_locations(location)? else { return Ok(Place::Elsewhere) };
    while let Some(part) = list.next()? {
        if (part.range.begin..part.range.end).contains(&address) {
            return evaluated(unit, part.data);
        }
    }
    Ok(Place::Gone)
}

fn evaluated(unit: Unit<'_, '_>, expression: Expression<Slice<'_>>) -> Read<Place> {
    let mut operations = expression.operations(unit.encoding());
    let mut next = || operations.next();
    let arch = kps_arch::native();
    Ok(match (next()?, next()?, next()?) {
        (Some(Operation::Register { register }), None, None) => {
            let registers = arch.calls.dwarf_registers;
            let place = registers.iter().position(|known| *known == register.0);
            place.map_or(Place::Elsewhere, |n| Place::Register(n as u32))
        }
        (Some(Operation::UnsignedConstant { value }), Some(Operation::StackValue), None) => {
            Place::Constant(value)
        }
        (Some(Operation::SignedConstant { value }), Some(Operation::StackValue), None) => {
            Place::Constant(value as u64)
        }
        (Some(Operation::Address { address }), Some(Operation::StackValue), None) => {
            Place::Constant(address)
        }
        (Some(Operation::ParameterRef { .. }), Some(Operation::StackValue), None)
        | (None, None, None) => Place::Gone,
        _ => Place::Elsewhere,
    })
}
