// SPDX-License-Identifier: GPL-2.0
//! Where QEMU finds in the machine's memory what the kernel cannot take back: its taint and its own
//! log.

use super::qemu;
use super::ring::{Layout, Memory, Ring};
use std::io;

/// The kernel's taint.
const TAINT: &str = "tainted_mask";
/// The pointer to the buffer of its log.
const LOG: &str = "prb";

/// Prints where the kernel has what is looked for: its own address, those of the variables, and
/// where it starts in the machine's memory. It runs before anything that a patch brings along. The
/// list of symbols is long, and busybox's sed reads it several times as fast as its grep.
pub(super) fn find() -> String {
    let names = ["_text", TAINT, LOG, qemu::of_host().direct_map];
    let show: String = names.iter().map(|name| format!("/ {name}$/p;")).collect();
    format!("sed -n '{show}' /proc/kallsyms; grep ' : Kernel code$' /proc/iomem")
}

/// What is read in the memory of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Places {
    /// The address of the taint.
    pub(super) taint: u64,
    /// The buffer of the log.
    pub(super) ring: Ring,
}

impl Places {
    /// The places in a machine, from the output of [`find`]; `None` if the kernel does not tell
    /// them.
    pub(super) fn of(
        found: &str,
        layout: Layout,
        memory: &mut impl Memory,
    ) -> io::Result<Option<Places>> {
        let Some(image) = Image::of(found) else { return Ok(None) };
        let variable = |name: &str| image.physical(symbol(found, name)?);
        let places = (variable(TAINT), variable(LOG), variable(qemu::of_host().direct_map));
        let (Some(taint), Some(log), Some(direct)) = places else { return Ok(None) };
        let mut value = |at: u64| Ok::<_, io::Error>(memory(at, 1)?.first().copied().unwrap_or(0));
        let (log, direct) = (value(log)?, value(direct)?);
        // Variables of the kernel are in its image, and what it has allocated is in the map of all
        // memory, which is below.
        let physical = |at: u64| image.physical(at).or_else(|| at.checked_sub(direct));
        let Some(log) = physical(log) else { return Ok(None) };
        Ok(Some(Places { taint, ring: Ring::at(log, layout, physical, memory)? }))
    }

    /// What [`Places::restored`] reads.
    pub(super) fn saved(&self) -> String {
        format!("{} {}", self.taint, self.ring.saved())
    }

    /// The places in a copy.
    pub(super) fn restored(saved: &str) -> Option<Places> {
        let (taint, ring) = saved.split_once(' ')?;
        Some(Places { taint: taint.parse().ok()?, ring: Ring::restored(ring)? })
    }
}

/// Where a kernel's image is.
#[derive(Debug, Clone, Copy)]
struct Image {
    address: u64,
    physical: u64,
}

impl Image {
    fn of(found: &str) -> Option<Image> {
        let code = found.lines().find(|line| line.ends_with(" : Kernel code"))?;
        let physical = number(code.trim_start().split('-').next()?)?;
        Some(Image { address: symbol(found, "_text")?, physical })
    }

    /// The address in the machine's memory of what is in the image.
    fn physical(self, address: u64) -> Option<u64> {
        self.physical.checked_add(address.checked_sub(self.address)?)
    }
}

/// The address of a symbol.
fn symbol(found: &str, name: &str) -> Option<u64> {
    let of_name = |line: &&str| line.rsplit_once(' ').is_some_and(|(_, known)| known == name);
    number(found.lines().find(of_name)?.split(' ').next()?)
}

fn number(text: &str) -> Option<u64> {
    u64::from_str_radix(text, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOUND: &str = "ffffffff9de00000 T _text\nffffffffa0443ac8 b tainted_mask\n\
        ffffffffa0000010 d prb\n  2de00000-2ef021ff : Kernel code\n";

    #[test]
    fn what_is_in_the_image_is_as_far_behind_its_start_as_its_symbol() {
        let place = |found: &str| {
            let image = Image::of(found)?;
            image.physical(symbol(found, "tainted_mask")?)
        };
        assert_eq!(place(FOUND), Some(0x2de0_0000 + 0x264_3ac8));
        let without = |line: usize| {
            let lines = FOUND.lines().enumerate().filter(|(at, _)| *at != line);
            lines.map(|(_, line)| format!("{line}\n")).collect::<String>()
        };
        for line in [0, 1, 3] {
            assert_eq!(place(&without(line)), None, "without line {line}");
        }
        assert_eq!(place(&FOUND.replace("ffffffffa0443ac8", "0000000000000000")), None);
        assert_eq!(place(&FOUND.replace("2de00000", "ffffffffffffffff")), None);
        assert_eq!(symbol(FOUND, "rb"), None);
    }
}
