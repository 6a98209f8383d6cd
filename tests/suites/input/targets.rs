// SPDX-License-Identifier: GPL-2.0
//! Targets that are not there, and targets in the cache that are not what was written there.

use super::{arguments, Bad};
use kps_facts::btf::Btf;
use kps_facts::{Export, Facts, Module};
use kps_targets::seal;
use kps_tests::btf::BtfWriter;
use kps_tests::world::World;
use kps_tests::{fixture, FIXTURE, MANIFEST};
use std::ffi::OsString;

const SPEC: &str =
    "patch fix {\n    license \"GPL\";\n    object vmlinux { fn cmdline_proc_show { pre { } } }\n}\n";

pub(crate) const CASES: &[Bad] = &[
    ("KPS0704-unknown", |w| check(w, "7.3.40")),
    ("KPS0704-outside", |w| check(w, "../../../etc")),
    ("KPS0704-no-name", |w| check(w, "")),
    ("KPS0704-hostile-name", |w| check(w, "$(touch pwned)`a`;\"'\n\u{1b}[31m\u{202e}")),
    ("KPS0704-endless-name", |w| check(w, &"k".repeat(10_000))),
    ("KPS0704-show", |_| arguments(&["kernel", "show", "7.3.40"])),
    ("KPS0704-facts", |_| arguments(&["kernel", "facts", "7.3.40"])),
    ("KPS0704-remove", |_| arguments(&["kernel", "remove", "../fixture"])),
    ("KPS0705-manifest-empty", |w| manifest(w, "")),
    ("KPS0705-manifest-garbage", |w| manifest(w, seal("\u{1b}[31m = = ="))),
    ("KPS0705-manifest-of-another-type", |w| manifest(w, seal("release = 7"))),
    ("KPS0705-manifest-nested", |w| {
        manifest(w, seal(&format!("release = {}", "[".repeat(100_000))))
    }),
    ("KPS0705-manifest-of-a-later-version", |w| {
        manifest(w, seal(&format!("later = true\n{MANIFEST}")))
    }),
    ("KPS0705-manifest-changed", |w| manifest(w, seal("release = \"7\"\n").replace('7', "8"))),
    ("KPS0705-manifest-not-utf-8", |w| manifest(w, b"\xff")),
    ("KPS0713-manifest-too-large", |w| sparse(w, "target.toml")),
    ("KPS0705-facts-empty", |w| facts(w, b"")),
    ("KPS0705-facts-garbage", |w| facts(w, b"no facts at all")),
    ("KPS0705-facts-cut", |w| changed(w, |bytes| bytes.truncate(bytes.len() / 2))),
    ("KPS0705-facts-changed", |w| changed(w, |bytes| bytes[1000] ^= 1)),
    ("KPS0705-facts-longer", |w| changed(w, |bytes| bytes.push(0))),
    // The version is the last byte of the magic.
    ("KPS0705-facts-of-another-version", |w| changed(w, |bytes| bytes[7] = 99)),
    ("KPS0705-facts-too-large", |w| sparse(w, "facts")),
    ("KPS0705-facts-missing", |w| {
        std::fs::remove_file(w.target().join("facts")).unwrap_or_else(|error| panic!("{error}"));
        check(w, FIXTURE)
    }),
    ("KPS0705-facts-with-a-hostile-release", |w| {
        forged(w, |facts| facts.identity.release = "7.3\n*/ $(touch pwned)".into())
    }),
    ("KPS0705-facts-with-an-endless-release", |w| {
        forged(w, |facts| facts.identity.release = "7".repeat(10_000))
    }),
    ("KPS0705-facts-with-a-hostile-namespace", |w| {
        forged(w, |facts| {
            let hostile = Export { gpl: true, namespace: Some("A\0import_ns=B") };
            facts.exports = facts.exports.iter().chain([("msleep", hostile)]).collect();
        })
    }),
    ("KPS0705-facts-with-a-hostile-module", |w| {
        forged(w, |facts| {
            facts.modules.insert("x { }\n\u{1b}[31m".into(), Module::default());
        })
    }),
    ("KPS0705-facts-with-a-hostile-list-of-modules", |w| {
        forged(w, |facts| facts.module_names.push("x\u{202e}".into()))
    }),
    ("KPS0705-facts-with-an-endless-build-id", |w| {
        forged(w, |facts| facts.identity.build_id = vec![0; 10_000])
    }),
    ("KPS0606-facts-with-a-hostile-value", |w| {
        forged(w, |facts| {
            facts.config.insert("CONFIG_HZ".into(), format!("\u{1b}[31m\n{}", "5".repeat(10_000)));
        });
        w.write("spec.kps", SPEC.replace("license", "require CONFIG_HZ = \"250\";\n    license"));
        arguments(&["check", "--kernel", FIXTURE, "spec.kps"])
    }),
    ("KPS0607-without-livepatch", |w| {
        forged(w, |facts| {
            facts.config.remove("CONFIG_LIVEPATCH");
        })
    }),
    ("KPS0607-without-types", |w| {
        let types = Btf::parse(BtfWriter::default().finish());
        forged(w, |facts| facts.btf = types.unwrap_or_else(|error| panic!("{error}")))
    }),
];

fn check(world: &World, target: &str) -> Vec<OsString> {
    world.write("spec.kps", SPEC);
    arguments(&["check", "--kernel", target, "spec.kps"])
}

fn manifest(world: &World, text: impl AsRef<[u8]>) -> Vec<OsString> {
    world.write(world.target().join("target.toml"), text);
    check(world, FIXTURE)
}

fn facts(world: &World, bytes: &[u8]) -> Vec<OsString> {
    world.write(world.target().join("facts"), bytes);
    check(world, FIXTURE)
}

fn changed(world: &World, change: fn(&mut Vec<u8>)) -> Vec<OsString> {
    let mut bytes = fixture::facts().to_bytes();
    change(&mut bytes);
    facts(world, &bytes)
}

/// Facts that nobody damaged: somebody made them.
fn forged(world: &World, forge: impl FnOnce(&mut Facts)) -> Vec<OsString> {
    let mut forged = fixture::facts();
    forge(&mut forged);
    facts(world, &forged.to_bytes())
}

fn sparse(world: &World, file: &str) -> Vec<OsString> {
    world.write_sparse(world.target().join(file), 10 << 30);
    check(world, FIXTURE)
}
