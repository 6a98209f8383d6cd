// SPDX-License-Identifier: GPL-2.0
//! Who can change a file or folder. Whoever can replace a program that kpsc runs is kpsc.

use crate::isolation::User;
use rustix::process::{getegid, geteuid};
use std::fmt;
use std::fs::{read_dir, read_to_string, Metadata};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// Somebody else who can change a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Other {
    /// The folder or link that this one can change: the folder itself or one on the way to it.
    pub path: PathBuf,
    /// Who can.
    pub who: Who,
}

/// Who can change a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// The owner, another user.
    Owner(u32),
    /// The members of a group.
    Group(u32),
    /// Everybody.
    Everybody,
}

impl fmt::Display for Other {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match self.who {
            Who::Owner(uid) => write!(f, "{path} belongs to user {uid}"),
            Who::Group(gid) => write!(f, "group {gid} can write to {path}"),
            Who::Everybody => write!(f, "everybody can write to {path}"),
        }
    }
}

/// Finds another user who can change a folder: who owns it or can write to it, or to a folder or
/// link on the way to it. Root is no other user, nor is the user's own group: distributions give
/// each user one of its own. A folder that does not exist yet is as safe as the way to it.
pub fn other(folder: &Path) -> Option<Other> {
    Me::now().behind(folder)
}

/// Finds another user who can change a file or folder that is so many levels below a folder, or
/// fewer. What links there lead to is looked at with the way to it.
pub fn other_below(folder: &Path, levels: usize) -> Option<Other> {
    let me = Me::now();
    let mut pending = vec![(folder.to_owned(), levels)];
    while let Some((folder, levels)) = pending.pop() {
        for entry in read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_symlink() {
                if let Some(other) = me.behind(&path) {
                    return Some(other);
                }
                continue;
            }
            if let Some(who) = me.other(&metadata, Place::Folder) {
                return Some(Other { path, who });
            }
            if metadata.is_dir() && levels > 1 {
                pending.push((path, levels - 1));
            }
        }
    }
    None
}

/// How many links may lead to a folder, as the kernel counts them.
const LINKS: usize = 40;

/// Where a file is looked at.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// The folder itself: nobody else may make files in it.
    Folder,
    /// A folder on the way: nobody else may replace what is in it. In a folder with the sticky bit,
    /// such as `/tmp`, only the owner can.
    Way,
    /// A link: only its owner can replace it.
    Link,
}

/// The user who runs kpsc.
struct Me {
    uid: u32,
    gid: u32,
    /// The owner that a user namespace shows for users of the host that it does not have. The
    /// host's root is one of them, so it is not another user there.
    unknown: Option<u32>,
}

impl Me {
    fn now() -> Me {
        let map = read_to_string("/proc/self/uid_map").unwrap_or_default();
        let all = map.split_whitespace().eq(["0", "0", "4294967295"]);
        let unknown = || read_to_string("/proc/sys/kernel/overflowuid").ok()?.trim().parse().ok();
        Me {
            uid: geteuid().as_raw(),
            gid: getegid().as_raw(),
            unknown: if all { None } else { unknown() },
        }
    }

    /// Looks at what a path leads to, and at the way there. A device is nobody's to change.
    fn behind(&self, path: &Path) -> Option<Other> {
        self.on_the_way(path, LINKS).or_else(|| {
            let metadata =
                path.metadata().ok().filter(|found| found.is_dir() || found.is_file())?;
            let who = self.other(&metadata, Place::Folder)?;
            Some(Other { path: path.to_owned(), who })
        })
    }

    /// Looks at each folder and link that leads to a path, and at the folder that it leads to.
    fn on_the_way(&self, path: &Path, links: usize) -> Option<Other> {
        let mut way = PathBuf::new();
        for component in path.components() {
            way.push(component);
            let Ok(metadata) = way.symlink_metadata() else { continue };
            let is_link = metadata.is_symlink();
            if !is_link && !metadata.is_dir() {
                continue;
            }
            let place = if is_link { Place::Link } else { Place::Way };
            if let Some(who) = self.other(&metadata, place) {
                return Some(Other { path: way, who });
            }
            if is_link {
                let to = way.parent().unwrap_or(Path::new("/")).join(way.read_link().ok()?);
                if let Some(other) =
                    links.checked_sub(1).and_then(|left| self.on_the_way(&to, left))
                {
                    return Some(other);
                }
            }
        }
        None
    }

