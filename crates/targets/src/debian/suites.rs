// SPDX-License-Identifier: GPL-2.0
//! Debian's suites, and where the archive keeps them.
//!
//! A release of Debian is a family of suites: the release itself, the updates and security fixes
//! that come between its point releases, and the backports. Security fixes are in a repository of
//! their own, beside the other one on most mirrors.

use super::apt::run;
use kps_diag::{Diagnostic, NO_SUITABLE_KERNEL};
use kps_host::process::program;
use std::path::Path;

/// The default suite, and the one that all compilers come from. Debian's stable release by its
/// codename, because mirrors are slow to update `stable`.
pub const SUITE: &str = "trixie";

/// The releases of Debian whose kernels are searched if no suite is named, newest first, each with
/// what the releases of its newer kernels contain. This table and [`SUITE`] have to be renewed when
/// Debian releases or drops one.
const KNOWN: &[(&str, &str)] = &[(SUITE, "+deb13"), ("bookworm", "+deb12")];

/// What the suites of a family have behind its name. A kernel that several of them hold is listed
/// in the first one.
const MEMBERS: &[&str] = &["", "-updates", SECURITY, "-backports"];

const SECURITY: &str = "-security";

/// A suite and the repository that holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) suite: String,
    /// None if the mirror is known not to hold it.
    pub(super) repository: Option<String>,
    /// Whether nothing can be done without it.
    pub(super) is_required: bool,
}

/// The suite that this one belongs to: `trixie` for `trixie-security`.
pub(super) fn family(suite: &str) -> &str {
    let added = MEMBERS.iter().filter(|member| !member.is_empty());
    added.fold(suite, |suite, member| suite.strip_suffix(member).unwrap_or(suite))
}

/// The family of a kernel, if its release tells.
pub(super) fn family_of(release: &str) -> Option<&'static str> {
    KNOWN.iter().find(|(_, mark)| release.contains(mark)).map(|(family, _)| *family)
}

/// The place of a suite in its family.
pub(super) fn place(suite: &str) -> usize {
    let name = family(suite).len();
    MEMBERS.iter().position(|member| suite[name..] == **member).unwrap_or(MEMBERS.len())
}

/// Whether a suite is security's.
pub(super) fn is_security(suite: &str) -> bool {
    suite.ends_with(SECURITY)
}

/// The sources for a suite's family, or for all known ones, and for the compilers.
pub(super) fn sources(mirror: &Mirror, suite: Option<&str>) -> Result<Vec<Source>, Diagnostic> {
    let families = match suite {
        None => KNOWN.iter().map(|(family, _)| *family).collect(),
        Some(suite) if !is_plain(suite) || suite.contains('/') => {
            return Err(Diagnostic::new(
                NO_SUITABLE_KERNEL,
                format!("{suite:?} is not a Debian suite"),
            )
            .help(format!("write a name such as `{SUITE}`")));
        }
        Some(suite) if family(suite) == SUITE => vec![SUITE],
        Some(suite) => vec![family(suite), SUITE],
    };
    let wanted = suite.map(family);
    let mut sources = Vec::new();
    for family in families {
        for member in MEMBERS {
            let suite = format!("{family}{member}");
            let repository = match is_security(&suite) {
                true => mirror.security.clone(),
                false => Some(mirror.main.clone()),
            };
            let is_required = member.is_empty() && (family == SUITE || Some(family) == wanted);
            sources.push(Source { suite, repository, is_required });
        }
    }
    Ok(sources)
}

/// Whether apt reads some text of a source as one word.
fn is_plain(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic() && !"[]\"".contains(c))
}

/// The addresses of the two repositories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mirror {
    main: String,
    security: Option<String>,
}

impl Mirror {
    /// The mirror of this address.
    pub(super) fn named(address: &str) -> Result<Mirror, Diagnostic> {
        if !is_plain(address) || !address.contains(":/") {
            return Err(Diagnostic::new(
                NO_SUITABLE_KERNEL,
                format!("the mirror {address:?} is not a URL"),
            )
            .help("write it as a `URIs` line of the apt sources on this machine has it"));
        }
        Ok(Mirror { main: address.to_owned(), security: security_beside(address) })
    }

