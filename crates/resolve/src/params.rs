// SPDX-License-Identifier: GPL-2.0
//! Module parameters: names, types, modes and defaults, and the kernel functions that read and
//! write them.

use super::bodies::Rust;
use super::rust::{long_name, MAX_NAME};
use super::signatures::c_type;
use super::Resolver;
use crate::advice::Advice;
use crate::propose::{another_name, rename_one};
use kps_ast::Span;
use kps_ast::{self as ast, At};
use kps_codegen::names::{PREFIX, RESERVED};
use kps_diag::{
    Diagnostic, INVALID_CONDITION, INVALID_MODE, INVALID_VALUE, NO_LIVEPATCH_SUPPORT, NO_SUCH_TYPE,
    REPEATED_NAME, RESERVED_NAME, UNSUPPORTED_PARAM_TYPE,
};
use kps_facts::Importer;
use kps_plan::{CInt, ModuleParam, ParamDefault, ParamType, ParamValue, Params, Replace, Type};
use std::collections::HashMap;
use std::ops::RangeInclusive;

/// The members of parameter structs that generated code sets (`include/linux/moduleparam.h`).
pub(super) const MEMBERS: &[(&str, &[&str])] = &[
    ("kernel_param", &["name", "mod", "ops", "perm", "level", "arg"]),
    ("kparam_array", &["max", "elemsize", "num", "ops", "elem"]),
];

/// Names already taken in bodies, in Rust or by the module loader.
const TAKEN: &[&str] =
    &["_", "self", "Self", "super", "crate", "original", "ret", "obj", "async_probe", "dyndbg"];

/// The kernel prints an array into one page, at most 21 characters per element.
const MAX_ELEMENTS: u32 = 128;

/// An array without a file is never printed: one for each CPU of the largest kernels (`NR_CPUS`).
const MAX_ELEMENTS_WITHOUT_FILE: u32 = 8192;

/// `param_set_charp()` refuses longer text.
const MAX_TEXT: usize = 1024;

/// Declarations of the patch that bodies use as statics, each with the name of its kind.
pub(super) fn named(spec: &ast::Patch) -> impl Iterator<Item = (&'static str, &ast::Name)> {
    let params = spec.params.iter().map(|param| ("parameter", &param.name));
    let states = spec.states.iter().map(|state| ("state", &state.name));
    let shadows = spec.shadows.iter().map(|shadow| ("shadow variable", &shadow.name));
    let resources = spec.resources.iter().map(|resource| ("resource", &resource.name));
    params.chain(states).chain(shadows).chain(resources)
}

