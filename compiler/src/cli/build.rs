// SPDX-License-Identifier: GPL-2.0
//! `kpsc build`.

use super::kernels::{Ended, Kernel, KernelsArgs, Patches};
use super::{compile, output, progress, report, write_uses, wrong_usage, CommandResult};
use crate::build::{self, Built};
use crate::driver::Compiled;
use crate::input::Input;
use crate::sign::Signer;
use kps_diag::{escape, Diagnostic, UNUSABLE_PROJECT};
use kps_grammar::ast::Form;
use kps_host::disk::{cannot, write_atomically};
use kps_host::temporary::{undisturbed, Folder};
use kps_targets::{Cache, Target};
use std::collections::btree_map::Entry;
use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

#[derive(Debug, clap::Args)]
pub(super) struct Build {
    /// The .kps file, or the folder of a patch crate.
    #[arg(value_name = "SPEC", required_unless_present = "all")]
    spec: Option<PathBuf>,
    /// Every spec and crate of the project: all below its kpsc.toml.
    #[arg(long, conflicts_with = "spec")]
    all: bool,
    #[command(flatten)]
    targets: KernelsArgs,
    /// Where to put the result. With several kernels its name is NAME-KERNEL.
    #[arg(short, long, value_name = "DIR", default_value = ".")]
    output: PathBuf,
    /// Write the Kbuild folder DIR/NAME instead of DIR/NAME.ko; `make -C BUILD_TREE M=DIR/NAME`
    /// builds it.
    #[arg(long, value_name = "WHAT")]
    emit: Option<Emit>,
    /// Add the `use` lines to the spec that its C files lack, and build it with them. Only lines
    /// that can have one meaning are added.
    #[arg(long, conflicts_with_all = ["all", "emit"])]
    write_uses: bool,
    /// Sign NAME.ko with a key, which is a file in PEM or a PKCS#11 URI, and its certificate. The
    /// variable KBUILD_SIGN_PIN has the key's passphrase or PIN.
    #[arg(long, num_args = 2, value_names = ["KEY", "CERTIFICATE"], conflicts_with = "emit")]
    sign: Option<Vec<String>>,
    /// Show every command.
    #[arg(short, long)]
    verbose: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, clap::ValueEnum)]
enum Emit {
    /// The generated source.
    Source,
}

impl Build {
    pub(super) fn run(self) -> CommandResult {
        if self.write_uses && self.targets.are_several() {
            return Ok(wrong_usage(
                "`--write-uses` is for one kernel, because another may lack a symbol: name it with `--kernel`",
            ));
        }
        let signer = match self.sign.as_deref() {
            Some([key, certificate]) => Some(Signer::read(key, Path::new(certificate))?),
            _ => None,
        };
        let patches = distinct(Patches::read(self.place())?);
        let cache = Cache::open()?;
        let with = (&cache, signer.as_ref());
        self.targets
            .run(&cache, "built", &patches, |input, kernel| self.build(input, kernel, with, true))
    }

    /// The patch that the command line names.
    pub(super) fn place(&self) -> Option<&Path> {
        self.spec.as_deref()
    }

    /// Builds for one kernel. `is_first` is whether this command has not yet tried to add `use`
    /// lines.
    fn build(
        &self,
        input: &Input,
        kernel: Kernel,
        (cache, signer): (&Cache, Option<&Signer>),
        is_first: bool,
    ) -> Result<Ended, Diagnostic> {
        let mut kernel = kernel;
        let compiled = match compile(input.clone(), &kernel.target, cache)? {
            Ok(compiled) => compiled,
            Err(code) => return Ok(Ended::with(code)),
        };
        let output = &self.output;
        let name = kernel.name_of_result(compiled.name());
        if self.emit == Some(Emit::Source) {
            let folder = write_source(&compiled, output, &name)?;
            return Ok(Ended { code: 0, written: Some(folder) });
        }
        if kernel.target.tells_more() {
            // The headers, which come with the build tree, tell more.
            kernel.target.prepare(cache, progress())?;
            return self.build(input, kernel, (cache, signer), is_first);
        }
        if let Some(signer) = signer.filter(|_| is_first) {
            // Whatever is wrong with the key is said before minutes of building.
            signer.check(&mut kernel.target, cache, progress())?;
        }
        let built = self.built(&compiled, &mut kernel.target, cache)?;
        let spec = self.spec.as_deref().filter(|_| self.write_uses && is_first);
        if let Some(spec) = spec.filter(|_| !built.missing.is_empty()) {
            let input = write_uses::write(spec, &compiled, &built)?;
            return self.build(&input, kernel, (cache, signer), false);
        }
        let code = report(&built.diagnostics, Some(&compiled.sources));
        let Some(mut module) = built.module else { return Ok(Ended::with(code.max(1))) };
        if let Some(signer) = signer {
            module = signer.sign(&module, &mut kernel.target, cache, progress())?;
        }
        make_output(output)?;
        let path = output.join(format!("{name}.ko"));
        write_atomically(&path, &module)?;
        Ok(Ended { code: 0, written: Some(path) })
    }

