// SPDX-License-Identifier: GPL-2.0
//! Programs that must not reach what kpsc's user can reach: the sandbox.
//!
//! A sandbox that root starts is root to the kernel: its files are those of the host's root, and a
//! hole in the sandbox gives the whole machine. So root becomes a user of the host that has nothing
//! before it starts the sandbox. That user cannot enter root's folders, where a cache usually is;
//! [`Isolation`] makes the few files that a program needs reachable, for this program alone.

use crate::process::adopt_orphans;
use rustix::fd::{AsRawFd as _, BorrowedFd, OwnedFd, RawFd};
use rustix::fs::{fstat, open, FileType, Gid, Mode, OFlags, Uid, CWD};
use rustix::io::{fcntl_setfd, Errno, FdFlags};
use rustix::mount::{
    mount, mount_bind_recursive, mount_change, move_mount, open_tree, MountFlags,
    MountPropagationFlags, MoveMountFlags, OpenTreeFlags,
};
use rustix::process::{geteuid, getpid, umask};
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout, stderr, stdin, stdout};
use rustix::thread::{
    set_thread_groups, set_thread_res_gid, set_thread_res_uid, unshare_unsafe, UnshareFlags,
};
use std::ffi::{CStr, CString};
use std::fs::read_to_string;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

/// A user of the host, and a group of the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct User(u32);

/// The first of the numbers that neither systemd nor a directory service gives to a user. Every
/// process identifier fits behind it, so two kpsc at once use two users.
const UNUSED: u32 = 0x7800_0000;
/// The last number that is left to a container in which only 65,536 users exist.
const UNUSED_IN_CONTAINER: u32 = 65_533;
/// How many of them are used there.
const SPREAD: u32 = 256;

impl User {
    /// The user that programs run as in the place of root; `None` if kpsc is not root, or is root
    /// of a user namespace with no other user: that one is an ordinary user of the host already.
    pub fn in_place_of_root() -> Option<User> {
        if !geteuid().is_root() {
            return None;
        }
        let map = map();
        let pid = getpid().as_raw_nonzero().get().unsigned_abs();
        let wanted = [UNUSED + pid, UNUSED_IN_CONTAINER - pid % SPREAD];
        wanted.into_iter().find(|&id| is_mapped(&map, id)).map(User)
    }

    /// The user's number.
    pub fn uid(self) -> Uid {
        Uid::from_raw(self.0)
    }

    /// The number of the user's group.
    pub fn gid(self) -> Gid {
        Gid::from_raw(self.0)
    }

    /// Whether a file's owner is such a user, of this kpsc or of one that was killed.
    pub fn is_one(owner: u32) -> bool {
        let of_host = (UNUSED..1 << 31).contains(&owner);
        let in_container =
            (UNUSED_IN_CONTAINER - SPREAD + 1..=UNUSED_IN_CONTAINER).contains(&owner);
        of_host || in_container && !is_mapped(&map(), UNUSED)
    }
}

fn map() -> String {
    read_to_string("/proc/self/uid_map").unwrap_or_default()
}

/// Whether a user exists in a user namespace. A line of the map has the first number inside, the
/// first number outside, and how many there are.
fn is_mapped(map: &str, id: u32) -> bool {
    map.lines().any(|line| {
        let mut numbers = line.split_whitespace().map(|word| word.parse::<u64>().unwrap_or(0));
        let (first, _outside) = (numbers.next(), numbers.next());
        let (Some(first), Some(count)) = (first, numbers.next()) else { return false };
        (first..first + count).contains(&id.into())
    })
}

/// Where the files are reachable. A program that needs this folder cannot be isolated; the sandbox
/// does not, and every host has it.
const REACHABLE: &CStr = c"/sys";

/// What a program is kept from, and the files that it must reach all the same.
#[derive(Debug)]
pub struct Isolation {
    /// Who it runs as in the place of root.
    user: Option<User>,
    files: Vec<Reachable>,
}

/// A file or folder, and the path at which the program finds it.
#[derive(Debug)]
struct Reachable {
    what: What,
    at: CString,
    is_folder: bool,
}

/// What is made reachable.
#[derive(Debug)]
enum What {
    /// What is at a path when the program starts, with all that is mounted below it.
    Path(CString),
    /// The folder that was at a path when it was opened, with nothing that is mounted below it.
    Opened { path: CString, device: u64, inode: u64 },
}

