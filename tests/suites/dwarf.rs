// SPDX-License-Identifier: GPL-2.0
//! Debug information: what a compiler writes of inlined copies and of clones is read as it is meant,
//! on small programs.

use kps_facts::{is_clone, CloneArguments, DebugInfo, Place, Unexplained};
use kps_targets::dwarf::{read, read_module, DwarfError};
use kps_targets::module;
use kps_tests::schedule::Case;
use kps_tests::{cases, repository};
use object::{Object as _, ObjectSymbol as _, SymbolKind};
use std::collections::{BTreeSet, HashMap};
use std::process::Command;

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    cases![
        every_copy_is_found_with_the_outermost_function_and_its_call,
        compressed_sections_say_the_same,
        a_function_that_is_split_up_is_where_it_is_entered,
        functions_are_where_they_are_written,
        functions_without_code_are_found_by_name_with_those_that_have_their_code,
        what_a_header_defines_is_one_function,
        a_module_is_read_with_its_relocations,
        a_clone_takes_what_is_not_the_same_in_all_calls,
        a_part_takes_what_it_needs,
        a_clone_that_takes_a_member_is_not_explained,
        a_result_that_nobody_takes_is_not_known,
        a_program_without_debug_information_is_said_to_have_none,
        what_is_written_is_read_again_and_damage_is_noticed,
    ]
}

/// The program with inlined copies, compiled with these options.
fn program(options: &[&str]) -> Vec<u8> {
    compiled(&["main.c", "lib/other.c"], options)
}

/// A program of files in `tests/dwarf`.
fn compiled(files: &[&str], options: &[&str]) -> Vec<u8> {
    linked(files, &[&["-no-pie"], options].concat())
}

fn linked(files: &[&str], options: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let out = folder.path().join("program");
    let mut cc = Command::new("cc");
    cc.current_dir(repository().join("tests/dwarf")).args(options).arg("-o").arg(&out);
    let output = cc
        .args(["-O2", "-Wl,--build-id"])
        .args(files)
        .output()
        .unwrap_or_else(|error| panic!("cc: {error}"));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::read(&out).unwrap_or_else(|error| panic!("{error}"))
}

/// What is read of a program, without clones.
fn debug(elf: &[u8]) -> DebugInfo {
    read(elf, &HashMap::new()).unwrap_or_else(|error| panic!("{error}"))
}

/// The functions of a program by address.
fn functions(elf: &[u8]) -> HashMap<u64, String> {
    let file = object::File::parse(elf).unwrap_or_else(|error| panic!("{error}"));
    let functions =
        file.symbols().filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.size() > 0);
    functions
        .map(|symbol| (symbol.address(), symbol.name().unwrap_or_default().to_owned()))
        .collect()
}

/// Each copy as `FUNCTION FILE:LINE in CALLER from FILE:LINE`.
fn copies(info: &DebugInfo, elf: &[u8]) -> BTreeSet<String> {
    let names = functions(elf);
    let mut copies = BTreeSet::new();
    for (&address, name) in &names {
        for copy in info.inlined_into(address) {
            let (file, line) = info.position(address).unwrap_or(("nowhere", 0));
            let caller = names.get(&copy.caller).map_or("nobody", String::as_str);
            copies.insert(format!(
                "{name} {file}:{line} in {caller} from {}:{}",
                copy.file, copy.line
            ));
        }
    }
    copies
}

/// `middle` has code of its own, which holds a copy as well.
const COPIES: [&str; 6] = [
    "innermost main.c:6 in middle from main.c:15",
    "innermost main.c:6 in outer from main.c:15",
    "middle main.c:12 in outer from main.c:27",
    "same lib/other.c:4 in second_caller from lib/other.c:12",
    "same lib/other.c:4 in third_caller from lib/other.c:18",
    "same main.c:19 in first_caller from main.c:32",
];

