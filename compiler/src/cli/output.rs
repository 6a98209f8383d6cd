// SPDX-License-Identifier: GPL-2.0
//! What a command says: printed, or collected if it works for one of several kernels.

use kps_report::{complain as print_message, line, stdout};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt::Display;

/// What a command says for one of several kernels.
#[derive(Debug, Default)]
pub(super) struct Collected {
    /// The name of the kernel's target.
    kernel: String,
    /// The messages and the results, in the order in which they were made.
    pub(super) text: String,
    /// The codes of the errors.
    pub(super) errors: BTreeSet<&'static str>,
}

impl Collected {
    /// Whether nothing was said.
    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }
}

thread_local! {
    /// What this thread says, if it works for one of several kernels.
    static COLLECTED: RefCell<Option<Collected>> = const { RefCell::new(None) };
}

/// Does something for one of several kernels. Nothing that it says is printed: lines of several
/// threads would be mixed.
pub(super) fn collecting<T>(kernel: &str, work: impl FnOnce() -> T) -> (T, Collected) {
    let collected = Collected { kernel: kernel.to_owned(), ..Collected::default() };
    COLLECTED.set(Some(collected));
    let result = work();
    (result, COLLECTED.take().unwrap_or_default())
}

/// The kernel whose messages this thread collects.
pub(super) fn kernel() -> Option<String> {
    COLLECTED.with_borrow(|collected| Some(collected.as_ref()?.kernel.clone()))
}

/// Whether this thread collects what it says.
pub(super) fn is_collecting() -> bool {
    COLLECTED.with_borrow(Option::is_some)
}

/// Prints lines to standard error, where the codes of `errors` count, or collects them.
pub(super) fn complain(text: &str, errors: impl Iterator<Item = &'static str>) {
    COLLECTED.with_borrow_mut(|collected| match collected {
        Some(collected) => {
            collected.text.push_str(text);
            collected.errors.extend(errors);
        }
        None => print_message(text),
    });
}

/// Prints a line of a command's result, or collects it.
pub(super) fn say(text: impl Display) {
    match is_collecting() {
        true => complain(&format!("{}\n", line(&text.to_string())), std::iter::empty()),
        false => stdout::say(text),
    }
}
