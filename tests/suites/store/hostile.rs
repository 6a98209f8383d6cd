// SPDX-License-Identifier: GPL-2.0
//! A store that somebody's hand or a failing disk has changed: nothing is loaded from it, nothing
//! outside of it is read or written, and the message says what to do.

use super::place::{boot, done, release, said, Place, KERNEL};
use kps_diag::Diagnostic;
use std::fs;
use std::io;
use std::os::unix::fs::{lchown, symlink, PermissionsExt};
use std::path::Path;
use std::process::Command;

/// Changes what is below the folder of a kernel.
type Change = fn(&Path) -> io::Result<()>;
/// A change by its name, and what is said of it.
type Damage = (&'static str, Change, &'static str);

const NO_GENERATION: &str = "current is damaged: it does not lead to a generation";

/// Generation 2 is installed, with the patches `a` and `b`.
const DAMAGES: &[Damage] = &[
    ("dangling", |at| relink(at, "generations/9"), "generations/9 is damaged: it is missing"),
    ("absolute", |at| relink(at, "/var/lib/kpsc/7.3.4-a/generations/2"), NO_GENERATION),
    ("upwards", |at| relink(at, "../../x"), NO_GENERATION),
    ("a detour", |at| relink(at, "generations/../generations/2"), NO_GENERATION),
    ("a number of no generation", |at| relink(at, "generations/4294967296"), NO_GENERATION),
    ("another spelling", |at| relink(at, "generations/02"), NO_GENERATION),
    ("a draft", |at| relink(at, "generations/2.tmp"), NO_GENERATION),
    (
        "a file for the link",
        |at| replace(&at.join("current"), |to| fs::write(to, "2")),
        NO_GENERATION,
    ),
    (
        "a folder for the link",
        |at| replace(&at.join("current"), |to| fs::create_dir(to)),
        NO_GENERATION,
    ),
    (
        "linked generations",
        |at| aside(&at.join("generations")),
        "generations/2 is damaged: it is a link",
    ),
    ("a linked generation", |at| aside(&at.join("generations/2")), "2 is damaged: it is a link"),
    ("a linked manifest", |at| aside(&manifest(at)), "manifest.toml is damaged: it is a link"),
    ("a linked module", |at| aside(&module(at)), "a.0a.ko is damaged: it is a link"),
    (
        "no generation",
        |at| fs::remove_dir_all(at.join("generations/2")),
        "2 is damaged: it is missing",
    ),
    ("no manifest", |at| fs::remove_file(manifest(at)), "manifest.toml is damaged: it is missing"),
    ("no module", |at| fs::remove_file(module(at)), "a.0a.ko is damaged: it is missing"),
    (
        "a huge manifest",
        |at| enlarge(&manifest(at), 2 << 20),
        "manifest.toml is damaged: it is too large",
    ),
    ("a huge module", |at| enlarge(&module(at), 257 << 20), "a.0a.ko is damaged: it is too large"),
    (
        "an empty manifest",
        |at| fs::write(manifest(at), ""),
        "manifest.toml is damaged: missing field",
    ),
    (
        "another manifest",
        |at| fs::write(manifest(at), b"\xff"),
        "manifest.toml is damaged: it is not UTF-8",
    ),
    ("a later format", |at| fs::write(manifest(at), "format = 9"), "damaged: it has format 9"),
    (
        "a circle",
        |at| fs::write(manifest(at), "format = 1\nparent = 2"),
        "its parent is not an earlier",
    ),
    ("a short module", |at| fs::write(module(at), ""), "a.0a.ko is damaged: it is not what was"),
    (
        "another module",
        |at| fs::rename(at.join("generations/2/b.0a.ko"), module(at)),
        "it is not what was",
    ),
    ("a module that is a FIFO", |at| replace(&module(at), fifo), "not a regular file"),
    ("a manifest that is a FIFO", |at| replace(&manifest(at), fifo), "not a regular file"),
];

fn manifest(at: &Path) -> std::path::PathBuf {
    at.join("generations/2/manifest.toml")
}

fn module(at: &Path) -> std::path::PathBuf {
    at.join("generations/2/a.0a.ko")
}

