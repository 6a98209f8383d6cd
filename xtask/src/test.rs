//! Every test, from cheap to dear. What cannot run fails and says what to install.

use crate::{cargo, host, kpsc};
use anyhow::Result;

/// Runs them all.
pub(crate) fn run() -> Result<()> {
    host::prepare()?;
    step("formatting");
    crate::run(cargo().args(["fmt", "--all", "--check"]))?;
    step("clippy");
    crate::run(cargo().args([
        "clippy",
        "--quiet",
        "--workspace",
        "--all-targets",
        "--",
        "--deny",
        "warnings",
    ]))?;
    step("kpsc");
    crate::run(cargo().args(["build", "--quiet", "--release", "--package", "kpsc"]))?;
    step("target kernel");
    // Without a name this prepares the default target if there is none, and says so.
    crate::run(kpsc()?.args(["build", "examples/cmdline_mark/cmdline_mark.kps", "-o", "target/example"]))?;
    step("tests");
    crate::run(cargo().args(["test", "--release", "--workspace"]))
}

fn step(text: &str) {
    println!("\n== {text}");
}
