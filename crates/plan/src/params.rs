// SPDX-License-Identifier: GPL-2.0
//! Module parameters: what `include/linux/moduleparam.h` calls `struct kernel_param`, with what C
//! has in variables and macros.

use crate::{CInt, Type, TypeId};

/// The parameters of a module, and the structs that the kernel knows them by.
#[derive(Debug, Clone)]
pub struct Params {
    /// The parameters, in the order they were written.
    pub all: Vec<ModuleParam>,
    /// `struct kernel_param`.
    pub kernel_param: TypeId,
    /// `struct kparam_array`.
    pub kparam_array: TypeId,
}

/// One parameter.
#[derive(Debug, Clone)]
pub struct ModuleParam {
    /// Its name for the loader, in sysfs and in bodies.
    pub name: String,
    /// `MODULE_PARM_DESC`.
    pub description: Option<String>,
    /// The mode of its file in sysfs; 0 is no file.
    pub perm: u16,
    /// The type of it, or of an element.
    pub ty: ParamType,
    /// What it is if nobody sets it.
    pub default: ParamDefault,
}

impl ModuleParam {
    /// Whether it can change while the module is loaded.
    pub fn is_writable(&self) -> bool {
        const WRITE: u16 = 0o222;
        self.perm & WRITE != 0
    }
}

/// A type that the kernel has a `param_ops_*` for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParamType {
    /// `bool`.
    Bool,
    /// An integer.
    Int(CInt),
    /// `char *`.
    Charp,
}

impl ParamType {
    /// The type that the kernel stores such a value as; nothing if it has no parameters of this
    /// type.
    pub fn of(ty: &Type) -> Option<ParamType> {
        match ty {
            Type::Bool => Some(ParamType::Bool),
            Type::Int(int) => Some(ParamType::Int(*int)).filter(|ty| ty.kernel_name().is_some()),
            _ => None,
        }
    }

    /// What `module_param()` calls it: the end of `param_ops_*`. On x86-64 `long` and `long long`
    /// are the same.
    pub fn kernel_name(self) -> Option<&'static str> {
        Some(match self {
            ParamType::Bool => "bool",
            ParamType::Charp => "charp",
            ParamType::Int(int) => match int {
                CInt::U8 => "byte",
                CInt::I16 => "short",
                CInt::U16 => "ushort",
                CInt::Int | CInt::I32 => "int",
                CInt::UInt | CInt::U32 => "uint",
                CInt::Long | CInt::I64 | CInt::ISize => "long",
                CInt::ULong | CInt::USize => "ulong",
                CInt::U64 => "ullong",
                CInt::Char | CInt::I8 | CInt::I128 | CInt::U128 => return None,
            },
        })
    }
}

/// What a parameter is if nobody sets it.
#[derive(Debug, Clone)]
pub enum ParamDefault {
    /// One value.
    One(ParamValue),
    /// Some of the elements that an array has room for.
    Array {
        /// The room.
        max: u32,
        /// The elements that are there.
        values: Vec<ParamValue>,
    },
}

/// A value of a parameter's type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ParamValue {
    /// Of `bool`.
    Bool(bool),
    /// Of an integer.
    Int(i128),
    /// Of `charp`.
    Text(String),
}
