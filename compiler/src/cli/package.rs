// SPDX-License-Identifier: GPL-2.0
//! `kpsc package`.

use super::build::make_output;
use super::{say, wrong_usage, CommandResult};
use crate::package::{cannot, name, package, Module, Wish};
use kps_diag::{Diagnostic, NOT_A_LIVEPATCH};
use kps_host::disk::{cannot as cannot_do, write_atomically};
use kps_host::input;
use kps_operate::look_into;
use kps_package::{build, file_name, Format};
use kps_targets::Cache;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

#[derive(Debug, clap::Args)]
pub(super) struct Package {
    /// The livepatches, as `kpsc build` has built and perhaps signed them, for one or more kernels.
    #[arg(value_name = "FILE.ko", required = true)]
    files: Vec<PathBuf>,
    /// Write a package for dpkg.
    #[arg(long)]
    deb: bool,
    /// Write a package for rpm.
    #[arg(long)]
    rpm: bool,
    /// Write an archive with a script that installs the livepatches.
    #[arg(long)]
    tar: bool,
    /// The name of the package; livepatch-NAME if not given. Versions of a package have one name,
    /// and their livepatches may have others.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The version of the package; that of the livepatches if not given.
    #[arg(long, value_name = "VERSION")]
    version: Option<String>,
    /// Who is responsible for it; as DEBFULLNAME and DEBEMAIL say if not given.
    #[arg(long, value_name = "NAME <MAIL>")]
    maintainer: Option<String>,
    /// Write a package for each kernel, and its release into the package's name.
    #[arg(long)]
    per_kernel: bool,
    /// Where to put the packages.
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    output: PathBuf,
}

impl Package {
    pub(super) fn run(self) -> CommandResult {
        let formats = self.formats();
        if formats.is_empty() {
            return Ok(wrong_usage("name a kind of package: `--deb`, `--rpm` or `--tar`"));
        }
        let modules: Vec<Module> =
            self.files.iter().map(|path| read(path)).collect::<Result<_, _>>()?;
        let wish = self.wish()?;
        // All are made before the first is written.
        let mut written = BTreeMap::new();
        for (modules, wish) in self.packages(modules, wish)? {
            for &format in &formats {
                let (name, bytes) = make(&modules, &wish, format)?;
                if written.insert(name.clone(), bytes).is_some() {
                    return Err(cannot(&format!("two of them would be {name}"))
                        .help("package these kernels in runs of their own, with `--name`"));
                }
            }
        }
        make_output(&self.output)?;
        for (name, bytes) in written {
            let path = self.output.join(name);
            write_atomically(&path, &bytes)?;
            say(path.display());
        }
        Ok(0)
    }

    fn formats(&self) -> Vec<Format> {
        let wanted = [(self.deb, Format::Deb), (self.rpm, Format::Rpm), (self.tar, Format::TarXz)];
        wanted.into_iter().filter(|(is_wanted, _)| *is_wanted).map(|(_, format)| format).collect()
    }

    /// The modules of each package, and what is wished of it.
    fn packages(
        &self,
        modules: Vec<Module>,
        wish: Wish,
    ) -> Result<Vec<(Vec<Module>, Wish)>, Diagnostic> {
        if !self.per_kernel {
            return Ok(vec![(modules, wish)]);
        }
        let mut groups: BTreeMap<String, Vec<Module>> = BTreeMap::new();
        for module in modules {
            let release = module.incoming.release.clone().unwrap_or_default();
            groups.entry(release).or_default().push(module);
        }
        let package = |(release, modules): (String, Vec<Module>)| {
            let wish = for_kernel(&release, &modules, &wish)?;
            Ok((modules, wish))
        };
        groups.into_iter().map(package).collect()
    }

    fn wish(&self) -> Result<Wish, Diagnostic> {
        let maintainer = self.maintainer.clone().or_else(of_debian).ok_or_else(|| {
            cannot("nobody is named who is responsible for it")
                .help("pass `--maintainer 'NAME <MAIL>'`, or set DEBFULLNAME and DEBEMAIL")
        })?;
        let cache = Cache::open()?;
        let targets = cache.targets()?.into_iter().filter_map(|(_, target)| target.ok());
        let kernels = targets.filter_map(|target| {
            let build_id = target.build_id().ok()?;
            let build_id: String = build_id.iter().map(|byte| format!("{byte:02x}")).collect();
            Some((build_id, target.package()?))
        });
        Ok(Wish {
            name: self.name.clone(),
            version: self.version.clone(),
            maintainer,
            timestamp: self.timestamp()?,
            kernels: kernels.collect(),
        })
    }

    /// The time of the package: that of reproducible builds, or that of the newest file.
    fn timestamp(&self) -> Result<u64, Diagnostic> {
        if let Ok(text) = std::env::var("SOURCE_DATE_EPOCH") {
            let seconds = text.parse().map_err(|_| {
                cannot("SOURCE_DATE_EPOCH is no time").help("set it to seconds since 1970")
            });
            return seconds;
        }
        let mut newest = 0;
        for path in &self.files {
            let modified = path.metadata().and_then(|metadata| metadata.modified());
            let modified = modified.map_err(|error| cannot_do("read", path, &error))?;
            let seconds = modified.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
            newest = newest.max(seconds);
        }
        Ok(newest)
    }
}

/// Who makes packages here, as Debian's tools know it.
fn of_debian() -> Option<String> {
    let variable = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    Some(format!("{} <{}>", variable("DEBFULLNAME")?, variable("DEBEMAIL")?))
}

fn read(path: &Path) -> Result<Module, Diagnostic> {
    let bytes = input::read(path, input::MODULE)?;
    let incoming = look_into(&bytes).map_err(|_| {
        let message = format!("{} is not a livepatch", path.display());
        Diagnostic::new(NOT_A_LIVEPATCH, message)
            .help("pass the .ko file that `kpsc build` made, before it is compressed")
    })?;
    Ok(Module { incoming, bytes })
}

/// A package in a format, and the name of its file.
fn make(modules: &[Module], wish: &Wish, format: Format) -> Result<(String, Vec<u8>), Diagnostic> {
    let package = package(modules, wish, format)?;
    let refused = |error: kps_package::Error| cannot(&error.to_string());
    let name = file_name(&package, format).map_err(refused)?;
    Ok((name, build(&package, format).map_err(refused)?))
}

/// The same for a package that is named for one kernel, too.
fn for_kernel(release: &str, modules: &[Module], wish: &Wish) -> Result<Wish, Diagnostic> {
    // Names of packages have neither `_` nor `~` nor capital letters.
    let release = release.replace(['_', '~'], "-").to_lowercase();
    Ok(Wish { name: Some(format!("{}-{release}", name(modules, wish)?)), ..wish.clone() })
}
