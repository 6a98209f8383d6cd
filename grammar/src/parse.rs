//! From text to syntax tree: the scanner's items, each head parsed by pest.

pub(crate) mod data;
pub(crate) mod test;

use crate::ast::{
    At, Body, CFile, CFunction, Callback, Code, Func, Module, Object, Patch, Require, Spec, Text, UseFn,
    UsePerCpu, UseStatic,
};
use crate::characters;
use crate::head::{Head, Rule};
use crate::scan::{self, Level, RawItem};
use crate::{ErrorKind, Source, Span, SyntaxError};

/// How large a spec may be, in bytes: far more than anybody writes.
pub const MAX_SIZE: usize = 4 << 20;

/// How many items a block may hold, and texts a list: more than the largest cumulative patches have.
const MAX_ITEMS: usize = 1000;

pub(crate) const FILE: Level = Level { statements: &[], blocks: &["patch"], others: &[] };
pub(crate) const PATCH: Level = Level {
    statements: &[
        "license", "author", "version", "fixes", "kernel", "require", "atomic", "param", "family", "over",
    ],
    blocks: &["state", "shadow", "object", "c", "test"],
    others: RUST,
};
pub(crate) const OBJECT: Level = Level {
    statements: &["use"],
    blocks: &["fn", "pre_patch", "post_patch", "pre_unpatch", "post_unpatch"],
    others: &[],
};
pub(crate) const FUNC: Level = Level { statements: &[], blocks: &["replace", "pre", "post"], others: &[] };
pub(crate) const C_FILE: Level = Level { statements: &["fn"], blocks: &[], others: &[] };

const PATCH_WORDS: &[&str] = &[
    "license", "author", "version", "fixes", "kernel", "require", "atomic", "param", "family", "over",
    "state", "shadow", "object", "c", "test",
];
const OBJECT_WORDS: &[&str] = &["fn", "use", "pre_patch", "post_patch", "pre_unpatch", "post_unpatch"];
/// What a Rust item starts with.
const RUST: &[&str] = &[
    "const",
    "enum",
    "extern",
    "fn",
    "impl",
    "macro_rules",
    "mod",
    "pub",
    "static",
    "struct",
    "trait",
    "type",
    "union",
    "unsafe",
    "use",
];

/// Parses a spec. What could be understood is returned along with all that could not.
pub fn parse(source: &Source) -> (Spec, Vec<SyntaxError>) {
    let mut parser = SpecParser { source, errors: Vec::new() };
    let spec = parser.spec();
    (spec, parser.errors)
}

