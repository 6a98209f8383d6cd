// SPDX-License-Identifier: GPL-2.0
//! What is said about refused words.

use super::{Refused, What};
use crate::another_name;
use kps_ast::Span;
use kps_diag::{Diagnostic, LANGUAGE_NAME, MISPLACED_ORIGINAL, OUTSIDE_INPUT, RESERVED_WORD};

impl Refused {
    /// The message, at a position of the author's text.
    pub fn diagnostic(&self, place: Span) -> Diagnostic {
        const OURS: &str = "the generated code uses it, and may use it for something else in the next version of kpsc";
        const OUTSIDE: &str = "the same patch must become the same module everywhere";
        let error = match &self.what {
            What::Name(name) => {
                Diagnostic::new(RESERVED_WORD, format!("`{name}` is a name of the generated code"))
                    .note(OURS)
                    .help(match name.starts_with("kps_orig_") {
                        true => "call the old function as `original(..)`".to_owned(),
                        false => another_name(name),
                    })
            }
            What::Text(name) => Diagnostic::new(
                RESERVED_WORD,
                format!("this names the symbol `{name}`"),
            )
            .note(OURS)
            .help(
                "call the old function as `original`, and declare symbols of the kernel: `use fn NAME;` in a spec, `#[symbols(OBJECT)]` in a crate",
            ),
            What::Parts(name) => {
                Diagnostic::new(RESERVED_WORD, format!("`{name}!` makes names of parts"))
                    .note("such a name may be one of the generated code")
                    .help("write the names in full")
            }
            What::Composing(name) => in_assembly(
                format!("`{name}` makes names of parts"),
                "write the assembly in full, or with a macro of Rust",
            ),
            What::Glued(text) => in_assembly(
                format!("`{text}` makes a name of parts"),
                "put a space or an operator between the placeholder and the name",
            ),
            What::OpenConcat => in_assembly(
                "`concat!` makes assembly of what a macro is given".to_owned(),
                "begin and end the texts beside the parameter with a space, or hand the macro the whole text",
            ),
            What::Path => Diagnostic::new(
                OUTSIDE_INPUT,
                "this may name the file of a module, and kpsc cannot tell which one",
            )
            .note(OUTSIDE)
            .help("name it where the module is declared: `mod NAME from \"FILE.rs\";` in a spec, and `#[path = \"FILE.rs\"] mod NAME;` in a crate"),
            What::Original => Diagnostic::new(
                MISPLACED_ORIGINAL,
                "a macro can use `original` without calling it",
            )
            .note("its address is not that of a function: a call through it would fault under IBT and kCFI")
            .help("call `original(..)` outside of the macro, and hand over the result"),
            What::Outside(name) => Diagnostic::new(
                OUTSIDE_INPUT,
                format!("`{name}!` reads something that is not part of the patch"),
            )
            .note(OUTSIDE)
            .help("write the value itself, as a literal or a constant"),
            What::Directive(name) => Diagnostic::new(
                OUTSIDE_INPUT,
                format!("`{name}` reads something that is not part of the patch"),
            )
            .note(OUTSIDE)
            .help("write the bytes themselves, with `.byte` or `.ascii`"),
            What::Language(name) => {
                Diagnostic::new(LANGUAGE_NAME, format!("`{name}` has a meaning in Rust"))
                    .note("generated code and the kernel's macros use it with that meaning")
                    .help(another_name(name))
            }
            What::NamelessMacro => {
                Diagnostic::new(LANGUAGE_NAME, "a macro has a name that an argument decides")
                    .note("it may be the name of one of Rust's own macros")
                    .help("write the name of the macro")
            }
            What::ExternCrate => {
                Diagnostic::new(LANGUAGE_NAME, "`extern crate` gives a crate another name")
                    .note("generated code names crates by paths such as `::core::ptr::null`")
                    .help("write `use` with the crate's own name")
            }
        };
        error.at(place, "")
    }
}

/// The message about names that the assembler gets in parts.
fn in_assembly(message: String, help: &str) -> Diagnostic {
    Diagnostic::new(RESERVED_WORD, message)
        .note("such a name may be one of the generated code, or a directive that reads a file")
        .help(help)
}