impl Resolver<'_> {
    pub(super) fn params(
        &mut self,
        spec: &ast::Patch,
        rust: &Rust,
        importer: &mut Importer<'_>,
    ) -> Option<Params> {
        self.check_param_names(spec, rust);
        let mut all = Vec::new();
        for param in &spec.params {
            all.extend(self.param(param));
        }
        if all.is_empty() {
            return None;
        }
        let mut id = |name| match importer.named(name) {
            Some(Type::Named(id)) => Some(id),
            _ => None,
        };
        let structs = (id("kernel_param"), id("kparam_array"));
        if let (Some(kernel_param), Some(kparam_array)) = structs {
            if all.iter().all(|param| self.has_ops(param)) {
                return Some(Params { all, kernel_param, kparam_array });
            }
        }
        let message = format!(
            "{} does not export the symbols that parameters need",
            self.facts.identity.release
        );
        self.report(
            Diagnostic::new(NO_LIVEPATCH_SUPPORT, message)
                .help("choose another target with `--kernel`"),
        );
        None
    }

    /// Whether the kernel exports the functions that read and write the parameter.
    fn has_ops(&self, param: &ModuleParam) -> bool {
        let exports = |name: &str| self.facts.exports.contains(name);
        let ops = param.ty.kernel_name().is_some_and(|name| exports(&format!("param_ops_{name}")));
        match param.default {
            ParamDefault::Array { .. } => ops && exports("param_array_ops"),
            ParamDefault::One(_) if param.ty == ParamType::Charp && param.is_writable() => {
                ops && exports("kernel_param_lock") && exports("kernel_param_unlock")
            }
            ParamDefault::One(_) => ops,
        }
    }

    /// When the patch replaces others.
    pub(super) fn replace(&mut self, spec: &ast::Patch, params: Option<&Params>) -> Replace {
        let Some(replace) = &spec.atomic_replace else { return Replace::Never };
        let Some(condition) = &replace.condition else { return Replace::Always };
        let is_written = spec.params.iter().any(|param| param.name.value == condition.value);
        let mut resolved = params.iter().flat_map(|params| &params.all);
        let problem = match resolved.find(|param| param.name == condition.value) {
            Some(ModuleParam { ty: ParamType::Charp, .. }) => "it is a string",
            Some(ModuleParam { default: ParamDefault::Array { .. }, .. }) => "it is an array",
            // The error in the parameter has been reported.
            None if is_written => return Replace::Never,
            None => "there is no such parameter",
            Some(_) => return Replace::If(condition.value.clone()),
        };
        self.report(
            Diagnostic::new(
                INVALID_CONDITION,
                format!("`{}` cannot decide whether the patch replaces others", condition.value),
            )
            .at(condition.span, problem)
            .help(Advice::Parameter(&condition.value).text(self.form)),
        );
        Replace::Never
    }

    fn check_param_names(&mut self, spec: &ast::Patch, rust: &Rust) {
        let symbols = spec.objects.iter().flat_map(ast::Object::used_symbols);
        let names = symbols.map(|symbol| (symbol.name.value.as_str(), symbol.name.span));
        let mut used: HashMap<&str, Span> = names.collect();
        let items = rust.defined();
        for (what, name) in named(spec) {
            let text = name.value.as_str();
            if TAKEN.contains(&text) || RESERVED.contains(&text) || text.starts_with(PREFIX) {
                self.report(
                    Diagnostic::new(RESERVED_NAME, format!("a {what} cannot be named `{text}`"))
                        .at(name.span, "")
                        .note("bodies, the generated code or the module loader use this name for something else")
                        .help(another_name(text)),
                );
            } else if text.len() > MAX_NAME {
                self.report(long_name(name.span));
            } else if let Some(&first) = used.get(text) {
                self.report(
                    Diagnostic::new(REPEATED_NAME, format!("`{text}` has two meanings"))
                        .at(name.span, "")
                        .at(first, "first here")
                        .help(rename_one(text)),
                );
            } else if items.contains(text) {
                self.report(
                    Diagnostic::new(REPEATED_NAME, format!("`{text}` has two meanings"))
                        .at(name.span, "an item of the patch has this name too")
                        .help(rename_one(text)),
                );
            }
            used.entry(text).or_insert(name.span);
        }
    }

    fn param(&mut self, spec: &ast::ModuleParam) -> Option<ModuleParam> {
        let ty = self.param_type(&spec.ty);
        let perm = self.perm(spec.mode.as_ref());
        if let Some(description) = &spec.description {
            self.text(description);
        }
        let max = match &spec.len {
            Some(len) => Some(self.param_len(len, ty, perm, &spec.ty)?),
            None => None,
        };
        let (ty, perm) = (ty?, perm?);
        let default = self.param_values(&spec.default, ty, max, "default")?;
        let description = spec.description.as_ref().map(|text| text.value.clone());
        Some(ModuleParam { name: spec.name.value.clone(), description, perm, ty, default })
    }

    fn param_type(&mut self, name: &ast::Name) -> Option<ParamType> {
        let known = c_type(&name.value);
        let ty = match &known {
            Some(ty) => ParamType::of(ty),
            None if name.value == "charp" => Some(ParamType::Charp),
            None => None,
        };
        if ty.is_none() {
            let (code, message) = match known {
                Some(_) => (
                    UNSUPPORTED_PARAM_TYPE,
                    format!("the kernel has no parameters of type `{}`", name.value),
                ),
                None => (NO_SUCH_TYPE, format!("there is no type `{}` for parameters", name.value)),
            };
            self.report(Diagnostic::new(code, message).at(name.span, "").help(
                "write `bool`, an integer of 8 to 64 bits (`c_int`, `u64`; no `i8`), `charp`, or an array `[c_int; 4]`",
            ));
        }
        ty
    }

    /// The capacity of an array.
    fn param_len(
        &mut self,
        len: &ast::Name,
        ty: Option<ParamType>,
        perm: Option<u16>,
        of: &ast::Name,
    ) -> Option<u32> {
        if ty == Some(ParamType::Charp) {
            self.report(
                Diagnostic::new(UNSUPPORTED_PARAM_TYPE, "an array of strings cannot be a parameter")
                    .at(of.span, "")
                    .note(
                        "the kernel prints an array into one page without checking how long the strings are",
                    )
                    .help("write one `charp` for each"),
            );
            return None;
        }
        let value = number(&len.value).and_then(|value| u32::try_from(value).ok());
        let most = if perm == Some(0) { MAX_ELEMENTS_WITHOUT_FILE } else { MAX_ELEMENTS };
        if let Some(value) = value.filter(|value| (1..=most).contains(value)) {
            return Some(value);
        }
        let error = Diagnostic::new(UNSUPPORTED_PARAM_TYPE, "an array cannot have this length")
            .at(len.span, "");
        self.report(match most {
            MAX_ELEMENTS => error
                .note("the kernel prints all elements into one page")
                .help(format!(
                    "write a number from 1 to {MAX_ELEMENTS}, or up to {MAX_ELEMENTS_WITHOUT_FILE} with `mode = 0`, which makes no file"
                )),
            _ => error.help(format!("write a number from 1 to {most}")),
        });
        None
    }

    /// The mode in sysfs, by the rules of `VERIFY_OCTAL_PERMISSIONS()` in `include/linux/sysfs.h`.
    fn perm(&mut self, mode: Option<&ast::Name>) -> Option<u16> {
        const READABLE_BY_ALL: u16 = 0o444;
        let Some(mode) = mode else { return Some(READABLE_BY_ALL) };
        let digits =
            mode.value.strip_prefix("0o").unwrap_or(if mode.value == "0" { "0" } else { "" });
        let value = u16::from_str_radix(digits, 8).ok().filter(|_| !digits.starts_with('+'));
        let (problem, help) = match value {
            None => ("it is not octal", octal_help(&mode.value)),
            Some(value) => match refusal(value) {
                None => return Some(value),
                Some(problem) => (problem, "write for example `0o644`".to_owned()),
            },
        };
        self.report(
            Diagnostic::new(INVALID_MODE, "a parameter cannot have this mode")
                .at(mode.span, problem)
                .help(help),
        );
        None
    }

    /// The default of a parameter, or what a test loads the patch with.
    pub(super) fn param_values(
        &mut self,
        default: &ast::ParamDefault,
        ty: ParamType,
        max: Option<u32>,
        what: &str,
    ) -> Option<ParamDefault> {
        let room = max.unwrap_or(1) as usize;
        let shape = match (max, default.list) {
            (Some(_), false) => Some("write a list: `[1, 2]`".to_owned()),
            (None, true) => {
                Some("write one value, or the type of an array: `[c_int; 4]`".to_owned())
            }
            (Some(_), true) if default.values.len() > room => {
                Some(format!("write at most {room} values"))
            }
            _ => None,
        };
        if let Some(help) = shape {
            self.report(does_not_fit(what, default.span).help(help));
            return None;
        }
        let values: Vec<Option<ParamValue>> =
            default.values.iter().map(|value| self.param_value(value, ty, what)).collect();
        let values = values.into_iter().collect::<Option<Vec<ParamValue>>>()?;
        match max {
            Some(max) => Some(ParamDefault::Array { max, values }),
            None => values.into_iter().next().map(ParamDefault::One),
        }
    }

    fn param_value(
        &mut self,
        value: &ast::ParamValue,
        ty: ParamType,
        what: &str,
    ) -> Option<ParamValue> {
        let found = match (ty, value) {
            (ParamType::Bool, ast::ParamValue::Word(word)) => match word.value.as_str() {
                "true" => Some(ParamValue::Bool(true)),
                "false" => Some(ParamValue::Bool(false)),
                _ => None,
            },
            (ParamType::Int(int), ast::ParamValue::Number(At { value, .. })) => {
                number(value).filter(|value| range(int).contains(value)).map(ParamValue::Int)
            }
            (ParamType::Charp, ast::ParamValue::Text(text)) if text.value.len() <= MAX_TEXT => {
                Some(ParamValue::Text(text.value.clone()))
            }
            _ => None,
        };
        if found.is_none() {
            let help = match ty {
                ParamType::Bool => "write `true` or `false`".to_owned(),
                ParamType::Charp => format!("write a string of at most {MAX_TEXT} bytes in quotes"),
                ParamType::Int(int) => {
                    format!("write a number from {} to {}", range(int).start(), range(int).end())
                }
            };
            self.report(does_not_fit(what, value.span()).help(help));
        }
        found
    }
}

