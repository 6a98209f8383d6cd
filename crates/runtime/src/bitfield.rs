// SPDX-License-Identifier: GPL-2.0
//! Reads and writes bitfields, for which Rust has no syntax.
//!
//! Little-endian C compilers fill a bitfield from the lowest bit up. Only bytes that hold bits of
//! the field are accessed, so a write touches nothing but adjacent bitfields. As in C, a write is a
//! read and a write: concurrent writers of one of these need the lock that C needs.
//!
//! Generated structs have two methods for each bitfield, `name()` and `set_name()`, which call
//! these functions. They may be called in any context. The position of the bits comes from the
//! kernel's BTF (`struct btf_member`, `include/uapi/linux/btf.h`).
//!
//! ```
//! use kps::bitfield;
//!
//! // In C: u8 ready:1, level:3;
//! let mut flags = [0b1111_0001_u8];
//! // SAFETY: bits 1 to 3 lie in it, and all of its bits are bitfields.
//! let level = unsafe {
//!     bitfield::write(&mut flags, 1, 3, 5);
//!     bitfield::read(&flags, 1, 3)
//! };
//! assert_eq!((level, flags), (5, [0b1111_1011]));
//! ```

/// More bytes than the widest bitfield occupies.
const BYTES: usize = 16;

/// The value of an unsigned bitfield, or of a `bool`.
///
/// `bit` is the number of its lowest bit, from the start of the record, and `width` the number of
/// its bits, at most 64.
///
/// # Safety
///
/// The bits lie in a `T`.
#[inline(always)]
pub unsafe fn read<T>(record: &T, bit: usize, width: u32) -> u64 {
    // SAFETY: the caller vouches for the bits.
    let bytes = unsafe { load(record, bit, width) };
    (bytes >> (bit % 8)) as u64 & mask(width)
}

/// The value of a signed bitfield: its highest bit is the sign.
///
/// # Safety
///
/// The bits lie in a `T`.
#[inline(always)]
pub unsafe fn read_signed<T>(record: &T, bit: usize, width: u32) -> i64 {
    let unused = u64::BITS - width;
    // SAFETY: the caller vouches for the bits.
    let value = unsafe { read(record, bit, width) };
    (value << unused) as i64 >> unused
}

/// Sets a bitfield to the low bits of a value, as an assignment in C does. The adjacent bits are
/// written back as they were read, so a concurrent write to them may be lost.
///
/// # Safety
///
/// The bits lie in a `T`, and they and the other bits in their bytes are bitfields of it.
#[inline(always)]
pub unsafe fn write<T>(record: &mut T, bit: usize, width: u32, value: u64) {
    // SAFETY: the caller vouches for the bits.
    let bytes = unsafe { load(record, bit, width) };
    let (mask, value) = (u128::from(mask(width)) << (bit % 8), u128::from(value) << (bit % 8));
    let bytes = (bytes & !mask | value & mask).to_le_bytes();
    // SAFETY: as above; the same number of bytes has been read.
    unsafe {
        let start = core::ptr::from_mut(record).cast::<u8>().add(bit / 8);
        core::ptr::copy_nonoverlapping(bytes.as_ptr(), start, touched(bit, width));
    }
}

/// The bytes of a bitfield, the first one lowest.
#[inline(always)]
unsafe fn load<T>(record: &T, bit: usize, width: u32) -> u128 {
    let mut bytes = [0; BYTES];
    // SAFETY: the caller vouches for the bits, and a bitfield has at most 64.
    unsafe {
        let start = core::ptr::from_ref(record).cast::<u8>().add(bit / 8);
        core::ptr::copy_nonoverlapping(start, bytes.as_mut_ptr(), touched(bit, width));
    }
    u128::from_le_bytes(bytes)
}

/// The number of bytes that a bitfield occupies.
#[inline(always)]
const fn touched(bit: usize, width: u32) -> usize {
    (bit % 8 + width as usize).div_ceil(8)
}

#[inline(always)]
const fn mask(width: u32) -> u64 {
    u64::MAX >> (u64::BITS - width)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The result of C, bit by bit.
    fn bit_at(bytes: &[u8], bit: usize) -> bool {
        bytes[bit / 8] >> (bit % 8) & 1 == 1
    }

    #[test]
    fn every_bitfield_of_every_width_holds_its_value_and_leaves_the_rest() {
        for width in 1..=64 {
            for bit in 0..16 {
                for (ground, value) in [(0x5a, u64::MAX), (0xff, 0), (0xc3, 0x8765_4321_0fed_cba9)]
                {
                    let before = [ground; 12];
                    let mut after = before;
                    // SAFETY: 16 and 64 bits are ten bytes.
                    let read = unsafe {
                        write(&mut after, bit, width, value);
                        read(&after, bit, width)
                    };
                    assert_eq!(read, value & mask(width), "{width} bits from {bit}");
                    for n in 0..8 * before.len() {
                        let is_own = (bit..bit + width as usize).contains(&n);
                        let wanted =
                            if is_own { value >> (n - bit) & 1 == 1 } else { bit_at(&before, n) };
                        assert_eq!(
                            bit_at(&after, n),
                            wanted,
                            "bit {n} with {width} bits from {bit}"
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn a_signed_bitfield_has_negative_values() {
        let mut bytes = [0u8; 8];
        for (width, value) in [(1, -1), (3, -4), (3, 3), (7, -64), (33, -(1 << 32)), (48, -2)] {
            // SAFETY: 5 and 48 bits are seven bytes.
            let read = unsafe {
                write(&mut bytes, 5, width, value as u64);
                read_signed(&bytes, 5, width)
            };
            assert_eq!(read, value, "{width} bits");
        }
    }

    #[test]
    fn no_byte_is_touched_in_which_the_field_does_not_lie() {
        assert_eq!([touched(0, 8), touched(7, 1), touched(7, 2), touched(4, 64)], [1, 1, 2, 9]);
    }
}
