// SPDX-License-Identifier: GPL-2.0
//! A source file as the C front end reads it with the target's own options: its definitions in
//! their order, and what each of them uses.
//!
//! The program that writes this (`reader/main.rs`) runs in the sandbox with the target's compilers.
//! It reads a stranger's C, so nothing in its output is trusted: every range is checked against the
//! text.

use serde::Deserialize;
use std::ops::Range;
use thiserror::Error;

/// A file of the kernel's source, read with everything that it includes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Unit {
    /// What the file has at file scope, in its order. Ranges do not overlap. Preprocessor
    /// conditionals, comments and inactive text are between the items.
    pub items: Vec<Item>,
    /// The errors of the front end about this file, which may be about what only gcc understands.
    pub errors: Vec<String>,
}

/// Something at file scope.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Item {
    /// Its bytes in the file, without the comment above it, and with the `;` that ends it. For what
    /// a macro defines, those of the macro's call.
    pub range: Range<usize>,
    /// What it is.
    pub kind: ItemKind,
}

/// What an item is.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemKind {
    /// `#include`: the name with its quotes or brackets, and the file below the top of the source
    /// that it is; `None` for one elsewhere, such as a generated header.
    Include {
        /// The name as it is written.
        spelled: String,
        /// The file.
        path: Option<String>,
        /// Whether that file defines functions or variables that other files can name, as a list
        /// of macro calls does.
        defines: bool,
        /// Whether it has `static` functions that are not `inline`: it is a part of a file in C.
        is_part: bool,
        /// The changed headers of which this line is the first to include them, itself or through
        /// others.
        brings: Vec<Brought>,
    },
    /// `#define` of a name, and the words of its replacement.
    Define {
        /// The macro.
        name: String,
        /// The identifiers behind its name, its parameters too.
        words: Vec<String>,
    },
    /// `#undef` of a name.
    Undef {
        /// The macro.
        name: String,
    },
    /// One declaration or several: a macro such as `DEFINE_MUTEX` or `SYSCALL_DEFINE3` may make
    /// many, and a `struct` may come with a variable.
    Declarations(Vec<Declaration>),
}

/// A changed header that a line includes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Brought {
    /// Its path.
    pub path: String,
    /// The public headers that headers of the source's own folders include before, as they name
    /// them: `linux/mm.h`. It may need them.
    pub behind: Vec<String>,
}

/// A declaration.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Declaration {
    /// Its name; empty for an anonymous type or assembly at file scope.
    pub name: String,
    /// What it declares.
    pub kind: Kind,
    /// Whether it is `static`.
    pub is_static: bool,
    /// The section that an attribute names, such as `.init.text`.
    pub section: Option<String>,
    /// Whether a header, or an earlier item of this file, declares it too.
    pub is_declared_before: Declared,
    /// Declares the same in one line, without `static` and without an initial value:
    /// `extern int max(int a, int b);`. For functions and variables, if their types have names.
    pub declaration: Option<String>,
    /// Everything that it names, once each.
    pub uses: Vec<Use>,
}

/// Where else a function or a variable is declared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Declared {
    /// Nowhere.
    Nowhere,
    /// In a header.
    InHeader,
    /// In this file only.
    InFile,
}

/// What a declaration declares.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A function; with a body if it is a definition.
    Function {
        /// Whether it has a body, by whomever it is written.
        is_definition: bool,
        /// The bytes of the body, with its braces. For a function of a macro, those that the
        /// author wrote in braces behind the macro's call, if any.
        body: Option<Range<usize>>,
        /// Whether it is declared `inline`.
        is_inline: bool,
        /// Its static variables.
        statics: Vec<StaticLocal>,
        /// Its parameters and result, for a comparison of prototypes.
        prototype: String,
    },
    /// A variable.
    Variable {
        /// Whether it is a definition and not only `extern`.
        is_definition: bool,
        /// Whether it cannot be written.
        is_const: bool,
        /// Whether it has an initial value.
        has_value: bool,
    },
    /// A struct or union with its members: name, and the bytes of the declaration.
    Record {
        /// The members, with those of nameless structs and unions in it.
        members: Vec<(String, Range<usize>)>,
    },
    /// An enumeration, with its constants.
    Enum {
        /// Their names.
        constants: Vec<String>,
    },
    /// A typedef.
    Typedef,
    /// Assembly at file scope, `_Static_assert`, and what is none of the above.
    Other,
}

/// A `static` variable of a function.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct StaticLocal {
    /// Its name.
    pub name: String,
    /// The bytes of its declaration, with the `;`; those of the macro's call if a macro makes it.
    pub range: Range<usize>,
    /// Whether it comes from a macro.
    pub of_macro: bool,
    /// Whether it cannot be written.
    pub is_const: bool,
    /// Declares it as `extern`, in one line, as [`Declaration::declaration`] does; empty if its
    /// type has no name.
    pub declaration: String,
}

/// A name that a declaration uses.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Use {
    /// The name.
    pub name: String,
    /// What the name is of.
    pub of: Of,
    /// Where that is declared or defined: the first declaration in this file, if there is one. Of a
    /// type its definition; if the file also declares it elsewhere, there is a second use.
    pub at: At,
    /// The places in this file where it is named, or where the macro stands that names it.
    pub places: Vec<Range<usize>>,
}

