// SPDX-License-Identifier: GPL-2.0
//! `kpsc kernel`: target kernels.

use super::sync::before_make;
use super::{open_target, progress, report, say, CommandResult};
use crate::build::check_visible;
use crate::emit::is_plain;
use clap::{Args, Subcommand};
use kps_diag::{escape, Diagnostic, NO_SUCH_TARGET};
use kps_facts::Mode;
use kps_host::output::{self, Stream};
use kps_targets::{
    is_supported_path, unsupported_path, Available, BuildDirRequest, Cache, DebianRequest, Request,
    RootRequest,
};
use rustix::system::uname;
use std::ffi::OsString;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

#[derive(Debug, Args)]
pub(super) struct Kernel {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Add a target: a stock kernel of Debian, a kernel that is installed below a folder, or a
    /// build folder of your own. An interrupted `add` resumes where it stopped.
    Add(Add),
    /// List the targets.
    List(List),
    /// Choose the target that commands use if none is named, or print its name. Until one is
    /// chosen, it is the one added last.
    Default(Chosen),
    /// Show the details of a target.
    Show(Named),
    /// Print the path of a target's facts file, for programs that read it.
    Facts(Named),
    /// Find damage: compare every file of a target and of its compilers with its state when the
    /// target was finished.
    Verify(Verify),
    /// Unpack a stock kernel's source, or parts of it.
    Source(Source),
    /// Remove targets, and the compilers that no other target needs.
    Remove(Remove),
    /// Run a program in the environment of a target's compilers.
    Exec(Exec),
}

