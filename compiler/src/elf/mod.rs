//! The module file: from what the linker made to what the kernel's livepatch loader wants.
//!
//! Format: `Documentation/livepatch/module-elf-format.rst`.

mod ballast;
mod code_lines;
mod early;
mod object_file;
mod post_link;
mod verify;

pub use code_lines::{CodeLine, CodeLines};
pub use early::{early, Early, EarlyKind};
pub use object_file::{Address, ObjectFile, Use};
pub use post_link::{post_link, PostLinkError};
pub use verify::{verify, Summary, VerifyError};

use object::elf;

/// Symbols that a klp relocation resolves.
const SYMBOL_PREFIX: &str = ".klp.sym.";
/// Sections of klp relocations.
const SECTION_PREFIX: &str = ".klp.rela.";
/// `SHN_LIVEPATCH` of `include/uapi/linux/elf.h`.
const SHN_LIVEPATCH: elf::SymbolSection = elf::SymbolSection(0xff20);
/// `SHF_RELA_LIVEPATCH` of the same file.
const SHF_RELA_LIVEPATCH: elf::SectionFlags = elf::SectionFlags(0x0010_0000);
/// `MODULE_NAME_LEN` and `KSYM_NAME_LEN` as `klp_resolve_symbols()` reads names: without the NUL.
const MAX_OBJECT: usize = 55;
const MAX_SYMBOL: usize = 511;

/// The types of relocations that `apply_relocate_add()` of x86 knows, with the number of bytes each writes.
fn written_bytes(kind: elf::RelocationType) -> Option<usize> {
    match kind {
        elf::R_X86_64_64 | elf::R_X86_64_PC64 => Some(8),
        elf::R_X86_64_32 | elf::R_X86_64_32S | elf::R_X86_64_PC32 | elf::R_X86_64_PLT32 => Some(4),
        _ => None,
    }
}

/// A symbol that stands for one of another object: `OBJECT.NAME,POSITION`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct KlpName<'a> {
    object: &'a str,
    name: &'a str,
    position: u64,
}

impl<'a> KlpName<'a> {
    /// Splits what follows a prefix, as the kernel's `sscanf("%55[^.].%511[^,],%lu")` does, and refuses what that cannot
    /// hold.
    fn parse(rest: &'a str) -> Option<Self> {
        let (object, rest) = rest.split_once('.')?;
        let (name, position) = rest.rsplit_once(',')?;
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let valid = (1..=MAX_OBJECT).contains(&object.len())
            && object.chars().all(plain)
            && (1..=MAX_SYMBOL).contains(&name.len())
            && !name.contains(',')
            && !position.is_empty()
            && position.bytes().all(|b| b.is_ascii_digit());
        Some(KlpName { object, name, position: position.parse().ok()? }).filter(|_| valid)
    }
}
