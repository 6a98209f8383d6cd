// SPDX-License-Identifier: GPL-2.0
//! Module parameters, as bodies read them.
//!
//! The kernel writes a parameter when the module is loaded and on every write to its sysfs file,
//! which may happen at any time on any CPU (`kernel/params.c`). So a body never holds a reference
//! to the value: it copies it with one load, or holds the lock that writers take.
//!
//! A parameter is a static of one of these types; a `struct kernel_param`
//! (`include/linux/moduleparam.h`) points to it.
//!
//! ```
//! use kps::param::{Array, Charp, Param};
//!
//! static LIMIT: Param<u32> = Param::new(16);
//! static NAME: Charp = Charp::new(c"eth0");
//! static PORTS: Array<u16, 4> = Array::new([80, 443, 0, 0], 2);
//!
//! assert_eq!((LIMIT.get(), NAME.get(), PORTS.get(1), PORTS.get(2)), (16, c"eth0", Some(443), None));
//! ```

#[cfg(not(kps_kernel))]
use super::host::params::*;
use core::cell::UnsafeCell;
use core::ffi::{c_char, c_uint, CStr};

/// A type that the kernel writes, and bodies read, with one instruction.
///
/// # Safety
///
/// Aligned loads and stores of the type are atomic on every machine that it is compiled for, and
/// the kernel writes only valid values of it.
pub unsafe trait Scalar: Copy {}

macro_rules! scalars {
    ($($ty:ty)*) => {
        $(
            // SAFETY: a type of at most eight bytes, which `param_set_*` writes as a whole; to a
            // bool it writes 0 or 1.
            unsafe impl Scalar for $ty {}
        )*
    };
}

scalars!(bool u8 i16 u16 i32 u32 i64 u64 isize usize);

/// A `bool` or an integer, which the kernel may write at any time.
#[repr(transparent)]
#[derive(Debug)]
pub struct Param<T>(UnsafeCell<T>);

// SAFETY: readers use a single load, and writers a single store.
unsafe impl<T: Scalar> Sync for Param<T> {}

impl<T: Scalar> Param<T> {
    /// A parameter with this default value.
    pub const fn new(default: T) -> Self {
        Param(UnsafeCell::new(default))
    }

    /// The current value. Two calls may return two values. It may be called in any context.
    #[inline]
    pub fn get(&self) -> T {
        // SAFETY: it is a static, so it exists, and it is only loaded.
        unsafe { self.0.get().read_volatile() }
    }

    /// The address that the kernel writes to: `kernel_param.arg`.
    pub const fn as_ptr(&self) -> *mut T {
        self.0.get()
    }
}

/// An array of at most `N` elements, which the kernel may write at any time, one element after the
/// other. If several elements must be consistent, the file must not be writable.
///
/// Files in C of the patch read it as a struct of these members.
#[repr(C)]
#[derive(Debug)]
pub struct Array<T, const N: usize> {
    values: UnsafeCell<[T; N]>,
    len: UnsafeCell<c_uint>,
}

// SAFETY: every element and the length are read with single loads and written with single stores.
unsafe impl<T: Scalar, const N: usize> Sync for Array<T, N> {}

impl<T: Scalar, const N: usize> Array<T, N> {
    /// A parameter that defaults to the first `len` of these values.
    pub const fn new(values: [T; N], len: c_uint) -> Self {
        Array { values: UnsafeCell::new(values), len: UnsafeCell::new(len) }
    }

    /// The current number of elements. During a write, it grows with every element.
    pub fn len(&self) -> usize {
        // SAFETY: it is a static, so it exists, and it is only loaded.
        let len = unsafe { self.len.get().read_volatile() };
        (len as usize).min(N)
    }

    /// Whether it has no elements now.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// An element, if the index is below the current number.
    pub fn get(&self, index: usize) -> Option<T> {
        if index >= self.len() {
            return None;
        }
        // SAFETY: the index is below `N`, and the element is only loaded.
        Some(unsafe { self.as_ptr().add(index).read_volatile() })
    }

    /// The maximum number of elements.
    pub const fn max(&self) -> c_uint {
        N as c_uint
    }

    /// The address of the elements, for the kernel: `kparam_array.elem`.
    pub const fn as_ptr(&self) -> *mut T {
        self.values.get().cast()
    }

    /// The address of their number, for the kernel: `kparam_array.num`.
    pub const fn len_ptr(&self) -> *mut c_uint {
        self.len.get()
    }
}

