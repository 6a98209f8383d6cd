// SPDX-License-Identifier: GPL-2.0
//! The guard: a module runs only in the kernel that it was made for.
//!
//! A livepatch has addresses past an ftrace site, struct layouts and symbol positions compiled in.
//! The kernel compares only `vermagic`, a string that a rebuilt kernel may keep. So before
//! `klp_enable_patch()`, `init` compares values that do not match by accident: the build-id of the
//! running image, and the first bytes of every patched function.
//!
//! Generated code calls [`check`] in the `init` of its module, in process context, before any other
//! code knows of the patch. It takes no lock: the kernel's notes never change, and its text changes
//! only in ways that this code knows.

use super::arch;

/// A function that the patch enters behind its ftrace site.
pub struct Entry {
    /// Its name, for the log.
    pub name: &'static str,
    /// Its address in the running kernel.
    pub function: *const u8,
    /// Whether it starts with a landing pad for indirect branches in the target kernel.
    pub landing_pad: bool,
}

// SAFETY: the address is only read from, and all kernel code may read kernel text.
unsafe impl Sync for Entry {}

/// What differs from the target kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mismatch {
    /// The image has another build-id.
    BuildId,
    /// This function starts differently.
    Entry(&'static str),
}

/// Compares the running kernel with the target.
/// `notes` are pointers to the first byte of the kernel's ELF notes and to the end of the last
/// (`__start_notes`, `__stop_notes`, which `kernel/ksysfs.c` shows as `/sys/kernel/notes`). An
/// error is the first difference. A patch that gets one must refuse to load: its addresses point
/// into other code.
///
/// ```
/// use kps::guard::{self, Mismatch};
///
/// let notes = *b"\x04\0\0\0\x04\0\0\0\x03\0\0\0GNU\0\xde\xad\xbe\xef";
/// let bounds = notes.as_ptr_range();
/// // SAFETY: these are the bounds, and there is no function.
/// let check = |id: &[u8]| unsafe { guard::check(id, (bounds.start, bounds.end), &[]) };
/// assert_eq!(check(&[0xde, 0xad, 0xbe, 0xef]), Ok(()));
/// assert_eq!(check(&[0xde, 0xad, 0xbe, 0xee]), Err(Mismatch::BuildId));
/// ```
///
/// # Safety
///
/// `notes` must bound memory that is readable and does not change, and every entry must point to
/// kernel text.
#[inline]
pub unsafe fn check(
    build_id: &[u8],
    notes: (*const u8, *const u8),
    entries: &[Entry],
) -> Result<(), Mismatch> {
    let len = (notes.1 as usize).saturating_sub(notes.0 as usize);
    // SAFETY: the caller vouches for this range.
    let notes = unsafe { core::slice::from_raw_parts(notes.0, len) };
    if self::build_id(notes) != Some(build_id) {
        return Err(Mismatch::BuildId);
    }
    for entry in entries {
        // SAFETY: the caller vouches for the function.
        let bytes = unsafe { arch::entry_bytes(entry.function) };
        if !arch::starts_as(bytes, entry.landing_pad) {
            return Err(Mismatch::Entry(entry.name));
        }
    }
    Ok(())
}

/// The GNU build-id among ELF notes.
#[inline]
fn build_id(mut notes: &[u8]) -> Option<&[u8]> {
    const NT_GNU_BUILD_ID: usize = 3;
    loop {
        let word = |n: usize| {
            let bytes = notes.get(4 * n..4 * n + 4)?;
            Some(u32::from_le_bytes(bytes.try_into().ok()?) as usize)
        };
        let (name_len, desc_len, kind) = (word(0)?, word(1)?, word(2)?);
        let desc = 12usize.checked_add(name_len.checked_next_multiple_of(4)?)?;
        let name = notes.get(12..12usize.checked_add(name_len)?)?;
        if kind == NT_GNU_BUILD_ID && name == b"GNU\0" {
            return notes.get(desc..desc.checked_add(desc_len)?);
        }
        notes = notes.get(desc.checked_add(desc_len.checked_next_multiple_of(4)?)?..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn note(out: &mut [u8], name: &[u8], kind: u32, desc: &[u8]) -> usize {
        let len = |bytes: &[u8]| (bytes.len() as u32).to_le_bytes();
        out[..4].copy_from_slice(&len(name));
        out[4..8].copy_from_slice(&len(desc));
        out[8..12].copy_from_slice(&kind.to_le_bytes());
        out[12..12 + name.len()].copy_from_slice(name);
        let at = 12 + name.len().next_multiple_of(4);
        out[at..at + desc.len()].copy_from_slice(desc);
        at + desc.len().next_multiple_of(4)
    }

    #[test]
    fn the_build_id_is_found_behind_other_notes() {
        let mut notes = [0; 128];
        let mut end = note(&mut notes, b"Linux\0", 0x101, b"odd");
        end += note(&mut notes[end..], b"Xen\0", 3, b"not a build-id");
        end += note(&mut notes[end..], b"GNU\0", 3, b"the build-id");
        assert_eq!(build_id(&notes[..end]), Some(&b"the build-id"[..]));
    }

    #[test]
    fn notes_that_are_cut_short_or_lie_have_no_build_id() {
        let mut notes = [0; 64];
        let end = note(&mut notes, b"GNU\0", 3, b"the build-id");
        for cut in 0..end {
            assert_eq!(build_id(&notes[..cut]), None, "cut at {cut}");
        }
        notes[0..4].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(build_id(&notes), None);
    }
}
