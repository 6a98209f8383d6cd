// SPDX-License-Identifier: GPL-2.0
//! Lists the stock kernels, and selects one.

use super::super::gather::parse_config;
use super::super::loadable::check_symbol_versions;
use super::apt::{Apt, Version, With};
use super::archive::unpack_package;
use super::suites::{family, family_of, place, SUITE};
use kps_diag::{Diagnostic, NO_SUITABLE_KERNEL};
use kps_facts::Mode;
use kps_host::disk::remove;
use kps_host::input;
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::path::Path;

/// The stock kernel to select.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// The release, `uname -r`, or how it starts: the newest one of these. The newest of all by
    /// default.
    pub release: Option<String>,
    /// The suite, or a family of suites by the name of its release of Debian; all that kpsc knows
    /// by default.
    pub suite: Option<String>,
    /// The flavour: the end of the release.
    pub flavour: Option<String>,
    /// The mirror; by default the one that the machine's apt uses.
    pub mirror: Option<String>,
    /// What patches in Rust stand on; by default the kernel's own crate if it has one.
    pub mode: Option<Mode>,
}

/// A stock kernel, as the archive's lists know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Available {
    /// Its release.
    pub release: String,
    /// The suite that it is in.
    pub suite: String,
    /// What patches can stand on. The lists do not tell whether a kernel has `CONFIG_RUST`; this
    /// follows from its version.
    pub mode: Mode,
    /// Whether the archive still has its headers, without which it cannot be added.
    pub has_headers: bool,
    /// The version of its packages.
    version: String,
}

/// A kernel, according to its header package.
pub(super) struct Chosen {
    pub(super) release: String,
    pub(super) version: String,
    /// The family of suites that it comes from.
    pub(super) suite: String,
    /// What its patches stand on.
    pub(super) mode: Mode,
    pub(super) config: String,
    pub(super) symvers: String,
}

const HEADERS: &str = "linux-headers-";
const IMAGE: &str = "linux-image-";

/// The first version that Debian has built with `CONFIG_RUST`, in all flavours.
const RUST_SINCE: [u64; 2] = [6, 18];

impl Request {
    /// The suites to look at: a choice of the newest kernel is one of the default suite's.
    pub(super) fn view(&self) -> Option<&str> {
        let family = || match &self.release {
            None => Some(SUITE),
            Some(release) => family_of(release),
        };
        self.suite.as_deref().or_else(family)
    }

    /// The kernel in words.
    pub(super) fn title(&self) -> String {
        let suite = self.suite.as_deref().unwrap_or(SUITE);
        match (&self.release, self.mode) {
            (Some(release), _) => format!("Debian's kernel {release}"),
            (None, Some(Mode::Core)) => {
                format!("the newest Debian kernel of {suite} with livepatch")
            }
            (None, _) => format!("the newest Debian kernel of {suite} with Rust and livepatch"),
        }
    }

    /// Whether a kernel is among those of the request, if they are of this flavour.
    fn is_about(&self, kernel: &Available, flavour: Option<&str>) -> bool {
        let is_of = |suite: &str| kernel.suite == suite || family(&kernel.suite) == suite;
        if !self.suite.as_deref().is_none_or(is_of) {
            return false;
        }
        let (version, own) = parts(&kernel.release);
        match self.release.as_deref() {
            Some(wanted) if wanted == kernel.release => {
                self.flavour.as_deref().is_none_or(|f| f == own)
            }
            _ if flavour.is_some_and(|flavour| flavour != own) => false,
            Some(wanted) => {
                wanted == version
                    || starts_with(&kernel.release, wanted)
                    || starts_with(&kernel.version, wanted)
            }
            None => true,
        }
    }
}

/// Whether a release or version starts with these numbers.
fn starts_with(version: &str, wanted: &str) -> bool {
    let wanted: Option<Vec<u64>> = wanted.split('.').map(|part| part.parse().ok()).collect();
    wanted.is_some_and(|wanted| numbers(version).starts_with(&wanted))
}

