// SPDX-License-Identifier: GPL-2.0
//! Names for addresses, so that the log is the same in every run: each gets the number of those
//! that were named before it.

use kps::prelude::*;

/// More addresses than the test has.
const MAX: usize = 32;

/// The addresses, by their numbers. Constructors and destructors log too, so it is no variable of
/// the test's.
static NAMED: [AtomicUsize; MAX] = [const { AtomicUsize::new(UNNAMED) }; MAX];

/// No address of data or code.
const UNNAMED: usize = usize::MAX;

/// The number of an address, or an error number if there are too many.
pub(crate) fn number<T>(address: *const T) -> c_int {
    let address = address as usize;
    for (number, named) in (0..).zip(&NAMED) {
        let known = named.compare_exchange(UNNAMED, address, Ordering::Relaxed, Ordering::Relaxed);
        if known.is_ok() || known == Err(address) {
            return number;
        }
    }
    -ENOMEM
}
