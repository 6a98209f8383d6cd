// SPDX-License-Identifier: GPL-2.0
//! The initramfs of a machine, in two archives: the system, which is the same for every machine of
//! a target, and the files of one machine. The kernel unpacks both when it boots; a machine that
//! starts from a template gets only the second.

use cpio::newc::{trailer, Builder};
use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::path::Path;

const INIT: &str = include_str!("init.sh");
const AGENT: &str = include_str!("agent.sh");
const LIVEPATCH: &str = include_str!("livepatch.sh");
const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/home/user:/bin/sh\n";

const DIRECTORY: u32 = 0o040755;
const PROGRAM: u32 = 0o100755;
const FILE: u32 = 0o100644;

/// Busybox, the init and the files that it needs.
pub(super) fn system(busybox: &Path) -> io::Result<Vec<u8>> {
    let busybox = std::fs::read(busybox)?;
    archive(&[
        ("bin/busybox", PROGRAM, &busybox),
        ("bin/livepatch", PROGRAM, LIVEPATCH.as_bytes()),
        ("init", PROGRAM, INIT.as_bytes()),
        ("agent", PROGRAM, AGENT.as_bytes()),
        ("etc/passwd", FILE, PASSWD.as_bytes()),
    ])
}

/// Files and programs, each with its path in the machine.
pub(super) fn files(
    files: &[(String, Vec<u8>)],
    programs: &[(String, Vec<u8>)],
) -> io::Result<Vec<u8>> {
    let of = |mode| move |(path, data): &'_ (String, Vec<u8>)| (path.clone(), mode, data.clone());
    let all: Vec<_> = files.iter().map(of(FILE)).chain(programs.iter().map(of(PROGRAM))).collect();
    let all: Vec<_> =
        all.iter().map(|(path, mode, data)| (path.as_str(), *mode, data.as_slice())).collect();
    archive(&all)
}

/// Packs files, each with its path and mode, and their folders.
fn archive(files: &[(&str, u32, &[u8])]) -> io::Result<Vec<u8>> {
    let mut archive = Vec::new();
    let mut inode = 1;
    let mut add = |path: &str, mode: u32, data: &[u8]| -> io::Result<()> {
        inode += 1;
        let builder = Builder::new(path.trim_start_matches('/')).ino(inode).mode(mode).nlink(1);
        let mut writer = builder.write(&mut archive, data.len() as u32);
        writer.write_all(data)?;
        writer.finish()?;
        Ok(())
    };
    for folder in folders(files.iter().map(|(path, ..)| *path)) {
        add(&folder, DIRECTORY, &[])?;
    }
    for (path, mode, data) in files {
        add(path, *mode, data)?;
    }
    trailer(&mut archive)?;
    // Another archive may follow, and must be aligned to four bytes.
    archive.resize(archive.len().next_multiple_of(4), 0);
    Ok(archive)
}

/// The folders of these files, parents first.
fn folders<'a>(paths: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    let parents =
        paths.flat_map(|path| Path::new(path.trim_start_matches('/')).ancestors().skip(1));
    parents.map(|folder| folder.display().to_string()).filter(|folder| !folder.is_empty()).collect()
}
