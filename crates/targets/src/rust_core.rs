// SPDX-License-Identifier: GPL-2.0
//! Rust's `core` for code in a kernel: what modules stand on where the kernel has no Rust of its
//! own (core mode).
//!
//! rustc brings the source of `core`, and a compiled one for programs: with registers that a kernel
//! does not save, and without the mitigations that it needs. So kpsc compiles `core` once for each
//! rustc and set of options, 20 to 30 s of a processor, and keeps it with the compilers. A module
//! gets the few functions that it uses (`templates/core.mk`).

mod macros;

use super::toolchain::Toolchain;
use kps_diag::{Diagnostic, PROGRAM_FAILED};
use kps_host::disk::{entries, make_folder, remove, rename, write_atomically};
use kps_host::output;
use std::collections::BTreeMap;
use std::path::Path;

/// The folder of `core` below that of compilers, which is `/` to them.
pub(super) const FOLDER: &str = "usr/lib/rustlib/kpsc";

/// The options of the kernel's own Makefile for all Rust, and of its configuration's defaults.
const OPTIONS: &[&str] = &[
    "--edition=2021",
    "-Astable_features",
    "-Aunused_features",
    "-Dnon_ascii_idents",
    "-Dunsafe_op_in_unsafe_fn",
    "-Cpanic=abort",
    "-Cembed-bitcode=n",
    "-Clto=n",
    "-Cforce-unwind-tables=n",
    "-Ccodegen-units=1",
    "-Csymbol-mangling-version=v0",
    "-Copt-level=2",
    "-Cdebug-assertions=n",
    "-Coverflow-checks=y",
];

/// Gives the functions of this `core` other symbols than those of a kernel's own, which the same
/// rustc may have compiled and which that kernel exports.
const METADATA: &str = "-Cmetadata=kpsc";

/// The symbol of the panic handler, which rustc does not mangle and a kernel with Rust exports, and
/// its name in kpsc's `core`. `templates/core.mk` has both, too.
const PANIC_HANDLER: &str = "rust_begin_unwind=kps_panic";

const COMPILER_BUILTINS: &str = include_str!("rust_core/compiler_builtins.rs");
const LINKER_SCRIPT: &str = include_str!("rust_core/core.lds");

/// Which `core` a kernel needs: the options of its Rust.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RustCore {
    flags: Vec<String>,
}

impl RustCore {
    /// The one for a kernel with this configuration.
    pub(super) fn of(config: &BTreeMap<String, String>) -> RustCore {
        let is_set = |option: &str| config.get(option).is_some_and(|value| value == "y");
        let flags = OPTIONS.iter().map(|option| (*option).to_owned());
        RustCore { flags: flags.chain(kps_arch::native().rustc.flags(is_set)).collect() }
    }

    /// Everything that the compiled files depend on, beside the compilers.
    pub(super) fn inputs(&self) -> String {
        [
            &self.flags.join(" "),
            METADATA,
            PANIC_HANDLER,
            COMPILER_BUILTINS,
            LINKER_SCRIPT,
            &macros::inputs(),
        ]
        .join("\n")
    }

    /// Compiles `core` into the folder of its compilers, and the libraries of the macros at the
    /// same time.
    pub(super) fn compile(&self, compilers: &Path) -> Result<(), Diagnostic> {
        let of_macros = compilers.join("macros");
        let (core, libraries) = std::thread::scope(|scope| {
            let libraries = scope.spawn(|| macros::compile(compilers, &of_macros));
            (self.compile_core(compilers), libraries.join())
        });
        core?;
        libraries.unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        rename(&of_macros, &compilers.join(FOLDER).join("host"))
    }

    fn compile_core(&self, compilers: &Path) -> Result<(), Diagnostic> {
        let scratch = compilers.join("core");
        make_folder(&scratch)?;
        write_atomically(&scratch.join("compiler_builtins.rs"), COMPILER_BUILTINS.as_bytes())?;
        let source = source(compilers)?;
        let rustc = |own: &[&str]| {
            let common = ["RUSTC_BOOTSTRAP=1", "rustc", "--crate-type=rlib", METADATA].into_iter();
            let flags = self.flags.iter().map(String::as_str);
            run(compilers, &scratch, common.chain(flags).chain(own.iter().copied()))
        };
        rustc(&[
            "-Zfunction-sections=y",
            "--cap-lints=allow",
            "--cfg=no_fp_fmt_parse",
            "--crate-name=core",
            "--emit=metadata,obj",
            &source,
        ])?;
        rustc(&[
            "--crate-name=compiler_builtins",
            "--emit=metadata",
            "-L.",
            "compiler_builtins.rs",
        ])?;
        run(compilers, &scratch, ["objcopy", "--redefine-sym", PANIC_HANDLER, "core.o"])?;
        write_atomically(&scratch.join("core.lds"), LINKER_SCRIPT.as_bytes())?;
        let flags = format!("kps-rust-flags := {}\n", self.flags.join(" "));
        write_atomically(&scratch.join("flags.mk"), flags.as_bytes())?;
        let folder = compilers.join(FOLDER);
        remove(&folder)?;
        rename(&scratch, &folder)
    }
}

/// Runs a program of the compilers in a folder that it may write to.
fn run<'w>(
    compilers: &Path,
    folder: &Path,
    words: impl IntoIterator<Item = &'w str>,
) -> Result<(), Diagnostic> {
    let inside = Toolchain::Folder(compilers.to_owned());
    let mut command = inside.command("env", &[], &[folder], folder)?;
    command.args(words);
    let output = output::output(&mut command).map_err(|error| command.not_started(&error))?;
    if output.ended.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let shown = said.lines().filter(|line| !line.trim().is_empty()).take(12);
    let failed = Diagnostic::new(PROGRAM_FAILED, "the source of `core` cannot be compiled");
    Err(shown.fold(failed, |failed, line| failed.note(line.to_owned())))
}

/// The path of the source of `core`, as the compilers see it.
fn source(compilers: &Path) -> Result<String, Diagnostic> {
    const ROOT: &str = "library/core/src/lib.rs";
    let sources = entries(&compilers.join("usr/src"))?;
    let root = sources.iter().find(|path| path.join(ROOT).exists());
    let name = root.and_then(|path| path.file_name()).and_then(|name| name.to_str());
    match name {
        Some(name) => Ok(format!("/usr/src/{name}/{ROOT}")),
        None => Err(Diagnostic::new(PROGRAM_FAILED, "the packages have no source of `core`")),
    }
}
