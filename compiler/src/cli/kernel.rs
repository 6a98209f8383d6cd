//! `kpsc kernel`: target kernels.

use super::{open_target, say, CommandResult};
use crate::diag::{Diagnostic, KPS0703};
use crate::target::{self, BuildDirWish, Cache, DebianWish, Progress, Provider};
use clap::{Args, Subcommand};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(super) struct Kernel {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Add a target: a stock kernel of Debian, or a build folder of your own.
    Add(Add),
    /// List the targets.
    List,
    /// Show what is known of a target.
    Show(Show),
    /// Remove a target, and the compilers that no other one needs.
    Remove(Remove),
    /// Run a program where a target's compilers are.
    Exec(Exec),
}

#[derive(Debug, Args)]
struct Show {
    /// The target; the one added last if not given.
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

#[derive(Debug, Args)]
struct Remove {
    /// The target.
    #[arg(value_name = "NAME")]
    name: String,
}

#[derive(Debug, Args)]
struct Add {
    /// What to call the target; its release if not given.
    #[arg(long)]
    name: Option<String>,
    /// A kernel build folder of your own: no stock kernel is fetched, and root is not needed.
    #[arg(long, value_name = "DIR")]
    build_dir: Option<PathBuf>,
    /// The folder whose `usr` holds the compilers for --build-dir; the machine's own if not given.
    #[arg(long, value_name = "DIR", requires = "build_dir")]
    toolchain: Option<PathBuf>,
    /// A variable for make with --build-dir, for example CC=gcc-14; any number of them.
    #[arg(long, value_name = "VAR=VALUE", requires = "build_dir", value_parser = make_variable)]
    make: Vec<String>,
    /// The stock kernel's release; the newest with Rust and livepatch if not given.
    #[arg(long, conflicts_with = "build_dir")]
    release: Option<String>,
    /// Debian's suite.
    #[arg(long, default_value = target::SUITE, conflicts_with = "build_dir")]
    suite: String,
    /// The end of the release.
    #[arg(long, default_value = "cloud-amd64", conflicts_with = "build_dir")]
    flavour: String,
    /// The mirror of Debian's archive; the one that this machine's apt uses if not given.
    #[arg(long, value_name = "URL", conflicts_with = "build_dir")]
    mirror: Option<String>,
    /// Read the facts only; compilers and build tree are fetched when they are first needed.
    #[arg(long, conflicts_with = "build_dir")]
    facts_only: bool,
}

#[derive(Debug, Args)]
struct Exec {
    /// A folder that the program may write to.
    #[arg(long, value_name = "DIR")]
    folder: Vec<PathBuf>,
    /// A folder that the program may read; those of the target are readable anyway.
    #[arg(long, value_name = "DIR")]
    read: Vec<PathBuf>,
    /// The target.
    #[arg(value_name = "NAME")]
    name: String,
    /// The program and its arguments.
    #[arg(last = true, required = true)]
    command: Vec<OsString>,
}

/// What reaches make stays a variable: a name, and a value without anything that make or the shell would expand.
fn make_variable(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./+-".contains(c);
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() && name.chars().all(plain) && value.chars().all(plain) => {
            Ok(text.to_owned())
        }
        _ => Err("write NAME=VALUE with letters, digits and `_ . / + -`".to_owned()),
    }
}

impl Kernel {
    pub(super) fn run(self) -> CommandResult {
        let cache = Cache::open()?;
        match self.verb {
            Verb::Add(add) => add.run(&cache),
            Verb::List => list(&cache),
            Verb::Show(target) => show(&cache, target.name.as_deref()),
            Verb::Remove(target) => {
                cache.remove(&target.name)?;
                Ok(0)
            }
            Verb::Exec(exec) => exec.run(&cache),
        }
    }
}

impl Add {
    fn run(self, cache: &Cache) -> CommandResult {
        let progress = Progress::Shown;
        let provider = match self.build_dir {
            Some(folder) => {
                Provider::BuildDir(BuildDirWish { folder, toolchain: self.toolchain, make: self.make })
            }
            None => Provider::Debian(DebianWish {
                release: self.release,
                suite: self.suite,
                flavour: self.flavour,
                mirror: self.mirror,
            }),
        };
        let mut target = target::add(cache, self.name.as_deref(), &provider, progress)?;
        if !self.facts_only {
            target.prepare(cache, progress)?;
        }
        say(target.name);
        Ok(0)
    }
}

fn list(cache: &Cache) -> CommandResult {
    for target in cache.targets()? {
        let state = if target.tree().is_some() { "ready to build" } else { "facts only" };
        say(format_args!("{}\t{state}\t{}", target.name, target.origin()));
    }
    Ok(0)
}

fn show(cache: &Cache, name: Option<&str>) -> CommandResult {
    let target = open_target(cache, name, Progress::Shown)?;
    let facts = target.facts()?;
    let hex: String = facts.identity.build_id.iter().map(|byte| format!("{byte:02x}")).collect();
    let value = |option: &str| facts.config.get(option).cloned().unwrap_or_else(|| "unknown".into());
    say(format_args!("name       {}", target.name));
    say(format_args!("release    {}", target.release()));
    say(format_args!("from       {}", target.origin()));
    say(format_args!("build-id   {hex}"));
    say(format_args!("image      {}", target.image().display()));
    say(format_args!("C          {}", value("CONFIG_CC_VERSION_TEXT")));
    say(format_args!("Rust       {}", value("CONFIG_RUSTC_VERSION_TEXT")));
    say(format_args!("symbols    {}", facts.symbols.len()));
    say(format_args!("traceable  {} functions", facts.sites.len()));
    say(format_args!("exports    {}", facts.exports.len()));
    say(format_args!("types      {}", facts.btf.len()));
    match target.tree() {
        Some(tree) => say(format_args!("build tree {}", tree.build.display())),
        None => say("build tree not there yet; it is made when it is first needed"),
    }
    Ok(0)
}

impl Exec {
    fn run(self, cache: &Cache) -> CommandResult {
        let mut target = cache.target(&self.name)?;
        let tree = target.prepare(cache, Progress::Shown)?;
        let here = Path::new("/").to_owned();
        let mut read: Vec<&Path> = tree.sources.iter().map(PathBuf::as_path).collect();
        read.push(&tree.build);
        read.extend(self.read.iter().map(PathBuf::as_path));
        let write: Vec<&Path> = self.folder.iter().map(PathBuf::as_path).collect();
        let folder = write.first().copied().unwrap_or(&here);
        let program = self.command[0].to_string_lossy().into_owned();
        let mut command = tree.toolchain().command(&program, &read, &write, folder)?;
        command.args(&self.command[1..]);
        match command.status() {
            Ok(status) => Ok(status.code().and_then(|code| code.try_into().ok()).unwrap_or(1)),
            Err(error) => Err(Diagnostic::error(KPS0703, format!("cannot run {program}: {error}"))),
        }
    }
}
