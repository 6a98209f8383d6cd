// SPDX-License-Identifier: GPL-2.0
//! The debug information sections of an ELF file, which may be compressed.

use super::super::image::ImageError;
use super::super::linked::Relocations;
use super::{Dwarf, DwarfError, Slice};
use gimli::{DwarfSections, LittleEndian, SectionId};
use object::{CompressionFormat, Object as _, ObjectSection as _};
use std::borrow::Cow;
use std::io::Read;

/// The maximum total size of compressed sections after decompression. A distribution's kernel has
/// 350 MB.
const MAX_SIZE: u64 = 2 << 30;

type File<'a> = object::read::elf::ElfFile64<'a, object::LittleEndian>;

/// The sections, and other data about the file.
pub(super) struct Sections<'a> {
    dwarf: DwarfSections<Cow<'a, [u8]>>,
    build_id: Vec<u8>,
}

/// Finds the sections of a kernel.
pub(super) fn load(elf: &[u8]) -> Result<Sections<'_>, DwarfError> {
    let file = File::parse(elf).map_err(ImageError::from)?;
    let build_id = file.build_id().map_err(ImageError::from)?;
    let build_id = build_id.ok_or(ImageError::NoBuildId)?.to_vec();
    Ok(Sections { dwarf: dwarf(&file, None)?, build_id })
}

/// Finds the sections of a module, and applies their relocations.
pub(super) fn load_module(elf: &[u8]) -> Result<Sections<'_>, DwarfError> {
    let file = File::parse(elf).map_err(ImageError::from)?;
    let build_id = file.build_id().map_err(ImageError::from)?.unwrap_or_default().to_vec();
    let relocations = Relocations::new(elf)?;
    Ok(Sections { dwarf: dwarf(&file, Some(&relocations))?, build_id })
}

fn dwarf<'a>(
    file: &File<'a>,
    relocations: Option<&Relocations<'_>>,
) -> Result<DwarfSections<Cow<'a, [u8]>>, DwarfError> {
    if file.section_by_name(SectionId::DebugInfo.name()).is_none() {
        return Err(DwarfError::Nothing);
    }
    let mut left = MAX_SIZE;
    DwarfSections::load(|id| {
        let Some(section) = file.section_by_name(id.name()) else { return Ok(Cow::default()) };
        let data = section.compressed_data().map_err(ImageError::from)?;
        let bytes = match data.format {
            CompressionFormat::None => Cow::Borrowed(data.data),
            CompressionFormat::Zlib => {
                unpack(flate2::read::ZlibDecoder::new(data.data), &mut left)?
            }
            CompressionFormat::Zstandard => unpack(
                zstd::stream::Decoder::new(data.data).map_err(ImageError::Damaged)?,
                &mut left,
            )?,
            _ => return Err(DwarfError::Image(ImageError::Compression)),
        };
        Ok(match relocations {
            Some(relocations) => relocations.applied(section.index(), bytes)?,
            None => bytes,
        })
    })
}

fn unpack<'a>(decoder: impl Read, left: &mut u64) -> Result<Cow<'a, [u8]>, DwarfError> {
    let mut out = Vec::new();
    decoder.take(*left + 1).read_to_end(&mut out).map_err(ImageError::Damaged)?;
    *left = left.checked_sub(out.len() as u64).ok_or(DwarfError::TooMuch)?;
    Ok(Cow::Owned(out))
}

impl Sections<'_> {
    /// The sections, for the reader.
    pub(super) fn borrow(&self) -> Dwarf<'_> {
        self.dwarf.borrow(|section| Slice::new(section, LittleEndian))
    }

    /// The build-id of the file.
    pub(super) fn build_id(&self) -> &[u8] {
        &self.build_id
    }
}
