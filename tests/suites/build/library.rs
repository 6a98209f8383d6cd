// SPDX-License-Identifier: GPL-2.0
//! The runtime as a crate of its own, as patch crates have it, and the crates that macros stand on.

use super::{emit, folder, make, read, write};
use kps_tests::code::functions;
use kps_tests::compiled::{self, cargo, CRATES, LIBRARY};
use kps_tests::schedule::Case;
use kps_tests::target::target;
use kps_tests::{cases, fixture_cache, kpsc, printed, repository};
use object::{Object, ObjectSymbol};
use std::path::Path;

/// The cases about both.
pub(super) fn cases() -> Vec<Case> {
    cases![
        a_crate_over_the_runtime_becomes_the_same_instructions.machine().about(40),
        a_crate_over_the_runtime_is_checked_and_tested_where_there_is_no_kernel
            .about(20)
            .shares(CRATES),
        what_macros_stand_on_compiles_with_what_the_target_has.machine().about(30),
    ]
}

/// A patch that is a crate of its own has the runtime as another crate beside it, and the generated
/// code in a module. Its functions become the same instructions as those of a patch that kpsc
/// builds from a spec, and it has none that it does not call.
fn a_crate_over_the_runtime_becomes_the_same_instructions() {
    let cache = fixture_cache();
    for spec in GOLDEN {
        let into = folder();
        let written = repository().join("tests/golden").join(spec).with_extension("kps");
        let source = emit(&written, into.path(), Some(cache.path()));
        let pieces = SourceText::of(&source, spec);
        let SourceText { declaration, loader, items, livepatch, .. } = &pieces;
        let declaration = declaration.replace("livepatch::Module", "patch::Module");
        let contents = format!("{loader}{items}{livepatch}pub(crate) use livepatch::Module;\n");
        let kbuild = String::from_utf8_lossy(&read(&source.join("Kbuild"))).into_owned();
        write(&source.join("src/lib.rs"), &format!("//! A patch.\nmod patch;\n{declaration}"));
        write(&source.join("src/patch.rs"), &pieces.module(&contents));
        write(
            &source.join("Kbuild"),
            &format!("ifdef kps-library\n{LIBRARY}\nelse\n{kbuild}\nendif\n"),
        );
        for words in [["kps-module=1", &format!("{spec}_main.o")], ["kps-library=1", "library.o"]] {
            let output = make(&source, &words);
            let said = printed(&output);
            assert!(output.status.success() && !said.contains("warning: "), "{spec}:\n{said}");
        }
        let runtime = read(&source.join("kps/lib.o"));
        let runtime =
            object::File::parse(&*runtime).unwrap_or_else(|error| panic!("{spec}: {error}"));
        let symbols: Vec<_> = runtime.symbols().filter(|symbol| symbol.is_definition()).collect();
        assert!(symbols.is_empty(), "what nobody calls is in the module: {symbols:?}");
        let one = functions(&source.join(format!("{spec}_main.o")));
        let other = functions(&source.join("src/lib.o"));
        assert!(one.keys().any(|name| name.starts_with("kps_body_")), "{spec}: {:?}", one.keys());
        assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>(), "{spec}");
        for (name, code) in &one {
            assert_eq!(code, &other[name], "{name} of {spec}");
        }
    }
}

/// Bodies see the kernel's types and functions on the host too. What they call of the kernel is
/// linked only if a test calls it.
fn a_crate_over_the_runtime_is_checked_and_tested_where_there_is_no_kernel() {
    let cache = fixture_cache();
    let into = compiled::source("golden");
    for spec in GOLDEN {
        let written = repository().join("tests/golden").join(spec).with_extension("kps");
        let source = emit(&written, &into, Some(cache.path()));
        let pieces = SourceText::of(&source, spec);
        let runtime = repository().join("crates/runtime");
        let manifest = format!(
            "[package]\nname = \"{spec}\"\nedition = \"2021\"\n\n[dependencies]\nkps = {{ path = {runtime:?} }}\n"
        );
        write(&source.join("Cargo.toml"), &manifest);
        let test = "#[test]\nfn it_runs() {\n    use kps::prelude::*;\n    pr_info!(\"{}\\n\", EINVAL);\n}\n";
        write(&source.join("src/lib.rs"), &format!("#![allow(dead_code)]\nmod patch;\n{test}"));
        write(&source.join("src/patch.rs"), &pieces.module(&pieces.items));
        let output = cargo("test").current_dir(&source).args(["--quiet", "--offline"]).output();
        let output = output.unwrap_or_else(|error| panic!("cargo: {error}"));
        let said = printed(&output);
        let passed =
            output.status.success() && said.contains("1 passed") && !said.contains("warning: ");
        assert!(passed, "{spec}:\n{said}");
    }
}

