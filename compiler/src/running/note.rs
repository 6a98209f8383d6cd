//! The note of a module that kpsc has made (`runtime/src/note.rs`), read from bytes that any module may have put there.

use object::elf::{FileHeader64, NoteType};
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
            let text = String::from_utf8_lossy(note.desc());
            let facts = text.lines().filter_map(|line| line.split_once('='));
            return facts.map(|(key, value)| (key.to_owned(), value.to_owned())).collect();
        }
    }
    Vec::new()
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
    fn garbage_has_no_facts() {
        let whole = bytes(b"kps\0", b"version=1.0\n");
        for end in 0..whole.len() - 1 {
            assert_eq!(note(&whole[..end]), [], "{end} bytes");
        }
        assert_eq!(note(&[0xff; 100]), []);
        assert_eq!(note(&bytes(b"kps\0", b"\xff\xff")), []);
    }
}