#[derive(Debug, Args)]
struct Named {
    /// The target; the default if not given.
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

#[derive(Debug, Args)]
struct Chosen {
    /// The target, or the start of its version if no other target has it.
    #[arg(value_name = "NAME")]
    name: Option<String>,
}

#[derive(Debug, Args)]
struct List {
    /// List the stock kernels that could be added instead, newest first: release, suite, what
    /// patches can stand on (see `add --rust`), and whether its headers are there: a kernel
    /// without them cannot be added.
    #[arg(long)]
    available: bool,
    #[command(flatten)]
    stock: Stock,
}

#[derive(Debug, Args)]
struct Verify {
    /// The targets; all of them if none is given.
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

#[derive(Debug, Args)]
struct Source {
    /// The target.
    #[arg(value_name = "NAME")]
    name: String,
    /// The folder to create.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Files and folders of the source, such as kernel/livepatch; all of it if none is given.
    #[arg(value_name = "PATH")]
    paths: Vec<PathBuf>,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
struct Remove {
    /// The targets.
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Remove everything that no target needs: interrupted preparations, downloads, compilers,
    /// caches of older versions of kpsc.
    #[arg(long)]
    unused: bool,
}

/// Which of Debian's kernels.
#[derive(Debug, Args)]
struct Stock {
    /// The Debian suite, with its updates, security fixes and backports, or one of these; all that
    /// kpsc knows if not given.
    #[arg(long)]
    suite: Option<String>,
    /// The flavour of the kernel: the end of its release. `list` lists all if not given, and `add`
    /// takes the one for virtual machines.
    #[arg(long)]
    flavour: Option<String>,
    /// The mirror of Debian's archive; the one that this machine's apt uses if not given.
    #[arg(long, value_name = "URL")]
    mirror: Option<String>,
}

impl Stock {
    fn request(self, release: Option<String>, mode: Option<Mode>) -> DebianRequest {
        let Stock { suite, flavour, mirror } = self;
        DebianRequest { release, suite, flavour, mirror, mode }
    }
}

#[derive(Debug, Args)]
struct Add {
    /// What to call the target; its release if not given.
    #[arg(long)]
    name: Option<String>,
    /// A kernel build folder of your own: no stock kernel is fetched, and root is not needed.
    #[arg(long, value_name = "DIR", conflicts_with = "Stock", group = "own")]
    build_dir: Option<PathBuf>,
    /// A folder in which a kernel is installed, such as `/`: it holds boot/, lib/modules/ and
    /// usr/src/.
    #[arg(long, value_name = "DIR", conflicts_with = "Stock", group = "own")]
    root: Option<PathBuf>,
    /// The kernel that runs, from this machine's own files: --root / with its release.
    #[arg(long, conflicts_with_all = ["Stock", "release"], group = "own")]
    running: bool,
    /// The folder whose `usr` holds the compilers for --build-dir, --root and --running; the
    /// machine's own if not given.
    #[arg(long, value_name = "DIR", requires = "own")]
    toolchain: Option<PathBuf>,
    /// A variable for make with --build-dir, --root and --running, for example CC=gcc-14; may be
    /// repeated.
    #[arg(long, value_name = "VAR=VALUE", requires = "own", value_parser = make_variable)]
    make: Vec<String>,
    /// The release of the stock kernel or of the one below --root; without it the newest with Rust
    /// and livepatch, or the only one. For a stock kernel its first numbers are enough: 6.12 is the
    /// newest 6.12.
    #[arg(long, conflicts_with = "build_dir")]
    release: Option<String>,
    #[command(flatten)]
    stock: Stock,
    /// What patches stand on: the `kernel`'s own Rust crate, or `core`, which needs no Rust in the
    /// kernel; the crate if the kernel has it and the option is not given.
    #[arg(long, value_name = "MODE", conflicts_with = "build_dir", value_parser = ["kernel", "core"])]
    rust: Option<String>,
    /// Read the facts only; compilers and build tree are fetched when they are first needed.
    #[arg(long, conflicts_with = "build_dir")]
    facts_only: bool,
    /// Also read the kernel's debug information, which lists inlined copies. For a stock kernel it
    /// is downloaded: some 350 MB.
    #[arg(long)]
    debug: bool,
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

/// An argument for make must be a variable: a name, and a value without characters that make or the
/// shell would expand.
fn make_variable(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_./+-".contains(c);
    match text.split_once('=') {
        // A name with a dash in front would be an option of make, which may read any makefile.
        Some((name, value)) if is_plain(name) && value.chars().all(plain) => Ok(text.to_owned()),
        _ => {
            Err("write NAME=VALUE: NAME has letters, digits and `_`, VALUE also `. / + -`"
                .to_owned())
        }
    }
}

impl Kernel {
    /// Whether the command is about one target, which may be that of a project.
    pub(super) fn is_about_target(&self) -> bool {
        matches!(self.verb, Verb::Show(_) | Verb::Facts(_))
    }

