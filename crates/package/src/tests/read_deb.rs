// SPDX-License-Identifier: GPL-2.0
//! What dpkg gets.

use super::{built, gunzip, untar, unxz, Read};
use crate::sample::{package, MODULE, TIME};
use crate::{Contents, Format, Package};
use std::collections::BTreeMap;
use std::io::Read as _;

/// The files for dpkg, and those for the machine.
fn deb(package: &Package) -> [BTreeMap<String, Read>; 2] {
    let bytes = built(package, Format::Deb);
    let mut archive = ar::Archive::new(bytes.as_slice());
    let mut members = Vec::new();
    while let Some(entry) = archive.next_entry() {
        let mut entry = entry.expect("a member");
        let header = entry.header();
        let facts = (header.mtime(), header.uid(), header.gid(), header.mode());
        assert_eq!(facts, (TIME, 0, 0, 0o100_644));
        let name = String::from_utf8(header.identifier().to_vec()).expect("a name");
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).expect("the bytes");
        members.push((name, bytes));
    }
    let names: Vec<&str> = members.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["debian-binary", "control.tar.xz", "data.tar.xz"]);
    assert_eq!(members[0].1, b"2.0\n");
    [1, 2].map(|n| untar(&unxz(&members[n].1)).into_iter().collect())
}

fn text(entries: &BTreeMap<String, Read>, path: &str) -> String {
    let entry = entries.get(path).unwrap_or_else(|| panic!("no {path} in {:?}", entries.keys()));
    String::from_utf8(entry.bytes.clone()).expect("a text")
}

#[test]
fn the_control_file_has_the_fields_of_the_policy() {
    let [control, _] = deb(&package());
    let expected = format!(
        "Package: livepatch-foo\n\
         Version: 1.0-1\n\
         Architecture: {}\n\
         Maintainer: Jane Doe <jane@example.org>\n\
         Installed-Size: 19\n\
         Depends: kpsctl (>= 0.1) | kpsc\n\
         Recommends: linux-image-6.12.0\n\
         Section: kernel\n\
         Priority: optional\n\
         Homepage: https://example.org/foo\n\
         Description: Livepatch for a leak in foo_open()\n \
         It closes a leak in foo_open() of a running kernel. The kernel that is\n \
         installed needs the fix too, because a livepatch ends with the kernel that\n \
         it is loaded into.\n \
         .\n  \
         .config is not changed.\n",
        kps_arch::native().debian.architecture
    );
    assert_eq!(text(&control, "control"), expected);
}

#[test]
fn scripts_stop_at_an_error_and_can_be_run() {
    let [control, _] = deb(&package());
    assert_eq!(text(&control, "postinst"), "#!/bin/sh\nset -e\n\necho installed\n");
    assert_eq!((control["postinst"].mode, control["prerm"].mode), (0o755, 0o755));
    assert!(!control.contains_key("preinst") && !control.contains_key("postrm"));
}

#[test]
fn files_of_the_administrator_are_conffiles_and_have_no_checksum() {
    let [control, data] = deb(&package());
    assert_eq!(text(&control, "conffiles"), "/etc/kpsc/foo.conf\n");
    let sums = text(&control, "md5sums");
    let files = data.values().filter(|entry| entry.mode == 0o644).count();
    assert_eq!(sums.lines().count(), files, "{sums}");
    assert!(sums.lines().all(|line| line.find("  ") == Some(32)), "{sums}");
    // What md5sum says of the bytes.
    assert!(sums.contains(&format!("2f7fb88c1eb8a5d36c9d3179cd16dc10  {MODULE}\n")), "{sums}");
    assert!(!sums.contains("foo.conf"));
}

#[test]
fn a_native_package_has_its_changelog_under_the_short_name() {
    let mut native = package();
    native.version = "1.0".to_owned();
    native.changelog[0].version = "1.0".to_owned();
    for (package, name) in [(package(), "changelog.Debian.gz"), (native, "changelog.gz")] {
        let [_, data] = deb(&package);
        let packed = &data[&format!("usr/share/doc/livepatch-foo/{name}")].bytes;
        // No time, the best compression, and Unix, as `gzip -9n` has it.
        assert_eq!(packed[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 3]);
        let expected = format!(
            "livepatch-foo ({}) unstable; urgency=medium\n\n  \
             * Close the second way to the leak.\n\n \
             -- Jane Doe <jane@example.org>  Tue, 02 Jan 2024 03:04:05 +0000\n\n\
             livepatch-foo (0.9~rc1) unstable; urgency=medium\n\n  \
             * Close the leak.\n  \
             * First version.\n\n \
             -- Jane Doe <jane@example.org>  Mon, 01 Jan 2024 03:04:05 +0000\n",
            package.version
        );
        assert_eq!(String::from_utf8(gunzip(packed)).expect("a text"), expected);
    }
}

#[test]
fn the_copyright_names_holders_and_license() {
    let copyright = |license: &str, text: Option<&[&str]>| {
        let text = text.map(|lines| lines.iter().map(|line| (*line).to_owned()).collect());
        let package = Package { license: license.to_owned(), license_text: text, ..package() };
        self::text(&deb(&package)[1], "usr/share/doc/livepatch-foo/copyright")
    };
    let gpl = copyright("GPL", None);
    let head = "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n";
    assert!(gpl.starts_with(head), "{gpl}");
    assert!(
        gpl.contains(
            "\n\nFiles: *\nCopyright: 2026 Jane Doe <jane@example.org>\nLicense: GPL-2.0-only\n This"
        ),
        "{gpl}"
    );
    assert!(gpl.contains("/usr/share/common-licenses/GPL-2.\n"), "{gpl}");
    let dual = copyright("Dual MIT/GPL", None);
    assert!(
        dual.contains("License: GPL-2.0-only or MIT\n\nLicense: GPL-2.0-only\n This"),
        "{dual}"
    );
    assert!(dual.contains("\n\nLicense: MIT\n Permission"), "{dual}");
    let own = copyright("Own-1.0", Some(&["Do", "that.", "", "Not this."]));
    assert!(own.ends_with("License: Own-1.0\n Do that.\n .\n Not this.\n"), "{own}");
}

#[test]
fn the_own_file_of_a_package_takes_the_place_of_the_one_made_here() {
    let mut package = package();
    package.files[0].path = "usr/share/doc/livepatch-foo/copyright".to_owned();
    package.files[0].contents = Contents::Bytes(b"mine".to_vec());
    let [_, data] = deb(&package);
    assert_eq!(text(&data, "usr/share/doc/livepatch-foo/copyright"), "mine");
}

#[test]
fn overrides_of_lintian_name_the_package() {
    let [_, data] = deb(&package());
    let overrides = text(&data, "usr/share/lintian/overrides/livepatch-foo");
    assert_eq!(overrides, "livepatch-foo: unusual-place [usr/lib/kpsc/*]\n");
}
