// SPDX-License-Identifier: GPL-2.0
//! What cases panic with: kept by thread, so that it is shown with the case that failed and nowhere
//! else.

use std::cell::RefCell;
use std::panic::{catch_unwind, set_hook, take_hook, AssertUnwindSafe, PanicHookInfo};

thread_local! {
    /// The panics of the case that runs in this thread; nothing in other threads.
    static OF_CASE: RefCell<Option<Vec<String>>> = const { RefCell::new(None) };
}

/// From now on what a case panics with is kept and not printed. Panics of other threads are printed
/// as ever: those of threads that a case has started, too.
pub(super) fn keep_those_of_cases() {
    let usual = take_hook();
    set_hook(Box::new(move |panic| {
        if !keep(panic) {
            usual(panic);
        }
    }));
}

fn keep(panic: &PanicHookInfo<'_>) -> bool {
    OF_CASE.with_borrow_mut(|kept| match kept {
        Some(kept) => {
            kept.push(panic.to_string());
            true
        }
        None => false,
    })
}

/// Runs a case in this thread: why it failed, and all that it panicked with, in the order in which
/// it happened. A panic that the case itself has caught is no failure.
pub(super) fn caught(run: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    OF_CASE.set(Some(Vec::new()));
    // Nothing of the case is looked at once it has panicked.
    let result = catch_unwind(AssertUnwindSafe(run));
    let mut said = OF_CASE.take().unwrap_or_default();
    match result {
        Ok(Ok(())) => return Ok(()),
        Ok(Err(error)) => said.push(error),
        Err(_) if said.is_empty() => said.push("it panicked, and no message was kept".to_owned()),
        Err(_) => {}
    }
    Err(said.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::{caught, keep_those_of_cases};

    #[test]
    fn a_failure_has_what_was_said_and_where() {
        keep_those_of_cases();
        let failure = caught(|| panic!("it is {}", "wrong")).err().unwrap_or_default();
        assert!(failure.contains("it is wrong") && failure.contains("panics.rs:"), "{failure}");
        assert_eq!(caught(|| Err("as told".into())), Err("as told".into()));
        assert_eq!(caught(|| Ok(())), Ok(()));
    }

    #[test]
    fn a_panic_that_was_caught_is_shown_only_with_a_failure() {
        keep_those_of_cases();
        let once = || assert!(std::panic::catch_unwind(|| panic!("inside")).is_err());
        let held = caught(|| {
            once();
            Ok(())
        });
        assert_eq!(held, Ok(()));
        let failed = caught(|| {
            once();
            Err("outside".into())
        });
        let failed = failed.err().unwrap_or_default();
        assert!(failed.contains("inside") && failed.ends_with("outside"), "{failed}");
    }
}
