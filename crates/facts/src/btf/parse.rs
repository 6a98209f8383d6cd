// SPDX-License-Identifier: GPL-2.0
//! Parses the bytes of BTF: finds its sections and reads a type. `proof.rs` has checked before that
//! no read can fail.

use super::proof::Long;
use super::{
    Btf, BtfError, BtfId, BtfType, Enum, Extent, Index, Int, Kind, Member, Prototype, Record,
};
use std::ops::Range;

const MAGIC: u16 = 0xeb9f;
const HEADER: usize = 24;
/// `name_off`, `info`, and `size` or `type`.
pub(super) const TYPE: usize = 12;

/// The largest accepted blob. Kernels have some 6 MB; a hostile blob must not keep the reader busy
/// for hours.
const MAX_SIZE: usize = 64 << 20;
/// The longest accepted name. The longest in kernels has 88 bytes, and C identifiers have to differ
/// in their first 63.
const MAX_NAME: usize = 1024;

pub(super) mod kind {
    pub(in crate::btf) const INT: u32 = 1;
    pub(in crate::btf) const PTR: u32 = 2;
    pub(in crate::btf) const ARRAY: u32 = 3;
    pub(in crate::btf) const STRUCT: u32 = 4;
    pub(in crate::btf) const UNION: u32 = 5;
    pub(in crate::btf) const ENUM: u32 = 6;
    pub(in crate::btf) const FWD: u32 = 7;
    pub(in crate::btf) const TYPEDEF: u32 = 8;
    pub(in crate::btf) const VOLATILE: u32 = 9;
    pub(in crate::btf) const CONST: u32 = 10;
    pub(in crate::btf) const RESTRICT: u32 = 11;
    pub(in crate::btf) const FUNC: u32 = 12;
    pub(in crate::btf) const FUNC_PROTO: u32 = 13;
    pub(in crate::btf) const VAR: u32 = 14;
    pub(in crate::btf) const DATASEC: u32 = 15;
    pub(in crate::btf) const FLOAT: u32 = 16;
    pub(in crate::btf) const DECL_TAG: u32 = 17;
    pub(in crate::btf) const TYPE_TAG: u32 = 18;
    pub(in crate::btf) const ENUM64: u32 = 19;
}

/// Bytes after `struct btf_type`, and bytes for each of its `vlen` elements.
fn extra(kind: u32, layout: &[(u8, u8)]) -> Option<(usize, usize)> {
    Some(match kind {
        kind::INT | kind::VAR | kind::DECL_TAG => (4, 0),
        kind::ARRAY => (12, 0),
        kind::STRUCT | kind::UNION | kind::DATASEC | kind::ENUM64 => (0, 12),
        kind::ENUM | kind::FUNC_PROTO => (0, 8),
        kind::PTR
        | kind::FWD
        | kind::TYPEDEF
        | kind::VOLATILE
        | kind::CONST
        | kind::RESTRICT
        | kind::FUNC
        | kind::FLOAT
        | kind::TYPE_TAG => (0, 0),
        // A kind from a later kernel: the blob tells its size.
        _ => {
            let &(info, element) = layout.get(kind as usize)?;
            (info.into(), element.into())
        }
    })
}

pub(super) fn error<T>(offset: usize, problem: impl Into<String>) -> Result<T, BtfError> {
    Err(BtfError { offset, problem: problem.into() })
}

pub(super) fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
}

/// The locations of a blob's sections.
pub(super) struct Sections {
    /// The length of the header.
    pub(super) header: usize,
    pub(super) types: Range<usize>,
    pub(super) strings: Range<usize>,
    pub(super) layout: Range<usize>,
}

impl Sections {
    /// Reads the header.
    pub(super) fn find(bytes: &[u8]) -> Result<Sections, BtfError> {
        if bytes.len() < HEADER {
            return error(0, format!("{} bytes are too few for a header", bytes.len()));
        }
        if bytes[..2] != MAGIC.to_le_bytes() {
            return error(0, "this is not little-endian BTF");
        }
        if bytes[2] != 1 {
            return error(2, format!("unknown version {}", bytes[2]));
        }
        let header = u32_at(bytes, 4) as usize;
        if header < HEADER || header > bytes.len() {
            return error(4, format!("a header cannot have {header} bytes"));
        }
        let section = |at: usize, what: &str| {
            let start = header.checked_add(u32_at(bytes, at) as usize);
            let range = start.and_then(|s| Some(s..s.checked_add(u32_at(bytes, at + 4) as usize)?));
            match range {
                Some(range) if range.end <= bytes.len() => Ok(range),
                _ => error(at, format!("the {what} section ends past the end of the data")),
            }
        };
        let layout = if header >= 32 { section(24, "layout")? } else { 0..0 };
        Ok(Sections { header, types: section(8, "type")?, strings: section(16, "string")?, layout })
    }

