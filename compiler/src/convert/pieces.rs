// SPDX-License-Identifier: GPL-2.0
//! Splits a spec into the snippets of its crate, each with its text there.

use super::comments::{self, Below};
use super::functions::{self, Signatures};
use super::rust::{block, inline, kernel_type, literal, piece, short_block};
use super::{INDENT, INNER};
use crate::Checked;
use kps_codegen::names::ident;
use kps_grammar::ast::{self, BodyWithParams, Code, Lifetime, ParamValue, When};
use kps_grammar::{Language, Sources, Span};
use kps_plan::{CSymbol, Function, Imports, Object, ObjectName, Static, Uses};

/// The kind of a snippet in the crate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum What {
    /// An argument of `#[livepatch(..)]`.
    Argument,
    /// A Rust item.
    Item,
    /// A Rust module that was in a file.
    Module,
    /// A parameter.
    Param,
    /// A state, a shadow variable or a resource.
    Data,
    /// A function with an attribute: a new body, a hook or a callback.
    Function,
    /// A line in the `extern` block with this attribute.
    Symbol(String),
    /// A line in the only `extern` block of a C file, which has this attribute.
    InC(String),
    /// A test.
    Test,
}

/// One snippet of a spec.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) what: What,
    /// Its first byte in the spec.
    pub(super) place: usize,
    /// The byte after it, for items.
    pub(super) end: usize,
    /// The positions in the spec next to which its comments are.
    pub(super) anchors: Vec<usize>,
    /// Its text in the crate. The first line has no indentation.
    pub(super) text: String,
    /// The comments that describe it.
    pub(super) comments: Vec<Span>,
}

impl Piece {
    pub(super) fn new(what: What, place: Span, text: String) -> Self {
        let (start, end) = (place.start, place.end);
        Piece { what, place: start, end, anchors: vec![start], text, comments: Vec::new() }
    }

    /// Its comments, on lines above it. A comment that Rust would read as a doc comment becomes a
    /// plain one where a doc comment has another meaning.
    pub(super) fn comments_above(&self, sources: &Sources, indent: usize) -> String {
        let below = match self.what {
            // The doc comment of a parameter becomes its description in `modinfo`.
            What::Argument | What::Test | What::Param => Below::Nothing,
            _ if self.text.starts_with("///") => Below::Nothing,
            _ => Below::Item,
        };
        let each = self.comments.iter().map(|&comment| {
            let comment = comments::carried(sources, comment, indent, below);
            format!("{:indent$}{comment}\n", "")
        });
        each.collect()
    }
}

/// All Rust source text of a spec.
pub(super) fn code(patch: &ast::Patch) -> Vec<Code> {
    let mut all: Vec<Code> = patch.items.iter().map(|item| item.code).collect();
    let bound = |bound: &Option<BodyWithParams>| bound.as_ref().map(|bound| bound.code);
    for state in &patch.states {
        all.push(state.ty);
        all.extend([&state.save, &state.apply, &state.restore].into_iter().filter_map(bound));
    }
    for shadow in &patch.shadows {
        all.extend([shadow.ty, shadow.init]);
        all.extend([&shadow.ctor, &shadow.dtor].into_iter().filter_map(bound));
        if let Some(Lifetime::FreedBy(tie)) = &shadow.lifetime {
            all.push(tie.parent);
        }
    }
    for resource in &patch.resources {
        let bodies = [&resource.acquire, &resource.release, &resource.adopt];
        all.push(resource.ty);
        all.extend(bodies.into_iter().filter_map(bound));
    }
    let prototype = |all: &mut Vec<Code>, prototype: Option<&ast::Prototype>| {
        let types = prototype.into_iter().flat_map(|prototype| {
            prototype.params.iter().map(|param| param.ty).chain(prototype.ret)
        });
        all.extend(types);
    };
    for object in &patch.objects {
        for func in &object.funcs {
            prototype(&mut all, func.prototype.as_ref());
            all.extend(
                [func.replace, func.pre, func.post].into_iter().flatten().map(|body| body.code),
            );
        }
        object.use_fns.iter().for_each(|item| prototype(&mut all, item.prototype.as_ref()));
        all.extend(object.use_statics.iter().filter_map(|item| item.ty));
        all.extend(object.use_percpus.iter().filter_map(|item| item.ty));
        all.extend(object.callbacks.iter().map(|callback| callback.code));
    }
    for file in &patch.c_files {
        file.functions.iter().for_each(|function| prototype(&mut all, Some(&function.prototype)));
    }
    all
}

