// SPDX-License-Identifier: GPL-2.0
//! The types of a module.
//!
//! A module's BTF continues that of vmlinux: its types are numbered from where those of vmlinux
//! end, and its name offsets from where the names of vmlinux end (`btf_parse_module()` in
//! `kernel/bpf/btf.c`). This file appends them to the kernel's own, so that one blob holds every
//! type that a patch can use. The types of a second module come after those of the first, and its
//! references are moved accordingly.

use super::parse::{kind, starts, u32_at, Sections, TYPE};
use super::{Btf, BtfError, Extent, Index};

impl Btf {
    /// The part that is vmlinux's.
    pub(crate) fn kernel(&self) -> Extent {
        self.kernel
    }

    /// These types, with the extent of vmlinux's part. None if there are fewer, or if the extent
    /// would cut a name in two.
    pub(crate) fn with_kernel(self, kernel: Extent) -> Option<Btf> {
        let names = self.bytes[self.strings.clone()].get(..kernel.names as usize)?;
        let is_part = kernel.types as usize <= self.starts.len() && names.last() == Some(&0);
        is_part.then_some(Btf { kernel, ..self })
    }

    /// These types and those of a module, whose `.BTF` section continues the kernel's.
    pub fn with_module(&self, module: &[u8]) -> Result<Btf, BtfError> {
        let ours = Sections::find(&self.bytes)?;
        let theirs = Sections::find(module)?;
        let moved = Moved {
            first_type: self.kernel.types + 1,
            types: self.starts.len() as u32 - self.kernel.types,
            first_name: self.kernel.names,
            names: ours.strings.len() as u32 - self.kernel.names,
        };
        let mut types = module[theirs.types.clone()].to_vec();
        let layout = theirs.layout(module);
        for start in starts(&types, 0..types.len(), &layout)? {
            moved.apply(&mut types, start as usize);
        }

        let layout = &self.bytes[ours.layout.clone()];
        let header = self.bytes[..ours.header].to_vec();
        let types_len = ours.types.len() + types.len();
        let names_len = ours.strings.len() + theirs.strings.len();
        let mut bytes = header;
        let mut set = |at: usize, value: usize| {
            // If a value does not fit, the blob exceeds the size limit and is refused when it is
            // read.
            bytes[at..at + 4].copy_from_slice(&(value as u32).to_le_bytes());
        };
        set(8, 0);
        set(12, types_len);
        set(16, types_len);
        set(20, names_len);
        if !layout.is_empty() {
            set(24, types_len + names_len);
        }
        bytes.extend(&self.bytes[ours.types]);
        bytes.extend(types);
        bytes.extend(&self.bytes[ours.strings]);
        bytes.extend(&module[theirs.strings]);
        bytes.extend(layout);

        let mut all = Btf::parse_types(bytes)?;
        all.kernel = self.kernel;
        all.index = self.index.with(all.index_from(self.starts.len() as u32 + 1), &all);
        Ok(all)
    }
}

/// The distance by which a module's own types and names are moved.
struct Moved {
    first_type: u32,
    types: u32,
    first_name: u32,
    names: u32,
}

impl Moved {
    /// Moves the references of one type. Kinds of a later kernel whose contents are unknown are not
    /// read either.
    fn apply(&self, bytes: &mut [u8], start: usize) {
        let info = u32_at(bytes, start + 4);
        let (kind, vlen) = (info >> 24 & 0x7f, (info & 0xff_ffff) as usize);
        let behind = start + TYPE;
        self.name(bytes, start);
        match kind {
            kind::PTR
            | kind::TYPEDEF
            | kind::VOLATILE
            | kind::CONST
            | kind::RESTRICT
            | kind::TYPE_TAG
            | kind::FUNC
            | kind::VAR
            | kind::DECL_TAG => self.id(bytes, start + 8),
            kind::ARRAY => {
                self.id(bytes, behind);
                self.id(bytes, behind + 4);
            }
            kind::STRUCT | kind::UNION => {
                for at in (0..vlen).map(|n| behind + 12 * n) {
                    self.name(bytes, at);
                    self.id(bytes, at + 4);
                }
            }
            kind::FUNC_PROTO => {
                self.id(bytes, start + 8);
                for at in (0..vlen).map(|n| behind + 8 * n) {
                    self.name(bytes, at);
                    self.id(bytes, at + 4);
                }
            }
            kind::ENUM => (0..vlen).for_each(|n| self.name(bytes, behind + 8 * n)),
            kind::ENUM64 => (0..vlen).for_each(|n| self.name(bytes, behind + 12 * n)),
            kind::DATASEC => (0..vlen).for_each(|n| self.id(bytes, behind + 12 * n)),
            _ => {}
        }
    }

    fn id(&self, bytes: &mut [u8], at: usize) {
        add(bytes, at, self.first_type, self.types);
    }

    fn name(&self, bytes: &mut [u8], at: usize) {
        add(bytes, at, self.first_name, self.names);
    }
}

/// Adds to a number unless it is below `from`. A number that grows too large is out of range, and a
/// later check finds it.
fn add(bytes: &mut [u8], at: usize, from: u32, more: u32) {
    let value = u32_at(bytes, at);
    if value >= from {
        bytes[at..at + 4].copy_from_slice(&value.saturating_add(more).to_le_bytes());
    }
}

impl Index {
    /// Merges this index with that of the types appended; `all` holds all types.
    fn with(&self, more: Index, all: &Btf) -> Index {
        let mut index = self.clone();
        index.functions.extend(more.functions);
        index.types.extend(more.types);
        index.constants.extend(more.constants);
        // Both lists are sorted: the sort is stable and takes one pass over sorted input.
        all.sort(&mut index);
        index
    }
}
