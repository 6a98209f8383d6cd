//! Statics that do not say what their attributes want.

use kps::prelude::*;

#[livepatch(license = "GPL")]
mod values {
    #[param]
    static computed: u32 = 1 + 1;

    #[shadow(on = seq_file, untied)]
    static plain: AtomicU32 = AtomicU32::new(0);

    #[shadow(on = seq_file, untied)]
    static no_value: Shadow<u32> = Shadow { dtor: |data| {} };

    #[shadow(on = seq_file, untied)]
    static named: Shadow<u32> = Shadow { initial: 0 };

    #[shadow(on = seq_file, untied)]
    static twice: Shadow<u32> = Shadow { init: 0, init: 1 };

    #[shadow(on = seq_file, untied)]
    static one: Shadow<u32> = Shadow { init: 0, ctor: |data| {} };

    #[shadow(on = seq_file, untied)]
    static moving: Shadow<u32> = Shadow { init: 0, dtor: move |data| {} };

    #[state(id = 1)]
    static typed: State<c_int> = State { save: || 0, apply: |saved: c_int| {}, restore: |_| {} };

    #[state(id = 2)]
    static computed_state: State<c_int> = State::new(0);
}

fn main() {}
