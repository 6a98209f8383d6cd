//! A module file, looked into before the kernel gets it.

use crate::diag::{Diagnostic, KPS1002};
use crate::disk::cannot;
use crate::input::{self, MODULE};
use object::read::elf::ElfFile64;
use kps_codegen::names::ENTRY;
use object::{LittleEndian, Object as _, ObjectSection as _, ObjectSymbol as _};
use std::fs::File;
use std::path::Path;

/// A file that holds a livepatch.
pub(super) struct ModuleFile {
    /// The file, for the kernel to read from its start.
    pub(super) file: File,
    /// The name that it will be loaded by.
    pub(super) name: String,
    /// What it says about itself, if kpsc made it.
    pub(super) note: Vec<(String, String)>,
    /// The functions that it changes, if kpsc made it, as identifiers.
    pub(super) functions: Vec<String>,
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
    let elf = ElfFile64::<LittleEndian>::parse(&*bytes).ok();
    let info = elf.as_ref().and_then(information).ok_or_else(|| {
        not("no module")
            .help("give the .ko file that `kpsc build` has made; one that is compressed must be unpacked")
    })?;
    let value = |key: &str| info.iter().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    match value("name").filter(|name| is_name(name)) {
        Some(name) if value("livepatch").is_some() => {
            let name = name.to_owned();
            let (note, functions) = elf.as_ref().map(|elf| (self::note(elf), functions(elf))).unwrap_or_default();
            Ok(ModuleFile { file, name, note, functions })
        }
        _ => Err(not("a module and no livepatch").help("load it with `insmod`")),
    }
}

/// Whether a text can be the name of a loaded module.
pub(super) fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (1..=55).contains(&text.len()) && text.chars().all(plain)
}

type Elf<'a> = ElfFile64<'a, LittleEndian>;

fn note(elf: &Elf<'_>) -> Vec<(String, String)> {
    let data = elf.section_by_name(".note.kps").and_then(|section| section.data().ok());
    data.map(super::note).unwrap_or_default()
}

/// The entries of changed functions are named after them.
fn functions(elf: &Elf<'_>) -> Vec<String> {
    let defined = elf.symbols().filter(|symbol| symbol.is_definition());
    let names = defined.filter_map(|symbol| symbol.name().ok()?.strip_prefix(ENTRY).map(str::to_owned));
    names.collect()
}

/// The lines of `.modinfo`.
fn information(elf: &Elf<'_>) -> Option<Vec<String>> {
    let data = elf.section_by_name(".modinfo")?.data().ok()?;
    let lines = data.split(|&byte| byte == 0).filter(|line| !line.is_empty());
    Some(lines.map(|line| String::from_utf8_lossy(line).into_owned()).collect())
}
