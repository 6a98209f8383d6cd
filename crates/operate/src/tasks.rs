// SPDX-License-Identifier: GPL-2.0
//! Tasks that block a transition.

use super::{read, Livepatch, System};
use kps_host::disk::entries;
use std::io::ErrorKind;
use std::path::Path;

/// A task that a transition waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Its id, which is the process id for a main thread.
    pub id: u32,
    /// Its name.
    pub comm: String,
    /// Whether it is a thread of the kernel.
    pub is_kernel_thread: bool,
    /// The function on its stack that keeps it from switching, or else the one that it is in, if
    /// this user may see its stack. A task that runs has no stack to show.
    pub function: Option<String>,
    /// The top of its kernel stack, if this user may see it.
    pub stack: Vec<String>,
    /// The systemd unit that it belongs to.
    pub unit: Option<Unit>,
}

/// A unit of systemd, from the name of a control group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Its name.
    pub name: String,
    /// The user whose service manager runs it; `None` for the system's.
    pub user: Option<u32>,
}

/// The tasks that a transition waits for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Behind {
    /// Those that this user may see, by id. Idle tasks of processors are never among them.
    pub tasks: Vec<Task>,
    /// How many tasks this user may not look into: any of them may be behind.
    pub unseen: usize,
}

/// The tasks whose `patch_state` is this one: 0 for the original code, 1 for the new one, -1
/// without a transition (`Documentation/filesystems/proc.rst`). Tasks that end meanwhile are left
/// out. The functions of `patches` are those that may keep a task.
pub fn tasks_in(system: &System, state: i32, patches: &[Livepatch]) -> Behind {
    let mut behind = Behind::default();
    for process in entries(&system.path("proc")).unwrap_or_default() {
        if id(&process).is_none() {
            continue;
        }
        for folder in entries(&process.join("task")).unwrap_or_default() {
            let Some(id) = id(&folder) else { continue };
            match std::fs::read_to_string(folder.join("patch_state")) {
                Ok(text) if text.trim().parse() == Ok(state) => {
                    behind.tasks.push(task(id, &folder, patches));
                }
                Err(error) if error.kind() == ErrorKind::PermissionDenied => behind.unseen += 1,
                _ => {}
            }
        }
    }
    behind.tasks.sort_by_key(|task| task.id);
    behind
}

fn task(id: u32, folder: &Path, patches: &[Livepatch]) -> Task {
    /// The frames below are the same kernel entry for every task.
    const SHOWN: usize = 8;
    let stack = read(&folder.join("stack")).unwrap_or_default();
    let stack: Vec<String> = stack.lines().map(str::to_owned).collect();
    Task {
        id,
        comm: read(&folder.join("comm")).unwrap_or_default(),
        is_kernel_thread: read(&folder.join("stat")).is_some_and(|stat| is_kernel_thread(&stat)),
        function: function(&stack, patches).map(str::to_owned),
        stack: stack.into_iter().take(SHOWN).collect(),
        unit: read(&folder.join("cgroup")).and_then(|text| unit(&text)),
    }
}

/// The number in the name of a procfs folder, if it is a task.
fn id(path: &Path) -> Option<u32> {
    path.file_name()?.to_str()?.parse().ok()
}

/// `ID (NAME) STATE PARENT GROUP SESSION TTY TTY_GROUP FLAGS ..`, where the name may be anything.
fn is_kernel_thread(stat: &str) -> bool {
    /// `PF_KTHREAD` of `include/linux/sched.h`.
    const KTHREAD: u64 = 0x0020_0000;
    const FLAGS: usize = 6;
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    let flags = fields.split_whitespace().nth(FLAGS).and_then(|flags| flags.parse::<u64>().ok());
    flags.is_some_and(|flags| flags & KTHREAD != 0)
}

/// The first function on a stack that a livepatch changes or brings, or else the topmost.
fn function<'s>(stack: &'s [String], patches: &[Livepatch]) -> Option<&'s str> {
    let changes = |name: &str| {
        // The compiler's clones of a function, such as `NAME.cold`, hold a task like the function.
        let name = name.split('.').next().unwrap_or(name);
        let functions = patches.iter().flat_map(|patch| &patch.objects).flat_map(|o| &o.functions);
        functions.filter_map(|known| known.split(',').next()).any(|known| known == name)
    };
    let brings = |module: Option<&str>| patches.iter().any(|patch| Some(&*patch.name) == module);
    let frames = || stack.iter().filter_map(|line| frame(line));
    let holding = frames().find(|(name, module)| changes(name) || brings(*module));
    holding.or_else(|| frames().next()).map(|(name, _)| name)
}

