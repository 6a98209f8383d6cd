// SPDX-License-Identifier: GPL-2.0
//! Error numbers as Rust's errors.

use core::ffi::c_int;

/// A negative error number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Error(c_int);

/// A result of the kernel.
pub type Result<T = (), E = Error> = core::result::Result<T, E>;

impl Error {
    /// The negative error number.
    pub const fn to_errno(self) -> c_int {
        self.0
    }
}

/// The errors that generated code returns.
pub mod code {
    /// The module cannot be used with this kernel.
    pub const ENOEXEC: super::Error = super::Error(-8);
}

/// The error of a negative number.
pub fn to_result(status: c_int) -> Result {
    if status < 0 {
        Err(Error(status))
    } else {
        Ok(())
    }
}
