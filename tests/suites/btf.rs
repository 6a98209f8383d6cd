// SPDX-License-Identifier: GPL-2.0
//! The BTF reader, against blobs that are written here.

use kps_facts::btf::{Btf, BtfId, Kind, PerCpu};
use kps_facts::{forget_namesakes, Facts, Importer, Wanted};
use kps_plan::{CInt, RecordKind, Type, TypeDef};
use kps_tests::btf::{BtfWriter, VOID};
use kps_tests::cases;
use kps_tests::schedule::Case;
use std::collections::BTreeSet;

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    cases![
        both_encodings_say_the_same,
        prototypes_for_the_compiler_need_no_typedefs,
        a_kind_of_a_later_kernel_is_stepped_over_where_its_size_is_known,
        a_blob_that_is_cut_short_anywhere_is_refused,
        no_changed_byte_makes_the_reader_panic,
        a_type_that_holds_itself_is_refused,
        structs_are_taken_over_with_the_members_that_bodies_name,
        a_struct_that_is_only_passed_on_is_as_large_as_it_is,
        members_behind_the_start_of_a_union_keep_their_place,
        members_that_overlap_are_in_as_few_records_as_can_be,
        a_bitfield_is_taken_over_if_it_is_read_or_set,
        qualifiers_and_tags_change_no_type,
        types_of_one_name_get_names_of_their_own,
        a_record_that_is_not_packed_by_its_size_is_by_its_members,
        functions_that_take_themselves_many_times_are_cut_short,
        records_that_hold_the_next_one_twice_are_cut_short,
        a_record_that_is_there_twice_is_one_type_and_another_of_its_name_is_not,
        no_two_parameters_have_one_name,
        a_name_that_no_kernel_takes_is_refused,
        types_of_modules_come_behind_those_of_the_kernel,
        a_module_that_is_cut_short_adds_nothing,
        of_functions_of_one_name_an_older_pahole_describes_any,
    ]
}

fn of_functions_of_one_name_an_older_pahole_describes_any() {
    for (pahole, is_trusted) in [(None, true), (Some("125"), true), (Some("124"), false)] {
        let mut facts = kps_tests::fixture::facts();
        let pahole = pahole.map(|version| ("CONFIG_PAHOLE_VERSION".to_owned(), version.to_owned()));
        facts.config.extend(pahole.clone());
        kps_targets::module::add(&mut facts, "dummy", kps_tests::fixture::module())
            .unwrap_or_else(|error| panic!("{error}"));
        let knows = |facts: &Facts, name: &str| !facts.btf.functions(name).is_empty();
        // Two functions of the module have this name, and one has that.
        assert_eq!(knows(&facts, "dummy_setup"), is_trusted, "{pahole:?}");
        assert!(knows(&facts, "dummy_helper") && knows(&facts, "show_type"));
        let symbols = facts.vmlinux.symbols.iter().map(|sym| (sym.kind, sym.name));
        let types = 1..facts.modules["dummy"].types.start;
        forget_namesakes(&mut facts.btf, types, &facts.config, symbols);
        assert_eq!(knows(&facts, "show_type"), is_trusted, "{pahole:?}");
        assert!(knows(&facts, "cmdline_proc_show"));
    }
}

fn parse(bytes: Vec<u8>) -> Btf {
    Btf::parse(bytes).unwrap_or_else(|error| panic!("{error}"))
}

/// One type of every kind, and a function that uses them.
fn every_kind() -> BtfWriter {
    let mut w = BtfWriter::default();
    let int = w.int("int", 4, true);
    let char = w.int("char", 1, true);
    let text = w.constant(char);
    let text = w.pointer(text);
    let list_ahead = w.next() + 1;
    let next = w.pointer(list_ahead);
    let list = w.structure("list_head", 16, &[("next", next, 0, None), ("prev", next, 64, None)]);
    let array = w.array(int, 3);
    let either = w.union("", 8, &[("number", int, 0, None), ("word", next, 0, None)]);
    let object = w.structure(
        "object",
        64,
        &[
            ("list", list, 0, None),
            ("numbers", array, 128, None),
            ("", either, 256, None),
            ("flag", int, 320, Some(3)),
        ],
    );
    let object = w.pointer(object);
    let size_t = w.typedef("my_int", int);
    w.enumeration("color", &[("RED", 0), ("GREEN", 5), ("NONE", -1)]);
    w.forward("elsewhere");
    w.function("act", int, &[("object", object), ("", size_t), ("self", text), ("...", VOID)]);
    w
}