/// A string that is set when the module is loaded, and never after: its file, if it has one, is not
/// writable.
#[repr(transparent)]
#[derive(Debug)]
pub struct Charp(UnsafeCell<*const c_char>);

// SAFETY: the kernel writes it before `init` runs, when no other code knows of it.
unsafe impl Sync for Charp {}

impl Charp {
    /// A parameter with this default value.
    #[inline]
    pub const fn new(default: &'static CStr) -> Self {
        Charp(UnsafeCell::new(default.as_ptr()))
    }

    /// The value. It may be called in any context.
    #[inline]
    pub fn get(&self) -> &CStr {
        // SAFETY: `param_set_charp()` stores a string that lives until the module is unloaded.
        unsafe { CStr::from_ptr(*self.0.get()) }
    }

    /// The address of the pointer to the string, for the kernel.
    #[inline]
    pub const fn as_ptr(&self) -> *mut *const c_char {
        self.0.get()
    }
}

/// A string that may change at any time: a write to its file frees the old one.
#[repr(transparent)]
#[derive(Debug)]
pub struct SharedCharp(UnsafeCell<*const c_char>);

// SAFETY: it is read and written under the lock of the module's parameters only.
unsafe impl Sync for SharedCharp {}

impl SharedCharp {
    /// A parameter with this default value.
    #[inline]
    pub const fn new(default: &'static CStr) -> Self {
        SharedCharp(UnsafeCell::new(default.as_ptr()))
    }

    /// Calls a function with the current value, which cannot change during the call.
    ///
    /// The lock is the mutex of the module's parameters (`kernel_param_lock()`): this may sleep,
    /// and must not be called recursively.
    ///
    /// ```
    /// use kps::param::SharedCharp;
    ///
    /// static LABEL: SharedCharp = SharedCharp::new(c"old");
    /// assert_eq!(LABEL.with(|label| label.to_bytes().len()), 3);
    /// ```
    pub fn with<R>(&self, read: impl FnOnce(&CStr) -> R) -> R {
        let module = core::ptr::addr_of!(__this_module).cast_mut();
        // SAFETY: the loader initialises the lock of a module before it parses parameters. While it
        // is held the string is not freed, and `read` cannot keep its borrow.
        unsafe {
            kernel_param_lock(module);
            let result = read(CStr::from_ptr(*self.0.get()));
            kernel_param_unlock(module);
            result
        }
    }

    /// The address of the pointer to the string, for the kernel.
    #[inline]
    pub const fn as_ptr(&self) -> *mut *const c_char {
        self.0.get()
    }
}

#[cfg(kps_kernel)]
extern "C" {
    /// The `struct module` of this module.
    static __this_module: u8;
    fn kernel_param_lock(module: *mut u8);
    fn kernel_param_unlock(module: *mut u8);
}

/// A parameter's record for the kernel: an array of `struct kernel_param` for the section
/// `__param`, or a `struct kparam_array`. Its pointers may be shared because only the kernel
/// follows them.
#[repr(transparent)]
#[derive(Debug)]
pub struct Record<T>(pub T);

// SAFETY: it never changes.
unsafe impl<T> Sync for Record<T> {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kernel_writes_is_what_is_read() {
        static PARAM: Param<i32> = Param::new(-7);
        assert_eq!(PARAM.get(), -7);
        // SAFETY: no other test uses it.
        unsafe { PARAM.as_ptr().write(8) };
        assert_eq!(PARAM.get(), 8);
    }

    #[test]
    fn an_array_has_the_elements_that_were_given_and_no_more() {
        static PARAM: Array<u8, 3> = Array::new([1, 2, 0], 2);
        let all = || [0, 1, 2, 3].map(|n| PARAM.get(n));
        assert_eq!(all(), [Some(1), Some(2), None, None]);
        // SAFETY: no other test uses it.
        unsafe { PARAM.len_ptr().write(99) };
        assert_eq!((PARAM.len(), all()), (3, [Some(1), Some(2), Some(0), None]));
        // SAFETY: as above.
        unsafe { PARAM.len_ptr().write(0) };
        assert!(PARAM.is_empty() && all() == [None; 4]);
    }

    #[test]
    fn a_text_is_what_the_pointer_leads_to() {
        static PARAM: Charp = Charp::new(c"eth0");
        assert_eq!(PARAM.get(), c"eth0");
        // SAFETY: no other test uses it.
        unsafe { PARAM.as_ptr().write(c"lo".as_ptr()) };
        assert_eq!(PARAM.get(), c"lo");
    }
}
