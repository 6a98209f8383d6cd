// SPDX-License-Identifier: GPL-2.0
//! The white lists: what would be read as something else is refused, and its field is named.

use crate::sample::{package, TIME};
use crate::{build, file_name, Comparison, Contents, Error, Format, Package, Relation};

/// What one field is set with.
type Set = fn(&mut Package, &str);

/// The texts of a package, and how one is set. A changelog's version follows that of the package.
const TEXTS: [(&str, Set); 27] = [
    ("name", |p, text| p.name = text.to_owned()),
    ("version", |p, text| {
        p.version = text.to_owned();
        p.changelog[0].version = text.to_owned();
    }),
    ("summary", |p, text| p.summary = text.to_owned()),
    ("description", |p, text| p.description[0] = text.to_owned()),
    ("license", |p, text| p.license = text.to_owned()),
    ("license_text", |p, text| p.license_text = Some(vec![text.to_owned()])),
    ("copyright", |p, text| p.copyright[0] = text.to_owned()),
    ("maintainer", |p, text| p.maintainer = text.to_owned()),
    ("homepage", |p, text| p.homepage = Some(text.to_owned())),
    ("files.path", |p, text| p.files[0].path = text.to_owned()),
    ("files.contents", |p, text| p.files[2].contents = Contents::Link(text.to_owned())),
    ("changelog.version", |p, text| p.changelog[1].version = text.to_owned()),
    ("changelog.author", |p, text| p.changelog[0].author = text.to_owned()),
    ("changelog.lines", |p, text| p.changelog[0].lines[0] = text.to_owned()),
    ("deb.section", |p, text| p.deb.section = text.to_owned()),
    ("deb.relations", |p, text| p.deb.relations.depends[0][0].name = text.to_owned()),
    ("deb.relations", |p, text| p.deb.relations.conflicts = vec![Relation::any(text)]),
    ("deb.relations", |p, text| p.deb.relations.depends[0][0] = at_least(text)),
    ("deb.scripts", |p, text| p.deb.scripts.preinst = Some(text.to_owned())),
    ("deb.scripts", |p, text| p.deb.scripts.postrm = Some(text.to_owned())),
    ("deb.lintian_overrides", |p, text| p.deb.lintian_overrides[0] = text.to_owned()),
    ("rpm.relations", |p, text| p.rpm.relations.depends[0][0].name = text.to_owned()),
    ("rpm.relations", |p, text| p.rpm.relations.replaces = vec![Relation::any(text)]),
    ("rpm.relations", |p, text| p.rpm.relations.depends[0][0] = at_least(text)),
    ("rpm.scripts", |p, text| p.rpm.scripts.posttrans = Some(text.to_owned())),
    ("rpm.group", |p, text| p.rpm.group = Some(text.to_owned())),
    ("rpm.vendor", |p, text| p.rpm.vendor = Some(text.to_owned())),
];

fn at_least(version: &str) -> Relation {
    Relation::of("kpsctl", Comparison::GreaterOrEqual, version)
}

/// The field that is refused if `set` is given `text`.
fn refused(set: Set, text: &str) -> Option<&'static str> {
    let mut package = package();
    set(&mut package, text);
    let of_name = file_name(&package, Format::Deb).err();
    let errors = Format::ALL.map(|format| build(&package, format).err());
    assert!(errors.iter().all(|error| *error == of_name), "{text:?}: {errors:?}");
    match of_name {
        Some(Error::Field { field, .. }) => Some(field),
        Some(error) => panic!("{text:?}: {error}"),
        None => None,
    }
}

fn set(field: &str, nth: usize) -> Set {
    TEXTS.iter().filter(|(name, _)| *name == field).nth(nth).unwrap_or_else(|| panic!("{field}")).1
}

#[test]
fn no_text_ends_its_field() {
    const FORGED: [&str; 6] = ["", "\0", "a\0b", "a\r\nb", "a\u{1b}[31mb", "a\u{202e}b"];
    for (field, set) in TEXTS {
        for text in FORGED {
            let is_empty_line = field == "license_text" && text.is_empty();
            let expected = (!is_empty_line).then_some(field);
            assert_eq!(refused(set, text), expected, "{text:?}");
        }
        let is_script = field.ends_with(".scripts");
        let expected = (!is_script).then_some(field);
        assert_eq!(refused(set, "9\nDepends: evil"), expected, "{field}");
    }
}

