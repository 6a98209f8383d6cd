//! From names to facts: after this no name is looked up any more.

mod bodies;
mod funcs;
mod metadata;
mod names;
mod params;
mod rust;
mod signatures;
mod symbols;
mod test_blocks;

use crate::diag::{any_error, Diagnostic, KPS0108, KPS0207, KPS0209, KPS0607};
use kps_facts::{Facts, Importer, Wanted};
use kps_grammar::ast;
use kps_grammar::{Source, Span};
use kps_plan::{AuthorsKey, Imports, Klp, Object, ObjectName, Patch, Target, Type};
use std::collections::HashMap;

pub use bodies::Fragment;

/// A patch whose every name has been found, and where its parts were written.
#[derive(Debug)]
pub struct Resolved {
    /// The patch.
    pub patch: Patch<Fragment>,
    /// The place of each function's name, by object and function.
    pub places: Vec<Vec<Span>>,
}

/// Resolves a spec against the facts of a kernel. Without a patch there is at least one error.
///
/// `complete` is whether the whole text was understood. If not, what seems to be missing may be there.
pub fn resolve(
    source: &Source,
    spec: &ast::Patch,
    complete: bool,
    facts: &Facts,
) -> (Option<Resolved>, Vec<Diagnostic>) {
    let mut resolver =
        Resolver { source, facts, complete, diagnostics: Vec::new(), changed: HashMap::new(), unknown: 0 };
    let resolved = resolver.patch(spec);
    let resolved = resolved.filter(|_| !any_error(&resolver.diagnostics));
    (resolved, resolver.diagnostics)
}

struct Resolver<'a> {
    source: &'a Source,
    facts: &'a Facts,
    complete: bool,
    diagnostics: Vec<Diagnostic>,
    /// The functions changed so far, by address, and where.
    changed: HashMap<u64, Span>,
    /// How many names were not found so far.
    unknown: usize,
}

/// The members of the livepatch structs that generated code sets (`include/linux/livepatch.h`).
const KLP_MEMBERS: &[(&str, &[&str])] = &[
    ("klp_patch", &["mod", "objs", "states", "replace"]),
    ("klp_object", &["name", "funcs", "callbacks"]),
    ("klp_func", &["old_name", "new_func", "old_sympos"]),
    ("klp_callbacks", &["pre_patch", "post_patch", "pre_unpatch", "post_unpatch"]),
];

impl<'a> Resolver<'a> {
    fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    /// Reports that something is missing.
    fn report_absence(&mut self, diagnostic: Diagnostic) {
        if self.complete {
            self.report(diagnostic);
        }
    }

    fn patch(&mut self, spec: &ast::Patch) -> Option<Resolved> {
        let metadata = self.metadata(spec);
        self.check_tests(spec);
        let rust = self.parse_rust(spec);
        let params = if spec.params.is_empty() { &[] } else { params::MEMBERS };
        let wanted = Wanted { members: [KLP_MEMBERS, params].concat(), ..rust.wanted() };
        let mut importer = Importer::new(&self.facts.btf, &wanted);
        let klp = self.klp(&mut importer);
        if klp.is_none() {
            let message = format!("the BTF of {} does not describe livepatches", self.facts.identity.release);
            self.report(Diagnostic::error(KPS0607, message).help("choose another target with `--kernel`"));
        }

        let mut imports = Imports::default();
        let params = self.params(spec, &rust, &mut importer);
        let mut declared = self.declared(spec, &mut importer, &mut imports);
        declared.extend(spec.params.iter().map(|param| param.name.value.clone()));
        let (mut objects, mut places) = (Vec::new(), Vec::new());
        for object in self.known_objects(spec) {
            let (resolved, spans) = self.object(object, &rust, &mut importer);
            objects.push(resolved);
            places.push(spans);
        }
        self.used(&rust, &objects, declared, &mut importer, &mut imports);
        imports.types = importer.finish();
        self.check_hidden_types(&rust, &imports.types);
        self.check_parameters(spec, &rust, &places, &objects, &imports);
        let replace = self.replace(spec, params.as_ref());

        let target = Target {
            release: self.facts.identity.release.clone(),
            build_id: self.facts.identity.build_id.clone(),
            authors_key: authors_key(&self.facts.identity.release),
        };
        let patch = Patch {
            name: spec.name.value.clone(),
            metadata,
            replace,
            params,
            objects,
            items: rust.item_fragments(),
            kernel: imports,
            klp: klp?,
            target,
        };
        Some(Resolved { patch, places })
    }

    /// The objects of the spec that can be resolved, each once.
    fn known_objects<'s>(&mut self, spec: &'s ast::Patch) -> Vec<&'s ast::Object> {
        let mut known: Vec<&ast::Object> = Vec::new();
        for object in &spec.objects {
            let name = &object.name;
            if let Some(first) = known.iter().find(|known| known.name.value == name.value) {
                self.report(
                    Diagnostic::error(KPS0209, format!("object `{}` is written twice", name.value))
                        .at(name.span, "")
                        .at(first.name.span, "here it is first")
                        .help("put everything into one `object`"),
                );
            } else if name.value == "vmlinux" {
                known.push(object);
            } else {
                self.report(
                    Diagnostic::error(KPS0108, "patching modules is not supported yet")
                        .at(name.span, "this object is a module")
                        .help("only `object vmlinux` can be patched by this version of kpsc"),
                );
            }
        }
        if spec.objects.is_empty() {
            self.report_absence(
                Diagnostic::error(KPS0207, "the patch changes nothing")
                    .at(spec.name.span, "")
                    .help("add `object vmlinux { fn NAME { .. } }`"),
            );
        }
        known
    }

    fn object(
        &mut self,
        spec: &ast::Object,
        rust: &bodies::Rust,
        importer: &mut Importer<'_>,
    ) -> (Object<Fragment>, Vec<Span>) {
        if spec.funcs.is_empty() && spec.callbacks.is_empty() {
            self.report_absence(
                Diagnostic::error(KPS0207, format!("nothing changes in `{}`", spec.name.value))
                    .at(spec.name.span, "")
                    .help("add `fn NAME { .. }` or a callback"),
            );
        }
        let (mut funcs, mut places) = (Vec::new(), Vec::new());
        for func in &spec.funcs {
            if let Some(resolved) = self.func(func, rust, importer) {
                funcs.push(resolved);
                places.push(func.symbol.name.span);
            }
        }
        let object = Object { name: ObjectName::Vmlinux, funcs, callbacks: rust.callbacks(spec) };
        (object, places)
    }

    fn klp(&mut self, importer: &mut Importer<'_>) -> Option<Klp> {
        let mut id = |name| match importer.named(name) {
            Some(Type::Named(id)) => Some(id),
            _ => None,
        };
        let klp = Klp {
            patch: id("klp_patch")?,
            object: id("klp_object")?,
            func: id("klp_func")?,
            callbacks: id("klp_callbacks")?,
        };
        Some(klp)
    }
}

/// `author: ".."` became `authors: [..]` in Linux 6.15.
fn authors_key(release: &str) -> AuthorsKey {
    let mut parts = release.split(['.', '-', '+']).map(|part| part.parse::<u32>().unwrap_or(0));
    match (parts.next(), parts.next()) {
        (Some(major), Some(minor)) if (major, minor) < (6, 15) => AuthorsKey::Author,
        _ => AuthorsKey::Authors,
    }
}
