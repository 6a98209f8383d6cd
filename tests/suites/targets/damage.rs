// SPDX-License-Identifier: GPL-2.0
//! One byte of a file of every kind that a finished stock kernel has is changed, found, and changed
//! back.

use super::there::{run, There};
use std::path::{Path, PathBuf};

/// Files in the folder of a stock kernel, one of each kind. The build tree has others.
const IN_FOLDER: [&str; 5] = ["vmlinuz", "busybox", "config", "Module.symvers", "facts"];
/// Files among its compilers.
const IN_TOOLCHAIN: [&str; 2] = ["usr/bin/make", "usr/bin/bash"];

/// Damage is found where it is, and what is whole is found whole.
///
/// Each comparison of all files reads more than a gigabyte, so there are two. A list of files that
/// was changed vouches for nothing: kpsc says so without a comparison, which is why both lists are
/// changed at once.
pub(super) fn is_found(there: &There) {
    let target = there.target();
    let folder = target.folder();
    let tree = target.tree().unwrap_or_else(|| panic!("there is no build tree"));
    let toolchain = tree.toolchain.clone().unwrap_or_default();
    let path =
        |root: &Path, names: &[&str]| names.iter().map(|name| root.join(name)).collect::<Vec<_>>();

    let in_tree = vec![tree.build.join(".config"), tree.sources[0].join("Makefile")];
    let files = [path(folder, &IN_FOLDER), in_tree, path(&toolchain, &IN_TOOLCHAIN)].concat();
    let said = verify_damaged(there, &files);
    for file in &files {
        let name =
            file.strip_prefix(folder).or_else(|_| file.strip_prefix(&toolchain)).unwrap_or(file);
        assert!(
            said.contains(&format!("{name:?} was changed")),
            "{} is not found:\n{said}",
            file.display()
        );
    }

    let said = verify_damaged(there, &[folder.join("files"), toolchain.join("files")]);
    let damaged = format!("target `{}` is damaged", there.name);
    for part in [&*damaged, "the toolchain is damaged"] {
        assert!(said.contains(part), "{said}");
    }
    let lists = said.matches("the list of its files is missing or was changed").count();
    assert_eq!(lists, 2, "{said}");

    let said = verify_damaged(there, &[folder.join("target.toml")]);
    assert!(said.contains("damaged: target.toml was changed"), "{said}");

    let (status, said) = verify(there);
    assert_eq!(status, Some(0), "{said}");
    assert_eq!(said.matches("\twhole\t").count(), 1, "{said}");
}

/// What `kpsc kernel verify` says while these files are changed.
fn verify_damaged(there: &There, files: &[PathBuf]) -> String {
    files.iter().for_each(|file| flip(file));
    let (status, said) = verify(there);
    files.iter().for_each(|file| flip(file));
    assert_eq!(status, Some(3), "{said}");
    said
}

fn verify(there: &There) -> (Option<i32>, String) {
    run(&mut there.kpsc(&["kernel", "verify", &there.name]))
}

/// Changes the byte in the middle of a file, or changes it back.
fn flip(path: &Path) {
    let mut bytes =
        std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(path, bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
