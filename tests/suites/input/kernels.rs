// SPDX-License-Identifier: GPL-2.0
//! Build folders whose files are missing, damaged or hostile.

use super::{arguments, Bad};
use kps_tests::btf::BtfWriter;
use kps_tests::miniature::{bz_image, link, Addresses};
use kps_tests::world::World;
use object::{Object as _, ObjectSection as _};
use std::ffi::OsString;
use std::io::Write as _;
use std::sync::OnceLock;

const CONFIG: &str = "CONFIG_LIVEPATCH=y\n# CONFIG_RUST is not set\n";
const SYMVERS: &str = "0x00000000\ttwice\tvmlinux\tEXPORT_SYMBOL_GPL\t\n";
const EXPORT: &str = "0x00000000\tNAME\tvmlinux\tEXPORT_SYMBOL\t\n";

pub(crate) const CASES: &[Bad] = &[
    ("KPS0701-no-build-folder", |_| add("linux")),
    ("KPS0701-config-missing", |w| with(w, ".config", None)),
    ("KPS0701-config-binary", |w| with(w, ".config", Some(b"\x7fELF\xff"))),
    ("KPS0713-config-too-large", |w| sparse(w, ".config")),
    ("KPS0714-config-hostile-option", |w| {
        config(w, "CONFIG_LIVEPATCH=y\nCONFIG_$(touch pwned)=y\n")
    }),
    ("KPS0714-config-hostile-value", |w| config(w, "CONFIG_LIVEPATCH=y\nCONFIG_HZ=\u{1b}[31m\n")),
    ("KPS0714-config-is-something-else", |w| config(w, "#!/bin/sh\nreboot\n")),
    ("KPS0720-no-versions-of-symbols", |w| {
        let none = ["BASIC", "EXTENDED"];
        let none = none.map(|form| format!("# CONFIG_{form}_MODVERSIONS is not set\n")).concat();
        config(w, &format!("CONFIG_LIVEPATCH=y\nCONFIG_MODVERSIONS=y\n{none}"))
    }),
    ("KPS0701-exports-missing", |w| with(w, "Module.symvers", None)),
    ("KPS0701-exports-binary", |w| with(w, "Module.symvers", Some(b"\x7fELF\xff"))),
    ("KPS0713-exports-too-large", |w| sparse(w, "Module.symvers")),
    ("KPS0714-exports-cut", |w| exports(w, &SYMVERS[..20])),
    ("KPS0714-exports-with-substitution", |w| {
        exports(w, &EXPORT.replace("NAME", "$(touch pwned)"))
    }),
    ("KPS0714-exports-with-quotes", |w| exports(w, &EXPORT.replace("NAME", "a\"b'c`d`"))),
    ("KPS0714-exports-with-nul", |w| exports(w, &EXPORT.replace("NAME", "a\0b"))),
    ("KPS0714-exports-with-a-hostile-namespace", |w| {
        exports(w, &SYMVERS.replace("GPL\t", "GPL\tA\u{1b}[31m\"; touch pwned"))
    }),
    ("KPS0707-no-image", |w| with(w, "vmlinux", None)),
    ("KPS0713-image-too-large", |w| sparse(w, "vmlinux")),
    ("KPS0706-image-empty", |w| image(w, b"")),
    ("KPS0706-image-is-something-else", |w| image(w, b"#!/bin/sh\nreboot\n")),
    ("KPS0706-image-cut", |w| image(w, &miniature()[..miniature().len() / 2])),
    ("KPS0706-image-cut-to-its-header", |w| image(w, &miniature()[..64])),
    ("KPS0706-image-of-32-bits", |w| patched(w, |bytes| bytes[4] = 1)),
    // `EM_AARCH64`.
    ("KPS0706-image-for-another-machine", |w| patched(w, |bytes| bytes[18] = 183)),
    ("KPS0706-image-without-symbols", |w| {
        patched(w, |bytes| replace(bytes, b"0\x001\x002\x003\0", b"00112233"))
    }),
    ("KPS0706-image-without-types", |w| {
        patched(w, |bytes| replace(bytes, b"\0.BTF\0", b"\0.btf\0"))
    }),
    ("KPS0706-image-with-a-hostile-release", |w| {
        patched(w, |bytes| replace(bytes, b"version 7.3.4-miniature", b"version $(touch'pwned')"))
    }),
    ("KPS0706-image-with-a-release-outside", |w| {
        patched(w, |bytes| replace(bytes, b"version 7.3.4-miniature", b"version ../../../../pwn"))
    }),
    ("KPS0706-compressed-image-cut", |w| {
        let image = bz_image(&gzip(miniature()));
        compressed(w, &image[..image.len() / 2])
    }),
    ("KPS0706-compressed-image-cut-to-its-header", |w| compressed(w, &bz_image(b"")[..600])),
    ("KPS0706-compressed-image-damaged", |w| {
        let mut payload = gzip(miniature());
        let middle = payload.len() / 2;
        payload[middle..middle + 64].fill(0x55);
        compressed(w, &bz_image(&payload))
    }),
    ("KPS0706-compressed-in-an-unknown-way", |w| {
        compressed(w, &bz_image(b"\x89LZO\0\r\n\x1a\n and so on"))
    }),
    ("KPS0706-compressed-image-holds-none", |w| {
        compressed(w, &bz_image(&gzip(b"no kernel at all")))
    }),
    // Half a gigabyte and a byte of zeros, in 50 KB.
    ("KPS0706-compressed-image-grows-without-end", |w| {
        let zeros = std::io::Read::take(std::io::repeat(0), (512 << 20) + 1);
        let bomb = zstd::encode_all(zeros, 1).unwrap_or_else(|error| panic!("{error}"));
        compressed(w, &bz_image(&bomb))
    }),
    ("KPS0706-types-cut", |w| types(w, |btf| btf[14] = 0xff)),
    ("KPS0706-types-of-another-version", |w| types(w, |btf| btf[2] = 9)),
    ("KPS0706-types-garbage", |w| types(w, |btf| btf.fill(0x41))),
    ("KPS0706-types-in-a-circle", |w| {
        written_types(w, |btf| {
            btf.typedef("round", 2);
            btf.typedef("about", 1);
        })
    }),
    ("KPS0706-types-hold-themselves", |w| {
        written_types(w, |btf| {
            btf.structure("self", 8, &[("me", 1, 0, None)]);
        })
    }),
    ("KPS0706-types-nested-without-end", |w| {
        written_types(w, |btf| {
            (1..300).for_each(|id| {
                btf.array(id + 1, 1);
            });
            btf.int("int", 4, true);
        })
    }),
    ("KPS0706-types-with-a-hostile-name", |w| {
        written_types(w, |btf| {
            btf.structure("*/ $(touch\npwned)", 0, &[]);
        })
    }),
    ("KPS0706-types-with-an-endless-name", |w| {
        written_types(w, |btf| {
            btf.structure(&"s".repeat(10_000), 0, &[]);
        })
    }),
    ("KPS0706-types-with-endless-parameters", |w| {
        written_types(w, |btf| {
            btf.prototype(0, &[("a", 0); 1000]);
        })
    }),
    // 16,777,215 elements, of which none is there.
    ("KPS0706-types-with-a-huge-count", |w| {
        written_types(w, |btf| {
            btf.huge_structure("huge");
        })
    }),
    ("KPS0709-hostile-name", |w| {
        kernel(w);
        arguments(&[
            "kernel",
            "add",
            "--build-dir",
            "linux",
            "--name",
            "../$(touch pwned)\n\u{1b}[31m",
        ])
    }),
    ("KPS0709-endless-name", |w| {
        kernel(w);
        arguments(&["kernel", "add", "--build-dir", "linux", "--name", &"n".repeat(10_000)])
    }),
    ("KPS0701-hostile-build-folder", |w| {
        kernel(w);
        let name = "$(touch pwned) `a`;'\n";
        std::fs::rename(w.work().join("linux"), w.work().join(name))
            .unwrap_or_else(|error| panic!("{error}"));
        add(name)
    }),
];

