// SPDX-License-Identifier: GPL-2.0
//! `kpsc expand`.

use super::{compile, open_target, read_patch, CommandResult, SpecArgs, TargetArgs};
use crate::driver::Compiled;
use crate::emit::expand_crate;
use kps_grammar::ast::Form;
use kps_report::stdout::print;
use kps_targets::Cache;
use std::path::Path;

#[derive(Debug, clap::Args)]
pub(super) struct Expand {
    #[command(flatten)]
    spec: SpecArgs,
    #[command(flatten)]
    target: TargetArgs,
}

impl Expand {
    /// Where the patch is.
    pub(super) fn place(&self) -> &Path {
        &self.spec.spec
    }

    pub(super) fn run(self) -> CommandResult {
        let input = read_patch(&self.spec.spec)?;
        let cache = Cache::open()?;
        let target = open_target(&cache, self.target.kernel.as_deref())?;
        let compiled = match compile(input, &target, &cache)? {
            Ok(compiled) => compiled,
            Err(code) => return Ok(code),
        };
        let text = match compiled.form() {
            Form::Crate => expand_crate(&compiled.passed.checked, &compiled.sources),
            Form::Spec => generated(&compiled),
        };
        print(&text);
        Ok(0)
    }
}

/// The files that are generated from a spec, each below a line with its name.
fn generated(compiled: &Compiled) -> String {
    let file = |part| {
        let file = format!("{}_{part}.rs", compiled.name());
        let code = compiled.emitted.files.0.get(&file).map(String::as_str).unwrap_or_default();
        format!("// ==> {file}\n{code}")
    };
    ["main", "types"].map(file).concat()
}
