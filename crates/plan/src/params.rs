// SPDX-License-Identifier: GPL-2.0
//! Module parameters: `struct kernel_param` of `include/linux/moduleparam.h`, and the values that C
//! keeps in variables and macros.

use crate::{CInt, Type, TypeId};

/// The parameters of a module, and the kernel structs that describe them.
#[derive(Debug, Clone)]
pub struct Params {
    /// The parameters, in source order.
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
    /// The mode of its file in sysfs; 0 for no file.
    pub perm: u16,
    /// The type of the parameter, or of an element of an array.
    pub ty: ParamType,
    /// The default value.
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
    /// The type in which the kernel stores such a value. None if the kernel has no parameters of
    /// this type.
    pub fn of(ty: &Type) -> Option<ParamType> {
        match ty {
            Type::Bool => Some(ParamType::Bool),
            Type::Int(int) => Some(ParamType::Int(*int)).filter(|ty| ty.kernel_name().is_some()),
            _ => None,
        }
    }

    /// Its name for `module_param()`: the end of `param_ops_*`. On x86-64 `long` and `long long`
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

/// The default value of a parameter.
#[derive(Debug, Clone)]
pub enum ParamDefault {
    /// One value.
    One(ParamValue),
    /// The first elements of an array.
    Array {
        /// The capacity of the array.
        max: u32,
        /// The elements.
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