impl Isolation {
    /// For a program that kpsc starts, whoever kpsc's user is.
    pub fn new() -> Isolation {
        keep_inherited_files();
        // Without this, only the program's own end would end what it has started.
        let _ = adopt_orphans();
        Isolation { user: User::in_place_of_root(), files: Vec::new() }
    }

    /// Who the program runs as in the place of root.
    pub fn user(&self) -> Option<User> {
        self.user
    }

    /// Makes a file or folder reachable. Returns its path for the program.
    pub fn reach(&mut self, path: &Path) -> io::Result<PathBuf> {
        let is_folder = path.metadata()?.is_dir();
        if self.user.is_none() {
            return Ok(path.to_owned());
        }
        let zero = |_| io::Error::from(ErrorKind::InvalidFilename);
        let path = CString::new(path.as_os_str().as_bytes()).map_err(zero)?;
        self.add(What::Path(path), is_folder)
    }

    /// Makes an open folder reachable in the place of root, without what is mounted below it. The
    /// program does not start if another folder is in its place by then. Returns its path for the
    /// program.
    pub fn reach_opened(&mut self, folder: &OwnedFd) -> io::Result<PathBuf> {
        let state = fstat(folder)?;
        let path = std::fs::read_link(format!("/proc/self/fd/{}", folder.as_raw_fd()))?;
        let path = CString::new(path.into_os_string().into_vec())?;
        let (device, inode) = (state.st_dev, state.st_ino);
        self.add(What::Opened { path, device, inode }, true)
    }

    fn add(&mut self, what: What, is_folder: bool) -> io::Result<PathBuf> {
        let at = format!("{}/{}", REACHABLE.to_string_lossy(), self.files.len());
        self.files.push(Reachable { what, at: CString::new(at.as_str())?, is_folder });
        Ok(at.into())
    }

    /// Isolates a program when it starts.
    pub(crate) fn apply(self, command: &mut Command) {
        // Root's folder may be one that the user cannot enter.
        command.current_dir("/");
        let isolate = move || {
            leave_keys()?;
            leave_folders()?;
            match self.user {
                Some(user) => self.become_user(user),
                None => Ok(()),
            }
        };
        // SAFETY: between fork and exec only async-signal-safe functions may run; the closure makes
        // system calls with strings that exist already, and allocates nothing.
        unsafe { command.pre_exec(isolate) };
    }

