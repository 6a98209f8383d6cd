// SPDX-License-Identifier: GPL-2.0
//! What kpsc is given out as: its packages in the roots of two Debians, and its sources.

use kps_tests::schedule::Case;
use kps_tests::{cases, printed, repository};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use xtask::dist::{linked, manual};

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    cases![
        every_linked_crate_has_a_license_that_the_gpl_allows,
        every_verb_has_a_page_that_leads_back_to_its_program,
        debian_12_installs_the_packages_and_removes_them.long().about(60),
        debian_13_installs_the_packages_and_removes_them.long().about(60),
        lintian_has_nothing_to_say_of_the_packages.long().about(60),
        cargo_installs_the_packaged_sources.long().about(400),
    ]
}

fn every_linked_crate_has_a_license_that_the_gpl_allows() {
    for (program, with) in [("kpsc", &["xtask"][..]), ("kpsctl", &[])] {
        let crates = linked::crates(program, with).unwrap_or_else(|error| panic!("{error:#}"));
        assert!(crates.iter().any(|linked| linked.name == "clap"), "{crates:#?}");
        let others: Vec<_> = crates.iter().filter(|linked| !linked.is_compatible()).collect();
        assert!(others.is_empty(), "{program}: {others:#?}");
        let is_static = program == "kpsctl";
        xtask::dist::copyright(program, "Jane Doe <jane@example.org>", &crates, is_static)
            .unwrap_or_else(|error| panic!("{error:#}"));
    }
}

fn every_verb_has_a_page_that_leads_back_to_its_program() {
    let commands = kps_tests::pages::read("docs/commands.md");
    let manual = manual::Manual { section: 1, date: "2026-01-02", commands: &commands };
    let pages = manual::pages(kpsc::cli::command(), &manual);
    let pages = pages.unwrap_or_else(|error| panic!("{error:#}"));
    let text = |name: &str| {
        let page = pages.iter().find(|(file, _)| file == name);
        let (_, page) = page.unwrap_or_else(|| panic!("there is no {name}"));
        String::from_utf8_lossy(page).replace("\\-", "-")
    };
    let program = text("kpsc.1");
    assert!(program.contains(".SH \"EXIT STATUS\"\n"), "{program}");
    for (file, _) in pages.iter().filter(|(file, _)| file != "kpsc.1") {
        let page = text(file);
        let name = file.trim_end_matches(".1");
        assert!(page.contains(&format!("{name} - ")), "{page}");
        let (_, see_also) = page.split_once(".SH \"SEE ALSO\"").unwrap_or_default();
        assert!(see_also.contains("kpsc"), "{page}");
    }
    for name in ["kpsc-build", "kpsc-load"] {
        text(&format!("{name}.1"));
        assert!(program.contains(name), "{program}");
    }
    assert!(pages.iter().any(|(file, _)| file == "kpsc-kernel-add.1"));
    assert!(pages.iter().all(|(file, _)| !file.contains("link") && !file.contains("help")));
}

/// The folder of the packages and the sources, which are written once in a run.
fn made() -> &'static Path {
    static MADE: LazyLock<PathBuf> = LazyLock::new(|| {
        let xtask = Path::new(kps_tests::kpsc().get_program()).with_file_name("xtask");
        let output = succeeds(Command::new(xtask).arg("dist"));
        let first = output.lines().find(|line| line.ends_with(".deb"));
        Path::new(first.unwrap_or_default()).parent().unwrap_or(Path::new("")).to_owned()
    });
    &MADE
}

/// What a program prints, which must succeed.
fn succeeds(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let text = printed(&output);
    assert!(output.status.success(), "{command:?}:\n{text}");
    text
}

fn debian_12_installs_the_packages_and_removes_them() {
    install_and_remove("bookworm");
}

fn debian_13_installs_the_packages_and_removes_them() {
    install_and_remove("trixie");
}

/// The packages in a Debian of this suite. `doctor` says there what is missing: of its programs,
/// the root has apt alone.
fn install_and_remove(suite: &str) {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let scripts = repository().join("tests/dist");
    succeeds(Command::new(scripts.join("root.sh")).arg(suite).arg(folder.path()));
    let mut inside = Command::new("bwrap");
    inside.args([
        "--unshare-user",
        "--uid",
        "0",
        "--gid",
        "0",
        "--unshare-net",
        "--cap-add",
        "ALL",
    ]);
    inside.args(["--clearenv", "--setenv", "PATH", "/usr/sbin:/usr/bin", "--bind"]);
    inside.arg(folder.path().join("root")).args(["/", "--proc", "/proc", "--dev", "/dev"]);
    inside.args(["--tmpfs", "/tmp", "--tmpfs", "/run", "--ro-bind"]).arg(made()).arg("/media");
    inside.arg("--ro-bind").arg(scripts.join("install.sh")).arg("/tmp/install.sh");
    let text = succeeds(inside.args(["sh", "/tmp/install.sh"]));
    for line in [
        concat!("kpsc ", env!("CARGO_PKG_VERSION")),
        concat!("kpsctl ", env!("CARGO_PKG_VERSION")),
        "/usr/share/man/man1/kpsc-build.1.gz",
        "/usr/share/man/man8/kpsctl-load.8.gz",
        "complete -o bashdefault -o default -o nosort -F _kpsc kpsc",
        "complete -o bashdefault -o default -o nosort -F _kpsctl kpsctl",
        "ok       apt-get: fetches stock kernels and their compilers",
        "cannot   build: see bwrap",
        "status 3",
        "enabled",
        "ExecStart=/usr/sbin/kpsctl load --all --boot",
        "nothing is left",
    ] {
        assert!(text.lines().any(|printed| printed == line), "{suite} says no {line:?}:\n{text}");
    }
}

fn lintian_has_nothing_to_say_of_the_packages() {
    for package in kps_tests::files(made()) {
        if package.extension().is_some_and(|extension| extension == "deb") {
            let mut lintian = Command::new("lintian");
            lintian.args(["--allow-root", "--display-info", "--pedantic"]).arg(&package);
            assert_eq!(succeeds(&mut lintian), "", "{}", package.display());
        }
    }
}

fn cargo_installs_the_packaged_sources() {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let name = concat!("kpsc-", env!("CARGO_PKG_VERSION"));
    let sources = made().join(format!("{name}.tar.xz"));
    succeeds(Command::new("tar").arg("-xf").arg(&sources).arg("-C").arg(folder.path()));
    let root = folder.path().join("root");
    let mut install = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    install.args(["install", "--quiet", "--locked", "--path", "compiler", "--root"]).arg(&root);
    succeeds(install.current_dir(folder.path().join(name)).env_remove("CARGO_TARGET_DIR"));
    let version = succeeds(Command::new(root.join("bin/kpsc")).arg("--version"));
    assert_eq!(version, concat!("kpsc ", env!("CARGO_PKG_VERSION"), "\n"));
}
