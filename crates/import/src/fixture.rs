// SPDX-License-Identifier: GPL-2.0
//! Small C files and a small kernel for the tests of this crate. The reader here knows no more of C
//! than they have: items with an empty line between them.

use crate::kernel::{Kernel, Symbol};
use crate::objects;
use crate::text::Text;
use crate::unit::{
    At, Brought, Declaration, Declared, Item, ItemKind, Kind, Of, StaticLocal, Unit, Use,
};
use kps_facts::{Calls, Export, Facts, Object, Section, Sym, Symbols};
use kps_grammar::{identifiers, Language};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// Reads a file.
pub(crate) fn text(text: &str) -> Text {
    let mut items: Vec<Item> = blocks(text).into_iter().map(|range| item(text, range)).collect();
    let known = known(&items);
    let members = members(&items);
    for item in &mut items {
        let range = item.range.clone();
        if let ItemKind::Declarations(all) = &mut item.kind {
            all.iter_mut()
                .for_each(|one| one.uses = uses(text, &range, &one.name, (&known, &members)));
        }
    }
    let unit = Unit { items, errors: Vec::new() };
    Text::new(text.to_owned(), unit).unwrap_or_else(|| panic!("the ranges fit"))
}

/// The ranges of the items: blocks between empty lines without the comment above them, and each
/// directive for itself.
fn blocks(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut at = 0;
    for block in paragraphs(text) {
        let (mut start, mut in_comment) = (at, false);
        for line in block.split_inclusive('\n') {
            let trimmed = line.trim();
            in_comment |= trimmed.starts_with("/*");
            let is_comment = in_comment || trimmed.starts_with("//") || trimmed.is_empty();
            in_comment &= !trimmed.ends_with("*/");
            if trimmed.starts_with('#') {
                let len = line.trim_end().len();
                // Conditions are between items.
                if !trimmed.starts_with("#if") && !trimmed.starts_with("#endif") {
                    found.push(start..start + len);
                }
            } else if !is_comment {
                break;
            }
            start += line.len();
        }
        let end = at + block.trim_end().len();
        if start < end && !text[start..end].trim().is_empty() {
            found.push(start..end);
        }
        at += block.len() + 2;
    }
    found
}

/// The parts of a text between empty lines at file scope.
fn paragraphs(text: &str) -> Vec<&str> {
    let (mut found, mut start, mut depth) = (Vec::new(), 0, 0);
    for (at, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            '\n' if depth == 0 && text[at..].starts_with("\n\n") && at >= start => {
                found.push(&text[start..at]);
                start = at + 2;
            }
            _ => {}
        }
    }
    found.push(text.get(start..).unwrap_or_default());
    found
}

fn item(text: &str, range: Range<usize>) -> Item {
    let code = &text[range.clone()];
    let words: Vec<&str> = code.split_whitespace().collect();
    let kind = match words.first().copied().unwrap_or_default() {
        "#include" => {
            let spelled = words[1].to_owned();
            let path = spelled.strip_prefix('<').and_then(|rest| rest.strip_suffix('>'));
            let path = path.map(|path| format!("include/{path}"));
            let brought = |path: &String| Brought { path: path.clone(), behind: Vec::new() };
            let brings = path.iter().map(brought).collect();
            ItemKind::Include { brings, path, defines: false, is_part: false, spelled }
        }
        "#define" => {
            let name = words[1].split('(').next().unwrap_or_default().to_owned();
            let rest = &code[code.find(&name).unwrap_or(0) + name.len()..];
            let words = identifiers(rest, Language::C).map(|(_, word)| word.to_owned()).collect();
            ItemKind::Define { name, words }
        }
        "#undef" => ItemKind::Undef { name: words[1].to_owned() },
        _ => ItemKind::Declarations(declarations(code, range.start)),
    };
    Item { range, kind }
}