/// A release as version and flavour: `6.1.0-57` and `cloud-amd64`.
fn parts(release: &str) -> (&str, &str) {
    let mut dashes = release.match_indices('-').map(|(at, _)| at);
    let flavour = dashes.find(|at| !release[at + 1..].starts_with(|c: char| c.is_ascii_digit()));
    flavour.map_or((release, ""), |at| (&release[..at], &release[at + 1..]))
}

/// Whether the rest of a package's name is a release. VERSION-FLAVOUR is one, where VERSION is as
/// long as 7.3.4; FLAVOUR and 7.3-FLAVOUR are meta packages, and debug information and unsigned
/// images have packages of their own.
fn is_release(name: &str) -> bool {
    let (version, flavour) = parts(name);
    let mut words = flavour.split('-');
    words.any(|word| word == kps_arch::native().debian.architecture)
        && !words.any(|word| ["dbg", "unsigned", "signed", "template"].contains(&word))
        && numbers(version).len() >= 3
}

/// The kernels that a request is about, newest first.
pub(super) fn available(apt: &Apt, request: &Request) -> Result<Vec<Available>, Diagnostic> {
    let mut kernels = all(apt)?;
    kernels.retain(|kernel| request.is_about(kernel, request.flavour.as_deref()));
    Ok(kernels)
}

/// All kernels of the suites, newest first.
fn all(apt: &Apt) -> Result<Vec<Available>, Diagnostic> {
    let mut names = apt.names(HEADERS)?;
    names.extend(apt.names(IMAGE)?);
    names.retain(|name| {
        let release = name.strip_prefix(HEADERS).or_else(|| name.strip_prefix(IMAGE));
        release.is_some_and(is_release)
    });
    Ok(kernels(&apt.versions(&names)?))
}

/// The kernels of which there is an image.
fn kernels(versions: &[Version]) -> Vec<Available> {
    let of = |prefix: &'static str| {
        let named = move |version: &Version| {
            Some((version.package.strip_prefix(prefix)?.to_owned(), version.clone()))
        };
        versions.iter().filter_map(named)
    };
    let mut images: BTreeMap<String, Vec<Version>> = BTreeMap::new();
    of(IMAGE).for_each(|(release, version)| images.entry(release).or_default().push(version));
    let headers: Vec<_> =
        of(HEADERS).map(|(release, headers)| (release, headers.version)).collect();
    let kernel = |(release, versions): (String, Vec<Version>)| {
        let has_headers =
            |image: &Version| headers.contains(&(release.clone(), image.version.clone()));
        let best = versions.iter().max_by_key(|image| {
            (has_headers(image), order(&image.version), Reverse(place(&image.suite)))
        })?;
        let has_rust = numbers(&best.version).as_slice() >= RUST_SINCE.as_slice();
        Some(Available {
            suite: best.suite.clone(),
            mode: if has_rust { Mode::KernelCrate } else { Mode::Core },
            has_headers: has_headers(best),
            version: best.version.clone(),
            release,
        })
    };
    let mut kernels: Vec<Available> = images.into_iter().filter_map(kernel).collect();
    kernels.sort_by_key(|kernel| {
        let (version, flavour) = parts(&kernel.release);
        (Reverse(order(&kernel.version)), Reverse(order(version)), flavour.to_owned())
    });
    kernels
}

/// All numbers of a version, to compare it with others. What is behind `~` makes no version newer.
fn order(version: &str) -> Vec<u64> {
    let version = version.split('~').next().unwrap_or_default();
    let numbers = version.split(|c: char| !c.is_ascii_digit());
    numbers.filter_map(|number| number.parse().ok()).collect()
}

