// SPDX-License-Identifier: GPL-2.0
//! Post-link: placeholders become klp relocations, nothing else changes, and what is wrong is
//! refused (KPS0802, KPS0803).

mod long_names;
mod pads;

use kps_link::{
    captures, early, post_link, taken_originals, verify, EarlyKind, ObjectFile, PostLinkError,
    VerifyError,
};
use kps_tests::cases;
use kps_tests::miniature::{compile, compiler};
use kps_tests::schedule::Case;
use object::read::elf::{ElfFile64, FileHeader as _, Rela as _, SectionHeader as _};
use object::{LittleEndian as LE, Object as _, ObjectSection as _, ObjectSymbol as _};
use std::collections::{BTreeMap, BTreeSet};

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    let cases = cases![
        every_relocation_is_kept_or_moved_and_no_other_byte_changes,
        relocations_wait_for_their_own_object,
        symbols_stay_where_somebody_goes_by_them,
        a_second_conversion_is_refused,
        what_is_no_module_is_refused,
        what_no_linker_writes_is_refused,
        what_is_loaded_cannot_refer_to_what_is_dropped,
        a_symbol_of_a_finished_module_is_not_converted_again,
        a_placeholder_that_says_nothing_is_refused,
        a_relocation_that_the_kernel_does_not_apply_is_refused,
        a_module_that_is_linked_to_another_one_is_refused,
        tables_that_are_read_before_a_module_is_known_name_none_of_its_keys,
        an_old_function_can_be_called_and_its_address_cannot_be_taken,
        what_takes_the_place_of_the_kernels_symbols_is_found,
        the_verifier_sees_what_the_kernel_would_stumble_over,
    ];
    cases.into_iter().chain(long_names::cases()).chain(pads::cases()).collect()
}

/// What a linker leaves of a module: code and data with placeholders, an export, and some debug
/// information.
const MODULE: &str = r#"
    .section .modinfo, "a"
    .asciz "license=GPL"
    .asciz "livepatch=Y"
    .text
    .globl body
    .type body, @function
body:
    call "kps.sym.vmlinux.old_function,0"
    add "kps.sym.vmlinux.some_variable,2"(%rip), %eax
    call exported
    call "kps.sym.nf_tables.nft_function,0"
    ret
    .size body, . - body
    .data
    .globl pointer
pointer:
    .quad "kps.sym.vmlinux.old_function,0"
    .quad body
    .section .debug_info, ""
    .quad body
    .section .note.GNU-stack, "", @progbits
"#;

fn linked(assembly: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let (source, object) = (folder.path().join("m.S"), folder.path().join("m.o"));
    std::fs::write(&source, assembly).unwrap_or_else(|error| panic!("{error}"));
    compile(compiler().arg("-c").arg(&source).arg("-o").arg(&object));
    std::fs::read(&object).unwrap_or_else(|error| panic!("{error}"))
}

/// Every relocation of a loaded section: what it applies to, where, its symbol without prefix, its
/// type and addend.
fn relocations(module: &[u8]) -> Vec<(String, u64, String, u32, i64)> {
    let file = ElfFile64::<LE>::parse(module).unwrap_or_else(|error| panic!("{error}"));
    let header = file.elf_header();
    let sections = header.sections(LE, module).unwrap_or_else(|error| panic!("{error}"));
    let symbols = sections
        .symbols(LE, module, object::elf::SHT_SYMTAB)
        .unwrap_or_else(|error| panic!("{error}"));
    let mut all = Vec::new();
    for section in sections.iter() {
        let Some((relas, _)) = section.rela(LE, module).unwrap_or_else(|error| panic!("{error}"))
        else {
            continue;
        };
        let target =
            sections.section(section.info_link(LE)).unwrap_or_else(|error| panic!("{error}"));
        if !target.sh_flags(LE).contains(object::elf::SHF_ALLOC) {
            continue;
        }
        let name = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let target_name = name(sections.section_name(LE, target).unwrap_or_default());
        for rela in relas {
            let symbol = rela.symbol(LE, false).and_then(|index| symbols.symbol(index).ok());
            let symbol = symbol
                .map(|s| name(symbols.symbol_name(LE, s).unwrap_or_default()))
                .unwrap_or_default();
            let symbol =
                symbol.trim_start_matches(".klp.sym.").trim_start_matches("kps.sym.").to_owned();
            all.push((
                target_name.clone(),
                rela.r_offset.get(LE),
                symbol,
                rela.r_type(LE, false).0,
                rela.r_addend.get(LE),
            ));
        }
    }
    all.sort();
    all
}

