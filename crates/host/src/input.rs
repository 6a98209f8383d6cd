// SPDX-License-Identifier: GPL-2.0
//! Reads files that others wrote: only regular files, and only up to the size that no valid file of
//! its kind exceeds.

use crate::disk::cannot;
use kps_diag::{Diagnostic, FILE_TOO_LARGE};
use rustix::fs::OFlags;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// The maximum size of a kind of file; `docs/limits.md` lists them all.
#[derive(Debug, Clone, Copy)]
pub struct Limit {
    /// The kind, for messages.
    pub what: &'static str,
    /// The maximum that is read, in bytes.
    pub bytes: u64,
}

/// A kernel image on the disk. With debug information a `vmlinux` has some 500 MB.
pub const IMAGE: Limit = Limit { what: "a kernel image", bytes: 2 << 30 };
/// The `.config` of a kernel. They have some 300 KB.
pub const CONFIG: Limit = Limit { what: "a kernel's configuration", bytes: 4 << 20 };
/// The `Module.symvers` of a kernel. They have some 2 MB.
pub const SYMVERS: Limit = Limit { what: "a kernel's list of exports", bytes: 64 << 20 };
/// The makefile at the top of a kernel. They have some 70 KB.
pub const MAKEFILE: Limit = Limit { what: "a kernel's makefile", bytes: 1 << 20 };
/// The facts of a target. They have some 20 MB.
pub const FACTS: Limit = Limit { what: "a facts file", bytes: 256 << 20 };
/// The stored debug information of a kernel. It has some 10 MB.
pub const DEBUG: Limit = Limit { what: "a target's debug information", bytes: 64 << 20 };
/// The stored debug information of its modules. That of a distribution's has some 20 MB.
pub const DEBUG_MODULES: Limit =
    Limit { what: "the debug information of a target's modules", bytes: 512 << 20 };
/// The manifest of a target. They have some 500 bytes.
pub const MANIFEST: Limit = Limit { what: "a target's manifest", bytes: 1 << 20 };
/// The inventory of a target. They have some 4 MB.
pub const INVENTORY: Limit = Limit { what: "a target's inventory", bytes: 64 << 20 };
/// A file in C that belongs to a spec. The largest of a kernel have some 500 KB.
pub const C_FILE: Limit = Limit { what: "a file in C", bytes: 4 << 20 };
/// A file in Rust that belongs to a spec. The largest of a kernel have some 200 KB.
pub const RUST_FILE: Limit = Limit { what: "a file in Rust", bytes: 4 << 20 };
/// The list of a kernel's modules. They have some 200 KB.
pub const MODULES_ORDER: Limit = Limit { what: "a list of modules", bytes: 16 << 20 };
/// A module, as linked or as it came with the kernel. They have some 100 KB.
pub const MODULE: Limit = Limit { what: "a module", bytes: 256 << 20 };
/// What a build leaves for later ones. The largest library of the macros has some 20 MB.
pub const KEPT: Limit = Limit { what: "a kept result of a build", bytes: 256 << 20 };
/// A header of a kernel. The largest that declare something have some 200 KB.
pub const HEADER: Limit = Limit { what: "a header", bytes: 4 << 20 };
/// The tests of a patch crate. They have some 2 KB.
pub const TESTS: Limit = Limit { what: "a file of tests", bytes: 4 << 20 };
/// The settings of a project. They have some 100 bytes.
pub const PROJECT: Limit = Limit { what: "a project file", bytes: 1 << 20 };
/// A program in C that a test runs. They have some 10 KB.
pub const TRIGGER: Limit = Limit { what: "a trigger", bytes: 1 << 20 };
/// A private key, or a certificate. They have some 2 KB.
pub const KEY: Limit = Limit { what: "a key or a certificate", bytes: 1 << 20 };

/// Reads a file.
pub fn read(path: &Path, limit: Limit) -> Result<Vec<u8>, Diagnostic> {
    match read_at_most(path, limit.bytes).map_err(|error| cannot("read", path, &error))? {
        Some(bytes) => Ok(bytes),
        None => Err(too_large(path, limit)),
    }
}

/// The error for a file that is too large.
pub fn too_large(path: &Path, limit: Limit) -> Diagnostic {
    let message = format!("{} is too large for {}", path.display(), limit.what);
    Diagnostic::new(FILE_TOO_LARGE, message)
        .note(format!("kpsc reads at most {} MiB", limit.bytes >> 20))
        .help("check that it is the right file")
}

/// Reads a text file.
pub fn read_text(path: &Path, limit: Limit) -> Result<String, Diagnostic> {
    text(path, read(path, limit)?)
}

/// The bytes of a file as text.
pub fn text(path: &Path, bytes: Vec<u8>) -> Result<String, Diagnostic> {
    let not_text =
        |_| cannot("read", path, &io::Error::new(ErrorKind::InvalidData, "it is not UTF-8"));
    String::from_utf8(bytes).map_err(not_text)
}

/// Reads a file up to a maximum size; `None` if it is larger.
pub fn read_at_most(path: &Path, most: u64) -> io::Result<Option<Vec<u8>>> {
    read_opened(&open(path)?, most)
}

/// Reads an open file up to a maximum size; `None` if it is larger.
pub fn read_opened(file: &File, most: u64) -> io::Result<Option<Vec<u8>>> {
    let size = file.metadata()?.len();
    if size > most {
        return Ok(None);
    }
    let mut bytes = Vec::with_capacity(size.try_into().unwrap_or(0));
    // The file may be growing; one byte more than the limit is enough to know.
    file.take(most + 1).read_to_end(&mut bytes)?;
    Ok(Some(bytes).filter(|bytes| bytes.len() as u64 <= most))
}

/// Opens a regular file for reading. Another kind may be endless, or block on open for ever.
pub fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK.bits() as i32;
    let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::new(ErrorKind::InvalidInput, "it is not a regular file")),
    }
}
