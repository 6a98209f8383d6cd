// SPDX-License-Identifier: GPL-2.0
//! The characters that hide something from a reader. A spec must not have them, and whatever kpsc
//! prints of other texts has them as escapes.

use std::borrow::Cow;

/// Whether a character moves the cursor, ends a line only for some readers, changes the direction
/// of text, or shows nothing: two texts that differ in it look alike. Tab and line feed are no such
/// characters.
pub fn is_hidden(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        // Line and paragraph separator.
        '\u{2028}' | '\u{2029}' => true,
        // Unicode's property Default_Ignorable_Code_Point (DerivedCoreProperties.txt, Unicode 16).
        // It includes Bidi_Control, the byte order mark, the Hangul fillers, the tags and all
        // variation selectors.
        '\u{ad}'
        | '\u{34f}'
        | '\u{61c}'
        | '\u{115f}'..='\u{1160}'
        | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}'
        | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}'
        | '\u{feff}'
        | '\u{ffa0}'
        | '\u{fff0}'..='\u{fff8}'
        | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}' => true,
        // Formats and blanks that are not ignorable: interlinear annotations, the controls of
        // hieroglyphs, the empty Braille pattern, and a note without a head.
        '\u{fff9}'..='\u{fffb}' | '\u{13430}'..='\u{1343f}' | '\u{2800}' | '\u{1d159}' => true,
        c => c.is_control(),
    }
}

/// A text on one line, with escapes for hidden characters.
pub fn escape(text: &str) -> Cow<'_, str> {
    if !text.chars().any(is_escaped) {
        return text.into();
    }
    let mut out = String::new();
    text.chars().for_each(|c| push_escaped(&mut out, c));
    out.into()
}

/// Appends a character to a line, or its escape.
pub fn push_escaped(out: &mut String, c: char) {
    match is_escaped(c) {
        true => out.extend(c.escape_unicode()),
        false => out.push(c),
    }
}

fn is_escaped(c: char) -> bool {
    c == '\n' || is_hidden(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_reader_sees_is_left_alone() {
        let text = "\tthere is no function `f\u{fc}r`: \u{4e2d}\u{1f427}, \u{a0}\u{3000}\u{d55c}";
        assert!(!text.contains(is_hidden));
        assert!(matches!(escape(text), Cow::Borrowed(same) if same == text));
    }

    #[test]
    fn what_a_reader_does_not_see_is_escaped() {
        for c in [
            // Control characters.
            '\0',
            '\u{7}',
            '\u{8}',
            '\r',
            '\u{1b}',
            '\u{7f}',
            '\u{85}',
            '\u{9b}',
            // Those that turn text around, and line ends.
            '\u{61c}',
            '\u{200e}',
            '\u{202e}',
            '\u{2066}',
            '\u{2028}',
            '\u{2029}',
            // Those that show nothing.
            '\u{200b}',
            '\u{2060}',
            '\u{ad}',
            '\u{115f}',
            '\u{e0061}',
            '\u{34f}',
            '\u{3164}',
            '\u{fe0f}',
            '\u{feff}',
            '\u{ffa0}',
            '\u{180e}',
            '\u{e01ef}',
            '\u{1d173}',
            '\u{2800}',
        ] {
            assert!(is_hidden(c), "{c:?}");
            assert_eq!(escape(&format!("a{c}b")), format!("a\\u{{{:x}}}b", u32::from(c)));
        }
        assert_eq!(escape("a\nb\tc"), "a\\u{a}b\tc");
    }
}
