// SPDX-License-Identifier: GPL-2.0
//! The buffer in which the kernel keeps its log, which QEMU reads from the machine's memory.
//!
//! The kernel writes every record there before it decides whether a console shows it
//! (`kernel/printk/printk_ringbuffer.c`). `dmesg -c` only moves a mark; a record stays until later
//! ones take its place, and the kernel counts what it writes. So a test whose commands turn the
//! console off cannot take back what the kernel has said meanwhile.

use kps_facts::btf::{Btf, Kind};
use std::io;

/// The size of the buffer on the kernel's command line. One script would have to log more, to
/// overwrite what it has caused.
pub(super) const SIZE: &str = "4M";

/// Bytes of a word of the machine.
const WORD: u64 = 8;
/// The words that QEMU is asked for at a time.
const CHUNK: u64 = 8192;
/// No part of the buffer is as large.
const LARGEST: u64 = 1 << 30;
/// The bits of a descriptor's number; the others are its state.
const ID: u64 = u64::MAX >> 2;

/// Asks QEMU for words at an address of the machine's memory.
pub(super) trait Memory: FnMut(u64, u64) -> io::Result<Vec<u64>> {}
impl<F: FnMut(u64, u64) -> io::Result<Vec<u64>>> Memory for F {}

/// Where the parts of a kernel's buffer are, in bytes from the start of their struct.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Layout {
    /// The size of `struct printk_ringbuffer`.
    bytes: u64,
    /// The number of the last record's descriptor, and the exponent of their count.
    head_id: u64,
    count_bits: u64,
    /// The pointer to what is known of each record, and the size of one.
    infos: u64,
    info: u64,
    /// The length of its text, and its time in nanoseconds.
    text_len: u64,
    time: u64,
    /// The exponent of the size of the text, and the pointer to the text.
    size_bits: u64,
    data: u64,
    /// The number of bytes that have been written, from a start of its own.
    head: u64,
}

impl Layout {
    /// The layout in a kernel; `None` if it keeps its log in another way.
    pub(super) fn of(btf: &Btf) -> Option<Layout> {
        let record = |name: &str| {
            btf.types(name).into_iter().find(|&id| matches!(btf.get(id).kind, Kind::Record(_)))
        };
        let offset = |of: &str, member: &str| {
            let Kind::Record(record) = btf.get(record(of)?).kind else { return None };
            let member = record.members().find(|known| known.name == member)?;
            Some(u64::from(member.bit_offset / 8))
        };
        let text = offset("printk_ringbuffer", "text_data_ring")?;
        let ids = offset("printk_ringbuffer", "desc_ring")?;
        Some(Layout {
            bytes: btf.size(record("printk_ringbuffer")?)?,
            head_id: ids + offset("prb_desc_ring", "head_id")?,
            count_bits: ids + offset("prb_desc_ring", "count_bits")?,
            infos: ids + offset("prb_desc_ring", "infos")?,
            info: btf.size(record("printk_info")?)?,
            text_len: offset("printk_info", "text_len")?,
            time: offset("printk_info", "ts_nsec")?,
            size_bits: text + offset("prb_data_ring", "size_bits")?,
            data: text + offset("prb_data_ring", "data")?,
            head: text + offset("prb_data_ring", "head_lpos")?,
        })
    }
}

/// An array in the machine's memory whose last element comes before its first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Round {
    address: u64,
    bytes: u64,
}

impl Round {
    fn read(self, start: u64, count: u64, memory: &mut impl Memory) -> io::Result<Vec<u8>> {
        let start = start % self.bytes;
        let to_end = count.min(self.bytes - start);
        let mut bytes = read(self.address + start, to_end, memory)?;
        bytes.extend(read(self.address, count - to_end, memory)?);
        Ok(bytes)
    }
}

/// The buffer of a kernel, and how far it has been read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ring {
    /// The `struct printk_ringbuffer`, in the machine's memory.
    address: u64,
    layout: Layout,
    text: Round,
    infos: Round,
    /// What had been written when it was read last, and when it was read before that.
    read: u64,
    read_before: u64,
}

/// What a kernel has logged.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Logged {
    /// The lines, as a console shows them.
    pub(super) text: String,
    /// Whether records have been overwritten before they were read.
    pub(super) overwritten: bool,
}

