// SPDX-License-Identifier: GPL-2.0
//! The kernel's shadow functions (`include/linux/livepatch.h`). On the host, a store that does as they do.

#[cfg(not(CONFIG_RUST))]
pub(crate) use super::host::shadow::*;
use core::ffi::{c_int, c_void};

/// `klp_shadow_ctor_t`: called with the object, the new data and what the caller gives.
pub type Ctor = unsafe extern "C" fn(*mut c_void, *mut c_void, *mut c_void) -> c_int;

/// `klp_shadow_dtor_t`: called with the object and the data. The object may be gone.
pub type Dtor = unsafe extern "C" fn(*mut c_void, *mut c_void);

#[cfg(CONFIG_RUST)]
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
