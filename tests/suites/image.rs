//! Kernel images: what is read from them, and that damaged ones are refused.

use kps_tests::miniature::{bz_image, link, Addresses};
use kpsc::target::gather::gather;
use kpsc::target::image::{vmlinux, ImageError};
use object::{Object as _, ObjectSymbol as _};
use std::io::Write as _;

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
        assert_eq!(facts.symbols.len(), 415, "{addresses:?}");
        for name in ["_text", "with_endbr", "twice", "some_variable", "start_kernel", "__init_end"] {
            let read = facts.symbols.named(name)[0].address;
            assert_eq!(Some(read), linked(name), "{name} in {addresses:?}");
        }
        let long = format!("__start_of_symbol_350{}", "x".repeat(150));
        assert_eq!(facts.symbols.named(&long).len(), 1);
    }
}

#[test]
fn functions_start_as_the_compiler_made_them() {
    let facts =
        gather(&miniature(Addresses::RelativeToEntry), CONFIG, SYMVERS).unwrap_or_else(|e| panic!("{e}"));
    let entry =
        |name: &str| facts.sites.get(&facts.symbols.named(name)[0].address).and_then(|site| site.entry());
    assert_eq!(entry("with_endbr").map(|e| e.skip()), Some(9));
    assert_eq!(entry("without_endbr").map(|e| e.skip()), Some(5));
    assert_eq!(entry("twice").map(|e| e.skip()), Some(5));
    assert_eq!(entry("untraced"), None);
    assert!(facts.is_init(facts.symbols.named("start_kernel")[0].address));
    assert!(!facts.is_init(facts.symbols.named("twice")[0].address));
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
    assert_eq!(read.symbols.named("twice"), facts.symbols.named("twice"));
    assert_eq!(read.sites, facts.sites);
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
