// SPDX-License-Identifier: GPL-2.0
//! Where kpsc keeps the template machine of a target: one for each target, in a folder named by
//! everything that it depends on.
//!
//! That folder holds the files that `vm` has saved, with their inventory, or the reason why there
//! can be no template, with a checksum. A template that differs from its inventory is made again;
//! its memory, which has some 175 MB, is compared by `kpsc kernel verify` only.

use super::clean::size;
use super::inventory::{self, Damage, Inventory};
use super::kept::made_again;
use super::seal::{seal, unseal};
use super::Target;
use kps_host::disk::{entries, make_folder, remove, rename};
use kps_host::input;
use std::fs::File;
use std::path::{Path, PathBuf};

/// The file with the reason why there can be no template.
const REASON: &str = "unusable";
/// The lock of the process that makes a template.
const LOCK: &str = "lock";
/// The size of the largest file that is compared whenever a template is used, in bytes.
const SMALL: u64 = 64 << 20;
/// A template that is being made.
const PARTIAL: &str = "partial";

/// The folder of a target's template machine.
#[derive(Debug, Clone)]
pub struct Templates {
    folder: PathBuf,
}

/// The state of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Template {
    /// It exists, in this folder.
    Ready(PathBuf),
    /// It could not be made, for this reason.
    Unusable(String),
    /// It exists, but its files have changed.
    Damaged,
    /// It has not been made yet.
    Missing,
}

impl Templates {
    pub(super) fn at(folder: PathBuf) -> Templates {
        Templates { folder }
    }

    /// The template of this id.
    pub fn find(&self, id: &str) -> Template {
        let folder = self.folder.join(id);
        if folder.symlink_metadata().is_err() {
            Template::Missing
        } else if is_whole(&folder) {
            Template::Ready(folder)
        } else if let Some(reason) = reason(&folder) {
            Template::Unusable(reason)
        } else {
            Template::Damaged
        }
    }

    /// Makes a template, completely or not at all, replacing an older one, and returns its folder.
    /// A concurrent caller waits and gets the first one's template. If `fill` fails with a reason,
    /// the reason is kept and later calls do not try again.
    pub fn make(
        &self,
        id: &str,
        fill: impl FnOnce(&Path) -> Result<(), Option<String>>,
    ) -> Option<PathBuf> {
        make_folder(&self.folder).ok()?;
        let lock = File::create(self.folder.join(LOCK)).ok()?;
        lock.lock().ok()?;
        match self.find(id) {
            Template::Ready(folder) => return Some(folder),
            Template::Unusable(_) => return None,
            Template::Damaged => made_again("the template machine", &self.folder.join(id)),
            Template::Missing => {}
        }
        // A killed process may have left its own, and the older templates are obsolete.
        self.all().iter().try_for_each(|path| remove(path)).ok()?;
        let partial = self.folder.join(PARTIAL);
        make_folder(&partial).ok()?;
        let filled = fill(&partial);
        let kept = match &filled {
            Ok(()) => inventory::record(&partial, &[]),
            Err(_) => remove(&partial),
        };
        let folder = self.folder.join(id);
        match filled {
            Ok(()) => {
                kept.and_then(|()| rename(&partial, &folder)).ok()?;
                Some(folder)
            }
            Err(Some(reason)) => {
                self.give_up(id, &reason);
                None
            }
            Err(None) => None,
        }
    }

    /// Stores the reason why there can be no template of this id.
    pub fn give_up(&self, id: &str, reason: &str) {
        let folder = self.folder.join(id);
        // If the reason cannot be stored, the next run tries again.
        let _ = remove(&folder)
            .and_then(|()| make_folder(&folder))
            .map(|()| std::fs::write(folder.join(REASON), seal(reason)));
    }

    /// Removes a template that does not start.
    pub fn forget(&self, id: &str) {
        // A template that cannot be removed is passed over again.
        let _ = remove(&self.folder.join(id));
    }

    /// The folder of a finished template, if there is one.
    fn ready(&self) -> Option<PathBuf> {
        self.all().into_iter().find(|folder| folder.join(inventory::FILE).exists())
    }

    /// The folders of templates that are not being made, whole or not.
    pub(super) fn saved(&self) -> Vec<PathBuf> {
        let mut all = self.all();
        all.retain(|path| !path.ends_with(PARTIAL) && reason(path).is_none());
        all
    }

    /// The size of a finished template on the disk in bytes, or the reason why there can be none.
    pub fn kept(&self) -> Option<Result<u64, String>> {
        let size = self.ready().map(|folder| Ok(size(&folder)));
        size.or_else(|| self.all().iter().find_map(|path| reason(path)).map(Err))
    }

    /// The partial template of a process that was killed.
    pub(super) fn leftover(&self) -> Option<PathBuf> {
        let partial = Some(self.folder.join(PARTIAL)).filter(|path| path.exists())?;
        let lock = File::open(self.folder.join(LOCK));
        let is_held = lock.is_ok_and(|lock| lock.try_lock().is_err());
        (!is_held).then_some(partial)
    }

    /// The folders of templates, partial ones included, and whatever else is in their place.
    fn all(&self) -> Vec<PathBuf> {
        let mut all = entries(&self.folder).unwrap_or_default();
        all.retain(|path| path.file_name().is_none_or(|name| name != LOCK));
        all
    }
}

