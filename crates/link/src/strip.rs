// SPDX-License-Identifier: GPL-2.0
//! Drops the parts of a linked module that no user of the loaded module reads.
//!
//! The kernel keeps the whole symbol table of a livepatch in memory (`copy_module_elf()` in
//! `kernel/module/livepatch.c`), so a symbol costs more than its space in the file.

use object::build::elf::{Builder, Section, SectionData, SectionId, Symbol, SymbolId};
use object::{build::Id as _, elf};
use std::collections::BTreeSet;

/// Debug information and BTF describe the module as the linker saw it. The compilers' names repeat
/// the kernel's own build.
const SECTIONS: &[&[u8]] = &[b".debug_", b".BTF", b".comment"];

/// Types by their BTF ids, in the data of trace events. The prefix of BTF is theirs too.
const IDS: &[u8] = b".BTF_ids";

/// Whether a section of this name is dropped.
pub(super) fn is_stripped(section: &[u8]) -> bool {
    SECTIONS.iter().any(|prefix| section.starts_with(prefix)) && section != IDS
}

/// Marks the dropped sections and symbols.
pub(super) fn strip(builder: &mut Builder<'_>) {
    let dropped = builder.sections.iter().filter(|section| is_stripped(&section.name));
    let dropped: BTreeSet<usize> = dropped.map(|section| section.id().index()).collect();
    let goes = |id: SectionId| dropped.contains(&id.index());
    for section in &mut builder.sections {
        // A relocation section is dropped with the section that it applies to.
        let is_relocations = matches!(section.data, SectionData::Relocation(_));
        section.delete =
            goes(section.id()) || is_relocations && section.sh_info_section.is_some_and(goes);
    }
    drop_symbols(builder);
    drop_empty_sections(builder);
}

/// A symbol is kept if a relocation needs it or if it names code or writable data: stack traces,
/// tracers, the kernel's consistency check and readers of a crash dump use these.
fn drop_symbols(builder: &mut Builder<'_>) {
    let used = used_symbols(builder);
    let lives = |section: &Section<'_>| {
        let flags = section.sh_flags;
        let code_or_data = flags.contains(elf::SHF_EXECINSTR) || flags.contains(elf::SHF_WRITE);
        section.is_alloc() && !section.delete && code_or_data
    };
    let living: BTreeSet<usize> = builder
        .sections
        .iter()
        .filter(|section| lives(section))
        .map(|section| section.id().index())
        .collect();
    for symbol in &mut builder.symbols {
        let is_used = used.contains(&symbol.id().index());
        let names_living = symbol.section.is_some_and(|id: SectionId| living.contains(&id.index()));
        let stays = is_used || (names_living && is_name(symbol));
        symbol.delete = !stays;
    }
}

/// Whether a symbol is useful to a reader. The kernel, too, skips local labels
/// (`is_mapping_symbol()` in `include/linux/module_symbol.h`).
fn is_name(symbol: &Symbol<'_>) -> bool {
    symbol.st_type() != elf::STT_SECTION
        && !symbol.name.is_empty()
        && !symbol.name.starts_with(b".L")
}

/// The symbols that relocations of kept sections use.
fn used_symbols(builder: &Builder<'_>) -> BTreeSet<usize> {
    let kept = builder.sections.iter().filter(|section| !section.delete);
    let relocations = kept.filter_map(|section| match &section.data {
        SectionData::Relocation(relocations) => Some(relocations),
        _ => None,
    });
    let symbols = relocations.flatten().filter_map(|relocation| relocation.symbol);
    symbols.map(|id: SymbolId| id.index()).collect()
}

/// An empty section, such as `.note.GNU-stack`, is only a mark for the linker.
fn drop_empty_sections(builder: &mut Builder<'_>) {
    let named =
        builder.symbols.iter().filter(|symbol| !symbol.delete).filter_map(|symbol| symbol.section);
    let relocated = builder.sections.iter().filter_map(|section| section.sh_info_section);
    let needed: BTreeSet<usize> = named.chain(relocated).map(|id| id.index()).collect();
    for section in &mut builder.sections {
        let empty = match &section.data {
            SectionData::Data(bytes) | SectionData::Note(bytes) => bytes.is_empty(),
            SectionData::UninitializedData(size) => *size == 0,
            _ => false,
        };
        section.delete |= empty && !needed.contains(&section.id().index());
    }
}
