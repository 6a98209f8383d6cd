// SPDX-License-Identifier: GPL-2.0
//! Results of a build that later builds use again: compiled macros, and answers of the compilers.
//!
//! A target has one folder for each kind. In it is one folder, named by everything that the results
//! depend on, with an inventory. Every build compares all of it: it is small, and a damaged file in
//! it would make Kbuild fail in the author's name. A build makes a damaged one again.

use super::inventory::{self, Inventory};
use super::locks::{Change, Part};
use super::{Cache, Progress, Target};
use kps_diag::Diagnostic;
use kps_host::disk::{entries, fill_folder, remove};
use kps_host::input;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// A kind of kept results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The macros of patch crates.
    Macros,
    /// What specs are built with in core mode.
    Core,
    /// What Kbuild repeats in each build.
    Kbuild,
    /// The program that reads C.
    Reader,
}

impl Kind {
    pub(super) const ALL: [Kind; 4] = [Kind::Macros, Kind::Core, Kind::Kbuild, Kind::Reader];

    /// The folder in the cache, which has a folder for each target.
    pub(super) fn folder(self) -> &'static str {
        match self {
            Kind::Macros => "macros",
            Kind::Core => "core",
            Kind::Kbuild => "kbuild",
            Kind::Reader => "reader",
        }
    }

    /// For messages.
    pub(super) fn title(self) -> &'static str {
        match self {
            Kind::Macros => "the compiled macros",
            Kind::Core => "the compiled crate `kernel`",
            Kind::Kbuild => "the answers of the compilers",
            Kind::Reader => "the compiled reader of C",
        }
    }
}

/// The kept results of a kind for a target.
#[derive(Debug)]
pub struct Kept {
    kind: Kind,
    target: String,
    cache: Cache,
    folder: PathBuf,
    place: PathBuf,
}

/// The names and contents of all files.
type Files = Vec<(PathBuf, Vec<u8>)>;

impl Target {
    /// The kept results of a kind. `id` names everything that they depend on.
    pub fn kept(&self, kind: Kind, id: &str) -> Kept {
        Kept::new(&self.cache, kind, &self.name, id)
    }
}

impl Kept {
    fn new(cache: &Cache, kind: Kind, target: &str, id: &str) -> Kept {
        let folder = cache.kept(kind, target);
        let place = folder.join(id);
        Kept { kind, target: target.to_owned(), cache: cache.clone(), folder, place }
    }

    /// Whether there are any, damaged or not.
    pub fn exist(&self) -> bool {
        self.place.symlink_metadata().is_ok()
    }

    /// Whether a file was kept with these contents.
    pub fn have(&self, name: &str, bytes: &[u8]) -> bool {
        Inventory::of(&self.place).is_some_and(|inventory| inventory.has(Path::new(name), bytes))
    }

    /// Copies all files into a folder. Returns whether there are any. Damaged ones are reported and
    /// removed, as if nothing had been kept.
    pub fn bring(&self, into: &Path) -> bool {
        let files = match self.exist() {
            true => self.whole().or_else(|| self.settled()),
            false => None,
        };
        let Some(files) = files else { return false };
        // All get the same time, so that make does not take one for older than its sources.
        let now = SystemTime::now();
        let write = |(name, bytes): &(PathBuf, Vec<u8>)| -> io::Result<()> {
            let mut file = File::create(into.join(name))?;
            file.write_all(bytes)?;
            file.set_modified(now)
        };
        let brought = files.iter().all(|file| write(file).is_ok());
        if !brought {
            files.iter().for_each(|(name, _)| drop(remove(&into.join(name))));
        }
        brought
    }

    /// Replaces everything that is kept of this kind for the target by the files that `fill` writes
    /// into a folder.
    pub fn keep(
        &self,
        fill: impl FnOnce(&Path) -> Result<(), Diagnostic>,
    ) -> Result<(), Diagnostic> {
        let _changing = self.change()?;
        if !is_folder(&self.folder) {
            remove(&self.folder)?;
        }
        fill_folder(&self.place, |partial| {
            fill(partial)?;
            inventory::record(partial, &[])?;
            // Those of other compilers, and those that the new ones replace.
            let old = entries(&self.folder)?;
            old.iter().filter(|path| *path != partial).try_for_each(|path| remove(path))
        })
    }

    /// Waits until no other kpsc replaces them.
    fn change(&self) -> Result<Change, Diagnostic> {
        self.cache.change(Part::Kept(self.kind, &self.target), "replacing")
    }

    /// The files, if all of them are as recorded and there are no others.
    fn whole(&self) -> Option<Files> {
        let inventory = Inventory::of(&self.place).filter(|_| is_folder(&self.place))?;
        if !inventory.compare_names(&self.place).ok()?.is_empty() {
            return None;
        }
        let read = |name: &PathBuf| {
            let path = self.place.join(name);
            let is_file = path.symlink_metadata().is_ok_and(|metadata| metadata.is_file());
            let bytes = input::read(&path, input::KEPT).ok().filter(|_| is_file)?;
            inventory.has(name, &bytes).then(|| (name.clone(), bytes))
        };
        inventory.paths().map(read).collect()
    }

    /// The files when no other kpsc replaces them, as one may have done while they were read.
    fn settled(&self) -> Option<Files> {
        let _changing = self.change().ok()?;
        let files = self.whole();
        if files.is_none() && self.exist() {
            made_again(&format!("{} of target `{}`", self.kind.title(), self.target), &self.place);
            // Those that cannot be removed are found damaged once more.
            let _ = remove(&self.place);
        }
        files
    }
}

