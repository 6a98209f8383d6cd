// SPDX-License-Identifier: GPL-2.0
//! The direct calls in a kernel's code.

use crate::format::{Reader, Writer};
use std::collections::{BTreeMap, VecDeque};

/// Calls and jumps from the functions of one object to those of one object, which may be another.
/// They are kept as stored, because most patches ask for few of some hundred thousand.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Calls {
    /// The address that callers count from.
    callers: u64,
    /// The address that called functions count from.
    called: u64,
    /// Records in order: the caller and the called function, each four bytes.
    records: Vec<u8>,
}

const RECORD: usize = 8;

impl Calls {
    /// Calls between functions, as their addresses. A function further than 4 GiB from the first
    /// one of its object is left out.
    pub fn new(calls: impl IntoIterator<Item = (u64, u64)>) -> Calls {
        let mut calls: Vec<(u64, u64)> = calls.into_iter().collect();
        let callers = calls.iter().map(|(from, _)| *from).min().unwrap_or_default();
        let called = calls.iter().map(|(_, to)| *to).min().unwrap_or_default();
        calls.sort_unstable();
        calls.dedup();
        let near = |address: u64, base: u64| u32::try_from(address - base).ok();
        let near =
            calls.iter().filter_map(|(from, to)| Some([near(*from, callers)?, near(*to, called)?]));
        let records = near.flatten().flat_map(u32::to_le_bytes).collect();
        Calls { callers, called, records }
    }

    /// The functions that a function calls or jumps to.
    pub fn from(&self, caller: u64) -> impl Iterator<Item = u64> + '_ {
        let count = self.records.len() / RECORD;
        let (mut low, mut high) = (0, count);
        while low < high {
            let middle = low.midpoint(high);
            match self.record(middle).0 < caller {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        let records = (low..count).map(|n| self.record(n));
        records.take_while(move |(from, _)| *from == caller).map(|(_, to)| to)
    }

    /// The functions that call or jump to this one. All calls are searched.
    pub fn to(&self, function: u64) -> impl Iterator<Item = u64> + '_ {
        let calls = (0..self.records.len() / RECORD).map(|n| self.record(n));
        calls.filter(move |(_, to)| *to == function).map(|(from, _)| from)
    }

    /// Whether a function calls or jumps to this one.
    pub fn is_called(&self, function: u64) -> bool {
        self.to(function).next().is_some()
    }

    fn record(&self, n: usize) -> (u64, u64) {
        let mut r = Reader(&self.records[RECORD * n..]);
        let mut address = |base: u64| base.wrapping_add(r.u32().unwrap_or_default().into());
        (address(self.callers), address(self.called))
    }

    pub(crate) fn write(&self, w: &mut Writer) {
        w.u64(self.callers);
        w.u64(self.called);
        w.bytes(&self.records);
    }

    /// Records that are not in order are not found, and do no other harm.
    pub(crate) fn read(r: &mut Reader<'_>) -> Option<Calls> {
        let calls = Calls { callers: r.u64()?, called: r.u64()?, records: r.bytes()?.to_vec() };
        (calls.records.len() % RECORD == 0).then_some(calls)
    }
}

/// The shortest chain of at most `depth` calls from one function to each of some others: the
/// functions behind the first, up to the one that is wanted. `calls` gives what a function calls.
pub fn paths<C: IntoIterator<Item = u64>>(
    from: u64,
    depth: usize,
    calls: impl Fn(u64) -> C,
    is_wanted: impl Fn(u64) -> bool,
) -> Vec<Vec<u64>> {
    let mut callers: BTreeMap<u64, u64> = BTreeMap::new();
    let mut pending = VecDeque::from([(from, 0)]);
    let mut paths = Vec::new();
    while let Some((function, length)) = pending.pop_front() {
        for called in calls(function) {
            if called == from || callers.contains_key(&called) {
                continue;
            }
            callers.insert(called, function);
            if is_wanted(called) {
                let chain = std::iter::successors(Some(called), |f| callers.get(f).copied());
                let mut path: Vec<u64> = chain.take_while(|&f| f != from).collect();
                path.reverse();
                paths.push(path);
            }
            if length + 1 < depth {
                pending.push_back((called, length + 1));
            }
        }
    }
    paths
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_found_by_their_caller() {
        let calls = Calls::new([(20, 30), (10, 20), (10, 40), (10, 20)]);
        assert_eq!(calls.from(10).collect::<Vec<_>>(), [20, 40]);
        assert_eq!(calls.from(30).count(), 0);
        assert_eq!(calls.to(30).collect::<Vec<_>>(), [20]);
        assert!(calls.is_called(40) && !calls.is_called(10));
        let mut w = Writer::default();
        calls.write(&mut w);
        assert_eq!(Calls::read(&mut Reader(&w.0)), Some(calls));
    }

    #[test]
    fn the_shortest_paths_within_the_depth_are_found() {
        let calls = Calls::new([(1, 2), (2, 3), (3, 4), (1, 3), (4, 1)]);
        let from = |function| calls.from(function);
        assert_eq!(paths(1, 5, from, |f| f % 2 == 0), [vec![2], vec![3, 4]]);
        assert_eq!(paths(1, 1, from, |f| f == 4), [] as [Vec<u64>; 0]);
        assert_eq!(paths(4, 5, from, |f| f == 4), [] as [Vec<u64>; 0]);
    }

    #[test]
    fn callers_and_called_functions_may_be_far_apart() {
        let calls = Calls::new([(0x4000_0000, 0xffff_ffff_8100_0000)]);
        assert_eq!(calls.from(0x4000_0000).collect::<Vec<_>>(), [0xffff_ffff_8100_0000]);
    }
}
