// SPDX-License-Identifier: GPL-2.0
//! Landing pads: no machine that tests patches needs them, so the verifier reads them.

use super::linked;
use kps_link::{post_link, verify, VerifyError};
use kps_tests::schedule::Case;
use kps_tests::{cases, repository, store};
use object::read::elf::{ElfFile64, SectionHeader as _, Sym as _};
use object::{LittleEndian as LE, Object as _, ObjectSection as _, ObjectSymbol as _};

pub(super) fn cases() -> Vec<Case> {
    cases![
        what_is_reached_through_a_pointer_has_a_landing_pad,
        a_module_with_a_wrong_landing_pad_is_refused.machine(),
    ]
}

const ENDBR: [u8; 4] = [0xf3, 0x0f, 0x1e, 0xfa];

/// What the verifier says of a module that a linker has made; empty if nothing.
fn said(assembly: &str) -> String {
    let text = format!(".section .modinfo, \"a\"\n.asciz \"livepatch=Y\"\n.text\n{assembly}\n");
    let module = post_link(&linked(&text)).unwrap_or_else(|error| panic!("{error}"));
    verify(&module).err().map(|error| error.to_string()).unwrap_or_default()
}

/// A function, with or without a pad.
fn function(name: &str, pad: &str) -> String {
    format!(".type {name}, @function\n{name}: {pad}\nret\n.size {name}, . - {name}\n")
}

fn what_is_reached_through_a_pointer_has_a_landing_pad() {
    let with = |f: &str, takes: &str, sealed: &str| {
        let list = format!(".pushsection {SEAL}\n{sealed}\n.popsection\n");
        said(&format!(
            "{}{}{}{takes}\n{list}",
            function("other", "endbr64"),
            function("f", f),
            function("user", "nop")
        ))
    };
    const SEAL: &str = ".ibt_endbr_seal, \"a\"";
    let taking = [
        "mov $f, %rdi",
        "lea f(%rip), %rdi",
        "movq $f, 8(%rsp)",
        "movabs $f, %rax",
        "cmp $f, %rdi",
        ".data\n.quad f",
        ".section .rodata\n.quad f",
        ".section .data.rel.ro, \"aw\"\n.quad .text + (f - other)",
        ".section .gnu.linkonce.this_module, \"aw\"\n.quad f",
        ".section __ksymtab, \"a\"\n.long f - .",
    ];
    for takes in taking {
        // In a section of its own, as a compiler's relocation stays one.
        let takes = format!(".section .text.user, \"ax\"\n{takes}\n");
        let other = ".long other - .";
        assert_eq!(with("endbr64", &takes, other), "", "{takes}");
        assert_eq!(with("nop", &takes, other), format!("f: {MISSING}"), "{takes}");
        let both = format!("{other}\n.long f - .");
        assert_eq!(with("endbr64", &takes, &both), format!("f: {SEALED}"), "{takes}");
        // Without the list the kernel has no landing pads.
        assert_eq!(with("nop", &takes, ""), "", "{takes}");
    }
    let calls = [
        "call f",
        "jmp f",
        "je f",
        ".section .orc_unwind_ip, \"a\"\n.long f - .",
        ".section __mcount_loc, \"a\"\n.quad f",
        ".section .debug_info, \"\"\n.quad f",
        ".data\n.quad f + 1",
    ];
    for calls in calls {
        let calls = format!(".section .text.user, \"ax\"\n{calls}\n");
        for pad in ["nop", "endbr64"] {
            assert_eq!(with(pad, &calls, ".long other - ."), "", "{pad}: {calls}");
        }
        assert_eq!(with("endbr64", &calls, ".long f - ."), "", "{calls}");
        assert_eq!(with("nop", &calls, ".long f - ."), format!("f: {NONE}"), "{calls}");
    }
}

const MISSING: &str = "its address is taken, and it has no landing pad";
const SEALED: &str = "its address is taken, and the kernel would overwrite its landing pad";
const NONE: &str = "the kernel would overwrite a landing pad that it has not";

/// The rule that a module breaks, with the function.
fn broken(module: &[u8]) -> Option<(String, &'static str)> {
    match verify(module) {
        Err(VerifyError::Pad { function, wrong }) => Some((function, wrong)),
        Err(error) => panic!("{error}"),
        Ok(_) => None,
    }
}

/// Real modules, changed in a few bytes.
fn a_module_with_a_wrong_landing_pad_is_refused() {
    // The module's own functions, an entry, callbacks, the release of a kobject, the author's Rust,
    // and the constructor and the destructor of shadow data.
    let reached: [(&str, &[&str]); 2] = [
        (
            "failed_opens",
            &[
                "init_module",
                "cleanup_module",
                "livepatch_do_sys_openat2",
                "9pre_patch",
                "12post_unpatch",
                "4gone",
                "10show_count",
            ],
        ),
        ("pipe_bytes", &["9construct", "19kps_destroy_written"]),
    ];
    for (example, functions) in reached {
        let spec = repository().join(format!("examples/{example}/{example}.kps"));
        let module = store::module(&spec);
        assert_eq!(broken(&module), None, "{example}");
        let file = ElfFile64::<LE>::parse(&*module).unwrap_or_else(|error| panic!("{error}"));
        for wanted in functions {
            let is_wanted = |name: &str| name.contains(wanted) && !name.starts_with("__pfx_");
            let symbol = file.symbols().find(|symbol| symbol.name().is_ok_and(is_wanted));
            let symbol = symbol.unwrap_or_else(|| panic!("{example} has no {wanted}"));
            let name = symbol.name().unwrap_or_default();
            let section = symbol.section_index().and_then(|n| file.section_by_index(n).ok());
            let section = section.unwrap_or_else(|| panic!("{wanted} is nowhere"));
            let (start, _) = section.file_range().unwrap_or_default();
            let at = (start + symbol.address()) as usize;
            assert_eq!(module[at..at + 4], ENDBR, "{name}");
            let mut without = module.clone();
            without[at..at + 4].copy_from_slice(&[0x0f, 0x1f, 0x40, 0x00]);
            assert_eq!(broken(&without), Some((name.to_owned(), MISSING)), "{name}");
            let sealed = sealing(&module, section.index().0, symbol.address());
            assert_eq!(broken(&sealed), Some((name.to_owned(), SEALED)), "{name}");
        }
    }
}

/// The module with this function in the first entry of the list, in place of another one.
fn sealing(module: &[u8], section: usize, offset: u64) -> Vec<u8> {
    let file = ElfFile64::<LE>::parse(module).unwrap_or_else(|error| panic!("{error}"));
    let sections = file.elf_section_table();
    let symbols = file.elf_symbol_table();
    let is_of_section = |it: &object::elf::Sym64<LE>| {
        usize::from(it.st_shndx(LE).0) == section && it.st_value(LE) == 0
    };
    let found = symbols.enumerate().find(|(_, symbol)| is_of_section(symbol));
    let (index, _) = found.unwrap_or_else(|| panic!("the section has no symbol"));
    let list = sections.section_by_name(LE, b".rela.ibt_endbr_seal");
    let (_, list) = list.unwrap_or_else(|| panic!("the module has no list"));
    let entry = list.sh_offset(LE) as usize;
    let mut changed = module.to_vec();
    changed[entry + 12..entry + 16].copy_from_slice(&(index.0 as u32).to_le_bytes());
    changed[entry + 16..entry + 24].copy_from_slice(&offset.to_le_bytes());
    changed
}
