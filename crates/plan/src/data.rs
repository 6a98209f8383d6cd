// SPDX-License-Identifier: GPL-2.0
//! Persistent data: states, which one version of a patch hands on to the next, and shadow
//! variables, which belong to a kernel object. The kernel knows both by numbers. And resources,
//! which end with the patch.

use crate::TypeId;

/// A `klp_state` with a value that the kernel keeps for the next patch.
#[derive(Debug, Clone)]
pub struct State<B> {
    /// Its name in bodies.
    pub name: String,
    /// `klp_state.id`, which is not 0.
    pub id: u32,
    /// `klp_state.version`.
    pub version: u32,
    /// The type of the value.
    pub ty: DataType<B>,
    /// Computes the value.
    pub save: B,
    /// Changes the system, with a name for the value.
    pub apply: (String, B),
    /// Changes it back, with a name for the value.
    pub restore: (String, B),
}

/// A shadow variable: data that belongs to a kernel object.
#[derive(Debug, Clone)]
pub struct Shadow<B> {
    /// Its name in bodies.
    pub name: String,
    /// The kernel's id for it.
    pub id: DataId,
    /// The type of the data.
    pub ty: DataType<B>,
    /// The struct that the data belongs to.
    pub parent: Parent,
    /// The initial value of new data.
    pub init: B,
    /// Runs on new data under the kernel's shadow lock, with names for the object and the data.
    pub ctor: Option<(String, String, B)>,
    /// Runs on data before it is freed, under that lock, with a name for the data.
    pub dtor: Option<(String, B)>,
}

/// What a patch sets up for itself, such as a timer. It is gone when the patch is, however that
/// ends.
#[derive(Debug, Clone)]
pub struct Resource<B> {
    /// Its name in bodies.
    pub name: String,
    /// The id of the record that holds its value.
    pub id: DataId,
    /// The type of the value.
    pub ty: DataType<B>,
    /// Sets it up: a `Result` of the value.
    pub acquire: B,
    /// Undoes that, with a name for the value.
    pub release: (String, B),
    /// Takes it over from the earlier version of the patch, with a name for the value.
    pub adopt: Option<(String, B)>,
    /// Whether code that tasks may run names it.
    pub is_named: bool,
}

/// The struct that shadow data belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Parent {
    /// A kernel struct.
    Kernel(TypeId),
    /// One of the author's items, by its name: it describes a type that BTF does not have.
    Item(String),
}

/// A type as the author wrote it, which may name the author's items.
#[derive(Debug, Clone)]
pub struct DataType<B> {
    /// The text.
    pub text: B,
    /// A hash of the text that ignores spacing. Other kinds of data have other hashes.
    pub shape: u64,
}

/// The removal of shadow data before a function that frees its object.
#[derive(Debug, Clone)]
pub struct Free<B> {
    /// The shadow variable.
    pub shadow: String,
    /// The object, as an expression over the function's parameters.
    pub parent: B,
}

/// The kernel's number for a shadow variable: it is `klp_state.id`, and with a generation number in
/// its low bits the id of the variable's data. It is derived from names, so that the next version
/// of a patch has the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DataId(u64);

impl DataId {
    /// The low bits, which hold the generation.
    pub const GENERATION_BITS: u32 = 16;

    /// The id of a shadow variable of a family.
    pub fn of_shadow(family: &str, name: &str) -> DataId {
        DataId::derived(&[family, ".", name])
    }

    /// The id of the record that holds a state's value. A state is known by its number alone, in
    /// any patch.
    pub fn of_state(id: u32) -> DataId {
        DataId::derived(&["state ", &id.to_string()])
    }

    /// The id of a resource's record.
    pub fn of_resource(family: &str, name: &str) -> DataId {
        DataId::derived(&["resource ", family, ".", name])
    }

    /// The number. Its low bits are zero and its highest bit is set: authors write no such id for a
    /// state.
    pub fn number(self) -> u64 {
        self.0
    }

    fn derived(parts: &[&str]) -> DataId {
        let low = (1 << Self::GENERATION_BITS) - 1;
        DataId(fnv(parts) & !low | 1 << 63)
    }
}

/// FNV-1a, 64 bits, over the concatenated texts.
pub fn fnv(parts: &[&str]) -> u64 {
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let bytes = parts.iter().flat_map(|part| part.bytes());
    bytes.fold(BASIS, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_leave_room_for_generations_and_for_those_of_authors() {
        let id = DataId::of_shadow("fix", "hits").number();
        assert_eq!((id & 0xffff, id >> 63), (0, 1));
        assert_ne!(id, DataId::of_shadow("fix", "hit").number());
        assert_ne!(id, DataId::of_shadow("fi", "xhits").number());
        assert_eq!(id, DataId::of_shadow("fix", "hits").number());
    }

    #[test]
    fn the_hash_is_fnv_1a() {
        assert_eq!(fnv(&[""]), 0xcbf2_9ce4_8422_2325);
        assert_eq!(fnv(&["foo", "bar"]), 0x8594_4171_f739_67e8);
    }
}
