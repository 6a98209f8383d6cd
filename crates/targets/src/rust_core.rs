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
use serde_json::{json, Map, Value};
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

/// The target that rustc compiles for, beside `core`.
const TARGET: &str = "target.json";

/// Which `core` a kernel needs: the options of its Rust, and the features of its target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RustCore {
    options: Vec<&'static str>,
    features: Vec<&'static str>,
}

impl RustCore {
    /// The one for a kernel with this configuration.
    pub(super) fn of(config: &BTreeMap<String, String>) -> RustCore {
        let is_set = |option: &str| config.get(option).is_some_and(|value| value == "y");
        let rustc = &kps_arch::native().rustc;
        let options = OPTIONS.iter().copied().chain(rustc.options(is_set)).collect();
        RustCore { options, features: rustc.features(is_set) }
    }

    /// Everything that the compiled files depend on, beside the compilers.
    pub(super) fn inputs(&self) -> String {
        let kpsc = [METADATA, PANIC_HANDLER, COMPILER_BUILTINS, LINKER_SCRIPT, &macros::inputs()];
        [self.options.join(" "), self.features.join(","), kpsc.join("\n")].join("\n")
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
        write_atomically(&scratch.join(TARGET), self.target(compilers, &scratch)?.as_bytes())?;
        write_atomically(&scratch.join("compiler_builtins.rs"), COMPILER_BUILTINS.as_bytes())?;
        let source = source(compilers)?;
        let target = format!("--target={TARGET}");
        let rustc = |own: &[&str]| {
            let common = ["RUSTC_BOOTSTRAP=1", "rustc", "--crate-type=rlib", METADATA, &target];
            let words = common.into_iter().chain(self.options.iter().copied());
            run(compilers, &scratch, words.chain(own.iter().copied()))
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
        let flags =
            format!("kps-rust-flags := --target=$(KPS_CORE)/{TARGET} {}\n", self.options.join(" "));
        write_atomically(&scratch.join("flags.mk"), flags.as_bytes())?;
        let folder = compilers.join(FOLDER);
        remove(&folder)?;
        rename(&scratch, &folder)
    }

    /// The target: the built-in one, in the format of this rustc, with what differs in a kernel.
    fn target(&self, compilers: &Path, folder: &Path) -> Result<String, Diagnostic> {
        let arch = &kps_arch::native().rustc;
        let target = format!("--target={}", arch.target);
        let print = ["-Zunstable-options", "--print=target-spec-json"];
        let words = ["RUSTC_BOOTSTRAP=1", "rustc", &target].into_iter().chain(print);
        let printed = run(compilers, folder, words)?;
        let mut spec: Map<String, Value> = serde_json::from_str(&printed).map_err(|error| {
            let message = format!("rustc does not describe its target as JSON: {error}");
            Diagnostic::new(PROGRAM_FAILED, message)
        })?;
        let built_in = spec.get("features").and_then(Value::as_str).unwrap_or_default();
        let features: Vec<&str> =
            [built_in].into_iter().chain(self.features.iter().copied()).collect();
        let set = [
            ("features", json!(features.join(","))),
            ("llvm-target", json!(arch.llvm_target)),
            // A module has no GOT to call memcpy() through, and a kernel's stack no guard that a
            // function has to touch.
            ("plt-by-default", json!(true)),
            ("stack-probes", json!({ "kind": "none" })),
        ];
        spec.extend(set.map(|(key, value)| (key.to_owned(), value)));
        spec.remove("is-builtin");
        Ok(Value::from(spec).to_string())
    }
}

/// Runs a program of the compilers in a folder that it may write to, and returns what it prints.
fn run<'w>(
    compilers: &Path,
    folder: &Path,
    words: impl IntoIterator<Item = &'w str>,
) -> Result<String, Diagnostic> {
    let inside = Toolchain::Folder(compilers.to_owned());
    let mut command = inside.command("env", &[], &[folder], folder)?;
    command.args(words);
    let output = output::output(&mut command).map_err(|error| command.not_started(&error))?;
    if output.ended.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
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
