//! How C passes a struct, as far as its layout in BTF tells.

use crate::btf::{Btf, BtfId, Kind};
use kps_plan::ByValue;

/// Bytes of a register.
const WORD: u64 = 8;

/// More members than any struct of two words has.
const MAX_PARTS: usize = 256;

/// The rules of the x86-64 psABI for what the kernel has: integers and pointers, but no floating point.
///
/// What is larger than two words is in memory. What is not is in registers, unless a packed member crosses its alignment
/// or a whole word is padding. `aligned` attributes are not in BTF, so what has one is taken for what it would be without.
pub(crate) fn by_value(btf: &Btf, record: BtfId) -> ByValue {
    let size = btf.size(record).unwrap_or(0);
    if size == 0 || btf.align(record) > WORD {
        return ByValue::Unclear;
    }
    if size > 2 * WORD {
        return ByValue::Memory;
    }
    let mut words = Words { btf, used: [false; 2], parts: 0 };
    let is_clear =
        words.add(record, 0) && words.used.iter().take(size.div_ceil(WORD) as usize).all(|used| *used);
    if is_clear {
        ByValue::Registers
    } else {
        ByValue::Unclear
    }
}

/// The words of a struct that hold something.
struct Words<'a> {
    btf: &'a Btf,
    used: [bool; 2],
    /// How many members have been looked at; forged ones hold one another in numbers that grow with every step.
    parts: usize,
}

impl Words<'_> {
    /// Adds what is at a place, in bits. False if it is nothing that registers carry.
    fn add(&mut self, id: BtfId, offset: u64) -> bool {
        self.parts += 1;
        let id = self.btf.strip(id);
        let Some(size) = self.btf.size(id).filter(|_| self.parts < MAX_PARTS) else { return false };
        match self.btf.get(id).kind {
            Kind::Record(record) => record.members().all(|member| {
                let offset = offset + u64::from(member.bit_offset);
                match member.bitfield {
                    Some(bits) => self.mark(offset, bits.into()),
                    None => self.add(member.ty, offset),
                }
            }),
            Kind::Array { of, len } if size > 0 => {
                let step = size / u64::from(len) * 8;
                (0..u64::from(len)).all(|n| self.add(of, offset + n * step))
            }
            Kind::Array { .. } => true,
            Kind::Int(_) | Kind::Enum(_) | Kind::Pointer(_) => {
                offset % (size.max(1) * 8) == 0 && self.mark(offset, size * 8)
            }
            _ => false,
        }
    }

    /// Notes which words some bits are in.
    fn mark(&mut self, offset: u64, bits: u64) -> bool {
        let end = offset + bits;
        if end > 2 * WORD * 8 {
            return false;
        }
        for (word, used) in (0..).zip(&mut self.used) {
            let start = word * WORD * 8;
            *used |= bits > 0 && offset < start + WORD * 8 && start < end;
        }
        true
    }
}
