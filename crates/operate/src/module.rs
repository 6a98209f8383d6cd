// SPDX-License-Identifier: GPL-2.0
//! Inspects a module file before the kernel gets it.

use super::incoming::Incoming;
use super::tables;
use kps_diag::{Diagnostic, NOT_A_LIVEPATCH};
use kps_host::disk::cannot;
use kps_host::input::{self, MODULE};
use kps_plan::{Note, NOTE_SECTION};
use object::read::elf::ElfFile64;
use object::{LittleEndian, Object as _, ObjectSection as _};
use std::fs::File;
use std::path::Path;

/// A file with a livepatch.
#[derive(Debug)]
pub struct ModuleFile {
    /// The file, for the kernel to read from its start.
    pub(super) file: File,
    /// Its contents.
    pub incoming: Incoming,
}

/// The end of a file signed by `scripts/sign-file` (`MODULE_SIGNATURE_MARKER` in
/// `include/linux/module_signature.h`).
const SIGNED: &[u8] = b"~Module signature appended~\n";

/// Why a file is not a livepatch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Other {
    /// Not a module, or a compressed one.
    NoModule,
    /// A module of another kind.
    NoLivepatch,
}

/// Opens a module and makes sure that it is a livepatch. The kernel gets the same open file that
/// was inspected.
pub fn open(path: &Path) -> Result<ModuleFile, Diagnostic> {
    let io = |error| cannot("read", path, &error);
    let file = input::open(path).map_err(io)?;
    let Some(bytes) = input::read_opened(&file, MODULE.bytes).map_err(io)? else {
        return Err(input::too_large(path, MODULE));
    };
    rustix::fs::seek(&file, rustix::fs::SeekFrom::Start(0)).map_err(|error| io(error.into()))?;
    let not =
        |what: &str| Diagnostic::new(NOT_A_LIVEPATCH, format!("{} is {what}", path.display()));
    match look_into(&bytes) {
        Ok(incoming) => Ok(ModuleFile { file, incoming }),
        Err(Other::NoModule) => Err(not("not a module").help(
            "pass the .ko file that `kpsc build` made; decompress it first if it is compressed",
        )),
        Err(Other::NoLivepatch) => {
            Err(not("a module, but not a livepatch").help("load it with `insmod`"))
        }
    }
}

/// The properties of a module, which kpsc may not have made.
pub fn look_into(bytes: &[u8]) -> Result<Incoming, Other> {
    let elf = Elf::parse(bytes).map_err(|_| Other::NoModule)?;
    let info = information(&elf).ok_or(Other::NoModule)?;
    let value = |key: &str| info.iter().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    match value("name").filter(|name| is_name(name)) {
        Some(name) if value("livepatch").is_some() => Ok(Incoming {
            name: name.to_owned(),
            objects: tables::objects(&elf),
            note: note(&elf),
            release: value("vermagic").and_then(|magic| magic.split(' ').next()).map(str::to_owned),
            is_signed: bytes.ends_with(SIGNED),
        }),
        _ => Err(Other::NoLivepatch),
    }
}

/// Whether a text can be the name of a loaded module.
pub(super) fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (1..=55).contains(&text.len()) && text.chars().all(plain)
}

type Elf<'a> = ElfFile64<'a, LittleEndian>;

fn note(elf: &Elf<'_>) -> Option<Note> {
    super::note(elf.section_by_name(NOTE_SECTION)?.data().ok()?)
}

/// The lines of `.modinfo`.
fn information(elf: &Elf<'_>) -> Option<Vec<String>> {
    let data = elf.section_by_name(".modinfo")?.data().ok()?;
    let lines = data.split(|&byte| byte == 0).filter(|line| !line.is_empty());
    Some(lines.map(|line| String::from_utf8_lossy(line).into_owned()).collect())
}