/// What a name is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Of {
    /// A function.
    Function,
    /// A function that its header defines (`static inline`).
    InlineFunction,
    /// A variable.
    Variable,
    /// A member of a struct or union: `name` is `STRUCT.MEMBER`.
    Member,
    /// A type, or a constant of an enumeration.
    Type,
    /// A macro.
    Macro,
}

/// Where something is declared.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum At {
    /// In this file, in the item with this index.
    Item(usize),
    /// In a file that it includes: below the top of the source, or an absolute path.
    Header(String),
    /// Nowhere: the compiler knows it.
    Builtin,
}

impl Unit {
    /// Reads what the program has printed about texts of so many bytes: a file in C and headers,
    /// with `None` for a header that the file does not include.
    pub fn read(json: &[u8], lengths: &[usize]) -> Result<(Unit, Vec<Option<Unit>>), Unreadable> {
        let units: Vec<Option<Unit>> = serde_json::from_slice(json)?;
        if units.len() != lengths.len() {
            return Err(Unreadable::Count);
        }
        let fits = |(unit, len): (&Option<Unit>, &usize)| {
            unit.as_ref().is_none_or(|unit| unit.is_within(*len))
        };
        if !units.iter().zip(lengths).all(fits) {
            return Err(Unreadable::Range);
        }
        let mut units = units.into_iter();
        match units.next().flatten() {
            Some(unit) => Ok((unit, units.collect())),
            None => Err(Unreadable::Count),
        }
    }

    /// Whether its ranges are in the text and in order, and its items exist.
    fn is_within(&self, len: usize) -> bool {
        let is_in = |range: &Range<usize>| range.start <= range.end && range.end <= len;
        let mut end = 0;
        self.items.iter().all(|item| {
            let follows = end <= item.range.start && is_in(&item.range);
            end = item.range.end;
            let ItemKind::Declarations(declarations) = &item.kind else { return follows };
            follows
                && declarations.iter().all(|declaration| {
                    declaration.kind.ranges().all(is_in)
                        && declaration.uses.iter().all(|used| {
                            let exists = match used.at {
                                At::Item(number) => number < self.items.len(),
                                At::Header(_) | At::Builtin => true,
                            };
                            exists && used.places.iter().all(is_in)
                        })
                })
        })
    }
}

impl Kind {
    /// The ranges in it.
    fn ranges(&self) -> impl Iterator<Item = &Range<usize>> {
        let (body, statics, members) = match self {
            Kind::Function { body, statics, .. } => (body.as_ref(), statics.as_slice(), &[][..]),
            Kind::Record { members } => (None, &[][..], members.as_slice()),
            _ => (None, &[][..], &[][..]),
        };
        let statics = statics.iter().map(|local| &local.range);
        body.into_iter().chain(statics).chain(members.iter().map(|(_, range)| range))
    }
}

/// Why the output of the program is not about the text.
#[derive(Debug, Error)]
pub enum Unreadable {
    /// It is not the JSON of a unit.
    #[error("{0}")]
    Json(#[from] serde_json::Error),
    /// It is about more files, or about fewer.
    #[error("it is not about these files")]
    Count,
    /// It names bytes that the text does not have.
    #[error("it names bytes that the text does not have")]
    Range,
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the program prints of `int f(void) { return x; }`.
    const JSON: &str = r#"[{"items":[{"range":{"start":0,"end":25},"kind":{"declarations":[{
        "name":"f","kind":{"function":{"is_definition":true,"body":{"start":12,"end":25},"is_inline":false,
        "statics":[],"prototype":"int (void)"}},"is_static":false,"section":null,
        "is_declared_before":"nowhere","declaration":"extern int f(void);","uses":[{"name":"x",
        "of":"variable","at":{"header":"include/x.h"},"places":[{"start":21,"end":22}]},{
        "name":"f","of":"function","at":{"item":0},"places":[]}]}]}}],"errors":[]},null]"#;

    #[test]
    fn a_unit_is_read() {
        let read = Unit::read(JSON.as_bytes(), &[25, 9]).unwrap_or_else(|error| panic!("{error}"));
        let (unit, headers) = read;
        assert_eq!(headers, [None]);
        let ItemKind::Declarations(declarations) = &unit.items[0].kind else { panic!("{unit:?}") };
        assert_eq!(declarations[0].uses[0].at, At::Header("include/x.h".to_owned()));
        assert_eq!(declarations[0].is_declared_before, Declared::Nowhere);
    }

    #[test]
    fn no_range_is_outside_of_the_text_and_no_item_is_missing() {
        let wrong = [
            (JSON.to_owned(), 24),
            (JSON.replace("\"start\":12", "\"start\":26"), 25),
            (JSON.replace("\"end\":22", "\"end\":220"), 25),
            (JSON.replace("{\"item\":0}", "{\"item\":1}"), 25),
        ];
        for (json, len) in wrong {
            let read = Unit::read(json.as_bytes(), &[len, 9]);
            assert!(matches!(read, Err(Unreadable::Range)), "{json}");
        }
        assert!(matches!(Unit::read(b"{}", &[0]), Err(Unreadable::Json(_))));
        for (json, lengths) in [(JSON, &[25][..]), ("[null]", &[0]), ("[]", &[])] {
            let read = Unit::read(json.as_bytes(), lengths);
            assert!(matches!(read, Err(Unreadable::Count)), "{json}");
        }
    }
}
