// SPDX-License-Identifier: GPL-2.0
//! The stack frame that a pre-only entry leaves for its hook.
//!
//! Generated hooks read the arguments from the frame with their types, run the author's text and
//! write them back. The position of an argument follows from the prototype and the C ABI. The frame
//! is on the stack of the task that runs the hook, in the context of the old function's caller.

use super::arch::ARGUMENT_REGISTERS;

/// The arguments of a hooked function, as its caller passed them, for a hook to read and change.
///
/// The layout is that of the pushes in the entry's assembly (`pre_entry!`), followed by what the
/// call instruction and the caller pushed. `STACK` is the number of words of arguments on the
/// stack.
#[repr(C)]
#[derive(Debug)]
pub struct Frame<const STACK: usize> {
    /// The registers that carry arguments, in the order of the C ABI.
    pub args: [u64; ARGUMENT_REGISTERS],
    /// Whether the original runs: generated hooks set it to 1 at their end. If it is still 0,
    /// because the author's text has returned before, the hook's return value goes to the caller
    /// instead.
    pub go_on: u64,
    /// The return address.
    pub return_address: u64,
    /// The arguments that the caller left on the stack.
    pub stack: [u64; STACK],
}

/// Reads a struct or union that is passed by value from the words that carry it.
///
/// ```
/// use kps::frame;
///
/// #[derive(Clone, Copy)]
/// #[repr(C)]
/// struct Range {
///     start: u32,
///     end: u32,
/// }
/// let mut words = [0x0000_0009_0000_0001_u64];
/// // SAFETY: a register carries both members, the first one in its low half.
/// let mut range: Range = unsafe { frame::take(&words) };
/// assert_eq!((range.start, range.end), (1, 9));
/// range.end = 4;
/// frame::put(&mut words, range);
/// assert_eq!(words, [0x0000_0004_0000_0001]);
/// ```
///
/// # Safety
///
/// The words hold a `T`, which is not larger than they are.
pub unsafe fn take<T: Copy>(words: &[u64]) -> T {
    const { assert!(core::mem::align_of::<T>() <= core::mem::align_of::<u64>()) };
    // SAFETY: the caller vouches for the value, and words are aligned for it.
    unsafe { words.as_ptr().cast::<T>().read() }
}

/// Writes a struct or union back into the words that carry it, at most as many bytes as they have.
pub fn put<T: Copy>(words: &mut [u64], value: T) {
    let size = core::mem::size_of::<T>().min(core::mem::size_of_val(words));
    // SAFETY: no more is written than there are words, and bytes can be written anywhere.
    unsafe {
        core::ptr::copy_nonoverlapping(
            (&raw const value).cast::<u8>(),
            words.as_mut_ptr().cast(),
            size,
        )
    };
}

/// A return value that is never used: the entry discards it when [`Frame::go_on`] is set.
///
/// # Safety
///
/// All bytes zero must be a value of `T`, as for every C scalar, pointer and struct of those.
pub const unsafe fn unread<T>() -> T {
    // SAFETY: the caller vouches for zero.
    unsafe { core::mem::zeroed() }
}

// The assembly in `shim.rs` relies on these offsets.
const _: () = assert!(core::mem::offset_of!(Frame<0>, go_on) == 48);
const _: () = assert!(core::mem::offset_of!(Frame<1>, stack) == 64);