/// The C compiler compares prototypes, so nothing may be left out that makes two types of one.
fn prototypes_for_the_compiler_need_no_typedefs() {
    let mut w = BtfWriter::default();
    let int = w.int("int", 4, true);
    let long = w.int("long unsigned int", 8, false);
    let bool = w.int("_Bool", 1, false);
    let flag = w.typedef("bool", bool);
    let size = w.typedef("size_t", long);
    let tag = w.structure("__va_list_tag", 24, &[("gp_offset", int, 0, None)]);
    let args = w.pointer(tag);
    let list = w.array(tag, 1);
    let list = w.typedef("va_list", list);
    let list = w.pointer(list);
    let nameless = w.structure("", 4, &[("counter", int, 0, None)]);
    let atomic = w.typedef("atomic_t", nameless);
    let atomic = w.pointer(atomic);
    let registers = w.volatile(size);
    let registers = w.constant(registers);
    let registers = w.pointer(registers);
    let pointer = w.pointer(registers);
    let pointer = w.volatile(pointer);
    let params = [
        ("n", size),
        ("args", args),
        ("list", list),
        ("a", atomic),
        ("mapped", registers),
        ("next", pointer),
    ];
    w.function("act", flag, &params);
    let btf = parse(w.finish());
    let [act] = btf.functions("act")[..] else { panic!("one function is named act") };
    assert_eq!(
        btf.declaration(act),
        "bool act(size_t n, va_list args, va_list *list, atomic_t *a, \
         const volatile size_t *mapped, const volatile size_t **volatile next)"
    );
    let per_cpu = PerCpu { result: None, params: vec![None, None, None, Some(1), None, Some(2)] };
    assert_eq!(
        btf.declaration_without_typedefs(act, &per_cpu),
        "_Bool act(long unsigned int n, va_list args, va_list *list, atomic_t __percpu *a, \
         const volatile long unsigned int *mapped, \
         const volatile long unsigned int __percpu **volatile next)"
    );
}

fn both_encodings_say_the_same() {
    let w = every_kind();
    for bytes in [w.finish(), w.finish_with_layout()] {
        let btf = parse(bytes);
        let [act] = btf.functions("act")[..] else { panic!("one function is named act") };
        assert_eq!(
            btf.declaration(act),
            "int act(struct object *object, my_int, const char *self, ...)"
        );
        assert_eq!(btf.constants("GREEN")[0].1, 5);
        assert_eq!(btf.constants("NONE")[0].1, -1);
        assert_eq!(btf.constants("GREE"), []);
        let [object] = btf.types("object")[..] else { panic!("one type is named object") };
        assert_eq!((btf.size(object), btf.align(object)), (Some(64), 8));
        assert_eq!(btf.types("elsewhere").len(), 1);
        assert_eq!(btf.types("nowhere"), []);
    }
}

fn a_kind_of_a_later_kernel_is_stepped_over_where_its_size_is_known() {
    let mut w = BtfWriter::default();
    w.unknown_kind();
    let int = w.int("int", 4, true);
    w.function("f", int, &[]);
    assert_eq!(parse(w.finish_with_layout()).functions("f").len(), 1);
    let error = Btf::parse(w.finish()).err().map(|error| error.to_string());
    assert_eq!(error.as_deref(), Some("BTF, byte 24: unknown type kind 20"));
}

fn a_blob_that_is_cut_short_anywhere_is_refused() {
    let bytes = every_kind().finish_with_layout();
    for len in 0..bytes.len() {
        assert!(
            Btf::parse(bytes[..len].to_vec()).is_err(),
            "cut to {len} of {} bytes",
            bytes.len()
        );
    }
}

