// SPDX-License-Identifier: GPL-2.0
//! Checks the machine that kpsc runs on, and tells how to install missing programs.

use kps_host::isolation::Isolation;
use kps_host::process::isolated;
use kps_targets::{keyring, Cache};
use std::path::Path;
use std::process::Stdio;

/// A requirement of kpsc.
#[derive(Debug, Clone)]
pub struct Need {
    /// Its name.
    pub name: String,
    /// Its purpose.
    pub purpose: &'static str,
    /// Its state.
    pub state: State,
    /// The first work that cannot be done without it, if there is any.
    pub serves: Option<Work>,
}

/// What is done with a patch, each of which needs what comes before it. Loading needs none of that.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Work {
    /// `kpsc check`.
    Check,
    /// `kpsc build`.
    Build,
    /// `kpsc test`.
    Test,
    /// `kpsc load`.
    Load,
}

impl Work {
    /// All of it.
    pub const ALL: [Work; 4] = [Work::Check, Work::Build, Work::Test, Work::Load];

    /// The command for it.
    pub fn command(self) -> &'static str {
        match self {
            Work::Check => "check",
            Work::Build => "build",
            Work::Test => "test",
            Work::Load => "load",
        }
    }
}

/// The state of a requirement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum State {
    /// It is met.
    Met,
    /// A Debian package is missing.
    Missing(&'static str),
    /// Not met for another reason, with the reason and the fix in words.
    Unmet(String),
}

/// The Debian package of the keys that verify Debian's packages.
const KEYS: &str = "debian-archive-keyring";

/// A program that kpsc calls: the name, the Debian package that contains it, the purpose, and the
/// first work that cannot be done without it.
type Program = (&'static str, &'static str, &'static str, Option<Work>);

fn programs() -> [Program; 4] {
    let qemu = &kps_arch::native().qemu;
    [
        ("apt-get", "apt", "fetches stock kernels and their compilers", Some(Work::Check)),
        (
            "bwrap",
            "bubblewrap",
            "runs those compilers; not needed for a kernel of your own",
            Some(Work::Build),
        ),
        (qemu.program, qemu.package, "boots the kernel for `kpsc test`", Some(Work::Test)),
        (
            "busybox",
            "busybox-static",
            "provides user space for `kpsc test` on a kernel of your own",
            None,
        ),
    ]
}

/// The Debian packages that kpsc can use, each with the first work that cannot be done without it.
pub fn packages() -> Vec<(&'static str, Option<Work>)> {
    let programs = programs().map(|(_, package, _, serves)| (package, serves));
    programs.into_iter().chain([(KEYS, Some(Work::Check))]).collect()
}

/// The disk space in bytes that preparing the first target takes.
const ROOM: u64 = 3 << 30;

/// Checks the machine.
pub fn examine(cache: &Cache) -> Vec<Need> {
    let program =
        |(name, package, purpose, serves)| Need { serves, ..installed(name, package, purpose) };
    let mut needs: Vec<Need> = programs().map(program).into();
    needs.push(Need {
        name: "Debian archive keys".into(),
        purpose: "verify Debian's packages",
        state: if keyring().is_some() { State::Met } else { State::Missing(KEYS) },
        serves: Some(Work::Check),
    });
    if is_installed("bwrap") {
        needs.push(sandbox());
    }
    needs.push(room(cache));
    needs
}

/// Why some work cannot be done here; `None` if it can.
pub fn obstacle(work: Work, needs: &[Need], cache: &Cache) -> Option<String> {
    if work == Work::Load {
        return (!Path::new("/sys/kernel/livepatch").exists())
            .then(|| "the running kernel has no livepatches".to_owned())
            .or_else(|| (!is_root()).then(|| "only root loads modules".to_owned()));
    }
    // What a target is fetched with is not needed any more once there is one.
    let has_target = cache.default_target().ok().flatten().is_some();
    let is_needed = |need: &&Need| {
        need.serves.is_some_and(|first| first <= work && !(has_target && first == Work::Check))
    };
    let lacking = needs.iter().filter(is_needed).filter(|need| need.state != State::Met);
    let names: Vec<&str> = lacking.map(|need| need.name.as_str()).collect();
    (!names.is_empty()).then(|| format!("see {}", names.join(", ")))
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The command that installs everything that is missing; `None` if nothing is.
pub fn remedy(needs: &[Need]) -> Option<String> {
    let packages: Vec<&str> = needs
        .iter()
        .filter_map(|need| match need.state {
            State::Missing(package) => Some(package),
            _ => None,
        })
        .collect();
    let install = |packages: String| {
        format!("apt-get update && apt-get install --no-install-recommends -y {packages}")
    };
    (!packages.is_empty()).then(|| install(packages.join(" ")))
}

/// Whether a program is in the path.
pub fn is_installed(name: &str) -> bool {
    kps_host::process::find(name).is_some()
}

/// A program as a requirement, by its name or its path.
pub fn installed(name: &'static str, package: &'static str, purpose: &'static str) -> Need {
    let state = if is_installed(name) { State::Met } else { State::Missing(package) };
    Need { name: name.into(), purpose, state, serves: None }
}

/// bubblewrap's sandbox uses namespaces, which some machines allow only to root, and kpsc's sandbox
/// is never root's.
fn sandbox() -> Need {
    let mut command = isolated("bwrap", Isolation::new());
    command.args(["--ro-bind", "/", "/", "--unshare-all", "--unshare-user", "true"]);
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    let state = match status {
        Ok(status) if status.success() => State::Met,
        _ => State::Unmet(
            "bwrap cannot create namespaces: allow them to ordinary users \
             (`sysctl kernel.unprivileged_userns_clone=1`, or AppArmor's \
             `kernel.apparmor_restrict_unprivileged_userns=0`)"
                .into(),
        ),
    };
    Need {
        name: "user namespaces".into(),
        purpose: "keep those compilers in a sandbox",
        state,
        serves: Some(Work::Build),
    }
}

/// The disk space for a target, if there is none yet.
fn room(cache: &Cache) -> Need {
    let there = cache.root().ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"));
    let free = rustix::fs::statvfs(there).map_or(0, |disk| disk.f_bavail * disk.f_frsize);
    let ready = cache.default_target().ok().flatten().is_some_and(|target| target.tree().is_some());
    let gigabytes = |bytes: u64| bytes as f64 / f64::from(1 << 30);
    let state = match ready || free >= ROOM {
        true => State::Met,
        false => State::Unmet(format!(
            "{} has {:.1} GB free and a first stock kernel needs {:.0}: free some space, or set KPSC_CACHE to another folder",
            there.display(),
            gigabytes(free),
            gigabytes(ROOM)
        )),
    };
    Need {
        name: format!("disk space in {}", cache.root().display()),
        purpose: "keeps kernels and compilers",
        state,
        serves: Some(Work::Check),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn need(state: State) -> Need {
        Need { name: "x".into(), purpose: "y", state, serves: None }
    }

    #[test]
    fn one_command_gets_all_that_is_missing() {
        let needs = [
            need(State::Missing("a")),
            need(State::Met),
            need(State::Unmet("b".into())),
            need(State::Missing("c")),
        ];
        let wanted = "apt-get update && apt-get install --no-install-recommends -y a c";
        assert_eq!(remedy(&needs).as_deref(), Some(wanted));
        assert_eq!(remedy(&needs[1..3]), None);
    }
}
