//! The identifiers of a text in C or Rust, without what is in comments and strings.

/// Each identifier with the byte where it starts.
pub(super) fn words(text: &str) -> Vec<(usize, &str)> {
    let mut words = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let word = word(rest);
        at += match word {
            "" => other(rest),
            // `r"text"`, and with a `b` or `c` before it: no backslash escapes anything there.
            "r" | "br" | "cr" => word.len() + raw_string(rest.get(word.len()..).unwrap_or_default()),
            _ => word.len(),
        };
        let is_name = word.starts_with(|c: char| !c.is_ascii_digit());
        words.extend(Some((at - word.len(), word)).filter(|_| is_name && text[..at].ends_with(word)));
    }
    words
}

/// The identifier or number that a text starts with.
pub(super) fn word(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

/// The length of what starts with no word: a comment, a string, or one character.
fn other(text: &str) -> usize {
    let first = text.chars().next().map_or(1, char::len_utf8);
    let behind = |start: usize, end: &str| {
        let found = text.get(start..).and_then(|rest| rest.find(end));
        found.map_or(text.len(), |found| start + found + end.len())
    };
    if text.starts_with("//") {
        return behind(2, "\n");
    }
    if text.starts_with("/*") {
        return behind(2, "*/");
    }
    let mut inside = text.chars();
    match inside.next() {
        Some('"') => quoted(text, '"'),
        // A lifetime has no quote behind it.
        Some('\'') if inside.next() == Some('\\') || inside.next() == Some('\'') => quoted(text, '\''),
        _ => first,
    }
}

/// The length of a quoted text, in which a backslash keeps a quote from ending it.
fn quoted(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        if c == quote && !escaped {
            return at + quote.len_utf8();
        }
        escaped = c == '\\' && !escaped;
    }
    text.len()
}

/// The length of a raw string without its `r`; 0 if none starts there.
fn raw_string(text: &str) -> usize {
    let hashes = text.len() - text.trim_start_matches('#').len();
    let Some(inside) = text.get(hashes..).and_then(|rest| rest.strip_prefix('"')) else { return 0 };
    let end = format!("\"{}", "#".repeat(hashes));
    inside.find(&end).map_or(text.len(), |at| hashes + 1 + at + end.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_strings_and_characters_hold_no_names() {
        let text =
            "a /* b */ \"c \\\" d\" // e\n'f' '\\'' <'g> r#\"h\" i\"# cr\"j\" c\"k\" 5l m_1('\u{e4}', n)";
        let found: Vec<_> = words(text).into_iter().map(|(_, word)| word).collect();
        assert_eq!(found, ["a", "g", "c", "m_1", "n"]);
        for (at, word) in words(text) {
            assert!(text[at..].starts_with(word));
        }
        for unfinished in ["\"", "'\\", "/*", "//", "r#\"", "r#", "\u{e4}\"\u{e4}"] {
            words(unfinished);
        }
    }
}
