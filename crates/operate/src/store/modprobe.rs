// SPDX-License-Identifier: GPL-2.0
//! Has `modprobe` load an installed patch as `load` does, with everything that is checked before.

use super::Store;
use kps_diag::{Diagnostic, FILE_ERROR};
use kps_host::below::OpenFolder;
use kps_host::disk::cannot;
use kps_host::input::Limit;
use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::path::Path;

/// The folder of the file, below the root of the system (`modprobe.d(5)`).
const FOLDER: &str = "etc/modprobe.d";
/// The name of the file.
pub const CONFIG: &str = "kpsc.conf";
/// The file. It has a line for each installed patch.
const LIMIT: Limit = Limit { what: "a configuration of modprobe", bytes: 1 << 20 };

impl Store {
    /// Writes the configuration of `modprobe` for the patches that are installed for any kernel.
    /// `modprobe` runs the program by its path.
    pub fn write_modprobe(&self, program: &Path) -> Result<(), Diagnostic> {
        // No other writer comes between what is read and what is written.
        let _writer = self.writer()?;
        let text = config(program, &self.names()?)?;
        let path = self.system.path(FOLDER);
        let missing = || cannot("open", &path, &ErrorKind::NotFound.into());
        let folder = OpenFolder::open(&path)?.ok_or_else(missing)?;
        match folder.read(CONFIG, LIMIT) {
            // A read-only file system with the right file is no error.
            Ok(found) if found == text.as_bytes() => Ok(()),
            _ => folder.replace(CONFIG, text.as_bytes()),
        }
    }

    /// Removes that configuration. Returns whether there was one.
    pub fn remove_modprobe(&self) -> Result<bool, Diagnostic> {
        let Some(folder) = OpenFolder::open(&self.system.path(FOLDER))? else { return Ok(false) };
        let was_there = folder.remove(CONFIG)?;
        folder.sync()?;
        Ok(was_there)
    }

    /// The names of all installed patches. A set that cannot be read has none: nothing is loaded
    /// from it.
    fn names(&self) -> Result<BTreeSet<String>, Diagnostic> {
        let sets = self.releases()?.into_iter().filter_map(|release| self.set(&release).ok()?);
        Ok(sets.flat_map(|set| set.entries).map(|entry| entry.name).collect())
    }
}

/// The text of the file. `modprobe` passes each command to a shell, with the options of its own
/// command line in place of the last word.
fn config(program: &Path, names: &BTreeSet<String>) -> Result<String, Diagnostic> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "/.+-_".contains(c);
    let plain = program.to_str().filter(|path| path.starts_with('/') && path.chars().all(is_plain));
    let Some(program) = plain else {
        let path = program.display();
        let message = format!("modprobe cannot run {path}: the path has special characters");
        return Err(Diagnostic::new(FILE_ERROR, message)
            .help("install the program in a folder such as /usr/sbin"));
    };
    let mut text =
        "# Written by kpsc: modprobe loads installed livepatches with their checks.\n".to_owned();
    for name in names {
        text.push_str(&format!("install {name} {program} load {name} $CMDLINE_OPTS\n"));
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_paths_reach_the_shell() {
        let names = BTreeSet::from(["a".to_owned(), "b_2".to_owned()]);
        let text = config(Path::new("/usr/sbin/kpsctl"), &names).ok();
        let lines: Vec<_> = text.iter().flat_map(|text| text.lines().skip(1)).collect();
        assert_eq!(
            lines,
            [
                "install a /usr/sbin/kpsctl load a $CMDLINE_OPTS",
                "install b_2 /usr/sbin/kpsctl load b_2 $CMDLINE_OPTS"
            ]
        );
        for path in ["kpsctl", "", "/opt/a b/kpsctl", "/a;reboot", "/a\nb", "/$HOME/kpsctl", "/ä"]
        {
            assert!(config(Path::new(path), &names).is_err(), "{path}");
        }
    }
}
