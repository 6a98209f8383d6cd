// SPDX-License-Identifier: GPL-2.0
//! The exports of vmlinux.

use crate::format::{are_graphic, Reader, Writer};
use std::collections::BTreeMap;

/// An exported symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Export<'a> {
    /// Whether only GPL-compatible modules may use it.
    pub gpl: bool,
    /// The namespace that a module has to import.
    pub namespace: Option<&'a str>,
}

impl Export<'_> {
    /// Whether every module may use it. Some are for particular modules, by a namespace that names
    /// them (`EXPORT_SYMBOL_FOR_MODULES()` of include/linux/export.h).
    pub fn is_for_all(&self) -> bool {
        !self.namespace.is_some_and(|namespace| namespace.starts_with("module:"))
    }
}

/// The exported symbols by name.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Exports {
    /// All names in order, concatenated.
    names: String,
    entries: Vec<Record>,
    namespaces: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Record {
    /// Where its name ends in `names`.
    end: u32,
    gpl: bool,
    /// The number of its namespace, from 1; 0 for none.
    namespace: u32,
}

impl Exports {
    /// The export of a symbol.
    pub fn get(&self, name: &str) -> Option<Export<'_>> {
        let (mut low, mut high) = (0, self.entries.len());
        while low < high {
            let middle = low + (high - low) / 2;
            match self.name(middle)?.cmp(name) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Some(self.export(middle)),
            }
        }
        None
    }

    /// Whether a symbol is exported.
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// The number of exports.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no exports.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// All exports, by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Export<'_>)> {
        (0..self.entries.len()).filter_map(|n| Some((self.name(n)?, self.export(n))))
    }

    /// The name of an entry. The offsets come from the file and may be wrong.
    fn name(&self, n: usize) -> Option<&str> {
        let start = n.checked_sub(1).map_or(0, |before| self.entries[before].end);
        self.names.get(start as usize..self.entries[n].end as usize)
    }

    fn export(&self, n: usize) -> Export<'_> {
        let Record { gpl, namespace, .. } = self.entries[n];
        let namespace = (namespace as usize).checked_sub(1).and_then(|n| self.namespaces.get(n));
        Export { gpl, namespace: namespace.map(String::as_str) }
    }

    pub(crate) fn write(&self, w: &mut Writer) {
        w.text(&self.names);
        w.list(&self.entries, |w, entry| {
            w.u32(entry.end);
            w.u32(entry.namespace);
            w.0.push(entry.gpl.into());
        });
        w.list(&self.namespaces, |w, namespace| w.text(namespace));
    }

    /// Reads a table. Generated code contains the namespaces.
    pub(crate) fn read(r: &mut Reader<'_>) -> Option<Exports> {
        let names = r.text()?.to_owned();
        let entries = r.records(|record: &[u8; 9]| {
            let [a, b, c, d, e, f, g, h, gpl] = *record;
            let (end, namespace) =
                (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes([e, f, g, h]));
            Record { end, gpl: gpl != 0, namespace }
        })?;
        let namespaces: Vec<String> = r.list(|r| Some(r.text()?.to_owned()))?;
        let plain = are_graphic(names.as_bytes())
            && namespaces.iter().all(|namespace| are_graphic(namespace.as_bytes()));
        plain.then_some(Exports { names, entries, namespaces })
    }
}

impl<'a> FromIterator<(&'a str, Export<'a>)> for Exports {
    /// If a name has several exports, the last one counts.
    fn from_iter<I: IntoIterator<Item = (&'a str, Export<'a>)>>(exports: I) -> Self {
        let sorted: BTreeMap<&str, Export<'_>> = exports.into_iter().collect();
        let mut all = Exports::default();
        for (name, Export { gpl, namespace }) in sorted {
            all.names.push_str(name);
            let number = namespace.map_or(0, |namespace| {
                let known = all.namespaces.iter().position(|known| known == namespace);
                let at = known.unwrap_or_else(|| {
                    all.namespaces.push(namespace.to_owned());
                    all.namespaces.len() - 1
                });
                at as u32 + 1
            });
            all.entries.push(Record { end: all.names.len() as u32, gpl, namespace: number });
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exports_are_found_by_name() {
        let export = |gpl, namespace| Export { gpl, namespace };
        let all = [
            ("b", export(true, Some("NS"))),
            ("a", export(false, None)),
            ("c", export(true, Some("NS"))),
        ];
        let exports: Exports = all.into_iter().collect();
        assert_eq!(exports.get("a"), Some(export(false, None)));
        assert_eq!(exports.get("c"), Some(export(true, Some("NS"))));
        assert_eq!((exports.get("d"), exports.get(""), exports.len()), (None, None, 3));
        let mut w = Writer::default();
        exports.write(&mut w);
        assert_eq!(Exports::read(&mut Reader(&w.0)), Some(exports));
    }
}
