// SPDX-License-Identifier: GPL-2.0
//! The kernel's log, as the machine's console shows it.
//!
//! QEMU hands the console's output over while it is written, and nothing in the machine can take
//! back what the console has shown. Root there can silence it for a while: what the kernel logs
//! meanwhile is in its own buffer (`ring.rs`).

use std::io::Read;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// The longest log that is kept. A kernel that floods the console gets no further.
const LIMIT: usize = 64 << 20;
/// Starts the lines that kpsc logs itself.
pub(super) const MARK: &str = "kpsc: logged so far,";
/// What the kernel prints if its console did not keep up (`kernel/printk/printk.c`).
const LOST: &str = " printk messages dropped **";

/// What a console has shown so far.
pub(super) struct Console {
    shown: Arc<Shown>,
    /// These threads end with QEMU.
    collectors: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Shown {
    text: Mutex<String>,
    grown: Condvar,
}

impl Console {
    /// A console that has shown this, and shows what comes out of these pipes.
    pub(super) fn of(before: String, pipes: Vec<Box<dyn Read + Send>>) -> Console {
        let shown = Arc::new(Shown { text: Mutex::new(before), grown: Condvar::new() });
        let collectors = pipes.into_iter().map(|pipe| collect(pipe, Arc::clone(&shown))).collect();
        Console { shown, collectors }
    }

    /// What it has shown, without the lines of kpsc.
    pub(super) fn text(&self) -> String {
        self.between(0, usize::MAX)
    }

    /// What it has shown between two positions, without the lines of kpsc.
    pub(super) fn between(&self, start: usize, end: usize) -> String {
        let text = lock(&self.shown);
        of_kernel(text.get(start..end.min(text.len())).unwrap_or_default())
    }

    /// The position behind a line of kpsc, once the console has shown it; `None` if it does not
    /// within a time limit.
    pub(super) fn position_behind(&self, mark: &str, limit: Duration) -> Option<usize> {
        let end = |text: &str| {
            let line = text.rfind(mark)?;
            Some(line + text[line..].find('\n')? + 1)
        };
        let text = lock(&self.shown);
        let waited = self.shown.grown.wait_timeout_while(text, limit, |text| end(text).is_none());
        end(&waited.unwrap_or_else(|poisoned| poisoned.into_inner()).0)
    }

    /// How much it has shown, in bytes.
    pub(super) fn len(&self) -> usize {
        lock(&self.shown).len()
    }

    /// Waits until it has shown nothing for so long.
    pub(super) fn settle(&self, silence: Duration) {
        let mut text = lock(&self.shown);
        loop {
            let before = text.len();
            let grown = self.shown.grown.wait_timeout_while(text, silence, |t| t.len() == before);
            text = grown.unwrap_or_else(|poisoned| poisoned.into_inner()).0;
            if text.len() == before {
                return;
            }
        }
    }

    /// Whether the kernel had more to say than it has shown.
    pub(super) fn has_gaps(&self) -> bool {
        let text = lock(&self.shown);
        text.len() >= LIMIT || text.contains(LOST)
    }

    /// Waits until a QEMU that has ended has handed everything over.
    pub(super) fn finish(&mut self) {
        self.collectors.drain(..).for_each(|collector| drop(collector.join()));
    }
}

/// A log without the lines of kpsc.
pub(super) fn of_kernel(log: &str) -> String {
    log.split_inclusive('\n').filter(|line| !line.contains(MARK)).collect()
}

/// Collects the output of a pipe, in its own thread.
fn collect(mut pipe: Box<dyn Read + Send>, shown: Arc<Shown>) -> JoinHandle<()> {
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = pipe.read(&mut buffer) {
            let part = String::from_utf8_lossy(&buffer[..count]).replace('\r', "");
            let mut text = lock(&shown);
            if text.len() < LIMIT {
                text.push_str(&part);
            }
            shown.grown.notify_all();
        }
    })
}

fn lock(shown: &Shown) -> MutexGuard<'_, String> {
    // A thread that died with the log locked has at worst lost a line.
    shown.text.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn console(text: &str) -> Console {
        let pipe = Box::new(std::io::Cursor::new(text.to_owned()));
        let mut console = Console::of("booted\n".to_owned(), vec![pipe]);
        console.finish();
        console
    }

    #[test]
    fn what_a_step_has_logged_is_between_two_marks() {
        let shown = console(&format!(
            "[1.0] one\r\n[1.1] {MARK} 7e\r\n[1.2] two\r\n[1.3] {MARK} 7f\r\n[1.4] three\r\n"
        ));
        let behind = |mark: &str| shown.position_behind(mark, Duration::ZERO);
        let (start, end) = (behind("so far, 7e"), behind("so far, 7f"));
        assert_eq!(start.zip(end).map(|(a, b)| shown.between(a, b)), Some("[1.2] two\n".into()));
        assert_eq!(shown.text(), "booted\n[1.0] one\n[1.2] two\n[1.4] three\n");
        assert_eq!(behind("so far, 70"), None);
    }

    #[test]
    fn a_mark_counts_when_its_line_is_complete() {
        assert_eq!(console("so far, 7f").position_behind("so far, 7f", Duration::ZERO), None);
    }

    #[test]
    fn a_log_that_is_not_whole_is_known() {
        assert!(!console("[1.0] one\n").has_gaps());
        assert!(console("** 81 printk messages dropped **\n").has_gaps());
        let flood = console(&"a".repeat(LIMIT + 10_000));
        assert!(flood.has_gaps() && flood.text().len() < LIMIT + 4096);
    }
}
