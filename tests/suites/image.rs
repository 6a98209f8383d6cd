// SPDX-License-Identifier: GPL-2.0
//! Kernel images: what is read from them, and that damaged ones are refused.

use kps_facts::{Facts, FactsError, Module, Object};
use kps_grammar::{Source, Sources};
use kps_targets::gather::gather;
use kps_targets::image::{vmlinux, ImageError};
use kps_targets::kallsyms::decode;
use kps_targets::module;
use kps_tests::miniature::{bz_image, link, Addresses};
use kps_tests::schedule::Case;
use kps_tests::{cases, fixture};
use object::{Object as _, ObjectSymbol as _};
use std::collections::BTreeMap;
use std::io::{Read as _, Write as _};

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    cases![
        every_symbol_is_where_the_linker_put_it_in_each_of_the_formats,
        functions_start_as_the_compiler_made_them,
        a_system_call_takes_what_its_note_says,
        an_image_says_what_it_is,
        facts_come_back_from_their_file_as_they_went_in,
        a_facts_file_that_is_cut_or_changed_is_refused,
        a_facts_file_with_something_behind_its_end_is_refused,
        facts_with_modules_come_back_from_their_file_and_answer_alike,
        the_gate_finds_the_notes_of_a_module_in_each_form_of_its_memory,
        modules_that_cannot_be_are_refused,
        the_end_of_the_kernels_types_is_within_them,
        no_changed_byte_of_a_module_makes_the_reader_panic,
        the_files_that_fuzzing_starts_from_are_of_this_version,
        a_module_of_any_size_is_refused,
        a_bz_image_is_opened_in_each_of_the_known_compressions,
        blocks_of_lz4_that_are_no_kernel_s_are_refused,
        an_image_that_is_cut_short_is_refused,
        a_header_that_is_cut_short_anywhere_is_refused,
        a_kernel_that_is_larger_than_any_is_refused,
        a_few_tokens_do_not_make_a_name_of_any_length,
        tables_at_the_end_of_memory_are_no_obstacle,
        a_module_is_read_as_the_kernel_will_see_it,
        a_module_may_be_compressed,
        a_module_that_is_cut_short_is_refused,
    ]
}

const CONFIG: &str =
    "CONFIG_LIVEPATCH=y\n# CONFIG_RUST is not set\nCONFIG_CC_VERSION_TEXT=\"gcc 14\"\n";
const SYMVERS: &str =
    "0x00000000\tuntraced\tvmlinux\tEXPORT_SYMBOL_GPL\tNS\n0x00000000\tother\tdrivers/x\tEXPORT_SYMBOL\t\n";

fn miniature(addresses: Addresses) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    std::fs::read(link(folder.path(), addresses)).unwrap_or_else(|error| panic!("{error}"))
}

fn every_symbol_is_where_the_linker_put_it_in_each_of_the_formats() {
    for addresses in Addresses::ALL {
        let image = miniature(addresses);
        let facts = gather(&image, CONFIG, SYMVERS)
            .unwrap_or_else(|error| panic!("{addresses:?}: {error}"));
        let elf = object::File::parse(image.as_slice()).unwrap_or_else(|error| panic!("{error}"));
        let linked = |name: &str| elf.symbol_by_name(name).map(|symbol| symbol.address());
        assert_eq!(facts.vmlinux.symbols.len(), 416, "{addresses:?}");
        for name in ["_text", "with_endbr", "twice", "some_variable", "start_kernel", "__init_end"]
        {
            let read = facts.vmlinux.symbols.named(name)[0].address;
            assert_eq!(Some(read), linked(name), "{name} in {addresses:?}");
        }
        let long = format!("__start_of_symbol_350{}", "x".repeat(150));
        assert_eq!(facts.vmlinux.symbols.named(&long).len(), 1);
    }
}

