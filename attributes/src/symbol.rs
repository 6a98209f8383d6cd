//! `OBJECT::FUNCTION`: how attributes name a function, with a position where the name is not unique.

use crate::args::Arguments;
use kps_ast::{At, Name, Symbol};
use proc_macro2::TokenTree;
use syn::parse::ParseStream;
use syn::{LitInt, Token};

/// What stands in the brackets of `#[pre(..)]` and its like.
pub(crate) const FORM: &str =
    "the object and the function: `vmlinux::FUNCTION`, `MODULE::FUNCTION` or `vmlinux::FUNCTION@2`";

/// Reads `OBJECT::NAME` or `OBJECT::NAME@POSITION`. A name ends where a list of arguments begins: the kernel's names may have dots, and
/// digits first, so they are put together of what Rust takes for several tokens.
pub(crate) fn read(args: &mut Arguments<'_>) -> syn::Result<(Name, Symbol)> {
    let object = args.name()?;
    args.input.parse::<Token![::]>()?;
    let mut name: Option<Name> = None;
    while is_of_name(args.input) {
        let tree: TokenTree = args.input.parse()?;
        let (text, place) = (tree.to_string(), args.places().place(tree.span()));
        let text = text.strip_prefix("r#").unwrap_or(&text);
        match &mut name {
            Some(name) => {
                name.value.push_str(text);
                name.span = name.span.to(place);
            }
            None => name = Some(At { value: text.to_owned(), span: place }),
        }
    }
    let name = name.ok_or_else(|| args.input.error("expected the name of a function"))?;
    let position = if args.input.parse::<Option<Token![@]>>()?.is_some() {
        let literal = args.input.parse::<LitInt>()?;
        Some(At { value: literal.base10_parse()?, span: args.places().place(literal.span()) })
    } else {
        None
    };
    Ok((object, Symbol { name, position }))
}

fn is_of_name(input: ParseStream<'_>) -> bool {
    let ends =
        input.is_empty() || input.peek(syn::token::Paren) || input.peek(Token![@]) || input.peek(Token![,]);
    !ends
}
