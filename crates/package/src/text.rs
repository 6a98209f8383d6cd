// SPDX-License-Identifier: GPL-2.0
//! Text for fields of several lines, and dates.

/// Columns of a line of text. Terminals have 80, and front ends of packages indent.
const COLUMNS: usize = 76;

/// Whether a character has one look and one place. The others could make a line look like another,
/// or end it for some reader.
pub(crate) fn is_printable(c: char) -> bool {
    const INVISIBLE: [std::ops::RangeInclusive<char>; 5] = [
        '\u{200b}'..='\u{200f}',
        '\u{2028}'..='\u{202e}',
        '\u{2060}'..='\u{206f}',
        '\u{feff}'..='\u{feff}',
        '\u{fff9}'..='\u{fffb}',
    ];
    !c.is_control() && !INVISIBLE.iter().any(|range| range.contains(&c))
}

/// The words of a paragraph, in lines of at most `COLUMNS` with `indent` before them, except for
/// words that are longer.
pub(crate) fn wrap(paragraph: &str, indent: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in paragraph.split(' ').filter(|word| !word.is_empty()) {
        match lines.last_mut() {
            Some(line) if width(line) + 1 + width(word) + indent <= COLUMNS => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

fn width(text: &str) -> usize {
    text.chars().count()
}

/// Paragraphs as the further lines of a field (Debian policy 5.6.13): each starts with a space, and
/// ` .` stands for an empty line.
pub(crate) fn extended<'a>(paragraphs: impl IntoIterator<Item = &'a str>) -> String {
    let mut lines = Vec::new();
    for paragraph in paragraphs {
        if !lines.is_empty() {
            lines.push(" .".to_owned());
        }
        lines.extend(wrap(paragraph, 1).into_iter().map(|line| match line.starts_with('.') {
            // A space and a full stop, with more behind them, are reserved. With two spaces the
            // line is shown as it stands.
            true => format!("  {line}"),
            false => format!(" {line}"),
        }));
    }
    lines.iter().flat_map(|line| [line, "\n"]).collect()
}

/// The time of a changelog's entry: `Thu, 01 Jan 1970 00:00:00 +0000` (Debian policy 4.4).
pub(crate) fn date(seconds: u32) -> String {
    // 1970 began with a Thursday.
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [(&str, u32); 12] = [
        ("Jan", 31),
        ("Feb", 28),
        ("Mar", 31),
        ("Apr", 30),
        ("May", 31),
        ("Jun", 30),
        ("Jul", 31),
        ("Aug", 31),
        ("Sep", 30),
        ("Oct", 31),
        ("Nov", 30),
        ("Dec", 31),
    ];
    let (days, second) = (seconds / 86400, seconds % 86400);
    let (year, mut day) = year_and_day(days);
    let mut month = "Dec";
    for (name, days) in MONTHS {
        let days = days + u32::from(name == "Feb" && is_leap(year));
        if day < days {
            month = name;
            break;
        }
        day -= days;
    }
    let weekday = DAYS[days as usize % DAYS.len()];
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{weekday}, {:02} {month} {year} {hour:02}:{minute:02}:{second:02} +0000", day + 1)
}

/// The year of a time, in seconds since 1970, for the line of a copyright.
pub fn year(seconds: u64) -> u32 {
    year_and_day(u32::try_from(seconds / 86400).unwrap_or(u32::MAX)).0
}

/// The year in which a day since 1970 is, and its number there.
fn year_and_day(mut day: u32) -> (u32, u32) {
    let mut year = 1970;
    while day >= 365 + u32::from(is_leap(year)) {
        day -= 365 + u32::from(is_leap(year));
        year += 1;
    }
    (year, day)
}

fn is_leap(year: u32) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

/// Paragraphs as one text, wrapped, with empty lines between them.
pub(crate) fn paragraphs(paragraphs: &[String]) -> String {
    let wrapped = paragraphs.iter().map(|paragraph| wrap(paragraph, 0).join("\n"));
    wrapped.collect::<Vec<_>>().join("\n\n")
}

#[cfg(test)]
mod tests {
    use super::{date, extended, is_printable, wrap, COLUMNS};

    #[test]
    fn no_line_of_a_field_can_end_it_or_be_read_as_empty() {
        let text = extended(["a b", ".", ".config", "x  y"]);
        assert_eq!(text, " a b\n .\n  .\n .\n  .config\n .\n x y\n");
        let long = format!("{} . {}", "a".repeat(COLUMNS - 1), ".x".repeat(50));
        for line in extended([long.as_str()]).lines() {
            assert!(line.starts_with(' ') && !line.starts_with(" ."), "{line:?}");
        }
    }

    #[test]
    fn a_line_ends_where_the_next_word_would_pass_the_last_column() {
        let text = ["ä".repeat(37), "b".repeat(37), "c".repeat(100), "d".to_owned()].join(" ");
        let lines = wrap(&text, 1);
        let widths: Vec<usize> = lines.iter().map(|line| line.chars().count()).collect();
        assert_eq!(widths, [75, 100, 1]);
        assert_eq!(wrap(&text, 2).len(), 4);
        assert_eq!(lines.join(" "), text);
    }

    /// The expected texts are those of `date --utc --rfc-email`.
    #[test]
    fn dates_are_those_of_the_calendar() {
        assert_eq!(date(0), "Thu, 01 Jan 1970 00:00:00 +0000");
        assert_eq!(date(951_782_400), "Tue, 29 Feb 2000 00:00:00 +0000");
        assert_eq!(date(1_709_251_199), "Thu, 29 Feb 2024 23:59:59 +0000");
        assert_eq!(date(1_767_225_599), "Wed, 31 Dec 2025 23:59:59 +0000");
        assert_eq!(date(4_107_542_400), "Mon, 01 Mar 2100 00:00:00 +0000");
        assert_eq!(date(u32::MAX), "Sun, 07 Feb 2106 06:28:15 +0000");
    }

    #[test]
    fn what_has_no_look_of_its_own_is_not_printable() {
        assert!("aä ß\u{a0}名<>\"".chars().all(is_printable));
        for c in
            ['\n', '\t', '\0', '\x7f', '\u{85}', '\u{200b}', '\u{202e}', '\u{2066}', '\u{2028}']
        {
            assert!(!is_printable(c), "{c:?}");
        }
    }
}
