// SPDX-License-Identifier: GPL-2.0
//! Tests of the facts file: the parts that a reader loads, and the damage that it finds.

use super::*;
use std::cell::Cell;

/// A file in memory that counts the bytes that are read of it.
struct Counted<'a> {
    file: &'a [u8],
    read: &'a Cell<usize>,
}

impl Source for Counted<'_> {
    fn size(&self) -> io::Result<u64> {
        self.file.size()
    }

    fn read(&self, offset: u64, len: usize, buffer: &mut Vec<u8>) -> io::Result<()> {
        self.file.read(offset, len, buffer)?;
        self.read.set(self.read.get() + buffer.len());
        Ok(())
    }
}

const RELEASE: &str = "7.3.4";

/// No types: a header (`struct btf_header`) and the empty name.
const NO_TYPES: [u8; 25] =
    [0x9f, 0xeb, 1, 0, 24, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0];

fn facts() -> Facts {
    let identity = Identity { release: RELEASE.to_owned(), build_id: vec![1; 20] };
    let config = (0..1000).map(|n| (format!("CONFIG_{n}"), "y".to_owned())).collect();
    let btf = Btf::parse(NO_TYPES.to_vec()).unwrap_or_else(|error| panic!("{error}"));
    Facts { identity, config, btf, ..Facts::default() }
}

#[test]
fn the_identity_is_read_without_the_rest() {
    let file = facts().to_bytes();
    let read = Cell::new(0);
    let opened = FactsFile::from_source(Counted { file: &file, read: &read });
    let identity = opened.and_then(|file| file.identity()).map(|identity| identity.release);
    assert_eq!(identity.as_deref(), Ok(RELEASE));
    assert!(read.get() < file.len() / 10, "{} of {} bytes were read", read.get(), file.len());
}

#[test]
fn damage_of_a_section_is_found_by_whoever_reads_it() {
    let whole = facts().to_bytes();
    let mut file = whole.clone();
    let option = b"CONFIG_999";
    let at = file.windows(option.len()).position(|bytes| bytes == option).unwrap_or_default();
    file[at] ^= 1;
    let identity = FactsFile::from_source(file.as_slice()).and_then(|file| file.identity());
    assert_eq!(identity.map(|identity| identity.release).as_deref(), Ok(RELEASE));
    assert_eq!(Facts::from_bytes(&file).map(|_| ()), Err(FactsError::Damaged));
    assert_eq!(Facts::from_bytes(&whole).map(|facts| facts.config.len()), Ok(1000));
}

#[test]
fn a_table_that_was_changed_is_refused() {
    let whole = facts().to_bytes();
    for at in MAGIC.len()..MAGIC.len() + 4 + ENTRY {
        let mut file = whole.clone();
        file[at] ^= 1;
        assert_eq!(Facts::from_bytes(&file).map(|_| ()), Err(FactsError::Damaged), "byte {at}");
    }
    let mut other = whole;
    other[MAGIC.len() - 1] ^= 0x80;
    assert!(Facts::from_bytes(&other).is_err());
}
