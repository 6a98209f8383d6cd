// SPDX-License-Identifier: GPL-2.0
//! The installed livepatches, for the verbs that show, load or change them.

use crate::answer::Answer;
use kps_diag::{list, Diagnostic, Severity, FILE_ERROR, NOT_SET_UP, NO_BUILD, UNREADABLE_STATE};
use kps_operate::store::{Change, Entry, Release, Set, Store};
use kps_operate::{setup, Kernel, System};
use kps_report::complain;
use serde::Serialize;

/// An installed livepatch in JSON.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Installed {
    /// The release of the kernel that it is installed for.
    release: String,
    /// The number of the set that it is in.
    generation: u32,
    pub(crate) name: String,
    /// The kernel's build-id, if the module tells it.
    build_id: Option<String>,
    pub(crate) version: Option<String>,
    fixes: Vec<String>,
    /// `NAME=VALUE`.
    parameters: Vec<String>,
    /// SHA-256 of the module.
    sha256: String,
    /// The package that has installed it.
    package: Option<String>,
    /// Whether the running kernel has this very build, and has not disabled it; `null` where that
    /// is not compared.
    pub(crate) loaded: Option<bool>,
}

impl Installed {
    pub(crate) fn of(set: &Set, entry: &Entry) -> Installed {
        let Entry { name, build_id, sha256, params, version, fixes, package, .. } = entry.clone();
        Installed {
            release: set.release.to_string(),
            generation: set.generation,
            name,
            build_id,
            version,
            fixes,
            parameters: params,
            sha256,
            package,
            loaded: None,
        }
    }
}

/// The line for an installed livepatch.
pub(crate) fn describe(set: &Set, entry: &Entry) -> String {
    let mut columns = vec![set.release.to_string(), entry.name.clone()];
    columns.extend(entry.version.as_ref().map(|version| format!("version {version}")));
    columns.extend((!entry.fixes.is_empty()).then(|| format!("fixes {}", entry.fixes.join(", "))));
    columns.extend(entry.package.as_ref().map(|package| format!("package {package}")));
    columns.extend((!entry.params.is_empty()).then(|| entry.params.join(" ")));
    columns.join("\t")
}

/// The release of the running kernel.
pub(crate) fn running(system: &System) -> Result<Release, Diagnostic> {
    let release = Kernel::of(system).and_then(|kernel| Release::of(&kernel.release));
    release.ok_or_else(|| {
        let message = "it is unknown which kernel is running";
        Diagnostic::with(Severity::Error, UNREADABLE_STATE, message)
            .note("/proc/sys/kernel/osrelease or /sys/kernel/notes cannot be read")
            .help("mount procfs at /proc and sysfs at /sys")
    })
}

/// The release that a user names, or that of the running kernel.
pub(crate) fn release_of(name: Option<&str>, system: &System) -> Result<Release, Diagnostic> {
    let Some(name) = name else { return running(system) };
    Release::of(name).ok_or_else(|| {
        Diagnostic::new(FILE_ERROR, format!("`{name}` is not the release of a kernel"))
            .help("write it as `uname -r` prints it")
    })
}

/// The livepatches of a set that are for the running build of its kernel.
pub(crate) fn matching<'s>(set: &'s Set, system: &System) -> Vec<&'s Entry> {
    let build_id = Kernel::of(system).map_or(String::new(), |kernel| kernel.build_id);
    set.entries.iter().filter(|entry| entry.is_for(&build_id)).collect()
}

/// The warnings about installed livepatches that have no build for the running kernel.
pub(crate) fn without_build(
    system: &System,
    release: &Release,
    set: Option<&Set>,
) -> Result<Vec<Diagnostic>, Diagnostic> {
    let advice = "build it for this kernel, and install that";
    let missing = Store::of(system).missing(release)?.into_iter().map(|missing| {
        let releases: Vec<_> = missing.releases.iter().map(Release::as_str).collect();
        Diagnostic::new(NO_BUILD, format!("`{}` has no build for {release}", missing.name))
            .note(format!("it is installed for {}", list(&releases, "and")))
            .help(advice)
    });
    let matching: Vec<_> = set.map(|set| matching(set, system)).unwrap_or_default();
    let others = set.into_iter().flat_map(|set| &set.entries);
    let others = others.filter(|entry| !matching.iter().any(|other| other.name == entry.name));
    let others = others.map(|entry| {
        let message = format!("`{}` has no build for this build of {release}", entry.name);
        let build_id = entry.build_id.as_deref().unwrap_or_default();
        let error = Diagnostic::new(NO_BUILD, message);
        error.note(format!("it is installed for the kernel with build-id {build_id}")).help(advice)
    });
    Ok(missing.chain(others).collect())
}

/// Adds what a writer has changed to the answer, and has `modprobe` know of it.
pub(crate) fn tell(change: &Change, system: &System, answer: &mut Answer) {
    let release = &change.release;
    for entry in change.removed() {
        let is_again = change.added().iter().any(|other| other.name == entry.name);
        if !is_again {
            let owner = entry.package.as_ref().map(|of| format!(", of the package {of}"));
            let owner = owner.unwrap_or_default();
            answer.say(format!("{} is no longer installed for {release}{owner}", entry.name));
        }
    }
    for entry in change.added() {
        answer.say(format!("{} is installed for {release}", entry.name));
    }
    if change.added().is_empty() && change.removed().is_empty() {
        answer.say(format!("nothing has changed for {release}"));
    }
    if let Some(set) = &change.after {
        answer.installed.extend(set.entries.iter().map(|entry| Installed::of(set, entry)));
    }
    if let Err(error) = setup::renew_modprobe(system) {
        answer.report(&[Diagnostic { severity: Severity::Warning, ..error }]);
    }
}

/// Warns if no unit loads what is installed.
pub(crate) fn warn_unless_set_up(system: &System, program: &str, answer: &mut Answer) {
    if setup::is_set_up(system) {
        return;
    }
    answer.report(&[Diagnostic::new(
        NOT_SET_UP,
        "nothing loads the installed livepatches at boot",
    )
    .help(format!("run `{program} setup`, which enables a systemd unit that does"))]);
}

/// Prints the remark for an empty list.
pub(crate) fn nothing(program: &str) {
    complain(&format!("no livepatch is installed; `{program} install NAME.ko` installs one\n"));
}
