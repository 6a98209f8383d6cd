// SPDX-License-Identifier: GPL-2.0
//! A fix as its author publishes it: a source diff, perhaps as a mail.
//!
//! It is a stranger's text. Its paths name files of the kernel's source and nothing else, and
//! everything in it that is printed or written passes through [`Header`].

use crate::header::Header;
use crate::outline::{outline, Hunk};
use diffy::patch_set::{FileMode, FileOperation, FilePatch, ParseOptions, PatchKind, PatchSet};
use diffy::{apply, Line, Patch};
use kps_diag::{
    Diagnostic, Span, FIX_DOES_NOT_APPLY, FIX_IS_APPLIED, PATH_OUTSIDE_SOURCE, UNREADABLE_FIX,
};

/// A fix.
#[derive(Debug)]
pub struct Fix<'t> {
    /// What the text around the diff says.
    pub header: Header,
    /// The changes, one for each file, in the order of the diff.
    pub files: Vec<FileChange<'t>>,
}

/// The change of one file.
#[derive(Debug)]
pub struct FileChange<'t> {
    /// Its path below the top of the source, once the fix is applied.
    pub path: String,
    /// What is done to it.
    pub edit: Edit<'t>,
    /// The line of the diff that names it.
    pub place: Span,
    /// The hunks of the diff.
    pub hunks: Vec<Hunk>,
}

/// Where a diff changes a file.
#[derive(Debug, Clone, Copy)]
pub struct Lines<'a> {
    /// The line that names the file.
    pub place: Span,
    /// The hunks.
    pub hunks: &'a [Hunk],
}

/// What a fix does to a file.
#[derive(Debug)]
pub enum Edit<'t> {
    /// Its text changes, and perhaps its name: `from` is the old path.
    Modify {
        /// Its path before.
        from: String,
        /// The hunks; there are none if only the name or the mode changes.
        patch: Patch<'t, str>,
    },
    /// It is new.
    Create(Patch<'t, str>),
    /// It goes.
    Delete,
    /// It is not text.
    Binary,
}

impl<'t> Fix<'t> {
    /// Reads a diff. Spans are byte ranges of the text.
    pub fn read(text: &'t str) -> Result<Fix<'t>, Vec<Diagnostic>> {
        let is_git = text.starts_with("diff --git ") || text.contains("\ndiff --git ");
        let outlines = outline(text, is_git);
        let Some(first) = outlines.first() else {
            let error = Diagnostic::new(UNREADABLE_FIX, "the text holds no source diff");
            let help = "name a file that `git format-patch`, `git show` or `diff -u` has written";
            return Err(vec![error.help(help)]);
        };
        let header = Header::read(&text[..first.place.start]);
        let options = if is_git { ParseOptions::gitdiff() } else { ParseOptions::unidiff() };
        let mut outlines = outlines.into_iter();
        let (mut files, mut errors) = (Vec::new(), Vec::new());
        for read in PatchSet::parse(text, options) {
            let Some(outline) = outlines.next() else { break };
            let file = read.map_err(|error| unreadable(&error.to_string()));
            let file = file.and_then(|file| read_file(file, is_git));
            match file {
                Ok((path, edit)) => {
                    files.push(FileChange {
                        path,
                        edit,
                        place: outline.place,
                        hunks: outline.hunks,
                    });
                }
                Err(error) => errors.push(error.at(outline.place, "")),
            }
        }
        match errors.is_empty() {
            true => Ok(Fix { header, files }),
            false => Err(errors),
        }
    }
}

impl<'t> FileChange<'t> {
    /// Where the diff changes the file.
    pub fn lines(&self) -> Lines<'_> {
        Lines { place: self.place, hunks: &self.hunks }
    }

    /// The text of the file with the fix.
    pub fn apply(&self, old: &str) -> Result<String, Diagnostic> {
        match &self.edit {
            Edit::Modify { patch, .. } => {
                apply(old, patch).map_err(|_| self.does_not_apply(old, patch))
            }
            Edit::Create(patch) => apply("", patch).map_err(|_| self.does_not_apply("", patch)),
            Edit::Delete | Edit::Binary => Ok(String::new()),
        }
    }

    fn does_not_apply(&self, old: &str, patch: &Patch<'t, str>) -> Diagnostic {
        let path = &self.path;
        if apply(old, &patch.reverse()).is_ok() {
            return Diagnostic::new(FIX_IS_APPLIED, format!("{path} has this change already"))
                .at(self.place, "")
                .help("choose the kernel that lacks the fix with `--kernel`");
        }
        let hunks = patch.hunks().iter().map(|hunk| before(hunk.lines()));
        let failed = hunks.enumerate().find(|(_, lines)| !is_in(old, lines));
        let (n, lines) = failed.unwrap_or_default();
        let place = self.hunks.get(n).map_or(self.place, |hunk| hunk.place);
        let message = format!("hunk {} of {path} does not apply to the target's source", n + 1);
        let error = Diagnostic::new(FIX_DOES_NOT_APPLY, message).at(place, "");
        let error = match nearest(old, &lines) {
            Some((line, found, wanted)) => error.note(format!(
                "line {line} of the target's file is `{}`, where the diff has `{}`",
                found.trim(),
                wanted.trim()
            )),
            None => error,
        };
        error
            .help("take the fix from the stable branch that is nearest to the target, or rebase it")
    }
}

