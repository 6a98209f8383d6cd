// SPDX-License-Identifier: GPL-2.0
//! A folder of root's that the sandbox's user writes to: its files are that user's for a while.

use kps_diag::{Diagnostic, FILE_ERROR};
use kps_host::disk::cannot;
use kps_host::isolation::User;
use kps_host::temporary::{at_end, undisturbed};
use rustix::fd::{AsFd, AsRawFd as _, OwnedFd};
use rustix::fs::{
    chmod, chownat, fstat, openat, AtFlags, Dir, FileType, Gid, Mode, OFlags, Stat, Uid,
};
use rustix::io::Errno;
use std::collections::HashMap;
use std::ffi::{CStr, OsStr};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard};

/// A folder that belongs to a sandbox's user until this value is dropped, or a signal ends kpsc.
#[derive(Debug)]
pub(crate) struct Lent(Arc<Loan>);

/// A lent folder.
#[derive(Debug)]
struct Loan {
    folder: OwnedFd,
    user: User,
    /// The owner of the folder itself: what the sandbox makes will be this one's.
    owner: Owner,
    /// Its files, by device and inode.
    known: HashMap<(u64, u64), Known>,
}

/// The folders that are lent now.
static LOANS: Mutex<Vec<Arc<Loan>>> = Mutex::new(Vec::new());

fn loans() -> MutexGuard<'static, Vec<Arc<Loan>>> {
    LOANS.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

type Owner = (Uid, Gid);

/// A file as it was.
#[derive(Debug)]
struct Known {
    owner: Owner,
    mode: u32,
}

/// How deep folders are that can be lent. What a sandbox nests deeper stays its user's, who is
/// nobody: no depth may exhaust the stack or the files that kpsc can open.
const DEPTH: usize = 200;

impl Lent {
    /// Lends a folder.
    pub(super) fn new(path: &Path, user: User) -> Result<Lent, Diagnostic> {
        if is_of_the_system(path) {
            return Err(of_the_system(path));
        }
        at_end(|| loans().iter().for_each(|loan| loan.give_all_back()));
        // A signal waits until all is lent and known, and then it comes back.
        undisturbed(|| {
            let mut loan = Loan::open(path, user)?;
            if let Err(error) = loan.lend_all(path) {
                loan.give_all_back();
                return Err(error);
            }
            let loan = Arc::new(loan);
            loans().push(loan.clone());
            Ok(Lent(loan))
        })
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.0.give_all_back();
        loans().retain(|loan| !Arc::ptr_eq(loan, &self.0));
    }
}

impl Loan {
    fn open(path: &Path, user: User) -> Result<Loan, Diagnostic> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let failed = |error: Errno| cannot("hand over", path, &error.into());
        let folder = rustix::fs::open(path, flags, Mode::empty()).map_err(failed)?;
        let owner = owner(&fstat(&folder).map_err(failed)?);
        Ok(Loan { folder, user, owner, known: HashMap::new() })
    }

    fn lend_all(&mut self, path: &Path) -> Result<(), Diagnostic> {
        let folder = self.folder.try_clone().map_err(|error| cannot("hand over", path, &error))?;
        self.lend(&folder, path, DEPTH)
    }

    /// A folder that is gone needs no owner.
    fn give_all_back(&self) {
        let _ = self.give_back(&self.folder, DEPTH);
    }

    /// Gives a file to the user. Another path may lead to a file with several links: the sandbox
    /// must not get what is outside of its folder.
    fn lend(&mut self, file: &OwnedFd, path: &Path, depth: usize) -> Result<(), Diagnostic> {
        let failed = |error: Errno| cannot("hand over", path, &error.into());
        let state = fstat(file).map_err(failed)?;
        let kind = FileType::from_raw_mode(state.st_mode);
        match kind {
            FileType::RegularFile if state.st_nlink > 1 => return Err(has_other_names(path)),
            FileType::RegularFile | FileType::Directory => {}
            // A link, a device or a pipe gives the sandbox nothing that it needs.
            _ => return Ok(()),
        }
        let known = Known { owner: owner(&state), mode: state.st_mode };
        self.known.insert((state.st_dev, state.st_ino), known);
        give(file, (self.user.uid(), self.user.gid())).map_err(failed)?;
        if kind == FileType::Directory {
            let depth = depth.checked_sub(1).ok_or_else(|| too_deep(path))?;
            for name in names(file).map_err(failed)? {
                let path = path.join(OsStr::from_bytes(name.to_bytes()));
                match enter(file, &name) {
                    Ok(entry) => self.lend(&entry, &path, depth)?,
                    // Somebody has removed it.
                    Err(Errno::NOENT) => {}
                    Err(error) => return Err(cannot("hand over", &path, &error.into())),
                }
            }
        }
        Ok(())
    }

    /// Gives back what is the user's now.
    fn give_back(&self, file: &OwnedFd, depth: usize) -> Result<(), Errno> {
        let state = fstat(file)?;
        if FileType::from_raw_mode(state.st_mode) == FileType::Directory && depth > 0 {
            for name in names(file)? {
                if let Ok(entry) = enter(file, &name) {
                    // One that fails must not keep the others from their owners.
                    let _ = self.give_back(&entry, depth - 1);
                }
            }
        }
        if state.st_uid != self.user.uid().as_raw() {
            return Ok(());
        }
        let known = self.known.get(&(state.st_dev, state.st_ino));
        give(file, known.map_or(self.owner, |known| known.owner))?;
        // Nobody else may write to what is new, and no program may run as its owner.
        let mode = known.map_or(state.st_mode & !0o6022, |known| known.mode);
        match FileType::from_raw_mode(state.st_mode) {
            FileType::RegularFile | FileType::Directory => allow(file, mode),
            _ => Ok(()),
        }
    }
}

