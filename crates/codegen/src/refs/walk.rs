// SPDX-License-Identifier: GPL-2.0
//! The walk: it follows Rust's scopes and collects the names that none of them binds.

use super::{Method, Name, Original, PathEnds, Refs, Role, StringArgument};
use proc_macro2::{TokenStream, TokenTree};
use std::collections::{BTreeMap, HashSet};
use syn::ext::IdentExt as _;
use syn::parse::Parser as _;
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{Block, Expr, Item, Lit, Pat, Stmt, Token};

/// A walk over some code, and its findings.
pub(super) struct Walk {
    pub(super) refs: Refs,
    /// Names in both of Rust's namespaces; telling them apart would change nothing here.
    scopes: Vec<HashSet<String>>,
    /// The number of scopes that bind each name.
    bound: BTreeMap<String, usize>,
    /// Whether the walk is in a macro's arguments.
    in_macro: bool,
    /// The calls of methods on outward names in whose arguments the walk is.
    inside: Vec<String>,
    /// The number of closures and functions that the walk is in.
    nested: usize,
}

impl Walk {
    /// A walk in a context that binds these names.
    pub(super) fn new(bound: &[String]) -> Self {
        let outside: HashSet<String> = bound.iter().cloned().collect();
        Walk {
            refs: Refs::default(),
            bound: outside.iter().map(|name| (name.clone(), 1)).collect(),
            scopes: vec![outside, HashSet::new()],
            in_macro: false,
            inside: Vec::new(),
            nested: 0,
        }
    }

    /// The bound names.
    pub(super) fn names(self) -> impl Iterator<Item = String> {
        self.scopes.into_iter().flatten()
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
        } else if !self.is_bound(&text)
            && !matches!(text.as_str(), "self" | "Self" | "super" | "crate")
        {
            let called = role == Role::Function;
            let role = if self.in_macro { Role::Unclear } else { role };
            self.refs.names.push(Name { name: text, span: name.span(), role, called });
        }
    }

    pub(super) fn is_bound(&self, name: &str) -> bool {
        self.bound.get(name).is_some_and(|&count| count > 0)
    }

    /// Binds items before they are walked: in Rust, items see each other in any order.
    pub(super) fn declare<'a>(&mut self, items: impl Iterator<Item = &'a Item>) {
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
            syn::UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.declare_use(tree));
            }
            syn::UseTree::Glob(_) => {}
        }
    }

    /// Walks a block.
    pub(super) fn block(&mut self, stmts: &[Stmt]) {
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
        // `::name` and `crate::name` are complete paths.
        if let (None, Some(first)) = (path.leading_colon, path.segments.first()) {
            let is_short = path.segments.len() == 1;
            let called = role == Role::Function;
            self.refer(&first.ident, if is_short { role } else { Role::Unclear });
            if let Some(last) = path.segments.last().filter(|_| !is_short) {
                let name = |segment: &syn::PathSegment| segment.ident.unraw().to_string();
                self.refs.paths.push(PathEnds {
                    first: name(first),
                    last: name(last),
                    span: last.ident.span(),
                    called,
                });
            }
        }
        for segment in &path.segments {
            self.visit_path_arguments(&segment.arguments);
        }
    }

    /// Walks code that does not run where it is written.
    fn nested(&mut self, inside: impl FnOnce(&mut Self)) {
        self.nested += 1;
        inside(self);
        self.nested -= 1;
    }
}

impl<'a> Visit<'a> for Walk {
    fn visit_block(&mut self, block: &'a Block) {
        self.block(&block.stmts);
    }

    fn visit_local(&mut self, local: &'a syn::Local) {
        if let Some(init) = &local.init {
            self.flags(&init.expr);
            self.visit_expr(&init.expr);
            if let Some((_, diverge)) = &init.diverge {
                self.visit_expr(diverge);
            }
        }
        self.visit_pat(&local.pat);
    }

    fn visit_expr_closure(&mut self, closure: &'a syn::ExprClosure) {
        self.nested(|walk| walk.scoped(|walk| visit::visit_expr_closure(walk, closure)));
    }

    fn visit_arm(&mut self, arm: &'a syn::Arm) {
        self.scoped(|walk| visit::visit_arm(walk, arm));
    }