/// What a file's patch does, with the path of the file.
fn read_file<'t>(file: FilePatch<'t, str>, is_git: bool) -> Result<(String, Edit<'t>), Diagnostic> {
    let is_link = |mode: Option<&FileMode>| {
        mode.is_some_and(|mode| matches!(mode, FileMode::Symlink | FileMode::Gitlink))
    };
    if is_link(file.old_mode()) || is_link(file.new_mode()) {
        return Err(unreadable("it changes a link"));
    }
    let (from, path) = match file.operation() {
        FileOperation::Create(path) => (None, below(path, is_git)?),
        FileOperation::Delete(path) => return Ok((below(path, is_git)?, Edit::Delete)),
        FileOperation::Modify { original, modified } => {
            (Some(below(original, is_git)?), below(modified, is_git)?)
        }
        // Git writes these paths without the letter of a side.
        FileOperation::Rename { from, to } | FileOperation::Copy { from, to } => {
            (Some(checked(from)?), checked(to)?)
        }
    };
    let edit = match (file.into_patch(), from) {
        (PatchKind::Binary(_), _) => Edit::Binary,
        (PatchKind::Text(patch), None) => Edit::Create(patch),
        (PatchKind::Text(patch), Some(from)) => Edit::Modify { from, patch },
    };
    Ok((path, edit))
}

/// A path of a diff without what stands for the folder of a side: `a/` and `b/` or another letter
/// in a diff of Git, and any folder in others, as with `patch -p1`.
fn below(path: &str, is_git: bool) -> Result<String, Diagnostic> {
    let rest = match path.split_once('/') {
        Some((folder, rest)) if !is_git || folder.len() == 1 => rest,
        _ => path,
    };
    checked(rest)
}

/// A path that stays below the top of the source and has only the characters of such paths.
fn checked(path: &str) -> Result<String, Diagnostic> {
    const MAX_PATH: usize = 240;
    let is_plain = |part: &str| {
        !part.is_empty()
            && !part.starts_with(['.', '-'])
            && part.chars().all(|c| c.is_ascii_alphanumeric() || "_-.+,@".contains(c))
    };
    match path.len() <= MAX_PATH && path.split('/').all(is_plain) {
        true => Ok(path.to_owned()),
        false => {
            let message = format!("{path:?} is not the path of a file of the kernel's source");
            Err(Diagnostic::new(PATH_OUTSIDE_SOURCE, message)
                .help("make the diff at the top of the source, with `git diff` or `diff -u a b`"))
        }
    }
}

fn unreadable(why: &str) -> Diagnostic {
    Diagnostic::new(UNREADABLE_FIX, "this part of the diff cannot be read")
        .note(why.to_owned())
        .help("make the diff anew, with `git format-patch` or `diff -u`")
}

/// The lines that a hunk expects.
fn before<'t>(lines: &[Line<'t, str>]) -> Vec<&'t str> {
    let lines = lines.iter().filter_map(|line| match line {
        Line::Context(text) | Line::Delete(text) => Some(*text),
        Line::Insert(_) => None,
    });
    lines.collect()
}

/// Whether a text has these lines one after the other.
fn is_in(text: &str, lines: &[&str]) -> bool {
    let all: Vec<&str> = text.split_inclusive('\n').collect();
    lines.is_empty() || all.windows(lines.len()).any(|window| window == lines)
}

