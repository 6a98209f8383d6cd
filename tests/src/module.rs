// SPDX-License-Identifier: GPL-2.0
//! A module as the kernel's build leaves it, written by hand: a few functions, two variables, and
//! the tables that say where ftrace finds them.

use kps_plan::{Note, NOTE_OWNER, NOTE_SECTION, NOTE_TYPE};
use object::build::elf::{Builder, Relocation, SectionData, SectionId, SymbolId};
use object::{elf, Endianness};

/// What a function does behind its entry, and what its instructions refer to, in order.
type Body = (&'static [u8], &'static [Reference]);

/// A reference: where in the body, by which kind of relocation, and to which symbol.
type Reference = (u64, elf::RelocationType, &'static str);

/// The functions of `.text`, 48 bytes apart: all start with ENDBR and an ftrace site.
const FUNCTIONS: &[(&str, Body)] = &[
    ("dummy_get_stats", RETURNS),
    ("dummy_helper", RETURNS),
    ("dummy_show", RETURNS),
    ("dummy_setup", SETS_UP),
    ("dummy_show", RETURNS),
    ("dummy_update", (&[0xe9, 0, 0, 0, 0], &[(1, PLT32, "dummy_get_stats")])),
    // call msleep; jmp back to the call
    ("dummy_poll_thread", (&[0xe8, 0, 0, 0, 0, 0xeb, 0xf9], &[(1, PLT32, "msleep")])),
    // call do_exit, which never returns
    ("dummy_stop", (&[0xe8, 0, 0, 0, 0], &[(1, PLT32, "do_exit")])),
    ("dummy_release", (&[0xe9, 0, 0, 0, 0], &[(1, PLT32, "seq_putc")])),
];
/// Those of `.init.text`. The second has a namesake that stays.
const INIT: &[(&str, Body)] = &[("dummy_init", RETURNS), ("dummy_setup", RETURNS)];
/// The variables, eight bytes apart.
const VARIABLES: &[&str] = &["dummy_count", "dummy_limit"];
/// Symbols of other objects.
const EXTERNALS: &[&str] = &["call_rcu", "do_exit", "kthread_create_on_node", "msleep", "seq_putc"];

const PLT32: elf::RelocationType = elf::R_X86_64_PLT32;
const S32: elf::RelocationType = elf::R_X86_64_32S;

const RETURNS: Body = (&[0xc3], &[]);
/// `mov $dummy_poll_thread,%rdi; call kthread_create_on_node; mov $dummy_release,%rsi;
/// jmp call_rcu`
const SETS_UP: Body = (
    &[
        0x48, 0xc7, 0xc7, 0, 0, 0, 0, 0xe8, 0, 0, 0, 0, 0x48, 0xc7, 0xc6, 0, 0, 0, 0, 0xe9, 0, 0,
        0, 0,
    ],
    &[
        (3, S32, "dummy_poll_thread"),
        (8, PLT32, "kthread_create_on_node"),
        (15, S32, "dummy_release"),
        (20, PLT32, "call_rcu"),
    ],
);

/// ENDBR and a call of `__fentry__`, which the kernel's build has made a NOP.
const ENTRY: [u8; 9] = [0xf3, 0x0f, 0x1e, 0xfa, 0xe8, 0, 0, 0, 0];
/// Where the site is.
const SITE: i64 = 4;
/// The bytes from one function to the next.
const SIZE: u64 = 48;

/// The build-id of the module.
pub const BUILD_ID: [u8; 20] = [0xb1; 20];

/// A module with these types.
pub fn write(btf: &[u8]) -> Vec<u8> {
    let mut builder = Builder::new(Endianness::Little, true);
    builder.header.e_type = elf::ET_REL;
    builder.header.e_machine = elf::EM_X86_64;
    let text = add(&mut builder, ".text", code(FUNCTIONS), true);
    let init = add(&mut builder, ".init.text", code(INIT), true);
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
        b"license=GPL\0softdep=pre: crc-t10dif sha1 post: des\0depends=usb-core,mii\0name=dummy\0"
            .to_vec(),
        true,
    );
    add(&mut builder, ".BTF", btf.to_vec(), false);
    table(&mut builder, ".symtab", elf::SHT_SYMTAB, SectionData::Symbol);
    table(&mut builder, ".strtab", elf::SHT_STRTAB, SectionData::String);
    table(&mut builder, ".shstrtab", elf::SHT_STRTAB, SectionData::SectionString);

    // The freed namesake comes first, as the linker would have put it from an earlier file.
    let mut sites = Vec::new();
    for (section, functions) in [(init, INIT), (text, FUNCTIONS)] {
        for (n, (name, _)) in functions.iter().enumerate() {
            let value = SIZE * n as u64;
            sites.push(symbol(&mut builder, name, Some(section), value, elf::STT_FUNC));
        }
    }
    for (n, name) in VARIABLES.iter().enumerate() {
        symbol(&mut builder, name, Some(data), 8 * n as u64, elf::STT_OBJECT);
    }
    for name in EXTERNALS {
        symbol(&mut builder, name, None, 0, elf::STT_NOTYPE);
    }
    let relocations = sites.iter().enumerate().map(|(n, &symbol)| Relocation {
        r_offset: 8 * n as u64,
        symbol: Some(symbol),
        r_type: elf::R_X86_64_64,
        r_addend: SITE,
    });
    let relocations = relocations.collect();
    relocate(&mut builder, ".rela__mcount_loc", mcount, relocations);
    let references = references(&builder);
    relocate(&mut builder, ".rela.text", text, references);

    let mut module = Vec::new();
    builder.write(&mut module).unwrap_or_else(|error| panic!("{error}"));
    module
}

