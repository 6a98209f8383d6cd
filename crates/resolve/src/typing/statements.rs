// SPDX-License-Identifier: GPL-2.0
//! Blocks, their statements, and the names that these bind.

use super::infer::Infer;
use super::ty::Ty;
use super::{Fault, Kind, Notation, Place};
use syn::ext::IdentExt as _;
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{Block, Expr, Pat, Stmt};

impl Infer<'_> {
    /// Binds the names of a pattern. Only a plain name has the whole value.
    pub(super) fn bind_pattern(&mut self, pat: &Pat, ty: Ty) {
        match pat {
            Pat::Ident(name) if name.by_ref.is_none() && name.subpat.is_none() => {
                self.bind(&name.ident, ty);
            }
            Pat::Type(typed) => {
                let ty = Ty::written(&typed.ty, &self.context.kernel);
                self.bind_pattern(&typed.pat, ty);
            }
            Pat::Paren(inner) => self.bind_pattern(&inner.pat, ty),
            pat => {
                let mut names = Names(Vec::new());
                names.visit_pat(pat);
                names.0.iter().for_each(|name| self.bind(name, Ty::Unknown));
            }
        }
    }

    /// The statements of a block, whose value has to be of a type.
    pub(super) fn wanted_of_block(&mut self, stmts: &[Stmt], wanted: &Ty, place: &Place) {
        self.scoped(|infer| {
            infer.items(stmts);
            let (last, before) = match stmts.split_last() {
                Some((Stmt::Expr(last, None), before)) => (Some(last), before),
                _ => (None, stmts),
            };
            let mut may_end = true;
            for stmt in before {
                may_end &= !matches!(infer.stmt(stmt), Ty::Never | Ty::Unknown);
            }
            match last {
                Some(last) => infer.want(last, wanted, place),
                None => {
                    let lacks_result = may_end && wanted.is_known() && *wanted != Ty::Unit;
                    if let Some(stmt) = stmts.last().filter(|_| lacks_result) {
                        let wanted = wanted.clone();
                        infer
                            .faults
                            .push(Fault { at: stmt.span(), kind: Kind::NoResult { wanted } });
                    }
                }
            }
        });
    }

    /// The names of items, which shadow others in the whole block.
    pub(super) fn items(&mut self, stmts: &[Stmt]) {
        for stmt in stmts {
            match stmt {
                Stmt::Item(syn::Item::Fn(item)) => self.bind(&item.sig.ident, Ty::Unknown),
                Stmt::Item(syn::Item::Static(item)) => {
                    let ty = Ty::written(&item.ty, &self.context.kernel);
                    self.bind(&item.ident, ty);
                }
                Stmt::Item(syn::Item::Const(item)) => {
                    let ty = Ty::written(&item.ty, &self.context.kernel);
                    self.bind(&item.ident, ty);
                }
                Stmt::Item(syn::Item::Macro(_)) => self.has_other_names = true,
                Stmt::Item(syn::Item::Use(item)) => {
                    let mut names = Names(Vec::new());
                    self.has_other_names |= names.of_use(&item.tree);
                    names.0.iter().for_each(|name| self.bind(name, Ty::Unknown));
                }
                _ => {}
            }
        }
    }

    pub(super) fn stmt(&mut self, stmt: &Stmt) -> Ty {
        match stmt {
            Stmt::Local(local) => {
                self.declare(local);
                let init = local.init.as_ref();
                unless(init.is_some_and(|init| may_leave(&init.expr)))
            }
            Stmt::Expr(Expr::Assign(assign), _) if may_leave(&assign.right) => {
                self.assigned(&assign.left);
                self.expr(&assign.left);
                self.expr(&assign.right);
                Ty::Unknown
            }
            Stmt::Expr(expr, _) => self.expr(expr),
            Stmt::Macro(stmt) => self.macro_(&stmt.mac),
            Stmt::Item(_) => Ty::Unit,
        }
    }

    pub(super) fn declare(&mut self, local: &syn::Local) {
        let declared = match &local.pat {
            Pat::Type(typed) => Ty::written(&typed.ty, &self.context.kernel),
            _ => Ty::Unknown,
        };
        let mut ty = declared.clone();
        if let Some(init) = &local.init {
            match declared.is_known() {
                true => self.want(&init.expr, &declared, &Place::Declared),
                // How a literal is used decides what it is.
                false => ty = self.expr(&init.expr).or_unknown(|ty| *ty != Ty::Literal),
            }
            if let Some((_, otherwise)) = &init.diverge {
                self.expr(otherwise);
            }
        }
        self.bind_pattern(&local.pat, ty);
        if local.init.is_some() {
            self.fix(&local.pat);
        }
    }

    /// A variable that gets its value where it is declared gets no other without `mut`.
    fn fix(&mut self, pat: &Pat) {
        match pat {
            Pat::Ident(name)
                if name.by_ref.is_none() && name.subpat.is_none() && name.mutability.is_none() =>
            {
                if let Some(scope) = self.scopes.last_mut() {
                    scope.fixed.insert(name.ident.unraw().to_string());
                }
            }
            Pat::Type(typed) => self.fix(&typed.pat),
            _ => {}
        }
    }

    /// A place gets another value.
    pub(super) fn assigned(&mut self, place: &Expr) {
        let Expr::Path(path) = place else { return };
        let Some(name) = path.path.get_ident().map(|name| name.unraw().to_string()) else { return };
        let scope = self.scopes.iter().rev().find(|scope| scope.types.contains_key(&name));
        if scope.is_some_and(|scope| scope.fixed.contains(&name)) {
            self.fault(place, Kind::Notation(Notation::Constant { name }));
        }
    }

    /// A pattern that is compared with a value. Upper-case names are constants.
    pub(super) fn bind_pattern_of_value(&mut self, pat: &Pat) {
        let mut names = Names(Vec::new());
        names.visit_pat(pat);
        for name in &names.0 {
            let text = name.unraw().to_string();
            match text.starts_with(char::is_uppercase) {
                false => self.bind(name, Ty::Unknown),
                true => self.constant_in_pattern(name, text),
            }
        }
    }

    /// A name in a pattern that is written like a constant: if there is none, it matches all.
    pub(super) fn constant_in_pattern(&mut self, name: &syn::Ident, text: String) {
        let context = self.context;
        let is_known = self.has_other_names
            || text.contains(char::is_lowercase)
            || context.values.contains_key(&text)
            || context.own_names.contains(&text)
            || self.local(&text).is_some();
        if !is_known {
            let kind = Kind::Notation(Notation::NewName { name: text });
            self.faults.push(Fault { at: name.span(), kind });
        }
    }

    pub(super) fn block(&mut self, block: &Block) -> Ty {
        self.scoped(|infer| {
            infer.items(&block.stmts);
            let types: Vec<Ty> = block.stmts.iter().map(|stmt| infer.stmt(stmt)).collect();
            match block.stmts.last() {
                _ if types.contains(&Ty::Never) => Ty::Never,
                Some(Stmt::Expr(_, None)) => types.into_iter().last().unwrap_or(Ty::Unit),
                // rustc knows whether a loop or a macro ends.
                _ if types.contains(&Ty::Unknown) => Ty::Unknown,
                _ => Ty::Unit,
            }
        })
    }
}

