// SPDX-License-Identifier: GPL-2.0
//! Looking types up by name.
//!
//! BTF has no index. This one is sorted when a facts file is written, so reading the file takes no
//! time for it.

use super::{Btf, BtfId, Kind};
use std::ops::Range;

/// Ids of types, each list ordered by name.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Index {
    pub(crate) functions: Vec<BtfId>,
    /// Structs, unions, enumerations, typedefs and forward declarations.
    pub(crate) types: Vec<BtfId>,
    /// Enumerations, once for each constant, with the constant's number.
    pub(crate) constants: Vec<(BtfId, u32)>,
}

impl Btf {
    /// The functions of this name. There are several if translation units disagree about the
    /// prototype.
    pub fn functions(&self, name: &str) -> Vec<BtfId> {
        self.range(&self.index.functions, name)
    }

    /// The types of this name: structs, unions and enumerations first, then typedefs, then forward
    /// declarations.
    pub fn types(&self, name: &str) -> Vec<BtfId> {
        let mut found = self.range(&self.index.types, name);
        let rank = |id| match self.get(id).kind {
            Kind::Record(_) | Kind::Enum(_) => 0,
            Kind::Typedef(_) => 1,
            _ => 2,
        };
        found.sort_by_key(|&id| (rank(id), id));
        found
    }

    /// The names of all types, in order. Some occur more than once.
    pub fn type_names(&self) -> impl Iterator<Item = &str> {
        self.index.types.iter().map(|&id| self.get(id).name)
    }

    /// The enumerations that have a constant of this name, with the constant's value.
    pub fn constants(&self, name: &str) -> Vec<(BtfId, i128)> {
        let constants = &self.index.constants;
        let start = constants.partition_point(|&(id, n)| self.constant_name(id, n) < name);
        let named =
            constants[start..].iter().take_while(|&&(id, n)| self.constant_name(id, n) == name);
        let value = |&(id, n): &(BtfId, u32)| match self.get(id).kind {
            Kind::Enum(e) => e.values().nth(n as usize).map(|(_, value)| (id, value)),
            _ => None,
        };
        named.filter_map(value).collect()
    }

    /// The variables of this name; in most kernels all are per-CPU. They have no index, because few
    /// specs need them.
    pub fn variables(&self, name: &str) -> Vec<BtfId> {
        let is_meant =
            |id: &BtfId| matches!(self.kind(*id), Kind::Variable(_)) && self.get(*id).name == name;
        self.ids().filter(is_meant).collect()
    }

    fn range(&self, ids: &[BtfId], name: &str) -> Vec<BtfId> {
        let start = ids.partition_point(|&id| self.get(id).name < name);
        ids[start..].iter().copied().take_while(|&id| self.get(id).name == name).collect()
    }

    fn constant_name(&self, id: BtfId, n: u32) -> &str {
        match self.get(id).kind {
            Kind::Enum(e) => e.name(n as usize),
            _ => "",
        }
    }

    pub(crate) fn index(&self) -> &Index {
        &self.index
    }

    pub(super) fn build_index(&mut self) {
        self.index = self.index_from(1);
    }

    /// The index of the types from `first` on.
    pub(super) fn index_from(&self, first: u32) -> Index {
        let mut index = Index::default();
        for id in self.ids().skip(first as usize - 1) {
            let ty = self.get(id);
            match ty.kind {
                Kind::Function(_) => index.functions.push(id),
                Kind::Enum(e) => {
                    index.constants.extend((0..e.len()).map(|n| (id, n)));
                    index.types.push(id);
                }
                Kind::Record(_) | Kind::Typedef(_) | Kind::Forward { .. } => index.types.push(id),
                _ => {}
            }
        }
        index.types.retain(|&id| !self.get(id).name.is_empty());
        self.sort(&mut index);
        index
    }

    /// Sorts every list by name. Types of the same name keep their order.
    pub(super) fn sort(&self, index: &mut Index) {
        index.functions.sort_by_key(|&id| self.get(id).name);
        index.types.sort_by_key(|&id| self.get(id).name);
        index.constants.sort_by_key(|&(id, n)| self.constant_name(id, n));
    }

    /// Removes functions from the index, of some types those whose names are not wanted.
    pub(crate) fn retain_functions(&mut self, types: Range<u32>, is_wanted: impl Fn(&str) -> bool) {
        let mut functions = std::mem::take(&mut self.index.functions);
        functions.retain(|id| !types.contains(&id.0) || is_wanted(self.get(*id).name));
        self.index.functions = functions;
    }

    /// Takes an index that was stored with the types. A wrong index finds nothing but does no harm.
    pub(super) fn with_index(mut self, index: Index) -> Self {
        self.index = index;
        self
    }
}