fn functions_start_as_the_compiler_made_them() {
    let facts = gather(&miniature(Addresses::RelativeToEntry), CONFIG, SYMVERS)
        .unwrap_or_else(|e| panic!("{e}"));
    let entry = |name: &str| {
        facts
            .vmlinux
            .sites
            .get(facts.vmlinux.symbols.named(name)[0].address)
            .and_then(|site| site.entry(facts.arch()))
    };
    assert_eq!(entry("with_endbr").map(|e| e.skip), Some(9));
    assert_eq!(entry("without_endbr").map(|e| e.skip), Some(5));
    assert_eq!(entry("twice").map(|e| e.skip), Some(5));
    assert_eq!(entry("untraced"), None);
    assert!(facts.vmlinux.is_init(facts.vmlinux.symbols.named("start_kernel")[0].address));
    assert!(!facts.vmlinux.is_init(facts.vmlinux.symbols.named("twice")[0].address));
}

fn a_system_call_takes_what_its_note_says() {
    let facts = gather(&miniature(Addresses::RelativeToEntry), CONFIG, SYMVERS)
        .unwrap_or_else(|e| panic!("{e}"));
    let params =
        facts.syscalls["look"].iter().map(|param| (param.ty.as_str(), param.name.as_str()));
    assert_eq!(params.collect::<Vec<_>>(), [("const char __user *", "filename"), ("int", "flags")]);
    assert_eq!(facts.syscalls.len(), 1);
}