/// The names that patterns and imports bind.
struct Names(Vec<syn::Ident>);

impl Names {
    /// Adds the names of an import. Returns whether it brings in names that it does not name.
    fn of_use(&mut self, tree: &syn::UseTree) -> bool {
        match tree {
            syn::UseTree::Path(path) => self.of_use(&path.tree),
            syn::UseTree::Name(name) => {
                self.0.push(name.ident.clone());
                false
            }
            syn::UseTree::Rename(rename) => {
                self.0.push(rename.rename.clone());
                false
            }
            syn::UseTree::Group(group) => {
                let globs = group.items.iter().map(|tree| self.of_use(tree));
                globs.fold(false, |any, is_glob| any | is_glob)
            }
            syn::UseTree::Glob(_) => true,
        }
    }
}

impl<'b> Visit<'b> for Names {
    fn visit_pat_ident(&mut self, pat: &'b syn::PatIdent) {
        self.0.push(pat.ident.clone());
        visit::visit_pat_ident(self, pat);
    }
}

/// Whether an expression may leave the block that it is in, as far as its words tell.
fn may_leave(expr: &Expr) -> bool {
    struct Leaves(bool);
    impl<'b> Visit<'b> for Leaves {
        fn visit_expr(&mut self, expr: &'b Expr) {
            self.0 |= matches!(
                expr,
                Expr::Return(_)
                    | Expr::Break(_)
                    | Expr::Continue(_)
                    | Expr::Loop(_)
                    | Expr::Macro(_)
            );
            visit::visit_expr(self, expr);
        }
        fn visit_expr_closure(&mut self, _: &'b syn::ExprClosure) {}
        fn visit_item(&mut self, _: &'b syn::Item) {}
    }
    let mut leaves = Leaves(false);
    leaves.visit_expr(expr);
    leaves.0
}

/// What a statement without a value yields, unless it may not end.
fn unless(may_not_end: bool) -> Ty {
    if may_not_end {
        Ty::Unknown
    } else {
        Ty::Unit
    }
}
