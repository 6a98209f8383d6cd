//! `#[livepatch]`: from the tokens of a module to the livepatch that it is in a kernel build, and to its outline on the host.

use crate::outline::{self, Types};
use crate::refuse::errors;
use crate::surroundings::{Surroundings, FACTS};
use crate::tokens::Tokens;
use kps_codegen::Contents;
use kps_facts::Facts;
use kps_resolve::diag::{any_error, Diagnostic};
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use quote::quote;
use syn::ItemMod;

/// What the module becomes.
pub(crate) fn livepatch(arguments: TokenStream, item: TokenStream) -> TokenStream {
    let module: ItemMod = match syn::parse2(item.clone()) {
        Ok(module) => module,
        Err(error) => {
            let error =
                syn::Error::new(error.span(), "`#[livepatch]` belongs on a module: write `mod NAME { .. }`");
            return error.to_compile_error();
        }
    };
    let alone = Surroundings::default();
    let (patch, _) = kps_attributes::read(arguments.clone(), &module, &Tokens::new(&alone));
    let surroundings = match Surroundings::read(&patch) {
        Ok(surroundings) => surroundings,
        Err(error) => return syn::Error::new(proc_macro2::Span::call_site(), error).to_compile_error(),
    };
    let tokens = Tokens::new(&surroundings);
    let (patch, mut said) = kps_attributes::read(arguments, &module, &tokens);
    let contents = surroundings.facts.as_ref().and_then(|facts| {
        let (contents, found) = contents(&patch, said.is_empty(), &tokens, facts);
        said.extend(found);
        contents
    });
    let errors = errors(&said, &tokens);
    let on_host = |types: Types<'_>| outline::outline(&patch, &module, &tokens, types);
    match contents.filter(|_| !any_error(&said)) {
        Some(contents) => {
            let outline = on_host(Types::Known(&contents.types));
            let declaration = &contents.declaration;
            let within = contents.within(&module.ident);
            let in_kernel = without_safety(quote!(#declaration #within), true);
            quote!(#in_kernel #outline)
        }
        None if !errors.is_empty() => {
            // What else is wrong would follow from what has been said.
            errors
        }
        None => {
            let outline = on_host(Types::Bound);
            let missing = format!(
                "{FACTS} does not name the facts of a kernel: build with `kpsc build`, or with make and the crate's own Kbuild file"
            );
            quote! {
                #[cfg(CONFIG_RUST)]
                compile_error!(#missing);
                #outline
            }
        }
    }
}

/// The livepatch for a kernel.
fn contents(
    patch: &kps_ast::Patch,
    complete: bool,
    tokens: &Tokens<'_>,
    facts: &Facts,
) -> (Option<Contents>, Vec<Diagnostic>) {
    let (resolved, mut said) = kps_resolve::resolve(tokens, patch, complete, facts);
    let checked = resolved.and_then(|resolved| {
        let (checked, found) = kps_resolve::check(resolved);
        said.extend(found);
        checked
    });
    let contents = checked.map(|checked| {
        let name = kps_codegen::names::ident(&patch.name.value);
        kps_codegen::contents(checked.patch(), &quote!(#name::Module))
    });
    (contents, said)
}

/// Some items without the comments that travel as doc attributes where rustc lets none stand, each for a kernel alone.
fn without_safety(tokens: TokenStream, is_top: bool) -> TokenStream {
    let mut out = TokenStream::new();
    let mut pending = None;
    for tree in tokens {
        if let Some(pound) = pending.take() {
            if !is_comment(&tree) {
                out.extend([pound, inner(tree)]);
            }
            continue;
        }
        match tree {
            TokenTree::Punct(ref punct) if punct.as_char() == '#' => pending = Some(tree),
            tree => out.extend([inner(tree)]),
        }
    }
    out.extend(pending);
    if is_top {
        return match syn::parse2::<syn::File>(out.clone()) {
            Ok(file) => {
                let items = file.items;
                quote!(#(#[cfg(CONFIG_RUST)] #items)*)
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

/// Whether this is `[doc = " SAFETY: .."]` or the like.
fn is_comment(tree: &TokenTree) -> bool {
    let TokenTree::Group(group) = tree else { return false };
    let words: Vec<String> = group.stream().into_iter().take(3).map(|tree| tree.to_string()).collect();
    let text = match (group.delimiter(), words.as_slice()) {
        (Delimiter::Bracket, [doc, equals, text]) if doc == "doc" && equals == "=" => text,
        _ => return false,
    };
    ["\" SAFETY:", "\" WHY:"].iter().any(|start| text.starts_with(start))
}
