// SPDX-License-Identifier: GPL-2.0
//! New members of structs. The kernel's objects have no room for them, so the patch keeps them in
//! shadow variables: the struct stays as it is, and the bodies reach each member by a macro.

use crate::c_type::Stored;
use crate::changes::Changes;
use crate::fix::Lines;
use crate::refused::place;
use crate::text::{declarations, is_same, Name, Space, Text};
use crate::unit::{Declaration, Kind, Of, Use};
use kps_diag::{Diagnostic, CHANGED_LAYOUT};
use kps_grammar::{tokens, Language};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

/// A member that the patch keeps in a shadow variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shadow {
    /// Its name, and the variable's.
    pub name: String,
    /// The struct.
    pub record: String,
    /// How it is stored.
    pub stored: Stored,
    /// The functions of the changed files that free something and use the struct.
    pub freeing: BTreeSet<String>,
}

/// A changed file in C or a header, as it was and as it will be.
#[derive(Debug, Clone, Copy)]
pub struct Both<'a> {
    /// Its path.
    pub path: &'a str,
    /// Its old text.
    pub old: &'a Text,
    /// Its new text.
    pub new: &'a Text,
    /// Where the diff changes it.
    pub lines: Lines<'a>,
}

/// The texts of a fix in which new members are kept beside the objects.
#[derive(Debug, Default)]
pub struct Rewritten {
    /// The members.
    pub shadows: Vec<Shadow>,
    /// The new texts that differ from those of the fix, by the paths of their files.
    pub texts: BTreeMap<String, String>,
    /// The uses of a member that cannot be rewritten.
    pub errors: Vec<Diagnostic>,
}

/// A struct that gets members and changes in no other way.
struct Grown {
    /// The item of the new text that defines it.
    item: usize,
    /// What the old text has in its place.
    before: String,
    shadows: Vec<Shadow>,
}

/// Replacements in a text.
type Edits = Vec<(Range<usize>, String)>;

/// Rewrites the new texts of files in C and of the headers that these include.
pub fn rewrite(files: &[Both<'_>], headers: &[Both<'_>]) -> Rewritten {
    let mut rewritten = Rewritten::default();
    let mut edits: BTreeMap<&str, (&Text, Edits)> = BTreeMap::new();
    let mut of_headers = Vec::new();
    for both in files.iter().chain(headers) {
        let is_header = headers.iter().any(|header| header.path == both.path);
        for Grown { item, before, shadows } in grown(both) {
            let text = match is_header {
                true => before,
                false => before + &accessors(&shadows),
            };
            let range = both.new.items().get(item).map(|item| item.range.clone());
            let (_, edits) = edits.entry(both.path).or_insert((both.new, Edits::new()));
            edits.extend(range.map(|range| (range, text)));
            if is_header {
                of_headers.extend(shadows.iter().cloned());
            }
            rewritten.shadows.extend(shadows);
        }
    }
    if let Some(error) = named_twice(&rewritten.shadows, files.iter().chain(headers)) {
        rewritten.errors.push(error);
    }
    for both in files.iter().chain(headers) {
        let is_header = headers.iter().any(|header| header.path == both.path);
        let (_, edits) = edits.entry(both.path).or_insert((both.new, Edits::new()));
        let mut used = BTreeSet::new();
        for shadow in &rewritten.shadows {
            match uses_of(both.new, shadow) {
                Ok(uses) if uses.is_empty() => {}
                Ok(uses) if !is_header => {
                    used.insert(shadow.name.as_str());
                    edits.extend(uses);
                }
                Ok(_) => rewritten.errors.push(cannot_follow(both, shadow, None)),
                Err(item) => rewritten.errors.push(cannot_follow(both, shadow, Some(item))),
            }
        }
        let of_headers = of_headers.iter().filter(|shadow| used.contains(shadow.name.as_str()));
        let of_headers: Vec<Shadow> = of_headers.cloned().collect();
        if !of_headers.is_empty() {
            let end = behind_includes(both.new);
            edits.push((end..end, accessors(&of_headers)));
        }
    }
    for (path, (text, edits)) in edits.into_iter().filter(|(_, (_, edits))| !edits.is_empty()) {
        match edited(text, edits) {
            Some(text) => drop(rewritten.texts.insert(path.to_owned(), text)),
            None => {
                let message = format!("an access in {path} has another one to a new member in it");
                let help = "write each of them in a statement of its own in the diff";
                rewritten.errors.push(Diagnostic::new(CHANGED_LAYOUT, message).help(help));
            }
        }
    }
    rewritten
}

/// The structs of a file that get members.
fn grown(both: &Both<'_>) -> Vec<Grown> {
    let changes = Changes::between(both.old, both.new);
    let changed = changes.in_space(Space::Type).map(|(name, _)| Name::new(Space::Type, name));
    changed.filter_map(|name| grown_one(both, &name)).collect()
}

