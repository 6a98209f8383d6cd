// SPDX-License-Identifier: GPL-2.0
//! States: changes of the system that one version of a patch hands over to the next, and that the
//! last one reverts (`Documentation/livepatch/system-state.rst`).
//!
//! A state is a static of the patch, a `struct klp_state` in its table and a record in the kernel's
//! memory. Its three functions run in the callbacks of `vmlinux`, around the author's callbacks, in
//! process context under `klp_mutex`: they may sleep.
//!
//! | callback | what is called |
//! |---|---|
//! | `pre_patch` | `save`, if no earlier patch has saved a value |
//! | `post_patch` | `apply`, when every task runs the new code |
//! | `pre_unpatch` | `restore`, if no other loaded patch has the state |
//! | `post_unpatch` | none of the author's functions; the last patch that has the state frees the record |
//!
//! ```
//! use kps::persistent::Persistent;
//! use kps::prelude::*;
//! use kps::state::State;
//!
//! static LEVEL: AtomicI32 = AtomicI32::new(4);
//! static QUIET: State<c_int> = State::new(
//!     "quiet",
//!     1 << 63,
//!     0,
//!     || LEVEL.load(Ordering::Relaxed),
//!     |_| LEVEL.store(0, Ordering::Relaxed),
//!     |saved| LEVEL.store(saved, Ordering::Relaxed),
//! );
//!
//! // SAFETY: the callbacks of a patch that is loaded and unloaded, in the kernel's order.
//! unsafe {
//!     assert_eq!(QUIET.acquire(), Ok(()));
//!     assert_eq!(QUIET.begin(false), Ok(()));
//!     assert_eq!(QUIET.commit(false, false), Ok(()));
//!     assert_eq!((LEVEL.load(Ordering::Relaxed), QUIET.get()), (0, Some(4)));
//!     QUIET.withdraw();
//!     assert_eq!(QUIET.release(false), Ok(()));
//! }
//! assert_eq!((LEVEL.load(Ordering::Relaxed), QUIET.get()), (4, None));
//! ```

use super::persistent::{Held, Persistent, Refusal, Trouble};
use core::sync::atomic::{AtomicBool, Ordering};

/// A state, with the value from before the change.
///
/// Bodies may use it in any context: the methods for them neither sleep nor take a lock.
#[derive(Debug)]
pub struct State<T> {
    held: Held<T>,
    save: fn() -> T,
    apply: fn(T),
    restore: fn(T),
    /// Whether the system is to be changed once every task runs the new code: not if a newer patch
    /// may have changed it since.
    due: AtomicBool,
}

impl<T> State<T> {
    /// A state that keeps its record under this id.
    ///
    /// Patches with the same id must have the same `shape`, which kpsc derives from the name and
    /// the text of the type, and a `T` of the same size and alignment, or the later patch is
    /// refused. `save` returns the value from before any change; `apply` and `restore` get it, to
    /// change the system and to change it back. All run under `klp_mutex`. When an unloading is
    /// reversed, `apply` runs again.
    pub const fn new(
        name: &'static str,
        id: u64,
        shape: u64,
        save: fn() -> T,
        apply: fn(T),
        restore: fn(T),
    ) -> Self
    where
        T: Copy + Send + Sync + 'static,
    {
        super::shadow::assert_layout::<T>();
        State {
            held: Held::new::<T>(name, id, shape),
            save,
            apply,
            restore,
            due: AtomicBool::new(true),
        }
    }

    /// Whether an earlier patch had the state when this one was loaded.
    pub fn taken_over(&self) -> bool {
        self.held.is_taken_over()
    }

    /// Whether another loaded patch has it too, so that the system stays changed when this patch is
    /// unloaded.
    pub fn is_shared(&self) -> bool {
        self.held.holders() > 1
    }

    /// The saved value: available from `pre_patch` on, until the patch is unloaded.
    pub fn get(&self) -> Option<T> {
        self.held.saved()
    }
}

impl<T> Persistent for State<T> {
    unsafe fn acquire(&self) -> Result<(), Refusal> {
        // SAFETY: the caller is `pre_patch`.
        unsafe { self.held.acquire() }
    }

