// SPDX-License-Identifier: GPL-2.0
//! From finished modules to a package for dpkg or rpm, or an archive.
//!
//! A package has the builds of its livepatches for one or more kernels, and depends on the package
//! of any of these kernels. It owns what is below `/usr/lib/kpsc`; its scripts have `kpsctl`
//! install copies of that, and uninstall them when it is removed.

mod contents;

use contents::Texts;
use kps_diag::{list, Diagnostic, CANNOT_PACKAGE};
use kps_operate::store::Release;
use kps_operate::Incoming;
use kps_package::{
    version_of_semver, year, Architecture, Change, Comparison, Deb, DebScripts, Format, Package,
    Priority, Relation, Relations, Rpm, RpmScripts, Urgency,
};
use std::collections::{BTreeMap, BTreeSet};

/// A finished module.
#[derive(Debug, Clone)]
pub struct Module {
    /// What it tells of itself.
    pub incoming: Incoming,
    /// The file.
    pub bytes: Vec<u8>,
}

/// What the modules do not tell.
#[derive(Debug, Clone)]
pub struct Wish {
    /// The name of the package; otherwise it is that of the one livepatch.
    pub name: Option<String>,
    /// Its version; otherwise it is that of the livepatches.
    pub version: Option<String>,
    /// Who is responsible for it: `NAME <MAIL>`.
    pub maintainer: String,
    /// When it was made, in seconds since 1970.
    pub timestamp: u64,
    /// The packages of kernels that are known, by the build-id: a name and a version of dpkg.
    pub kernels: BTreeMap<String, (String, String)>,
}

/// The package of some modules, which are loaded in this order. It has what one format needs: what
/// a kernel is called for dpkg may be no name for rpm.
pub fn package(modules: &[Module], wish: &Wish, format: Format) -> Result<Package, Diagnostic> {
    check_builds(modules)?;
    let name = name(modules, wish)?;
    let version = version(modules, wish)?;
    let releases = releases(modules)?;
    let texts = Texts::of(&name, &version, modules, &releases);
    let [postinst, prerm] = texts.scripts_of_dpkg()?.map(Some);
    let [post, preun] = texts.scripts_of_rpm()?.map(Some);
    let change = Change {
        version: version.clone(),
        date: wish.timestamp,
        author: wish.maintainer.clone(),
        urgency: if texts.has_fixes() { Urgency::High } else { Urgency::Medium },
        lines: texts.changes(),
    };
    Ok(Package {
        architecture: Architecture::Of(kps_arch::native()),
        summary: texts.summary(),
        description: texts.description(),
        license: license(modules)?,
        copyright: vec![format!("{} {}", year(wish.timestamp), wish.maintainer)],
        license_text: None,
        maintainer: wish.maintainer.clone(),
        homepage: None,
        files: match format {
            Format::Deb | Format::Rpm => texts.files_of_package()?,
            Format::TarXz | Format::TarGz => texts.files_of_archive()?,
        },
        changelog: vec![change],
        timestamp: wish.timestamp,
        deb: Deb {
            section: "kernel".to_owned(),
            priority: Priority::Optional,
            relations: match format {
                Format::Deb => relations(kernels_of_dpkg(&releases, modules, wish)),
                _ => Relations::default(),
            },
            scripts: DebScripts { postinst, prerm, ..DebScripts::default() },
            lintian_overrides: Vec::new(),
        },
        rpm: Rpm {
            group: Some("System Environment/Kernel".to_owned()),
            vendor: None,
            relations: match format {
                Format::Rpm => relations(releases.iter().map(kernel_of_rpm).collect()),
                _ => Relations::default(),
            },
            scripts: RpmScripts { post, preun, ..RpmScripts::default() },
        },
        name,
        version,
    })
}

/// It needs any of its kernels, and a kpsctl that knows the options in its scripts.
fn relations(kernels: Vec<Relation>) -> Relations {
    let version = version_of_semver(env!("CARGO_PKG_VERSION"));
    let kpsctl = Relation::of("kpsctl", Comparison::GreaterOrEqual, &version);
    Relations { depends: vec![vec![kpsctl], kernels], ..Relations::default() }
}

