// SPDX-License-Identifier: GPL-2.0
//! Claims over whole packages. What is written is read by other means than it was written with.

mod lists;
mod read_deb;
mod read_rpm;

use crate::sample::{package, MODULE, TIME};
use crate::{build, file_name, version_of_semver, Architecture, Contents, Error, Format, Package};
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::PathBuf;

/// What an archive says of an entry.
#[derive(Debug, PartialEq)]
struct Read {
    mode: u32,
    bytes: Vec<u8>,
    target: Option<PathBuf>,
}

/// The entries of an archive, in their order. Owner and time are those of all packages.
fn untar(bytes: &[u8]) -> Vec<(String, Read)> {
    let mut archive = tar::Archive::new(bytes);
    let mut entries = Vec::new();
    for entry in archive.entries().expect("an archive") {
        let mut entry = entry.expect("an entry");
        let header = entry.header();
        let owner = (header.uid().expect("a user"), header.gid().expect("a group"));
        assert_eq!(owner, (0, 0));
        assert_eq!(header.username().expect("a user"), Some("root"));
        assert_eq!(header.groupname().expect("a group"), Some("root"));
        assert_eq!(header.mtime().expect("a time"), TIME);
        let (mode, target) = (header.mode().expect("a mode"), entry.link_name().expect("a link"));
        let target = target.map(std::borrow::Cow::into_owned);
        let path = String::from_utf8(entry.path_bytes().into_owned()).expect("a path");
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).expect("the bytes");
        entries.push((path, Read { mode, bytes, target }));
    }
    entries
}

fn unxz(bytes: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    liblzma::read::XzDecoder::new(bytes).read_to_end(&mut all).expect("xz");
    all
}

fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut all = Vec::new();
    flate2::read::GzDecoder::new(bytes).read_to_end(&mut all).expect("gzip");
    all
}

fn built(package: &Package, format: Format) -> Vec<u8> {
    build(package, format).unwrap_or_else(|error| panic!("{format:?}: {error}"))
}

#[test]
fn the_same_description_gives_the_same_bytes() {
    for format in Format::ALL {
        let mut turned = package();
        turned.files.reverse();
        assert!(built(&package(), format) == built(&turned, format), "{format:?}");
    }
}

#[test]
fn another_time_gives_other_bytes() {
    for format in Format::ALL {
        let later = Package { timestamp: TIME + 1, ..package() };
        assert!(built(&package(), format) != built(&later, format), "{format:?}");
    }
}

/// rpm's writer puts the present in the place of a time that is not past.
#[test]
fn a_package_of_the_future_is_refused_where_its_bytes_would_differ() {
    let future = Package { timestamp: u64::from(u32::MAX), ..package() };
    let error = build(&future, Format::Rpm).err();
    assert!(matches!(error, Some(Error::Field { field: "timestamp", .. })), "{error:?}");
}

#[test]
fn a_file_is_named_as_its_format_wants() {
    let arch = kps_arch::native();
    let (deb, rpm) = (arch.debian.architecture, arch.name);
    let of = |package: &Package| Format::ALL.map(|format| file_name(package, format));
    assert_eq!(
        of(&package()),
        [
            Ok(format!("livepatch-foo_1.0-1_{deb}.deb")),
            Ok(format!("livepatch-foo-1.0-1.{rpm}.rpm")),
            Ok(format!("livepatch-foo-1.0-1-{rpm}.tar.xz")),
            Ok(format!("livepatch-foo-1.0-1-{rpm}.tar.gz")),
        ]
    );
    let mut all = Package { architecture: Architecture::All, ..package() };
    all.version = "1.0~rc1".to_owned();
    all.changelog[0].version = "1.0~rc1".to_owned();
    let all = of(&all).map(|name| name.unwrap_or_else(|error| panic!("{error}")));
    assert_eq!(
        all,
        [
            "livepatch-foo_1.0~rc1_all.deb",
            "livepatch-foo-1.0~rc1-1.noarch.rpm",
            "livepatch-foo-1.0~rc1.tar.xz",
            "livepatch-foo-1.0~rc1.tar.gz",
        ]
    );
}

#[test]
fn an_archive_has_its_files_below_one_folder() {
    let entries = untar(&unxz(&built(&package(), Format::TarXz)));
    assert_eq!(entries, untar(&gunzip(&built(&package(), Format::TarGz))));
    assert_eq!(entries[0].0, "livepatch-foo-1.0-1/");
    let entries: BTreeMap<_, _> = entries.into_iter().collect();
    assert!(entries.keys().all(|path| path.starts_with("livepatch-foo-1.0-1/")));
    assert_eq!(entries["livepatch-foo-1.0-1/usr/"].mode, 0o755);
    let module = &entries[&format!("livepatch-foo-1.0-1/{MODULE}")];
    assert_eq!((module.mode, module.bytes.as_slice()), (0o644, &*b"\x7fELF".repeat(500)));
    assert_eq!(entries["livepatch-foo-1.0-1/etc/kpsc/foo.conf"].mode, 0o600);
    let link = &entries["livepatch-foo-1.0-1/usr/lib/kpsc/livepatch-foo/current"];
    assert_eq!(link.target, Some(PathBuf::from("6.12.0/foo.ko")));
}

/// The old format of tar ends names at 100 bytes.
#[test]
fn long_paths_and_targets_are_kept() {
    let mut package = package();
    let long = format!("usr/lib/kpsc/{}/{}", "a".repeat(150), "b".repeat(150));
    package.files[0].path = long.clone();
    package.files[2].contents = Contents::Link(format!("/{long}"));
    let entries = untar(&unxz(&built(&package, Format::TarXz)));
    let path = format!("livepatch-foo-1.0-1/{long}");
    assert!(entries.iter().any(|(found, _)| *found == path));
    let target = Some(PathBuf::from(format!("/{long}")));
    assert!(entries.iter().any(|(_, entry)| entry.target == target));
}

#[test]
fn a_version_of_cargo_is_ordered_before_its_release() {
    assert_eq!(version_of_semver("1.2.3"), "1.2.3");
    assert_eq!(version_of_semver("1.2.3-rc.1"), "1.2.3~rc.1");
    assert_eq!(version_of_semver("1.2.3-a-b+c-d"), "1.2.3~a.b+c.d");
}
