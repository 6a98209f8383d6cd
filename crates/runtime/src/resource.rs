// SPDX-License-Identifier: GPL-2.0
//! Resources: timers, kthreads, files and the like, which a patch sets up for itself and which must
//! be gone when the patch is, however it ends.
//!
//! The kernel calls no callback when a patch is replaced, so a resource is released by whichever of
//! these comes first: the `post_unpatch` of the patch, the `post_patch` of the next version, the
//! release of the patch's kobject, or the exit of the module. All of them hold `klp_mutex`: the
//! kernel does in callbacks, and [`end`] takes it for the other two. So a resource is acquired and
//! released once, by one task at a time, and the next version cannot meet one half released.
//!
//! | end of the patch | released in |
//! |---|---|
//! | it is disabled, or its load is reversed | `post_unpatch` |
//! | the next version replaces it | the next version's `post_patch`, which may adopt the value instead |
//! | a patch without the resource replaces it | the release of `klp_patch.kobj`, by [`end`] |
//! | none of the above came | the exit of the module, by [`end`] |
//!
//! The value is in a record in the kernel's memory, as shadow data of no object, so the next
//! version finds it by its id. The record names its owner, a static of the module that acquired the
//! resource. That module cannot be removed before its exit has released the resource.
//!
//! ```
//! use kps::persistent::Persistent;
//! use kps::prelude::*;
//! use kps::resource::{never_stays, Resource};
//!
//! static OPEN: AtomicU32 = AtomicU32::new(0);
//! static FILE: Resource<u32> = Resource::new(
//!     "file",
//!     1 << 63,
//!     0,
//!     never_stays,
//!     || Ok(OPEN.fetch_add(1, Ordering::Relaxed)),
//!     |_| assert_eq!(OPEN.fetch_sub(1, Ordering::Relaxed), 1),
//!     None,
//! );
//!
//! // SAFETY: the callbacks of a patch that is loaded and unloaded, in the kernel's order.
//! unsafe {
//!     assert_eq!(FILE.acquire(), Ok(()));
//!     assert_eq!(FILE.begin(false), Ok(()));
//!     assert_eq!((FILE.get(), OPEN.load(Ordering::Relaxed)), (Some(&0), 1));
//!     assert_eq!(FILE.commit(false, false), Ok(()));
//!     FILE.withdraw();
//!     assert_eq!(FILE.release(false), Ok(()));
//!     assert_eq!((FILE.get(), OPEN.load(Ordering::Relaxed)), (None, 0));
//! }
//! ```

use super::klp;
use super::persistent::{Persistent, Refusal, Trouble};
use super::sys::{mutex_lock, mutex_unlock};
use core::ffi::{c_int, c_void};
use core::mem::{align_of, size_of, MaybeUninit};
use core::ptr::{addr_of, addr_of_mut, null_mut};
use core::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

/// Something that a patch has set up, with a value of type `T` that stands for it.
#[repr(C)]
pub struct Resource<T> {
    /// At the start, so that its address is that of the resource.
    owner: Owner,
    name: &'static str,
    id: u64,
    shape: u64,
    acquire: fn() -> Result<T, c_int>,
    release: fn(T),
    adopt: Option<fn(T) -> Result<T, c_int>>,
    /// Whether `post_patch` has to acquire it or take it over: not when it runs again because an
    /// unloading is reversed.
    due: AtomicBool,
    /// Whether it has been reported that the resource stays.
    told: AtomicBool,
}

/// The answer for a resource that no task uses.
pub extern "C" fn never_stays() -> bool {
    false
}

/// The part of a resource that another version of the patch uses, built by another kpsc perhaps.
#[repr(C)]
struct Owner {
    /// The record, while the patch has the resource.
    record: AtomicPtr<c_void>,
    /// Releases the resource.
    end: unsafe extern "C" fn(&Owner),
    /// Whether the resource must stay, because a task may use it.
    stays: extern "C" fn() -> bool,
}

/// Where the value is.
#[repr(C)]
struct Record<T> {
    /// Tells a record from other users' shadow data under the same id.
    magic: u64,
    /// The type of the value.
    shape: u64,
    /// The resource of the module that has it.
    owner: *const Owner,
    value: MaybeUninit<T>,
}

