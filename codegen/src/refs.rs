//! What a piece of Rust refers to and does not define itself.
//!
//! A body names the kernel's functions, variables, types and constants without declaring them. This walk finds those
//! names: it follows Rust's scopes, so a local variable is not taken for a kernel function of the same name.

use proc_macro2::{Span, TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet, HashSet};
use syn::ext::IdentExt as _;
use syn::parse::Parser as _;
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{Block, Expr, Item, Lit, Pat, Stmt, Token};

/// The outward references of some code.
#[derive(Debug, Clone, Default)]
pub struct Refs {
    /// Every identifier that occurs, in whatever role: among them are the members that it uses.
    pub words: BTreeSet<String>,
    /// Names that something outside must define.
    pub names: Vec<Name>,
    /// Structs that it writes values of.
    pub literals: BTreeSet<String>,
    /// Uses of `original`.
    pub originals: Vec<Original>,
    /// Macros that are called, without their paths.
    pub macros: Vec<Name>,
    /// Strings that are arguments of calls, each with the function's name.
    pub string_arguments: Vec<StringArgument>,
}

/// A string literal that is passed as it is.
#[derive(Debug, Clone)]
pub struct StringArgument {
    /// The function.
    pub function: String,
    /// Where the string stands.
    pub span: Span,
}

/// A name that something outside defines.
#[derive(Debug, Clone)]
pub struct Name {
    /// The name, without `r#`.
    pub name: String,
    /// Where it stands.
    pub span: Span,
    /// What it must be.
    pub role: Role,
    /// Whether it is called, as it is and not as the start of a path. In a macro's arguments that is as it seems.
    pub called: bool,
}

/// What a name is used as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// It is called.
    Function,
    /// It is a value.
    Value,
    /// It is a type.
    Type,
    /// It stands in a macro's arguments or where a pattern may name a constant: it may mean anything, or nothing.
    Unclear,
}

/// A use of the function `original`.
#[derive(Debug, Clone, Copy)]
pub struct Original {
    /// Where.
    pub span: Span,
    /// Whether it is called, and not used as a value.
    pub called: bool,
}

impl Refs {
    /// What a body refers to. `bound` are the names that its surroundings give it: parameters and the like.
    pub fn of_block(stmts: &[Stmt], tokens: TokenStream, bound: &[String]) -> Refs {
        let mut walk = Walk::new(bound);
        walk.refs.words = words(tokens);
        walk.block(stmts);
        walk.refs
    }

    /// What an item refers to, its siblings among it.
    pub fn of_item(item: &Item, tokens: TokenStream) -> Refs {
        let mut walk = Walk::new(&[]);
        walk.refs.words = words(tokens);
        walk.visit_item(item);
        walk.refs
    }

    /// What the items of a module refer to outside of it.
    pub fn of_items(items: &[Item], tokens: TokenStream) -> Refs {
        let mut walk = Walk::new(&[]);
        walk.refs.words = words(tokens);
        walk.declare(items.iter());
        items.iter().for_each(|item| walk.visit_item(item));
        walk.refs
    }
}

