// SPDX-License-Identifier: GPL-2.0
//! Pointers to the memory of programs: those that functions get from a system call, and those that
//! the kernel's headers declare `__user`. BTF marks hardly any of them.

use crate::format::{are_graphic, Reader, Writer};
use std::collections::{BTreeMap, BTreeSet};

/// An argument of a system call.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SyscallArgument {
    /// The name of the call.
    pub call: String,
    /// Which of its parameters it is, from 0.
    pub param: u32,
}

/// The parameters that get a pointer of a system call unchanged, by the address of their function
/// and their index.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct UserArguments(BTreeMap<(u64, u32), SyscallArgument>);

impl UserArguments {
    /// One of the arguments of system calls that a parameter gets.
    pub fn of(&self, function: u64, param: usize) -> Option<&SyscallArgument> {
        self.0.get(&(function, u32::try_from(param).ok()?))
    }

    /// All parameters, by function.
    pub fn iter(&self) -> impl Iterator<Item = (u64, u32, &SyscallArgument)> {
        self.0.iter().map(|((function, param), argument)| (*function, *param, argument))
    }

    pub(crate) fn write(&self, w: &mut Writer) {
        w.list(&self.0, |w, ((function, param), argument)| {
            w.u64(*function);
            w.u32(*param);
            w.text(&argument.call);
            w.u32(argument.param);
        });
    }

    pub(crate) fn read(r: &mut Reader<'_>) -> Option<UserArguments> {
        let arguments = r.list(|r| {
            let place = (r.u64()?, r.u32()?);
            Some((place, SyscallArgument { call: name(r)?, param: r.u32()? }))
        })?;
        Some(UserArguments(arguments))
    }
}

impl FromIterator<((u64, u32), SyscallArgument)> for UserArguments {
    fn from_iter<I: IntoIterator<Item = ((u64, u32), SyscallArgument)>>(arguments: I) -> Self {
        UserArguments(arguments.into_iter().collect())
    }
}

/// What the headers of a kernel declare `__user`.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct UserDeclarations {
    /// Parameters, by the name of their function and their index.
    pub params: BTreeSet<(String, u32)>,
    /// Members, by the name of their struct or union and their own.
    pub members: BTreeSet<(String, String)>,
}

impl UserDeclarations {
    /// Whether a function's parameter is a pointer to the memory of a program.
    pub fn has_param(&self, function: &str, param: usize) -> bool {
        u32::try_from(param).is_ok_and(|param| self.params.contains(&(function.to_owned(), param)))
    }

    /// Whether a member is a pointer to the memory of a program.
    pub fn has_member(&self, record: &str, member: &str) -> bool {
        self.members.contains(&(record.to_owned(), member.to_owned()))
    }

    pub(crate) fn write(&self, w: &mut Writer) {
        w.list(&self.params, |w, (function, param)| {
            w.text(function);
            w.u32(*param);
        });
        w.list(&self.members, |w, (record, member)| {
            w.text(record);
            w.text(member);
        });
    }

    pub(crate) fn read(r: &mut Reader<'_>) -> Option<UserDeclarations> {
        Some(UserDeclarations {
            params: r.list(|r| Some((name(r)?, r.u32()?)))?,
            members: r.list(|r| Some((name(r)?, name(r)?)))?,
        })
    }
}

/// A name, which messages show.
fn name(r: &mut Reader<'_>) -> Option<String> {
    r.text().filter(|name| are_graphic(name.as_bytes())).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_and_declarations_are_read_as_they_are_written() {
        let argument = SyscallArgument { call: "openat2".to_owned(), param: 1 };
        let arguments: UserArguments = [((0x1000, 1), argument.clone())].into_iter().collect();
        let declarations = UserDeclarations {
            params: BTreeSet::from([("do_sys_openat2".to_owned(), 1)]),
            members: BTreeSet::from([("iovec".to_owned(), "iov_base".to_owned())]),
        };
        let mut w = Writer::default();
        arguments.write(&mut w);
        declarations.write(&mut w);
        let mut r = Reader(&w.0);
        assert_eq!(UserArguments::read(&mut r), Some(arguments.clone()));
        assert_eq!(UserDeclarations::read(&mut r), Some(declarations.clone()));
        assert_eq!((arguments.of(0x1000, 1), arguments.of(0x1000, 0)), (Some(&argument), None));
        assert!(declarations.has_param("do_sys_openat2", 1));
        assert!(!declarations.has_param("do_sys_openat2", 0));
        assert!(declarations.has_member("iovec", "iov_base"));
    }

    #[test]
    fn a_name_that_is_no_word_is_damage() {
        let mut w = Writer::default();
        w.list([("do_it\n", 1)], |w, (function, param)| {
            w.text(function);
            w.u32(param);
        });
        w.u64(0);
        assert_eq!(UserDeclarations::read(&mut Reader(&w.0)), None);
    }
}
