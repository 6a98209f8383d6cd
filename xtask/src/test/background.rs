// SPDX-License-Identifier: GPL-2.0
//! A program in the background: what it prints waits until they are done, and it ends when they
//! fail.

use anyhow::{ensure, Context as _, Result};
use std::fs::File;
use std::io::{Seek as _, SeekFrom};
use std::process::{Child, Command};

/// A program that runs.
pub(crate) struct Background {
    child: Child,
    shown: String,
    printed: File,
}

impl Background {
    /// Starts it.
    pub(crate) fn start(command: &mut Command) -> Result<Background> {
        let printed = tempfile::tempfile()?;
        let shown = format!("{command:?}").replace('"', "");
        command.stdout(printed.try_clone()?).stderr(printed.try_clone()?);
        let child = command.spawn().with_context(|| format!("cannot run {shown}"))?;
        Ok(Background { child, shown, printed })
    }

    /// Waits until it has ended, and shows what it has printed. It must have succeeded.
    pub(crate) fn end(mut self) -> Result<()> {
        let status = self.child.wait()?;
        self.printed.seek(SeekFrom::Start(0))?;
        std::io::copy(&mut self.printed, &mut std::io::stdout())?;
        ensure!(status.success(), "{} failed: {status}", self.shown);
        Ok(())
    }
}

impl Drop for Background {
    /// Ends it, if it has not ended yet: nobody waits for it any more.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use super::Background;
    use std::process::Command;

    fn start(script: &str) -> Background {
        Background::start(Command::new("sh").args(["-c", script]))
            .unwrap_or_else(|error| panic!("{error:#}"))
    }

    #[test]
    fn one_that_fails_is_an_error_in_the_end() {
        assert!(start("true").end().is_ok());
        let error = start("exit 3").end().err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains("exit status: 3"), "{error}");
    }

    /// It would go on for an hour.
    #[test]
    fn one_that_nobody_waits_for_ends() {
        let background = start("exec sleep 3600");
        let process = std::path::PathBuf::from(format!("/proc/{}", background.child.id()));
        assert!(process.exists());
        drop(background);
        assert!(!process.exists());
    }
}
