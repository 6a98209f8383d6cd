// SPDX-License-Identifier: GPL-2.0
//! Makes the facts of a kernel from its files.

use super::image::{self, ImageError, Vmlinux};
use super::kallsyms::{kallsyms, Kallsym};
use super::roles::roles;
use super::syscalls::{syscalls, vdso};
use super::user_arguments::user_arguments;
use kps_facts::btf::Btf;
use kps_facts::{
    forget_namesakes, is_release, Constants, Export, Exports, Facts, Identity, Mode, Object, Site,
    Sites, Sym, Symbols, UserDeclarations, ENTRY_BYTES,
};
use std::collections::BTreeMap;

/// Reads the facts of a kernel from its image (a `bzImage` or a `vmlinux`), its `.config` and its
/// `Module.symvers`.
pub fn gather(image: &[u8], config: &str, symvers: &str) -> Result<Facts, ImageError> {
    if let Some(line) = wrong_line(config, is_config_line) {
        return Err(ImageError::Config(line));
    }
    if let Some(line) = wrong_line(symvers, is_symvers_line) {
        return Err(ImageError::Symvers(line));
    }
    let elf = image::vmlinux(image)?;
    let vmlinux = Vmlinux::parse(&elf)?;
    let mut symbols = kallsyms(&vmlinux)?;
    if !symbols.iter().all(|sym| sym.name.bytes().all(|b| b.is_ascii_graphic())) {
        return Err(ImageError::Kallsyms("a name has characters other than printable ASCII"));
    }
    symbols.sort_by_key(|sym| sym.address);
    let (_, btf) = vmlinux.section(".BTF")?;
    let mut btf = Btf::parse(btf.to_vec())?;
    let exports = parse_symvers(symvers);
    let (roles, calls) = roles(&vmlinux, &symbols, &btf, &exports);
    let syscalls = syscalls(&vmlinux, &symbols, &btf);
    let user_arguments = user_arguments(&vmlinux, &symbols, &btf, &syscalls);
    let config = parse_config(config);
    // What a prototype tells of roles and arguments only makes checks stricter, so that was read
    // from all of them.
    let named = symbols.iter().map(|sym| (char::from(sym.kind), sym.name.as_str()));
    let types = 1..btf.len() as u32 + 1;
    forget_namesakes(&mut btf, types, &config, named);
    Ok(Facts {
        identity: Identity { release: release(&vmlinux, &symbols)?, build_id: vmlinux.build_id()? },
        config,
        mode: Mode::default(),
        vmlinux: Object {
            sections: vmlinux.sections(),
            sites: sites(&vmlinux, &symbols)?,
            symbols: Symbols::new(symbols.iter().map(|sym| Sym {
                address: sym.address,
                kind: sym.kind.into(),
                name: &sym.name,
            })),
        },
        exports,
        user_arguments,
        user_declarations: UserDeclarations::default(),
        constants: Constants::default(),
        syscalls,
        vdso: vdso(&vmlinux),
        roles,
        calls,
        btf,
        modules: BTreeMap::new(),
        module_names: Vec::new(),
        in_modules: BTreeMap::new(),
        debug: None,
    })
}

fn address_of(symbols: &[Kallsym], name: &str) -> Option<u64> {
    symbols.iter().find(|sym| sym.name == name).map(|sym| sym.address)
}

/// The third word of `linux_banner`, "Linux version RELEASE (builder) ...".
fn release(vmlinux: &Vmlinux<'_>, symbols: &[Kallsym]) -> Result<String, ImageError> {
    let banner = address_of(symbols, "linux_banner").and_then(|address| vmlinux.memory(address));
    let text = banner.and_then(|bytes| bytes.strip_prefix(b"Linux version "));
    let release = text.and_then(|text| text.split(|b| b.is_ascii_whitespace()).next());
    match release.map(String::from_utf8_lossy) {
        Some(release) if is_release(&release) => Ok(release.into_owned()),
        _ => Err(ImageError::Kallsyms("linux_banner does not hold the kernel's version")),
    }
}

