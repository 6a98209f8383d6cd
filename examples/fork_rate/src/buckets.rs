// SPDX-License-Identifier: GPL-2.0
//! A token bucket for every user, in a table of fixed size and without a lock.
//!
//! A bucket is kept as the time at which it will be full again, as the generic cell rate algorithm
//! (ITU-T I.371) does. Taking a token puts that time off; a bucket that is full says nothing any
//! more, whoever's it was. So an entry whose time has come is a free one. There is no other kind:
//! nobody has to clean up, and a table of zeroes is empty.
//!
//! An entry is one word, and changes by one compare-and-exchange: whoever reads it sees one user
//! with that user's own time. 24 bits are the user; the other eight bits of a user's number are the
//! set that the entry is in. 40 bits are time, and wrap around in nine years. For as long as it
//! takes to fill a bucket, an old entry may then look as if it were in use.

use core::sync::atomic::{AtomicU64, Ordering};

/// How many sets there are: as many as a `u8` can tell apart.
const SETS: usize = 256;
/// How many entries a set has.
const WAYS: usize = 4;

/// A tick is this power of two of nanoseconds: 262 us.
const TICK_SHIFT: u32 = 18;
/// A minute in ticks.
const MINUTE: u64 = 60_000_000_000 >> TICK_SHIFT;
/// The bits of an entry that are time.
const TIME: u64 = (1 << 40) - 1;

/// How fast tokens come, and how many a bucket holds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limit {
    /// The ticks until the next token.
    interval: u64,
    /// The ticks until an empty bucket is full.
    depth: u64,
}

impl Limit {
    /// The most tokens that a bucket holds. They come once a minute or faster, so that the time to
    /// fill it is a small part of [`TIME`].
    pub(crate) const MAX_BURST: u32 = 1 << 16;

    /// A bucket of `burst` tokens (at least 1, at most [`Limit::MAX_BURST`]) that gets `per_minute`
    /// new ones each minute, as far as they can be a whole number of ticks apart: the error is at
    /// most 1 in 100 up to 75 a second, and 1 in 10 up to 750. None if no token ever came.
    pub(crate) fn new(burst: u32, per_minute: u32) -> Option<Limit> {
        let per_minute = u64::from(per_minute);
        let interval = MINUTE.wrapping_add(per_minute / 2).checked_div(per_minute)?.max(1);
        let burst = u64::from(burst.clamp(1, Self::MAX_BURST));
        Some(Limit { interval, depth: interval.saturating_mul(burst) })
    }

    /// The ticks from `now` until the bucket of an entry is full, or 0 if it is.
    ///
    /// No time is further ahead than it takes to fill a bucket, unless it is over, or of another
    /// limit. Either way it says nothing.
    fn owed(&self, word: u64, now: u64) -> u64 {
        let ahead = word.wrapping_sub(now) & TIME;
        if ahead > self.depth {
            0
        } else {
            ahead
        }
    }
}

/// What has become of somebody who wants a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// There was one.
    Granted,
    /// The bucket is empty.
    Refused,
    /// Four other users that wait for tokens have all entries of the set. Nobody is to suffer from
    /// that, so it is as good as a token.
    Crowded,
}

/// The buckets of all users.
#[derive(Debug)]
pub(crate) struct Buckets([Set; SETS]);

/// The entries that a user's bucket may be in. They share a cache line.
#[derive(Debug)]
#[repr(align(32))]
struct Set([AtomicU64; WAYS]);

impl Buckets {
    /// A table in which all buckets are full.
    pub(crate) const fn new() -> Self {
        Buckets([const { Set([const { AtomicU64::new(0) }; WAYS]) }; SETS])
    }