    /// Makes the files reachable and becomes the user, between fork and exec.
    fn become_user(&self, User(id): User) -> io::Result<()> {
        // SAFETY: the process leaves its mount namespace and keeps its table of open files.
        unsafe { unshare_unsafe(UnshareFlags::NEWNS)? };
        // Nothing that is mounted here is seen outside.
        mount_change(c"/", MountPropagationFlags::PRIVATE | MountPropagationFlags::REC)?;
        mount(c"tmpfs", REACHABLE, c"tmpfs", MountFlags::empty(), c"mode=0755")?;
        umask(Mode::from_raw_mode(0o022));
        for file in &self.files {
            let at = file.at.as_c_str();
            match file.is_folder {
                true => rustix::fs::mkdir(at, Mode::from_raw_mode(0o755))?,
                false => {
                    let flags = OFlags::CREATE | OFlags::WRONLY | OFlags::CLOEXEC;
                    drop(open(at, flags, Mode::from_raw_mode(0o644))?);
                }
            }
            match &file.what {
                What::Path(path) => mount_bind_recursive(path.as_c_str(), at)?,
                What::Opened { path, device, inode } => {
                    let clone = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
                    let mount = open_tree(CWD, path.as_c_str(), clone)?;
                    let state = fstat(&mount)?;
                    if (state.st_dev, state.st_ino) != (*device, *inode) {
                        return Err(Errno::STALE.into());
                    }
                    move_mount(mount, c"", CWD, at, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?;
                }
            }
        }
        let (uid, gid) = (Uid::from_raw(id), Gid::from_raw(id));
        set_thread_groups(&[])?;
        set_thread_res_gid(gid, gid, gid)?;
        // The kernel takes all capabilities from a process that is not root any more.
        Ok(set_thread_res_uid(uid, uid, uid)?)
    }
}

impl Default for Isolation {
    fn default() -> Isolation {
        Isolation::new()
    }
}

/// Leaves the session's keyring, whose keys a process may use because it has the keyring, whoever
/// it runs as.
fn leave_keys() -> io::Result<()> {
    const JOIN_SESSION_KEYRING: libc::c_long = 1;
    let anonymous = std::ptr::null::<libc::c_char>();
    // SAFETY: the call makes a new keyring; it reads no memory, because the name is null.
    let done = unsafe { libc::syscall(libc::SYS_keyctl, JOIN_SESSION_KEYRING, anonymous) };
    match (done, io::Error::last_os_error()) {
        // Without keys in the kernel, or where a container may not use them, none are to be left.
        (-1, error)
            if ![ErrorKind::Unsupported, ErrorKind::PermissionDenied].contains(&error.kind()) =>
        {
            Err(error)
        }
        _ => Ok(()),
    }
}

/// Gives a program `/dev/null` in place of a folder on one of the three standard streams: it could
/// walk from there to where it likes.
fn leave_folders() -> io::Result<()> {
    let is_folder = |stream: BorrowedFd<'_>| {
        fstat(stream).is_ok_and(|of| FileType::from_raw_mode(of.st_mode).is_dir())
    };
    let null = || open(c"/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty());
    if is_folder(stdin()) {
        dup2_stdin(null()?)?;
    }
    if is_folder(stdout()) {
        dup2_stdout(null()?)?;
    }
    if is_folder(stderr()) {
        dup2_stderr(null()?)?;
    }
    Ok(())
}

/// Keeps files that kpsc's own caller had open, such as a job server's pipe, from the programs that
/// kpsc starts. Files that kpsc opens are kept from them anyway.
fn keep_inherited_files() {
    let open = std::fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let numbers: Vec<RawFd> =
        open.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
    for number in numbers.into_iter().filter(|&number| number > 2) {
        // SAFETY: the number is only used for this call. If the file has been closed meanwhile, the
        // call fails; if another has its number, that one is kept from programs already.
        let file = unsafe { BorrowedFd::borrow_raw(number) };
        let _ = fcntl_setfd(file, FdFlags::CLOEXEC);
    }
}

/// While a value of this type exists, what root writes is readable for the user in its place,
/// whatever umask root has. Several threads may have one.
#[derive(Debug)]
pub struct Readable(());

/// How many values of that type exist, and the umask that root gets back after the last.
static READABLE: Mutex<(usize, Option<Mode>)> = Mutex::new((0, None));

impl Readable {
    /// Begins it.
    pub fn for_sandbox() -> Readable {
        let mut readable = READABLE.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, before) = &mut *readable;
        if *count == 0 {
            *before = User::in_place_of_root().map(|_| umask(Mode::from_raw_mode(0o022)));
        }
        *count += 1;
        Readable(())
    }
}

impl Drop for Readable {
    fn drop(&mut self) {
        let mut readable = READABLE.lock().unwrap_or_else(PoisonError::into_inner);
        let (count, before) = &mut *readable;
        *count -= 1;
        if *count == 0 {
            before.take().map(umask);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_one_that_the_namespace_has() {
        let host = "         0          0 4294967295\n";
        assert!(is_mapped(host, UNUSED) && is_mapped(host, 65_533));
        let container = "0 100000 65536\n";
        assert!(!is_mapped(container, UNUSED) && is_mapped(container, 65_533));
        let single = "0 1000 1\n";
        assert!(!is_mapped(single, UNUSED) && !is_mapped(single, 65_533) && is_mapped(single, 0));
        let split = "0 1000 1\n1 100000 65535\n";
        assert!(is_mapped(split, 65_533) && !is_mapped(split, 65_536));
        assert!(!is_mapped("", 0) && !is_mapped("0 0\n", 0));
    }

    #[test]
    fn no_user_of_a_directory_service_is_taken_for_ours() {
        // sssd gives the numbers up to 2,000,200,000 to the users of a domain.
        assert!(!User::is_one(0) && !User::is_one(1000) && !User::is_one(2_000_200_000));
        assert!(User::is_one(UNUSED + 1) && User::is_one(UNUSED + (1 << 22)));
    }
}
