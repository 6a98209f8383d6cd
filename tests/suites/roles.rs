// SPDX-License-Identifier: GPL-2.0
//! What the code of a module tells of its functions, on the module that is written by hand.

use kps_facts::{Facts, Role};
use kps_targets::module;
use kps_tests::cases;
use kps_tests::fixture;
use kps_tests::schedule::Case;

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    cases![
        functions_that_a_module_registers_have_a_role,
        the_calls_of_a_module_lead_to_its_own_functions_and_to_the_kernel,
        what_the_code_of_a_module_tells_is_written_and_read,
        a_module_whose_sections_share_its_bytes_is_refused,
    ]
}

/// The fixture with its module.
fn facts() -> Facts {
    let mut facts = fixture::facts();
    module::add(&mut facts, "dummy", fixture::module()).unwrap_or_else(|error| panic!("{error}"));
    facts
}

fn address(facts: &Facts, name: &str) -> u64 {
    let [symbol] = facts.modules["dummy"].object.symbols.named(name)[..] else {
        panic!("there is not one {name}")
    };
    symbol.address
}

fn functions_that_a_module_registers_have_a_role() {
    let facts = facts();
    let roles = &facts.modules["dummy"].roles;
    let of = |name: &str| roles.of(address(&facts, name)).collect::<Vec<_>>();
    assert_eq!(of("dummy_poll_thread"), [Role::NeverReturns, Role::ThreadMain]);
    assert_eq!(of("dummy_release"), [Role::RcuCallback]);
    assert_eq!(of("dummy_stop"), [Role::NeverReturns]);
    assert_eq!(of("dummy_update"), []);
}

fn the_calls_of_a_module_lead_to_its_own_functions_and_to_the_kernel() {
    let facts = facts();
    let module = &facts.modules["dummy"];
    let calls =
        |name: &str| facts.calls_from(Some(module), address(&facts, name)).collect::<Vec<_>>();
    assert_eq!(calls("dummy_update"), [address(&facts, "dummy_get_stats")]);
    let printed = facts.vmlinux.symbols.named("seq_putc")[0].address;
    assert_eq!(calls("dummy_release"), [printed]);
    // What the kernel does not export is another module's.
    assert_eq!(calls("dummy_stop"), [] as [u64; 0]);
    assert!(facts.calls_from(Some(module), printed).next().is_some(), "the kernel's go on");
}

fn what_the_code_of_a_module_tells_is_written_and_read() {
    let facts = facts();
    let read = Facts::from_bytes(&facts.to_bytes()).unwrap_or_else(|error| panic!("{error}"));
    let (before, behind) = (&facts.modules["dummy"], &read.modules["dummy"]);
    assert_eq!(
        (&before.roles, &before.calls, &before.kernel_calls),
        (&behind.roles, &behind.calls, &behind.kernel_calls)
    );
}

/// Sections of the file that all are the whole file would take much more memory than it has.
fn a_module_whose_sections_share_its_bytes_is_refused() {
    let mut bytes = fixture::module();
    let word = |bytes: &[u8], at: usize| {
        bytes[at..at + 8].iter().rev().fold(0, |word, &byte| word << 8 | usize::from(byte))
    };
    // `e_shoff`; an entry has 64 bytes, with `sh_offset` at 24 and `sh_size` at 32.
    let table = word(&bytes, 0x28);
    let len = (bytes.len() as u64).to_le_bytes();
    for section in [1, 2] {
        let entry = table + 64 * section;
        bytes[entry + 24..entry + 32].fill(0);
        bytes[entry + 32..entry + 40].copy_from_slice(&len);
    }
    let mut facts = fixture::facts();
    assert!(module::add(&mut facts, "dummy", bytes).is_err());
}
