// SPDX-License-Identifier: GPL-2.0
//! The paths of files that a spec names. A path leads down from the spec's folder, and no program
//! that reads it can mistake it for anything else.

use super::Resolver;
use kps_ast::Text;
use kps_diag::{Diagnostic, FILE_OUTSIDE};

/// Longer than any path in practice, and shorter than the limits of file systems.
const MAX_PATH: usize = 255;

/// The purpose of a file that a spec names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// C source: a part of the module, or a trigger.
    C,
    /// Rust source.
    Rust,
    /// A file that C source includes.
    Header,
    /// A kernel module, compressed or not.
    Module,
}

impl FileKind {
    /// Its name in messages, and the endings of its file names.
    fn words(self) -> (&'static str, &'static [&'static str]) {
        match self {
            FileKind::C => ("a C file", &[".c"]),
            FileKind::Rust => ("a Rust file", &[".rs"]),
            FileKind::Header => ("a C file", &[""]),
            FileKind::Module => ("a module", &[".ko", ".ko.gz", ".ko.xz", ".ko.zst"]),
        }
    }
}

/// Whether a spec may use this path for a file of this kind.
pub fn is_path(path: &str, kind: FileKind) -> bool {
    let plain = |part: &str| {
        !part.starts_with(['.', '-'])
            && !part.is_empty()
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "_-.".contains(c))
    };
    let (_, endings) = kind.words();
    path.len() <= MAX_PATH
        && path.split('/').all(plain)
        && endings
            .iter()
            .any(|ending| path.strip_suffix(ending).is_some_and(|stem| !stem.ends_with('/')))
}

/// The message for a path that a spec cannot use.
pub fn refused_path(file: &Text, kind: FileKind) -> Diagnostic {
    let (what, endings) = kind.words();
    let end = match endings {
        [ending, ..] if !ending.is_empty() => format!(", and `{ending}` at the end"),
        _ => String::new(),
    };
    Diagnostic::new(FILE_OUTSIDE, format!("{:?} cannot be the path of {what}", file.value))
        .at(file.span, "")
        .note("a path stays below the spec's folder, and compilers and makefiles read it")
        .help(match file.value.starts_with('/') || file.value.split('/').any(|part| part == "..") {
            true => "put the file in the spec's folder or below, and write its path from there".to_owned(),
            false => {
                format!("use letters, digits and `_ - .` in its names, with no dot or hyphen first{end}")
            }
        })
}

impl Resolver<'_> {
    /// Whether a path is allowed. Reports it if not.
    pub(super) fn check_path(&mut self, file: &Text, kind: FileKind) -> bool {
        let fits = is_path(&file.value, kind);
        if !fits {
            self.report(refused_path(file, kind));
        }
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_stay_below_and_are_plain() {
        for path in ["show.c", "net/sk-fix.v2.c", "a_b.c"] {
            assert!(is_path(path, FileKind::C), "{path}");
        }
        let long = format!("{}.c", "x".repeat(MAX_PATH));
        for path in [
            "", ".c", "a", "/a.c", "../a.c", "a//b.c", "a b.c", "$(x).c", "a;b.c", "-o.c",
            "a/./b.c", "a/.c", "a.h", "a.cc", &long,
        ] {
            assert!(!is_path(path, FileKind::C), "{path}");
        }
        assert!(is_path("a.ko.xz", FileKind::Module) && is_path("sub/a.h", FileKind::Header));
    }
}
