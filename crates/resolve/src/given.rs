// SPDX-License-Identifier: GPL-2.0
//! Code of the patch that the kernel may call later, and whether something takes it back.
//!
//! The livepatch core waits for tasks in the new bodies, not for a timer, a thread or a list that
//! has a pointer to a function of the patch. So each such function must be taken back before the
//! patch is unloaded, and a `release`, `pre_unpatch` or `post_unpatch` is the place for that.
//!
//! What is known: the functions of the patch that code uses as values, also in variables of the
//! patch and of a body, and the functions that keep what they are given. A function that is stored
//! behind a pointer, or given to one of the patch's own functions, is taken for one that a keeper
//! gets which the same code calls, as in `(*timer).function = Some(tick); add_timer(timer);`.

use super::bodies::Rust;
use super::c_text::given_in_c;
use super::calls::{calls_of, reached, Call};
use super::own::Callee;
use super::Resolver;
use kps_ast::{self as ast, Code, Span};
use kps_codegen::refs::{Refs, To, Value, ValueKind};
use kps_diag::{Diagnostic, ESCAPING_FUNCTION, NOT_TAKEN_BACK};
use kps_plan::{Keeper, Stays};
use std::collections::{BTreeMap, BTreeSet};

/// A function of the patch that some code gives away.
struct Given {
    function: String,
    span: Span,
    /// The function that keeps it; none if it is stored in memory.
    keeper: Option<String>,
    /// Whether the compiled code will show it at its line, too.
    is_in_c: bool,
}

/// The part of a patch that gives something away.
#[derive(Clone, Copy)]
enum Part<'a> {
    /// Code that tasks run, while the patch is loaded.
    Hook,
    /// A callback, or a body of a state: [`super::setups`] reports what such a body sets up.
    Callback,
    /// A body of a resource.
    Resource(&'a ast::Resource),
}

/// The variables of the patch that hold functions of the patch.
type Carriers = BTreeMap<String, BTreeSet<String>>;