fn grown_one(both: &Both<'_>, name: &Name) -> Option<Grown> {
    let (before, old) = record(both.old, name)?;
    let (item, new) = record(both.new, name)?;
    let has = |one: &str| members(old).iter().any(|(member, _)| member == one);
    let added = members(new).iter().filter(|(member, _)| !member.is_empty() && !has(member));
    let shadow = |(member, range): &(String, Range<usize>)| {
        let stored = Stored::of(both.new.slice(range), member)?;
        let (name, record) = (member.clone(), name.name.clone());
        Some(Shadow { name, freeing: freeing(both.old, &record).collect(), record, stored })
    };
    let shadows: Vec<Shadow> = added.clone().map(shadow).collect::<Option<_>>()?;
    let before = both.old.item(before);
    let without = both.new.items().get(item).and_then(|found| {
        let cuts = added.map(|(_, range)| (range.clone(), String::new())).collect();
        edited_range(both.new, &found.range, cuts)
    })?;
    let is_struct = before.contains(&format!("struct {}", name.name));
    (is_struct && !shadows.is_empty() && is_same(before, &without)).then(|| Grown {
        item,
        before: before.to_owned(),
        shadows,
    })
}

/// The functions of a text that free something and use a struct.
fn freeing<'t>(text: &'t Text, record: &'t str) -> impl Iterator<Item = String> + 't {
    let all = text.items().iter().flat_map(declarations);
    let functions =
        all.filter(|one| matches!(one.kind, Kind::Function { is_definition: true, .. }));
    let frees =
        |used: &Use| matches!(used.of, Of::Function | Of::Macro) && used.name.contains("free");
    let is_of_record = move |used: &Use| match used.of {
        Of::Member => used.name.split('.').next() == Some(record),
        Of::Type => used.name == record,
        _ => false,
    };
    let found = functions
        .filter(move |one| one.uses.iter().any(frees) && one.uses.iter().any(is_of_record));
    found.map(|one| one.name.clone())
}

/// The definition of a struct, with the number of its item.
pub(crate) fn record<'t>(text: &'t Text, name: &'t Name) -> Option<(usize, &'t Declaration)> {
    text.declarations(name).find(|(_, one)| matches!(one.kind, Kind::Record { .. }))
}

fn members(one: &Declaration) -> &[(String, Range<usize>)] {
    match &one.kind {
        Kind::Record { members } => members,
        _ => &[],
    }
}

/// The macros that reach the members, behind the struct or the includes.
fn accessors(shadows: &[Shadow]) -> String {
    let mut text = String::new();
    for Shadow { name, record, stored, .. } in shadows {
        let Stored { c, ty, .. } = stored;
        let cast = if c == ty { String::new() } else { format!("({})", stored.pointer()) };
        let (getter, accessor) = (getter(name), accessor(name));
        text.push_str(&format!(
            "\n\nextern {ty} *{getter}(const struct {record} *object, unsigned int flags);\n\n\
             /* `{name}` is beside the object, and 0 where that has no such data. */\n\
             #define {accessor}(object) (*{cast}({getter}(object, GFP_ATOMIC) ?: &({ty}){{ 0 }}))",
        ));
    }
    text
}

/// The macro that reaches a member.
fn accessor(member: &str) -> String {
    format!("{member}_of")
}

/// The function of a shadow variable that a body calls.
pub(crate) fn getter(member: &str) -> String {
    format!("{member}_get_or_init")
}

/// The end of the last include before the first function.
fn behind_includes(text: &Text) -> usize {
    let last = text.last_include(0..text.items().len());
    last.and_then(|n| text.items().get(n)).map_or(0, |item| item.range.end)
}

/// A member whose shadow variable or macro has a name that is taken.
fn named_twice<'a>(
    shadows: &[Shadow],
    texts: impl Iterator<Item = &'a Both<'a>>,
) -> Option<Diagnostic> {
    let mut seen = BTreeSet::new();
    let mut taken = BTreeSet::new();
    for both in texts {
        let words = tokens(both.new.text(), Language::C).map(|(_, token)| token);
        taken.extend(
            words.filter(|word| shadows.iter().any(|shadow| accessor(&shadow.name) == *word)),
        );
    }
    let twice = shadows.iter().find(|shadow| {
        !seen.insert(shadow.name.as_str()) || taken.contains(accessor(&shadow.name).as_str())
    })?;
    let message = format!("`{}` is the name of two things", twice.name);
    let help = format!("rename the new member of `struct {}` in the diff", twice.record);
    Some(Diagnostic::new(CHANGED_LAYOUT, message).help(help))
}

