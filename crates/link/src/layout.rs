// SPDX-License-Identifier: GPL-2.0
//! The layout of a type in C, for comparison with the kernel's type of the same name.

use addr2line::gimli::{
    constants as dw, AttributeValue, EndianSlice, Error, LittleEndian, UnitOffset, UnitRef,
};
use std::collections::BTreeMap;

type Slice<'o> = EndianSlice<'o, LittleEndian>;

/// The layout of a struct, union or enumeration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Its kind.
    pub kind: LayoutKind,
    /// Bytes.
    pub size: u64,
    /// The names of its members, those of anonymous members included, with their offsets in bits;
    /// or the names of its constants with their values. `None` for an offset that is not known.
    pub members: Vec<(String, Option<i128>)>,
}

/// The kinds of types that have a layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LayoutKind {
    /// `struct`.
    Struct,
    /// `union`.
    Union,
    /// `enum`.
    Enum,
}

impl LayoutKind {
    /// The keyword of C.
    pub fn keyword(self) -> &'static str {
        match self {
            LayoutKind::Struct => "struct",
            LayoutKind::Union => "union",
            LayoutKind::Enum => "enum",
        }
    }

    pub(super) fn of(tag: dw::DwTag) -> Option<LayoutKind> {
        match tag {
            dw::DW_TAG_structure_type => Some(LayoutKind::Struct),
            dw::DW_TAG_union_type => Some(LayoutKind::Union),
            dw::DW_TAG_enumeration_type => Some(LayoutKind::Enum),
            _ => None,
        }
    }
}

impl Layout {
    /// The first difference to the kernel's type, in words; `None` if there is none that matters.
    pub fn difference(&self, kernels: &Layout) -> Option<String> {
        let own: BTreeMap<&str, Option<i128>> = self.by_name();
        let theirs = kernels.by_name();
        let moved = own.iter().filter_map(|(name, at)| {
            let (at, kernels) = ((*at)?, (*theirs.get(name)?)?);
            (at != kernels).then(|| (kernels, 1, self.moved(name, at, kernels)))
        });
        let mut found: Vec<(i128, u8, String)> = moved.collect();
        let part = if self.kind == LayoutKind::Enum { Part::None } else { self.part(kernels) };
        if part != Part::None {
            found.extend(self.members.iter().filter_map(|(name, at)| {
                let text = format!("`{name}`, {}, is not in the kernel's", place((*at)?));
                (!theirs.contains_key(name.as_str())).then_some(((*at)?, 0, text))
            }));
        }
        if part == Part::Whole {
            found.extend(kernels.members.iter().filter_map(|(name, at)| {
                let text = format!("`{name}`, {} of the kernel's, is missing", place((*at)?));
                (!own.contains_key(name.as_str())).then_some(((*at)?, 2, text))
            }));
        }
        let first = found.into_iter().min().map(|(_, _, text)| text);
        let sizes = || {
            let (own, kernels) = (self.size, kernels.size);
            (part == Part::Whole && own != kernels)
                .then(|| format!("it has {own} bytes, and the kernel's {kernels}"))
        };
        first.filter(|_| part != Part::None || self.kind == LayoutKind::Enum).or_else(sizes)
    }

    /// The number of names that it shares with another type.
    pub fn shared(&self, other: &Layout) -> usize {
        let theirs = other.by_name();
        self.members.iter().filter(|(name, _)| theirs.contains_key(name.as_str())).count()
    }

    /// How much of the kernel's type this one is. A type that shares few names with it only happens
    /// to have its name.
    fn part(&self, kernels: &Layout) -> Part {
        /// So many names are no coincidence.
        const START: usize = 3;
        let (own, shared) = (self.members.len(), self.shared(kernels));
        if 2 * shared > own.max(kernels.members.len()) {
            Part::Whole
        } else if shared == own && shared >= START {
            Part::Start
        } else {
            Part::None
        }
    }

    fn by_name(&self) -> BTreeMap<&str, Option<i128>> {
        self.members.iter().map(|(name, at)| (name.as_str(), *at)).collect()
    }

    fn moved(&self, name: &str, at: i128, kernels: i128) -> String {
        match self.kind {
            LayoutKind::Enum => format!("`{name}` is {at}, and {kernels} in the kernel"),
            _ => format!("`{name}` is {}, and {} in the kernel's", place(at), place(kernels)),
        }
    }
}

/// How much of a type of the kernel a type of a C file contains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// It is another type.
    None,
    /// Some members, which are read through a pointer.
    Start,
    /// It is a copy, perhaps with mistakes.
    Whole,
}

/// An offset in bits, for readers.
fn place(bits: i128) -> String {
    match bits % 8 {
        0 => format!("at byte {}", bits / 8),
        bit => format!("at byte {}, bit {bit}", bits / 8),
    }
}

/// The layout of the type at an offset in a unit.
pub(super) fn layout(
    unit: UnitRef<'_, Slice<'_>>,
    at: UnitOffset,
    kind: LayoutKind,
) -> Result<Option<Layout>, Error> {
    let Some(size) = unit.entry(at)?.attr_value(dw::DW_AT_byte_size).and_then(|v| v.udata_value())
    else {
        return Ok(None);
    };
    let mut members = Vec::new();
    add_members(unit, at, 0, 0, &mut members)?;
    Ok(Some(Layout { kind, size, members }))
}

/// The value of a constant. Compilers give only negative ones a sign.
fn constant(value: &AttributeValue<Slice<'_>>) -> Option<i128> {
    match value {
        AttributeValue::Sdata(value) => Some((*value).into()),
        _ => value.udata_value().map(i128::from),
    }
}