/// "kps rsrc".
const MAGIC: u64 = u64::from_le_bytes(*b"kps rsrc");

impl<T> Resource<T> {
    /// A resource that keeps its record under this id.
    ///
    /// `stays` says whether some task may use the value although the patch has ended, which the
    /// kernel can be forced to. `acquire` sets the resource up and `release` undoes that. `adopt`
    /// gets the value of the earlier version instead: it must point everything at its own code. All
    /// run under `klp_mutex` and may sleep. An error is a negative error number.
    pub const fn new(
        name: &'static str,
        id: u64,
        shape: u64,
        stays: extern "C" fn() -> bool,
        acquire: fn() -> Result<T, c_int>,
        release: fn(T),
        adopt: Option<fn(T) -> Result<T, c_int>>,
    ) -> Self {
        super::shadow::assert_layout::<T>();
        let layout = (size_of::<T>() as u64) << 32 | align_of::<T>() as u64;
        let record = AtomicPtr::new(null_mut());
        Resource {
            owner: Owner { record, end: end_of::<T>, stays },
            name,
            id,
            shape: shape ^ layout,
            acquire,
            release,
            adopt,
            due: AtomicBool::new(true),
            told: AtomicBool::new(false),
        }
    }

    /// The value, once the resource is acquired. It neither sleeps nor takes a lock.
    ///
    /// # Safety
    ///
    /// The caller is code that `release` and the next version's `adopt` wait for, or code that no
    /// task runs when the patch has ended, such as a hook. Several tasks may use `T` at once.
    pub unsafe fn get(&self) -> Option<&T> {
        let record = self.owner.record.load(Ordering::Acquire).cast::<Record<T>>();
        // SAFETY: the record is freed after `release` has returned.
        unsafe { record.as_ref().map(|record| record.value.assume_init_ref()) }
    }

    /// The record under the id, of whichever version of the patch. Its value may have another type.
    fn found(&self) -> Option<*mut Record<T>> {
        // SAFETY: the record is not freed while `klp_mutex` is held, and all data under these ids
        // starts with a magic number, whoever made it.
        unsafe {
            let record = klp::klp_shadow_get(null_mut(), self.id).cast::<Record<T>>();
            (!record.is_null() && addr_of!((*record).magic).read() == MAGIC).then_some(record)
        }
    }

    /// Whether a record has a value of this type.
    fn fits(&self, record: *const Record<T>) -> bool {
        // SAFETY: as above.
        unsafe { addr_of!((*record).shape).read() == self.shape }
    }

    /// Acquires the resource anew.
    fn set_up(&self) -> Result<(), Refusal> {
        // SAFETY: a callback may sleep, and there is no constructor and no data for it.
        let record = unsafe {
            klp::klp_shadow_alloc(
                null_mut(),
                self.id,
                size_of::<Record<T>>(),
                super::prelude::GFP_KERNEL,
                None,
                null_mut(),
            )
        };
        if record.is_null() {
            return Err(Refusal::NoMemory);
        }
        // SAFETY: the allocation has this size, and no other code uses it yet.
        unsafe {
            record.cast::<Record<T>>().write(Record {
                magic: MAGIC,
                shape: self.shape,
                owner: &self.owner,
                value: MaybeUninit::uninit(),
            });
        }
        self.keep(record, (self.acquire)())
    }

    /// Puts the value into the record and shows it, or frees the record if there is none.
    fn keep(&self, record: *mut c_void, value: Result<T, c_int>) -> Result<(), Refusal> {
        match value {
            Ok(value) => {
                // SAFETY: nobody reads the value before the record is shown.
                unsafe {
                    addr_of_mut!((*record.cast::<Record<T>>()).value).write(MaybeUninit::new(value))
                };
                self.owner.record.store(record, Ordering::Release);
                Ok(())
            }
            Err(errno) => {
                // SAFETY: nobody has found the record.
                unsafe { klp::klp_shadow_free(null_mut(), self.id, None) };
                // A patch must not count as loaded without its resource.
                let errno = if errno < 0 { errno } else { -super::errno::EINVAL };
                Err(Refusal::NotAcquired(self.name, errno))
            }
        }
    }

