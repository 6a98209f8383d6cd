// SPDX-License-Identifier: GPL-2.0
//! Whose cache kpsc writes to, and whose programs it runs.

use super::{allow, write, Person, EVERYONE};
use kps_targets::Cache;
use kps_tests::{fixture, fixture_cache, printed, put_target, FIXTURE, MANIFEST};
use rustix::process::geteuid;
use std::os::unix::fs::{chown, lchown, symlink};
use std::path::{Path, PathBuf};

/// The cache of the fixture in a folder `way/cache` of a person.
struct World {
    folder: tempfile::TempDir,
    person: Person,
}

impl World {
    fn new(person: Person) -> World {
        let folder = person.folder();
        let world = World { folder, person };
        let (way, cache) = (world.way(), world.cache());
        std::fs::create_dir(&way)
            .and_then(|()| std::fs::rename(fixture_cache().keep(), &cache))
            .unwrap_or_else(|error| panic!("{error}"));
        person.own(&way);
        for entry in walk(&cache) {
            person.own(&entry);
        }
        allow(&cache, 0o755);
        world
    }

    fn way(&self) -> PathBuf {
        self.folder.path().join("way")
    }

    fn cache(&self) -> PathBuf {
        self.way().join("cache")
    }

    fn run(&self, cache: &Path, words: &[&str]) -> (i32, String) {
        let output = self.person.kpsc(cache).args(words).output();
        let output = output.unwrap_or_else(|error| panic!("{error}"));
        (output.status.code().unwrap_or(-1), printed(&output))
    }

    /// Reading works; what writes or runs something does too, or is refused for this reason.
    fn expect(&self, what: &str, cache: &Path, refused: Option<&str>) {
        let who = self.person;
        let (status, said) = self.run(cache, &["kernel", "list"]);
        assert!(status == 0 && said.contains(FIXTURE), "{who:?}, {what}: {said}");
        let (status, said) = self.run(cache, &["kernel", "show", FIXTURE]);
        assert_eq!(status, 0, "{who:?}, {what}: {said}");
        let (status, said) = self.run(cache, &["kernel", "remove", FIXTURE]);
        let Some(why) = refused else {
            assert_eq!(status, 0, "{who:?}, {what}: {said}");
            return;
        };
        let is_refused = |status, said: &str| {
            assert!(
                status == 3 && said.contains("KPS0719") && said.contains(why),
                "{who:?}, {what}: {said}"
            );
        };
        is_refused(status, &said);
        let (status, said) = self.run(cache, &["kernel", "exec", FIXTURE, "--", "true"]);
        is_refused(status, &said);
        let is_there = Cache::at(&self.cache()).kernel(FIXTURE).join("target.toml").exists();
        assert!(is_there, "{who:?}, {what}");
    }
}

fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut all = vec![folder.to_owned()];
    for entry in std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{error}")).flatten() {
        match entry.path() {
            path if path.is_dir() => all.extend(walk(&path)),
            path => all.push(path),
        }
    }
    all
}

