// SPDX-License-Identifier: GPL-2.0
//! The encoding of numbers, texts and lists in the files of this crate, and detection of damage.
//!
//! Numbers are little-endian. A length of eight bytes precedes bytes and lists.

use crate::FactsError;

/// A file with this magic and these parts.
pub(crate) fn sealed(magic: [u8; 8], parts: Writer) -> Vec<u8> {
    let mut file = magic.to_vec();
    file.extend(checksum(&parts.0).to_le_bytes());
    file.extend(parts.0);
    file
}

/// The parts of a file, after its magic and checksum were verified.
pub(crate) fn unseal(magic: [u8; 8], file: &[u8]) -> Result<Reader<'_>, FactsError> {
    let (found, rest) = file.split_first_chunk::<8>().ok_or(FactsError::Format)?;
    check_magic(magic, *found)?;
    let (sum, rest) = rest.split_first_chunk::<8>().ok_or(FactsError::Damaged)?;
    match u64::from_le_bytes(*sum) == checksum(rest) {
        true => Ok(Reader(rest)),
        false => Err(FactsError::Damaged),
    }
}

/// Whether a file has the magic of this kind and version. The last byte is the version.
pub(crate) fn check_magic(magic: [u8; 8], found: [u8; 8]) -> Result<(), FactsError> {
    match found {
        _ if found == magic => Ok(()),
        _ if found[..7] == magic[..7] => Err(FactsError::Version),
        _ => Err(FactsError::Format),
    }
}

/// FNV-1a over words of eight bytes: quick, and enough to detect damage. It is no protection from
/// an attacker, who could replace the file as well. Every fourth word goes into the same sum, so a
/// processor can compute four at a time.
pub(crate) fn checksum(bytes: &[u8]) -> u64 {
    const WORD: usize = 8;
    const ROW: usize = 4 * WORD;
    let mix =
        |sum: u64, word: u64| (sum ^ word).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(23);
    let rows = bytes.chunks_exact(ROW);
    let tail = rows.remainder().iter().fold(bytes.len() as u64, |sum, &b| mix(sum, b.into()));
    let sums = rows.fold([0; ROW / WORD], |[a, b, c, d], row| {
        let word = |n: usize| match row[n * WORD..].first_chunk() {
            Some(word) => u64::from_le_bytes(*word),
            None => 0,
        };
        [mix(a, word(0)), mix(b, word(1)), mix(c, word(2)), mix(d, word(3))]
    });
    sums.into_iter().fold(tail, mix)
}

/// Whether bytes are printable ASCII without spaces. It does not stop early, because a processor
/// can then check many at a time.
pub(crate) fn are_graphic(bytes: &[u8]) -> bool {
    bytes.iter().fold(true, |graphic, b| graphic & b.is_ascii_graphic())
}

/// The parts of a file while they are written.
#[derive(Default)]
pub(crate) struct Writer(pub(crate) Vec<u8>);

impl Writer {
    pub(crate) fn u64(&mut self, value: u64) {
        self.0.extend(value.to_le_bytes());
    }

    pub(crate) fn u32(&mut self, value: u32) {
        self.0.extend(value.to_le_bytes());
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.u64(bytes.len() as u64);
        self.0.extend(bytes);
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    pub(crate) fn list<I: IntoIterator<IntoIter: ExactSizeIterator>>(
        &mut self,
        items: I,
        mut write: impl FnMut(&mut Self, I::Item),
    ) {
        let items = items.into_iter();
        self.u64(items.len() as u64);
        for item in items {
            write(self, item);
        }
    }
}

/// The parts of a file that have not been read yet.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(self.u64()?).ok()?;
        let (head, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(head)
    }

    pub(crate) fn text(&mut self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes()?).ok()
    }

    /// A list of records of `N` bytes, each read by `read`.
    pub(crate) fn records<const N: usize, T>(
        &mut self,
        read: impl Fn(&[u8; N]) -> T,
    ) -> Option<Vec<T>> {
        let len = usize::try_from(self.u64()?).ok()?;
        let (head, rest) = self.0.split_at_checked(len.checked_mul(N)?)?;
        self.0 = rest;
        let mut records = Vec::with_capacity(len);
        records.extend(head.chunks_exact(N).filter_map(|record| record.try_into().ok()).map(read));
        Some(records)
    }

    /// The length of a list. Every item takes at least one byte, so a forged length reserves no
    /// more than the file has.
    fn len(&mut self) -> Option<usize> {
        usize::try_from(self.u64()?).ok().filter(|&len| len <= self.0.len())
    }

    pub(crate) fn list<T, L: FromIterator<T>>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Option<T>,
    ) -> Option<L> {
        let len = self.len()?;
        let mut items = Vec::with_capacity(len);
        for _ in 0..len {
            items.push(read(self)?);
        }
        Some(items.into_iter().collect())
    }

    /// Whether everything has been read.
    pub(crate) fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }
}
