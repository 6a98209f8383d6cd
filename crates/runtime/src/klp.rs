// SPDX-License-Identifier: GPL-2.0
//! The kernel's raw shadow variables: data under the address of an object and an id that the caller
//! chooses.
//!
//! `klp_shadow_alloc()` and its siblings (`include/linux/livepatch.h`, `kernel/livepatch/shadow.c`,
//! `Documentation/livepatch/shadow-vars.rst`) handle bytes. A [`ShadowId`] adds their type, and
//! nothing else: it does not free the data with its object, nor hide it from tasks that run code
//! other than the patch's. [`Shadow`](super::shadow::Shadow) does both, so patches that extend
//! kernel objects use that. This module is for a module that frees its own data, and for data
//! shared with patches in C.
//!
//! On the host each thread has a store that behaves as the kernel's.
//!
//! ```
//! use kps::klp::ShadowId;
//! use kps::prelude::*;
//!
//! // SAFETY: nobody else keeps data under this id.
//! const HITS: ShadowId<u32> = unsafe { ShadowId::new(0x1234) };
//!
//! let file = 0_u64; // Some object.
//! let hits = HITS.get_or_alloc(&file, GFP_KERNEL, |_| Ok(3)).ok_or(-ENOMEM)?;
//! assert_eq!(HITS.get(&file), Some(hits));
//! // SAFETY: the data is there, and nobody else uses it.
//! assert_eq!(unsafe { hits.read() }, 3);
//! // SAFETY: nobody uses the data any more.
//! unsafe { HITS.free(&file) };
//! assert_eq!(HITS.get(&file), None);
//! # Ok::<(), c_int>(())
//! ```

use super::errno::EINVAL;
#[cfg(not(kps_kernel))]
pub(crate) use super::host::shadow::*;
use core::ffi::{c_int, c_ulong, c_void};
use core::marker::PhantomData;
use core::mem::{needs_drop, size_of};
use core::ptr::{addr_of_mut, NonNull};

/// `klp_shadow_ctor_t`: called with the object, the new data and the caller's argument, under the
/// kernel's shadow lock.
pub type Ctor = unsafe extern "C" fn(*mut c_void, *mut c_void, *mut c_void) -> c_int;

/// `klp_shadow_dtor_t`: called with the object and the data, under the kernel's shadow lock. The
/// object may have been freed.
pub type Dtor = unsafe extern "C" fn(*mut c_void, *mut c_void);

#[cfg(kps_kernel)]
extern "C" {
    pub(crate) fn klp_shadow_get(obj: *mut c_void, id: u64) -> *mut c_void;
    pub(crate) fn klp_shadow_alloc(
        obj: *mut c_void,
        id: u64,
        size: usize,
        gfp_flags: u32,
        ctor: Option<Ctor>,
        ctor_data: *mut c_void,
    ) -> *mut c_void;
    pub(crate) fn klp_shadow_get_or_alloc(
        obj: *mut c_void,
        id: u64,
        size: usize,
        gfp_flags: u32,
        ctor: Option<Ctor>,
        ctor_data: *mut c_void,
    ) -> *mut c_void;
    pub(crate) fn klp_shadow_free(obj: *mut c_void, id: u64, dtor: Option<Dtor>);
    pub(crate) fn klp_shadow_free_all(id: u64, dtor: Option<Dtor>);
}

/// An id under which every object may have one `T`.
///
/// To the kernel, objects are addresses, of any type. An object and an id have one datum across all
/// modules, so ids must be unique like names: those with the highest bit set are hashes that kpsc
/// makes for states and shadow variables.
#[derive(Debug)]
pub struct ShadowId<T> {
    id: c_ulong,
    data: PhantomData<fn() -> T>,
}

impl<T> Clone for ShadowId<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for ShadowId<T> {}

impl<T> ShadowId<T> {
    /// This id, for data of type `T`. The kernel aligns data to eight bytes, its stacks are small
    /// and it runs no Rust destructors, so a type that needs more is refused when the module is
    /// compiled.
    ///
    /// # Safety
    ///
    /// Every user of this id, in any module that is loaded at the same time, stores a `T` under it.
    pub const unsafe fn new(id: c_ulong) -> Self {
        super::shadow::assert_layout::<T>();
        assert!(!needs_drop::<T>(), "KPS1102: the kernel runs no destructor");
        ShadowId { id, data: PhantomData }
    }

    /// The number.
    #[inline]
    pub const fn id(self) -> c_ulong {
        self.id
    }

    /// The data of an object, if it has any: `klp_shadow_get()`.
    ///
    /// It takes no lock and does not sleep, so it may be called anywhere but in an NMI. The data
    /// stays until it is freed; the caller must know when that is, and who else reads and writes
    /// it.
    #[inline]
    pub fn get<O>(self, obj: *const O) -> Option<NonNull<T>> {
        // SAFETY: the object is only looked for, by its address.
        NonNull::new(unsafe { klp_shadow_get(address(obj), self.id) }.cast())
    }