impl Ring {
    /// The buffer at an address, which is read from now on.
    pub(super) fn at(
        address: u64,
        layout: Layout,
        physical: impl Fn(u64) -> Option<u64>,
        memory: &mut impl Memory,
    ) -> io::Result<Ring> {
        let parts = read(address, layout.bytes, memory)?;
        let of = |pointer: u64, bits: u64, each: u64| {
            let count = 1_u64.checked_shl(word(&parts, bits) as u32)?;
            Some(Round {
                address: physical(word(&parts, pointer))?,
                bytes: count.checked_mul(each).filter(|bytes| (WORD..LARGEST).contains(bytes))?,
            })
        };
        let text = of(layout.data, layout.size_bits, 1);
        let infos = of(layout.infos, layout.count_bits, layout.info);
        let strange = || io::Error::other("the kernel's log is not where it should be");
        let (text, infos) = text.zip(infos).ok_or_else(strange)?;
        let head = word(&parts, layout.head);
        Ok(Ring { address, layout, text, infos, read: head, read_before: head })
    }

    /// What has been logged since it was read last. A record that the kernel was still writing then
    /// is complete now, so the records of that time are read once more.
    pub(super) fn read(&mut self, memory: &mut impl Memory) -> io::Result<Logged> {
        let size = self.text.bytes;
        let parts = read(self.address, self.layout.bytes, memory)?;
        let head = word(&parts, self.layout.head);
        let count = head.wrapping_sub(self.read_before).min(size) / WORD * WORD;
        let bytes = self.text.read(head.wrapping_sub(count), count, memory)?;
        let text = self.lines(&bytes, word(&parts, self.layout.head_id), memory)?;
        // What has been written meanwhile may have overwritten what was read.
        let after = word(&read(self.address, self.layout.bytes, memory)?, self.layout.head);
        let overwritten = [head, after].iter().any(|head| head.wrapping_sub(self.read) > size);
        (self.read_before, self.read) = (self.read, head);
        Ok(Logged { text, overwritten })
    }

    /// The lines of records. Before the text of each is a word, the number of its descriptor.
    fn lines(&self, bytes: &[u8], last: u64, memory: &mut impl Memory) -> io::Result<String> {
        let behind = |id: u64| last.wrapping_sub(id) & ID;
        let id_of = |chunk: &[u8]| {
            let id = word(chunk, 0);
            (id <= ID && behind(id) <= self.text.bytes / WORD).then_some(id)
        };
        let mut records: Vec<(Option<u64>, Vec<u8>)> = vec![(None, Vec::new())];
        for chunk in bytes.chunks_exact(WORD as usize) {
            match (id_of(chunk), records.last_mut()) {
                (None, Some((_, text))) => text.extend_from_slice(chunk),
                (id, _) => records.push((id, Vec::new())),
            }
        }
        // A descriptor that has a later record by now tells nothing of an earlier one.
        let each = self.layout.info;
        let ids = records.iter().filter_map(|(id, _)| *id);
        let oldest = ids.map(behind).filter(|behind| *behind < self.infos.bytes / each).max();
        let count = oldest.map_or(0, |oldest| oldest + 1);
        let first = last.wrapping_sub(count.wrapping_sub(1)) & ID;
        let infos =
            self.infos.read((first % (self.infos.bytes / each)) * each, count * each, memory)?;
        let info = |id: Option<u64>| {
            let at = count.checked_sub(behind(id?) + 1)? * each;
            let length = word(&infos, at + self.layout.text_len) as u16;
            Some((usize::from(length), word(&infos, at + self.layout.time)))
        };
        Ok(records.iter().map(|(id, text)| shown(text, info(*id))).collect())
    }

    /// What [`Ring::restored`] reads.
    pub(super) fn saved(&self) -> String {
        let Layout { bytes, head_id, count_bits, infos, info, text_len, time, .. } = self.layout;
        let Layout { size_bits, data, head, .. } = self.layout;
        let layout =
            [bytes, head_id, count_bits, infos, info, text_len, time, size_bits, data, head];
        let (text, infos) = (self.text, self.infos);
        let ring = [self.address, text.address, text.bytes, infos.address, infos.bytes];
        let read = [self.read, self.read_before];
        let numbers = layout.iter().chain(&ring).chain(&read);
        numbers.map(u64::to_string).collect::<Vec<_>>().join(" ")
    }