/// The specs with golden output.
const GOLDEN: &[&str] = &["data", "layouts", "params", "parts", "shapes"];

/// A generated module in the pieces that `kps_codegen::Contents` has.
struct SourceText {
    /// The path of the types.
    types: String,
    lints: String,
    imports: String,
    declaration: String,
    loader: String,
    items: String,
    livepatch: String,
}

impl SourceText {
    fn of(source: &Path, name: &str) -> SourceText {
        let main =
            String::from_utf8_lossy(&read(&source.join(format!("{name}_main.rs")))).into_owned();
        let (head, declaration, mut items) =
            split(&main, "::kernel::prelude::module! {\n", "\n}\n");
        let (lints, _, imports) = split(head, "#[allow(dead_code", "mod types;\n");
        let mut loader = String::new();
        for start in ["\n/// What `module!` has no key for.", "\n/// The parameters as the loader"]
        {
            if items.starts_with(start) {
                let (_, piece, rest) = split(items, start, "\n};\n");
                loader.push_str(piece);
                items = rest;
            }
        }
        let tables = "/// The tables that the kernel is given";
        let (items, livepatch) =
            items.split_at(items.find(tables).unwrap_or_else(|| panic!("no tables")));
        SourceText {
            types: source.join(format!("{name}_types.rs")).display().to_string(),
            lints: lints.to_owned(),
            imports: imports.to_owned(),
            declaration: declaration.to_owned(),
            loader,
            items: items.to_owned(),
            livepatch: livepatch.to_owned(),
        }
    }

    /// The module that the pieces stand in.
    fn module(&self, contents: &str) -> String {
        let SourceText { types, lints, imports, .. } = self;
        format!("{lints}use ::kps;\n#[path = {types:?}]\nmod types;\n{imports}{contents}")
    }
}

/// What stands before a piece of text, the piece, and what stands behind it.
fn split<'a>(text: &'a str, start: &str, end: &str) -> (&'a str, &'a str, &'a str) {
    let start = text.find(start).unwrap_or_else(|| panic!("no `{start}` in:\n{text}"));
    let len =
        text[start..].find(end).unwrap_or_else(|| panic!("no `{end}` in:\n{text}")) + end.len();
    (&text[..start], &text[start..start + len], &text[start + len..])
}

/// The crates that proc macros stand on are compiled by the rustc that built the target, with the
/// syn, quote and proc-macro2 that the kernel brings along.
fn what_macros_stand_on_compiles_with_what_the_target_has() {
    let target = target();
    let tree = target.tree().unwrap_or_else(|| panic!("the target has no build tree"));
    let host = tree.build.join("rust/host");
    let into = folder();
    let repository = repository();
    let rustc = |name: &str, root: &str, externs: &[&str]| {
        let mut command = kpsc();
        command
            .args(["kernel", "exec", "--folder"])
            .arg(into.path())
            .arg("--read")
            .arg(&repository);
        command.arg(&target.name).args([
            "--",
            "rustc",
            "--edition=2021",
            "--crate-type=rlib",
            "-Dwarnings",
        ]);
        command
            .args(["-Aunexpected_cfgs", "--crate-name", name, "-L"])
            .arg(&host)
            .arg("-L")
            .arg(into.path());
        for krate in externs {
            let file = format!("lib{krate}.rlib");
            let kernels = host.join(&file);
            let path = if kernels.exists() { kernels } else { into.path().join(&file) };
            command.arg("--extern").arg(format!("{krate}={}", path.display()));
        }
        command.arg("--out-dir").arg(into.path()).arg(repository.join(root));
        let output = command.output().unwrap_or_else(|error| panic!("{error}"));
        assert!(output.status.success(), "{name}:\n{}", printed(&output));
    };
    rustc("kps_arch", "crates/arch/src/lib.rs", &[]);
    rustc("kps_diag", "crates/diag/src/lib.rs", &[]);
    rustc("kps_plan", "crates/plan/src/lib.rs", &["kps_arch"]);
    rustc("kps_ast", "crates/ast/src/lib.rs", &["kps_diag", "kps_plan"]);
    rustc("kps_facts", "crates/facts/src/lib.rs", &["kps_arch", "kps_plan"]);
    rustc("kps_codegen", "crates/codegen/src/lib.rs", &["kps_plan", "proc_macro2", "quote", "syn"]);
    let inner = [
        "kps_arch",
        "kps_ast",
        "kps_codegen",
        "kps_diag",
        "kps_facts",
        "kps_plan",
        "proc_macro2",
        "quote",
        "syn",
    ];
    rustc("kps_resolve", "crates/resolve/src/lib.rs", &inner);
    let all = [inner.as_slice(), &["kps_resolve"]].concat();
    rustc("kps_attributes", "crates/attributes/src/lib.rs", &all);
}