/// A livepatch as far as its file tells: its `.modinfo`, and its note if kpsc made it.
pub fn livepatch(name: &str, vermagic: &str, note: Option<&Note>) -> Vec<u8> {
    let mut builder = Builder::new(Endianness::Little, true);
    builder.header.e_type = elf::ET_REL;
    builder.header.e_machine = elf::EM_X86_64;
    let info = format!("license=GPL\0livepatch=Y\0name={name}\0vermagic={vermagic}\0");
    add(&mut builder, ".modinfo", info.into_bytes(), true);
    if let Some(note) = note {
        let text = note.to_string();
        let mut bytes = Vec::new();
        for word in [NOTE_OWNER.len() as u32 + 1, text.len() as u32, NOTE_TYPE] {
            bytes.extend(word.to_le_bytes());
        }
        bytes.extend(NOTE_OWNER.bytes().chain([0]));
        bytes.extend(text.bytes());
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        add(&mut builder, NOTE_SECTION, bytes, true);
    }
    table(&mut builder, ".shstrtab", elf::SHT_STRTAB, SectionData::SectionString);
    let mut module = Vec::new();
    builder.write(&mut module).unwrap_or_else(|error| panic!("{error}"));
    module
}

/// The code of functions, before it is relocated.
fn code(functions: &[(&str, Body)]) -> Vec<u8> {
    const NOP: u8 = 0x90;
    let function = |(_, (body, _)): &(&str, Body)| {
        let mut code = [&ENTRY, *body].concat();
        code.resize(SIZE as usize, NOP);
        code
    };
    functions.iter().flat_map(function).collect()
}

/// The relocations of `.text`.
fn references(builder: &Builder<'_>) -> Vec<Relocation> {
    let symbol = |name: &str| {
        let symbol =
            builder.symbols.iter().find(|symbol| symbol.name.as_slice() == name.as_bytes());
        symbol.map(object::build::elf::Symbol::id)
    };
    let all = FUNCTIONS.iter().enumerate().flat_map(|(n, (_, (_, references)))| {
        let body = SIZE * n as u64 + ENTRY.len() as u64;
        references.iter().map(move |reference| (body, reference))
    });
    let relocation = |(body, &(at, r_type, name)): (u64, &Reference)| Relocation {
        r_offset: body + at,
        symbol: symbol(name),
        r_type,
        r_addend: if r_type == PLT32 { -4 } else { 0 },
    };
    all.map(relocation).collect()
}

/// Adds the relocations of a section.
fn relocate(builder: &mut Builder<'_>, name: &str, of: SectionId, relocations: Vec<Relocation>) {
    let symtab =
        builder.sections.iter().find(|s| matches!(s.data, SectionData::Symbol)).map(|s| s.id());
    let section = builder.sections.add();
    section.name = name.as_bytes().to_vec().into();
    section.sh_type = elf::SHT_RELA;
    section.sh_flags = elf::SHF_INFO_LINK;
    section.sh_link_section = symtab;
    section.sh_info_section = Some(of);
    section.sh_addralign = 8;
    section.sh_entsize = 24;
    section.data = SectionData::Relocation(relocations);
}

fn add(builder: &mut Builder<'_>, name: &str, bytes: Vec<u8>, loaded: bool) -> SectionId {
    let section = builder.sections.add();
    section.name = name.as_bytes().to_vec().into();
    section.sh_type = elf::SHT_PROGBITS;
    section.sh_flags = match loaded {
        true if name.ends_with(".text") => elf::SHF_ALLOC | elf::SHF_EXECINSTR,
        true => elf::SHF_ALLOC,
        false => Default::default(),
    };
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
    section: Option<SectionId>,
    value: u64,
    kind: elf::SymbolType,
) -> SymbolId {
    let symbol = builder.symbols.add();
    symbol.name = name.as_bytes().to_vec().into();
    symbol.section = section;
    symbol.st_value = value;
    symbol.st_size = 8;
    let binding = if section.is_some() { elf::STB_LOCAL } else { elf::STB_GLOBAL };
    symbol.set_st_info(binding, kind);
    symbol.id()
}
