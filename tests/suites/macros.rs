// SPDX-License-Identifier: GPL-2.0
//! Patch crates: what the compiler says about them, and what they become.
//!
//! Every file of `tests/ui-macros/refused` has its messages beside it, at the places that the
//! author sees in an editor, and those of `tests/ui-macros/passes` are understood.
//! `TRYBUILD=overwrite cargo xtask test macros` writes the messages anew; read the difference
//! before you commit it. Those that are kept are ours but for `root`, `two` and the end of
//! `warned`, which rustc 1.95 has written, and for how a place is drawn. The kernel is that of the
//! tests, in a facts file that `KPS_FACTS` names, as it does for a real one.
//!
//! Every crate in `tests/golden/macros` has its expansion beside it, which compiles for the host
//! and for a kernel. `BLESS=1` writes it anew.

use kps_tests::compiled::{self, CRATES, LIBRARY};
use kps_tests::expansion::expanded;
use kps_tests::schedule::{Case, Failed};
use kps_tests::target::target;
use kps_tests::{cases, copy_folder, fixture, kpsc, printed, repository};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = cases![
        expansions_are_as_they_were,
        expansions_compile_for_the_host.about(10).shares(CRATES),
        expansions_compile_for_a_kernel.machine().about(30),
    ];
    // trybuild is told where the crate is by the environment.
    let refused =
        Case::new("patch_crates_are_refused_in_words_at_the_authors_place", crates_are_refused);
    cases.push(refused.about(60).apart());
    cases
}

fn crates_are_refused() -> Result<(), Failed> {
    let folder = tempfile::tempdir()?;
    let facts = folder.path().join("facts");
    std::fs::write(&facts, fixture::facts().to_bytes())?;
    // The crates of the cases depend on what the macros' own tests depend on, and not on all of
    // this suite.
    let macros = repository().join("runtime-macros");
    std::env::set_var("CARGO_MANIFEST_DIR", &macros);
    std::env::set_var("KPS_FACTS", &facts);
    std::env::set_current_dir(&macros)?;
    let cases = trybuild::TestCases::new();
    cases.compile_fail("../tests/ui-macros/refused/*.rs");
    cases.pass("../tests/ui-macros/passes/*.rs");
    Ok(())
}

/// The folder of the crates whose expansions are kept.
fn golden() -> PathBuf {
    repository().join("tests/golden/macros")
}

/// Those crates, each a file, by their names.
fn crates() -> Result<Vec<String>, Failed> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(golden())? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        names
            .extend(name.strip_suffix(".rs").filter(|name| !name.contains('.')).map(str::to_owned));
    }
    names.sort();
    Ok(names)
}

/// Where the expansion of a crate is kept.
fn kept(name: &str) -> PathBuf {
    golden().join(format!("{name}.expanded.rs"))
}

fn expansions_are_as_they_were() -> Result<(), Failed> {
    for name in crates()? {
        let text = expand(&golden().join(&name).with_extension("rs"))?;
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(kept(&name), &text)?;
        }
        if std::fs::read_to_string(kept(&name))? != text {
            return Err(format!("{name} expands to something else:\n{text}").into());
        }
    }
    Ok(())
}

/// A crate with its livepatch expanded, as it is kept.
fn expand(path: &Path) -> Result<String, Failed> {
    let in_c = ("in_c.c".to_owned(), std::fs::read_to_string(golden().join("in_c.c"))?);
    Ok(prettyplease::unparse(&expanded(&std::fs::read_to_string(path)?, &[in_c].into())?))
}

/// All of them are examples of one package, which depends on the runtime as a patch crate does.
fn expansions_compile_for_the_host() -> Result<(), Failed> {
    let folder = compiled::source("expanded");
    let root = repository();
    let examples: String = crates()?
        .iter()
        .map(|name| {
            format!(
                "[[example]]\nname = {name:?}\npath = {:?}\ncrate-type = [\"lib\"]\n",
                kept(name)
            )
        })
        .collect();
    let manifest = format!(
        "[package]\nname = \"expanded\"\nedition = \"2021\"\n[lib]\npath = \"lib.rs\"\n[workspace]\n[dependencies]\n\
         kps = {{ path = {:?}, default-features = false }}\n\
         [lints.rust]\nunexpected_cfgs = {{ level = \"deny\", check-cfg = [\"cfg(kps_kernel)\"] }}\nwarnings = \"deny\"\n{examples}",
        root.join("crates/runtime")
    );
    std::fs::write(folder.join("Cargo.toml"), manifest)?;
    std::fs::write(folder.join("lib.rs"), "")?;
    std::fs::copy(root.join("Cargo.lock"), folder.join("Cargo.lock"))?;
    succeeds(compiled::cargo("check").args(["--offline", "--examples"]).current_dir(folder))
}

fn expansions_compile_for_a_kernel() -> Result<(), Failed> {
    let target = target();
    let tree = target.tree().ok_or("the target has no build tree")?;
    let folder = tempfile::tempdir()?;
    let (runtime, library) = (folder.path().join("kps"), folder.path().join("src"));
    std::fs::create_dir(&library)?;
    copy_folder(&repository().join("crates/runtime/src"), &runtime)?;
    std::fs::write(folder.path().join("Kbuild"), LIBRARY)?;
    for name in crates()? {
        std::fs::copy(kept(&name), library.join("lib.rs"))?;
        let mut make = Command::new("make");
        make.arg("-C")
            .arg(&tree.build)
            .arg(format!("M={}", folder.path().display()))
            .arg("src/lib.o");
        make.arg(format!("KPSC={}", kpsc().get_program().to_string_lossy()));
        succeeds(&mut make).map_err(|error| format!("{name}:\n{}", error))?;
    }
    Ok(())
}

/// Runs a command that must succeed and has nothing to warn of.
fn succeeds(command: &mut Command) -> Result<(), Failed> {
    let output = command.output()?;
    let said = printed(&output);
    match output.status.success() && !said.contains("warning: ") {
        true => Ok(()),
        false => Err(said.into()),
    }
}