fn every_relocation_is_kept_or_moved_and_no_other_byte_changes() {
    let before = linked(MODULE);
    let after = post_link(&before).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(relocations(&before), relocations(&after));
    let contents = |module: &[u8]| -> BTreeMap<String, Vec<u8>> {
        let file = object::File::parse(module).unwrap_or_else(|error| panic!("{error}"));
        let loaded = file
            .sections()
            .filter(|s| s.address() == 0 && !s.name().unwrap_or_default().starts_with(".debug"));
        loaded
            .filter(|s| {
                matches!(
                    s.kind(),
                    object::SectionKind::Text
                        | object::SectionKind::Data
                        | object::SectionKind::ReadOnlyData
                )
            })
            .map(|s| {
                (s.name().unwrap_or_default().to_owned(), s.data().unwrap_or_default().to_vec())
            })
            .collect()
    };
    assert_eq!(contents(&before), contents(&after));
    let summary = verify(&after).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((summary.symbols, summary.relocations), (3, 4));
}

fn relocations_wait_for_their_own_object() {
    let module = post_link(&linked(MODULE)).unwrap_or_else(|error| panic!("{error}"));
    let file = object::File::parse(module.as_slice()).unwrap_or_else(|error| panic!("{error}"));
    let names: Vec<_> = file.sections().filter_map(|s| s.name().ok().map(str::to_owned)).collect();
    for wanted in
        [".klp.rela.nf_tables..text", ".klp.rela.vmlinux..text", ".klp.rela.vmlinux..data"]
    {
        assert!(names.iter().any(|name| name == wanted), "{wanted} is not among {names:?}");
    }
    assert!(
        !names.iter().any(|name| name.starts_with(".debug") || name.starts_with(".rela.debug")),
        "{names:?}"
    );
}

fn a_module_that_is_linked_to_another_one_is_refused() {
    let depends = |modules: &str| {
        let line = format!(".section .modinfo\n    .asciz \"depends={modules}\"\n");
        post_link(&linked(&format!("{MODULE}\n    {line}")))
    };
    assert!(depends("").is_ok());
    let refused = depends("vhost,dummy").err().map(|error| error.to_string()).unwrap_or_default();
    assert!(refused.contains("linked to vhost,dummy"), "{refused}");
}

fn symbols_stay_where_somebody_goes_by_them() {
    // `livepatch_f` ends for the kernel where the next symbol begins, so those of code must stay,
    // local ones too.
    let assembly = format!(
        r#"{MODULE}
    .text
    .globl livepatch_f
    .type livepatch_f, @function
livepatch_f:
    call body
    .size livepatch_f, . - livepatch_f
    .type local_function, @function
local_function:
    lea message(%rip), %rdi
    ret
    .size local_function, . - local_function
.Lbehind:
    .data
    .type counter, @object
counter:
    .quad .Lbehind
    .size counter, 8
    .section .rodata, "a"
    .type message, @object
message:
    .asciz "unread"
    .size message, 7
    .section .modinfo
    .type author, @object
author:
    .asciz "author=Nobody"
    .size author, 14
    .section .comment
    .asciz "a compiler"
"#
    );
    let before = linked(&assembly);
    let after = post_link(&before).unwrap_or_else(|error| panic!("{error}"));
    let names = |module: &[u8]| -> BTreeSet<String> {
        let file = object::File::parse(module).unwrap_or_else(|error| panic!("{error}"));
        let symbols =
            file.symbols().filter_map(|s| s.name().ok().map(str::to_owned)).collect::<Vec<_>>();
        let sections =
            file.sections().filter_map(|s| s.name().ok().map(str::to_owned)).collect::<Vec<_>>();
        symbols.into_iter().chain(sections).collect()
    };
    let (was, is) = (names(&before), names(&after));
    for kept in [
        "livepatch_f",
        "local_function",
        "body",
        "counter",
        "pointer",
        "exported",
        ".text",
        ".data",
    ] {
        assert!(was.contains(kept) && is.contains(kept), "{kept} is not in {is:?}");
    }
    for dropped in ["message", "author", ".comment", ".note.GNU-stack"] {
        assert!(was.contains(dropped) && !is.contains(dropped), "{dropped} is in {is:?}");
    }
    assert_eq!(relocations(&before), relocations(&after));
    verify(&after).unwrap_or_else(|error| panic!("{error}"));
}

