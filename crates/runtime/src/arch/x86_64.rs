// SPDX-License-Identifier: GPL-2.0
//! x86-64.

/// The number of registers that carry arguments in the C ABI: `rdi`, `rsi`, `rdx`, `rcx`, `r8` and
/// `r9`, in this order.
pub const ARGUMENT_REGISTERS: usize = 6;

extern "C" {
    static this_cpu_off: usize;
}

/// The offset of the current CPU's per-CPU variables.
#[inline(always)]
pub(crate) fn this_cpu_offset() -> usize {
    let offset: usize;
    // SAFETY: `gs` is the base of this CPU's variables wherever the kernel runs C or Rust, and this
    // variable holds its offset.
    unsafe {
        core::arch::asm!(
            "mov {offset}, qword ptr gs:[rip + {this_cpu_off}]",
            offset = out(reg) offset,
            this_cpu_off = sym this_cpu_off,
            options(nostack, preserves_flags, readonly),
        );
    }
    offset
}

/// The bytes of an ENDBR, and of what the kernel overwrites one with that is never jumped to
/// (`poison_endbr()` in `arch/x86/kernel/alternative.c`).
const ENDBR: [[u8; 4]; 3] = [
    [0xf3, 0x0f, 0x1e, 0xfa], // endbr64
    [0x0f, 0x1f, 0x40, 0xd6], // poison since 6.16: nopl -42(%rax)
    [0x66, 0x0f, 0x1f, 0x00], // poison before 6.16: nopw (%rax)
];

/// The bytes of an ftrace site: a call.
const SITE_BYTES: usize = 5;

/// The bytes of the longest entry: an ENDBR and an ftrace site.
const ENTRY_BYTES: usize = 9;

/// The first bytes of a function, with zeros behind a site at its start: the function, and the
/// memory that it is in, may end there.
///
/// # Safety
///
/// `function` must be the address of an existing function that can be redirected.
#[inline]
pub(crate) unsafe fn entry_bytes(function: *const u8) -> [u8; ENTRY_BYTES] {
    // SAFETY: the caller vouches for the function, and no function is shorter than its ftrace site.
    // Other CPUs may be rewriting that site, so every byte is read once.
    let byte = |n| unsafe { function.add(n).read_volatile() };
    let [a, b, c, d, e] = [0, 1, 2, 3, 4].map(byte);
    let [f, g, h, i] = match ENDBR.contains(&[a, b, c, d]) {
        // The site is behind it.
        true => [5, 6, 7, 8].map(byte),
        false => [0; ENTRY_BYTES - SITE_BYTES],
    };
    [a, b, c, d, e, f, g, h, i]
}

/// Whether a function in memory starts with an ftrace site, with or without an ENDBR before it.
///
/// Memory differs from the image: the kernel overwrites some ENDBRs, and ftrace turns the call of
/// `__fentry__` into a NOP, a call of its own or, for BPF programs, a jump, with an int3 in its
/// first byte for a moment.
#[inline]
pub(crate) fn starts_as(bytes: [u8; ENTRY_BYTES], landing_pad: bool) -> bool {
    const CALL: u8 = 0xe8;
    const JMP: u8 = 0xe9;
    const INT3: u8 = 0xcc;
    const NOP: [u8; 5] = [0x0f, 0x1f, 0x44, 0x00, 0x00];
    let site = match (bytes, landing_pad) {
        ([a, b, c, d, site @ ..], true) if ENDBR.contains(&[a, b, c, d]) => site,
        ([site @ .., _, _, _, _], false) => site,
        _ => return false,
    };
    matches!(site, [CALL | JMP | INT3, ..]) || site == NOP
}

/// The number of bytes from the address of a function to the instruction behind its ftrace site,
/// which is at its start or behind an ENDBR.
#[inline]
pub(crate) fn skip(bytes: [u8; ENTRY_BYTES]) -> usize {
    if starts_as(bytes, true) {
        9
    } else {
        5
    }
}

