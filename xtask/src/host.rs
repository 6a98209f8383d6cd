// SPDX-License-Identifier: GPL-2.0
//! The programs of the host that kpsc and its tests call.

use crate::kpsc_error;
use anyhow::{bail, Context as _, Result};
use kps_targets::Cache;
use kpsc::doctor::{examine, installed, remedy, Need, State};
use std::process::Command;
use xtask::ansible;

/// Installs what is missing, as root on a Debian-like machine; elsewhere says what to run.
pub(crate) fn prepare() -> Result<()> {
    install(Vec::new())
}

/// The same with the programs that only the tests call.
pub(crate) fn prepare_tests() -> Result<()> {
    let needs = vec![
        python_environments(),
        installed("nvim", "neovim", "is a client of `kpsc lsp`"),
        installed("node", "nodejs", "reads the grammar for editors"),
        // Debian's own: another of that name may lack its library.
        installed("/usr/bin/jsonschema", "python3-jsonschema", "validates the output of `kpsctl`"),
        installed("lintian", "lintian", "judges packages for Debian"),
        installed("rpm", "rpm", "reads packages for other distributions"),
        installed("rpmlint", "rpmlint", "judges these"),
        installed("python3", "python3", "runs the modules for Ansible"),
        installed("softhsm2-util", "softhsm2", "has a key in a token"),
        installed("p11-kit", "p11-kit", "leads to it"),
        installed("openssl", "openssl", "makes keys, and reads signatures"),
        installed("/usr/share/OVMF/OVMF_CODE_4M.fd", "ovmf", "is a firmware that knows keys"),
        installed("ssh", "openssh-client", "logs in to virtual machines"),
        installed("gpg", "gnupg", "signs a repository of packages"),
        installed("apt-ftparchive", "apt-utils", "makes its index"),
        installed("strace", "strace", "shows what is written to the installed patches, and when"),
    ];
    install(needs)?;
    ansible::prepare()
}

/// No program is in the package, so it is asked for by what it can do.
fn python_environments() -> Need {
    let state = if ansible::can_be_made() { State::Met } else { State::Missing("python3-venv") };
    Need { name: "venv".into(), purpose: "has Ansible installed in it", state, serves: None }
}

fn install(others: Vec<Need>) -> Result<()> {
    let cache = Cache::open().map_err(kpsc_error)?;
    let mut needs = examine(&cache);
    needs.push(installed("cc", "gcc", "compiles what the tests are made on"));
    needs.push(installed("make", "make", "is what users type"));
    needs.extend(others);
    if let Some(remedy) = remedy(&needs) {
        if !is_root() || !kpsc::doctor::is_installed("apt-get") {
            bail!("this machine lacks programs; as root, run:\n\n    {remedy}\n");
        }
        println!("Installing on this machine: {remedy}");
        let output = Command::new("sh")
            .args(["-c", &remedy])
            .env("DEBIAN_FRONTEND", "noninteractive")
            .output();
        let output = output.context("cannot run sh")?;
        if !output.status.success() {
            bail!("apt-get failed:\n{}", String::from_utf8_lossy(&output.stderr));
        }
        needs = examine(&cache);
    }
    for need in needs {
        if let State::Unmet(why) = need.state {
            bail!("{}: {why}", need.name);
        }
    }
    Ok(())
}

fn is_root() -> bool {
    // The owner of this process's own files in /proc is who it runs as.
    std::fs::metadata("/proc/self")
        .is_ok_and(|metadata| std::os::unix::fs::MetadataExt::uid(&metadata) == 0)
}