fn no_changed_byte_makes_the_reader_panic() {
    let bytes = every_kind().finish();
    let words = Wanted {
        words: BTreeSet::from(["next".into(), "number".into(), "flag".into()]),
        ..Wanted::default()
    };
    for at in 0..bytes.len() {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let mut changed = bytes.clone();
            changed[at] = value;
            let Ok(btf) = Btf::parse(changed) else { continue };
            let mut importer = Importer::new(kps_arch::native(), &btf, &words);
            for id in btf.ids() {
                btf.c_name(id);
                importer.ty(id);
                importer.signature(id);
            }
        }
    }
}

fn a_type_that_holds_itself_is_refused() {
    let mut w = BtfWriter::default();
    let ahead = w.next() + 1;
    w.typedef("a", ahead);
    w.structure("b", 8, &[("a", 1, 0, None)]);
    assert!(Btf::parse(w.finish()).is_err());
}

fn structs_are_taken_over_with_the_members_that_bodies_name() {
    let btf = parse(every_kind().finish());
    let words = ["list", "next", "word", "flag"].map(String::from);
    let wanted = Wanted { words: BTreeSet::from(words), ..Wanted::default() };
    let mut importer = Importer::new(kps_arch::native(), &btf, &wanted);
    let signature =
        importer.signature(btf.functions("act")[0]).unwrap_or_else(|| panic!("act is a function"));
    let names: Vec<_> = signature.params.iter().map(|p| p.name.as_str()).collect();
    assert_eq!(names, ["object", "arg1", "self_"]);
    assert!(signature.variadic);
    let Type::Pointer { to, .. } = &signature.params[0].ty else { panic!("a pointer") };
    let Type::Named(id) = **to else { panic!("a struct") };
    let TypeDef::Record(object) = importer.types().get(id) else { panic!("laid out") };
    let fields: Vec<_> =
        object.fields.iter().map(|f| (f.name.as_str(), f.offset, f.size)).collect();
    // A member of the anonymous union stands where C reaches it; a bitfield has no place of its
    // own.
    assert_eq!(fields, [("list", 0, 16), ("word", 32, 8)]);
    let bitfields: Vec<_> =
        object.bitfields.iter().map(|b| (b.name.as_str(), b.bit, b.width)).collect();
    assert_eq!(bitfields, [("flag", 320, 3)]);
}

fn a_struct_that_is_only_passed_on_is_as_large_as_it_is() {
    let btf = parse(every_kind().finish());
    let wanted = Wanted::default();
    let mut importer = Importer::new(kps_arch::native(), &btf, &wanted);
    importer.signature(btf.functions("act")[0]);
    let size = |(_, def): (_, &TypeDef)| match def {
        TypeDef::Record(record) if record.name == "object" => {
            Some((record.size, record.fields.len()))
        }
        _ => None,
    };
    let size = importer.types().iter().find_map(size);
    assert_eq!(size, btf.types("object").first().and_then(|&id| Some((btf.size(id)?, 0))));
}

fn members_behind_the_start_of_a_union_keep_their_place() {
    let mut w = BtfWriter::default();
    let int = w.int("int", 4, true);
    let inner = w.structure("", 12, &[("a", int, 0, None), ("b", int, 64, None)]);
    w.union("u", 12, &[("", inner, 0, None), ("c", int, 0, None)]);
    let btf = parse(w.finish());
    let layout = |words: &[&str]| {
        let wanted =
            Wanted { words: words.iter().map(|w| (*w).to_owned()).collect(), ..Wanted::default() };
        let mut importer = Importer::new(kps_arch::native(), &btf, &wanted);
        importer.named("u");
        layers(&importer, "u")
    };
    let fields = |fields: &[(&str, u64)]| {
        fields.iter().map(|(name, at)| ((*name).to_owned(), *at)).collect()
    };
    let (structure, union) = (RecordKind::Struct, RecordKind::Union);
    assert_eq!(layout(&["b"]), [(structure, fields(&[("b", 8)]))]);
    assert_eq!(layout(&["a", "b"]), [(structure, fields(&[("a", 0), ("b", 8)]))]);
    assert_eq!(layout(&["a", "c"]), [(union, fields(&[("a", 0), ("c", 0)]))]);
    // A union of Rust has no place for the one that is behind its start.
    let all = layout(&["a", "b", "c"]);
    assert_eq!(all, [(union, fields(&[("a", 0), ("c", 0)])), (structure, fields(&[("b", 8)]))]);
}

