// SPDX-License-Identifier: GPL-2.0
//! The kernel's shadow functions (`include/linux/livepatch.h`). In tests, a store that does as they do.

use core::ffi::{c_int, c_void};

/// `klp_shadow_ctor_t`: called with the object, the new data and what the caller gives.
pub type Ctor = unsafe extern "C" fn(*mut c_void, *mut c_void, *mut c_void) -> c_int;

/// `klp_shadow_dtor_t`: called with the object and the data. The object may be gone.
pub type Dtor = unsafe extern "C" fn(*mut c_void, *mut c_void);

#[cfg(CONFIG_RUST)]
pub(crate) const GFP_KERNEL: u32 = kernel::bindings::GFP_KERNEL;
#[cfg(not(CONFIG_RUST))]
pub(crate) const GFP_KERNEL: u32 = 0;

#[cfg(any(CONFIG_RUST, not(test)))]
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

#[cfg(all(test, not(CONFIG_RUST)))]
pub(crate) use store::*;

/// Each thread, and so each test, has a store of its own.
#[cfg(all(test, not(CONFIG_RUST)))]
mod store {
    extern crate std;

    use super::{c_void, Ctor, Dtor};
    use core::cell::RefCell;
    use core::ptr::null_mut;
    use std::boxed::Box;
    use std::collections::BTreeMap;
    use std::vec::Vec;

    /// By object and id.
    type Data = BTreeMap<(usize, u64), Box<[u64]>>;

    std::thread_local! {
        static DATA: RefCell<Data> = const { RefCell::new(Data::new()) };
    }

    /// How many data there are.
    pub(crate) fn count() -> usize {
        DATA.with_borrow(BTreeMap::len)
    }

    pub(crate) unsafe fn klp_shadow_get(obj: *mut c_void, id: u64) -> *mut c_void {
        DATA.with_borrow_mut(|data| {
            data.get_mut(&(obj as usize, id)).map_or(null_mut(), |data| data.as_mut_ptr().cast())
        })
    }

    pub(crate) unsafe fn klp_shadow_alloc(
        obj: *mut c_void,
        id: u64,
        size: usize,
        _: u32,
        ctor: Option<Ctor>,
        ctor_data: *mut c_void,
    ) -> *mut c_void {
        // SAFETY: as the kernel does.
        unsafe {
            if !klp_shadow_get(obj, id).is_null() {
                return null_mut();
            }
            klp_shadow_get_or_alloc(obj, id, size, 0, ctor, ctor_data)
        }
    }

    pub(crate) unsafe fn klp_shadow_get_or_alloc(
        obj: *mut c_void,
        id: u64,
        size: usize,
        _: u32,
        ctor: Option<Ctor>,
        ctor_data: *mut c_void,
    ) -> *mut c_void {
        // SAFETY: as the kernel does.
        unsafe {
            let found = klp_shadow_get(obj, id);
            if !found.is_null() {
                return found;
            }
            let mut new = std::vec![0u64; size.div_ceil(8)].into_boxed_slice();
            if ctor.is_some_and(|ctor| ctor(obj, new.as_mut_ptr().cast(), ctor_data) != 0) {
                return null_mut();
            }
            DATA.with_borrow_mut(|data| data.insert((obj as usize, id), new));
            klp_shadow_get(obj, id)
        }
    }

    pub(crate) unsafe fn klp_shadow_free(obj: *mut c_void, id: u64, dtor: Option<Dtor>) {
        let gone = DATA.with_borrow_mut(|data| data.remove(&(obj as usize, id)));
        if let (Some(mut gone), Some(dtor)) = (gone, dtor) {
            // SAFETY: as the kernel does.
            unsafe { dtor(obj, gone.as_mut_ptr().cast()) };
        }
    }

    pub(crate) unsafe fn klp_shadow_free_all(id: u64, dtor: Option<Dtor>) {
        let all = DATA.with_borrow(|data| {
            data.keys().filter(|(_, of)| *of == id).map(|(obj, _)| *obj).collect::<Vec<_>>()
        });
        // SAFETY: as the kernel does.
        all.iter().for_each(|&obj| unsafe { klp_shadow_free(obj as *mut c_void, id, dtor) });
    }
}
