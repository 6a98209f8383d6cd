// SPDX-License-Identifier: GPL-2.0
//! What kpsc is given out as: a `.deb` of each program, and the sources. The packages have manual
//! pages and completions of the command lines that the programs parse, the documentation, and a
//! copyright file of all that is linked in.

mod copyright;
pub mod linked;
pub mod manual;
mod needs;
mod package;

use anyhow::{bail, Context as _, Result};
use kps_package::{build, file_name, Format, Package};
use linked::output;
use std::path::{Path, PathBuf};
use std::process::Command;

pub use copyright::copyright;

/// The programs, as cargo has built them.
pub struct Programs {
    /// The compiler.
    pub kpsc: PathBuf,
    /// The static program for servers.
    pub kpsctl: PathBuf,
}

/// What the packages of a release have in common.
struct Release {
    /// The version, as packages have it.
    version: String,
    /// The time of all files, in seconds since 1970.
    time: u64,
    /// The day of that.
    date: String,
    /// Who gives it out: `NAME <MAIL>`.
    maintainer: String,
}

/// Writes the packages and the sources into a folder, and returns their paths. The present folder is
/// the top of the repository.
///
/// # Errors
/// If the repository is no clone, a program is missing, or something linked in may not be.
pub fn write(programs: &Programs, folder: &Path) -> Result<Vec<PathBuf>> {
    let release = Release::of_head()?;
    let packages = [
        package::kpsc(&release, &stripped(&programs.kpsc)?)?,
        package::kpsctl(&release, &stripped(&programs.kpsctl)?)?,
    ];
    let mut files = packages.iter().map(deb).collect::<Result<Vec<_>>>()?;
    files.push((format!("kpsc-{}.tar.xz", release.version), sources(&release)?));
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let mut written = Vec::new();
    for (name, bytes) in files {
        let (path, unfinished) = (folder.join(&name), folder.join(format!("{name}.unfinished")));
        std::fs::write(&unfinished, bytes)
            .and_then(|()| std::fs::rename(&unfinished, &path))
            .with_context(|| path.display().to_string())?;
        written.push(path);
    }
    Ok(written)
}

impl Release {
    /// That of the commit which is checked out.
    fn of_head() -> Result<Release> {
        let time = match std::env::var("SOURCE_DATE_EPOCH") {
            Ok(time) => time,
            Err(_) => of_commit("%ct")?,
        };
        let time: u64 = time.parse().context("SOURCE_DATE_EPOCH is no number of seconds")?;
        let of_environment = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
        let maintainer = match (of_environment("DEBFULLNAME"), of_environment("DEBEMAIL")) {
            (Some(name), Some(mail)) => format!("{name} <{mail}>"),
            _ => of_commit("%an <%ae>")?,
        };
        let date = output(Command::new("date").args(["--utc", &format!("--date=@{time}"), "+%F"]))?;
        Ok(Release {
            version: kps_package::version_of_semver(env!("CARGO_PKG_VERSION")),
            time,
            date: date.trim().to_owned(),
            maintainer,
        })
    }
}

/// Something that Git tells of the commit.
fn of_commit(format: &str) -> Result<String> {
    let told = output(Command::new("git").args(["log", "-1", &format!("--format={format}")]));
    let told = told.context("packages are made in a clone of the repository")?;
    Ok(told.trim().to_owned())
}

/// The tracked files of the commit, below one folder.
fn sources(release: &Release) -> Result<Vec<u8>> {
    let changed =
        output(Command::new("git").args(["status", "--porcelain", "--untracked-files=no"]))?;
    if !changed.is_empty() {
        eprintln!("the sources are those of the last commit, without these changes:\n{changed}");
    }
    let prefix = format!("--prefix=kpsc-{}/", release.version);
    let archive = Command::new("git").args(["archive", "--format=tar", &prefix, "HEAD"]).output();
    let archive = archive.context("cannot run git")?;
    if !archive.status.success() {
        bail!("git archive failed:\n{}", String::from_utf8_lossy(&archive.stderr));
    }
    compressed(&archive.stdout)
}

fn compressed(bytes: &[u8]) -> Result<Vec<u8>> {
    use std::io::Write as _;
    let mut encoder = liblzma::write::XzEncoder::new(Vec::new(), 9);
    encoder.write_all(bytes)?;
    Ok(encoder.finish()?)
}

/// The bytes of a package, and its name.
fn deb(package: &Package) -> Result<(String, Vec<u8>)> {
    let bytes = build(package, Format::Deb).with_context(|| package.name.clone())?;
    Ok((file_name(package, Format::Deb)?, bytes))
}

/// A program without what only debuggers read, and without the versions of the compilers.
fn stripped(program: &Path) -> Result<Vec<u8>> {
    let folder = tempfile::tempdir()?;
    let result = folder.path().join("stripped");
    let mut strip = Command::new("strip");
    strip.args(["--strip-all", "--remove-section=.comment", "--remove-section=.note", "-o"]);
    output(strip.arg(&result).arg(program)).context("strip is in the package binutils")?;
    std::fs::read(&result).with_context(|| result.display().to_string())
}
