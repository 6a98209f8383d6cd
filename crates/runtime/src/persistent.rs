// SPDX-License-Identifier: GPL-2.0
//! Persistent data: how the callbacks of a patch manage states and shadow variables that outlive
//! the patch that made them, and resources that must not.
//!
//! The kernel hands a `klp_state` from one patch to the next, but leaves its data to the patches
//! (`Documentation/livepatch/system-state.rst`). Here that data is a record, which counts the
//! loaded patches that have the state. It is stored as shadow data of the null object, in the
//! kernel's memory and not in a module's, so every version of the patch finds it by their common
//! id.
//!
//! Records change only in callbacks, which run under `klp_mutex`, in process context, and may
//! sleep. Bodies read a record through atomics.
//!
//! Generated code lists every [`Persistent`] of its patch and calls the functions of this module
//! from the callbacks of `vmlinux`, around the author's callbacks
//! (`Documentation/livepatch/callbacks.rst`):
//!
//! ```
//! use kps::persistent::{self, Persistent};
//! use kps::state::State;
//!
//! static STATE: State<u32> = State::new("state", 1 << 63, 0, || 7, drop, drop);
//! static DATA: [&dyn Persistent; 1] = [&STATE];
//!
//! // SAFETY: each is called where the kernel calls the callback.
//! unsafe {
//!     // pre_patch
//!     assert_eq!(persistent::acquire(&DATA), Ok(()));
//!     assert_eq!(persistent::begin(&DATA, false), Ok(()));
//!     // post_patch
//!     persistent::commit(&DATA, false, false, |_| {});
//!     // pre_unpatch
//!     persistent::withdraw(&DATA);
//!     // post_unpatch
//!     persistent::release(&DATA, false, |_| {});
//! }
//! ```

use super::klp;
use core::ffi::c_int;
use core::mem::{align_of, size_of, MaybeUninit};
use core::ptr::{addr_of, addr_of_mut, null_mut};
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering};

/// A state, a shadow variable or a resource, as the callbacks use it.
pub trait Persistent: Sync {
    /// Finds or allocates the record, before the author's `pre_patch`. It may sleep for memory. For
    /// a resource it only compares the type with that of an earlier patch.
    ///
    /// # Safety
    ///
    /// Called in `pre_patch`, once.
    unsafe fn acquire(&self) -> Result<(), Refusal>;

    /// Continues after the author's `pre_patch` has succeeded. `alone` is whether the patch will
    /// replace all others (`klp_patch.replace`).
    ///
    /// # Safety
    ///
    /// Called in `pre_patch`, after `acquire`.
    unsafe fn begin(&self, alone: bool) -> Result<(), Refusal>;

    /// Every task runs the new code, or is taken to if the transition was `forced`
    /// (`klp_patch.forced`). `alone` is whether the patch replaced all others
    /// (`klp_patch.replace`). The kernel calls `post_patch` again when an unloading is reversed.
    ///
    /// # Safety
    ///
    /// Called in `post_patch`.
    unsafe fn commit(&self, alone: bool, forced: bool) -> Result<(), Trouble>;

    /// Tasks are about to leave the new code.
    ///
    /// # Safety
    ///
    /// Called in `pre_unpatch`.
    unsafe fn withdraw(&self);

    /// No task runs the new code: all have left it, or the transition to it did not complete. If
    /// that was `forced`, some tasks may still run it, and the data they may use stays.
    ///
    /// # Safety
    ///
    /// Called in `post_unpatch`, in a `pre_patch` that refuses, or, for resources, by
    /// [`end`](super::resource::end).
    unsafe fn release(&self, forced: bool) -> Result<(), Trouble>;
}

