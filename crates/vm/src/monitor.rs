// SPDX-License-Identifier: GPL-2.0
//! QEMU's monitor: one command at a time, in the QEMU Machine Protocol (`docs/interop/qmp-spec.rst`
//! in its source).

use rustix::net::{sendmsg, SendAncillaryBuffer, SendAncillaryMessage, SendFlags};
use serde_json::{json, Value};
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, IoSlice, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::AsFd as _;
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// The limit for QEMU's answers, and for saving a machine.
const LIMIT: Duration = Duration::from_secs(60);

/// The connection to QEMU's monitor.
pub(super) struct Monitor {
    to_qemu: UnixStream,
    from_qemu: BufReader<UnixStream>,
}

impl Monitor {
    /// Negotiates, without waiting for the answer.
    fn new(stream: &UnixStream) -> io::Result<Monitor> {
        let (to_qemu, from_qemu) = (stream.try_clone()?, stream.try_clone()?);
        to_qemu.set_read_timeout(Some(LIMIT))?;
        to_qemu.set_write_timeout(Some(LIMIT))?;
        let mut monitor = Monitor { to_qemu, from_qemu: BufReader::new(from_qemu) };
        monitor.send("qmp_capabilities", &json!({}))?;
        let on = |capability: &str| json!({ "capability": capability, "state": true });
        // Memory in a file stays there, and QEMU reports the progress.
        let capabilities = json!([on("x-ignore-shared"), on("events")]);
        monitor.send("migrate-set-capabilities", &json!({ "capabilities": capabilities }))?;
        Ok(monitor)
    }

    /// Tells a waiting QEMU to load a saved state from its standard input, without waiting for the
    /// answer: QEMU loads it while other work goes on.
    pub(super) fn restore(stream: &UnixStream) -> io::Result<Monitor> {
        let mut monitor = Monitor::new(stream)?;
        monitor.send("migrate-incoming", &json!({ "uri": "fd:0" }))?;
        Ok(monitor)
    }

    /// Waits until the state has been loaded.
    pub(super) fn restored(&mut self) -> io::Result<()> {
        ["qmp_capabilities", "migrate-set-capabilities", "migrate-incoming"]
            .into_iter()
            .try_for_each(|command| self.answer(command))?;
        self.wait_for_migration()
    }

    /// Stops a machine and saves its state, except memory in a file.
    pub(super) fn save(stream: &UnixStream, state: &File) -> io::Result<()> {
        let mut monitor = Monitor::new(stream)?;
        let line = line("getfd", &json!({ "fdname": "state" }));
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        let files = [state.as_fd()];
        ancillary.push(SendAncillaryMessage::ScmRights(&files));
        let text = [IoSlice::new(line.as_bytes())];
        let sent = sendmsg(&monitor.to_qemu, &text, &mut ancillary, SendFlags::empty())?;
        // A socket takes as little as this at once or not at all.
        if sent != line.len() {
            return Err(io::ErrorKind::WriteZero.into());
        }
        monitor.send("migrate", &json!({ "uri": "fd:state" }))?;
        ["qmp_capabilities", "migrate-set-capabilities", "getfd", "migrate"]
            .into_iter()
            .try_for_each(|command| monitor.answer(command))?;
        monitor.wait_for_migration()
    }

    fn send(&mut self, command: &str, arguments: &Value) -> io::Result<()> {
        self.to_qemu.write_all(line(command, arguments).as_bytes())
    }

    /// Waits for the answer to a command. The greeting and events may come before it.
    fn answer(&mut self, command: &str) -> io::Result<()> {
        loop {
            let answer = self.message()?;
            if let Some(error) = answer.get("error") {
                return Err(io::Error::other(format!(
                    "QEMU refuses `{command}`: {}",
                    error["desc"]
                )));
            }
            if answer.get("return").is_some() {
                return Ok(());
            }
        }
    }

    /// Waits until a migration has completed or failed.
    fn wait_for_migration(&mut self) -> io::Result<()> {
        loop {
            let message = self.message()?;
            if message["event"] != "MIGRATION" {
                continue;
            }
            match message["data"]["status"].as_str() {
                Some("completed") => return Ok(()),
                Some("failed" | "cancelled") => {
                    return Err(io::Error::other("the migration failed"))
                }
                _ => {}
            }
        }
    }

    fn message(&mut self) -> io::Result<Value> {
        let mut line = String::new();
        match self.from_qemu.read_line(&mut line)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(serde_json::from_str(&line)?),
        }
    }
}

/// A command in QEMU's protocol.
fn line(name: &str, arguments: &Value) -> String {
    let mut line = json!({ "execute": name, "arguments": arguments }).to_string();
    line.push('\n');
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    const GREETING: &str = r#"{"QMP": {"version": {}}}"#;
    const DONE: &str = r#"{"return": {}}"#;

    fn status(status: &str) -> String {
        json!({ "event": "MIGRATION", "data": { "status": status }, "timestamp": {} }).to_string()
    }

    /// The result of restoring if QEMU sends these messages.
    fn restored(messages: &[&str]) -> Result<(), String> {
        let talk = || {
            let (ours, mut qemu) = UnixStream::pair()?;
            for message in messages {
                qemu.write_all(format!("{message}\r\n").as_bytes())?;
            }
            let mut monitor = Monitor::restore(&ours)?;
            drop(qemu);
            monitor.restored()
        };
        talk().map_err(|error| error.to_string())
    }

    #[test]
    fn a_machine_is_restored_when_the_migration_has_completed() {
        let (active, completed) = (status("active"), status("completed"));
        assert_eq!(restored(&[GREETING, DONE, DONE, DONE, &active, &completed]), Ok(()));
        assert!(restored(&[GREETING, DONE, DONE, DONE, &active]).is_err());
        assert!(restored(&[GREETING, DONE, DONE, DONE, &active, &status("failed")]).is_err());
    }

    #[test]
    fn events_are_not_taken_for_answers() {
        let resumed = r#"{"event": "RESUME", "timestamp": {}}"#;
        let completed = status("completed");
        assert_eq!(restored(&[GREETING, DONE, resumed, DONE, resumed, DONE, &completed]), Ok(()));
    }

    #[test]
    fn a_refusal_is_an_error_with_the_words_of_qemu() {
        let refusal = r#"{"error": {"class": "GenericError", "desc": "no such thing"}}"#;
        let wanted = "QEMU refuses `migrate-set-capabilities`: \"no such thing\"";
        assert_eq!(restored(&[GREETING, DONE, refusal]), Err(wanted.to_owned()));
    }
}