    /// Builds a module.
    fn built(
        &self,
        compiled: &Compiled,
        target: &mut Target,
        cache: &Cache,
    ) -> Result<Built, Diagnostic> {
        match self.verbose {
            false => compiled.build(target, cache, progress(), None),
            true => self.with_log(|log| compiled.build(target, cache, progress(), Some(log))),
        }
    }

    /// Builds and shows every command. Threads that read a compiler's output do not collect.
    fn with_log<T>(&self, build: impl FnOnce(&(dyn Fn(&str) + Sync)) -> T) -> T {
        if !output::is_collecting() {
            return build(&|line| drop(writeln!(std::io::stderr(), "{}", escape(line))));
        }
        let lines = Mutex::new(String::new());
        let text = || lines.lock().unwrap_or_else(PoisonError::into_inner);
        let result = build(&|line| text().push_str(&format!("{}\n", escape(line))));
        output::complain(&text(), std::iter::empty());
        result
    }
}

/// Refuses the patches of a project whose name another one has before them: both results would be
/// one file.
fn distinct(patches: Patches<Input>) -> Patches<Input> {
    let Patches::All(mut all) = patches else { return patches };
    let mut paths = BTreeMap::new();
    for (path, input) in &mut all {
        let Some(name) =
            input.as_ref().ok().and_then(|input| Some(&input.patch.as_ref()?.name.value))
        else {
            continue;
        };
        match paths.entry(name.clone()) {
            Entry::Vacant(free) => drop(free.insert(path.clone())),
            Entry::Occupied(taken) => {
                let message = format!("{path} and {} are both named `{name}`", taken.get());
                let error = Diagnostic::new(UNUSABLE_PROJECT, message);
                *input =
                    Err(error
                        .help("rename one of them, or build each for itself, with another `-o`"));
            }
        }
    }
    Patches::All(all)
}

/// Makes the folder for the result, once a result exists.
pub(super) fn make_output(output: &Path) -> Result<(), Diagnostic> {
    std::fs::create_dir_all(output)
        .map_err(|error| cannot("make", output, &error).help("choose another folder with `-o`"))
}

/// Writes the Kbuild folder, completely or not at all. It replaces a folder that kpsc wrote
/// earlier, and no other folder.
fn write_source(compiled: &Compiled, output: &Path, name: &str) -> Result<PathBuf, Diagnostic> {
    let folder = output.join(name);
    make_output(output)?;
    let scratch = Folder::new_in(output).map_err(|error| cannot("write to", output, &error))?;
    let rename = |from: &Path, to: &Path| {
        std::fs::rename(from, to).map_err(|error| {
            cannot("write", &folder, &error)
                .help("choose another folder with `-o`: kpsc replaces only folders that it wrote")
        })
    };
    let (new, old) = (scratch.path().join("new"), scratch.path().join("old"));
    build::lay_out(&compiled.emitted, &new)?;
    // The author's own folder of a crate contains the same files, so a folder of that kind is never
    // replaced.
    let is_crate = compiled.form() == Form::Crate;
    let makes_room = !is_crate && folder.join(format!("{}.lines", compiled.name())).exists();
    if is_crate && folder.symlink_metadata().is_ok() {
        let there = std::io::Error::from(std::io::ErrorKind::AlreadyExists);
        return Err(cannot("write", &folder, &there).help("choose another folder with `-o`"));
    }
    // A signal in between would remove both folders with the scratch folder.
    undisturbed(|| {
        if makes_room {
            rename(&folder, &old)?;
        }
        rename(&new, &folder).inspect_err(|_| {
            if makes_room {
                // The first error is more useful than one of moving the folder back.
                let _ = std::fs::rename(&old, &folder);
            }
        })
    })?;
    Ok(folder)
}