/// The values that an integer type can hold.
fn range(int: CInt) -> RangeInclusive<i128> {
    let bits = 8 * int.size() as u32 - u32::from(int.signed());
    let end = 1i128 << bits;
    if int.signed() {
        -end..=end - 1
    } else {
        0..=end - 1
    }
}

/// The value of a Rust number literal, with a sign and without a type suffix.
fn number(text: &str) -> Option<i128> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let literal =
        syn::parse_str::<syn::LitInt>(digits).ok().filter(|literal| literal.suffix().is_empty())?;
    let value: i128 = literal.base10_parse().ok()?;
    Some(if digits == text { value } else { -value })
}

/// Why the kernel refuses a mode.
fn refusal(perm: u16) -> Option<&'static str> {
    let (user, group, other) = (perm >> 6, perm >> 3, perm);
    const READ: u16 = 4;
    const WRITE: u16 = 2;
    if perm > 0o777 {
        Some("it has more than nine permission bits")
    } else if other & WRITE != 0 {
        Some("it is world-writable")
    } else if user & WRITE < group & WRITE {
        Some("the group could change it and the owner could not")
    } else if user & READ < group & READ || group & READ < other & READ {
        Some("the group could read more than the owner, or others more than the group")
    } else {
        None
    }
}

fn octal_help(mode: &str) -> String {
    let digits = mode.trim_start_matches('0');
    match !digits.is_empty() && digits.len() <= 3 && digits.chars().all(|digit| digit.is_digit(8)) {
        true => format!("write `0o{digits}`"),
        false => "write for example `0o644`".to_owned(),
    }
}