/// Says that kpsc replaces a damaged part of the cache by itself.
pub(super) fn made_again(what: &str, path: &Path) {
    Progress::Shown.say(&format!("made again: {what}; damaged in {}", path.display()));
}

fn is_folder(path: &Path) -> bool {
    path.symlink_metadata().is_ok_and(|metadata| metadata.is_dir())
}

#[cfg(test)]
mod tests {
    use super::*;
    use kps_host::disk::{make_folder, rename};
    use std::fs;
    use std::os::unix::fs::symlink;

    /// Kept results in a cache of their own.
    struct World {
        _folder: tempfile::TempDir,
        kept: Kept,
        into: PathBuf,
    }

    const FILES: [(&str, &str); 3] = [("a.o", "first"), ("b.o", "other"), ("empty", "")];

    impl World {
        fn new() -> World {
            let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
            let cache = Cache::at(&folder.path().join("cache"));
            let into = folder.path().join("into");
            done(make_folder(&into));
            World { kept: Kept::new(&cache, Kind::Macros, "mine", "one"), into, _folder: folder }
        }

        fn keep(&self) {
            done(self.kept.keep(|folder| {
                FILES.iter().for_each(|(name, text)| written(fs::write(folder.join(name), text)));
                Ok(())
            }));
        }

        /// The files that are brought, by name, and whether there are any.
        fn brought(&self) -> Option<Vec<(String, String)>> {
            let brought = self.kept.bring(&self.into);
            let paths = entries(&self.into).unwrap_or_default();
            let files = paths.iter().map(|path| {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                (name, fs::read_to_string(path).unwrap_or_default())
            });
            let files: Vec<_> = files.collect();
            paths.iter().for_each(|path| done(remove(path)));
            assert!(brought || files.is_empty(), "{files:?} are left");
            brought.then_some(files)
        }
    }

    fn done(result: Result<(), Diagnostic>) {
        result.unwrap_or_else(|error| panic!("{}", error.message));
    }

    fn written(result: io::Result<()>) {
        result.unwrap_or_else(|error| panic!("{error}"));
    }

    fn all() -> Option<Vec<(String, String)>> {
        Some(FILES.map(|(name, text)| (name.to_owned(), text.to_owned())).to_vec())
    }

    #[test]
    fn what_is_kept_is_brought_until_other_results_replace_it() {
        let world = World::new();
        assert_eq!(world.brought(), None);
        world.keep();
        assert_eq!(world.brought(), all());
        assert!(world.kept.have("a.o", b"first") && !world.kept.have("a.o", b"other"));
        let other = Kept::new(&world.kept.cache, Kind::Macros, "mine", "two");
        done(other.keep(|folder| {
            written(fs::write(folder.join("a.o"), "new"));
            Ok(())
        }));
        assert_eq!(world.brought(), None);
        assert!(other.bring(&world.into) && !world.kept.exist());
    }

    #[test]
    fn damage_of_any_kind_is_removed_and_the_next_build_keeps_new_ones() {
        type Change = fn(&Path);
        let changes: [(&str, Change); 15] = [
            ("flipped", |place| written(fs::write(place.join("a.o"), "fIrst"))),
            ("shorter", |place| written(fs::write(place.join("a.o"), "firs"))),
            ("longer", |place| written(fs::write(place.join("empty"), "\0"))),
            ("missing", |place| done(remove(&place.join("empty")))),
            ("one more", |place| written(fs::write(place.join("c.o"), ""))),
            ("a folder more", |place| done(make_folder(&place.join("c.o")))),
            ("two swapped", |place| {
                done(rename(&place.join("a.o"), &place.join("c.o")));
                done(rename(&place.join("b.o"), &place.join("a.o")));
                done(rename(&place.join("c.o"), &place.join("b.o")));
            }),
            ("a link to another", |place| {
                done(remove(&place.join("a.o")));
                written(symlink("b.o", place.join("a.o")));
            }),
            ("a link to the same", |place| {
                done(rename(&place.join("a.o"), &place.join("../a.o")));
                written(symlink("../a.o", place.join("a.o")));
            }),
            ("a link without end", |place| {
                done(remove(&place.join("a.o")));
                written(symlink("/dev/zero", place.join("a.o")));
            }),
            ("a folder instead", |place| {
                done(remove(&place.join("a.o")));
                done(make_folder(&place.join("a.o")));
            }),
            ("an empty folder", |place| {
                done(remove(place));
                done(make_folder(place));
            }),
            ("no folder", |place| {
                done(remove(place));
                written(fs::write(place, ""));
            }),
            ("a link to a whole folder", |place| {
                done(rename(place, &place.join("../../other")));
                written(symlink("../other", place));
            }),
            ("no inventory", |place| written(fs::write(place.join(inventory::FILE), ""))),
        ];
        for (what, change) in changes {
            let world = World::new();
            world.keep();
            change(&world.kept.place);
            assert_eq!(world.brought(), None, "{what}");
            assert!(!world.kept.exist(), "{what}");
            world.keep();
            assert_eq!(world.brought(), all(), "{what}");
        }
    }

    #[test]
    fn whatever_is_in_the_place_of_the_folder_gives_way() {
        let world = World::new();
        let elsewhere = world.into.join("elsewhere");
        done(make_folder(&elsewhere));
        written(fs::write(elsewhere.join("file"), "mine"));
        done(make_folder(world.kept.folder.parent().unwrap_or(Path::new("/"))));
        written(symlink(&elsewhere, &world.kept.folder));
        world.keep();
        assert!(is_folder(&world.kept.folder) && elsewhere.join("file").exists());
        done(remove(&elsewhere));
        assert_eq!(world.brought(), all());
    }
}