    unsafe fn begin(&self, _: bool) -> Result<(), Refusal> {
        // The value that an earlier patch saved is from before its change of the system. A value
        // read now would not be.
        if self.get().is_none() {
            self.held.save((self.save)());
        }
        Ok(())
    }

    unsafe fn commit(&self, alone: bool, _: bool) -> Result<(), Trouble> {
        self.held.commit(alone);
        if self.due.swap(false, Ordering::Relaxed) {
            self.get().into_iter().for_each(self.apply);
        }
        Ok(())
    }

    unsafe fn withdraw(&self) {
        if !self.is_shared() {
            self.get().into_iter().for_each(self.restore);
            self.due.store(true, Ordering::Relaxed);
        }
    }

    unsafe fn release(&self, forced: bool) -> Result<(), Trouble> {
        self.due.store(true, Ordering::Relaxed);
        // SAFETY: the caller is a callback that may call it.
        unsafe { self.held.release(forced, || {}) };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::klp;
    use super::*;
    use core::sync::atomic::AtomicI32;

    /// The system, and a patch that sets it to a number.
    macro_rules! patch {
        ($system:ident, $number:literal) => {
            State::<i32>::new(
                "state",
                1 << 63,
                7,
                || $system.load(Ordering::Relaxed),
                |saved| $system.store(saved + $number, Ordering::Relaxed),
                |saved| $system.store(saved, Ordering::Relaxed),
            )
        };
    }

    fn load(patch: &dyn Persistent) {
        // SAFETY: the kernel's calls, in its order.
        unsafe {
            assert_eq!(patch.acquire(), Ok(()));
            assert_eq!(patch.begin(false), Ok(()));
        }
    }

    fn complete(patch: &dyn Persistent, alone: bool) {
        // SAFETY: as above.
        assert_eq!(unsafe { patch.commit(alone, false) }, Ok(()));
    }

    fn unload(patch: &dyn Persistent) {
        // SAFETY: as above.
        unsafe {
            patch.withdraw();
            assert_eq!(patch.release(false), Ok(()));
        }
    }

    #[test]
    fn the_system_is_as_before_when_the_patch_is_gone() {
        static SYSTEM: AtomicI32 = AtomicI32::new(5);
        let patch = patch!(SYSTEM, 10);
        load(&patch);
        assert_eq!((SYSTEM.load(Ordering::Relaxed), patch.taken_over()), (5, false));
        complete(&patch, false);
        assert_eq!(SYSTEM.load(Ordering::Relaxed), 15);
        unload(&patch);
        assert_eq!((SYSTEM.load(Ordering::Relaxed), klp::count()), (5, 0));
    }

    #[test]
    fn a_replacement_takes_over_and_restores_what_the_first_one_found() {
        static SYSTEM: AtomicI32 = AtomicI32::new(5);
        let (first, second) = (patch!(SYSTEM, 10), patch!(SYSTEM, 20));
        load(&first);
        complete(&first, true);
        load(&second);
        assert!(second.taken_over() && second.get() == Some(5) && first.is_shared());
        complete(&second, true);
        assert_eq!((SYSTEM.load(Ordering::Relaxed), second.is_shared()), (25, false));
        unload(&second);
        assert_eq!((SYSTEM.load(Ordering::Relaxed), klp::count()), (5, 0));
    }

    #[test]
    fn a_reversed_upgrade_changes_nothing() {
        static SYSTEM: AtomicI32 = AtomicI32::new(5);
        let (first, second) = (patch!(SYSTEM, 10), patch!(SYSTEM, 20));
        load(&first);
        complete(&first, true);
        load(&second);
        // SAFETY: a transition that is reversed before it is complete calls only this.
        assert_eq!(unsafe { second.release(false) }, Ok(()));
        assert_eq!(
            (SYSTEM.load(Ordering::Relaxed), first.get(), first.is_shared()),
            (15, Some(5), false)
        );
        unload(&first);
        assert_eq!((SYSTEM.load(Ordering::Relaxed), klp::count()), (5, 0));
    }

    #[test]
    fn a_reversed_unload_applies_again() {
        static SYSTEM: AtomicI32 = AtomicI32::new(5);
        let patch = patch!(SYSTEM, 10);
        load(&patch);
        complete(&patch, false);
        // SAFETY: the kernel goes from here to `post_patch` when the transition is reversed.
        unsafe { patch.withdraw() };
        assert_eq!(SYSTEM.load(Ordering::Relaxed), 5);
        complete(&patch, false);
        assert_eq!(SYSTEM.load(Ordering::Relaxed), 15);
        unload(&patch);
        assert_eq!((SYSTEM.load(Ordering::Relaxed), klp::count()), (5, 0));
    }

    #[test]
    fn a_replacement_whose_unload_is_reversed_knows_those_that_are_stacked_on_it() {
        static SYSTEM: AtomicI32 = AtomicI32::new(5);
        let (first, second) = (patch!(SYSTEM, 10), patch!(SYSTEM, 20));
        load(&first);
        complete(&first, true);
        load(&second);
        complete(&second, false);
        // SAFETY: as above.
        unsafe { first.withdraw() };
        complete(&first, true);
        assert!(first.is_shared() && second.is_shared());
        unload(&second);
        assert_eq!((SYSTEM.load(Ordering::Relaxed), first.get()), (25, Some(5)));
        unload(&first);
        assert_eq!((SYSTEM.load(Ordering::Relaxed), klp::count()), (5, 0));
    }

    #[test]
    fn of_stacked_patches_the_last_one_restores_whichever_that_is() {
        static SYSTEM: AtomicI32 = AtomicI32::new(5);
        let (first, second) = (patch!(SYSTEM, 10), patch!(SYSTEM, 20));
        load(&first);
        complete(&first, false);
        load(&second);
        complete(&second, false);
        unload(&first);
        assert_eq!(SYSTEM.load(Ordering::Relaxed), 25);
        unload(&second);
        assert_eq!((SYSTEM.load(Ordering::Relaxed), klp::count()), (5, 0));
    }

    #[test]
    fn an_older_patch_that_stays_after_all_does_not_change_what_a_newer_one_has_changed() {
        static SYSTEM: AtomicI32 = AtomicI32::new(5);
        let (first, second) = (patch!(SYSTEM, 10), patch!(SYSTEM, 20));
        load(&first);
        complete(&first, false);
        load(&second);
        complete(&second, false);
        // SAFETY: the first patch starts to unload, and that is reversed.
        unsafe { first.withdraw() };
        complete(&first, false);
        assert_eq!(SYSTEM.load(Ordering::Relaxed), 25);
        unload(&second);
        unload(&first);
        assert_eq!((SYSTEM.load(Ordering::Relaxed), klp::count()), (5, 0));
    }

    #[test]
    fn what_is_forced_out_leaves_its_record_to_whoever_comes_next() {
        static SYSTEM: AtomicI32 = AtomicI32::new(5);
        let (first, second) = (patch!(SYSTEM, 10), patch!(SYSTEM, 20));
        load(&first);
        complete(&first, false);
        // SAFETY: the kernel's calls.
        unsafe {
            first.withdraw();
            assert_eq!(first.release(true), Ok(()));
        }
        assert_eq!((SYSTEM.load(Ordering::Relaxed), klp::count()), (5, 1));
        load(&second);
        complete(&second, false);
        unload(&second);
        assert_eq!((SYSTEM.load(Ordering::Relaxed), klp::count()), (5, 0));
    }

    #[test]
    fn a_value_of_another_type_is_refused_and_left_alone() {
        static SYSTEM: AtomicI32 = AtomicI32::new(5);
        let first = patch!(SYSTEM, 10);
        load(&first);
        complete(&first, false);
        let other = State::<u64>::new("other", 1 << 63, 7, || 0, drop, drop);
        // SAFETY: the kernel's calls.
        let joined = unsafe { super::super::persistent::acquire(&[&patch!(SYSTEM, 1), &other]) };
        assert_eq!(joined, Err(Refusal::OtherType("other")));
        assert_eq!((first.get(), first.is_shared()), (Some(5), false));
    }
}