fn an_image_says_what_it_is() {
    let image = miniature(Addresses::RelativeToEntry);
    let facts = gather(&image, CONFIG, SYMVERS).unwrap_or_else(|error| panic!("{error}"));
    let elf = object::File::parse(image.as_slice()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(facts.identity.release, "7.3.4-miniature");
    assert_eq!(Some(facts.identity.build_id.as_slice()), elf.build_id().ok().flatten());
    assert!(facts.config_enabled("CONFIG_LIVEPATCH") && !facts.config_enabled("CONFIG_RUST"));
    assert_eq!(facts.config["CONFIG_CC_VERSION_TEXT"], "gcc 14");
    assert_eq!(facts.exports.get("untraced").and_then(|export| export.namespace), Some("NS"));
    assert!(!facts.exports.contains("other"));
    assert_eq!(facts.btf.declaration(facts.btf.functions("twice")[0]), "int twice(int value)");
}

fn facts_come_back_from_their_file_as_they_went_in() {
    let facts = gather(&miniature(Addresses::RelativeToEntry), CONFIG, SYMVERS)
        .unwrap_or_else(|e| panic!("{e}"));
    let bytes = facts.to_bytes();
    let read = Facts::from_bytes(&bytes).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(read.to_bytes(), bytes);
    assert_eq!(read.vmlinux.symbols.named("twice"), facts.vmlinux.symbols.named("twice"));
    assert_eq!(read.vmlinux.sites, facts.vmlinux.sites);
}

fn a_facts_file_that_is_cut_or_changed_is_refused() {
    let facts = gather(&miniature(Addresses::RelativeToEntry), CONFIG, SYMVERS)
        .unwrap_or_else(|e| panic!("{e}"));
    let bytes = facts.to_bytes();
    for len in (0..bytes.len()).step_by(97) {
        assert!(Facts::from_bytes(&bytes[..len]).is_err(), "cut to {len}");
    }
    for at in (0..bytes.len()).step_by(89) {
        let mut changed = bytes.clone();
        changed[at] ^= 0x10;
        assert!(Facts::from_bytes(&changed).is_err(), "changed at {at}");
    }
}

fn a_facts_file_with_something_behind_its_end_is_refused() {
    let bytes = kps_tests::fixture::facts().to_bytes();
    let read = |parts: &[u8]| Facts::from_bytes(&Facts::seal(parts));
    assert!(read(&bytes[8..]).is_ok());
    assert!(read(&[&bytes[8..], &[0]].concat()).is_err());
}

/// The fixture with its module, and with the same one by another name if asked for.
fn with_modules(names: &[&str]) -> Facts {
    let mut facts = fixture::facts();
    for name in names {
        add(&mut facts, name);
    }
    facts.module_names = ["dummy", "other", "8021q"].map(str::to_owned).to_vec();
    facts
}

/// Adds the module under a name, as if its file had none.
fn add(facts: &mut Facts, name: &str) {
    let mut bytes = fixture::module();
    let own = bytes.windows(10).position(|bytes| bytes == b"name=dummy");
    own.into_iter().for_each(|at| bytes[at] = b'N');
    module::add(facts, name, bytes).unwrap_or_else(|error| panic!("{error}"));
}

fn written_and_read(facts: &Facts) -> Result<Facts, FactsError> {
    Facts::from_bytes(&facts.to_bytes())
}

/// What a spec becomes that changes the fixture's module.
fn generated(facts: &Facts) -> BTreeMap<String, String> {
    const SPEC: &str = "patch both { license \"GPL\"; object vmlinux { fn cmdline_proc_show { pre { } } } object dummy { \
        use static dummy_count: c_ulong; use fn dummy_helper; \
        fn dummy_get_stats { post { (*stats).bytes = dummy_count; dummy_helper(ret); } } fn dummy_show@1 { pre { } } } }";
    let sources = Sources::new(Source::new("both.kps", SPEC));
    let patch = kps_grammar::parse(sources.spec()).0.patch;
    let patch = patch.unwrap_or_else(|| panic!("the spec is read"));
    let (resolved, found) = kpsc::resolve::resolve(&sources, &patch, true, facts);
    let checked = resolved.and_then(|resolved| kpsc::check(resolved).0);
    let checked = checked.unwrap_or_else(|| panic!("the spec is refused: {found:?}"));
    kpsc::emit::emit(&checked, &sources).files.0.into_iter().collect()
}

fn facts_with_modules_come_back_from_their_file_and_answer_alike() {
    let mut facts = with_modules(&["dummy"]);
    let mut read = written_and_read(&facts).unwrap_or_else(|error| panic!("{error}"));
    let (before, after) = (&facts.modules["dummy"], &read.modules["dummy"]);
    assert_eq!(after.object.sections, before.object.sections);
    assert_eq!(after.object.sites, before.object.sites);
    // Namesakes are counted in the order of the module's own table.
    assert_eq!(
        after.object.symbols.named("dummy_setup"),
        before.object.symbols.named("dummy_setup")
    );
    assert_eq!(after.build_id.as_deref(), Some(&kps_tests::module::BUILD_ID[..]));
    assert_eq!((&after.depends, &after.types), (&before.depends, &before.types));
    assert!(!after.types.is_empty());
    assert_eq!(read.module_names, ["dummy", "other", "8021q"]);
    assert_eq!(generated(&read), generated(&facts));
    // Where the types of the kernel end is still known, so that those of one more module can be put
    // behind.
    add(&mut facts, "other");
    add(&mut read, "other");
    assert!(read.to_bytes() == facts.to_bytes());
    assert_eq!(generated(&read), generated(&facts));
}

fn the_gate_finds_the_notes_of_a_module_in_each_form_of_its_memory() {
    let gate = |memory| {
        let mut facts = Facts { btf: fixture::btf(memory), ..fixture::facts() };
        module::add(&mut facts, "dummy", fixture::module_of(memory))
            .unwrap_or_else(|error| panic!("{error}"));
        generated(&facts).into_values().collect::<String>()
    };
    let newer = gate(fixture::ModuleMemory::Mem);
    assert!(newer.contains("let rodata = (*(*obj).r#mod).mem[2];"));
    let older = gate(fixture::ModuleMemory::CoreLayout);
    assert!(older.contains("let core = (*(*obj).r#mod).core_layout;"));
    for member in ["base: *mut", "text_size: ", "ro_size: "] {
        assert!(older.contains(member), "{member} is no member");
    }
}

fn modules_that_cannot_be_are_refused() {
    type Forge = fn(&mut Facts);
    fn dummy(facts: &mut Facts) -> &mut Module {
        facts.modules.get_mut("dummy").unwrap_or_else(|| panic!("there is the module"))
    }
    fn renamed(facts: &mut Facts, name: &str) {
        let module = facts.modules.remove("dummy").unwrap_or_default();
        facts.modules.insert(name.to_owned(), module);
    }
    let forgeries: [(&str, Forge); 18] = [
        ("no name", |facts| renamed(facts, "")),
        ("a name that is code", |facts| renamed(facts, "dummy; }")),
        ("a name with a dash", |facts| renamed(facts, "snd-pcm")),
        ("a name in another script", |facts| renamed(facts, "d\u{fc}mmy")),
        ("a name that is too long", |facts| renamed(facts, &"d".repeat(56))),
        ("the kernel as a module", |facts| renamed(facts, "vmlinux")),
        ("a hostile name in the list", |facts| facts.module_names.push("\u{1b}[31m".to_owned())),
        ("a hostile name among those it needs", |facts| {
            dummy(facts).depends.push("a b".to_owned());
        }),
        ("an endless build-id", |facts| dummy(facts).build_id = Some(vec![1; 10_000])),
        ("types of the kernel", |facts| dummy(facts).types.start -= 1),
        ("types that there are not", |facts| dummy(facts).types.end += 1),
        ("types from nowhere", |facts| dummy(facts).types = u32::MAX..u32::MAX),
        ("types that end before they start", |facts| {
            let types = &mut dummy(facts).types;
            *types = types.end..types.start;
        }),
        ("types of another module", |facts| {
            let types = facts.modules["other"].types.clone();
            dummy(facts).types = types;
        }),
        ("no types in the midst of those of another", |facts| {
            let start = facts.modules["other"].types.start + 1;
            dummy(facts).types = start..start;
        }),
        ("sections that overlap", |facts| dummy(facts).object.sections[0].size = 1 << 20),
        ("sections in another order", |facts| dummy(facts).object.sections.reverse()),
        ("a section behind the end of all addresses", |facts| {
            if let Some(last) = dummy(facts).object.sections.last_mut() {
                last.size = u64::MAX;
            }
        }),
    ];
    assert!(written_and_read(&with_modules(&["dummy", "other"])).is_ok());
    for (what, forge) in forgeries {
        let mut facts = with_modules(&["dummy", "other"]);
        forge(&mut facts);
        assert_eq!(written_and_read(&facts).err(), Some(FactsError::Damaged), "{what}");
    }
}

fn the_end_of_the_kernels_types_is_within_them() {
    let facts = fixture::facts();
    let bytes = facts.to_bytes();
    // Without modules these are the last but two lists of no length: how many types and how many
    // bytes of names.
    let at = bytes.len() - 24;
    let with = |types: u32, names: u32| {
        let mut parts = bytes[8..].to_vec();
        parts[at - 8..at - 4].copy_from_slice(&types.to_le_bytes());
        parts[at - 4..at].copy_from_slice(&names.to_le_bytes());
        Facts::from_bytes(&Facts::seal(&parts)).map(|_| ())
    };
    let word = |at: usize| {
        bytes[at..at + 4].iter().rev().fold(0, |word, &byte| word << 8 | u32::from(byte))
    };
    let (types, names) = (word(at), word(at + 4));
    assert_eq!(types as usize, facts.btf.len());
    assert_eq!(with(types, names), Ok(()));
    for (types, names) in [
        (types + 1, names),
        (u32::MAX, names),
        (types, names + 1),
        (types, u32::MAX),
        (types, 0),
        // In the midst of a name.
        (types, names - 1),
    ] {
        assert_eq!(
            with(types, names),
            Err(FactsError::Damaged),
            "{types} types and {names} bytes of names"
        );
    }
}

fn no_changed_byte_of_a_module_makes_the_reader_panic() {
    let bytes = with_modules(&["dummy", "other"]).to_bytes();
    // Whatever is read can be added to.
    let module::Read { btf, .. } =
        module::read(&fixture::module()).unwrap_or_else(|error| panic!("{error}"));
    // The modules are the end of the file.
    const MODULES: usize = 2000;
    for at in bytes.len() - MODULES..bytes.len() {
        for value in [0, 1, 0x7f, 0xff] {
            let mut parts = bytes[8..].to_vec();
            parts[at - 8] = value;
            let Ok(mut facts) = Facts::from_bytes(&Facts::seal(&parts)) else { continue };
            let written = facts.to_bytes();
            assert!(Facts::from_bytes(&written).is_ok(), "byte {at} as {value}");
            let _ = facts.add_module("more", Module::default(), btf.as_deref());
        }
    }
}

/// `BLESS=1` writes them.
fn the_files_that_fuzzing_starts_from_are_of_this_version() {
    // Most of a changed file is checked by nothing but its checksums; of a small one, a change
    // meets more.
    let small = |facts: Facts| {
        let vmlinux = Object { symbols: facts.vmlinux.symbols, ..Object::default() };
        Facts { vmlinux, exports: Default::default(), debug: None, ..facts }
    };
    let (fixture, modules) = (fixture::facts(), with_modules(&["dummy", "other"]));
    for (name, facts) in [
        ("small", small(fixture::facts())),
        ("small_modules", small(with_modules(&["dummy"]))),
        ("fixture", fixture),
        ("modules", modules),
    ] {
        let path = kps_tests::repository().join("fuzz/seeds/facts").join(name);
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&path, facts.to_bytes()).unwrap_or_else(|error| panic!("{error}"));
        }
        let bytes =
            std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(
            bytes == facts.to_bytes(),
            "{name} is not what kpsc writes today: BLESS=1 writes it"
        );
    }
}