/// Why a patch with persistent data cannot be loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// There is no memory for a record.
    NoMemory,
    /// Another patch has data of another type under the same id.
    OtherType(&'static str),
    /// A patch that this one does not replace has the resource.
    Held(&'static str),
    /// A resource cannot be acquired, with the error number.
    NotAcquired(&'static str, c_int),
}

/// What went wrong when it was too late to refuse.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The patch lacks the resource: it could not be acquired or adopted, with the error number.
    Missing(&'static str, c_int),
    /// The resource stays, because the kernel was forced and some task may use it.
    Stays(&'static str),
}

impl Refusal {
    /// The return value of `pre_patch`, with which `klp_enable_patch()` fails.
    #[inline]
    pub fn errno(self) -> c_int {
        match self {
            Refusal::NoMemory => -super::errno::ENOMEM,
            Refusal::OtherType(_) => -super::errno::EINVAL,
            Refusal::Held(_) => -super::errno::EBUSY,
            Refusal::NotAcquired(_, errno) => errno,
        }
    }
}

/// Acquires all, or none: if one is refused, those acquired before it are released.
///
/// # Safety
///
/// As [`Persistent::acquire`].
#[inline]
pub unsafe fn acquire(all: &[&dyn Persistent]) -> Result<(), Refusal> {
    for (n, data) in all.iter().enumerate() {
        // SAFETY: the caller is `pre_patch`.
        if let Err(refusal) = unsafe { data.acquire() } {
            // SAFETY: these have been acquired.
            unsafe { release(&all[..n], false, |_| {}) };
            return Err(refusal);
        }
    }
    Ok(())
}

/// Calls [`Persistent::begin`] for all. If one is refused, all are released.
///
/// # Safety
///
/// As [`Persistent::begin`].
#[inline]
pub unsafe fn begin(all: &[&dyn Persistent], alone: bool) -> Result<(), Refusal> {
    // SAFETY: as the caller says.
    let begun = all.iter().try_for_each(|data| unsafe { data.begin(alone) });
    if begun.is_err() {
        // SAFETY: they have been acquired, and the kernel calls no `post_unpatch` of an object that
        // refuses.
        unsafe { release(all, false, |_| {}) };
    }
    begun
}

/// Calls [`Persistent::commit`] for all.
///
/// # Safety
///
/// As [`Persistent::commit`].
#[inline]
pub unsafe fn commit(all: &[&dyn Persistent], alone: bool, forced: bool, report: fn(Trouble)) {
    for data in all {
        // SAFETY: as the caller says.
        if let Err(trouble) = unsafe { data.commit(alone, forced) } {
            report(trouble);
        }
    }
}

/// Calls [`Persistent::withdraw`] for all.
///
/// # Safety
///
/// As [`Persistent::withdraw`].
#[inline]
pub unsafe fn withdraw(all: &[&dyn Persistent]) {
    // SAFETY: as the caller says.
    all.iter().for_each(|data| unsafe { data.withdraw() });
}

/// Calls [`Persistent::release`] for all, in reverse order.
///
/// # Safety
///
/// As [`Persistent::release`].
#[inline]
pub unsafe fn release(all: &[&dyn Persistent], forced: bool, report: fn(Trouble)) {
    for data in all.iter().rev() {
        // SAFETY: as the caller says.
        if let Err(trouble) = unsafe { data.release(forced) } {
            report(trouble);
        }
    }
}

/// The data stored under an id, for the next patch that has it.
#[repr(C)]
struct Record<T> {
    /// Tells a record from other users' shadow data under the same id.
    magic: u64,
    /// The type of the data.
    shape: u64,
    /// How many loaded patches have it.
    holders: AtomicU32,
    /// The newest generation of shadow data. Data of every generation up to it may exist.
    newest: AtomicU32,
    /// The generation that bodies see, or 0 while they see none.
    visible: AtomicU32,
    /// Whether there is a value.
    saved: AtomicBool,
    /// A state's value.
    value: MaybeUninit<T>,
}

/// "kps data".
const MAGIC: u64 = u64::from_le_bytes(*b"kps data");

/// A module's reference to a record. `T` is the type of a state's value.
#[derive(Debug)]
pub(crate) struct Held<T> {
    name: &'static str,
    id: u64,
    shape: u64,
    record: AtomicPtr<Record<T>>,
    taken_over: AtomicBool,
    settled: AtomicBool,
}

impl<T> Held<T> {
    /// `shape` is a number for the text of the type; `D` is the type itself, whose size and
    /// alignment count too.
    pub(crate) const fn new<D>(name: &'static str, id: u64, shape: u64) -> Self {
        let layout = (size_of::<D>() as u64) << 32 | align_of::<D>() as u64;
        Held {
            name,
            id,
            shape: shape ^ layout,
            record: AtomicPtr::new(null_mut()),
            taken_over: AtomicBool::new(false),
            settled: AtomicBool::new(false),
        }
    }

    pub(crate) fn id(&self) -> u64 {
        self.id
    }

    /// The record, while the patch has it. A record stays as long as any patch has it, so at least
    /// as long as this one.
    fn record(&self) -> Option<&Record<T>> {
        // SAFETY: `acquire` has stored the pointer, and `release`, which clears it, runs when no
        // other code of the patch does.
        unsafe { self.record.load(Ordering::Acquire).as_ref() }
    }

    /// Whether an earlier patch had it and left its data.
    pub(crate) fn is_taken_over(&self) -> bool {
        self.taken_over.load(Ordering::Relaxed)
    }

    /// How many loaded patches have it.
    pub(crate) fn holders(&self) -> u32 {
        self.record().map_or(0, |record| record.holders.load(Ordering::Relaxed))
    }

    pub(crate) unsafe fn acquire(&self) -> Result<(), Refusal> {
        // SAFETY: no record is freed while this callback runs.
        let mut record = unsafe { klp::klp_shadow_get(null_mut(), self.id) }.cast::<Record<T>>();
        let taken_over = !record.is_null();
        if taken_over {
            // SAFETY: all data under these ids starts with a magic number, whoever made it: the
            // kernel gives every shadow datum at least eight bytes.
            let same = unsafe {
                addr_of!((*record).magic).read() == MAGIC
                    && addr_of!((*record).shape).read() == self.shape
            };
            if !same {
                return Err(Refusal::OtherType(self.name));
            }
        } else {
            // SAFETY: a callback may sleep, and there is no constructor and no data for it.
            record = unsafe {
                klp::klp_shadow_alloc(
                    null_mut(),
                    self.id,
                    size_of::<Record<T>>(),
                    super::prelude::GFP_KERNEL,
                    None,
                    null_mut(),
                )
            }
            .cast();
            if record.is_null() {
                return Err(Refusal::NoMemory);
            }
            // SAFETY: the allocation has this size, and no other code uses it yet.
            unsafe {
                record.write(Record {
                    magic: MAGIC,
                    shape: self.shape,
                    holders: AtomicU32::new(0),
                    newest: AtomicU32::new(0),
                    visible: AtomicU32::new(0),
                    saved: AtomicBool::new(false),
                    value: MaybeUninit::uninit(),
                });
            }
        }
        self.taken_over.store(taken_over, Ordering::Relaxed);
        self.record.store(record, Ordering::Release);
        if let Some(record) = self.record() {
            record.holders.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    /// A patch that has replaced all others is the only holder. Later, when its unloading is
    /// reversed, others may be stacked on it.
    pub(crate) fn commit(&self, alone: bool) {
        let is_first = !self.settled.swap(true, Ordering::Relaxed);
        if let Some(record) = self.record().filter(|_| alone && is_first) {
            record.holders.store(1, Ordering::Relaxed);
        }
    }

    /// Drops the reference. The last holder calls `clear` and frees the record. A patch that was
    /// forced out may have left tasks behind that use both, so they stay.
    pub(crate) unsafe fn release(&self, forced: bool, clear: impl FnOnce()) {
        let Some(record) = self.record() else { return };
        let is_last = record.holders.fetch_sub(1, Ordering::Relaxed) == 1 && !forced;
        if is_last {
            clear();
        }
        self.record.store(null_mut(), Ordering::Release);
        self.taken_over.store(false, Ordering::Relaxed);
        self.settled.store(false, Ordering::Relaxed);
        if is_last {
            // SAFETY: no patch has it any more.
            unsafe { klp::klp_shadow_free(null_mut(), self.id, None) };
        }
    }

    /// The generation that bodies see.
    pub(crate) fn visible(&self) -> Option<u32> {
        let visible = self.record()?.visible.load(Ordering::Acquire);
        (visible > 0).then_some(visible)
    }

    /// All generations so far.
    pub(crate) fn generations(&self) -> core::ops::RangeInclusive<u32> {
        1..=self.record().map_or(0, |record| record.newest.load(Ordering::Acquire))
    }

    /// Lets bodies see data: the generation that they already see, or else a new one.
    pub(crate) fn show(&self) {
        let Some(record) = self.record() else { return };
        let newest = record.newest.load(Ordering::Relaxed);
        // The 16 bits for generations are used up. No system reverses so many transitions.
        if record.visible.load(Ordering::Relaxed) == 0 && newest < u32::from(u16::MAX) {
            record.newest.store(newest + 1, Ordering::Release);
            record.visible.store(newest + 1, Ordering::Release);
        }
    }

    /// Lets bodies see no data.
    pub(crate) fn hide(&self) {
        if let Some(record) = self.record() {
            record.visible.store(0, Ordering::Release);
        }
    }
}

impl<T> Held<T> {
    /// Stores the value of a state.
    pub(crate) fn save(&self, value: T) {
        let record = self.record.load(Ordering::Acquire);
        if record.is_null() {
            return;
        }
        // SAFETY: the record exists, and its value is not read before `saved` is set.
        unsafe {
            addr_of_mut!((*record).value).write(MaybeUninit::new(value));
            (*record).saved.store(true, Ordering::Release);
        }
    }

    /// The value of a state.
    pub(crate) fn saved(&self) -> Option<T> {
        let record = self.record().filter(|record| record.saved.load(Ordering::Acquire))?;
        // SAFETY: the value has been written, and is never written again. A state's type is `Copy`:
        // see `State::new`.
        Some(unsafe { record.value.assume_init_read() })
    }
}

/// The id of a generation's data.
#[inline]
pub(crate) fn generation_id(id: u64, generation: u32) -> u64 {
    id | u64::from(generation)
}
