// SPDX-License-Identifier: GPL-2.0
//! Compiles the grammar for editors, which the suite `editors` parses specs with.

fn main() {
    // The folder of the programs that are built for a named target is named after it.
    println!("cargo:rustc-env=KPS_HOST={}", std::env::var("HOST").unwrap_or_default());
    let source = "../editors/tree-sitter-kps/src";
    println!("cargo:rerun-if-changed={source}");
    let mut build = cc::Build::new();
    build.file(format!("{source}/parser.c")).include(source).warnings(false);
    build.compile("tree-sitter-kps");
}
