// SPDX-License-Identifier: GPL-2.0
//! How C passes a struct, as far as its BTF layout tells.

use crate::btf::{Btf, BtfId, Kind};
use kps_arch::{Arch, ByValue, Part};

/// More members than a struct in registers can have.
const MAX_PARTS: usize = 256;

/// Classifies a struct by its layout.
pub(crate) fn by_value(arch: &Arch, btf: &Btf, record: BtfId) -> ByValue {
    let size = btf.size(record).unwrap_or(0);
    let mut parts = Parts { btf, parts: Vec::new(), seen: 0 };
    let is_clear = size <= arch.calls.in_registers && parts.add(record, 0);
    (arch.calls.by_value)(size, btf.align(record), is_clear.then_some(parts.parts.as_slice()))
}

/// The members of a struct that hold a value, including those of inner structs.
struct Parts<'a> {
    btf: &'a Btf,
    parts: Vec<Part>,
    /// The number of members visited; forged ones contain one another in numbers that grow with
    /// every step.
    seen: usize,
}

impl Parts<'_> {
    /// Adds the type at an offset in bits. False for a type that registers cannot carry.
    fn add(&mut self, id: BtfId, offset: u64) -> bool {
        self.seen += 1;
        let id = self.btf.strip(id);
        let Some(size) = self.btf.size(id).filter(|_| self.seen < MAX_PARTS) else { return false };
        match self.btf.get(id).kind {
            Kind::Record(record) => record.members().all(|member| {
                let offset = offset + u64::from(member.bit_offset);
                match member.bitfield {
                    Some(bits) => {
                        self.parts.push(Part { offset, bits: bits.into(), is_bitfield: true });
                        true
                    }
                    None => self.add(member.ty, offset),
                }
            }),
            Kind::Array { of, len } if size > 0 => {
                let step = size / u64::from(len) * 8;
                (0..u64::from(len)).all(|n| self.add(of, offset + n * step))
            }
            Kind::Array { .. } => true,
            Kind::Int(_) | Kind::Enum(_) | Kind::Pointer(_) => {
                self.parts.push(Part { offset, bits: size * 8, is_bitfield: false });
                true
            }
            _ => false,
        }
    }
}