/// A record and those that its overlapping members are in: kinds, and members with their offsets.
fn layers(importer: &Importer<'_>, name: &str) -> Vec<(RecordKind, Vec<(String, u64)>)> {
    let types = importer.types();
    let mut next = types.iter().find(|(_, def)| def.name() == name).map(|(id, _)| id);
    let mut layers = Vec::new();
    while let Some(TypeDef::Record(record)) = next.map(|id| types.get(id)) {
        layers.push((
            record.kind,
            record.fields.iter().map(|f| (f.name.clone(), f.offset)).collect(),
        ));
        next = record.overlapping;
    }
    layers
}

fn members_that_overlap_are_in_as_few_records_as_can_be() {
    let mut w = BtfWriter::default();
    let (int, long) = (w.int("int", 4, true), w.int("long int", 8, true));
    let (bytes, none) = (w.array(int, 4), w.array(int, 0));
    let halves = w.structure("", 16, &[("low", long, 0, None), ("high", long, 64, None)]);
    let any = w.union(
        "",
        16,
        &[("", halves, 0, None), ("words", bytes, 0, None), ("first", int, 0, None)],
    );
    w.structure(
        "s",
        24,
        &[("", any, 0, None), ("behind", long, 128, None), ("items", none, 192, None)],
    );
    let btf = parse(w.finish());
    let words = ["low", "high", "words", "first", "behind", "items"].map(String::from);
    let wanted = |members| Wanted { words: words.clone().into(), members, ..Wanted::default() };
    let names = |wanted: Wanted| -> Vec<Vec<String>> {
        let mut importer = Importer::new(kps_arch::native(), &btf, &wanted);
        importer.named("s");
        let layers = layers(&importer, "s").into_iter();
        layers.map(|(_, fields)| fields.into_iter().map(|(name, _)| name).collect()).collect()
    };
    assert_eq!(
        names(wanted(vec![])),
        [vec!["low", "high", "behind", "items"], vec!["words"], vec!["first"]]
    );
    // What generated code writes comes first.
    let needed = names(wanted(vec![("s", &["words"])]));
    assert_eq!(needed, [vec!["words", "behind", "items"], vec!["low", "high"], vec!["first"]]);
}