fn relink(at: &Path, to: &str) -> io::Result<()> {
    replace(&at.join("current"), |link| symlink(to, link))
}

fn replace(path: &Path, make: impl Fn(&Path) -> io::Result<()>) -> io::Result<()> {
    fs::remove_file(path)?;
    make(path)
}

/// Puts a link in place of something, to the same outside of the store.
fn aside(path: &Path) -> io::Result<()> {
    let outside = path.ancestors().find(|above| above.ends_with("root")).unwrap_or(path);
    let outside = outside.with_file_name("outside");
    fs::rename(path, &outside)?;
    symlink(&outside, path)
}

fn enlarge(path: &Path, size: u64) -> io::Result<()> {
    fs::OpenOptions::new().write(true).open(path)?.set_len(size)
}

fn fifo(path: &Path) -> io::Result<()> {
    let made = Command::new("mkfifo").arg(path).status()?;
    assert!(made.success(), "install the package coreutils");
    Ok(())
}

/// A store with two generations.
fn place() -> Place {
    let place = Place::new();
    for name in ["a", "b"] {
        done(place.install(&[place.module(name, KERNEL, "0a")]));
    }
    place
}

/// Reads the set as `load --all` does.
fn open_all(place: &Place) -> Result<(), Diagnostic> {
    let store = place.store();
    let Some(set) = store.set(&release(KERNEL))? else { return Ok(()) };
    set.entries.iter().try_for_each(|entry| store.open(&set, entry).map(drop))
}

pub(super) fn nothing_is_loaded_from_a_damaged_store() {
    for (what, damage, wanted) in DAMAGES {
        let place = place();
        let at = place.at(KERNEL);
        damage(&at).unwrap_or_else(|error| panic!("{what}: {error}"));
        let said = open_all(&place).err().map_or("all is loaded".to_owned(), |error| said(&error));
        let code = if wanted.starts_with("not a") { "KPS0701" } else { "KPS1035" };
        assert!(said.starts_with(code) && said.contains(wanted), "{what}: {said}");
        let advice = [" again", "check that it is the right file"];
        assert!(advice.iter().any(|advice| said.contains(advice)), "{what}: {said}");
        // A module that is not what was installed can be installed again, or returned from.
        if said.contains(".ko is damaged") {
            assert!(said.contains("install `a` again"), "{what}: {said}");
            let returned = place.store().rollback(&release(KERNEL));
            assert!(returned.is_ok() && open_all(&place).is_ok(), "{what}");
        } else {
            // The next writer does not build upon what it cannot read.
            assert!(place.install(&[place.module("c", KERNEL, "0a")]).is_err(), "{what}");
            assert!(fs::remove_dir_all(&at).is_ok());
            assert!(place.install(&[place.module("c", KERNEL, "0a")]).is_ok(), "{what}");
        }
    }
}

pub(super) fn a_damaged_module_is_installed_again_and_never_carried_on() {
    let place = place();
    let damaged = fs::write(module(&place.at(KERNEL)), "damaged");
    assert!(damaged.is_ok());
    let carried = place.install(&[place.module("c", KERNEL, "0a")]);
    assert!(carried.err().is_some_and(|error| said(&error).starts_with("KPS1035")));
    assert!(place.install(&[place.module("a", KERNEL, "0a")]).is_ok());
    assert_eq!(place.names(KERNEL), ["3", "a", "b"]);
    // A set with a damaged module is not returned to.
    let returned = place.store().rollback(&release(KERNEL));
    assert!(returned.err().is_some_and(|error| said(&error).starts_with("KPS1035")));
    assert_eq!(place.names(KERNEL), ["3", "a", "b"]);
}

