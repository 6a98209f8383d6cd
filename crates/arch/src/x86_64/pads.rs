// SPDX-License-Identifier: GPL-2.0
//! Landing pads in modules.

use crate::Pads;

/// With `CONFIG_X86_KERNEL_IBT`, an indirect call or jump to an address without ENDBR faults.
/// objtool lists the functions whose addresses nothing takes, and the kernel overwrites their ENDBR
/// when it loads the module (`apply_seal_endbr()` in `arch/x86/kernel/alternative.c`).
pub(super) const PADS: Pads = Pads {
    instruction: "endbr64",
    bytes: &[0xf3, 0x0f, 0x1e, 0xfa],
    sealed: ".ibt_endbr_seal",
    // Those that `validate_ibt()` of `tools/objtool/check.c` leaves out, as far as a module that is
    // linked has them, and those of older kernels.
    tables: &[
        ".altinstructions",
        ".call_sites",
        ".cfi_sites",
        ".ibt_endbr_seal",
        ".init.klp_funcs",
        ".kcfi_traps",
        ".orc_unwind_ip",
        ".parainstructions",
        ".retpoline_sites",
        ".return_sites",
        ".smp_locks",
        ".static_call_sites",
        "__bug_table",
        "__ex_table",
        "__jump_table",
        "__mcount_loc",
        "__patchable_function_entries",
        "__tracepoints",
        "_error_injection_whitelist",
        "_kprobe_blacklist",
    ],
};