/// Emits a function: the symbol, its padding, the given lines, its size.
///
/// The 16 NOPs in front are the padding that call depth tracking expects (`CONFIG_CALL_PADDING`).
#[cfg(kps_kernel)]
#[doc(hidden)]
#[macro_export]
macro_rules! kps_function {
    ($name:expr; $($line:expr,)*; $($operand:ident = $value:expr),*) => {
        ::core::arch::global_asm!(
            ".pushsection .text, \"ax\", @progbits",
            ".balign 16",
            ".skip 16, 0x90",
            ::core::concat!(".globl ", $name),
            ::core::concat!(".type ", $name, ", @function"),
            ::core::concat!($name, ":"),
            $($line,)*
            ::core::concat!(".size ", $name, ", . - ", $name),
            ".popsection",
            $($operand = const $value,)*
            options(att_syntax)
        );
    };
}

/// Emits a function: the symbol, its padding, the given lines, its size. The host has no kernel to
/// patch, so there it emits nothing.
#[cfg(not(kps_kernel))]
#[doc(hidden)]
#[macro_export]
macro_rules! kps_function {
    ($name:expr; $($line:expr,)*; $($operand:ident = $value:expr),*) => {};
}
#[doc(inline)]
pub use kps_function as function;

/// The same for a traceable function: it starts with ENDBR and an `__fentry__` site and ends with a
/// return.
#[doc(hidden)]
#[macro_export]
macro_rules! kps_traceable {
    ($name:expr; $($line:expr,)*; $($operand:ident = $value:expr),*) => {
        $crate::kps_function!(
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
            // The site's entry in ftrace's table. objtool writes it where the kernel relies on
            // objtool for that.
            ".if {mcount}",
            ".pushsection __mcount_loc, \"a\", @progbits",
            ".balign 8",
            ".quad 771b",
            ".popsection",
            ".endif",
            ;
            ibt = ::core::cfg!(CONFIG_X86_KERNEL_IBT) as ::core::primitive::u32,
            // The option's name since Linux 6.9, and before.
            rethunk = ::core::cfg!(any(CONFIG_MITIGATION_RETHUNK, CONFIG_RETHUNK))
                as ::core::primitive::u32,
            mcount = !::core::cfg!(CONFIG_FTRACE_MCOUNT_USE_OBJTOOL) as ::core::primitive::u32
            $(, $operand = $value)*
        );
    };
}
#[doc(inline)]
pub use kps_traceable as traceable;