    /// The resource of an earlier version, in the version that has replaced it.
    fn take_over(&self, earlier: *mut Record<T>) -> Result<(), Trouble> {
        // SAFETY: the owner is in the module of the earlier version. It is there: its exit would
        // have freed the record, and waits for `klp_mutex`.
        let owner = unsafe { &*addr_of!((*earlier).owner).read() };
        if (owner.stays)() {
            return Err(Trouble::Stays(self.name));
        }
        let result = match self.adopt {
            Some(adopt) => {
                owner.record.store(null_mut(), Ordering::Release);
                // SAFETY: the value is moved out once: its owner does not have it any more. It is
                // of this type, as `acquire` has found.
                let value = unsafe {
                    addr_of_mut!((*earlier).owner).write(&self.owner);
                    addr_of!((*earlier).value).read().assume_init()
                };
                self.keep(earlier.cast(), adopt(value))
            }
            None => {
                // SAFETY: as above, and the record is freed with it.
                unsafe { (owner.end)(owner) };
                self.set_up()
            }
        };
        result.map_err(|refusal| Trouble::Missing(self.name, refusal.errno()))
    }

    /// Releases the resource, if the patch has it.
    fn tear_down(&self) {
        let record = self.owner.record.swap(null_mut(), Ordering::AcqRel).cast::<Record<T>>();
        if record.is_null() {
            return;
        }
        // SAFETY: the value is moved out once. References to it stay valid: its memory is freed
        // when `release` has stopped those who have them.
        unsafe {
            (self.release)(addr_of!((*record).value).read().assume_init());
            klp::klp_shadow_free(null_mut(), self.id, None);
        }
    }
}

/// [`Owner::end`] of a resource of this type.
unsafe extern "C" fn end_of<T>(owner: &Owner) {
    // SAFETY: an owner is at the start of its resource.
    unsafe { (*core::ptr::from_ref(owner).cast::<Resource<T>>()).tear_down() };
}

impl<T> Persistent for Resource<T> {
    unsafe fn acquire(&self) -> Result<(), Refusal> {
        match self.found() {
            Some(earlier) if self.adopt.is_some() && !self.fits(earlier) => {
                Err(Refusal::OtherType(self.name))
            }
            _ => Ok(()),
        }
    }

    unsafe fn begin(&self, alone: bool) -> Result<(), Refusal> {
        match self.found() {
            // Names that the earlier version has in sysfs and elsewhere are taken until it is
            // replaced.
            Some(_) if alone => Ok(()),
            Some(_) => Err(Refusal::Held(self.name)),
            None => self.set_up(),
        }
    }

    unsafe fn commit(&self, _: bool, _: bool) -> Result<(), Trouble> {
        let is_first = self.due.swap(false, Ordering::Relaxed);
        if !is_first || !self.owner.record.load(Ordering::Relaxed).is_null() {
            return Ok(());
        }
        match self.found() {
            Some(earlier) => self.take_over(earlier),
            // Its module has been removed meanwhile.
            None => {
                let missing = |refusal: Refusal| Trouble::Missing(self.name, refusal.errno());
                self.set_up().map_err(missing)
            }
        }
    }

    unsafe fn withdraw(&self) {}

    unsafe fn release(&self, _: bool) -> Result<(), Trouble> {
        let has_it = !self.owner.record.load(Ordering::Relaxed).is_null();
        if has_it && (self.owner.stays)() {
            return match self.told.swap(true, Ordering::Relaxed) {
                true => Ok(()),
                false => Err(Trouble::Stays(self.name)),
            };
        }
        self.due.store(true, Ordering::Relaxed);
        self.tear_down();
        Ok(())
    }
}

