// SPDX-License-Identifier: GPL-2.0
//! Reports files that a compiler or an assembler has read and that are not part of the patch.
//!
//! The text of a patch is searched for what names a file, but macros and escapes can make such
//! words of parts. The compilers tell which files they have read, whatever named these, and Kbuild
//! keeps their lists in `.NAME.o.cmd`. The list of the GNU assembler, for `.incbin`, is beside them
//! (`templates/Kbuild.tera`, `templates/crate/crate.mk`).

use super::author::Author;
use crate::emit::{C_FOLDER, LIBRARY};
use kps_diag::{Diagnostic, OUTSIDE_INPUT};
use kps_grammar::ast::Form;
use kps_grammar::{Language, Span};
use kps_host::below::{try_below, Unread};
use kps_host::input;
use kps_targets::Tree;
use std::collections::BTreeSet;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

/// The files that a build may read.
struct Allowed {
    /// The folder that is built, with links followed.
    folder: PathBuf,
    /// The kernel's folders.
    trees: Vec<PathBuf>,
    /// The files of the patch and of kpsc in the folder; `None` if they are not known: then any
    /// file in Rust or C is.
    known: Option<Known>,
}

/// Files by their paths in the folder that is built.
struct Known {
    rust: BTreeSet<String>,
    c: BTreeSet<String>,
}

/// What has read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reader {
    Rustc,
    C,
    Assembler,
}

impl Allowed {
    /// Those of a build by kpsc.
    fn of(author: Author<'_>, tree: &Tree, folder: &Path) -> Allowed {
        let of_language = |language| {
            let files = author.sources.files().filter(move |file| file.language == language);
            files.map(|file| file.path.clone())
        };
        let is_spec = author.emitted.form == Form::Spec;
        let is_in = |path: &str, folder| Path::new(path).starts_with(folder);
        let is_generated = |path: &&String| match is_spec {
            true => !is_in(path, C_FOLDER),
            false => is_in(path, LIBRARY),
        };
        let generated = author.emitted.files.0.keys().filter(is_generated).cloned();
        let (rust, c): (BTreeSet<String>, BTreeSet<String>) =
            generated.partition(|path| path.ends_with(".rs"));
        let c_files = of_language(Language::C);
        let c_files = c_files.map(|path| match is_spec {
            true => format!("{C_FOLDER}/{path}"),
            false => path,
        });
        let image = format!("{LIBRARY}/image/");
        let is_for_c = |path: &str| path.ends_with(".c") || path.starts_with(&image);
        let known = Known {
            rust: rust.into_iter().chain(of_language(Language::Rust)).collect(),
            c: c.into_iter().filter(|path| is_for_c(path)).chain(c_files).collect(),
        };
        let trees = tree.sources.iter().chain([&tree.build]).cloned().collect();
        Allowed { folder: real(folder), trees: with_links(trees), known: Some(known) }
    }

    /// Those of a build by make alone, if Kbuild tells where the kernel's folders are.
    fn of_make(folder: &Path) -> Option<Allowed> {
        let trees: Vec<PathBuf> = ["objtree", "srctree"]
            .iter()
            .filter_map(|name| std::env::var_os(name).map(PathBuf::from))
            .collect();
        let folder = real(folder);
        (!trees.is_empty()).then(|| Allowed { folder, trees: with_links(trees), known: None })
    }

    /// The path of a file that is none of these, as a message has it.
    fn refused(&self, path: &str, reader: Reader) -> Option<String> {
        let path = Path::new(path);
        let full = plain(&self.folder.join(path));
        let extension = path.extension().and_then(|extension| extension.to_str());
        let is_library = matches!(extension, Some("rlib" | "rmeta" | "so"));
        if let Ok(own) = full.strip_prefix(&self.folder) {
            let own = own.to_str().unwrap_or_default();
            let is_made = is_library && own.starts_with(&format!("{LIBRARY}/lib/"));
            let is_known = match (&self.known, reader) {
                (Some(known), Reader::Rustc) => is_made || known.rust.contains(own),
                (Some(known), _) => known.c.contains(own),
                (None, Reader::Rustc) => is_made || extension == Some("rs"),
                (None, _) => true,
            };
            // Before Linux 6.13, relative paths begin in the build tree.
            let of_arch = format!("{}/include/", kps_arch::native().kbuild.folder);
            let is_below = ["include/", &of_arch].iter().any(|folder| own.starts_with(*folder));
            let is_beside =
                || extension == Some("h") && self.trees.iter().any(|tree| tree.join(own).is_file());
            let is_trees =
                || reader == Reader::C && path.is_relative() && (is_below || is_beside());
            return (!is_known && !is_trees()).then(|| own.to_owned());
        }
        let is_kernels = self.trees.iter().any(|tree| full.starts_with(tree));
        let is_allowed = match reader {
            Reader::Rustc => is_library && (is_kernels || is_of_compiler(&full)),
            // Headers, and not the kernel's code.
            Reader::C => is_kernels && extension != Some("c") || is_of_compiler(&full),
            Reader::Assembler => false,
        };
        (!is_allowed).then(|| path.display().to_string())
    }

