// SPDX-License-Identifier: GPL-2.0
//! From text to syntax tree: the scanner's items, each head parsed by pest.

mod data;
mod test;

use crate::ast::{
    At, Body, CFile, CFileItem, CFunction, Callback, CallbackBody, Code, FileItem, Form, Func,
    FuncItem, Hook, Level, Module, Object, ObjectItem, Patch, PatchItem, Require, RustItem, Spec,
    Symbol, Text, TextClause, UseFn, UsePerCpu, UseStatic,
};
use crate::characters;
use crate::head::{Head, Rule};
use crate::scan::{self, RawItem};
use crate::{ErrorKind, Source, Span, SyntaxError};

/// The maximum size of a spec in bytes: far more than any real spec needs.
pub const MAX_SIZE: usize = 4 << 20;

/// The maximum number of items in a block, and of strings in a list: more than the largest
/// cumulative patches have.
const MAX_ITEMS: usize = 1000;

/// Parses a spec. Returns everything that was understood, and all syntax errors.
pub fn parse(source: &Source) -> (Spec, Vec<SyntaxError>) {
    let mut parser = SpecParser { source, errors: Vec::new() };
    let spec = parser.spec();
    (spec, parser.errors)
}

/// The keywords that occurred in a block, each with the span of its first occurrence.
type Seen = Vec<(String, Span)>;

struct SpecParser<'a> {
    source: &'a Source,
    errors: Vec<SyntaxError>,
}

impl<'a> SpecParser<'a> {
    fn spec(&mut self) -> Spec {
        let all = Span::new(0, self.source.text.len());
        if all.end > MAX_SIZE {
            self.error(ErrorKind::TooLarge, Span::new(0, 0));
            return Spec::default();
        }
        characters::check(&self.source.text, &mut self.errors);
        let mut spec = Spec::default();
        let mut first = None;
        for item in self.items(all, Level::File) {
            let Some(FileItem::Patch) = FileItem::of(self.word(&item)) else {
                self.unknown(Level::File, &item);
                continue;
            };
            match first {
                None => {
                    first = Some(item.head);
                    spec.patch = self.patch(item);
                }
                Some(first) => {
                    let word = FileItem::Patch.keyword().to_owned();
                    self.error(ErrorKind::Repeated { word, first }, item.head);
                }
            }
        }
        // If brackets do not match, the patch may be hidden and not missing.
        if first.is_none() && self.errors.is_empty() {
            self.error(ErrorKind::NoPatch, Span::new(all.end, all.end));
        }
        spec
    }

    fn patch(&mut self, item: RawItem) -> Option<Patch> {
        let name = self.head(Rule::patch, &item).map(|head| head.name());
        let block = self.block(&item)?;
        let name = name.unwrap_or(At { value: String::new(), span: item.head });
        let mut patch = Patch::new(Form::Spec, item.docs, name);
        let mut seen = Seen::default();
        for item in self.items(block, Level::Patch) {
            let word = self.word(&item);
            let Some(construct) = Level::Patch.construct(word) else {
                self.rust_item(&mut patch, &item);
                continue;
            };
            if !construct.repeats && !self.once(&mut seen, &item) {
                continue;
            }
            match (TextClause::of(word), PatchItem::of(word)) {
                (Some(clause), _) => self.texts(clause, &mut patch, &item),
                (None, Some(construct)) => self.patch_item(construct, &mut patch, &item),
                (None, None) => {}
            }
        }
        Some(patch)
    }

    fn texts(&mut self, clause: TextClause, patch: &mut Patch, item: &RawItem) {
        let rule = if clause.is_list() { Rule::texts } else { Rule::text };
        let texts = patch.texts.of(clause);
        texts.extend(self.statement(rule, item).iter().flat_map(Head::strings));
        self.at_most(texts, clause.keyword(), |text| text.span);
    }

    fn patch_item(&mut self, construct: PatchItem, patch: &mut Patch, item: &RawItem) {
        match construct {
            PatchItem::Require => patch.requires.extend(
                self.head(Rule::require, item)
                    .map(|head| Require { option: head.name(), value: head.strings().pop() }),
            ),
            PatchItem::AtomicReplace => {
                patch.atomic_replace =
                    self.head(Rule::atomic, item).map(|head| head.atomic_replace());
            }
            PatchItem::Param => {
                let head = self.head(Rule::module_param, item);
                patch.params.extend(head.and_then(|head| head.module_param()));
            }
            PatchItem::Family => {
                patch.family = self.head(Rule::family, item).map(|head| head.name());
            }
            PatchItem::Over => {
                patch.over.extend(self.head(Rule::over, item).iter().flat_map(Head::names));
                self.at_most(&mut patch.over, "patches", |name| name.span);
            }
            PatchItem::State => patch.states.extend(self.state(item)),
            PatchItem::Shadow => patch.shadows.extend(self.shadow(item)),
            PatchItem::Resource => patch.resources.extend(self.resource(item)),
            PatchItem::Object => patch.objects.extend(self.object(item)),
            PatchItem::C => patch.c_files.extend(self.c_file(item)),
            PatchItem::Test => patch.tests.extend(self.test(item)),
        }
    }