    fn visit_expr_if(&mut self, expr: &'a syn::ExprIf) {
        // Names that `if let` binds are in scope in the first branch only.
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
        if text.starts_with(|c: char| c.is_uppercase())
            && pat.subpat.is_none()
            && pat.mutability.is_none()
        {
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
        call.args.iter().for_each(|arg| self.flags(arg));
        call.args.iter().for_each(|arg| self.visit_expr(arg));
    }

    fn visit_expr_assign(&mut self, assign: &'a syn::ExprAssign) {
        self.write(&assign.left);
        visit::visit_expr_assign(self, assign);
    }

    fn visit_expr_binary(&mut self, binary: &'a syn::ExprBinary) {
        use syn::BinOp;
        if matches!(
            binary.op,
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
        ) {
            self.write(&binary.left);
        }
        self.refs.branches |= matches!(binary.op, BinOp::And(_) | BinOp::Or(_));
        visit::visit_expr_binary(self, binary);
    }

    fn visit_expr_return(&mut self, ret: &'a syn::ExprReturn) {
        self.refs.returns |= self.nested == 0;
        visit::visit_expr_return(self, ret);
    }

    fn visit_expr_cast(&mut self, cast: &'a syn::ExprCast) {
        if matches!(&*cast.ty, syn::Type::Ptr(to) if to.mutability.is_some()) {
            self.write_through(&cast.expr);
        }
        visit::visit_expr_cast(self, cast);
    }

    fn visit_expr_try(&mut self, tried: &'a syn::ExprTry) {
        self.refs.branches = true;
        visit::visit_expr_try(self, tried);
    }

    fn visit_expr_reference(&mut self, reference: &'a syn::ExprReference) {
        if reference.mutability.is_some() {
            self.write(&reference.expr);
        }
        visit::visit_expr_reference(self, reference);
    }

    fn visit_expr_raw_addr(&mut self, address: &'a syn::ExprRawAddr) {
        if matches!(address.mutability, syn::PointerMutability::Mut(_)) {
            self.write(&address.expr);
        }
        visit::visit_expr_raw_addr(self, address);
    }

    fn visit_expr_method_call(&mut self, call: &'a syn::ExprMethodCall) {
        call.args.iter().for_each(|arg| self.flags(arg));
        if call.method == "cast_mut" {
            self.write_through(&call.receiver);
        }
        let Some(of) = self.outward(&call.receiver) else {
            return visit::visit_expr_method_call(self, call);
        };
        let (name, span) = (call.method.unraw().to_string(), call.method.span());
        let text = format!("{}.{name}", of.name);
        self.refs.methods.push(Method { of: of.name, name, span, inside: self.inside.clone() });
        self.visit_expr(&call.receiver);
        self.inside.push(text);
        call.args.iter().for_each(|arg| self.visit_expr(arg));
        self.inside.pop();
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

    // The remaining paths are traits, visibilities and attributes, which do not name the kernel.
    fn visit_path(&mut self, path: &'a syn::Path) {
        for segment in &path.segments {
            self.visit_path_arguments(&segment.arguments);
        }
    }

    fn visit_attribute(&mut self, _: &'a syn::Attribute) {}

    fn visit_item_fn(&mut self, item: &'a syn::ItemFn) {
        self.nested(|walk| walk.signature(&item.sig, |walk| walk.visit_block(&item.block)));
    }

    fn visit_impl_item_fn(&mut self, item: &'a syn::ImplItemFn) {
        self.nested(|walk| walk.signature(&item.sig, |walk| walk.visit_block(&item.block)));
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
        // Most macros take expressions; the meaning of other arguments is unknown.
        match Punctuated::<Expr, Token![,]>::parse_terminated.parse2(mac.tokens.clone()) {
            Ok(args) => {
                if mac.path.segments.last().is_some_and(|last| last.ident == "addr_of_mut") {
                    args.iter().for_each(|place| self.write(place));
                }
                args.iter().for_each(|arg| Walk::visit_expr(self, arg));
            }
            Err(_) => self.macro_tokens(mac.tokens.clone()),
        }
        self.in_macro = outside;
    }
}
