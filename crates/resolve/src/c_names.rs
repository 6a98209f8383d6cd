// SPDX-License-Identifier: GPL-2.0
//! Names that neither the kernel nor the patch has: what C calls something else, and what is
//! misspelled.

use super::c_table::in_place;
use super::names::Names;
use super::symbols::{near, nearest, Wanted, SEARCHES};
use super::Resolver;
use crate::advice::Advice;
use kps_ast::{Code, Span};
use kps_codegen::refs::{Name, Refs, Role};
use kps_diag::{list, Diagnostic, NO_SUCH_NAME};
use kps_facts::{inline, Inline, CONSTANTS};

/// Macros of the prelude. C has functions or variables of these names.
const MACROS: &[&str] = &[
    "container_of",
    "current",
    "offset_of",
    "pr_alert",
    "pr_crit",
    "pr_debug",
    "pr_emerg",
    "pr_err",
    "pr_info",
    "pr_notice",
    "pr_warn",
];

/// Macros of the table that no crate of the kernel has.
const NO_MACROS: &[&str] =
    &["dbg", "eprint", "eprintln", "format", "print", "printf", "println", "printk", "vec"];

impl Resolver<'_> {
    /// A macro that is used as C uses it: `pr_info("..")`, `current`.
    pub(super) fn macro_as_function(&mut self, name: &Name, code: Code, names: &mut Names) {
        let text = &name.name;
        let is_used = matches!(name.role, Role::Function | Role::Value);
        if !is_used || !MACROS.contains(&text.as_str()) || names.own.contains(text) {
            return;
        }
        names.calls_macros |= name.called;
        if !names.reported.insert(text.clone()) {
            return;
        }
        let write = match (text.as_str(), in_place(text, self.form)) {
            (_, Some(write)) => write,
            ("offset_of", _) => "`offset_of!(TYPE, MEMBER)`".to_owned(),
            _ => format!("`{text}!(\"..\\n\")`"),
        };
        self.report(
            Diagnostic::new(NO_SUCH_NAME, format!("`{text}` is a macro in bodies"))
                .at(self.pieces.place(code, name.span), "")
                .help(format!("write {write}")),
        );
    }

    /// A variable or macro of C that is a function in bodies: `jiffies`. Returns whether it is one.
    pub(super) fn function_as_value(&mut self, name: &Name, code: Code) -> bool {
        let text = &name.name;
        let takes_nothing = |inline: &Inline| inline.params().is_empty();
        if name.called || name.role == Role::Type || !inline(text).is_some_and(takes_nothing) {
            return false;
        }
        self.report(
            Diagnostic::new(NO_SUCH_NAME, format!("`{text}` is a function in bodies"))
                .at(self.pieces.place(code, name.span), "")
                .help(format!("write `{text}()`")),
        );
        true
    }

    /// Macros that programs have, and C.
    pub(super) fn macros_of_c(&mut self, refs: &Refs, code: Code, names: &mut Names) {
        for name in &refs.macros {
            let text = &name.name;
            let is_known = !NO_MACROS.contains(&text.as_str()) || names.has_macros;
            let Some(write) = in_place(text, self.form).filter(|_| !is_known) else { continue };
            if names.reported.insert(format!("{text}!")) {
                self.report(
                    Diagnostic::new(NO_SUCH_NAME, format!("bodies have no `{text}!`"))
                        .at(self.pieces.place(code, name.span), "")
                        .help(format!("write {write}")),
                );
            }
        }
    }

    /// A name that neither the kernel nor the patch has.
    pub(super) fn no_such_name(
        &mut self,
        name: &Name,
        place: Span,
        refs: &Refs,
        names: &mut Names,
    ) {
        let (text, around) = (&name.name, &names.around);
        let original = format!("original({})", around.params.join(", "));
        let error = if around.variables_of_pre.contains(text) {
            Diagnostic::new(NO_SUCH_NAME, format!("`{text}` is a variable of `pre` alone"))
                .note("`pre` and `post` are two blocks, and its variables end with the first")
                .help(format!("write one `replace` in their place, which calls `{original}`"))
        } else if text == "ret" {
            Diagnostic::new(NO_SUCH_NAME, "`ret` is the result in `post` alone")
                .note("a function that returns nothing has no `ret` at all")
                .help(format!("write `post`, or in `replace`: `let ret = {original};`"))
        } else if let Some(write) = in_place(text, self.form) {
            names.calls_macros |= name.called;
            Diagnostic::new(NO_SUCH_NAME, format!("bodies have no `{text}`"))
                .help(format!("write {write}"))
        } else if is_for_rustc(name, refs, names) {
            return;
        } else {
            self.unknown_name(name, names)
        };
        self.report(error.at(place, ""));
    }

    /// A name that nobody is known to have.
    fn unknown_name(&mut self, name: &Name, names: &Names) -> Diagnostic {
        let (text, around) = (&name.name, &names.around);
        let release = &self.facts.identity.release;
        let what = if name.role == Role::Function { "function" } else { "variable or constant" };
        let message = format!("there is no {what} `{text}`, in {release} or in the patch");
        let mut error = Diagnostic::new(NO_SUCH_NAME, message);
        if name.role == Role::Value && !text.starts_with(char::is_uppercase) {
            let function = &around.function;
            error = match around.params.as_slice() {
                [] => error,
                [only] => error.note(format!("the parameter of `{function}` is `{only}`")),
                all => {
                    error.note(format!("the parameters of `{function}` are {}", list(all, "and")))
                }
            };
        }
        let near = self.near_names(name, names);
        error.help(match (name.role, near.as_slice()) {
            (Role::Function, near) => {
                let meant = match near {
                    [] => String::new(),
                    near => format!("did you mean {}? ", list(near, "or")),
                };
                format!(
                    "{meant}A macro or an inline function of C has no symbol: call what it calls, \
                     or write a file in C, {}, which uses `{text}`",
                    Advice::FileInC.text(self.form)
                )
            }
            (_, near @ [_, ..]) => format!("did you mean {}?", list(near, "or")),
            _ if text.starts_with(char::is_uppercase) => {
                "a macro of C has no symbol: write its value".to_owned()
            }
            _ if around.params.is_empty() => format!("declare it: `let {text} = ..;`"),
            _ => format!("write a parameter, or declare it: `let {text} = ..;`"),
        })
    }

    /// The names that may be meant.
    fn near_names(&mut self, name: &Name, names: &Names) -> Vec<String> {
        let text = name.name.as_str();
        // One letter is like any other, and after many mistakes the suggestions for the first ones
        // are enough.
        self.unknown += 1;
        if text.len() < 3 || self.unknown > SEARCHES {
            return Vec::new();
        }
        let params = names.around.params.iter().map(String::as_str);
        match name.role {
            Role::Function => {
                // Macros of C that count allocations, or check formats, call one of these.
                let behind = [format!("{text}_noprof"), format!("_{text}"), format!("__{text}")];
                let has = |name: &&String| self.facts.exports.get(name).is_some();
                let behind: Vec<String> = behind.iter().filter(has).cloned().collect();
                match behind.is_empty() {
                    true => nearest(&self.facts.vmlinux, text, Wanted::Function),
                    false => behind,
                }
            }
            _ if text.starts_with(char::is_uppercase) => {
                near(text, CONSTANTS.iter().flat_map(|(_, names)| names.iter().copied()))
            }
            _ => near(text, params),
        }
    }
}

/// Whether a name that is not known here is left to rustc.
fn is_for_rustc(name: &Name, refs: &Refs, names: &Names) -> bool {
    let text = &name.name;
    // Types, and what begins with a capital letter, have words of rustc's that are as good.
    let is_plain =
        text.chars().all(|c| !c.is_uppercase()) || text.chars().all(|c| !c.is_lowercase());
    // What imports and macros define is not known here, and conditions leave things out.
    let defines = ["use", "macro_rules", "cfg", "cfg_attr"];
    let may_define = names.has_macros || defines.iter().any(|word| refs.words.contains(*word));
    // The arguments of a macro of C may be types and members.
    let is_of_macro = name.role == Role::Value && names.calls_macros;
    name.role == Role::Type || !is_plain || may_define || is_of_macro
}
