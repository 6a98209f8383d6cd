// SPDX-License-Identifier: GPL-2.0
//! Packages, as the programs of the distributions see them. dpkg-deb, lintian, rpm and rpmlint read
//! what `kps-package` has written.

use kps_package::{
    build, file_name, Architecture, Change, Comparison, Contents, Deb, DebScripts, File, Format,
    Package, Priority, Relation, Relations, Rpm, RpmScripts, Urgency,
};
use kps_tests::cases;
use kps_tests::schedule::Case;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    cases![
        dpkg_reads_the_fields_and_the_files,
        dpkg_installs_and_purges_a_package,
        lintian_has_nothing_to_say,
        rpm_reads_the_header_and_the_files,
        rpm_installs_and_erases_a_package,
        rpmlint_says_only_what_is_known,
    ]
}

/// 2024-01-02 03:04:05 UTC.
const TIME: u64 = 1_704_164_645;

/// Below the root of the machine.
const MODULE: &str = "usr/lib/kpsc/livepatch-foo/6.12.0/foo.ko";

/// What rpmlint says of every package like this one, and why that is no fault.
const KNOWN: [&str; 5] = [
    // A module is linked by the kernel that loads it: it has neither libraries nor a stack, and the
    // kernel's symbols are looked up by the names that stripping would remove.
    "statically-linked-binary",
    "missing-PT_GNU_STACK-section",
    "unstripped-binary-or-object",
    // Whoever gives the package out signs it.
    "no-signature",
    // Without the configuration of a distribution it knows only names that were in use before
    // SPDX.
    "invalid-license",
];

/// A package in a file of its own.
fn written(format: Format) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let package = package(folder.path());
    let name = file_name(&package, format).unwrap_or_else(|error| panic!("{error}"));
    let bytes = build(&package, format).unwrap_or_else(|error| panic!("{error}"));
    let path = folder.path().join(name);
    std::fs::write(&path, bytes).unwrap_or_else(|error| panic!("{error}"));
    (folder, path)
}

/// What a program prints. It has to end well.
fn printed(command: &mut Command) -> String {
    let output = command.env("LC_ALL", "C.UTF-8").output();
    let output = output.unwrap_or_else(|error| {
        panic!("{error}: install dpkg, lintian, rpm and rpmlint: {command:?}")
    });
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {text}{errors}");
    text
}

fn run(program: &str, arguments: &[&str], path: &Path) -> String {
    printed(Command::new(program).args(arguments).arg(path))
}

fn dpkg_reads_the_fields_and_the_files() {
    let (_folder, deb) = written(Format::Deb);
    let fields = run("dpkg-deb", &["--field"], &deb);
    for line in [
        "Package: livepatch-foo",
        "Version: 1.0",
        "Depends: kpsctl (>= 0.1) | kpsc",
        "Description: Livepatch for a leak in foo_open()",
        "  .config is not changed.",
    ] {
        assert!(fields.lines().any(|found| found == line), "no {line:?} in {fields}");
    }
    let files = run("dpkg-deb", &["--contents"], &deb);
    let module = files.lines().find(|line| line.ends_with(MODULE));
    assert!(module.is_some_and(|line| line.starts_with("-rw-r--r-- root/root")), "{files}");
}

fn dpkg_installs_and_purges_a_package() {
    let (folder, deb) = written(Format::Deb);
    let root = folder.path().join("root");
    let database = root.join("var/lib/dpkg");
    for part in ["info", "updates"] {
        std::fs::create_dir_all(database.join(part)).unwrap_or_else(|error| panic!("{error}"));
    }
    std::fs::write(database.join("status"), "").unwrap_or_else(|error| panic!("{error}"));
    let dpkg = |arguments: &[&str]| {
        let options = ["--force-not-root", "--force-script-chrootless", "--force-depends"];
        let mut command = Command::new("dpkg");
        command.arg(format!("--root={}", root.display())).args(options).args(arguments);
        printed(&mut command)
    };
    dpkg(&["--install", &deb.display().to_string()]);
    assert!(root.join(MODULE).is_file());
    assert_eq!(dpkg(&["--verify", "livepatch-foo"]), "");
    dpkg(&["--purge", "livepatch-foo"]);
    assert!(!root.join("usr").exists() && !root.join("etc").exists());
}

fn lintian_has_nothing_to_say() {
    let (_folder, deb) = written(Format::Deb);
    let arguments = ["--allow-root", "--display-info", "--pedantic", "--fail-on", "error,warning"];
    assert_eq!(run("lintian", &arguments, &deb), "");
}

