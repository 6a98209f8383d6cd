// SPDX-License-Identifier: GPL-2.0
//! `#[livepatch]`: expands a module to the livepatch of a kernel build, and to its outline on the
//! host.

mod outline;
mod refuse;
mod tokens;

use crate::place::{misplaced, not_inside};
use crate::when::first_alternatives;
use crate::{Options, OUTER};
use kps_ast::Patch;
use kps_codegen::Contents;
use kps_diag::{any_error, Diagnostic};
use kps_facts::Facts;
use outline::Types;
use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::quote;
use refuse::{error, errors, warnings};
use std::collections::BTreeMap;
use syn::ItemMod;
use tokens::Tokens;

/// The environment variable that names the target's facts file. Without it and without the files of
/// `kpsc sync` nothing is checked, and the host sees the types in `src/bindings.rs`.
pub const FACTS: &str = "KPS_FACTS";

/// The context of an invocation that its tokens do not contain.
#[derive(Default)]
pub struct Context {
    /// The facts of the target, if one is named.
    pub facts: Option<Facts>,
    /// The options of the kernel that are known.
    pub options: Options,
    /// The path of the file with the kernel's types that kpsc wrote into the crate.
    pub bindings: String,
    /// The source of each C file that the patch names, by path.
    pub c_files: BTreeMap<String, String>,
    /// The paths of all files that were read. The crate is compiled again when one of them changes.
    pub files: Vec<String>,
    /// The SHA-256 of the crate's text.
    pub digest: String,
    /// The program that builds the crate.
    pub made_by: String,
}

/// Expands a module with `#[livepatch]`. `look_around` finds the context of a patch, or returns an
/// error message.
pub fn livepatch(
    arguments: TokenStream,
    item: TokenStream,
    look_around: impl FnOnce(&Patch) -> Result<Context, String>,
) -> TokenStream {
    let module: ItemMod = match syn::parse2(item.clone()) {
        Ok(module) => module,
        Err(problem) => return error(&misplaced(OUTER), problem.span(), problem.span()),
    };
    let alone = Context::default();
    let (patch, _) = crate::read(arguments.clone(), &module, &Tokens::new(&alone));
    let context = match look_around(&patch) {
        Ok(context) => context,
        Err(problem) => return syn::Error::new(Span::call_site(), problem).to_compile_error(),
    };
    // Conditions are replaced by conditions, so this is a module too.
    let module = syn::parse2(context.options.applied(item)).unwrap_or(module);
    let tokens = Tokens::new(&context);
    let (mut patch, mut said) = crate::read(arguments, &module, &tokens);
    let contents = context.facts.as_ref().and_then(|facts| {
        let (contents, found) = contents(&patch, said.is_empty(), &tokens, facts);
        said.extend(found);
        contents
    });
    let (contents, for_target) = contents.unzip();
    match for_target {
        Some(for_target) => patch = for_target,
        None => first_alternatives(&mut patch, |code| tokens.of(code)),
    }
    let (errors, warnings) = (errors(&said, &tokens), warnings(&said, &tokens));
    let on_host = |types: Types<'_>| {
        let (outline, depends) =
            (outline::outline(&patch, &module, &tokens, types), depends(&context.files));
        quote!(#depends #warnings #outline)
    };
    match contents.filter(|_| !any_error(&said)) {
        Some(contents) => {
            let outline = on_host(Types::Known(&contents.types));
            let declaration = &contents.declaration;
            let within = contents.within(&module.ident);
            let in_kernel = without_safety(quote!(#declaration #within), true);
            quote!(#in_kernel #outline)
        }
        None if !errors.is_empty() => {
            // Other errors would only follow from these.
            errors
        }
        None => {
            let outline = on_host(Types::BodyWithParams(&context.bindings));
            let missing = "KPS_FACTS does not name a facts file: build with `kpsc build`, or with make and the crate's Kbuild file";
            quote! {
                #[cfg(kps_kernel)]
                ::core::compile_error!(#missing);
                #outline
            }
        }
    }
}

/// Expands an inner attribute outside of a `#[livepatch]` module: to an error at its span.
pub fn outside(name: &str) -> TokenStream {
    error(&not_inside(name), Span::call_site(), Span::call_site())
}

/// The livepatch for a kernel, and the part of the patch that is for it.
fn contents(
    patch: &Patch,
    complete: bool,
    tokens: &Tokens<'_>,
    facts: &Facts,
) -> (Option<(Contents, Patch)>, Vec<Diagnostic>) {
    let (resolved, mut said) = kps_resolve::resolve(tokens, patch, complete, facts);
    let checked = resolved.and_then(|resolved| {
        let (checked, found) = kps_resolve::check(resolved);
        said.extend(found);
        checked
    });
    let contents = checked.map(|checked| {
        let name = kps_codegen::names::ident(&patch.name.value);
        let contents = kps_codegen::contents(checked.patch(), &quote!(#name::livepatch::Module));
        (contents, checked.written().clone())
    });
    (contents, said)
}

/// Tells cargo and rustc which files the macro has read. Nothing calls the function, so their
/// contents do not get into the crate.
fn depends(files: &[String]) -> TokenStream {
    quote! {
        #[cfg(not(kps_kernel))]
        const _: () = {
            #[allow(dead_code)]
            fn depends() {
                #(let _ = ::core::include_bytes!(#files);)*
                let _ = ::core::option_env!(#FACTS);
            }
        };
    }
}

/// Removes the comments that travel as doc attributes, because rustc does not accept a doc
/// attribute everywhere. `is_top` also restricts each item to a kernel build.
fn without_safety(tokens: TokenStream, is_top: bool) -> TokenStream {
    let mut out = TokenStream::new();
    let mut pending = None;
    // A comment continues in the lines after its first.
    let mut in_comment = false;
    for tree in tokens {
        if let Some(pound) = pending.take() {
            in_comment = doc(&tree).is_some_and(|text| in_comment || starts_comment(&text));
            if !in_comment {
                out.extend([pound, inner(tree)]);
            }
            continue;
        }
        match tree {
            TokenTree::Punct(ref punct) if punct.as_char() == '#' => pending = Some(tree),
            tree => {
                in_comment = false;
                out.extend([inner(tree)]);
            }
        }
    }
    out.extend(pending);
    if is_top {
        return match syn::parse2::<syn::File>(out.clone()) {
            Ok(file) => {
                let items = file.items;
                quote!(#(#[cfg(kps_kernel)] #items)*)
            }
            Err(_) => out,
        };
    }
    out
}

fn inner(tree: TokenTree) -> TokenTree {
    match tree {
        TokenTree::Group(group) => {
            let mut new = Group::new(group.delimiter(), without_safety(group.stream(), false));
            new.set_span(group.span());
            new.into()
        }
        tree => tree,
    }
}

/// The text of `[doc = ".."]`.
fn doc(tree: &TokenTree) -> Option<String> {
    let TokenTree::Group(group) = tree else { return None };
    let mut trees = group.stream().into_iter();
    let (doc, equals, text) = (trees.next()?, trees.next()?, trees.next()?);
    let is_doc = group.delimiter() == Delimiter::Bracket
        && doc.to_string() == "doc"
        && equals.to_string() == "=";
    is_doc.then(|| syn::parse2::<syn::LitStr>(text.into()).ok()).flatten().map(|text| text.value())
}

/// Whether the text starts a comment that travels as a doc attribute.
fn starts_comment(text: &str) -> bool {
    [" SAFETY:", " WHY:"].iter().any(|start| text.starts_with(start))
}
