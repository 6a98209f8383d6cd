// SPDX-License-Identifier: GPL-2.0
//! The fixes of `examples` mend a kernel that has the fault.

use super::stock::{available, core_mode};
use super::there::{run, succeed, There};
use kps_grammar::ast::TextClause;
use kps_grammar::Source;
use kps_tests::target::target;
use kps_tests::{fixes, kpsc, stem};
use kpsc::resolve::is_meant_for;
use std::path::Path;
use std::sync::LazyLock;

/// The newest kernel of the archive that all fixes are for, in core mode. The archive will not hold
/// one for ever.
fn faulty() -> Option<&'static There> {
    static FAULTY: LazyLock<Option<There>> = LazyLock::new(|| {
        let releases = releases();
        let faulty = releases.iter().find(|release| fixes().iter().all(|fix| is_for(fix, release)));
        faulty.map(|release| core_mode("faulty", release))
    });
    FAULTY.as_ref()
}

/// Makes it, the first time.
pub(super) fn prepare() {
    faulty();
}

/// What the archive holds that can be added, newest first.
fn releases() -> Vec<String> {
    let listed = available(&[]);
    let whole = listed.lines().filter(|line| line.ends_with("\theaders"));
    whole.filter_map(|line| line.split('\t').next()).map(str::to_owned).collect()
}

/// A fix mends it. Without a kernel that has the fault, all that can be tried is that other kernels
/// are kept from the fix.
pub(super) fn mends(fix: &Path) {
    if let Some(faulty) = faulty() {
        return faulty.acts(fix);
    }
    println!(
        "{}: the archive holds no kernel with this fault any more, so nobody sees it mended",
        stem(fix)
    );
    let left: Vec<_> = releases().into_iter().filter(|release| is_for(fix, release)).collect();
    assert!(left.is_empty(), "{} can be tried on {left:?}: let `faulty` be one", stem(fix));
    let (status, said) = run(kpsc().args(["check", "--kernel", &target().name]).arg(fix));
    assert!(status == Some(1) && said.contains("KPS0605"), "{said}");
}

/// The crates that the fixes are converted to mend it too. They are tried one after the other: the
/// first one has the macros compiled, once for a kernel.
pub(super) fn crates_mend() {
    let Some(faulty) = faulty() else { return };
    let scratch = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    for fix in fixes() {
        let words = ["convert", "--kernel", &faulty.name, "--to", "crate", "-o"];
        succeed(faulty.kpsc(&words).arg(scratch.path()).arg(&fix));
        faulty.acts(&scratch.path().join(stem(&fix)));
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
