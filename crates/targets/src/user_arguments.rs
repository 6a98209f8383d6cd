// SPDX-License-Identifier: GPL-2.0
//! The parameters of functions that get a pointer of a system call unchanged, from the code.
//!
//! The entry of a system call reads its arguments from the caller's registers and hands them on.
//! From there each function is followed that gets such a pointer, as far as direct calls lead.

use super::code::{functions, Code, Decoder, Handed, Origin, WORDS};
use super::image::Vmlinux;
use super::kallsyms::Kallsym;
use kps_arch::syscall_of;
use kps_facts::btf::{Btf, BtfId, Kind};
use kps_facts::{SyscallArgument, SyscallParam, UserArguments};
use std::collections::{BTreeMap, HashMap, VecDeque};

/// The parameters that get a pointer of one of these system calls. `symbols` are in the order of
/// their addresses.
pub(super) fn user_arguments(
    vmlinux: &Vmlinux<'_>,
    symbols: &[Kallsym],
    btf: &Btf,
    calls: &BTreeMap<String, Vec<SyscallParam>>,
) -> UserArguments {
    let codes = functions(vmlinux.code(), symbols);
    let decoder = Decoder::new(symbols, HashMap::new());
    let code_of = |function: u64| {
        let at = codes.binary_search_by_key(&function, |code| code.address).ok()?;
        Some(&codes[at])
    };
    let mut names: HashMap<u64, Vec<&str>> = HashMap::new();
    for sym in symbols {
        names.entry(sym.address).or_default().push(&sym.name);
    }
    let names_of = |function: u64| names.get(&function).map_or(&[][..], Vec::as_slice);
    let entries = entries(symbols, btf, calls);
    let hands_on = |function: u64| {
        code_of(function).map(|code: &Code<'_>| decoder.handed_on(code)).unwrap_or_default()
    };
    let takes = |function: u64, word: usize| match code_of(function) {
        None => Takes::Nothing,
        Some(_) => takes(btf, names_of(function), word),
    };
    spread(entries, hands_on, takes)
}

/// A pointer that a function has: where it is when the function starts, and where it came from.
type Pointer = (u64, Origin, SyscallArgument);

/// The pointers of all system calls, in the functions through which they are entered.
fn entries(
    symbols: &[Kallsym],
    btf: &Btf,
    calls: &BTreeMap<String, Vec<SyscallParam>>,
) -> Vec<Pointer> {
    let arch = &kps_arch::native().syscalls;
    let registers: Vec<Option<i64>> =
        arch.members.iter().map(|member| offset(btf, "pt_regs", member)).collect();
    let mut entries = Vec::new();
    for sym in symbols {
        let Some(call) = sym.name.strip_prefix(arch.entry) else { continue };
        for (n, param) in calls.get(call).into_iter().flatten().enumerate() {
            let Some(Some(behind)) = registers.get(n) else { continue };
            if param.ty.contains('*') {
                let argument = SyscallArgument { call: call.to_owned(), param: n as u32 };
                entries.push((sym.address, Origin::Behind(*behind), argument));
            }
        }
    }
    // Whichever call a function is reached from first is the one that is kept.
    entries.sort_by(|a, b| a.2.cmp(&b.2));
    entries
}

/// Where a member of a struct is, in bytes.
fn offset(btf: &Btf, record: &str, member: &str) -> Option<i64> {
    let members = btf.types(record).into_iter().find_map(|id| match btf.get(id).kind {
        Kind::Record(record) => Some(record),
        _ => None,
    })?;
    let member = members.members().find(|found| found.name == member)?;
    Some(i64::from(member.bit_offset) / 8)
}

/// How a function takes an argument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Takes {
    /// It does not, or not as a pointer.
    Nothing,
    /// There is no prototype to tell, or the prototype is not that of the source.
    Anything,
    /// As this parameter, a pointer.
    Pointer(u32),
}

