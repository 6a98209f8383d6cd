// SPDX-License-Identifier: GPL-2.0
//! kallsyms: the tables in `.rodata` are found wherever they are, and what only looks like them is
//! refused.

use kps_targets::kallsyms::decode;

/// Where the miniature's `.rodata` and text are linked; the seeds are its tables.
const RODATA: u64 = 0xffff_ffff_8100_1000;
const TEXT: u64 = 0xffff_ffff_8100_0000;

/// No kernel takes a longer name, its end included (`KSYM_NAME_LEN`).
const LONGEST: usize = 512;

/// Reads bytes as they are, and again with an index that fits the token table in them. At a high
/// address numbers wrap around.
pub fn kallsyms(data: &[u8]) {
    let mut repaired = data.to_vec();
    repair(&mut repaired);
    for bytes in [data, &repaired] {
        for (address, text) in [(RODATA, TEXT), (u64::MAX - 64, TEXT)] {
            let Ok(symbols) = decode(bytes, address, text) else { continue };
            let start = |name: &str| name == "_text" || name == "_stext";
            assert!(
                symbols.iter().any(|sym| start(&sym.name) && sym.address == text),
                "the text has no start"
            );
            // A name of damaged characters may take three times its bytes.
            assert!(symbols.iter().all(|sym| sym.name.len() < 3 * LONGEST), "a name is too long");
            assert!(symbols.len() <= bytes.len(), "there are more names than bytes");
        }
    }
}

/// Writes the index behind the first token table, as `scripts/kallsyms.c` would.
fn repair(bytes: &mut [u8]) -> Option<()> {
    let digits: Vec<u8> = (b'0'..=b'9').flat_map(|digit| [digit, 0]).collect();
    let mut start = bytes.windows(digits.len()).position(|window| window == digits)?;
    for _ in 0..b'0' {
        start = bytes[..start.checked_sub(1)?].iter().rposition(|&b| b == 0)? + 1;
    }
    let mut end = start;
    let mut index = Vec::new();
    for _ in 0..256 {
        index.extend(((end - start) as u16).to_le_bytes());
        end += bytes[end..].iter().position(|&b| b == 0)? + 1;
    }
    let at = end.next_multiple_of(4);
    bytes.get_mut(at..at + index.len())?.copy_from_slice(&index);
    Some(())
}
