// SPDX-License-Identifier: GPL-2.0
//! Damage in the cache: it is found where it is used, and what is damaged is made again or refused.

use super::{debug_of, fail, flip, read, remove, run, succeed, write, World};
use kps_targets::{record, KeptKind, Target};
use kps_tests::schedule::Case;
use kps_tests::{cases, fixture, fixture_cache, kpsc, put_target};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The cases about damage.
pub(super) fn cases() -> Vec<Case> {
    cases![
        a_changed_file_of_every_kind_is_found,
        damage_in_every_part_is_found_and_the_command_of_the_help_ends_it,
        damaged_facts_are_made_again_from_a_whole_kernel_only,
        damaged_modules_are_refused_where_they_are_used,
        damaged_debug_information_is_found_and_the_rest_stays_usable,
        one_damaged_target_keeps_nobody_from_the_others,
        what_a_target_was_made_with_and_is_gone_is_named,
    ]
}

fn a_changed_file_of_every_kind_is_found() {
    type Change = fn(&World);
    let changes: [(&str, Change); 6] = [
        ("the manifest", |world| flip(&world.cache().kernel("mine").join("target.toml"))),
        ("the inventory", |world| flip(&world.cache().kernel("mine").join("files"))),
        ("a file too many", |world| write(&world.cache().kernel("mine").join("other"), b"")),
        ("the kernel", |world| flip(&world.build().join("vmlinux"))),
        ("the configuration", |world| flip(&world.build().join(".config"))),
        ("no exports", |world| remove(&world.build().join("Module.symvers"))),
    ];
    for (what, change) in changes {
        let world = World::new();
        succeed(&mut world.add("mine"));
        let whole = succeed(&mut world.kpsc(&["kernel", "verify"]));
        assert_eq!(whole, "mine\twhole\t4 files\n");
        change(&world);
        let (status, said) = run(&mut world.kpsc(&["kernel", "verify"]));
        assert!(
            status == 3 && (said.contains("KPS0710") || said.contains("KPS0705")),
            "{what}: {said}"
        );
        // Whatever is damaged, the way out that the message names works.
        succeed(&mut world.kpsc(&["kernel", "remove", "mine"]));
        assert_eq!(succeed(&mut world.kpsc(&["kernel", "list"])), "");
    }
}

/// Results of a kind that a build has kept for a target: two files of the same length.
fn put_kept(target: &Target, kind: KeptKind) -> PathBuf {
    let kept = target.kept(kind, "id").keep(|folder| {
        write(&folder.join("a"), b"first");
        write(&folder.join("b"), b"other");
        Ok(())
    });
    kept.unwrap_or_else(|error| panic!("{}", error.message));
    let kind = if kind == KeptKind::Macros { "macros" } else { "kbuild" };
    let place = target.folder().join("../..").join(kind).join(&target.name).join("id");
    place.canonicalize().unwrap_or_else(|error| panic!("{}: {error}", place.display()))
}

/// A folder as kpsc keeps it, with its inventory, in another place of the cache.
fn put_part(target: &Target, place: &str) -> PathBuf {
    let place = target.folder().join("../..").join(place);
    let made = place.parent().map_or(Ok(()), std::fs::create_dir_all);
    made.and_then(|()| std::fs::rename(put_kept(target, KeptKind::Kbuild), &place))
        .unwrap_or_else(|error| panic!("{}: {error}", place.display()));
    place.canonicalize().unwrap_or_else(|error| panic!("{}: {error}", place.display()))
}

