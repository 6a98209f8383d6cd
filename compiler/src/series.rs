// SPDX-License-Identifier: GPL-2.0
//! Series of patches: whether the kernel and the data of the earlier patches would accept the next
//! one, and how to go back.
//!
//! The kernel compares the ids and versions of states when a patch is loaded
//! (`klp_is_patch_compatible()` in `kernel/livepatch/state.c`). It compares neither their types nor
//! the functions that two stacked patches have in common, and it runs no callback of a patch that
//! is replaced.

mod resources;
mod route;

use crate::resolve::{Fragment, Resolved};
use kps_diag::{
    list, Diagnostic, Severity, CONFLICTING_ID, FREED_DIFFERENTLY, FUNCTION_IN_TWO_PATCHES,
    LOWER_STATE_VERSION, MISSING_IN_REPLACEMENT, REPEATED_PATCH_NAME, SKIPPED_UNDOING,
};
use kps_grammar::{ast, Sources, Span};
use kps_plan::{
    Callback, Datum, DatumKind, Fate, ObjectName, ParamDefault, ParamValue, Parent, Patch, Replace,
    Symbol,
};

pub use route::route;

/// The part of a patch that the other patches of a series are checked against.
#[derive(Debug, Clone)]
pub struct Member {
    name: String,
    name_at: Span,
    /// When it replaces all other patches.
    replace: Replace,
    /// Whether it does so with the parameters that it is loaded with.
    replaces: bool,
    over: Vec<String>,
    family: String,
    data: Vec<Kept>,
    resources: Vec<resources::Owned>,
    functions: Vec<Changed>,
    undoing: Vec<Undoing>,
}

/// A changed function.
#[derive(Debug, Clone)]
struct Changed {
    symbol: Symbol,
    at: Span,
    /// A shadow variable whose data is freed before the function runs.
    frees: Option<String>,
}

/// A callback of the author's that runs when the patch is unloaded.
#[derive(Debug, Clone)]
struct Undoing {
    callback: Callback,
    /// Its file and line, for messages about other specs.
    place: String,
}

/// A state or a shadow variable.
#[derive(Debug, Clone)]
struct Kept {
    datum: Datum,
    /// The type as in the source; of a shadow variable also the struct that it is attached to.
    ty: String,
    /// The function before which data is freed with its parent.
    tie: Option<String>,
    /// Whether data has a `dtor`.
    has_dtor: bool,
    at: Span,
    /// Its file and line, for messages about other specs.
    place: String,
}

impl Member {
    /// The functions of vmlinux that it changes.
    pub fn of_vmlinux(&self) -> impl Iterator<Item = &str> {
        let of_vmlinux =
            self.functions.iter().filter(|changed| changed.symbol.object == ObjectName::Vmlinux);
        of_vmlinux.map(|changed| changed.symbol.name.as_str())
    }

    /// Whether it replaces all patches before it.
    pub fn replaces(&self) -> bool {
        self.replaces
    }

    /// The same patch, loaded with these parameters.
    pub fn loaded_with(&self, params: &[ast::GivenParam]) -> Member {
        let mut loaded = self.clone();
        if let Replace::If(condition) = &self.replace {
            let given = params.iter().find(|param| param.name.value == *condition);
            loaded.replaces = given.map_or(self.replaces, ast::GivenParam::is_set);
        }
        loaded
    }