    /// The size of each kind, from the blob's layout section.
    pub(super) fn layout(&self, bytes: &[u8]) -> Vec<(u8, u8)> {
        bytes[self.layout.clone()].chunks_exact(4).map(|e| (e[0], e[1])).collect()
    }
}

/// The offset of each type.
pub(super) fn starts(
    bytes: &[u8],
    types: Range<usize>,
    layout: &[(u8, u8)],
) -> Result<Vec<u32>, BtfError> {
    let mut starts = Vec::new();
    let mut at = types.start;
    while at < types.end {
        if types.end - at < TYPE {
            return error(at, "a type is cut off");
        }
        let info = u32_at(bytes, at + 4);
        let (kind, vlen) = (info >> 24 & 0x7f, info & 0xff_ffff);
        let Some((fixed, element)) = extra(kind, layout) else {
            return error(at, format!("unknown type kind {kind}"));
        };
        let length = TYPE + fixed + element * vlen as usize;
        if types.end - at < length {
            return error(at, "a type is cut off");
        }
        starts.push(at as u32);
        at += length;
    }
    Ok(starts)
}

impl Btf {
    /// Reads a `.BTF` section and checks every offset, type id and chain in it.
    pub fn parse(bytes: Vec<u8>) -> Result<Btf, BtfError> {
        let mut btf = Btf::parse_types(bytes)?;
        btf.build_index();
        Ok(btf)
    }

    /// Reads a section that has an index already.
    pub(crate) fn parse_indexed(bytes: Vec<u8>, index: Index) -> Result<Btf, BtfError> {
        Ok(Btf::parse_types(bytes)?.with_index(index))
    }

    pub(super) fn parse_types(bytes: Vec<u8>) -> Result<Btf, BtfError> {
        if bytes.len() > MAX_SIZE {
            return error(MAX_SIZE, format!("it has more than {} MiB", MAX_SIZE >> 20));
        }
        let sections = Sections::find(&bytes)?;
        let strings = sections.strings.clone();
        if bytes[strings.clone()].first() != Some(&0) || bytes[strings.clone()].last() != Some(&0) {
            return error(strings.start, "the string section does not start and end with NUL");
        }
        // Names are used in messages and in generated code.
        let names = &bytes[strings.clone()];
        let plain = names
            .iter()
            .fold(true, |plain, b| plain & (matches!(b, 0 | b' ') | b.is_ascii_graphic()));
        let long = Long::among(names);
        if !plain || long.beyond(MAX_NAME) {
            return error(
                strings.start,
                "a name is too long, or has characters other than printable ASCII",
            );
        }

        let starts = starts(&bytes, sections.types.clone(), &sections.layout(&bytes))?;
        let kernel = Extent { types: starts.len() as u32, names: strings.len() as u32 };
        let mut btf =
            Btf { bytes, strings, starts, layouts: Vec::new(), index: Index::default(), kernel };
        btf.check(&long)?;
        btf.layouts = btf.lay_out()?;
        Ok(btf)
    }

    pub(super) fn start(&self, id: BtfId) -> usize {
        self.starts[id.0 as usize - 1] as usize
    }

    pub(super) fn raw_kind(&self, id: BtfId) -> Option<u32> {
        let &start = self.starts.get(id.0.checked_sub(1)? as usize)?;
        Some(u32_at(&self.bytes, start as usize + 4) >> 24 & 0x7f)
    }

    fn string(&self, offset: u32) -> &str {
        let rest = &self.bytes[self.strings.clone()][offset as usize..];
        // The section is ASCII and ends with NUL.
        let end = rest.iter().position(|&b| b == 0).unwrap_or(0);
        std::str::from_utf8(&rest[..end]).unwrap_or_default()
    }

