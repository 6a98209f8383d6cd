// SPDX-License-Identifier: GPL-2.0
//! Whether a function can be changed, without a spec. The answers come from the same rules that
//! specs are held to.

use super::bodies::{Fragment, Rust};
use super::c_text::system_call::macro_of;
use super::symbols::Scope;
use super::{Resolver, SourceText};
use crate::check::check_func;
use kps_ast::{self as ast, Code, Span, Symbol};
use kps_diag::{any_error, Diagnostic};
use kps_facts::{Facts, Importer, Wanted};
use kps_plan::{Func, Types};
use proc_macro2::TokenStream;
use std::borrow::Cow;

/// Probes functions of one kernel.
pub struct Probe<'a> {
    facts: &'a Facts,
    pieces: &'a dyn SourceText,
    funcs: Vec<ast::Func>,
    rust: Rust,
    wanted: Wanted,
    words: &'static [&'static str],
}

/// The result of probing a function.
#[derive(Debug)]
pub struct Hookability {
    /// The diagnostics for each keyword that could change it.
    pub words: Vec<(&'static str, Vec<Diagnostic>)>,
    /// The function and its types, if any keyword can change it.
    pub func: Option<(Func<Fragment>, Types)>,
}

impl Hookability {
    /// The keywords that can change it.
    pub fn possible(&self) -> Vec<&'static str> {
        self.words.iter().filter(|(_, said)| !any_error(said)).map(|(word, _)| *word).collect()
    }

    /// The diagnostics, each code once.
    pub fn said(&self) -> Vec<&Diagnostic> {
        let mut said: Vec<&Diagnostic> = Vec::new();
        for diagnostic in self.words.iter().flat_map(|(_, said)| said) {
            if !said.iter().any(|known| known.code == diagnostic.code) {
                said.push(diagnostic);
            }
        }
        said
    }
}

impl<'a> Probe<'a> {
    /// A probe for functions of this kernel. The patch has one function for each of `words`, the
    /// keywords that change a function; the probed function replaces it.
    pub fn new(
        facts: &'a Facts,
        pieces: &'a dyn SourceText,
        patch: &ast::Patch,
        words: &'static [&'static str],
    ) -> Self {
        let rust = Resolver::new(pieces, facts, true).parse_rust(patch);
        let funcs = patch.objects.iter().flat_map(|object| object.funcs.clone()).collect();
        let wanted =
            Wanted { members: vec![super::syscalls::members(facts.arch())], ..Wanted::default() };
        Probe { facts, pieces, funcs, rust, wanted, words }
    }

    /// Probes a function of an object, which the facts must have.
    pub fn probe(&self, object: &str, symbol: &Symbol) -> Hookability {
        let mut judgement = Hookability { words: Vec::new(), func: None };
        let Some(scope) = Scope::of(self.facts, object) else { return judgement };
        let pieces = WithCall { pieces: self.pieces, file: self.definition(scope, symbol) };
        for (word, func) in self.words.iter().copied().zip(&self.funcs) {
            let mut resolver = Resolver::new(&pieces, self.facts, true);
            let mut importer = Importer::new(self.facts.arch(), &self.facts.btf, &self.wanted)
                .with_user_members(&self.facts.user_declarations);
            let func = ast::Func { symbol: symbol.clone(), ..func.clone() };
            let found = resolver.func(scope, &func, &self.rust, &mut importer);
            resolver.note_other_entries(scope, std::slice::from_ref(&func));
            resolver.note_clones(scope, std::slice::from_ref(&func), &self.rust);
            let mut said = resolver.diagnostics;
            if let Some(func) = &found {
                check_func(func, symbol.name.span, &mut said);
            }
            if !any_error(&said) && judgement.func.is_none() {
                judgement.func = found.map(|func| (func, importer.finish()));
            }
            judgement.words.push((word, said));
        }
        judgement
    }

    /// The definition of a system call as a file in C has it, if the symbol is of one.
    fn definition(&self, scope: Scope<'_>, symbol: &Symbol) -> Option<String> {
        let call = Resolver::new(self.pieces, self.facts, true).syscall(scope, symbol)?;
        let known = self.facts.syscalls.get(call.name).map(Vec::as_slice);
        let params = known.unwrap_or_default().iter();
        let params: String =
            params.map(|param| format!(", {}, {}", param.ty, param.name)).collect();
        let define = macro_of(false, Some(known.unwrap_or_default().len()));
        Some(format!("{define}({}{params}) {{ original(); }}", call.name))
    }
}

/// The text of the probe, with the system call that is probed defined in its file in C.
struct WithCall<'a> {
    pieces: &'a dyn SourceText,
    file: Option<String>,
}

impl SourceText for WithCall<'_> {
    fn tokens(&self, code: Code) -> Result<TokenStream, Span> {
        self.pieces.tokens(code)
    }

    fn place(&self, code: Code, span: proc_macro2::Span) -> Span {
        self.pieces.place(code, span)
    }

    fn text(&self, place: Span) -> Cow<'_, str> {
        self.pieces.text(place)
    }

    fn origin(&self, code: Code) -> String {
        self.pieces.origin(code)
    }

    fn statements(&self, code: Code) -> TokenStream {
        self.pieces.statements(code)
    }

    fn inline(&self, code: Code) -> TokenStream {
        self.pieces.inline(code)
    }

    fn rust_file(&self, path: &str) -> Option<Code> {
        self.pieces.rust_file(path)
    }

    fn c_file(&self, path: &str) -> Option<&str> {
        self.file.as_deref().or_else(|| self.pieces.c_file(path))
    }

    fn digest(&self) -> String {
        self.pieces.digest()
    }

    fn made_by(&self) -> String {
        self.pieces.made_by()
    }
}
