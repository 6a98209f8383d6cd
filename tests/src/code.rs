// SPDX-License-Identifier: GPL-2.0
//! The code of finished objects, function by function.

use object::{Object as _, ObjectSection as _, ObjectSymbol as _, SymbolKind};
use std::collections::BTreeMap;
use std::path::Path;

/// The bytes of a function, and which of them the linker or the loader fills in.
pub type Code = (Vec<u8>, Vec<u64>);

/// The functions that have a name in C, each with its bytes and the places where the linker puts an
/// address.
pub fn functions(object: &Path) -> BTreeMap<String, Code> {
    functions_of(
        &std::fs::read(object).unwrap_or_else(|error| panic!("{}: {error}", object.display())),
    )
}

/// The same of an object that has been read.
pub fn functions_of(data: &[u8]) -> BTreeMap<String, Code> {
    let file = object::File::parse(data).unwrap_or_else(|error| panic!("{error}"));
    let mut functions = BTreeMap::new();
    for symbol in
        file.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.size() > 0)
    {
        let name = symbol.name().unwrap_or_default().to_owned();
        let section = symbol.section_index().and_then(|index| file.section_by_index(index).ok());
        if let Some(section) = section.filter(|_| !name.starts_with("_R")) {
            let (start, end) = (symbol.address(), symbol.address() + symbol.size());
            let code = section.data().unwrap_or_default()[start as usize..end as usize].to_vec();
            let places = section
                .relocations()
                .map(|(place, _)| place)
                .filter(|place| (start..end).contains(place));
            functions.insert(name, (code, places.map(|place| place - start).collect()));
        }
    }
    functions
}
