// SPDX-License-Identifier: GPL-2.0
//! ansible-core and ansible-lint, as whoever manages machines has them: from the Python Package
//! Index, in an environment of their own. Debian's are years older.

use anyhow::{bail, Context as _, Result};
use std::path::Path;
use std::process::{Command, Stdio};

/// The folder of the environment, from the top of the repository.
pub const FOLDER: &str = "target/ansible";

/// Debian's own Python: another one may lack its package for environments.
const PYTHON: &str = "/usr/bin/python3";

/// What is in the environment, as pip takes it. The collection has the same lower bound.
const PACKAGES: [&str; 2] = ["ansible-core>=2.14", "ansible-lint>=24"];

/// The file that says what the environment was made of. It is written last.
const MADE_OF: &str = "made-of";

/// Whether this machine's Python can make an environment.
pub fn can_be_made() -> bool {
    let mut python = Command::new(PYTHON);
    python.args(["-c", "import ensurepip, venv"]).stderr(Stdio::null());
    python.status().is_ok_and(|status| status.success())
}

/// Makes the environment, in half a minute, unless it is there.
pub fn prepare() -> Result<()> {
    let folder = std::path::absolute(FOLDER)?;
    let made_of = made_of(&folder)?;
    if std::fs::read_to_string(folder.join(MADE_OF)).is_ok_and(|text| text == made_of) {
        return Ok(());
    }
    println!("Installing ansible-core and ansible-lint into {FOLDER}");
    run(Command::new(PYTHON).args(["-m", "venv", "--clear"]).arg(&folder), "python3-venv")?;
    let mut pip = Command::new(folder.join("bin/pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check"]).args(PACKAGES);
    run(
        &mut pip,
        "pip, which takes packages from the Python Package Index or from the index that its \
         configuration names,",
    )?;
    std::fs::write(folder.join(MADE_OF), made_of).context("cannot write into the environment")
}

/// An environment is for one place and one Python: its programs name the former, and its libraries
/// are in a folder named after the latter.
fn made_of(folder: &Path) -> Result<String> {
    let python = std::fs::canonicalize(PYTHON);
    let python = python.with_context(|| format!("cannot find {PYTHON}"))?;
    Ok(format!("{}\n{}\n{}\n", folder.display(), python.display(), PACKAGES.join("\n")))
}

fn run(command: &mut Command, name: &str) -> Result<()> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("the suite `fleet` needs Ansible, and {name} cannot install it:\n{said}");
    }
    Ok(())
}