/// The snippets of a spec.
pub(super) fn pieces(checked: &Checked, sources: &Sources) -> Vec<Piece> {
    let patch = checked.written();
    let mut pieces = arguments(patch);
    // Arguments of the attribute come from `arguments`, and the comment above the patch becomes
    // that of the module.
    let ast::Patch {
        form: _,
        docs: _,
        name: _,
        texts: _,
        requires: _,
        atomic_replace: _,
        family: _,
        over: _,
        params,
        states,
        shadows,
        resources,
        objects,
        items,
        modules,
        c_files,
        tests,
        absent: _,
    } = patch;
    pieces.extend(params.iter().map(param));
    pieces.extend(states.iter().map(|item| state(sources, item)));
    pieces.extend(shadows.iter().map(|item| shadow(sources, item)));
    pieces.extend(resources.iter().map(|item| resource(sources, item)));
    pieces.extend(items.iter().map(|item| {
        let text = conditions(&item.when, INDENT) + &piece(sources, item.code, INDENT);
        Piece::new(What::Item, item.code.span, text)
    }));
    pieces.extend(modules.iter().filter_map(|item| module(sources, item)));
    let signatures = Signatures::of(checked, sources);
    for object in objects {
        let before = pieces.len();
        symbols(checked, sources, &signatures, object, &mut pieces);
        functions::functions(sources, &signatures, object, &mut pieces);
        // A comment beside the object describes its first snippet.
        let first = pieces[before..].iter_mut().min_by_key(|piece| piece.place);
        match (first, &object.from) {
            (Some(first), None) => first.anchors.push(object.name.span.start),
            (_, from) => {
                pieces.push(Piece::new(
                    What::Argument,
                    object.name.span,
                    of_object(object, from.as_ref()),
                ));
            }
        }
    }
    for file in c_files {
        c_file(&signatures, file, &mut pieces);
    }
    pieces.extend(
        tests
            .iter()
            .map(|test| Piece::new(What::Test, test.whole, sources.slice(test.whole).to_owned())),
    );
    pieces
}

/// `#[when(..)]` for each condition of an item.
pub(super) fn conditions<'w>(all: impl IntoIterator<Item = &'w When>, indent: usize) -> String {
    let all = all.into_iter();
    all.map(|when| format!("#[when({})]\n{:indent$}", when.arguments(), "")).collect()
}

/// `object(NAME)` or `object(NAME = "FILE")`.
fn of_object(object: &ast::Object, from: Option<&ast::Text>) -> String {
    let from = from.map(|from| format!(" = {}", literal(&from.value))).unwrap_or_default();
    format!("object({}{from})", object.name.value)
}

/// The patch's metadata.
fn arguments(patch: &ast::Patch) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut add = |places: Vec<Span>, text: String| {
        let Some(&first) = places.first() else { return };
        let anchors = places.iter().map(|place| place.start).collect();
        pieces.push(Piece { anchors, ..Piece::new(What::Argument, first, text) });
    };
    for (clause, texts) in patch.texts.iter() {
        let (key, values) = (clause.keyword(), texts.iter().map(|text| literal(&text.value)));
        match clause.is_list() {
            true => {
                let values: Vec<_> = values.collect();
                let spans = texts.iter().map(|text| text.span).collect();
                add(spans, format!("{key}({})", values.join(", ")));
            }
            false => {
                texts.iter().zip(values).for_each(|(text, value)| {
                    add(vec![text.span], format!("{key} = {value}"));
                });
            }
        }
    }
    let require = |require: &ast::Require| match &require.value {
        Some(value) => format!("{} = {}", require.option.value, literal(&value.value)),
        None => require.option.value.clone(),
    };
    let requires: Vec<_> = patch.requires.iter().map(require).collect();
    let places = patch.requires.iter().map(|require| require.option.span).collect();
    add(places, format!("require({})", requires.join(", ")));
    if let Some(replace) = &patch.atomic_replace {
        let condition =
            replace.condition.as_ref().map(|name| format!("(if {})", ident(&name.value)));
        add(vec![replace.span], format!("atomic_replace{}", condition.unwrap_or_default()));
    }
    if let Some(family) = &patch.family {
        add(vec![family.span], format!("family = {}", ident(&family.value)));
    }
    let over: Vec<_> = patch.over.iter().map(|name| ident(&name.value).to_string()).collect();
    add(patch.over.iter().map(|name| name.span).collect(), format!("over({})", over.join(", ")));
    pieces
}