fn declarations(code: &str, start: usize) -> Vec<Declaration> {
    let head = code.split(['{', '=', ';']).next().unwrap_or_default();
    let inner = |word: &str| {
        let rest = code.split_once(&format!("{word}("))?.1;
        Some(rest.split(')').next()?.split(',').next_back()?.trim().to_owned())
    };
    let declaration = |name: String, kind, line: Option<String>| {
        vec![Declaration {
            name,
            kind,
            is_static: code.starts_with("static"),
            section: head.contains("__init").then(|| ".init.text".to_owned()),
            is_declared_before: Declared::Nowhere,
            declaration: line,
            uses: Vec::new(),
        }]
    };
    if ["EXPORT_SYMBOL", "MODULE_", "module_init"].iter().any(|word| code.starts_with(word)) {
        return Vec::new();
    }
    let body = code.find("\n{").map(|at| start + at + 1..start + code.len());
    for (word, prefix) in
        [("COMPAT_SYSCALL_DEFINE", "__do_compat_sys_"), ("SYSCALL_DEFINE", "__do_sys_")]
    {
        if let Some(call) = code.strip_prefix(word) {
            let name = call[2..].split([',', ')']).next().unwrap_or_default();
            return declaration(format!("{prefix}{name}"), function(code, start, body), None);
        }
    }
    if let Some(name) = inner("DEFINE_PER_CPU") {
        let kind = Kind::Variable { is_definition: true, is_const: false, has_value: false };
        return declaration(name, kind, None);
    }
    if code.starts_with("struct") && head.split_whitespace().count() == 2 {
        let members = code.match_indices("\n\t").filter_map(|(at, _)| {
            let line = code[at + 2..].split('\n').next()?;
            let name = line.trim_end_matches(';').rsplit([' ', '*']).next()?;
            Some((name.to_owned(), start + at + 2..start + at + 2 + line.len()))
        });
        let kind = Kind::Record { members: members.collect() };
        return declaration(head.trim()[7..].to_owned(), kind, None);
    }
    let plain = head.trim().trim_start_matches("static ").replace("__init ", "");
    let line = Some(format!("extern {};", plain.trim_start_matches("inline ")));
    match head.split_once('(') {
        Some((before, _)) => {
            let name = before.rsplit([' ', '*']).next().unwrap_or_default().to_owned();
            declaration(name, function(code, start, body), line)
        }
        None => {
            let name = plain.split('[').next().unwrap_or_default();
            let name = name.rsplit([' ', '*']).next().unwrap_or_default().to_owned();
            let kind = Kind::Variable {
                is_definition: !code.starts_with("extern"),
                is_const: head.contains("const"),
                has_value: code.contains('='),
            };
            declaration(name, kind, line)
        }
    }
}

fn function(code: &str, start: usize, body: Option<Range<usize>>) -> Kind {
    let statics = code.match_indices("\n\tstatic ").map(|(at, _)| {
        let line = code[at + 2..].split('\n').next().unwrap_or_default();
        let declared =
            line.trim_start_matches("static ").split([' ', ';', '=']).collect::<Vec<_>>();
        let of_macro = line.contains("DEFINE_");
        let name = match of_macro {
            true => line.split(['(', ')', ',']).nth(1).unwrap_or_default(),
            false => declared[1],
        };
        StaticLocal {
            name: name.to_owned(),
            range: start + at + 2..start + at + 2 + line.len(),
            of_macro,
            is_const: line.contains("const"),
            declaration: format!("extern {} {name};", declared[0]),
        }
    });
    let prototype = code.split("\n{").next().unwrap_or_default().trim_end_matches(';');
    Kind::Function {
        is_inline: code.contains("inline "),
        statics: statics.collect(),
        prototype: prototype.replace("static ", ""),
        is_definition: body.is_some(),
        body,
    }
}

/// The members of the structs of a file: their names with those of their structs, and the items.
fn members(items: &[Item]) -> BTreeMap<String, (String, usize)> {
    let mut known = BTreeMap::new();
    for (n, item) in items.iter().enumerate() {
        let ItemKind::Declarations(all) = &item.kind else { continue };
        for one in all {
            let Kind::Record { members } = &one.kind else { continue };
            for (member, _) in members {
                known.insert(member.clone(), (format!("{}.{member}", one.name), n));
            }
        }
    }
    known
}

/// What the names of a file are of, and the item that declares each first.
fn known(items: &[Item]) -> BTreeMap<String, (Of, usize)> {
    let mut known = BTreeMap::new();
    for (n, item) in items.iter().enumerate() {
        let names: Vec<(String, Of)> = match &item.kind {
            ItemKind::Define { name, .. } => vec![(name.clone(), Of::Macro)],
            ItemKind::Declarations(all) => {
                all.iter().map(|one| (one.name.clone(), of(one))).collect()
            }
            _ => Vec::new(),
        };
        for (name, of) in names {
            known.entry(name).or_insert((of, n));
        }
    }
    known
}

fn of(one: &Declaration) -> Of {
    match one.kind {
        Kind::Function { is_inline: true, .. } => Of::InlineFunction,
        Kind::Function { .. } => Of::Function,
        Kind::Variable { .. } => Of::Variable,
        _ => Of::Type,
    }
}

/// What is known of names: what they are of, and the item that declares them.
type Known = BTreeMap<String, (Of, usize)>;
/// The members of structs, as `STRUCT.MEMBER`, and the item that declares each.
type Members = BTreeMap<String, (String, usize)>;

