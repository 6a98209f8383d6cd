//! Kernel images: what is read from them, and that damaged ones are refused.

use kps_tests::fixture;
use kps_tests::miniature::{bz_image, link, Addresses};
use kpsc::target::gather::gather;
use kpsc::target::image::{vmlinux, ImageError};
use kpsc::target::kallsyms::decode;
use kpsc::target::module;
use object::{Object as _, ObjectSymbol as _};
use std::io::{Read as _, Write as _};

const CONFIG: &str = "CONFIG_LIVEPATCH=y\n# CONFIG_RUST is not set\nCONFIG_CC_VERSION_TEXT=\"gcc 14\"\n";
const SYMVERS: &str =
    "0x00000000\tuntraced\tvmlinux\tEXPORT_SYMBOL_GPL\tNS\n0x00000000\tother\tdrivers/x\tEXPORT_SYMBOL\t\n";

fn miniature(addresses: Addresses) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    std::fs::read(link(folder.path(), addresses)).unwrap_or_else(|error| panic!("{error}"))
}

#[test]
fn every_symbol_is_where_the_linker_put_it_in_each_of_the_formats() {
    for addresses in [Addresses::RelativeToEntry, Addresses::RelativeToBase, Addresses::BelowBase] {
        let image = miniature(addresses);
        let facts = gather(&image, CONFIG, SYMVERS).unwrap_or_else(|error| panic!("{addresses:?}: {error}"));
        let elf = object::File::parse(image.as_slice()).unwrap_or_else(|error| panic!("{error}"));
        let linked = |name: &str| elf.symbol_by_name(name).map(|symbol| symbol.address());
        assert_eq!(facts.vmlinux.symbols.len(), 416, "{addresses:?}");
        for name in ["_text", "with_endbr", "twice", "some_variable", "start_kernel", "__init_end"] {
            let read = facts.vmlinux.symbols.named(name)[0].address;
            assert_eq!(Some(read), linked(name), "{name} in {addresses:?}");
        }
        let long = format!("__start_of_symbol_350{}", "x".repeat(150));
        assert_eq!(facts.vmlinux.symbols.named(&long).len(), 1);
    }
}

#[test]
fn functions_start_as_the_compiler_made_them() {
    let facts =
        gather(&miniature(Addresses::RelativeToEntry), CONFIG, SYMVERS).unwrap_or_else(|e| panic!("{e}"));
    let entry = |name: &str| {
        facts.vmlinux.sites.get(&facts.vmlinux.symbols.named(name)[0].address).and_then(|site| site.entry())
    };
    assert_eq!(entry("with_endbr").map(|e| e.skip()), Some(9));
    assert_eq!(entry("without_endbr").map(|e| e.skip()), Some(5));
    assert_eq!(entry("twice").map(|e| e.skip()), Some(5));
    assert_eq!(entry("untraced"), None);
    assert!(facts.vmlinux.is_init(facts.vmlinux.symbols.named("start_kernel")[0].address));
    assert!(!facts.vmlinux.is_init(facts.vmlinux.symbols.named("twice")[0].address));
}

#[test]
fn a_system_call_takes_what_its_note_says() {
    let facts =
        gather(&miniature(Addresses::RelativeToEntry), CONFIG, SYMVERS).unwrap_or_else(|e| panic!("{e}"));
    let params = facts.syscalls["look"].iter().map(|param| (param.ty.as_str(), param.name.as_str()));
    assert_eq!(params.collect::<Vec<_>>(), [("const char __user *", "filename"), ("int", "flags")]);
    assert_eq!(facts.syscalls.len(), 1);
}

