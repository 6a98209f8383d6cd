// SPDX-License-Identifier: GPL-2.0
//! Flexible array members: `items[]` at the end of a struct, whose length the type does not tell
//! (`Documentation/process/deprecated.rst` says how the kernel's own code uses them).
//!
//! ```
//! use kps::flexible_array::FlexibleArray;
//!
//! #[repr(C)]
//! struct Group {
//!     count: u32,
//!     members: FlexibleArray<u32>,
//! }
//! let memory = [2_u32, 7, 9];
//! let group = memory.as_ptr().cast::<Group>();
//! // SAFETY: there is a group, with as many members as it says.
//! let (first, count) = unsafe { ((*group).members.as_ptr(), (*group).count as usize) };
//! // SAFETY: as above.
//! let members = unsafe { core::slice::from_raw_parts(first, count) };
//! assert_eq!(members, [7, 9]);
//! ```

/// A C array with as many elements as were allocated. As a member it has no size.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct FlexibleArray<T>([T; 0]);

impl<T> FlexibleArray<T> {
    /// The first element. The struct that contains the array knows how many there are.
    #[inline(always)]
    pub fn as_ptr(&self) -> *const T {
        // A pointer derived from the reference would reach no element, because the reference covers
        // none. C has exposed this address together with all elements.
        core::ptr::from_ref(self) as usize as *const T
    }

    /// The first element, to be changed. The caller must know whether others read it concurrently.
    #[inline(always)]
    pub fn as_mut_ptr(&mut self) -> *mut T {
        core::ptr::from_mut(self) as usize as *mut T
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[repr(C)]
    struct Counted {
        count: u32,
        items: FlexibleArray<u16>,
    }

    #[test]
    fn elements_are_behind_the_struct() {
        let mut memory = [3u32, 0x0002_0001, 0x0000_0003];
        let counted = memory.as_mut_ptr() as usize as *mut Counted;
        // SAFETY: there is memory for four elements.
        let items = unsafe {
            *(*counted).items.as_mut_ptr().add(1) = 9;
            core::slice::from_raw_parts((*counted).items.as_ptr(), (*counted).count as usize)
        };
        assert_eq!(items, [1, 9, 3]);
        assert_eq!(core::mem::size_of::<Counted>(), 4);
    }
}
