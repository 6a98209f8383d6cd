// SPDX-License-Identifier: GPL-2.0
//! The kernel's log during an operation.

use super::System;
use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::OpenOptionsExt as _;

/// The log from now on. Users who may not read it get none.
pub(super) struct Log {
    file: Option<File>,
}

impl Log {
    pub(super) fn from_now(system: &System) -> Log {
        let flags = rustix::fs::OFlags::NONBLOCK.bits() as i32;
        let file = OpenOptions::new().read(true).custom_flags(flags).open(system.path("dev/kmsg"));
        let at_end = file.and_then(|mut file| file.seek(SeekFrom::End(0)).map(|_| file));
        Log { file: at_end.ok() }
    }

    /// The last new lines that contain one of these words.
    pub(super) fn lines(&mut self, words: &[&str]) -> Vec<String> {
        /// More lines would not help to explain the failure.
        const SHOWN: usize = 12;
        /// The maximum size of a record (`PRINTK_MESSAGE_MAX` in `kernel/printk/internal.h`).
        const RECORD: usize = 2048;
        /// The ring buffer holds fewer.
        const MOST: usize = 100_000;
        let Some(file) = &mut self.file else { return Vec::new() };
        let (mut lines, mut record) = (Vec::new(), [0; RECORD]);
        for _ in 0..MOST {
            match file.read(&mut record) {
                Ok(count @ 1..) => {
                    lines.extend(message(&String::from_utf8_lossy(&record[..count])));
                }
                // Records were overwritten before they were read; the next one is there.
                Err(error) if error.kind() == ErrorKind::BrokenPipe => {}
                _ => break,
            }
        }
        lines.retain(|line| words.iter().any(|word| line.contains(word)));
        lines.split_off(lines.len().saturating_sub(SHOWN))
    }
}

/// The text of a record: `LEVEL,NUMBER,TIME,FLAGS;TEXT` and more lines about its source.
fn message(record: &str) -> Option<String> {
    let (_, text) = record.split_once(';')?;
    text.lines().next().map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::message;

    #[test]
    fn a_record_is_its_text() {
        let record =
            "6,339,5140900,-;livepatch: enabling patch 'a;b'\n SUBSYSTEM=acpi\n DEVICE=+acpi\n";
        assert_eq!(message(record).as_deref(), Some("livepatch: enabling patch 'a;b'"));
        assert_eq!(message("no record"), None);
    }
}
