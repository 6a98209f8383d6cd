// SPDX-License-Identifier: GPL-2.0
//! What the macros learn from outside of the tokens that they are given: the environment, the
//! target's facts, and files of the crate. This is the one file here that touches the world.
//!
//! As `kpsc` does, it reads no file of the crate through a link, and nothing but regular files. It
//! has only std, so it looks at the parts of a path before it opens the file.

use kps_ast::Patch;
use kps_attributes::{Context, Options, FACTS};
use kps_facts::Facts;
use kps_resolve::{is_path, FileKind};
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Where `kpsc sync` leaves the facts, below the folder of the crate.
const SYNCED_FACTS: &str = "kps/target.facts";

/// The file at the top of a project.
const PROJECT: &str = "kpsc.toml";

/// The folder of the crate, where cargo does not say it.
const CRATE: &str = "KPS_CRATE";

/// What the note of the module says of the text that it is made of, and of the program that made
/// it.
const DIGEST: &str = "KPS_DIGEST";
const MADE_BY: &str = "KPS_MADE_BY";

/// As large as kpsc takes a file in C to be.
const LARGEST_C_FILE: u64 = 4 << 20;

/// Larger than any facts file, and smaller than what fills the memory of the machine.
const LARGEST: u64 = 1 << 30;

/// Reads what there is for a patch. An error says what is wrong with what the environment names.
pub(crate) fn read(patch: &Patch) -> Result<Context, String> {
    let hexadecimal = |text: &String| text.chars().all(|c| c.is_ascii_hexdigit());
    let one_line = |text: &String| text.chars().all(|c| c == ' ' || c.is_ascii_graphic());
    let synced = || file_below(&folder()?, SYNCED_FACTS).or_else(shared_facts);
    let named = variable(FACTS).map(PathBuf::from).or_else(synced);
    // What the compiler opens it takes to be beside the crate's root, and not where cargo runs.
    let named = named.map(|path| std::path::absolute(&path).unwrap_or(path));
    let folder = folder().unwrap_or_default();
    let bindings = folder.join("src/bindings.rs");
    if named.is_none() && !bindings.exists() {
        return Err("this crate has no kernel facts: run `kpsc sync`, which writes the kernel's types and facts into it".to_owned());
    }
    let c_files = c_files(patch);
    let files = named.iter().cloned().chain(c_files.keys().map(|path| folder.join(path)));
    let files = files.map(|path| path.display().to_string()).collect();
    let facts = named.map(|path| facts(&path)).transpose()?;
    let options = match &facts {
        Some(facts) => Options::of_kernel(&facts.config),
        None => Options::written_in(&std::fs::read_to_string(&bindings).unwrap_or_default()),
    };
    Ok(Context {
        facts,
        options,
        bindings: bindings.display().to_string(),
        c_files,
        files,
        digest: variable(DIGEST).filter(hexadecimal).unwrap_or_default(),
        made_by: variable(MADE_BY).filter(one_line).unwrap_or_else(|| "kps-macros".to_owned()),
    })
}

/// The facts beside the library that the crates of a project share: at the nearest project file.
fn shared_facts() -> Option<PathBuf> {
    let folder = folder()?;
    let project = folder.ancestors().find(|folder| folder.join(PROJECT).is_file())?;
    file_below(project, SYNCED_FACTS)
}

/// The folder of the crate.
fn folder() -> Option<PathBuf> {
    variable(CRATE).or_else(|| variable("CARGO_MANIFEST_DIR")).map(PathBuf::from)
}

/// A variable that is set to something.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

fn facts(path: &Path) -> Result<Facts, String> {
    let unreadable = |error: &dyn std::fmt::Display| {
        format!("the facts in {} cannot be used: {error}", path.display())
    };
    let kind = std::fs::metadata(path).map_err(|error| unreadable(&error))?;
    if !kind.is_file() {
        return Err(unreadable(&"it is not a regular file"));
    }
    let bytes = read_at_most(path, LARGEST).map_err(|error| unreadable(&error))?;
    let bytes = bytes.ok_or_else(|| unreadable(&"it is too large"))?;
    Facts::from_bytes(&bytes).map_err(|error| unreadable(&error))
}

/// The path of a regular file below a folder. `None` if there is none, or a part of the path is a
/// link.
fn file_below(folder: &Path, path: &str) -> Option<PathBuf> {
    let mut full = folder.to_owned();
    let mut is_file = false;
    for part in path.split('/') {
        full.push(part);
        let kind = full.symlink_metadata().ok()?;
        if kind.is_symlink() {
            return None;
        }
        is_file = kind.is_file();
    }
    is_file.then_some(full)
}

/// Reads a regular file up to a maximum size; `None` if it is larger.
fn read_at_most(path: &Path, most: u64) -> std::io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    Ok(Some(bytes).filter(|bytes| bytes.len() as u64 <= most))
}

/// The texts of the files in C that a patch names. What cannot be read, the compiler will miss.
fn c_files(patch: &Patch) -> BTreeMap<String, String> {
    let Some(folder) = folder() else { return BTreeMap::new() };
    let functions = patch.objects.iter().flat_map(|object| &object.funcs);
    let files = functions.filter_map(|func| func.replace_c.as_ref());
    let files = files.chain(patch.c_files.iter().map(|item| &item.file));
    let read = |path: &String| {
        let full = file_below(&folder, path).filter(|_| is_path(path, FileKind::C))?;
        let bytes = read_at_most(&full, LARGEST_C_FILE).ok()??;
        Some((path.clone(), String::from_utf8(bytes).ok()?))
    };
    files.map(|file| &file.value).filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_file_of_the_crate_is_read_through_a_link() -> std::io::Result<()> {
        let folder = std::env::temp_dir().join(format!("kps-macros-{}", std::process::id()));
        std::fs::create_dir_all(folder.join("sub"))?;
        for file in ["a.c", "sub/b.c"] {
            std::fs::write(folder.join(file), "int x;\n")?;
        }
        for (to, link) in [("a.c", "link.c"), ("sub", "below"), ("/dev/null", "device.c")] {
            std::os::unix::fs::symlink(to, folder.join(link))?;
        }
        let found = |path| file_below(&folder, path).is_some();
        assert!(found("a.c") && found("sub/b.c"));
        for path in ["link.c", "below/b.c", "device.c", "sub", "none.c", "a.c/b.c", "sub/../link.c"]
        {
            assert!(!found(path), "{path}");
        }
        let full = folder.join("a.c");
        assert_eq!(read_at_most(&full, 7)?.as_deref(), Some(&b"int x;\n"[..]));
        assert_eq!(read_at_most(&full, 6)?, None);
        assert!(facts(&folder).is_err_and(|error| error.contains("not a regular file")));
        std::fs::remove_dir_all(&folder)
    }
}