/// The newest kernel of the flavour that supports livepatches in Rust, or the named one.
pub(super) fn choose(apt: &Apt, request: &Request, folder: &Path) -> Result<Chosen, Diagnostic> {
    let flavour = request.flavour.as_deref().unwrap_or(kps_arch::native().debian.flavour);
    let mut kernels = all(apt)?;
    kernels.retain(|kernel| request.is_about(kernel, Some(flavour)));
    let Some(newest) = kernels.first() else { return Err(none(request, flavour)) };
    if !kernels.iter().any(|kernel| kernel.has_headers) {
        return Err(without_headers(newest));
    }
    // A kernel is searched, or it is named: then it is added as it is, or not.
    let is_named = request.release.is_some();
    let wanted = request.mode.or((!is_named).then_some(Mode::KernelCrate));
    for kernel in kernels.into_iter().filter(|kernel| kernel.has_headers) {
        if !is_named && wanted == Some(Mode::KernelCrate) && kernel.mode == Mode::Core {
            continue;
        }
        let files = folder.join("headers");
        let (config, symvers) = read_headers(apt, &kernel, &files)?;
        remove(&files)?;
        let Available { release, suite, version, .. } = kernel;
        match mode(&parse_config(&config), wanted) {
            Ok(mode) => {
                check_symbol_versions(&release, &config)?;
                let suite = family(&suite).to_owned();
                return Ok(Chosen { release, version, suite, mode, config, symvers });
            }
            Err(option) if is_named => return Err(without(&release, option)),
            Err(_) => {}
        }
    }
    Err(none(request, flavour))
}

/// The configuration and the exports in a kernel's header package.
fn read_headers(
    apt: &Apt,
    kernel: &Available,
    files: &Path,
) -> Result<(String, String), Diagnostic> {
    let package = format!("{HEADERS}{}", kernel.release);
    for file in apt.fetch(&[&format!("{package}={}", kernel.version)], With::Nothing)? {
        unpack_package(&file, files, |path| {
            path.ends_with(".config") || path.ends_with("Module.symvers")
        })?;
    }
    let folder = files.join("usr/src").join(&package);
    let read = |name: &str, limit| input::read_text(&folder.join(name), limit);
    Ok((read(".config", input::CONFIG)?, read("Module.symvers", input::SYMVERS)?))
}

/// What patches of a kernel with this configuration stand on, or the option that it lacks.
fn mode(options: &BTreeMap<String, String>, wanted: Option<Mode>) -> Result<Mode, &'static str> {
    let has = |option: &str| options.get(option).is_some_and(|value| value == "y");
    match wanted {
        _ if !has("CONFIG_LIVEPATCH") => Err("CONFIG_LIVEPATCH"),
        Some(Mode::KernelCrate) if !has("CONFIG_RUST") => Err("CONFIG_RUST"),
        Some(mode) => Ok(mode),
        None if has("CONFIG_RUST") => Ok(Mode::KernelCrate),
        None => Ok(Mode::Core),
    }
}

/// The named kernel lacks an option.
fn without(release: &str, option: &str) -> Diagnostic {
    let help = match option {
        "CONFIG_RUST" => "add it with `--rust core`, which every kernel with livepatch can have",
        _ => "choose another kernel; without options, `kpsc kernel add` takes the newest suitable one",
    };
    Diagnostic::new(NO_SUITABLE_KERNEL, format!("{release} is built without {option}")).help(help)
}

/// All kernels that the request is about lack their headers, which name the kernel's exports.
fn without_headers(kernel: &Available) -> Diagnostic {
    let Available { release, suite, .. } = kernel;
    let message = format!("{suite} has the image of {release}, but its headers are gone");
    Diagnostic::new(NO_SUITABLE_KERNEL, message)
        .note("the archive removes the headers of a kernel before its image")
        .help("choose a kernel that `kpsc kernel list --available` lists with `headers`")
}