fn cannot_follow(both: &Both<'_>, shadow: &Shadow, item: Option<usize>) -> Diagnostic {
    let Shadow { name, record, .. } = shadow;
    let path = both.path;
    let (message, place) = match item {
        Some(item) => (
            format!("a use of `{name}`, which `struct {record}` gets, cannot be rewritten"),
            place(both.lines, both.new, item),
        ),
        None => (
            format!("{path} uses `{name}`, which `struct {record}` gets, in code of every file that includes it"),
            both.lines.place,
        ),
    };
    Diagnostic::new(CHANGED_LAYOUT, message)
        .at(place, "")
        .note("a new member is kept beside the objects; `object->member` and `object.member` in functions of C files become a call")
        .help(format!("write this part of the diff with `{name}` read or written in a plain statement, or take the member out of it and declare `shadow {name}: TYPE on {record} = VALUE, freed by FN(PARENT);` in the imported spec"))
}

/// The replacements for all uses of a member in a text; an error is the item with one that is no
/// plain access.
fn uses_of(text: &Text, shadow: &Shadow) -> Result<Edits, usize> {
    let full = format!("{}.{}", shadow.record, shadow.name);
    let mut edits = Edits::new();
    for (n, item) in text.items().iter().enumerate() {
        for one in declarations(item) {
            let is_it = |used: &&Use| used.of == Of::Member && used.name == full;
            for used in one.uses.iter().filter(is_it) {
                let Kind::Function { body: Some(body), .. } = &one.kind else { return Err(n) };
                let is_clear = |place: &Range<usize>| is_alone(one, place, &full, &shadow.name);
                for place in &used.places {
                    let found = is_clear(place).then(|| accesses(text, body, place, &shadow.name));
                    let found = found.flatten().ok_or(n)?;
                    edits.extend(
                        found.into_iter().filter(|edit| !edits.contains(edit)).collect::<Vec<_>>(),
                    );
                }
            }
        }
    }
    Ok(edits)
}

/// Whether no other struct's member of this name is used at a place.
fn is_alone(one: &Declaration, place: &Range<usize>, full: &str, member: &str) -> bool {
    let ends_so = |name: &str| name.rsplit_once('.').is_some_and(|(_, last)| last == member);
    !one.uses.iter().any(|used| {
        used.of == Of::Member
            && used.name != full
            && ends_so(&used.name)
            && used.places.iter().any(|other| other.start < place.end && place.start < other.end)
    })
}

/// The replacements for the accesses to a member at a place: the name, or the call of a macro with
/// it in arguments. `None` if one of them is not `object->member` or `object.member`.
fn accesses(text: &Text, body: &Range<usize>, place: &Range<usize>, member: &str) -> Option<Edits> {
    let all: Vec<(usize, &str)> = tokens(text.slice(&(body.start..place.end)), Language::C)
        .map(|(at, token)| (body.start + at, token))
        .collect();
    let mut edits = Edits::new();
    for (n, (at, token)) in all.iter().enumerate() {
        if *at < place.start || *token != member {
            continue;
        }
        let (start, end, is_pointer) = object(&all[..n])?;
        let object = text.slice(&(start..end));
        let macro_name = accessor(member);
        let call = match is_pointer {
            true => format!("{macro_name}({object})"),
            false => format!("{macro_name}(&{object})"),
        };
        edits.push((start..at + token.len(), call));
    }
    (!edits.is_empty()).then_some(edits)
}

/// The object whose member follows these tokens: its bytes, and whether it is a pointer.
fn object(before: &[(usize, &str)]) -> Option<(usize, usize, bool)> {
    let is = |n: usize, token: &str| before.get(n).is_some_and(|(_, one)| *one == token);
    // The token before the operator that ends before `n`.
    let before_operator = |n: usize| match n.checked_sub(1) {
        Some(dot) if is(dot, ".") => dot.checked_sub(1).map(|n| (n, false)),
        Some(arrow) if is(arrow, ">") && arrow.checked_sub(1).is_some_and(|n| is(n, "-")) => {
            arrow.checked_sub(2).map(|n| (n, true))
        }
        _ => None,
    };
    let (last, is_pointer) = before_operator(before.len())?;
    let mut at = last;
    loop {
        let (_, token) = before.get(at)?;
        let first = match *token {
            "]" => {
                at = opening(before, at)?.checked_sub(1)?;
                continue;
            }
            ")" => {
                let open = opening(before, at)?;
                match open.checked_sub(1).and_then(|n| before.get(n)) {
                    Some((_, callee)) if is_callee(callee) => {
                        at = open - 1;
                        continue;
                    }
                    // It may be a cast, which binds less than the access.
                    Some((_, ")")) => return None,
                    _ => open,
                }
            }
            word if is_word(word) => at,
            _ => return None,
        };
        match before_operator(first) {
            Some((next, _)) => at = next,
            None => {
                let (end, token) = before.get(last)?;
                return Some((before.get(first)?.0, end + token.len(), is_pointer));
            }
        }
    }
}