/// Releases the resources that the patch still has, outside its callbacks.
///
/// # Safety
///
/// `klp_mutex` is the kernel's, and the caller does not hold it. The patch has ended.
#[inline]
pub unsafe fn end(klp_mutex: *mut c_void, all: &[&dyn Persistent], report: fn(Trouble)) {
    // SAFETY: as the caller says.
    unsafe {
        mutex_lock(klp_mutex.cast());
        super::persistent::release(all, false, report);
        mutex_unlock(klp_mutex.cast());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::sync::atomic::AtomicI32;

    /// A patch with a resource, which counts in `$open` how many there are. Its value is the number
    /// of the patch that acquired it.
    macro_rules! patch {
        ($open:ident, $number:literal, $adopt:expr) => {
            Resource::<i32>::new(
                "file",
                1 << 63,
                7,
                never_stays,
                || match $open.fetch_max(1, Ordering::Relaxed) {
                    0 => Ok($number),
                    _ => Err(-17),
                },
                |_| assert_eq!($open.fetch_sub(1, Ordering::Relaxed), 1),
                $adopt,
            )
        };
    }

    fn value(patch: &Resource<i32>) -> Option<i32> {
        // SAFETY: the tests have one task.
        unsafe { patch.get() }.copied()
    }

    fn load(patch: &dyn Persistent, alone: bool) -> Result<(), Refusal> {
        // SAFETY: the kernel's calls, in its order.
        unsafe {
            assert_eq!(patch.acquire(), Ok(()));
            patch.begin(alone)
        }
    }

    fn complete(patch: &dyn Persistent) -> Result<(), Trouble> {
        // SAFETY: as above.
        unsafe { patch.commit(false, false) }
    }

    fn release(patch: &dyn Persistent) {
        // SAFETY: as above.
        assert_eq!(unsafe { patch.release(false) }, Ok(()));
    }

    #[test]
    fn it_is_released_once_by_whoever_comes_first() {
        static OPEN: AtomicI32 = AtomicI32::new(0);
        let patch = patch!(OPEN, 1, None);
        assert_eq!((load(&patch, true), complete(&patch)), (Ok(()), Ok(())));
        assert_eq!((value(&patch), OPEN.load(Ordering::Relaxed)), (Some(1), 1));
        for _ in 0..3 {
            // SAFETY: the host has no `klp_mutex`.
            unsafe { end(null_mut(), &[&patch], |_| {}) };
            assert_eq!((value(&patch), OPEN.load(Ordering::Relaxed)), (None, 0));
        }
        assert_eq!(klp::count(), 0);
    }

    #[test]
    fn a_reversed_unload_leaves_it_alone() {
        static OPEN: AtomicI32 = AtomicI32::new(0);
        let patch = patch!(OPEN, 1, None);
        assert_eq!((load(&patch, false), complete(&patch)), (Ok(()), Ok(())));
        // SAFETY: the kernel goes from here to `post_patch` when the transition is reversed.
        unsafe { patch.withdraw() };
        assert_eq!(complete(&patch), Ok(()));
        assert_eq!((value(&patch), OPEN.load(Ordering::Relaxed)), (Some(1), 1));
        release(&patch);
        assert_eq!((OPEN.load(Ordering::Relaxed), klp::count()), (0, 0));
    }

    #[test]
    fn the_next_version_has_the_earlier_one_release_its_own() {
        static OPEN: AtomicI32 = AtomicI32::new(0);
        let (first, second) = (patch!(OPEN, 1, None), patch!(OPEN, 2, None));
        assert_eq!((load(&first, true), complete(&first)), (Ok(()), Ok(())));
        assert_eq!(load(&second, true), Ok(()));
        assert_eq!((value(&first), value(&second)), (Some(1), None));
        assert_eq!(complete(&second), Ok(()));
        assert_eq!((value(&first), value(&second)), (None, Some(2)));
        release(&first);
        assert_eq!((value(&second), OPEN.load(Ordering::Relaxed)), (Some(2), 1));
        release(&second);
        assert_eq!((OPEN.load(Ordering::Relaxed), klp::count()), (0, 0));
    }

    #[test]
    fn the_next_version_may_adopt_the_value() {
        static OPEN: AtomicI32 = AtomicI32::new(0);
        let (first, second) = (patch!(OPEN, 1, None), patch!(OPEN, 2, Some(|old| Ok(old + 10))));
        assert_eq!((load(&first, true), complete(&first)), (Ok(()), Ok(())));
        assert_eq!((load(&second, true), complete(&second)), (Ok(()), Ok(())));
        assert_eq!((value(&first), value(&second)), (None, Some(11)));
        release(&first);
        assert_eq!(OPEN.load(Ordering::Relaxed), 1);
        release(&second);
        assert_eq!((OPEN.load(Ordering::Relaxed), klp::count()), (0, 0));
    }

    #[test]
    fn a_reversed_replacement_leaves_it_to_the_earlier_version() {
        static OPEN: AtomicI32 = AtomicI32::new(0);
        let (first, second) = (patch!(OPEN, 1, None), patch!(OPEN, 2, None));
        assert_eq!((load(&first, true), complete(&first)), (Ok(()), Ok(())));
        assert_eq!(load(&second, true), Ok(()));
        release(&second);
        assert_eq!((value(&first), OPEN.load(Ordering::Relaxed)), (Some(1), 1));
        release(&first);
        assert_eq!((OPEN.load(Ordering::Relaxed), klp::count()), (0, 0));
    }

    #[test]
    fn two_stacked_patches_cannot_have_it() {
        static OPEN: AtomicI32 = AtomicI32::new(0);
        let (first, second) = (patch!(OPEN, 1, None), patch!(OPEN, 2, None));
        assert_eq!((load(&first, true), complete(&first)), (Ok(()), Ok(())));
        assert_eq!(load(&second, false), Err(Refusal::Held("file")));
        release(&first);
        assert_eq!((OPEN.load(Ordering::Relaxed), klp::count()), (0, 0));
    }

    #[test]
    fn an_error_refuses_the_patch_and_leaves_nothing() {
        static OPEN: AtomicI32 = AtomicI32::new(1);
        let patch = patch!(OPEN, 1, None);
        assert_eq!(load(&patch, true), Err(Refusal::NotAcquired("file", -17)));
        let odd = Resource::<i32>::new("odd", 1 << 62, 7, never_stays, || Err(0), drop, None);
        assert_eq!(load(&odd, true), Err(Refusal::NotAcquired("odd", -22)));
        assert_eq!(klp::count(), 0);
    }

    #[test]
    fn an_error_of_the_next_version_leaves_it_without_a_value() {
        static OPEN: AtomicI32 = AtomicI32::new(0);
        let (first, second) = (patch!(OPEN, 1, None), patch!(OPEN, 2, Some(|_| Err(-12))));
        assert_eq!((load(&first, true), complete(&first)), (Ok(()), Ok(())));
        assert_eq!(load(&second, true), Ok(()));
        assert_eq!(complete(&second), Err(Trouble::Missing("file", -12)));
        assert_eq!((value(&first), value(&second), klp::count()), (None, None, 0));
    }

    #[test]
    fn a_value_of_another_type_is_not_adopted() {
        static OPEN: AtomicI32 = AtomicI32::new(0);
        let first = patch!(OPEN, 1, None);
        assert_eq!((load(&first, true), complete(&first)), (Ok(()), Ok(())));
        let adopts =
            Resource::<u64>::new("file", 1 << 63, 7, never_stays, || Ok(0), drop, Some(Ok));
        // SAFETY: the kernel's calls.
        assert_eq!(unsafe { adopts.acquire() }, Err(Refusal::OtherType("file")));
    }

    #[test]
    fn what_a_task_may_use_stays_when_the_kernel_is_forced() {
        extern "C" fn stays() -> bool {
            true
        }
        let forced = Resource::<i32>::new("file", 1 << 63, 7, stays, || Ok(1), |_| panic!(), None);
        assert_eq!((load(&forced, true), complete(&forced)), (Ok(()), Ok(())));
        // SAFETY: the kernel's calls.
        let released = unsafe { (forced.release(false), forced.release(false)) };
        assert_eq!(released, (Err(Trouble::Stays("file")), Ok(())));
        let next = Resource::<i32>::new("file", 1 << 63, 7, never_stays, || Ok(2), drop, None);
        assert_eq!((load(&next, true), complete(&next)), (Ok(()), Err(Trouble::Stays("file"))));
        assert_eq!((value(&forced), value(&next)), (Some(1), None));
    }
}
