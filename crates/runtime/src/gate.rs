// SPDX-License-Identifier: GPL-2.0
//! Checks whether a loaded module is the one that a patch was made for.
//!
//! The kernel finds a module's functions by name alone. The gate compares what changes when a
//! module is rebuilt: its build-id, which the loader keeps in the module's read-only memory, and
//! the first bytes of its functions.
//!
//! Generated code calls this in the `pre_patch` of a module's object, under `klp_mutex`: when the
//! module is loaded, before its own `init` runs (`klp_module_coming()` in
//! `kernel/livepatch/core.c`), or when the patch is loaded, if the module is already there. If
//! something differs, the functions are redirected to themselves, and the module works as if there
//! were no patch.

use super::arch;

/// A function of a module that a patch changes, as its gate sees it.
pub struct Func {
    /// The function that replaces it.
    pub entry: unsafe extern "C" fn(),
    /// Whether it starts with a landing pad for indirect branches in the target's module.
    pub landing_pad: bool,
}

/// Whether some memory holds the ELF note with this GNU build-id (`lib/buildid.c`). Without an id
/// there is nothing to compare, and the answer is yes.
///
/// ```
/// use kps::gate;
///
/// let memory = *b"\x04\0\0\0\x04\0\0\0\x03\0\0\0GNU\0\xde\xad\xbe\xef";
/// // SAFETY: all of the memory is there.
/// let has = |id: &[u8]| unsafe { gate::has_build_id(memory.as_ptr(), memory.len(), id) };
/// assert!(has(&[0xde, 0xad, 0xbe, 0xef]) && has(&[]) && !has(&[0xde, 0xad, 0xbe, 0xee]));
/// ```
///
/// # Safety
///
/// There must be `size` bytes at `memory` that can be read and do not change.
#[inline]
pub unsafe fn has_build_id(memory: *const u8, size: usize, id: &[u8]) -> bool {
    if id.is_empty() || size == 0 {
        return id.is_empty();
    }
    // SAFETY: the caller vouches for this range.
    let memory = unsafe { core::slice::from_raw_parts(memory, size) };
    holds_note(memory, id)
}

/// Notes are at multiples of four bytes: the lengths of name and id, the type, the name, the id.
#[inline]
fn holds_note(memory: &[u8], id: &[u8]) -> bool {
    const NT_GNU_BUILD_ID: u32 = 3;
    let mut at = 0;
    while let Some((header, rest)) = memory.get(at..).and_then(|rest| rest.split_at_checked(16)) {
        let word = |n: usize| match header.get(4 * n..4 * n + 4) {
            Some(&[a, b, c, d]) => u32::from_le_bytes([a, b, c, d]),
            _ => 0,
        };
        let is_note = word(0) == 4 && word(2) == NT_GNU_BUILD_ID && header.ends_with(b"GNU\0");
        if is_note && word(1) as usize == id.len() && rest.starts_with(id) {
            return true;
        }
        at = at.saturating_add(4);
    }
    false
}

/// Whether a function starts with an ftrace site, with or without a landing pad before it, in any
/// form that the kernel gives both at run time.
///
/// # Safety
///
/// `function` must be the address of an existing function.
#[inline]
pub unsafe fn starts_as(function: *const u8, landing_pad: bool) -> bool {
    // SAFETY: the caller vouches for the function.
    let bytes = unsafe { arch::entry_bytes(function) };
    arch::starts_as(bytes, landing_pad)
}

/// The instruction behind the ftrace site of a function.
///
/// # Safety
///
/// `function` must be the address of an existing function that can be redirected.
#[inline]
pub unsafe fn behind_site(function: *const u8) -> *const u8 {
    // SAFETY: the caller vouches for the function.
    let skip = arch::skip(unsafe { arch::entry_bytes(function) });
    // SAFETY: the site is inside the function.
    unsafe { function.add(skip) }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A note with an id of twenty bytes.
    fn note(id: &[u8; 20]) -> [u8; 36] {
        let mut note = [0; 36];
        note[..16].copy_from_slice(b"\x04\0\0\0\x14\0\0\0\x03\0\0\0GNU\0");
        note[16..].copy_from_slice(id);
        note
    }

    #[test]
    fn a_build_id_is_found_wherever_it_is() {
        let id = b"twenty bytes of an i";
        let mut memory = [0; 128];
        memory[52..88].copy_from_slice(&note(b"that of another file"));
        memory[92..].copy_from_slice(&note(id));
        assert!(holds_note(&memory, id));
        assert!(!holds_note(&memory, b"twenty bytes of no i"));
        assert!(!holds_note(&memory, &id[..19]));
        assert!(!holds_note(&memory[..127], id));
        assert!(!holds_note(b"", id));
    }
}