fn damage_in_every_part_is_found_and_the_command_of_the_help_ends_it() {
    type Change = fn(&Path) -> std::io::Result<()>;
    let changes: [(&str, Change); 10] = [
        ("flipped", |part| std::fs::write(part.join("a"), "fIrst")),
        ("truncated", |part| std::fs::write(part.join("a"), "fir")),
        ("missing", |part| std::fs::remove_file(part.join("a"))),
        ("one more", |part| std::fs::write(part.join("c"), "")),
        ("swapped", |part| {
            std::fs::write(part.join("a"), "other")
                .and_then(|()| std::fs::write(part.join("b"), "first"))
        }),
        ("a link", |part| {
            std::fs::remove_file(part.join("a"))?;
            std::os::unix::fs::symlink("b", part.join("a"))
        }),
        ("a link to what never ends", |part| {
            std::fs::remove_file(part.join("a"))?;
            std::os::unix::fs::symlink("/dev/zero", part.join("a"))
        }),
        ("a socket", |part| {
            std::fs::remove_file(part.join("a"))?;
            std::os::unix::net::UnixListener::bind(part.join("a")).map(drop)
        }),
        ("a pipe", |part| {
            std::fs::remove_file(part.join("a"))?;
            Command::new("mkfifo").arg(part.join("a")).status().map(drop)
        }),
        ("an empty folder", |part| {
            std::fs::remove_dir_all(part).and_then(|()| std::fs::create_dir(part))
        }),
    ];
    type Part = fn(&Target) -> PathBuf;
    let parts: [(&str, Part); 5] = [
        ("the compiled macros", |target| put_kept(target, KeptKind::Macros)),
        ("the answers of the compilers", |target| put_kept(target, KeptKind::Kbuild)),
        ("the template machine", |target| put_part(target, "machines/mine/id")),
        ("the modules folder", |target| put_part(target, "kernels/mine/modules")),
        ("the debug information", |target| put_part(target, "kernels/mine/debug")),
    ];
    let world = World::new();
    succeed(&mut world.add("mine"));
    let cache = world.cache();
    let target = cache.target("mine").unwrap_or_else(|error| panic!("{}", error.message));
    let verify = || target.verify(&cache).unwrap_or_else(|error| panic!("{}", error.message));
    let is_whole = |files| {
        let (wrong, count) = verify();
        wrong.is_empty() && count == files
    };
    for (part, put) in parts {
        for (what, change) in changes {
            let place = put(&target);
            assert!(is_whole(6), "{part}");
            change(&place).unwrap_or_else(|error| panic!("{part}, {what}: {error}"));
            let (wrong, _) = verify();
            let [wrong] = wrong.as_slice() else { panic!("{part}, {what}: {wrong:?}") };
            assert_eq!(wrong.code.id(), "KPS0710", "{part}, {what}");
            assert!(wrong.message.starts_with(part), "{what}: {}", wrong.message);
            let help = wrong.help.as_deref().unwrap_or_default();
            let command = help.split('`').nth(1).unwrap_or_default();
            assert_eq!(command, format!("rm -r {}", place.display()), "{part}, {what}");
            succeed(Command::new("sh").args(["-c", command]));
            assert!(is_whole(4), "{part}, {what}");
        }
    }
    let place = put_part(&target, "machines/mine/id");
    write(&place.join("a"), b"fIrst");
    fail(&mut world.kpsc(&["kernel", "verify"]), "KPS0710");
}

fn damaged_facts_are_made_again_from_a_whole_kernel_only() {
    type Change = fn(&Path) -> std::io::Result<()>;
    let changes: [(&str, Change); 9] = [
        ("flipped", |facts| {
            flip(facts);
            Ok(())
        }),
        ("its first byte", |facts| {
            let mut bytes = read(facts);
            bytes[0] ^= 1;
            std::fs::write(facts, bytes)
        }),
        ("truncated", |facts| std::fs::write(facts, &read(facts)[..100])),
        ("empty", |facts| std::fs::write(facts, "")),
        ("missing", |facts| std::fs::remove_file(facts)),
        ("swapped with the inventory", |facts| {
            let files = facts.with_file_name("files");
            std::fs::copy(files, facts).map(drop)
        }),
        ("a folder", |facts| std::fs::remove_file(facts).and_then(|()| std::fs::create_dir(facts))),
        ("a link to nothing", |facts| {
            std::fs::remove_file(facts)?;
            std::os::unix::fs::symlink("nothing", facts)
        }),
        ("a pipe", |facts| {
            std::fs::remove_file(facts)?;
            Command::new("mkfifo").arg(facts).status().map(drop)
        }),
    ];
    let world = World::new();
    succeed(&mut world.add("mine"));
    let path = world.cache().kernel("mine").join("facts");
    let facts = read(&path);
    let note = format!("made again: the facts of target `mine`; damaged in {}\n", path.display());
    for (what, change) in changes {
        change(&path).unwrap_or_else(|error| panic!("{what}: {error}"));
        let said = succeed(&mut world.kpsc(&["kernel", "facts", "mine"]));
        assert!(said.contains(&note), "{what}: {said}");
        assert!(read(&path) == facts, "{what}");
        assert_eq!(succeed(&mut world.kpsc(&["kernel", "verify"])), "mine\twhole\t4 files\n");
    }
    // Nothing is read from files that have changed as well.
    flip(&path);
    flip(&world.build().join(".config"));
    let said = fail(&mut world.kpsc(&["kernel", "facts", "mine"]), "KPS0705");
    assert!(said.contains(".config was changed") && said.contains("kernel remove mine"), "{said}");
    flip(&world.build().join(".config"));
    let files = world.cache().kernel("mine").join("files");
    flip(&files);
    succeed(&mut world.kpsc(&["kernel", "facts", "mine"]));
}

