// SPDX-License-Identifier: GPL-2.0
//! Which functions a module changes, from the tables that it hands to the kernel
//! (`include/linux/livepatch.h`).
//!
//! Relocations fill the tables, so no struct size has to be known: a `klp_func` is a pointer to a
//! name followed by one to code, and a `klp_object` points to the first of them. That holds for
//! hand-written modules too.

use kps_plan::ObjectName;
use object::read::elf::ElfFile64;
use object::{
    LittleEndian, Object as _, ObjectSection as _, ObjectSymbol as _, RelocationTarget,
    SectionIndex, SectionKind,
};
use std::collections::{BTreeMap, BTreeSet};

type Elf<'a> = ElfFile64<'a, LittleEndian>;
/// A section and an offset in it.
type SectionOffset = (usize, u64);

/// The size of a pointer in bytes.
const POINTER: u64 = 8;
/// `KSYM_NAME_LEN` without the NUL.
const MAX_NAME: usize = 511;
/// Sections may claim the same relocations over and over. No module has this many.
const MAX_RELOCATIONS: usize = 1 << 18;

/// An object and its changed functions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Object {
    /// Which object.
    pub name: ObjectName,
    /// The functions.
    pub functions: Vec<Function>,
}

/// A function that is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Its name.
    pub name: String,
    /// Its position among the functions of its name; 0 if it is the only one.
    pub sympos: u64,
    /// Whether the new code runs it too.
    pub keeps_original: bool,
}

/// The objects of a module, by name.
pub(super) fn objects(elf: &Elf<'_>) -> Vec<Object> {
    let pointers = Pointers::read(elf);
    let mut objects: BTreeMap<ObjectName, Vec<Function>> = BTreeMap::new();
    for (&(section, at), &target) in &pointers.to {
        let Some(start) = at.checked_sub(POINTER) else { continue };
        let name = pointers.to.get(&(section, start)).and_then(|&name| text(elf, name));
        let (Some(name), true) = (name, kind(elf, target.0) == Some(SectionKind::Text)) else {
            continue;
        };
        let Some(object) = pointers.object(elf, (section, start)) else { continue };
        let sympos = number(elf, (section, at.saturating_add(POINTER))).unwrap_or_default();
        let keeps_original =
            pointers.originals.contains(&format!("{}.{name},{sympos}", object.as_str()));
        objects.entry(object).or_default().push(Function { name, sympos, keeps_original });
    }
    objects.into_iter().map(|(name, functions)| Object { name, functions }).collect()
}

/// The pointers in a module's data.
struct Pointers {
    /// The target of each pointer, by the pointer's position.
    to: BTreeMap<SectionOffset, SectionOffset>,
    /// The position of a pointer, by its target.
    from: BTreeMap<SectionOffset, SectionOffset>,
    /// The old functions that are entered behind their ftrace sites: `OBJECT.NAME,SYMPOS`.
    originals: BTreeSet<String>,
}

impl Pointers {
    fn read(elf: &Elf<'_>) -> Pointers {
        let (mut to, mut from, mut originals) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        let relocations = elf.sections().flat_map(|section| {
            section
                .relocations()
                .map(move |(at, relocation)| (section.index().0, section.kind(), at, relocation))
        });
        for (section, kind, at, relocation) in relocations.take(MAX_RELOCATIONS) {
            let RelocationTarget::Symbol(symbol) = relocation.target() else { continue };
            let Ok(symbol) = elf.symbol_by_index(symbol) else { continue };
            match (kind, symbol.section_index()) {
                // `klp-build` has its tables in read-only data.
                (SectionKind::Data | SectionKind::ReadOnlyData, Some(SectionIndex(target))) => {
                    let place = (target, symbol.address().wrapping_add_signed(relocation.addend()));
                    to.insert((section, at), place);
                    from.insert(place, (section, at));
                }
                // The guard also reads the start of an old function, to compare it; a jump goes
                // behind the ftrace site.
                (SectionKind::Text, _)
                    if relocation.addend() > 0 && is_jump(elf, (section, at)) =>
                {
                    let name = symbol.name().ok().and_then(|name| name.strip_prefix(".klp.sym."));
                    originals.extend(name.map(str::to_owned));
                }
                _ => {}
            }
        }
        Pointers { to, from, originals }
    }

    /// The object whose table of functions contains an entry. The object without a name is the
    /// kernel image.
    fn object(&self, elf: &Elf<'_>, entry: SectionOffset) -> Option<ObjectName> {
        let (&(section, _), &(from, at)) = self.from.range(..=entry).next_back()?;
        if section != entry.0 {
            return None;
        }
        match at.checked_sub(POINTER).and_then(|name| self.to.get(&(from, name))) {
            Some(&name) => text(elf, name).map(|name| ObjectName::new(&name)),
            None => Some(ObjectName::Vmlinux),
        }
    }
}

/// Whether a relocation is for the target of a `jmp`.
fn is_jump(elf: &Elf<'_>, (section, at): SectionOffset) -> bool {
    const JMP: u8 = 0xe9;
    let opcode = at.checked_sub(1).and_then(|at| bytes(elf, (section, at)));
    opcode.and_then(|bytes| bytes.first()) == Some(&JMP)
}

fn kind(elf: &Elf<'_>, section: usize) -> Option<SectionKind> {
    elf.section_by_index(SectionIndex(section)).ok().map(|section| section.kind())
}

/// The contents of a section from an offset on.
fn bytes<'a>(elf: &Elf<'a>, (section, at): SectionOffset) -> Option<&'a [u8]> {
    let data = elf.section_by_index(SectionIndex(section)).ok()?.data().ok()?;
    data.get(usize::try_from(at).ok()?..)
}

/// A name in read-only data.
fn text(elf: &Elf<'_>, place: SectionOffset) -> Option<String> {
    if !matches!(kind(elf, place.0)?, SectionKind::ReadOnlyData | SectionKind::ReadOnlyString) {
        return None;
    }
    let bytes = bytes(elf, place)?;
    let name = bytes
        .iter()
        .take(MAX_NAME + 1)
        .position(|&byte| byte == 0)
        .and_then(|end| bytes.get(..end))?;
    let name = std::str::from_utf8(name).ok()?;
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_graphic());
    is_name.then(|| name.to_owned())
}

fn number(elf: &Elf<'_>, place: SectionOffset) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes(elf, place)?.first_chunk()?))
}
