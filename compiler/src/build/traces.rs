// SPDX-License-Identifier: GPL-2.0
//! Maps the code of a patch in a kernel's trace to the author's lines.

use super::author::Author;
use crate::emit::Emitted;
use kps_grammar::{Sources, Span};
use kps_link::{CodeLines, ObjectFile};

/// A place in a module's code, as the kernel prints it: `FUNCTION+0xOFFSET/0xSIZE [MODULE]`.
#[derive(Debug, PartialEq, Eq)]
struct Place<'l> {
    /// The function and the offset in it.
    words: &'l str,
    function: &'l str,
    /// The offset of the instruction that ran.
    offset: u64,
}

/// The author's lines in a kernel's log, each with its place in the module, in the order of the
/// log: where the kernel was comes before the calls that led there.
pub fn author_lines(
    log: &str,
    module: &str,
    object: &[u8],
    emitted: &Emitted,
    sources: &Sources,
) -> Vec<(String, Span)> {
    let author = Author { emitted, sources };
    let Some(object) = ObjectFile::read(object) else { return Vec::new() };
    let Some(lines) = CodeLines::read(&object) else { return Vec::new() };
    let mut found: Vec<(String, Span)> = Vec::new();
    for place in log.lines().filter_map(|line| place(line, module)) {
        let Some(at) = object.in_function(place.function, place.offset) else { continue };
        let span = lines.at(at).iter().find_map(|line| author.at(line));
        let is_new = |span: &Span| found.iter().all(|(_, known)| known != span);
        found.extend(span.filter(is_new).map(|span| (place.words.to_owned(), span)));
    }
    found
}

/// The place of a module's code that a line of a trace names.
fn place<'l>(line: &'l str, module: &str) -> Option<Place<'l>> {
    let words: Vec<&str> = line.split_whitespace().collect();
    // Behind the name there may be a build-id.
    let in_module = |word: &str| {
        word.strip_prefix('[').is_some_and(|rest| rest.trim_end_matches(']') == module)
    };
    let at = words.windows(2).position(|pair| in_module(pair[1]))?;
    // The kernel is not sure of entries with a question mark.
    if at.checked_sub(1).is_some_and(|before| words[before] == "?") {
        return None;
    }
    // A segment may stand before the function.
    let words_of_place = words[at].rsplit(':').next()?;
    let (function, rest) = words_of_place.split_once("+0x")?;
    let offset = u64::from_str_radix(rest.split('/').next()?, 16).ok()?;
    let is_exact = [kps_arch::native().instruction_pointer, "WARNING: ", " at "]
        .iter()
        .any(|it| line.contains(it));
    // A trace has the addresses that calls return to, which may be those of the next line.
    let offset = if is_exact { offset } else { offset.saturating_sub(1) };
    Some(Place { words: words_of_place, function, offset })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_that_of_the_instruction_which_ran() {
        fn found(line: &str) -> Option<(&str, u64)> {
            place(line, "fix").map(|place| (place.function, place.offset))
        }
        let rip = "[    9.1] RIP: 0010:kps_body_f+0x12/0x40 [fix]";
        assert_eq!(
            place(rip, "fix"),
            Some(Place { words: "kps_body_f+0x12/0x40", function: "kps_body_f", offset: 0x12 })
        );
        assert_eq!(found("[    9.1]  livepatch_f+0x1a/0x40 [fix]"), Some(("livepatch_f", 0x19)));
        assert_eq!(found("[    9.1]  livepatch_f+0x1a/0x40 [fix 7f]"), Some(("livepatch_f", 0x19)));
        assert_eq!(found("[    9.1]  ? livepatch_f+0x1a/0x40 [fix]"), None);
        assert_eq!(found("[    9.1]  livepatch_f+0x1a/0x40 [other]"), None);
        assert_eq!(found("[    9.1] RIP: 0010:cmdline_proc_show+0x9/0x30"), None);
        assert_eq!(found("[    9.1]  livepatch_f+0xz/0x40 [fix]"), None);
        assert_eq!(found("[fix]"), None);
    }
}
