// SPDX-License-Identifier: GPL-2.0
//! QEMU's monitor: one command at a time, in the QEMU Machine Protocol (`docs/interop/qmp-spec.rst`
//! in its source).

use rustix::net::{sendmsg, SendAncillaryBuffer, SendAncillaryMessage, SendFlags};
use serde_json::{json, Value};
use std::collections::VecDeque;
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
    /// The commands that QEMU has not answered yet.
    unanswered: VecDeque<&'static str>,
}

impl Monitor {
    /// Negotiates, without waiting for the answer.
    pub(super) fn new(stream: UnixStream) -> io::Result<Monitor> {
        stream.set_read_timeout(Some(LIMIT))?;
        stream.set_write_timeout(Some(LIMIT))?;
        let from_qemu = BufReader::new(stream.try_clone()?);
        let mut monitor = Monitor { to_qemu: stream, from_qemu, unanswered: VecDeque::new() };
        monitor.send("qmp_capabilities", &json!({}))?;
        Ok(monitor)
    }

    /// Tells a waiting QEMU to load a saved state from its standard input, without waiting for the
    /// answer: QEMU loads it while other work goes on.
    pub(super) fn restore(&mut self) -> io::Result<()> {
        self.prepare_migration()?;
        self.send("migrate-incoming", &json!({ "uri": "fd:0" }))
    }

    /// Waits until the state has been loaded.
    pub(super) fn restored(&mut self) -> io::Result<()> {
        self.answers()?;
        self.wait_for_migration()
    }

    /// Stops a machine and saves its state, except memory in a file.
    pub(super) fn save(&mut self, state: &File) -> io::Result<()> {
        self.prepare_migration()?;
        let line = line("getfd", &json!({ "fdname": "state" }));
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut ancillary = SendAncillaryBuffer::new(&mut space);
        let files = [state.as_fd()];
        ancillary.push(SendAncillaryMessage::ScmRights(&files));
        let text = [IoSlice::new(line.as_bytes())];
        let sent = sendmsg(&self.to_qemu, &text, &mut ancillary, SendFlags::empty())?;
        // A socket takes as little as this at once or not at all.
        if sent != line.len() {
            return Err(io::ErrorKind::WriteZero.into());
        }
        self.unanswered.push_back("getfd");
        self.send("migrate", &json!({ "uri": "fd:state" }))?;
        self.answers()?;
        self.wait_for_migration()
    }

    /// Some words of eight bytes at an address of the machine's memory.
    pub(super) fn memory(&mut self, address: u64, count: u64) -> io::Result<Vec<u64>> {
        // QEMU has this for people only.
        let command = json!({ "command-line": format!("xp /{count}gx {address:#x}") });
        self.send("human-monitor-command", &command)?;
        let answer = self.answers()?;
        let said = answer.as_str().unwrap_or_default();
        // Lines are `ADDRESS: 0xWORD 0xWORD`.
        let numbers = said.lines().filter_map(|line| line.split_once(':')).flat_map(|(_, line)| {
            line.split_whitespace()
                .map(|word| u64::from_str_radix(word.strip_prefix("0x")?, 16).ok())
        });
        let words: Option<Vec<u64>> = numbers.collect();
        words.filter(|words| words.len() as u64 == count).ok_or_else(|| {
            let said = said.lines().next().unwrap_or_default();
            io::Error::other(format!("QEMU does not show the memory at {address:#x}: {said:?}"))
        })
    }

    /// Presses Alt+SysRq and a key on the machine's keyboard.
    pub(super) fn press_sysrq(&mut self, key: &str) -> io::Result<()> {
        let keys = ["alt", "sysrq", key].map(|key| json!({ "type": "qcode", "data": key }));
        self.send("send-key", &json!({ "keys": keys }))?;
        self.answers().map(drop)
    }

    /// Interrupts the machine's processor, whatever it is doing.
    pub(super) fn inject_nmi(&mut self) -> io::Result<()> {
        self.send("inject-nmi", &json!({}))?;
        self.answers().map(drop)
    }

    /// Memory in a file stays there, and QEMU reports the progress.
    fn prepare_migration(&mut self) -> io::Result<()> {
        let on = |capability: &str| json!({ "capability": capability, "state": true });
        let capabilities = json!([on("x-ignore-shared"), on("events")]);
        self.send("migrate-set-capabilities", &json!({ "capabilities": capabilities }))
    }

    fn send(&mut self, command: &'static str, arguments: &Value) -> io::Result<()> {
        self.to_qemu.write_all(line(command, arguments).as_bytes())?;
        self.unanswered.push_back(command);
        Ok(())
    }

    /// Waits for the answers to all commands, and returns the last. The greeting and events may
    /// come before each.
    fn answers(&mut self) -> io::Result<Value> {
        let mut last = Value::Null;
        while let Some(&command) = self.unanswered.front() {
            let mut answer = self.message()?;
            if let Some(error) = answer.get("error") {
                return Err(io::Error::other(format!(
                    "QEMU refuses `{command}`: {}",
                    error["desc"]
                )));
            }
            if let Some(answer) = answer.get_mut("return") {
                last = answer.take();
                self.unanswered.pop_front();
            }
        }
        Ok(last)
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
            let mut monitor = Monitor::new(ours)?;
            monitor.restore()?;
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

    #[test]
    fn memory_is_what_qemu_shows_of_it() {
        let shown = |text: &str| {
            let talk = || {
                let (ours, mut qemu) = UnixStream::pair()?;
                let answer = json!({ "return": text });
                qemu.write_all(format!("{GREETING}\r\n{DONE}\r\n{answer}\r\n").as_bytes())?;
                Monitor::new(ours)?.memory(0x1000, 3)
            };
            talk().map_err(|error: io::Error| error.to_string())
        };
        let words = "0000000000001000: 0x0000000000008200 0x0000000000000001\r\n\
            0000000000001010: 0xffffffffffffffff\r\n";
        assert_eq!(shown(words), Ok(vec![0x8200, 1, u64::MAX]));
        let first = &words[..words.len() / 2];
        for text in ["", "Cannot access memory\r\n", "0000000000001000: 0x\r\n", first] {
            assert!(shown(text).is_err(), "{text:?}");
        }
    }
}