/// The owner of a file. One of a sandbox whose kpsc was killed stands for root.
fn owner(state: &Stat) -> Owner {
    match User::is_one(state.st_uid) {
        true => (Uid::ROOT, Gid::ROOT),
        false => (Uid::from_raw(state.st_uid), Gid::from_raw(state.st_gid)),
    }
}

/// Changes the owner of an open file, whatever its path leads to by now.
fn give(file: impl AsFd, (uid, gid): Owner) -> Result<(), Errno> {
    chownat(file, c"", Some(uid), Some(gid), AtFlags::EMPTY_PATH)
}

/// Changes the permissions of an open file. One that is open for its path alone has them changed
/// through the kernel's link to it.
fn allow(file: &OwnedFd, mode: u32) -> Result<(), Errno> {
    let link = format!("/proc/self/fd/{}", file.as_raw_fd());
    chmod(link, Mode::from_raw_mode(mode & 0o7777))
}

/// The names in a folder.
fn names(folder: &OwnedFd) -> Result<Vec<std::ffi::CString>, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let mut names = Vec::new();
    for entry in Dir::new(openat(folder, c".", flags, Mode::empty())?)? {
        let name = entry?.file_name().to_owned();
        if ![c".", c".."].contains(&name.as_c_str()) {
            names.push(name);
        }
    }
    Ok(names)
}

/// Opens an entry of a folder without following a link.
fn enter(folder: &OwnedFd, name: &CStr) -> Result<OwnedFd, Errno> {
    openat(folder, name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
}

/// Folders that the whole system uses: `make M=/` is a slip, and must not give them away.
fn is_of_the_system(path: &Path) -> bool {
    const FOLDERS: &[&str] = &[
        "bin", "boot", "dev", "etc", "home", "lib", "lib64", "media", "mnt", "opt", "proc", "root",
        "run", "sbin", "srv", "sys", "tmp", "usr", "var",
    ];
    let Ok(path) = path.canonicalize() else { return false };
    let names: Vec<_> = path.iter().skip(1).collect();
    match names.as_slice() {
        [] => true,
        [name] => FOLDERS.iter().any(|folder| name == folder),
        _ => false,
    }
}

fn of_the_system(path: &Path) -> Diagnostic {
    let message = format!("{} is a folder of the system, not one to build in", path.display());
    Diagnostic::new(FILE_ERROR, message).help("pass the folder that holds the module's files")
}

fn has_other_names(path: &Path) -> Diagnostic {
    Diagnostic::new(FILE_ERROR, format!("{} has several hard links", path.display()))
        .note("as root, kpsc gives the folder's files to the user that builds them, and one of the links may be outside of the folder")
        .help("copy the folder and build the copy, or run kpsc as the folder's owner")
}

fn too_deep(path: &Path) -> Diagnostic {
    let message = format!("{} is too deep: more than {DEPTH} folders", path.display());
    Diagnostic::new(FILE_ERROR, message).help("move it nearer to the folder that is built")
}
