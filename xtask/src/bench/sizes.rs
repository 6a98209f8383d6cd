// SPDX-License-Identifier: GPL-2.0
//! How large a module is: as a file, and in the kernel's memory.

use super::Bench;
use anyhow::{anyhow, ensure, Context as _, Result};
use object::read::elf::{ElfFile64, FileHeader as _, SectionHeader as _};
use object::{elf, LittleEndian};
use std::path::Path;

/// The size of one module in bytes.
#[derive(Debug, Clone, Copy)]
pub struct Sizes {
    /// The file without debug information.
    pub file: u64,
    /// All sections that are loaded, relocations for livepatching included.
    pub loaded: u64,
}

/// Measures a module, after `strip --strip-debug` with the target's own tools.
pub fn sizes(bench: &Bench, module: &Path) -> Result<Sizes> {
    let folder = tempfile::tempdir()?;
    let stripped = folder.path().join("stripped.ko");
    std::fs::copy(module, &stripped)
        .with_context(|| format!("cannot read {}", module.display()))?;
    let toolchain = bench.tree()?.toolchain();
    let command = toolchain.command("strip", &[], &[folder.path()], folder.path());
    let mut command = command.map_err(|error| anyhow!("{}", error.message))?;
    let status =
        command.arg("--strip-debug").arg(&stripped).status().context("cannot run strip")?;
    ensure!(status.success(), "strip failed: {status}");
    let bytes = std::fs::read(&stripped)?;
    Ok(Sizes { file: bytes.len() as u64, loaded: loaded(&bytes)? })
}

fn loaded(module: &[u8]) -> Result<u64> {
    let file = ElfFile64::<LittleEndian>::parse(module)?;
    let endian = LittleEndian;
    let sections = file.elf_header().sections(endian, module)?;
    let loaded =
        sections.iter().filter(|section| section.sh_flags(endian).contains(elf::SHF_ALLOC));
    Ok(loaded.map(|section| section.sh_size(endian)).sum())
}
