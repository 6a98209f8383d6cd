// SPDX-License-Identifier: GPL-2.0
//! Resolves names to facts. No name is looked up after this.
//!
//! Specs and patch crates are held to the same rules here. The crate needs nothing but syn, quote
//! and proc-macro2, because the target's own rustc compiles it for the macros.

mod advice;
mod bodies;
mod bypassed;
mod c;
mod c_data;
mod c_names;
mod c_notation;
mod c_table;
mod c_text;
mod calls;
mod check;
mod clones;
mod data;
mod destructors;
mod entries;
mod errno;
mod freeing;
mod from;
mod funcs;
mod given;
mod handed;
mod inlined;
mod kernel_paths;
mod locks;
mod lookup;
mod metadata;
mod missing_use;
mod names;
pub mod notable;
mod of_headers;
mod own;
mod param_lock;
mod params;
mod paths;
mod percpu;
mod pieces;
mod prelude;
mod probe;
mod propose;
pub mod prototypes;
mod read_only;
mod recursion;
mod reserved;
mod resources;
mod returns;
mod rust;
mod setups;
mod signatures;
mod sleeps;
mod spelling;
mod symbols;
mod syscalls;
mod test_blocks;
mod typing;
mod user_pointers;
mod uses;
mod values;
mod waits;
mod when;
mod whereabouts;
mod words;

use advice::Advice;
use data::FreeHook;
use kps_ast::{self as ast, Span};
use kps_diag::{
    any_error, list, Diagnostic, CHANGES_NOTHING, NO_LIVEPATCH_SUPPORT, NO_SUCH_MODULE,
    REPEATED_OBJECT,
};
use kps_facts::{Facts, Importer, Wanted};
use kps_plan::{CFile, Imports, Klp, Kobject, Object, ObjectName, Patch, Rodata, Type};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use symbols::Scope;
use uses::{Declared, Untyped};

pub use bodies::Fragment;
pub use c_table::{FromC, FROM_C};
pub use check::{check, Checked};
pub use lookup::{offer, Candidate, Offer, UseKind};
pub use metadata::{check_name, is_meant_for, version_of};
pub use paths::{is_path, refused_path, FileKind};
pub use pieces::SourceText;
pub use probe::{Hookability, Probe};
pub use propose::another_name;
pub use reserved::{changed, is_reserved, Refused, Search};
pub use symbols::near;
pub use when::may_hold;
pub use words::is_plain;

/// A patch with all names resolved, and the spans of its parts.
#[derive(Debug)]
pub struct Resolved {
    /// The patch.
    pub patch: Patch<Fragment>,
    /// The span of each function's name, by object and function.
    pub places: Vec<Vec<Span>>,
    /// The patch as parsed, without the items that are for other kernels, and each `replace from`
    /// with the body and the prototype of its file.
    pub written: ast::Patch,
    /// The functions of the patch that it gives away, as far as resolving tells: it has warned of
    /// those that nothing takes back.
    pub given_away: BTreeSet<String>,
}

/// Resolves a spec against the facts of a kernel. Without a patch there is at least one error.
///
/// `complete` tells whether the whole text was parsed. If not, code that seems to be missing may
/// exist.
pub fn resolve(
    pieces: &dyn SourceText,
    spec: &ast::Patch,
    complete: bool,
    facts: &Facts,
) -> (Option<Resolved>, Vec<Diagnostic>) {
    let mut resolver = Resolver::new(pieces, facts, complete);
    let resolved = resolver.patch(spec);
    let resolved = resolved.filter(|_| !any_error(&resolver.diagnostics));
    (resolved, resolver.diagnostics)
}

struct Resolver<'a> {
    pieces: &'a dyn SourceText,
    facts: &'a Facts,
    complete: bool,
    /// The front end that the author uses.
    form: ast::Form,
    diagnostics: Vec<Diagnostic>,
    /// The functions changed so far, by object and address, with their spans.
    changed: HashMap<(String, u64), Span>,
    /// The number of unknown names so far.
    unknown: usize,
    /// The files in C named so far.
    c_files: Vec<CFile>,
    /// The declared symbols whose types are known nowhere, by name; `None` without files in C.
    untyped: Option<BTreeMap<String, Untyped>>,
    /// The names that the author's items define.
    own_names: BTreeSet<String>,
    /// Whether more than one function has more than a `pre` hook.
    changes_several: bool,
    /// Whether the patch names the one kernel version that it is for.
    names_one_kernel: bool,
    /// Whether it names the version of the target and no other.
    names_this_kernel: bool,
    /// The free hooks of shadow data.
    ties: Vec<FreeHook>,
}

