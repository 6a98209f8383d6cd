// SPDX-License-Identifier: GPL-2.0
//! `kpsc fmt`.

use super::{report, say, CommandResult, ExitCode};
use crate::input::{decode, read_bytes};
use crate::syntax::{syntax, too_large};
use diffy::{DiffOptions, PatchFormatter};
use kps_diag::Diagnostic;
use kps_grammar::Sources;
use kps_host::disk::{cannot, rewrite};
use kps_report::stdout::print;
use std::io::Read as _;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(super) struct Fmt {
    /// Change no files: list the specs that would change, each with a diff.
    #[arg(long)]
    check: bool,
    /// The .kps files; `-` reads standard input and writes the result to standard output.
    #[arg(value_name = "SPEC", required = true)]
    specs: Vec<PathBuf>,
}

impl Fmt {
    pub(super) fn run(self) -> CommandResult {
        let mut code = 0;
        for spec in &self.specs {
            let done = lay_out(spec, self.check).unwrap_or_else(|error| report(&[error], None));
            code = code.max(done);
        }
        Ok(code)
    }
}

/// Formats one spec. A spec with syntax errors is not changed.
fn lay_out(spec: &Path, check: bool) -> Result<ExitCode, Diagnostic> {
    let is_stdin = spec == Path::new("-");
    let (name, bytes) = match is_stdin {
        true => ("<stdin>".to_owned(), read_stdin()?),
        false => (spec.display().to_string(), read_bytes(spec)?),
    };
    let before = String::from_utf8_lossy(&bytes).into_owned();
    let source = decode(name, bytes)?;
    let after = match kps_grammar::format(&source) {
        Ok(after) => after,
        Err(errors) => {
            let mut diagnostics: Vec<Diagnostic> = errors.iter().map(syntax).collect();
            diagnostics.sort_by_key(|d| d.labels.first().map(|label| label.span));
            return Ok(report(&diagnostics, Some(&Sources::new(source))));
        }
    };
    if check && after != before {
        say(&source.name);
        show_difference(&before, &after);
        return Ok(1);
    }
    if is_stdin && !check {
        print(&after);
    } else if after != before {
        rewrite(spec, after.as_bytes())?;
    }
    Ok(0)
}

fn read_stdin() -> Result<Vec<u8>, Diagnostic> {
    let most = kps_grammar::MAX_SIZE as u64;
    let mut bytes = Vec::new();
    let read = std::io::stdin().lock().take(most + 1).read_to_end(&mut bytes);
    read.map_err(|error| cannot("read", Path::new("the standard input"), &error))?;
    match bytes.len() as u64 > most {
        true => Err(too_large("<stdin>")),
        false => Ok(bytes),
    }
}

/// Shows the changed lines and a few lines around them.
fn show_difference(before: &str, after: &str) {
    /// Comparing longer texts takes too long, and their differences are too long to read.
    const MOST: usize = 5000;
    if before.lines().count().max(after.lines().count()) > MOST {
        return;
    }
    let patch = DiffOptions::new().set_context_len(1).create_patch(before, after);
    let difference =
        PatchFormatter::new().suppress_blank_empty(false).fmt_patch(&patch).to_string();
    // Its first two lines name the texts.
    difference.lines().skip(2).for_each(say);
}