impl Resolver<'_> {
    /// Warns of functions that nothing takes back. Returns the names of all that were looked at:
    /// nothing more has to be said of them.
    pub(super) fn check_given(&mut self, spec: &ast::Patch, rust: &Rust) -> BTreeSet<String> {
        let carriers = carriers(rust);
        let undoing = self.undoing(spec, rust);
        let mut looked_at = BTreeSet::new();
        let mut found: BTreeMap<String, Vec<Given>> = BTreeMap::new();
        for (part, code) in parts(spec) {
            let Some((body, _)) = rust.body(code) else { continue };
            let refs = body.refs(&[]);
            let given = self.given(spec, rust, &carriers, code, &refs);
            self.judge(part, given, &undoing, &mut looked_at, &mut found);
        }
        // The kernel calls these as it calls hooks.
        for own in rust.own.functions().filter(|own| is_c_function(own.signature.as_ref())) {
            let given = self.given(spec, rust, &carriers, own.code, &own.refs);
            self.judge(Part::Hook, given, &undoing, &mut looked_at, &mut found);
        }
        for func in spec.objects.iter().flat_map(|object| &object.funcs) {
            let Some(file) = &func.replace_c else { continue };
            let text = self.pieces.c_file(&file.value).unwrap_or_default();
            let given = given_of_c(text, &func.symbol.name.value, file.span).collect();
            self.judge(Part::Hook, given, &undoing, &mut looked_at, &mut found);
        }
        for (function, places) in found {
            self.report(escaping(&function, places));
        }
        looked_at
    }

    /// The functions of the kernel that code may call which runs when the patch ends. What may take
    /// a function back is taken for what does: a warning must not be false.
    fn undoing(&self, spec: &ast::Patch, rust: &Rust) -> Vec<String> {
        let callbacks = spec.objects.iter().flat_map(|object| &object.callbacks);
        let callbacks = callbacks.filter(|body| body.callback.undoes()).map(|body| body.code);
        let releases = spec.resources.iter().filter_map(|resource| resource.release.as_ref());
        let restores = spec.states.iter().filter_map(|state| state.restore.as_ref());
        let bodies = releases.chain(restores).map(|body| body.code);
        callbacks.chain(bodies).flat_map(|code| self.all_calls(spec, rust, code)).collect()
    }

    /// The functions of the kernel that some code may call, in Rust and in C.
    pub(super) fn all_calls(&self, spec: &ast::Patch, rust: &Rust, code: Code) -> Vec<String> {
        let Some((body, _)) = rust.body(code) else { return Vec::new() };
        let refs = body.refs(&[]);
        let own = rust.own.may_run(&refs).into_iter().map(|own| (own.code, &own.refs));
        let all = own.chain([(code, &refs)]);
        let calls: Vec<Call> = all
            .flat_map(|(code, refs)| calls_of(self.pieces, rust, spec, code, refs).calls)
            .collect();
        let in_c: Vec<Call> = calls.iter().flat_map(|call| self.through_c(spec, call)).collect();
        calls.into_iter().chain(in_c).map(|call| call.enters).collect()
    }

    /// The functions of the patch that some code gives away and does not take back itself.
    fn given(
        &self,
        spec: &ast::Patch,
        rust: &Rust,
        carriers: &Carriers,
        code: Code,
        refs: &Refs,
    ) -> Vec<Given> {
        let calls = calls_of(self.pieces, rust, spec, code, refs).calls;
        let in_c: Vec<Call> = calls.iter().flat_map(|call| self.through_c(spec, call)).collect();
        let mut given: Vec<Given> =
            calls.iter().flat_map(|call| self.given_by_c(spec, call)).collect();
        let enters: Vec<&str> =
            calls.iter().chain(&in_c).map(|call| call.enters.as_str()).collect();
        let keeper = |stays: fn(Stays) -> bool| {
            let is_meant =
                |name: &&&str| Keeper::named(name).is_some_and(|keeper| stays(keeper.stays));
            enters.iter().find(is_meant).map(|name| (*name).to_owned())
        };
        let any = keeper(|stays| stays != Stays::Pointer).or_else(|| keeper(|_| true));
        let mut in_memory = Vec::new();
        for (code, refs) in reached(rust, code, refs) {
            for value in &refs.values {
                let functions = functions(spec, rust, carriers, value);
                let keeper = match &value.to {
                    // What the variable is given to is a use of the variable.
                    To::Here | To::Static(_) => continue,
                    To::Memory => None,
                    To::Variable => match &any {
                        Some(any) => Some(any.clone()),
                        None => continue,
                    },
                    To::Call(of, name) => match rust.own.callee(of.as_deref(), name) {
                        Callee::Kernel(enters) if Keeper::named(&enters).is_some() => Some(enters),
                        // One of the patch's own may give it to a keeper.
                        Callee::Own(_) if any.is_some() => any.clone(),
                        Callee::Kernel(enters) if any.is_some() && is_in_c(spec, &enters) => {
                            any.clone()
                        }
                        Callee::Kernel(_) | Callee::Own(_) | Callee::Other => continue,
                    },
                };
                let span = self.pieces.place(code, value.span);
                let found = functions.into_iter().map(|function| Given {
                    function,
                    span,
                    keeper: keeper.clone(),
                    is_in_c: false,
                });
                match value.to {
                    To::Memory => in_memory.extend(found),
                    _ => given.extend(found),
                }
            }
        }
        // A keeper that gets no function itself gets the memory.
        let gets_one = |name: &str| given.iter().any(|given| given.keeper.as_deref() == Some(name));
        let keeper = any.filter(|name| !gets_one(name));
        given.extend(in_memory.into_iter().map(|given| Given { keeper: keeper.clone(), ..given }));
        given.retain(|given| !is_undone(given, &enters));
        given
    }

    /// What a function of the patch in C gives away, at the place that calls it.
    fn given_by_c(&self, spec: &ast::Patch, call: &Call) -> Vec<Given> {
        let has = |item: &&ast::CFile| item.functions.iter().any(|f| f.name.value == call.name);
        let Some(file) = spec.c_files.iter().find(has) else { return Vec::new() };
        let text = self.pieces.c_file(&file.file.value).unwrap_or_default();
        given_of_c(text, &call.name, call.span).collect()
    }

    /// Reports what a part gives away, or collects it for one message about each function.
    fn judge(
        &mut self,
        part: Part<'_>,
        given: Vec<Given>,
        undoing: &[String],
        looked_at: &mut BTreeSet<String>,
        found: &mut BTreeMap<String, Vec<Given>>,
    ) {
        let undoing: Vec<&str> = undoing.iter().map(String::as_str).collect();
        for given in given {
            let is_undone = match (&given.keeper, part) {
                (Some(_), _) => is_undone(&given, &undoing),
                // What stores something else there again is not known.
                (None, Part::Hook) => false,
                (None, Part::Callback | Part::Resource(_)) => !undoing.is_empty(),
            };
            if is_undone || !given.is_in_c {
                looked_at.insert(given.function.clone());
            }
            let keeper = given.keeper.as_deref().and_then(Keeper::named);
            let is_reported_elsewhere = keeper.is_some_and(|keeper| keeper.stays != Stays::Pointer);
            match part {
                _ if is_undone => {}
                Part::Callback if is_reported_elsewhere => {}
                Part::Hook | Part::Callback => {
                    found.entry(given.function.clone()).or_default().push(given);
                }
                Part::Resource(resource) => {
                    let warning = not_taken_back(resource, &given);
                    // `acquire` and `adopt` may call the same function of the patch.
                    if !self.diagnostics.iter().any(|known| known.is_about_the_same(&warning)) {
                        self.report(warning);
                    }
                }
            }
        }
    }
}

