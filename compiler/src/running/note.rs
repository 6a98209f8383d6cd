//! The note of a module that kpsc has made (`runtime/src/note.rs`), read from bytes that any module may have put there.

use object::elf::{FileHeader64, NoteType, NT_GNU_BUILD_ID};
use object::read::elf::NoteIterator;
use object::LittleEndian;

const OWNER: &[u8] = b"kps";
const FACTS: NoteType = NoteType(1);

/// The facts in the first note of kpsc's own, each a key and a value; none if there is no such note.
pub fn note(bytes: &[u8]) -> Vec<(String, String)> {
    let Ok(mut notes) = NoteIterator::<FileHeader64<LittleEndian>>::new(LittleEndian, 4, bytes) else {
        return Vec::new();
    };
    while let Ok(Some(note)) = notes.next() {
        if note.name() == OWNER && note.n_type(LittleEndian) == FACTS {
            return facts(&String::from_utf8_lossy(note.desc()));
        }
    }
    Vec::new()
}

/// The facts of a note's text, one `key=value` a line.
pub(super) fn facts(text: &str) -> Vec<(String, String)> {
    let facts = text.lines().filter_map(|line| line.split_once('='));
    facts.map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

/// The GNU build-id among some notes, in hexadecimal.
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
        for number in [owner.len() as u32, desc.len() as u32, FACTS.0] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(owner);
        bytes.extend(desc);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    #[test]
    fn the_facts_are_lines_of_keys_and_values() {
        let all =
            [bytes(b"GNU\0", b"version=9\n"), bytes(b"kps\0", b"version=1.0\nfixes=a=b\nodd\n")].concat();
        let wanted = [("version", "1.0"), ("fixes", "a=b")];
        assert_eq!(note(&all), wanted.map(|(key, value)| (key.to_owned(), value.to_owned())));
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
    fn garbage_has_no_facts() {
        let whole = bytes(b"kps\0", b"version=1.0\n");
        for end in 0..whole.len() - 1 {
            assert_eq!(note(&whole[..end]), [], "{end} bytes");
        }
        assert_eq!(note(&[0xff; 100]), []);
        assert_eq!(note(&bytes(b"kps\0", b"\xff\xff")), []);
    }
}