    /// The buffer of a kernel that is a copy.
    pub(super) fn restored(saved: &str) -> Option<Ring> {
        let numbers: Option<Vec<u64>> = saved.split(' ').map(|word| word.parse().ok()).collect();
        let numbers: [u64; 17] = numbers?.try_into().ok()?;
        let [bytes, head_id, count_bits, infos, info, text_len, time, rest @ ..] = numbers;
        let [size_bits, data, head, address, rest @ ..] = rest;
        let layout = Layout {
            bytes,
            head_id,
            count_bits,
            infos,
            info,
            text_len,
            time,
            size_bits,
            data,
            head,
        };
        let [text_address, text_bytes, infos_address, infos_bytes, read, read_before] = rest;
        let text = Round { address: text_address, bytes: text_bytes };
        let infos = Round { address: infos_address, bytes: infos_bytes };
        // A template may be damaged.
        let is_size = |size| (WORD..LARGEST).contains(&size);
        let is_sound = [bytes, info, text_bytes, infos_bytes].into_iter().all(is_size);
        is_sound.then_some(Ring { address, layout, text, infos, read, read_before })
    }
}

/// A record as a console shows it. Its length, and its time in nanoseconds, may be unknown; behind
/// its text is a zero.
fn shown(text: &[u8], known: Option<(usize, u64)>) -> String {
    const SECOND: u64 = 1_000_000_000;
    let until_zero = || text.split(|byte| *byte == 0).next().unwrap_or_default();
    let written = known.and_then(|(length, _)| text.get(..length).filter(|text| !text.is_empty()));
    let stamp = known.map_or(String::new(), |(_, time)| {
        format!("[{:5}.{:06}] ", time / SECOND, time % SECOND / 1000)
    });
    let text = String::from_utf8_lossy(written.unwrap_or_else(until_zero));
    text.lines().map(|line| format!("{stamp}{line}\n")).collect()
}

/// Some bytes of the machine's memory.
fn read(address: u64, bytes: u64, memory: &mut impl Memory) -> io::Result<Vec<u8>> {
    let words = bytes.div_ceil(WORD);
    let mut all = Vec::new();
    for done in (0..words).step_by(CHUNK as usize) {
        let some = memory(address + done * WORD, CHUNK.min(words - done))?;
        all.extend(some.iter().flat_map(|word| word.to_le_bytes()));
    }
    Ok(all)
}