#[test]
fn each_list_refuses_what_is_special_in_it() {
    let cases: [(&str, usize, &[&str]); 15] = [
        ("name", 0, &["a", "A-b", "-ab", "a_b", "a/b", "a b", "../a", "ä-b", "livepatch-\u{430}"]),
        ("version", 0, &["a1", "1:1", "1-1-1", "1_0", "1^1", "-1", "1-", "1/0", "1 0", "1.0-é"]),
        ("summary", 0, &[" a", "a ", "a.", &LONG[..80]]),
        ("license", 0, &["(MIT)", "MIT OR", "MIT or GPL", "A OR B AND C", "Unknown-1.0", "-MIT"]),
        ("maintainer", 0, &["Jane", "Jane <jane>", "<j@e>", "J <j@e>, K <k@e>", "J, K <j@e>"]),
        ("homepage", 0, &["example.org", "file:///etc", "https://", "https://a b", "http://<a>"]),
        (
            "files.path",
            0,
            &["/a", "a//b", "a/", "./a", "a/../b", "..", "a b", "a/é", "a\\b", "a*", "etc/kpsc"],
        ),
        ("files.contents", 0, &["", "../../../../../x", "/../x", "a b", "/", "a//b"]),
        ("deb.section", 0, &["Kernel", "a b", "a,b"]),
        ("deb.relations", 0, &["a | b", "a (>= 1)", "a, b", "A-b", "a_b"]),
        ("deb.relations", 2, &["1)", "1 | b", ":1", "a:1", "1_0", "99999999999:1"]),
        ("deb.scripts", 0, &["#!/bin/bash\ntrue", " \n"]),
        ("rpm.relations", 0, &["a or b", "(a or b)", "or", "a(b", "a)", "a >= 1", "a(b)(c)"]),
        ("rpm.relations", 2, &["1)", "1 or b", "x"]),
        ("rpm.scripts", 0, &["#!/usr/bin/lua\n"]),
    ];
    for (field, nth, texts) in cases {
        for text in texts {
            assert_eq!(refused(set(field, nth), text), Some(field), "{text:?}");
        }
    }
}

const LONG: &str =
    "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";

#[test]
fn what_packages_have_is_accepted() {
    let cases: [(&str, usize, &[&str]); 11] = [
        ("name", 0, &["livepatch-foo", "libstdc++6", "0ad", "a.b"]),
        ("version", 0, &["1.0", "1.0-1", "0.1.0~rc.1", "1.0+git20260101-2~bpo1"]),
        ("summary", 0, &[&LONG[..79], "Größe, \"quoted\" & <more>"]),
        ("description", 0, &["A: b", ".", "#comment", "-- a <b>", "ö"]),
        ("license", 0, &["GPL", "GPL v2", "Dual MIT/GPL", "Dual BSD/GPL", "MIT OR Apache-2.0"]),
        ("maintainer", 0, &["Jörg Ä. O'Neil <j.o+x@mail.example.org>", "A (B) <a@b>"]),
        ("files.path", 0, &["usr/lib/kpsc/a/6.12.48+deb13-cloud/a_b.ko", "lib/a@.service"]),
        ("files.contents", 0, &["/etc/x", "../../../../etc/x", "x"]),
        ("deb.relations", 2, &["1:2.0-1~deb13u1", "6.12.48-1"]),
        ("rpm.relations", 0, &["/bin/sh", "kernel-uname-r", "config(foo)", "libc.so.6", "Foo_x"]),
        ("rpm.relations", 2, &["6.12.0-55.9.1.el10_0", "1:1^git"]),
    ];
    for (field, nth, texts) in cases {
        for text in texts {
            assert_eq!(refused(set(field, nth), text), None, "{field} {text:?}");
        }
    }
}

/// Whether a package whose files, changelog or relations are changed is refused for this field.
fn is_refused_for(field: &str, change: impl FnOnce(&mut Package)) {
    let mut package = package();
    change(&mut package);
    let error = build(&package, Format::Deb).err();
    assert!(
        matches!(error, Some(Error::Field { field: found, .. }) if found == field),
        "{error:?}"
    );
}

#[test]
fn what_is_wrong_only_together_is_refused() {
    is_refused_for("files.path", |p| p.files.push(p.files[0].clone()));
    is_refused_for("files.path", |p| {
        let mut below = p.files[0].clone();
        below.path.push_str("/below");
        p.files.push(below);
    });
    // A file where a folder for a file that is added has to be.
    is_refused_for("files.path", |p| p.files[0].path = "usr/share/doc".to_owned());
    is_refused_for("files.mode", |p| p.files[0].mode = 0o4755);
    is_refused_for("files.mode", |p| p.files[0].mode = 0o666);
    is_refused_for("files.is_config", |p| p.files[0].is_config = true);
    is_refused_for("changelog", |p| p.changelog.clear());
    is_refused_for("changelog.version", |p| p.changelog[0].version = "2".to_owned());
    is_refused_for("changelog.date", |p| p.changelog[1].date = TIME + 1);
    is_refused_for("relations", |p| p.rpm.relations.suggests.push(Vec::new()));
    is_refused_for("relations.provides", |p| p.deb.relations.provides.push(at_least("1")));
    is_refused_for("timestamp", |p| p.timestamp = 1 << 32);
    is_refused_for("changelog.date", |p| p.changelog[0].date = u64::MAX);
    is_refused_for("description", |p| p.description.clear());
    is_refused_for("copyright", |p| p.copyright.clear());
    is_refused_for("license_text", |p| p.license_text = Some(Vec::new()));
}

#[test]
fn a_message_names_the_field_and_what_is_allowed() {
    let mut package = package();
    package.name = "Foo\nBar".repeat(100);
    let message =
        build(&package, Format::Deb).map_or_else(|error| error.to_string(), |_| "".into());
    assert!(message.starts_with("name is \"Foo\\nBar"), "{message}");
    assert!(message.ends_with("the first a letter or a digit"), "{message}");
    assert!(message.len() < 300, "{message}");
}
