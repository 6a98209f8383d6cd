// SPDX-License-Identifier: GPL-2.0
//! Escapes text for a terminal. Messages about a hostile file quote parts of it, which must neither
//! move the cursor nor fill the screen.

use std::borrow::Cow;

/// The maximum length of a quoted word. Nobody reads longer names: symbols of the kernel have at
/// most 511 characters, and all but mangled ones far fewer.
const WORD: usize = 200;
/// The maximum length of a text. A longer text is a dump; its start is enough.
const TEXT: usize = 10_000;

/// One line, with escapes for characters that a terminal would not show as they are.
pub fn line(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_escaped) {
        return text.into();
    }
    let mut out = String::new();
    text.chars().for_each(|c| push(&mut out, c));
    out.into()
}

/// The lines of a message, each escaped, with an ellipsis in text that is too long.
pub fn plain(text: &str) -> String {
    let (mut out, mut word) = (String::new(), 0);
    for c in text.chars() {
        if out.len() >= TEXT {
            out.push_str(" ...");
            break;
        }
        word = if c.is_whitespace() { 0 } else { word + 1 };
        match word {
            _ if c == '\n' => out.push(c),
            0..=WORD => push(&mut out, c),
            _ if word == WORD + 1 => out.push_str("..."),
            _ => {}
        }
    }
    out
}

fn push(out: &mut String, c: char) {
    match is_escaped(c) {
        true => out.extend(c.escape_unicode()),
        false => out.push(c),
    }
}

/// Control characters, characters that turn the direction of text around, and Unicode line ends.
fn is_escaped(c: char) -> bool {
    match c {
        '\t' => false,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            true
        }
        c => c.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_shows_as_it_is_stays() {
        let text = "there is no function `f\u{fc}r`:\n\tno, `k#x`";
        assert_eq!(plain(text), text);
    }

    #[test]
    fn what_a_terminal_obeys_is_escaped() {
        assert_eq!(plain("a\u{1b}[31m\u{202e}\r\0\n"), "a\\u{1b}[31m\\u{202e}\\u{d}\\u{0}\n");
        assert_eq!(line("a\nb"), "a\\u{a}b");
    }

    #[test]
    fn nothing_is_endless() {
        let name = "x".repeat(10_000);
        assert_eq!(
            plain(&format!("no `{name}` here")),
            format!("no `{}... here", &name[..WORD - 1])
        );
        assert!(plain(&"\u{1}word ".repeat(1_000_000)).len() < TEXT + 20);
    }
}
