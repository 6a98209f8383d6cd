// SPDX-License-Identifier: GPL-2.0
//! A folder as kpsc finds it once, whatever its path leads to afterwards.

use rustix::fd::OwnedFd;
use rustix::fs::{fstat, openat, readlinkat, FileType, Mode, OFlags, CWD};
use rustix::io::Errno;
use rustix::process::geteuid;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Component, Path, PathBuf};

/// How many links may lead to a folder, as the kernel counts them.
const LINKS: usize = 40;

/// Opens a folder for its path alone. A link on the way is followed if root or kpsc's user made it:
/// one of somebody else may lead to a folder that this one could not change.
pub fn enter(path: &Path) -> io::Result<OwnedFd> {
    let path = std::path::absolute(path)?;
    let mut left = names(&path);
    let (mut at, mut way, mut links) = (root()?, PathBuf::from("/"), LINKS);
    while let Some(name) = left.pop() {
        if name == OsStr::new("/") {
            (at, way) = (root()?, name.into());
            continue;
        }
        let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let next = openat(&at, &name, flags, Mode::empty())?;
        let state = fstat(&next)?;
        if !FileType::from_raw_mode(state.st_mode).is_symlink() {
            way.push(name);
            at = next;
            continue;
        }
        links = links.checked_sub(1).ok_or(Errno::LOOP)?;
        if ![0, geteuid().as_raw()].contains(&state.st_uid) {
            let link = way.join(name);
            let why = format!("{} is a link of user {}", link.display(), state.st_uid);
            return Err(io::Error::other(why));
        }
        let to = OsString::from_vec(readlinkat(&next, c"", Vec::new())?.into_bytes());
        left.extend(names(Path::new(&to)));
    }
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(openat(&at, c".", flags, Mode::empty())?)
}

fn root() -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(openat(CWD, c"/", flags, Mode::empty())?)
}

/// The names of a path, the next one last.
fn names(path: &Path) -> Vec<OsString> {
    let components = path.components().filter(|component| *component != Component::CurDir);
    components.rev().map(|component| component.as_os_str().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{lchown, symlink};

    fn identity(folder: io::Result<OwnedFd>) -> Option<(u64, u64)> {
        fstat(folder.ok()?).ok().map(|state| (state.st_dev, state.st_ino))
    }

    #[test]
    fn a_folder_is_found_as_the_kernel_finds_it() -> io::Result<()> {
        let top = tempfile::tempdir()?;
        let at = |path: &str| top.path().join(path);
        std::fs::create_dir_all(at("a/b/c"))?;
        std::fs::write(at("a/file"), "")?;
        symlink("a/b", at("link"))?;
        symlink(at("link"), at("a/absolute"))?;
        symlink("../absolute/../../link", at("a/b/back"))?;
        symlink("circle", at("circle"))?;
        for path in
            ["", "a", "a/b/../b/c", "link/c", "a/absolute", "a/b/back/c", "./a/.", "link/.."]
        {
            let expected = std::fs::File::open(at(path)).map(OwnedFd::from);
            assert!(identity(enter(&at(path))).is_some(), "{path}: {:?}", enter(&at(path)));
            assert_eq!(identity(enter(&at(path))), identity(expected), "{path}");
        }
        for path in ["none", "a/file", "a/file/b", "circle", "a/none/.."] {
            assert!(enter(&at(path)).is_err(), "{path}");
        }
        assert!(enter(Path::new("/")).is_ok() && enter(Path::new("/proc/self/cwd")).is_ok());
        Ok(())
    }

    #[test]
    fn a_link_of_somebody_else_is_not_followed() -> io::Result<()> {
        let top = tempfile::tempdir()?;
        std::fs::create_dir(top.path().join("a"))?;
        let link = top.path().join("link");
        symlink("a", &link)?;
        assert!(enter(&link).is_ok());
        if geteuid().is_root() {
            lchown(&link, Some(12345), None)?;
            let error = enter(&link).err().map(|error| error.to_string());
            assert!(error.is_some_and(|error| error.ends_with("is a link of user 12345")));
        }
        Ok(())
    }
}
