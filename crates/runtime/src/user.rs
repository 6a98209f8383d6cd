// SPDX-License-Identifier: GPL-2.0
//! Pointers to the memory of a program (`__user` in the kernel's source).
//!
//! The processor refuses direct accesses of the kernel to such memory (SMAP), and the memory may
//! change, be paged out, or not exist. So [`UserPtr`] cannot be dereferenced: its methods copy, as
//! `copy_from_user()` does. They may sleep, until the memory is read from a disk.
//!
//! ```
//! use kps::prelude::*;
//!
//! unsafe fn opened(filename: UserPtr<c_char>) {
//!     let mut buffer = [0; 64];
//!     // SAFETY: a system call passes the name, in a context that may sleep.
//!     if let Ok(name) = unsafe { filename.read_str(&mut buffer) } {
//!         pr_info!("{:?}\n", name);
//!     }
//! }
//! ```

use super::errno::{EFAULT, EINVAL};
use super::sys::{copy_from_user, copy_to_user, strncpy_from_user};
use core::ffi::{c_char, c_int, c_long, c_void, CStr};
use core::mem::{size_of, MaybeUninit};

/// A pointer to a `T` in the memory of the program that is running.
#[repr(transparent)]
pub struct UserPtr<T>(*mut T);

impl<T> Clone for UserPtr<T> {
    #[inline(always)]
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for UserPtr<T> {}

impl<T> UserPtr<T> {
    /// The pointer to an address of the program.
    #[inline(always)]
    pub const fn new(address: *mut T) -> Self {
        UserPtr(address)
    }

    /// The address, for kernel functions with a `__user` parameter. A read or write through it
    /// faults.
    #[inline(always)]
    pub const fn as_ptr(self) -> *mut T {
        self.0
    }

    /// Whether it is NULL.
    #[inline(always)]
    pub fn is_null(self) -> bool {
        self.0.is_null()
    }

    /// The same address with another type.
    #[inline(always)]
    pub const fn cast<U>(self) -> UserPtr<U> {
        UserPtr(self.0.cast())
    }

    /// The pointer to the value that is `count` values behind this one.
    #[inline(always)]
    pub const fn add(self, count: usize) -> Self {
        UserPtr(self.0.wrapping_add(count))
    }

    /// A copy of the value, or `-EFAULT` if the program has no such memory.
    ///
    /// # Safety
    ///
    /// Every bit pattern is a valid `T`, and the context may sleep.
    #[inline]
    pub unsafe fn read(self) -> Result<T, c_int> {
        let mut value = MaybeUninit::<T>::uninit();
        let (to, size) = (value.as_mut_ptr().cast::<c_void>(), size_of::<T>());
        // SAFETY: there is room for a `T`, and the function checks the address of the program.
        match unsafe { copy_from_user(to, self.0.cast(), size) } {
            // SAFETY: all of its bytes have been copied, and any bytes are valid.
            0 => Ok(unsafe { value.assume_init() }),
            _ => Err(-EFAULT),
        }
    }

    /// Replaces the value, or returns `-EFAULT` if the program cannot write to it.
    ///
    /// # Safety
    ///
    /// The program may see every byte of `value`, padding included, and the context may sleep.
    #[inline]
    pub unsafe fn write(self, value: T) -> Result<(), c_int> {
        let (from, size) = ((&raw const value).cast::<c_void>(), size_of::<T>());
        // SAFETY: the value is on the stack, and the function checks the address of the program.
        match unsafe { copy_to_user(self.0.cast(), from, size) } {
            0 => Ok(()),
            _ => Err(-EFAULT),
        }
    }
}

impl UserPtr<c_char> {
    /// A copy of a text, cut to the size of `buffer`; `-EFAULT` if the program has no such memory,
    /// and `-EINVAL` if the buffer is empty.
    ///
    /// # Safety
    ///
    /// The context may sleep.
    #[inline]
    pub unsafe fn read_str(self, buffer: &mut [u8]) -> Result<&CStr, c_int> {
        let Some(room) = buffer.len().checked_sub(1) else { return Err(-EINVAL) };
        let to = buffer.as_mut_ptr().cast::<c_char>();
        // SAFETY: there is room for as many bytes, and the function checks the address of the
        // program.
        let length = unsafe { strncpy_from_user(to, self.0, room as c_long) };
        let length = usize::try_from(length).map_err(|_| length as c_int)?;
        // The text may have been cut.
        if let Some(end) = buffer.get_mut(length) {
            *end = 0;
        }
        CStr::from_bytes_until_nul(buffer).map_err(|_| -EINVAL)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_copied_and_null_is_a_fault() {
        let mut value = 7_u32;
        let pointer = UserPtr::new(&raw mut value);
        // SAFETY: on the host every address that is not NULL is the program's own.
        unsafe {
            assert_eq!(pointer.read(), Ok(7));
            assert_eq!(pointer.write(8), Ok(()));
            assert_eq!(UserPtr::<u32>::new(core::ptr::null_mut()).read(), Err(-EFAULT));
        }
        assert_eq!(value, 8);
    }

    #[test]
    fn a_text_is_cut_to_its_buffer() {
        let text = UserPtr::new(c"a long text".as_ptr().cast_mut());
        let mut buffer = [0xff; 7];
        // SAFETY: on the host every address that is not NULL is the program's own.
        let read = |buffer| unsafe { text.read_str(buffer) };
        assert_eq!(read(&mut buffer), Ok(c"a long"));
        assert_eq!(read(&mut []), Err(-EINVAL));
    }
}
