// SPDX-License-Identifier: GPL-2.0
//! What the kernel has under the names that the C files of a patch use. The build compares it with
//! what the compiler has made of these files: C can define the kernel's variables a second time,
//! and its types differently.

use kps_facts::btf::{Btf, BtfId, Kind};
use kps_facts::{Facts, Object, Sym};
use kps_grammar::{identifiers, Language, Sources};
use kps_link::{Layout, LayoutKind};
use kps_plan::{ObjectName, Patch};
use std::collections::BTreeSet;
use std::ops::Range;

/// The kernel's things with names of the C files.
#[derive(Debug, Default)]
pub struct Known {
    /// The variables.
    pub variables: Vec<Variable>,
    /// The functions, and the parts that the compiler split off them.
    pub functions: Vec<Function>,
    /// The types that have a layout.
    pub types: Vec<Type>,
}

/// A variable of the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Variable {
    /// Its name in the source.
    pub name: String,
    /// Its name for `use`: that of its symbol, with a position if others have that name too.
    pub symbol: String,
    /// The object that has it.
    pub object: ObjectName,
    /// Whether it is per-CPU.
    pub per_cpu: bool,
    /// Whether a write to it faults.
    pub is_read_only: bool,
    /// Its address, to the next symbol.
    pub place: Range<u64>,
}

/// A function of the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Function {
    /// Its name in the source.
    pub name: String,
    /// The object that has it.
    pub object: ObjectName,
    /// Its code.
    pub code: Range<u64>,
}

/// A struct, union or enumeration of the kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Type {
    /// Its name.
    pub name: String,
    /// Whether a typedef has the name, and the type none.
    pub is_typedef: bool,
    /// Its layout.
    pub layout: Layout,
}

impl Known {
    /// Looks the names up in the objects that the patch changes.
    pub fn of<B>(patch: &Patch<B>, sources: &Sources, facts: &Facts) -> Known {
        let in_c = || sources.files().filter(|file| file.language == Language::C);
        let words: BTreeSet<&str> = in_c()
            .flat_map(|file| identifiers(&file.source.text, Language::C))
            .map(|(_, word)| word)
            .collect();
        let mut known = Known::default();
        if words.is_empty() {
            return known;
        }
        known.types = words.iter().flat_map(|word| types(&facts.btf, word)).collect();
        known.add(&words, ObjectName::Vmlinux, &facts.vmlinux);
        for object in patch.objects.iter().map(|object| &object.name) {
            if let Some(module) = facts.modules.get(object.as_str()) {
                known.add(&words, object.clone(), &module.object);
            }
        }
        known
    }

    fn add(&mut self, words: &BTreeSet<&str>, name: ObjectName, object: &Object) {
        for &word in words {
            for sym in symbols(object, word) {
                let Some(section) = object.section_of(sym.address) else { continue };
                // The last symbol of a section goes to its end.
                let end = section.address.saturating_add(section.size);
                let end =
                    object.symbols.next_address(sym.address).map_or(end, |next| next.min(end));
                let (place, name) = (sym.address..end, name.clone());
                // The letters of kallsyms are unreliable, so the section tells what a symbol is.
                if section.name.contains(".text") {
                    self.functions.push(Function {
                        name: word.to_owned(),
                        object: name,
                        code: place,
                    });
                } else {
                    self.variables.push(Variable {
                        name: word.to_owned(),
                        symbol: with_position(object, &sym),
                        object: name,
                        per_cpu: section.name.starts_with(".data..percpu"),
                        is_read_only: object.is_read_only(sym.address),
                        place,
                    });
                }
            }
        }
    }
}

/// The types of a name.
fn types<'f>(btf: &'f Btf, word: &'f str) -> impl Iterator<Item = Type> + 'f {
    btf.types(word).into_iter().filter_map(|id| {
        let (id, is_typedef) = match btf.get(id).kind {
            Kind::Typedef(to) if btf.get(to).name.is_empty() => (to, true),
            _ => (id, false),
        };
        Some(Type { name: word.to_owned(), is_typedef, layout: layout(btf, id)? })
    })
}