    /// Collects these parts of a patch.
    pub fn new(spec: &ast::Patch, resolved: &Resolved, sources: &Sources) -> Member {
        let Resolved { patch, places, .. } = resolved;
        let place = |at: Span| {
            format!("{}:{}", sources.file(at.start).source.name, sources.place(at.start).line)
        };
        let words = |at: Span| sources.slice(at).split_whitespace().collect::<Vec<_>>().join(" ");
        let states = patch.states.iter().filter_map(|state| {
            let at = spec.states.iter().find(|known| known.name.value == state.name)?.name.span;
            let (datum, ty) = (Datum::of_state(state), words(state.ty.text.span));
            Some(Kept { datum, ty, tie: None, has_dtor: false, at, place: place(at) })
        });
        let shadows = patch.shadows.iter().filter_map(|shadow| {
            let at = spec.shadows.iter().find(|known| known.name.value == shadow.name)?.name.span;
            let parent = match &shadow.parent {
                Parent::Kernel(id) => patch.kernel.types.get(*id).name(),
                Parent::Item(name) => name,
            };
            let datum = Datum::of_shadow(shadow.id, &shadow.name);
            let ty = format!("{} on {parent}", words(shadow.ty.text.span));
            let (tie, has_dtor) = (tie(patch, &shadow.name), shadow.dtor.is_some());
            Some(Kept { datum, ty, tie, has_dtor, at, place: place(at) })
        });
        let funcs = patch
            .objects
            .iter()
            .zip(places)
            .flat_map(|(object, places)| object.funcs.iter().zip(places));
        Member {
            name: patch.name.clone(),
            name_at: spec.name.span,
            replace: patch.replace.clone(),
            replaces: replaces(patch),
            over: patch.metadata.over.clone(),
            family: patch.metadata.family.clone(),
            data: states.chain(shadows).collect(),
            resources: resources::owned(spec, place, words),
            functions: funcs
                .map(|(func, at)| Changed {
                    symbol: func.old.clone(),
                    at: *at,
                    frees: func.frees.first().map(|free| free.shadow.clone()),
                })
                .collect(),
            undoing: spec
                .objects
                .iter()
                .flat_map(|object| &object.callbacks)
                .filter(|body| body.callback.undoes())
                .map(|body| Undoing { callback: body.callback, place: place(body.word) })
                .collect(),
        }
    }

    /// The names of the callbacks that do not run when it is replaced.
    fn skipped(&self) -> Vec<&'static str> {
        let has = |callback: &Callback| self.undoing.iter().any(|own| own.callback == *callback);
        Callback::ALL.into_iter().filter(has).map(Callback::name).collect()
    }

    /// When it replaces the patches before it. None if it never does.
    fn replacement(&self) -> Option<String> {
        match &self.replace {
            Replace::Never => None,
            Replace::Always => Some("this replaces all patches before it".to_owned()),
            Replace::If(param) => {
                Some(format!("this replaces all patches before it if `{param}` is set"))
            }
        }
    }

    /// Its own datum with the same id as another patch's datum.
    fn kept(&self, datum: &Datum) -> Option<&Kept> {
        self.data.iter().find(|kept| kept.datum == *datum)
    }

    fn data_named(&self, kind: DatumKind) -> Vec<&str> {
        let of_kind = self.data.iter().filter(|kept| kept.datum.kind == kind);
        of_kind.map(|kept| kept.datum.name.as_str()).collect()
    }
}

/// The function before which the data of a shadow variable is freed with its parent.
fn tie(patch: &Patch<Fragment>, shadow: &str) -> Option<String> {
    let mut funcs = patch.objects.iter().flat_map(|object| &object.funcs);
    let func = funcs.find(|func| func.frees.iter().any(|free| free.shadow == shadow))?;
    let Symbol { object, name, sympos } = &func.old;
    let position = if *sympos == 0 { String::new() } else { format!("@{sympos}") };
    Some(match object.module() {
        None => format!("{name}{position}"),
        Some(module) => format!("{module}::{name}{position}"),
    })
}

fn replaces(patch: &Patch<Fragment>) -> bool {
    let Replace::If(condition) = &patch.replace else { return patch.replace == Replace::Always };
    let param =
        patch.params.iter().flat_map(|params| &params.all).find(|param| param.name == *condition);
    match param.map(|param| &param.default) {
        Some(ParamDefault::One(ParamValue::Bool(value))) => *value,
        Some(ParamDefault::One(ParamValue::Int(value))) => *value != 0,
        _ => false,
    }
}

/// What goes wrong when a patch is loaded after the patches in `loaded`, in their order.
pub fn check(loaded: &[&Member], next: &Member) -> Vec<Diagnostic> {
    let mut diagnostics = Vec::new();
    if loaded.iter().any(|earlier| earlier.name == next.name) {
        diagnostics.push(
            Diagnostic::new(
                REPEATED_PATCH_NAME,
                format!("the series already has a patch `{}`", next.name),
            )
            .at(next.name_at, "")
            .note("the kernel cannot load two modules of the same name")
            .help("give each version its own name, and all of them the same `family`"),
        );
    }
    for earlier in loaded {
        diagnostics.extend(check_data(earlier, next));
        if !next.replaces {
            diagnostics.extend(check_functions(earlier, next));
        }
        diagnostics.extend(skipped(earlier, next));
        diagnostics.extend(resources::check(earlier, next));
    }
    diagnostics
}

