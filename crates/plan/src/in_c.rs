// SPDX-License-Identifier: GPL-2.0
//! What files in C use of a patch's parameters and data.

use crate::CInt;

/// The parameters and data that a file in C names.
#[derive(Debug, Clone, Default)]
pub struct CData {
    /// The parameters, by their names.
    pub params: Vec<String>,
    /// The shadow variables, states and resources.
    pub data: Vec<CDatum>,
}

/// A shadow variable, a state or a resource that a file in C names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CDatum {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: CDatumKind,
    /// The type of the value, as C names it.
    pub ty: String,
    /// The functions that the file names: `NAME_get` and its like.
    pub functions: Vec<DataFunction>,
}

/// What a datum is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CDatumKind {
    /// A shadow variable.
    Shadow {
        /// The type that it belongs to, as C names it.
        parent: String,
    },
    /// A state.
    State,
    /// A resource.
    Resource,
}

impl CDatumKind {
    /// The functions that C has for it.
    pub fn functions(&self) -> &'static [DataFunction] {
        match self {
            CDatumKind::Shadow { .. } => {
                &[DataFunction::Get, DataFunction::GetOrInit, DataFunction::Remove]
            }
            CDatumKind::State => {
                &[DataFunction::Get, DataFunction::TakenOver, DataFunction::IsShared]
            }
            CDatumKind::Resource => &[DataFunction::Get],
        }
    }
}

/// A method that bodies in Rust call on a datum, and that C has as a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DataFunction {
    /// `get`.
    Get,
    /// `get_or_init`.
    GetOrInit,
    /// `remove`.
    Remove,
    /// `taken_over`.
    TakenOver,
    /// `is_shared`.
    IsShared,
}

impl DataFunction {
    /// The name of the method. The function in C is `DATUM_NAME`.
    pub fn name(self) -> &'static str {
        match self {
            DataFunction::Get => "get",
            DataFunction::GetOrInit => "get_or_init",
            DataFunction::Remove => "remove",
            DataFunction::TakenOver => "taken_over",
            DataFunction::IsShared => "is_shared",
        }
    }
}

impl CInt {
    /// The type in C, which needs no header.
    pub fn c_name(self) -> &'static str {
        match self {
            CInt::Char => "char",
            CInt::I8 => "signed char",
            CInt::U8 => "unsigned char",
            CInt::I16 => "short",
            CInt::U16 => "unsigned short",
            CInt::Int | CInt::I32 => "int",
            CInt::UInt | CInt::U32 => "unsigned int",
            CInt::Long | CInt::ISize => "long",
            CInt::ULong | CInt::USize => "unsigned long",
            CInt::I64 => "long long",
            CInt::U64 => "unsigned long long",
            CInt::I128 => "__int128",
            CInt::U128 => "unsigned __int128",
        }
    }
}