pub(super) fn a_cache_that_somebody_else_can_change_is_read_and_nothing_more() {
    type Change = fn(&World);
    let everybody = "everybody can write to";
    let modes: [(&str, Change, Option<&str>); 10] = [
        ("as it is", |_| (), None),
        ("the folder", |world| allow(&world.cache(), 0o777), Some(everybody)),
        ("with the sticky bit", |world| allow(&world.cache(), 0o1777), Some(everybody)),
        ("its parent", |world| allow(&world.way(), 0o777), Some(everybody)),
        ("its sticky parent", |world| allow(&world.way(), 0o1777), None),
        (
            "the kernels",
            |world| allow(&Cache::at(&world.cache()).root().join("kernels"), 0o777),
            Some(everybody),
        ),
        (
            "a kernel",
            |world| allow(&Cache::at(&world.cache()).kernel(FIXTURE), 0o777),
            Some(everybody),
        ),
        (
            "a manifest",
            |world| allow(&Cache::at(&world.cache()).kernel(FIXTURE).join("target.toml"), 0o666),
            Some(everybody),
        ),
        (
            "a makefile of a build tree",
            |world| {
                let folder = Cache::at(&world.cache()).kernel(FIXTURE).join("build");
                std::fs::create_dir(&folder).unwrap_or_else(|error| panic!("{error}"));
                write(&folder.join("Makefile"), "");
                walk(&folder).iter().for_each(|path| world.person.own(path));
                allow(&folder.join("Makefile"), 0o666);
            },
            Some(everybody),
        ),
        (
            "the toolchains",
            |world| {
                let folder = Cache::at(&world.cache()).root().join("toolchains");
                std::fs::create_dir(&folder).unwrap_or_else(|error| panic!("{error}"));
                world.person.own(&folder);
                allow(&folder, 0o777);
            },
            Some(everybody),
        ),
    ];
    for person in EVERYONE {
        for (what, change, refused) in modes {
            let world = World::new(person);
            change(&world);
            world.expect(what, &world.cache(), refused);
        }
        let world = World::new(person);
        let link = world.folder.path().join("link");
        symlink(world.way(), &link).unwrap_or_else(|error| panic!("{error}"));
        person.own(&link);
        allow(&world.way(), 0o777);
        world.expect("behind a link", &link.join("cache"), Some(everybody));
    }
    // Only root can make files of somebody else; as another user the unit tests have to do.
    if !geteuid().is_root() {
        return;
    }
    const STRANGER: u32 = 4242;
    type Give = fn(&World) -> std::io::Result<()>;
    let owners: [(&str, Give, &str); 4] = [
        ("the folder", |world| chown(world.cache(), Some(STRANGER), None), "belongs to user 4242"),
        ("its parent", |world| chown(world.way(), Some(STRANGER), None), "belongs to user 4242"),
        (
            "the format",
            |world| chown(Cache::at(&world.cache()).root(), Some(STRANGER), None),
            "belongs to user 4242",
        ),
        (
            "a group",
            |world| {
                allow(&world.cache(), 0o775);
                chown(world.cache(), None, Some(STRANGER))
            },
            "group 4242 can write to",
        ),
    ];
    for person in EVERYONE {
        for (what, give, refused) in owners {
            let world = World::new(person);
            give(&world).unwrap_or_else(|error| panic!("{error}"));
            world.expect(what, &world.cache(), Some(refused));
        }
        let world = World::new(person);
        let link = world.folder.path().join("link");
        symlink(world.way(), &link)
            .and_then(|()| lchown(&link, Some(STRANGER), None))
            .unwrap_or_else(|error| panic!("{error}"));
        world.expect("a stranger's link", &link.join("cache"), Some("belongs to user 4242"));
    }
}

/// A cache that was copied names the build tree and the compilers of the first one.
pub(super) fn what_a_target_is_built_with_is_nobody_elses_wherever_it_is() {
    for person in EVERYONE {
        for part in ["build", "toolchain/usr"] {
            let world = World::new(person);
            let elsewhere = world.folder.path().join("elsewhere");
            for folder in ["", "build", "toolchain", "toolchain/usr"] {
                let folder = elsewhere.join(folder);
                std::fs::create_dir(&folder).unwrap_or_else(|error| panic!("{error}"));
                person.own(&folder);
            }
            let manifest = format!(
                "{MANIFEST}[tree]\nbuild = {:?}\nsources = []\ntoolchain = {:?}\nmake = []\n",
                elsewhere.join("build"),
                elsewhere.join("toolchain")
            );
            put_target(&world.cache(), FIXTURE, &manifest, &fixture::facts());
            walk(&world.cache()).iter().for_each(|path| person.own(path));
            let exec = ["kernel", "exec", FIXTURE, "--", "true"];
            let (_, said) = world.run(&world.cache(), &exec);
            assert!(!said.contains("KPS0719"), "{person:?}: {said}");
            allow(&elsewhere.join(part), 0o777);
            let (status, said) = world.run(&world.cache(), &exec);
            let is_refused = status == 3 && said.contains("KPS0719") && said.contains(part);
            assert!(is_refused, "{person:?}, {part}: {said}");
        }
    }
}

/// Deeper than other commands look, `kernel verify` does.
pub(super) fn verify_finds_what_somebody_else_can_change_however_deep() {
    for person in EVERYONE {
        let world = World::new(person);
        let deep = Cache::at(&world.cache()).kernel(FIXTURE).join("source/a/b/c");
        std::fs::create_dir_all(&deep).unwrap_or_else(|error| panic!("{error}"));
        walk(&world.cache()).iter().for_each(|path| person.own(path));
        let verify = || world.run(&world.cache(), &["kernel", "verify"]).1;
        assert!(!verify().contains("KPS0719"), "{person:?}: {}", verify());
        allow(&deep, 0o777);
        let said = verify();
        assert!(said.contains("KPS0719") && said.contains("source/a/b/c"), "{person:?}: {said}");
    }
}

pub(super) fn a_cache_of_root_is_good_for_everybody() {
    let world = World { person: Person::Ordinary, ..World::new(Person::Root) };
    for words in [&["kernel", "list"][..], &["kernel", "verify", FIXTURE]] {
        let (_, said) = world.run(&world.cache(), words);
        assert!(said.contains(FIXTURE) && !said.contains("KPS0719"), "{said}");
    }
}