fn check_data(earlier: &Member, next: &Member) -> Vec<Diagnostic> {
    let may_replace = next.replace != Replace::Never;
    let check = |kept: &Kept| match kept
        .datum
        .fate(next.data.iter().map(|kept| &kept.datum), may_replace)
    {
        Fate::Untouched => None,
        // Whoever loads it decides.
        Fate::Lost if !next.replaces => {
            Some(Diagnostic { severity: Severity::Warning, ..lost(earlier, kept, next) })
        }
        Fate::Lost => Some(lost(earlier, kept, next)),
        Fate::Downgraded(datum) => Some(downgraded(earlier, kept, next.kept(datum)?)),
        Fate::Kept(datum) => different(earlier, kept, next.kept(datum)?),
    };
    earlier.data.iter().filter_map(check).collect()
}

/// The later patch replaces a patch but does not declare its data.
fn lost(earlier: &Member, kept: &Kept, next: &Member) -> Diagnostic {
    let Datum { kind, name, id, version } = &kept.datum;
    let (number, wanted) = match kind {
        DatumKind::State => (
            format!(" {id}"),
            format!("a `state` with this number, and at least version {version}"),
        ),
        DatumKind::Shadow => {
            let wanted = format!(
                "`shadow {name}` and, if the names of the patches differ, the same `family`"
            );
            (String::new(), wanted)
        }
    };
    let message = format!("the {kind}{number} `{name}` of `{}` is missing", earlier.name);
    Diagnostic::new(MISSING_IN_REPLACEMENT, message)
        .at(next.name_at, next.replacement().unwrap_or_default())
        .note(format!("it is in {}; the kernel refuses a patch that would lose it", kept.place))
        .help(format!("add {wanted}"))
}

/// The later patch has an older version of a state.
fn downgraded(earlier: &Member, kept: &Kept, same: &Kept) -> Diagnostic {
    let (version, name) = (kept.datum.version, &same.datum.name);
    Diagnostic::new(LOWER_STATE_VERSION, format!("`{name}` has version {version} already"))
        .at(same.at, format!("this is version {}", same.datum.version))
        .note(format!(
            "`{}` declares it in {}; the kernel refuses a lower version",
            earlier.name, kept.place
        ))
        .help(format!("write `version = {version}` or higher"))
}

/// Differences that the kernel does not check: both patches use the same data, so its type and the
/// way it is freed must be the same.
fn different(earlier: &Member, kept: &Kept, same: &Kept) -> Option<Diagnostic> {
    let name = &same.datum.name;
    if same.datum.kind != kept.datum.kind || same.ty != kept.ty || *name != kept.datum.name {
        let message = format!("`{name}` is different in `{}`", earlier.name);
        let error = Diagnostic::new(CONFLICTING_ID, message)
            .at(same.at, format!("this is `{name}: {}`", same.ty))
            .note(format!(
                "in {} it is `{}: {}`, and both use the same data",
                kept.place, kept.datum.name, kept.ty
            ));
        return Some(error.help("write the same type, or give the new one another name or number"));
    }
    let difference = other_end(kept, same)?;
    let error =
        Diagnostic::new(FREED_DIFFERENTLY, format!("the data of `{name}` would be left behind"));
    Some(
        error
            .at(same.at, difference)
            .note(format!("the declaration in {} has it, and both use the same data", kept.place))
            .help("add it here too, or give the variable another name"),
    )
}

/// A step by which the earlier patch frees data and the later one does not.
fn other_end(earlier: &Kept, later: &Kept) -> Option<String> {
    match (&earlier.tie, earlier.has_dtor) {
        (Some(tie), _) if later.tie.as_ref() != Some(tie) => {
            Some(format!("this is not `freed by {tie}(..)`"))
        }
        (_, true) if !later.has_dtor => Some("this has no `dtor`".to_owned()),
        _ => None,
    }
}

