//! `kpsc expand`.

use super::written::Written;
use super::{compile, open_target, CommandResult, Compiled, SpecArgs, TargetArgs};
use crate::emit::expand_crate;
use crate::target::Cache;
use std::io::Write as _;

#[derive(Debug, clap::Args)]
pub(super) struct Expand {
    #[command(flatten)]
    spec: SpecArgs,
    #[command(flatten)]
    target: TargetArgs,
}

impl Expand {
    pub(super) fn run(self) -> CommandResult {
        let written = Written::read(&self.spec.spec)?;
        let cache = Cache::open()?;
        let target = open_target(&cache, self.target.kernel.as_deref())?;
        let compiled = match compile(written, &target, &cache)? {
            Ok(compiled) => compiled,
            Err(code) => return Ok(code),
        };
        let text = match compiled.is_crate() {
            true => expand_crate(&compiled.checked, &compiled.sources),
            false => generated(&compiled),
        };
        // Whoever reads it may have stopped reading.
        let _ = std::io::stdout().write_all(text.as_bytes());
        Ok(0)
    }
}

/// The files that are generated from a spec, each below its name.
fn generated(compiled: &Compiled) -> String {
    let file = |part| {
        let file = format!("{}_{part}.rs", compiled.name);
        let code = compiled.emitted.files.0.get(&file).map(String::as_str).unwrap_or_default();
        format!("// ==> {file}\n{code}")
    };
    ["main", "types"].map(file).concat()
}
