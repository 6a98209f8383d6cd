// SPDX-License-Identifier: GPL-2.0
//! The functions of a crate: new bodies, hooks and callbacks, with prototypes from the spec or from
//! the kernel.

use super::pieces::{code, conditions, Piece, What};
use super::rust::{block, inline, kernel_type, literal};
use super::{INDENT, INNER, WIDTH};
use crate::resolve::Fragment;
use crate::Checked;
use kps_codegen::names::ident;
use kps_grammar::ast::{self, Body, Code, Hook};
use kps_grammar::{comments, Sources, Span};
use kps_plan::{Func, ObjectName, Signature, Type};
use proc_macro2::{TokenStream, TokenTree};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr as _;

/// A function as attributes name it: its object and its symbol.
pub(super) fn path(object: &str, symbol: &ast::Symbol) -> String {
    let position = symbol.position.as_ref().map(|position| format!("@{}", position.value));
    format!("{object}::{}{}", symbol.name.value, position.unwrap_or_default())
}

/// The known prototypes, and the names in use.
pub(super) struct Signatures<'a> {
    checked: &'a Checked,
    sources: &'a Sources,
    /// The changed functions, by the position of their names.
    funcs: BTreeMap<usize, &'a Func<Fragment>>,
    /// The names that the author's Rust uses, and those of the functions so far.
    taken: RefCell<BTreeSet<String>>,
}

/// A prototype in Rust.
struct Prototype {
    /// Names and types.
    params: Vec<(String, String)>,
    variadic: bool,
    ret: Option<String>,
}

impl Prototype {
    /// The text after the function's name at an indentation, on one line if it fits.
    fn shown(&self, indent: usize, before: usize, behind: usize) -> String {
        let mut params: Vec<String> =
            self.params.iter().map(|(name, ty)| format!("{name}: {ty}")).collect();
        params.extend(self.variadic.then(|| "...".to_owned()));
        let ret = self.ret.as_ref().map(|ret| format!(" -> {ret}")).unwrap_or_default();
        let short = format!("({}){ret}", params.join(", "));
        if indent + before + short.len() + behind <= WIDTH && !short.contains('\n') {
            return short;
        }
        // Nothing may follow `...`.
        let comma = |n: usize| if self.variadic && n + 1 == params.len() { "" } else { "," };
        let inner = indent + INDENT;
        let lines: String = params
            .iter()
            .enumerate()
            .map(|(n, param)| format!("{:inner$}{param}{}\n", "", comma(n)))
            .collect();
        format!("(\n{lines}{:indent$}){ret}", "")
    }
}

impl<'a> Signatures<'a> {
    pub(super) fn of(checked: &'a Checked, sources: &'a Sources) -> Self {
        let objects = checked.patch().objects.iter().zip(checked.places());
        // The entries of a system call are at one place, and the first one has its prototype.
        let funcs = objects.flat_map(|(object, places)| {
            places.iter().zip(&object.funcs).rev().map(|(place, func)| (place.start, func))
        });
        let mut taken = BTreeSet::new();
        let patch = checked.written();
        let texts = code(patch).into_iter().map(|code| sources.slice(code.span));
        let files = sources.files().skip(1).map(|file| file.source.text.as_str());
        for text in texts.chain(files) {
            words(&TokenStream::from_str(text).unwrap_or_default(), &mut taken);
        }
        taken.extend(patch.params.iter().map(|param| param.name.value.clone()));
        taken.extend(patch.states.iter().map(|state| state.name.value.clone()));
        taken.extend(patch.shadows.iter().map(|shadow| shadow.name.value.clone()));
        taken.extend(patch.resources.iter().map(|resource| resource.name.value.clone()));
        taken.extend(patch.modules.iter().map(|module| module.name.value.clone()));
        let used = patch.objects.iter().flat_map(|object| object.used_symbols());
        taken.extend(used.map(|symbol| symbol.name.value.clone()));
        Signatures { checked, sources, funcs: funcs.collect(), taken: RefCell::new(taken) }
    }

    /// A name that is not in use in the module: the first free one of these, or a numbered one.
    fn free(&self, names: [String; 2]) -> String {
        let mut taken = self.taken.borrow_mut();
        let numbered = (2..).map(|n| format!("{}_{n}", names[1]));
        let free = names.iter().cloned().chain(numbered).find(|name| !taken.contains(name));
        let free = free.unwrap_or_else(|| unreachable!("numbers do not end"));
        taken.insert(free.clone());
        free
    }

