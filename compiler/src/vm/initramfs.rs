//! The file system that the virtual machine starts from.

use cpio::newc::{trailer, Builder};
use std::io::{self, Write as _};
use std::path::Path;

const INIT: &str = include_str!("init.sh");
const LIVEPATCH: &str = include_str!("livepatch.sh");

/// Packs busybox, the init and some files, each with its path in the machine.
pub(super) fn initramfs(busybox: &Path, files: &[(String, Vec<u8>)]) -> io::Result<Vec<u8>> {
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
    add("bin", DIRECTORY, &[])?;
    add("bin/busybox", PROGRAM, &std::fs::read(busybox)?)?;
    add("bin/livepatch", PROGRAM, LIVEPATCH.as_bytes())?;
    add("init", PROGRAM, INIT.as_bytes())?;
    for (path, data) in files {
        add(path, FILE, data)?;
    }
    trailer(&mut archive)?;
    Ok(archive)
}
