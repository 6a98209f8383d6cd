// SPDX-License-Identifier: GPL-2.0
//! Per-CPU variables (`include/linux/percpu-defs.h`): a symbol or a `__percpu` pointer is an offset
//! away from each CPU's own variable.
//!
//! Pointers may be taken in any context. As in C, a task that may migrate to another CPU must
//! prevent that while it uses the pointer, and another CPU's variable needs whatever lock the
//! kernel has for it.
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

/// A per-CPU variable of the kernel. It is declared at the address of the symbol, where none of its
/// data lies.
#[repr(C)]
pub struct PerCpu<T>([u8; 0], PhantomData<*mut T>);

// SAFETY: it holds nothing. Sharing the data behind its pointers is up to its users.
unsafe impl<T> Sync for PerCpu<T> {}

impl<T> PerCpu<T> {
    /// The variable of the current CPU: `this_cpu_ptr()`. It stays this CPU's only as long as the
    /// task cannot migrate.
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

    /// The address of the symbol, for kernel functions that take a `__percpu` pointer.
    #[inline(always)]
    pub fn as_ptr(&self) -> *mut T {
        core::ptr::from_ref(self) as usize as *mut T
    }
}

/// The address behind a `__percpu` pointer on the current CPU, valid while the task stays on it.
#[inline(always)]
pub fn this_cpu_ptr<T>(ptr: *mut T) -> *mut T {
    (ptr as usize).wrapping_add(this_cpu_offset()) as *mut T
}

/// The address behind a `__percpu` pointer on a given CPU.
///
/// # Safety
///
/// `cpu` is the number of a possible CPU.
#[inline(always)]
pub unsafe fn per_cpu_ptr<T>(ptr: *mut T, cpu: c_int) -> *mut T {
    // SAFETY: the kernel has an offset for every possible CPU, and the offsets are constant after
    // boot.
    let offset = unsafe { *(*addr_of!(__per_cpu_offset)).as_ptr().add(cpu as usize) };
    (ptr as usize).wrapping_add(offset) as *mut T
}