    /// A type. An id that is not in this blob is `void`.
    pub fn get(&self, id: BtfId) -> BtfType<'_> {
        if !self.has(id) {
            return BtfType { name: "void", kind: Kind::Void };
        }
        BtfType { name: self.string(u32_at(&self.bytes, self.start(id))), kind: self.kind(id) }
    }

    fn has(&self, id: BtfId) -> bool {
        id != BtfId::VOID && id.0 as usize <= self.starts.len()
    }

    /// The kind of a type, without its name: finding the name takes as long again.
    pub(super) fn kind(&self, id: BtfId) -> Kind<'_> {
        if !self.has(id) {
            return Kind::Void;
        }
        let at = self.start(id);
        let info = u32_at(&self.bytes, at + 4);
        let (flag, count) = (info >> 31 == 1, info & 0xff_ffff);
        let word = u32_at(&self.bytes, at + 8);
        let of = BtfId(word);
        let behind = at + TYPE;
        match info >> 24 & 0x7f {
            kind::INT => {
                let encoding = u32_at(&self.bytes, behind) >> 24;
                Kind::Int(Int { size: word, signed: encoding & 1 != 0, boolean: encoding & 4 != 0 })
            }
            kind::PTR => Kind::Pointer(of),
            kind::ARRAY => Kind::Array {
                of: BtfId(u32_at(&self.bytes, behind)),
                len: u32_at(&self.bytes, behind + 8),
            },
            kind @ (kind::STRUCT | kind::UNION) => Kind::Record(Record {
                btf: self,
                union: kind == kind::UNION,
                size: word,
                members: behind,
                count,
                bitfields: flag,
            }),
            kind @ (kind::ENUM | kind::ENUM64) => Kind::Enum(Enum {
                btf: self,
                size: word,
                signed: flag,
                values: behind,
                count,
                wide: kind == kind::ENUM64,
            }),
            kind::FWD => Kind::Forward { union: flag },
            kind::TYPEDEF => Kind::Typedef(of),
            kind::CONST => Kind::Const(of),
            kind::VOLATILE => Kind::Volatile(of),
            kind::RESTRICT | kind::TYPE_TAG => Kind::Qualified(of),
            kind::FUNC => Kind::Function(of),
            kind::FUNC_PROTO => {
                Kind::Prototype(Prototype { btf: self, ret: of, params: behind, count })
            }
            kind::VAR => Kind::Variable(of),
            kind::FLOAT => Kind::Float { size: word },
            _ => Kind::Other,
        }
    }
}

/// A member without its name.
pub(super) struct RawMember {
    /// The name's offset in the string section.
    name: u32,
    pub(super) ty: BtfId,
    pub(super) bit_offset: u32,
    pub(super) bitfield: Option<u32>,
}

impl<'a> Record<'a> {
    /// The members in their order.
    pub fn members(&self) -> impl Iterator<Item = Member<'a>> {
        let btf = self.btf;
        self.places().map(move |RawMember { name, ty, bit_offset, bitfield }| Member {
            name: btf.string(name),
            ty,
            bit_offset,
            bitfield,
        })
    }

    pub(super) fn places(&self) -> impl Iterator<Item = RawMember> + use<'a> {
        let record = *self;
        (0..record.count as usize).map(move |n| record.place(n))
    }

    /// The `n`th member; `n` must be less than the number of members.
    pub(super) fn place(&self, n: usize) -> RawMember {
        let Record { btf, members, bitfields, .. } = *self;
        let at = members + 12 * n;
        let offset = u32_at(&btf.bytes, at + 8);
        let (bit_offset, bits) =
            if bitfields { (offset & 0xff_ffff, offset >> 24) } else { (offset, 0) };
        RawMember {
            name: u32_at(&btf.bytes, at),
            ty: BtfId(u32_at(&btf.bytes, at + 4)),
            bit_offset,
            bitfield: (bits != 0).then_some(bits),
        }
    }
}

impl<'a> Enum<'a> {
    fn step(&self) -> usize {
        if self.wide {
            12
        } else {
            8
        }
    }

    /// The number of constants.
    pub(super) fn len(&self) -> u32 {
        self.count
    }

    /// The name of a constant; empty if `n` is too large.
    pub(super) fn name(&self, n: usize) -> &'a str {
        if n >= self.count as usize {
            return "";
        }
        self.btf.string(u32_at(&self.btf.bytes, self.values + n * self.step()))
    }

    /// The constants in their order.
    pub fn values(&self) -> impl Iterator<Item = (&'a str, i128)> {
        let this = *self;
        (0..self.count as usize).map(move |n| {
            let at = this.values + n * this.step();
            let low = u32_at(&this.btf.bytes, at + 4);
            let value = if this.wide {
                let both = u64::from(u32_at(&this.btf.bytes, at + 8)) << 32 | u64::from(low);
                if this.signed {
                    i128::from(both as i64)
                } else {
                    both.into()
                }
            } else if this.signed {
                (low as i32).into()
            } else {
                low.into()
            };
            (this.name(n), value)
        })
    }
}

impl<'a> Prototype<'a> {
    /// Whether it ends in `...`.
    pub fn variadic(&self) -> bool {
        // `...` is a last parameter without name and type.
        self.count > 0
            && u32_at(&self.btf.bytes, self.params + 8 * (self.count as usize - 1) + 4) == 0
    }

    /// The parameters before `...`: their names, or an empty string, and types.
    pub fn params(&self) -> impl Iterator<Item = (&'a str, BtfId)> {
        let Prototype { btf, params, count, .. } = *self;
        let named = count as usize - usize::from(self.variadic());
        (0..named).map(move |n| {
            let at = params + 8 * n;
            (btf.string(u32_at(&btf.bytes, at)), BtfId(u32_at(&btf.bytes, at + 4)))
        })
    }
}
