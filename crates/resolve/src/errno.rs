// SPDX-License-Identifier: GPL-2.0
//! Errors that are positive: in the kernel an error is a negative number, and `ENOMEM` is 12. As
//! the result of a function it is a success.

use super::bodies::{Fragment, Rust};
use super::Resolver;
use kps_ast::{self as ast, Code};
use kps_diag::{Diagnostic, POSITIVE_ERRNO};
use kps_plan::{Callback, Change, Object, Type, Types};
use proc_macro2::Span;
use syn::visit::{self, Visit};
use syn::{Expr, Stmt};

impl Resolver<'_> {
    /// Warns of positive errors where the kernel takes negative ones: in the results of `pre_patch`
    /// and of resources, and of functions that return signed integers.
    pub(super) fn check_errors(
        &mut self,
        spec: &ast::Patch,
        rust: &Rust,
        types: &Types,
        objects: &[Object<Fragment>],
    ) {
        let callbacks = spec.objects.iter().flat_map(|object| &object.callbacks);
        let callbacks = callbacks.filter(|body| body.callback == Callback::PrePatch);
        let resources = spec.resources.iter().flat_map(|item| [&item.acquire, &item.adopt]);
        let callbacks = callbacks.map(|body| body.code);
        let codes: Vec<Code> = callbacks.chain(resources.flatten().map(|body| body.code)).collect();
        for code in codes {
            self.check_results(rust, code);
        }
        for func in objects.iter().flat_map(|object| &object.funcs) {
            let is_signed =
                matches!(types.resolve(&func.signature.ret), Type::Int(int) if int.signed());
            let bodies = match &func.change {
                Change::Replace { body, .. } => vec![body],
                Change::Pre(pre) => pre.iter().collect(),
                Change::Around { pre, post } => pre.iter().chain([post]).collect(),
                Change::C { .. } => Vec::new(),
            };
            for body in bodies.into_iter().filter(|_| is_signed) {
                self.check_results(rust, Code { span: body.span });
            }
        }
    }

    fn check_results(&mut self, rust: &Rust, code: Code) {
        let Some((body, _)) = rust.body(code) else { return };
        let mut results = Results::default();
        results.block(body.stmts());
        for (name, span) in results.found {
            // An enumeration may have a constant that looks like one.
            if rust.defined().contains(&name) || !self.facts.btf.constants(&name).is_empty() {
                continue;
            }
            self.report(
                Diagnostic::new(POSITIVE_ERRNO, format!("`{name}` is a positive number here"))
                    .at(self.pieces.place(code, span), "")
                    .note(
                        "the kernel's errors are negative, so its callers take this for a success",
                    )
                    .help(format!("write `-{name}`")),
            );
        }
    }
}

/// The error numbers that are results of some code.
#[derive(Default)]
struct Results {
    found: Vec<(String, Span)>,
}

impl Results {
    /// The statements of a body, the last of which may be its result.
    fn block(&mut self, stmts: &[Stmt]) {
        stmts.iter().for_each(|stmt| self.visit_stmt(stmt));
        self.last(stmts);
    }

    fn last(&mut self, stmts: &[Stmt]) {
        if let Some(Stmt::Expr(result, None)) = stmts.last() {
            self.result(result);
        }
    }

    fn result(&mut self, value: &Expr) {
        match value {
            Expr::Paren(inner) => self.result(&inner.expr),
            Expr::Group(inner) => self.result(&inner.expr),
            Expr::Cast(cast) => self.result(&cast.expr),
            Expr::MethodCall(call) if call.method == "into" => self.result(&call.receiver),
            Expr::Unsafe(block) => self.last(&block.block.stmts),
            Expr::Block(block) => self.last(&block.block.stmts),
            Expr::If(branches) => {
                self.last(&branches.then_branch.stmts);
                branches.else_branch.iter().for_each(|(_, otherwise)| self.result(otherwise));
            }
            Expr::Match(arms) => arms.arms.iter().for_each(|arm| self.result(&arm.body)),
            Expr::Path(syn::ExprPath { qself: None, path, .. }) => {
                if let Some(last) = path.segments.last() {
                    let name = last.ident.to_string();
                    if is_errno(&name) {
                        self.found.push((name, last.ident.span()));
                    }
                }
            }
            _ => {}
        }
    }
}

impl<'a> Visit<'a> for Results {
    fn visit_expr_return(&mut self, ret: &'a syn::ExprReturn) {
        ret.expr.iter().for_each(|value| self.result(value));
        visit::visit_expr_return(self, ret);
    }

    fn visit_expr_assign(&mut self, assign: &'a syn::ExprAssign) {
        if matches!(&*assign.left, Expr::Path(place) if place.path.is_ident("ret")) {
            self.result(&assign.right);
        }
        visit::visit_expr_assign(self, assign);
    }

    fn visit_expr_call(&mut self, call: &'a syn::ExprCall) {
        if matches!(&*call.func, Expr::Path(function) if function.path.is_ident("Err")) {
            call.args.iter().for_each(|value| self.result(value));
        }
        visit::visit_expr_call(self, call);
    }

    // These have results of their own.
    fn visit_expr_closure(&mut self, _: &'a syn::ExprClosure) {}
    fn visit_item(&mut self, _: &'a syn::Item) {}
}

/// `EINVAL`, `E2BIG`.
fn is_errno(name: &str) -> bool {
    let is_upper = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit();
    name.len() > 2 && name.starts_with('E') && name.chars().all(is_upper)
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::parse::Parser as _;
    use syn::Block;

    #[test]
    fn an_error_is_positive_without_a_sign() {
        for (body, found) in [
            ("return EINVAL;", &["EINVAL"][..]),
            ("if x { return (EPERM).into(); } -EINVAL", &["EPERM"]),
            ("ret = ENOMEM as c_int;", &["ENOMEM"]),
            ("match x { 1 => Err(E2BIG), _ => Err(-EIO) }", &["E2BIG"]),
            ("unsafe { if x { EIO } else { 0 } }", &["EIO"]),
            ("if ret == EINVAL { ret = -EINVAL; }", &[]),
            ("let f = || EINVAL; -f()", &[]),
            ("x = EINVAL; limit(EINVAL); EINVAL;", &[]),
        ] {
            let mut results = Results::default();
            results.block(&Block::parse_within.parse_str(body).unwrap_or_default());
            let names: Vec<_> = results.found.iter().map(|(name, _)| name.as_str()).collect();
            assert_eq!(names, found, "{body}");
        }
    }
}
