// SPDX-License-Identifier: GPL-2.0
//! Versions that dpkg and rpm both accept and order alike.

use crate::Error;

/// Of a package whose version names no release, and for rpm, which does not do without one.
const RELEASE: &str = "1";

const ALLOWED: &str = "UPSTREAM or UPSTREAM-RELEASE, both of letters, digits, '.', '+' and '~', \
                       the first a digit";

/// The version of a crate, with its pre-release before it: `1.0.0-rc.1` becomes `1.0.0~rc.1`.
pub fn version_of_semver(version: &str) -> String {
    let (version, build) = split(version, '+');
    let version = version.replacen('-', "~", 1).replace('-', ".");
    match build {
        Some(build) => format!("{version}+{}", build.replace('-', ".")),
        None => version,
    }
}

/// The version and the release that rpm gets.
pub(crate) fn for_rpm(version: &str) -> (&str, &str) {
    let (upstream, release) = split(version, '-');
    (upstream, release.unwrap_or(RELEASE))
}

/// Whether the package has no release of its own. Debian calls it native.
pub(crate) fn is_native(version: &str) -> bool {
    !version.contains('-')
}

pub(crate) fn check(field: &'static str, version: &str) -> Result<(), Error> {
    let is_part = |part: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || ".+~".contains(c))
    };
    let (upstream, release) = split(version, '-');
    let is_allowed = starts_with_digit(upstream)
        && is_part(upstream)
        && release.is_none_or(is_part)
        && version.len() <= 100;
    is_allowed.then_some(()).ok_or_else(|| Error::field(field, version, ALLOWED))
}

/// The same for the version of another package, which others chose: it may have an epoch, and what
/// else its format has in versions.
pub(crate) fn is_foreign(version: &str, more: &str) -> bool {
    let (epoch, version) = match version.split_once(':') {
        Some((epoch, version)) => (epoch, version),
        None => ("0", version),
    };
    // Both formats have epochs of 32 bits.
    let is_epoch = (1..10).contains(&epoch.len()) && epoch.chars().all(|c| c.is_ascii_digit());
    let is_plain = |c: char| c.is_ascii_alphanumeric() || ".+~-".contains(c) || more.contains(c);
    is_epoch && starts_with_digit(version) && version.chars().all(is_plain)
}

fn starts_with_digit(version: &str) -> bool {
    version.starts_with(|c: char| c.is_ascii_digit())
}

/// What is before and after the first `separator`.
fn split(text: &str, separator: char) -> (&str, Option<&str>) {
    text.split_once(separator).map_or((text, None), |(before, after)| (before, Some(after)))
}