    pub(super) fn run(self) -> CommandResult {
        let cache = Cache::open()?;
        match self.verb {
            Verb::Add(add) => add.run(&cache),
            Verb::List(list) => list.run(&cache),
            Verb::Default(chosen) => chosen.run(&cache),
            Verb::Show(target) => show(&cache, target.name.as_deref()),
            Verb::Facts(target) => facts(&cache, target.name.as_deref()),
            Verb::Verify(verify) => verify.run(&cache),
            Verb::Source(Source { name, folder, paths }) => {
                cache.target(&name)?.unpack_source(&cache, &folder, &paths, progress())?;
                say(folder.display());
                Ok(0)
            }
            Verb::Remove(remove) => remove.run(&cache),
            Verb::Exec(exec) => exec.run(&cache),
        }
    }
}

impl Add {
    fn run(self, cache: &Cache) -> CommandResult {
        let progress = progress();
        let Add { name, build_dir, root, toolchain, make, release, stock, rust, .. } = self;
        let (root, release) = match self.running {
            true => {
                let release = uname().release().to_string_lossy().into_owned();
                (Some(PathBuf::from("/")), Some(release))
            }
            false => (root, release),
        };
        let mode = rust.as_deref().and_then(Mode::new);
        let request = match (build_dir, root) {
            (Some(folder), _) => Request::BuildDir(BuildDirRequest { folder, toolchain, make }),
            (None, Some(folder)) => {
                Request::Root(RootRequest { folder, release, toolchain, make, mode })
            }
            (None, None) => Request::Debian(stock.request(release, mode)),
        };
        let before = cache.default_name()?;
        let mut target = kps_targets::add(cache, name.as_deref(), &request, progress)?;
        if !self.facts_only {
            target.prepare(cache, progress)?;
        }
        if self.debug {
            target.add_debug(cache, progress)?;
        }
        let now = cache.default_name()?;
        if let Some(before) = before.filter(|before| now.as_ref() != Some(before)) {
            progress.say(&format!(
                "{} is the default target now; `kpsc kernel default {before}` keeps {before}",
                target.name
            ));
        }
        say(target.name);
        Ok(0)
    }
}

impl Chosen {
    fn run(self, cache: &Cache) -> CommandResult {
        if let Some(name) = self.name {
            cache.choose(&cache.find(&name)?)?;
        }
        match cache.default_name()? {
            Some(name) => say(name),
            None => {
                return Err(Diagnostic::new(NO_SUCH_TARGET, "there is no target yet")
                    .help("add one with `kpsc kernel add`"))
            }
        }
        Ok(0)
    }
}

impl List {
    fn run(self, cache: &Cache) -> CommandResult {
        if self.available {
            let kernels =
                kps_targets::available(cache, &self.stock.request(None, None), progress())?;
            for Available { release, suite, mode, has_headers, .. } in kernels {
                let headers = if has_headers { "headers" } else { "no headers" };
                say(format_args!("{release}\t{suite}\t{}\t{headers}", mode.as_str()));
            }
            return Ok(0);
        }
        let default = cache.default_name()?;
        for (name, target) in cache.targets()? {
            match target {
                Ok(target) => {
                    let mark = if default.as_ref() == Some(&name) { "\tdefault" } else { "" };
                    let state =
                        if target.tree().is_some() { "ready to build" } else { "facts only" };
                    let mode = target.mode().as_str();
                    say(format_args!("{name}\t{state}\t{mode}\t{}{mark}", target.origin()));
                }
                Err(_) => say(format_args!("{name}\tdamaged\tsee `kpsc kernel verify {name}`")),
            }
        }
        Ok(0)
    }
}

impl Verify {
    fn run(self, cache: &Cache) -> CommandResult {
        let targets = match self.names.as_slice() {
            [] => cache.targets()?,
            names => names.iter().map(|name| (name.clone(), cache.target(name))).collect(),
        };
        let mut code = 0;
        for (name, target) in targets {
            let (wrong, files) = match target.and_then(|target| target.verify(cache)) {
                Ok(found) => found,
                Err(error) => (vec![error], 0),
            };
            match wrong.as_slice() {
                [] => say(format_args!("{name}\twhole\t{files} files")),
                wrong => code = code.max(report(wrong, None)),
            }
        }
        Ok(code)
    }
}

impl Remove {
    fn run(self, cache: &Cache) -> CommandResult {
        for name in &self.names {
            cache.remove(name)?;
        }
        if self.unused {
            for (path, size) in cache.remove_unused()? {
                say(format_args!("{}\t{} MB", path.display(), size.div_ceil(1_000_000)));
            }
        }
        Ok(0)
    }
}

fn show(cache: &Cache, name: Option<&str>) -> CommandResult {
    let target = open_target(cache, name)?;
    let facts = target.facts()?;
    let hex: String = facts.identity.build_id.iter().map(|byte| format!("{byte:02x}")).collect();
    let value =
        |option: &str| facts.config.get(option).cloned().unwrap_or_else(|| "unknown".into());
    say(format_args!("name       {}", target.name));
    say(format_args!("release    {}", target.release()));
    say(format_args!("from       {}", target.origin()));
    say(format_args!("build-id   {hex}"));
    say(format_args!("image      {}", target.image().display()));
    say(format_args!("C          {}", value("CONFIG_CC_VERSION_TEXT")));
    match target.mode() {
        Mode::KernelCrate => say(format_args!("Rust       {}", value("CONFIG_RUSTC_VERSION_TEXT"))),
        Mode::Core => say("Rust       core mode: `core` and a crate `kernel` of kpsc's"),
    }
    say(format_args!("symbols    {}", facts.vmlinux.symbols.len()));
    say(format_args!("traceable  {} functions", facts.vmlinux.sites.len()));
    say(format_args!("exports    {}", facts.exports.len()));
    say(format_args!("types      {}", facts.btf.len()));
    match target.debug()? {
        Some(debug) => {
            say(format_args!("inlining   {} copies of functions in others", debug.copies()));
        }
        None => say(format_args!("inlining   unknown: `{}`", target.with_debug())),
    }
    match target.templates().kept() {
        Some(Ok(size)) => {
            say(format_args!(
                "template   {} MB, a machine that has booted",
                size.div_ceil(1_000_000)
            ));
        }
        Some(Err(reason)) => say(format_args!("template   none: {reason}")),
        None => say("template   none yet: `kpsc test` creates it"),
    }
    match target.tree() {
        Some(tree) => say(format_args!("build tree {}", tree.build.display())),
        None => say("build tree none yet; it is prepared when it is first needed"),
    }
    Ok(0)
}

fn facts(cache: &Cache, name: Option<&str>) -> CommandResult {
    let target = open_target(cache, name)?;
    // Check the file now: its next reader reports less about an unusable file and does not
    // regenerate it.
    target.facts()?;
    say(target.facts_path().display());
    Ok(0)
}

/// Refuses the folders of a run of make that it cannot carry: those that it may write to, and that
/// of the module.
fn check_paths(folders: &[PathBuf], command: &[OsString]) -> Result<(), Diagnostic> {
    let module = |word: &OsString| Some(PathBuf::from(word.to_string_lossy().strip_prefix("M=")?));
    let modules: Vec<PathBuf> = command.iter().filter_map(module).collect();
    match folders.iter().chain(&modules).find(|path| !is_supported_path(path)) {
        None => Ok(()),
        Some(path) => Err(unsupported_path("the module", path).help("rename the folder")),
    }
}

impl Exec {
    fn run(self, cache: &Cache) -> CommandResult {
        let mut target = cache.target(&self.name)?;
        if self.command[0] == "make" {
            check_paths(&self.folder, &self.command)?;
        }
        let cleans = self.command.iter().any(|word| word == "clean" || word == "help");
        for folder in self.folder.iter().filter(|_| self.command[0] == "make" && !cleans) {
            let code = before_make(folder, &target, cache)?;
            if code != 0 {
                return Ok(code);
            }
        }
        let tree = target.prepare(cache, progress())?;
        for folder in self.folder.iter().chain(&self.read) {
            check_visible(&tree, "the folder", folder)
                .map_err(|error| error.help("copy it to another place"))?;
        }
        let here = Path::new("/").to_owned();
        let mut read: Vec<&Path> = tree.sources.iter().map(PathBuf::as_path).collect();
        read.push(&tree.build);
        read.extend(self.read.iter().map(PathBuf::as_path));
        let write: Vec<&Path> = self.folder.iter().map(PathBuf::as_path).collect();
        let folder = write.first().copied().unwrap_or(&here);
        let program = self.command[0].to_string_lossy().into_owned();
        let mut command = tree.toolchain().command(&program, &read, &write, folder)?;
        command.args(&self.command[1..]);
        let print = |stream, line: &str| match stream {
            Stream::Output => {
                say(line);
                true
            }
            Stream::Error => writeln!(io::stderr(), "{}", escape(line)).is_ok(),
        };
        match output::run(&mut command, print) {
            Ok(status) => Ok(status.code().and_then(|code| code.try_into().ok()).unwrap_or(1)),
            Err(error) => Err(command.not_started(&error)),
        }
    }
}
