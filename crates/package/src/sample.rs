// SPDX-License-Identifier: GPL-2.0
//! A package that has everything that a package can have.

use crate::{
    Architecture, Change, Comparison, Contents, Deb, DebScripts, File, Package, Priority, Relation,
    Relations, Rpm, RpmScripts, Urgency,
};

/// 2024-01-02 03:04:05 UTC.
pub(crate) const TIME: u64 = 1_704_164_645;

pub(crate) const MODULE: &str = "usr/lib/kpsc/livepatch-foo/6.12.0/foo.ko";

pub(crate) fn package() -> Package {
    let person = "Jane Doe <jane@example.org>".to_owned();
    Package {
        name: "livepatch-foo".to_owned(),
        version: "1.0-1".to_owned(),
        architecture: Architecture::Of(kps_arch::native()),
        summary: "Livepatch for a leak in foo_open()".to_owned(),
        description: vec![
            "It closes a leak in foo_open() of a running kernel. The kernel that is installed needs \
             the fix too, because a livepatch ends with the kernel that it is loaded into."
                .to_owned(),
            ".config is not changed.".to_owned(),
        ],
        license: "GPL".to_owned(),
        copyright: vec!["2026 Jane Doe <jane@example.org>".to_owned()],
        license_text: None,
        maintainer: person.clone(),
        homepage: Some("https://example.org/foo".to_owned()),
        files: vec![
            file(MODULE, 0o644, Contents::Bytes(b"\x7fELF".repeat(500))),
            File {
                is_config: true,
                ..file("etc/kpsc/foo.conf", 0o600, Contents::Bytes(b"load = yes\n".to_vec()))
            },
            file(
                "usr/lib/kpsc/livepatch-foo/current",
                0o777,
                Contents::Link("6.12.0/foo.ko".to_owned()),
            ),
        ],
        changelog: vec![
            change("1.0-1", TIME, &person, &["Close the second way to the leak."]),
            change("0.9~rc1", TIME - 86400, &person, &["Close the leak.", "First version."]),
        ],
        timestamp: TIME,
        deb: Deb {
            section: "kernel".to_owned(),
            priority: Priority::Optional,
            relations: Relations {
                depends: vec![vec![
                    Relation::of("kpsctl", Comparison::GreaterOrEqual, "0.1"),
                    Relation::any("kpsc"),
                ]],
                recommends: vec![vec![Relation::any("linux-image-6.12.0")]],
                ..Relations::default()
            },
            scripts: DebScripts {
                postinst: Some("echo installed".to_owned()),
                prerm: Some("echo removed".to_owned()),
                ..DebScripts::default()
            },
            lintian_overrides: vec!["unusual-place [usr/lib/kpsc/*]".to_owned()],
        },
        rpm: Rpm {
            group: Some("System/Kernel".to_owned()),
            vendor: Some("Example".to_owned()),
            relations: Relations {
                depends: vec![vec![
                    Relation::of("kpsctl", Comparison::GreaterOrEqual, "0.1"),
                    Relation::any("kpsc"),
                ]],
                recommends: vec![vec![Relation::of(
                    "kernel-uname-r",
                    Comparison::Equal,
                    "6.12.0-55.el10_0.x",
                )]],
                ..Relations::default()
            },
            scripts: RpmScripts {
                post: Some("echo installed".to_owned()),
                preun: Some("echo removed".to_owned()),
                ..RpmScripts::default()
            },
        },
    }
}

fn file(path: &str, mode: u32, contents: Contents) -> File {
    File { path: path.to_owned(), mode, contents, is_config: false }
}

fn change(version: &str, date: u64, author: &str, lines: &[&str]) -> Change {
    Change {
        version: version.to_owned(),
        date,
        author: author.to_owned(),
        urgency: Urgency::Medium,
        lines: lines.iter().map(|line| (*line).to_owned()).collect(),
    }
}