fn param(param: &ast::ModuleParam) -> Piece {
    let mut text = String::new();
    if let Some(mode) = &param.mode {
        text += &format!("#[param(mode = {})]", mode.value);
    } else {
        text += "#[param]";
    }
    let described =
        param.description.as_ref().map(|text| format!("/// {}\n{:INDENT$}", text.value, ""));
    let value = |value: &ParamValue| match value {
        ParamValue::Text(text) => literal(&text.value),
        ParamValue::Number(text) | ParamValue::Word(text) => text.value.clone(),
    };
    let values = param.default.values.iter().map(value).collect::<Vec<_>>().join(", ");
    let default = if param.default.list { format!("[{values}]") } else { values };
    let ty = match &param.len {
        Some(len) => format!("[{}; {}]", param.ty.value, len.value),
        None => param.ty.value.clone(),
    };
    let (described, name) = (described.unwrap_or_default(), ident(&param.name.value));
    let text = format!("{described}{text}\n{:INDENT$}static {name}: {ty} = {default};", "");
    Piece::new(What::Param, param.name.span, text)
}

/// A field with a closure as its value, on several lines.
fn closure(sources: &Sources, bound: &BodyWithParams, word: &str) -> String {
    let names: Vec<_> = bound.names.iter().map(|name| ident(&name.value).to_string()).collect();
    let head = format!("{word}: |{}| ", names.join(", "));
    let short = short_block(sources, bound.code, INNER + head.len() + ",".len());
    let body = short.unwrap_or_else(|| block(sources, bound.code, INNER));
    format!("{:INNER$}{head}{body},\n", "")
}

fn state(sources: &Sources, state: &ast::State) -> Piece {
    let id = state.id.as_ref().map_or(0, |id| id.value);
    let version = state.version.as_ref().map(|version| format!(", version = {}", version.value));
    let bodies = [("save", &state.save), ("apply", &state.apply), ("restore", &state.restore)];
    let fields = bodies
        .into_iter()
        .filter_map(|(word, bound)| Some(closure(sources, bound.as_ref()?, word)));
    let text = format!(
        "#[state(id = {id}{})]\n{:INDENT$}static {}: State<{}> = State {{\n{}{:INDENT$}}};",
        version.unwrap_or_default(),
        "",
        ident(&state.name.value),
        inline(sources, state.ty, INDENT),
        fields.collect::<String>(),
        "",
    );
    let words = bodies.into_iter().filter_map(|(_, bound)| Some(bound.as_ref()?.word.start));
    let anchors = std::iter::once(state.name.span.start).chain(words).collect();
    Piece { anchors, ..Piece::new(What::Data, state.name.span, text) }
}

fn shadow(sources: &Sources, shadow: &ast::Shadow) -> Piece {
    let lifetime = match &shadow.lifetime {
        Some(Lifetime::FreedBy(tie)) => {
            let object = tie.object.as_ref().map_or(ObjectName::IMAGE, |object| &object.value);
            let function = functions::path(object, &tie.symbol);
            format!(", freed_by = {function}({})", inline(sources, tie.parent, INDENT))
        }
        Some(Lifetime::Untied) => ", untied".to_owned(),
        None => String::new(),
    };
    let bodies = [("ctor", &shadow.ctor), ("dtor", &shadow.dtor)];
    let fields = bodies
        .into_iter()
        .filter_map(|(word, bound)| Some(closure(sources, bound.as_ref()?, word)));
    let text = format!(
        "#[shadow(on = {}{lifetime})]\n{:INDENT$}static {}: Shadow<{}> = Shadow {{\n{:INNER$}init: {},\n{}{:INDENT$}}};",
        ident(&shadow.parent.value),
        "",
        ident(&shadow.name.value),
        inline(sources, shadow.ty, INDENT),
        "",
        inline(sources, shadow.init, INNER),
        fields.collect::<String>(),
        "",
    );
    let words = bodies.into_iter().filter_map(|(_, bound)| Some(bound.as_ref()?.word.start));
    let anchors = std::iter::once(shadow.name.span.start).chain(words).collect();
    Piece { anchors, ..Piece::new(What::Data, shadow.name.span, text) }
}

fn resource(sources: &Sources, resource: &ast::Resource) -> Piece {
    let ast::Resource { name, ty, acquire, release, adopt } = resource;
    let bodies = [("acquire", acquire), ("release", release), ("adopt", adopt)];
    let fields = bodies
        .into_iter()
        .filter_map(|(word, bound)| Some(closure(sources, bound.as_ref()?, word)));
    let text = format!(
        "#[resource]\n{:INDENT$}static {}: Resource<{}> = Resource {{\n{}{:INDENT$}}};",
        "",
        ident(&name.value),
        inline(sources, *ty, INDENT),
        fields.collect::<String>(),
        "",
    );
    let words = bodies.into_iter().filter_map(|(_, bound)| Some(bound.as_ref()?.word.start));
    let anchors = std::iter::once(name.span.start).chain(words).collect();
    Piece { anchors, ..Piece::new(What::Data, name.span, text) }
}