/// The word at an offset; 0 behind the end.
fn word(bytes: &[u8], offset: u64) -> u64 {
    let rest = usize::try_from(offset).ok().and_then(|offset| bytes.get(offset..));
    let word = rest.and_then(|rest| rest.first_chunk());
    word.map_or(0, |word| u64::from_le_bytes(*word))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAYOUT: Layout = Layout {
        bytes: 88,
        head_id: 24,
        count_bits: 0,
        infos: 16,
        info: 24,
        text_len: 16,
        time: 8,
        size_bits: 48,
        data: 56,
        head: 64,
    };

    /// A kernel with a buffer of 256 bytes and of 16 records, at these addresses.
    struct Kernel {
        memory: Vec<u8>,
        head: u64,
        id: u64,
    }

    const RING: usize = 0x100;
    const INFOS: usize = 0x200;
    const TEXT: usize = 0x400;
    const SIZE: u64 = 256;

    impl Kernel {
        fn new() -> Kernel {
            let mut kernel = Kernel {
                memory: vec![0; 0x500],
                head: SIZE.wrapping_neg(),
                id: 17_u64.wrapping_neg() & ID,
            };
            kernel.put(RING, &4_u32.to_le_bytes());
            kernel.put(RING + 16, &(INFOS as u64).to_le_bytes());
            kernel.put(RING + 48, &8_u32.to_le_bytes());
            kernel.put(RING + 56, &(TEXT as u64).to_le_bytes());
            kernel.count();
            kernel
        }

        fn put(&mut self, at: usize, bytes: &[u8]) {
            self.memory[at..at + bytes.len()].copy_from_slice(bytes);
        }

        fn count(&mut self) {
            self.put(RING + 24, &self.id.to_le_bytes());
            self.put(RING + 64, &self.head.to_le_bytes());
        }

        /// Logs as the kernel does: a record that does not fit before the end starts anew.
        fn log(&mut self, text: &str) {
            self.id = self.id.wrapping_add(1) & ID;
            let bytes = (8 + text.len() as u64 + 1).next_multiple_of(8);
            let at = self.head % SIZE;
            if at + bytes > SIZE {
                self.put(TEXT + at as usize, &self.id.to_le_bytes());
                self.head = self.head.wrapping_add(SIZE - at);
            }
            let at = TEXT + (self.head % SIZE) as usize;
            self.put(at, &self.id.to_le_bytes());
            self.put(at + 8, text.as_bytes());
            self.put(at + 8 + text.len(), &[0]);
            let info = INFOS + (self.id % 16) as usize * 24;
            self.put(info + 8, &1_500_000_u64.to_le_bytes());
            self.put(info + 16, &(text.len() as u16).to_le_bytes());
            self.head = self.head.wrapping_add(bytes);
            self.count();
        }

        fn memory(&self) -> impl Memory + '_ {
            |at, count| {
                let bytes = &self.memory[at as usize..(at + 8 * count) as usize];
                Ok(bytes.chunks_exact(8).map(|chunk| word(chunk, 0)).collect())
            }
        }

        fn ring(&self) -> Ring {
            let ring = Ring::at(RING as u64, LAYOUT, Some, &mut self.memory());
            ring.unwrap_or_else(|error| panic!("{error}"))
        }

        fn read(&self, ring: &mut Ring) -> Logged {
            ring.read(&mut self.memory()).unwrap_or_else(|error| panic!("{error}"))
        }
    }

    #[test]
    fn what_is_logged_is_read_twice_and_then_no_more() {
        let mut kernel = Kernel::new();
        kernel.log("of the boot");
        let mut ring = kernel.ring();
        assert_eq!(kernel.read(&mut ring), Logged::default());
        kernel.log("one\ntwo");
        let lines = "[    0.001500] one\n[    0.001500] two\n";
        for text in [lines, lines, ""] {
            let read = kernel.read(&mut ring);
            assert_eq!(read, Logged { text: text.to_owned(), overwritten: false });
        }
    }

    #[test]
    fn records_are_whole_wherever_the_buffer_ends() {
        let mut kernel = Kernel::new();
        let mut ring = kernel.ring();
        for n in 0..100 {
            let text = format!("{n} {}", "a".repeat(n % 50));
            kernel.log(&text);
            let Logged { text: lines, overwritten } = kernel.read(&mut ring);
            assert!(lines.ends_with(&format!("[    0.001500] {text}\n")), "{text}: {lines}");
            assert!(!overwritten, "{text}");
        }
    }

    #[test]
    fn more_than_the_buffer_holds_is_known_and_the_rest_is_read() {
        let mut kernel = Kernel::new();
        let mut ring = kernel.ring();
        (0..8).for_each(|_| kernel.log("hidden by a flood"));
        assert!(!kernel.read(&mut ring).overwritten);
        (0..9).for_each(|_| kernel.log("a flood of records"));
        let Logged { text, overwritten } = kernel.read(&mut ring);
        assert!(overwritten && text.contains("a flood of records"), "{text}");
        // Short records have more descriptors than there are, and are read all the same.
        let mut ring = kernel.ring();
        (0..16).for_each(|_| kernel.log("b"));
        kernel.log("BUG: a");
        assert!(kernel.read(&mut ring).text.contains("BUG: a\n"));
    }

    #[test]
    fn a_copy_has_what_was_saved_unless_it_is_damaged() {
        let ring = Kernel::new().ring();
        let saved = ring.saved();
        assert_eq!(Ring::restored(&saved), Some(ring));
        for damaged in ["", &saved[1..saved.len() - 25], &saved.replace(" 256 ", " 0 ")] {
            assert_eq!(Ring::restored(damaged), None, "{damaged}");
        }
    }

    #[test]
    fn a_buffer_that_cannot_be_one_is_refused() {
        let mut kernel = Kernel::new();
        kernel.put(RING + 48, &40_u32.to_le_bytes());
        assert!(Ring::at(RING as u64, LAYOUT, Some, &mut kernel.memory()).is_err());
        assert!(Ring::at(RING as u64, LAYOUT, |_| None, &mut Kernel::new().memory()).is_err());
    }
}
