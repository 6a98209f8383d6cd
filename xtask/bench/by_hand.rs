// SPDX-License-Identifier: GPL-2.0
//! A livepatch in Rust as somebody writes it by hand: the yardstick for what kpsc generates.
//!
//! It does what `samples/livepatch/livepatch-sample.c` in the kernel's tree does: it replaces what
//! /proc/cmdline shows. Its one function is entered as kpsc's are, through a few instructions that
//! ftrace can see and that call the body. What kpsc adds (the guard, the note, the proof of every
//! layout) is not here. One line of Kbuild makes it, `obj-m := by_hand.o`.

use core::arch::global_asm;
use core::ffi::{c_char, c_int, c_ulong, c_void};
use core::mem::zeroed;
use core::ptr::{addr_of_mut, null_mut};
use kernel::bindings::{completion, kobject, list_head, module, seq_file, seq_printf, work_struct};
use kernel::prelude::*;

module! {
    type: ByHand,
    name: "by_hand",
    description: "Replaces what /proc/cmdline shows",
    license: "GPL",
}

/// The entry in `.modinfo` that makes a module a livepatch; `module!` has no key for it.
#[link_section = ".modinfo"]
#[used]
static LIVEPATCH: [u8; 12] = *b"livepatch=Y\0";

// The structs of include/linux/livepatch.h, which the kernel crate does not have.

#[repr(C)]
struct KlpFunc {
    old_name: *const c_char,
    new_func: *mut c_void,
    old_sympos: c_ulong,
    old_func: *mut c_void,
    kobj: kobject,
    node: list_head,
    stack_node: list_head,
    sizes: [c_ulong; 2],
    nop_patched_transition: [bool; 3],
}

#[repr(C)]
struct KlpObject {
    name: *const c_char,
    funcs: *mut KlpFunc,
    callbacks: [*mut c_void; 4],
    post_unpatch_enabled: bool,
    kobj: kobject,
    func_list: list_head,
    node: list_head,
    module: *mut module,
    dynamic_patched: [bool; 2],
}

#[repr(C)]
struct KlpPatch {
    module: *mut module,
    objs: *mut KlpObject,
    states: *mut c_void,
    replace: bool,
    list: list_head,
    kobj: kobject,
    obj_list: list_head,
    enabled_forced: [bool; 2],
    free_work: work_struct,
    finish: completion,
}

#[allow(improper_ctypes, reason = "structs of C may have no members, as lock_class_key here has none")]
extern "C" {
    fn klp_enable_patch(patch: *mut KlpPatch) -> c_int;
    fn livepatch_cmdline_proc_show();
}

global_asm!(
    ".pushsection .text, \"ax\", @progbits",
    ".balign 16",
    ".skip 16, 0x90",
    ".globl livepatch_cmdline_proc_show",
    ".type livepatch_cmdline_proc_show, @function",
    "livepatch_cmdline_proc_show:",
    "endbr64",
    "1: call __fentry__",
    "call show",
    "jmp __x86_return_thunk",
    ".size livepatch_cmdline_proc_show, . - livepatch_cmdline_proc_show",
    ".pushsection __mcount_loc, \"a\", @progbits",
    ".balign 8",
    ".quad 1b",
    ".popsection",
    ".popsection",
    options(att_syntax)
);

/// Runs in the place of `cmdline_proc_show`.
#[no_mangle]
unsafe extern "C" fn show(m: *mut seq_file, _v: *mut c_void) -> c_int {
    // SAFETY: the kernel calls this with the file that it shows.
    unsafe { seq_printf(m, c"%s\n".as_ptr().cast(), c"this has been live patched".as_ptr()) };
    0
}

// SAFETY: zero is a value of everything that these structs are made of, and ends the two lists.
static mut FUNCS: [KlpFunc; 2] = unsafe {
    [
        KlpFunc {
            old_name: c"cmdline_proc_show".as_ptr(),
            new_func: livepatch_cmdline_proc_show as *mut c_void,
            ..zeroed()
        },
        zeroed(),
    ]
};

// SAFETY: as above.
static mut OBJECTS: [KlpObject; 2] =
    unsafe { [KlpObject { funcs: addr_of_mut!(FUNCS).cast(), ..zeroed() }, zeroed()] };

// SAFETY: as above.
static mut PATCH: KlpPatch =
    unsafe { KlpPatch { module: null_mut(), objs: addr_of_mut!(OBJECTS).cast(), ..zeroed() } };

struct ByHand;

impl kernel::Module for ByHand {
    fn init(module: &'static ThisModule) -> Result<Self> {
        // SAFETY: nobody else knows the tables yet, and they live as long as the module.
        let status = unsafe {
            let patch = addr_of_mut!(PATCH);
            (*patch).module = module.as_ptr();
            klp_enable_patch(patch)
        };
        kernel::error::to_result(status)?;
        Ok(ByHand)
    }
}
