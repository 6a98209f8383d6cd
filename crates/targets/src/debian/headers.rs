// SPDX-License-Identifier: GPL-2.0
//! The build tree of a stock kernel in core mode: its packages of headers as they are.
//!
//! They hold everything that modules in C are built against. Only the metadata of the kernel's own
//! Rust crate is missing, and core mode needs none.

use super::apt::{Apt, With};
use super::archive::unpack_package;
use super::Origin;
use crate::header_tree::HeaderTree;
use crate::progress::Progress;
use kps_diag::Diagnostic;
use kps_host::disk::fill_folder;
use std::path::Path;

/// The folder that the packages are unpacked into, below that of the target.
const FOLDER: &str = "headers";

/// Fetches and unpacks the headers, once.
pub(super) fn unpack(
    apt: &Apt,
    folder: &Path,
    origin: &Origin,
    progress: Progress,
) -> Result<HeaderTree, Diagnostic> {
    let unpacked = folder.join(FOLDER);
    if !unpacked.exists() {
        let package = format!("linux-headers-{}", origin.release);
        let own = format!("{package}={}", origin.version);
        let needed = apt.depends(&own)?;
        let needed = needed
            .iter()
            .map(String::as_str)
            .filter(|name| name.starts_with("linux-kbuild-") || name.starts_with("linux-headers-"));
        let packages: Vec<&str> = needed.chain([own.as_str()]).collect();
        let debs =
            progress.step("kernel headers: download", || apt.fetch(&packages, With::Nothing))?;
        progress.step("kernel headers: unpack", || {
            fill_folder(&unpacked, |partial| {
                debs.iter().try_for_each(|deb| unpack_package(deb, partial, is_needed))?;
                HeaderTree::lead_below(&partial.join("usr/src").join(&package), &unpacked)
            })
        })?;
    }
    let build = unpacked.join("usr/src").join(format!("linux-headers-{}", origin.release));
    HeaderTree::of(&build)
}

/// Everything but documentation and a kernel that has its types only.
fn is_needed(path: &Path) -> bool {
    path.starts_with("usr/src") && !path.ends_with("vmlinux") || path.starts_with("usr/lib")
}