/// The function of `[<0>] NAME+0xOFFSET/0xSIZE [MODULE]`, and its module.
fn frame(line: &str) -> Option<(&str, Option<&str>)> {
    let (_, place) = line.split_once("] ")?;
    let (name, rest) = place.split_once('+')?;
    let module = rest.split_once(" [").and_then(|(_, module)| module.strip_suffix(']'));
    Some((name, module))
}

/// The unit of a task's control group, in the unified hierarchy or in systemd's own: the outermost
/// one, because what is below it may be another system, in a container. Below a user's service
/// manager it is the next one. Its users name these folders, so a name may be anything.
fn unit(cgroup: &str) -> Option<Unit> {
    let path = |line: &str| {
        let mut parts = line.splitn(3, ':');
        let (hierarchy, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        (hierarchy == "0" || controllers == "name=systemd").then(|| path.to_owned())
    };
    let path = cgroup.lines().find_map(path)?;
    let mut units = path.split('/').filter(|part| is_unit(part));
    let outer = units.next()?;
    let manager = outer.strip_prefix("user@").and_then(|user| user.strip_suffix(".service"));
    Some(match (manager.and_then(|user| user.parse().ok()), units.next()) {
        (Some(user), Some(inner)) => Unit { name: inner.to_owned(), user: Some(user) },
        _ => Unit { name: outer.to_owned(), user: None },
    })
}

/// A service or scope, of the characters that a unit's name has (`systemd.unit(5)`).
fn is_unit(part: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ":-_.\\@".contains(c);
    (part.ends_with(".service") || part.ends_with(".scope")) && part.chars().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Changed, State};
    use std::slice::from_ref;

    #[test]
    fn a_unit_is_the_outermost_of_its_group_or_a_users_own() {
        let named = |name: &str, user| Some(Unit { name: name.into(), user });
        let system = "12:cpu:/x.service\n0::/system.slice/system-getty.slice/getty@tty1.service\n";
        assert_eq!(unit(system), named("getty@tty1.service", None));
        let user = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/app-x.scope\n";
        assert_eq!(unit(user), named("app-x.scope", Some(1000)));
        assert_eq!(unit("1:name=systemd:/init.scope\n"), named("init.scope", None));
        assert_eq!(
            unit("0::/system.slice/dbus-:1.3-org.x@0.service\n"),
            named("dbus-:1.3-org.x@0.service", None)
        );
        assert_eq!(
            unit("0::/system.slice/docker-0a.scope/system.slice/nginx.service\n"),
            named("docker-0a.scope", None)
        );
        assert_eq!(unit("0::/user.slice/x;reboot #.service\n"), None);
        assert_eq!(unit("0::/\n"), None);
        assert_eq!(unit(""), None);
    }

    #[test]
    fn threads_of_the_kernel_are_told_by_their_flags() {
        assert!(is_kernel_thread("2 (a) b) S 0 0 0 0 -1 2129984 0 0"));
        assert!(!is_kernel_thread("70 (sleep) S 1 70 1 34816 70 4194304 80"));
        assert!(!is_kernel_thread("70 (sleep"));
    }

    #[test]
    fn the_function_is_the_one_that_a_livepatch_changes() {
        let changed = Changed {
            name: "vmlinux".into(),
            functions: vec!["vfs_read,1".into()],
            is_patched: true,
        };
        let patch = Livepatch { objects: vec![changed], ..Livepatch::new("fix", State::Patching) };
        let stack = |frames: &[&str]| -> Vec<String> {
            frames.iter().map(|frame| format!("[<0>] {frame}")).collect()
        };
        let waits = stack(&["pipe_read+0x1/0x2", "vfs_read.cold+0x3/0x4", "ksys_read+0x5/0x6"]);
        assert_eq!(function(&waits, from_ref(&patch)), Some("vfs_read.cold"));
        let brought = stack(&["pipe_read+0x1/0x2", "new_read+0x3/0x4 [fix]"]);
        assert_eq!(function(&brought, from_ref(&patch)), Some("new_read"));
        assert_eq!(function(&stack(&["do_wait+0x1/0x2"]), &[patch]), Some("do_wait"));
        assert_eq!(function(&[], &[]), None);
    }
}
