// SPDX-License-Identifier: GPL-2.0
//! From the description of a package to the bytes of a `.deb`, an `.rpm` or an archive.
//!
//! One description has all formats, so that they cannot tell different things about one version.
//! The machine that writes packages needs no dpkg and no rpm, and the same description gives the
//! same bytes: the entries are sorted, belong to root, and have one time.
//!
//! # Versions
//!
//! A version is `UPSTREAM` or `UPSTREAM-RELEASE`, from letters, digits and `.`, `+` and `~`. It
//! starts with a digit, and there is no epoch. This is what dpkg and rpm both accept and order
//! alike:
//!
//! | here | `.deb` | `.rpm` |
//! |---|---|---|
//! | `1.0` | `1.0`, a native package | version `1.0`, release `1` |
//! | `1.0-2` | `1.0-2` | version `1.0`, release `2` |
//! | `1.0~rc1` | before `1.0` | before `1.0` |
//! | `1.0+git7` | after `1.0` | after `1.0` |
//!
//! dpkg compares `+` and `.` too. To rpm both only separate: it takes `1.0+1` and `1.0.1` for
//! equal.
//! [`version_of_semver`] writes a version of Cargo in this form.

mod archive;
mod changelog;
mod check;
mod copyright;
mod deb;
mod error;
mod license;
mod paths;
mod relations;
mod rpm;
#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;
mod text;
mod tree;
mod version;

pub use error::Error;
pub use license::text as license_text;
pub use text::year;
pub use version::version_of_semver;

use kps_arch::Arch;

/// A package, in all formats.
#[derive(Clone, Debug)]
pub struct Package {
    /// Debian policy 5.6.7: at least two of `a-z`, `0-9`, `+`, `-` and `.`, the first a letter or a
    /// digit.
    pub name: String,
    /// See the head of this crate.
    pub version: String,
    /// The machines that can install it.
    pub architecture: Architecture,
    /// What it is, in less than 80 characters, without an article and without a full stop. rpmlint
    /// wants a capital letter first, and lintian does not mind.
    pub summary: String,
    /// The paragraphs of the description, one line each. They are wrapped here.
    pub description: Vec<String>,
    /// An SPDX expression, or a word of `MODULE_LICENSE()`.
    pub license: String,
    /// Who holds the copyright, as `2026 Jane Doe <jane@example.org>`, one line each.
    pub copyright: Vec<String>,
    /// The text of the license, line by line, if this crate has none for `license`. Its empty lines
    /// separate paragraphs.
    pub license_text: Option<Vec<String>>,
    /// `NAME <MAIL>`.
    pub maintainer: String,
    /// The project's page, with `https://` or `http://`.
    pub homepage: Option<String>,
    /// The files. Their folders are made of them.
    pub files: Vec<File>,
    /// The newest entry first. It is of `version`.
    pub changelog: Vec<Change>,
    /// The time of all files, in seconds since 1970. It may not be in the future: rpm would have
    /// the build time replaced by the present, and the bytes would differ.
    pub timestamp: u64,
    /// What is only in the `.deb`.
    pub deb: Deb,
    /// What is only in the `.rpm`.
    pub rpm: Rpm,
}

/// The machines that can install a package.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Architecture {
    /// All: dpkg's `all`, rpm's `noarch`.
    All,
    /// Those of this architecture.
    Of(&'static Arch),
}

/// One file of a package.
#[derive(Clone, Debug)]
pub struct File {
    /// Where it is in the machine, without the leading slash.
    pub path: String,
    /// The permissions. Links have none of their own.
    pub mode: u32,
    /// What it holds.
    pub contents: Contents,
    /// Whether it is the administrator's once it is installed: a conffile of dpkg, and
    /// `%config(noreplace)` of rpm. Only files below `etc/` can be.
    pub is_config: bool,
}

/// What a file holds.
#[derive(Clone, Debug)]
pub enum Contents {
    /// These bytes.
    Bytes(Vec<u8>),
    /// A symbolic link to this path, which may be relative to the link's folder.
    Link(String),
}

/// One entry of the changelog.
#[derive(Clone, Debug)]
pub struct Change {
    /// The version that had the changes first.
    pub version: String,
    /// When, in seconds since 1970.
    pub date: u64,
    /// By whom: `NAME <MAIL>`.
    pub author: String,
    /// How important it is to upgrade.
    pub urgency: Urgency,
    /// The changes.
    pub lines: Vec<String>,
}

/// How important it is to upgrade (Debian policy 5.6.17).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Urgency {
    /// `low`
    Low,
    /// `medium`
    #[default]
    Medium,
    /// `high`
    High,
    /// `critical`
    Critical,
}

/// What is only in a `.deb`.
#[derive(Clone, Debug)]
pub struct Deb {
    /// The section of the archive, such as `kernel`.
    pub section: String,
    /// Whether a system has the package without being asked for it.
    pub priority: Priority,
    /// Other packages, as Debian names them.
    pub relations: Relations,
    /// What runs when the package is installed and removed.
    pub scripts: DebScripts,
    /// Tags of lintian that are justified here, with their context: `TAG [CONTEXT]`.
    pub lintian_overrides: Vec<String>,
}

/// Whether a system has a package without being asked for it (Debian policy 2.5).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Priority {
    /// `standard`
    Standard,
    /// `optional`
    #[default]
    Optional,
}

