// SPDX-License-Identifier: GPL-2.0
//! A folder of root's that the sandbox's user writes to: its files are that user's for a while.
//!
//! Somebody else may own the folder and what is around it, so no path is followed twice: the folder
//! is opened once, and its files through it. Nothing that is mounted in it is lent.

mod known;

use known::{give, restore, Id, Known, Owner, State};
use kps_diag::{Diagnostic, FILE_ERROR};
use kps_host::disk::cannot;
use kps_host::folder;
use kps_host::isolation::User;
use kps_host::temporary::{at_end, undisturbed};
use rustix::fd::{AsRawFd as _, OwnedFd};
use rustix::fs::{
    openat, renameat_with, unlinkat, AtFlags, Dir, Gid, Mode, OFlags, RenameFlags, Uid,
};
use rustix::io::Errno;
use std::collections::HashMap;
use std::ffi::{CStr, CString, OsStr};
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
    /// Its files.
    known: HashMap<Id, Known>,
}

/// The folders that are lent now.
static LOANS: Mutex<Vec<Arc<Loan>>> = Mutex::new(Vec::new());

fn loans() -> MutexGuard<'static, Vec<Arc<Loan>>> {
    LOANS.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// How deep folders are that can be lent: no depth may exhaust the stack or the files that kpsc can
/// open. What a sandbox nests deeper is removed.
const DEPTH: usize = 200;

impl Lent {
    /// Lends a folder.
    pub(super) fn new(path: &Path, user: User) -> Result<Lent, Diagnostic> {
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

    /// The folder as it was opened.
    pub(super) fn folder(&self) -> &OwnedFd {
        &self.0.folder
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
        let folder = folder::enter(path).map_err(|error| cannot("open", path, &error))?;
        if is_of_the_system(&folder) {
            return Err(of_the_system(path));
        }
        let state = State::of(&folder).map_err(|error| cannot("open", path, &error.into()))?;
        if state.mode & 0o002 != 0 {
            return Err(everybodys(path));
        }
        Ok(Loan { folder, user, owner: owner(&state), known: HashMap::new() })
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
        let state = State::of(file).map_err(failed)?;
        let is_folder = state.kind.is_dir();
        // A link, a device or a pipe gives the sandbox nothing that it needs.
        if !state.is_file_or_folder() || !self.may_have(&state) {
            return Ok(());
        }
        if !is_folder && state.links > 1 {
            return Err(has_other_names(path));
        }
        let (id, owner) = (state.id, owner(&state));
        self.known.insert(id, Known::new(file, state, owner).map_err(failed)?);
        give(file, (self.user.uid(), self.user.gid())).map_err(failed)?;
        if is_folder {
            for name in names(file).map_err(failed)? {
                let depth = depth.checked_sub(1).ok_or_else(|| too_deep(path))?;
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

    /// Whether the sandbox may have a file: what is mounted in the folder is not part of it, and in
    /// a folder of somebody else's the files of others, root's too, stay theirs.
    fn may_have(&self, state: &State) -> bool {
        let is_the_folder = self.known.is_empty();
        let is_owners = self.owner.0.is_root() || owner(state).0 == self.owner.0;
        is_the_folder || !state.is_mount && is_owners
    }

    /// Gives back what is the user's now.
    fn give_back(&self, file: &OwnedFd, depth: usize) -> Result<(), Errno> {
        let state = State::of(file)?;
        let known = self.known.get(&state.id);
        if state.is_mount && known.is_none() {
            return Ok(());
        }
        if state.kind.is_dir() {
            match depth.checked_sub(1) {
                None => empty(file)?,
                Some(depth) => {
                    for name in names(file)? {
                        if let Ok(entry) = enter(file, &name) {
                            // One that fails must not keep the others from their owners.
                            let _ = self.give_back(&entry, depth);
                        }
                    }
                }
            }
        }
        match state.owner.0 == self.user.uid() {
            true => restore(file, &state, known, self.owner),
            false => Ok(()),
        }
    }
}

/// The owner of a file. One of a sandbox whose kpsc was killed stands for root.
fn owner(state: &State) -> Owner {
    match User::is_one(state.owner.0.as_raw()) {
        true => (Uid::ROOT, Gid::ROOT),
        false => state.owner,
    }
}

/// The names in a folder.
fn names(folder: &OwnedFd) -> Result<Vec<CString>, Errno> {
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

/// Removes all that is in a folder. What is nested there is brought up step by step, so that no
/// depth matters.
fn empty(folder: &OwnedFd) -> Result<(), Errno> {
    let mut number = 0u32;
    loop {
        let found = names(folder)?;
        if found.is_empty() {
            return Ok(());
        }
        for name in found {
            if is_unlinked(folder, &name)? {
                continue;
            }
            let inner = enter(folder, &name)?;
            for nested in names(&inner)? {
                while !is_unlinked(&inner, &nested)? {
                    let up = format!(".kpsc-{number}");
                    number += 1;
                    match renameat_with(&inner, &nested, folder, up, RenameFlags::NOREPLACE) {
                        Ok(()) => break,
                        Err(Errno::EXIST) => {}
                        Err(error) => return Err(error),
                    }
                }
            }
            unlinkat(folder, &name, AtFlags::REMOVEDIR)?;
        }
    }
}

/// Removes an entry of a folder; `false` if it is a folder itself.
fn is_unlinked(folder: &OwnedFd, name: &CStr) -> Result<bool, Errno> {
    match unlinkat(folder, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(true),
        Err(Errno::ISDIR | Errno::PERM) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Folders that the whole system uses: `make M=/` is a slip, and must not give them away.
fn is_of_the_system(folder: &OwnedFd) -> bool {
    /// Folders with all that is in them, but for what is inside of these parts.
    const SYSTEM: &[(&str, &[&str])] = &[
        ("bin", &[]),
        ("boot", &[]),
        ("dev", &["shm"]),
        ("etc", &[]),
        ("lib", &[]),
        ("lib64", &[]),
        ("proc", &[]),
        ("run", &["user"]),
        ("sbin", &[]),
        ("sys", &[]),
        ("usr", &["local", "src"]),
    ];
    /// Folders whose parts belong to somebody.
    const PLACES: &[&str] = &["home", "media", "mnt", "opt", "root", "srv", "tmp"];
    let link = format!("/proc/self/fd/{}", folder.as_raw_fd());
    // One without a path may be anything.
    let Ok(path) = std::fs::read_link(link) else { return true };
    let names: Vec<&str> = path.iter().skip(1).filter_map(OsStr::to_str).collect();
    match names.as_slice() {
        [] | ["var"] | ["var", _] => true,
        [top] if PLACES.contains(top) => true,
        [top] => SYSTEM.iter().any(|(system, _)| system == top),
        [top, part, inside @ ..] => SYSTEM.iter().any(|(system, parts)| {
            let is_somebodys = parts.contains(part) && !inside.is_empty();
            system == top && !is_somebodys
        }),
    }
}

fn of_the_system(path: &Path) -> Diagnostic {
    let message = format!("{} is a folder of the system, not one to build in", path.display());
    Diagnostic::new(FILE_ERROR, message).help("pass the folder that holds the module's files")
}

fn everybodys(path: &Path) -> Diagnostic {
    let message = format!("everybody can write to {}", path.display());
    Diagnostic::new(FILE_ERROR, message)
        .note("as root, kpsc gives the folder's files to the user that builds them, and anybody may have put a makefile there")
        .help("copy the module's files to a folder of your own, and build them there")
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
