// SPDX-License-Identifier: GPL-2.0
//! Where the bytes of a facts file come from: sections are read on demand.

use std::io;

/// A source of a file's bytes.
pub trait Source {
    /// The number of bytes.
    fn size(&self) -> io::Result<u64>;

    /// Fills a buffer with the `len` bytes from an offset on, or with fewer if the source ends
    /// before.
    fn read(&self, offset: u64, len: usize, buffer: &mut Vec<u8>) -> io::Result<()>;
}

impl Source for &[u8] {
    fn size(&self) -> io::Result<u64> {
        Ok(<[u8]>::len(self) as u64)
    }

    fn read(&self, offset: u64, len: usize, buffer: &mut Vec<u8>) -> io::Result<()> {
        let rest =
            usize::try_from(offset).ok().and_then(|offset| self.get(offset..)).unwrap_or_default();
        buffer.clear();
        buffer.extend(&rest[..len.min(rest.len())]);
        Ok(())
    }
}