/// What is only in an `.rpm`.
#[derive(Clone, Debug, Default)]
pub struct Rpm {
    /// The group, such as `System/Kernel`. Distributions of today have none.
    pub group: Option<String>,
    /// Who gives the package out.
    pub vendor: Option<String>,
    /// Other packages, as the distributions with rpm name them.
    pub relations: Relations,
    /// What runs when the package is installed and removed.
    pub scripts: RpmScripts,
}

/// Other packages. Of `depends`, `recommends` and `suggests`, each item is a list of alternatives.
#[derive(Clone, Debug, Default)]
pub struct Relations {
    /// `Depends`, `Requires`: it does not work without them.
    pub depends: Vec<Vec<Relation>>,
    /// `Recommends`: it is not usual to be without them.
    pub recommends: Vec<Vec<Relation>>,
    /// `Suggests`: they go well together.
    pub suggests: Vec<Vec<Relation>>,
    /// `Conflicts`: they cannot be installed together.
    pub conflicts: Vec<Relation>,
    /// `Replaces` of dpkg, by which files change their owner, and `Obsoletes` of rpm, by which the
    /// other package is removed.
    pub replaces: Vec<Relation>,
    /// `Provides`: what else it is. The only comparison is `Comparison::Equal`.
    pub provides: Vec<Relation>,
}

/// A package of some versions. For rpm, also a path or another capability.
#[derive(Clone, Debug)]
pub struct Relation {
    /// The package.
    pub name: String,
    /// Its versions. All if absent.
    pub constraint: Option<(Comparison, String)>,
}

impl Relation {
    /// All versions of a package.
    pub fn any(name: impl Into<String>) -> Relation {
        Relation { name: name.into(), constraint: None }
    }

    /// Some versions of a package.
    pub fn of(
        name: impl Into<String>,
        comparison: Comparison,
        version: impl Into<String>,
    ) -> Relation {
        Relation { name: name.into(), constraint: Some((comparison, version.into())) }
    }
}

/// How a package's version compares with that of a relation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Comparison {
    /// dpkg's `<<`, rpm's `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `=`
    Equal,
    /// `>=`
    GreaterOrEqual,
    /// dpkg's `>>`, rpm's `>`
    Greater,
}

/// dpkg's maintainer scripts, for `/bin/sh -e`, without the first line. Debian policy 6.5 has the
/// arguments that they get.
#[derive(Clone, Debug, Default)]
pub struct DebScripts {
    /// Before the files are there.
    pub preinst: Option<String>,
    /// When the files are there.
    pub postinst: Option<String>,
    /// While the files are still there.
    pub prerm: Option<String>,
    /// When the files are gone.
    pub postrm: Option<String>,
}

/// rpm's scriptlets, for `/bin/sh`. Their argument is the number of versions of the package that
/// will be installed when it is done.
#[derive(Clone, Debug, Default)]
pub struct RpmScripts {
    /// `%pre`: before the files are there.
    pub pre: Option<String>,
    /// `%post`: when the files are there.
    pub post: Option<String>,
    /// `%preun`: while the files are still there.
    pub preun: Option<String>,
    /// `%postun`: when the files are gone.
    pub postun: Option<String>,
    /// `%posttrans`: when all packages of the transaction are there.
    pub posttrans: Option<String>,
}

/// What a package is written as.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Format {
    /// A package of dpkg.
    Deb,
    /// A package of rpm.
    Rpm,
    /// An archive, compressed with xz.
    TarXz,
    /// An archive, compressed with gzip.
    TarGz,
}

impl Format {
    /// All formats.
    pub const ALL: [Format; 4] = [Format::Deb, Format::Rpm, Format::TarXz, Format::TarGz];
}

/// A package in one format.
///
/// # Errors
/// If a field has what a format cannot hold.
pub fn build(package: &Package, format: Format) -> Result<Vec<u8>, Error> {
    check::package(package)?;
    match format {
        Format::Deb => deb::deb(package),
        Format::Rpm => rpm::rpm(package),
        Format::TarXz | Format::TarGz => archive::tarball(package, format),
    }
}

/// The name that the format wants for the file of a package.
///
/// # Errors
/// If a field has what a format cannot hold.
pub fn file_name(package: &Package, format: Format) -> Result<String, Error> {
    check::package(package)?;
    let Package { name, version, architecture, .. } = package;
    Ok(match format {
        Format::Deb => format!("{name}_{version}_{}.deb", architecture.deb()),
        Format::Rpm => {
            let (version, release) = version::for_rpm(version);
            format!("{name}-{version}-{release}.{}.rpm", architecture.rpm())
        }
        Format::TarXz => format!("{name}-{version}{}.tar.xz", architecture.suffix()),
        Format::TarGz => format!("{name}-{version}{}.tar.gz", architecture.suffix()),
    })
}

impl Architecture {
    fn deb(self) -> &'static str {
        match self {
            Architecture::All => "all",
            Architecture::Of(arch) => arch.debian.architecture,
        }
    }

    /// rpm names architectures as `uname -m` does.
    fn rpm(self) -> &'static str {
        match self {
            Architecture::All => "noarch",
            Architecture::Of(arch) => arch.name,
        }
    }

    fn suffix(self) -> String {
        match self {
            Architecture::All => String::new(),
            Architecture::Of(arch) => format!("-{}", arch.name),
        }
    }
}
