// SPDX-License-Identifier: GPL-2.0
//! What is said of a value of the wrong type, and what to write in its place.

use super::repairs::{a, repair};
use super::ty::Ty;
use super::{Context, Fault, Kind, Misuse, Notation, Part, Place};
use crate::symbols::near;
use crate::Resolver;
use kps_ast::Code;
use kps_diag::{list, Diagnostic, NO_SUCH_MEMBER, WRONG_VALUE};
use kps_facts::btf::{BtfId, Kind as BtfKind};
use kps_plan::TypeId;

/// Why two integers do not fit.
const NO_CONVERSION: &str = "Rust does not convert integers by itself";

/// The longest text of the author's that a message repeats.
const LONGEST: usize = 60;

impl Resolver<'_> {
    /// The message for a fault.
    pub(super) fn wrong_type(&self, context: &Context<'_>, code: Code, fault: Fault) -> Diagnostic {
        let types = context.types;
        let text = |part: &Part| self.part(code, part);
        let name = |id: TypeId| types.get(id).name().to_owned();
        let wrong =
            |message: String, help: String| Diagnostic::new(WRONG_VALUE, message).help(help);
        let diagnostic = match fault.kind {
            Kind::NoMember { record, member } => self.no_member(&name(record), &member),
            Kind::Bitfield { part, member } => wrong(
                format!("`{member}` is a bitfield, and Rust has no place for it"),
                format!("write `{0}.{member}()`, and `{0}.set_{member}(value)`", text(&part)),
            ),
            Kind::Pointer { part, misuse } => self.misuse(code, &part, misuse),
            Kind::MemberOfVoid { member } => wrong(
                format!("`{member}` is a member of nothing: the pointer is that of C's `void`"),
                format!("write `(*pointer.cast::<TYPE>()).{member}`"),
            ),
            Kind::CalledMember { part, member } => wrong(
                format!("`{member}` is a member that holds a function, and no method"),
                format!(
                    "write `if let Some({member}) = {}.{member} {{ {member}(..) }}`",
                    text(&part)
                ),
            ),
            Kind::NoPointer { part, found } => wrong(
                format!("`{}` is {}, and no pointer", text(&part), a(&found.text(types))),
                "leave out the `*`".to_owned(),
            ),
            Kind::OtherIntegers { part, found, wanted, is_left } => {
                let cast = format!("{} as {wanted}", part.loose(&text(&part)));
                // Behind `as u64`, Rust takes `<` for the start of a type's arguments.
                let cast = if is_left { format!("({cast})") } else { cast };
                wrong(
                    format!("`{}` is {}, and the other side {}", text(&part), a(found), a(wanted)),
                    format!("write `{cast}`"),
                )
                .note(NO_CONVERSION)
            }
            Kind::RecordAsNumber { part, record } => {
                let record = name(record);
                wrong(
                    format!("`{}` is a struct, `{record}`, and no number", text(&part)),
                    self.member_help(&record, &part.tight(&text(&part))),
                )
            }
            Kind::Notation(notation) => self.notation(code, notation),
            Kind::Arguments { function, wanted, given, prototype } => {
                let s = if wanted == 1 { "" } else { "s" };
                wrong(
                    format!("`{function}` takes {wanted} argument{s}, and gets {given}"),
                    format!("its prototype is `{function}{prototype}`"),
                )
            }
            Kind::WithoutRest { record } => wrong(
                format!("not every member of `{}` has a value", name(record)),
                format!("end it with `..{}::ZERO`", name(record)),
            )
            .note("what C leaves out is zero, and so is the padding between members"),
            Kind::NoResult { wanted } => {
                let wanted = a(&wanted.text(types));
                wrong(
                    format!("the function returns {wanted}, and there is none here"),
                    "write the value, as the last expression or behind `return`".to_owned(),
                )
            }
            Kind::Value { part, found, wanted, place } => {
                self.wrong_value(context, &part, text(&part), (&found, &wanted), &place)
            }
        };
        diagnostic.at(self.pieces.place(code, fault.at), "")
    }

    /// C's notation that Rust reads otherwise.
    fn notation(&self, code: Code, notation: Notation) -> Diagnostic {
        let text = |part: &Part| self.part(code, part);
        let wrong =
            |message: String, help: String| Diagnostic::new(WRONG_VALUE, message).help(help);
        match notation {
            Notation::AssignedInCondition { left, right } => wrong(
                "this assigns, and a condition compares".to_owned(),
                format!(
                    "write `{} == {}`, or assign in a statement before",
                    text(&left),
                    text(&right)
                ),
            ),
            Notation::Declaration { ty, name } => wrong(
                "this multiplies two values, and assigns to the product".to_owned(),
                format!(
                    "write `let mut {}: *mut {} = ..;` to declare a pointer",
                    text(&name),
                    text(&ty)
                ),
            ),
            Notation::NewName { name } => wrong(
                format!("`{name}` is a new variable here: this pattern matches everything"),
                match name.as_str() {
                    "NULL" => "write `if x.is_null() { .. }` in place of `match`".to_owned(),
                    _ => "name a constant that the kernel has, or write its value".to_owned(),
                },
            ),
            Notation::Octal { digits } => wrong(
                "a leading zero means nothing in Rust: this is a decimal number".to_owned(),
                format!("write `0o{digits}` for the octal number"),
            ),
            Notation::Suffix { digits, suffix } => wrong(
                format!("Rust has no suffix `{suffix}`"),
                format!(
                    "write `{digits}`, or `{digits}{}` where its type is not clear",
                    type_of_suffix(&suffix)
                ),
            ),
            Notation::Placeholders { placeholders, arguments } => {
                let s = if placeholders == 1 { "" } else { "s" };
                wrong(
                    format!("this text takes {placeholders} value{s}, and gets {arguments}"),
                    "write one `{}` for each value".to_owned(),
                )
            }
            Notation::Cast { ty } => wrong(
                format!("`{}` is a type, and this calls it", text(&ty)),
                format!("write `x as {}`", text(&ty)),
            ),
            Notation::NoFunction { part, is_equal } => wrong(
                format!("`{}` is a function or `None`, and no pointer", text(&part)),
                format!(
                    "write `{}.{}()`",
                    part.tight(&text(&part)),
                    ["is_some", "is_none"][usize::from(is_equal)]
                ),
            ),
            Notation::Constant { name } => wrong(
                format!("`{name}` keeps its first value"),
                format!("declare it with `let mut {name}`"),
            ),
            Notation::Conversions { text } => wrong(
                "a message has `{}` where C has `%d` or `%s`".to_owned(),
                match text.contains("?}") {
                    true => format!("write `{text}`, with `CStr::from_ptr(x)` for a C string"),
                    false => format!("write `{text}`"),
                },
            ),
        }
    }

    /// A pointer where C does more with one than Rust.
    fn misuse(&self, code: Code, part: &Part, misuse: Misuse) -> Diagnostic {
        let pointer = self.part(code, part);
        let close = part.tight(&pointer);
        let (is, help) = match misuse {
            Misuse::Member { member, .. } if member == "is_null" => {
                ("which has a method of this name", format!("write `{close}.is_null()`"))
            }
            Misuse::Member { member, is_referred } => {
                let stars = if is_referred { "**" } else { "*" };
                ("which has no members", format!("write `({stars}{pointer}).{member}`"))
            }
            Misuse::Matched => {
                ("and no `Option`", format!("write `if !{close}.is_null() {{ .. }}`"))
            }
            Misuse::Negated => ("and no condition", format!("write `{close}.is_null()`")),
            Misuse::AsNumber { number, is_equal, to_number } => {
                let not = if is_equal { "" } else { "!" };
                let help = match self.part(code, &number).as_str() {
                    _ if to_number => format!("write `*{close}` for the number that it points to"),
                    "0" => format!("write `{not}{close}.is_null()`"),
                    _ => format!("write `{close}.addr()`, which is a `usize`"),
                };
                ("and is compared with a number", help)
            }
            Misuse::Arithmetic { other, method, assigns, is_size } => {
                let count = self.part(code, &other);
                let count =
                    if is_size { count } else { format!("{} as usize", other.loose(&count)) };
                let call = format!("{close}.{method}({count})");
                let call = if assigns { format!("{pointer} = {call}") } else { call };
                ("which has methods in place of operators", format!("write `{call}`"))
            }
            Misuse::Index(index) => {
                let index = self.part(code, &index);
                ("and not an array", format!("write `(*{close}.add({index}))`"))
            }
        };
        Diagnostic::new(WRONG_VALUE, format!("`{pointer}` is a pointer, {is}")).help(help)
    }

    /// A value of another type than its place.
    fn wrong_value(
        &self,
        context: &Context<'_>,
        part: &Part,
        text: String,
        (found, wanted): (&Ty, &Ty),
        place: &Place,
    ) -> Diagnostic {
        let (has, wants) = (a(&found.text(context.types)), a(&wanted.text(context.types)));
        let what = match place {
            Place::End | Place::Result if *wanted == Ty::Unit => "nothing is returned here".into(),
            Place::End | Place::Result => format!("the result is {wants}"),
            Place::Condition => "a condition is a `bool`".to_owned(),
            Place::Declared => format!("the variable is {wants}"),
            Place::Assigned => format!("the place is {wants}"),
            Place::Operand => format!("the other side is {wants}"),
            Place::Index => "an index is a `usize`".to_owned(),
            Place::Member(member) => format!("`{member}` is {wants}"),
            Place::Argument { function, n } => {
                format!("argument {} of `{function}` is {wants}", n + 1)
            }
        };
        let is = match (found, wanted) {
            (Ty::Literal, Ty::Int(_)) => "out of its range".to_owned(),
            (Ty::Literal, _) => "a number".to_owned(),
            (Ty::Unit, _) => "no value".to_owned(),
            _ => has,
        };
        let error = Diagnostic::new(WRONG_VALUE, format!("{what}, and `{text}` is {is}"));
        let error = match (found, wanted) {
            (Ty::Int(_), Ty::Int(_)) => error.note(NO_CONVERSION),
            _ => error,
        };
        error.help(repair(context.types, part, &text, (found, wanted), place))
    }

    /// Which member of a struct may be the number that is meant.
    fn member_help(&self, record: &str, value: &str) -> String {
        let counters =
            [("atomic_t", "atomic"), ("atomic64_t", "atomic64"), ("refcount_t", "refcount")];
        if let Some((_, counter)) = counters.iter().find(|(name, _)| *name == record) {
            return format!(
                "write `{counter}_read(&raw const {value})`, and change it with the like"
            );
        }
        let members = self.members(record);
        match members.as_slice() {
            [] => "name the member that holds the number".to_owned(),
            [only] => format!("write `{value}.{only}`"),
            several => format!("name one of its members: {}", shown(several)),
        }
    }

    /// The text of a part, as far as a message can repeat it.
    fn part(&self, code: Code, part: &Part) -> String {
        let is_whole = part.is_one_token || self.form == kps_ast::Form::Spec;
        let text = self.pieces.text(self.pieces.place(code, part.span));
        let can_be_shown = |c: char| (c == ' ' || c.is_ascii_graphic()) && c != '`';
        match is_whole && text.len() <= LONGEST && text.chars().all(can_be_shown) {
            true => text.into_owned(),
            false => "(..)".to_owned(),
        }
    }

    fn no_member(&self, record: &str, member: &str) -> Diagnostic {
        let release = &self.facts.identity.release;
        let error = Diagnostic::new(NO_SUCH_MEMBER, format!("`{record}` has no member `{member}`"))
            .note(format!("these are its members in {release}, as its BTF says them"));
        let members = self.members(record);
        let near = near(member, members.iter().map(String::as_str));
        match near.is_empty() {
            false => error.help(format!("did you mean {}?", list(&near, "or"))),
            true if members.is_empty() => {
                error.help("the kernel hides them: leave them to a function of the kernel")
            }
            true => error.help(format!("it has {}", shown(&members))),
        }
    }

    /// The names of a record's members, with those of the anonymous records in it.
    fn members(&self, record: &str) -> Vec<String> {
        let btf = &self.facts.btf;
        let mut found = Vec::new();
        let defines = |id: &BtfId| matches!(btf.get(btf.strip(*id)).kind, BtfKind::Record(_));
        let mut pending: Vec<BtfId> =
            btf.types(record).into_iter().filter(defines).take(1).collect();
        while let Some(id) = pending.pop() {
            let BtfKind::Record(record) = btf.get(btf.strip(id)).kind else { continue };
            for member in record.members() {
                match member.name {
                    "" => pending.push(member.ty),
                    name => found.push(name.to_owned()),
                }
            }
        }
        found
    }
}

/// The type that a suffix of C's stands for.
fn type_of_suffix(suffix: &str) -> &'static str {
    match suffix.to_lowercase().as_str() {
        "u" => "u32",
        "l" | "ll" => "i64",
        _ => "u64",
    }
}

/// Some of a list of names.
fn shown(names: &[String]) -> String {
    const MOST: usize = 12;
    match names.len() {
        0..=MOST => list(names, "and"),
        n => {
            let first: Vec<String> = names[..MOST].iter().map(|name| format!("`{name}`")).collect();
            format!("{} and {} more", first.join(", "), n - MOST)
        }
    }
}