/// Adds the members of a type, and those of its anonymous members.
fn add_members(
    unit: UnitRef<'_, Slice<'_>>,
    of: UnitOffset,
    base: i128,
    depth: usize,
    members: &mut Vec<(String, Option<i128>)>,
) -> Result<(), Error> {
    /// Anonymous members in anonymous members.
    const DEPTH: usize = 16;
    let qualified = unit.entry(of)?;
    if let (dw::DW_TAG_const_type | dw::DW_TAG_volatile_type, Some(AttributeValue::UnitRef(of))) =
        (qualified.tag(), qualified.attr_value(dw::DW_AT_type))
    {
        if depth < DEPTH {
            add_members(unit, of, base, depth + 1, members)?;
        }
        return Ok(());
    }
    let mut tree = unit.entries_tree(Some(of))?;
    let mut children = tree.root()?.children();
    while let Some(child) = children.next()? {
        let entry = child.entry();
        let number = |name| entry.attr_value(name).and_then(|value| value.udata_value());
        let name = match entry.attr_value(dw::DW_AT_name) {
            Some(name) => Some(unit.attr_string(name)?.to_string_lossy().into_owned()),
            None => None,
        };
        match (entry.tag(), name) {
            (dw::DW_TAG_enumerator, Some(name)) => {
                let value = entry.attr_value(dw::DW_AT_const_value);
                members.push((name, value.as_ref().and_then(constant)));
            }
            (dw::DW_TAG_member, name) => {
                let bytes = number(dw::DW_AT_data_member_location).unwrap_or(0);
                // Before DWARF 5, bits count from the other end of a unit of memory.
                let is_unclear = entry.attr_value(dw::DW_AT_bit_offset).is_some();
                let bits = number(dw::DW_AT_data_bit_offset).unwrap_or(8 * bytes);
                let at = base + i128::from(bits);
                match (name, entry.attr_value(dw::DW_AT_type)) {
                    (Some(name), _) => members.push((name, (!is_unclear).then_some(at))),
                    (None, Some(AttributeValue::UnitRef(ty))) if depth < DEPTH => {
                        add_members(unit, ty, at, depth + 1, members)?;
                    }
                    (None, _) => {}
                }
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The size, the members with their offsets, and the difference.
    type Case = (u64, &'static [(&'static str, i128)], Option<&'static str>);

    fn of(kind: LayoutKind, size: u64, members: &[(&str, i128)]) -> Layout {
        let members = members.iter().map(|(name, at)| ((*name).to_owned(), Some(*at))).collect();
        Layout { kind, size, members }
    }

    #[test]
    fn the_first_difference_is_told() {
        let kernels = of(LayoutKind::Struct, 24, &[("a", 0), ("b", 64), ("c", 128), ("d", 160)]);
        let cases: [Case; 9] = [
            (24, &[("a", 0), ("b", 64), ("c", 128), ("d", 160)], None),
            (
                32,
                &[("a", 0), ("x", 64), ("b", 128), ("c", 192), ("d", 224)],
                Some("`x`, at byte 8, is not in the kernel's"),
            ),
            (
                24,
                &[("a", 0), ("c", 64), ("b", 96), ("d", 160)],
                Some("`b` is at byte 12, and at byte 8 in the kernel's"),
            ),
            (
                24,
                &[("a", 0), ("b", 64), ("c", 128), ("d", 163)],
                Some("`d` is at byte 20, bit 3, and at byte 20 in the kernel's"),
            ),
            (
                24,
                &[("a", 0), ("b", 64), ("c", 128)],
                Some("`d`, at byte 20 of the kernel's, is missing"),
            ),
            (
                40,
                &[("a", 0), ("b", 64), ("c", 128), ("d", 160)],
                Some("it has 40 bytes, and the kernel's 24"),
            ),
            (8, &[("x", 0), ("a", 32)], None),
            (16, &[("x", 0), ("y", 32), ("z", 64)], None),
            (4, &[("a", 0)], None),
        ];
        for (size, members, told) in cases {
            let own = of(LayoutKind::Struct, size, members);
            assert_eq!(own.difference(&kernels).as_deref(), told, "{members:?}");
        }
    }

    #[test]
    fn a_start_of_a_struct_has_the_kernels_offsets() {
        let kernels: Vec<_> =
            ["a", "b", "c", "d", "e", "f", "g", "h"].into_iter().zip((0..).step_by(64)).collect();
        let kernels = of(LayoutKind::Struct, 64, &kernels);
        let right = of(LayoutKind::Struct, 24, &[("a", 0), ("b", 64), ("c", 128)]);
        assert_eq!(right.difference(&kernels), None);
        let wrong = of(LayoutKind::Struct, 24, &[("a", 0), ("c", 64), ("d", 128)]);
        assert!(wrong.difference(&kernels).is_some_and(|told| told.contains("`c` is at byte 8")));
    }

    #[test]
    fn constants_have_the_kernels_values() {
        let kernels = of(LayoutKind::Enum, 4, &[("A", 0), ("B", 1), ("C", 2)]);
        let fewer = of(LayoutKind::Enum, 4, &[("A", 0), ("B", 1)]);
        assert_eq!(fewer.difference(&kernels), None);
        let other = of(LayoutKind::Enum, 4, &[("A", 0), ("C", 1)]);
        let told = other.difference(&kernels);
        assert_eq!(told.as_deref(), Some("`C` is 1, and 2 in the kernel"));
    }
}