    /// A Rust item, or a Rust module in a file.
    fn rust_item(&mut self, patch: &mut Patch, item: &RawItem) {
        let (word, head) = (self.word(item), self.source.slice(item.head));
        if word == "mod" && is_module_file(head) {
            patch.modules.extend(self.module(item));
        } else if scan::RUST.contains(&word) || head.starts_with('#') {
            let Some(head) = self.head(Rule::attributes, item) else { return };
            let text = self.source.slice(Span::new(head.end(), item.whole.end));
            // Comments between a condition and the item stay with the item.
            let start = item.whole.end - text.trim_start().len();
            let code = Code { span: Span::new(start, item.whole.end) };
            patch.items.push(RustItem { code, when: head.conditions() });
        } else {
            self.unknown(Level::Patch, item);
        }
    }

    fn object(&mut self, item: &RawItem) -> Option<Object> {
        let head = self.head(Rule::object, item);
        let block = self.block(item)?;
        let head = head?;
        let mut object = Object::new(head.name(), head.strings().pop());
        object.when = head.conditions();
        let mut seen = Seen::default();
        for item in self.items(block, Level::Object) {
            let word = self.word(&item);
            match (ObjectItem::of(word), Callback::of(word)) {
                (Some(ObjectItem::Func), _) => object.funcs.extend(self.func(&item)),
                (Some(ObjectItem::Use), _) => self.use_item(&mut object, &item),
                (None, Some(callback)) => {
                    if self.once(&mut seen, &item) {
                        object.callbacks.extend(self.callback(callback, &item));
                    }
                }
                (None, None) => self.unknown(Level::Object, &item),
            }
        }
        Some(object)
    }

    fn func(&mut self, item: &RawItem) -> Option<Func> {
        let head = self.head(Rule::func, item);
        let block = self.block(item)?;
        // The contents of the block are parsed even if the head is not valid.
        let (symbol, prototype) = match &head {
            Some(head) => (head.symbol(), head.prototype()),
            None => (
                Symbol { name: At { value: String::new(), span: item.head }, position: None },
                None,
            ),
        };
        let mut func = Func::new(symbol, prototype);
        func.when = head.as_ref().map(Head::conditions).unwrap_or_default();
        let mut seen = Seen::default();
        for item in self.items(block, Level::Func) {
            let word = self.word(&item);
            let hook = match (Hook::of(word), FuncItem::of(word)) {
                (Some(hook), _) => hook,
                (None, Some(FuncItem::Arguments)) => {
                    if self.once(&mut seen, &item) {
                        func.arguments = self.string(Rule::text, &item);
                    }
                    continue;
                }
                (None, None) => {
                    self.unknown(Level::Func, &item);
                    continue;
                }
            };
            if item.block.is_none() && self.source.slice(item.head) != word {
                if hook != Hook::Replace {
                    drop(self.head(Rule::bare, &item));
                } else if self.once(&mut seen, &item) {
                    let Some(head) = self.statement(Rule::replace_file, &item) else { continue };
                    let file = head.strings().pop();
                    match head.find(Rule::kw_from) {
                        Some(_) => func.replace_from = file,
                        None => func.replace_c = file,
                    }
                }
                continue;
            }
            let head = self.head(Rule::bare, &item);
            let (Some(_), Some(block)) = (head, self.block(&item)) else { continue };
            if self.once(&mut seen, &item) {
                *func.hook_mut(hook) = Some(Body { word: item.head, code: Code { span: block } });
            }
        }
        head.map(|_| func)
    }

    fn module(&mut self, item: &RawItem) -> Option<Module> {
        let head = self.statement(Rule::module_file, item)?;
        Some(Module { name: head.name(), file: head.strings().pop()? })
    }

    fn c_file(&mut self, item: &RawItem) -> Option<CFile> {
        let head = self.head(Rule::c_file, item);
        let mut functions = Vec::new();
        for item in item.block.map_or(Vec::new(), |block| self.items(block, Level::CFile)) {
            match CFileItem::of(self.word(&item)) {
                Some(CFileItem::Func) => {
                    let Some(head) = self.head(Rule::c_function, &item) else { continue };
                    let function = head
                        .prototype()
                        .map(|prototype| CFunction { name: head.name(), prototype });
                    functions.extend(function);
                }
                None => self.unknown(Level::CFile, &item),
            }
        }
        Some(CFile { file: head?.strings().pop()?, functions })
    }