    /// What else the objects of a module have been made of.
    fn others(&self, name: &str) -> Result<BTreeSet<String>, Diagnostic> {
        let mut found = BTreeSet::new();
        for object in [format!("{name}_main.o"), "src/lib.o".to_owned()] {
            self.add_others(&object, Reader::Rustc, &mut found)?;
        }
        for of_c in [format!("{name}_c"), format!("{LIBRARY}/patch_c")] {
            for n in 0.. {
                let object = format!("{of_c}{n}.o");
                if !self.add_others(&object, Reader::C, &mut found)? {
                    break;
                }
            }
        }
        Ok(found)
    }

    /// Adds those of one object, and tells whether there is such an object.
    fn add_others(
        &self,
        object: &str,
        reader: Reader,
        found: &mut BTreeSet<String>,
    ) -> Result<bool, Diagnostic> {
        let read = |suffix| read(&self.folder, object, suffix);
        let Some(text) = read("cmd")? else { return Ok(false) };
        found.extend(dependencies(&text).filter_map(|path| self.refused(path, reader)));
        let text = read("as.d")?.unwrap_or_default();
        // The compiler tells the assembler the name of the source, without its folder.
        let source = Path::new(object).with_extension("c");
        let read = of_assembler(&text).filter(|path| source.file_name() != Some(path.as_ref()));
        found.extend(read.filter_map(|path| self.refused(path, Reader::Assembler)));
        Ok(true)
    }
}

/// The errors about a build, one for each file that is not part of the patch.
pub(super) fn outside(
    name: &str,
    author: Author<'_>,
    tree: &Tree,
    folder: &Path,
) -> Result<Vec<Diagnostic>, Diagnostic> {
    let others = Allowed::of(author, tree, folder).others(name)?;
    let error = |path: &String| {
        let file = path.rsplit('/').next().unwrap_or_default();
        let places: Vec<Span> = [path, file]
            .into_iter()
            .map(|name| author.saying(name))
            .find(|places| !places.is_empty())
            .unwrap_or_default();
        places.into_iter().fold(about(path), |error, span| error.at(span, ""))
    };
    Ok(others.iter().map(error).collect())
}

/// The error about a module with the path of the folder that it was built in. Variables of the
/// compilers' environment have it, and rustc does not tell Kbuild which of them a macro has read.
pub(super) fn folder_named(module: &[u8], folder: &Path, author: Author<'_>) -> Option<Diagnostic> {
    const VARIABLES: [&str; 3] = ["PWD", "KBUILD_EXTMOD", "M"];
    let path = folder.as_os_str().as_bytes();
    module.windows(path.len()).find(|window| *window == path)?;
    let error =
        Diagnostic::new(OUTSIDE_INPUT, "the module has the path of the folder it is built in")
            .note("the same patch must become the same module everywhere")
            .help("write the value itself, in place of one from the environment");
    let quoted = VARIABLES.map(|name| format!("\"{name}\""));
    let places = quoted.iter().map(|name| author.saying(name)).find(|places| !places.is_empty());
    Some(places.unwrap_or_default().into_iter().fold(error, |error, span| error.at(span, "")))
}

/// The errors about a build by make alone, for a module with this path: only their text.
pub(crate) fn of_make(module: &Path) -> Result<Vec<Diagnostic>, Diagnostic> {
    let folder = module.parent().filter(|folder| !folder.as_os_str().is_empty());
    let allowed = Allowed::of_make(folder.unwrap_or(Path::new(".")));
    let name = module.file_stem().unwrap_or_default().to_string_lossy();
    let others = allowed.map(|allowed| allowed.others(&name)).transpose()?.unwrap_or_default();
    Ok(others.iter().map(|path| about(path)).collect())
}

/// The error about a file, without a place in the author's text.
fn about(path: &str) -> Diagnostic {
    let message = format!("a compiler has read {path:?}, which is not part of the patch");
    Diagnostic::new(OUTSIDE_INPUT, message)
        .note("the same patch must become the same module everywhere")
        .help("write what it holds into a file that the patch declares")
}

/// A file that was made beside an object.
fn read(folder: &Path, object: &str, suffix: &str) -> Result<Option<String>, Diagnostic> {
    let (place, object) = object.rsplit_once('/').unwrap_or(("", object));
    let path = Path::new(place).join(format!(".{object}.{suffix}"));
    match try_below(folder, &path, input::MAKEFILE) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(Unread::Missing) => Ok(None),
        Err(unread) => Err(unread.about(&path)),
    }
}

