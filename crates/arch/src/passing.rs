// SPDX-License-Identifier: GPL-2.0
//! The places of arguments, in words that every architecture shares.

use std::ops::Range;

/// How a struct or union travels if it is passed by value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByValue {
    /// In as many registers as it has words, if so many are left; else on the stack. A result is in
    /// registers.
    Registers,
    /// On the stack. A result is in memory of the caller, whose address is a hidden argument.
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

/// A parameter or a result, as far as its place depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Value {
    /// Its size in bytes.
    pub size: u64,
    /// Whether it is a struct or a union.
    pub is_record: bool,
    /// How it travels.
    pub by_value: ByValue,
}

/// Where the arguments of a function are when it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passing {
    /// Each parameter's place, in order.
    pub places: Vec<Location>,
    /// The number of words of arguments on the stack.
    pub stack: usize,
    /// Whether the first register holds the address of the result.
    pub hidden: bool,
}

/// The place of one argument, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// These registers.
    Registers(Range<usize>),
    /// These words of the caller's stack, counted from where its arguments start.
    Stack(Range<usize>),
}

/// A value whose place the calling convention does not tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unclear {
    /// The parameter of this number.
    Param(usize),
    /// The result.
    Ret,
}
