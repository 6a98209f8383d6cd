// SPDX-License-Identifier: GPL-2.0
//! The ELF note in which a loaded livepatch describes itself.
//!
//! The module loader does not keep `.modinfo`, but it shows the notes of a module in
//! `/sys/module/NAME/notes/` (`kernel/module/sysfs.c`), to users who may read them.
//!
//! ```
//! use kps::note::Note;
//!
//! #[used]
//! #[cfg_attr(kps_kernel, link_section = ".note.kps")]
//! static NOTE: Note<9> = Note::new(*b"patch=fix");
//! ```

/// The owner of the note.
const OWNER: [u8; 4] = *b"kps\0";
/// The one type of note that this owner has: lines of `key=value`.
const FACTS: u32 = 1;

/// An ELF note with `N` bytes of text (`elf(5)`): the owner `kps`, type 1, and lines of
/// `key=value`. It never changes, so a static of it may be in read-only memory.
#[repr(C, align(4))]
#[derive(Debug)]
pub struct Note<const N: usize> {
    name_len: u32,
    desc_len: u32,
    kind: u32,
    name: [u8; 4],
    desc: [u8; N],
}

impl<const N: usize> Note<N> {
    /// A note with this text.
    pub const fn new(desc: [u8; N]) -> Self {
        Note { name_len: OWNER.len() as u32, desc_len: N as u32, kind: FACTS, name: OWNER, desc }
    }
}
