// SPDX-License-Identifier: GPL-2.0
//! Debug information of the default target, in a cache of its own.

use super::namespace::DISK;
use super::there::{succeed, There};
use kps_tests::target::target;
use std::path::Path;
use std::process::Command;

/// Debug information is fetched once, read, and found damaged when it is. Path lookup ends in
/// `path_put`, which compilers put into its callers since there have been livepatches. The modules
/// are read with the kernel.
pub(super) fn copies_are_known() {
    let default = target();
    let there = There { cache: Path::new(DISK).join("debug"), name: default.release().to_owned() };
    let words = ["kernel", "add", "--release", default.release(), "--facts-only", "--debug"];
    succeed(&mut there.kpsc(&words));
    let spec = Path::new(DISK).join("copies.kps");
    let text = "patch copies { license \"GPL\"; object vmlinux { fn path_put { pre { } } } }";
    std::fs::write(&spec, text).unwrap_or_else(|error| panic!("{error}"));
    let said = succeed(there.kpsc(&["check"]).arg(&spec));
    assert!(said.contains("warning[KPS0415]") && !said.contains("KPS0416"), "{said}");
    assert!(said.contains(".c:"), "no call has a place:\n{said}");
    let inspected = succeed(&mut there.kpsc(&["inspect", "path_put"]));
    assert!(inspected.contains("source      fs/namei.c:"), "{inspected}");
    let inspected = succeed(&mut there.kpsc(&["inspect", "nft_do_chain"]));
    assert!(inspected.contains("nf_tables, which has a symbol of it"), "{inspected}");
    assert_eq!(succeed(&mut there.kpsc(&words)).trim(), there.name, "it was fetched again");
    succeed(&mut there.kpsc(&["kernel", "verify"]));
    succeed(Command::new("rm").arg("-r").arg(&there.cache));
}