fn damaged_modules_are_refused_where_they_are_used() {
    let world = World::new();
    succeed(&mut world.add("mine"));
    let cache = world.cache();
    let target = cache.target("mine").unwrap_or_else(|error| panic!("{}", error.message));
    let folder = put_part(&target, "kernels/mine/modules");
    let read = |name: &str| target.read_module(&folder.join(name)).map_err(|error| error.help);
    assert_eq!(read("a"), Ok(b"first".to_vec()));
    let help =
        Err(Some(format!("run `rm -r {}`: kpsc fetches it again when needed", folder.display())));
    write(&folder.join("a"), b"fIrst");
    assert_eq!((read("a"), read("b")), (help.clone(), Ok(b"other".to_vec())));
    write(&folder.join("c"), b"");
    assert_eq!(read("c"), help);
    let all = target.modules(&cache, kps_targets::Progress::Quiet).map_err(|error| error.help);
    assert_eq!(all, help.clone().map(|_: Vec<u8>| Default::default()));
    // Files of the user's own have no inventory.
    let own = world.build().join("own.ko");
    write(&own, b"own");
    assert!(target.read_module(&own).is_ok_and(|bytes| bytes == b"own"));
}

fn one_damaged_target_keeps_nobody_from_the_others() {
    let cache = fixture_cache();
    let folder = put_target(cache.path(), "other", "release = 7", &fixture::facts());
    let list = || succeed(kpsc().env("KPSC_CACHE", cache.path()).args(["kernel", "list"]));
    assert!(
        list().contains("fixture\tfacts only") && list().contains("other\tdamaged"),
        "{}",
        list()
    );
    succeed(kpsc().env("KPSC_CACHE", cache.path()).args(["kernel", "remove", "other"]));
    assert!(list().contains("fixture\tfacts only") && !folder.exists());
}

fn damaged_debug_information_is_found_and_the_rest_stays_usable() {
    let world = World::new();
    succeed(&mut world.add("mine"));
    let folder = debug_of(&world.cache(), "mine");
    let spec = world.folder.path().join("a.kps");
    write(&spec, b"patch a { license \"GPL\"; object vmlinux { fn with_endbr { pre { } } } }");
    let verify = || fail(&mut world.kpsc(&["kernel", "verify"]), "KPS0710");
    assert!(verify().contains("the debug information is damaged"), "it has no inventory");
    flip(&folder.join("functions"));
    let mut check = world.kpsc(&["check"]);
    let said = fail(check.arg(&spec), "KPS0705");
    let again =
        format!("kpsc kernel add --name mine --build-dir {} --debug", world.build().display());
    assert!(said.contains(&again), "{said}");
    std::fs::remove_dir_all(&folder).unwrap_or_else(|error| panic!("{error}"));
    succeed(&mut world.kpsc(&["kernel", "verify"]));
}

/// A build folder and compilers that were moved, and a cache that was.
fn what_a_target_was_made_with_and_is_gone_is_named() {
    let world = World::new();
    let (top, moved) = (world.folder.path().join("cache"), world.folder.path().join("moved"));
    let toolchain = world.cache().root().join("toolchains/own");
    let compilers = toolchain.join("usr");
    std::fs::create_dir_all(&compilers).unwrap_or_else(|error| panic!("{error}"));
    record(&toolchain, &[]).unwrap_or_else(|error| panic!("{}", error.message));
    let rename = |from: &Path, to: &Path| {
        std::fs::rename(from, to).unwrap_or_else(|error| panic!("{}: {error}", from.display()));
    };
    let is_named = |cache: &Path, gone: &Path, words: &[&str]| {
        let said = fail(world.kpsc(words).env("KPSC_CACHE", cache), "KPS0705");
        let (gone, out) = (format!("{} is gone", gone.display()), "kpsc kernel remove mine");
        assert!(said.contains(&gone) && said.contains(out), "{words:?}: {said}");
    };
    let verify = ["kernel", "verify"];
    let exec = ["kernel", "exec", "mine", "--", "true"];
    succeed(world.add("mine").arg("--toolchain").arg(&toolchain));
    for folder in [world.build(), compilers.clone()] {
        rename(&folder, &moved);
        is_named(&top, &folder, &exec);
        is_named(&top, &folder, &verify);
        rename(&moved, &folder);
        succeed(&mut world.kpsc(&verify));
    }
    let vmlinux = world.build().join("vmlinux");
    rename(&vmlinux, &moved);
    is_named(&top, &vmlinux, &["kernel", "facts", "mine"]);
    rename(&moved, &vmlinux);
    rename(&top, &moved);
    is_named(&moved, &compilers, &exec);
    is_named(&moved, &compilers, &verify);
    // The way out that the message names works.
    succeed(world.kpsc(&["kernel", "remove", "mine"]).env("KPSC_CACHE", &moved));
    succeed(world.add("mine").env("KPSC_CACHE", &moved));
    succeed(world.kpsc(&verify).env("KPSC_CACHE", &moved));
}
