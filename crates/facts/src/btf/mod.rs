// SPDX-License-Identifier: GPL-2.0
//! BTF, the type information in a kernel image.
//!
//! Format: `include/uapi/linux/btf.h` and `Documentation/bpf/btf.rst`. Linux 7.3 widened the count
//! of members to 24 bits and the kind to 7, and added a section that gives the size of each kind;
//! older kernels leave those bits zero, so one reader serves both. Everything is checked once, in
//! [`Btf::parse`]: reading a type afterwards cannot fail.

mod c;
mod index;
mod parse;
mod proof;
mod split;

use std::fmt;
use std::num::NonZeroU8;
use std::ops::Range;

pub use c::PerCpu;
pub(crate) use index::Index;

/// A type of one BTF blob. 0 is `void`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BtfId(pub u32);

impl BtfId {
    /// `void`.
    pub const VOID: BtfId = BtfId(0);
}

/// A checked BTF blob.
pub struct Btf {
    bytes: Vec<u8>,
    strings: Range<usize>,
    /// Where each type starts; index 0 is type 1.
    starts: Vec<u32>,
    /// Size and alignment of each type; index 0 is `void`.
    layouts: Vec<Layout>,
    index: Index,
    /// The part of it that is vmlinux's; the rest belongs to modules.
    kernel: Extent,
}

/// The size of a blob, or of a part from its start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) types: u32,
    /// Bytes of the string section.
    pub(crate) names: u32,
}

/// Size and alignment in bytes. It takes eight bytes, because a kernel has some hundred thousand
/// types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Layout {
    /// [`Layout::NO_SIZE`] for a type without a size, such as a function.
    size: u32,
    /// At most 16, that of the largest scalar.
    align: NonZeroU8,
}

impl Layout {
    /// No type of a kernel has 4 GiB.
    const NO_SIZE: u32 = u32::MAX;
    const VOID: Layout = Layout { size: Layout::NO_SIZE, align: NonZeroU8::MIN };

    fn size(self) -> Option<u32> {
        Some(self.size).filter(|size| *size != Layout::NO_SIZE)
    }
}

/// A type, decoded.
#[derive(Debug, Clone, Copy)]
pub struct BtfType<'a> {
    /// Its name; empty for anonymous types.
    pub name: &'a str,
    /// Its kind.
    pub kind: Kind<'a>,
}

/// The kind of a type.
#[derive(Debug, Clone, Copy)]
pub enum Kind<'a> {
    /// `void`.
    Void,
    /// An integer.
    Int(Int),
    /// A pointer.
    Pointer(BtfId),
    /// An array.
    Array {
        /// Its elements.
        of: BtfId,
        /// The number of elements.
        len: u32,
    },
    /// A struct or union.
    Record(Record<'a>),
    /// An enumeration.
    Enum(Enum<'a>),
    /// A struct or union that is not defined here.
    Forward {
        /// Whether it is a union.
        union: bool,
    },
    /// A typedef.
    Typedef(BtfId),
    /// `const`.
    Const(BtfId),
    /// `volatile`.
    Volatile(BtfId),
    /// `restrict` or a type tag, which do not change what the C compiler takes for the same type.
    Qualified(BtfId),
    /// A function; its prototype is the type named here.
    Function(BtfId),
    /// A prototype.
    Prototype(Prototype<'a>),
    /// A variable.
    Variable(BtfId),
    /// A floating-point number.
    Float {
        /// Bytes.
        size: u32,
    },
    /// A data section, a declaration tag, or a kind from a later kernel, which the blob's layout
    /// section describes.
    Other,
}

/// An integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Int {
    /// Bytes.
    pub size: u32,
    /// Whether it is signed.
    pub signed: bool,
    /// Whether it is `_Bool`.
    pub boolean: bool,
}

/// A struct or union.
#[derive(Debug, Clone, Copy)]
pub struct Record<'a> {
    btf: &'a Btf,
    /// Whether it is a union.
    pub union: bool,
    /// Bytes.
    pub size: u32,
    members: usize,
    count: u32,
    /// Whether member offsets carry the width of bitfields.
    bitfields: bool,
}

/// A member of a struct or union.
#[derive(Debug, Clone, Copy)]
pub struct Member<'a> {
    /// Its name; empty for an anonymous struct or union.
    pub name: &'a str,
    /// Its type.
    pub ty: BtfId,
    /// Its offset in bits.
    pub bit_offset: u32,
    /// The width in bits, if it is a bitfield.
    pub bitfield: Option<u32>,
}

/// An enumeration.
#[derive(Debug, Clone, Copy)]
pub struct Enum<'a> {
    btf: &'a Btf,
    /// Bytes.
    pub size: u32,
    /// Whether its values are signed.
    pub signed: bool,
    values: usize,
    count: u32,
    wide: bool,
}

/// A prototype.
#[derive(Debug, Clone, Copy)]
pub struct Prototype<'a> {
    btf: &'a Btf,
    /// The return type.
    pub ret: BtfId,
    params: usize,
    count: u32,
}

/// Why a blob cannot be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BtfError {
    /// The offset in bytes from the start of the blob.
    pub offset: usize,
    /// The problem.
    pub problem: String,
}

impl fmt::Display for BtfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BTF, byte {}: {}", self.offset, self.problem)
    }
}

impl std::error::Error for BtfError {}

impl Default for Btf {
    /// A blob without types.
    fn default() -> Self {
        Btf {
            bytes: Vec::new(),
            strings: 0..0,
            starts: Vec::new(),
            layouts: Vec::new(),
            index: Index::default(),
            kernel: Extent::default(),
        }
    }
}

impl fmt::Debug for Btf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Btf({} types)", self.starts.len())
    }
}

impl Btf {
    /// The number of types, `void` not counted.
    pub fn len(&self) -> usize {
        self.starts.len()
    }

    /// Whether there are no types.
    pub fn is_empty(&self) -> bool {
        self.starts.is_empty()
    }

    /// The original blob.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// All types in their order.
    pub fn ids(&self) -> impl Iterator<Item = BtfId> {
        (1..=self.starts.len() as u32).map(BtfId)
    }

    /// The type without typedefs and qualifiers.
    pub fn strip(&self, mut id: BtfId) -> BtfId {
        // `parse` has proven that the chain ends.
        loop {
            match self.kind(id) {
                Kind::Typedef(to) | Kind::Const(to) | Kind::Volatile(to) | Kind::Qualified(to) => {
                    id = to;
                }
                _ => return id,
            }
        }
    }

    /// `sizeof`, or None for a type without a size.
    pub fn size(&self, id: BtfId) -> Option<u64> {
        self.layouts.get(id.0 as usize)?.size().map(u64::from)
    }

    /// `_Alignof`, derived from the members' types; BTF does not record `aligned` attributes.
    pub fn align(&self, id: BtfId) -> u64 {
        self.layouts.get(id.0 as usize).map_or(1, |layout| layout.align.get().into())
    }
}
