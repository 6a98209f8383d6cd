// SPDX-License-Identifier: GPL-2.0
//! Placeholders that modpost would find too long, and what it writes of placeholders for kernels
//! with `CONFIG_MODVERSIONS`.

use super::{linked, relocations, MODULE};
use kps_link::{early, post_link, taken_originals, verify, ObjectFile, PostLinkError};
use kps_plan::{ObjectName, Symbol};
use kps_tests::cases;
use kps_tests::schedule::Case;
use object::{Object as _, ObjectSection as _, ObjectSymbol as _};

pub(super) fn cases() -> Vec<Case> {
    cases![
        a_short_placeholder_becomes_what_it_stands_for,
        every_reader_of_an_object_sees_what_a_short_placeholder_stands_for,
        a_short_placeholder_stands_for_one_symbol,
        the_versions_of_placeholders_are_dropped,
    ]
}

const LONG: &str = "atomic_notifier_chain_register_unique_prio";

/// The section that says what placeholders stand for.
fn names(texts: &[&str]) -> String {
    let texts = texts.iter().map(|text| format!(".asciz \"{text}\"\n")).collect::<String>();
    format!(".pushsection .comment.kps, \"\"\n{texts}.popsection\n")
}

fn a_short_placeholder_becomes_what_it_stands_for() {
    let symbol = Symbol::of_image(LONG);
    let (short, long) = (symbol.placeholder(), symbol.long_placeholder());
    assert!(short.len() <= 55 && long.len() > 55);
    // As in C, where the symbol has its own name in the code, and as in Rust.
    let uses = format!(
        ".text\n.set \"{LONG}\", \"{short}\"\ncall {LONG}\njmp \"{short}\" + 9\n{}",
        names(&[&long, "kps.sym.vmlinux.a_name_that_no_code_is_left_of_and_that_is_long,0"])
    );
    let before = linked(&format!("{MODULE}{uses}"));
    let after = post_link(&before).unwrap_or_else(|error| panic!("{error}"));
    verify(&after).unwrap_or_else(|error| panic!("{error}"));
    let file = object::File::parse(after.as_slice()).unwrap_or_else(|error| panic!("{error}"));
    assert!(file.section_by_name(".comment.kps").is_none());
    let named: Vec<&str> = file.symbols().filter_map(|symbol| symbol.name().ok()).collect();
    let klp = format!(".klp.sym.vmlinux.{LONG},0");
    assert!(named.contains(&klp.as_str()), "{named:?}");
    assert!(!named.iter().any(|name| name.starts_with("kps.sym.")), "{named:?}");
    let count = |module: &[u8], symbol: &str| {
        relocations(module).iter().filter(|relocation| relocation.2 == symbol).count()
    };
    let short = short.trim_start_matches("kps.sym.");
    let long = long.trim_start_matches("kps.sym.");
    assert_eq!((count(&before, short), count(&after, long)), (2, 2));
}

fn every_reader_of_an_object_sees_what_a_short_placeholder_stands_for() {
    let object = ObjectName::new("nf_tables");
    let name = "a_static_key_whose_name_is_too_long_for_modpost".to_owned();
    let symbol = Symbol { object, name, sympos: 0 };
    let (short, long) = (symbol.placeholder(), symbol.long_placeholder());
    let module = linked(&format!(
        ".text\nbody: nop\nret\n.globl kps_orig_f\n.type kps_orig_f, @function\n\
         kps_orig_f: jmp \"{short}\" + 9\n.size kps_orig_f, . - kps_orig_f\n\
         .section __jump_table, \"aw\"\n.long body - ., body + 1 - .\n.quad \"{short}\" - .\n{}",
        names(&[&long])
    ));
    let object = ObjectFile::read(&module).unwrap_or_else(|| panic!("it cannot be read"));
    assert_eq!(object.uses().filter(|used| used.symbol == long).count(), 2);
    assert_eq!(object.meaning(&short), long);
    let found = early(&object);
    assert_eq!(found.len(), 1);
    assert_eq!((&found[0].name, &found[0].object), (&symbol.name, &"nf_tables".to_owned()));
    assert!(taken_originals(&object).is_empty());
    let result = post_link(&module);
    assert!(matches!(result, Err(PostLinkError::Early(_))), "{result:?}");
}

