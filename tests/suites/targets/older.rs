// SPDX-License-Identifier: GPL-2.0
//! An older stock kernel: what differs there from the default target acts there, and everything
//! else is built.

use super::interrupted::{self, SIZE};
use super::namespace::DISK;
use super::there::{run, succeed, There};
use super::POSITION;
use kps_grammar::ast::TextClause;
use kps_grammar::Source;
use kps_tests::target::target;
use kps_tests::{fixes, kpsc, stem};
use kpsc::resolve::is_meant_for;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

/// Specs that act there, each for something of the kernel's that the module is made by. The others
/// are built.
pub(super) const ACTS: [&str; 11] = [
    "bitfields",       // bitfields of structs that grow from kernel to kernel
    "callbacks",       // struct klp_callbacks, and a variable that is not exported
    "cmdline_mark",    // struct klp_patch and its like, and the guard
    "kinds_of_types",  // layouts, held against those of the C of this kernel
    "module_function", // a module's own types and build-id
    "parameters",      // struct kernel_param
    "per_cpu",         // where a CPU's own variables are
    "static_keys",     // klp relocations in a table that the kernel reads early
    "system_calls",    // entries of the system call table
    "unions",          // overlapping members of structs that change with each kernel
    "without_endbr",   // how functions start, and where their ftrace sites are
];

/// Examples that are not for it, and say so: the one with a symbol's position, and one of functions
/// that are newer.
pub(super) const REFUSED: [(&str, &str); 2] =
    [(POSITION, "KPS0605"), ("closed_at_exit", "KPS0605")];

/// The newest stock kernel that the archive holds of an older series than the default target's, if
/// it can be of those that the fixes of `examples` are for. Where it cannot be prepared, that is
/// not tried again for the next case.
pub(super) fn older() -> &'static There {
    static OLDER: LazyLock<There> = LazyLock::new(make);
    &OLDER
}

fn make() -> There {
    let default = target();
    let disk = Path::new(DISK).join("older");
    succeed(Command::new("mkdir").arg(&disk));
    let options = format!("mode=755,size={SIZE}");
    succeed(Command::new("mount").args(["-t", "tmpfs", "-o", &options, "none"]).arg(&disk));
    let there = There { cache: disk, name: "older".to_owned() };
    let series = |release: &str| release.split('.').take(2).map(str::to_owned).collect::<Vec<_>>();
    let behind = releases();
    let faulty = behind.iter().find(|release| fixes().iter().all(|fix| is_for(fix, release)));
    let other = behind.iter().find(|release| series(release) != series(default.release()));
    let Some(release) = faulty.or(other).or(behind.first()) else {
        panic!("the archive holds no kernel older than {}", default.release());
    };
    interrupted::prepare(&there, release);
    there
}

/// What the archive holds that is older than the default target, newest first: kernels of its
/// flavour that have a Rust crate, as it does.
fn releases() -> Vec<String> {
    // The cache of the default target has the archive's lists; that of the older one is to have
    // nothing yet.
    let flavour = ["--flavour", kps_arch::native().debian.flavour];
    let (default, listed) =
        (target(), succeed(kpsc().args(["kernel", "list", "--available"]).args(flavour)));
    let with_rust = listed.lines().filter(|line| line.ends_with("\tkernel\theaders"));
    let releases = with_rust.filter_map(|line| line.split('\t').next());
    let behind = releases.skip_while(|release| *release != default.release()).skip(1);
    behind.map(str::to_owned).collect()
}

/// What a target keeps has room on a disk beside other things.
pub(super) fn is_small() {
    let size = succeed(Command::new("du").args(["-sk"]).arg(older().target().folder()));
    let size: u64 =
        size.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(u64::MAX);
    assert!(size < 1 << 20, "the target takes {size} kB");
}

/// A fix of `examples` mends a kernel that has the fault. The archive will not hold one that has
/// the fault for ever; without one, all that can be tried is that other kernels are kept from the
/// fix.
pub(super) fn mends(fix: &Path) {
    let (older, newest) = (older(), target());
    if is_for(fix, older.target().release()) {
        return older.acts(fix);
    }
    println!(
        "{}: the archive holds no kernel with this fault any more, so nobody sees it mended",
        stem(fix)
    );
    let left: Vec<_> = releases().into_iter().filter(|release| is_for(fix, release)).collect();
    assert!(left.is_empty(), "{} can be tried on {left:?}: let `older` be one", stem(fix));
    let (status, said) = run(kpsc().args(["check", "--kernel", &newest.name]).arg(fix));
    assert!(status == Some(1) && said.contains("KPS0605"), "{said}");
}

/// The crates that the fixes are converted to mend it too. They are tried one after the other: the
/// first one has the macros compiled, once for a kernel.
pub(super) fn crates_mend() {
    let older = older();
    let scratch = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    for fix in fixes().into_iter().filter(|fix| is_for(fix, older.target().release())) {
        let words = ["convert", "--kernel", &older.name, "--to", "crate", "-o"];
        succeed(older.kpsc(&words).arg(scratch.path()).arg(&fix));
        older.acts(&scratch.path().join(stem(&fix)));
    }
}

/// Whether a spec says that a release is one of those that it is meant for.
fn is_for(spec: &Path, release: &str) -> bool {
    let text =
        std::fs::read_to_string(spec).unwrap_or_else(|error| panic!("{}: {error}", spec.display()));
    let (parsed, _) = kps_grammar::parse(&Source::new(stem(spec), text));
    let range =
        parsed.patch.and_then(|patch| Some(patch.texts.first(TextClause::Kernel)?.value.clone()));
    let range = range
        .unwrap_or_else(|| panic!("{} does not say what kernels have the fault", spec.display()));
    is_meant_for(&range, release).unwrap_or_else(|| panic!("{}: {range}", spec.display()))
}
