// SPDX-License-Identifier: GPL-2.0
//! The head of an item, the text before its `;` or `{`, parsed by pest.

use crate::ast::{
    At, AtomicReplace, Code, Condition, Conditions, FreedBy, GivenParam, ModuleParam, Name, Param,
    ParamDefault, ParamValue, Prototype, Symbol, Text, When,
};
use crate::tokens::MAX_DEPTH;
use crate::{ErrorKind, Meant, Source, Span, SyntaxError};
use pest::error::{ErrorVariant, InputLocation};
use pest::iterators::{Pair, Pairs};
use pest::Parser as _;
use pest_derive::Parser;

#[derive(Parser)]
#[grammar = "kps.pest"]
struct Kps;

/// A parsed head.
pub(crate) struct Head<'a> {
    pair: Pair<'a, Rule>,
    /// The byte of the file at which the head starts.
    offset: usize,
}

impl<'a> Head<'a> {
    /// Parses the text of a head.
    pub(crate) fn parse(rule: Rule, source: &'a Source, span: Span) -> Result<Self, SyntaxError> {
        let text = source.slice(span);
        if nesting(text) > MAX_DEPTH {
            return Err(SyntaxError { kind: ErrorKind::TooDeep, span });
        }
        match Kps::parse(rule, text) {
            Ok(mut pairs) => {
                // A successful parse of a rule gives one pair.
                let pair = pairs.next().unwrap_or_else(|| unreachable!("{rule:?} gave no pair"));
                Ok(Head { pair, offset: span.start })
            }
            Err(error) => {
                let at = match error.location {
                    InputLocation::Pos(at) | InputLocation::Span((at, _)) => at,
                };
                let found = text[at..].chars().next();
                let start = span.start + at;
                let span = Span::new(start, start + found.map_or(0, char::len_utf8));
                if found.is_some_and(|c| c.is_alphabetic() && !c.is_ascii()) {
                    return Err(SyntaxError { kind: ErrorKind::ForeignLetter, span });
                }
                let expected = match error.variant {
                    ErrorVariant::ParsingError { positives, .. } => in_words(&positives),
                    ErrorVariant::CustomError { message } => message,
                };
                let meant = meant(rule, text, at);
                Err(SyntaxError { kind: ErrorKind::Expected { expected, meant }, span })
            }
        }
    }

