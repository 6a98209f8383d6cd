// SPDX-License-Identifier: GPL-2.0
//! The module file: converts the linker's output to the format of the kernel's livepatch loader.
//!
//! Format: `Documentation/livepatch/module-elf-format.rst`.

mod captures;
mod code_lines;
mod declared;
mod early;
mod escapes;
mod layout;
mod long_names;
mod object_file;
mod originals;
mod pads;
mod post_link;
mod strip;
mod verify;
mod versions;
mod writes;

pub use captures::{captures, Capture};
pub use code_lines::{CodeLine, CodeLines};
pub use declared::{declared, Declared, DeclaredKind};
pub use early::{early, Early, EarlyKind};
pub use escapes::{escapes, Escape};
pub use layout::{Layout, LayoutKind};
pub use object_file::{Address, Defined, ObjectFile, SharedNames, Use};
pub use originals::{taken_originals, Taken};
pub use pads::{bare_functions, Bare};
pub use post_link::{post_link, PostLinkError};
pub use verify::{verify, Summary, VerifyError};
pub use writes::{writes, Write};

use kps_arch::Arch;
use object::read::elf::FileHeader as _;
use object::{elf, LittleEndian};

/// Symbols that a klp relocation resolves.
const SYMBOL_PREFIX: &str = ".klp.sym.";
/// Sections of klp relocations.
const SECTION_PREFIX: &str = ".klp.rela.";
/// `SHN_LIVEPATCH` of `include/uapi/linux/elf.h`.
const SHN_LIVEPATCH: elf::SymbolSection = elf::SymbolSection(0xff20);
/// `SHF_RELA_LIVEPATCH` of the same file.
const SHF_RELA_LIVEPATCH: elf::SectionFlags = elf::SectionFlags(0x0010_0000);
/// `MODULE_NAME_LEN` and `KSYM_NAME_LEN` without the NUL, as `klp_resolve_symbols()` reads names.
const MAX_OBJECT: usize = 55;
const MAX_SYMBOL: usize = 511;

/// The architecture of a relocatable file; `None` for any other file.
fn relocatable(header: &elf::FileHeader64<LittleEndian>) -> Option<&'static Arch> {
    let is_relocatable = header.e_type(LittleEndian) == elf::ET_REL;
    kps_arch::with_machine(header.e_machine(LittleEndian).0).filter(|_| is_relocatable)
}

/// The number of bytes that the module loader writes for a relocation; `None` for a type that it
/// refuses.
fn written_bytes(arch: &Arch, kind: elf::RelocationType) -> Option<usize> {
    (arch.relocation)(kind.0).map(|relocation| relocation.bytes)
}

/// The name of a symbol in another object: `OBJECT.NAME,POSITION`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct KlpName<'a> {
    object: &'a str,
    name: &'a str,
    position: u64,
}

impl<'a> KlpName<'a> {
    /// Splits the name behind a prefix, as the kernel's `sscanf("%55[^.].%511[^,],%lu")` does, and
    /// refuses a name that this cannot hold.
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
