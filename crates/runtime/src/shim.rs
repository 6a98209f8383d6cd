// SPDX-License-Identifier: GPL-2.0
//! The few instructions between a patched function and its Rust body.
//!
//! rustc gives no function an ftrace site, and no Rust function can jump into the middle of another
//! one. These macros emit the three assembly snippets that a livepatch needs, as the kernel's own
//! compiler would: with a landing pad, a traceable site, call padding and the return thunk where
//! the configuration has them. Each architecture has its own (`arch/`).
//!
//! They guarantee two things. *While code of the module runs for a function, an address between
//! `new_func` and its end is on the stack*, so the kernel's consistency check waits for it
//! (`klp_check_stack_func()` in `kernel/livepatch/transition.c`): an entry calls its body, it never
//! jumps to it. *Under a pre-only hook nothing of the module is on the stack while the original
//! runs*, so such a hook never delays unloading.
//!
//! The names are the kernel's and the patch's: `STEM` is the old function's name, `livepatch_STEM`
//! what `new_func` points to, `kps_body_STEM` the Rust function, and `kps_orig_STEM` the old
//! function as the body can call it. `old` is the symbol of the old function, and `skip` the bytes
//! from its address to the instruction behind its ftrace site.
//!
//! The called code runs in the context of the old function's caller, on its stack.
//!
//! ```
//! extern "C" {
//!     /// What `new_func` points to.
//!     fn livepatch_cmdline_proc_show();
//! }
//! kps::shim::entry!("cmdline_proc_show", stack_words = 0);
//!
//! #[no_mangle]
//! unsafe extern "C" fn kps_body_cmdline_proc_show() {
//!     // Runs in the place of `cmdline_proc_show`.
//! }
//! ```
//!
//! They name everything by paths from the root of a crate, so no item of the patch can change what
//! they emit. Their own names start with `kps_`: an exported macro is at the root of its crate,
//! which may be that of a patch.

#[doc(inline)]
pub use super::arch::{entry, function, original, pre_entry, pre_entry_in_memory, traceable};

/// The meanings of the symbols `kps.sym.HASH`, for the linking of the module. The section is not
/// loaded.
#[cfg(kps_kernel)]
#[doc(hidden)]
#[macro_export]
macro_rules! kps_long_names {
    ($($name:literal),*) => {
        ::core::arch::global_asm!(
            ".pushsection .comment.kps, \"\"",
            $(::core::concat!(".asciz \"", $name, "\""),)*
            ".popsection",
        );
    };
}

/// The meanings of the symbols `kps.sym.HASH`. The host links no module.
#[cfg(not(kps_kernel))]
#[doc(hidden)]
#[macro_export]
macro_rules! kps_long_names {
    ($($name:literal),*) => {};
}
#[doc(inline)]
pub use kps_long_names as long_names;