/// The members of the livepatch structs that generated code uses (`include/linux/livepatch.h`).
const KLP_MEMBERS: &[Members] = &[
    ("klp_patch", &["mod", "objs", "states", "replace"]),
    ("klp_object", &["name", "funcs", "callbacks"]),
    ("klp_func", &["old_name", "new_func", "old_sympos"]),
    ("klp_callbacks", &["pre_patch", "post_patch", "pre_unpatch", "post_unpatch"]),
];

/// The additional members that states and shadow variables need.
const DATA_MEMBERS: &[Members] = &[("klp_state", &["id", "version"]), ("klp_patch", &["forced"])];

/// The additional members that resources need (`include/linux/kobject.h`).
const RESOURCE_MEMBERS: &[Members] =
    &[("klp_patch", &["forced", "kobj"]), ("kobject", &["ktype"]), ("kobj_type", &["release"])];

/// The additional members that the gate of a module needs (`include/linux/module.h`). A kernel has
/// `mem` or `core_layout`, with the struct of the next line or the one after it.
const GATE_MEMBERS: &[Members] = &[
    ("klp_object", &["mod"]),
    ("klp_func", &["old_func", "old_size", "new_size"]),
    ("module", &["mem", "core_layout"]),
    ("module_memory", &["base", "size"]),
    ("module_layout", &["base", "text_size", "ro_size"]),
];

