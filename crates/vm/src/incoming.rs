// SPDX-License-Identifier: GPL-2.0
//! What arrives from the machine over the line of its agent: lines, and the bytes of a shell.

use super::agent;
use std::io::Read as _;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Instant;

/// Parts that wait to be read. Then the machine waits.
const WAITING: usize = 256;
/// The size of a part.
const PART: usize = 4096;

/// The end of the line on the host.
pub(super) struct Incoming {
    parts: Receiver<Vec<u8>>,
    /// What has arrived and has not been read yet.
    rest: Vec<u8>,
}

impl Incoming {
    /// Reads a connection, in a thread that ends with it.
    pub(super) fn of(mut stream: UnixStream) -> Incoming {
        let (sender, parts) = mpsc::sync_channel(WAITING);
        thread::spawn(move || {
            let mut part = vec![0; PART];
            while let Ok(count @ 1..) = stream.read(&mut part) {
                if sender.send(part[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Incoming { parts, rest: Vec::new() }
    }

    /// The next line.
    pub(super) fn line(&mut self, deadline: Instant) -> Result<String, RecvTimeoutError> {
        loop {
            let is_whole = self.rest.contains(&b'\n') || self.rest.len() as u64 >= agent::LINE;
            let mut rest = self.rest.as_slice();
            if is_whole {
                // Reading from memory cannot fail.
                if let Ok(Some(line)) = agent::line(&mut rest) {
                    self.rest = rest.to_vec();
                    return Ok(line);
                }
            }
            self.wait(deadline)?;
        }
    }

    /// What arrives next, up to a text; whether the text is there.
    pub(super) fn until(&mut self, end: &str) -> Result<(Vec<u8>, bool), RecvTimeoutError> {
        loop {
            let at = self.rest.windows(end.len()).position(|part| part == end.as_bytes());
            if let Some(at) = at {
                let before = self.rest.drain(..at + end.len()).take(at).collect();
                return Ok((before, true));
            }
            // The rest may be the start of the text.
            let is_start = |from: &usize| end.as_bytes().starts_with(&self.rest[*from..]);
            let from = (0..self.rest.len()).find(is_start).unwrap_or(self.rest.len());
            if from > 0 {
                return Ok((self.rest.drain(..from).collect(), false));
            }
            let part = self.parts.recv().map_err(|_| RecvTimeoutError::Disconnected)?;
            self.rest.extend(part);
        }
    }

    fn wait(&mut self, deadline: Instant) -> Result<(), RecvTimeoutError> {
        let left = deadline.saturating_duration_since(Instant::now());
        self.rest.extend(self.parts.recv_timeout(left)?);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::time::Duration;

    #[test]
    fn lines_and_the_bytes_of_a_shell_come_in_their_order() {
        let (ours, mut theirs) = UnixStream::pair().unwrap_or_else(|error| panic!("{error}"));
        let mut incoming = Incoming::of(ours);
        let deadline = || Instant::now() + Duration::from_secs(10);
        for part in ["ready\nok ", "7f\n~ # ls\r\n", "<en", "<end>. 7f 0\n"] {
            theirs.write_all(part.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
        }
        assert_eq!(incoming.line(deadline()).as_deref(), Ok("ready"));
        assert_eq!(incoming.line(deadline()).as_deref(), Ok("ok 7f"));
        let mut shown = Vec::new();
        loop {
            let (part, ended) = incoming.until("<end>").unwrap_or_default();
            shown.extend(part);
            if ended {
                break;
            }
        }
        assert_eq!(String::from_utf8_lossy(&shown), "~ # ls\r\n<en");
        assert_eq!(incoming.line(deadline()).as_deref(), Ok(". 7f 0"));
        drop(theirs);
        assert_eq!(incoming.line(deadline()), Err(RecvTimeoutError::Disconnected));
    }
}
