// SPDX-License-Identifier: GPL-2.0
//! Escapes text for a terminal. Messages about a hostile file quote parts of it, which must neither
//! move the cursor nor fill the screen.

use kps_diag::push_escaped;

/// The maximum length of a quoted word. Nobody reads longer names: symbols of the kernel have at
/// most 511 characters, and all but mangled ones far fewer.
const WORD: usize = 200;
/// The maximum length of a text. A longer text is a dump; its start is enough.
const TEXT: usize = 10_000;

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
            0..=WORD => push_escaped(&mut out, c),
            _ if word == WORD + 1 => out.push_str("..."),
            _ => {}
        }
    }
    out
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
