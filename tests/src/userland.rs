// SPDX-License-Identifier: GPL-2.0
//! Programs for the virtual machine that busybox does not have: those of the folder with the
//! target's compilers, with the libraries that they need.

use object::{Object as _, ObjectSection as _};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Where the programs' loader and libraries are.
const LIBRARIES: &str = "usr/lib/x86_64-linux-gnu";
const LOADER: &str = "ld-linux-x86-64.so.2";

/// Programs from `usr/bin`, and all libraries that they need, by their paths in the machine.
pub fn programs(toolchain: &Path, names: &[(&str, &str)]) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    let mut libraries = BTreeSet::from([LOADER.to_owned()]);
    for (name, path) in names {
        let bytes = read(&toolchain.join("usr/bin").join(name));
        libraries.extend(needed(&bytes));
        files.push(((*path).to_owned(), bytes));
    }
    let mut done = BTreeSet::new();
    while let Some(name) = libraries.pop_first() {
        if !done.insert(name.clone()) {
            continue;
        }
        let bytes = read(&toolchain.join(LIBRARIES).join(&name));
        libraries.extend(needed(&bytes));
        let folder =
            if name == LOADER { "lib64".to_owned() } else { LIBRARIES.replacen("usr/", "", 1) };
        files.push((format!("/{folder}/{name}"), bytes));
    }
    files
}

/// The libraries that a program or library names.
fn needed(bytes: &[u8]) -> Vec<String> {
    const ENTRY: usize = 16;
    const DT_NEEDED: u64 = 1;
    let file = object::File::parse(bytes).unwrap_or_else(|error| panic!("{error}"));
    let section = |name| {
        file.section_by_name(name).and_then(|section| section.data().ok()).unwrap_or_default()
    };
    let (dynamic, strings) = (section(".dynamic"), section(".dynstr"));
    let word = |bytes: &[u8]| u64::from_le_bytes(bytes.try_into().unwrap_or_default());
    let entries = dynamic.chunks_exact(ENTRY).map(|entry| (word(&entry[..8]), word(&entry[8..])));
    let names = entries.filter(|(tag, _)| *tag == DT_NEEDED).map(|(_, at)| at as usize);
    let text = |at: usize| strings.get(at..)?.split(|&b| b == 0).next();
    names.filter_map(text).map(|name| String::from_utf8_lossy(name).into_owned()).collect()
}

fn read(path: &Path) -> Vec<u8> {
    let real: PathBuf =
        path.canonicalize().unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    std::fs::read(&real).unwrap_or_else(|error| panic!("{}: {error}", real.display()))
}