    fn use_item(&mut self, object: &mut Object, item: &RawItem) {
        let second = self.source.slice(item.head)["use".len()..].trim_start();
        let rule = match second {
            _ if second.starts_with("static") => Rule::use_static,
            _ if second.starts_with("percpu") => Rule::use_percpu,
            _ => Rule::use_fn,
        };
        let Some(head) = self.head(rule, item) else { return };
        let (symbol, when) = (head.symbol(), head.conditions());
        match rule {
            Rule::use_static => {
                let ty = head.code(Rule::type_text);
                object.use_statics.push(UseStatic { symbol, ty, when });
            }
            Rule::use_percpu => {
                let ty = head.code(Rule::type_text);
                object.use_percpus.push(UsePerCpu { symbol, ty, when });
            }
            _ => object.use_fns.push(UseFn { symbol, prototype: head.prototype(), when }),
        }
    }

    fn callback(&mut self, callback: Callback, item: &RawItem) -> Option<CallbackBody> {
        let word = self.head(Rule::bare, item)?.name().span;
        Some(CallbackBody { callback, word, code: Code { span: self.block(item)? } })
    }

    fn items(&mut self, range: Span, level: Level) -> Vec<RawItem> {
        let mut items = scan::items(&self.source.text, range, level, &mut self.errors);
        self.at_most(&mut items, "items", |item| item.head);
        items
    }

    /// Drops the elements over the limit, and reports the first of them.
    fn at_most<T>(&mut self, all: &mut Vec<T>, what: &'static str, span: impl Fn(&T) -> Span) {
        if let Some(first) = all.get(MAX_ITEMS) {
            let kind = ErrorKind::TooMany { what, most: MAX_ITEMS };
            self.errors.push(SyntaxError { kind, span: span(first) });
            all.truncate(MAX_ITEMS);
        }
    }

    /// The first word of an item.
    fn word(&self, item: &RawItem) -> &'a str {
        let head = self.source.slice(item.head);
        let end = head.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(head.len());
        &head[..end]
    }

    fn block(&mut self, item: &RawItem) -> Option<Span> {
        if item.block.is_none() {
            let end = Span::new(item.head.end, item.head.end);
            self.error(ErrorKind::Expected { expected: "`{`".into(), meant: None }, end);
        }
        item.block
    }

    /// Parses the head of an item.
    fn head(&mut self, rule: Rule, item: &RawItem) -> Option<Head<'a>> {
        match Head::parse(rule, self.source, item.head) {
            Ok(head) => {
                self.errors.extend(head.errors());
                Some(head)
            }
            Err(error) => {
                self.errors.push(error);
                None
            }
        }
    }

    /// Parses a head that holds one string.
    fn string(&mut self, rule: Rule, item: &RawItem) -> Option<Text> {
        self.statement(rule, item)?.strings().pop()
    }

    /// Parses the head of an item that has no block.
    fn statement(&mut self, rule: Rule, item: &RawItem) -> Option<Head<'a>> {
        let head = self.head(rule, item)?;
        if item.block.is_some() {
            self.error(ErrorKind::MissingSemicolon, Span::new(item.head.end, item.head.end));
        }
        Some(head)
    }

    /// Whether an item that may occur only once occurs for the first time.
    fn once(&mut self, seen: &mut Seen, item: &RawItem) -> bool {
        let word = self.word(item).to_owned();
        match seen.iter().find(|(known, _)| *known == word) {
            Some(&(_, first)) => {
                self.error(ErrorKind::Repeated { word, first }, item.head);
                false
            }
            None => {
                seen.push((word, item.head));
                true
            }
        }
    }

    /// Reports an item with a keyword that its level does not know.
    fn unknown(&mut self, level: Level, item: &RawItem) {
        let word = match self.word(item) {
            "" => self.source.slice(item.head).chars().next().map(String::from).unwrap_or_default(),
            word => word.to_owned(),
        };
        let span = Span::new(item.head.start, item.head.start + word.len());
        // A call of a macro, `name!(..)`.
        let rest = &self.source.slice(item.head)[word.len()..];
        let word = if rest.trim_start().starts_with('!') { word + "!" } else { word };
        self.error(ErrorKind::UnknownWord { word, known: level.keywords() }, span);
    }

    fn error(&mut self, kind: ErrorKind, span: Span) {
        self.errors.push(SyntaxError { kind, span });
    }
}

/// Whether an item that starts with `mod` has its text in a file: only then its head contains a
/// string.
pub(crate) fn is_module_file(head: &str) -> bool {
    head.contains('"')
}