fn rpm_reads_the_header_and_the_files() {
    let (_folder, rpm) = written(Format::Rpm);
    let checked = run("rpm", &["--checksig", "--nosignature"], &rpm);
    assert!(checked.ends_with("digests OK\n"), "{checked}");
    let query = |what: &str| run("rpm", &["--query", "--nosignature", what, "--package"], &rpm);
    assert!(query("--list").lines().any(|line| line == format!("/{MODULE}")));
    assert!(query("--changes").contains("Jane Doe <jane@example.org> - 1.0-1\n- Close the leak."));
    let scripts = query("--scripts");
    assert!(
        scripts.contains("postinstall scriptlet (using /bin/sh):\ntrue installed"),
        "{scripts}"
    );
    let requires = query("--requires");
    assert!(requires.lines().any(|line| line == "(kpsctl >= 0.1 or kpsc)"), "{requires}");
}

fn rpm_installs_and_erases_a_package() {
    let (folder, package) = written(Format::Rpm);
    let root = folder.path().join("root");
    let rpm = |arguments: &[&str]| {
        let mut command = Command::new("rpm");
        command.arg(format!("--root={}", root.display())).args(arguments);
        printed(&mut command)
    };
    // The scriptlets have no shell below this root.
    let options = ["--nodeps", "--noscripts", "--ignorearch"];
    rpm(&["--initdb"]);
    rpm(&[&options[..], &["--install", &package.display().to_string()]].concat());
    assert!(root.join(MODULE).is_file());
    assert_eq!(rpm(&["--verify", "--nodeps", "livepatch-foo"]), "");
    rpm(&["--erase", "--nodeps", "--noscripts", "livepatch-foo"]);
    assert!(!root.join("usr/lib/kpsc").exists());
}

fn rpmlint_says_only_what_is_known() {
    let (_folder, rpm) = written(Format::Rpm);
    // It ends with an error for those that are known.
    let output = Command::new("rpmlint").arg(&rpm).output();
    let output = output.unwrap_or_else(|error| panic!("{error}: install rpmlint"));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("1 packages and 0 specfiles checked"), "{text}");
    let tags = text.lines().filter(|line| line.starts_with("livepatch-foo."));
    let new: Vec<&str> =
        tags.filter(|line| !KNOWN.iter().any(|tag| line.contains(&format!(": {tag}")))).collect();
    assert!(new.is_empty(), "{new:#?}");
}

/// A package with a relocatable file in the place of a module, a file of the administrator and a
/// link.
fn package(folder: &Path) -> Package {
    let person = "Jane Doe <jane@example.org>".to_owned();
    let file = |path: &str, contents| File {
        path: path.to_owned(),
        mode: 0o644,
        contents,
        is_config: path.starts_with("etc/"),
    };
    let relations = || Relations {
        depends: vec![vec![
            Relation::of("kpsctl", Comparison::GreaterOrEqual, "0.1"),
            Relation::any("kpsc"),
        ]],
        ..Relations::default()
    };
    let scripts = ["true installed", "true removed"].map(|text| Some(text.to_owned()));
    let [installed, removed] = scripts;
    Package {
        name: "livepatch-foo".to_owned(),
        version: "1.0".to_owned(),
        architecture: Architecture::Of(kps_arch::native()),
        summary: "Livepatch for a leak in foo_open()".to_owned(),
        description: vec![
            "It closes a leak in foo_open() of a running kernel.".to_owned(),
            ".config is not changed.".to_owned(),
        ],
        license: "GPL".to_owned(),
        copyright: vec![format!("2024 {person}")],
        license_text: None,
        maintainer: person.clone(),
        homepage: Some("https://example.org/foo".to_owned()),
        files: vec![
            file(MODULE, Contents::Bytes(module(folder))),
            file("etc/kpsc/foo.conf", Contents::Bytes(b"load = yes\n".to_vec())),
            file("usr/lib/kpsc/livepatch-foo/current", Contents::Link("6.12.0/foo.ko".to_owned())),
            file("usr/share/doc/livepatch-foo/README", Contents::Bytes(b"About it.\n".to_vec())),
        ],
        changelog: vec![Change {
            version: "1.0".to_owned(),
            date: TIME,
            author: person,
            urgency: Urgency::Medium,
            lines: vec!["Close the leak.".to_owned()],
        }],
        timestamp: TIME,
        deb: Deb {
            section: "kernel".to_owned(),
            priority: Priority::Optional,
            relations: relations(),
            scripts: DebScripts {
                postinst: installed.clone(),
                prerm: removed.clone(),
                ..DebScripts::default()
            },
            lintian_overrides: Vec::new(),
        },
        rpm: Rpm {
            group: Some("System Environment/Kernel".to_owned()),
            vendor: None,
            relations: relations(),
            scripts: RpmScripts { post: installed, preun: removed, ..RpmScripts::default() },
        },
    }
}

fn module(folder: &Path) -> Vec<u8> {
    let (source, object) = (folder.join("foo.c"), folder.join("foo.ko"));
    let text = "extern int bar(void); int foo(void) { return bar(); }\n";
    std::fs::write(&source, text).unwrap_or_else(|error| panic!("{error}"));
    let mut compiler = Command::new("cc");
    printed(compiler.args(["-O2", "-c", "-o"]).args([&object, &source]));
    std::fs::read(object).unwrap_or_else(|error| panic!("{error}"))
}
