// SPDX-License-Identifier: GPL-2.0
//! The arguments of attributes: `word`, `word = value` and `word(..)`, separated by commas.

use crate::SpanMap;
use kps_ast::{At, Name, Text};
use proc_macro2::{Literal, TokenStream};
use syn::ext::IdentExt as _;
use syn::parse::{ParseStream, Parser as _};
use syn::{Ident, LitInt, LitStr, Token};

/// Arguments that are not read yet.
pub(crate) struct Arguments<'a> {
    pub(crate) input: ParseStream<'a>,
    places: &'a dyn SpanMap,
}

/// Reads all arguments.
pub(crate) fn read<T>(
    tokens: TokenStream,
    places: &dyn SpanMap,
    read: impl FnOnce(&mut Arguments<'_>) -> syn::Result<T>,
) -> syn::Result<T> {
    parser(places, read).parse2(tokens)
}

/// A parser for all arguments, independent of where they come from.
pub(crate) fn parser<'a, T>(
    places: &'a dyn SpanMap,
    read: impl FnOnce(&mut Arguments<'_>) -> syn::Result<T> + 'a,
) -> impl FnOnce(ParseStream<'_>) -> syn::Result<T> + 'a {
    move |input| read(&mut Arguments { input, places })
}

impl Arguments<'_> {
    /// Reads the arguments one by one: `read` gets the keyword of each. An argument may be repeated
    /// only if `repeats` accepts it.
    pub(crate) fn each(
        &mut self,
        repeats: impl Fn(&str) -> bool,
        mut read: impl FnMut(&mut Self, &Ident) -> syn::Result<()>,
    ) -> syn::Result<()> {
        let mut seen = Vec::new();
        while !self.input.is_empty() {
            let word = self.input.call(Ident::parse_any)?;
            if !repeats(&word.to_string()) && seen.contains(&word) {
                return Err(syn::Error::new(word.span(), format!("`{word}` is given twice")));
            }
            read(self, &word)?;
            seen.push(word);
            if !self.input.is_empty() {
                self.input.parse::<Token![,]>()?;
            }
        }
        Ok(())
    }

    /// `= "text"`
    pub(crate) fn text(&mut self) -> syn::Result<Text> {
        self.input.parse::<Token![=]>()?;
        self.literal()
    }

    /// `"text"`
    pub(crate) fn literal(&mut self) -> syn::Result<Text> {
        let literal = self.input.parse::<LitStr>()?;
        Ok(At { value: literal.value(), span: self.places.place(literal.span()) })
    }

    /// A C identifier.
    pub(crate) fn name(&mut self) -> syn::Result<Name> {
        let ident = self.input.call(Ident::parse_any)?;
        Ok(At { value: ident.unraw().to_string(), span: self.places.place(ident.span()) })
    }

    /// The name of an object. A module's name may start with a digit, for example `8021q`.
    pub(crate) fn object(&mut self) -> syn::Result<Name> {
        if !self.input.peek(syn::Lit) {
            return self.name();
        }
        let literal = self.input.parse::<Literal>()?;
        let value = literal.to_string();
        match value.chars().all(|c| c == '_' || c.is_ascii_alphanumeric()) {
            true => Ok(At { value, span: self.places.place(literal.span()) }),
            false => Err(syn::Error::new(literal.span(), "expected the name of an object")),
        }
    }

    /// `= NAME`
    pub(crate) fn named(&mut self) -> syn::Result<Name> {
        self.input.parse::<Token![=]>()?;
        self.name()
    }

    /// `= NUMBER`
    pub(crate) fn number(&mut self) -> syn::Result<At<u32>> {
        self.input.parse::<Token![=]>()?;
        let literal = self.input.parse::<LitInt>()?;
        Ok(At { value: literal.base10_parse()?, span: self.places.place(literal.span()) })
    }

    /// `= NUMBER`, as in the source.
    pub(crate) fn digits(&mut self) -> syn::Result<Name> {
        self.input.parse::<Token![=]>()?;
        let literal = self.input.parse::<LitInt>()?;
        Ok(At { value: literal.to_string(), span: self.places.place(literal.span()) })
    }

    /// `(..)`: items read by `read`, separated by commas.
    pub(crate) fn list<T>(
        &mut self,
        mut read: impl FnMut(&mut Arguments<'_>) -> syn::Result<T>,
    ) -> syn::Result<Vec<T>> {
        let content;
        syn::parenthesized!(content in self.input);
        let mut inner = Arguments { input: &content, places: self.places };
        let mut all = Vec::new();
        while !inner.input.is_empty() {
            all.push(read(&mut inner)?);
            if !inner.input.is_empty() {
                inner.input.parse::<Token![,]>()?;
            }
        }
        Ok(all)
    }

    /// The arguments in brackets.
    pub(crate) fn within<'b>(&'b self, input: ParseStream<'b>) -> Arguments<'b> {
        Arguments { input, places: self.places }
    }

    /// The spans of tokens.
    pub(crate) fn places(&self) -> &dyn SpanMap {
        self.places
    }
}

/// The error for an unknown argument.
pub(crate) fn unknown(word: &Ident) -> syn::Error {
    syn::Error::new(word.span(), format!("unknown argument `{word}`"))
}