/// Debian's packages have the release in their name, and rebuilds of it in their version. Those
/// that are known are needed in the versions that the modules were built for.
fn kernels_of_dpkg(releases: &[String], modules: &[Module], wish: &Wish) -> Vec<Relation> {
    let known = |release: &String| {
        let modules = modules.iter().map(|module| &module.incoming);
        let notes = modules
            .filter(|incoming| incoming.release.as_ref() == Some(release))
            .filter_map(|incoming| incoming.note.as_ref());
        notes.filter_map(|note| wish.kernels.get(&note.build_id)).collect::<BTreeSet<_>>()
    };
    let kernels = releases.iter().flat_map(|release| match known(release) {
        known if known.is_empty() => vec![Relation::any(format!("linux-image-{release}"))],
        known => {
            let exact = known.into_iter();
            exact.map(|(name, version)| Relation::of(name, Comparison::Equal, version)).collect()
        }
    });
    kernels.collect()
}

/// The kernels of Fedora and its relatives provide this capability, with their release.
fn kernel_of_rpm(release: &String) -> Relation {
    Relation::of("kernel-uname-r", Comparison::Equal, release)
}

/// A kernel has one build of a livepatch.
fn check_builds(modules: &[Module]) -> Result<(), Diagnostic> {
    let mut seen = BTreeSet::new();
    for Module { incoming, .. } in modules {
        let build_id = incoming.note.as_ref().map(|note| &note.build_id);
        let release = incoming.release.as_deref().unwrap_or_default();
        if !seen.insert((&incoming.name, release, build_id)) {
            let why = format!("two of its files are `{}` for {release}", incoming.name);
            return Err(cannot(&why).help("pass one of them"));
        }
    }
    Ok(())
}

/// The name of a package. A livepatch's has `_` where that of a package has `-`.
pub fn name(modules: &[Module], wish: &Wish) -> Result<String, Diagnostic> {
    if let Some(name) = &wish.name {
        return Ok(name.clone());
    }
    let names: BTreeSet<&str> = modules.iter().map(|one| one.incoming.name.as_str()).collect();
    match Vec::from_iter(names).as_slice() {
        [name] => Ok(format!("livepatch-{}", name.replace('_', "-").to_lowercase())),
        names => Err(cannot(&format!("it has several livepatches: {}", list(names, "and")))
            .help("name the package with `--name`")),
    }
}

/// The version of the package.
fn version(modules: &[Module], wish: &Wish) -> Result<String, Diagnostic> {
    if let Some(version) = &wish.version {
        return Ok(version.clone());
    }
    let of = |one: &Module| {
        let noted = one.incoming.note.as_ref().and_then(|note| note.version.clone());
        noted.or_else(|| one.incoming.information.version.clone())
    };
    let versions: BTreeSet<Option<String>> = modules.iter().map(of).collect();
    match Vec::from_iter(versions).as_slice() {
        [Some(version)] => Ok(version.clone()),
        [None] => Err(cannot("the livepatch has no version")
            .help("write `version \"1.0\";` into its spec, or pass `--version`")),
        _ => Err(cannot("its livepatches have different versions")
            .help("build them from one spec, or pass `--version`")),
    }
}

/// The releases of the kernels, which become folders, in the order in which they are given: apt
/// installs the first kernel if a machine has none of them.
fn releases(modules: &[Module]) -> Result<Vec<String>, Diagnostic> {
    let mut releases = Vec::new();
    for Module { incoming, .. } in modules {
        let release = incoming.release.as_deref().and_then(Release::of);
        let release = release.ok_or_else(|| {
            cannot(&format!("`{}` does not say which kernel it is for", incoming.name))
                .help("build the module again")
        })?;
        if !releases.iter().any(|known| known == release.as_str()) {
            releases.push(release.to_string());
        }
    }
    Ok(releases)
}

fn license(modules: &[Module]) -> Result<String, Diagnostic> {
    let license = |one: &Module| one.incoming.information.license.clone();
    let licenses: BTreeSet<Option<String>> = modules.iter().map(license).collect();
    match Vec::from_iter(licenses).as_slice() {
        [Some(license)] => Ok(license.clone()),
        _ => Err(cannot("its livepatches have no license, or different ones")
            .help("package those of each license apart")),
    }
}

/// The error for a package that cannot be made.
pub fn cannot(why: &str) -> Diagnostic {
    Diagnostic::new(CANNOT_PACKAGE, format!("the package cannot be made: {why}"))
}
