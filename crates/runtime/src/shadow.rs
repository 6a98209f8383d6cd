// SPDX-License-Identifier: GPL-2.0
//! Shadow variables: data attached to a kernel object that has no room for it
//! (`Documentation/livepatch/shadow-vars.rst`, `kernel/livepatch/shadow.c`).
//!
//! The kernel finds such data by the address of the object. Data left behind when its object is
//! freed would belong to the next object allocated at that address. The hook that frees both runs
//! in tasks that run the new code, so data is visible only while all tasks do: from `post_patch` to
//! `pre_unpatch`. If unpatching is reversed, there is no way to tell which of the objects still
//! exist, and a new generation of data begins. Tasks may still hold references to the old one,
//! which is freed when the last patch is unloaded.
//!
//! ```
//! use kps::persistent::Persistent;
//! use kps::prelude::*;
//! use kps::shadow::Shadow;
//!
//! struct Request;
//! static TRIES: Shadow<AtomicU32, Request> =
//!     Shadow::new("tries", 1 << 63, 0, || AtomicU32::new(0), None, None);
//!
//! fn tried(request: *const Request) -> Option<u32> {
//!     // SAFETY: the request is there while this runs, and so is its data.
//!     let tries = unsafe { TRIES.get_or_init(request, GFP_ATOMIC) }?;
//!     Some(tries.fetch_add(1, Ordering::Relaxed) + 1)
//! }
//!
//! let request = Request;
//! // SAFETY: the callbacks of a patch that is loaded and unloaded, in the kernel's order.
//! unsafe {
//!     assert_eq!(TRIES.acquire(), Ok(()));
//!     assert_eq!(tried(&request), None); // Some tasks run the old code.
//!     assert_eq!(TRIES.commit(false, false), Ok(()));
//!     assert_eq!((tried(&request), tried(&request)), (Some(1), Some(2)));
//!     TRIES.remove(&request); // It is about to be freed.
//!     assert_eq!(tried(&request), Some(1));
//!     TRIES.withdraw();
//!     assert_eq!(TRIES.release(false), Ok(()));
//! }
//! ```

use super::klp::{self, address, Dtor};
use super::persistent::{generation_id, Held, Persistent, Refusal, Trouble};
use core::ffi::{c_int, c_void};
use core::marker::PhantomData;
use core::mem::{align_of, needs_drop, size_of, MaybeUninit};
use core::ptr::{addr_of_mut, copy_nonoverlapping};

/// A shadow variable with data of type `T`, of objects of type `P`.
///
/// All CPUs share it, so `T` must be shareable: an atomic, or data that a kernel lock protects. A
/// patch must be correct without the data too, because there is none until every task runs the new
/// code, or when memory is short.
#[derive(Debug)]
pub struct Shadow<T, P> {
    held: Held<()>,
    init: fn() -> T,
    ctor: Option<fn(*mut P, *mut T)>,
    dtor: Option<Dtor>,
    parent: PhantomData<fn(P)>,
}

impl<T, P> Shadow<T, P> {
    /// A shadow variable that keeps its record under this id and its data under the ids that
    /// follow.
    ///
    /// The low 16 bits of `id` are zero: they are for generations. Patches with the same id must
    /// have the same `shape`, which kpsc derives from the name and the text of the type, and a `T`
    /// of the same size and alignment, or the later patch is refused. `init` gives the value of new
    /// data, without a lock. `ctor` is then called with the object and the data, and `dtor` with
    /// those that are freed, both under the kernel's shadow lock, with interrupts off: neither may
    /// sleep, nor call any method of a shadow variable but [`Shadow::get`].
    pub const fn new(
        name: &'static str,
        id: u64,
        shape: u64,
        init: fn() -> T,
        ctor: Option<fn(*mut P, *mut T)>,
        dtor: Option<Dtor>,
    ) -> Self
    where
        T: Send + Sync + 'static,
    {
        assert_layout::<T>();
        assert!(!needs_drop::<T>(), "KPS1102: the kernel runs no destructor");
        Shadow { held: Held::new::<T>(name, id, shape), init, ctor, dtor, parent: PhantomData }
    }

    /// The data of an object, if it has any and every task runs the new code: `klp_shadow_get()`.
    /// It takes no lock and does not sleep, and may be called anywhere but in an NMI.
    ///
    /// # Safety
    ///
    /// The object exists as long as the data is used, and the data is not removed meanwhile.
    pub unsafe fn get(&self, parent: *const P) -> Option<&T> {
        let id = generation_id(self.held.id(), self.held.visible()?);
        // SAFETY: `get_or_init` of this type made the data under this id, whichever patch it was
        // in.
        unsafe { klp::klp_shadow_get(address(parent), id).cast::<T>().as_ref() }
    }