/// The first line that differs at the place of a text that is most like these lines: its number,
/// and what is there and here.
fn nearest<'t>(text: &'t str, lines: &[&'t str]) -> Option<(usize, &'t str, &'t str)> {
    let all: Vec<&str> = text.split_inclusive('\n').collect();
    let same = |window: &[&str]| window.iter().zip(lines).filter(|(a, b)| a == b).count();
    let windows = all.windows(lines.len().max(1)).enumerate();
    // The first of several that are as good.
    let (at, window) = windows.rev().max_by_key(|(_, window)| same(window))?;
    if same(window) == 0 {
        return None;
    }
    let (n, (found, wanted)) =
        window.iter().zip(lines).enumerate().find(|(_, (found, wanted))| found != wanted)?;
    Some((at + n + 1, found, wanted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kps_diag::Code;

    const MAIL: &str = "From 0123456789abcdef0123456789abcdef01234567 Mon Sep 17 00:00:00 2001\n\
        From: A Person <a@example.org>\n\
        Subject: [PATCH 2/3] net: do not\n  forget\n\n\
        Text. --- a/x\n\
        ---\n net/a.c | 2 +-\n\n\
        diff --git a/net/a.c b/net/a.c\n\
        index 1..2 100644\n\
        --- a/net/a.c\n\
        +++ b/net/a.c\n\
        @@ -1,3 +1,3 @@ f\n one\n-two\n+2\n three\n\
        --\n2.1\n";

    fn codes(errors: &[Diagnostic]) -> Vec<&'static str> {
        errors.iter().map(|error| Code::id(error.code)).collect()
    }

    #[test]
    fn a_mail_is_read_and_applies_where_its_lines_are() {
        let Ok(fix) = Fix::read(MAIL) else { panic!("it is a diff") };
        assert_eq!(fix.header.subject, "net: do not forget");
        let [file] = &fix.files[..] else { panic!("one file") };
        assert_eq!(file.path, "net/a.c");
        assert_eq!(&MAIL[file.place.start..file.place.end], "diff --git a/net/a.c b/net/a.c");
        let moved = "zero\nzero\none\ntwo\nthree\n";
        assert_eq!(file.apply(moved).unwrap_or_default(), "zero\nzero\none\n2\nthree\n");
    }

    #[test]
    fn a_hunk_that_does_not_apply_says_where_and_what_is_there() {
        let Ok(fix) = Fix::read(MAIL) else { panic!("it is a diff") };
        let refused = |old: &str| match fix.files[0].apply(old) {
            Err(error) => error,
            Ok(text) => panic!("{text}"),
        };
        let error = refused("zero\none\ndos\nthree\n");
        assert_eq!(error.code.id(), "KPS1302");
        assert!(error.message.contains("hunk 1 of net/a.c"), "{}", error.message);
        assert_eq!(error.notes, ["line 3 of the target's file is `dos`, where the diff has `two`"]);
        assert!(MAIL[error.labels[0].span.start..].starts_with("@@ -1,3"));
        assert_eq!(refused("one\n2\nthree\n").code.id(), "KPS1303");
    }

    #[test]
    fn files_come_go_and_move() {
        let text = "diff --git a/new.c b/new.c\nnew file mode 100644\n--- /dev/null\n+++ b/new.c\n\
            @@ -0,0 +1 @@\n+int x;\n\
            diff --git a/old.c b/old.c\ndeleted file mode 100644\n--- a/old.c\n+++ /dev/null\n\
            @@ -1 +0,0 @@\n-int x;\n\
            diff --git a/from.c b/to.c\nsimilarity index 100%\nrename from from.c\nrename to to.c\n\
            diff --git a/x.bin b/x.bin\nindex 1..2\nBinary files a/x.bin and b/x.bin differ\n";
        let Ok(fix) = Fix::read(text) else { panic!("it is a diff") };
        let kinds = fix.files.iter().map(|file| match &file.edit {
            Edit::Create(_) => format!("+{}", file.path),
            Edit::Delete => format!("-{}", file.path),
            Edit::Modify { from, .. } => format!("{from}>{}", file.path),
            Edit::Binary => format!("?{}", file.path),
        });
        let kinds: Vec<_> = kinds.collect();
        assert_eq!(kinds, ["+new.c", "-old.c", "from.c>to.c", "?x.bin"]);
        assert_eq!(fix.files[0].apply("").unwrap_or_default(), "int x;\n");
    }

    #[test]
    fn a_plain_diff_loses_the_name_of_its_folders() {
        let text = "--- linux-7.3.orig/fs/a.c\t2026-01-01\n+++ linux-7.3/fs/a.c\t2026-01-02\n\
            @@ -1 +1 @@\n-a\n+b\n";
        let Ok(fix) = Fix::read(text) else { panic!("it is a diff") };
        assert_eq!(fix.files[0].path, "fs/a.c");
        assert_eq!(fix.files[0].apply("a\n").unwrap_or_default(), "b\n");
    }

    #[test]
    fn paths_that_leave_the_source_are_refused() {
        for path in ["../etc/passwd", "/etc/passwd", "fs/../../x.c", ".git/config", "-x", "a b"] {
            let text = format!(
                "diff --git a/{path} b/{path}\n--- a/{path}\n+++ b/{path}\n@@ -1 +1 @@\n-a\n+b\n"
            );
            let Err(errors) = Fix::read(&text) else { panic!("{path}") };
            assert!(codes(&errors).iter().all(|code| ["KPS1304", "KPS1301"].contains(code)));
        }
        let link = "diff --git a/x b/x\nnew file mode 120000\n--- /dev/null\n+++ b/x\n\
            @@ -0,0 +1 @@\n+/etc/passwd\n";
        let Err(errors) = Fix::read(link) else { panic!("a link") };
        assert_eq!(codes(&errors), ["KPS1301"]);
    }

    #[test]
    fn a_text_without_a_diff_is_refused() {
        let Err(errors) = Fix::read("From: x\n\nno diff\n") else { panic!("no diff") };
        assert_eq!(codes(&errors), ["KPS1301"]);
    }
}
