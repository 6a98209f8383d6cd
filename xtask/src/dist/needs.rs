// SPDX-License-Identifier: GPL-2.0
//! The packages with the libraries that a program is linked with, read from the program.

use anyhow::{bail, Context as _, Result};
use kps_package::{Comparison, Relation};
use object::elf::{FileHeader64, DT_NEEDED};
use object::read::elf::{Dyn as _, FileHeader as _};
use object::Endianness;

/// The libraries of glibc. Its newest symbol decides which version of the package a program needs
/// (the loader refuses it otherwise, with `version not found`).
const GLIBC: [&str; 3] = ["libc.so.6", "libm.so.6", "ld-linux-"];

/// The dependencies of a program; none if it is static.
///
/// # Errors
/// If it is no program, or needs a library of another package.
pub(super) fn libraries(program: &[u8]) -> Result<Vec<Vec<Relation>>> {
    let header = FileHeader64::<Endianness>::parse(program).context("it is no ELF file")?;
    let endian = header.endian()?;
    let sections = header.sections(endian, program)?;
    let mut relations = Vec::new();
    let Some((entries, strings)) = sections.dynamic(endian, program)? else {
        return Ok(relations);
    };
    let strings = sections.strings(endian, program, strings)?;
    let (mut is_glibc, mut is_libgcc) = (false, false);
    for entry in entries.iter().filter(|entry| entry.tag(endian) == DT_NEEDED) {
        let name = String::from_utf8_lossy(entry.string(endian, strings)?);
        match name.as_ref() {
            "libgcc_s.so.1" => is_libgcc = true,
            name if GLIBC.iter().any(|start| name.starts_with(start)) => is_glibc = true,
            other => bail!("it needs {other}, of which this program does not know the package"),
        }
    }
    if is_glibc {
        let (major, minor) = newest_glibc(program)?.context("no symbol of glibc has a version")?;
        let version = format!("{major}.{minor}");
        relations.push(vec![Relation::of("libc6", Comparison::GreaterOrEqual, version)]);
    }
    if is_libgcc {
        // All releases of Debian with this package have each symbol that a program can need.
        relations.push(vec![Relation::any("libgcc-s1")]);
    }
    Ok(relations)
}

/// The newest version of a symbol of glibc: `GLIBC_2.34` is (2, 34).
fn newest_glibc(program: &[u8]) -> Result<Option<(u32, u32)>> {
    let header = FileHeader64::<Endianness>::parse(program)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, program)?;
    let Some((mut needs, strings)) = sections.gnu_verneed(endian, program)? else {
        return Ok(None);
    };
    let strings = sections.strings(endian, program, strings)?;
    let mut newest = None;
    while let Some((_, mut versions)) = needs.next()? {
        while let Some(version) = versions.next()? {
            let name = String::from_utf8_lossy(version.name(endian, strings)?).into_owned();
            let numbers = name.strip_prefix("GLIBC_").map(|version| version.split('.'));
            let Some(mut numbers) = numbers.map(|parts| parts.map(str::parse::<u32>)) else {
                continue;
            };
            if let (Some(Ok(major)), Some(Ok(minor))) = (numbers.next(), numbers.next()) {
                newest = newest.max(Some((major, minor)));
            }
        }
    }
    Ok(newest)
}
