// SPDX-License-Identifier: GPL-2.0
//! The two packages: which files they have, and which other packages they need.

use super::linked::{crates, output};
use super::manual::{pages, Manual};
use super::{copyright, needs, Release};
use anyhow::{Context as _, Result};
use clap_complete::{generate, Shell};
use kps_package::{
    Architecture, Change, Contents, Deb, DebScripts, File, Package, Priority, Relation, Relations,
    Rpm, Urgency,
};
use kpsc::doctor;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

/// The documents of kpsc, as Git lists them. The crates among the examples are parts of this
/// workspace; `kpsc new --crate` writes one that stands alone.
const DOCUMENTS: [&str; 6] = [
    "README.md",
    "CHANGELOG.md",
    "docs",
    "examples",
    ":!examples/fork_rate",
    ":!examples/kill_watch",
];

/// Those of kpsctl.
const DOCUMENTS_OF_KPSCTL: [&str; 4] =
    ["docs/operate.md", "docs/operate.schema.json", "docs/ship.md", "deploy/prometheus"];

/// Undoes `setup` before the program is removed.
const PRERM: &str = include_str!("../../../templates/dist/prerm");

/// The package of the compiler.
pub(super) fn kpsc(release: &Release, program: &[u8]) -> Result<Package> {
    const PATH: &str = "usr/bin/kpsc";
    let linked = crates("kpsc", &["xtask"])?;
    let command = kpsc::cli::command;
    let mut files = documents("kpsc", &DOCUMENTS)?;
    files.push(file(PATH, 0o755, program));
    files.extend(manual_pages(command(), 1, release)?);
    files.extend(completions(command()));
    files.push(copyright_file("kpsc", release, &linked, false)?);
    let mut relations = Relations { depends: needs::libraries(program)?, ..Relations::default() };
    for (package, work) in doctor::packages() {
        let list = match work {
            Some(_) => &mut relations.recommends,
            None => &mut relations.suggests,
        };
        list.push(vec![Relation::any(package)]);
    }
    relations.recommends.push(vec![Relation::any("kpsctl")]);
    let about = Package {
        summary: "Compiler of livepatches for the Linux kernel".to_owned(),
        description: vec![
            "kpsc compiles a small declarative spec to a livepatch module for the Linux kernel: \
             it names functions, and has the code that runs before, after or instead of them, in \
             Rust or C."
                .to_owned(),
            "It builds in seconds from the target kernel's image, checks a patch before it is \
             loaded, and tests it in a virtual machine."
                .to_owned(),
        ],
        ..empty(release, "kpsc", files)?
    };
    let scripts = DebScripts { prerm: Some(prerm("kpsc", PATH)), ..DebScripts::default() };
    let overrides = vec![
        // Of the C in it, a compression, no function is one that can be fortified.
        format!("hardening-no-fortify-functions [{PATH}]"),
        // Texts stand one behind the other in a program of Rust, with nothing between them.
        format!("spelling-error-in-binary * [{PATH}]"),
    ];
    Ok(Package { deb: of_debian("devel", relations, scripts, overrides), ..about })
}

/// The package of the program for servers.
pub(super) fn kpsctl(release: &Release, program: &[u8]) -> Result<Package> {
    const PATH: &str = "usr/sbin/kpsctl";
    let linked = crates("kpsctl", &[])?;
    let command = kpsctl::command;
    let mut files = documents("kpsctl", &DOCUMENTS_OF_KPSCTL)?;
    files.push(file(PATH, 0o755, program));
    files.extend(manual_pages(command(), 8, release)?);
    files.extend(completions(command()));
    files.push(copyright_file("kpsctl", release, &linked, true)?);
    let relations = Relations {
        depends: needs::libraries(program)?,
        // It loads what is installed when the machine boots.
        recommends: vec![vec![Relation::any("systemd")]],
        suggests: vec![vec![Relation::any("kpsc")]],
        ..Relations::default()
    };
    let about = Package {
        summary: "Manager of livepatches on a running Linux kernel".to_owned(),
        description: vec![
            "kpsctl loads and unloads livepatches, checks beforehand what the kernel would refuse \
             or accept with side effects, and explains a transition that does not complete."
                .to_owned(),
            "It keeps livepatches over a reboot: the installed ones are loaded early by systemd. A \
             machine that went down with them boots without them."
                .to_owned(),
        ],
        ..empty(release, "kpsctl", files)?
    };
    let script = |text: &str| Some(text.to_owned());
    let scripts = DebScripts {
        preinst: script(include_str!("../../../templates/dist/kpsctl.preinst")),
        postinst: script(include_str!("../../../templates/dist/kpsctl.postinst")),
        prerm: Some(prerm("kpsctl", PATH)),
        postrm: script(include_str!("../../../templates/dist/kpsctl.postrm")),
    };
    // It is static on purpose, and can be loaded at any address: lintian takes that for a library.
    let overrides = vec![format!("shared-library-lacks-prerequisites [{PATH}]")];
    Ok(Package { deb: of_debian("admin", relations, scripts, overrides), ..about })
}