/// The names that an item uses. Those that start with `hdr_` are functions of a header.
fn uses(
    text: &str,
    range: &Range<usize>,
    own: &str,
    (known, members): (&Known, &Members),
) -> Vec<Use> {
    let mut uses: Vec<Use> = Vec::new();
    for (at, word) in identifiers(&text[range.clone()], Language::C) {
        let is_member = text[..range.start + at].ends_with(['>', '.']);
        let (name, of, at_item) = match (members.get(word), known.get(word)) {
            (Some((name, n)), _) if is_member => (name.as_str(), Of::Member, At::Item(*n)),
            _ if word == own => continue,
            (_, Some((of, n))) => (word, *of, At::Item(*n)),
            _ if word.starts_with("hdr_") => {
                (word, Of::Function, At::Header("include/linux/hdr.h".to_owned()))
            }
            _ => continue,
        };
        let place = range.start + at..range.start + at + word.len();
        match uses.iter_mut().find(|used| used.name == name) {
            Some(used) => used.places.push(place),
            None => {
                let name = name.to_owned();
                uses.push(Use { name, of, at: at_item, places: vec![place] });
            }
        }
    }
    uses
}

/// A kernel with these symbols, each 16 bytes after the last: those before `|` are functions, the
/// others data, and behind a second one per-CPU data.
pub(crate) struct SmallKernel {
    facts: Facts,
    /// Functions that cannot be replaced, with the reason.
    pub(crate) refused: BTreeMap<&'static str, &'static str>,
    /// Which function refers to which data, which may have a position: `NAME@2`.
    pub(crate) refers: BTreeSet<(&'static str, &'static str)>,
    /// Where the code of the file is, by the position among the symbols of its name.
    pub(crate) has_code: BTreeSet<(&'static str, usize)>,
}

impl SmallKernel {
    pub(crate) fn new(symbols: &str) -> SmallKernel {
        let mut symbol_list = Vec::new();
        let mut sections = Vec::new();
        let names = [".text", ".data", ".data..percpu"];
        for (n, (part, name)) in symbols.split('|').zip(names).enumerate() {
            let address = 0x1000 * (n as u64 + 1);
            sections.push(Section { name: name.to_owned(), address, size: 0x800 });
            for (n, name) in part.split_whitespace().enumerate() {
                symbol_list.push(Sym { address: address + 16 * n as u64, kind: 't', name });
            }
        }
        let vmlinux = Object { symbols: Symbols::new(symbol_list), sections, ..Object::default() };
        let facts = Facts { vmlinux, ..Facts::default() };
        SmallKernel {
            facts,
            refused: BTreeMap::new(),
            refers: BTreeSet::new(),
            has_code: BTreeSet::new(),
        }
    }

    /// The same, which exports these.
    pub(crate) fn with_exports<'a>(
        mut self,
        exports: impl IntoIterator<Item = (&'a str, Export<'a>)>,
    ) -> SmallKernel {
        self.facts.exports = exports.into_iter().collect();
        self
    }

    /// The same, in which these call each other.
    pub(crate) fn with_calls(mut self, calls: &[(&str, &str)]) -> SmallKernel {
        let at = |name: &str| self.facts.vmlinux.symbols.named(name)[0].address;
        self.facts.calls = Calls::new(calls.iter().map(|(from, to)| (at(from), at(to))));
        self
    }
}

impl Kernel for SmallKernel {
    fn facts(&self) -> &Facts {
        &self.facts
    }

    fn refusal(&self, _object: &str, symbol: &Symbol) -> Option<String> {
        self.refused.get(symbol.name.as_str()).map(|reason| (*reason).to_owned())
    }

    fn has_code(&self, _object: &str, sym: &Sym<'_>, _compiled: &objects::Object) -> bool {
        let all = self.facts.vmlinux.symbols.named(sym.name);
        let position = all.iter().position(|other| other.address == sym.address);
        position.is_some_and(|n| self.has_code.contains(&(sym.name, n + 1)))
    }

    fn refers(&self, _object: &str, code: &Range<u64>, data: &Range<u64>) -> bool {
        let is_at = |name: &str, place: &Range<u64>| {
            let (name, position) = name.split_once('@').unwrap_or((name, "1"));
            let all = self.facts.vmlinux.symbols.named(name);
            let position: usize = position.parse().unwrap_or_default();
            all.get(position - 1).is_some_and(|sym| sym.address == place.start)
        };
        self.refers
            .iter()
            .any(|(function, variable)| is_at(function, code) && is_at(variable, data))
    }
}
