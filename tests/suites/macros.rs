//! What the compiler says about patch crates: every file of `tests/ui-macros/refused` has its messages beside it, at the places that the
//! author sees in an editor, and those of `tests/ui-macros/passes` are understood. The kernel is that of the tests, in a facts file that
//! `KPS_FACTS` names, as it does for a real one.
//!
//! `TRYBUILD=overwrite cargo test --test macros` writes the messages anew; read the difference before you commit it. Those that are kept
//! are ours but for two (`root`, `two`), which rustc 1.95 has written, and for how it draws a place.

use kps_tests::{fixture, repository};
use libtest_mimic::{Arguments, Trial};

fn main() {
    let trial = Trial::test("patch_crates_are_refused_in_words_at_the_authors_place", || {
        run();
        Ok(())
    });
    libtest_mimic::run(&Arguments::from_args(), vec![trial]).exit();
}

fn run() {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let facts = folder.path().join("facts");
    std::fs::write(&facts, fixture::facts().to_bytes()).unwrap_or_else(|error| panic!("{error}"));
    // The crates of the cases depend on what the macros' own tests depend on, and not on all of this suite.
    let macros = repository().join("runtime-macros");
    std::env::set_var("CARGO_MANIFEST_DIR", &macros);
    std::env::set_var("KPS_FACTS", &facts);
    std::env::set_current_dir(&macros).unwrap_or_else(|error| panic!("{}: {error}", macros.display()));
    let cases = trybuild::TestCases::new();
    cases.compile_fail("../tests/ui-macros/refused/*.rs");
    cases.pass("../tests/ui-macros/passes/*.rs");
}