fn assert_copies(options: &[&str]) {
    let elf = program(options);
    let wanted: BTreeSet<String> = COPIES.iter().map(|copy| (*copy).to_owned()).collect();
    assert_eq!(copies(&debug(&elf), &elf), wanted, "{options:?}");
}

fn every_copy_is_found_with_the_outermost_function_and_its_call() {
    assert_copies(&["-g"]);
    assert_copies(&["-g", "-gdwarf-4"]);
}

fn compressed_sections_say_the_same() {
    assert_copies(&["-g", "-gz=zlib"]);
}

fn a_function_that_is_split_up_is_where_it_is_entered() {
    assert_copies(&["-g", "-freorder-blocks-and-partition"]);
}

fn functions_are_where_they_are_written() {
    let elf = program(&["-g"]);
    let info = debug(&elf);
    let names = functions(&elf);
    let (address, _) =
        names.iter().find(|(_, name)| *name == "both_files").unwrap_or_else(|| panic!());
    assert_eq!(info.position(*address), Some(("lib/other.c", 23)));
    assert_eq!(info.position(address + 1), None);
}

/// The definitions of a name, each as `FILE:LINE in CALLER from FILE:LINE, ..`.
fn definitions(info: &DebugInfo, names: &HashMap<u64, String>, name: &str) -> Vec<String> {
    let definition = |of: kps_facts::Defined<'_>| {
        let copies = info.copies_of(of).map(|copy| {
            let caller = names.get(&copy.caller).map_or("nobody", String::as_str);
            format!("{caller} from {}:{}", copy.file, copy.line)
        });
        let copies: BTreeSet<String> = copies.collect();
        let copies: Vec<String> = copies.into_iter().collect();
        format!("{}:{} in {}", of.file, of.line, copies.join(", "))
    };
    info.definitions(name).map(definition).collect()
}

/// Functions of the program whose names are only in the source.
const GONE: &[(&str, &[&str])] = &[
    (
        "leaf",
        &["gone.c:7 in upper from gone.c:16", "lib/gone.c:5 in both_files from lib/gone.c:13"],
    ),
    ("between", &["gone.c:13 in upper from gone.c:27"]),
    ("nothing", &["gone.c:20 in "]),
    ("upper", &[]),
    ("lea", &[]),
    ("leaf2", &[]),
];

const OF_HEADER: &str = "gone.h:2 in both_files from lib/gone.c:13, upper from gone.c:27, \
                         user from gone.c:32";

fn functions_without_code_are_found_by_name_with_those_that_have_their_code() {
    for options in [["-g", "-gdwarf-5"], ["-g", "-gdwarf-4"]] {
        let elf = compiled(&["gone.c", "lib/gone.c"], &options);
        let (info, names) = (debug(&elf), functions(&elf));
        for (name, wanted) in GONE {
            assert_eq!(definitions(&info, &names, name), *wanted, "{name} {options:?}");
        }
        let read = DebugInfo::from_bytes(&info.to_bytes());
        assert_eq!(read, Ok(info), "{options:?}");
    }
}

fn what_a_header_defines_is_one_function() {
    let elf = compiled(&["gone.c", "lib/gone.c"], &["-g"]);
    assert_eq!(definitions(&debug(&elf), &functions(&elf), "of_header"), [OF_HEADER]);
}

/// A module has no addresses, so all that its debug information says is in relocations.
fn a_module_is_read_with_its_relocations() {
    for options in [&["-g"][..], &["-g", "-gdwarf-4"], &["-g", "-gz=zlib"]] {
        let options = [&["-r", "-nostdlib"], options].concat();
        let elf = linked(&["gone.c", "lib/gone.c"], &options);
        let info = read_module(&elf).unwrap_or_else(|error| panic!("{options:?}: {error}"));
        let module = module::read(&elf).unwrap_or_else(|error| panic!("{error}")).module;
        let symbols = &module.object.symbols;
        assert!(info.fits(symbols) && info.has_functions(), "{options:?}");
        assert_eq!(Some(info.build_id()), module.build_id.as_deref());
        let names = symbols.iter().map(|sym| (sym.address, sym.name.to_owned())).collect();
        for (name, wanted) in GONE {
            assert_eq!(definitions(&info, &names, name), *wanted, "{name} {options:?}");
        }
        assert_eq!(definitions(&info, &names, "of_header"), [OF_HEADER], "{options:?}");
        let upper = symbols.named("upper").first().map(|sym| sym.address).unwrap_or_default();
        assert_eq!(info.position(upper), Some(("gone.c", 25)), "{options:?}");
    }
}

