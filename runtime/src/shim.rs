// SPDX-License-Identifier: GPL-2.0
//! The few instructions between a patched function and its Rust body.
//!
//! rustc gives no function an `__fentry__` site, and no Rust function can jump into the middle of another one. These
//! macros write the three pieces of assembly that a livepatch needs, the way the kernel's own compiler would: with
//! ENDBR, a traceable site, call padding and the return thunk where the configuration has them.
//!
//! They keep two promises. *While code of the module runs for a function, an address between `new_func` and its end is
//! on the stack*, so the kernel's consistency check waits for it (`klp_check_stack_func()` in
//! `kernel/livepatch/transition.c`): an entry calls its body, it never jumps to it. *Under a pre-only hook nothing of
//! the module is on the stack while the original runs*, so such a hook never delays unloading.
//!
//! The names are the kernel's and the patch's: `STEM` is the old function's name, `livepatch_STEM` what `new_func` points to,
//! `kps_body_STEM` the Rust function, and `kps_orig_STEM` the old function as the body can call it. `old` is the symbol of the old
//! function, and `skip` the bytes from its start to behind its ftrace site: 5, or 9 where an ENDBR stands first.
//!
//! What is called runs in whatever context the old function was called in, on its stack.
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
//! They name each other as `kps::shim`, which has to be in scope where they are used. Their own names start with `kps_`: a
//! macro that other crates can use is at the root of its crate, which may be that of a patch.

/// Writes a function: the symbol, its padding, the given lines, its size.
///
/// The 16 NOPs in front are the room that call depth tracking expects there (`CONFIG_CALL_PADDING`).
#[cfg(kps_kernel)]
#[doc(hidden)]
#[macro_export]
macro_rules! kps_function {
    ($name:expr; $($line:expr,)*; $($operand:ident = $value:expr),*) => {
        ::core::arch::global_asm!(
            ".pushsection .text, \"ax\", @progbits",
            ".balign 16",
            ".skip 16, 0x90",
            concat!(".globl ", $name),
            concat!(".type ", $name, ", @function"),
            concat!($name, ":"),
            $($line,)*
            concat!(".size ", $name, ", . - ", $name),
            ".popsection",
            $($operand = const $value,)*
            options(att_syntax)
        );
    };
}

/// Writes a function: the symbol, its padding, the given lines, its size. On the host there is no kernel to patch, and it writes
/// none.
#[cfg(not(kps_kernel))]
#[doc(hidden)]
#[macro_export]
macro_rules! kps_function {
    ($name:expr; $($line:expr,)*; $($operand:ident = $value:expr),*) => {};
}
#[doc(inline)]
pub use kps_function as function;

/// The same for a function that ftrace can see: it starts with ENDBR and an `__fentry__` site and ends with a return.
#[doc(hidden)]
#[macro_export]
macro_rules! kps_traceable {
    ($name:expr; $($line:expr,)*; $($operand:ident = $value:expr),*) => {
        kps::shim::function!(
            $name;
            // ftrace reaches `new_func` through a register.
            ".if {ibt}",
            "endbr64",
            ".endif",
            "771: call __fentry__",
            $($line,)*
            // RET of arch/x86/include/asm/linkage.h.
            ".if {rethunk}",
            "jmp __x86_return_thunk",
            ".else",
            "ret",
            "int3",
            ".endif",
            // The site's place in ftrace's table. objtool writes it where the kernel relies on objtool for that.
            ".if {mcount}",
            ".pushsection __mcount_loc, \"a\", @progbits",
            ".balign 8",
            ".quad 771b",
            ".popsection",
            ".endif",
            ;
            ibt = cfg!(CONFIG_X86_KERNEL_IBT) as u32,
            rethunk = cfg!(CONFIG_MITIGATION_RETHUNK) as u32,
            mcount = !cfg!(CONFIG_FTRACE_MCOUNT_USE_OBJTOOL) as u32
            $(, $operand = $value)*
        );
    };
}
#[doc(inline)]
pub use kps_traceable as traceable;

/// `livepatch_STEM`, which calls `kps_body_STEM` in the place of the old function.
///
/// `stack_words` is the number of words of arguments that the caller left on the stack. They are copied, because two
/// return addresses now stand between them and the body.
#[doc(hidden)]
#[macro_export]
macro_rules! kps_entry {
    ($stem:literal, stack_words = $words:literal) => {
        kps::shim::traceable!(
            concat!("livepatch_", $stem);
            // An odd number of words keeps the stack aligned to 16 bytes at the call.
            ".if {pad}",
            "sub $8, %rsp",
            ".endif",
            ".rept {words}",
            "pushq {frame}(%rsp)",
            ".endr",
            concat!("call kps_body_", $stem),
            "add ${frame}, %rsp",
            ;
            words = $words,
            pad = ($words + 1) % 2,
            frame = 8 * ($words | 1)
        );
    };
}
#[doc(inline)]
pub use kps_entry as entry;

/// `livepatch_STEM`, which calls the hook `kps_body_STEM` before the old function.
///
/// The hook gets a pointer to a [`Frame`](super::frame::Frame). When it has set `go_on`, the arguments are put back,
/// changed or not, and the old function is entered behind its ftrace site as if it had been called directly. Otherwise
/// what the hook returned goes to the caller.
#[doc(hidden)]
#[macro_export]
macro_rules! kps_pre_entry {
    ($stem:literal, old = $old:literal, skip = $skip:literal) => {
        kps::shim::pre_entry!($stem, old = $old, skip = $skip, frame = "%rdi");
    };
    ($stem:literal, old = $old:literal, skip = $skip:literal, frame = $frame:literal) => {
        kps::shim::traceable!(
            concat!("livepatch_", $stem);
            "pushq $0",
            "push %r9",
            "push %r8",
            "push %rcx",
            "push %rdx",
            "push %rsi",
            "push %rdi",
            concat!("mov %rsp, ", $frame),
            concat!("call kps_body_", $stem),
            "cmpq $0, 48(%rsp)",
            "je 772f",
            "pop %rdi",
            "pop %rsi",
            "pop %rdx",
            "pop %rcx",
            "pop %r8",
            "pop %r9",
            "add $8, %rsp",
            concat!("jmp \"", $old, "\" + ", $skip),
            "772: add $56, %rsp",
            ;
        );
    };
}
#[doc(inline)]
pub use kps_pre_entry as pre_entry;

/// The same for a function whose result goes to memory of its caller's. The address of that is the first argument of
/// both, so the frame is the second one of the hook.
#[doc(hidden)]
#[macro_export]
macro_rules! kps_pre_entry_in_memory {
    ($stem:literal, old = $old:literal, skip = $skip:literal) => {
        kps::shim::pre_entry!($stem, old = $old, skip = $skip, frame = "%rsi");
    };
}
#[doc(inline)]
pub use kps_pre_entry_in_memory as pre_entry_in_memory;

/// `kps_orig_STEM`, the old function entered behind its ftrace site. It can be called like any function.
///
/// A jump leaves the stack as a direct call would have, so the unwinder sees the old function called by the body. The
/// address behind the site is never taken: an indirect call to it would fault under IBT and kCFI.
#[doc(hidden)]
#[macro_export]
macro_rules! kps_original {
    ($stem:literal, old = $old:literal, skip = $skip:literal) => {
        kps::shim::function!(
            concat!("kps_orig_", $stem);
            concat!("jmp \"", $old, "\" + ", $skip),
            ;
        );
    };
}
#[doc(inline)]
pub use kps_original as original;
