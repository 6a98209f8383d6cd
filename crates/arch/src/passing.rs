// SPDX-License-Identifier: GPL-2.0
//! The locations of arguments, in terms that all architectures share.

use std::ops::Range;

/// How a struct or union is passed by value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByValue {
    /// In as many registers as it has words, if enough are left; else on the stack. A result is in
    /// registers.
    Registers,
    /// On the stack. A result is in the caller's memory, whose address is a hidden argument.
    Memory,
    /// Its layout does not tell.
    Unclear,
}

/// A member of a struct that holds a value: an integer, a pointer or a bitfield.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// Bits from the start of the struct.
    pub offset: u64,
    /// Its size in bits.
    pub bits: u64,
    /// Whether it is a bitfield, which needs no alignment.
    pub is_bitfield: bool,
}

/// The properties of a parameter or a result that decide its location.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value {
    /// Its size in bytes.
    pub size: u64,
    /// Whether it is a struct or a union.
    pub is_record: bool,
    /// How a struct or union is passed.
    pub by_value: ByValue,
}

/// Where the arguments of a function are when it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passing {
    /// The location of each parameter, in order.
    pub places: Vec<Location>,
    /// The number of words of arguments on the stack.
    pub stack: usize,
    /// Whether the first register holds the address of the result.
    pub hidden: bool,
}

/// The location of one argument, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// These registers.
    Registers(Range<usize>),
    /// These words of the caller's stack, counted from where its arguments start.
    Stack(Range<usize>),
}

/// A value whose location the calling convention does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unclear {
    /// The parameter with this index.
    Param(usize),
    /// The result.
    Ret,
}
