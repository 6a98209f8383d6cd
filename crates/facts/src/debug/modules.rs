// SPDX-License-Identifier: GPL-2.0
//! Debug information of a kernel's modules, in one file. A command reads that of the modules that
//! it is about, or looks for the modules that have a function of some name.

use super::DebugInfo;
use crate::format::{sealed, unseal, Writer};
use crate::{is_module_name, FactsError, InModule};
use std::collections::BTreeMap;

/// `KPSE` and the version of the format.
const MAGIC: [u8; 8] = *b"KPSE\0\0\0\x01";

/// Debug information of modules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DebugModules {
    build_id: Vec<u8>,
    modules: BTreeMap<String, Stored>,
}

/// A module as stored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Stored {
    /// The names of its functions, each between two line feeds.
    symbols: String,
    /// The names of those that are inlined, likewise.
    inlined: String,
    /// Its debug information.
    info: Vec<u8>,
}

impl DebugModules {
    /// Those of the kernel with this build-id.
    pub fn new(build_id: &[u8]) -> DebugModules {
        DebugModules { build_id: build_id.to_vec(), modules: BTreeMap::new() }
    }

    /// Adds a module, with the names of its functions in any order.
    pub fn insert(&mut self, name: &str, info: &DebugInfo, mut symbols: Vec<&str>) {
        symbols.sort_unstable();
        symbols.dedup();
        let mut inlined: Vec<&str> = info.definitions.with_copies().collect();
        inlined.dedup();
        let stored =
            Stored { symbols: lines(&symbols), inlined: lines(&inlined), info: info.to_bytes() };
        self.modules.insert(name.to_owned(), stored);
    }

    /// The build-id of the kernel.
    pub fn build_id(&self) -> &[u8] {
        &self.build_id
    }

    /// The number of modules.
    pub fn len(&self) -> usize {
        self.modules.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.modules.is_empty()
    }

    /// That of one module, if there is any.
    pub fn module(&self, name: &str) -> Result<Option<DebugInfo>, FactsError> {
        let stored = self.modules.get(name);
        stored.map(|stored| DebugInfo::from_bytes(&stored.info)).transpose()
    }

    /// The modules that have a function of this name, or an inlined copy of one.
    pub fn with_function(&self, name: &str) -> Vec<InModule> {
        let line = format!("\n{name}\n");
        let found = self.modules.iter().filter_map(|(module, stored)| {
            let has_symbol = stored.symbols.contains(&line);
            (has_symbol || stored.inlined.contains(&line))
                .then(|| InModule { module: module.clone(), has_symbol })
        });
        found.collect()
    }

    /// The file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut w = Writer::default();
        w.bytes(&self.build_id);
        w.list(&self.modules, |w, (name, stored)| {
            w.text(name);
            w.text(&stored.symbols);
            w.text(&stored.inlined);
            w.bytes(&stored.info);
        });
        sealed(MAGIC, w)
    }

    /// Reads a file.
    pub fn from_bytes(file: &[u8]) -> Result<DebugModules, FactsError> {
        let mut r = unseal(MAGIC, file)?;
        let mut read = || -> Option<DebugModules> {
            Some(DebugModules {
                build_id: r.bytes()?.to_vec(),
                modules: r.list(|r| {
                    let name = r.text().filter(|name| is_module_name(name))?.to_owned();
                    let (symbols, inlined) = (r.text()?.to_owned(), r.text()?.to_owned());
                    Some((name, Stored { symbols, inlined, info: r.bytes()?.to_vec() }))
                })?,
            })
        };
        read().filter(|_| r.is_at_end()).ok_or(FactsError::Damaged)
    }
}

fn lines(names: &[&str]) -> String {
    match names.is_empty() {
        true => String::new(),
        false => format!("\n{}\n", names.join("\n")),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Compiled, Definition, SourceLine};
    use super::*;

    #[test]
    fn modules_are_found_by_the_whole_names_of_their_functions() {
        let place = SourceLine { file: 0, line: 1 };
        let definitions = vec![Definition { name: "inner".to_owned(), place }];
        let (functions, copies) = (vec![(16, place, None)], vec![(0, 16, place)]);
        let compiled = Compiled { definitions, functions, copies };
        let info = DebugInfo::new(&[1], &["a.c".to_owned()], compiled);
        let mut modules = DebugModules::new(&[2]);
        modules.insert("dummy", &info, vec!["outer", "outermost"]);
        let modules = DebugModules::from_bytes(&modules.to_bytes());
        let modules = modules.unwrap_or_else(|error| panic!("{error}"));
        let found = |name: &str| {
            let found = modules.with_function(name).into_iter();
            found.map(|found| (found.module, found.has_symbol)).collect::<Vec<_>>()
        };
        assert_eq!(found("outer"), [("dummy".to_owned(), true)]);
        assert_eq!(found("inner"), [("dummy".to_owned(), false)]);
        assert_eq!((found("oute"), found("")), (Vec::new(), Vec::new()));
        assert_eq!(modules.module("dummy"), Ok(Some(info)));
        assert_eq!(modules.module("other"), Ok(None));
    }
}
