//! The file system that the virtual machine starts from.

use cpio::newc::{trailer, Builder};
use std::collections::BTreeSet;
use std::io::{self, Write as _};
use std::path::Path;

const INIT: &str = include_str!("init.sh");
const LIVEPATCH: &str = include_str!("livepatch.sh");
const PASSWD: &str = "root:x:0:0:root:/root:/bin/sh\nuser:x:1000:1000:user:/home/user:/bin/sh\n";

/// Packs busybox, the init and some files, each with its path in the machine.
pub(super) fn initramfs(
    busybox: &Path,
    files: &[(String, Vec<u8>)],
    programs: &[(String, Vec<u8>)],
) -> io::Result<Vec<u8>> {
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
    const DIRECTORY: u32 = 0o040755;
    const PROGRAM: u32 = 0o100755;
    const FILE: u32 = 0o100644;
    for folder in folders(files.iter().chain(programs)) {
        add(&folder, DIRECTORY, &[])?;
    }
    add("bin/busybox", PROGRAM, &std::fs::read(busybox)?)?;
    add("bin/livepatch", PROGRAM, LIVEPATCH.as_bytes())?;
    add("init", PROGRAM, INIT.as_bytes())?;
    add("etc/passwd", FILE, PASSWD.as_bytes())?;
    for (path, data) in files {
        add(path, FILE, data)?;
    }
    for (path, data) in programs {
        add(path, PROGRAM, data)?;
    }
    trailer(&mut archive)?;
    Ok(archive)
}

/// The folders that files are in, each after the one that it is in.
fn folders<'a>(files: impl Iterator<Item = &'a (String, Vec<u8>)>) -> BTreeSet<String> {
    let paths = files.map(|(path, _)| path.as_str()).chain(["bin/busybox", "etc/passwd"]);
    let parents = paths.flat_map(|path| Path::new(path.trim_start_matches('/')).ancestors().skip(1));
    parents.map(|folder| folder.display().to_string()).filter(|folder| !folder.is_empty()).collect()
}
