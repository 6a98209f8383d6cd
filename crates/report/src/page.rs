// SPDX-License-Identifier: GPL-2.0
//! Pages of the documentation as text for a terminal.

/// A page without its marks: links are their texts, and code is indented.
pub fn page(markdown: &str) -> String {
    let mut text = String::new();
    let mut is_code = false;
    for line in markdown.trim_end().lines() {
        if line.starts_with("```") {
            is_code = !is_code;
        } else if is_code {
            // A blank line has nothing at its end.
            let indent = if line.is_empty() { "" } else { "    " };
            text += &format!("{indent}{line}\n");
        } else if !line.starts_with("|-") && !line.starts_with("| -") {
            text += &prose(line.trim_start_matches('#').trim_start_matches(' '), line);
        }
    }
    text
}

/// A line of prose; headings have lost their signs, and other lines keep how they are indented.
fn prose(heading: &str, line: &str) -> String {
    let line = if line.starts_with('#') { heading } else { line };
    format!("{}\n", without_links(&line.replace("**", "")))
}

/// `[text](target)` is `text`.
fn without_links(line: &str) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some((before, link)) = rest.split_once('[') {
        let parts = link.split_once("](").and_then(|(name, behind)| {
            let (_, behind) = behind.split_once(')')?;
            (!name.contains('[')).then_some((name, behind))
        });
        text += before;
        match parts {
            Some((name, behind)) => {
                text += name;
                rest = behind;
            }
            None => {
                text.push('[');
                rest = link;
            }
        }
    }
    text + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_read_without_its_marks() {
        let markdown =
            "# A title\n\nSee [the page](a.md) of `a[1]`, **now**:\n\n```sh\nrun [x](y)\n\n```\n\n\
                        | a | b |\n|---|---|\n| `c` | [d](e) |\n  - [one](f) [two] (g)\n";
        let text = "A title\n\nSee the page of `a[1]`, now:\n\n    run [x](y)\n\n\n\
                    | a | b |\n| `c` | d |\n  - one [two] (g)\n";
        assert_eq!(page(markdown), text);
    }
}