/// A module with its text inside. As in generated code, a glob import, which it may hide, shows it
/// the names around it.
fn module(sources: &Sources, module: &ast::Module) -> Option<Piece> {
    let file = sources.find(Language::Rust, &module.file.value)?;
    let span = file.span();
    let text = sources.slice(span);
    // The first line of the file has the smallest indentation.
    let start = span.start + (text.len() - text.trim_start().len());
    let text = piece(sources, Code { span: Span::new(start, span.end) }, INNER);
    let text = format!(
        "mod {} {{\n{:INNER$}{text}\n\n{:INNER$}#[allow(unused_imports)]\n{:INNER$}use super::*;\n{:INDENT$}}}",
        ident(&module.name.value),
        "",
        "",
        "",
        "",
    );
    Some(Piece::new(What::Module, module.name.span, text))
}

/// The declarations in the `use` lines of an object.
fn symbols(
    checked: &Checked,
    sources: &Sources,
    signatures: &Signatures<'_>,
    object: &ast::Object,
    pieces: &mut Vec<Piece>,
) {
    let what = || What::Symbol(format!("symbols({})", object.name.value));
    let position = |symbol: &ast::Symbol| match &symbol.position {
        Some(position) => format!("#[position({})]\n{:INNER$}", position.value, ""),
        None => String::new(),
    };
    let is_of_c = |name: &str| {
        uses(checked, &object.name.value).any(|(_, _, of_c)| of_c.iter().any(|c| c.name == name))
    };
    let mut add = |symbol: &ast::Symbol, when: &[When], text: String| {
        let conditions = conditions(object.when.iter().chain(when), INNER);
        let text = format!("{conditions}{}{text}", position(symbol));
        pieces.push(Piece::new(what(), symbol.name.span, text));
    };
    for item in &object.use_fns {
        let name = &item.symbol.name.value;
        if is_of_c(name) {
            add(&item.symbol, &item.when, format!("fn {}() -> _;", ident(name)));
            continue;
        }
        let mut known = uses(checked, &object.name.value).flat_map(|(functions, ..)| functions);
        if let Some(Function { signature, .. }) = known.find(|known| known.name == *name) {
            add(
                &item.symbol,
                &item.when,
                signatures.declaration(name, signature, item.prototype.as_ref(), INNER),
            );
        }
    }
    // The type of a variable, as `TYPE` or `_`.
    let ty = |name: &str, written: Option<Code>| {
        let mut known = uses(checked, &object.name.value).flat_map(|(_, statics, _)| statics);
        match (written, known.find(|known| known.name == *name)) {
            (Some(ty), _) => Some(inline(sources, ty, INNER)),
            (None, Some(known)) => Some(kernel_type(checked, &known.ty)),
            (None, None) => is_of_c(name).then(|| "_".to_owned()),
        }
    };
    for item in &object.use_statics {
        let name = &item.symbol.name.value;
        let Some(ty) = ty(name, item.ty) else { continue };
        add(&item.symbol, &item.when, format!("static {}: {ty};", ident(name)));
    }
    for item in &object.use_percpus {
        let name = &item.symbol.name.value;
        let Some(ty) = ty(name, item.ty) else { continue };
        let text = format!("#[percpu]\n{:INNER$}static {}: {ty};", "", ident(name));
        add(&item.symbol, &item.when, text);
    }
}

/// The used symbols of an object: functions, variables, and what only C uses.
fn uses<'a>(
    checked: &'a Checked,
    object: &str,
) -> impl Iterator<Item = (&'a [Function], &'a [Static], &'a [CSymbol])> {
    let Imports { functions, statics, of_c, .. } = &checked.patch().kernel;
    let of_image = (object == ObjectName::IMAGE).then_some((
        functions.as_slice(),
        statics.as_slice(),
        of_c.as_slice(),
    ));
    let of_module = checked.patch().objects.iter().find(|known| known.name.as_str() == object);
    let of_module = of_module.map(|Object { uses: Uses { functions, statics, of_c }, .. }| {
        (functions.as_slice(), statics.as_slice(), of_c.as_slice())
    });
    of_image.into_iter().chain(of_module)
}

/// A C file: its functions, or only the file if Rust calls none.
fn c_file(signatures: &Signatures<'_>, file: &ast::CFile, pieces: &mut Vec<Piece>) {
    let attribute = format!("c({})", literal(&file.file.value));
    let what = What::InC(attribute.clone());
    for function in &file.functions {
        let text = signatures.of_c(function);
        pieces.push(Piece::new(what.clone(), function.name.span, text));
    }
    let in_file = pieces.iter_mut().find(|piece| piece.what == what);
    match in_file {
        Some(first) => first.anchors.push(file.file.span.start),
        None => pieces.push(Piece::new(What::Argument, file.file.span, attribute)),
    }
}