    /// A prototype with the author's types if there are any, and the names that bodies use.
    fn prototype(
        &self,
        signature: &Signature,
        written: Option<&ast::Prototype>,
        indent: usize,
    ) -> Prototype {
        let own = |code: Code| inline(self.sources, code, indent);
        let kernels = |ty: &Type| kernel_type(self.checked, ty);
        let param = |(n, param): (usize, &kps_plan::Param)| {
            let written = written.and_then(|written| written.params.get(n));
            let ty = written.map_or_else(|| kernels(&param.ty), |written| own(written.ty));
            (ident(&param.name).to_string(), ty)
        };
        let params = signature.params.iter().enumerate().map(param).collect();
        let ret = match written {
            Some(written) => written.ret.map(own),
            None => Some(&signature.ret).filter(|ret| **ret != Type::Void).map(kernels),
        };
        Prototype { params, variadic: signature.variadic, ret }
    }

    /// The line of an `extern` block.
    pub(super) fn declaration(
        &self,
        name: &str,
        signature: &Signature,
        written: Option<&ast::Prototype>,
        indent: usize,
    ) -> String {
        let head = format!("fn {}", ident(name));
        let prototype = self.prototype(signature, written, indent);
        format!("{head}{};", prototype.shown(indent, head.len(), 1))
    }

    /// The line in the `extern` block of a function in a C file.
    pub(super) fn of_c(&self, function: &ast::CFunction) -> String {
        let own = |code: Code| inline(self.sources, code, INNER);
        let params = &function.prototype.params;
        let prototype = Prototype {
            params: params
                .iter()
                .map(|param| (ident(&param.name.value).to_string(), own(param.ty)))
                .collect(),
            variadic: function.prototype.variadic,
            ret: function.prototype.ret.map(own),
        };
        let head = format!("fn {}", ident(&function.name.value));
        format!("{head}{};", prototype.shown(INNER, head.len(), 1))
    }

    /// A function around a body.
    fn function(
        &self,
        attribute: &str,
        name: &str,
        mut prototype: Prototype,
        body: Code,
    ) -> String {
        let tokens = TokenStream::from_str(self.sources.slice(body.span)).unwrap_or_default();
        for (name, _) in &mut prototype.params {
            if changes(&tokens, name) {
                name.insert_str(0, "mut ");
            }
        }
        let head = format!("unsafe fn {name}");
        let prototype = prototype.shown(INDENT, head.len(), " {".len());
        let body = block(self.sources, body, INDENT);
        format!("#[{attribute}]\n{:INDENT$}{head}{prototype} {body}", "")
    }
}

/// The changed functions of an object, and its callbacks.
pub(super) fn functions(
    sources: &Sources,
    signatures: &Signatures<'_>,
    object: &ast::Object,
    pieces: &mut Vec<Piece>,
) {
    let of = &object.name.value;
    for func in &object.funcs {
        let Some(known) = signatures.funcs.get(&func.symbol.name.span.start) else { continue };
        let (path, place) = (path(of, &func.symbol), func.symbol.name.span);
        let written = func.prototype.as_ref();
        let before = pieces.len();
        if let Some(file) = &func.replace_c {
            let declared =
                signatures.declaration(&func.symbol.name.value, &known.signature, written, INNER);
            let when = conditions(object.when.iter().chain(&func.when), INNER);
            let text = format!("{when}#[replace({path})]\n{:INNER$}{declared}", "");
            pieces.push(Piece::new(What::InC(format!("c({})", literal(&file.value))), place, text));
        }
        // The first hook says it for all.
        let mut told = func.arguments.as_ref();
        for &hook in Hook::ALL {
            let Some(Body { word: at, code }) = func.hook(hook) else { continue };
            let word = hook.keyword();
            let mut prototype = signatures.prototype(&known.signature, written, INDENT);
            if hook == Hook::Post {
                let ret = prototype.ret.take();
                prototype.params.extend(ret.map(|ret| ("ret".to_owned(), ret)));
            }
            let stem = stem(&func.symbol.name.value);
            let name = signatures.free([format!("{word}_{stem}"), format!("{word}_{stem}_{of}")]);
            let told = told.take().map(|told| format!(", arguments = {}", literal(&told.value)));
            let attribute = format!("{word}({path}{})", told.unwrap_or_default());
            let when = conditions(object.when.iter().chain(&func.when), INDENT);
            let text = when + &signatures.function(&attribute, &name, prototype, code);
            let mut piece = Piece::new(What::Function, at, text);
            if func.replace_from.is_some() && hook == Hook::Replace {
                piece.comments = comments_of_file(sources, written, code);
            }
            pieces.push(piece);
        }
        if let Some(first) = pieces[before..].iter_mut().min_by_key(|piece| piece.place) {
            first.anchors.push(place.start);
        }
    }
    for callback in &object.callbacks {
        let word = callback.callback.name();
        let text = sources.slice(callback.code.span);
        let mut prototype = Prototype { params: Vec::new(), variadic: false, ret: None };
        // The text of a macro may name it, too.
        if text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').any(|word| word == "obj") {
            prototype.params.push(("obj".to_owned(), "*mut klp_object".to_owned()));
        }
        prototype.ret = callback.callback.returns().then(|| "c_int".to_owned());
        let suffix = if of == ObjectName::IMAGE { String::new() } else { format!("_{of}") };
        let name = signatures.free([format!("{word}{suffix}"), format!("{word}_{of}")]);
        let text = signatures.function(&format!("{word}({of})"), &name, prototype, callback.code);
        pieces.push(Piece::new(What::Function, callback.word, text));
    }
}

