// SPDX-License-Identifier: GPL-2.0
//! A module as the kernel's build leaves it, written by hand: a few functions, two variables, and
//! the tables that say where ftrace finds them.

use object::build::elf::{Builder, Relocation, SectionData, SectionId, SymbolId};
use object::{elf, Endianness};

/// The functions of `.text`, sixteen bytes apart: all start with ENDBR and an ftrace site.
const FUNCTIONS: &[&str] =
    &["dummy_get_stats", "dummy_helper", "dummy_show", "dummy_setup", "dummy_show"];
/// Those of `.init.text`. The second has a namesake that stays.
const INIT: &[&str] = &["dummy_init", "dummy_setup"];
/// The variables, eight bytes apart.
const VARIABLES: &[&str] = &["dummy_count", "dummy_limit"];

/// ENDBR, a call that is still to be relocated, and a return.
const FUNCTION: [u8; 16] =
    [0xf3, 0x0f, 0x1e, 0xfa, 0xe8, 0, 0, 0, 0, 0xc3, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90];
/// Where the site is.
const SITE: i64 = 4;

/// The build-id of the module.
pub const BUILD_ID: [u8; 20] = [0xb1; 20];

/// A module with these types.
pub fn write(btf: &[u8]) -> Vec<u8> {
    let mut builder = Builder::new(Endianness::Little, true);
    builder.header.e_type = elf::ET_REL;
    builder.header.e_machine = elf::EM_X86_64;
    let text = add(&mut builder, ".text", FUNCTION.repeat(FUNCTIONS.len()), true);
    let init = add(&mut builder, ".init.text", FUNCTION.repeat(INIT.len()), true);
    let data = add(&mut builder, ".data", vec![0; 8 * VARIABLES.len()], true);
    let mcount =
        add(&mut builder, "__mcount_loc", vec![0; 8 * (FUNCTIONS.len() + INIT.len())], true);
    let mut note = Vec::new();
    for word in [4, BUILD_ID.len() as u32, 3] {
        note.extend(word.to_le_bytes());
    }
    note.extend(b"GNU\0");
    note.extend(BUILD_ID);
    add(&mut builder, ".note.gnu.build-id", note, true);
    add(
        &mut builder,
        ".modinfo",
        b"license=GPL\0depends=usb-core,mii\0name=dummy\0".to_vec(),
        true,
    );
    add(&mut builder, ".BTF", btf.to_vec(), false);
    table(&mut builder, ".symtab", elf::SHT_SYMTAB, SectionData::Symbol);
    table(&mut builder, ".strtab", elf::SHT_STRTAB, SectionData::String);
    table(&mut builder, ".shstrtab", elf::SHT_STRTAB, SectionData::SectionString);

    // The freed namesake comes first, as the linker would have put it from an earlier file.
    let mut sites = Vec::new();
    for (section, names) in [(init, INIT), (text, FUNCTIONS)] {
        for (n, name) in names.iter().enumerate() {
            sites.push(symbol(&mut builder, name, section, 16 * n as u64, elf::STT_FUNC));
        }
    }
    for (n, name) in VARIABLES.iter().enumerate() {
        symbol(&mut builder, name, data, 8 * n as u64, elf::STT_OBJECT);
    }
    let symtab =
        builder.sections.iter().find(|s| matches!(s.data, SectionData::Symbol)).map(|s| s.id());
    let relocations = sites.iter().enumerate().map(|(n, &symbol)| Relocation {
        r_offset: 8 * n as u64,
        symbol: Some(symbol),
        r_type: elf::R_X86_64_64,
        r_addend: SITE,
    });
    let section = builder.sections.add();
    section.name = b".rela__mcount_loc"[..].into();
    section.sh_type = elf::SHT_RELA;
    section.sh_flags = elf::SHF_INFO_LINK;
    section.sh_link_section = symtab;
    section.sh_info_section = Some(mcount);
    section.sh_addralign = 8;
    section.sh_entsize = 24;
    section.data = SectionData::Relocation(relocations.collect());

    let mut module = Vec::new();
    builder.write(&mut module).unwrap_or_else(|error| panic!("{error}"));
    module
}

fn add(builder: &mut Builder<'_>, name: &str, bytes: Vec<u8>, loaded: bool) -> SectionId {
    let section = builder.sections.add();
    section.name = name.as_bytes().to_vec().into();
    section.sh_type = elf::SHT_PROGBITS;
    section.sh_flags = if loaded { elf::SHF_ALLOC } else { Default::default() };
    section.sh_addralign = 16;
    section.data = SectionData::Data(bytes.into());
    section.id()
}

fn table(
    builder: &mut Builder<'_>,
    name: &str,
    kind: elf::SectionType,
    data: SectionData<'static>,
) {
    let section = builder.sections.add();
    section.name = name.as_bytes().to_vec().into();
    section.sh_type = kind;
    section.sh_addralign = 8;
    section.data = data;
}

fn symbol(
    builder: &mut Builder<'_>,
    name: &str,
    section: SectionId,
    value: u64,
    kind: elf::SymbolType,
) -> SymbolId {
    let symbol = builder.symbols.add();
    symbol.name = name.as_bytes().to_vec().into();
    symbol.section = Some(section);
    symbol.st_value = value;
    symbol.st_size = 8;
    symbol.set_st_info(elf::STB_LOCAL, kind);
    symbol.id()
}
