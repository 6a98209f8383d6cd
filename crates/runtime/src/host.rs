// SPDX-License-Identifier: GPL-2.0
//! Stands in for the kernel on the host, in `cargo check` and `cargo test` of a patch.
//!
//! Messages go to standard error, memory flags have no effect, and each thread, and so each test,
//! has its own store of shadow data. A kernel build has none of this.

extern crate std;

use core::ffi::{c_char, c_int, c_long, c_void, CStr};
use core::fmt::Arguments;

/// `GFP_ATOMIC` of `include/linux/gfp_types.h`: memory without sleeping, from the reserves if need
/// be.
pub const GFP_ATOMIC: u32 = 0x820;
/// `GFP_KERNEL`: the allocation may sleep.
pub const GFP_KERNEL: u32 = 0xcc0;
/// `GFP_NOWAIT`: memory without sleeping.
pub const GFP_NOWAIT: u32 = 0x2800;

/// Prints a message that the kernel would log. As there, the text ends its own line.
#[doc(hidden)]
pub fn print(text: Arguments<'_>) {
    std::eprint!("{text}");
}

/// Prints a message, as the kernel's macro of this name logs it: the arguments are those of
/// `format!`, and the text ends its own line.
///
/// ```
/// use kps::prelude::*;
///
/// pr_info!("{} of {} are there\n", 2, 3);
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! kps_print {
    ($($argument:tt)+) => {
        $crate::host::print(::core::format_args!($($argument)+))
    };
}
#[doc(inline)]
pub use {
    kps_print as pr_alert, kps_print as pr_crit, kps_print as pr_debug, kps_print as pr_emerg,
    kps_print as pr_err, kps_print as pr_info, kps_print as pr_notice, kps_print as pr_warn,
};

extern "C" {
    fn printf(format: *const c_char, ...) -> c_int;
}

/// `_printk()`, which takes the same formats. The level is a part of the text here.
pub(crate) const PRINTK: Option<unsafe extern "C" fn(*const c_char, ...) -> c_int> = Some(printf);

/// `copy_from_user()`: the number of bytes that could not be copied. Here only NULL cannot.
///
/// # Safety
///
/// Both addresses, if they are not NULL, are those of so many bytes.
pub unsafe fn copy_from_user(to: *mut c_void, from: *const c_void, count: usize) -> usize {
    if to.is_null() || from.is_null() {
        return count;
    }
    // SAFETY: the caller vouches for the addresses.
    unsafe { core::ptr::copy(from.cast::<u8>(), to.cast::<u8>(), count) };
    0
}

/// `copy_to_user()`, likewise.
///
/// # Safety
///
/// As of [`copy_from_user`].
pub unsafe fn copy_to_user(to: *mut c_void, from: *const c_void, count: usize) -> usize {
    // SAFETY: the caller vouches for the addresses.
    unsafe { copy_from_user(to, from, count) }
}

/// `strncpy_from_user()`: the length of the text, which is cut, or `-EFAULT` for NULL.
///
/// # Safety
///
/// `from` is a text and `to` has room for `count` bytes, if they are not NULL.
pub unsafe fn strncpy_from_user(to: *mut c_char, from: *const c_char, count: c_long) -> c_long {
    if to.is_null() || from.is_null() {
        return -c_long::from(super::errno::EFAULT);
    }
    // SAFETY: the caller vouches for both.
    unsafe {
        let length = CStr::from_ptr(from).count_bytes().min(count as usize);
        core::ptr::copy(from, to, length);
        if length < count as usize {
            *to.add(length) = 0;
        }
        length as c_long
    }
}

/// The struct that contains a field, from a pointer to the field. As in the kernel the expression
/// is unsafe: the pointer must be to that field of such a struct.
///
/// ```
/// use kps::prelude::*;
///
/// struct Pair {
///     first: u32,
///     second: u64,
/// }
/// let mut pair = Pair { first: 1, second: 2 };
/// let second = addr_of_mut!(pair.second);
/// // SAFETY: the field is that of a `Pair`.
/// assert_eq!(unsafe { (*container_of!(second, Pair, second)).first }, 1);
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! kps_container_of {
    ($field:expr, $container:ty, $($name:tt)+) => {
        $field.byte_sub(::core::mem::offset_of!($container, $($name)+)).cast::<$container>()
    };
}
#[doc(inline)]
pub use kps_container_of as container_of;

/// The current task: `kernel::current!()`, which gives a reference there too.
///
/// ```
/// use kps::prelude::*;
///
/// assert!(kernel::current!().as_ptr().is_null());
/// ```
#[doc(hidden)]
#[macro_export]
macro_rules! kps_current {
    () => {
        &$crate::host::kernel::Task
    };
}

/// The crate `kernel`, as far as bodies use its paths.
pub mod kernel {
    #[doc(inline)]
    pub use kps_current as current;

    /// `kernel::task::Task`; the host has none.
    #[derive(Debug)]
    pub struct Task;

    impl Task {
        /// The task's `task_struct`: null on the host.
        pub fn as_ptr(&self) -> *mut core::ffi::c_void {
            core::ptr::null_mut()
        }
    }
}

/// `mutex_lock()`, on the host of nothing.
pub(crate) unsafe fn mutex_lock(_: *mut core::ffi::c_void) {}

/// `mutex_unlock()`.
pub(crate) unsafe fn mutex_unlock(_: *mut core::ffi::c_void) {}

/// The locks of `kernel/params.c`. On the host parameters are never written.
pub(crate) mod params {
    /// The host has no modules.
    #[allow(non_upper_case_globals, reason = "that is its name in the kernel")]
    pub(crate) static __this_module: u8 = 0;

    pub(crate) unsafe fn kernel_param_lock(_: *mut u8) {}
    pub(crate) unsafe fn kernel_param_unlock(_: *mut u8) {}
}

/// The kernel's shadow functions (`kernel/livepatch/shadow.c`), for one thread.
pub(crate) mod shadow {
    use super::super::klp::{Ctor, Dtor};
    use super::std;
    use core::cell::RefCell;
    use core::ffi::c_void;
    use core::ptr::null_mut;
    use std::boxed::Box;
    use std::collections::BTreeMap;
    use std::vec::Vec;

    /// By object and id.
    type Data = BTreeMap<(usize, u64), Box<[u64]>>;

    std::thread_local! {
        static DATA: RefCell<Data> = const { RefCell::new(Data::new()) };
    }

    /// The number of data.
    #[cfg(test)]
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
        // SAFETY: as the kernel calls it.
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
        // SAFETY: as the kernel calls it.
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
            // SAFETY: as the kernel calls it.
            unsafe { dtor(obj, gone.as_mut_ptr().cast()) };
        }
    }

    pub(crate) unsafe fn klp_shadow_free_all(id: u64, dtor: Option<Dtor>) {
        let all = DATA.with_borrow(|data| {
            data.keys().filter(|(_, of)| *of == id).map(|(obj, _)| *obj).collect::<Vec<_>>()
        });
        // SAFETY: as the kernel calls it.
        all.iter().for_each(|&obj| unsafe { klp_shadow_free(obj as *mut c_void, id, dtor) });
    }
}