    /// Takes a token out of a user's bucket. `clock` gives a time in nanoseconds that only goes
    /// forward, on all CPUs together.
    ///
    /// It may be called wherever the clock may. If another CPU changes the same entry meanwhile it
    /// begins anew, so one of them always gets on. Two CPUs that meet a new user at once may choose
    /// different entries for it. Only the first one in the set counts from then on, and the other
    /// is free again when its time has come.
    pub(crate) fn take(&self, user: u32, clock: impl Fn() -> u64, limit: Limit) -> Verdict {
        let (set, tag) = place(user);
        let Set(set) = &self.0[usize::from(set)];
        loop {
            // The clock is read behind the entries, or another CPU could put an entry further off,
            // from our point of view, than the limit allows. What an entry says is its only word,
            // so this is all the order that is needed.
            let seen = set.each_ref().map(|entry| entry.load(Ordering::Acquire));
            let now = clock() >> TICK_SHIFT & TIME;
            let mut entries = set.iter().zip(seen);
            let own = entries.clone().find(|&(_, seen)| tag_of(seen) == tag);
            let found = own.or_else(|| entries.find(|&(_, seen)| limit.owed(seen, now) == 0));
            let Some((entry, seen)) = found else { return Verdict::Crowded };
            let owed = limit.owed(seen, now).saturating_add(limit.interval);
            if owed > limit.depth {
                return Verdict::Refused;
            }
            let next = word(tag, now.wrapping_add(owed));
            if entry.compare_exchange_weak(seen, next, Ordering::Relaxed, Ordering::Relaxed).is_ok()
            {
                return Verdict::Granted;
            }
        }
    }
}

/// The set of a user's entry, and what in the entry tells this user from all others of the set.
///
/// The multiplier is that of `hash_32()` (`include/linux/hash.h`). It is odd, so no two users have
/// the same product.
fn place(user: u32) -> (u8, u32) {
    let [set, tag @ ..] = user.wrapping_mul(0x61c8_8647).to_be_bytes();
    let [a, b, c] = tag;
    (set, u32::from_be_bytes([0, a, b, c]))
}

/// An entry of its parts.
fn word(tag: u32, time: u64) -> u64 {
    u64::from(tag) << 40 | time & TIME
}

