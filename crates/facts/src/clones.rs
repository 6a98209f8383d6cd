// SPDX-License-Identifier: GPL-2.0
//! Clones of functions, and what debug information and code tell of their arguments.
//!
//! A compiler derives a clone from a function for some of its callers. It leaves out arguments, or
//! passes parts of them instead, and BTF has no prototype of the result.

use crate::btf::Int;
use crate::format::{Reader, Writer};

/// Whether a function's name is that of a clone.
pub fn is_clone(name: &str) -> bool {
    [".part.", ".constprop.", ".isra."].iter().any(|kind| name.contains(kind))
}

/// Whether the compiler may have dropped the result of a clone with this name, if no caller takes
/// it. Constants alone leave it as it is.
pub fn may_lack_result(name: &str) -> bool {
    [".part.", ".isra."].iter().any(|kind| name.contains(kind))
}

/// Whether the compiler may have passed a member of a struct in place of the struct to a clone with
/// this name.
pub fn may_take_members(name: &str) -> bool {
    name.contains(".isra.")
}

/// The arguments of a clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloneArguments {
    /// The parameters in the source, those that are passed first and in the order of their
    /// registers.
    pub params: Vec<CloneParam>,
    /// The argument registers, counted from 0, that the clone takes or may take although they hold
    /// none of them.
    pub unnamed: Vec<u32>,
    /// The type of the source's result; `None` if it has none.
    pub ret: Option<DebugType>,
    /// Whether the clone is known to return that. A compiler also drops a result that no caller
    /// takes.
    pub returns: bool,
}

/// A parameter of the function that a clone was derived from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloneParam {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: DebugType,
    /// Where it is when the clone is called.
    pub place: Place,
}

/// Where a parameter of the source is when a clone is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In an argument register, counted from 0.
    Register(u32),
    /// Nowhere: it is the same in all calls.
    Constant(u64),
    /// Nowhere: the clone does without it.
    Gone,
    /// In memory, in several registers, or to be computed from something else.
    Elsewhere,
}

/// A type as debug information names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DebugType {
    /// The pointers around it, the outermost first, and whether each points to a constant.
    pub pointers: Vec<bool>,
    /// The type inside.
    pub base: DebugBase,
}

/// A type that is no pointer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DebugBase {
    /// `void`
    Void,
    /// An integer or a `bool`, by the name that C gives it.
    Int(String, Int),
    /// An enumeration, or a typedef that is no struct or union, by its name and with its size.
    Named(String, u64),
    /// A struct or union, or a typedef of one. The size is 0 if it is only declared.
    Record(String, u64),
    /// A type without a name, such as that of a function.
    Unnamed,
}

/// Why the arguments of a clone are not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unexplained<'a> {
    /// A parameter is neither gone nor in one register.
    Elsewhere(&'a str),
    /// No parameter is in an argument register that the clone takes.
    Register(u32),
}