fn a_second_conversion_is_refused() {
    let once = post_link(&linked(MODULE)).unwrap_or_else(|error| panic!("{error}"));
    assert!(matches!(post_link(&once), Err(PostLinkError::Converted(_))));
}

fn what_is_no_module_is_refused() {
    assert!(matches!(post_link(b"\x7fELF"), Err(PostLinkError::NotAModule(_))));
    assert!(post_link(b"").is_err());
    let module = linked(MODULE);
    for len in (0..module.len()).step_by(61) {
        assert!(post_link(&module[..len]).is_err(), "cut to {len}");
    }
}

/// A module whose section header of this name has another value in one of its fields.
fn with_header(module: &[u8], section: &str, field: usize, value: u64, len: usize) -> Vec<u8> {
    let file = ElfFile64::<LE>::parse(module).unwrap_or_else(|error| panic!("{error}"));
    let index = file.sections().position(|s| s.name() == Ok(section)).map(|n| n + 1);
    let header = file.elf_header().e_shoff.get(LE) as usize
        + 64 * index.unwrap_or_else(|| panic!("no {section}"));
    let mut changed = module.to_vec();
    changed[header + field..header + field + len].copy_from_slice(&value.to_le_bytes()[..len]);
    changed
}

/// Where the name of a section stands in the table of such names.
fn name_offset(module: &[u8], section: &str) -> u64 {
    let file = ElfFile64::<LE>::parse(module).unwrap_or_else(|error| panic!("{error}"));
    let found = file.section_by_name(section).unwrap_or_else(|| panic!("no {section}"));
    found.elf_section_header().sh_name.get(LE).into()
}

fn what_no_linker_writes_is_refused() {
    const FLAGS: usize = 8;
    const INFO: usize = 44;
    const ALIGN: usize = 48;
    let module = linked(MODULE);
    let refused = |module: &[u8]| matches!(post_link(module), Err(PostLinkError::NotAModule(_)));
    // Relocations that do not say what they apply to would stay where they are, their symbols
    // changed.
    assert!(refused(&with_header(&module, ".rela.text", FLAGS, 0, 8)));
    assert!(refused(&with_header(&module, ".rela.text", INFO, 0, 4)));
    // The space between sections would fill the memory.
    assert!(refused(&with_header(&module, ".text", ALIGN, 1 << 40, 8)));
    // A table that would be dropped for its name.
    let as_debug = with_header(&module, ".strtab", 0, name_offset(&module, ".debug_info"), 4);
    assert!(refused(&as_debug));
    // A table of symbols that is loaded could be relocated, and is written anew.
    assert!(refused(&with_header(&module, ".symtab", FLAGS, 2, 8)));
    // A file without section headers.
    let mut bare = module.clone();
    bare[0x28..0x30].fill(0);
    assert!(refused(&bare));
    // No alignment is the smallest one.
    let unaligned =
        post_link(&with_header(&module, ".data", ALIGN, 0, 8)).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(relocations(&unaligned), relocations(&module));
}

fn what_is_loaded_cannot_refer_to_what_is_dropped() {
    let result =
        post_link(&linked(".data\n.quad info\n.section .debug_info, \"\"\ninfo: .quad 0\n"));
    assert!(matches!(result, Err(PostLinkError::Dropped(_))), "{result:?}");
}