/// The words that have occurred in a block, each with its first place.
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
        for item in self.items(all, &FILE) {
            match (self.word(&item), first) {
                ("patch", None) => {
                    first = Some(item.head);
                    spec.patch = self.patch(item);
                }
                ("patch", Some(first)) => {
                    self.error(ErrorKind::Repeated { word: "patch".into(), first }, item.head);
                }
                (word, _) => self.unknown(word, &["patch"], &item),
            }
        }
        // Where the brackets do not fit, the patch is not missing but hidden.
        if first.is_none() && self.errors.is_empty() {
            self.error(ErrorKind::NoPatch, Span::new(all.end, all.end));
        }
        spec
    }

    fn patch(&mut self, item: RawItem) -> Option<Patch> {
        let name = self.head(Rule::patch, &item).map(|head| head.name());
        let block = self.block(&item)?;
        let mut patch = Patch {
            form: crate::ast::Form::Spec,
            docs: item.docs,
            name: name.unwrap_or(At { value: String::new(), span: item.head }),
            license: None,
            authors: Vec::new(),
            version: None,
            fixes: Vec::new(),
            kernel: None,
            requires: Vec::new(),
            atomic_replace: None,
            params: Vec::new(),
            family: None,
            over: Vec::new(),
            states: Vec::new(),
            shadows: Vec::new(),
            objects: Vec::new(),
            items: Vec::new(),
            modules: Vec::new(),
            c_files: Vec::new(),
            tests: Vec::new(),
        };
        let mut seen = Seen::default();
        for item in self.items(block, &PATCH) {
            match self.word(&item) {
                "license" if self.once(&mut seen, &item) => patch.license = self.string(Rule::license, &item),
                "version" if self.once(&mut seen, &item) => patch.version = self.string(Rule::version, &item),
                "kernel" if self.once(&mut seen, &item) => patch.kernel = self.string(Rule::kernel, &item),
                "license" | "version" | "kernel" => {}
                "author" => patch.authors.extend(self.string(Rule::author, &item)),
                "fixes" => {
                    if let Some(head) = self.head(Rule::fixes, &item) {
                        patch.fixes.extend(head.strings());
                        self.at_most(&mut patch.fixes, "fixes", |text| text.span);
                    }
                }
                "require" => {
                    if let Some(head) = self.head(Rule::require, &item) {
                        let value = head.strings().pop();
                        patch.requires.push(Require { option: head.name(), value });
                    }
                }
                "atomic" => {
                    if self.once(&mut seen, &item) {
                        patch.atomic_replace =
                            self.head(Rule::atomic, &item).map(|head| head.atomic_replace());
                    }
                }
                "param" => {
                    patch
                        .params
                        .extend(self.head(Rule::module_param, &item).and_then(|head| head.module_param()));
                }
                "family" => {
                    if self.once(&mut seen, &item) {
                        patch.family = self.head(Rule::family, &item).map(|head| head.name());
                    }
                }
                "over" => {
                    if let Some(head) = self.head(Rule::over, &item) {
                        patch.over.extend(head.names());
                        self.at_most(&mut patch.over, "patches", |name| name.span);
                    }
                }
                "state" => patch.states.extend(self.state(&item)),
                "shadow" => patch.shadows.extend(self.shadow(&item)),
                "object" => patch.objects.extend(self.object(&item)),
                "test" => patch.tests.extend(self.test(&item)),
                "c" => patch.c_files.extend(self.c_file(&item)),
                "mod" if is_module_file(self.source.slice(item.head)) => {
                    patch.modules.extend(self.module(&item));
                }
                word if RUST.contains(&word) || self.source.slice(item.head).starts_with('#') => {
                    patch.items.push(Code { span: item.whole });
                }
                word => self.unknown(word, PATCH_WORDS, &item),
            }
        }
        Some(patch)
    }

    fn object(&mut self, item: &RawItem) -> Option<Object> {
        let head = self.head(Rule::object, item);
        let block = self.block(item)?;
        let head = head?;
        let mut object = Object {
            name: head.name(),
            from: head.strings().pop(),
            funcs: Vec::new(),
            use_fns: Vec::new(),
            use_statics: Vec::new(),
            use_percpus: Vec::new(),
            callbacks: Vec::new(),
        };
        let mut seen = Seen::default();
        for item in self.items(block, &OBJECT) {
            match self.word(&item) {
                "fn" => object.funcs.extend(self.func(&item)),
                "use" => self.use_item(&mut object, &item),
                word if OBJECT_WORDS.contains(&word) => {
                    if self.once(&mut seen, &item) {
                        object.callbacks.extend(self.callback(&item));
                    }
                }
                word => self.unknown(word, OBJECT_WORDS, &item),
            }
        }
        Some(object)
    }

    fn func(&mut self, item: &RawItem) -> Option<Func> {
        let head = self.head(Rule::func, item);
        let block = self.block(item)?;
        let mut bodies = [None, None, None];
        let (mut replace_c, mut replace_from) = (None, None);
        let mut seen = Seen::default();
        for item in self.items(block, &FUNC) {
            let word = self.word(&item);
            let Some(n) = FUNC.blocks.iter().position(|known| *known == word) else {
                self.unknown(word, FUNC.blocks, &item);
                continue;
            };
            if item.block.is_none() && self.source.slice(item.head) != word {
                if word != "replace" {
                    drop(self.head(Rule::bare, &item));
                } else if self.once(&mut seen, &item) {
                    let Some(head) = self.statement(Rule::replace_file, &item) else { continue };
                    let file = head.strings().pop();
                    match head.find(Rule::kw_from) {
                        Some(_) => replace_from = file,
                        None => replace_c = file,
                    }
                }
                continue;
            }
            let head = self.head(Rule::bare, &item);
            let (Some(_), Some(block)) = (head, self.block(&item)) else { continue };
            if self.once(&mut seen, &item) {
                bodies[n] = Some(Body { word: item.head, code: Code { span: block } });
            }
        }
        let [replace, pre, post] = bodies;
        let head = head?;
        let (symbol, prototype) = (head.symbol(), head.prototype());
        Some(Func { symbol, prototype, replace, replace_c, replace_from, pre, post })
    }

    fn module(&mut self, item: &RawItem) -> Option<Module> {
        let head = self.statement(Rule::module_file, item)?;
        Some(Module { name: head.name(), file: head.strings().pop()? })
    }

    fn c_file(&mut self, item: &RawItem) -> Option<CFile> {
        let head = self.head(Rule::c_file, item);
        let mut functions = Vec::new();
        for item in item.block.map_or(Vec::new(), |block| self.items(block, &C_FILE)) {
            match self.word(&item) {
                "fn" => {
                    let Some(head) = self.head(Rule::c_function, &item) else { continue };
                    let function =
                        head.prototype().map(|prototype| CFunction { name: head.name(), prototype });
                    functions.extend(function);
                }
                word => self.unknown(word, C_FILE.statements, &item),
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
        match rule {
            Rule::use_static => {
                let symbol = head.symbol();
                if let Some(ty) = head.code(Rule::type_text) {
                    object.use_statics.push(UseStatic { symbol, ty });
                }
            }
            Rule::use_percpu => {
                object.use_percpus.push(UsePerCpu { symbol: head.symbol(), ty: head.code(Rule::type_text) });
            }
            _ => object.use_fns.push(UseFn { symbol: head.symbol(), prototype: head.prototype() }),
        }
    }

    fn callback(&mut self, item: &RawItem) -> Option<Callback> {
        let name = self.head(Rule::bare, item)?.name();
        Some(Callback { name, code: Code { span: self.block(item)? } })
    }

    fn items(&mut self, range: Span, level: &Level) -> Vec<RawItem> {
        let mut items = scan::items(&self.source.text, range, level, &mut self.errors);
        self.at_most(&mut items, "items", |item| item.head);
        items
    }

    /// Drops what is too much, and says so at the first that is.
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
            self.error(ErrorKind::Expected { expected: "`{`".into() }, end);
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
        let head = match rule {
            Rule::test => self.head(rule, item)?,
            _ => self.statement(rule, item)?,
        };
        head.strings().pop()
    }

    /// Parses the head of an item that has no block.
    fn statement(&mut self, rule: Rule, item: &RawItem) -> Option<Head<'a>> {
        let head = self.head(rule, item)?;
        if item.block.is_some() {
            self.error(ErrorKind::MissingSemicolon, Span::new(item.head.end, item.head.end));
        }
        Some(head)
    }

    /// Whether an item that may occur once does so for the first time.
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

    fn unknown(&mut self, word: &str, known: &'static [&'static str], item: &RawItem) {
        let word = match word {
            "" => self.source.slice(item.head).chars().next().map(String::from).unwrap_or_default(),
            word => word.to_owned(),
        };
        let span = Span::new(item.head.start, item.head.start + word.len());
        self.error(ErrorKind::UnknownWord { word, known }, span);
    }

    fn error(&mut self, kind: ErrorKind, span: Span) {
        self.errors.push(SyntaxError { kind, span });
    }
}

/// Whether an item that starts with `mod` has its text in a file: no other one has a string in its head.
pub(crate) fn is_module_file(head: &str) -> bool {
    head.contains('"')
}