    /// The data of an object, allocated with `flags` if it has none: `klp_shadow_get_or_alloc()`.
    /// `None` if there is no memory, or if not every task runs the new code.
    ///
    /// With `GFP_KERNEL` it may sleep; with `GFP_ATOMIC` and `GFP_NOWAIT` it may be called anywhere
    /// but in an NMI. Only new data takes the kernel's shadow lock, for a moment.
    ///
    /// # Safety
    ///
    /// As [`Shadow::get`], and the caller may sleep if the flags allow it.
    pub unsafe fn get_or_init(&self, parent: *const P, flags: u32) -> Option<&T> {
        // SAFETY: as the caller says.
        if let Some(data) = unsafe { self.get(parent) } {
            return Some(data);
        }
        let id = generation_id(self.held.id(), self.held.visible()?);
        // The kernel calls constructors under a lock, where little is allowed, so the value is made
        // before.
        let mut new = New { value: MaybeUninit::new((self.init)()), ctor: self.ctor };
        let ctor_data = addr_of_mut!(new).cast();
        // SAFETY: the constructor gets the argument it expects, and writes all of the data before
        // other code sees it.
        unsafe {
            let data = klp::klp_shadow_get_or_alloc(
                address(parent),
                id,
                size_of::<T>(),
                flags,
                Some(construct::<T, P>),
                ctor_data,
            );
            data.cast::<T>().as_ref()
        }
    }

    /// Removes the data of an object, if it has any, after `dtor` has seen it: `klp_shadow_free()`.
    /// It does not sleep and may be called anywhere but in an NMI. For an object without data it
    /// takes no lock.
    ///
    /// # Safety
    ///
    /// No code uses the data, or will get it before this has returned.
    pub unsafe fn remove(&self, parent: *const P) {
        for generation in self.held.generations() {
            let id = generation_id(self.held.id(), generation);
            // SAFETY: the caller vouches for it, and data of older generations is invisible.
            // Looking takes no lock, and most objects have no data.
            unsafe {
                if !klp::klp_shadow_get(address(parent), id).is_null() {
                    klp::klp_shadow_free(address(parent), id, self.dtor);
                }
            }
        }
    }

    /// A destructor's argument from the kernel, with its type.
    pub const fn data(&self, data: *mut c_void) -> *mut T {
        data.cast()
    }
}

/// The argument of a constructor.
struct New<T, P> {
    value: MaybeUninit<T>,
    ctor: Option<fn(*mut P, *mut T)>,
}

/// A `klp_shadow_ctor_t`.
unsafe extern "C" fn construct<T, P>(
    parent: *mut c_void,
    data: *mut c_void,
    new: *mut c_void,
) -> c_int {
    // SAFETY: `get_or_init` passes these, and the memory is new and large enough. The value is
    // moved into it once.
    unsafe {
        let new = &*new.cast::<New<T, P>>();
        copy_nonoverlapping(new.value.as_ptr(), data.cast(), 1);
        if let Some(ctor) = new.ctor {
            ctor(parent.cast(), data.cast());
        }
    }
    0
}

/// The kernel aligns such data to eight bytes (`struct klp_shadow`), and values are made on its
/// stack, which has 16 KiB.
pub(crate) const fn assert_layout<T>() {
    assert!(align_of::<T>() <= 8, "KPS1103: the kernel aligns data to 8 bytes");
    assert!(size_of::<T>() <= 1024, "KPS1117: the stack has no room for a value of this size");
}

impl<T, P> Persistent for Shadow<T, P> {
    unsafe fn acquire(&self) -> Result<(), Refusal> {
        // SAFETY: the caller is `pre_patch`.
        unsafe { self.held.acquire() }
    }

    unsafe fn begin(&self, _: bool) -> Result<(), Refusal> {
        Ok(())
    }

    unsafe fn commit(&self, alone: bool, forced: bool) -> Result<(), Trouble> {
        self.held.commit(alone);
        // Tasks that were forced over may still be in the old code, and free parents there.
        if !forced {
            self.held.show();
        }
        Ok(())
    }

    unsafe fn withdraw(&self) {
        if self.held.holders() == 1 {
            self.held.hide();
        }
    }

