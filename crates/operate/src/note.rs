// SPDX-License-Identifier: GPL-2.0
//! The ELF notes of a module, which may contain anything.

use kps_plan::{Note, NOTE_OWNER, NOTE_TYPE};
use object::elf::{FileHeader64, NoteType, NT_GNU_BUILD_ID};
use object::read::elf::NoteIterator;
use object::LittleEndian;

/// The first note of kpsc's own, if there is one.
pub fn note(bytes: &[u8]) -> Option<Note> {
    let mut notes = NoteIterator::<FileHeader64<LittleEndian>>::new(LittleEndian, 4, bytes).ok()?;
    while let Ok(Some(note)) = notes.next() {
        if note.name() == NOTE_OWNER.as_bytes() && note.n_type(LittleEndian) == NoteType(NOTE_TYPE)
        {
            return Note::parse(&String::from_utf8_lossy(note.desc()));
        }
    }
    None
}

/// The GNU build-id in these notes, in hexadecimal.
pub(super) fn build_id(bytes: &[u8]) -> Option<String> {
    let mut notes = NoteIterator::<FileHeader64<LittleEndian>>::new(LittleEndian, 4, bytes).ok()?;
    while let Ok(Some(note)) = notes.next() {
        if note.name() == b"GNU" && note.n_type(LittleEndian) == NT_GNU_BUILD_ID {
            return Some(note.desc().iter().map(|byte| format!("{byte:02x}")).collect());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(owner: &[u8; 4], desc: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for number in [owner.len() as u32, desc.len() as u32, NOTE_TYPE] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(owner);
        bytes.extend(desc);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    #[test]
    fn the_note_is_the_first_of_its_owner() {
        let text = b"version=1.0\nfixes=a=b\nodd\n";
        let all = [
            bytes(b"GNU\0", b"version=9\n"),
            bytes(b"kps\0", text),
            bytes(b"kps\0", b"version=2\n"),
        ];
        let wanted =
            Note { version: Some("1.0".into()), fixes: vec!["a=b".into()], ..Note::default() };
        assert_eq!(note(&all.concat()), Some(wanted));
    }

    #[test]
    fn the_build_id_is_that_of_the_gnu_note() {
        let mut id = bytes(b"GNU\0", &[0xab, 0, 0x01, 0xff]);
        id[8..12].copy_from_slice(&3u32.to_le_bytes());
        let all = [bytes(b"GNU\0", b"abi!"), id.clone()].concat();
        assert_eq!(build_id(&all).as_deref(), Some("ab0001ff"));
        for end in 0..id.len() {
            assert_eq!(build_id(&id[..end]), None, "{end} bytes");
        }
        assert_eq!(build_id(&[0xff; 100]), None);
    }

    #[test]
    fn garbage_has_no_note() {
        let whole = bytes(b"kps\0", b"version=1.0\n");
        for end in 0..whole.len() - 1 {
            assert_eq!(note(&whole[..end]), None, "{end} bytes");
        }
        assert_eq!(note(&[0xff; 100]), None);
        assert_eq!(note(&bytes(b"kps\0", b"\xff\xff")), None);
    }
}
