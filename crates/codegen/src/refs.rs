// SPDX-License-Identifier: GPL-2.0
//! The names that a Rust snippet uses and does not define itself.
//!
//! A body names the kernel's functions, variables, types and constants without declaring them. This
//! walk finds those names: it follows Rust's scopes, so a local variable is not taken for a kernel
//! function of the same name.

mod accesses;
mod aliases;
mod macros;
mod places;
mod scopes;
mod sequence;
mod values;
mod walk;

pub use aliases::aliases;
pub use sequence::{is_plain_method, Call, Event};

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens as _;
use scopes::Walk;
use std::collections::BTreeSet;
use syn::ext::IdentExt as _;
use syn::visit::Visit as _;
use syn::{Item, Stmt};

/// The outward references of some code.
#[derive(Debug, Clone, Default)]
pub struct Refs {
    /// Every identifier in any role, including the members that it uses.
    pub words: BTreeSet<String>,
    /// Names that must be defined elsewhere.
    pub names: Vec<Name>,
    /// Structs of which it constructs values.
    pub literals: BTreeSet<String>,
    /// Uses of `original`.
    pub originals: Vec<Original>,
    /// Macros that are called, without their paths.
    pub macros: Vec<Name>,
    /// Outward names that it assigns to, or takes a mutable reference or pointer to.
    pub writes: Vec<Name>,
    /// Calls of methods on outward names and on `self`.
    pub methods: Vec<Method>,
    /// Whether it has an operator that decides whether the following code runs.
    pub branches: bool,
    /// Whether it returns early, closures and nested functions left out.
    pub returns: bool,
    /// Outward constants that are arguments, or values of variables, by themselves or with `|`.
    pub flags: Vec<Name>,
    /// Outward paths of several names.
    pub paths: Vec<PathEnds>,
    /// The paths behind other names that are called.
    pub aliased: Vec<PathEnds>,
    /// Outward names that are arguments.
    pub passed: Vec<Passed>,
    /// Functions, variables and closures that it uses as values.
    pub values: Vec<Value>,
    /// What it does, in order.
    pub sequence: Vec<Event>,
    /// Strings that are arguments of calls, each with the function's name.
    pub string_arguments: Vec<StringArgument>,
    /// Accesses of memory through what `as_ptr()` has returned.
    pub accesses: Vec<Access>,
    /// Outward names that are arguments of `original`, by themselves.
    pub passed_on: Vec<String>,
}

/// An access of memory through a pointer that `as_ptr()` has returned.
#[derive(Debug, Clone)]
pub struct Access {
    /// What `as_ptr()` was called on.
    pub of: Owner,
    /// The position of the access.
    pub span: Span,
}

/// What a method was called on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// An outward name.
    Name(String),
    /// A member of anything.
    Member(String),
}

/// The ends of a path of several names, such as `kernel::bindings::GFP_KERNEL`.
#[derive(Debug, Clone)]
pub struct PathEnds {
    /// The first name.
    pub first: String,
    /// The name before the last one; empty if there is none.
    pub owner: String,
    /// The last name.
    pub last: String,
    /// The last name's position.
    pub span: Span,
    /// Whether the path is called.
    pub called: bool,
}

impl PathEnds {
    /// The ends of a path.
    fn of(path: &syn::Path, called: bool) -> Option<PathEnds> {
        let name = |segment: &syn::PathSegment| segment.ident.unraw().to_string();
        let (first, last) = (path.segments.first()?, path.segments.last()?);
        let owner = path.segments.iter().rev().nth(1).map(name).unwrap_or_default();
        Some(PathEnds {
            first: name(first),
            owner,
            last: name(last),
            span: last.ident.span(),
            called,
        })
    }
}

/// A call of a method on an outward name.
#[derive(Debug, Clone)]
pub struct Method {
    /// The name that it is called on.
    pub of: String,
    /// The method.
    pub name: String,
    /// The method's position.
    pub span: Span,
    /// The calls of methods on outward names in whose arguments it is, as `NAME.METHOD`.
    pub inside: Vec<String>,
}

