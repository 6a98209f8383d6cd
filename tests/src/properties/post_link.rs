// SPDX-License-Identifier: GPL-2.0
//! Post-link: every relocation is kept or moved, no other byte that is loaded changes, and there is
//! no second time.

use kps_link::{post_link as convert, verify, CodeLines, ObjectFile, PostLinkError, VerifyError};
use object::elf::{FileHeader64, SHF_ALLOC, SHT_NOBITS, SHT_RELA, SHT_SYMTAB};
use object::read::elf::{
    FileHeader as _, Rela as _, SectionHeader as _, SectionTable, Sym as _, SymbolTable,
};
use object::{LittleEndian as LE, SectionIndex, SymbolIndex};

type Sections<'a> = SectionTable<'a, FileHeader64<LE>>;
type Symbols<'a> = SymbolTable<'a, FileHeader64<LE>>;

/// Converts and verifies bytes that a linker may have written.
pub fn post_link(data: &[u8]) {
    let _ = verify(data);
    // Of any code there are lines or none.
    if let Some(object) = ObjectFile::read(data) {
        let lines = CodeLines::read(&object);
        for used in object.uses().take(100) {
            lines.as_ref().map(|lines| lines.at(used.at));
            used.target.map(|target| object.bytes_at(target));
        }
    }
    let Ok(converted) = convert(data) else { return };
    let (before, after) = (loaded(data), loaded(&converted));
    let (Ok(before), Ok(after)) = (before, after) else {
        panic!("what was converted cannot be read: {:?}", loaded(&converted).err());
    };
    assert_eq!(before.relocations, after.relocations, "a relocation was lost or made up");
    assert_eq!(before.sections, after.sections, "a section that is loaded has changed");
    match verify(&converted) {
        Ok(summary) => assert_eq!(summary.relocations, after.moved),
        // That a module is a livepatch is its author's to say.
        Err(VerifyError::Rule { what, .. }) if what == ".modinfo" => {}
        // The code is the compilers'.
        Err(VerifyError::Pad { .. } | VerifyError::Damaged) => {}
        Err(error) => panic!("the converted module breaks a rule: {error}"),
    }
    if after.moved > 0 {
        let again = convert(&converted);
        assert!(
            matches!(again, Err(PostLinkError::Converted(_))),
            "it was converted twice: {again:?}"
        );
    }
}

/// What a loader sees of a module.
#[derive(Debug)]
struct Loaded {
    /// The bytes of each section that is loaded, by name. Relocations have a list of their own, and
    /// the tables of symbols and names are written anew.
    sections: Vec<(String, Vec<u8>)>,
    /// Where each relocation applies, its type, its symbol without prefix, and the addend.
    relocations: Vec<(String, u64, u32, String, i64)>,
    /// How many relocations are in sections of klp relocations.
    moved: usize,
}

fn loaded(module: &[u8]) -> object::Result<Loaded> {
    let header = FileHeader64::<LE>::parse(module)?;
    let sections = header.sections(LE, module)?;
    let symbols = sections.symbols(LE, module, SHT_SYMTAB)?;
    let names = SectionIndex(header.shstrndx(LE, module)? as usize);
    let tables = [symbols.section(), symbols.string_section(), names];
    let mut all = Loaded { sections: Vec::new(), relocations: Vec::new(), moved: 0 };
    // The first one is none.
    for (index, section) in sections.enumerate().skip(1) {
        let name = text(sections.section_name(LE, section)?);
        let kind = section.sh_type(LE);
        let dropped = |name: &str| {
            // Those of versions lose the entries of placeholders.
            [".debug_", ".BTF", ".comment", "__version"].iter().any(|start| name.starts_with(start))
        };
        if dropped(&name) {
            continue;
        }
        if kind == SHT_RELA {
            let Some((relocations, _)) = section.rela(LE, module)? else { continue };
            let target = sections.section(section.info_link(LE))?;
            if !target.sh_flags(LE).contains(SHF_ALLOC) {
                continue;
            }
            let target = text(sections.section_name(LE, target)?);
            if dropped(&target) {
                continue;
            }
            for relocation in relocations {
                let symbol = match relocation.symbol(LE, false) {
                    Some(index) => describe(&sections, &symbols, index)?,
                    None => String::new(),
                };
                all.relocations.push((
                    target.clone(),
                    relocation.r_offset.get(LE),
                    relocation.r_type(LE, false).0,
                    symbol,
                    relocation.r_addend.get(LE),
                ));
            }
            all.moved += if name.starts_with(".klp.rela.") { relocations.len() } else { 0 };
        } else if section.sh_flags(LE).contains(SHF_ALLOC)
            && kind != SHT_NOBITS
            && !tables.contains(&index)
        {
            let data = section.data(LE, module)?;
            // An empty one is a mark for the linker and may go.
            all.sections.extend((!data.is_empty()).then(|| (name, data.to_vec())));
        }
    }
    all.sections.sort();
    all.relocations.sort();
    Ok(all)
}

/// What a symbol stands for, in words that conversion does not change.
fn describe(
    sections: &Sections<'_>,
    symbols: &Symbols<'_>,
    index: SymbolIndex,
) -> object::Result<String> {
    let symbol = symbols.symbol(index)?;
    let name = text(symbols.symbol_name(LE, symbol)?);
    if let Some(rest) =
        ["kps.sym.", ".klp.sym."].iter().find_map(|prefix| name.strip_prefix(prefix))
    {
        return Ok(rest.to_owned());
    }
    let section = match symbols.symbol_section(LE, symbol, index)? {
        Some(section) => text(sections.section_name(LE, sections.section(section)?)?),
        None => String::new(),
    };
    Ok(format!("{name} at {section}+{}", symbol.st_value(LE)))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