/// The bodies of a patch, except those that undo something.
fn parts(spec: &ast::Patch) -> Vec<(Part<'_>, Code)> {
    let objects = || spec.objects.iter();
    let funcs = objects().flat_map(|object| &object.funcs);
    let hooks = funcs.flat_map(|func| [func.replace, func.pre, func.post]).flatten();
    let shadows = spec.shadows.iter().flat_map(|shadow| [&shadow.ctor, &shadow.dtor]).flatten();
    let hooks = hooks.map(|body| body.code).chain(shadows.map(|body| body.code));
    let callbacks = objects().flat_map(|object| &object.callbacks).map(|body| body.code);
    let states = spec.states.iter().flat_map(|state| [&state.save, &state.apply]).flatten();
    let callbacks = callbacks.chain(states.map(|body| body.code));
    let resources = spec.resources.iter().flat_map(|resource| {
        let bodies = [&resource.acquire, &resource.adopt].into_iter().flatten();
        bodies.map(move |body| (Part::Resource(resource), body.code))
    });
    let hooks = hooks.map(|code| (Part::Hook, code));
    hooks.chain(callbacks.map(|code| (Part::Callback, code))).chain(resources).collect()
}

/// The functions of the patch that a value is, or that a variable holds whose address it is.
fn functions(
    spec: &ast::Patch,
    rust: &Rust,
    carriers: &Carriers,
    value: &Value,
) -> BTreeSet<String> {
    let (of, name) = match &value.what {
        ValueKind::Inner(name) => return BTreeSet::from([name.clone()]),
        ValueKind::Closure => {
            let is_call = matches!(value.to, To::Call(..));
            return is_call.then(|| CLOSURE.to_owned()).into_iter().collect();
        }
        ValueKind::Outward(of, name) => (of.as_deref(), name),
    };
    if let Some(held) = carriers.get(name) {
        return held.clone();
    }
    let is_code = match rust.own.callee(of, name) {
        // Rust's own functions take functions of Rust's calling convention.
        Callee::Own(own) => own.signature.is_some() && is_c_function(own.signature.as_ref()),
        Callee::Kernel(name) => is_in_c(spec, &name),
        Callee::Other => false,
    };
    is_code.then(|| name.clone()).into_iter().collect()
}