/// A struct and the names of its members.
type Members = (&'static str, &'static [&'static str]);

/// The features of a patch that need members of kernel structs beyond `KLP_MEMBERS`.
#[derive(Debug, Clone, Copy)]
struct Needs {
    /// Changes to a module, which have a gate.
    gates: bool,
    /// Parameters.
    params: bool,
    /// States or shadow variables.
    data: bool,
    /// Resources.
    resources: bool,
}

impl Needs {
    fn of(spec: &ast::Patch, objects: &[(Scope<'_>, &ast::Object)]) -> Needs {
        Needs {
            gates: objects.iter().any(|(scope, _)| scope.module.is_some()),
            params: !spec.params.is_empty(),
            data: !spec.states.is_empty() || !spec.shadows.is_empty(),
            resources: !spec.resources.is_empty(),
        }
    }

    /// The members of kernel structs that generated code uses for these.
    fn members(self) -> Vec<Members> {
        let Needs { gates, params, data, resources } = self;
        let needed = [
            (gates, GATE_MEMBERS),
            (params, params::MEMBERS),
            (data, DATA_MEMBERS),
            (resources, RESOURCE_MEMBERS),
        ];
        let needed = needed.into_iter().filter_map(|(needed, members)| needed.then_some(members));
        [KLP_MEMBERS].into_iter().chain(needed).flatten().copied().collect()
    }
}

impl<'a> Resolver<'a> {
    fn new(pieces: &'a dyn SourceText, facts: &'a Facts, complete: bool) -> Self {
        Resolver {
            pieces,
            facts,
            complete,
            form: ast::Form::Spec,
            diagnostics: Vec::new(),
            changed: HashMap::new(),
            unknown: 0,
            own_names: BTreeSet::new(),
            c_files: Vec::new(),
            untyped: None,
            changes_several: false,
            names_one_kernel: true,
            names_this_kernel: true,
            ties: Vec::new(),
        }
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Reports something missing.
    fn report_absence(&mut self, diagnostic: Diagnostic) {
        if self.complete {
            self.report(diagnostic);
        }
    }

    fn patch(&mut self, spec: &ast::Patch) -> Option<Resolved> {
        self.form = spec.form;
        let spec = &self.for_target(spec);
        self.note_form(spec);
        let written = self.with_bodies_of_files(spec);
        let spec = &self.with_free_hooks(self.with_entries_in_c(written.clone()));
        let metadata = self.metadata(spec);
        let rust = self.parse_rust(spec);
        self.own_names = rust.defined();
        self.check_words(spec, &rust);
        self.check_kernel_paths(&rust);
        self.check_calls(spec, &rust);
        self.check_setups(spec, &rust);
        let given_away = self.check_given(spec, &rust);
        let objects = self.known_objects(spec, &rust);
        let needs = Needs::of(spec, &objects);
        let members = [needs.members(), vec![syscalls::members(self.facts.arch())]].concat();
        let wanted = Wanted { members, ..rust.wanted() };
        let mut importer = Importer::new(self.facts.arch(), &self.facts.btf, &wanted)
            .with_user_members(&self.facts.user_declarations);
        let klp = self.described_klp(&mut importer, needs);

        let mut imports = Imports::new(self.facts.arch());
        let params = self.params(spec, &rust, &mut importer);
        self.check_tests(spec, params.as_ref());
        let states = self.states(spec, &rust);
        let shadows = self.shadows(spec, &metadata.family, &rust, &mut importer);
        let resources = self.resources(spec, &metadata.family, &rust);
        self.untyped = c::has_files(spec).then(BTreeMap::new);
        let mut uses = self.declared(&objects, &mut importer);
        self.c_functions(spec, &mut importer, &mut uses);
        let mut declared = std::mem::take(&mut uses.names);
        let of_patch = params::named(spec).map(|(_, name)| name.value.clone());
        declared.entry(ObjectName::IMAGE.to_owned()).or_default().extend(of_patch);
        imports.functions.append(&mut uses.vmlinux.functions);
        imports.statics.append(&mut uses.vmlinux.statics);
        imports.of_c.append(&mut uses.vmlinux.of_c);
        let (mut resolved, mut places) = (Vec::new(), Vec::new());
        for &(scope, spec) in &objects {
            let (object, spans) = self.object(scope, spec, &rust, &mut uses, &mut importer);
            // vmlinux is always loaded: using its symbols needs no `klp_object`.
            if scope.module.is_some()
                || needs.data
                || needs.resources
                || !spec.funcs.is_empty()
                || !spec.callbacks.is_empty()
            {
                resolved.push(object);
                places.push(spans);
            }
        }
        let objects = self.link_objects(resolved);
        self.used(spec, &rust, &objects, &declared, &mut importer, &mut imports);
        self.data_in_c(spec, &importer);
        imports.types = importer.finish();
        self.check_hidden_types(&rust, &imports.types);
        self.check_user_members(&rust, &imports.types);
        self.check_parameters(spec, &rust, &places, &objects, &imports);
        self.check_errors(spec, &rust, &imports.types, &objects);
        self.check_types(spec, &rust, &imports.types, &imports, &objects);
        let replace = self.replace(spec, params.as_ref());

        let patch = Patch {
            name: spec.name.value.clone(),
            metadata,
            replace,
            params,
            states,
            shadows,
            resources,
            objects,
            items: rust.item_fragments(),
            modules: rust.modules(),
            c_files: std::mem::take(&mut self.c_files),
            kernel: imports,
            klp: klp?,
            target: self.target(),
        };
        Some(Resolved { patch, places, written, given_away })
    }

    /// What the kernel's BTF says about livepatches; it is an error if it says nothing.
    fn described_klp(&mut self, importer: &mut Importer<'_>, needs: Needs) -> Option<Klp> {
        let klp = self.klp(importer, needs);
        if klp.is_none() {
            let message =
                format!("the BTF of {} does not describe livepatches", self.facts.identity.release);
            self.report(
                Diagnostic::new(NO_LIVEPATCH_SUPPORT, message)
                    .help("choose another target with `--kernel`"),
            );
        }
        klp
    }

    /// The objects of the spec that can be resolved, each once.
    fn known_objects<'s>(
        &mut self,
        spec: &'s ast::Patch,
        rust: &bodies::Rust,
    ) -> Vec<(Scope<'a>, &'s ast::Object)> {
        let mut known: Vec<(Scope<'a>, &ast::Object)> = Vec::new();
        for object in &spec.objects {
            let name = &object.name;
            if let Some((_, first)) = known.iter().find(|(_, known)| known.name.value == name.value)
            {
                self.report(
                    Diagnostic::new(
                        REPEATED_OBJECT,
                        format!("object `{}` is declared twice", name.value),
                    )
                    .at(name.span, "")
                    .at(first.name.span, "first here")
                    .help("put everything into one `object`"),
                );
                continue;
            }
            match Scope::of(self.facts, &name.value) {
                Some(scope) => known.push((scope, object)),
                None => self.report(self.unknown_module(name)),
            }
        }
        let changes =
            |object: &ast::Object| !object.funcs.is_empty() || !object.callbacks.is_empty();
        let has_data = !spec.states.is_empty() || !spec.resources.is_empty();
        // What could not be read may have been meant to change something.
        if !spec.objects.iter().any(changes) && !has_data && !rust.lacks_items() {
            let place = spec.objects.first().map_or(spec.name.span, |object| object.name.span);
            self.report_absence(
                Diagnostic::new(CHANGES_NOTHING, "the patch changes nothing")
                    .at(place, "")
                    .help(Advice::Change.text(self.form)),
            );
        }
        known
    }

    fn unknown_module(&self, name: &ast::Name) -> Diagnostic {
        let release = &self.facts.identity.release;
        let error =
            Diagnostic::new(NO_SUCH_MODULE, format!("{release} has no module `{}`", name.value));
        let error = error.at(name.span, "");
        match symbols::near(&name.value, self.facts.module_names.iter().map(String::as_str))
            .as_slice()
        {
            [] => error
                .note("code that is built into the kernel belongs to `vmlinux`")
                .help(Advice::ForeignModule.text(self.form)),
            near => error.help(format!("did you mean {}?", list(near, "or"))),
        }
    }

    fn object(
        &mut self,
        scope: Scope<'_>,
        spec: &ast::Object,
        rust: &bodies::Rust,
        uses: &mut Declared,
        importer: &mut Importer<'_>,
    ) -> (Object<Fragment>, Vec<Span>) {
        let (mut funcs, mut places) = (Vec::new(), Vec::new());
        for func in &spec.funcs {
            let resolved = self.as_for(spec.when.iter().chain(&func.when), |resolver| {
                resolver.func(scope, func, rust, importer)
            });
            if let Some(resolved) = resolved {
                funcs.push(resolved);
                places.push(func.symbol.name.span);
            }
        }
        c::one_original(&mut funcs);
        self.note_other_entries(scope, &spec.funcs);
        self.note_inlined(scope, spec, rust);
        self.note_clones(scope, &spec.funcs, rust);
        let object = Object {
            name: scope.object_name(),
            build_id: scope.module.and_then(|module| module.build_id.clone()),
            from: spec.from.as_ref().map(|file| file.value.clone()),
            funcs,
            callbacks: rust.callbacks(spec),
            uses: uses.modules.remove(scope.name).unwrap_or_default(),
            sees: Vec::new(),
        };
        (object, places)
    }

    /// A module is loaded after its dependencies, so its bodies may use their symbols too.
    fn link_objects(&self, mut objects: Vec<Object<Fragment>>) -> Vec<Object<Fragment>> {
        let names: Vec<String> =
            objects.iter().map(|object| object.name.as_str().to_owned()).collect();
        for object in &mut objects {
            let module = self.facts.modules.get(object.name.as_str());
            let depends =
                |name: &String| module.is_some_and(|module| module.depends.contains(name));
            object.sees = (0..names.len()).filter(|&n| depends(&names[n])).collect();
        }
        objects
    }

    fn klp(&mut self, importer: &mut Importer<'_>, needs: Needs) -> Option<Klp> {
        let mut id = |name| match importer.named(name) {
            Some(Type::Named(id)) => Some(id),
            _ => None,
        };
        let klp = Klp {
            patch: id("klp_patch")?,
            object: id("klp_object")?,
            func: id("klp_func")?,
            callbacks: id("klp_callbacks")?,
            state: if needs.data { Some(id("klp_state")?) } else { None },
            kobject: match needs.resources {
                true => Some(Kobject { object: id("kobject")?, ktype: id("kobj_type")? }),
                false => None,
            },
            rodata: if needs.gates { self.rodata()? } else { Rodata::default() },
        };
        Some(klp)
    }

    fn rodata(&self) -> Option<Rodata> {
        let btf = &self.facts.btf;
        match btf.constants("MOD_RODATA").first() {
            Some(&(_, index)) => usize::try_from(index).ok().map(Rodata::Memory),
            None => (!btf.types("module_layout").is_empty()).then_some(Rodata::CoreLayout),
        }
    }
}