/// By any name and in any section; what `objtool` writes about each function is none of it.
fn an_old_function_can_be_called_and_its_address_cannot_be_taken() {
    const OLD: &str = "
        .text
        .globl kps_orig_f
        .type kps_orig_f, @function
    kps_orig_f: jmp \"kps.sym.vmlinux.f,0\" + 9
        .size kps_orig_f, . - kps_orig_f
        .section .text.author, \"ax\"
    ";
    let taken = |line: &str| {
        let object = linked(&format!("{OLD}\n{line}\n"));
        let object = ObjectFile::read(&object).unwrap_or_else(|| panic!("{line}"));
        let taken = taken_originals(&object);
        assert!(taken.iter().all(|taken| taken.original == "kps_orig_f"), "{line}: {taken:?}");
        taken.len()
    };
    for call in [
        "call kps_orig_f",
        "jmp kps_orig_f",
        "je kps_orig_f",
        "nop; call kps_orig_f; jne kps_orig_f",
        ".section .orc_unwind_ip, \"a\"; .long kps_orig_f - .",
        "mov $other, %rax; other: ret",
    ] {
        assert_eq!(taken(call), 0, "{call}");
    }
    for value in [
        "mov $kps_orig_f, %rdi",
        "movabs $kps_orig_f, %rax",
        "lea kps_orig_f(%rip), %rax",
        "call *kps_orig_f(%rip)",
        "cmp $kps_orig_f, %rax",
        "mov kps_orig_f@GOTPCREL(%rip), %rax",
        // Its last byte before the address is that of a call.
        "sub $kps_orig_f, %rax",
        ".set mine, kps_orig_f; mov $mine, %rdi",
        "mov $kps_orig_f + 0x1000, %rdi",
        ".data; .quad kps_orig_f",
        ".section .rodata; .long kps_orig_f - .",
    ] {
        assert_eq!(taken(value), 1, "{value}");
    }
}

fn what_takes_the_place_of_the_kernels_symbols_is_found() {
    let found = |assembly: &str| {
        let object = linked(assembly);
        let object = ObjectFile::read(&object).unwrap_or_else(|| panic!("{assembly}"));
        let is_export = |name: &str| ["kfree", "jiffies"].contains(&name);
        captures(&object, &is_export).into_iter().map(|capture| capture.name).collect::<Vec<_>>()
    };
    for (assembly, name) in [
        (".globl kfree; .type kfree, @function; kfree: ret", "kfree"),
        (".weak kfree; .set kfree, 0", "kfree"),
        ("kfree: ret", "kfree"),
        (".comm jiffies, 8", "jiffies"),
        (".set __fentry__, 0", "__fentry__"),
        (".type __x86_return_thunk, @function; __x86_return_thunk: ret", "__x86_return_thunk"),
        (".type klp_enable_patch, @function; klp_enable_patch: ret", "klp_enable_patch"),
        (".file \"x.0-cgu.0\"; .type kfree, @function; kfree: ret", "kfree"),
    ] {
        assert_eq!(found(&format!("{assembly}\n")), [name], "{assembly}");
    }
    for assembly in [
        "call kfree; call __fentry__; mov jiffies(%rip), %rax",
        ".file \"x.c\"; .type kfree, @function; kfree: ret",
        ".globl own; own: ret",
    ] {
        assert_eq!(found(&format!("{assembly}\n")), [] as [&str; 0], "{assembly}");
    }
}

fn a_symbol_of_a_finished_module_is_not_converted_again() {
    let result = post_link(&linked("call \".klp.sym.vmlinux.f,0\"\n"));
    assert!(matches!(result, Err(PostLinkError::Converted(_))), "{result:?}");
}

fn a_placeholder_that_says_nothing_is_refused() {
    let bad = [
        "kps.sym.vmlinux",
        "kps.sym.vmlinux.f",
        "kps.sym.vmlinux.f,x",
        "kps.sym..f,0",
        "kps.sym.vm linux.f,0",
        "kps.sym.vmlinux.,0",
    ];
    for name in bad {
        let result = post_link(&linked(&format!("call \"{name}\"\n")));
        assert!(matches!(result, Err(PostLinkError::Placeholder(_))), "{name}");
    }
    let defined = ".globl \"kps.sym.vmlinux.f,0\"\n\"kps.sym.vmlinux.f,0\": ret\n";
    assert!(matches!(post_link(&linked(defined)), Err(PostLinkError::Placeholder(_))));
}

fn a_relocation_that_the_kernel_does_not_apply_is_refused() {
    // No address of the kernel fits two bytes.
    let result = post_link(&linked(".data\n.short \"kps.sym.vmlinux.v,0\"\n"));
    assert!(matches!(result, Err(PostLinkError::Type { .. })), "{result:?}");
}

/// An entry as `static_branch_unlikely()` and `static_call()` leave it, with the key of an object.
fn with_tables(object: &str) -> Vec<u8> {
    linked(&format!(
        ".text\nbody: nop\nret\n\
         .section __jump_table, \"aw\"\n.long body - ., body + 1 - .\n.quad \"kps.sym.{object}.key,0\" - .\n\
         .section .static_call_sites, \"aw\"\n.long body - ., \"kps.sym.{object}.__SCK__call,0\" - .\n\
         .long body - ., \"kps.sym.{object}.__SCK__tp_func_event,0\" - .\n"
    ))
}