/// The variables that hold functions, from the start or since some code has stored them.
fn carriers(rust: &Rust) -> Carriers {
    let is_code = |value: &&Value| match &value.what {
        ValueKind::Outward(of, name) => match rust.own.callee(of.as_deref(), name) {
            Callee::Own(own) => is_c_function(own.signature.as_ref()),
            Callee::Kernel(_) | Callee::Other => false,
        },
        ValueKind::Inner(_) | ValueKind::Closure => false,
    };
    let name = |value: &Value| match &value.what {
        ValueKind::Outward(_, name) | ValueKind::Inner(name) => Some(name.clone()),
        ValueKind::Closure => None,
    };
    let mut carriers = Carriers::new();
    for (variable, refs) in rust.own.values() {
        let held = refs.values.iter().filter(is_code).filter_map(name);
        carriers.insert(variable.to_owned(), held.collect());
    }
    let functions = rust.own.functions().map(|own| own.refs.clone());
    let stored = rust.snippets().into_iter().map(|(_, refs)| refs).chain(functions);
    for value in stored.flat_map(|refs| refs.values) {
        let To::Static(variable) = &value.to else { continue };
        if let Some(holds) = carriers.get_mut(variable).filter(|_| is_code(&&value)) {
            holds.extend(name(&value));
        }
    }
    // A variable may hold the address of another one.
    for _ in 0..DEPTH {
        let known = carriers.clone();
        for (variable, refs) in rust.own.values() {
            let named = refs.values.iter().filter_map(name);
            let held = named.filter_map(|name| known.get(&name)).flatten().cloned();
            carriers.entry(variable.to_owned()).or_default().extend(held);
        }
    }
    carriers.retain(|_, held| !held.is_empty());
    carriers
}

/// How many variables point to each other, one after the other.
const DEPTH: usize = 4;

fn given_of_c(text: &str, function: &str, span: Span) -> impl Iterator<Item = Given> {
    let given = given_in_c(text, function).into_iter();
    given.map(move |(function, keeper)| Given {
        function,
        span,
        keeper: Some(keeper),
        is_in_c: true,
    })
}

/// Whether the kernel can call a function.
fn is_c_function(signature: Option<&syn::Signature>) -> bool {
    signature.is_some_and(|signature| signature.abi.is_some())
}

/// Whether a function is one of the patch's own, in C.
fn is_in_c(spec: &ast::Patch, name: &str) -> bool {
    spec.c_files.iter().any(|file| file.functions.iter().any(|f| f.name.value == name))
}

/// Whether some code calls what undoes it.
fn is_undone(given: &Given, calls: &[&str]) -> bool {
    let keeper = given.keeper.as_deref().and_then(Keeper::named);
    keeper.is_some_and(|keeper| calls.iter().any(|call| keeper.is_undone_by(call)))
}

/// The warning about a function that is given away, at all places.
fn escaping(function: &str, places: Vec<Given>) -> Diagnostic {
    let name = if function == CLOSURE { CLOSURE.to_owned() } else { format!("`{function}`") };
    let message = format!("the kernel may keep a pointer to {name}");
    let mut warning = Diagnostic::new(ESCAPING_FUNCTION, message);
    let mut undone_by = None;
    let mut spans: Vec<Span> = Vec::new();
    for given in places {
        if spans.contains(&given.span) {
            continue;
        }
        spans.push(given.span);
        undone_by = undone_by.or_else(|| Keeper::named(given.keeper.as_deref()?)?.undone_by());
        warning = warning.at(given.span, kept(&given));
    }
    warning.note(DANGER).help(match undone_by {
        Some(undone_by) => format!(
            "give it away in the `acquire` of a `resource`, and call {undone_by} in its `release`"
        ),
        None => NOTHING.to_owned(),
    })
}

/// The warning about a resource whose `release` does not take back what it has given away.
fn not_taken_back(resource: &ast::Resource, given: &Given) -> Diagnostic {
    let name = &resource.name.value;
    let message = format!("the `release` of `{name}` does not take back `{}`", given.function);
    let warning = Diagnostic::new(NOT_TAKEN_BACK, message).at(given.span, kept(given));
    let warning = match &resource.release {
        Some(release) => warning.at(release.word, ""),
        None => warning,
    };
    let undone_by = given.keeper.as_deref().and_then(|name| Keeper::named(name)?.undone_by());
    warning.note(DANGER).help(match undone_by {
        Some(undone_by) => format!("call {undone_by} in `release`"),
        None => NOTHING.to_owned(),
    })
}

fn kept(given: &Given) -> String {
    match &given.keeper {
        Some(keeper) => format!("`{keeper}` keeps it"),
        None => "it is stored outside of the patch".to_owned(),
    }
}

const CLOSURE: &str = "a closure";
const NOTHING: &str = "do without it: nothing that kpsc knows takes it back when the patch ends";
const DANGER: &str =
    "after unloading, a call of it jumps to freed memory: the kernel waits only for the new bodies";
