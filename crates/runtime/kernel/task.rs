// SPDX-License-Identifier: GPL-2.0
//! Tasks: as much of `rust/kernel/task.rs` as patches use.

use core::cell::UnsafeCell;
use core::ffi::{c_int, c_void};

/// A task of the kernel: a `struct task_struct`, whose members the patch names through BTF.
#[repr(transparent)]
pub struct Task(UnsafeCell<[u8; 0]>);

extern "C" {
    fn kps_inline_current() -> *mut Task;
    fn kps_inline_task_pid(task: *const Task) -> c_int;
}

impl Task {
    /// The running task.
    #[doc(hidden)]
    #[inline]
    pub fn current<'a>() -> &'a Task {
        // SAFETY: the running task exists as long as it runs.
        unsafe { &*kps_inline_current() }
    }

    /// The `struct task_struct`.
    #[inline]
    pub fn as_ptr(&self) -> *mut c_void {
        self.0.get().cast()
    }

    /// Its PID in the initial namespace.
    #[inline]
    pub fn pid(&self) -> c_int {
        // SAFETY: the task exists as long as `self` is borrowed.
        unsafe { kps_inline_task_pid(self) }
    }
}

/// The running task.
#[macro_export]
macro_rules! current {
    () => {
        $crate::task::Task::current()
    };
}
