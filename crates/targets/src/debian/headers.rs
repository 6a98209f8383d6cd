// SPDX-License-Identifier: GPL-2.0
//! The build tree of a stock kernel in core mode: its packages of headers as they are.
//!
//! They hold everything that modules in C are built against. Only the metadata of the kernel's own
//! Rust crate is missing, and core mode needs none.

use super::apt::{Apt, With};
use super::archive::unpack_package;
use super::Origin;
use crate::progress::Progress;
use kps_diag::{Diagnostic, NO_SUITABLE_KERNEL};
use kps_host::disk::{cannot, fill_folder, write_atomically};
use kps_host::input;
use std::path::{Path, PathBuf};

/// The folder that the packages are unpacked into, below that of the target.
const FOLDER: &str = "headers";

/// Where the headers of a kernel are.
pub(super) struct Headers {
    /// The folder to build in.
    pub(super) build: PathBuf,
    /// What it refers to: the headers that all flavours share, and the programs and makefiles.
    pub(super) sources: Vec<PathBuf>,
}

/// Fetches and unpacks the headers, once.
pub(super) fn unpack(
    apt: &Apt,
    folder: &Path,
    origin: &Origin,
    progress: Progress,
) -> Result<Headers, Diagnostic> {
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
                lead_below(&partial.join("usr/src").join(&package), &unpacked)
            })
        })?;
    }
    Headers::below(&unpacked, &origin.release)
}

/// Everything but documentation and a kernel that has its types only.
fn is_needed(path: &Path) -> bool {
    path.starts_with("usr/src") && !path.ends_with("vmlinux") || path.starts_with("usr/lib")
}

/// Makes the makefile of the headers include those that they share where these are now: it has the
/// path of an installed package.
fn lead_below(build: &Path, unpacked: &Path) -> Result<(), Diagnostic> {
    let makefile = build.join("Makefile");
    let text = input::read_text(&makefile, input::MAKEFILE)?;
    let below = format!("{}/usr/src/", unpacked.display());
    write_atomically(&makefile, text.replace("/usr/src/", &below).as_bytes())
}

impl Headers {
    fn below(unpacked: &Path, release: &str) -> Result<Headers, Diagnostic> {
        let build = unpacked.join("usr/src").join(format!("linux-headers-{release}"));
        let follow =
            |link: &Path| link.canonicalize().map_err(|error| cannot("open", link, &error));
        // `usr/lib/modules/RELEASE/source` leads to the shared headers in some versions only.
        let makefile = input::read_text(&build.join("Makefile"), input::MAKEFILE)?;
        let common = makefile.lines().find_map(|line| {
            line.strip_prefix("include ").and_then(|path| path.trim().strip_suffix("/Makefile"))
        });
        let Some(common) = common else {
            return Err(Diagnostic::new(
                NO_SUITABLE_KERNEL,
                format!("the headers of {release} include no makefile"),
            )
            .help("run `kpsc kernel list --available` to see the other kernels"));
        };
        let scripts = follow(&build.join("scripts"))?;
        let programs = scripts.parent().map(Path::to_owned).unwrap_or(scripts);
        Ok(Headers { build, sources: vec![PathBuf::from(common), programs] })
    }
}