/// `what` is a default, or the value in a test.
pub(super) fn does_not_fit(what: &str, span: Span) -> Diagnostic {
    let message = format!("the {what} does not fit the parameter's type");
    Diagnostic::new(INVALID_VALUE, message).at(span, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mode_is_what_the_kernel_takes() {
        for perm in [0, 0o444, 0o400, 0o644, 0o664, 0o600, 0o200, 0o220, 0o755] {
            assert_eq!(refusal(perm), None, "{perm:o}");
        }
        for perm in [0o666, 0o002, 0o466, 0o020, 0o044, 0o404, 0o1644] {
            assert!(refusal(perm).is_some(), "{perm:o}");
        }
    }

    #[test]
    fn numbers_are_those_of_rust_without_a_type() {
        let numbers =
            ["0", "-1", "0x10", "1_000", "0o17", "1u8", "1e3", "0xg", "-", "012"].map(number);
        let wanted =
            [Some(0), Some(-1), Some(16), Some(1000), Some(15), None, None, None, None, Some(12)];
        assert_eq!(numbers, wanted);
    }

    #[test]
    fn a_range_ends_where_the_integer_does() {
        assert_eq!(range(CInt::U8), 0..=255);
        assert_eq!(range(CInt::I16), -32768..=32767);
        assert_eq!(range(CInt::Long), i64::MIN.into()..=i64::MAX.into());
        assert_eq!(range(CInt::U64), 0..=u64::MAX.into());
    }
}
