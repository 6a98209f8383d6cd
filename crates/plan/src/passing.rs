// SPDX-License-Identifier: GPL-2.0
//! The locations of a function's arguments: translates the types of a plan for the calling
//! convention of the architecture.

use crate::{ByValue, CInt, Passing, Signature, Type, TypeDef, Types, Unclear};
use kps_arch::Value;

impl Types {
    /// Where the arguments of a function are.
    pub fn passing(&self, signature: &Signature) -> Result<Passing, Unclear> {
        // A `void` result has no size and is not in memory.
        let ret = self.value(&signature.ret).unwrap_or(Value {
            size: 0,
            is_record: false,
            by_value: self.by_value(&signature.ret),
        });
        let params = signature.params.iter().enumerate();
        let params: Result<Vec<Value>, Unclear> =
            params.map(|(n, param)| self.value(&param.ty).ok_or(Unclear::Param(n))).collect();
        (self.arch().calls.passing)(ret, &params?)
    }

    fn value(&self, ty: &Type) -> Option<Value> {
        let size = self.size(ty)?;
        Some(Value { size, is_record: self.is_record(ty), by_value: self.by_value(ty) })
    }

    fn by_value(&self, ty: &Type) -> ByValue {
        match self.resolve(ty) {
            Type::Void | Type::Bool | Type::Pointer { .. } | Type::User(_) | Type::Function(_) => {
                ByValue::Registers
            }
            // On the stack it is aligned to its size, which leaves gaps.
            Type::Int(CInt::I128 | CInt::U128) => ByValue::Unclear,
            Type::Int(_) => ByValue::Registers,
            // C has no arrays by value.
            Type::Array { .. } => ByValue::Unclear,
            Type::Named(id) => match self.get(*id) {
                TypeDef::Record(record) => record.by_value,
                TypeDef::Enum { .. } => ByValue::Registers,
                TypeDef::Opaque { .. } | TypeDef::Alias { .. } => ByValue::Unclear,
            },
        }
    }

    /// Whether a value is a struct or a union.
    pub fn is_record(&self, ty: &Type) -> bool {
        matches!(self.resolve(ty), Type::Named(id) if matches!(self.get(*id), TypeDef::Record(_)))
    }
}
