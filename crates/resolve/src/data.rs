// SPDX-License-Identifier: GPL-2.0
//! Persistent data: states and shadow variables, and the free hooks that free shadow data with its
//! parent.

use super::bodies::{Fragment, Rust};
use super::Resolver;
use crate::advice::Advice;
use crate::freeing::freeing;
use crate::propose::rename_one;
use kps_ast::Span;
use kps_ast::{self as ast, At, BodyWithParams, Code, FreedBy, Lifetime};
use kps_diag::{
    Diagnostic, CONFLICTING_ID, FREEING_FUNCTION_REPLACED, INCOMPLETE_STATE, INVALID_STATE_ID,
    MISSING_OBJECT, NOT_STACKED, NO_SUCH_TYPE, PERSISTENT_POINTER, SHADOW_NEVER_FREED,
};
use kps_facts::Importer;
use kps_plan::{fnv, DataId, DataType, Free, ObjectName, Parent, Shadow, State, Type};
use quote::ToTokens as _;
use std::collections::HashMap;
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};

impl Resolver<'_> {
    /// The patch with two additions: first, an object for the image, whose callbacks maintain the
    /// records; and a `fn` for each function that frees the parent of a shadow variable.
    pub(super) fn with_free_hooks(&mut self, mut spec: ast::Patch) -> ast::Patch {
        if spec.states.is_empty() && spec.shadows.is_empty() && spec.resources.is_empty() {
            return spec;
        }
        match spec.objects.iter().position(|object| object.name.value == ObjectName::IMAGE) {
            Some(at) => spec.objects[..=at].rotate_right(1),
            None => spec.objects.insert(0, image(spec.name.span)),
        }
        for shadow in &spec.shadows {
            let Some(Lifetime::FreedBy(tie)) = &shadow.lifetime else { continue };
            let name = tie.object.as_ref().map_or(ObjectName::IMAGE, |object| &object.value);
            match spec.objects.iter_mut().find(|object| object.name.value == name) {
                Some(object) => self.tie(object, shadow, tie),
                None => {
                    let place =
                        tie.object.as_ref().map_or(tie.symbol.name.span, |object| object.span);
                    self.report(
                        Diagnostic::new(MISSING_OBJECT, format!("the patch has no object `{name}`"))
                            .at(place, "")
                            .note("the patch hooks the function that frees the parent like any other function of its module")
                            .help(format!("add `object {name} {{ }}`")),
                    );
                }
            }
        }
        spec
    }

    fn tie(&mut self, object: &mut ast::Object, shadow: &ast::Shadow, tie: &FreedBy) {
        let (name, position) = (&tie.symbol.name, tie.symbol.position.as_ref().map(|at| at.value));
        let is_it = |func: &&ast::Func| {
            func.symbol.name.value == name.value
                && func.symbol.position.as_ref().map(|at| at.value) == position
        };
        match object.funcs.iter().find(is_it) {
            Some(func)
                if func.replace.is_some()
                    || func.replace_c.is_some()
                    || func.replace_from.is_some() =>
            {
                self.report(
                    Diagnostic::new(
                        FREEING_FUNCTION_REPLACED,
                        format!("`{}` is replaced", name.value),
                    )
                    .at(name.span, "")
                    .at(func.symbol.name.span, "here")
                    .note("only the new body knows when it frees the parent")
                    .help(format!(
                        "write `untied`, and `{}.remove(..)` in the new body",
                        shadow.name.value
                    )),
                );
                return;
            }
            Some(_) => {}
            None => object.funcs.push(ast::Func::new(tie.symbol.clone(), None)),
        }
        self.ties.push(FreeHook {
            object: object.name.value.clone(),
            function: (name.value.clone(), position),
            shadow: shadow.name.value.clone(),
            parent: tie.parent,
        });
    }

    /// The shadow data to free before a function runs.
    pub(super) fn frees(
        &self,
        object: &str,
        symbol: &ast::Symbol,
        rust: &Rust,
    ) -> Vec<Free<Fragment>> {
        let free = |tied: &FreeHook| {
            Some(Free { shadow: tied.shadow.clone(), parent: rust.fragment(tied.parent)? })
        };
        self.free_hooks_of(object, symbol).filter_map(free).collect()
    }

    /// The shadow variables whose data is freed before a function runs.
    pub(super) fn freed_before<'t>(
        &'t self,
        object: &'t str,
        symbol: &'t ast::Symbol,
    ) -> Vec<&'t str> {
        self.free_hooks_of(object, symbol).map(|tied| tied.shadow.as_str()).collect()
    }

    /// Whether a function has free hooks, valid or not.
    pub(super) fn has_free_hook(&self, object: &str, symbol: &ast::Symbol) -> bool {
        self.free_hooks_of(object, symbol).next().is_some()
    }

    fn free_hooks_of<'t>(
        &'t self,
        object: &'t str,
        symbol: &'t ast::Symbol,
    ) -> impl Iterator<Item = &'t FreeHook> {
        let position = symbol.position.as_ref().map(|at| at.value);
        let is_it = move |tied: &&FreeHook| {
            tied.object == object
                && tied.function.0 == symbol.name.value
                && tied.function.1 == position
        };
        self.ties.iter().filter(is_it)
    }

    pub(super) fn states(&mut self, spec: &ast::Patch, rust: &Rust) -> Vec<State<Fragment>> {
        let mut ids: HashMap<u32, Span> = HashMap::new();
        let mut states = Vec::new();
        let highest = spec.states.iter().filter_map(|state| Some(state.id.as_ref()?.value)).max();
        let another = format!(
            "choose another number, for example {}, and keep it in all versions of the patch",
            highest.unwrap_or_default().saturating_add(1)
        );
        for state in &spec.states {
            for (word, body) in
                [("save", &state.save), ("apply", &state.apply), ("restore", &state.restore)]
            {
                if body.is_none() {
                    self.report_absence(
                        Diagnostic::new(INCOMPLETE_STATE, format!("the state has no `{word}`"))
                            .at(state.name.span, "")
                            .note("a state saves a value, changes the system, and restores the value in the end")
                            .help(format!("add `{word}{} {{ .. }}`", if word == "save" { "" } else { "(saved)" })),
                    );
                }
            }
            let Some(id) = &state.id else { continue };
            if id.value == 0 {
                self.report(
                    Diagnostic::new(INVALID_STATE_ID, "a state cannot have the number 0")
                        .at(id.span, "")
                        .note("0 ends the kernel's list of states")
                        .help(another.as_str()),
                );
            } else if let Some(&first) = ids.get(&id.value) {
                self.report(
                    Diagnostic::new(
                        INVALID_STATE_ID,
                        format!("two states have the number {}", id.value),
                    )
                    .at(id.span, "")
                    .at(first, "first here")
                    .help(another.as_str()),
                );
            }
            ids.entry(id.value).or_insert(id.span);
            let bound = |body: &Option<BodyWithParams>| {
                let body = body.as_ref()?;
                Some((body.names.first()?.value.clone(), rust.fragment(body.code)?))
            };
            let save = state.save.as_ref().and_then(|body| rust.fragment(body.code));
            let ty = self.data_type(state.ty, &state.name, true);
            let parts = (ty, save, bound(&state.apply), bound(&state.restore));
            let (Some(ty), Some(save), Some(apply), Some(restore)) = parts else { continue };
            let version = state.version.as_ref().map_or(1, |version| version.value);
            let name = state.name.value.clone();
            states.push(State { name, id: id.value, version, ty, save, apply, restore });
        }
        states
    }

    pub(super) fn shadows(
        &mut self,
        spec: &ast::Patch,
        family: &str,
        rust: &Rust,
        importer: &mut Importer<'_>,
    ) -> Vec<Shadow<Fragment>> {
        let mut ids: HashMap<DataId, &ast::Name> = HashMap::new();
        let mut shadows = Vec::new();
        for shadow in &spec.shadows {
            let name = &shadow.name;
            if shadow.lifetime.is_none() {
                let error = self.never_freed(shadow);
                self.report(error);
            }
            let id = DataId::of_shadow(family, &name.value);
            if let Some(other) = ids.get(&id).filter(|other| other.value != name.value) {
                self.report(
                    Diagnostic::new(
                        CONFLICTING_ID,
                        format!(
                            "`{}` and `{}` have the same id, {:#x}",
                            other.value,
                            name.value,
                            id.number()
                        ),
                    )
                    .at(name.span, "")
                    .at(other.span, "and this")
                    .note("an id is derived from the names of the family and the variable")
                    .help(rename_one(&name.value)),
                );
            }
            ids.entry(id).or_insert(name);
            let ty = self.data_type(shadow.ty, &shadow.name, true);
            let (ty, parent) = (ty, self.parent(&shadow.parent, rust, importer));
            let first =
                |body: &BodyWithParams, n: usize| body.names.get(n).map(|name| name.value.clone());
            let ctor = shadow.ctor.as_ref().and_then(|body| {
                Some((first(body, 0)?, first(body, 1)?, rust.fragment(body.code)?))
            });
            let dtor = shadow
                .dtor
                .as_ref()
                .and_then(|body| Some((first(body, 0)?, rust.fragment(body.code)?)));
            let (Some(ty), Some(parent), Some(init)) = (ty, parent, rust.fragment(shadow.init))
            else {
                continue;
            };
            shadows.push(Shadow { name: name.value.clone(), id, ty, parent, init, ctor, dtor });
        }
        shadows
    }

    fn never_freed(&self, shadow: &ast::Shadow) -> Diagnostic {
        let (name, parent) = (&shadow.name, &shadow.parent.value);
        let message = format!("the data of `{}` is never freed", name.value);
        let error = Diagnostic::new(SHADOW_NEVER_FREED, message)
            .at(name.span, "")
            .note("data left behind would belong to the next object allocated at that address")
            .help(Advice::Lifetime.text(self.form));
        match freeing(self.facts, parent).as_slice() {
            [] => error,
            found => error.note(format!(
                "by their names, these may free a `struct {parent}`: {}",
                found.join(", ")
            )),
        }
    }

    /// A type that rustc will check, with a hash of its text and of the datum's name. States with
    /// equal ids and different names are not the same. `outlives` is whether the value may outlive
    /// the module.
    pub(super) fn data_type(
        &mut self,
        code: Code,
        name: &ast::Name,
        outlives: bool,
    ) -> Option<DataType<Fragment>> {
        // The parser has reported its errors.
        let ty = super::rust::parse_type(self.pieces, code).ok()?;
        let mut pointers = IntoTheModule(None);
        pointers.visit_type(&ty);
        if let Some(span) = pointers.0.filter(|_| outlives) {
            self.report(
                Diagnostic::new(
                    PERSISTENT_POINTER,
                    "this may point into the module, which the data outlives",
                )
                .at(self.pieces.place(code, span), "")
                .note("the next version of the patch takes the data over, and this one is unloaded")
                .help("store a number, or a pointer to a kernel object: `AtomicPtr<T>`"),
            );
        }
        let tokens = ty.to_token_stream().to_string();
        let shape = fnv(&[&name.value, ": ", &tokens]);
        Some(DataType { text: Fragment::new(self.pieces, code), shape })
    }

    /// The struct that shadow data belongs to: an item of the author or a kernel struct.
    fn parent(
        &mut self,
        name: &ast::Name,
        rust: &Rust,
        importer: &mut Importer<'_>,
    ) -> Option<Parent> {
        if rust.has_plain_struct(&name.value) {
            return Some(Parent::Item(name.value.clone()));
        }
        if importer.candidates(&name.value).len() == 1 {
            let ty = importer.named(&name.value).filter(|ty| importer.types().is_record(ty));
            if let Some(Type::Named(id)) = ty {
                return Some(Parent::Kernel(id));
            }
        }
        let help = self.type_help(&name.value, "name the struct without its keyword");
        self.report(
            Diagnostic::new(NO_SUCH_TYPE, format!("there is no struct `{}`", name.value))
                .at(name.span, "")
                .note("the parent of shadow data is a struct from the target's BTF, or one that the patch defines")
                .help(help),
        );
        None
    }

    /// The family: the name that a patch shares with its earlier and later versions.
    pub(super) fn family(&mut self, spec: &ast::Patch) -> String {
        if let Some(family) = &spec.family {
            self.name(family);
        }
        spec.family.as_ref().map_or(spec.name.value.clone(), |family| family.value.clone())
    }

    /// The patches that this one is stacked on.
    pub(super) fn over(&mut self, spec: &ast::Patch) -> Vec<String> {
        for name in &spec.over {
            self.name(name);
            let problem = if name.value == spec.name.value {
                "it is this patch's own name"
            } else if spec
                .atomic_replace
                .as_ref()
                .is_some_and(|replace| replace.condition.is_none())
            {
                "`atomic replace` replaces all others"
            } else {
                continue;
            };
            self.report(
                Diagnostic::new(
                    NOT_STACKED,
                    format!("the patch is not stacked on `{}`", name.value),
                )
                .at(name.span, problem)
                .help("drop it"),
            );
        }
        spec.over.iter().map(|name| name.value.clone()).collect()
    }
}

