// SPDX-License-Identifier: GPL-2.0
//! What a pre-only entry leaves on the stack for its hook.

/// The arguments of a hooked function, as its caller passed them, for a hook to read and change.
///
/// The layout is that of the pushes in the entry's assembly (`pre_entry!` in `shim.rs`), followed by what the call
/// instruction and the caller had put on the stack. `STACK` is the number of eight-byte arguments after the sixth.
#[repr(C)]
#[derive(Debug)]
pub struct Frame<const STACK: usize> {
    /// Arguments 0 to 5, in the order of the x86-64 C ABI: `rdi`, `rsi`, `rdx`, `rcx`, `r8`, `r9`.
    pub args: [u64; 6],
    /// Whether the original runs. As long as it is 0 the hook's return value goes to the caller instead.
    pub go_on: u64,
    /// Where the caller continues.
    pub return_address: u64,
    /// Arguments 6 and up.
    pub stack: [u64; STACK],
}

/// A return value that nobody looks at: the entry discards it when [`Frame::go_on`] is set.
///
/// # Safety
///
/// All bytes zero must be a value of `T`, as they are of every C scalar, pointer and struct of those.
pub const unsafe fn unread<T>() -> T {
    // SAFETY: the caller vouches for zero.
    unsafe { core::mem::zeroed() }
}

// The assembly in `shim.rs` counts on these places.
const _: () = assert!(core::mem::offset_of!(Frame<0>, go_on) == 48);
const _: () = assert!(core::mem::offset_of!(Frame<1>, stack) == 64);
