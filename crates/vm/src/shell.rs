// SPDX-License-Identifier: GPL-2.0
//! A shell in the machine, on the user's terminal.

use super::{agent, Guest, VmError};
use rustix::termios::{tcgetattr, tcgetwinsize, tcsetattr, OptionalActions, Termios};
use std::io::{self, IsTerminal as _, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::RecvTimeoutError;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

/// The limit for the agent to take a script, and to answer when the shell has ended.
const LIMIT: Duration = Duration::from_secs(60);

/// A terminal that passes on every key, until this is dropped.
struct Raw(Termios);

impl Raw {
    fn stdin() -> io::Result<Raw> {
        let before = tcgetattr(io::stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(io::stdin(), OptionalActions::Now, &raw)?;
        Ok(Raw(before))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, &self.0);
    }
}

/// Whether a person types.
pub fn is_interactive() -> bool {
    io::stdin().is_terminal()
}

impl Guest {
    /// Runs a shell on the agent's line, which is a terminal in the machine, until it ends. The
    /// host's keys go to the shell, and `show` gets what it prints.
    pub fn shell(&mut self, show: impl FnMut(&[u8])) -> Result<(), VmError> {
        let (begin, end) = (agent::token(), agent::token());
        let deadline = || Instant::now() + LIMIT;
        let token = self.command(&script(&begin, &end), deadline(), LIMIT)?;
        if self.talk(&format!("{begin}\n"), &end, show).is_err() {
            return Err(self.stopped());
        }
        self.answer_to(&token, deadline(), LIMIT).map(drop)
    }

    /// Connects the terminals, from one mark of the script to the other. The error is that of a
    /// machine that has ended.
    fn talk(
        &mut self,
        begin: &str,
        end: &str,
        mut show: impl FnMut(&[u8]),
    ) -> Result<(), RecvTimeoutError> {
        while !self.from_agent.until(begin)?.1 {}
        // If the terminal cannot be changed, lines arrive whole, which serves as well.
        let _raw = Raw::stdin();
        let over = Arc::new(AtomicBool::new(false));
        if let Ok(shell) = self.to_agent.try_clone() {
            let over = Arc::clone(&over);
            // It ends with kpsc: nothing wakes it when the shell has ended.
            thread::spawn(move || pass_keys(shell, &over));
        }
        loop {
            let (shown, ended) = self.from_agent.until(end)?;
            show(&shown);
            if ended {
                over.store(true, Ordering::Relaxed);
                return Ok(());
            }
        }
    }
}

/// Passes the keys of the terminal on. What is typed after the end of the shell is for nobody: the
/// line is the agent's again.
fn pass_keys(mut shell: UnixStream, over: &AtomicBool) {
    let mut typed = [0; 256];
    while let Ok(count @ 1..) = io::stdin().read(&mut typed) {
        if over.load(Ordering::Relaxed) || shell.write_all(&typed[..count]).is_err() {
            return;
        }
    }
}

/// Makes the line a terminal for a shell, between two marks, and then the agent's again.
fn script(begin: &str, end: &str) -> String {
    // A terminal that does not know its size says 0.
    let size = tcgetwinsize(io::stdin()).map(|size| (size.ws_row, size.ws_col)).ok();
    let is_known = |(rows, columns): &(u16, u16)| *rows > 0 && *columns > 0;
    let (rows, columns) = size.filter(is_known).unwrap_or((24, 80));
    format!(
        "line=/dev/ttyS1
        printf '{begin}\\n' > $line
        stty -F $line sane opost onlcr -echoctl rows {rows} cols {columns}
        cd /root; PS1='\\w # ' setsid -c sh -i < $line > $line 2>&1
        stty -F $line raw -echo
        touch /run/hung-up
        printf {end} > $line"
    )
}