fn a_module_of_any_size_is_refused() {
    let mut bytes = fixture::module();
    // The table of sections is the last thing in the file; this is `sh_size` of the second.
    let table = 0x28;
    let table =
        bytes[table..table + 8].iter().rev().fold(0, |word, &byte| word << 8 | usize::from(byte));
    let size = table + 64 + 32;
    bytes[size - 28..size - 24].copy_from_slice(&8u32.to_le_bytes());
    bytes[size..size + 8].copy_from_slice(&u64::MAX.to_le_bytes());
    assert!(matches!(module::read(&bytes), Err(ImageError::TooLarge)));
}

fn a_bz_image_is_opened_in_each_of_the_known_compressions() {
    let kernel = miniature(Addresses::RelativeToEntry);
    let zstd = zstd::encode_all(kernel.as_slice(), 1).unwrap_or_else(|error| panic!("{error}"));
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    let gzip = gzip
        .write_all(&kernel)
        .and_then(|()| gzip.finish())
        .unwrap_or_else(|error| panic!("{error}"));
    let mut xz = liblzma::write::XzEncoder::new(Vec::new(), 1);
    let xz =
        xz.write_all(&kernel).and_then(|()| xz.finish()).unwrap_or_else(|error| panic!("{error}"));
    for mut payload in [zstd, gzip, xz, lz4(&kernel)] {
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

/// What `lz4 -l` writes of some bytes, without compressing them: blocks that are one copy each.
fn lz4(bytes: &[u8]) -> Vec<u8> {
    let block = |bytes: &[u8]| {
        // A token of 15 and more literals, and how many more.
        let more = bytes.len() - 15;
        [&[0xf0], vec![0xff; more / 255].as_slice(), &[(more % 255) as u8], bytes].concat()
    };
    lz4_blocks(bytes.chunks(4096).map(block))
}

fn lz4_blocks(blocks: impl IntoIterator<Item = Vec<u8>>) -> Vec<u8> {
    let mut stream = vec![0x02, 0x21, 0x4c, 0x18];
    for block in blocks {
        stream.extend((block.len() as u32).to_le_bytes());
        stream.extend(block);
    }
    stream
}

fn blocks_of_lz4_that_are_no_kernel_s_are_refused() {
    // A zero and a match that repeats it so many times more, then five literals to end with.
    let zeros = |more: usize| {
        let more = more - 19;
        [
            &[0x1f, 0, 1, 0],
            vec![0xff; more / 255].as_slice(),
            &[(more % 255) as u8],
            &[0x50],
            &[0; 5],
        ]
        .concat()
    };
    const BLOCK: usize = 8 << 20;
    let open = |blocks: Vec<Vec<u8>>| {
        let mut payload = lz4_blocks(blocks);
        payload.extend([0; 4]);
        vmlinux(&bz_image(&payload))
    };
    let full = zeros(BLOCK - 6);
    assert!(open(vec![full.clone(), zeros(100)]).is_ok_and(|bytes| bytes.len() == BLOCK + 106));
    assert!(matches!(open(vec![zeros(BLOCK - 5)]), Err(ImageError::Damaged(_))));
    assert!(matches!(open(vec![full; 65]), Err(ImageError::TooLarge)));
    // A match from before the start, and a block that is longer than what is left.
    assert!(matches!(open(vec![vec![0x10, 0, 2, 0]]), Err(ImageError::Damaged(_))));
    let cut = [&lz4_blocks([])[..], &[100, 0, 0, 0, 0x10, 0]].concat();
    assert!(matches!(vmlinux(&bz_image(&cut)), Err(ImageError::Damaged(_))));
}

fn an_image_that_is_cut_short_is_refused() {
    let image = miniature(Addresses::RelativeToEntry);
    for len in (0..image.len()).step_by(997) {
        assert!(gather(&image[..len], CONFIG, SYMVERS).is_err(), "cut to {len} of {}", image.len());
    }
}

fn a_header_that_is_cut_short_anywhere_is_refused() {
    let image = bz_image(b"");
    for len in 0..image.len() {
        assert!(vmlinux(&image[..len]).is_err(), "cut to {len}");
    }
}

fn a_kernel_that_is_larger_than_any_is_refused() {
    let zeros = std::io::repeat(0).take((512 << 20) + 1);
    let mut bomb = Vec::new();
    zstd::stream::copy_encode(zeros, &mut bomb, 1).unwrap_or_else(|error| panic!("{error}"));
    assert!(matches!(vmlinux(&bz_image(&bomb)), Err(ImageError::TooLarge)));
}

/// The tables of kallsyms for symbols at one address, the second of which has this name. A token of
/// it stands for a text.
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

fn tables_at_the_end_of_memory_are_no_obstacle() {
    let tables = kallsyms_tables(b"tf", "a");
    assert!(decode(&tables, u64::MAX - 8, 0xffff_ffff_8100_0000).is_err());
}

fn a_module_is_read_as_the_kernel_will_see_it() {
    let module::Read { name, module, btf, loaded_before } =
        module::read(&fixture::module()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(name.as_deref(), Some("dummy"));
    assert_eq!(module.build_id.as_deref(), Some(&kps_tests::module::BUILD_ID[..]));
    assert_eq!(module.depends, ["usb_core", "mii"]);
    assert_eq!(loaded_before, ["crc_t10dif", "sha1"]);
    assert!(btf.is_some());
    let object = &module.object;
    // The namesake that is freed stands first in the table.
    let [freed, kept] = object.symbols.named("dummy_setup")[..] else { panic!("two are named so") };
    assert!(object.is_init(freed.address) && !object.is_init(kept.address));
    let site = object.sites.get(kept.address).copied().unwrap_or_else(|| panic!("it has no site"));
    assert_eq!(
        (site.offset, site.entry(kps_arch::native()).map(|entry| entry.landing_pad)),
        (4, Some(true))
    );
    assert_eq!(object.sites.len(), 11);
    let variable = object.symbols.named("dummy_limit")[0].address;
    assert_eq!(object.section_of(variable).map(|section| section.name.as_str()), Some(".data"));
}

fn a_module_may_be_compressed() {
    let plain = fixture::module();
    let mut zipped = Vec::new();
    let compressed = flate2::read::GzEncoder::new(plain.as_slice(), flate2::Compression::fast())
        .read_to_end(&mut zipped);
    compressed.unwrap_or_else(|error| panic!("{error}"));
    for file in [plain.clone(), zipped, zstd::encode_all(plain.as_slice(), 1).unwrap_or_default()] {
        assert_eq!(module::unpack(file).unwrap_or_else(|error| panic!("{error}")), plain);
    }
}

fn a_module_that_is_cut_short_is_refused() {
    let plain = fixture::module();
    for len in 0..plain.len() {
        // No part of the file may be missing: the table of sections stands at its end.
        assert!(module::read(&plain[..len]).is_err(), "{len}");
    }
}