    pub(crate) fn find(&self, rule: Rule) -> Option<Pair<'a, Rule>> {
        self.pair.clone().into_inner().find(|pair| pair.as_rule() == rule)
    }

    fn span(&self, pair: &Pair<'_, Rule>) -> Span {
        let span = pair.as_span();
        Span::new(self.offset + span.start(), self.offset + span.end())
    }

    fn text(&self, pair: Pair<'_, Rule>) -> Text {
        At { value: pair.as_str().to_owned(), span: self.span(&pair) }
    }

    /// The name of the item. Every rule that calls this has one.
    pub(crate) fn name(&self) -> Text {
        match self.find(Rule::name).or_else(|| self.find(Rule::module)) {
            Some(pair) => self.text(pair),
            None => At { value: String::new(), span: self.span(&self.pair) },
        }
    }

    pub(crate) fn code(&self, rule: Rule) -> Option<Code> {
        self.find(rule).map(|pair| Code { span: self.span(&pair) })
    }

    /// The strings, unescaped. Wrong escapes have been reported.
    pub(crate) fn strings(&self) -> Vec<Text> {
        let strings = self.pair.clone().into_inner().filter(|pair| pair.as_rule() == Rule::string);
        strings.map(|pair| self.unquoted(&pair)).collect()
    }

    fn unquoted(&self, pair: &Pair<'_, Rule>) -> Text {
        let raw = pair.as_str();
        At { value: unescape(&raw[1..raw.len() - 1]).unwrap_or_default(), span: self.span(pair) }
    }

    pub(crate) fn atomic_replace(&self) -> AtomicReplace {
        AtomicReplace {
            condition: self.find(Rule::name).map(|pair| self.text(pair)),
            span: self.span(&self.pair),
        }
    }

    /// A parameter. Its parts exist if the grammar accepted it.
    pub(crate) fn module_param(&self) -> Option<ModuleParam> {
        let inside = |outer, rule| {
            let mut inside = self.find(outer).into_iter().flat_map(Pair::into_inner);
            inside.find(|pair| pair.as_rule() == rule).map(|pair| self.text(pair))
        };
        Some(ModuleParam {
            name: self.name(),
            mode: inside(Rule::mode, Rule::integer),
            ty: inside(Rule::param_type, Rule::name)?,
            len: inside(Rule::param_type, Rule::integer),
            default: self.param_default()?,
            description: self.strings().pop(),
        })
    }

    /// A parameter's value in a test.
    pub(crate) fn given_param(&self) -> Option<GivenParam> {
        Some(GivenParam { name: self.name(), value: self.param_default()? })
    }

    fn param_default(&self) -> Option<ParamDefault> {
        let default = self.find(Rule::param_default)?;
        let span = self.span(&default);
        let inside = default.into_inner().next()?;
        let list = inside.as_rule() == Rule::list;
        let literals = if list { inside.into_inner() } else { Pairs::single(inside) };
        let literals =
            literals.filter(|pair| pair.as_rule() == Rule::value).flat_map(Pair::into_inner);
        let values = literals.map(|pair| match pair.as_rule() {
            Rule::string => ParamValue::Text(self.unquoted(&pair)),
            Rule::integer => ParamValue::Number(self.text(pair)),
            _ => ParamValue::Word(self.text(pair)),
        });
        Some(ParamDefault { values: values.collect(), list, span })
    }

    /// The number; `None` if it is too large, which has been reported.
    pub(crate) fn number(&self) -> Option<u32> {
        self.find(Rule::number)?.as_str().parse().ok()
    }

    pub(crate) fn symbol(&self) -> Symbol {
        self.symbol_in(self.find(Rule::symbol))
    }

    fn symbol_in(&self, pair: Option<Pair<'_, Rule>>) -> Symbol {
        let mut inner = pair.into_iter().flat_map(Pair::into_inner);
        let name = inner.next().map(|pair| self.text(pair));
        let number = inner.find(|pair| pair.as_rule() == Rule::number);
        let position = number.and_then(|pair| {
            let span = self.span(&pair);
            pair.as_str().parse().ok().map(|value| At { value, span })
        });
        Symbol {
            name: name.unwrap_or(At { value: String::new(), span: self.span(&self.pair) }),
            position,
        }
    }

    pub(crate) fn prototype(&self) -> Option<Prototype> {
        let pair = self.find(Rule::prototype)?;
        let span = self.span(&pair);
        let (mut params, mut variadic, mut ret) = (Vec::new(), false, None);
        for pair in pair.into_inner() {
            match pair.as_rule() {
                Rule::variadic => variadic = true,
                Rule::type_text => ret = Some(Code { span: self.span(&pair) }),
                Rule::param => {
                    let mut inner = pair.into_inner();
                    let name = inner.next().map(|pair| self.text(pair));
                    let ty = inner.find(|pair| pair.as_rule() == Rule::type_text);
                    if let (Some(name), Some(ty)) = (name, ty) {
                        params.push(Param { name, ty: Code { span: self.span(&ty) } });
                    }
                }
                _ => {}
            }
        }
        Some(Prototype { params, variadic, ret, span })
    }

    /// The conditions of the item.
    pub(crate) fn conditions(&self) -> Conditions {
        let is_condition =
            |pair: &Pair<'_, Rule>| matches!(pair.as_rule(), Rule::when | Rule::attribute);
        let all = self.pair.clone().into_inner().filter(is_condition);
        all.filter_map(|pair| self.condition(pair)).collect()
    }

    fn condition(&self, pair: Pair<'_, Rule>) -> Option<When> {
        let inner = pair.into_inner();
        let find = |rule| inner.clone().find(|pair| pair.as_rule() == rule);
        let word = find(Rule::kw_has).or_else(|| find(Rule::kw_lacks));
        let value = find(Rule::string).or_else(|| find(Rule::symbol_name))?;
        let end = self.span(&value);
        let span = word.as_ref().map_or(end, |word| self.span(word).to(end));
        let condition = match word.map(|word| word.as_rule()) {
            None => Condition::Kernel(self.unquoted(&value)),
            Some(Rule::kw_has) => Condition::Has(self.text(value)),
            Some(_) => Condition::Lacks(self.text(value)),
        };
        Some(When { condition, span })
    }

    /// The end of the conditions before a Rust item.
    pub(crate) fn end(&self) -> usize {
        let all = self.pair.clone().into_inner();
        let last = all.filter(|pair| pair.as_rule() == Rule::attribute).last();
        last.map_or(self.offset, |pair| self.span(&pair).end)
    }

    /// All names of the item.
    pub(crate) fn names(&self) -> Vec<Name> {
        let names = self.pair.clone().into_inner().filter(|pair| pair.as_rule() == Rule::name);
        names.map(|pair| self.text(pair)).collect()
    }

    /// The names that an item binds in its body, without the keyword.
    pub(crate) fn bound_names(&self) -> Vec<Name> {
        self.names().split_off(1)
    }

    pub(crate) fn state_id(&self) -> Option<At<u32>> {
        self.number_in(self.find(Rule::number)?)
    }

    pub(crate) fn state_version(&self) -> Option<At<u32>> {
        let mut inside = self.find(Rule::state_version)?.into_inner();
        self.number_in(inside.find(|pair| pair.as_rule() == Rule::number)?)
    }

    fn number_in(&self, pair: Pair<'_, Rule>) -> Option<At<u32>> {
        Some(At { value: pair.as_str().parse().ok()?, span: self.span(&pair) })
    }

    pub(crate) fn parent(&self) -> Option<Name> {
        Some(self.text(self.find(Rule::parent)?.into_inner().next()?))
    }

    pub(crate) fn tie(&self) -> Option<FreedBy> {
        let inside = self.find(Rule::tie)?.into_inner();
        let find = |rule| inside.clone().find(|pair| pair.as_rule() == rule);
        Some(FreedBy {
            object: find(Rule::owner).map(|pair| self.text(pair)),
            symbol: self.symbol_in(find(Rule::symbol)),
            parent: Code { span: self.span(&find(Rule::argument)?) },
        })
    }

    /// Errors that the grammar cannot find: unknown escapes and numbers that are too large.
    pub(crate) fn errors(&self) -> Vec<SyntaxError> {
        let wrong = |pair: Pair<'_, Rule>| {
            let kind = match pair.as_rule() {
                Rule::string_text if unescape(pair.as_str()).is_none() => ErrorKind::Escape,
                Rule::number if pair.as_str().parse::<u32>().is_err() => ErrorKind::Number,
                _ => return None,
            };
            Some(SyntaxError { kind, span: self.span(&pair) })
        };
        self.pair.clone().into_inner().flatten().filter_map(wrong).collect()
    }
}

