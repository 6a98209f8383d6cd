// SPDX-License-Identifier: GPL-2.0
//! What rpm gets.

use super::built;
use crate::sample::{package, MODULE, TIME};
use crate::{Comparison, Format, Package, Relation};
use rpm::{FileFlags, PackageMetadata};
use std::collections::BTreeMap;

fn rpm(package: &Package) -> rpm::Package {
    let bytes = built(package, Format::Rpm);
    let rpm = rpm::Package::parse(&mut bytes.as_slice()).expect("a package");
    rpm.verify_digests().expect("the digests of the package");
    rpm
}

fn requires(metadata: &PackageMetadata) -> Vec<String> {
    let requires = metadata.get_requires().expect("requires");
    requires.iter().map(|one| format!("{} {}", one.name, one.version).trim().to_owned()).collect()
}

#[test]
fn the_header_has_the_facts() {
    let metadata = rpm(&package()).metadata;
    let facts = [
        metadata.get_name(),
        metadata.get_version(),
        metadata.get_release(),
        metadata.get_arch(),
        metadata.get_license(),
        metadata.get_summary(),
        metadata.get_packager(),
        metadata.get_url(),
        metadata.get_vendor(),
        metadata.get_group(),
        metadata.get_build_host(),
    ];
    assert_eq!(
        facts.map(|fact| fact.expect("a fact")),
        [
            "livepatch-foo",
            "1.0",
            "1",
            kps_arch::native().name,
            "GPL-2.0-only",
            "Livepatch for a leak in foo_open()",
            "Jane Doe <jane@example.org>",
            "https://example.org/foo",
            "Example",
            "System/Kernel",
            "reproducible",
        ]
    );
    assert_eq!(metadata.get_build_time().expect("a time"), TIME);
    let description = metadata.get_description().expect("a description");
    assert!(
        description.ends_with("it is loaded into.\n\n.config is not changed."),
        "{description}"
    );
}

#[test]
fn alternatives_are_a_rich_dependency() {
    let metadata = rpm(&package()).metadata;
    let requires = requires(&metadata);
    for wanted in [
        "(kpsctl >= 0.1 or kpsc)",
        "rpmlib(RichDependencies) 4.12.0-1",
        "rpmlib(PayloadIsXz) 5.2-1",
        "/bin/sh",
    ] {
        assert!(requires.iter().any(|one| one == wanted), "{wanted}: {requires:?}");
    }
    let recommends = metadata.get_recommends().expect("recommends");
    let kernel = (recommends[0].name.as_str(), recommends[0].version.as_str());
    assert_eq!(kernel, ("kernel-uname-r", "6.12.0-55.el10_0.x"));
}

/// An old rpm does not know rich dependencies.
#[test]
fn one_alternative_is_a_plain_dependency() {
    let mut package = package();
    package.rpm.relations.depends =
        vec![vec![Relation::of("kpsctl", Comparison::GreaterOrEqual, "0.1")]];
    let requires = requires(&rpm(&package).metadata);
    assert!(requires.iter().any(|one| one == "kpsctl 0.1"), "{requires:?}");
    assert!(!requires.iter().any(|one| one.contains("Rich")), "{requires:?}");
}

#[test]
fn scriptlets_have_their_interpreter() {
    let metadata = rpm(&package()).metadata;
    let post = metadata.get_post_install_script().expect("a scriptlet");
    assert_eq!(post.script, "echo installed");
    assert_eq!(post.program, Some(vec!["/bin/sh".to_owned()]));
    let preun = metadata.get_pre_uninstall_script().expect("a scriptlet");
    assert_eq!(preun.script, "echo removed");
    assert!(metadata.get_pre_install_script().is_err());
}

#[test]
fn the_changelog_is_in_the_header() {
    let entries = rpm(&package()).metadata.get_changelog_entries().expect("a changelog");
    let entries: Vec<_> = entries
        .iter()
        .map(|entry| (entry.name.as_str(), entry.description.as_str(), entry.timestamp))
        .collect();
    assert_eq!(
        entries,
        [
            ("Jane Doe <jane@example.org> - 1.0-1", "- Close the second way to the leak.", TIME),
            (
                "Jane Doe <jane@example.org> - 0.9~rc1-1",
                "- Close the leak.\n- First version.",
                TIME - 86400
            ),
        ]
    );
}

#[test]
fn files_belong_to_root_and_keep_their_modes() {
    let rpm = rpm(&package());
    let files = rpm.metadata.get_file_entries().expect("files");
    assert!(files.iter().all(|file| u64::from(file.modified_at().0) == TIME));
    assert!(files.iter().all(|file| (file.user(), file.group()) == ("root", "root")));
    let files: BTreeMap<String, _> =
        files.into_iter().map(|file| (file.path().display().to_string(), file)).collect();
    let paths: Vec<&str> = files.keys().map(String::as_str).collect();
    assert_eq!(
        paths,
        [
            "/etc/kpsc",
            "/etc/kpsc/foo.conf",
            "/usr/lib/kpsc",
            "/usr/lib/kpsc/livepatch-foo",
            "/usr/lib/kpsc/livepatch-foo/6.12.0",
            &format!("/{MODULE}"),
            "/usr/lib/kpsc/livepatch-foo/current",
            "/usr/share/licenses/livepatch-foo",
            "/usr/share/licenses/livepatch-foo/copyright",
        ]
    );
    let mode = |path: &str| files[path].mode().raw_mode();
    assert_eq!(mode("/usr/lib/kpsc"), 0o040_755);
    assert_eq!(mode(&format!("/{MODULE}")), 0o100_644);
    assert_eq!(mode("/etc/kpsc/foo.conf"), 0o100_600);
    assert_eq!(mode("/usr/lib/kpsc/livepatch-foo/current"), 0o120_777);
    assert_eq!(files["/usr/lib/kpsc/livepatch-foo/current"].linkto(), Some("6.12.0/foo.ko"));
    let flags = files["/etc/kpsc/foo.conf"].flags();
    assert!(flags.contains(FileFlags::CONFIG | FileFlags::NOREPLACE), "{flags:?}");
}

#[test]
fn the_payload_has_the_bytes() {
    let rpm = rpm(&package());
    let module = rpm
        .files()
        .expect("a payload")
        .map(|file| file.expect("a file"))
        .find(|file| file.metadata.path().ends_with("foo.ko"));
    assert_eq!(module.expect("the module").content(), Some(&*b"\x7fELF".repeat(500)));
}
