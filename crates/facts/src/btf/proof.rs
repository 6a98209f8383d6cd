// SPDX-License-Identifier: GPL-2.0
//! The checks of BTF before anything in it is read: names and types exist, and every walk over
//! types ends.

use super::parse::{error, kind, u32_at, RawMember, TYPE};
use super::{Btf, BtfError, BtfId, Kind, Layout};
use std::num::NonZeroU8;
use std::ops::Range;

/// The longest name, including the NUL (`btf_name_valid()` in `kernel/bpf/btf.c`).
const KSYM_NAME_LEN: usize = 512;
/// The most parameters that a prototype may have. C compilers have to accept 127.
const MAX_PARAMS: usize = 127;

/// The strings longer than a name may be. Most sections have none.
pub(super) struct Long(Vec<Range<usize>>);

impl Long {
    /// Finds them in a string section that ends with NUL. A string of this length covers a whole
    /// block, so the few blocks without NUL lead to all of them.
    pub(super) fn among(strings: &[u8]) -> Long {
        const BLOCK: usize = KSYM_NAME_LEN / 2;
        let mut long: Vec<Range<usize>> = Vec::new();
        for (n, block) in strings.chunks(BLOCK).enumerate() {
            let at = n * BLOCK;
            if block.contains(&0) || long.last().is_some_and(|last| at < last.end) {
                continue;
            }
            let start = strings[..at].iter().rposition(|&b| b == 0).map_or(0, |end| end + 1);
            let end =
                strings[at..].iter().position(|&b| b == 0).map_or(strings.len(), |end| at + end);
            if end - start >= KSYM_NAME_LEN {
                long.push(start..end);
            }
        }
        Long(long)
    }

    /// Whether one of them is longer than `most` bytes.
    pub(super) fn beyond(&self, most: usize) -> bool {
        self.0.iter().any(|string| string.len() > most)
    }

    /// Whether the string at an offset is too long.
    fn has(&self, offset: usize) -> bool {
        self.0.iter().any(|string| string.contains(&offset) && string.end - offset >= KSYM_NAME_LEN)
    }
}

