// SPDX-License-Identifier: GPL-2.0
//! Reports code and data that exist only while a module is being loaded, or only until it can no
//! longer be unloaded: `__init`, `__exit`, their data, and init functions of the author's own.
//!
//! modpost only warns of a use of such code, and not of every use: not of one through a pointer,
//! nor of one in an `__ref` function.

use super::author::Author;
use kps_diag::{Diagnostic, INIT_CODE};
use kps_grammar::{identifiers, tokens, Language, Span};
use kps_link::{Declared, Defined, ObjectFile};
use std::collections::BTreeMap;

/// The macros of `<linux/init.h>` that place code or data into such a section, and whether that is
/// one of the init sections. Macros that do so only in some configurations are known by the section
/// alone.
const MACROS: [(&str, bool); 6] = [
    ("__init", true),
    ("__initdata", true),
    ("__initconst", true),
    ("__exit", false),
    ("__exitdata", false),
    ("__exitconst", false),
];

/// The errors about an object: about what is in such a section, and about C that would be if the
/// compiler had not inlined it.
pub(super) fn init_code(
    object: &ObjectFile<'_>,
    declared: &[Declared],
    author: Author<'_>,
) -> Vec<Diagnostic> {
    let marked = declared.iter().filter_map(|declared| {
        let name = author.at(&declared.at)?;
        let (span, word) = macro_of(name, author)?;
        Some((span.start, error(&declared.name, word).at(span, "")))
    });
    let mut found: BTreeMap<usize, Diagnostic> = marked.collect();
    for symbol in object.symbols() {
        let Some(name) = authors_name(symbol) else { continue };
        let of_symbol = declared.iter().filter(|declared| declared.name == symbol_stem(symbol));
        let places: Vec<Span> = of_symbol.filter_map(|declared| author.at(&declared.at)).collect();
        if places.iter().any(|&name| macro_of(name, author).is_some()) {
            continue;
        }
        let places = if places.is_empty() { author.naming(&name) } else { places };
        let key = places.first().map_or(usize::MAX, |span| span.start);
        let error = error(&name, symbol.section);
        let error = places.into_iter().fold(error, |error, span| error.at(span, ""));
        found.entry(key).or_insert(error);
    }
    found.into_values().collect()
}

/// The errors about init and exit functions of the author's own, which the linker reports as
/// definitions of this symbol.
pub(super) fn own_init(symbol: &str, author: Author<'_>) -> Option<Diagnostic> {
    let (is_maker, note, help): (fn(&str) -> bool, _, _) = match symbol {
        "init_module" => (
            |word| ["module_init", "init_module"].contains(&word) || word.contains("initcall"),
            "the generated one enables the patch",
            "do it in the `acquire` of a `resource`, or in `pre_patch` if nothing has to be undone",
        ),
        "cleanup_module" => (
            |word| ["module_exit", "cleanup_module"].contains(&word) || word.contains("exitcall"),
            "the generated one runs when the patch is unloaded",
            "do it in the `release` of a `resource`",
        ),
        _ => return None,
    };
    let is_driver = |word: &str| word.starts_with("module_") && word.ends_with("driver");
    let files = author.sources.files().filter(|file| file.language == Language::C);
    let makers = files.filter_map(|file| {
        let mut words = identifiers(&file.source.text, Language::C);
        let (at, word) = words.find(|(_, word)| is_maker(word) || is_driver(word))?;
        Some((file.global(Span::new(at, at + word.len())), word.to_owned()))
    });
    let (span, word) = makers.into_iter().next()?;
    let does = if word == symbol { "would be" } else { "defines" };
    let error = Diagnostic::new(INIT_CODE, format!("`{word}` {does} a second `{symbol}`"));
    Some(error.at(span, "").note(note).help(help))
}

fn error(name: &str, place: &str) -> Diagnostic {
    let is_macro = place.starts_with("__");
    let is_init = match MACROS.iter().find(|(word, _)| *word == place) {
        Some((_, is_init)) => *is_init,
        None => place.starts_with(".init."),
    };
    let is_placed = if is_macro { format!("is `{place}`") } else { format!("is in {place}") };
    let message = match is_init {
        true => format!("`{name}` {is_placed}: the kernel frees it when the patch is loaded"),
        false => format!("`{name}` {is_placed}: a kernel that unloads no modules leaves it out"),
    };
    let error = Diagnostic::new(INIT_CODE, message);
    match is_macro {
        true => error.help(format!("remove `{place}`")),
        false => error.help(format!("remove what places it in {place}")),
    }
}

/// The macro in the declaration of a name in a C file.
fn macro_of(name: Span, author: Author<'_>) -> Option<(Span, &'static str)> {
    let file = author.sources.file(name.start);
    let name = file.local(name);
    let mut found = None;
    for (at, token) in tokens(&file.source.text, Language::C) {
        // The name follows the specifiers, and attributes may follow the name.
        let ends = matches!(token, ";" | "{" | "}");
        if at < name.start && ends {
            found = None;
        } else if at >= name.start && (ends || token == "=") {
            break;
        } else if let Some((word, _)) = MACROS.iter().find(|(word, _)| *word == token) {
            found = Some((file.global(Span::new(at, at + token.len())), *word));
        }
    }
    found
}

/// The author's name of a symbol that is in an init or exit section; `None` for the generated ones.
fn authors_name(symbol: &Defined<'_>) -> Option<String> {
    let Defined { name, section, .. } = symbol;
    let is_generated = ["init_module", "cleanup_module"].contains(name)
        || ["__pfx_", "kps_body_", "kps_fn_"].iter().any(|prefix| name.starts_with(prefix));
    if is_generated || !(section.starts_with(".init.") || section.starts_with(".exit.")) {
        return None;
    }
    let Ok(rust) = rustc_demangle::try_demangle(name) else {
        return Some(plain(symbol_stem(symbol)).to_owned());
    };
    let path = format!("{rust:#}");
    let own = path.rsplit("::").next().filter(|_| !path.contains("::__module_init::"))?;
    Some(own.to_owned())
}

/// A symbol's name without the number that the compiler gives to a variable of a function.
fn symbol_stem<'d>(symbol: &Defined<'d>) -> &'d str {
    symbol.name.split('.').next().unwrap_or_default()
}

/// The name in the author's file.
fn plain(name: &str) -> &str {
    name.strip_prefix("kps_c_").unwrap_or(name)
}