/// A package in which only the files are of its own.
fn empty(release: &Release, name: &str, files: Vec<File>) -> Result<Package> {
    let Release { version, time, maintainer, .. } = release;
    Ok(Package {
        name: name.to_owned(),
        version: version.clone(),
        architecture: Architecture::Of(kps_arch::native()),
        summary: String::new(),
        description: Vec::new(),
        license: "GPL-2.0-only".to_owned(),
        copyright: vec!["the contributors of kpsc".to_owned()],
        license_text: None,
        maintainer: maintainer.clone(),
        homepage: None,
        files,
        changelog: vec![Change {
            version: version.clone(),
            date: *time,
            author: maintainer.clone(),
            urgency: Urgency::Medium,
            lines: vec![
                "Release this version; CHANGELOG.md in the sources lists what is new.".into()
            ],
        }],
        timestamp: *time,
        deb: of_debian("misc", Relations::default(), DebScripts::default(), Vec::new()),
        rpm: Rpm::default(),
    })
}

fn of_debian(
    section: &str,
    relations: Relations,
    scripts: DebScripts,
    lintian_overrides: Vec<String>,
) -> Deb {
    let section = section.to_owned();
    Deb { section, priority: Priority::Optional, relations, scripts, lintian_overrides }
}

fn prerm(name: &str, path: &str) -> String {
    PRERM.replace("@NAME@", name).replace("@PROGRAM@", path)
}

fn file(path: &str, mode: u32, bytes: impl Into<Vec<u8>>) -> File {
    let contents = Contents::Bytes(bytes.into());
    File { path: path.to_owned(), mode, contents, is_config: false }
}

/// The tracked files that some patterns of Git name, below the documents of a package.
fn documents(package: &str, patterns: &[&str]) -> Result<Vec<File>> {
    let listed = output(Command::new("git").args(["ls-files", "--"]).args(patterns))?;
    let documents = listed.lines().filter(|path| !path.contains("/."));
    let read = documents.map(|path| {
        let bytes = std::fs::read(Path::new(path)).with_context(|| path.to_owned())?;
        Ok(file(&format!("usr/share/doc/{package}/{path}"), 0o644, bytes))
    });
    read.collect()
}

fn manual_pages(command: clap::Command, section: u8, release: &Release) -> Result<Vec<File>> {
    let commands = std::fs::read_to_string("docs/commands.md").context("docs/commands.md")?;
    let manual = Manual { section, date: &release.date, commands: &commands };
    let pages = pages(command, &manual)?.into_iter().map(|(name, page)| {
        let path = format!("usr/share/man/man{section}/{name}.gz");
        Ok(file(&path, 0o644, gzip(&page)?))
    });
    pages.collect()
}

/// As `gzip -9n`: without a name and a time.
fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = flate2::GzBuilder::new().write(Vec::new(), flate2::Compression::best());
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

/// Where the shells look for the completions that packages bring.
fn completions(command: clap::Command) -> [File; 3] {
    let name = command.get_name().to_owned();
    let shells = [
        (Shell::Bash, format!("usr/share/bash-completion/completions/{name}")),
        (Shell::Zsh, format!("usr/share/zsh/vendor-completions/_{name}")),
        (Shell::Fish, format!("usr/share/fish/vendor_completions.d/{name}.fish")),
    ];
    shells.map(|(shell, path)| {
        let mut text = Vec::new();
        generate(shell, &mut command.clone(), &name, &mut text);
        file(&path, 0o644, text)
    })
}

fn copyright_file(
    program: &str,
    release: &Release,
    linked: &[super::linked::Crate],
    is_static: bool,
) -> Result<File> {
    let text = copyright(program, &release.maintainer, linked, is_static)?;
    Ok(file(&format!("usr/share/doc/{program}/copyright"), 0o644, text))
}