fn a_bitfield_is_taken_over_if_it_is_read_or_set() {
    let mut w = BtfWriter::default();
    let (int, pointer) = (w.int("int", 4, true), w.pointer(VOID));
    let members = [
        ("read", int, 0, Some(3)),
        ("written", int, 3, Some(5)),
        ("neither", int, 8, Some(1)),
        ("rest", int, 9, Some(4)),
    ];
    w.structure("s", 4, &members);
    // No compiler of C lays anything out so.
    let forged =
        [("read", pointer, 0, Some(3)), ("rest", int, 60, Some(5)), ("written", int, 0, Some(65))];
    w.structure("forged", 8, &forged);
    let btf = parse(w.finish());
    let words = ["read", "set_written", "rest"].map(String::from);
    let wanted = Wanted { words: words.into(), ..Wanted::default() };
    let mut importer = Importer::new(kps_arch::native(), &btf, &wanted);
    let mut record = |name| match importer.named(name) {
        Some(Type::Named(id)) => match importer.types().get(id) {
            TypeDef::Record(record) => record.clone(),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    let known = record("s");
    let bitfields: Vec<_> =
        known.bitfields.iter().map(|b| (b.name.as_str(), b.bit, b.width)).collect();
    assert_eq!(bitfields, [("read", 0, 3), ("written", 3, 5), ("rest", 9, 4)]);
    let forged = record("forged");
    assert!(forged.bitfields.is_empty() && forged.fields.is_empty(), "{forged:?}");
    assert_eq!(forged.unreachable, ["read", "written", "rest"]);
}

fn qualifiers_and_tags_change_no_type() {
    let mut w = BtfWriter::default();
    let char = w.int("char", 1, true);
    let mut chain = w.constant(char);
    for tag in ["user", "rcu", "percpu"] {
        chain = w.tagged(tag, chain);
        chain = w.volatile(chain);
    }
    let pointer = w.pointer(chain);
    let pointer = w.constant(pointer);
    let variable = w.variable("text", pointer);
    let btf = parse(w.finish());
    let wanted = Wanted::default();
    let mut importer = Importer::new(kps_arch::native(), &btf, &wanted);
    let char = Type::Int(CInt::Char);
    let wanted = Type::Pointer { to: Box::new(char), constant: true };
    assert_eq!(importer.ty(BtfId(pointer)), wanted);
    assert_eq!(importer.ty(BtfId(variable)), wanted);
    assert_eq!(btf.variables("text"), [BtfId(variable)]);
    assert_eq!(btf.variables("user"), []);
}

fn types_of_one_name_get_names_of_their_own() {
    let mut w = BtfWriter::default();
    let int = w.int("int", 4, true);
    let (a, b) =
        (w.structure("s", 4, &[("x", int, 0, None)]), w.structure("s", 8, &[("x", int, 32, None)]));
    let btf = parse(w.finish());
    let wanted = Wanted::default();
    let mut importer = Importer::new(kps_arch::native(), &btf, &wanted);
    let (a, b) = (importer.ty(BtfId(a)), importer.ty(BtfId(b)));
    let name = |ty| match ty {
        Type::Named(id) => importer.types().get(id).name().to_owned(),
        other => panic!("{other:?}"),
    };
    assert_eq!((name(a), name(b)), ("s".to_owned(), "s_2".to_owned()));
}

fn a_record_that_is_not_packed_by_its_size_is_by_its_members() {
    let mut w = BtfWriter::default();
    let (char, int) = (w.int("char", 1, true), w.int("int", 4, true));
    let packed = w.structure("packed", 5, &[("a", char, 0, None), ("b", int, 8, None)]);
    let btf = parse(w.finish());
    assert_eq!(btf.align(BtfId(packed)), 1);
    assert!(matches!(btf.get(BtfId(packed)).kind, Kind::Record(_)));
}

fn functions_that_take_themselves_many_times_are_cut_short() {
    let mut w = BtfWriter::default();
    let itself = w.next() + 1;
    let pointer = w.pointer(itself);
    let params = ["a"; 64].map(|name| (name, pointer));
    w.prototype(pointer, &params);
    w.function("forged", VOID, &params);
    let btf = parse(w.finish());
    let forged = btf.functions("forged")[0];
    assert!(btf.declaration(forged).len() < 10_000);
    let wanted = Wanted::default();
    let mut importer = Importer::new(kps_arch::native(), &btf, &wanted);
    assert_eq!(importer.signature(forged), None);
    assert!(format!("{:?}", importer.ty(BtfId(pointer))).len() < 100_000);
}

fn records_that_hold_the_next_one_twice_are_cut_short() {
    let mut w = BtfWriter::default();
    let int = w.int("int", 4, true);
    let mut inner = w.structure("", 4, &[("x", int, 0, None)]);
    for _ in 0..60 {
        inner = w.union("", 4, &[("", inner, 0, None), ("", inner, 0, None)]);
    }
    w.structure("forged", 4, &[("", inner, 0, None)]);
    let btf = parse(w.finish());
    let wanted = Wanted { words: BTreeSet::from(["x".to_owned()]), ..Wanted::default() };
    let mut importer = Importer::new(kps_arch::native(), &btf, &wanted);
    importer.named("forged");
    assert_eq!(importer.types().iter().count(), 1);
}

fn a_record_that_is_there_twice_is_one_type_and_another_of_its_name_is_not() {
    let mut w = BtfWriter::default();
    let (int, long) = (w.int("int", 4, true), w.int("long int", 8, true));
    let records = [("x", int, 4), ("x", int, 4), ("x", long, 8)];
    let pointers = records.map(|(member, ty, size)| {
        let record = w.structure("seq_file", size, &[(member, ty, 0, None)]);
        w.pointer(record)
    });
    w.function("f", VOID, &[("a", pointers[0]), ("b", pointers[1]), ("c", pointers[2])]);
    let btf = parse(w.finish());
    let wanted = Wanted::default();
    let mut importer = Importer::new(kps_arch::native(), &btf, &wanted);
    let params = importer.signature(btf.functions("f")[0]).map(|signature| signature.params);
    let params = params.unwrap_or_else(|| panic!("the prototype is small"));
    assert_eq!(params[0].ty, params[1].ty);
    assert_ne!(params[0].ty, params[2].ty);
}

fn no_two_parameters_have_one_name() {
    let mut w = BtfWriter::default();
    let int = w.int("int", 4, true);
    w.function("f", VOID, &[("arg1", int), ("arg1", int), ("", int), ("arg2", int)]);
    let btf = parse(w.finish());
    let wanted = Wanted::default();
    let signature =
        Importer::new(kps_arch::native(), &btf, &wanted).signature(btf.functions("f")[0]);
    let names: Vec<_> =
        signature.into_iter().flat_map(|s| s.params).map(|param| param.name).collect();
    assert_eq!(names, ["arg1", "arg1_", "arg2", "arg3"]);
}

fn a_name_that_no_kernel_takes_is_refused() {
    let blob = |len: usize| {
        let mut w = BtfWriter::default();
        w.forward(&"x".repeat(len));
        Btf::parse(w.finish())
    };
    assert!(blob(511).is_ok());
    let error = blob(512).err().unwrap_or_else(|| panic!("512 bytes are taken"));
    assert!(error.problem.contains("too long"), "{error}");
}

/// A module with a struct that holds one of the kernel's, a constant, and a function named like one
/// of the kernel's.
fn module(kernel: &BtfWriter, list: u32, constant: &str) -> Vec<u8> {
    let mut w = BtfWriter::continuing(kernel);
    let own = w.structure("own", 24, &[("list", list, 0, None), (constant, 1, 128, None)]);
    w.enumeration("states", &[(constant, 7)]);
    let own = w.pointer(own);
    w.function("act", 1, &[("own", own)]);
    w.finish()
}

fn types_of_modules_come_behind_those_of_the_kernel() {
    let mut kernel = every_kind();
    let list = kernel.next();
    kernel.structure("holder", 16, &[("number", 1, 0, None)]);
    let base = parse(kernel.finish_with_layout());
    let with = |btf: &Btf, constant| {
        btf.with_module(&module(&kernel, list, constant)).unwrap_or_else(|error| panic!("{error}"))
    };
    let one = with(&base, "FIRST");
    let two = with(&one, "SECOND");
    let acts: Vec<String> =
        two.functions("act").into_iter().map(|id| two.declaration(id)).collect();
    assert_eq!(acts[1..], ["int act(struct own *own)", "int act(struct own *own)"]);
    // Each module's struct has its own member, and holds the kernel's struct.
    let members = |id: &BtfId| match two.get(*id).kind {
        Kind::Record(record) => {
            record.members().map(|m| (m.name.to_owned(), two.get(m.ty).name)).collect()
        }
        _ => Vec::new(),
    };
    let own: Vec<_> = two.types("own").iter().map(members).collect();
    let member = |name: &str, ty| (name.to_owned(), ty);
    assert_eq!(own[0], [member("list", "holder"), member("FIRST", "int")]);
    assert_eq!(own[1], [member("list", "holder"), member("SECOND", "int")]);
    for constant in ["FIRST", "SECOND"] {
        assert_eq!(two.constants(constant)[0].1, 7);
    }
    // What the kernel has is as it was.
    assert_eq!(two.functions("act")[0], base.functions("act")[0]);
    assert_eq!(two.len(), base.len() + 2 * (one.len() - base.len()));
}

fn a_module_that_is_cut_short_adds_nothing() {
    let kernel = every_kind();
    let base = parse(kernel.finish());
    let module = module(&kernel, 1, "FIRST");
    for len in 0..module.len() {
        assert!(base.with_module(&module[..len]).is_err(), "{len}");
    }
    let stranger = every_kind().finish();
    assert!(base.with_module(&stranger[..24]).is_err());
}