/// What a head may be meant for that is wrong at a byte.
fn meant(rule: Rule, head: &str, at: usize) -> Option<Meant> {
    if rule == Rule::bare && head[at..].starts_with('(') {
        return Some(Meant::Parameters);
    }
    let word = |c: char| c.is_alphanumeric() || "_-.:*".contains(c);
    let start = head[..at].rfind(|c| !word(c)).map_or(0, |n| n + 1);
    let written = &head[start..];
    let written = &written[..written.find(|c| !word(c)).unwrap_or(written.len())];
    let parts: Vec<&str> = written.split("::").collect();
    let is_named = written.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    match (rule, parts.as_slice()) {
        _ if !is_named => None,
        (Rule::func | Rule::use_fn, _) if written.contains('*') => {
            Some(Meant::Pattern { pattern: written.to_owned() })
        }
        (Rule::func | Rule::use_fn, [module, function]) if !module.is_empty() => {
            Some(Meant::InModule { module: (*module).into(), function: (*function).into() })
        }
        (Rule::func | Rule::use_fn, [_, _, _, ..]) => Some(Meant::RustPath),
        (Rule::patch | Rule::object, [name]) if name.contains(['-', '.']) => {
            Some(Meant::Name { allowed: name.replace(['-', '.'], "_") })
        }
        _ => None,
    }
}

