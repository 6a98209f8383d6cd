// SPDX-License-Identifier: GPL-2.0
//! The order in which a test loads and unloads a series of patches.

use super::{is_way_back, Member};
use kps_vm::Move;

/// A route through a series that passes every handover: it loads all patches in their order and
/// unloads them in reverse. If the last one has replaced the one before, and that one can replace
/// it again, the route goes there once more, and back without a gap.
pub fn route(series: &[Member]) -> Vec<Move> {
    let (mut moves, befores) = there(series);
    let loaded = befores.last().cloned().unwrap_or_default();
    moves.extend(loaded.into_iter().rev().map(Move::Unload));
    let (mut again, befores) = there(series);
    let mut loaded = befores.last().cloned().unwrap_or_default();
    let mut goes_back = false;
    while let Some(newest) = loaded.pop() {
        let before = &befores[newest];
        let members: Vec<&Member> = before.iter().map(|&n| &series[n]).collect();
        match before.last() {
            Some(&earlier) if is_way_back(&members, &series[newest]).is_some() => {
                goes_back = true;
                again.push(Move::Load(earlier));
                loaded.push(earlier);
            }
            _ => again.push(Move::Unload(newest)),
        }
    }
    if goes_back {
        moves.extend(again);
    }
    moves
}

/// Loads all patches, and what is loaded before each of them and in the end.
fn there(series: &[Member]) -> (Vec<Move>, Vec<Vec<usize>>) {
    let mut befores = vec![Vec::new()];
    let mut loaded: Vec<usize> = Vec::new();
    for (n, member) in series.iter().enumerate() {
        if member.replaces {
            loaded.clear();
        }
        loaded.push(n);
        befores.push(loaded.clone());
    }
    ((0..series.len()).map(Move::Load).collect(), befores)
}