/// The files in what `scripts/basic/fixdep.c` writes: `deps_OBJECT := \`, and one on each line.
fn dependencies(text: &str) -> impl Iterator<Item = &str> {
    let lines = text.lines().skip_while(|line| !line.starts_with("deps_")).skip(1);
    let lines = lines.take_while(|line| !line.is_empty()).map(|line| line.trim_end_matches('\\'));
    // `$(wildcard include/config/OPTION)` is a name of Kbuild's.
    lines.map(str::trim).filter(|line| !line.starts_with("$(wildcard include/config/"))
}

/// The files in a list of the assembler's, without the one that the C compiler wrote for it.
fn of_assembler(text: &str) -> impl Iterator<Item = &str> {
    let (_, files) = text.split_once(':').unwrap_or_default();
    let files: Vec<&str> = files.split_whitespace().filter(|word| *word != "\\").collect();
    let is_compilers = |path: &str| {
        let name = path.rsplit('/').next().unwrap_or_default();
        name.starts_with("cc") && name.ends_with(".s") || ["{standard", "input}"].contains(&path)
    };
    let last = files.len().saturating_sub(1);
    let is_other = move |(n, path): &(usize, &str)| *n != last || !is_compilers(path);
    files.into_iter().enumerate().filter(is_other).map(|(_, path)| path)
}

/// Whether a file is in the folder of a compiler's own headers or libraries, such as
/// `/usr/lib/gcc`.
fn is_of_compiler(path: &Path) -> bool {
    let parts: Vec<&str> = path.iter().filter_map(|part| part.to_str()).collect();
    parts
        .windows(2)
        .any(|parts| matches!(parts, ["lib" | "lib32" | "lib64", "clang" | "gcc" | "rustlib"]))
}

/// A path without `.` and `..`, as the text of it says.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(plain.pop()),
            part => plain.push(part),
        }
    }
    plain
}

fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

/// Folders as they are written and with links followed.
fn with_links(folders: Vec<PathBuf>) -> Vec<PathBuf> {
    let real: Vec<PathBuf> = folders.iter().map(|folder| real(folder)).collect();
    folders.into_iter().filter(|folder| folder.is_absolute()).chain(real).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_kbuild_and_the_assembler_list_is_understood() {
        let kept = "savedcmd_a.o := gcc -o a.o a.c\n\nsource_a.o := a.c\n\ndeps_a.o := \\\n  c/a.c \\\n    $(wildcard include/config/X) \\\n  /usr/lib/os-release \\\n\na.o: $(deps_a.o)\n\n$(deps_a.o):\n";
        let files: Vec<&str> = dependencies(kept).collect();
        assert_eq!(files, ["c/a.c", "/usr/lib/os-release"]);
        let files: Vec<&str> = of_assembler("a.o: /etc/x \\\n y /tmp/ccAbC.s\n").collect();
        assert_eq!(files, ["/etc/x", "y"]);
        assert_eq!(of_assembler("").count(), 0);
        assert_eq!(of_assembler("a.o: /tmp/ccx.s y\n").count(), 2);
    }

    #[test]
    fn a_file_is_known_or_the_kernels_or_the_compilers() {
        let known = Known {
            rust: BTreeSet::from(["src/lib.rs".to_owned()]),
            c: BTreeSet::from(["c/a.c".to_owned()]),
        };
        let allowed = Allowed {
            folder: PathBuf::from("/patch"),
            trees: vec![PathBuf::from("/linux")],
            known: Some(known),
        };
        let accepted = |path, reader| allowed.refused(path, reader).is_none();
        for (path, reader) in [
            ("src/lib.rs", Reader::Rustc),
            ("/patch/src/./x/../lib.rs", Reader::Rustc),
            ("kps/lib/libkps.rmeta", Reader::Rustc),
            ("/linux/rust/libcore.rmeta", Reader::Rustc),
            ("c/a.c", Reader::C),
            ("/linux/include/linux/fs.h", Reader::C),
            ("/linux/include/../fs/mount.h", Reader::C),
            ("/usr/lib/gcc/x/14/include/stdarg.h", Reader::C),
            ("c/a.c", Reader::Assembler),
        ] {
            assert!(accepted(path, reader), "{path}");
        }
        for (path, reader) in [
            ("src/notes.txt", Reader::Rustc),
            ("src/../../proc/version", Reader::Rustc),
            ("/linux/rust/x.rs", Reader::Rustc),
            ("/linux/../etc/x.so", Reader::Rustc),
            ("c/a.c", Reader::Rustc),
            ("src/lib.rs", Reader::C),
            ("/usr/lib/os-release", Reader::C),
            ("/linux/fs/namespace.c", Reader::C),
            ("/linux/../fs/mount.h", Reader::C),
            ("/linux/include/linux/fs.h", Reader::Assembler),
        ] {
            assert!(!accepted(path, reader), "{path}");
        }
    }
}