#[test]
fn an_image_says_what_it_is() {
    let image = miniature(Addresses::RelativeToEntry);
    let facts = gather(&image, CONFIG, SYMVERS).unwrap_or_else(|error| panic!("{error}"));
    let elf = object::File::parse(image.as_slice()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(facts.identity.release, "7.3.4-miniature");
    assert_eq!(Some(facts.identity.build_id.as_slice()), elf.build_id().ok().flatten());
    assert!(facts.config_enabled("CONFIG_LIVEPATCH") && !facts.config_enabled("CONFIG_RUST"));
    assert_eq!(facts.config["CONFIG_CC_VERSION_TEXT"], "gcc 14");
    assert_eq!(facts.exports["untraced"].namespace.as_deref(), Some("NS"));
    assert!(!facts.exports.contains_key("other"));
    assert_eq!(facts.btf.declaration(facts.btf.functions("twice")[0]), "int twice(int value)");
}

#[test]
fn facts_come_back_from_their_file_as_they_went_in() {
    let facts =
        gather(&miniature(Addresses::RelativeToEntry), CONFIG, SYMVERS).unwrap_or_else(|e| panic!("{e}"));
    let bytes = facts.to_bytes();
    let read = kps_facts::Facts::from_bytes(&bytes).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(read.to_bytes(), bytes);
    assert_eq!(read.vmlinux.symbols.named("twice"), facts.vmlinux.symbols.named("twice"));
    assert_eq!(read.vmlinux.sites, facts.vmlinux.sites);
}

#[test]
fn a_facts_file_that_is_cut_or_changed_is_refused() {
    let facts =
        gather(&miniature(Addresses::RelativeToEntry), CONFIG, SYMVERS).unwrap_or_else(|e| panic!("{e}"));
    let bytes = facts.to_bytes();
    for len in (0..bytes.len()).step_by(97) {
        assert!(kps_facts::Facts::from_bytes(&bytes[..len]).is_err(), "cut to {len}");
    }
    for at in (0..bytes.len()).step_by(89) {
        let mut changed = bytes.clone();
        changed[at] ^= 0x10;
        assert!(kps_facts::Facts::from_bytes(&changed).is_err(), "changed at {at}");
    }
}

#[test]
fn a_facts_file_with_something_behind_its_end_is_refused() {
    let bytes = kps_tests::fixture::facts().to_bytes();
    let read = |parts: &[u8]| kps_facts::Facts::from_bytes(&kps_facts::Facts::seal(parts));
    assert!(read(&bytes[16..]).is_ok());
    assert!(read(&[&bytes[16..], &[0]].concat()).is_err());
}

#[test]
fn a_bz_image_is_opened_in_each_of_the_known_compressions() {
    let kernel = miniature(Addresses::RelativeToEntry);
    let zstd = zstd::encode_all(kernel.as_slice(), 1).unwrap_or_else(|error| panic!("{error}"));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let gzip = gzip.write_all(&kernel).and_then(|()| gzip.finish()).unwrap_or_else(|error| panic!("{error}"));
    let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 1);
    let xz = xz.write_all(&kernel).and_then(|()| xz.finish()).unwrap_or_else(|error| panic!("{error}"));
    for mut payload in [zstd, gzip, xz] {
        // The build appends the uncompressed length.
        payload.extend((kernel.len() as u32).to_le_bytes());
        let opened = vmlinux(&bz_image(&payload)).unwrap_or_else(|error| panic!("{error}"));
        assert!(opened == kernel);
        let cut = vmlinux(&bz_image(&payload)[..1024 + payload.len() / 2]);
        assert!(matches!(cut, Err(ImageError::Truncated)));
        let damaged = vmlinux(&bz_image(&payload[..payload.len() / 2]));
        assert!(damaged.is_err() || damaged.is_ok_and(|bytes| bytes != kernel));
    }
    assert!(matches!(vmlinux(&bz_image(b"lzo and others")), Err(ImageError::Compression)));
    assert!(matches!(vmlinux(b"not a kernel"), Err(ImageError::Unknown)));
}

#[test]
fn an_image_that_is_cut_short_is_refused() {
    let image = miniature(Addresses::RelativeToEntry);
    for len in (0..image.len()).step_by(997) {
        assert!(gather(&image[..len], CONFIG, SYMVERS).is_err(), "cut to {len} of {}", image.len());
    }
}

#[test]
fn a_header_that_is_cut_short_anywhere_is_refused() {
    let image = bz_image(b"");
    for len in 0..image.len() {
        assert!(vmlinux(&image[..len]).is_err(), "cut to {len}");
    }
}

#[test]
fn a_kernel_that_is_larger_than_any_is_refused() {
    let zeros = std::io::repeat(0).take((512 << 20) + 1);
    let mut bomb = Vec::new();
    zstd::stream::copy_encode(zeros, &mut bomb, 1).unwrap_or_else(|error| panic!("{error}"));
    assert!(matches!(vmlinux(&bz_image(&bomb)), Err(ImageError::TooLarge)));
}