/// An outward name that is an argument of a call, perhaps in `Some(..)`.
#[derive(Debug, Clone)]
pub struct Passed {
    /// The function that is called.
    pub function: String,
    /// Which argument it is, from 0.
    pub argument: usize,
    /// The last name of its path.
    pub name: String,
    /// Its position.
    pub span: Span,
}

/// A function, a variable or a closure that is used as a value.
#[derive(Debug, Clone)]
pub struct Value {
    /// What it is.
    pub what: ValueKind,
    /// Its position.
    pub span: Span,
    /// Where the value goes.
    pub to: To,
}

/// What is used as a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValueKind {
    /// An outward name: the name that its path is found in, and the last name.
    Outward(Option<String>, String),
    /// A function that is written in the code itself, by its name.
    Inner(String),
    /// A closure.
    Closure,
}

/// Where a value goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum To {
    /// It is an argument of a function: what the path is found in, and its last name.
    Call(Option<String>, String),
    /// It is stored in memory behind a pointer.
    Memory,
    /// It is stored in an outward variable.
    Static(String),
    /// It is a result, or in something else that is not followed.
    Variable,
    /// It is only read, called or compared, or an argument of a method or of something unknown.
    Here,
}

/// A string literal that is passed directly.
#[derive(Debug, Clone)]
pub struct StringArgument {
    /// The function.
    pub function: String,
    /// The string's position.
    pub span: Span,
}

/// A name that must be defined elsewhere.
#[derive(Debug, Clone)]
pub struct Name {
    /// The name, without `r#`.
    pub name: String,
    /// Its position.
    pub span: Span,
    /// Its role.
    pub role: Role,
    /// Whether it is called directly, not as the start of a path. In a macro's arguments this is a
    /// guess.
    pub called: bool,
}

/// The role in which a name is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It is called.
    Function,
    /// It is a value.
    Value,
    /// It is a type.
    Type,
    /// It is in a macro's arguments, or in a pattern that may name a constant: it may mean
    /// anything, or nothing.
    Unclear,
}

/// A use of the function `original`.
#[derive(Debug, Clone, Copy)]
pub struct Original {
    /// Its position.
    pub span: Span,
    /// Whether it is called, not used as a value.
    pub called: bool,
}

impl Refs {
    /// The references of a body. `bound` are the names that its context binds, such as parameters.
    pub fn of_block(stmts: &[Stmt], tokens: TokenStream, bound: &[String]) -> Refs {
        let mut walk = Walk::new(bound);
        walk.refs.words = words(tokens);
        walk.block(stmts);
        walk.refs
    }

    /// The references of an item, including those to its siblings.
    pub fn of_item(item: &Item, tokens: TokenStream) -> Refs {
        let mut walk = Walk::new(&[]);
        walk.refs.words = words(tokens);
        walk.visit_item(item);
        walk.refs
    }

    /// The references of a macro's rules, as if they were its arguments.
    pub fn of_rules(rules: &syn::Macro) -> Refs {
        let mut walk = Walk::new(&[]);
        walk.refs.words = words(rules.tokens.clone());
        walk.rules(rules.tokens.clone());
        walk.refs
    }

    /// The references of a function.
    pub fn of_function(block: &syn::Block, signature: &syn::Signature) -> Refs {
        let mut walk = Walk::new(&[]);
        walk.refs.words = words(block.to_token_stream());
        walk.visit_signature(signature);
        walk.visit_block(block);
        walk.refs
    }

    /// The references of a module's items to names outside of it.
    pub fn of_items(items: &[Item], tokens: TokenStream) -> Refs {
        let mut walk = Walk::new(&[]);
        walk.refs.words = words(tokens);
        walk.declare(items.iter());
        items.iter().for_each(|item| walk.visit_item(item));
        walk.refs
    }
}

