// SPDX-License-Identifier: GPL-2.0
//! A mount namespace around the test program: the disk that fills up is a file system in memory
//! that nobody else sees, and it is gone when the program ends.

use super::small;
use kps_tests::target::target;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

/// Set in the namespace.
const INSIDE: &str = "KPS_TESTS_INSIDE";
/// Where the disk is. The path is always the same, because build folders remember theirs.
pub(super) const DISK: &str = "/tmp/kps-targets";
/// Where the small kernel is built, in a folder that is kept.
pub(super) const SMALL: &str = "/tmp/kps-targets/small";
/// The compilers of the default target, where everybody may read them.
pub(super) const TOOLCHAIN: &str = "/tmp/kps-targets/toolchain";

/// Starts the program again in a mount namespace, with the disk and the folders in it. Returns
/// there.
pub(crate) fn enter_namespace() {
    if std::env::var_os(INSIDE).is_some() {
        return;
    }
    let toolchain = target().tree().and_then(|tree| tree.toolchain.clone()).unwrap_or_default();
    let script = format!(
        "set -e; mkdir -p {DISK} {kept}; mount -t tmpfs -o mode=755,size=8g none {DISK}; mkdir -p {SMALL} {TOOLCHAIN}
        mount --bind {kept} {SMALL}; mount --bind {toolchain} {TOOLCHAIN}; exec \"$0\" \"$@\"",
        kept = small::kept().display(),
        toolchain = toolchain.display(),
    );
    let mut command = Command::new("unshare");
    if !is_root() {
        command.arg("--map-root-user");
    }
    command.args(["--mount", "sh", "-c", &script]).env(INSIDE, "1");
    let suite = std::env::current_exe().unwrap_or_else(|error| panic!("{error}"));
    let error = command.arg(suite).args(std::env::args_os().skip(1)).exec();
    panic!("unshare (package util-linux) cannot be run: {error}");
}

/// Whether files may be given to somebody else.
pub(super) fn is_root() -> bool {
    let output =
        Command::new("id").arg("-u").output().unwrap_or_else(|error| panic!("id: {error}"));
    output.stdout == b"0\n"
}
