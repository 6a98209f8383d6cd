// SPDX-License-Identifier: GPL-2.0
//! Resolves a spec and its files: implements the source text that `kps-resolve` reads.

use crate::syntax::syntax;
use kps_diag::Diagnostic;
use kps_facts::Facts;
use kps_grammar::ast::{self, Code};
use kps_grammar::{check, Language, Source, Sources, Span};
use proc_macro2::{Literal, TokenStream};
use quote::quote;
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;
use std::str::FromStr as _;

pub use kps_resolve::{
    another_name, changed, check_name, is_meant_for, is_path, is_reserved, may_hold, near, offer,
    refused_path, version_of, Candidate, FileKind, Fragment, FromC, Hookability, Offer, Probe,
    Resolved, Search, SourceText, UseKind, FROM_C,
};

/// Resolves a spec against the facts of a kernel. Without a patch there is at least one error.
///
/// `complete` is whether the whole text was parsed. If not, an item that seems to be missing may
/// exist.
pub fn resolve(
    sources: &Sources,
    patch: &ast::Patch,
    complete: bool,
    facts: &Facts,
) -> (Option<Resolved>, Vec<Diagnostic>) {
    // The rules for a spec's text apply to every file.
    let mut diagnostics: Vec<_> =
        sources.files().skip(1).flat_map(check).map(|e| syntax(&e)).collect();
    let files_are_sound = diagnostics.is_empty();
    let (resolved, found) = kps_resolve::resolve(&Text(sources), patch, complete, facts);
    diagnostics.extend(found);
    (resolved.filter(|_| files_are_sound), diagnostics)
}

/// The macro that marks the position of a snippet in generated code. Its argument is the first byte
/// of the snippet.
pub const MARKER: &str = "kps_fragment";

/// A spec and its files. Their text replaces the markers in generated code byte for byte.
#[derive(Debug)]
pub struct Text<'a>(pub &'a Sources);

impl Text<'_> {
    fn marker(code: Code) -> TokenStream {
        let marker = kps_codegen::names::ident(MARKER);
        let start = Literal::usize_unsuffixed(code.span.start);
        quote!(#marker!(#start))
    }
}

impl SourceText for Text<'_> {
    fn tokens(&self, code: Code) -> Result<TokenStream, Span> {
        TokenStream::from_str(self.0.slice(code.span)).map_err(|error| {
            let at = (code.span.start + error.span().byte_range().start).min(code.span.end);
            Span::new(at, at)
        })
    }

    fn place(&self, code: Code, span: proc_macro2::Span) -> Span {
        let range = span.byte_range();
        let (start, end) = (code.span.start + range.start, code.span.start + range.end);
        if start >= code.span.end || range == (0..0) {
            // syn reports the end of its input with an empty span.
            return Span::new(code.span.end, code.span.end);
        }
        Span::new(start, end.min(code.span.end))
    }

    fn text(&self, place: Span) -> Cow<'_, str> {
        self.0.slice(place).into()
    }

    fn origin(&self, code: Code) -> String {
        // A body starts after its brace; report the first line that is not empty.
        let text = self.0.slice(code.span);
        let start = code.span.start + (text.len() - text.trim_start().len());
        format!("{}:{}", self.0.file(start).path, self.0.place(start).line)
    }

    fn statements(&self, code: Code) -> TokenStream {
        let marker = Self::marker(code);
        quote!(#marker;)
    }

    fn inline(&self, code: Code) -> TokenStream {
        Self::marker(code)
    }

    fn rust_file(&self, path: &str) -> Option<Code> {
        let file = self.0.find(Language::Rust, path)?;
        check(file).is_empty().then(|| Code { span: file.span() })
    }

    fn c_file(&self, path: &str) -> Option<&str> {
        Some(&self.0.find(Language::C, path)?.source.text)
    }

    /// With files it is the digest of `DIGEST` lines: the spec's first, then those of the files in
    /// the order of their paths. `sha256sum SPEC FILES.. | cut -d ' ' -f 1 | sha256sum` computes
    /// it, too.
    fn digest(&self) -> String {
        // The manifest is only for cargo and not part of the module.
        let files = self.0.files().skip(1).filter(|file| file.language != Language::Toml);
        let mut files: Vec<_> = files.collect();
        if files.is_empty() {
            return digest(&self.0.spec().text);
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        let texts =
            std::iter::once(self.0.spec()).chain(files.into_iter().map(|file| &file.source));
        digest(&texts.map(|source| digest(&source.text) + "\n").collect::<String>())
    }

    fn made_by(&self) -> String {
        concat!("kpsc ", env!("CARGO_PKG_VERSION")).to_owned()
    }
}

fn digest(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A patch with one function for each hook, used to find the hooks that another function supports.
#[derive(Debug)]
pub struct ProbeSpec {
    sources: Sources,
    patch: ast::Patch,
}

impl Default for ProbeSpec {
    fn default() -> Self {
        ProbeSpec::new()
    }
}

impl ProbeSpec {
    /// One function for each kind of hook.
    const SPEC: &'static str = r#"patch inspect { object vmlinux {
        fn f { pre { } }
        fn f { post { } }
        fn f { replace { original() } }
        fn f { replace c "f.c"; }
    } }"#;

    /// The keywords of these hooks, in the same order.
    const WORDS: &'static [&'static str] = &["pre", "post", "replace", "replace c"];

    /// The patch.
    pub fn new() -> Self {
        let source = Source::new("inspect.kps", Self::SPEC);
        let patch = kps_grammar::parse(&source).0.patch;
        let patch =
            patch.unwrap_or_else(|| unreachable!("the spec is a constant that a test parses"));
        let mut sources = Sources::new(source);
        // The new body in C uses everything that a body in C may use.
        sources.add(Language::C, "f.c", Source::new("f.c", "original"));
        ProbeSpec { sources, patch }
    }

    /// The source text of the probe.
    pub fn text(&self) -> Text<'_> {
        Text(&self.sources)
    }

    /// A probe for functions of a kernel.
    pub fn probe<'a>(&self, text: &'a Text<'_>, facts: &'a Facts) -> Probe<'a> {
        Probe::new(facts, text, &self.patch, Self::WORDS)
    }
}
