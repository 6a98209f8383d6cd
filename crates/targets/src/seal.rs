// SPDX-License-Identifier: GPL-2.0
//! Digests of files, and texts with a checksum: their first line is a digest of the rest.

use kps_host::input;
use sha2::{Digest as _, Sha256};
use std::io::{self, Read as _};
use std::path::Path;

const START: &str = "# sha256 of all below: ";

/// The text with its checksum in front.
pub fn seal(text: &str) -> String {
    format!("{START}{}\n{text}", hex(&Sha256::digest(text)))
}

/// The text after its checksum; `None` if they do not match.
pub(super) fn unseal(sealed: &str) -> Option<&str> {
    let (first, text) = sealed.split_once('\n')?;
    (first.strip_prefix(START)? == hex(&Sha256::digest(text))).then_some(text)
}

/// The digest of a file, in hexadecimal.
pub(super) fn digest(path: &Path) -> io::Result<String> {
    let mut file = input::open(path)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex(&digest.finalize())),
            n => digest.update(&buffer[..n]),
        }
    }
}

/// A digest in hexadecimal.
pub(super) fn hex(digest: &[u8]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_anywhere_breaks_the_seal() {
        let sealed = seal("release = \"7.3\"\n");
        assert_eq!(unseal(&sealed), Some("release = \"7.3\"\n"));
        for at in 0..sealed.len() {
            let mut changed = sealed.clone().into_bytes();
            changed[at] ^= 1;
            assert_eq!(unseal(&String::from_utf8_lossy(&changed)), None, "byte {at}");
            assert_eq!(unseal(&sealed[..at]), None, "cut at {at}");
        }
    }
}
