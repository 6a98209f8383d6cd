// SPDX-License-Identifier: GPL-2.0
//! Which variables a function of the kernel or of a module uses, as its compiled code says. Neither
//! symbols nor BTF tell.

use super::image::{vmlinux, ImageError, Vmlinux};
use super::module::{addresses, unpack};
use super::Target;
use kps_diag::{Diagnostic, UNREADABLE_IMAGE};
use kps_host::input;
use object::elf;
use object::read::elf::{FileHeader as _, Rela as _, SectionHeader as _, Sym as _};
use object::LittleEndian as LE;
use std::ops::Range;
use std::path::Path;

/// The code of the kernel or of a module, with the addresses that the facts have.
#[derive(Debug)]
pub enum Code {
    /// An uncompressed kernel.
    Image(Vec<u8>),
    /// An uncompressed module.
    Module(Vec<u8>),
}

impl Target {
    /// The code of the kernel, or of a module in this file.
    pub fn code(&self, module: Option<&Path>) -> Result<Code, Diagnostic> {
        match module {
            Some(path) => unpack(input::read(path, input::MODULE)?)
                .map(Code::Module)
                .map_err(|error| Target::unreadable_module(path, &error)),
            None => vmlinux(&input::read(&self.image(), input::IMAGE)?).map(Code::Image).map_err(
                |error| {
                    Diagnostic::new(UNREADABLE_IMAGE, format!("the image cannot be read: {error}"))
                },
            ),
        }
    }
}

impl Code {
    /// Whether the code at some addresses refers to a variable. Code that cannot be read does not.
    pub fn refers(&self, code: &Range<u64>, variable: &Range<u64>) -> bool {
        match self {
            Code::Image(bytes) => in_image(bytes, code, variable).unwrap_or(false),
            Code::Module(bytes) => in_module(bytes, code, variable).unwrap_or(false),
        }
    }
}

/// The image is linked, so its instructions hold addresses.
fn in_image(bytes: &[u8], code: &Range<u64>, variable: &Range<u64>) -> Result<bool, ImageError> {
    let Some(memory) = Vmlinux::parse(bytes)?.memory(code.start) else { return Ok(false) };
    let len = usize::try_from(code.end - code.start).unwrap_or(usize::MAX);
    let memory = memory.get(..len).unwrap_or(memory);
    Ok((kps_arch::native().refers)(memory, code.start, variable))
}

/// The instructions of a module have relocations.
fn in_module(bytes: &[u8], code: &Range<u64>, variable: &Range<u64>) -> Result<bool, ImageError> {
    /// A distance counts from the end of the instruction, which may be behind a constant.
    const BEHIND: u64 = 8;
    let header = elf::FileHeader64::<LE>::parse(bytes)?;
    let sections = header.sections(LE, bytes)?;
    let addresses = addresses(&sections)?;
    let at = |section: usize| addresses.get(section).copied().flatten();
    let symbols = sections.symbols(LE, bytes, elf::SHT_SYMTAB)?;
    for section in sections.iter() {
        let Some(start) = at(section.sh_info(LE) as usize) else { continue };
        let Some((relocations, _)) = section.rela(LE, bytes)? else { continue };
        for relocation in relocations {
            let place = start.wrapping_add(relocation.r_offset(LE));
            let Some(index) = relocation.symbol(LE, false).filter(|_| code.contains(&place)) else {
                continue;
            };
            let symbol = symbols.symbol(index)?;
            let Some(base) = at(usize::from(symbol.st_shndx(LE).0)) else { continue };
            let target = base.wrapping_add(symbol.st_value(LE));
            let target = target.wrapping_add_signed(relocation.r_addend(LE));
            let known = (kps_arch::native().relocation)(relocation.r_type(LE, false).0);
            let ahead = if known.is_some_and(|known| known.relative) { 4..=BEHIND } else { 0..=0 };
            if ahead.into_iter().any(|ahead| variable.contains(&target.wrapping_add(ahead))) {
                return Ok(true);
            }
        }
    }
    Ok(false)
}
