// SPDX-License-Identifier: GPL-2.0
//! Messages that generated code logs by itself. They are formats of C, because the code of Rust's
//! formatting would be the largest part of a small module. The runtime's module `message` is in
//! scope where they are.

use proc_macro2::{Literal, TokenStream};
use quote::quote;
use std::ffi::CString;

/// Logs an error of a module. What is not the generator's own in the text is [`verbatim`].
pub(crate) fn error(module: &str, text: &str) -> TokenStream {
    let format = format(module, text);
    quote! {
        /// SAFETY: the format takes no arguments.
        unsafe { message::error(#format) };
    }
}

/// Logs an error about the `name` in scope, which the text has as `%.*s`.
pub(crate) fn error_about(module: &str, text: &str, name: &TokenStream) -> TokenStream {
    let format = format(module, text);
    quote! {
        /// SAFETY: the format takes a name.
        unsafe { message::error_about(#format, #name) };
    }
}

/// Logs an error about the `name` in scope, with a number, which the text has as `%d` behind it.
pub(crate) fn error_with(
    module: &str,
    text: &str,
    name: &TokenStream,
    number: &TokenStream,
) -> TokenStream {
    let format = format(module, text);
    quote! {
        /// SAFETY: the format takes a name and a number.
        unsafe { message::error_with(#format, #name, #number) };
    }
}

/// A text in a format that stands for itself.
pub(crate) fn verbatim(text: &str) -> String {
    text.replace('%', "%%")
}

/// As `pr_err!` logs it: the level, which is `KERN_ERR`, and the module's name before the text.
fn format(module: &str, text: &str) -> Literal {
    let format = format!("\u{1}3{}: {text}\n", verbatim(module)).replace('\0', "");
    // No NUL is left in it.
    Literal::c_string(&CString::new(format).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_generators_own_text_has_arguments() {
        let text = format!("`%.*s` is not of {}", verbatim("7.3%d\0"));
        let wanted = Literal::c_string(c"\x013p: `%.*s` is not of 7.3%%d\n");
        assert_eq!(format("p", &text).to_string(), wanted.to_string());
    }
}