/// The comments of a file above the body of its only function, except those in types.
fn comments_of_file(
    sources: &Sources,
    prototype: Option<&ast::Prototype>,
    body: Code,
) -> Vec<Span> {
    let types = prototype
        .into_iter()
        .flat_map(|all| all.params.iter().map(|param| param.ty).chain(all.ret));
    let types: Vec<Span> = types.map(|ty| ty.span).collect();
    let is_in_type =
        |comment: &Span| types.iter().any(|ty| ty.start <= comment.start && comment.end <= ty.end);
    let above = |comment: &Span| comment.end <= body.span.start && !is_in_type(comment);
    comments_beside(sources, body).filter(above).collect()
}

/// The comments below bodies from files; they belong to no item.
pub(super) fn comments_below<'a>(
    patch: &'a ast::Patch,
    sources: &'a Sources,
) -> impl Iterator<Item = Span> + use<'a> {
    let funcs = patch.objects.iter().flat_map(|object| &object.funcs);
    let bodies = funcs.filter(|func| func.replace_from.is_some()).filter_map(|func| func.replace);
    bodies.flat_map(|body| {
        let end = body.code.span.end;
        comments_beside(sources, body.code).filter(move |comment| comment.start >= end)
    })
}

/// The comments of the file that contains a body.
fn comments_beside(sources: &Sources, body: Code) -> impl Iterator<Item = Span> + use<'_> {
    let file = sources.file(body.span.start);
    comments(&file.source.text).into_iter().map(|comment| file.global(comment))
}

/// A symbol's name as part of a Rust name, with single `_` between its words.
fn stem(name: &str) -> String {
    let words = name.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("_")
}

/// All identifiers among some tokens.
fn words(tokens: &TokenStream, found: &mut BTreeSet<String>) {
    for token in tokens.clone() {
        match token {
            TokenTree::Ident(ident) => drop(found.insert(ident.to_string())),
            TokenTree::Group(group) => words(&group.stream(), found),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

/// Whether a body seems to change a parameter: it assigns to it or a part of it, or borrows it
/// mutably.
fn changes(tokens: &TokenStream, name: &str) -> bool {
    let all: Vec<TokenTree> = tokens.clone().into_iter().collect();
    let is_punct =
        |n: usize, c: char| matches!(all.get(n), Some(TokenTree::Punct(p)) if p.as_char() == c);
    let is_ident =
        |n: usize| matches!(all.get(n), Some(TokenTree::Ident(_) | TokenTree::Literal(_)));
    for (n, token) in all.iter().enumerate() {
        match token {
            TokenTree::Group(group) if changes(&group.stream(), name) => return true,
            TokenTree::Ident(ident) if ident == name && !(n > 0 && is_punct(n - 1, '.')) => {
                let borrowed = n > 1
                    && matches!(&all[n - 1], TokenTree::Ident(word) if word == "mut")
                    && is_punct(n - 2, '&');
                let mut at = n + 1;
                while is_punct(at, '.') && is_ident(at + 1) {
                    at += 2;
                }
                let operators = "+-*/%&|^<>";
                while operators.chars().any(|c| is_punct(at, c)) && at < n + 64 {
                    at += 1;
                }
                let compares = is_punct(at + 1, '=') || is_punct(at + 1, '>');
                let assigned = is_punct(at, '=') && !compares && !is_comparison(&all, at);
                if borrowed || assigned {
                    return true;
                }
            }
            _ => {}
        }
    }
    false
}

/// Whether this `=` is the end of `<=`, `>=` or `!=`.
fn is_comparison(all: &[TokenTree], at: usize) -> bool {
    let before = |n: usize| match at.checked_sub(n).and_then(|at| all.get(at)) {
        Some(TokenTree::Punct(punct)) => punct.as_char(),
        _ => ' ',
    };
    match before(1) {
        '!' => true,
        // `<<=` and `>>=` assign.
        c @ ('<' | '>') => before(2) != c,
        _ => false,
    }
}
