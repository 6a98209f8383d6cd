// SPDX-License-Identifier: GPL-2.0
//! A `.deb`: an archive of ar with two of tar, one for dpkg and one for the machine.

use crate::archive::{ar, gzip, tar, xz};
use crate::text::extended;
use crate::tree::{self, Entry, Tree};
use crate::{changelog, copyright, relations};
use crate::{Contents, Deb, DebScripts, Error, File, Format, Package, Priority};
use md5::{Digest as _, Md5};
use std::fmt::Write as _;

/// The version of the format (deb(5)).
const VERSION: &[u8] = b"2.0\n";

/// Paths of a `.deb` start with this.
const TOP: &str = ".";

/// dpkg runs a script with its first line's program. The other ways to have `-e` are lost if it is
/// called as `sh SCRIPT`.
const HEAD: &str = "#!/bin/sh\nset -e\n\n";

pub(crate) fn deb(package: &Package) -> Result<Vec<u8>, Error> {
    let added = documents(package)?;
    let tree = tree::tree(package, &added)?;
    let for_dpkg: Vec<File> = metadata(package, &tree);
    let for_dpkg: Tree<'_> = for_dpkg.iter().filter_map(|file| entry(file)).collect();
    let write = || {
        let control = xz(&tar(TOP, &for_dpkg, package.timestamp)?)?;
        let data = xz(&tar(TOP, &tree, package.timestamp)?)?;
        let members: [(&str, &[u8]); 3] =
            [("debian-binary", VERSION), ("control.tar.xz", &control), ("data.tar.xz", &data)];
        ar(&members, package.timestamp)
    };
    write().map_err(Error::write(Format::Deb))
}

/// The files that Debian policy wants in every package.
fn documents(package: &Package) -> Result<Vec<File>, Error> {
    let mut added = Vec::new();
    let name = &package.name;
    let changelog = gzip(changelog::deb(package)?.as_bytes()).map_err(Error::write(Format::Deb))?;
    tree::add(package, &mut added, changelog::path(package), changelog);
    tree::add(package, &mut added, copyright::path(name), copyright::copyright(package));
    let overrides = &package.deb.lintian_overrides;
    if !overrides.is_empty() {
        let lines: String = overrides.iter().map(|line| format!("{name}: {line}\n")).collect();
        tree::add(package, &mut added, format!("usr/share/lintian/overrides/{name}"), lines);
    }
    Ok(added)
}

/// The files that dpkg itself reads.
fn metadata(package: &Package, tree: &Tree<'_>) -> Vec<File> {
    let file = |name: &str, mode: u32, text: String| {
        let contents = Contents::Bytes(text.into_bytes());
        File { path: name.to_owned(), mode, contents, is_config: false }
    };
    let mut files = vec![
        file("control", 0o644, control(package, tree)),
        file("md5sums", 0o644, checksums(tree)),
    ];
    let config = package.files.iter().filter(|file| file.is_config);
    let config: String = config.map(|file| format!("/{}\n", file.path)).collect();
    if !config.is_empty() {
        files.push(file("conffiles", 0o644, config));
    }
    let DebScripts { preinst, postinst, prerm, postrm } = &package.deb.scripts;
    let scripts =
        [("preinst", preinst), ("postinst", postinst), ("prerm", prerm), ("postrm", postrm)];
    for (name, script) in scripts {
        if let Some(text) = script {
            files.push(file(name, 0o755, format!("{HEAD}{}\n", text.trim_end())));
        }
    }
    files
}

fn entry(file: &File) -> Option<(&str, Entry<'_>)> {
    match &file.contents {
        Contents::Bytes(bytes) => Some((&file.path, Entry::File(file, bytes))),
        Contents::Link(_) => None,
    }
}

/// Debian policy 5.3.
fn control(package: &Package, tree: &Tree<'_>) -> String {
    let Package { name, version, architecture, summary, description, maintainer, homepage, .. } =
        package;
    let Deb { section, priority, relations, .. } = &package.deb;
    let priority = match priority {
        Priority::Standard => "standard",
        Priority::Optional => "optional",
    };
    let mut fields = vec![
        ("Package", name.clone()),
        ("Version", version.clone()),
        ("Architecture", architecture.deb().to_owned()),
        ("Maintainer", maintainer.clone()),
        ("Installed-Size", installed(tree).to_string()),
    ];
    fields.extend(relations::fields(relations));
    fields.push(("Section", section.clone()));
    fields.push(("Priority", priority.to_owned()));
    fields.extend(homepage.iter().map(|homepage| ("Homepage", homepage.clone())));
    fields.push(("Description", summary.clone()));
    let mut text: String =
        fields.iter().map(|(name, value)| format!("{name}: {value}\n")).collect();
    text.push_str(&extended(description.iter().map(String::as_str)));
    text
}

/// The KiB that the package needs, rounded up for each entry as dpkg's own tools do
/// (deb-substvars(5)).
fn installed(tree: &Tree<'_>) -> u64 {
    let of = |entry: &Entry<'_>| match entry {
        Entry::File(_, bytes) => (bytes.len() as u64).div_ceil(1024),
        Entry::Folder | Entry::Link(_) => 1,
    };
    tree.values().map(of).sum()
}

/// What `dpkg --verify` compares with.
fn checksums(tree: &Tree<'_>) -> String {
    let mut text = String::new();
    for (path, entry) in tree {
        if let Entry::File(file, bytes) = entry {
            if file.is_config {
                continue;
            }
            for byte in Md5::digest(bytes) {
                // Writing to a string cannot fail.
                let _ = write!(text, "{byte:02x}");
            }
            let _ = writeln!(text, "  {path}");
        }
    }
    text
}