    /// New data for an object that must have none: `klp_shadow_alloc()`. `None` if there is no
    /// memory, if `ctor` fails or, with a `WARN` of the kernel, if the object already has data.
    ///
    /// The memory is allocated before any lock is taken, as `flags` say: `GFP_KERNEL` may sleep.
    /// `ctor` gets a pointer to the zeroed memory and initialises it. It runs under the kernel's
    /// shadow lock, with interrupts off, before other code can find the data: it must not sleep,
    /// and must not call any method of a `ShadowId` but [`ShadowId::get`]. If it fails, with an
    /// error number as in C, the kernel logs that and frees the data.
    #[inline]
    pub fn alloc<O, F>(self, obj: *const O, flags: u32, ctor: F) -> Option<NonNull<T>>
    where
        F: FnOnce(NonNull<T>) -> Result<T, c_int>,
    {
        let mut ctor = Some(ctor);
        let ctor_data = addr_of_mut!(ctor).cast();
        let construct = Some(construct::<T, F> as Ctor);
        // SAFETY: the constructor gets the argument it expects, and writes all of the data
        // before other code sees it.
        let data = unsafe {
            klp_shadow_alloc(address(obj), self.id, size_of::<T>(), flags, construct, ctor_data)
        };
        NonNull::new(data.cast())
    }

    /// The data of an object, allocated if it has none: `klp_shadow_get_or_alloc()`. `None` if
    /// there is no memory or `ctor` fails.
    ///
    /// `ctor` runs only for new data, under the rules of [`ShadowId::alloc`].
    #[inline]
    pub fn get_or_alloc<O, F>(self, obj: *const O, flags: u32, ctor: F) -> Option<NonNull<T>>
    where
        F: FnOnce(NonNull<T>) -> Result<T, c_int>,
    {
        let mut ctor = Some(ctor);
        let ctor_data = addr_of_mut!(ctor).cast();
        let construct = Some(construct::<T, F> as Ctor);
        // SAFETY: as for `alloc`.
        let data = unsafe {
            klp_shadow_get_or_alloc(
                address(obj),
                self.id,
                size_of::<T>(),
                flags,
                construct,
                ctor_data,
            )
        };
        NonNull::new(data.cast())
    }

    /// Frees the data of an object, if it has any: `klp_shadow_free()`.
    ///
    /// It takes the kernel's shadow lock for a moment and does not sleep. The memory is freed after
    /// an RCU grace period.
    ///
    /// # Safety
    ///
    /// Only RCU read-side sections that have already begun still use the data, and no constructor
    /// or destructor calls this.
    #[inline]
    pub unsafe fn free<O>(self, obj: *const O) {
        // SAFETY: the caller vouches for it.
        unsafe { klp_shadow_free(address(obj), self.id, None) };
    }

    /// Frees the data of an object, if it has any, after `dtor` has seen it.
    ///
    /// `dtor` is called with the object and the data under the kernel's shadow lock, with
    /// interrupts off, when the data can no longer be found. It must not sleep. The kernel passes
    /// it no other argument, so it cannot capture anything: it is a function or a closure without
    /// captures.
    ///
    /// # Safety
    ///
    /// As [`ShadowId::free`].
    #[inline]
    pub unsafe fn free_with<O, D>(self, obj: *const O, dtor: D)
    where
        D: Fn(*mut O, NonNull<T>) + Copy + 'static,
    {
        // SAFETY: the caller vouches for it.
        unsafe { klp_shadow_free(address(obj), self.id, Some(destructor::<O, T, D>(dtor))) };
    }

    /// Frees the data of all objects under this id: `klp_shadow_free_all()`. The objects may have
    /// been freed.
    ///
    /// The kernel walks all shadow data of the system under its shadow lock, with interrupts off.
    ///
    /// # Safety
    ///
    /// As [`ShadowId::free`], for all of the data.
    #[inline]
    pub unsafe fn free_all(self) {
        // SAFETY: the caller vouches for it.
        unsafe { klp_shadow_free_all(self.id, None) };
    }

    /// Frees the data of all objects under this id, each after `dtor` has seen it, in no order.
    ///
    /// The first argument of `dtor` is the object's address; the object may have been freed.
    /// Otherwise as [`ShadowId::free_with`].
    ///
    /// # Safety
    ///
    /// As [`ShadowId::free`], for all of the data.
    #[inline]
    pub unsafe fn free_all_with<O, D>(self, dtor: D)
    where
        D: Fn(*mut O, NonNull<T>) + Copy + 'static,
    {
        // SAFETY: the caller vouches for it.
        unsafe { klp_shadow_free_all(self.id, Some(destructor::<O, T, D>(dtor))) };
    }
}

