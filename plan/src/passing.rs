//! How C passes the arguments of a function on x86-64: the System V ABI, section 3.2.3 of its psABI.

use crate::{CInt, Signature, Type, TypeDef, Types};
use std::ops::Range;

/// Integers and pointers travel in six registers, `rdi`, `rsi`, `rdx`, `rcx`, `r8` and `r9`, while there are some left.
pub const REGISTERS: usize = 6;

/// Bytes of a register, and of what one argument takes on the stack at least.
const WORD: u64 = 8;

/// How a struct or union travels if it is passed by value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByValue {
    /// In as many registers as it has words, one or two, if there are so many left; else on the stack. As a result it is in
    /// `rax` and `rdx`.
    Registers,
    /// On the stack. As a result it is in memory that the caller has, whose address is a hidden first argument.
    Memory,
    /// Its layout does not tell.
    Unclear,
}

/// Where the arguments of a function are when it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passing {
    /// Each parameter's place, in order.
    pub places: Vec<Place>,
    /// How many words of arguments are on the stack.
    pub stack: usize,
    /// Whether the first register holds the address of where the result goes.
    pub hidden: bool,
}

/// The place of one argument, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// These registers.
    Registers(Range<usize>),
    /// These words of the caller's stack, counted from where its arguments start.
    Stack(Range<usize>),
}

/// A value that may travel in a way that the plan does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unclear {
    /// The parameter of this number.
    Param(usize),
    /// The result.
    Ret,
}

impl Types {
    /// Where the arguments of a function are.
    pub fn passing(&self, signature: &Signature) -> Result<Passing, Unclear> {
        let hidden = match self.by_value(&signature.ret) {
            ByValue::Registers => false,
            ByValue::Memory => true,
            ByValue::Unclear => return Err(Unclear::Ret),
        };
        let (mut registers, mut stack) = (usize::from(hidden), 0);
        let mut places = Vec::new();
        for (n, param) in signature.params.iter().enumerate() {
            let size = self.size(&param.ty).ok_or(Unclear::Param(n))?;
            let words = usize::try_from(size.div_ceil(WORD)).map_err(|_| Unclear::Param(n))?;
            let fits = registers + words <= REGISTERS;
            places.push(match self.by_value(&param.ty) {
                ByValue::Unclear => return Err(Unclear::Param(n)),
                ByValue::Registers if fits => {
                    registers += words;
                    Place::Registers(registers - words..registers)
                }
                // BTF does not tell of `aligned` attributes: C may leave a word free before what may have one.
                _ if self.is_record(&param.ty) && words % 2 == 0 && stack % 2 == 1 => {
                    return Err(Unclear::Param(n));
                }
                // What comes later may still find a register.
                ByValue::Registers | ByValue::Memory => {
                    stack += words;
                    Place::Stack(stack - words..stack)
                }
            });
        }
        Ok(Passing { places, stack, hidden })
    }

    fn by_value(&self, ty: &Type) -> ByValue {
        match self.resolve(ty) {
            Type::Void | Type::Bool | Type::Pointer { .. } | Type::Function(_) => ByValue::Registers,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Param, Record, RecordKind};

    fn record(types: &mut Types, size: u64, by_value: ByValue) -> Type {
        let (name, kind) = (format!("of_{size}"), RecordKind::Struct);
        let record = Record {
            name,
            kind,
            size,
            align: 8,
            fields: vec![],
            bitfields: vec![],
            overlapping: None,
            literal: false,
            unreachable: vec![],
            by_value,
        };
        Type::Named(types.add(TypeDef::Record(record)))
    }

    fn signature(params: &[&Type], ret: &Type) -> Signature {
        let params = params.iter().map(|&ty| Param { name: String::new(), ty: ty.clone() }).collect();
        Signature { params, ret: ret.clone(), variadic: false }
    }

    #[test]
    fn a_struct_that_finds_too_few_registers_leaves_them_to_what_follows() {
        let mut types = Types::default();
        let (two, int) = (record(&mut types, 16, ByValue::Registers), Type::Int(CInt::Int));
        let passing = types.passing(&signature(&[&int, &int, &int, &int, &int, &two, &int], &Type::Void));
        let passing = passing.expect("all of it is clear");
        assert_eq!(passing.places[5..], [Place::Stack(0..2), Place::Registers(5..6)]);
        assert_eq!((passing.stack, passing.hidden), (2, false));
    }

    #[test]
    fn a_large_result_takes_the_first_register() {
        let mut types = Types::default();
        let (large, int) = (record(&mut types, 40, ByValue::Memory), Type::Int(CInt::Int));
        let passing = types.passing(&signature(&[&int, &large], &large)).expect("all of it is clear");
        assert_eq!(passing.places, [Place::Registers(1..2), Place::Stack(0..5)]);
        assert!(passing.hidden);
    }

    #[test]
    fn what_nobody_knows_is_named() {
        let mut types = Types::default();
        let (unclear, int) = (record(&mut types, 16, ByValue::Unclear), Type::Int(CInt::Int));
        assert_eq!(types.passing(&signature(&[&int, &unclear], &int)), Err(Unclear::Param(1)));
        assert_eq!(types.passing(&signature(&[&int], &unclear)), Err(Unclear::Ret));
    }
}
