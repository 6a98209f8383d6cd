// SPDX-License-Identifier: GPL-2.0
//! What hostile input cannot do, as root and as an ordinary user: the promises of
//! `docs/security.md`.

mod cache;
mod lending;
mod sandbox;
mod terminal;

use cache::{
    a_cache_of_root_is_good_for_everybody,
    a_cache_that_somebody_else_can_change_is_read_and_nothing_more,
    verify_finds_what_somebody_else_can_change_however_deep,
    what_a_target_is_built_with_is_nobody_elses_wherever_it_is,
};
use kps_tests::schedule::Case;
use kps_tests::{cases, kpsc};
use rustix::process::geteuid;
use std::os::unix::fs::{lchown, PermissionsExt as _};
use std::path::Path;
use std::process::Command;

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    let mut all = cases![
        a_cache_that_somebody_else_can_change_is_read_and_nothing_more,
        a_cache_of_root_is_good_for_everybody,
        what_a_target_is_built_with_is_nobody_elses_wherever_it_is,
        verify_finds_what_somebody_else_can_change_however_deep,
    ];
    all.extend(sandbox::machine_cases());
    all.extend(lending::machine_cases());
    all.push(terminal::case());
    all
}

/// Who runs kpsc.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Person {
    /// Root, of this machine or of a user namespace with many users.
    Root,
    /// Somebody with nothing.
    Ordinary,
}

/// The number of the ordinary user where the suite runs as root.
const ORDINARY: u32 = 12_345;

/// Everyone who must get the same.
const EVERYONE: [Person; 2] = [Person::Root, Person::Ordinary];

/// Runs `kpsc` as the ordinary user, in a mount namespace where the cache and the program can be
/// reached: they may be below a folder of root's.
const REACH: &str = r#"set -e
mount --make-rprivate /
mount -t tmpfs -o mode=0755 none /sys
touch /sys/kpsc
mount --bind "$1" /sys/kpsc
closed=
way=$KPSC_CACHE
while [ "$way" != / ]; do
    way=$(dirname "$way")
    case $(stat -c %A "$way") in *[xt]) ;; *) closed=$way ;; esac
done
if [ "$closed" ]; then
    mkdir /sys/cache
    mount --bind "$KPSC_CACHE" /sys/cache
    mount -t tmpfs -o mode=0755 none "$closed"
    mkdir -p "$KPSC_CACHE"
    mount --bind /sys/cache "$KPSC_CACHE"
fi
user=$2
shift 2
cd /
exec setpriv --reuid "$user" --regid "$user" --clear-groups -- /sys/kpsc "$@"
"#;

impl Person {
    /// kpsc with a cache, run by this person. Its arguments follow.
    fn kpsc(self, cache: &Path) -> Command {
        let program = kpsc().get_program().to_owned();
        let mut command = match (self, geteuid().is_root()) {
            (Person::Root, true) | (Person::Ordinary, false) => Command::new(program),
            (Person::Root, false) => {
                // Needs the package uidmap, and numbers for the user in /etc/subuid.
                let mut command = Command::new("unshare");
                command.args(["--user", "--map-root-user", "--map-auto", "--"]).arg(program);
                command
            }
            (Person::Ordinary, true) => {
                let mut command = Command::new("unshare");
                command.args(["--mount", "sh", "-c", REACH, "sh"]).arg(program);
                command.arg(ORDINARY.to_string());
                command
            }
        };
        command.env("KPSC_CACHE", cache);
        command
    }

    /// Gives a file or a folder to this person.
    fn own(self, path: &Path) {
        let owner = match (self, geteuid().is_root()) {
            (Person::Root, true) => 0,
            (Person::Ordinary, true) => ORDINARY,
            // The suite's user is both.
            (_, false) => return,
        };
        lchown(path, Some(owner), Some(owner))
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }

    /// A folder of this person's that others can enter.
    fn folder(self) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        allow(folder.path(), 0o755);
        self.own(folder.path());
        folder
    }
}

fn allow(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

fn write(path: &Path, text: &str) {
    std::fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