/// Whether all files of a template are there and no others, and those have not changed that are
/// quick to compare.
fn is_whole(folder: &Path) -> bool {
    let compare = || {
        let inventory = Inventory::of(folder)?;
        let is_small = |path: &PathBuf| {
            let metadata = folder.join(path).symlink_metadata();
            !metadata.is_ok_and(|metadata| metadata.is_file() && metadata.len() > SMALL)
        };
        let mut small = inventory.paths().filter(|path| is_small(path));
        let damage: Vec<Damage> = inventory.compare_names(folder).ok()?;
        let are_same = small.all(|path| inventory.matches(folder, path).unwrap_or(false));
        Some(damage.is_empty() && are_same)
    };
    compare().unwrap_or(false)
}

/// The reason in a folder why there can be no template.
fn reason(folder: &Path) -> Option<String> {
    let sealed = input::read_text(&folder.join(REASON), input::MANIFEST).ok()?;
    unseal(&sealed).map(str::to_owned)
}

impl Target {
    /// The folder of this target's template machine.
    pub fn templates(&self) -> Templates {
        Templates::at(self.cache.templates(&self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    fn templates() -> (tempfile::TempDir, Templates) {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let templates = Templates::at(folder.path().join("machines/mine"));
        (folder, templates)
    }

    fn fill(folder: &Path) -> Result<(), Option<String>> {
        std::fs::write(folder.join("memory"), [0; 4096]).map_err(|_: io::Error| None)
    }

    fn refuse(_: &Path) -> Result<(), Option<String>> {
        panic!("it is made again")
    }

    #[test]
    fn a_template_is_made_once_and_makes_room_for_the_next_one() {
        let (_folder, templates) = templates();
        assert_eq!(templates.find("one"), Template::Missing);
        let made = templates.make("one", fill).unwrap_or_default();
        assert_eq!(templates.find("one"), Template::Ready(made.clone()));
        assert_eq!(templates.make("one", refuse), Some(made));
        assert!(templates.kept().is_some_and(|kept| kept.is_ok_and(|size| size >= 4096)));
        assert!(templates.make("two", fill).is_some());
        assert_eq!(templates.find("one"), Template::Missing);
        templates.forget("two");
        assert_eq!((templates.find("two"), templates.kept()), (Template::Missing, None));
    }

    #[test]
    fn a_reason_is_kept_and_bad_luck_is_not() {
        let (_folder, templates) = templates();
        assert_eq!(templates.make("one", |_| Err(None)), None);
        assert_eq!(templates.find("one"), Template::Missing);
        assert_eq!(templates.make("one", |_| Err(Some("no console".to_owned()))), None);
        assert_eq!(templates.find("one"), Template::Unusable("no console".to_owned()));
        assert_eq!(templates.make("one", refuse), None);
        assert_eq!(templates.kept(), Some(Err("no console".to_owned())));
        assert!(templates.make("two", fill).is_some());
        templates.give_up("two", "it did not start");
        assert_eq!(templates.find("two"), Template::Unusable("it did not start".to_owned()));
    }

    #[test]
    fn a_damaged_template_or_reason_is_made_again() {
        type Change = fn(&Path) -> io::Result<()>;
        let changes: [(&str, Change); 7] = [
            ("flipped", |folder| std::fs::write(folder.join("memory"), [1; 4096])),
            ("shorter", |folder| std::fs::write(folder.join("memory"), [0; 4095])),
            ("missing", |folder| std::fs::remove_file(folder.join("memory"))),
            ("one more", |folder| std::fs::write(folder.join("other"), "")),
            ("a forged reason", |folder| std::fs::write(folder.join(REASON), "no console")),
            ("an empty folder", |folder| {
                std::fs::remove_dir_all(folder)?;
                std::fs::create_dir(folder)
            }),
            ("no folder", |folder| {
                std::fs::remove_dir_all(folder)?;
                std::fs::write(folder, "")
            }),
        ];
        for (what, change) in changes {
            let (_folder, templates) = templates();
            let made = templates.make("one", fill).unwrap_or_default();
            change(&made).unwrap_or_else(|error| panic!("{what}: {error}"));
            assert_eq!(templates.find("one"), Template::Damaged, "{what}");
            assert_eq!(templates.make("one", fill), Some(made.clone()), "{what}");
            assert_eq!(templates.find("one"), Template::Ready(made), "{what}");
        }
        let (_folder, templates) = templates();
        templates.give_up("one", "no console");
        std::fs::write(templates.folder.join("one").join(REASON), "no c0nsole")
            .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((templates.find("one"), templates.kept()), (Template::Damaged, None));
        assert!(templates.make("one", fill).is_some());
    }

    #[test]
    fn whoever_is_killed_leaves_nothing_that_counts() {
        let (_folder, templates) = templates();
        let killed = templates.make("one", |folder| {
            fill(folder)?;
            // While it is being made it is not a leftover.
            assert_eq!(templates.leftover(), None);
            Err(None)
        });
        assert_eq!(killed, None);
        let partial = templates.folder.join(PARTIAL);
        make_folder(&partial)
            .and_then(|()| make_folder(&partial.join("half")))
            .unwrap_or_else(|e| panic!("{}", e.message));
        assert_eq!((templates.kept(), templates.leftover()), (None, Some(partial.clone())));
        let made = templates.make("one", fill).unwrap_or_default();
        assert!(!made.join("half").exists() && !partial.exists());
    }
}