/// The nesting depth of brackets, including those of generic types and comments, which the scanner
/// does not count. pest recurses over them.
fn nesting(head: &str) -> usize {
    let (mut depth, mut deepest, mut before) = (0usize, 0, 0);
    for byte in head.bytes() {
        match (before, byte) {
            (_, b'(' | b'[' | b'{' | b'<') | (b'/', b'*') => depth += 1,
            (_, b')' | b']' | b'}' | b'>') | (b'*', b'/') => depth = depth.saturating_sub(1),
            _ => {}
        }
        deepest = deepest.max(depth);
        before = byte;
    }
    deepest
}

/// Resolves `\"`, `\\`, `\n` and `\t`.
fn unescape(raw: &str) -> Option<String> {
    let mut text = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        text.push(match c {
            '\\' => match chars.next()? {
                'n' => '\n',
                't' => '\t',
                c @ ('"' | '\\') => c,
                _ => return None,
            },
            c => c,
        });
    }
    Some(text)
}

/// The rules that pest expected, in the author's terms.
fn in_words(rules: &[Rule]) -> String {
    let mut words: Vec<&str> = Vec::new();
    for rule in rules {
        let word = match rule {
            Rule::EOI => "`;` or `{`",
            Rule::name | Rule::module => "a name",
            Rule::symbol | Rule::symbol_name => "the name of a symbol",
            Rule::string | Rule::string_text => "a string in quotes",
            Rule::number => "a number",
            Rule::type_text | Rule::shadow_type => "a type",
            Rule::init => "a value",
            Rule::argument => "the parent",
            Rule::parent => "the name of a struct",
            Rule::kw_id => "`id`",
            Rule::state_version | Rule::kw_version => "`version`",
            Rule::kw_on => "`on`",
            Rule::tie | Rule::kw_freed => "`freed by`",
            Rule::kw_by => "`by`",
            Rule::kw_untied => "`untied`",
            Rule::param => "a parameter",
            Rule::variadic => "`...`",
            Rule::prototype | Rule::open => "`(`",
            Rule::close => "`)`",
            Rule::comma => "`,`",
            Rule::colon => "`:`",
            Rule::equals => "`=`",
            Rule::at => "`@`",
            Rule::arrow => "`->`",
            Rule::verb => "`has`, `lacks`",
            Rule::kw_has => "`has`",
            Rule::kw_lacks => "`lacks`",
            Rule::kw_status => "`status`",
            Rule::kw_complains => "`complains`",
            Rule::kw_as => "`as`",
            Rule::kw_c => "`c`",
            Rule::kw_from => "`from`",
            Rule::user => "`user` or `root`",
            Rule::kw_fn => "`fn`",
            Rule::kw_static => "`static`",
            Rule::kw_percpu => "`percpu`",
            Rule::kw_replace => "`replace`",
            Rule::kw_if => "`if`",
            Rule::mode | Rule::kw_mode => "`mode = 0o644`",
            Rule::integer => "a number",
            Rule::open_list => "`[`",
            Rule::close_list => "`]`",
            Rule::semicolon => "`;`",
            _ => continue,
        };
        if !words.contains(&word) {
            words.push(word);
        }
    }
    match words.split_last() {
        None => "something else".to_owned(),
        Some((last, [])) => (*last).to_owned(),
        Some((last, before)) => format!("{} or {last}", before.join(", ")),
    }
}
