//! A module file, looked into before the kernel gets it.

use crate::diag::{Diagnostic, KPS1002};
use crate::disk::cannot;
use crate::input::{self, MODULE};
use object::read::elf::ElfFile64;
use object::{LittleEndian, Object as _, ObjectSection as _};
use std::fs::File;
use std::path::Path;

/// A file that holds a livepatch.
pub(super) struct ModuleFile {
    /// The file, for the kernel to read from its start.
    pub(super) file: File,
    /// The name that it will be loaded by.
    pub(super) name: String,
}

/// Opens a module and makes sure that it is a livepatch. The kernel gets the very file that has been looked into.
pub(super) fn open(path: &Path) -> Result<ModuleFile, Diagnostic> {
    let io = |error| cannot("read", path, &error);
    let file = input::open(path).map_err(io)?;
    let Some(bytes) = input::read_opened(&file, MODULE.bytes).map_err(io)? else {
        return Err(input::too_large(path, MODULE));
    };
    rustix::fs::seek(&file, rustix::fs::SeekFrom::Start(0)).map_err(|error| io(error.into()))?;
    let not = |what: &str| Diagnostic::error(KPS1002, format!("{} is {what}", path.display()));
    let info = information(&bytes).ok_or_else(|| {
        not("no module")
            .help("give the .ko file that `kpsc build` has made; one that is compressed must be unpacked")
    })?;
    let value = |key: &str| info.iter().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    match value("name").filter(|name| is_name(name)) {
        Some(name) if value("livepatch").is_some() => Ok(ModuleFile { file, name: name.to_owned() }),
        _ => Err(not("a module and no livepatch").help("load it with `insmod`")),
    }
}

/// Whether a text can be the name of a loaded module.
pub(super) fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (1..=55).contains(&text.len()) && text.chars().all(plain)
}

/// The lines of `.modinfo`.
fn information(bytes: &[u8]) -> Option<Vec<String>> {
    let elf = ElfFile64::<LittleEndian>::parse(bytes).ok()?;
    let data = elf.section_by_name(".modinfo")?.data().ok()?;
    let lines = data.split(|&byte| byte == 0).filter(|line| !line.is_empty());
    Some(lines.map(|line| String::from_utf8_lossy(line).into_owned()).collect())
}
