// SPDX-License-Identifier: GPL-2.0
//! Programs that kpsc starts. They end when kpsc ends, even if it is killed.

use crate::isolation::Isolation;
use rustix::process::{
    getpid, getppid, kill_process, set_child_subreaper, set_parent_process_death_signal, waitid,
    waitpid, Pid, Signal, WaitId, WaitIdOptions, WaitOptions,
};
use std::ffi::OsStr;
use std::io;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::Command;

/// Where a program is, if it is installed.
pub fn find(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// A program that is killed when kpsc ends: otherwise it would keep writing to a cache that the
/// next kpsc uses.
pub fn program(name: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(name);
    end_with_kpsc(&mut command);
    command
}

/// The same, kept from what kpsc's user can reach.
pub fn isolated(name: impl AsRef<OsStr>, isolation: Isolation) -> Command {
    let mut command = Command::new(name);
    isolation.apply(&mut command);
    // The kernel forgets the signal when a process changes its user, so this has to be second.
    end_with_kpsc(&mut command);
    command
}

fn end_with_kpsc(command: &mut Command) {
    let parent = getpid();
    let die_with_parent = move || {
        set_parent_process_death_signal(Some(Signal::KILL))?;
        // The parent may have ended before the line above.
        match getppid() {
            Some(current) if current == parent => Ok(()),
            _ => Err(std::io::ErrorKind::Interrupted.into()),
        }
    };
    // SAFETY: between fork and exec only async-signal-safe functions may run; the closure makes two
    // system calls and allocates nothing.
    unsafe { command.pre_exec(die_with_parent) };
}

/// Makes kpsc the parent of what a program leaves behind when it ends: a sandbox whose first
/// process is slow to end, or was made to ignore its parent's end.
pub(crate) fn adopt_orphans() -> io::Result<()> {
    Ok(set_child_subreaper(Some(getpid()))?)
}

/// Ends the sandboxes whose own parent has ended, and waits until nothing of them is left. The
/// kernel ends all processes of a namespace with its first one. A kernel without
/// CONFIG_PROC_CHILDREN does not tell which they are.
pub fn end_orphans() {
    let own = namespace(getpid());
    let is_orphan = |&child: &Pid| namespace(child).is_some_and(|of| Some(of) != own);
    for child in children(getpid()).into_iter().filter(is_orphan) {
        let _ = kill_process(child, Signal::KILL);
        let _ = waitpid(Some(child), WaitOptions::empty());
    }
}

/// The namespace of a process's identifier. A process that has ended and waits for its parent has
/// none.
fn namespace(of: Pid) -> Option<PathBuf> {
    std::fs::read_link(format!("/proc/{}/ns/pid", of.as_raw_nonzero())).ok()
}

/// Ends all programs that kpsc has started, and those that they have started.
pub(crate) fn end_all() {
    let mut pending = children(getpid());
    while let Some(child) = pending.pop() {
        // What it has started has another parent when it is gone.
        pending.extend(children(child));
        let _ = kill_process(child, Signal::KILL);
    }
    for child in children(getpid()) {
        // It may be new, and it may still write. Who started it learns its status.
        let _ = kill_process(child, Signal::KILL);
        let _ = waitid(WaitId::Pid(child), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT);
    }
    end_orphans();
}

/// The children of a process, as far as the kernel tells (CONFIG_PROC_CHILDREN).
fn children(of: Pid) -> Vec<Pid> {
    let tasks = PathBuf::from(format!("/proc/{}/task", of.as_raw_nonzero()));
    let tasks = std::fs::read_dir(tasks).into_iter().flatten().flatten();
    let lists = tasks.filter_map(|task| std::fs::read_to_string(task.path().join("children")).ok());
    let words = |list: String| -> Vec<Pid> {
        list.split_whitespace().filter_map(|pid| Pid::from_raw(pid.parse().ok()?)).collect()
    };
    lists.flat_map(words).collect()
}