/// The table between `__start_mcount_loc` and `__stop_mcount_loc`: addresses of ftrace sites.
///
/// Entries of 0 are weak functions that the linker replaced. A site belongs to the function that
/// starts last before it.
fn sites(vmlinux: &Vmlinux<'_>, symbols: &[Kallsym]) -> Result<Sites, ImageError> {
    let (Some(start), Some(stop)) =
        (address_of(symbols, "__start_mcount_loc"), address_of(symbols, "__stop_mcount_loc"))
    else {
        return Err(ImageError::Mcount("it has no start and end"));
    };
    let table = stop.checked_sub(start).and_then(|len| vmlinux.memory(start)?.get(..len as usize));
    let table = table.ok_or(ImageError::Mcount("it is not in the image"))?;
    let mut sites = Vec::new();
    for entry in table.chunks_exact(8) {
        let site = entry.iter().rev().fold(0, |value, &byte| value << 8 | u64::from(byte));
        if site == 0 {
            continue;
        }
        let next = symbols.partition_point(|sym| sym.address <= site);
        let Some(function) = next.checked_sub(1).map(|n| symbols[n].address) else { continue };
        let bytes = vmlinux.memory(function).and_then(first_bytes);
        let bytes = bytes.ok_or(ImageError::Mcount("a site is in no section"))?;
        let offset = (site - function).try_into().unwrap_or(u32::MAX);
        sites.push((function, Site { offset, bytes }));
    }
    Ok(sites.into_iter().collect())
}

/// The first bytes of a function at the start of some code. The last function of a section may be
/// shorter than the longest entry; zeros stand for what it lacks.
pub(super) fn first_bytes(code: &[u8]) -> Option<[u8; ENTRY_BYTES]> {
    let mut bytes = [0; ENTRY_BYTES];
    let len = code.len().min(ENTRY_BYTES);
    bytes[..len].copy_from_slice(&code[..len]);
    (len > 0).then_some(bytes)
}

/// The first malformed line, counted from 1.
fn wrong_line(text: &str, is_right: impl Fn(&str) -> bool) -> Option<usize> {
    text.lines().position(|line| !line.is_empty() && !is_right(line)).map(|n| n + 1)
}

/// A comment, or `CONFIG_NAME=VALUE`.
fn is_config_line(line: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let option = line
        .split_once('=')
        .and_then(|(option, value)| Some((option.strip_prefix("CONFIG_")?, value)));
    match option {
        _ if line.starts_with('#') => true,
        Some((name, value)) => {
            !name.is_empty() && name.chars().all(plain) && !value.chars().any(char::is_control)
        }
        None => false,
    }
}

/// A checksum, a symbol, a module, a kind of export and perhaps a namespace, with tabs between
/// them.
fn is_symvers_line(line: &str) -> bool {
    let columns: Vec<&str> = line.split('\t').collect();
    let graphic = |text: &&str| text.bytes().all(|b| b.is_ascii_graphic());
    let plain = |text: &str, more: &str| {
        text.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
    };
    match columns.as_slice() {
        [crc, symbol, module, kind, namespace @ ..] if namespace.len() <= 1 => {
            crc.starts_with("0x")
                && plain(symbol, "_.$")
                && !symbol.is_empty()
                && graphic(module)
                && kind.starts_with("EXPORT_SYMBOL")
                && namespace.iter().all(|namespace| plain(namespace, "_:,*-"))
        }
        _ => false,
    }
}

/// The options that are set in a `.config`, values without their quotes.
pub fn parse_config(text: &str) -> BTreeMap<String, String> {
    let set = |line: &str| {
        let (option, value) = line.split_once('=')?;
        let option = option.strip_prefix("CONFIG_")?;
        let value = value.trim();
        let value = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')).unwrap_or(value);
        Some((format!("CONFIG_{option}"), value.to_owned()))
    };
    text.lines().filter_map(set).collect()
}

/// The exports of vmlinux: the lines
/// `CRC<tab>symbol<tab>vmlinux<tab>EXPORT_SYMBOL[_GPL]<tab>namespace`.
pub fn parse_symvers(text: &str) -> Exports {
    fn export(line: &str) -> Option<(&str, Export<'_>)> {
        let mut columns = line.split('\t').skip(1);
        let (symbol, module, kind) = (columns.next()?, columns.next()?, columns.next()?);
        let namespace = columns.next().map(str::trim).filter(|n| !n.is_empty());
        let export = Export { gpl: kind == "EXPORT_SYMBOL_GPL", namespace };
        (module == "vmlinux").then_some((symbol, export))
    }
    text.lines().filter_map(export).collect()
}

#[cfg(test)]
mod tests {
    use super::first_bytes;

    #[test]
    fn a_function_may_be_shorter_than_the_longest_entry() {
        // call __fentry__; jmp
        let short = [0xe8, 1, 2, 3, 4, 0xeb, 0xf9];
        assert_eq!(first_bytes(&short), Some([0xe8, 1, 2, 3, 4, 0xeb, 0xf9, 0, 0]));
        assert_eq!(first_bytes(&[0x90; 48]), Some([0x90; 9]));
        assert_eq!(first_bytes(&[]), None);
    }
}
