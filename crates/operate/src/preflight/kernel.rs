// SPDX-License-Identifier: GPL-2.0
//! Whether the running kernel and its modules are those that a livepatch was built for.

use super::super::{note, read, Incoming, System};
use super::unseen;
use kps_diag::{Diagnostic, KERNEL_OOPSED, MODULE_NOT_LOADED, OTHER_KERNEL, OTHER_LOADED_MODULE};
use kps_host::input::read_at_most;

const NOTES: &str = "sys/kernel/notes";

/// The identity of a kernel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kernel {
    /// `uname -r`.
    pub release: String,
    /// The GNU build-id, in hexadecimal.
    pub build_id: String,
}

impl Kernel {
    /// The kernel of a system, if it can be read.
    pub fn of(system: &System) -> Option<Kernel> {
        let release = read(&system.path("proc/sys/kernel/osrelease"))?;
        Some(Kernel { release, build_id: build_id(system, NOTES)? })
    }
}

fn build_id(system: &System, path: &str) -> Option<String> {
    const MOST: u64 = 1 << 16;
    note::build_id(&read_at_most(&system.path(path), MOST).ok()??)
}

pub(super) fn check(system: &System, incoming: &Incoming) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    match Kernel::of(system) {
        Some(kernel) => found.extend(other_kernel(&kernel, incoming)),
        None => {
            found.push(unseen("which kernel is running", NOTES, "sysfs or procfs is not mounted"));
        }
    }
    found.extend(has_oopsed(system));
    found
}

fn other_kernel(kernel: &Kernel, incoming: &Incoming) -> Option<Diagnostic> {
    let Kernel { release, build_id } = kernel;
    let name = &incoming.name;
    let wanted = incoming.release.as_ref().filter(|wanted| *wanted != release);
    let id = incoming.note.as_ref().map(|note| &note.build_id).filter(|id| *id != build_id);
    let error = match (wanted, id) {
        (None, None) => return None,
        (Some(wanted), _) => Diagnostic::new(
            OTHER_KERNEL,
            format!("`{name}` was built for {wanted}, but {release} is running"),
        ),
        (None, Some(id)) => Diagnostic::new(
            OTHER_KERNEL,
            format!("`{name}` was built for another build of {release} than the running one"),
        )
        .note(format!("its kernel has build-id {id}, the running kernel has {build_id}")),
    };
    Some(error.help("build it for the running kernel, whose release `uname -r` prints"))
}

/// A task that an oops killed may still hold a lock, and other tasks then wait for it in a function
/// that changes.
fn has_oopsed(system: &System) -> Option<Diagnostic> {
    /// `TAINT_DIE` of `include/linux/panic.h`.
    const DIED: u64 = 1 << 7;
    let taint: u64 = read(&system.path("proc/sys/kernel/tainted"))?.parse().ok()?;
    (taint & DIED != 0).then(|| {
        Diagnostic::new(KERNEL_OOPSED, "the kernel has oopsed since boot")
            .note("tasks may wait forever for a lock of the task that died, and the transition waits for those tasks")
            .help("look for the oops in the kernel's log; reboot the machine if you can")
    })
}

/// The modules that a livepatch changes: loaded or not, and the right ones or not. A wrong one
/// stays unpatched (`runtime/src/gate.rs`).
pub(super) fn check_objects(system: &System, incoming: &Incoming) -> Vec<Diagnostic> {
    let modules = incoming.objects.iter().filter_map(|object| object.name.module());
    modules.filter_map(|module| check_object(system, incoming, module)).collect()
}

fn check_object(system: &System, incoming: &Incoming, module: &str) -> Option<Diagnostic> {
    let name = &incoming.name;
    if !system.module(module).is_dir() {
        let remark = Diagnostic::new(MODULE_NOT_LOADED, format!("`{module}` is not loaded"));
        return Some(
            remark.note(format!("the changes of `{name}` take effect when `{module}` is loaded")),
        );
    }
    let (_, wanted) = incoming.note.as_ref()?.modules.iter().find(|(known, _)| known == module)?;
    let path = format!("sys/module/{module}/notes/.note.gnu.build-id");
    match build_id(system, &path) {
        Some(id) if id == *wanted => None,
        Some(id) => Some(
            Diagnostic::new(
                OTHER_LOADED_MODULE,
                format!("the loaded `{module}` is not the one that `{name}` was built for"),
            )
            .note(format!("its build-id is {id}, but the patch was built for {wanted}"))
            .note("if it has every function and symbol that the patch names in it, it stays unpatched and the rest takes effect")
            .note("if it lacks one, the kernel refuses the whole patch with EINVAL")
            .help("build the patch for the loaded module, or load the module that it was built for"),
        ),
        None => Some(unseen(
            &format!("whether `{module}` is the module that `{name}` was built for"),
            &path,
            "it does not exist, or this user may not read it",
        )),
    }
}
