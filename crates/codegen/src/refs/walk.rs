// SPDX-License-Identifier: GPL-2.0
//! The walk: it follows Rust's syntax and collects the names that no scope binds.

use super::scopes::Walk;
use super::{
    aliases, is_assignment, is_plain_method, places, Event, Method, Name, PathEnds, Role,
    StringArgument, To,
};
use syn::ext::IdentExt as _;
use syn::parse::Parser as _;
use syn::punctuated::Punctuated;
use syn::visit::{self, Visit};
use syn::{Block, Expr, Lit, Pat, Stmt, Token};

impl Walk {
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

    fn function(&mut self, signature: &syn::Signature, block: &Block) {
        self.elsewhere(|walk| {
            walk.nested(|walk| walk.signature(signature, |walk| walk.visit_block(block)));
        });
    }

    fn signature(&mut self, signature: &syn::Signature, body: impl FnOnce(&mut Self)) {
        self.scoped(|walk| {
            walk.bind_generics(&signature.generics);
            visit::visit_signature(walk, signature);
            body(walk);
        });
    }

    fn path(&mut self, path: &syn::Path, role: Role) {
        // `::name` and `crate::name` are complete paths.
        if let (None, Some(first)) = (path.leading_colon, path.segments.first()) {
            let is_short = path.segments.len() == 1;
            let called = role == Role::Function;
            let name = first.ident.unraw().to_string();
            if called && is_short && self.is_bound(&name) {
                let alias = self.alias_of(&name).cloned();
                let called = |path| PathEnds { span: first.ident.span(), called: true, ..path };
                self.refs.aliased.extend(alias.map(called));
            }
            self.refer(&first.ident, if is_short { role } else { Role::Unclear });
            if !is_short {
                self.refs.paths.extend(PathEnds::of(path, called));
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
        self.going(To::Variable, |walk| walk.block(&block.stmts));
    }

    fn visit_local(&mut self, local: &'a syn::Local) {
        let (mut value, mut held) = (None, Vec::new());
        if let Some(init) = &local.init {
            self.flags(&init.expr);
            match &*init.expr {
                // Whether it is called is not followed.
                closure @ Expr::Closure(_) => self.elsewhere(|walk| walk.visit_expr(closure)),
                value => held = self.holding(|walk| walk.visit_expr(value)),
            }
            if let Some((_, diverge)) = &init.diverge {
                self.branch(|walk| walk.visit_expr(diverge));
            }
            value = self.stands_for(&init.expr);
        }
        let pointer = local.init.as_ref().and_then(|init| self.owner_of_pointer(&init.expr));
        self.visit_pat(&local.pat);
        self.alias_local(&local.pat, value);
        self.holds(&local.pat, held);
        let pat = match &local.pat {
            Pat::Type(typed) => &typed.pat,
            pat => pat,
        };
        if let (Pat::Ident(name), Some(pointer)) = (pat, pointer) {
            self.pointers.insert(name.ident.unraw().to_string(), pointer);
        }
    }

    fn visit_expr_unary(&mut self, unary: &'a syn::ExprUnary) {
        self.dereference(unary);
        visit::visit_expr_unary(self, unary);
    }

    fn visit_expr_closure(&mut self, closure: &'a syn::ExprClosure) {
        self.branch(|walk| {
            walk.nested(|walk| walk.scoped(|walk| walk.closure(closure)));
        });
    }

    fn visit_arm(&mut self, arm: &'a syn::Arm) {
        self.branch(|walk| walk.scoped(|walk| visit::visit_arm(walk, arm)));
    }

    fn visit_expr_if(&mut self, expr: &'a syn::ExprIf) {
        // Names that `if let` binds are in scope in the first branch only.
        self.scoped(|walk| {
            walk.read(&expr.cond);
            walk.branch(|walk| walk.visit_block(&expr.then_branch));
        });
        if let Some((_, otherwise)) = &expr.else_branch {
            self.branch(|walk| walk.visit_expr(otherwise));
        }
    }

    fn visit_expr_while(&mut self, expr: &'a syn::ExprWhile) {
        self.branch(|walk| walk.scoped(|walk| visit::visit_expr_while(walk, expr)));
    }

    fn visit_expr_loop(&mut self, expr: &'a syn::ExprLoop) {
        self.branch(|walk| visit::visit_expr_loop(walk, expr));
    }

    fn visit_expr_let(&mut self, expr: &'a syn::ExprLet) {
        self.visit_expr(&expr.expr);
        self.visit_pat(&expr.pat);
    }

    fn visit_expr_for_loop(&mut self, expr: &'a syn::ExprForLoop) {
        self.visit_expr(&expr.expr);
        self.branch(|walk| {
            walk.scoped(|walk| {
                walk.visit_pat(&expr.pat);
                walk.visit_block(&expr.body);
            });
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
        let mut called = None;
        match places::bare(&call.func) {
            Expr::Path(p) if p.qself.is_none() => {
                self.path(&p.path, Role::Function);
                called = aliases::path_of(&call.func);
                self.function_access(&p.path, call);
                if p.path.is_ident("original") {
                    let names = call.args.iter().filter_map(|arg| Some(self.outward(arg)?.name));
                    let names: Vec<String> = names.collect();
                    self.refs.passed_on.extend(names);
                }
                let function = called.as_ref().map(|p| p.last.clone()).unwrap_or_default();
                self.passes(&function, call);
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
        let to = self.to_function(&call.func);
        self.going(to, |walk| call.args.iter().for_each(|arg| walk.visit_expr(arg)));
        match called {
            Some(path) => self.calls_path(path),
            None => self.refs.sequence.push(Event::Unknown),
        }
    }

    fn visit_expr_assign(&mut self, assign: &'a syn::ExprAssign) {
        self.write(&assign.left);
        self.read(&assign.left);
        self.assigned(&assign.left, &assign.right);
    }

    fn visit_expr_binary(&mut self, binary: &'a syn::ExprBinary) {
        use syn::BinOp;
        if is_assignment(&binary.op) {
            self.write(&binary.left);
        }
        let decides = matches!(binary.op, BinOp::And(_) | BinOp::Or(_));
        self.refs.branches |= decides;
        self.read(&binary.left);
        match decides {
            true => self.branch(|walk| walk.read(&binary.right)),
            false => self.read(&binary.right),
        }
    }

    fn visit_expr_return(&mut self, ret: &'a syn::ExprReturn) {
        let is_original = |call: &syn::ExprCall| match &*call.func {
            Expr::Path(called) => called.path.is_ident("original"),
            _ => false,
        };
        let passes_on = matches!(ret.expr.as_deref(), Some(Expr::Call(call)) if is_original(call));
        self.refs.returns |= self.nested == 0 && !passes_on;
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
        self.address_of(&address.expr);
    }

    fn visit_expr_method_call(&mut self, call: &'a syn::ExprMethodCall) {
        call.args.iter().for_each(|arg| self.flags(arg));
        self.method_access(call);
        if call.method == "cast_mut" {
            self.write_through(&call.receiver);
        }
        let (name, span) = (call.method.unraw().to_string(), call.method.span());
        let is_self = matches!(&*call.receiver, Expr::Path(path) if path.path.is_ident("self"));
        let of = match self.outward(&call.receiver) {
            Some(of) => of.name,
            None if is_self => "self".to_owned(),
            None => {
                let to = self.to_method(&call.receiver, &name);
                self.receiver(call);
                if let Some(generics) = &call.turbofish {
                    self.visit_angle_bracketed_generic_arguments(generics);
                }
                self.going(to, |walk| call.args.iter().for_each(|arg| walk.visit_expr(arg)));
                if !is_plain_method(&name) {
                    self.refs.sequence.push(Event::Unknown);
                }
                return;
            }
        };
        let (receiver, method) = (of.clone(), name.clone());
        let text = format!("{of}.{name}");
        self.refs.methods.push(Method { of, name, span, inside: self.inside.clone() });
        let to = self.to_method(&call.receiver, &method);
        self.receiver(call);
        self.inside.push(text);
        self.going(to, |walk| call.args.iter().for_each(|arg| walk.visit_expr(arg)));
        self.inside.pop();
        self.calls(Some(receiver), method, span);
    }

    fn visit_expr_path(&mut self, expr: &'a syn::ExprPath) {
        match &expr.qself {
            None => {
                self.value(&expr.path);
                self.path(&expr.path, Role::Value);
            }
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
        self.function(&item.sig, &item.block);
    }

    fn visit_impl_item_fn(&mut self, item: &'a syn::ImplItemFn) {
        self.function(&item.sig, &item.block);
    }

    fn visit_item_const(&mut self, item: &'a syn::ItemConst) {
        self.flags(&item.expr);
        visit::visit_item_const(self, item);
    }

    fn visit_item_static(&mut self, item: &'a syn::ItemStatic) {
        self.flags(&item.expr);
        visit::visit_item_static(self, item);
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

    fn visit_item_use(&mut self, item: &'a syn::ItemUse) {
        self.imports_original(&item.tree);
    }

    fn visit_macro(&mut self, mac: &'a syn::Macro) {
        if let Some(syn::PathSegment { ident, .. }) = mac.path.segments.last() {
            let (name, span) = (ident.unraw().to_string(), ident.span());
            self.calls(None, name.clone(), span);
            self.refs.macros.push(Name { name, span, role: Role::Function, called: true });
        }
        let outside = std::mem::replace(&mut self.in_macro, true);
        // Most macros take expressions; the meaning of other arguments is unknown.
        match Punctuated::<Expr, Token![,]>::parse_terminated.parse2(mac.tokens.clone()) {
            Ok(args) => {
                let is = |name| mac.path.segments.last().is_some_and(|last| last.ident == name);
                if is("addr_of_mut") {
                    args.iter().for_each(|place| self.write(place));
                }
                match is("addr_of_mut") || is("addr_of") {
                    true => args.iter().for_each(|place| self.address_of(place)),
                    false => args.iter().for_each(|arg| Walk::visit_expr(self, arg)),
                }
            }
            Err(_) => self.macro_tokens(mac.tokens.clone()),
        }
        self.in_macro = outside;
    }
}
