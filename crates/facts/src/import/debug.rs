// SPDX-License-Identifier: GPL-2.0
//! The types of a clone's arguments: debug information names them, and BTF describes them.

use super::{c_int, passed, Importer};
use crate::clones::{DebugBase, DebugType};
use kps_plan::Type;

impl Importer<'_> {
    /// A type that debug information names, as it is passed. `None` if BTF does not tell how a
    /// value of it is passed; what pointers lead to matters less, and is `void` then.
    pub fn debug_type(&mut self, named: &DebugType) -> Option<Type> {
        let mut ty = match (&named.base, named.pointers.is_empty()) {
            (DebugBase::Int(_, int), _) if int.boolean => Type::Bool,
            (DebugBase::Int(name, int), _) => Type::Int(c_int(name, int.size, int.signed)),
            (DebugBase::Named(name, size) | DebugBase::Record(name, size), is_value) => {
                match self.by_name(name, *size) {
                    None if is_value => return None,
                    known => known.unwrap_or(Type::Void),
                }
            }
            (DebugBase::Void | DebugBase::Unnamed, false) => Type::Void,
            (DebugBase::Void | DebugBase::Unnamed, true) => return None,
        };
        for &constant in named.pointers.iter().rev() {
            ty = Type::Pointer { to: Box::new(ty), constant };
        }
        Some(passed(ty))
    }

    /// The only type of a name, if it has the size.
    fn by_name(&mut self, name: &str, size: u64) -> Option<Type> {
        let &[id] = self.candidates(name).as_slice() else { return None };
        let ty = self.ty(id);
        (self.types.size(&ty).unwrap_or(0) == size).then_some(ty)
    }
}