impl CloneArguments {
    /// The arguments that are passed, in order, if debug information explains all of them.
    pub fn passed(&self) -> Result<Vec<&CloneParam>, Unexplained<'_>> {
        let mut passed = Vec::new();
        for param in &self.params {
            match param.place {
                Place::Register(n) if n as usize == passed.len() => passed.push(param),
                // Two parameters in one register say that one of them is not its argument.
                Place::Register(n) if (n as usize) < passed.len() => {
                    return Err(Unexplained::Elsewhere(&param.name));
                }
                Place::Register(_) => return Err(Unexplained::Register(passed.len() as u32)),
                Place::Elsewhere => return Err(Unexplained::Elsewhere(&param.name)),
                Place::Constant(_) | Place::Gone => {}
            }
        }
        match self.unnamed.first() {
            Some(&register) => Err(Unexplained::Register(register)),
            None => Ok(passed),
        }
    }

    /// Whether messages and generated code may contain its names.
    pub(crate) fn is_plain(&self) -> bool {
        let plain = |text: &str| {
            !text.is_empty()
                && text.bytes().all(|b| b.is_ascii_alphanumeric() || b" _".contains(&b))
        };
        let type_is_plain = |ty: &DebugType| match &ty.base {
            DebugBase::Int(name, _) | DebugBase::Named(name, _) | DebugBase::Record(name, _) => {
                plain(name)
            }
            DebugBase::Void | DebugBase::Unnamed => true,
        };
        self.params.iter().all(|param| plain(&param.name) && type_is_plain(&param.ty))
            && self.ret.iter().all(type_is_plain)
    }

    pub(crate) fn write(&self, w: &mut Writer) {
        w.list(&self.params, |w, param| {
            w.text(&param.name);
            param.ty.write(w);
            let (kind, value) = match param.place {
                Place::Register(n) => (0, n.into()),
                Place::Constant(value) => (1, value),
                Place::Gone => (2, 0),
                Place::Elsewhere => (3, 0),
            };
            w.u32(kind);
            w.u64(value);
        });
        w.list(&self.unnamed, |w, register| w.u32(*register));
        w.list(&self.ret, |w, ty| ty.write(w));
        w.u32(self.returns.into());
    }

    pub(crate) fn read(r: &mut Reader<'_>) -> Option<CloneArguments> {
        let param = |r: &mut Reader<'_>| {
            let (name, ty) = (r.text()?.to_owned(), DebugType::read(r)?);
            let place = match (r.u32()?, r.u64()?) {
                (0, register) => Place::Register(u32::try_from(register).ok()?),
                (1, value) => Place::Constant(value),
                (2, 0) => Place::Gone,
                (3, 0) => Place::Elsewhere,
                _ => return None,
            };
            Some(CloneParam { name, ty, place })
        };
        let params = r.list(param)?;
        let unnamed = r.list(|r| r.u32())?;
        let mut ret: Vec<DebugType> = r.list(DebugType::read)?;
        let returns = match r.u32()? {
            0 => false,
            1 => true,
            _ => return None,
        };
        let ret = if ret.len() > 1 { return None } else { ret.pop() };
        Some(CloneArguments { params, unnamed, ret, returns })
    }
}

impl DebugType {
    /// Whether the compiler can pass members in place of a value of this type, or of what it points
    /// to.
    pub fn has_members(&self) -> bool {
        !self.pointers.is_empty() || matches!(self.base, DebugBase::Record(..))
    }

    fn write(&self, w: &mut Writer) {
        w.list(&self.pointers, |w, constant| w.u32((*constant).into()));
        let (kind, name, size) = match &self.base {
            DebugBase::Void => (Kind::VOID, "", 0),
            DebugBase::Unnamed => (Kind::UNNAMED, "", 0),
            DebugBase::Named(name, size) => (Kind::NAMED, name.as_str(), *size),
            DebugBase::Record(name, size) => (Kind::RECORD, name.as_str(), *size),
            DebugBase::Int(name, int) => {
                let kind = match (int.boolean, int.signed) {
                    (true, _) => Kind::BOOL,
                    (false, true) => Kind::SIGNED,
                    (false, false) => Kind::UNSIGNED,
                };
                (kind, name.as_str(), int.size.into())
            }
        };
        w.u32(kind);
        w.text(name);
        w.u64(size);
    }

    fn read(r: &mut Reader<'_>) -> Option<DebugType> {
        let pointers = r.list(|r| match r.u32()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        })?;
        let (kind, name, size) = (r.u32()?, r.text()?, r.u64()?);
        let int = |signed, boolean| {
            let int = Int { size: u32::try_from(size).ok()?, signed, boolean };
            Some(DebugBase::Int(name.to_owned(), int))
        };
        let base = match (kind, name, size) {
            (Kind::VOID, "", 0) => DebugBase::Void,
            (Kind::UNNAMED, "", 0) => DebugBase::Unnamed,
            (Kind::NAMED, _, _) => DebugBase::Named(name.to_owned(), size),
            (Kind::RECORD, _, _) => DebugBase::Record(name.to_owned(), size),
            (Kind::SIGNED, _, _) => int(true, false)?,
            (Kind::UNSIGNED, _, _) => int(false, false)?,
            (Kind::BOOL, _, _) => int(false, true)?,
            _ => return None,
        };
        Some(DebugType { pointers, base })
    }
}

/// How the file tells the variants of [`DebugBase`] apart.
struct Kind;

impl Kind {
    const VOID: u32 = 0;
    const UNNAMED: u32 = 1;
    const NAMED: u32 = 2;
    const SIGNED: u32 = 3;
    const UNSIGNED: u32 = 4;
    const BOOL: u32 = 5;
    const RECORD: u32 = 6;
}
