// SPDX-License-Identifier: GPL-2.0
//! Tests of the reader: the syntax tree of a module with attributes.

use super::{read, SpanMap};
use kps_ast::{self as ast, Callback, Code, Lifetime, Span, TextClause};
use kps_diag::Diagnostic;
use proc_macro2::TokenStream;
use quote::{quote, ToTokens};

/// These tests compare values. Spans are tested where messages show them, in `tests/ui-macros/`.
struct NoSpans;

const NOWHERE: Span = Span { start: 0, end: 0 };

impl SpanMap for NoSpans {
    fn place(&self, _: proc_macro2::Span) -> Span {
        NOWHERE
    }

    fn body(&self, _: &syn::Block) -> Code {
        Code { span: NOWHERE }
    }

    fn piece(&self, _: &dyn ToTokens) -> Code {
        Code { span: NOWHERE }
    }
}

fn read_all(arguments: TokenStream, items: TokenStream) -> (ast::Patch, Vec<Diagnostic>) {
    let module = syn::parse2(quote!(mod fix { #items })).unwrap_or_else(|error| panic!("{error}"));
    read(arguments, &module, &NoSpans)
}

/// The patch, which must be understood.
fn patch(arguments: TokenStream, items: TokenStream) -> ast::Patch {
    let (patch, diagnostics) = read_all(arguments, items);
    assert!(diagnostics.is_empty(), "{diagnostics:?}");
    patch
}

/// The codes of what is not understood.
fn refused(items: TokenStream) -> Vec<&'static str> {
    let (_, diagnostics) = read_all(quote!(license = "GPL"), items);
    diagnostics.iter().map(|diagnostic| diagnostic.code.id()).collect()
}

fn values<T>(all: &[ast::At<T>]) -> Vec<&T> {
    all.iter().map(|at| &at.value).collect()
}

#[test]
fn arguments_become_clauses() {
    let patch = patch(
        quote!(
            license = "GPL",
            author = "A",
            author = "B",
            version = "1.2",
            fixes("CVE-1", "CVE-2"),
            kernel = "6.12 ..",
            require(CONFIG_INET, CONFIG_HZ = "250"),
            atomic_replace(if all),
            family = fixes,
            over(one, two),
            c("help.c")
        ),
        quote!(),
    );
    let texts: Vec<_> = patch.texts.iter().map(|(clause, all)| (clause, values(all))).collect();
    let value = |text: &str| text.to_owned();
    let [a, b] = ["A", "B"].map(value);
    let [gpl, version, kernel] = ["GPL", "1.2", "6.12 .."].map(value);
    let [one, two] = ["CVE-1", "CVE-2"].map(value);
    let expected = [
        (TextClause::License, vec![&gpl]),
        (TextClause::Author, vec![&a, &b]),
        (TextClause::Version, vec![&version]),
        (TextClause::Fixes, vec![&one, &two]),
        (TextClause::Kernel, vec![&kernel]),
    ];
    assert_eq!(texts, expected);
    let require =
        |require: ast::Require| (require.option.value, require.value.map(|value| value.value));
    let requires: Vec<_> = patch.requires.into_iter().map(require).collect();
    assert_eq!(requires, [("CONFIG_INET".into(), None), ("CONFIG_HZ".into(), Some("250".into()))]);
    let condition = patch.atomic_replace.and_then(|replace| replace.condition);
    assert_eq!(condition.map(|name| name.value).as_deref(), Some("all"));
    assert_eq!(patch.family.map(|name| name.value).as_deref(), Some("fixes"));
    assert_eq!(values(&patch.over), ["one", "two"]);
    let file = |file: ast::CFile| file.file.value;
    assert_eq!(patch.c_files.into_iter().map(file).collect::<Vec<_>>(), ["help.c"]);
}

#[test]
fn hooks_of_one_function_are_one_function() {
    let patch = patch(
        quote!(license = "GPL"),
        quote! {
            #[pre(vmlinux::show@2)]
            unsafe fn before(m: *mut seq_file) -> c_int { return 0; }

            #[post(vmlinux::show@2)]
            unsafe fn after(m: *mut seq_file, ret: c_int) {}

            #[pre(dummy::xmit)]
            unsafe fn in_a_module(skb: *mut sk_buff) {}

            #[pre_patch(dummy)]
            unsafe fn check() -> c_int { 0 }
        },
    );
    let [vmlinux, dummy] = patch.objects.as_slice() else { panic!("{:?}", patch.objects) };
    assert_eq!((vmlinux.name.value.as_str(), dummy.name.value.as_str()), ("vmlinux", "dummy"));
    let [show] = vmlinux.funcs.as_slice() else { panic!("{:?}", vmlinux.funcs) };
    assert_eq!(show.symbol.name.value, "show");
    assert_eq!(show.symbol.position.as_ref().map(|position| position.value), Some(2));
    assert!(show.pre.is_some() && show.post.is_some() && show.replace.is_none());
    let callbacks: Vec<_> = dummy.callbacks.iter().map(|body| body.callback).collect();
    assert_eq!(callbacks, [Callback::PrePatch]);
}

#[test]
fn objects_come_in_the_order_of_the_items() {
    let patch = patch(
        quote!(license = "GPL", object(meter = "meter.ko")),
        quote! {
            #[post_patch(vmlinux)]
            unsafe fn first() {}

            #[post_patch(meter)]
            unsafe fn second() {}
        },
    );
    let [vmlinux, meter] = patch.objects.as_slice() else { panic!("{:?}", patch.objects) };
    assert_eq!((vmlinux.name.value.as_str(), meter.name.value.as_str()), ("vmlinux", "meter"));
    assert!(vmlinux.from.is_none());
    assert_eq!(meter.from.as_ref().map(|file| file.value.as_str()), Some("meter.ko"));
}

#[test]
fn a_block_of_symbols_becomes_use_lines() {
    let patch = patch(
        quote!(license = "GPL"),
        quote! {
            #[symbols(vmlinux)]
            extern "C" {
                #[position(3)]
                fn helper(value: c_int) -> c_int;
                static limit: c_ulong;
                #[percpu]
                static counts: c_ulong;
            }
        },
    );
    let [vmlinux] = patch.objects.as_slice() else { panic!("{:?}", patch.objects) };
    let names: Vec<_> = vmlinux.used_symbols().map(|symbol| symbol.name.value.as_str()).collect();
    assert_eq!(names, ["helper", "limit", "counts"]);
    let position = vmlinux.use_fns[0].symbol.position.as_ref().map(|position| position.value);
    assert_eq!(position, Some(3));
    assert_eq!((vmlinux.use_statics.len(), vmlinux.use_percpus.len()), (1, 1));
}

#[test]
fn a_symbol_for_c_alone_has_no_type() {
    let patch = patch(
        quote!(license = "GPL"),
        quote! {
            #[symbols(vmlinux)]
            extern "C" {
                fn helper() -> _;
                fn two(value: c_int) -> _;
                static limit: _;
                #[percpu]
                static counts: _;
            }
        },
    );
    let [vmlinux] = patch.objects.as_slice() else { panic!("{:?}", patch.objects) };
    let has_prototype: Vec<_> =
        vmlinux.use_fns.iter().map(|function| function.prototype.is_some()).collect();
    assert_eq!(has_prototype, [false, true]);
    assert!(vmlinux.use_statics[0].ty.is_none() && vmlinux.use_percpus[0].ty.is_none());
}

#[test]
fn statics_become_data() {
    let patch = patch(
        quote!(license = "GPL"),
        quote! {
            /// How many.
            #[param(mode = 0o644)]
            static levels: [c_int; 3] = [1, 2];

            #[state(id = 7, version = 2)]
            static level: State<c_int> = State {
                save: || 1,
                apply: |saved| {},
                restore: |saved| {},
            };

            #[shadow(on = seq_file, freed_by = vmlinux::seq_release(file))]
            static hits: Shadow<AtomicU32> = Shadow::new(AtomicU32::new(0));

            static PLAIN: AtomicU32 = AtomicU32::new(0);
        },
    );
    let [param] = patch.params.as_slice() else { panic!("{:?}", patch.params) };
    assert_eq!(param.mode.as_ref().map(|mode| mode.value.as_str()), Some("0o644"));
    assert_eq!(param.len.as_ref().map(|len| len.value.as_str()), Some("3"));
    assert_eq!((param.default.list, param.default.values.len()), (true, 2));
    let [state] = patch.states.as_slice() else { panic!("{:?}", patch.states) };
    let numbers = [&state.id, &state.version].map(|number| number.as_ref().map(|at| at.value));
    assert_eq!(numbers, [Some(7), Some(2)]);
    assert!(state.save.is_some() && state.apply.is_some() && state.restore.is_some());
    let [shadow] = patch.shadows.as_slice() else { panic!("{:?}", patch.shadows) };
    assert_eq!(shadow.parent.value, "seq_file");
    let Some(Lifetime::FreedBy(freed_by)) = &shadow.lifetime else { panic!("{shadow:?}") };
    assert_eq!(freed_by.symbol.name.value, "seq_release");
    assert_eq!(patch.items.len(), 1);
}

#[test]
fn an_attribute_stands_where_it_means_something() {
    assert_eq!(
        refused(quote!(
            #[pre(vmlinux::f)]
            static F: u32 = 0;
        )),
        ["KPS1202"]
    );
    assert_eq!(
        refused(quote!(
            #[param]
            unsafe fn f() {}
        )),
        ["KPS1202"]
    );
    assert_eq!(
        refused(quote!(
            #[symbols(vmlinux)]
            mod m {}
        )),
        ["KPS1202"]
    );
    assert_eq!(
        refused(quote!(
            mod elsewhere;
        )),
        ["KPS1202"]
    );
    // One attribute of an item is enough.
    assert_eq!(
        refused(quote!(
            #[pre(vmlinux::f)]
            #[inline]
            unsafe fn g() {}
        )),
        ["KPS1202"]
    );
}

#[test]
fn arguments_are_read_to_their_end() {
    for arguments in [
        quote!(licence = "GPL"),
        quote!(license "GPL"),
        quote!(license = GPL),
        quote!(license = "GPL", license = "GPL"),
        quote!(license = "GPL" version = "1"),
        quote!(fixes = "CVE-1"),
        quote!(state = "x"),
    ] {
        let (_, diagnostics) = read_all(arguments.clone(), quote!());
        let codes: Vec<_> = diagnostics.iter().map(|diagnostic| diagnostic.code.id()).collect();
        assert_eq!(codes, ["KPS1201"], "{arguments}");
    }
}

#[test]
fn conditions_make_alternatives() {
    let patch = patch(
        quote!(license = "GPL"),
        quote! {
            #[when("7.0 ..")]
            #[pre(vmlinux::f)]
            unsafe fn newer(a: c_int) -> c_int { g(); }
            #[post(vmlinux::f)]
            #[when("7.0 ..")]
            unsafe fn newer_too(a: c_int, ret: c_int) { g(); }
            #[when("..= 6.18")]
            #[pre(vmlinux::f)]
            unsafe fn older(a: c_long) { g(); }
            #[when(lacks(h.part.0))]
            #[symbols(vmlinux)]
            extern "C" {
                #[when("..= 6.12")]
                fn h(a: c_int);
            }
            #[when(has(h))]
            const A: u32 = 1;
            const B: u32 = 1;
        },
    );
    let object = &patch.objects[0];
    let conditions =
        |when: &[ast::When]| -> Vec<String> { when.iter().map(ast::When::arguments).collect() };
    let funcs: Vec<_> =
        object.funcs.iter().map(|f| (conditions(&f.when), f.post.is_some())).collect();
    assert_eq!(
        funcs,
        [(vec!["\"7.0 ..\"".to_owned()], true), (vec!["\"..= 6.18\"".to_owned()], false)]
    );
    assert_eq!(conditions(&object.use_fns[0].when), ["lacks(h.part.0)", "\"..= 6.12\""]);
    let items: Vec<_> = patch.items.iter().map(|item| conditions(&item.when)).collect();
    assert_eq!(items, [vec!["has(h)".to_owned()], Vec::new()]);
}

#[test]
fn conditions_are_refused_where_they_have_no_meaning() {
    for (items, code) in [
        ("#[when(\"7.0 ..\")] #[param] static A: bool = false;", "KPS1202"),
        ("#[when(\"7.0 ..\")] #[pre_patch(vmlinux)] unsafe fn f() -> c_int { 0 }", "KPS1202"),
        ("#[when(\"7.0 ..\")] #[c(\"a.c\")] extern \"C\" { fn f(); }", "KPS1202"),
        ("#[c(\"a.c\")] extern \"C\" { #[when(\"7.0 ..\")] fn f(); }", "KPS1202"),
        ("#[when] const A: u32 = 1;", "KPS1201"),
        ("#[when(7.0)] const A: u32 = 1;", "KPS1201"),
        ("#[when(hass(f))] const A: u32 = 1;", "KPS1201"),
        ("#[when(has())] const A: u32 = 1;", "KPS1201"),
        ("#[when(has(f, g))] const A: u32 = 1;", "KPS1201"),
        ("#[when(\"7.0 ..\", has(f))] const A: u32 = 1;", "KPS1201"),
        ("fn f() { #[when(\"7.0 ..\")] const A: u32 = 1; }", "KPS1209"),
    ] {
        let tokens = items.parse::<TokenStream>().unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(refused(tokens), [code], "{items}");
    }
}
