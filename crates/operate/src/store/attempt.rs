// SPDX-License-Identifier: GPL-2.0
//! The guard against boot loops: a set during whose loading the machine went down is not loaded
//! again until somebody says so.
//!
//! A boot leaves a file before it loads the set, notes there that all of it is loaded, and removes
//! it when the machine has booted. The next boot finds the file if this one did not get so far:
//! while it was loading, the set is held; later, a power cut may be the reason, and the set is held
//! if that happens twice in a row.

use super::manifest::SET_MANIFEST;
use super::set::Set;
use super::writer::Branch;
use super::{Release, Store};
use crate::read;
use kps_diag::{Diagnostic, SET_HELD, UNREADABLE_STATE};
use kps_host::below::{OpenFolder, Unread};
use serde::{Deserialize, Serialize};

/// The name of the file.
const NAME: &str = "attempt";
/// How many boots in a row may end between loading the set and having booted.
const ENDED: u32 = 2;

/// How far a boot has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// It is loading the set.
    Loading,
    /// It has loaded the set.
    Loaded,
}

/// What the earlier boots say about the installed set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing is known against it.
    Load,
    /// The boot before this one has loaded it and ended before the machine had booted.
    LoadAgain,
    /// It is not to be loaded: at this stage the last boot ended.
    Held(Stage),
}

/// The attempt of a boot to load a set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Attempt {
    generation: u32,
    /// `/proc/sys/kernel/random/boot_id`.
    boot_id: String,
    stage: Stage,
    /// How many boots before it have ended although they had loaded the set.
    ended: u32,
}

impl Attempt {
    fn verdict(&self, generation: u32, boot_id: &str) -> Verdict {
        if self.generation != generation || self.boot_id == boot_id {
            return Verdict::Load;
        }
        match self.stage {
            Stage::Loaded if self.ended < ENDED - 1 => Verdict::LoadAgain,
            stage => Verdict::Held(stage),
        }
    }

    /// What this boot leaves when it begins, after what was found.
    fn next(found: Option<&Attempt>, generation: u32, boot_id: &str) -> Attempt {
        let found = found.filter(|found| found.generation == generation);
        let ended = found.map_or(0, |found| {
            let is_another = found.boot_id != boot_id && found.stage == Stage::Loaded;
            found.ended.saturating_add(u32::from(is_another))
        });
        Attempt { generation, boot_id: boot_id.to_owned(), stage: Stage::Loading, ended }
    }
}

impl Store {
    /// Whether the installed set may be loaded, for [`Store::held`] otherwise.
    pub fn verdict(&self, set: &Set) -> Result<Verdict, Diagnostic> {
        let boot_id = self.boot_id()?;
        let Some(top) = OpenFolder::open(&self.folder())? else { return Ok(Verdict::Load) };
        let path = top.path().join(set.release.as_str());
        let folder = top.folder(set.release.as_str());
        let folder = folder.map_err(|unread| self.unread(&path, unread))?;
        let found = self.attempt(&folder)?;
        Ok(found.map_or(Verdict::Load, |found| found.verdict(set.generation, &boot_id)))
    }

    /// The error for a set that is held.
    pub fn held(&self, set: &Set, stage: Stage) -> Diagnostic {
        let Set { release, generation, .. } = set;
        let program = self.system.program;
        let when = match stage {
            Stage::Loading => "while it loaded them",
            Stage::Loaded => "twice in a row after it had loaded them, before it had booted",
        };
        let message = format!("the installed patches are not loaded: the machine went down {when}");
        Diagnostic::new(SET_HELD, message)
            .note(format!("they are generation {generation} of the set for {release}"))
            .help(format!(
                "return to the set before with `{program} rollback`, or load this one all the same with `{program} load --all --again`"
            ))
    }

    /// This boot begins to load the set. When this returns, the next one knows.
    pub fn begin(&self, set: &Set) -> Result<(), Diagnostic> {
        let boot_id = self.boot_id()?;
        self.change_attempt(&set.release, |found| {
            Some(Attempt::next(found.as_ref(), set.generation, &boot_id))
        })
    }

    /// This boot has loaded the set, or as much of it as the kernel accepts.
    pub fn loaded(&self, release: &Release) -> Result<(), Diagnostic> {
        let boot_id = self.boot_id()?;
        self.change_attempt(release, |found| {
            let mut attempt = found?;
            if attempt.boot_id == boot_id {
                attempt.stage = Stage::Loaded;
            }
            Some(attempt)
        })
    }

