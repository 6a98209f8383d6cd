// SPDX-License-Identifier: GPL-2.0
//! Which words of the command line say where things are.

const PRIVATE: [&[u8]; 3] = [b"console", b"ip", b"nfsroot"];

/// The name of a word whose value is private.
pub fn private(word: &[u8]) -> Option<&[u8]> {
    let (name, _) = word.split_at(word.iter().position(|&c| c == b'=')?);
    PRIVATE.contains(&name).then_some(name)
}
