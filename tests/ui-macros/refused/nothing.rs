//! A livepatch that changes nothing, and says nothing of its license.

use kps::prelude::*;

#[livepatch]
mod nothing {
    static COUNT: AtomicU32 = AtomicU32::new(0);
}

fn main() {}