    /// The machine has booted. What an earlier boot has left stays: this one did not load the set.
    pub fn booted(&self, release: &Release) -> Result<(), Diagnostic> {
        let boot_id = self.boot_id()?;
        self.change_attempt(release, |found| found.filter(|found| found.boot_id != boot_id))
    }

    /// The set may be loaded again, whatever happened.
    pub fn clear(&self, release: &Release) -> Result<(), Diagnostic> {
        let Some(writer) = self.writer()? else { return Ok(()) };
        writer.branch(release)?.map_or(Ok(()), |branch| branch.forget_attempt())
    }

    fn change_attempt(
        &self,
        release: &Release,
        change: impl FnOnce(Option<Attempt>) -> Option<Attempt>,
    ) -> Result<(), Diagnostic> {
        let Some(writer) = self.writer()? else { return Ok(()) };
        let Some(branch) = writer.branch(release)? else { return Ok(()) };
        let found = self.attempt(&branch.folder)?;
        match change(found.clone()) {
            next if next == found => Ok(()),
            None => branch.forget_attempt(),
            Some(next) => {
                let text = toml::to_string(&next);
                let text = text.unwrap_or_else(|error| unreachable!("four plain values: {error}"));
                branch.folder.replace(NAME, text.as_bytes())
            }
        }
    }

    fn attempt(&self, folder: &OpenFolder) -> Result<Option<Attempt>, Diagnostic> {
        let path = folder.path().join(NAME);
        let text = match folder.read(NAME, SET_MANIFEST) {
            Ok(text) => text,
            Err(Unread::Missing) => return Ok(None),
            Err(unread) => return Err(self.unread(&path, unread).help(self.again())),
        };
        let attempt = std::str::from_utf8(&text).ok().and_then(|text| toml::from_str(text).ok());
        let error = || self.damaged(&path, "it is not an attempt").help(self.again());
        attempt.map(Some).ok_or_else(error)
    }

    fn again(&self) -> String {
        format!("load the set all the same with `{} load --all --again`", self.system.program)
    }

    /// The id of this boot.
    fn boot_id(&self) -> Result<String, Diagnostic> {
        const PATH: &str = "proc/sys/kernel/random/boot_id";
        let is_id = |text: &String| {
            (1..=36).contains(&text.len())
                && text.chars().all(|c| c.is_ascii_hexdigit() || c == '-')
        };
        read(&self.system.path(PATH)).filter(is_id).ok_or_else(|| {
            Diagnostic::new(UNREADABLE_STATE, "the id of this boot cannot be read")
                .note(format!("/{PATH} has it"))
                .help("mount procfs at /proc")
        })
    }
}

impl Branch<'_> {
    /// Removes the attempt, if there is one.
    pub(super) fn forget_attempt(&self) -> Result<(), Diagnostic> {
        match self.folder.remove(NAME)? {
            true => self.folder.sync(),
            false => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attempt(generation: u32, boot_id: &str, stage: Stage, ended: u32) -> Attempt {
        Attempt { generation, boot_id: boot_id.into(), stage, ended }
    }

    #[test]
    fn a_set_is_held_if_a_boot_ended_while_loading_or_two_did_after_it() {
        use Stage::{Loaded, Loading};
        // What is found in boot `b`, which has generation 3 installed; the verdict; the count that
        // the boot leaves.
        for (found, verdict, ended) in [
            (None, Verdict::Load, 0),
            (Some(attempt(3, "a", Loading, 0)), Verdict::Held(Loading), 0),
            (Some(attempt(3, "a", Loading, 1)), Verdict::Held(Loading), 1),
            (Some(attempt(3, "a", Loaded, 0)), Verdict::LoadAgain, 1),
            (Some(attempt(3, "a", Loaded, 1)), Verdict::Held(Loaded), 2),
            (Some(attempt(3, "a", Loaded, u32::MAX)), Verdict::Held(Loaded), u32::MAX),
            // This boot itself, whose service was started again.
            (Some(attempt(3, "b", Loading, 0)), Verdict::Load, 0),
            (Some(attempt(3, "b", Loaded, 1)), Verdict::Load, 1),
            // Another set.
            (Some(attempt(2, "a", Loading, 1)), Verdict::Load, 0),
            (Some(attempt(4, "a", Loaded, 1)), Verdict::Load, 0),
        ] {
            let found = found.as_ref();
            let said = found.map_or(Verdict::Load, |found| found.verdict(3, "b"));
            assert_eq!(said, verdict, "{found:?}");
            let next = attempt(3, "b", Loading, ended);
            assert_eq!(Attempt::next(found, 3, "b"), next, "{found:?}");
        }
    }
}