impl Btf {
    /// Checks everything that the accessors rely on: names and type ids are in range, names are
    /// short, and following a type's qualifiers, elements and members by value always ends.
    pub(super) fn check(&self, long: &Long) -> Result<(), BtfError> {
        let count = self.starts.len() as u32;
        let names = self.strings.len();
        for id in self.ids() {
            let at = self.start(id);
            let check_name = |name: u32, at: usize| {
                if name as usize >= names {
                    return error(at, format!("name offset {name} is outside the string section"));
                }
                if long.has(name as usize) {
                    return error(at, "a name is too long");
                }
                Ok(())
            };
            let check_id = |ty: u32, at: usize| {
                if ty <= count {
                    Ok(())
                } else {
                    error(at, format!("type id {ty} does not exist"))
                }
            };
            check_name(u32_at(&self.bytes, at), at)?;
            let info = u32_at(&self.bytes, at + 4);
            let (kind, vlen) = (info >> 24 & 0x7f, (info & 0xff_ffff) as usize);
            let elements = |size: usize| (0..vlen).map(move |n| at + TYPE + n * size);
            match kind {
                kind::PTR
                | kind::TYPEDEF
                | kind::VOLATILE
                | kind::CONST
                | kind::RESTRICT
                | kind::TYPE_TAG
                | kind::VAR
                | kind::DECL_TAG => check_id(u32_at(&self.bytes, at + 8), at)?,
                kind::FUNC => {
                    let proto = u32_at(&self.bytes, at + 8);
                    check_id(proto, at)?;
                    if self.raw_kind(BtfId(proto)) != Some(kind::FUNC_PROTO) {
                        return error(at, "a function's type is not a prototype");
                    }
                }
                kind::ARRAY => {
                    check_id(u32_at(&self.bytes, at + TYPE), at)?;
                    check_id(u32_at(&self.bytes, at + TYPE + 4), at)?;
                }
                kind::STRUCT | kind::UNION => {
                    for at in elements(12) {
                        check_name(u32_at(&self.bytes, at), at)?;
                        check_id(u32_at(&self.bytes, at + 4), at)?;
                    }
                }
                kind::FUNC_PROTO => {
                    check_id(u32_at(&self.bytes, at + 8), at)?;
                    if vlen > MAX_PARAMS {
                        return error(at, format!("a prototype has {vlen} parameters"));
                    }
                    for at in elements(8) {
                        check_name(u32_at(&self.bytes, at), at)?;
                        check_id(u32_at(&self.bytes, at + 4), at)?;
                    }
                }
                kind::ENUM | kind::ENUM64 => {
                    for at in elements(if kind == kind::ENUM { 8 } else { 12 }) {
                        check_name(u32_at(&self.bytes, at), at)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Computes sizes and alignments, and proves that no type contains itself by value.
    pub(super) fn lay_out(&self) -> Result<Vec<Layout>, BtfError> {
        /// C compilers give up long before.
        const NESTING: usize = 256;
        let mut layouts = vec![None; self.starts.len() + 1];
        layouts[0] = Some(Layout::VOID);
        // A depth-first walk over the types that each type contains. A type is done when all of
        // them are.
        let mut open: Vec<(BtfId, usize)> = Vec::new();
        for root in self.ids() {
            let mut next = Some(root);
            loop {
                if let Some(id) = next.take().filter(|id| layouts[id.0 as usize].is_none()) {
                    if open.len() >= NESTING {
                        return error(
                            self.start(id),
                            "types are nested too deeply, or contain themselves",
                        );
                    }
                    open.push((id, 0));
                }
                let Some((id, held)) = open.last_mut() else { break };
                next = self.held(*id, *held);
                *held += 1;
                if next.is_none() {
                    let layout =
                        self.layout(*id, |part| layouts[part.0 as usize].unwrap_or(Layout::VOID));
                    layouts[id.0 as usize] = Some(layout);
                    open.pop();
                }
            }
        }
        Ok(layouts.into_iter().map(|layout| layout.unwrap_or(Layout::VOID)).collect())
    }

    /// The layout of one type, from the layouts of the types that it contains.
    fn layout(&self, id: BtfId, of: impl Fn(BtfId) -> Layout) -> Layout {
        let scalar = |size: u32| {
            let align = u8::try_from(size).ok().filter(|align| matches!(align, 1 | 2 | 4 | 8 | 16));
            Layout { size, align: align.and_then(NonZeroU8::new).unwrap_or(NonZeroU8::MIN) }
        };
        match self.kind(id) {
            Kind::Int(int) => scalar(int.size),
            Kind::Enum(e) => scalar(e.size),
            Kind::Float { size } => scalar(size),
            Kind::Pointer(_) => scalar(8),
            Kind::Typedef(to) | Kind::Const(to) | Kind::Volatile(to) | Kind::Qualified(to) => {
                of(to)
            }
            Kind::Array { of: element, len } => {
                let element = of(element);
                let size = element.size().and_then(|size| size.checked_mul(len));
                Layout { size: size.unwrap_or(Layout::NO_SIZE), ..element }
            }
            Kind::Record(record) => {
                // A misaligned member shows that the record is packed, and so does a size that is
                // not a multiple of the alignment.
                let aligned = |m: &RawMember| {
                    m.bitfield.is_some()
                        || m.bit_offset % (u32::from(of(m.ty).align.get()) * 8) == 0
                };
                let align = record.places().map(|m| of(m.ty).align).max().unwrap_or(NonZeroU8::MIN);
                let packed = record.size % u32::from(align.get()) != 0
                    || !record.places().all(|m| aligned(&m));
                Layout { size: record.size, align: if packed { NonZeroU8::MIN } else { align } }
            }
            _ => Layout::VOID,
        }
    }

    /// The `n`th type that a type contains by value.
    fn held(&self, id: BtfId, n: usize) -> Option<BtfId> {
        match self.kind(id) {
            Kind::Typedef(to)
            | Kind::Const(to)
            | Kind::Volatile(to)
            | Kind::Qualified(to)
            | Kind::Array { of: to, .. } => (n == 0).then_some(to),
            Kind::Record(record) => (n < record.count as usize).then(|| record.place(n).ty),
            _ => None,
        }
    }
}
