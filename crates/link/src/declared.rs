// SPDX-License-Identifier: GPL-2.0
//! The functions, variables and types that C files define, read from an object's debug information.
//! It describes what the compiler saw: not the text under `#if 0`, and functions that it inlined.

use super::layout::{layout, Layout, LayoutKind};
use super::object_file::{Address, ObjectFile};
use super::CodeLine;
use addr2line::gimli::{
    constants as dw, Attribute, AttributeValue, Dwarf, EndianSlice, Error, LittleEndian, Operation,
    SectionId, Unit, UnitOffset, UnitRef,
};
use std::collections::BTreeMap;

type Slice<'o> = EndianSlice<'o, LittleEndian>;

/// A definition in C.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    /// Its name in the source.
    pub name: String,
    /// Where the source defines it.
    pub at: CodeLine,
    /// What it is.
    pub kind: DeclaredKind,
}

/// The kinds of definitions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeclaredKind {
    /// A function, perhaps inlined everywhere.
    Function,
    /// A variable outside of functions, or a static one in a function.
    Variable {
        /// Its address; `None` if the compiler needs none, because nothing writes the variable.
        at: Option<Address>,
        /// Whether its type is `const`.
        is_const: bool,
    },
    /// A struct, union or enumeration that is used.
    Type(Layout),
    /// The same without a name of its own, which a typedef has.
    Typedef(Layout),
}

/// The definitions in those C files of an object whose paths fulfil a condition; if its debug
/// information is damaged, those before the damage.
pub fn declared(object: &ObjectFile<'_>, is_wanted: &dyn Fn(&str) -> bool) -> Vec<Declared> {
    let mut found = Vec::new();
    // What was read before the damage is true.
    let _ = read(object, is_wanted, &mut found);
    found
}

fn read(
    object: &ObjectFile<'_>,
    is_wanted: &dyn Fn(&str) -> bool,
    found: &mut Vec<Declared>,
) -> Result<(), Error> {
    let load = |section: SectionId| -> Result<Slice<'_>, Error> {
        Ok(EndianSlice::new(object.debug(section.name()), LittleEndian))
    };
    let dwarf = Dwarf::load(load)?;
    let mut units = dwarf.units();
    while let Some(header) = units.next()? {
        let unit = dwarf.unit(header)?;
        if is_c(&unit)? {
            let unit = UnitRef::new(&dwarf, &unit);
            Reader { unit, is_wanted, files: BTreeMap::new() }.read(found)?;
        }
    }
    Ok(())
}

fn is_c(unit: &Unit<Slice<'_>>) -> Result<bool, Error> {
    let mut entries = unit.entries();
    let root = entries.next_dfs()?;
    let language = root.and_then(|root| root.attr_value(dw::DW_AT_language));
    Ok(matches!(
        language,
        Some(AttributeValue::Language(
            dw::DW_LANG_C | dw::DW_LANG_C89 | dw::DW_LANG_C99 | dw::DW_LANG_C11 | dw::DW_LANG_C17
        ))
    ))
}

/// Reads a unit.
struct Reader<'u, 'o> {
    unit: UnitRef<'u, Slice<'o>>,
    is_wanted: &'u dyn Fn(&str) -> bool,
    /// The paths of files by number; `None` for one that is not wanted.
    files: BTreeMap<u64, Option<String>>,
}

type Attributes<'o> = [Attribute<Slice<'o>>];