fn a_short_placeholder_stands_for_one_symbol() {
    let symbol = Symbol::of_image(LONG);
    let (short, long) = (symbol.placeholder(), symbol.long_placeholder());
    let convert = |texts: &[&str]| {
        post_link(&linked(&format!("{MODULE}.text\ncall \"{short}\"\n{}", names(texts))))
    };
    convert(&[&long, &long]).unwrap_or_else(|error| panic!("{error}"));
    for texts in [&[] as &[&str], &["kps.sym.vmlinux.another_name_that_is_too_long_for_it,0"]] {
        let result = convert(texts);
        assert!(matches!(&result, Err(PostLinkError::Placeholder(name)) if *name == short));
    }
    // A text that is none; and no two texts of one hash are known, but each is looked at.
    for text in ["kps.sym.vmlinux", "vmlinux.f,0", short.as_str()] {
        let result = convert(&[&long, text]);
        assert!(matches!(&result, Err(PostLinkError::LongName(name)) if name == text), "{text}");
    }
}

fn the_versions_of_placeholders_are_dropped() {
    let entry = |number: u32, name: &str| {
        format!(".quad {number}\n.asciz \"{name}\"\n.skip 55 - {}\n", name.len())
    };
    let short = Symbol::of_image(LONG).placeholder();
    let placeholder = "kps.sym.vmlinux.old_function,0";
    let basic = [("module_layout", 7), (placeholder, 0), ("exported", 8), (&short, 0)]
        .map(|(name, number)| entry(number, name))
        .concat();
    let tables = format!(
        "{MODULE}
        .section __versions, \"a\"
        .type ____versions, @object
        ____versions:
        {basic}
        .size ____versions, . - ____versions
        .section __version_ext_crcs, \"a\"
        .long 0, 7, 0, 8
        .section __version_ext_names, \"a\"
        .asciz \"{placeholder}\"
        .asciz \"module_layout\"
        .asciz \"{short}\"
        .asciz \"exported\"
        "
    );
    let before = linked(&tables);
    let after = post_link(&before).unwrap_or_else(|error| panic!("{error}"));
    verify(&after).unwrap_or_else(|error| panic!("{error}"));
    let data = |name: &str| {
        let file = object::File::parse(after.as_slice()).unwrap_or_else(|error| panic!("{error}"));
        let section = file.section_by_name(name).unwrap_or_else(|| panic!("no {name}"));
        section.data().unwrap_or_default().to_vec()
    };
    let table = data("__versions");
    let entries: Vec<(u8, &str)> = table
        .chunks(64)
        .map(|entry| (entry[0], std::str::from_utf8(&entry[8..]).unwrap_or_default()))
        .map(|(number, name)| (number, name.trim_end_matches('\0')))
        .collect();
    assert_eq!(entries, [(7, "module_layout"), (8, "exported")]);
    assert_eq!(data("__version_ext_crcs"), [7, 0, 0, 0, 8, 0, 0, 0]);
    assert_eq!(data("__version_ext_names"), b"module_layout\0exported\0");
    // A table that still has one is refused.
    for table in ["__versions", "__version_ext_names"] {
        let left = format!("{MODULE}.section {table}, \"a\"\n.quad 0\n.asciz \"kps.sym.x\"\n");
        let refused = verify(&with_no_placeholder_but_in(&left)).err();
        let said = refused.map(|error| error.to_string()).unwrap_or_default();
        assert!(said.contains("version of a placeholder"), "{table}: {said}");
    }
}

/// A module that was converted but for its tables of versions: `verify` reads them alone.
fn with_no_placeholder_but_in(assembly: &str) -> Vec<u8> {
    let marked = post_link(&linked(&assembly.replace("kps.sym.x", "kps_sym.x")));
    let mut module = marked.unwrap_or_else(|error| panic!("{error}"));
    let at = module.windows(9).position(|bytes| bytes == b"kps_sym.x");
    let at = at.unwrap_or_else(|| panic!("it is not there"));
    module[at..at + 9].copy_from_slice(b"kps.sym.x");
    module
}
