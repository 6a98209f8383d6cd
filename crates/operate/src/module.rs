// SPDX-License-Identifier: GPL-2.0
//! Inspects a module file before the kernel gets it.

use super::incoming::Incoming;
use super::information::Lines;
use super::note::build_id;
use super::signature::Signature;
use super::tables::Tables;
use kps_diag::{Diagnostic, NOT_A_LIVEPATCH};
use kps_host::disk::cannot;
use kps_host::input::{self, MODULE};
use kps_plan::{Note, Replace, NOTE_SECTION};
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
    let lines = lines(&elf).ok_or(Other::NoModule)?;
    let name = lines.value("name").filter(|name| is_name(name)).ok_or(Other::NoLivepatch)?;
    lines.value("livepatch").ok_or(Other::NoLivepatch)?;
    let release = lines.value("vermagic").and_then(|magic| magic.split(' ').next());
    let tables = Tables::read(&elf);
    let note = note(&elf);
    Ok(Incoming {
        name: name.to_owned(),
        replace: match &note {
            Some(note) => Some(note.replace.clone()),
            None => tables.replaces(&elf, release).map(|replaces| match replaces {
                true => Replace::Always,
                false => Replace::Never,
            }),
        },
        objects: tables.objects,
        note,
        release: release.map(str::to_owned),
        information: lines.information(),
        parameters: lines.parameters(),
        signature: Signature::of(bytes),
        build_id: elf
            .section_by_name(BUILD_ID_SECTION)
            .and_then(|section| build_id(section.data().ok()?)),
    })
}

/// Whether a text can be the name of a loaded module.
pub(super) fn is_name(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    (1..=55).contains(&text.len()) && text.chars().all(plain)
}

type Elf<'a> = ElfFile64<'a, LittleEndian>;

/// The section of a module's GNU build-id.
pub(super) const BUILD_ID_SECTION: &str = ".note.gnu.build-id";

fn note(elf: &Elf<'_>) -> Option<Note> {
    super::note(elf.section_by_name(NOTE_SECTION)?.data().ok()?)
}

/// The lines of `.modinfo`.
fn lines(elf: &Elf<'_>) -> Option<Lines> {
    Some(Lines::read(elf.section_by_name(".modinfo")?.data().ok()?))
}

#[cfg(test)]
mod tests {
    use super::look_into;
    use crate::Function;
    use kps_plan::{ObjectName, Replace};

    type Told = (String, Vec<(ObjectName, String, u64)>, Option<Replace>);

    fn told(module: &[u8]) -> Option<Told> {
        let incoming = look_into(module).ok()?;
        let functions = incoming.objects.iter().flat_map(|object| {
            let function = |func: &Function| (object.name.clone(), func.name.clone(), func.sympos);
            object.functions.iter().map(function)
        });
        Some((incoming.name.clone(), functions.collect(), incoming.replace.clone()))
    }

    #[test]
    fn modules_that_kpsc_has_not_made_tell_what_they_change() {
        let by_hand = include_bytes!("../../../fuzz/seeds/livepatch/by_hand");
        let klp_build = include_bytes!("../../../fuzz/seeds/livepatch/klp_build");
        let (vmlinux, dummy) = (ObjectName::Vmlinux, ObjectName::new("dummy"));
        let functions = vec![
            (vmlinux.clone(), "cmdline_proc_show".into(), 0),
            (vmlinux.clone(), "version_proc_show".into(), 1),
            (dummy.clone(), "dummy_show".into(), 0),
        ];
        assert_eq!(told(by_hand), Some(("hand".into(), functions, Some(Replace::Always))));
        let functions =
            vec![(vmlinux, "cmdline_proc_show".into(), 0), (dummy, "dummy_show".into(), 2)];
        assert_eq!(told(klp_build), Some(("livepatch_built".into(), functions, None)));
    }
}
