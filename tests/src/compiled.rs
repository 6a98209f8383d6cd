// SPDX-License-Identifier: GPL-2.0
//! Crates that tests compile with cargo: all of them in one folder, so that what they depend on is
//! compiled once.

use std::path::{Path, PathBuf};
use std::process::Command;

/// What the cases share that compile crates: the first of them compiles what all of them depend on.
pub const CRATES: &str = "what crates depend on";

/// Where cargo puts what it makes of them: below the folder that this program itself has been built
/// in.
pub fn folder() -> PathBuf {
    let program = std::env::current_exe().unwrap_or_else(|error| panic!("{error}"));
    program.ancestors().nth(3).unwrap_or(Path::new("target")).join("tests/crates")
}

/// cargo with a command, for a crate of any folder.
pub fn cargo(command: &str) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.arg(command).env("CARGO_TARGET_DIR", folder());
    cargo
}

/// An empty folder for the source of a crate. It is at the same path every time, and so cargo does
/// not keep what it makes of it once for each run.
pub fn source(name: &str) -> PathBuf {
    let source = folder().join("sources").join(name);
    let _ = std::fs::remove_dir_all(&source);
    std::fs::create_dir_all(&source)
        .unwrap_or_else(|error| panic!("{}: {error}", source.display()));
    source
}

/// How Kbuild compiles the runtime as a crate, and lets `src/lib.rs` see it.
pub const LIBRARY: &str = "
obj-m := library.o
library-y := src/lib.o kps/lib.o
rustflags-y := --cfg kps_kernel
RUSTFLAGS_kps/lib.o := --crate-name kps --emit=metadata=$(obj)/kps/libkps.rmeta
RUSTFLAGS_src/lib.o := --crate-name library --extern kps=$(obj)/kps/libkps.rmeta
RUSTFLAGS_REMOVE_kps/lib.o := -Cdebuginfo=2
RUSTFLAGS_REMOVE_src/lib.o := -Cdebuginfo=2
$(obj)/src/lib.o: $(obj)/kps/lib.o
";
