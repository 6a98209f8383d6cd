// SPDX-License-Identifier: GPL-2.0
//! The kernel image as distributions ship it: a `bzImage` with a compressed ELF file inside.

use kps_arch::NoPayload;
use kps_facts::is_build_id;
use object::read::elf::{ElfFile64, FileHeader as _, SectionHeader as _};
use object::{LittleEndian, Object as _, ObjectSection as _};
use std::io::Read as _;

/// The maximum size of a kernel inside an image. Kernels have some 70 MB; a hostile one must not
/// fill the memory.
const MAX_SIZE: u64 = 512 << 20;
/// The memory that decompression may take besides: the kernel's build gives xz a dictionary of at
/// most 128 MiB.
const MAX_DICTIONARY: u64 = 256 << 20;

/// Why an image cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// Neither a `bzImage` nor an ELF file.
    #[error("this is neither a bzImage nor an ELF kernel")]
    Unknown,
    /// The header claims more data than there is.
    #[error("the image is cut short")]
    Truncated,
    /// An unsupported compression.
    #[error(
        "the kernel inside uses an unsupported compression (gzip, LZ4, xz and zstd are supported)"
    )]
    Compression,
    /// Decompression failed.
    #[error("the kernel inside cannot be decompressed: {0}")]
    Damaged(#[source] std::io::Error),
    /// It is larger than any kernel.
    #[error("the kernel inside has more than {} MiB", MAX_SIZE >> 20)]
    TooLarge,
    /// The ELF file inside cannot be read.
    #[error("the kernel inside is damaged: {0}")]
    Elf(#[from] object::Error),
    /// Another architecture.
    #[error("the kernel is not for {}", kps_arch::native().title)]
    Architecture,
    /// A section that every kernel has is missing.
    #[error("the kernel has no section {0}")]
    NoSection(&'static str),
    /// The symbol table could not be found or is inconsistent.
    #[error("the kernel's symbol table cannot be read: {0}")]
    Kallsyms(&'static str),
    /// The ftrace table is inconsistent.
    #[error("the kernel's table of ftrace sites cannot be read: {0}")]
    Mcount(&'static str),
    /// A malformed line in the configuration.
    #[error("the kernel's configuration cannot be read: line {0} is not `CONFIG_NAME=VALUE`")]
    Config(usize),
    /// A malformed line in the list of exports.
    #[error("the kernel's Module.symvers cannot be read: line {0} is not an export")]
    Symvers(usize),
    /// The image has no build-id.
    #[error("the kernel has no build-id")]
    NoBuildId,
    /// The file is a module with another name.
    #[error("the module has another name: see `modinfo`")]
    OtherModule,
    /// The types cannot be read.
    #[error(transparent)]
    Btf(#[from] kps_facts::btf::BtfError),
}

/// The `vmlinux` inside an image, or the bytes themselves if they already are one.
pub fn vmlinux(image: &[u8]) -> Result<Vec<u8>, ImageError> {
    if image.starts_with(b"\x7fELF") {
        return Ok(image.to_vec());
    }
    let payload = (kps_arch::native().payload)(image).map_err(|error| match error {
        NoPayload::Unknown => ImageError::Unknown,
        NoPayload::Truncated => ImageError::Truncated,
    })?;
    decompress(payload)
}

pub(super) fn decompress(payload: &[u8]) -> Result<Vec<u8>, ImageError> {
    // The build appends the length of the uncompressed kernel, four bytes outside the stream.
    match payload {
        [0x28, 0xb5, 0x2f, 0xfd, ..] => {
            let decoder =
                zstd::stream::Decoder::with_buffer(payload).map_err(ImageError::Damaged)?;
            read(decoder.single_frame())
        }
        [0x1f, 0x8b, ..] => read(flate2::read::GzDecoder::new(payload)),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => {
            let stream = liblzma::stream::Stream::new_stream_decoder(MAX_DICTIONARY, 0)
                .map_err(|error| ImageError::Damaged(error.into()))?;
            read(liblzma::read::XzDecoder::new_stream(payload, stream))
        }
        [0x02, 0x21, 0x4c, 0x18, blocks @ ..] => lz4(blocks),
        _ => Err(ImageError::Compression),
    }
}

/// The blocks of the format that `lz4 -l` writes: a length and that many bytes, each unpacked 8 MiB
/// or less. It has no end of its own: the length that the build appends has no block behind it.
fn lz4(mut rest: &[u8]) -> Result<Vec<u8>, ImageError> {
    const BLOCK: usize = 8 << 20;
    let damaged = |why: String| {
        ImageError::Damaged(std::io::Error::new(std::io::ErrorKind::InvalidData, why))
    };
    let mut out = Vec::new();
    while let Some((len, blocks)) = rest.split_first_chunk().filter(|(_, rest)| !rest.is_empty()) {
        let block = blocks.split_at_checked(u32::from_le_bytes(*len) as usize);
        let (block, behind) = block.ok_or_else(|| damaged("a block is cut off".to_owned()))?;
        let start = out.len();
        out.resize(start + BLOCK, 0);
        let unpacked = lz4_flex::block::decompress_into(block, &mut out[start..]);
        let unpacked = unpacked.map_err(|error| damaged(error.to_string()))?;
        out.truncate(start + unpacked);
        if out.len() as u64 > MAX_SIZE {
            return Err(ImageError::TooLarge);
        }
        rest = behind;
    }
    Ok(out)
}

fn read(decoder: impl std::io::Read) -> Result<Vec<u8>, ImageError> {
    let mut out = Vec::new();
    decoder.take(MAX_SIZE + 1).read_to_end(&mut out).map_err(ImageError::Damaged)?;
    if out.len() as u64 > MAX_SIZE {
        return Err(ImageError::TooLarge);
    }
    Ok(out)
}

/// A `vmlinux` and its sections.
pub struct Vmlinux<'a> {
    file: ElfFile64<'a, LittleEndian>,
}

impl<'a> Vmlinux<'a> {
    /// Reads the section table.
    pub fn parse(elf: &'a [u8]) -> Result<Self, ImageError> {
        let file = ElfFile64::parse(elf)?;
        let header = file.elf_header();
        if kps_arch::with_machine(header.e_machine(LittleEndian).0).is_none() {
            return Err(ImageError::Architecture);
        }
        Ok(Vmlinux { file })
    }

    /// A section's address and bytes.
    pub fn section(&self, name: &'static str) -> Result<(u64, &'a [u8]), ImageError> {
        let section = self.file.section_by_name(name).ok_or(ImageError::NoSection(name))?;
        Ok((section.address(), section.data()?))
    }

    /// The sections that are in memory when the kernel runs.
    pub fn sections(&self) -> Vec<kps_facts::Section> {
        let loaded = self.file.sections().filter(|s| {
            s.elf_section_header().sh_flags(LittleEndian).contains(object::elf::SHF_ALLOC)
        });
        let fact = |s: object::read::elf::ElfSection64<'_, '_, LittleEndian>| kps_facts::Section {
            name: s.name().unwrap_or_default().to_owned(),
            address: s.address(),
            size: s.size(),
        };
        loaded.map(fact).collect()
    }

    /// The sections that hold functions, with their addresses.
    pub(super) fn code(&self) -> Vec<(u64, &'a [u8])> {
        let code =
            self.file.sections().filter(|s| s.name().is_ok_and(|name| name.ends_with(".text")));
        code.filter_map(|s| Some((s.address(), s.data().ok()?))).collect()
    }

    /// The bytes of a section that holds constants.
    pub(super) fn constants(&self) -> &'a [u8] {
        self.section(".rodata").map_or(&[], |(_, bytes)| bytes)
    }

    /// The bytes from an address to the end of its section, as linked.
    pub fn memory(&self, address: u64) -> Option<&'a [u8]> {
        let section = self.file.sections().find(|s| {
            s.address() != 0 && s.address() <= address && address - s.address() < s.size()
        })?;
        section.data().ok()?.get((address - section.address()) as usize..)
    }

    /// The GNU build-id.
    pub fn build_id(&self) -> Result<Vec<u8>, ImageError> {
        match self.file.build_id()?.filter(|id| is_build_id(id)) {
            Some(id) => Ok(id.to_vec()),
            None => Err(ImageError::NoBuildId),
        }
    }
}