fn layout(btf: &Btf, id: BtfId) -> Option<Layout> {
    let mut members = Vec::new();
    let (kind, size) = match btf.get(id).kind {
        Kind::Record(record) => {
            add_members(btf, id, (0, 0), &mut members);
            (if record.union { LayoutKind::Union } else { LayoutKind::Struct }, record.size)
        }
        Kind::Enum(kernels) => {
            let values = kernels.values();
            members.extend(values.map(|(name, value)| (name.to_owned(), Some(value))));
            (LayoutKind::Enum, kernels.size)
        }
        _ => return None,
    };
    Some(Layout { kind, size: size.into(), members })
}

/// Adds the members of a record, and those of its anonymous members.
fn add_members(
    btf: &Btf,
    id: BtfId,
    (base, depth): (i128, usize),
    members: &mut Vec<(String, Option<i128>)>,
) {
    /// More than any record has. Forged records contain one another.
    const MAX_MEMBERS: usize = 1 << 13;
    const MAX_DEPTH: usize = 12;
    let Kind::Record(record) = btf.get(btf.strip(id)).kind else { return };
    for member in record.members() {
        let at = base + i128::from(member.bit_offset);
        if members.len() >= MAX_MEMBERS || depth == MAX_DEPTH {
            return;
        } else if member.name.is_empty() {
            add_members(btf, member.ty, (at, depth + 1), members);
        } else {
            members.push((member.name.to_owned(), Some(at)));
        }
    }
}

/// The symbols of a name: itself, and with what the compiler appends: `.5` to the variables of
/// functions, `.cold`, `.part.0` and others to parts of functions.
fn symbols<'o>(object: &'o Object, word: &str) -> Vec<Sym<'o>> {
    let mut found = object.symbols.named(word);
    let prefix = format!("{word}.");
    let names: BTreeSet<&str> =
        object.symbols.with_prefix(&prefix).map(|symbol| symbol.name).collect();
    found.extend(names.into_iter().flat_map(|name| object.symbols.named(name)));
    found
}

/// `NAME`, or `NAME@2`.
fn with_position(object: &Object, symbol: &Sym<'_>) -> String {
    let all = object.symbols.named(symbol.name);
    let position = all.iter().position(|other| other.address == symbol.address);
    match position.filter(|_| all.len() > 1) {
        Some(before) => format!("{}@{}", symbol.name, before + 1),
        None => symbol.name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kps_facts::{Section, Symbols};

    #[test]
    fn names_are_found_with_what_the_compiler_appends() {
        let symbols = [
            (0x1000, 't', "show"),
            (0x1040, 't', "show.cold"),
            (0x1080, 't', "show_all"),
            (0x2000, 'd', "old.1"),
            (0x2008, 'd', "old.1"),
            (0x2010, 'd', "older"),
            (0x3000, 'd', "counts"),
        ];
        let section = |name: &str, address| Section { name: name.to_owned(), address, size: 0x100 };
        let object = Object {
            symbols: Symbols::new(symbols.map(|(address, kind, name)| Sym { address, kind, name })),
            sections: vec![
                section(".text", 0x1000),
                section(".data", 0x2000),
                section(".data..percpu", 0x3000),
            ],
            ..Object::default()
        };
        let mut known = Known::default();
        let words = BTreeSet::from(["show", "old", "counts", "none"]);
        known.add(&words, ObjectName::Vmlinux, &object);
        let functions: Vec<_> = known.functions.iter().map(|f| f.code.clone()).collect();
        assert_eq!(functions, [0x1000..0x1040, 0x1040..0x1080]);
        let variables: Vec<_> =
            known.variables.iter().map(|v| (v.symbol.as_str(), v.per_cpu)).collect();
        assert_eq!(variables, [("counts", true), ("old.1@1", false), ("old.1@2", false)]);
        assert_eq!(known.variables[1].place, 0x2000..0x2008);
    }
}