/// What a guard cannot read holds the set, and `--again` removes it.
pub(super) fn an_attempt_that_cannot_be_read_holds_the_set() {
    let changes: [Change; 5] = [
        |at| fs::write(at.join("attempt"), "x"),
        |at| fs::write(at.join("attempt"), b"\xff"),
        |at| fs::write(at.join("attempt"), vec![b' '; 2 << 20]),
        |at| symlink(at.join("../../../../../outside"), at.join("attempt")),
        |at| fs::create_dir(at.join("attempt")),
    ];
    for (n, change) in changes.into_iter().enumerate() {
        let place = place();
        assert!(fs::write(place.path("outside"), "old").is_ok());
        change(&place.at(KERNEL)).unwrap_or_else(|error| panic!("{error}"));
        let (store, kernel) = (place.store(), release(KERNEL));
        let set = store.set(&kernel).ok().flatten().unwrap_or_else(|| panic!("nothing is there"));
        let held = store.verdict(&set).err().map(|error| said(&error));
        assert!(held.as_ref().is_some_and(|said| said.contains("--again`")), "{n}: {held:?}");
        assert!(store.clear(&kernel).is_ok() && store.verdict(&set).is_ok(), "{n}");
        assert_eq!(fs::read_to_string(place.path("outside")).ok().as_deref(), Some("old"));
    }
    let place = place();
    boot(&place.root(), "../x");
    let set = place.store().set(&release(KERNEL)).ok().flatten();
    let said = set.and_then(|set| place.store().begin(&set).err()).map(|error| said(&error));
    assert!(said.as_ref().is_some_and(|said| said.starts_with("KPS1014")), "{said:?}");
}

/// A writer that finds no number says so, and harms nothing.
pub(super) fn the_numbers_of_generations_may_be_used_up() {
    let place = place();
    assert!(fs::create_dir(place.at(KERNEL).join("generations/4294967295")).is_ok());
    let before = place.names(KERNEL);
    let installed = place.install(&[place.module("c", KERNEL, "0a")]);
    let said = installed.err().map(|error| said(&error));
    assert!(said.as_ref().is_some_and(|said| said.contains("are used up")), "{said:?}");
    assert_eq!(place.names(KERNEL), before);
}

pub(super) fn names_of_others_in_the_store_are_left_alone() {
    let place = place();
    for name in ["lost+found", "a b", ".x", "notes.txt"] {
        assert!(fs::write(place.at(name), "").is_ok());
    }
    assert!(fs::write(place.at(KERNEL).join("generations/notes"), "").is_ok());
    assert_eq!(place.store().releases().ok(), Some(vec![release(KERNEL)]));
    assert!(place.install(&[place.module("c", KERNEL, "0a")]).is_ok());
    assert!(place.at("notes.txt").exists() && place.at(KERNEL).join("generations/notes").exists());
    // A kernel's folder that is a link leads nowhere.
    assert!(fs::create_dir(place.path("outside")).is_ok());
    assert!(symlink(place.path("outside"), place.at("8.0")).is_ok());
    let said_of = |error: Option<Diagnostic>| error.map_or(String::new(), |error| said(&error));
    let read = said_of(place.store().set(&release("8.0")).err());
    let written = said_of(place.install(&[place.module("c", "8.0", "0a")]).err());
    assert!(read.starts_with("KPS1035") && written.contains("it is a link"), "{read} {written}");
    assert_eq!(fs::read_dir(place.path("outside")).map(Iterator::count).ok(), Some(0));
}

pub(super) fn a_store_that_somebody_else_can_change_is_not_used() {
    for path in ["", KERNEL, "7.3.4-a/generations/2", "7.3.4-a/generations/2/a.0a.ko"] {
        let place = place();
        let allow = |mode| fs::set_permissions(place.at(path), PermissionsExt::from_mode(mode));
        assert!(allow(0o777).is_ok());
        let is_refused = |place: &Place| {
            let loaded = open_all(place).err().map(|error| said(&error));
            let written = place.install(&[place.module("c", KERNEL, "0a")]);
            let written = written.err().map(|error| said(&error));
            let refused = |said: &Option<String>| {
                said.as_ref().is_some_and(|said| said.starts_with("KPS1039"))
            };
            assert!(refused(&loaded) && refused(&written), "{path}: {loaded:?}, {written:?}");
        };
        is_refused(&place);
        assert!(allow(0o755).is_ok() && open_all(&place).is_ok(), "{path}");
        if rustix::process::geteuid().is_root() {
            assert!(lchown(place.at(path), Some(12345), None).is_ok());
            is_refused(&place);
        }
    }
}
