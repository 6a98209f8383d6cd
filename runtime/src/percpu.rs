// SPDX-License-Identifier: GPL-2.0
//! Per-CPU variables: what a symbol or a `__percpu` pointer says is an offset away from every CPU's own.

use super::flexible_array::FlexibleArray;
use core::ffi::c_int;
use core::marker::PhantomData;
use core::ptr::addr_of;

extern "C" {
    static __per_cpu_offset: FlexibleArray<usize>;
    static this_cpu_off: usize;
}

/// A per-CPU variable of the kernel. It is declared where the linker has put the symbol, and nothing of it lies there.
#[repr(C)]
pub struct PerCpu<T>([u8; 0], PhantomData<*mut T>);

// SAFETY: it holds nothing. What its pointers lead to is its users' to share.
unsafe impl<T> Sync for PerCpu<T> {}

impl<T> PerCpu<T> {
    /// The variable of the CPU that runs this. It stays this CPU's only as long as the task cannot move to another one.
    #[inline(always)]
    pub fn this_cpu_ptr(&self) -> *mut T {
        this_cpu_ptr(self.as_ptr())
    }

    /// The variable of a CPU.
    ///
    /// # Safety
    ///
    /// `cpu` is the number of a possible CPU.
    #[inline(always)]
    pub unsafe fn per_cpu_ptr(&self, cpu: c_int) -> *mut T {
        // SAFETY: the caller vouches for the number.
        unsafe { per_cpu_ptr(self.as_ptr(), cpu) }
    }

    /// The variable as the symbol says it, for the kernel's functions that take a `__percpu` pointer.
    #[inline(always)]
    pub fn as_ptr(&self) -> *mut T {
        core::ptr::from_ref(self) as usize as *mut T
    }
}

/// What a `__percpu` pointer means on the CPU that runs this.
#[inline(always)]
pub fn this_cpu_ptr<T>(ptr: *mut T) -> *mut T {
    let offset: usize;
    // SAFETY: `gs` is the base of this CPU's variables wherever the kernel runs C or Rust, and this one holds its offset.
    unsafe {
        core::arch::asm!(
            "mov {offset}, qword ptr gs:[rip + {this_cpu_off}]",
            offset = out(reg) offset,
            this_cpu_off = sym this_cpu_off,
            options(nostack, preserves_flags, readonly),
        );
    }
    (ptr as usize).wrapping_add(offset) as *mut T
}

/// What a `__percpu` pointer means on some CPU.
///
/// # Safety
///
/// `cpu` is the number of a possible CPU.
#[inline(always)]
pub unsafe fn per_cpu_ptr<T>(ptr: *mut T, cpu: c_int) -> *mut T {
    // SAFETY: the kernel has an offset for every possible CPU, and they stay as they are when it has booted.
    let offset = unsafe { *(*addr_of!(__per_cpu_offset)).as_ptr().add(cpu as usize) };
    (ptr as usize).wrapping_add(offset) as *mut T
}