    fn other(&self, file: &Metadata, place: Place) -> Option<Who> {
        let known = [Some(0), Some(self.uid), self.unknown];
        // A sandbox that was killed with root's kpsc has left files of a user that nobody is.
        let is_left = self.uid == 0 && User::is_one(file.uid());
        if !known.contains(&Some(file.uid())) && !is_left {
            return Some(Who::Owner(file.uid()));
        }
        let is_sticky = file.mode() & 0o1000 != 0;
        if place == Place::Link || place == Place::Way && is_sticky {
            return None;
        }
        if file.mode() & 0o002 != 0 {
            return Some(Who::Everybody);
        }
        let is_other_group = ![0, self.gid].contains(&file.gid());
        (file.mode() & 0o020 != 0 && is_other_group).then_some(Who::Group(file.gid()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{create_dir_all, set_permissions};
    use std::os::unix::fs::{symlink, PermissionsExt};

    /// A folder `a/b` below a temporary one.
    fn folders() -> std::io::Result<(tempfile::TempDir, PathBuf)> {
        let folder = tempfile::tempdir()?;
        let inner = folder.path().join("a/b");
        create_dir_all(&inner)?;
        Ok((folder, inner))
    }

    fn allow(path: &Path, mode: u32) -> std::io::Result<()> {
        set_permissions(path, PermissionsExt::from_mode(mode))
    }

    #[test]
    fn own_folders_are_nobody_elses() -> std::io::Result<()> {
        let (_folder, inner) = folders()?;
        assert_eq!(other(&inner), None);
        assert_eq!(other(&inner.join("new/one")), None);
        allow(&inner, 0o775)?;
        assert_eq!(other(&inner), None, "the user's own group");
        Ok(())
    }

    #[test]
    fn what_everybody_can_write_to_is_everybodys() -> std::io::Result<()> {
        let (_folder, inner) = folders()?;
        let outer = inner.parent().unwrap_or(&inner).to_owned();
        let everybodys = |path: &Path| Some(Other { path: path.into(), who: Who::Everybody });
        for mode in [0o777, 0o1777, 0o702] {
            allow(&inner, mode)?;
            assert_eq!(other(&inner), everybodys(&inner), "{mode:o}");
        }
        allow(&inner, 0o755)?;
        allow(&outer, 0o777)?;
        assert_eq!(other(&inner), everybodys(&outer));
        assert_eq!(other(&inner.join("new")), everybodys(&outer));
        // Where only owners can remove files, nobody can replace the inner folder.
        allow(&outer, 0o1777)?;
        assert_eq!(other(&inner), None);
        Ok(())
    }

    #[test]
    fn a_link_is_followed() -> std::io::Result<()> {
        let (folder, inner) = folders()?;
        let outer = inner.parent().unwrap_or(&inner).to_owned();
        let link = folder.path().join("link");
        symlink("a/b", &link)?;
        let second = folder.path().join("second");
        symlink(&link, &second)?;
        assert_eq!((other(&link), other(&second)), (None, None));
        allow(&outer, 0o777)?;
        let everybodys = Some(Other { path: outer.clone(), who: Who::Everybody });
        assert_eq!((other(&link), other(&second)), (everybodys.clone(), everybodys));
        allow(&outer, 0o755)?;
        allow(&inner, 0o777)?;
        let everybodys = Some(Other { path: inner.clone(), who: Who::Everybody });
        assert_eq!(
            (other(&inner.join("new")), other(&link.join("new"))),
            (everybodys.clone(), everybodys)
        );
        symlink("round", folder.path().join("round"))?;
        assert_eq!(other(&folder.path().join("round")), None, "it leads nowhere");
        Ok(())
    }

    #[test]
    fn another_owner_and_another_group_are_others() -> std::io::Result<()> {
        let (_folder, inner) = folders()?;
        let file = inner.metadata()?;
        let [uid, gid] = [file.uid(), file.gid()];
        let me = |uid, gid, unknown| Me { uid, gid, unknown };
        assert_eq!(me(uid, gid, None).other(&file, Place::Folder), None);
        allow(&inner, 0o775)?;
        let file = inner.metadata()?;
        // As root, these tests make folders of root, who is no other user.
        if uid != 0 {
            let stranger = me(uid + 1, gid, None).other(&file, Place::Way);
            assert_eq!(stranger, Some(Who::Owner(uid)));
            let namespace = me(uid + 1, gid, Some(uid)).other(&file, Place::Way);
            assert_eq!(namespace, None);
        }
        if gid != 0 {
            let colleague = me(uid, gid + 1, None).other(&file, Place::Folder);
            assert_eq!(colleague, Some(Who::Group(gid)));
        }
        Ok(())
    }
}
