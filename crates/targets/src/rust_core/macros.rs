// SPDX-License-Identifier: GPL-2.0
//! The libraries that the macros of patch crates are written with. A kernel with Rust brings them
//! compiled (`rust/host/`); for others kpsc compiles those of the distribution, for the host.

use super::run;
use kps_diag::{Diagnostic, PROGRAM_FAILED};
use kps_host::disk::{entries, make_folder};
use std::path::Path;

/// Where packages have the sources of libraries, each in a folder `NAME-VERSION`.
const REGISTRY: &str = "usr/share/cargo/registry";

/// A library: its name, those that it needs, and the features and `cfg`s that it is compiled with,
/// which are those of `rust/Makefile` in the kernel.
struct Library {
    name: &'static str,
    needs: &'static [&'static str],
    cfgs: &'static [&'static str],
}

/// Each behind those that it needs.
const LIBRARIES: &[Library] = &[
    Library { name: "unicode_ident", needs: &[], cfgs: &[] },
    Library {
        name: "proc_macro2",
        needs: &["unicode_ident"],
        cfgs: &["feature=\"proc-macro\"", "wrap_proc_macro"],
    },
    Library { name: "quote", needs: &["proc_macro2"], cfgs: &["feature=\"proc-macro\""] },
    Library {
        name: "syn",
        needs: &["proc_macro2", "quote", "unicode_ident"],
        cfgs: &[
            "feature=\"clone-impls\"",
            "feature=\"derive\"",
            "feature=\"full\"",
            "feature=\"parsing\"",
            "feature=\"printing\"",
            "feature=\"proc-macro\"",
            "feature=\"visit\"",
            "feature=\"visit-mut\"",
        ],
    },
];

/// Everything that the compiled files depend on, beside the compilers.
pub(super) fn inputs() -> String {
    let library = |Library { name, needs, cfgs }: &Library| {
        format!("{name} {} {}", needs.join(" "), cfgs.join(" "))
    };
    LIBRARIES.iter().map(library).collect::<Vec<_>>().join("\n")
}

/// Compiles all of them into a folder.
pub(super) fn compile(compilers: &Path, folder: &Path) -> Result<(), Diagnostic> {
    make_folder(folder)?;
    LIBRARIES.iter().try_for_each(|library| {
        let source = source(compilers, library.name)?;
        let crate_name = format!("--crate-name={}", library.name);
        let cfgs = library.cfgs.iter().map(|cfg| format!("--cfg={cfg}"));
        let needs = library.needs.iter().map(|name| format!("--extern={name}=lib{name}.rlib"));
        let own: Vec<String> = cfgs.chain(needs).collect();
        let common =
            ["rustc", "--edition=2021", "-Copt-level=1", "--cap-lints=allow", "--crate-type=rlib"];
        let all = common.into_iter().chain(own.iter().map(String::as_str));
        run(compilers, folder, all.chain(["-L.", crate_name.as_str(), source.as_str()])).map(|_| ())
    })
}

/// The path of a library's source, as the compilers see it.
fn source(compilers: &Path, name: &str) -> Result<String, Diagnostic> {
    let start = format!("{}-", name.replace('_', "-"));
    let found = entries(&compilers.join(REGISTRY))?;
    let names = found.iter().filter_map(|path| path.file_name()?.to_str());
    let mut names = names.filter(|folder| {
        folder
            .strip_prefix(&start)
            .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
    });
    match names.next() {
        Some(folder) => Ok(format!("/{REGISTRY}/{folder}/src/lib.rs")),
        None => {
            Err(Diagnostic::new(PROGRAM_FAILED, format!("the packages have no source of {name}")))
        }
    }
}
