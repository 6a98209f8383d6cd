// SPDX-License-Identifier: GPL-2.0
//! The functions and variables that C files declare, read from an object's debug information. It
//! describes what the compiler saw: not the text under `#if 0`, and functions that it inlined.

use super::object_file::{Address, ObjectFile};
use super::CodeLine;
use addr2line::gimli::{
    constants as dw, Attribute, AttributeValue, Dwarf, EndianSlice, Error, LittleEndian, Operation,
    SectionId, Unit, UnitRef,
};

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

impl Declared {
    /// Its name in the author's file: the wrapper renames functions that the patch uses.
    pub fn plain_name(&self) -> &str {
        self.name.strip_prefix("kps_c_").unwrap_or(&self.name)
    }
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
}

/// The definitions in all C files of an object; empty if its debug information is damaged.
pub fn declared(object: &ObjectFile<'_>) -> Vec<Declared> {
    let mut found = Vec::new();
    // What was read before the damage is true.
    let _ = read(object, &mut found);
    found
}

fn read(object: &ObjectFile<'_>, found: &mut Vec<Declared>) -> Result<(), Error> {
    let load = |section: SectionId| -> Result<Slice<'_>, Error> {
        Ok(EndianSlice::new(object.debug(section.name()), LittleEndian))
    };
    let dwarf = Dwarf::load(load)?;
    let mut units = dwarf.units();
    while let Some(header) = units.next()? {
        let unit = dwarf.unit(header)?;
        if is_c(&unit)? {
            read_unit(UnitRef::new(&dwarf, &unit), found)?;
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

fn read_unit(unit: UnitRef<'_, Slice<'_>>, found: &mut Vec<Declared>) -> Result<(), Error> {
    let mut entries = unit.entries_raw(None)?;
    let mut attributes = Vec::new();
    while !entries.is_empty() {
        let is_outside = entries.next_depth() == 1;
        let Some(abbreviation) = entries.read_abbreviation()? else { continue };
        let tag = abbreviation.tag();
        if tag != dw::DW_TAG_subprogram && tag != dw::DW_TAG_variable {
            entries.skip_attributes(abbreviation.attributes())?;
            continue;
        }
        entries.read_attributes(abbreviation.attributes(), &mut attributes)?;
        let value = |name| attributes.iter().find(|a| a.name() == name).map(Attribute::value);
        // Code of a function that was described elsewhere has no name, and a declaration of another
        // file's function no code.
        let Some(name) = value(dw::DW_AT_name) else { continue };
        if value(dw::DW_AT_declaration).is_some() {
            continue;
        }
        let name = unit.attr_string(name)?.to_string_lossy().into_owned();
        let Some(at) = place(unit, value)? else { continue };
        let kind = match tag {
            dw::DW_TAG_subprogram => DeclaredKind::Function,
            _ => {
                let at = address(unit, value(dw::DW_AT_location))?;
                // Others in functions are on the stack.
                if at.is_none() && !is_outside {
                    continue;
                }
                DeclaredKind::Variable { at, is_const: is_const(unit, value(dw::DW_AT_type))? }
            }
        };
        found.push(Declared { name, at, kind });
    }
    Ok(())
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

/// The position of a definition.
fn place<'o>(
    unit: UnitRef<'_, Slice<'o>>,
    value: impl Fn(dw::DwAt) -> Option<AttributeValue<Slice<'o>>>,
) -> Result<Option<CodeLine>, Error> {
    let number = |name| value(name).and_then(|value| value.udata_value());
    let (Some(file), Some(line)) = (value(dw::DW_AT_decl_file), number(dw::DW_AT_decl_line)) else {
        return Ok(None);
    };
    let (AttributeValue::FileIndex(file), Some(program)) = (file, &unit.line_program) else {
        return Ok(None);
    };
    let header = program.header();
    let Some(file) = header.file(file) else { return Ok(None) };
    let mut path = String::new();
    if let Some(folder) = file.directory(header) {
        path = unit.attr_string(folder)?.to_string_lossy().into_owned() + "/";
    }
    path.push_str(&unit.attr_string(file.path_name())?.to_string_lossy());
    let column = number(dw::DW_AT_decl_column).unwrap_or(0);
    Ok(Some(CodeLine { file: path, line: line as usize, column: column as usize }))
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
