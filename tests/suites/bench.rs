// SPDX-License-Identifier: GPL-2.0
//! What `docs/bench.md` claims and no clock has a part in: instructions, sizes, growth of sizes.

use kps_tests::miniature::{compile, compiler};
use kps_tests::schedule::Case;
use kps_tests::{cases, fixture, kpsc};
use xtask::bench::builds::{build, c_sample, generated, input, plain};
use xtask::bench::counting::longest_path;
use xtask::bench::sizes::sizes;
use xtask::bench::{count, growth, specs, Bench, GROWTH, KINDS};

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    cases![
        a_path_is_followed_through_calls_jumps_and_returns,
        a_path_that_cannot_be_told_is_an_error,
        a_change_adds_few_instructions_to_a_call.machine(),
        a_module_is_at_most_half_again_as_large_as_the_c_sample.machine(),
        a_livepatch_by_hand_builds_and_is_entered_by_a_call.machine(),
        modules_grow_with_what_they_change_and_no_faster.machine().about(30),
        specs_are_the_same_every_time_and_smaller_ones_are_part_of_larger_ones,
    ]
}

fn bench() -> Bench {
    Bench::new(kpsc().get_program().into()).unwrap_or_else(|error| panic!("{error:#}"))
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"))
}

fn assemble(text: &str) -> Vec<u8> {
    let folder = folder();
    let (source, object) = (folder.path().join("paths.S"), folder.path().join("paths.o"));
    std::fs::write(&source, text).unwrap_or_else(|error| panic!("{error}"));
    compile(compiler().arg("-c").arg(&source).arg("-o").arg(&object));
    std::fs::read(&object).unwrap_or_else(|error| panic!("{error}"))
}

/// Each line of code has its number in the path of `entry`.
const PATHS: &str = r#"
    .section .text.other, "ax"
    nop
    .globl body
    .type body, @function
body:
    nop                     # 3
    call outside            # 4, and nothing of what is there
    test %edi, %edi         # 5
    je 1f                   # 6
    xor %eax, %eax          # 7: the longer of two ways
    inc %eax                # 8
1:  jmp __x86_return_thunk  # 9

    .text
    nop
    .globl entry
    .type entry, @function
entry:
    endbr64                 # 1
    call body               # 2
    call local              # 10
    jmp original            # 13
    ud2
    .type local, @function
local:
    nop                     # 11
    ret                     # 12
    .globl original
    .type original, @function
original:
    jmp outside + 9         # 14, and back to the caller

    .globl for_ever
for_ever:
    jmp for_ever
    .globl by_table
by_table:
    jmp *%rax
    .globl broken
broken:
    .byte 0x06
"#;

fn a_path_is_followed_through_calls_jumps_and_returns() {
    let object = assemble(PATHS);
    let count = |symbol| longest_path(&object, symbol).map_err(|error| error.to_string());
    assert_eq!(count("entry"), Ok(14));
    assert_eq!(count("body"), Ok(7));
    assert_eq!(count("original"), Ok(1));
}

fn a_path_that_cannot_be_told_is_an_error() {
    let object = assemble(PATHS);
    for (symbol, why) in [
        ("for_ever", "does not end"),
        ("by_table", "not known"),
        ("broken", "no instruction"),
        ("outside", "no symbol"),
        ("absent", "no symbol"),
    ] {
        let error = longest_path(&object, symbol).map_err(|error| format!("{error:#}"));
        assert!(error.as_ref().is_err_and(|error| error.contains(why)), "{symbol}: {error:?}");
    }
}

fn a_change_adds_few_instructions_to_a_call() {
    let (bench, into) = (bench(), folder());
    let kinds =
        generated(&bench, &input("kinds.kps"), into.path()).and_then(|kinds| build(&bench, &kinds));
    let kinds = kinds.unwrap_or_else(|error| panic!("{error:#}"));
    for ((function, change), at_most) in KINDS.into_iter().zip([10, 12, 30, 16, 16]) {
        let count = count(&kinds, function).unwrap_or_else(|error| panic!("{error:#}"));
        assert!(count <= at_most, "{change} takes {count} instructions, more than {at_most}");
    }
}

fn a_module_is_at_most_half_again_as_large_as_the_c_sample() {
    let (bench, into) = (bench(), folder());
    let size = |folder| sizes(&bench, &build(&bench, &folder)?);
    let ours = generated(&bench, &input("sample.kps"), into.path()).and_then(size);
    let theirs = c_sample(&bench, into.path()).and_then(size);
    let ours = ours.unwrap_or_else(|error| panic!("{error:#}"));
    let theirs = theirs.unwrap_or_else(|error| panic!("{error:#}"));
    assert!(2 * ours.file <= 3 * theirs.file, "{ours:?} and {theirs:?}");
}

fn a_livepatch_by_hand_builds_and_is_entered_by_a_call() {
    let (bench, into) = (bench(), folder());
    let by_hand =
        plain(&input("by_hand.rs"), into.path()).and_then(|folder| build(&bench, &folder));
    let by_hand = by_hand.unwrap_or_else(|error| panic!("{error:#}"));
    let count = count(&by_hand, "cmdline_proc_show").unwrap_or_else(|error| panic!("{error:#}"));
    assert!((5..=16).contains(&count), "{count} instructions");
}

fn modules_grow_with_what_they_change_and_no_faster() {
    let (bench, into) = (bench(), folder());
    let facts = bench.target.facts().unwrap_or_else(|error| panic!("{}", error.message));
    let size = |count: usize| -> anyhow::Result<f64> {
        let spec = into.path().join(format!("{}.kps", specs::name(count)));
        std::fs::write(&spec, specs::spec(&facts, count)?)?;
        let module = build(&bench, &generated(&bench, &spec, into.path())?)?;
        Ok(sizes(&bench, &module)?.file as f64)
    };
    let sizes: anyhow::Result<Vec<f64>> = specs::COUNTS.into_iter().map(size).collect();
    let sizes = sizes.unwrap_or_else(|error| panic!("{error:#}"));
    assert!(growth(&sizes) <= GROWTH, "{sizes:?} grow by {}", growth(&sizes));
}

fn specs_are_the_same_every_time_and_smaller_ones_are_part_of_larger_ones() {
    let facts = fixture::facts();
    let functions = |count: usize| -> Vec<String> {
        let text = specs::spec(&facts, count).unwrap_or_else(|error| panic!("{error:#}"));
        text.lines()
            .filter(|line| line.trim_start().starts_with("fn "))
            .map(str::to_owned)
            .collect()
    };
    assert_eq!(functions(3), functions(3));
    assert_eq!(functions(2), functions(3)[..2]);
    assert_ne!(functions(2)[0].split(' ').nth(9), functions(2)[1].split(' ').nth(9));
    assert!(specs::spec(&facts, 10_000).is_err());
}
