//! Specs: every text is understood or refused with messages that have their place in it.

use super::layout::layout;
use crate::fixture;
use kps_facts::Facts;
use kps_grammar::ast::{self, Code};
use kps_grammar::{ErrorKind, Source, Span};
use kpsc::check::check;
use kpsc::diag::{any_error, render, syntax, Diagnostic};
use kpsc::emit::emit;
use kpsc::resolve::resolve;
use std::sync::OnceLock;

/// Takes a text through every stage that needs no compilers.
pub fn spec(data: &[u8]) {
    static KERNEL: OnceLock<Facts> = OnceLock::new();
    let source = Source::new("spec.kps", String::from_utf8_lossy(data));
    layout(&source);
    compile(&source, KERNEL.get_or_init(fixture::facts));
}

/// Compiles a spec for a kernel as the program does, on a stack as large as the program's.
pub(super) fn compile(source: &Source, facts: &Facts) {
    const STACK: usize = 1 << 30;
    let compile = || compile_here(source, facts);
    let done = std::thread::scope(|scope| {
        let worker = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, compile);
        worker.unwrap_or_else(|error| panic!("{error}")).join()
    });
    done.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}

fn compile_here(source: &Source, facts: &Facts) {
    let (spec, errors) = kps_grammar::parse(source);
    for error in &errors {
        check_span(source, error.span);
        match error.kind {
            ErrorKind::Mismatched { open: span, .. } | ErrorKind::Repeated { first: span, .. } => {
                check_span(source, span);
            }
            _ => {}
        }
    }
    let mut diagnostics: Vec<Diagnostic> = errors.iter().map(syntax).collect();
    let Some(patch) = spec.patch else {
        assert!(any_error(&diagnostics), "there is neither a patch nor an error");
        return show(source, &diagnostics);
    };
    check_pieces(source, &patch);
    let (resolved, found) = resolve(source, &patch, errors.is_empty(), facts);
    diagnostics.extend(found);
    let checked = resolved.and_then(|resolved| {
        let (checked, found) = check(resolved);
        diagnostics.extend(found);
        checked
    });
    show(source, &diagnostics);
    match checked {
        Some(checked) if !any_error(&diagnostics) => {
            let files = emit(&checked, source).files.0;
            for (name, text) in files.iter().filter(|(name, _)| name.ends_with(".rs")) {
                assert!(syn::parse_file(text).is_ok(), "{name} is not Rust:\n{text}");
            }
            let root = &files[&format!("{}_main.rs", checked.patch().name)];
            for code in pieces(&patch) {
                let text = source.slice(code.span).trim();
                assert!(root.contains(text), "{text:?} is not in the generated code:\n{root}");
            }
        }
        _ => assert!(any_error(&diagnostics), "nothing is generated and no error says why"),
    }
}

/// The pieces of Rust that a spec carries through.
fn pieces(patch: &ast::Patch) -> Vec<Code> {
    let funcs = patch.objects.iter().flat_map(|object| &object.funcs);
    let bodies = funcs.flat_map(|func| [func.replace, func.pre, func.post]).flatten().map(|body| body.code);
    let callbacks = patch.objects.iter().flat_map(|object| &object.callbacks).map(|callback| callback.code);
    bodies.chain(callbacks).chain(patch.items.iter().copied()).collect()
}

/// No piece has a byte that another one has.
fn check_pieces(source: &Source, patch: &ast::Patch) {
    let mut spans: Vec<Span> = pieces(patch).iter().map(|code| code.span).collect();
    spans.sort();
    spans.iter().for_each(|&span| check_span(source, span));
    for pair in spans.windows(2) {
        assert!(pair[0].end <= pair[1].start, "{pair:?} overlap");
    }
}

fn check_span(source: &Source, span: Span) {
    assert!(source.text.get(span.start..span.end).is_some(), "{span:?} is no piece of the text");
    source.place(span.start);
}

/// Renders messages as the program does: the first of them, and nothing in them that a terminal would obey.
fn show(source: &Source, diagnostics: &[Diagnostic]) {
    const SHOWN: usize = 50;
    for diagnostic in diagnostics {
        diagnostic.labels.iter().for_each(|label| check_span(source, label.span));
    }
    for diagnostic in diagnostics.iter().take(SHOWN) {
        let text = render(diagnostic, Some(source), 100);
        assert!(text.contains(diagnostic.code.id()), "{text}");
        let plain = anstream::adapter::strip_str(&text).to_string();
        assert!(!plain.contains(|c: char| c.is_control() && c != '\n'), "{plain:?}");
    }
}
