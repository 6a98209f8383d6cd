// SPDX-License-Identifier: GPL-2.0
//! The blocks of the documentation, which tests read, run and compare.

use crate::{kpsc, kpsctl, repository};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A fenced block.
#[derive(Debug, Clone)]
pub struct Block {
    /// The words behind the fence: a language, and what to make of the text.
    pub info: String,
    /// What stands in it.
    pub text: String,
}

/// Blocks of commands that are run in a virtual machine (`suites/examples.rs`), by words in them.
pub const SCRIPTS: [(&str, &str); 2] =
    [("docs/language.md", "insmod support_mark.ko"), ("docs/language.md", "rmmod missing_files")];

/// Blocks of commands that `suites/signing.rs` runs, by words in them.
pub const SIGNING: [(&str, &str); 2] =
    [("docs/ship.md", "kpsc build fix.kps --sign"), ("docs/ship.md", "softhsm2-util --init-token")];

/// Blocks of commands that `suites/shipping.rs` runs, by words in them.
pub const SHIPPING: [(&str, &str); 5] = [
    ("docs/ship.md", "kpsc package --deb --rpm"),
    ("docs/ship.md", "--version 3"),
    ("docs/ship.md", "apt-ftparchive"),
    ("docs/ship.md", "Unattended-Upgrade"),
    ("docs/ship.md", "preferences.d/hold"),
];

/// The page of the collection for Ansible.
pub const ANSIBLE: &str = "deploy/ansible/README.md";

/// Its blocks, by words in them: `suites/fleet` runs commands and playbooks, and compares texts with
/// what they print.
pub const FLEET: [(&str, &str); 10] = [
    (ANSIBLE, "ansible-galaxy collection build"),
    (ANSIBLE, "- src: /srv/livepatches/net_fix.ko"),
    (ANSIBLE, "ansible-playbook fix.yml --check"),
    (ANSIBLE, "+  net_fix 1 level=2"),
    (ANSIBLE, "h3: done, kernel"),
    (ANSIBLE, "livepatch_packages: [livepatch-net-fix]"),
    (ANSIBLE, "h2: failed: KPS1027"),
    (ANSIBLE, "- name: List the CVEs"),
    (ANSIBLE, "ansible web --module-name kpsc.livepatch.kpsc_facts"),
    (ANSIBLE, "python3 -m unittest discover"),
];

/// The pages for readers, by their paths in the repository; those of messages are not among them.
pub fn pages() -> Vec<String> {
    let docs = crate::files(&repository().join("docs")).into_iter();
    let docs = docs.filter(|path| path.extension().is_some_and(|extension| extension == "md"));
    let name = |path: PathBuf| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let docs = docs.map(|path| format!("docs/{}", name(path)));
    let of_folders = [
        "README.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "examples/README.md",
        "examples/fixes/README.md",
        "tests/README.md",
        ANSIBLE,
    ];
    of_folders.map(str::to_owned).into_iter().chain(docs).collect()
}

/// A shell that runs a block, and stops at the first command that fails. `kpsc` and `kpsctl` are
/// programs for it.
pub fn shell(script: &str) -> Command {
    let kpsc = kpsc();
    let programs = [PathBuf::from(kpsc.get_program()), kpsctl()];
    let folders = programs.iter().filter_map(|program| program.parent()).map(Path::to_owned);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = std::env::join_paths(folders.chain(std::env::split_paths(&path)));
    let mut shell = Command::new("sh");
    shell.args(["-ec", script]).env("PATH", path.unwrap_or_else(|error| panic!("{error}")));
    shell.envs(kpsc.get_envs().filter_map(|(name, value)| Some((name, value?))));
    shell
}

/// The text of a file of the repository.
pub fn read(path: &str) -> String {
    std::fs::read_to_string(repository().join(path))
        .unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The blocks of a page's text.
pub fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for line in page.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(info)) => open = Some(Block { info: info.to_owned(), text: String::new() }),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(block), None) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}

/// The block of a page that is meant.
pub fn block(page: &str, is_meant: impl Fn(&Block) -> bool) -> Block {
    let found = blocks(&read(page)).into_iter().find(is_meant);
    found.unwrap_or_else(|| panic!("{page} has no such block any more"))
}
