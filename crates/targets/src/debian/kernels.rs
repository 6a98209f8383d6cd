// SPDX-License-Identifier: GPL-2.0
//! Lists the stock kernels, and selects one.

use super::super::gather::parse_config;
use super::apt::{Apt, With};
use super::archive::unpack_package;
use super::SUITE;
use kps_diag::{Diagnostic, NO_SUITABLE_KERNEL};
use kps_facts::Mode;
use kps_host::disk::remove;
use kps_host::input;
use std::path::Path;

/// The stock kernel to select.
#[derive(Debug, Clone)]
pub struct Request {
    /// The release, `uname -r`; the newest one by default.
    pub release: Option<String>,
    /// The suite, by name or by role.
    pub suite: String,
    /// The flavour: the end of the release.
    pub flavour: String,
    /// The mirror; by default the one that the machine's apt uses.
    pub mirror: Option<String>,
    /// The mode; by default that of the kernel.
    pub mode: Option<Mode>,
}

impl Default for Request {
    fn default() -> Self {
        Request {
            release: None,
            suite: SUITE.into(),
            flavour: kps_arch::native().debian.flavour.into(),
            mirror: None,
            mode: None,
        }
    }
}

/// A kernel, according to its header package.
pub(super) struct Chosen {
    pub(super) release: String,
    pub(super) version: String,
    pub(super) config: String,
    pub(super) symvers: String,
    pub(super) mode: Mode,
}

const HEADERS: &str = "linux-headers-";

/// The releases of the flavour, newest first.
pub(super) fn releases(apt: &Apt, request: &Request) -> Result<Vec<String>, Diagnostic> {
    let suffix = format!("-{}", request.flavour);
    let names = apt.names(HEADERS)?;
    let releases = names.iter().filter_map(|name| name.strip_prefix(HEADERS));
    // VERSION-FLAVOUR is a release, where VERSION is as long as 7.3.4; FLAVOUR and 7.3-FLAVOUR are
    // meta packages.
    let mut releases: Vec<String> = releases
        .filter(|name| name.ends_with(&suffix) && numbers(name).len() >= 3)
        .map(str::to_owned)
        .collect();
    releases.sort_by_key(|release| std::cmp::Reverse(numbers(release)));
    Ok(releases)
}

/// The newest kernel of the flavour that supports livepatches in Rust, or the named one.
pub(super) fn choose(apt: &Apt, request: &Request, folder: &Path) -> Result<Chosen, Diagnostic> {
    let releases = match &request.release {
        None => releases(apt, request)?,
        Some(release) => {
            let package = format!("{HEADERS}{release}");
            let there = apt.names(&package)?.contains(&package);
            there.then(|| release.clone()).into_iter().collect()
        }
    };
    for release in releases {
        let package = format!("{HEADERS}{release}");
        let version = apt.version(&package)?;
        let files = folder.join("headers");
        for file in apt.fetch(&[&format!("{package}={version}")], With::Nothing)? {
            unpack_package(&file, &files, |path| {
                path.ends_with(".config") || path.ends_with("Module.symvers")
            })?;
        }
        let read = |name: &str, limit| {
            input::read_text(&files.join("usr/src").join(&package).join(name), limit)
        };
        let config = read(".config", input::CONFIG)?;
        let options = parse_config(&config);
        let has = |option: &str| options.get(option).is_some_and(|value| value == "y");
        let mode =
            request.mode.unwrap_or(if has("CONFIG_RUST") { Mode::KernelCrate } else { Mode::Core });
        if has("CONFIG_LIVEPATCH") && (mode == Mode::Core || has("CONFIG_RUST")) {
            let symvers = read("Module.symvers", input::SYMVERS)?;
            remove(&files)?;
            return Ok(Chosen { release, version, config, symvers, mode });
        }
        if request.release.is_some() {
            let without = if has("CONFIG_LIVEPATCH") { "CONFIG_RUST" } else { "CONFIG_LIVEPATCH" };
            return Err(Diagnostic::new(NO_SUITABLE_KERNEL, format!("{release} is built without {without}"))
                .help(
                    "choose a newer kernel; without options, `kpsc kernel add` takes the newest suitable one",
                ));
        }
    }
    let what = request
        .release
        .clone()
        .unwrap_or_else(|| format!("{} kernel with Rust and livepatch", request.flavour));
    Err(Diagnostic::new(NO_SUITABLE_KERNEL, format!("the suite {} has no {what}", request.suite)).help(
        "run `kpsc kernel list --available` to see its kernels; choose another suite with `--suite`, or use your own \
         kernel with `--build-dir DIR`",
    ))
}

/// The numbers that a release starts with.
pub(super) fn numbers(release: &str) -> Vec<u64> {
    let version = release.split(['-', '+']).next().unwrap_or_default();
    version.split('.').map_while(|part| part.parse().ok()).collect()
}

/// The package with a kernel's image.
pub(super) fn image_package(apt: &Apt, release: &str) -> Result<String, Diagnostic> {
    part(apt, "linux-binary", release)
}

/// The package with its modules.
pub(super) fn modules_package(apt: &Apt, release: &str) -> Result<String, Diagnostic> {
    part(apt, "linux-modules", release)
}

/// The package with the debug information of its image and modules.
pub(super) fn debug_package(apt: &Apt, release: &str) -> Result<String, Diagnostic> {
    let package = format!("linux-image-{release}-dbg");
    match apt.names(&package)?.contains(&package) {
        true => Ok(package),
        false => Err(Diagnostic::new(
            NO_SUITABLE_KERNEL,
            format!("the archive has no debug information for {release}"),
        )
        .note("the archive keeps a kernel's packages until a newer version replaces them")
        .help("add the newest kernel with `kpsc kernel add --debug`")),
    }
}

/// Newer kernels have image and modules in packages of their own.
fn part(apt: &Apt, part: &str, release: &str) -> Result<String, Diagnostic> {
    let package = format!("{part}-{release}");
    Ok(match apt.names(&package)?.contains(&package) {
        true => package,
        false => format!("linux-image-{release}"),
    })
}