/// The arguments of the clone of a function in `clones.c`, without one kind of optimisation, so that
/// all compilers make the same clones.
fn clone_of(function: &str, without: &str) -> CloneArguments {
    let elf = compiled(&["clones.c"], &["-g", without]);
    let clones: HashMap<u64, String> =
        functions(&elf).into_iter().filter(|(_, name)| is_clone(name)).collect();
    let info = read(&elf, &clones).unwrap_or_else(|error| panic!("{error}"));
    let is_its = |name: &str| name.split('.').next() == Some(function);
    let clone = clones.iter().find(|(_, name)| is_its(name));
    let (address, _) = clone.unwrap_or_else(|| panic!("{function} has no clone: {clones:?}"));
    let arguments = info.clone_at(*address);
    arguments.unwrap_or_else(|| panic!("nothing is known of {function}")).clone()
}

fn places(arguments: &CloneArguments) -> Vec<(&str, Place)> {
    arguments.params.iter().map(|param| (param.name.as_str(), param.place)).collect()
}

fn a_clone_takes_what_is_not_the_same_in_all_calls() {
    let constant = clone_of("constant", "-fno-ipa-sra");
    let wanted =
        [("pair", Place::Register(0)), ("n", Place::Register(1)), ("same", Place::Constant(7))];
    assert_eq!(places(&constant), wanted);
    assert_eq!(constant.passed().map(|passed| passed.len()), Ok(2));
    assert!(constant.returns);
}

fn a_part_takes_what_it_needs() {
    let part = clone_of("part", "-fno-ipa-sra");
    let wanted = [("pair", Place::Register(0)), ("n", Place::Register(1)), ("unused", Place::Gone)];
    assert_eq!(places(&part), wanted);
    assert!(part.passed().is_ok() && part.returns);
}

fn a_clone_that_takes_a_member_is_not_explained() {
    let member = clone_of("member", "-fno-ipa-cp");
    let wanted = [("n", Place::Register(0)), ("letter", Place::Register(2)), ("pair", Place::Gone)];
    assert_eq!(places(&member), wanted);
    assert_eq!(member.unnamed, [1]);
    assert_eq!(member.passed(), Err(Unexplained::Register(1)));
    // The first argument is no longer the first parameter, although nothing is left out.
    assert_eq!(clone_of("constant", "-fno-ipa-cp").passed(), Err(Unexplained::Register(0)));
}

fn a_result_that_nobody_takes_is_not_known() {
    let dropped = clone_of("dropped", "-fno-ipa-cp");
    assert_eq!(places(&dropped), [("pair", Place::Register(0)), ("unused", Place::Gone)]);
    assert!(dropped.passed().is_ok() && !dropped.returns);
}

fn a_program_without_debug_information_is_said_to_have_none() {
    let elf = program(&["-g0"]);
    assert!(matches!(read(&elf, &HashMap::new()), Err(DwarfError::Nothing)));
}

fn what_is_written_is_read_again_and_damage_is_noticed() {
    let info = debug(&program(&["-g"]));
    let mut file = info.to_bytes();
    assert_eq!(DebugInfo::from_bytes(&file), Ok(info));
    for at in 0..file.len() {
        file[at] ^= 1;
        assert!(DebugInfo::from_bytes(&file).is_err(), "byte {at}");
        assert!(DebugInfo::from_bytes(&file[..at]).is_err(), "cut at {at}");
        file[at] ^= 1;
    }
}