    /// The mirror that the machine's own apt uses.
    pub(super) fn own() -> Result<Mirror, Diagnostic> {
        let mut command = program("apt-get");
        let targets = run(
            command.args(["indextargets", "--no-release-info", "--format", "$(REPO_URI)"]),
            Path::new("apt's own folders"),
        )?;
        Mirror::among(&targets).ok_or_else(|| {
            Diagnostic::new(
                NO_SUITABLE_KERNEL,
                "the apt sources of this machine have no Debian mirror",
            )
            .help("name one with `--mirror URL`, or use your own kernel with `--build-dir DIR`")
        })
    }

    /// The mirror among the repositories of a machine, one on each line.
    fn among(repositories: &str) -> Option<Mirror> {
        let find = |end: &str| {
            let mut all = repositories.lines().map(str::trim);
            all.find(|uri| uri.trim_end_matches('/').ends_with(end)).map(str::to_owned)
        };
        let main = find("/debian")?;
        let security = find("/debian-security").or_else(|| security_beside(&main));
        Some(Mirror { main, security })
    }
}

/// The repository of security fixes beside the main one: `/debian-security` for `/debian`.
fn security_beside(main: &str) -> Option<String> {
    let main = main.trim_end_matches('/');
    main.ends_with("/debian").then(|| format!("{main}-security"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_suite_belongs_to_a_family() {
        for (suite, wanted, at) in [
            ("trixie", "trixie", 0),
            ("trixie-updates", "trixie", 1),
            ("bookworm-security", "bookworm", 2),
            ("bookworm-backports", "bookworm", 3),
            ("sid", "sid", 0),
            ("-security", "", 2),
        ] {
            assert_eq!((family(suite), place(suite)), (wanted, at), "{suite}");
        }
    }

    #[test]
    fn security_is_the_machines_own_or_beside_the_mirror() {
        let mirror = |main: &str, security: Option<&str>| Mirror {
            main: main.to_owned(),
            security: security.map(str::to_owned),
        };
        let both = "http://other/apt/\nhttp://m/debian/\nhttp://s/debian-security/\n";
        let wanted = mirror("http://m/debian/", Some("http://s/debian-security/"));
        assert_eq!(Mirror::among(both), Some(wanted));
        let wanted = mirror("http://m/debian/", Some("http://m/debian-security"));
        assert_eq!(Mirror::among("http://m/debian/\n"), Some(wanted));
        assert_eq!(Mirror::among("http://s/debian-security/\n"), None);
        let named = |address| Mirror::named(address).map_err(|error| error.message);
        assert_eq!(named("http://m/old"), Ok(mirror("http://m/old", None)));
        assert!(named("m/debian").is_err() && named("http://m/[x]/debian").is_err());
    }

    #[test]
    fn compilers_come_from_the_default_suite() {
        let mirror = Mirror { main: "http://m/debian".into(), security: None };
        let suites = |suite| -> Vec<(String, bool)> {
            let sources = sources(&mirror, suite).unwrap_or_default();
            sources.into_iter().map(|source| (source.suite, source.is_required)).collect()
        };
        assert_eq!(suites(Some("trixie-security")), suites(Some("trixie")));
        assert_eq!(suites(Some("trixie")).len(), MEMBERS.len());
        let required = |suite| -> Vec<String> {
            let all = suites(suite).into_iter();
            all.filter_map(|(suite, is_required)| is_required.then_some(suite)).collect()
        };
        assert_eq!(required(None), ["trixie"]);
        assert_eq!(required(Some("trixie-backports")), ["trixie"]);
        assert_eq!(required(Some("bookworm")), ["bookworm", "trixie"]);
        assert!(sources(&mirror, Some("a/b")).is_err() && sources(&mirror, Some("")).is_err());
        let security = |source: &Source| is_security(&source.suite) && source.repository.is_none();
        assert!(sources(&mirror, None).is_ok_and(|all| all.iter().any(security)));
    }

    #[test]
    fn the_family_of_a_newer_kernel_is_in_its_release() {
        assert_eq!(family_of("7.3.4+deb13-cloud-amd64"), Some("trixie"));
        assert_eq!(family_of("6.12.90+deb12.1-amd64"), Some("bookworm"));
        assert_eq!(family_of("6.1.0-57-cloud-amd64"), None);
        assert_eq!(family_of("6.12"), None);
    }
}