/// No kernel is as requested.
fn none(request: &Request, flavour: &str) -> Diagnostic {
    let place = match request.suite.as_deref().or(request.view()) {
        Some(suite) => format!("the suite {suite} has"),
        None => "the suites that kpsc knows have".to_owned(),
    };
    let what = match (&request.release, request.mode) {
        (Some(release), _) if parts(release).1.is_empty() => format!("{flavour} kernel {release}"),
        (Some(release), _) => format!("kernel {release}"),
        (None, Some(Mode::Core)) => format!("{flavour} kernel with livepatch"),
        (None, _) => format!("{flavour} kernel with Rust and livepatch"),
    };
    let mut error = Diagnostic::new(NO_SUITABLE_KERNEL, format!("{place} no {what}"));
    if request.release.is_none() && request.mode.is_none() {
        error = error.note("`--rust core` also takes kernels that are built without Rust");
    }
    error.help(
        "run `kpsc kernel list --available` to see the kernels; choose another suite with `--suite`, or use your own \
         kernel with `--build-dir DIR`",
    )
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
    let package = format!("{IMAGE}{release}-dbg");
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
        false => format!("{IMAGE}{release}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Images and headers as lines of package, version and suite.
    fn listed(lines: &str) -> Vec<Available> {
        let version = |line: &str| {
            let mut words = line.split_whitespace().map(str::to_owned);
            let mut next = || words.next().unwrap_or_default();
            Version { package: next(), version: next(), suite: next() }
        };
        kernels(&lines.lines().map(version).collect::<Vec<_>>())
    }

    const LINES: &str = "\
linux-image-6.1.0-9-cloud-amd64 6.1.20-1 bookworm
linux-headers-6.1.0-9-cloud-amd64 6.1.20-1 bookworm
linux-image-6.1.0-10-cloud-amd64 6.1.192-3 bookworm-security
linux-headers-6.1.0-10-cloud-amd64 6.1.192-3 bookworm-security
linux-image-6.12.117+deb12-amd64 6.12.117-1~deb12u1 bookworm-security
linux-headers-6.12.117+deb12-amd64 6.12.117-1~deb12u1 bookworm-security
linux-image-6.12.117+deb13-amd64 6.12.117-1 trixie-security
linux-image-6.12.117+deb13-amd64 6.12.117-1 trixie
linux-headers-6.12.117+deb13-amd64 6.12.117-1 trixie
linux-image-6.12.9+deb13-rt-amd64 6.12.9-1 trixie-security
linux-image-7.3.4+deb13-cloud-amd64 7.3.4-1~bpo13+1 trixie-backports
linux-headers-7.3.4+deb13-cloud-amd64 7.3.4-1~bpo13+1 trixie-backports
linux-headers-7.4.1+deb13-cloud-amd64 7.4.1-1~bpo13+1 trixie-backports";

    #[test]
    fn kernels_are_listed_newest_first_with_what_is_there() {
        let lines: Vec<String> = listed(LINES)
            .iter()
            .map(|kernel| {
                let Available { release, suite, mode, has_headers, .. } = kernel;
                format!("{release} {suite} {} {has_headers}", mode.as_str())
            })
            .collect();
        let wanted = [
            "7.3.4+deb13-cloud-amd64 trixie-backports kernel true",
            "6.12.117+deb13-amd64 trixie core true",
            "6.12.117+deb12-amd64 bookworm-security core true",
            "6.12.9+deb13-rt-amd64 trixie-security core false",
            "6.1.0-10-cloud-amd64 bookworm-security core true",
            "6.1.0-9-cloud-amd64 bookworm core true",
        ];
        assert_eq!(lines, wanted);
    }

    #[test]
    fn of_several_versions_the_newest_with_headers_counts() {
        let lines = "\
linux-image-6.1.0-9-amd64 6.1.20-1 bookworm
linux-image-6.1.0-9-amd64 6.1.20-10 bookworm-security
linux-headers-6.1.0-9-amd64 6.1.20-1 bookworm";
        let kernels = listed(lines);
        assert_eq!((kernels[0].version.as_str(), kernels[0].has_headers), ("6.1.20-1", true));
        let lines = lines.replace("linux-headers-6.1.0-9", "linux-headers-6.1.0-8");
        let kernels = listed(&lines);
        assert_eq!((kernels[0].version.as_str(), kernels[0].has_headers), ("6.1.20-10", false));
    }

    #[test]
    fn packages_of_kernels_have_a_release_in_their_names() {
        let yes = ["6.1.0-57-cloud-amd64", "6.12.90+deb13.1-rt-amd64", "7.3.4+deb13-amd64"];
        assert!(yes.iter().all(|name| is_release(name)));
        let no = [
            "amd64",
            "cloud-amd64",
            "6.12-amd64",
            "6.1.0-57-amd64-dbg",
            "6.1.0-57-amd64-unsigned",
            "7.3.4+deb13-common",
            "6.12-amd64-signed-template",
        ];
        assert!(!no.iter().any(|name| is_release(name)));
        assert_eq!(parts("6.1.0-57-cloud-amd64"), ("6.1.0-57", "cloud-amd64"));
        assert_eq!(parts("6.12.90+deb13.1-amd64"), ("6.12.90+deb13.1", "amd64"));
        assert_eq!(parts("6.12"), ("6.12", ""));
    }

    #[test]
    fn a_release_may_be_named_by_its_start() {
        let kernels = listed(LINES);
        let first = |wanted: &str, suite: Option<&str>, flavour: Option<&str>| -> Option<&str> {
            let request = Request {
                release: Some(wanted.to_owned()),
                suite: suite.map(str::to_owned),
                flavour: flavour.map(str::to_owned),
                ..Request::default()
            };
            let flavour = flavour.unwrap_or("cloud-amd64");
            let found = kernels.iter().find(|kernel| request.is_about(kernel, Some(flavour)));
            found.map(|kernel| kernel.release.as_str())
        };
        let cases = [
            ("6.1", None, None, Some("6.1.0-10-cloud-amd64")),
            ("6.1.20", None, None, Some("6.1.0-9-cloud-amd64")),
            ("6.1.0-9", None, None, Some("6.1.0-9-cloud-amd64")),
            ("6.1.0-9-cloud-amd64", None, Some("amd64"), None),
            ("6.1", Some("bookworm"), None, Some("6.1.0-10-cloud-amd64")),
            ("6.1", Some("bookworm-security"), None, Some("6.1.0-10-cloud-amd64")),
            ("6.1", Some("trixie"), None, None),
            ("6.12", None, None, None),
            ("6.12", None, Some("amd64"), Some("6.12.117+deb13-amd64")),
            ("6.12.117+deb12-amd64", None, None, Some("6.12.117+deb12-amd64")),
            ("7", None, None, Some("7.3.4+deb13-cloud-amd64")),
            ("7.3.4", None, None, Some("7.3.4+deb13-cloud-amd64")),
            ("7.3.", None, None, None),
            ("7.30", None, None, None),
            ("", None, None, None),
        ];
        for (release, suite, flavour, wanted) in cases {
            assert_eq!(first(release, suite, flavour), wanted, "{release} {suite:?} {flavour:?}");
        }
    }

    #[test]
    fn the_mode_follows_the_configuration_and_the_request() {
        let options = |text: &str| parse_config(text);
        let rust = options("CONFIG_LIVEPATCH=y\nCONFIG_RUST=y\n");
        let c = options("CONFIG_LIVEPATCH=y\n");
        let (kernel, core) = (Some(Mode::KernelCrate), Some(Mode::Core));
        assert_eq!(mode(&rust, None), Ok(Mode::KernelCrate));
        assert_eq!(mode(&rust, core), Ok(Mode::Core));
        assert_eq!(mode(&c, None), Ok(Mode::Core));
        assert_eq!(mode(&c, kernel), Err("CONFIG_RUST"));
        assert_eq!(mode(&options("CONFIG_RUST=y\n"), core), Err("CONFIG_LIVEPATCH"));
    }
}
