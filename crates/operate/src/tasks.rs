// SPDX-License-Identifier: GPL-2.0
//! Tasks that block a transition.

use super::{read, System};
use kps_host::disk::entries;

/// A task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    /// Its id, which is the process id for a main thread.
    pub id: u32,
    /// Its name.
    pub comm: String,
    /// The top of its kernel stack, if this user may see it.
    pub stack: Vec<String>,
}

/// The tasks in a patch state: 0 for the original code, 1 for the new one, -1 without a transition
/// (`Documentation/filesystems/proc.rst`). Tasks that end meanwhile are left out.
pub fn tasks_in(system: &System, state: i32) -> Vec<Task> {
    /// The frames below are the same kernel entry for every task.
    const SHOWN: usize = 8;
    let mut tasks = Vec::new();
    let processes = entries(&system.path("proc")).unwrap_or_default();
    for process in processes.iter().filter(|path| id(path).is_some()) {
        for task in entries(&process.join("task")).unwrap_or_default() {
            let Some(id) = id(&task) else { continue };
            let found = read(&task.join("patch_state")).and_then(|text| text.parse().ok());
            if found != Some(state) {
                continue;
            }
            let comm = read(&task.join("comm")).unwrap_or_default();
            let stack = read(&task.join("stack")).unwrap_or_default();
            let stack = stack.lines().take(SHOWN).map(str::to_owned).collect();
            tasks.push(Task { id, comm, stack });
        }
    }
    tasks.sort_by_key(|task| task.id);
    tasks
}

/// The number in the name of a procfs folder, if it is a task.
fn id(path: &std::path::Path) -> Option<u32> {
    path.file_name()?.to_str()?.parse().ok()
}
