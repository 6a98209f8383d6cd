// SPDX-License-Identifier: GPL-2.0
//! Per-CPU variables (`include/linux/percpu-defs.h`): what a symbol or a `__percpu` pointer says is
//! an offset away from every CPU's own.
//!
//! Pointers may be taken in any context. Whose variable they lead to, and who else uses it, is as
//! in C: a task that may be moved to another CPU has to keep itself from that for as long as it
//! uses the pointer, and another CPU's variable needs whatever lock the kernel has for it.
//!
//! ```no_run
//! use kps::percpu::PerCpu;
//! use kps::prelude::*;
//!
//! extern "C" {
//!     static numa_node: PerCpu<c_int>;
//! }
//! // SAFETY: there is a CPU 0, and a number is read as a whole.
//! let (mine, first) = unsafe {
//!     (numa_node.this_cpu_ptr().read_volatile(), numa_node.per_cpu_ptr(0).read_volatile())
//! };
//! # let _ = (mine, first);
//! ```

use super::arch::this_cpu_offset;
use super::flexible_array::FlexibleArray;
use core::ffi::c_int;
use core::marker::PhantomData;
use core::ptr::addr_of;

extern "C" {
    static __per_cpu_offset: FlexibleArray<usize>;
}

/// A per-CPU variable of the kernel. It is declared where the linker has put the symbol, and
/// nothing of it lies there.
#[repr(C)]
pub struct PerCpu<T>([u8; 0], PhantomData<*mut T>);

// SAFETY: it holds nothing. What its pointers lead to is its users' to share.
unsafe impl<T> Sync for PerCpu<T> {}

impl<T> PerCpu<T> {
    /// The variable of the CPU that runs this: `this_cpu_ptr()`. It stays this CPU's only as long
    /// as the task cannot move to another one.
    #[inline(always)]
    pub fn this_cpu_ptr(&self) -> *mut T {
        this_cpu_ptr(self.as_ptr())
    }

    /// The variable of a CPU: `per_cpu_ptr()`.
    ///
    /// # Safety
    ///
    /// `cpu` is the number of a possible CPU.
    #[inline(always)]
    pub unsafe fn per_cpu_ptr(&self, cpu: c_int) -> *mut T {
        // SAFETY: the caller vouches for the number.
        unsafe { per_cpu_ptr(self.as_ptr(), cpu) }
    }

    /// The variable as the symbol says it, for the kernel's functions that take a `__percpu`
    /// pointer.
    #[inline(always)]
    pub fn as_ptr(&self) -> *mut T {
        core::ptr::from_ref(self) as usize as *mut T
    }
}

/// What a `__percpu` pointer means on the CPU that runs this, for as long as the task stays on it.
#[inline(always)]
pub fn this_cpu_ptr<T>(ptr: *mut T) -> *mut T {
    (ptr as usize).wrapping_add(this_cpu_offset()) as *mut T
}

/// What a `__percpu` pointer means on some CPU.
///
/// # Safety
///
/// `cpu` is the number of a possible CPU.
#[inline(always)]
pub unsafe fn per_cpu_ptr<T>(ptr: *mut T, cpu: c_int) -> *mut T {
    // SAFETY: the kernel has an offset for every possible CPU, and they stay as they are when it
    // has booted.
    let offset = unsafe { *(*addr_of!(__per_cpu_offset)).as_ptr().add(cpu as usize) };
    (ptr as usize).wrapping_add(offset) as *mut T
}