    unsafe fn release(&self, forced: bool) -> Result<(), Trouble> {
        let free_all = || {
            for generation in self.held.generations() {
                // SAFETY: no task runs code of a patch that has this variable.
                unsafe {
                    klp::klp_shadow_free_all(generation_id(self.held.id(), generation), self.dtor)
                };
            }
        };
        // SAFETY: the caller is a callback that may call it.
        unsafe { self.held.release(forced, free_all) };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::sync::atomic::{AtomicU32, Ordering};

    fn patch() -> Shadow<AtomicU32, u64> {
        Shadow::new("hits", 1 << 63, 7, || AtomicU32::new(3), None, None)
    }

    fn hit(patch: &Shadow<AtomicU32, u64>, parent: &u64) -> Option<u32> {
        // SAFETY: the parent exists.
        Some(unsafe { patch.get_or_init(parent, 0) }?.fetch_add(1, Ordering::Relaxed))
    }

    fn has(patch: &Shadow<AtomicU32, u64>, parent: &u64) -> bool {
        // SAFETY: the parent exists.
        unsafe { patch.get(parent) }.is_some()
    }

    #[test]
    fn data_is_there_from_the_end_of_one_transition_to_the_start_of_the_other() {
        let (patch, parent) = (patch(), 1);
        // SAFETY: the kernel's calls, in its order.
        unsafe {
            assert_eq!(patch.acquire(), Ok(()));
            assert_eq!(hit(&patch, &parent), None);
            assert_eq!(patch.commit(false, false), Ok(()));
            assert_eq!((hit(&patch, &parent), hit(&patch, &parent)), (Some(3), Some(4)));
            patch.remove(&parent);
            assert!(!has(&patch, &parent));
            assert_eq!(hit(&patch, &parent), Some(3));
            patch.withdraw();
            assert_eq!(hit(&patch, &parent), None);
            assert_eq!(patch.release(false), Ok(()));
        }
        assert_eq!((klp::count(), hit(&patch, &parent)), (0, None));
    }

    #[test]
    fn a_reversed_unload_begins_anew_and_frees_the_old_data_in_the_end_or_with_its_object() {
        let (patch, (one, two)) = (patch(), (1, 2));
        // SAFETY: the kernel's calls, in its order.
        unsafe {
            assert_eq!(patch.acquire(), Ok(()));
            assert_eq!(patch.commit(false, false), Ok(()));
            hit(&patch, &one);
            hit(&patch, &two);
            patch.withdraw();
            assert_eq!(patch.commit(false, false), Ok(()));
            assert!(!has(&patch, &one));
            assert_eq!(hit(&patch, &one), Some(3));
            assert_eq!(klp::count(), 4);
            patch.remove(&one);
            assert_eq!(klp::count(), 2);
            patch.withdraw();
            assert_eq!(patch.release(false), Ok(()));
        }
        assert_eq!(klp::count(), 0);
    }

    #[test]
    fn a_replacement_has_the_data_from_its_first_moment_and_a_reversed_one_leaves_it() {
        let (first, second, parent) = (patch(), patch(), 1);
        // SAFETY: the kernel's calls, in its order.
        unsafe {
            assert_eq!(first.acquire(), Ok(()));
            assert_eq!(first.commit(true, false), Ok(()));
            hit(&first, &parent);
            assert_eq!(second.acquire(), Ok(()));
            assert!(has(&second, &parent));
            assert_eq!(second.release(false), Ok(()));
            assert!(has(&first, &parent));
            assert_eq!(second.acquire(), Ok(()));
            assert_eq!(second.commit(true, false), Ok(()));
            assert_eq!(hit(&second, &parent), Some(4));
            second.withdraw();
            assert_eq!(second.release(false), Ok(()));
        }
        assert_eq!(klp::count(), 0);
    }

    #[test]
    fn every_datum_is_destroyed_once() {
        static GONE: AtomicU32 = AtomicU32::new(0);
        unsafe extern "C" fn count(_: *mut c_void, data: *mut c_void) {
            // SAFETY: the data exists.
            GONE.fetch_add(unsafe { *data.cast::<u32>() }, Ordering::Relaxed);
        }
        let patch = Shadow::<u32, u64>::new("sum", 1 << 63, 7, || 1, None, Some(count));
        // SAFETY: the kernel's calls, in its order.
        unsafe {
            assert_eq!(patch.acquire(), Ok(()));
            assert_eq!(patch.commit(false, false), Ok(()));
            let all = [1, 2, 3];
            all.iter().for_each(|parent| assert!(patch.get_or_init(parent, 0).is_some()));
            patch.remove(&all[0]);
            patch.remove(&all[0]);
            assert_eq!(GONE.load(Ordering::Relaxed), 1);
            patch.withdraw();
            assert_eq!(patch.release(false), Ok(()));
        }
        assert_eq!(GONE.load(Ordering::Relaxed), 3);
    }

    #[test]
    fn constructors_see_the_value_and_the_object() {
        let ctor = |parent: *mut u64, data: *mut u64| {
            // SAFETY: both exist.
            unsafe { *data += *parent }
        };
        let patch = Shadow::<u64, u64>::new("sum", 1 << 63, 7, || 40, Some(ctor), None);
        let parent = 2;
        // SAFETY: the kernel's calls, in its order.
        unsafe {
            assert_eq!(patch.acquire(), Ok(()));
            assert_eq!(patch.commit(false, false), Ok(()));
            assert_eq!(patch.get_or_init(&parent, 0), Some(&42));
            patch.withdraw();
            assert_eq!(patch.release(false), Ok(()));
        }
    }
}