/// `livepatch_STEM`, which calls `kps_body_STEM` instead of the old function.
///
/// `stack_words` is the number of words of arguments that the caller left on the stack. They are
/// copied, because two return addresses now stand between them and the body.
#[doc(hidden)]
#[macro_export]
macro_rules! kps_entry {
    ($stem:literal, stack_words = $words:literal) => {
        $crate::kps_traceable!(
            ::core::concat!("livepatch_", $stem);
            // An odd number of words keeps the stack aligned to 16 bytes at the call.
            ".if {pad}",
            "sub $8, %rsp",
            ".endif",
            ".rept {words}",
            "pushq {frame}(%rsp)",
            ".endr",
            ::core::concat!("call kps_body_", $stem),
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
/// The hook gets a pointer to a [`Frame`](super::super::frame::Frame). If it has set `go_on`, the
/// entry restores the arguments, changed or not, and enters the old function behind its ftrace site
/// as if it had been called directly. Otherwise the hook's return value goes to the caller.
#[doc(hidden)]
#[macro_export]
macro_rules! kps_pre_entry {
    ($stem:literal, old = $old:literal, skip = $skip:literal) => {
        $crate::kps_pre_entry!($stem, old = $old, skip = $skip, frame = "%rdi");
    };
    ($stem:literal, old = $old:literal, skip = $skip:literal, frame = $frame:literal) => {
        $crate::kps_traceable!(
            ::core::concat!("livepatch_", $stem);
            "pushq $0",
            "push %r9",
            "push %r8",
            "push %rcx",
            "push %rdx",
            "push %rsi",
            "push %rdi",
            ::core::concat!("mov %rsp, ", $frame),
            ::core::concat!("call kps_body_", $stem),
            "cmpq $0, 48(%rsp)",
            "je 772f",
            "pop %rdi",
            "pop %rsi",
            "pop %rdx",
            "pop %rcx",
            "pop %r8",
            "pop %r9",
            "add $8, %rsp",
            ::core::concat!("jmp \"", $old, "\" + ", $skip),
            "772: add $56, %rsp",
            ;
        );
    };
}
#[doc(inline)]
pub use kps_pre_entry as pre_entry;

/// The same for a function that returns its result in the caller's memory. The address of that
/// memory is the first argument of both, so the frame is the second argument of the hook.
#[doc(hidden)]
#[macro_export]
macro_rules! kps_pre_entry_in_memory {
    ($stem:literal, old = $old:literal, skip = $skip:literal) => {
        $crate::kps_pre_entry!($stem, old = $old, skip = $skip, frame = "%rsi");
    };
}
#[doc(inline)]
pub use kps_pre_entry_in_memory as pre_entry_in_memory;

/// `kps_orig_STEM`, the old function entered behind its ftrace site. It can be called like any
/// function.
///
/// A jump leaves the stack as a direct call would have, so the unwinder sees the old function
/// called by the body. The address behind the site is never taken: an indirect call to it would
/// fault under IBT and kCFI.
#[doc(hidden)]
#[macro_export]
macro_rules! kps_original {
    ($stem:literal, old = $old:literal, skip = $skip:literal) => {
        $crate::kps_function!(
            ::core::concat!("kps_orig_", $stem);
            ::core::concat!("jmp \"", $old, "\" + ", $skip),
            ;
        );
    };
}
#[doc(inline)]
pub use kps_original as original;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_function_is_known_by_its_site_whatever_ftrace_made_of_it() {
        let endbr = |rest: [u8; 5]| {
            let mut bytes = [0xf3, 0x0f, 0x1e, 0xfa, 0, 0, 0, 0, 0];
            bytes[4..].copy_from_slice(&rest);
            bytes
        };
        for site in
            [[0x0f, 0x1f, 0x44, 0, 0], [0xe8, 1, 2, 3, 4], [0xe9, 1, 2, 3, 4], [0xcc, 1, 2, 3, 4]]
        {
            assert!(starts_as(endbr(site), true));
            assert!(!starts_as(endbr(site), false));
            let mut bare = [0x90; 9];
            bare[..5].copy_from_slice(&site);
            assert!(starts_as(bare, false));
            assert!(!starts_as(bare, true));
        }
        assert!(starts_as([0x0f, 0x1f, 0x40, 0xd6, 0xe8, 0, 0, 0, 0], true));
        assert!(!starts_as(endbr([0x55, 0x48, 0x89, 0xe5, 0x41]), true));
    }

    #[test]
    fn what_is_behind_a_short_function_is_not_read() {
        let bytes = |memory: &[u8; 9]| {
            // SAFETY: nothing is read but the array.
            unsafe { entry_bytes(memory.as_ptr()) }
        };
        let call = [0xe8, 1, 2, 3, 4, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(bytes(&call), [0xe8, 1, 2, 3, 4, 0, 0, 0, 0]);
        let endbr = [0xf3, 0x0f, 0x1e, 0xfa, 0xe8, 1, 2, 3, 4];
        assert_eq!(bytes(&endbr), endbr);
        assert_eq!((skip(bytes(&call)), skip(bytes(&endbr))), (5, 9));
    }

    #[test]
    fn a_function_goes_on_behind_its_site() {
        assert_eq!(skip([0xf3, 0x0f, 0x1e, 0xfa, 0xe8, 1, 2, 3, 4]), 9);
        assert_eq!(skip([0xe8, 1, 2, 3, 4, 0x55, 0x48, 0x89, 0xe5]), 5);
    }
}