/// Whether an operator stores its result in its left side.
pub fn is_assignment(op: &syn::BinOp) -> bool {
    use syn::BinOp;
    matches!(
        op,
        BinOp::AddAssign(_)
            | BinOp::SubAssign(_)
            | BinOp::MulAssign(_)
            | BinOp::DivAssign(_)
            | BinOp::RemAssign(_)
            | BinOp::BitXorAssign(_)
            | BinOp::BitAndAssign(_)
            | BinOp::BitOrAssign(_)
            | BinOp::ShlAssign(_)
            | BinOp::ShrAssign(_)
    )
}

/// The names that items define.
pub fn defined(items: &[Item]) -> BTreeSet<String> {
    let mut walk = Walk::new(&[]);
    walk.declare(items.iter());
    walk.names().collect()
}

/// Every identifier in some tokens.
fn words(tokens: TokenStream) -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    each_ident(tokens, &mut |ident| {
        words.insert(ident.unraw().to_string());
    });
    words
}

fn each_ident(tokens: TokenStream, use_ident: &mut impl FnMut(&syn::Ident)) {
    // Bodies are nested no deeper than the scanner allows.
    for tree in tokens {
        match tree {
            TokenTree::Ident(ident) => use_ident(&ident),
            TokenTree::Group(group) => each_ident(group.stream(), use_ident),
            TokenTree::Punct(_) | TokenTree::Literal(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse::Parser as _;
    use syn::Block;

    fn refs(body: &str, bound: &[&str]) -> Refs {
        let bound: Vec<String> = bound.iter().map(|name| (*name).to_owned()).collect();
        let tokens: TokenStream = body.parse().unwrap_or_else(|error| panic!("{body}: {error}"));
        let stmts = Block::parse_within
            .parse2(tokens.clone())
            .unwrap_or_else(|error| panic!("{body}: {error}"));
        Refs::of_block(&stmts, tokens, &bound)
    }

    /// The names that a body takes from outside, without unclear ones.
    fn names(body: &str, bound: &[&str]) -> Vec<(String, Role)> {
        let names = refs(body, bound).names.into_iter();
        names.filter(|name| name.role != Role::Unclear).map(|name| (name.name, name.role)).collect()
    }

    fn owned(names: &[(&str, Role)]) -> Vec<(String, Role)> {
        names.iter().map(|(name, role)| ((*name).to_owned(), *role)).collect()
    }

    #[test]
    fn calls_values_and_types_are_told_apart() {
        let found = names("let p: *mut sock = m.cast(); f(*p, LIMIT);", &["m"]);
        assert_eq!(
            found,
            owned(&[("sock", Role::Type), ("f", Role::Function), ("LIMIT", Role::Value)])
        );
    }

    #[test]
    fn what_a_body_binds_itself_is_not_the_kernels() {
        for body in [
            "let jiffies = 1; let _ = jiffies;",
            "let f = |jiffies: u64| jiffies; f(1);",
            "if let Some(jiffies) = x { drop(jiffies); }",
            "for jiffies in 0..3 { drop(jiffies); }",
            "match x { Some(jiffies) if jiffies > 1 => jiffies, _ => 0 };",
            "while let Some(jiffies) = x { drop(jiffies); }",
            "fn jiffies() {} jiffies();",
            "use a::jiffies; jiffies();",
            "let Some(jiffies) = x else { return }; drop(jiffies);",
        ] {
            let found = names(body, &["x", "drop", "Some"]);
            assert!(!found.iter().any(|(name, _)| name == "jiffies"), "{body}: {found:?}");
        }
    }

    #[test]
    fn what_a_body_binds_ends_with_its_scope() {
        for body in [
            "{ let jiffies = 1; } drop(jiffies);",
            "if let Some(jiffies) = x {} drop(jiffies);",
            "let jiffies = jiffies + 1;",
            "let f = |jiffies: u64| 1; f(jiffies);",
        ] {
            let found = names(body, &["x", "drop", "Some"]);
            assert!(found.iter().any(|(name, _)| name == "jiffies"), "{body}: {found:?}");
        }
    }

    #[test]
    fn macros_are_looked_into() {
        let found = refs("pr_info!(\"{}\\n\", jiffies); odd!(a => jiffies2);", &[]).names;
        let found: Vec<_> = found.iter().map(|name| (name.name.as_str(), name.role)).collect();
        assert!(found.contains(&("jiffies", Role::Unclear)), "{found:?}");
        assert!(found.contains(&("jiffies2", Role::Unclear)), "{found:?}");
        let calls = refs("pr_info!(\"{}\", f(g)); h::i(j); k(l);", &[]).names;
        let calls = calls.iter().filter(|name| name.called).map(|name| name.name.as_str());
        assert_eq!(calls.collect::<Vec<_>>(), ["f", "k"]);
        let macros = refs("pr_info!(\"{}\", a::odd!())", &[]).macros;
        assert_eq!(
            macros.iter().map(|name| name.name.as_str()).collect::<Vec<_>>(),
            ["pr_info", "odd"]
        );
    }

    #[test]
    fn every_use_of_original_is_seen() {
        let called =
            |body: &str| refs(body, &[]).originals.iter().map(|o| o.called).collect::<Vec<_>>();
        assert_eq!(called("original(m, v)"), [true]);
        assert_eq!(called("let f = original; f(original(m, v))"), [false, true]);
        assert_eq!(called("matches!(original(m, v), x if x < 0)"), [true]);
        assert_eq!(called("fn original() {} original()"), [] as [bool; 0]);
        assert_eq!(called("m.original()"), [] as [bool; 0]);
        for import in [
            "use original as o; o as usize",
            "{ use original; original as usize }",
            "use {r#original as o}; o",
            "use original::{self as o}; o",
        ] {
            assert_eq!(called(import), [false], "{import}");
        }
        assert_eq!(called("use a::original as o; o(m)"), [] as [bool; 0]);
        assert_eq!(called("fn original() {} use original as o; o(m)"), [] as [bool; 0]);
    }

    #[test]
    fn accesses_through_what_as_ptr_returns_are_seen() {
        let found = |body: &str| -> Vec<String> {
            let accesses = refs(body, &[]).accesses.into_iter();
            accesses
                .map(|access| match access.of {
                    Owner::Name(name) => name,
                    Owner::Member(name) => format!(".{name}"),
                })
                .collect()
        };
        for body in [
            "*p.as_ptr()",
            "(*p.as_ptr()).x.y = 1;",
            "p.as_ptr().read()",
            "p.cast::<u8>().as_ptr().add(1).write_volatile(2)",
            "pr_info!(\"{:?}\", CStr::from_ptr(p.as_ptr()));",
            "core::slice::from_raw_parts(p.as_ptr() as *const u8, 3)",
            "let q = p.as_ptr(); *q",
            "let p = p.as_ptr(); if true { core::ptr::read(p); }",
            "(&raw const (*p.as_ptr()).x).read(); let r = &(*p.as_ptr()).x;",
        ] {
            assert_eq!(found(body), ["p"], "{body}");
        }
        assert_eq!(found("*(*m).base.as_ptr()"), [".base"]);
        for body in [
            "f(p.as_ptr()); p.read(); *p",
            "&raw const (*p.as_ptr()).x",
            "addr_of!((*p.as_ptr()).x[1]).cast::<u8>()",
            "let q = p.as_ptr(); { let q = r; *q }",
            "{ let q = p.as_ptr(); } *q",
            "fn f(p: u8) { *p.as_ptr() }",
            "read(p.as_ptr())",
        ] {
            assert_eq!(found(body), [] as [&str; 0], "{body}");
        }
    }

    #[test]
    fn members_and_struct_literals_are_known_by_name() {
        let refs = refs("let t = timespec64 { tv_sec: 1, tv_nsec: (*m).count };", &["m"]);
        assert!(refs.literals.contains("timespec64"));
        assert!(["tv_sec", "tv_nsec", "count"].iter().all(|word| refs.words.contains(*word)));
    }
}