/// The names that items define.
pub fn defined(items: &[Item]) -> BTreeSet<String> {
    let mut walk = Walk::new(&[]);
    walk.declare(items.iter());
    walk.scopes.into_iter().flatten().collect()
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

struct Walk {
    refs: Refs,
    /// Names of both of Rust's name spaces; to tell them apart would change nothing here.
    scopes: Vec<HashSet<String>>,
    /// In how many of the scopes each name is.
    bound: BTreeMap<String, usize>,
    /// Whether the walk is in a macro's arguments.
    in_macro: bool,
}

impl Walk {
    fn new(bound: &[String]) -> Self {
        let outside: HashSet<String> = bound.iter().cloned().collect();
        Walk {
            refs: Refs::default(),
            bound: outside.iter().map(|name| (name.clone(), 1)).collect(),
            scopes: vec![outside, HashSet::new()],
            in_macro: false,
        }
    }

    fn scoped(&mut self, inside: impl FnOnce(&mut Self)) {
        self.scopes.push(HashSet::new());
        inside(self);
        for name in self.scopes.pop().into_iter().flatten() {
            if let Some(count) = self.bound.get_mut(&name) {
                *count -= 1;
            }
        }
    }

    fn bind(&mut self, name: &syn::Ident) {
        let name = name.unraw().to_string();
        if self.scopes.last_mut().is_some_and(|scope| scope.insert(name.clone())) {
            *self.bound.entry(name).or_default() += 1;
        }
    }

    fn bind_generics(&mut self, generics: &syn::Generics) {
        for param in &generics.params {
            match param {
                syn::GenericParam::Type(t) => self.bind(&t.ident),
                syn::GenericParam::Const(c) => self.bind(&c.ident),
                syn::GenericParam::Lifetime(_) => {}
            }
        }
    }

    fn refer(&mut self, name: &syn::Ident, role: Role) {
        let text = name.unraw().to_string();
        if text == "original" && !self.is_bound(&text) {
            let called = role == Role::Function;
            self.refs.originals.push(Original { span: name.span(), called });
        } else if !self.is_bound(&text) && !matches!(text.as_str(), "self" | "Self" | "super" | "crate") {
            let called = role == Role::Function;
            let role = if self.in_macro { Role::Unclear } else { role };
            self.refs.names.push(Name { name: text, span: name.span(), role, called });
        }
    }

    fn is_bound(&self, name: &str) -> bool {
        self.bound.get(name).is_some_and(|&count| count > 0)
    }

    /// Makes items known before they are walked: Rust's items see each other in any order.
    fn declare<'a>(&mut self, items: impl Iterator<Item = &'a Item>) {
        for item in items {
            match item {
                Item::Const(i) => self.bind(&i.ident),
                Item::Enum(i) => self.bind(&i.ident),
                Item::Fn(i) => self.bind(&i.sig.ident),
                Item::Mod(i) => self.bind(&i.ident),
                Item::Static(i) => self.bind(&i.ident),
                Item::Struct(i) => self.bind(&i.ident),
                Item::Trait(i) => self.bind(&i.ident),
                Item::TraitAlias(i) => self.bind(&i.ident),
                Item::Type(i) => self.bind(&i.ident),
                Item::Union(i) => self.bind(&i.ident),
                Item::Use(i) => self.declare_use(&i.tree),
                Item::ForeignMod(block) => {
                    for item in &block.items {
                        match item {
                            syn::ForeignItem::Fn(f) => self.bind(&f.sig.ident),
                            syn::ForeignItem::Static(s) => self.bind(&s.ident),
                            syn::ForeignItem::Type(t) => self.bind(&t.ident),
                            _ => {}
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn declare_use(&mut self, tree: &syn::UseTree) {
        match tree {
            syn::UseTree::Path(path) => self.declare_use(&path.tree),
            syn::UseTree::Name(name) => self.bind(&name.ident),
            syn::UseTree::Rename(rename) => self.bind(&rename.rename),
            syn::UseTree::Group(group) => group.items.iter().for_each(|tree| self.declare_use(tree)),
            syn::UseTree::Glob(_) => {}
        }
    }

    fn block(&mut self, stmts: &[Stmt]) {
        self.scoped(|walk| {
            walk.declare(stmts.iter().filter_map(|stmt| match stmt {
                Stmt::Item(item) => Some(item),
                _ => None,
            }));
            for stmt in stmts {
                walk.visit_stmt(stmt);
            }
        });
    }

    fn signature(&mut self, signature: &syn::Signature, body: impl FnOnce(&mut Self)) {
        self.scoped(|walk| {
            walk.bind_generics(&signature.generics);
            visit::visit_signature(walk, signature);
            body(walk);
        });
    }

    /// The tokens of a macro that takes more than expressions.
    fn macro_tokens(&mut self, tokens: TokenStream) {
        let mut tokens = tokens.into_iter().peekable();
        while let Some(tree) = tokens.next() {
            match tree {
                TokenTree::Group(group) => self.macro_tokens(group.stream()),
                TokenTree::Ident(ident) => {
                    let called = matches!(tokens.peek(), Some(TokenTree::Group(_)));
                    self.refer(&ident, if called { Role::Function } else { Role::Unclear });
                }
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }

    fn path(&mut self, path: &syn::Path, role: Role) {
        // `::name` and `crate::name` say themselves where they lead.
        if let (None, Some(first)) = (path.leading_colon, path.segments.first()) {
            let role = if path.segments.len() == 1 { role } else { Role::Unclear };
            self.refer(&first.ident, role);
        }
        for segment in &path.segments {
            self.visit_path_arguments(&segment.arguments);
        }
    }
}

impl<'a> Visit<'a> for Walk {
    fn visit_block(&mut self, block: &'a Block) {
        self.block(&block.stmts);
    }

    fn visit_local(&mut self, local: &'a syn::Local) {
        if let Some(init) = &local.init {
            self.visit_expr(&init.expr);
            if let Some((_, diverge)) = &init.diverge {
                self.visit_expr(diverge);
            }
        }
        self.visit_pat(&local.pat);
    }

    fn visit_expr_closure(&mut self, closure: &'a syn::ExprClosure) {
        self.scoped(|walk| visit::visit_expr_closure(walk, closure));
    }

    fn visit_arm(&mut self, arm: &'a syn::Arm) {
        self.scoped(|walk| visit::visit_arm(walk, arm));
    }

    fn visit_expr_if(&mut self, expr: &'a syn::ExprIf) {
        // What `if let` binds is in scope in the first branch only.
        self.scoped(|walk| {
            walk.visit_expr(&expr.cond);
            walk.visit_block(&expr.then_branch);
        });
        if let Some((_, otherwise)) = &expr.else_branch {
            self.visit_expr(otherwise);
        }
    }

    fn visit_expr_while(&mut self, expr: &'a syn::ExprWhile) {
        self.scoped(|walk| visit::visit_expr_while(walk, expr));
    }

    fn visit_expr_let(&mut self, expr: &'a syn::ExprLet) {
        self.visit_expr(&expr.expr);
        self.visit_pat(&expr.pat);
    }

    fn visit_expr_for_loop(&mut self, expr: &'a syn::ExprForLoop) {
        self.visit_expr(&expr.expr);
        self.scoped(|walk| {
            walk.visit_pat(&expr.pat);
            walk.visit_block(&expr.body);
        });
    }

    fn visit_pat_ident(&mut self, pat: &'a syn::PatIdent) {
        // An upper-case name may be a constant that the pattern compares with.
        let text = pat.ident.to_string();
        if text.starts_with(|c: char| c.is_uppercase()) && pat.subpat.is_none() && pat.mutability.is_none() {
            self.refer(&pat.ident, Role::Unclear);
        }
        self.bind(&pat.ident);
        visit::visit_pat_ident(self, pat);
    }

    fn visit_pat(&mut self, pat: &'a Pat) {
        match pat {
            Pat::Path(p) => self.path(&p.path, Role::Value),
            Pat::TupleStruct(p) => {
                self.path(&p.path, Role::Unclear);
                p.elems.iter().for_each(|pat| self.visit_pat(pat));
            }
            Pat::Struct(p) => {
                self.path(&p.path, Role::Type);
                p.fields.iter().for_each(|field| self.visit_pat(&field.pat));
            }
            pat => visit::visit_pat(self, pat),
        }
    }

    fn visit_expr_call(&mut self, call: &'a syn::ExprCall) {
        match &*call.func {
            Expr::Path(p) if p.qself.is_none() => {
                self.path(&p.path, Role::Function);
                let function =
                    p.path.segments.last().map(|s| s.ident.unraw().to_string()).unwrap_or_default();
                let strings = call.args.iter().filter_map(|arg| match arg {
                    Expr::Lit(syn::ExprLit {
                        lit: lit @ (Lit::Str(_) | Lit::CStr(_) | Lit::ByteStr(_)),
                        ..
                    }) => Some(StringArgument { function: function.clone(), span: lit.span() }),
                    _ => None,
                });
                self.refs.string_arguments.extend(strings);
            }
            func => self.visit_expr(func),
        }
        call.args.iter().for_each(|arg| self.visit_expr(arg));
    }

    fn visit_expr_path(&mut self, expr: &'a syn::ExprPath) {
        match &expr.qself {
            None => self.path(&expr.path, Role::Value),
            Some(_) => visit::visit_expr_path(self, expr),
        }
    }

    fn visit_expr_struct(&mut self, expr: &'a syn::ExprStruct) {
        self.path(&expr.path, Role::Type);
        if let Some(ident) = expr.path.get_ident() {
            self.refs.literals.insert(ident.unraw().to_string());
        }
        expr.fields.iter().for_each(|field| self.visit_expr(&field.expr));
        expr.rest.iter().for_each(|rest| self.visit_expr(rest));
    }

    fn visit_type_path(&mut self, ty: &'a syn::TypePath) {
        match &ty.qself {
            None => self.path(&ty.path, Role::Type),
            Some(_) => visit::visit_type_path(self, ty),
        }
    }

    // A path that none of the above took is a trait, a visibility or an attribute: nothing of the kernel's.
    fn visit_path(&mut self, path: &'a syn::Path) {
        for segment in &path.segments {
            self.visit_path_arguments(&segment.arguments);
        }
    }

    fn visit_attribute(&mut self, _: &'a syn::Attribute) {}

    fn visit_item_fn(&mut self, item: &'a syn::ItemFn) {
        self.signature(&item.sig, |walk| walk.visit_block(&item.block));
    }

    fn visit_impl_item_fn(&mut self, item: &'a syn::ImplItemFn) {
        self.signature(&item.sig, |walk| walk.visit_block(&item.block));
    }

    fn visit_item_mod(&mut self, item: &'a syn::ItemMod) {
        self.scoped(|walk| {
            let items = item.content.iter().flat_map(|(_, items)| items);
            walk.declare(items.clone());
            items.for_each(|item| walk.visit_item(item));
        });
    }

    fn visit_item_impl(&mut self, item: &'a syn::ItemImpl) {
        self.scoped(|walk| {
            walk.bind_generics(&item.generics);
            visit::visit_item_impl(walk, item);
        });
    }

    fn visit_item_struct(&mut self, item: &'a syn::ItemStruct) {
        self.scoped(|walk| {
            walk.bind_generics(&item.generics);
            visit::visit_item_struct(walk, item);
        });
    }

    fn visit_item_enum(&mut self, item: &'a syn::ItemEnum) {
        self.scoped(|walk| {
            walk.bind_generics(&item.generics);
            visit::visit_item_enum(walk, item);
        });
    }

    fn visit_item_use(&mut self, _: &'a syn::ItemUse) {}

    fn visit_macro(&mut self, mac: &'a syn::Macro) {
        if let Some(syn::PathSegment { ident, .. }) = mac.path.segments.last() {
            let (name, span) = (ident.unraw().to_string(), ident.span());
            self.refs.macros.push(Name { name, span, role: Role::Function, called: true });
        }
        let outside = std::mem::replace(&mut self.in_macro, true);
        // Most macros take expressions; what another one takes is anybody's guess.
        match Punctuated::<Expr, Token![,]>::parse_terminated.parse2(mac.tokens.clone()) {
            Ok(args) => args.iter().for_each(|arg| Walk::visit_expr(self, arg)),
            Err(_) => self.macro_tokens(mac.tokens.clone()),
        }
        self.in_macro = outside;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refs(body: &str, bound: &[&str]) -> Refs {
        let bound: Vec<String> = bound.iter().map(|name| (*name).to_owned()).collect();
        let tokens: TokenStream = body.parse().unwrap_or_else(|error| panic!("{body}: {error}"));
        let stmts =
            Block::parse_within.parse2(tokens.clone()).unwrap_or_else(|error| panic!("{body}: {error}"));
        Refs::of_block(&stmts, tokens, &bound)
    }

    /// What a body takes from outside, without what may mean nothing.
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
        assert_eq!(found, owned(&[("sock", Role::Type), ("f", Role::Function), ("LIMIT", Role::Value)]));
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
        assert_eq!(macros.iter().map(|name| name.name.as_str()).collect::<Vec<_>>(), ["pr_info", "odd"]);
    }

    #[test]
    fn every_use_of_original_is_seen() {
        let called = |body: &str| refs(body, &[]).originals.iter().map(|o| o.called).collect::<Vec<_>>();
        assert_eq!(called("original(m, v)"), [true]);
        assert_eq!(called("let f = original; f(original(m, v))"), [false, true]);
        assert_eq!(called("matches!(original(m, v), x if x < 0)"), [true]);
        assert_eq!(called("fn original() {} original()"), [] as [bool; 0]);
        assert_eq!(called("m.original()"), [] as [bool; 0]);
    }

    #[test]
    fn members_and_struct_literals_are_known_by_name() {
        let refs = refs("let t = timespec64 { tv_sec: 1, tv_nsec: (*m).count };", &["m"]);
        assert!(refs.literals.contains("timespec64"));
        assert!(["tv_sec", "tv_nsec", "count"].iter().all(|word| refs.words.contains(*word)));
    }
}
