// SPDX-License-Identifier: GPL-2.0
//! What a file is like, and what it was like before it was lent.

use rustix::fd::{AsRawFd as _, OwnedFd};
use rustix::fs::{
    chmod, chownat, getxattr, getxattr_query, removexattr, setxattr, statx, AtFlags, FileType, Gid,
    Mode, StatxAttributes, StatxFlags, Uid, XattrFlags,
};
use rustix::io::Errno;

/// The owner and the group of a file.
pub(super) type Owner = (Uid, Gid);

/// The lists of who else may use a file, and what is made in a folder. Whoever owns a file can give
/// it such lists, and they outlast the owner.
const LISTS: [&str; 2] = ["system.posix_acl_access", "system.posix_acl_default"];

/// Bits of a mode that give rights: set-user-ID, set-group-ID.
const SET_ID: u32 = 0o6000;
/// What nobody but the owner needs: set-user-ID, set-group-ID, and writing for others.
const TOO_MUCH: u32 = SET_ID | 0o022;

/// What an open file is like.
#[derive(Debug)]
pub(super) struct State {
    pub(super) id: Id,
    pub(super) kind: FileType,
    pub(super) mode: u32,
    pub(super) owner: Owner,
    pub(super) links: u32,
    /// Whether something is mounted here.
    pub(super) is_mount: bool,
    /// When it was made, if the file system tells. Another file may get the number of one that was
    /// removed.
    born: Option<(i64, u32)>,
}

/// The device and the inode of a file.
pub(super) type Id = (u32, u32, u64);

impl State {
    /// What a file is like that is open for its path.
    pub(super) fn of(file: &OwnedFd) -> Result<State, Errno> {
        let wanted = StatxFlags::BASIC_STATS | StatxFlags::BTIME;
        let found = statx(file, c"", AtFlags::EMPTY_PATH, wanted)?;
        let told = StatxFlags::from_bits_retain(found.stx_mask);
        let born = (found.stx_btime.tv_sec, found.stx_btime.tv_nsec);
        Ok(State {
            id: (found.stx_dev_major, found.stx_dev_minor, found.stx_ino),
            kind: FileType::from_raw_mode(found.stx_mode.into()),
            mode: found.stx_mode.into(),
            owner: (Uid::from_raw(found.stx_uid), Gid::from_raw(found.stx_gid)),
            links: found.stx_nlink,
            is_mount: found.stx_attributes.contains(StatxAttributes::MOUNT_ROOT),
            born: told.contains(StatxFlags::BTIME).then_some(born),
        })
    }

    /// Whether it is a file that holds something, or a folder.
    pub(super) fn is_file_or_folder(&self) -> bool {
        self.kind.is_file() || self.kind.is_dir()
    }
}

/// A file as it was.
#[derive(Debug)]
pub(super) struct Known {
    state: State,
    /// Who it belongs to when it comes back.
    owner: Owner,
    lists: [Option<Vec<u8>>; 2],
}

impl Known {
    /// Notes what a file is like, and who is to have it back.
    pub(super) fn new(file: &OwnedFd, state: State, owner: Owner) -> Result<Known, Errno> {
        let at = link(file);
        let read = |name: &str| match getxattr_query(&at, name) {
            Ok(size) => {
                let mut list = vec![0; size];
                let read = getxattr(&at, name, &mut list)?;
                list.truncate(read);
                Ok(Some(list))
            }
            Err(Errno::NODATA | Errno::OPNOTSUPP) => Ok(None),
            Err(error) => Err(error),
        };
        let [access, default] = LISTS;
        Ok(Known { state, owner, lists: [read(access)?, read(default)?] })
    }

    /// Whether an open file is this one, and not another one that has its number now.
    fn is(&self, state: &State) -> bool {
        self.state.kind == state.kind && self.state.born == state.born
    }
}

/// Gives a file to the sandbox's user.
pub(super) fn give(file: &OwnedFd, (uid, gid): Owner) -> Result<(), Errno> {
    chownat(file, c"", Some(uid), Some(gid), AtFlags::EMPTY_PATH)
}

/// Gives a file back: to whom it belonged, with the rights that it had, or to `owner` with no more
/// rights than a new file needs. No program comes back that runs as its owner.
pub(super) fn restore(
    file: &OwnedFd,
    state: &State,
    known: Option<&Known>,
    owner: Owner,
) -> Result<(), Errno> {
    let known = known.filter(|known| known.is(state));
    give(file, known.map_or(owner, |known| known.owner))?;
    if state.kind.is_symlink() {
        return Ok(());
    }
    let at = link(file);
    if state.is_file_or_folder() {
        for (n, name) in LISTS.into_iter().enumerate() {
            match known.and_then(|known| known.lists[n].as_ref()) {
                Some(list) => setxattr(&at, name, list, XattrFlags::empty())?,
                // There may be none.
                None => drop(removexattr(&at, name)),
            }
        }
    }
    let mode = match known {
        Some(known) if state.kind.is_dir() => known.state.mode,
        Some(known) => known.state.mode & !SET_ID,
        None => state.mode & !TOO_MUCH,
    };
    // A file that is open for its path alone has its mode changed through the kernel's link to it.
    chmod(at, Mode::from_raw_mode(mode & 0o7777))
}

/// The kernel's link to an open file.
fn link(file: &OwnedFd) -> String {
    format!("/proc/self/fd/{}", file.as_raw_fd())
}
