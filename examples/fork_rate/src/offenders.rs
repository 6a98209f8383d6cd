// SPDX-License-Identifier: GPL-2.0
//! Who was refused most often, in a table of fixed size and without a lock.
//!
//! With more users than entries, a new one takes the place of the one with the lowest count and
//! goes on from there: the Space-Saving algorithm (Metwally, Agrawal, El Abbadi: Efficient
//! computation of frequent and top-k elements in data streams, 2005). A count may so be too high by
//! what it began with, never too low. Whoever has more than a sixteenth of all refusals is in the
//! table.

use core::sync::atomic::{AtomicU64, Ordering};

/// How many users there are room for.
const ENTRIES: usize = 16;

/// A table of users and how often they were refused. An entry is one word, the user above the
/// count, so that nobody sees the one without the other. A count of 0 is an entry without a user.
#[derive(Debug)]
pub(crate) struct Offenders([AtomicU64; ENTRIES]);

impl Offenders {
    /// A table without anybody.
    pub(crate) const fn new() -> Self {
        Offenders([const { AtomicU64::new(0) }; ENTRIES])
    }

    /// Counts a refusal, and gives the user's new count.
    ///
    /// It may be called anywhere. Two CPUs that meet the same new user at once may choose different
    /// entries for it. The user is then there twice, with counts that add up.
    pub(crate) fn count(&self, user: u32) -> u32 {
        loop {
            let (entry, seen) = self.find(user);
            let count = count_of(seen).saturating_add(1);
            let next = u64::from(user) << 32 | u64::from(count);
            // Relaxed, because there is nothing but this word.
            if entry.compare_exchange_weak(seen, next, Ordering::Relaxed, Ordering::Relaxed).is_ok()
            {
                return count;
            }
        }
    }

    /// The users in the table and their counts, each as it is in the moment when it comes up.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (u32, u32)> + '_ {
        let words = self.0.iter().map(|entry| entry.load(Ordering::Relaxed));
        words.filter(|&word| count_of(word) != 0).map(|word| (user_of(word), count_of(word)))
    }

    /// The entry of a user, or the one with the lowest count, and what was seen in it.
    fn find(&self, user: u32) -> (&AtomicU64, u64) {
        let [first, rest @ ..] = &self.0;
        let mut lowest = (first, first.load(Ordering::Relaxed));
        if is_of(lowest.1, user) {
            return lowest;
        }
        for entry in rest {
            let seen = entry.load(Ordering::Relaxed);
            if is_of(seen, user) {
                return (entry, seen);
            }
            if count_of(seen) < count_of(lowest.1) {
                lowest = (entry, seen);
            }
        }
        lowest
    }
}

fn is_of(word: u64, user: u32) -> bool {
    count_of(word) != 0 && user_of(word) == user
}

fn user_of(word: u64) -> u32 {
    (word >> 32) as u32
}

fn count_of(word: u64) -> u32 {
    word as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn each_user_has_a_count() {
        let offenders = Offenders::new();
        assert_eq!(offenders.iter().count(), 0);
        assert_eq!([1000, 7, 1000, 1000].map(|user| offenders.count(user)), [1, 1, 2, 3]);
        assert_eq!(offenders.iter().collect::<Vec<_>>(), [(1000, 3), (7, 1)]);
    }

    #[test]
    fn the_worst_stay_whoever_else_comes() {
        let offenders = Offenders::new();
        for other in 0..10_000 {
            offenders.count(u32::MAX);
            offenders.count(other);
        }
        assert_eq!(offenders.iter().count(), ENTRIES);
        let (_, worst) = offenders.iter().find(|&(user, _)| user == u32::MAX).unwrap();
        assert!(worst >= 10_000);
        assert_eq!(offenders.iter().map(|(_, count)| count).sum::<u32>(), 20_000);
    }

    #[test]
    fn a_count_does_not_begin_anew() {
        let offenders = Offenders::new();
        offenders.0[0].store(7 << 32 | u64::from(u32::MAX), Ordering::Relaxed);
        assert_eq!(offenders.count(7), u32::MAX);
    }

    #[test]
    fn no_cpu_is_lost_count_of() {
        let offenders = Offenders::new();
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (0..40_000).for_each(|n| _ = offenders.count(n % 8)));
            }
        });
        assert_eq!(offenders.iter().map(|(_, count)| count).sum::<u32>(), 320_000);
    }
}