/// A `klp_shadow_ctor_t` that calls a closure.
unsafe extern "C" fn construct<T, F>(_: *mut c_void, data: *mut c_void, ctor: *mut c_void) -> c_int
where
    F: FnOnce(NonNull<T>) -> Result<T, c_int>,
{
    // SAFETY: `data` is the closure that the allocation passes, and the kernel calls this once.
    let ctor = unsafe { (*ctor.cast::<Option<F>>()).take() };
    let (Some(ctor), Some(data)) = (ctor, NonNull::new(data.cast::<T>())) else { return -EINVAL };
    match ctor(data) {
        Ok(value) => {
            // SAFETY: the memory is large enough and aligned to eight bytes, and no other code
            // knows of it yet.
            unsafe { data.write(value) };
            0
        }
        // Nothing was written, so even 0 is a failure.
        Err(0) => -EINVAL,
        Err(errno) => errno,
    }
}

/// The function that the kernel can call for a closure without captures.
#[inline]
fn destructor<O, T, D: Fn(*mut O, NonNull<T>) + Copy + 'static>(_: D) -> Dtor {
    const { assert!(size_of::<D>() == 0, "the kernel passes nothing that it could have captured") };
    destroy::<O, T, D>
}

/// A `klp_shadow_dtor_t` that calls a closure.
unsafe extern "C" fn destroy<O, T, D: Fn(*mut O, NonNull<T>)>(obj: *mut c_void, data: *mut c_void) {
    // SAFETY: it has no size, so any address holds one, and there was one when this became a
    // destructor. It is `Copy`, so it does not matter that it has been dropped meanwhile.
    let dtor: &D = unsafe { NonNull::dangling().as_ref() };
    if let Some(data) = NonNull::new(data.cast()) {
        dtor(obj.cast(), data);
    }
}

/// The shadow functions take objects as mere addresses.
#[inline]
pub(crate) fn address<O>(obj: *const O) -> *mut c_void {
    obj.cast_mut().cast()
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::sync::atomic::{AtomicU64, Ordering};

    /// An id that no other data of a test has: every test has its own thread and store.
    const ID: ShadowId<u64> = {
        // SAFETY: it is used with this type only.
        unsafe { ShadowId::new(0x1234) }
    };

    fn read(data: Option<NonNull<u64>>) -> Option<u64> {
        // SAFETY: the tests read existing data.
        data.map(|data| unsafe { data.read() })
    }

    #[test]
    fn an_object_and_an_id_have_one_datum() {
        // SAFETY: as above.
        let other = unsafe { ShadowId::<u64>::new(0x1235) };
        let objects = [0_u8; 2];
        assert_eq!(ID.get(&objects[0]), None);
        let data = ID.alloc(&objects[0], 0, |_| Ok(7));
        assert_eq!(read(data), Some(7));
        assert_eq!(ID.get(&objects[0]), data);
        assert_eq!(ID.get_or_alloc(&objects[0], 0, |_| Err(-EINVAL)), data);
        assert_eq!(ID.alloc(&objects[0], 0, |_| Ok(8)), None);
        assert_eq!((ID.get(&objects[1]), other.get(&objects[0])), (None, None));
        assert_eq!(count(), 1);
    }

    #[test]
    fn a_constructor_knows_the_place_and_may_refuse() {
        let object = 0_u8;
        let mut place = None;
        let data = ID.get_or_alloc(&object, 0, |data| {
            place = Some(data);
            Ok(7)
        });
        assert_eq!((data, read(data)), (place, Some(7)));
        let objects = [0_u8; 2];
        for errno in [-EINVAL, 0] {
            assert_eq!(ID.alloc(&objects[0], 0, |_| Err(errno)), None);
            assert_eq!(ID.get_or_alloc(&objects[1], 0, |_| Err(errno)), None);
        }
        assert_eq!(count(), 1);
    }

    #[test]
    fn a_destructor_sees_each_object_and_its_data_once() {
        static SUM: AtomicU64 = AtomicU64::new(0);
        let see = |object: *mut u64, data: NonNull<u64>| {
            // SAFETY: both exist.
            SUM.fetch_add(unsafe { *object * data.read() }, Ordering::Relaxed);
        };
        let objects = [1, 10, 100];
        for (object, value) in objects.iter().zip([2, 3, 4]) {
            assert!(ID.alloc(object, 0, |_| Ok(value)).is_some());
        }
        // SAFETY: no other code knows of the data.
        unsafe {
            ID.free_with(&objects[1], see);
            ID.free_with(&objects[1], see);
            assert_eq!((SUM.load(Ordering::Relaxed), count()), (30, 2));
            ID.free_all_with(see);
        }
        assert_eq!((SUM.load(Ordering::Relaxed), count()), (432, 0));
    }

    #[test]
    fn data_is_freed_without_a_destructor_too() {
        let objects = [0_u8; 3];
        objects.iter().for_each(|object| assert!(ID.alloc(object, 0, |_| Ok(0)).is_some()));
        // SAFETY: no other code knows of the data.
        unsafe { ID.free(&objects[1]) };
        assert_eq!((ID.get(&objects[1]), count()), (None, 2));
        // SAFETY: as above.
        unsafe { ID.free_all() };
        assert_eq!(count(), 0);
    }
}
