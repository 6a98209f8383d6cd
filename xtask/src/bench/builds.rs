// SPDX-License-Identifier: GPL-2.0
//! What is built to be compared: generated modules, one written by hand, and the kernel's own
//! sample.

use super::Bench;
use anyhow::{ensure, Context as _, Result};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A file of the folder `xtask/bench`.
pub fn input(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("bench").join(name)
}

/// A folder that Kbuild makes a module of.
#[derive(Debug, Clone)]
pub struct Folder {
    /// Where it is.
    pub path: PathBuf,
    /// The module's name.
    pub name: String,
}

impl Folder {
    /// The module, once it is made.
    pub fn module(&self) -> PathBuf {
        self.path.join(format!("{}.ko", self.name))
    }
}

/// The folder that kpsc generates from a spec.
pub fn generated(bench: &Bench, spec: &Path, into: &Path) -> Result<Folder> {
    let mut command = Command::new(&bench.kpsc);
    command
        .args(["build", "--kernel", &bench.target.name, "--emit", "source", "-o"])
        .arg(into)
        .arg(spec);
    succeed(&mut command)?;
    let name = stem(spec);
    Ok(Folder { path: into.join(&name), name })
}

/// A folder with one file of source in it and a Kbuild file as short as it can be.
pub fn plain(source: &Path, into: &Path) -> Result<Folder> {
    let name = stem(source);
    let path = into.join(&name);
    std::fs::create_dir_all(&path)?;
    let file = path.join(source.file_name().unwrap_or_default());
    std::fs::copy(source, file).with_context(|| format!("cannot read {}", source.display()))?;
    std::fs::write(path.join("Kbuild"), format!("obj-m := {name}.o\n"))?;
    Ok(Folder { path, name })
}

/// The same, without debug information: kpsc leaves that out too, and it takes its time.
pub fn plain_without_debug(source: &Path, into: &Path) -> Result<Folder> {
    let folder = plain(source, into)?;
    let name = &folder.name;
    let kbuild = format!("obj-m := {name}.o\nRUSTFLAGS_REMOVE_{name}.o := -Cdebuginfo=2\n");
    std::fs::write(folder.path.join("Kbuild"), kbuild)?;
    Ok(folder)
}

/// `samples/livepatch/livepatch-sample.c` of the target's own source.
pub fn c_sample(bench: &Bench, into: &Path) -> Result<Folder> {
    const SAMPLE: &str = "samples/livepatch/livepatch-sample.c";
    let tree = bench.tree()?;
    let mut roots = tree.sources.iter().chain([&tree.build]);
    let root = roots.find(|root| root.join(SAMPLE).exists());
    let root = root.with_context(|| format!("the target's source has no {SAMPLE}"))?;
    plain(&root.join(SAMPLE), into)
}

/// `make -C BUILD_TREE M=FOLDER`, as a user types it. A module by hand may use symbols that only a
/// post-link would resolve.
pub fn make(bench: &Bench, folder: &Path) -> Result<Vec<OsString>> {
    let mut words: Vec<OsString> =
        vec!["make".into(), "-C".into(), bench.tree()?.build.clone().into()];
    words.push(variable("M=", folder));
    words.push(variable("KPSC=", &bench.kpsc));
    words.push("KBUILD_MODPOST_WARN=1".into());
    Ok(words)
}

/// Makes the module of a folder.
pub fn build(bench: &Bench, folder: &Folder) -> Result<PathBuf> {
    let words = make(bench, &folder.path)?;
    succeed(Command::new(&words[0]).args(&words[1..]))?;
    Ok(folder.module())
}

fn variable(name: &str, value: &Path) -> OsString {
    let mut word = OsString::from(name);
    word.push(value);
    word
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// Runs a command, quietly unless it fails.
fn succeed(command: &mut Command) -> Result<()> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} failed: {}\n{said}", output.status);
    Ok(())
}
