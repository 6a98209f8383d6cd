// SPDX-License-Identifier: GPL-2.0
//! Specs and the files that they name: every text is understood or refused with messages that have
//! their place in it.

use super::layout::layout;
use super::style;
use crate::fixture;
use kps_diag::{any_error, Diagnostic};
use kps_facts::Facts;
use kps_grammar::ast::{self, Code};
use kps_grammar::{ErrorKind, Language, Source, Sources, Span};
use kps_report::{render, Format};
use kpsc::check;
use kpsc::emit::emit;
use kpsc::resolve::resolve;
use kpsc::syntax::syntax;
use std::sync::OnceLock;

/// What stands before the path of a file that a spec names, behind the text of the spec or of
/// another file.
const FILE: &str = "\n=== ";

/// Takes a spec through every stage that needs no compilers.
pub fn spec(data: &[u8]) {
    static KERNEL: OnceLock<Facts> = OnceLock::new();
    let text = String::from_utf8_lossy(data);
    let mut texts = text.split(FILE);
    let source = Source::new("spec.kps", texts.next().unwrap_or_default());
    layout(&source);
    let mut sources = Sources::new(source);
    for file in texts {
        let (path, text) = file.split_once('\n').unwrap_or((file, ""));
        let language = if path.ends_with(".rs") { Language::Rust } else { Language::C };
        sources.add(language, path, Source::new(path, text));
    }
    compile(&sources, KERNEL.get_or_init(fixture::facts));
}

/// Compiles a spec for a kernel as the program does, on a stack as large as the program's.
pub(super) fn compile(sources: &Sources, facts: &Facts) {
    on_a_large_stack(|| compile_here(sources, facts));
}

/// Runs something on a stack as large as the program's.
pub fn on_a_large_stack(run: impl FnOnce() + Send) {
    const STACK: usize = 1 << 30;
    let done = std::thread::scope(|scope| {
        let worker = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, run);
        worker.unwrap_or_else(|error| panic!("{error}")).join()
    });
    done.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}

fn compile_here(sources: &Sources, facts: &Facts) {
    let (spec, errors) = kps_grammar::parse(sources.spec());
    for error in &errors {
        check_span(sources, error.span);
        match error.kind {
            ErrorKind::Mismatched { open: span, .. } | ErrorKind::Repeated { first: span, .. } => {
                check_span(sources, span);
            }
            _ => {}
        }
    }
    let mut diagnostics: Vec<Diagnostic> = errors.iter().map(syntax).collect();
    let Some(patch) = spec.patch else {
        assert!(any_error(&diagnostics), "there is neither a patch nor an error");
        return show(sources, &diagnostics);
    };
    check_pieces(sources, &patch);
    let (resolved, found) = resolve(sources, &patch, errors.is_empty(), facts);
    diagnostics.extend(found);
    let checked = resolved.and_then(|resolved| {
        let (checked, found) = check(resolved);
        diagnostics.extend(found);
        checked
    });
    show(sources, &diagnostics);
    match checked {
        Some(checked) if !any_error(&diagnostics) => {
            let files = emit(&checked, sources).files.0;
            for (name, text) in files.iter().filter(|(name, _)| name.ends_with(".rs")) {
                assert!(syn::parse_file(text).is_ok(), "{name} is not Rust:\n{text}");
            }
            let root = &files[&format!("{}_main.rs", checked.patch().name)];
            for code in pieces(checked.written()).into_iter().chain(in_files(sources, &patch)) {
                let text = sources.slice(code.span).trim();
                assert!(root.contains(text), "{text:?} is not in the generated code:\n{root}");
            }
        }
        // Whoever reads the files says what is missing.
        _ if files(&patch).any(|path| sources.find(Language::Rust, path).is_none()) => {}
        _ => assert!(any_error(&diagnostics), "nothing is generated and no error says why"),
    }
}

/// The pieces of Rust that a spec carries through.
fn pieces(patch: &ast::Patch) -> Vec<Code> {
    let funcs = patch.objects.iter().flat_map(|object| &object.funcs);
    let bodies =
        funcs.flat_map(|func| [func.replace, func.pre, func.post]).flatten().map(|body| body.code);
    let callbacks =
        patch.objects.iter().flat_map(|object| &object.callbacks).map(|callback| callback.code);
    bodies.chain(callbacks).chain(patch.items.iter().map(|item| item.code)).collect()
}

/// The files in Rust that a spec names.
fn files(patch: &ast::Patch) -> impl Iterator<Item = &str> {
    let funcs = patch.objects.iter().flat_map(|object| &object.funcs);
    let bodies = funcs.filter_map(|func| func.replace_from.as_ref());
    bodies.chain(patch.modules.iter().map(|module| &module.file)).map(|file| file.value.as_str())
}

/// The modules in files, which are carried through as a whole.
fn in_files(sources: &Sources, patch: &ast::Patch) -> Vec<Code> {
    let files =
        patch.modules.iter().filter_map(|module| sources.find(Language::Rust, &module.file.value));
    files.map(|file| Code { span: file.span() }).collect()
}

/// No piece has a byte that another one has.
fn check_pieces(sources: &Sources, patch: &ast::Patch) {
    let mut spans: Vec<Span> = pieces(patch).iter().map(|code| code.span).collect();
    spans.sort();
    spans.iter().for_each(|&span| check_span(sources, span));
    for pair in spans.windows(2) {
        assert!(pair[0].end <= pair[1].start, "{pair:?} overlap");
    }
}

pub(super) fn check_span(sources: &Sources, span: Span) {
    let (file, start) = (sources.file(span.start), sources.file(span.start).span().start);
    let piece =
        span.end.checked_sub(start).and_then(|end| file.source.text.get(span.start - start..end));
    assert!(piece.is_some(), "{span:?} is no piece of {}", file.path);
    sources.place(span.start);
}

/// Renders messages as the program does: the first of them, and nothing in them that a terminal
/// would obey.
pub(super) fn show(sources: &Sources, diagnostics: &[Diagnostic]) {
    const SHOWN: usize = 50;
    for diagnostic in diagnostics {
        diagnostic.labels.iter().for_each(|label| check_span(sources, label.span));
    }
    for diagnostic in diagnostics.iter().take(SHOWN) {
        let text = render(diagnostic, Some(sources), style(Format::Human));
        assert!(text.contains(diagnostic.code.id()), "{text}");
        let plain = anstream::adapter::strip_str(&text).to_string();
        assert!(!plain.contains(|c: char| c.is_control() && c != '\n'), "{plain:?}");
    }
}
