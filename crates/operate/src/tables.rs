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

/// What a module hands to the kernel.
pub(super) struct Tables {
    /// The objects, by name.
    pub(super) objects: Vec<Object>,
    /// The byte of `klp_patch.replace`, if the module has its `klp_patch` in its data and none of
    /// its code refers to that byte.
    replace: Option<SectionOffset>,
}

impl Tables {
    pub(super) fn read(elf: &Elf<'_>) -> Tables {
        let pointers = Pointers::read(elf);
        let mut objects: BTreeMap<ObjectName, Vec<Function>> = BTreeMap::new();
        let mut entries = BTreeSet::new();
        for (&(section, at), &target) in &pointers.to {
            let Some(start) = at.checked_sub(POINTER) else { continue };
            let name = pointers.to.get(&(section, start)).and_then(|&name| text(elf, name));
            let (Some(name), true) = (name, kind(elf, target.0) == Some(SectionKind::Text)) else {
                continue;
            };
            let Some((object, entry)) = pointers.object(elf, (section, start)) else { continue };
            entries.insert(entry);
            let sympos = number(elf, (section, at.saturating_add(POINTER))).unwrap_or_default();
            let keeps_original =
                pointers.originals.contains(&format!("{}.{name},{sympos}", object.as_str()));
            objects.entry(object).or_default().push(Function { name, sympos, keeps_original });
        }
        Tables {
            objects: objects
                .into_iter()
                .map(|(name, functions)| Object { name, functions })
                .collect(),
            replace: pointers.replace(elf, &entries),
        }
    }

    /// Whether it replaces all others, for a module of a release; `None` if only its code knows, as
    /// in a module of `klp-build`.
    pub(super) fn replaces(&self, elf: &Elf<'_>, release: Option<&str>) -> Option<bool> {
        /// The first kernel with `klp_patch.states`, which is before `replace`.
        const STATES: (u32, u32) = (5, 5);
        let mut numbers = release?.split(['.', '-', '+']).map(str::parse);
        let version = (numbers.next()?.ok()?, numbers.next()?.ok()?);
        match bytes(elf, self.replace?)?.first()? {
            _ if version < STATES => None,
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }
}

/// The pointers in a module's data.
#[derive(Default)]
struct Pointers {
    /// The target of each pointer, by the pointer's position.
    to: BTreeMap<SectionOffset, SectionOffset>,
    /// The position of a pointer, by its target.
    from: BTreeMap<SectionOffset, SectionOffset>,
    /// The old functions that are entered behind their ftrace sites: `OBJECT.NAME,SYMPOS`.
    originals: BTreeSet<String>,
    /// What code refers to.
    used: BTreeSet<SectionOffset>,
}

impl Pointers {
    fn read(elf: &Elf<'_>) -> Pointers {
        let mut pointers = Pointers::default();
        let relocations = elf.sections().flat_map(|section| {
            section
                .relocations()
                .map(move |(at, relocation)| (section.index().0, section.kind(), at, relocation))
        });
        for (section, kind, at, relocation) in relocations.take(MAX_RELOCATIONS) {
            let RelocationTarget::Symbol(symbol) = relocation.target() else { continue };
            let Ok(symbol) = elf.symbol_by_index(symbol) else { continue };
            let target = symbol.section_index().map(|target| {
                (target.0, symbol.address().wrapping_add_signed(relocation.addend()))
            });
            match (kind, target) {
                // `klp-build` has its tables in read-only data.
                (SectionKind::Data | SectionKind::ReadOnlyData, Some(target)) => {
                    pointers.to.insert((section, at), target);
                    pointers.from.insert(target, (section, at));
                }
                (SectionKind::Text, target) => {
                    pointers.used.extend(target);
                    // The guard also reads the start of an old function, to compare it; a jump goes
                    // behind the ftrace site.
                    if relocation.addend() > 0 && is_jump(elf, (section, at)) {
                        let name = symbol.name().ok();
                        let name = name.and_then(|name| name.strip_prefix(".klp.sym."));
                        pointers.originals.extend(name.map(str::to_owned));
                    }
                }
                _ => {}
            }
        }
        pointers
    }

    /// The object whose table of functions contains an entry, and where that object is. The object
    /// without a name is the kernel image.
    fn object(&self, elf: &Elf<'_>, entry: SectionOffset) -> Option<(ObjectName, SectionOffset)> {
        let (&(section, _), &(from, at)) = self.from.range(..=entry).next_back()?;
        if section != entry.0 {
            return None;
        }
        let start = (from, at.checked_sub(POINTER)?);
        let name = match self.to.get(&start) {
            Some(&name) => ObjectName::new(&text(elf, name)?),
            None => ObjectName::Vmlinux,
        };
        Some((name, start))
    }

    /// Where `klp_patch.replace` is: in the struct that points to `THIS_MODULE`, to the first of
    /// the objects, and perhaps to states. `None` if code refers to the byte, as it may change it.
    fn replace(&self, elf: &Elf<'_>, objects: &BTreeSet<SectionOffset>) -> Option<SectionOffset> {
        const REPLACE: u64 = 3 * POINTER;
        /// Addresses in code are relative to the end of the instruction, which is at most this much
        /// behind the start of the field.
        const BEHIND: u64 = 8;
        let is_patch = |&(&(section, at), &(module, _)): &(&SectionOffset, &SectionOffset)| {
            let next = at.checked_add(POINTER).and_then(|next| self.to.get(&(section, next)));
            next.is_some_and(|next| objects.contains(next)) && is_this_module(elf, module)
        };
        let (&(section, at), _) = self.to.iter().find(is_patch)?;
        let place = at.checked_add(REPLACE)?;
        let mut uses = self.used.range((section, place.saturating_sub(BEHIND))..=(section, place));
        uses.next().is_none().then_some((section, place))
    }
}

/// Whether a section is that of the module's `struct module`.
fn is_this_module(elf: &Elf<'_>, section: usize) -> bool {
    elf.section_by_index(SectionIndex(section))
        .is_ok_and(|section| section.name() == Ok(".gnu.linkonce.this_module"))
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
