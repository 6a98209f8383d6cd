// SPDX-License-Identifier: GPL-2.0
//! The sandbox that a stock kernel's compilers run in, by bubblewrap.
//!
//! What is built may be hostile: a crate's `Kbuild` is a makefile, and make runs what it says. The
//! sandbox has a folder's `usr` as its `/usr`, and the files that it is given at their own paths:
//! the build tree read-only, and the one folder that is built. It has no network, no capability, no
//! other process, no file of the host, and an environment of its own. Of `/proc` it sees its own
//! processes and nothing of the host.
//!
//! The kernel keeps these walls up against an ordinary user and not against root. So root becomes a
//! user that has nothing before the sandbox is made ([`Isolation`]), and lends it the
//! folders that are written ([`Lent`]).

mod lent;

pub(super) use lent::Lent;

use kps_diag::Diagnostic;
use kps_host::disk::{cannot, entries};
use kps_host::isolation::Isolation;
use kps_host::process::{find, isolated, program};
use std::ffi::{OsStr, OsString};
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

/// The program that makes the sandbox.
pub(super) const BWRAP: &str = "bwrap";

/// A sandbox that is being described.
pub(super) struct Sandbox {
    isolation: Isolation,
    arguments: Vec<OsString>,
    /// The environment. bubblewrap passes on its own: everybody can read the words of a command,
    /// and a variable may hold a secret.
    environment: Vec<(String, String)>,
}

impl Sandbox {
    /// A sandbox with the programs and libraries of a folder and nothing else.
    pub(super) fn new(root: &Path) -> Result<Sandbox, Diagnostic> {
        let mut sandbox =
            Sandbox { isolation: Isolation::new(), arguments: Vec::new(), environment: Vec::new() };
        sandbox.add(["--unshare-all", "--unshare-user", "--die-with-parent", "--new-session"]);
        // Everybody's sandbox has the same user and the same host.
        sandbox.add(["--hostname", "kpsc", "--uid", "1000", "--gid", "1000"]);
        if can_forbid_namespaces() {
            // A user namespace inside would have capabilities again, if only for itself.
            sandbox.add(["--disable-userns"]);
        }
        sandbox.read(&root.join("usr"), Path::new("/usr"))?;
        for (to, at) in [
            ("usr/bin", "/bin"),
            ("usr/sbin", "/sbin"),
            ("usr/lib", "/lib"),
            ("usr/lib64", "/lib64"),
        ] {
            sandbox.add(["--symlink", to, at]);
        }
        sandbox.add(["--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/run", "--proc", "/proc"]);
        sandbox.cover_proc()?;
        sandbox.set("PATH", "/usr/bin:/usr/sbin");
        sandbox.set("LANG", "C.UTF-8");
        sandbox.set("HOME", "/tmp");
        Ok(sandbox)
    }

    /// Covers all of `/proc` but the sandbox's own processes: the rest is about the host. A file
    /// that is covered by a device cannot be opened, because the sandbox may open no device there.
    fn cover_proc(&mut self) -> Result<(), Diagnostic> {
        for path in entries(Path::new("/proc"))? {
            let is_process = path.file_name().is_some_and(|name| {
                name.to_string_lossy().bytes().all(|byte| byte.is_ascii_digit())
            });
            // Links lead to the processes.
            let Ok(metadata) = path.symlink_metadata() else { continue };
            if is_process || metadata.is_symlink() {
                continue;
            }
            match metadata.is_dir() {
                true => {
                    self.add([OsStr::new("--tmpfs"), path.as_os_str()]);
                    self.add([OsStr::new("--remount-ro"), path.as_os_str()]);
                }
                false => self.add(["--ro-bind".as_ref(), "/dev/null".as_ref(), path.as_os_str()]),
            }
        }
        self.add(["--remount-ro", "/proc"]);
        Ok(())
    }

    /// Sets a variable of the environment.
    pub(super) fn set(&mut self, name: &str, value: &str) {
        self.environment.push((name.to_owned(), value.to_owned()));
    }

    /// Shows a file or a folder of the host, read-only.
    pub(super) fn read(&mut self, path: &Path, inside: &Path) -> Result<(), Diagnostic> {
        self.bind("--ro-bind", path, inside)
    }

    /// Lets the sandbox write to a folder, at its own path. Root's folder belongs to the sandbox
    /// while the returned value exists.
    pub(super) fn write(&mut self, path: &Path) -> Result<Option<Lent>, Diagnostic> {
        let Some(user) = self.isolation.user() else {
            self.bind("--bind", path, path)?;
            return Ok(None);
        };
        let lent = Lent::new(path, user)?;
        let reachable = self.isolation.reach_opened(lent.folder());
        let reachable = reachable.map_err(|error| cannot("open", path, &error))?;
        self.add([OsStr::new("--bind"), reachable.as_os_str(), path.as_os_str()]);
        Ok(Some(lent))
    }

    fn bind(&mut self, option: &str, path: &Path, inside: &Path) -> Result<(), Diagnostic> {
        let reachable = self.isolation.reach(path).map_err(|error| cannot("open", path, &error))?;
        self.add([OsStr::new(option), reachable.as_os_str(), inside.as_os_str()]);
        Ok(())
    }

    fn add<const N: usize>(&mut self, arguments: [impl AsRef<OsStr>; N]) {
        self.arguments.extend(arguments.map(|argument| argument.as_ref().to_owned()));
    }

    /// The command that runs a program in the sandbox, in one of its folders.
    pub(super) fn command(mut self, name: &str, folder: &Path) -> Command {
        self.add([OsStr::new("--chdir"), folder.as_os_str()]);
        self.add(["--", name]);
        // The variable PATH is the sandbox's, which need not lead to bubblewrap.
        let program = find(BWRAP).unwrap_or_else(|| BWRAP.into());
        let mut command = isolated(program, self.isolation);
        command.env_clear().envs(self.environment).args(self.arguments);
        command
    }
}

/// Whether bubblewrap can forbid user namespaces inside: it can since version 0.8.
fn can_forbid_namespaces() -> bool {
    static KNOWN: OnceLock<bool> = OnceLock::new();
    *KNOWN.get_or_init(|| {
        let help = program(BWRAP).arg("--help").output();
        help.is_ok_and(|help| String::from_utf8_lossy(&help.stdout).contains("--disable-userns"))
    })
}