fn add(folder: &str) -> Vec<OsString> {
    arguments(&["kernel", "add", "--build-dir", folder])
}

/// A build folder with nothing wrong.
fn kernel(world: &World) {
    world.write("linux/.config", CONFIG);
    world.write("linux/Module.symvers", SYMVERS);
    world.write("linux/vmlinux", miniature());
}

/// Adds a build folder in which one file is another or missing.
fn with(world: &World, file: &str, bytes: Option<&[u8]>) -> Vec<OsString> {
    kernel(world);
    let path = world.work().join("linux").join(file);
    match bytes {
        Some(bytes) => world.write(path, bytes),
        None => std::fs::remove_file(path).unwrap_or_else(|error| panic!("{error}")),
    }
    add("linux")
}

fn sparse(world: &World, file: &str) -> Vec<OsString> {
    kernel(world);
    world.write_sparse(world.work().join("linux").join(file), 10 << 30);
    add("linux")
}

fn config(world: &World, text: &str) -> Vec<OsString> {
    with(world, ".config", Some(text.as_bytes()))
}

fn exports(world: &World, text: &str) -> Vec<OsString> {
    with(world, "Module.symvers", Some(text.as_bytes()))
}

fn image(world: &World, bytes: &[u8]) -> Vec<OsString> {
    with(world, "vmlinux", Some(bytes))
}