/// The tables of kallsyms for symbols at one address, the second of which has this name. A token of it stands for a text.
fn kallsyms_tables(name: &[u8], token: &str) -> Vec<u8> {
    // One more than a block, so that there are two markers.
    const COUNT: u32 = 257;
    let mut bytes = COUNT.to_le_bytes().to_vec();
    let start = bytes.len();
    let align = |bytes: &mut Vec<u8>| bytes.resize(bytes.len().next_multiple_of(4), 0);
    let mut markers = Vec::new();
    for n in 0..COUNT {
        if n % 256 == 0 {
            markers.extend(((bytes.len() - start) as u32).to_le_bytes());
        }
        let name = [b"T_text".as_slice(), name].into_iter().nth(n as usize).unwrap_or(b"tf");
        bytes.push(name.len() as u8);
        bytes.extend(name);
    }
    align(&mut bytes);
    bytes.extend(markers);
    let mut index = Vec::new();
    let tokens = bytes.len();
    for byte in 0..=255u8 {
        index.extend(((bytes.len() - tokens) as u16).to_le_bytes());
        match byte {
            1 => bytes.extend(token.bytes()),
            byte if byte.is_ascii_graphic() => bytes.push(byte),
            _ => {}
        }
        bytes.push(0);
    }
    align(&mut bytes);
    bytes.extend(index);
    bytes.extend([0; 4 * COUNT as usize]);
    bytes.resize(bytes.len().next_multiple_of(8) + 8, 0);
    bytes
}

#[test]
fn a_few_tokens_do_not_make_a_name_of_any_length() {
    const TEXT: u64 = 0xffff_ffff_8100_0000;
    let read = |name: &[u8], token: &str| {
        let mut tables = kallsyms_tables(name, token);
        // The base that the addresses are above.
        let base = tables.len() - 8;
        tables[base..].copy_from_slice(&TEXT.to_le_bytes());
        decode(&tables, 0, TEXT).map(|symbols| symbols[1].name.len())
    };
    assert_eq!(read(b"t\x01b", "a").ok(), Some(2));
    assert_eq!(read(b"t\x01", &"a".repeat(511)).ok(), Some(511));
    assert!(read(b"t\x01", &"a".repeat(512)).is_err());
    assert!(read(&[b"t".as_slice(), &[1; 100]].concat(), &"a".repeat(500)).is_err());
}

#[test]
fn tables_at_the_end_of_memory_are_no_obstacle() {
    let tables = kallsyms_tables(b"tf", "a");
    assert!(decode(&tables, u64::MAX - 8, 0xffff_ffff_8100_0000).is_err());
}

#[test]
fn a_module_is_read_as_the_kernel_will_see_it() {
    let module::Read { name, module, btf } =
        module::read(&fixture::module()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(name.as_deref(), Some("dummy"));
    assert_eq!(module.build_id.as_deref(), Some(&kps_tests::module::BUILD_ID[..]));
    assert_eq!(module.depends, ["usb_core", "mii"]);
    assert!(btf.is_some());
    let object = &module.object;
    // The namesake that is freed stands first in the table.
    let [freed, kept] = object.symbols.named("dummy_setup")[..] else { panic!("two are named so") };
    assert!(object.is_init(freed.address) && !object.is_init(kept.address));
    let site = object.sites[&kept.address];
    assert_eq!((site.offset, site.entry().map(|entry| entry.endbr)), (4, Some(true)));
    assert_eq!(object.sites.len(), 7);
    let variable = object.symbols.named("dummy_limit")[0].address;
    assert_eq!(object.section_of(variable).map(|section| section.name.as_str()), Some(".data"));
}

#[test]
fn a_module_may_be_compressed() {
    let plain = fixture::module();
    let mut zipped = Vec::new();
    let compressed =
        flate2::read::GzEncoder::new(plain.as_slice(), flate2::Compression::fast()).read_to_end(&mut zipped);
    compressed.unwrap_or_else(|error| panic!("{error}"));
    for file in [plain.clone(), zipped, zstd::encode_all(plain.as_slice(), 1).unwrap_or_default()] {
        assert_eq!(module::unpack(file).unwrap_or_else(|error| panic!("{error}")), plain);
    }
}

#[test]
fn a_module_that_is_cut_short_is_refused() {
    let plain = fixture::module();
    for len in 0..plain.len() {
        // No part of the file may be missing: the table of sections stands at its end.
        assert!(module::read(&plain[..len]).is_err(), "{len}");
    }
}