/// The first part of a type that points into the module: a reference, a function or a trait object.
struct IntoTheModule(Option<proc_macro2::Span>);

impl<'a> Visit<'a> for IntoTheModule {
    fn visit_type(&mut self, ty: &'a syn::Type) {
        if matches!(ty, syn::Type::Reference(_) | syn::Type::BareFn(_) | syn::Type::TraitObject(_))
        {
            self.0.get_or_insert(ty.span());
        }
        visit::visit_type(self, ty);
    }
}

/// A `freed by`: the shadow data to free before a function runs.
pub(super) struct FreeHook {
    object: String,
    function: (String, Option<u32>),
    shadow: String,
    parent: Code,
}

/// An object for the image, without changes.
fn image(span: Span) -> ast::Object {
    ast::Object::new(At { value: ObjectName::IMAGE.to_owned(), span }, None)
}

/// The bodies of states, shadow variables and resources, each with the names that it binds.
pub(super) fn bodies(spec: &ast::Patch) -> Vec<(Code, Vec<&ast::Name>)> {
    let of_states =
        spec.states.iter().flat_map(|state| [&state.save, &state.apply, &state.restore]);
    let of_shadows = spec.shadows.iter().flat_map(|shadow| [&shadow.ctor, &shadow.dtor]);
    let of_resources = spec
        .resources
        .iter()
        .flat_map(|resource| [&resource.acquire, &resource.release, &resource.adopt]);
    let bound = of_states.chain(of_shadows).chain(of_resources).flatten();
    let bound = bound.map(|body| (body.code, body.names.iter().collect()));
    bound.chain(spec.shadows.iter().map(|shadow| (shadow.init, Vec::new()))).collect()
}

/// The expressions that name the parent where it is freed.
pub(super) fn parents(spec: &ast::Patch) -> impl Iterator<Item = Code> + '_ {
    spec.shadows.iter().filter_map(|shadow| match &shadow.lifetime {
        Some(Lifetime::FreedBy(tie)) => Some(tie.parent),
        _ => None,
    })
}

/// The types of states, shadow variables and resources.
pub(super) fn types(spec: &ast::Patch) -> impl Iterator<Item = Code> + '_ {
    let states = spec.states.iter().map(|state| state.ty);
    let resources = spec.resources.iter().map(|resource| resource.ty);
    states.chain(spec.shadows.iter().map(|shadow| shadow.ty)).chain(resources)
}