/// How a function with these names takes the argument in a register.
fn takes(btf: &Btf, names: &[&str], word: usize) -> Takes {
    // `__se_sys_NAME(long, ..)` only converts (include/linux/syscalls.h).
    if names.iter().any(|name| syscall_of(name).is_some()) {
        return Takes::Anything;
    }
    let known: Vec<BtfId> = names.iter().flat_map(|name| btf.functions(name)).collect();
    let mut params = known.iter().map(|&id| pointer_in(btf, id, word));
    match params.next() {
        None => Takes::Anything,
        Some(Some(first)) if params.all(|other| other == Some(first)) => Takes::Pointer(first),
        Some(_) => Takes::Nothing,
    }
}

/// The parameter that is in a register, if it is a pointer. Parameters of other sizes than one word
/// are not followed.
fn pointer_in(btf: &Btf, function: BtfId, word: usize) -> Option<u32> {
    let Kind::Function(prototype) = btf.get(function).kind else { return None };
    let Kind::Prototype(prototype) = btf.get(prototype).kind else { return None };
    let kind = |id| btf.get(btf.strip(id)).kind;
    let is_word = |id| !matches!(kind(id), Kind::Record(_)) && btf.size(id) <= Some(8);
    let params: Vec<BtfId> = prototype.params().map(|(_, ty)| ty).collect();
    let before = params.get(..=word)?;
    let returns_word = !matches!(kind(prototype.ret), Kind::Record(_));
    let is_pointer = matches!(kind(params[word]), Kind::Pointer(_));
    (returns_word && is_pointer && before.iter().all(|&id| is_word(id))).then_some(word as u32)
}

/// Follows pointers through calls, the shortest way first.
fn spread(
    entries: Vec<Pointer>,
    hands_on: impl Fn(u64) -> Vec<Handed>,
    takes: impl Fn(u64, usize) -> Takes,
) -> UserArguments {
    let mut handed: HashMap<u64, Vec<Handed>> = HashMap::new();
    let mut reached: HashMap<(u64, usize), Takes> = HashMap::new();
    let mut found = BTreeMap::new();
    let mut pending: VecDeque<Pointer> = entries.into();
    while let Some((function, origin, argument)) = pending.pop_front() {
        let calls = handed.entry(function).or_insert_with(|| hands_on(function));
        for call in calls.iter() {
            for word in (0..WORDS).filter(|&word| call.args[word] == Some(origin)) {
                let place = (call.target, word);
                if reached.contains_key(&place) {
                    continue;
                }
                let how = takes(call.target, word);
                reached.insert(place, how);
                if let Takes::Pointer(param) = how {
                    found.insert((call.target, param), argument.clone());
                }
                if how != Takes::Nothing {
                    pending.push_back((call.target, Origin::Argument(word), argument.clone()));
                }
            }
        }
    }
    found.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(target: u64, args: &[Option<Origin>]) -> Handed {
        let mut all = [None; WORDS];
        all[..args.len()].copy_from_slice(args);
        Handed { target, args: all }
    }

    #[test]
    fn a_pointer_is_followed_until_a_function_does_not_take_it() {
        let read = Some(Origin::Behind(8));
        let arg = |n| Some(Origin::Argument(n));
        let hands_on = |function| match function {
            1 => vec![call(2, &[None, read]), call(5, &[read])],
            2 => vec![call(3, &[arg(1), arg(0)]), call(4, &[arg(1)])],
            3 => vec![call(2, &[None, arg(0)]), call(6, &[arg(0)])],
            4 => vec![call(7, &[arg(0)])],
            _ => vec![],
        };
        // 4 takes a number, and of 3 there is no prototype.
        let takes = |function, word| match function {
            3 => Takes::Anything,
            4 => Takes::Nothing,
            _ => Takes::Pointer(word as u32),
        };
        let argument = SyscallArgument { call: "open".to_owned(), param: 1 };
        let found = spread(vec![(1, Origin::Behind(8), argument)], hands_on, takes);
        let places: Vec<_> = found.iter().map(|(function, param, _)| (function, param)).collect();
        assert_eq!(places, [(2, 1), (5, 0), (6, 0)]);
    }
}