fn tag_of(word: u64) -> u32 {
    (word >> 40) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::thread;

    const NS: u64 = 1_000_000_000;

    fn limit(burst: u32, per_minute: u32) -> Limit {
        Limit::new(burst, per_minute).unwrap()
    }

    /// How many of `tries` are granted at one moment.
    fn granted(buckets: &Buckets, user: u32, now: u64, limit: Limit, tries: usize) -> usize {
        (0..tries).filter(|_| buckets.take(user, || now, limit) == Verdict::Granted).count()
    }

    /// Users that share a set.
    fn neighbours(count: usize) -> Vec<u32> {
        (0..).filter(|&user| place(user).0 == place(1000).0).take(count).collect()
    }

    #[test]
    fn a_full_bucket_gives_its_burst_and_then_as_many_as_come() {
        let (buckets, limit) = (Buckets::new(), limit(10, 60));
        assert_eq!(granted(&buckets, 1000, 5 * NS, limit, 100), 10);
        assert_eq!(granted(&buckets, 1000, 5 * NS + NS / 2, limit, 100), 0);
        assert_eq!(granted(&buckets, 1000, 8 * NS + NS / 2, limit, 100), 3);
        assert_eq!(granted(&buckets, 1000, 3600 * NS, limit, 100), 10);
    }

    /// The bucket of the textbooks counts what is in it.
    #[test]
    fn it_is_a_token_bucket() {
        let (buckets, limit) = (Buckets::new(), limit(20, 6000));
        let (mut inside, mut time, mut random) = (limit.depth, 1, 1_u32);
        for n in 0..100_000 {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            // Now and then nobody comes for a while.
            let elapsed = u64::from(random >> 16) % if n % 100 == 0 { 2000 } else { 60 };
            time += elapsed;
            inside = limit.depth.min(inside + elapsed);
            let expected =
                if inside >= limit.interval { Verdict::Granted } else { Verdict::Refused };
            inside -= if expected == Verdict::Granted { limit.interval } else { 0 };
            assert_eq!(buckets.take(1000, || time << TICK_SHIFT, limit), expected, "try {n}");
        }
    }

    #[test]
    fn users_do_not_pay_for_each_other() {
        let (buckets, limit) = (Buckets::new(), limit(1, 1));
        for user in neighbours(WAYS) {
            assert_eq!(granted(&buckets, user, NS, limit, 5), 1, "user {user}");
        }
    }

    #[test]
    fn who_finds_no_entry_is_let_through() {
        let (buckets, limit) = (Buckets::new(), limit(1, 1));
        let users = neighbours(WAYS + 1);
        let verdicts = |now| users.iter().map(move |&user| (user, now));
        let verdicts = |now| {
            verdicts(now).map(|(user, now)| buckets.take(user, || now, limit)).collect::<Vec<_>>()
        };
        use Verdict::{Crowded, Granted, Refused};
        assert_eq!(verdicts(NS), [Granted, Granted, Granted, Granted, Crowded]);
        assert_eq!(verdicts(2 * NS), [Refused, Refused, Refused, Refused, Crowded]);
        // A minute later the first four are free again, and whoever is first has one of them.
        assert_eq!(buckets.take(users[4], || 70 * NS, limit), Granted);
        assert_eq!(buckets.take(users[4], || 70 * NS, limit), Refused);
    }

    #[test]
    fn no_two_users_have_the_same_place() {
        let users = (0..200_000).chain(u32::MAX - 200_000..=u32::MAX);
        let places: HashSet<_> = users.clone().map(place).collect();
        assert_eq!(places.len(), users.count());
    }

    #[test]
    fn another_limit_begins_with_full_buckets() {
        let buckets = Buckets::new();
        assert_eq!(granted(&buckets, 1000, NS, limit(60, 1), 100), 60); // An hour is owed.
        assert_eq!(granted(&buckets, 1000, NS, limit(10, 60), 100), 10);
    }

    #[test]
    fn time_may_wrap_around() {
        let (buckets, limit) = (Buckets::new(), limit(10, 60));
        let end = (TIME + 1) << TICK_SHIFT;
        assert_eq!(granted(&buckets, 1000, end / 2, limit, 100), 10);
        assert_eq!(granted(&buckets, 1000, end - NS, limit, 100), 10);
        assert_eq!(granted(&buckets, 1000, end + NS * 3 / 2, limit, 100), 2);
        assert_eq!(granted(&buckets, 1000, end * 3 / 2, limit, 100), 10);
    }

    #[test]
    fn any_limit_is_a_limit() {
        assert!(Limit::new(10, 0).is_none());
        for (burst, per_minute, most) in
            [(0, 1, 1), (u32::MAX, 1, 1 << 16), (1, u32::MAX, 1), (u32::MAX, u32::MAX, 1 << 16)]
        {
            let limit = limit(burst, per_minute);
            assert!(limit.interval > 0 && limit.depth < TIME / 32);
            assert_eq!(granted(&Buckets::new(), 1, NS, limit, 70_000), most);
        }
    }

    #[test]
    fn all_cpus_together_get_no_token_twice() {
        let (buckets, limit) = (Buckets::new(), limit(1000, 60));
        assert_eq!(on_all_cpus(|| granted(&buckets, 1000, NS, limit, 1000)), 1000);
    }

    #[test]
    fn all_cpus_together_get_no_more_than_what_comes() {
        let (buckets, limit, time) = (Buckets::new(), limit(100, 60), AtomicU64::new(NS));
        let clock = || time.fetch_add(NS / 1000, Ordering::SeqCst);
        let granted = on_all_cpus(|| {
            (0..20_000).filter(|_| buckets.take(1000, clock, limit) == Verdict::Granted).count()
        });
        let seconds = time.load(Ordering::SeqCst) / NS;
        assert!((seconds..=100 + seconds).contains(&(granted as u64)), "{granted} in {seconds} s");
    }

    /// What eight threads count together.
    fn on_all_cpus(count: impl Fn() -> usize + Sync) -> usize {
        thread::scope(|scope| {
            let threads = [(); 8].map(|()| scope.spawn(&count));
            threads.map(|thread| thread.join().unwrap()).iter().sum()
        })
    }
}