/// The later patch replaces a patch that undoes something in its callbacks.
fn skipped(earlier: &Member, next: &Member) -> Option<Diagnostic> {
    let label = next.replacement()?;
    let skipped = earlier.skipped();
    let places: Vec<_> = earlier.undoing.iter().map(|undoing| undoing.place.as_str()).collect();
    if skipped.is_empty() {
        return None;
    }
    let message = format!("{} of `{}` will not run", list(&skipped, "and"), earlier.name);
    Some(
        Diagnostic::new(SKIPPED_UNDOING, message)
            .at(next.name_at, label)
            .note(format!(
                "written in {}; the kernel runs no callback of a patch that is replaced",
                places.join(" and ")
            ))
            .help(format!(
                "write a `state` for a change of the system, and a `resource` for what the patch sets up; or unload `{}` before `{}` is loaded",
                earlier.name, next.name
            )),
    )
}

fn check_functions(earlier: &Member, next: &Member) -> Vec<Diagnostic> {
    let is_over = next.over.contains(&earlier.name);
    let mut diagnostics = Vec::new();
    for Changed { symbol, at, frees } in &next.functions {
        let Some(same) = earlier.functions.iter().find(|known| known.symbol == *symbol) else {
            continue;
        };
        let message = format!("`{}` is also changed by `{}`", symbol.name, earlier.name);
        let error = Diagnostic::new(FUNCTION_IN_TWO_PATCHES, message).at(*at, "");
        diagnostics.push(match &same.frees {
            // Undoing a change may be intended, leaving data behind never is. Here both free it.
            Some(shadow) if is_over && frees.as_ref() == Some(shadow) => continue,
            Some(shadow) => error
                .note(format!("a hook there frees the data of `{shadow}` before it, which this change would undo"))
                .help("put both into one patch with `atomic replace`"),
            None if is_over => continue,
            None => error
                .note("`original` is the function in the kernel image, so this change would undo the other one")
                .help(format!(
                    "put both into one patch with `atomic replace`, or write `over {};` in its spec if it may undo the other",
                    earlier.name
                )),
        });
    }
    diagnostics
}

/// The patches that are loaded after `next` was loaded.
pub fn load<'a>(mut loaded: Vec<&'a Member>, next: &'a Member) -> Vec<&'a Member> {
    if next.replaces {
        loaded.clear();
    }
    loaded.push(next);
    loaded
}

/// The patch that can be loaded in place of `next`, to get back to the patches that `next` has
/// replaced.
fn is_way_back<'a>(loaded: &[&'a Member], next: &Member) -> Option<&'a Member> {
    let [only] = loaded else { return None };
    (next.replaces && only.replaces && check_data(next, only).is_empty()).then_some(only)
}

/// Tells how to get from a patch back to those that were loaded before it.
pub fn way_back(loaded: &[&Member], next: &Member) -> Option<String> {
    let before: Vec<&str> = loaded.iter().map(|earlier| earlier.name.as_str()).collect();
    let last = loaded.last()?;
    let from = format!("back from `{}` to {}", next.name, list(&before, "and"));
    if !next.replaces {
        return Some(format!("{from}: unload `{}`", next.name));
    }
    if is_way_back(loaded, next).is_some() {
        let skipped = match next.skipped().as_slice() {
            [] => String::new(),
            skipped => format!(", and {} of `{}` will not run", list(skipped, "and"), next.name),
        };
        return Some(format!(
            "{from}: load `{}`, which replaces `{}` without a gap{skipped}",
            last.name, next.name
        ));
    }
    let mut fate = Vec::new();
    let (states, shadows) = (next.data_named(DatumKind::State), next.data_named(DatumKind::Shadow));
    if !states.is_empty() {
        fate.push(format!("{} restored", list(&states, "and")));
    }
    if !shadows.is_empty() {
        fate.push(format!("the data of {} lost", list(&shadows, "and")));
    }
    fate.push("no patch is loaded".to_owned());
    let (load, fate) = (list(&before, "and"), fate.join(", "));
    Some(format!("{from}: unload `{}`, then load {load}; in between {fate}", next.name))
}