fn tables_that_are_read_before_a_module_is_known_name_none_of_its_keys() {
    let module = with_tables("nf_tables");
    let object = ObjectFile::read(&module).unwrap_or_else(|| panic!("it cannot be read"));
    let found: Vec<_> = early(&object).into_iter().map(|early| (early.kind, early.name)).collect();
    let wanted =
        [(EarlyKind::Key, "key"), (EarlyKind::Call, "call"), (EarlyKind::Tracepoint, "event")];
    assert_eq!(found, wanted.map(|(kind, name)| (kind, name.to_owned())));
    let result = post_link(&module);
    assert!(matches!(result, Err(PostLinkError::Early(_))), "{result:?}");
    // Those of the kernel's image are known when the patch is loaded.
    post_link(&with_tables("vmlinux")).unwrap_or_else(|error| panic!("{error}"));
}

fn the_verifier_sees_what_the_kernel_would_stumble_over() {
    let good = post_link(&linked(MODULE)).unwrap_or_else(|error| panic!("{error}"));
    let rules = |module: &[u8]| match verify(module) {
        Err(VerifyError::Rule { rule, .. }) => rule.to_owned(),
        other => panic!("{other:?}"),
    };
    // Not converted.
    assert!(rules(&linked(MODULE)).contains("placeholder was not replaced"));
    // Not a livepatch.
    assert!(rules(&linked("ret\n")).contains("missing"));

    let change = |find: &[u8], to: &[u8]| {
        let at = good
            .windows(find.len())
            .position(|w| w == find)
            .unwrap_or_else(|| panic!("{find:?} is not there"));
        let mut bad = good.clone();
        bad[at..at + to.len()].copy_from_slice(to);
        bad
    };
    assert!(rules(&change(b"livepatch=Y", b"livepatch=N")).contains("livepatch=Y"));
    assert!(rules(&change(b".klp.sym.vmlinux.old_function,0", b".klp.sym.vmlinux.old_function;0"))
        .contains("named"));
    assert!(
        rules(&change(b".klp.sym.vmlinux.some", b".klp.zym.vmlinux.some")).contains("by mistake")
    );
    assert!(rules(&change(b".klp.rela.vmlinux..text", b".klp.rela.vmlinux..data"))
        .contains("named after"));
    assert!(rules(&change(b".klp.rela.vmlinux..text", b".klp.rela.vmlimux..text"))
        .contains("another object"));

    // Section headers: name, type, flags, address, offset, size, link, info, alignment, entry size.
    let file = ElfFile64::<LE>::parse(good.as_slice()).unwrap_or_else(|error| panic!("{error}"));
    let table = file.elf_header().e_shoff.get(LE) as usize;
    let index =
        file.sections().position(|s| s.name() == Ok(".klp.rela.vmlinux..text")).map(|n| n + 1);
    let header = table + 64 * index.unwrap_or_else(|| panic!("no section"));
    let with = |at: usize, value: u64, len: usize| {
        let mut bad = good.clone();
        bad[header + at..header + at + len].copy_from_slice(&value.to_le_bytes()[..len]);
        rules(&bad)
    };
    assert!(with(8, 0x42, 8).contains("flags"));
    assert!(with(48, 16, 8).contains("24 bytes"));
    let relocations =
        u64::from_le_bytes(good[header + 24..header + 32].try_into().unwrap_or_default()) as usize;
    let mut outside = good.clone();
    outside[relocations..relocations + 8].copy_from_slice(&u64::MAX.to_le_bytes());
    assert!(rules(&outside).contains("outside"));
    let mut wrong_type = good.clone();
    wrong_type[relocations + 8] = 9;
    assert!(rules(&wrong_type).contains("type"));
    let text = file.section_by_name(".text").and_then(|s| s.file_range());
    let (text, _) = text.unwrap_or_else(|| panic!("no text"));
    let offset =
        u64::from_le_bytes(good[relocations..relocations + 8].try_into().unwrap_or_default());
    let mut filled = good.clone();
    filled[(text + offset) as usize] = 1;
    assert!(rules(&filled).contains("not zero"));
}