/// An image as it is booted, and no `vmlinux` beside it.
fn compressed(world: &World, bytes: &[u8]) -> Vec<OsString> {
    let arguments = with(world, "vmlinux", None);
    world.write("linux/arch/x86/boot/bzImage", bytes);
    arguments
}

/// A kernel whose bytes have been changed.
fn patched(world: &World, patch: fn(&mut Vec<u8>)) -> Vec<OsString> {
    let mut bytes = miniature().to_vec();
    patch(&mut bytes);
    image(world, &bytes)
}

/// A kernel whose types have been changed.
fn types(world: &World, change: fn(&mut [u8])) -> Vec<OsString> {
    let mut bytes = miniature().to_vec();
    let section = types_section(&bytes);
    change(&mut bytes[section]);
    image(world, &bytes)
}

/// A kernel with other types, which stand at the end of the file, where there is room.
fn written_types(world: &World, write: fn(&mut BtfWriter)) -> Vec<OsString> {
    let mut btf = BtfWriter::default();
    write(&mut btf);
    let mut bytes = miniature().to_vec();
    let (section, header) = (types_section(&bytes), types_header(&bytes));
    let blob = btf.finish();
    let place = (bytes.len() as u64).to_le_bytes();
    let size = (blob.len() as u64).to_le_bytes();
    bytes.extend(&blob);
    assert!(section.start > 0, "the miniature has types");
    // `sh_offset` and `sh_size` of the section's header.
    bytes[header + 24..header + 32].copy_from_slice(&place);
    bytes[header + 32..header + 40].copy_from_slice(&size);
    image(world, &bytes)
}

fn types_section(kernel: &[u8]) -> std::ops::Range<usize> {
    let elf = object::File::parse(kernel).unwrap_or_else(|error| panic!("{error}"));
    let range = elf.section_by_name(".BTF").and_then(|section| section.file_range());
    let (start, size) = range.unwrap_or_else(|| panic!("the miniature has no types"));
    start as usize..(start + size) as usize
}

/// Where the header of the section of types stands.
fn types_header(kernel: &[u8]) -> usize {
    let elf = object::File::parse(kernel).unwrap_or_else(|error| panic!("{error}"));
    let index = elf.section_by_name(".BTF").map(|section| section.index().0);
    // `e_shoff` of the file's header.
    let table = kernel[40..48].iter().rev().fold(0, |all, &byte| all << 8 | usize::from(byte));
    table + 64 * index.unwrap_or_else(|| panic!("the miniature has no types"))
}

/// Replaces some bytes by as many others.
fn replace(bytes: &mut [u8], from: &[u8], to: &[u8]) {
    let at = bytes.windows(from.len()).position(|window| window == from);
    let at = at.unwrap_or_else(|| panic!("{from:?} is not there"));
    bytes[at..at + to.len()].copy_from_slice(to);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).and_then(|()| gzip.finish()).unwrap_or_else(|error| panic!("{error}"))
}

/// A kernel, linked once.
fn miniature() -> &'static [u8] {
    static KERNEL: OnceLock<Vec<u8>> = OnceLock::new();
    KERNEL.get_or_init(|| {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let path = link(folder.path(), Addresses::RelativeToEntry);
        std::fs::read(path).unwrap_or_else(|error| panic!("{error}"))
    })
}