/// The bracket that one closes.
fn opening(tokens: &[(usize, &str)], close: usize) -> Option<usize> {
    let mut depth = 0usize;
    for at in (0..=close).rev() {
        match tokens.get(at)?.1 {
            ")" | "]" | "}" => depth += 1,
            "(" | "[" | "{" => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
}

/// Whether a word before a bracket is called, and not a keyword with a condition or a type.
fn is_callee(word: &str) -> bool {
    const KEYWORDS: [&str; 10] =
        ["if", "while", "for", "switch", "return", "sizeof", "case", "else", "do", "goto"];
    is_word(word) && !KEYWORDS.contains(&word)
}

/// The text with replacements; `None` if one is within another.
fn edited(text: &Text, edits: Edits) -> Option<String> {
    edited_range(text, &(0..text.text().len()), edits)
}

fn edited_range(text: &Text, range: &Range<usize>, mut edits: Edits) -> Option<String> {
    edits.sort_by_key(|(range, _)| (range.start, range.end));
    let (mut made, mut at) = (String::new(), range.start);
    for (edit, replacement) in edits {
        if edit.start < at {
            return None;
        }
        made.push_str(text.slice(&(at..edit.start)));
        made.push_str(&replacement);
        at = edit.end;
    }
    Some(made + text.slice(&(at..range.end)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fix::Fix;
    use crate::fixture::text;

    const OLD: &str = "#include <linux/a.h>\n\nstruct state {\n\tint count;\n};\n\n\
        struct other {\n\tint count;\n};\n\n\
        int act(struct state *s)\n{\n\treturn s->count;\n}\n";

    /// What becomes of the text in which the struct gets `member` and the function `body`.
    fn rewritten(member: &str, body: &str) -> (Rewritten, String) {
        let new = OLD
            .replacen("int count;\n", &format!("int count;\n\t{member}\n"), 1)
            .replace("return s->count;", body);
        let (old, new) = (text(OLD), text(&new));
        let diff = "--- a/net/a.c\n+++ b/net/a.c\n@@ -1 +1 @@\n-a\n+b\n";
        let Ok(fix) = Fix::read(diff) else { panic!("{diff}") };
        let both = Both { path: "net/a.c", old: &old, new: &new, lines: fix.files[0].lines() };
        let rewritten = rewrite(&[both], &[]);
        let text = rewritten.texts.get("net/a.c").cloned().unwrap_or_default();
        (rewritten, text)
    }

    #[test]
    fn a_new_member_is_a_shadow_variable_and_its_uses_are_calls() {
        let uses = [
            ("return s->errors;", "return errors_of(s);"),
            ("s->errors++; return s->count;", "errors_of(s)++; return s->count;"),
            ("return *(&s->errors);", "return *(&errors_of(s));"),
            ("return (int)s->errors;", "return (int)errors_of(s);"),
            ("return get(s, 1)->errors;", "return errors_of(get(s, 1));"),
            ("return (s + 1)->errors;", "return errors_of((s + 1));"),
            ("return a.b[s->count]->errors;", "return errors_of(a.b[s->count]);"),
            ("return copy.errors;", "return errors_of(&copy);"),
            ("if (s->errors) return 1;", "if (errors_of(s)) return 1;"),
        ];
        for (body, expected) in uses {
            let (rewritten, text) = rewritten("u32 errors;", body);
            assert!(rewritten.errors.is_empty(), "{body}: {:?}", rewritten.errors);
            assert!(text.contains(expected) && !text.contains("u32 errors;"), "{body}:\n{text}");
            assert!(
                text.contains(
                    "#define errors_of(object) (*(u32 *)(errors_get_or_init(object, GFP_ATOMIC) ?: &(unsigned int){ 0 }))"
                ),
                "{text}"
            );
            assert_eq!(rewritten.shadows.len(), 1);
        }
    }

    #[test]
    fn what_is_no_plain_access_is_refused() {
        for body in
            ["return ((struct state *)(s))(s)->errors;", "return (s->errors)[s->errors].errors;"]
        {
            let (rewritten, _) = rewritten("u32 errors;", body);
            assert_eq!(rewritten.errors.len(), 1, "{body}");
        }
        let (taken, _) = rewritten("u32 errors;", "return errors_of(s);");
        assert_eq!(taken.errors.len(), 1);
    }

    #[test]
    fn what_no_shadow_variable_stands_for_stays_as_it_is() {
        for member in ["struct list_head errors;", "u8 errors[4];", "spinlock_t errors;"] {
            let (rewritten, text) = rewritten(member, "return s->count;");
            assert!(rewritten.shadows.is_empty() && text.is_empty(), "{member}");
        }
    }
}