impl<'o> Reader<'_, 'o> {
    fn read(&mut self, found: &mut Vec<Declared>) -> Result<(), Error> {
        let mut entries = self.unit.entries_raw(None)?;
        let mut attributes = Vec::new();
        while !entries.is_empty() {
            let (is_outside, at) = (entries.next_depth() == 1, entries.next_offset());
            let Some(abbreviation) = entries.read_abbreviation()? else { continue };
            entries.read_attributes(abbreviation.attributes(), &mut attributes)?;
            // Code of a function that was described elsewhere has no name, and a declaration of
            // another file's function no code.
            let Some(name) = value(&attributes, dw::DW_AT_name) else { continue };
            if value(&attributes, dw::DW_AT_declaration).is_some() {
                continue;
            }
            let Some(place) = self.place(&attributes)? else { continue };
            let kind = self.kind(abbreviation.tag(), at, is_outside, &attributes)?;
            let Some(kind) = kind else { continue };
            let name = self.unit.attr_string(name)?.to_string_lossy().into_owned();
            found.push(Declared { name, at: place, kind });
        }
        Ok(())
    }

    fn kind(
        &self,
        tag: dw::DwTag,
        at: UnitOffset,
        is_outside: bool,
        attributes: &Attributes<'o>,
    ) -> Result<Option<DeclaredKind>, Error> {
        let unit = self.unit;
        if let Some(kind) = LayoutKind::of(tag) {
            return Ok(layout(unit, at, kind)?.map(DeclaredKind::Type));
        }
        let ty = value(attributes, dw::DW_AT_type);
        Ok(match (tag, ty) {
            (dw::DW_TAG_subprogram, _) => Some(DeclaredKind::Function),
            (dw::DW_TAG_typedef, Some(AttributeValue::UnitRef(ty))) => {
                let entry = unit.entry(ty)?;
                let kind = LayoutKind::of(entry.tag());
                match kind.filter(|_| entry.attr_value(dw::DW_AT_name).is_none()) {
                    Some(kind) => layout(unit, ty, kind)?.map(DeclaredKind::Typedef),
                    None => None,
                }
            }
            (dw::DW_TAG_variable, ty) => {
                let at = address(unit, value(attributes, dw::DW_AT_location))?;
                let is_const = is_const(unit, ty)?;
                // Others in functions are on the stack.
                (at.is_some() || is_outside).then_some(DeclaredKind::Variable { at, is_const })
            }
            _ => None,
        })
    }

    /// The position of a definition, if it is in a file that is wanted.
    fn place(&mut self, attributes: &Attributes<'o>) -> Result<Option<CodeLine>, Error> {
        let number = |name| value(attributes, name).and_then(|value| value.udata_value());
        let (Some(AttributeValue::FileIndex(file)), Some(line)) =
            (value(attributes, dw::DW_AT_decl_file), number(dw::DW_AT_decl_line))
        else {
            return Ok(None);
        };
        if !self.files.contains_key(&file) {
            let path = path(self.unit, file)?.filter(|path| (self.is_wanted)(path));
            self.files.insert(file, path);
        }
        let Some(Some(file)) = self.files.get(&file) else { return Ok(None) };
        let column = number(dw::DW_AT_decl_column).unwrap_or(0) as usize;
        Ok(Some(CodeLine { file: file.clone(), line: line as usize, column }))
    }
}

fn value<'o>(attributes: &Attributes<'o>, name: dw::DwAt) -> Option<AttributeValue<Slice<'o>>> {
    attributes.iter().find(|attribute| attribute.name() == name).map(Attribute::value)
}

/// The path of a file of a unit.
fn path(unit: UnitRef<'_, Slice<'_>>, file: u64) -> Result<Option<String>, Error> {
    let Some(program) = &unit.line_program else { return Ok(None) };
    let header = program.header();
    let Some(file) = header.file(file) else { return Ok(None) };
    let mut path = String::new();
    if let Some(folder) = file.directory(header) {
        path = unit.attr_string(folder)?.to_string_lossy().into_owned() + "/";
    }
    path.push_str(&unit.attr_string(file.path_name())?.to_string_lossy());
    Ok(Some(path))
}

/// Whether a type is `const`, or an array of such a type.
fn is_const<'o>(
    unit: UnitRef<'_, Slice<'o>>,
    mut ty: Option<AttributeValue<Slice<'o>>>,
) -> Result<bool, Error> {
    /// No declaration has more arrays of arrays, behind `volatile` and names.
    const DEPTH: usize = 16;
    for _ in 0..DEPTH {
        let Some(AttributeValue::UnitRef(offset)) = ty else { break };
        let entry = unit.entry(offset)?;
        match entry.tag() {
            dw::DW_TAG_const_type => return Ok(true),
            dw::DW_TAG_array_type | dw::DW_TAG_volatile_type | dw::DW_TAG_typedef => {
                ty = entry.attr_value(dw::DW_AT_type);
            }
            _ => break,
        }
    }
    Ok(false)
}

/// The address of a variable that has a fixed one.
fn address<'o>(
    unit: UnitRef<'_, Slice<'o>>,
    location: Option<AttributeValue<Slice<'o>>>,
) -> Result<Option<Address>, Error> {
    let Some(AttributeValue::Exprloc(expression)) = location else { return Ok(None) };
    let mut operations = expression.operations(unit.encoding());
    Ok(match operations.next()? {
        Some(Operation::Address { address }) => Some(address),
        _ => None,
    })
}
