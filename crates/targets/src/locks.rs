// SPDX-License-Identifier: GPL-2.0
//! The locks of the cache. The table in `cache.rs` says what each is for, and in which order a
//! process takes them.
//!
//! A lock is a file that stays, locked with `flock`: the kernel gives it back when its holder is
//! killed. While a lock below `making/` is held, its text says what its holder is doing, for the
//! message of those who wait. Threads of one process wait for each other without a message.

use super::cache::Cache;
use super::kept::Kind;
use kps_diag::{escape, Diagnostic};
use kps_host::disk::{cannot, entries, make_folder};
use kps_host::input::read_at_most;
use kps_host::isolation::Readable;
use std::collections::BTreeMap;
use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Write as _};
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// A part of the cache that one process at a time makes or replaces.
#[derive(Debug, Clone, Copy)]
pub(super) enum Part<'a> {
    /// A target that is added, prepared or extended, which may take minutes.
    Target(&'a str),
    /// Compilers, which take minutes too.
    Toolchain(&'a str),
    /// The source of a version, the same.
    Source(&'a str),
    /// The facts, the makefile and the inventory of a target, and its place among the targets.
    Files(&'a str),
    /// The kept results of a kind for a target.
    Kept(Kind, &'a str),
}

impl<'a> Part<'a> {
    /// The target in this folder.
    pub(super) fn target_in(folder: &'a Path) -> Part<'a> {
        Part::Target(name_of(folder))
    }

    /// The files of the target in this folder.
    pub(super) fn files_in(folder: &'a Path) -> Part<'a> {
        Part::Files(name_of(folder))
    }

    /// Its lock, below the folder of these locks.
    fn lock(self) -> PathBuf {
        match self {
            Part::Target(name) => Path::new(KERNELS).join(name),
            Part::Toolchain(id) => Path::new("toolchains").join(id),
            Part::Source(version) => Path::new("sources").join(version),
            Part::Files(name) => Path::new("files").join(name),
            Part::Kept(kind, name) => Path::new(kind.folder()).join(name),
        }
    }

    /// For messages.
    fn title(self) -> String {
        match self {
            Part::Target(name) | Part::Files(name) => format!("target `{name}`"),
            Part::Toolchain(_) => "compilers".to_owned(),
            Part::Source(version) => format!("the source of Linux {version}"),
            Part::Kept(kind, name) => format!("{} of target `{name}`", kind.title()),
        }
    }
}

fn name_of(folder: &Path) -> &str {
    folder.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}

/// The folder of the locks of targets.
const KERNELS: &str = "kernels";

/// The right to make a part of the cache, or to remove what no target needs, until it is dropped.
/// What root writes meanwhile is readable for the user that the sandbox runs as, whatever umask
/// root has.
#[derive(Debug)]
pub(super) struct Change {
    _readable: Readable,
    _part: Option<Held>,
    _cache: Held,
}

/// A folder of the cache that belongs to one run, until this value is dropped.
#[derive(Debug)]
pub(super) struct OwnFolder {
    path: PathBuf,
    _change: Change,
}

impl Deref for OwnFolder {
    type Target = Path;

    fn deref(&self) -> &Path {
        &self.path
    }
}

impl Cache {
    /// Waits until no other kpsc makes a part of the cache, and locks it. Those who wait for it are
    /// told what this one does to it: the verb of "preparing target `NAME`".
    pub(super) fn change(&self, part: Part<'_>, verb: &str) -> Result<Change, Diagnostic> {
        let (readable, cache) = self.filling()?;
        let path = self.making().join(part.lock());
        let mut held = hold(&path, How::Alone, || what_is_done(&path))?;
        held.tell(&format!("{verb} {}", part.title()));
        Ok(Change { _readable: readable, _part: Some(held), _cache: cache })
    }

    /// The first folder `KIND-0`, `KIND-1`, .. of the cache that no other run uses. It may have
    /// what an interrupted run has left there. Those who wait are told what this one is `doing`.
    pub(super) fn own_folder(&self, kind: &str, doing: &str) -> Result<OwnFolder, Diagnostic> {
        let (readable, cache) = self.filling()?;
        let mut number = 0;
        let (name, mut part) = loop {
            let name = format!("{kind}-{number}");
            match try_hold(&self.making().join(&name))? {
                Some(held) => break (name, held),
                None => number += 1,
            }
        };
        part.tell(doing);
        let path = self.root().join(name);
        make_folder(&path)?;
        let change = Change { _readable: readable, _part: Some(part), _cache: cache };
        Ok(OwnFolder { path, _change: change })
    }

    /// Waits until nobody makes anything in the cache, to remove what no target needs.
    pub(super) fn clearing(&self) -> Result<Change, Diagnostic> {
        self.own()?;
        let readable = Readable::for_sandbox();
        let cache = hold(&self.root().join(LOCK), How::Alone, || self.what_is_made())?;
        Ok(Change { _readable: readable, _part: None, _cache: cache })
    }

    /// Keeps a target from being removed.
    pub(super) fn using(&self, name: &str) -> Result<Option<Held>, Diagnostic> {
        let path = self.users(name);
        // If nothing can be written, nothing can be removed either.
        let Some(file) = self.own().and_then(|()| open(&path)).ok() else { return Ok(None) };
        hold_opened(file, &path, How::Shared, || format!("removing target `{name}`")).map(Some)
    }

    /// Waits until a target is unused and nobody makes anything in the cache, to remove the target.
    pub(super) fn removing(&self, name: &str) -> Result<(Held, Change), Diagnostic> {
        let users = self.users(name);
        loop {
            let change = self.clearing()?;
            if let Some(unused) = try_hold(&users)? {
                return Ok((unused, change));
            }
            // A user may be waiting to make something.
            drop(change);
            hold(&users, How::Alone, || format!("using target `{name}`"))?;
        }
    }

    /// Keeps what is made from being removed as needless.
    fn filling(&self) -> Result<(Readable, Held), Diagnostic> {
        self.own()?;
        let readable = Readable::for_sandbox();
        let removes = || "removing from the cache".to_owned();
        Ok((readable, hold(&self.root().join(LOCK), How::Shared, removes)?))
    }

    fn users(&self, name: &str) -> PathBuf {
        self.root().join("locks").join(name)
    }

    fn making(&self) -> PathBuf {
        self.root().join("making")
    }

    /// What another process is doing that keeps this one from removing. The lock of a target tells
    /// more than that of a folder which is used for it.
    fn what_is_made(&self) -> String {
        let making = self.making();
        let locks = [making.join(KERNELS), making].map(|folder| entries(&folder));
        let mut locks = locks.into_iter().flatten().flatten().filter(|path| path.is_file());
        let is_held = |path: &PathBuf| is_told(path) && matches!(try_hold(path), Ok(None));
        locks.find(is_held).map_or_else(|| UNKNOWN.to_owned(), |path| what_is_done(&path))
    }
}

/// The lock of whoever makes or removes anything.
const LOCK: &str = "lock";

/// What is said of a process that has not told yet what it does.
const UNKNOWN: &str = "changing the cache";

/// Whether there is a text in a lock.
fn is_told(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.len() > 0)
}

/// What the holder of a lock has told.
fn what_is_done(path: &Path) -> String {
    const MOST: u64 = 256;
    let bytes = read_at_most(path, MOST).ok().flatten().unwrap_or_default();
    let text = String::from_utf8(bytes).unwrap_or_default();
    if text.is_empty() {
        UNKNOWN.to_owned()
    } else {
        escape(&text).into_owned()
    }
}

/// How a lock is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    /// By any number of holders.
    Shared,
    /// By one.
    Alone,
}

/// A lock that is held until it is dropped.
#[derive(Debug)]
pub(super) struct Held {
    file: File,
    is_told: bool,
    _turn: Option<Turn>,
}

impl Held {
    /// Tells those who wait what is done. They can do without.
    fn tell(&mut self, doing: &str) {
        self.is_told = true;
        let _ = self.file.set_len(0).and_then(|()| self.file.write_all(doing.as_bytes()));
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.is_told {
            let _ = self.file.set_len(0);
        }
        // To close the file is not enough: a program that another thread starts has it, too, until
        // it runs.
        let _ = self.file.unlock();
    }
}

/// Takes a lock. If another process has it, `does` says what that one is doing, for the message.
fn hold(path: &Path, how: How, does: impl FnOnce() -> String) -> Result<Held, Diagnostic> {
    hold_opened(open(path)?, path, how, does)
}

fn hold_opened(
    file: File,
    path: &Path,
    how: How,
    does: impl FnOnce() -> String,
) -> Result<Held, Diagnostic> {
    let turn = Turn::wait(path, how);
    let at_once = match how {
        How::Shared => file.try_lock_shared(),
        How::Alone => file.try_lock(),
    };
    let held = |file| Ok(Held { file, is_told: false, _turn: Some(turn) });
    match at_once {
        Ok(()) => return held(file),
        Err(TryLockError::WouldBlock) => {}
        Err(TryLockError::Error(error)) => return Err(cannot("lock", path, &error)),
    }
    let _ = writeln!(std::io::stderr(), "waiting: another kpsc is {}", does());
    loop {
        let locked = match how {
            How::Shared => file.lock_shared(),
            How::Alone => file.lock(),
        };
        match locked {
            Ok(()) => return held(file),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(cannot("lock", path, &error)),
        }
    }
}

/// Takes a lock if nobody has it.
fn try_hold(path: &Path) -> Result<Option<Held>, Diagnostic> {
    let file = open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(Held { file, is_told: false, _turn: None })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(cannot("lock", path, &error)),
    }
}

fn open(path: &Path) -> Result<File, Diagnostic> {
    path.parent().map_or(Ok(()), make_folder)?;
    // The text in it is its holder's.
    let opened = File::options().write(true).create(true).truncate(false).open(path);
    opened.map_err(|error| cannot("write", path, &error))
}

/// A lock that a thread of this process has, or is about to take. The other threads wait here,
/// where nothing has to be said about it.
#[derive(Debug)]
struct Turn {
    path: PathBuf,
}

/// How each lock is held by threads of this process, and by how many.
type Turns = BTreeMap<PathBuf, (How, usize)>;

static TURNS: Mutex<Turns> = Mutex::new(Turns::new());
static A_TURN_HAS_ENDED: Condvar = Condvar::new();

fn turns() -> MutexGuard<'static, Turns> {
    TURNS.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Turn {
    fn wait(path: &Path, how: How) -> Turn {
        let is_taken = |turns: &mut Turns| {
            turns.get(path).is_some_and(|(held, _)| [*held, how] != [How::Shared; 2])
        };
        let turns = A_TURN_HAS_ENDED.wait_while(turns(), is_taken);
        let mut turns = turns.unwrap_or_else(PoisonError::into_inner);
        turns.entry(path.to_owned()).or_insert((how, 0)).1 += 1;
        Turn { path: path.to_owned() }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut turns = turns();
        match turns.get_mut(&self.path) {
            Some((_, threads)) if *threads > 1 => *threads -= 1,
            _ => drop(turns.remove(&self.path)),
        }
        A_TURN_HAS_ENDED.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt as _;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn threads_take_turns_and_nothing_is_said() {
        const THREADS: usize = 4;
        const TURNS: usize = 200;
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let path = folder.path().join("lock");
        let (inside, done) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let work = || {
            for _ in 0..TURNS {
                let held = hold(&path, How::Alone, || panic!("it is this process that has it"));
                let held = held.unwrap_or_else(|error| panic!("{}", error.message));
                assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                std::thread::yield_now();
                inside.fetch_sub(1, Ordering::SeqCst);
                done.fetch_add(1, Ordering::SeqCst);
                drop(held);
            }
        };
        std::thread::scope(|scope| (0..THREADS).for_each(|_| drop(scope.spawn(work))));
        assert_eq!(done.into_inner(), THREADS * TURNS);
        assert!(!turns().contains_key(&path));
    }

    #[test]
    fn who_shares_a_lock_gets_it_again_although_another_waits_for_it_alone() {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let path = folder.path().join("lock");
        let shared = || hold(&path, How::Shared, || panic!("nobody has it alone"));
        let first = shared().unwrap_or_else(|error| panic!("{}", error.message));
        let is_alone = |file: &File| file.try_lock().is_ok();
        // Another process, which has no turn here.
        let other = open(&path).unwrap_or_else(|error| panic!("{}", error.message));
        assert!(!is_alone(&other));
        let inode = path.metadata().map_or(0, |metadata| metadata.ino());
        let waits = std::thread::spawn(move || other.lock().map(|()| other));
        let is_waiting = |line: &str| line.contains("->") && line.contains(&format!(":{inode} "));
        while !std::fs::read_to_string("/proc/locks").is_ok_and(|all| all.lines().any(is_waiting)) {
            std::thread::yield_now();
        }
        let second = shared().unwrap_or_else(|error| panic!("{}", error.message));
        drop(first);
        drop(second);
        assert!(waits.join().is_ok_and(|other| other.is_ok()));
    }

    #[test]
    fn a_run_gets_the_first_folder_that_no_other_run_has() {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let cache = Cache::at(folder.path());
        let own = || {
            let own = cache.own_folder("apt", "fetching");
            own.unwrap_or_else(|error| panic!("{}", error.message))
        };
        let (first, second) = (own(), own());
        assert!(first.ends_with("apt-0") && second.ends_with("apt-1"));
        drop(first);
        assert!(own().ends_with("apt-0"));
    }
}
