// SPDX-License-Identifier: GPL-2.0
//! The kernel's taint, which QEMU reads from the machine's memory.
//!
//! The log can be erased, and what prints it can be silenced. The taint only grows: the kernel sets
//! a bit when it complains (`add_taint()` in `kernel/panic.c`) and has no way to clear it. The test
//! of a patch is root in the machine, so no program there is asked for it.

/// The kernel's `TAINT_LIVEPATCH`.
const LIVEPATCH: u32 = 15;

/// The bits of a kernel that has complained, with the letter that the kernel shows for each
/// (`taint_flags` in `kernel/panic.c`). Patches set others: K, O and E.
const COMPLAINTS: [(u32, &str); 4] = [
    (5, "B: a page of memory was in a bad state"),
    (7, "D: there was an oops or a BUG"),
    (9, "W: there was a WARN"),
    (14, "L: there was a soft lockup"),
];

/// What a kernel's taint tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Taint(pub(super) u64);

impl Taint {
    /// Whether a livepatch has been loaded since the kernel booted.
    pub(super) fn has_livepatch(self) -> bool {
        self.has(LIVEPATCH)
    }

    /// The complaints of the kernel since it booted; `None` if there are none.
    pub(super) fn complaint(self) -> Option<String> {
        let set = COMPLAINTS.iter().filter(|(bit, _)| self.has(*bit));
        let words: Vec<_> = set.map(|(_, words)| *words).collect();
        (!words.is_empty()).then(|| format!("the kernel is tainted, {}", words.join(", ")))
    }

    fn has(self, bit: u32) -> bool {
        self.0 >> bit & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patches_are_no_complaint_and_what_a_kernel_suffers_is() {
        let (proprietary, out_of_tree, unsigned) = (1, 1 << 12, 1 << 13);
        let patched = Taint(proprietary | out_of_tree | unsigned | 1 << LIVEPATCH);
        assert_eq!(patched.complaint(), None);
        assert!(patched.has_livepatch() && !Taint(0).has_livepatch());
        for (bit, letter) in [(5, "B:"), (7, "D:"), (9, "W:"), (14, "L:")] {
            let said = Taint(patched.0 | 1 << bit).complaint().unwrap_or_default();
            assert!(said.contains(letter), "bit {bit}: {said}");
        }
    }
}
