// SPDX-License-Identifier: GPL-2.0
//! What the text around a diff says about the fix: a mail of `git format-patch`, or the head that
//! `git show` prints.

use std::collections::BTreeSet;

/// Where a fix comes from. Every text is printable ASCII in one line.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Header {
    /// The first line of the commit's message; empty if there is none.
    pub subject: String,
    /// Name and address.
    pub author: Option<String>,
    /// The commit's id.
    pub commit: Option<String>,
    /// The names of CVEs in the text.
    pub cves: BTreeSet<String>,
}

impl Header {
    /// Reads the text before a diff.
    pub(crate) fn read(text: &str) -> Header {
        let mut header = Header { cves: cves(text), ..Header::default() };
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            let line = line.strip_prefix('>').unwrap_or(line);
            if let Some(id) = line.strip_prefix("From ").or_else(|| line.strip_prefix("commit ")) {
                header.commit = header.commit.or_else(|| commit(id));
            } else if let Some(author) =
                line.strip_prefix("From: ").or_else(|| line.strip_prefix("Author:"))
            {
                header.author = header.author.or(Some(plain(&decode(author))));
            } else if let Some(subject) = line.strip_prefix("Subject: ") {
                let mut subject = subject.to_owned();
                // A long one goes on in the next line, behind a space.
                while let Some(more) = lines.next_if(|next| next.starts_with([' ', '\t'])) {
                    subject.push(' ');
                    subject.push_str(more.trim());
                }
                header.subject = plain(without_tag(&decode(&subject)));
            } else if let Some(message) = line.strip_prefix("    ") {
                // `git show` moves the message to the right.
                if header.subject.is_empty() && header.commit.is_some() {
                    header.subject = plain(message);
                }
            }
        }
        header.author = header.author.filter(|author| !author.is_empty());
        header
    }
}

/// The subject without `[PATCH 1/2]`.
fn without_tag(subject: &str) -> &str {
    let subject = subject.trim();
    match subject.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((tag, rest)) if tag.contains("PATCH") || tag.contains("RFC") => rest.trim(),
        _ => subject,
    }
}

/// The id at the start of a text.
fn commit(text: &str) -> Option<String> {
    let id = text.split_whitespace().next()?;
    let is_id = (12..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_hexdigit());
    is_id.then(|| id.to_ascii_lowercase())
}

fn cves(text: &str) -> BTreeSet<String> {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let found = text.match_indices("CVE-").filter_map(|(at, _)| {
        let rest = &text[at + 4..];
        let (year, number) = rest.split_once('-')?;
        let number = &number[..digits(number)];
        let is_name = year.len() == 4 && digits(year) == 4 && (4..=10).contains(&number.len());
        is_name.then(|| format!("CVE-{year}-{number}"))
    });
    found.collect()
}

/// A text of a mail's header with its encoded words decoded, as far as they are UTF-8 in the
/// encoding that Git uses (RFC 2047).
fn decode(text: &str) -> String {
    let mut decoded = String::new();
    let mut rest = text;
    while let Some((before, word)) = rest.split_once("=?") {
        let parts: Vec<&str> = word.splitn(3, '?').collect();
        let end = parts.get(2).and_then(|encoded| encoded.split_once("?="));
        let (Some(charset), Some(kind), Some((encoded, behind))) =
            (parts.first(), parts.get(1), end)
        else {
            break;
        };
        let is_known = charset.eq_ignore_ascii_case("utf-8") && kind.eq_ignore_ascii_case("q");
        let Some(plain) = is_known.then(|| quoted(encoded)).flatten() else { break };
        // Space between two encoded words is not part of the text.
        if !before.trim().is_empty() || decoded.is_empty() {
            decoded.push_str(before);
        }
        decoded.push_str(&plain);
        rest = behind;
    }
    decoded + rest
}

/// `J=C3=BCrgen` is Jürgen.
fn quoted(text: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'_' => b' ',
            b'=' => {
                let mut digit = || char::from(rest.next()?).to_digit(16);
                (digit()? * 16 + digit()?) as u8
            }
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

/// The text in one line of printable ASCII: what describes a module has no other characters.
fn plain(text: &str) -> String {
    /// More than any subject has.
    const MAX: usize = 200;
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut plain = String::new();
    for c in words.chars().take(MAX) {
        match c {
            ' '..='~' => plain.push(c),
            'ä' | 'á' | 'à' | 'â' | 'å' | 'ã' => plain.push('a'),
            'é' | 'è' | 'ê' | 'ë' | 'ě' => plain.push('e'),
            'í' | 'ì' | 'î' | 'ï' => plain.push('i'),
            'ö' | 'ó' | 'ò' | 'ô' | 'ø' | 'ő' => plain.push('o'),
            'ü' | 'ú' | 'ù' | 'û' | 'ů' => plain.push('u'),
            'ß' => plain.push_str("ss"),
            'ç' | 'č' | 'ć' => plain.push('c'),
            'ñ' | 'ń' | 'ň' => plain.push('n'),
            'š' | 'ś' => plain.push('s'),
            'ž' | 'ż' | 'ź' => plain.push('z'),
            'ł' => plain.push('l'),
            'ř' => plain.push('r'),
            'ý' => plain.push('y'),
            _ => plain.push('?'),
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_git_show_prints_is_read() {
        let header = Header::read(
            "commit 0123456789ABCDEF0123456789abcdef01234567\n\
             Author: J\u{fc}rgen X <j@example.org>\nDate:   Mon Jan 1\n\n    net: fix it\n\n    \
             This is CVE-2026-12345, not CVE-1-2.\n\n",
        );
        assert_eq!(header.subject, "net: fix it");
        assert_eq!(header.author.as_deref(), Some("Jurgen X <j@example.org>"));
        assert_eq!(header.commit.as_deref(), Some("0123456789abcdef0123456789abcdef01234567"));
        assert_eq!(header.cves, BTreeSet::from(["CVE-2026-12345".to_owned()]));
    }

    #[test]
    fn encoded_words_are_decoded() {
        assert_eq!(decode("=?UTF-8?q?J=C3=BCrgen=20X?= <j@x>"), "J\u{fc}rgen X <j@x>");
        assert_eq!(decode("=?utf-8?q?a?= =?utf-8?q?b?="), "ab");
        assert_eq!(decode("=?utf-8?b?YQ==?="), "=?utf-8?b?YQ==?=");
        assert_eq!(decode("=?utf-8?q?=C3?= x"), "=?utf-8?q?=C3?= x");
    }

    #[test]
    fn nothing_hidden_is_left_of_a_strangers_text() {
        let header = Header::read("From: a\u{202e}b\u{1b}[0m <x@y>\nSubject: [PATCH] x\u{0}*/\n");
        assert_eq!(header.author.as_deref(), Some("a?b?[0m <x@y>"));
        assert_eq!(header.subject, "x?*/");
    }
}
