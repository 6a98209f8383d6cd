// SPDX-License-Identifier: GPL-2.0
//! A running virtual machine.

use super::agent::{self, Answer, Garbled};
use super::console::{self, Console, MARK};
use super::incoming::Incoming;
use super::machine::io_error;
use super::monitor::Monitor;
use super::places::{self, Places};
use super::qemu::{self, Memory, Process, Qemu};
use super::ring::Layout;
use super::taint::Taint;
use super::template::TemplateMachine;
use super::{initramfs, log, stuck, Booting, Machine, VmError};
use base64::engine::general_purpose::STANDARD as BASE64;
use base64::Engine as _;
use kps_facts::Facts;
use kps_host::input;
use std::fs::File;
use std::io::{self, Read, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc::RecvTimeoutError;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// The result of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its output, errors included.
    pub text: String,
    /// Its exit status.
    pub status: i32,
}

const BOOT_LIMIT: Duration = Duration::from_secs(120);
/// The limit for a machine that starts from a template: it answers within a second, and later on a
/// busy host.
const RESTORE_LIMIT: Duration = Duration::from_secs(60);
/// Bytes of a script that are sent before waiting for an answer: less than a serial line discipline
/// holds.
const CHUNK: usize = 1024;
/// The limit for a kernel's log to reach the console, which the kernel writes while it logs.
const CONSOLE_LIMIT: Duration = Duration::from_secs(10);
/// A console that has been silent for so long has nothing more to say.
const SETTLED: Duration = Duration::from_secs(2);
/// What fails if QEMU does not show the machine's memory.
const READING: &str = "reading the kernel's log and its taint in the virtual machine";
/// Where files arrive in the machine: the only port of the virtio console, which must be built into
/// the kernel.
pub(super) const FILES_PORT: &str = "/dev/vport0p1";

/// A machine that takes commands.
pub struct Guest {
    qemu: Process,
    pub(super) to_agent: UnixStream,
    pub(super) from_agent: Incoming,
    files: UnixStream,
    monitor: Monitor,
    console: Console,
    /// Where the console's log of the current step starts.
    step: usize,
    /// Where the kernel's taint and its own log are; `None` if the kernel does not tell.
    places: Option<Places>,
    /// What the kernel has in its own log, where it complains.
    complained: Option<String>,
    /// Whether the kernel has overwritten some of its own log before it was read.
    overwritten: bool,
    passed_over: Option<String>,
}

impl Guest {
    /// Starts a machine as a copy of its target's template, or boots it if that is impossible.
    pub fn start(machine: &Machine) -> Result<Guest, VmError> {
        match TemplateMachine::of(machine).and_then(|template| template.copy()) {
            Some(copy) => copy.finish(machine),
            None => Guest::boot(machine),
        }
    }

    /// Boots a machine, and waits until it takes commands.
    pub fn boot(machine: &Machine) -> Result<Guest, VmError> {
        Booting::start(machine)?.finish()
    }

    /// Boots a machine with an initramfs or a disk, and waits until it takes commands.
    pub(super) fn boot_from(
        machine: &Machine,
        system: &Path,
        memory: Memory<'_>,
    ) -> Result<Guest, VmError> {
        Guest::switched_on(machine, system, memory)?.ready(machine)
    }

    /// A machine that has begun to boot.
    pub(super) fn switched_on(
        machine: &Machine,
        system: &Path,
        memory: Memory<'_>,
    ) -> Result<Guest, VmError> {
        Guest::of(qemu::start(machine, system, memory, None)?, String::new(), None)
    }

    /// Waits until it takes commands.
    pub(super) fn ready(mut self, machine: &Machine) -> Result<Guest, VmError> {
        let deadline = Instant::now() + BOOT_LIMIT;
        while self.line(deadline, BOOT_LIMIT)? != "ready" {}
        let facts = input::read(&machine.facts, input::FACTS).ok();
        let facts = facts.and_then(|facts| Facts::from_bytes(&facts).ok());
        if let Some(layout) = facts.and_then(|facts| Layout::of(&facts.btf)) {
            let found = self.run(&places::find(), BOOT_LIMIT)?;
            let memory = &mut |at, count| self.monitor.memory(at, count);
            self.places = Places::of(&found.text, layout, memory).map_err(io_error(READING))?;
        }
        Ok(self)
    }

    /// Saves the state of a machine whose memory is in a file, and stops it.
    pub(super) fn save(&mut self, state: &File) -> Result<(), VmError> {
        self.monitor.save(state).map_err(io_error("saving the virtual machine"))
    }

    /// Tells a machine that was started for it to restore a saved state.
    pub(super) fn restore(&mut self) -> Result<(), VmError> {
        self.monitor.restore().map_err(io_error("restoring the virtual machine"))
    }

    /// Waits until the state has been restored.
    pub(super) fn restored(&mut self) -> Result<(), VmError> {
        self.monitor.restored().map_err(io_error("restoring the virtual machine"))
    }

    /// Sets the clock of a restored machine, which still has the time when it was saved.
    pub(super) fn set_clock(&mut self) -> Result<(), VmError> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        match self.run(&format!("date -s @{} > /dev/null", now.as_secs()), RESTORE_LIMIT)? {
            Output { status: 0, .. } => Ok(()),
            Output { text, .. } => Err(VmError::Stopped { log: text }),
        }
    }

    /// The machine in a running QEMU, with the kernel's log so far, and what is read in its
    /// memory.
    pub(super) fn of(qemu: Qemu, log: String, places: Option<Places>) -> Result<Guest, VmError> {
        let Qemu { mut process, agent, files, monitor } = qemu;
        let outputs: [Option<Box<dyn Read + Send>>; 2] = [
            process.0.stdout.take().map(|pipe| Box::new(pipe) as _),
            process.0.stderr.take().map(|pipe| Box::new(pipe) as _),
        ];
        let mut console = Console::of(log, outputs.into_iter().flatten().collect());
        let connect = || -> io::Result<_> {
            files.set_write_timeout(Some(RESTORE_LIMIT))?;
            Ok((Incoming::of(agent.try_clone()?), Monitor::new(monitor)?))
        };
        let Ok((from_agent, monitor)) = connect() else {
            // QEMU has ended, and has said why.
            drop(process);
            console.finish();
            return Err(VmError::Stopped { log: tail(&console.text()) });
        };
        Ok(Guest {
            qemu: process,
            to_agent: agent,
            from_agent,
            files,
            monitor,
            console,
            step: 0,
            places,
            complained: None,
            overwritten: false,
            passed_over: None,
        })
    }

    /// The machine was booted because a copy of its template could not be used, for this reason.
    pub(super) fn in_place_of_a_copy(mut self, reason: String) -> Guest {
        self.passed_over = Some(reason);
        self
    }

    /// Why the machine booted although its target has a template; `None` if it is a copy, or there
    /// is no template.
    pub fn passed_over(&self) -> Option<&str> {
        self.passed_over.as_deref()
    }

    /// Sends files to the machine.
    pub(super) fn take(&mut self, machine: &Machine) -> Result<(), VmError> {
        let archive = files(machine).map_err(io_error("packing the virtual machine's files"))?;
        let mut port = self.files.try_clone().map_err(io_error("talking to QEMU"))?;
        // The archive may exceed the pipe's buffer, so a thread sends it while the script reads.
        let sender = thread::spawn(move || port.write_all(&archive));
        let unpacked = self.run(&format!("cd / && cpio -idu < {FILES_PORT}"), BOOT_LIMIT)?;
        if unpacked.status != 0 {
            // The reader is gone.
            let _ = self.files.shutdown(Shutdown::Both);
        }
        match (sender.join(), unpacked.status) {
            (Ok(Ok(())), 0) => Ok(()),
            _ => Err(VmError::Stopped { log: unpacked.text }),
        }
    }

    pub(super) fn load_modules(&mut self, machine: &Machine) -> Result<(), VmError> {
        for (name, _) in &machine.modules {
            let said = self.run(&format!("insmod {}", module_path(name)), BOOT_LIMIT)?;
            if said.status != 0 {
                return Err(VmError::Module { name: name.clone(), log: said.text });
            }
        }
        Ok(())
    }

    /// Runs a shell script. The limit is for the whole script.
    pub fn run(&mut self, script: &str, limit: Duration) -> Result<Output, VmError> {
        let output = self.answer(script, limit)?;
        // The next script may log more than the kernel keeps. If this cannot be read now, the
        // verdict reads it.
        let _ = self.read_ring();
        Ok(output)
    }

    /// Sends a script, and waits for the answer.
    fn answer(&mut self, script: &str, limit: Duration) -> Result<Output, VmError> {
        let deadline = Instant::now() + limit;
        let token = self.command(script, deadline, limit)?;
        self.answer_to(&token, deadline, limit)
    }

    /// Sends a script. The token is that of its answer.
    pub(super) fn command(
        &mut self,
        script: &str,
        deadline: Instant,
        limit: Duration,
    ) -> Result<String, VmError> {
        let token = agent::token();
        for chunk in script.as_bytes().chunks(CHUNK * 3 / 4) {
            self.send(&format!("+ {token} {}\n", BASE64.encode(chunk)))?;
            let line = self.line(deadline, limit)?;
            agent::confirms(&line, &token).map_err(|garbled| self.garbled(garbled))?;
        }
        self.send(&format!("! {token}\n"))?;
        Ok(token)
    }

    /// Waits for the answer to a script.
    pub(super) fn answer_to(
        &mut self,
        token: &str,
        deadline: Instant,
        limit: Duration,
    ) -> Result<Output, VmError> {
        let mut answer = Answer::to(token);
        loop {
            let line = self.line(deadline, limit)?;
            if let Some(output) = answer.take(&line).map_err(|garbled| self.garbled(garbled))? {
                return Ok(output);
            }
        }
    }

    /// Runs a script that stops the machine, and waits until it has: what its console has shown.
    pub fn stop(mut self, script: &str, limit: Duration) -> Result<String, VmError> {
        let deadline = Instant::now() + limit;
        self.command(script, deadline, limit)?;
        loop {
            match self.from_agent.line(deadline) {
                // The machine may stop before the agent has answered.
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => return Err(self.silent(limit)),
            }
        }
        let _ = self.qemu.0.wait();
        self.console.finish();
        Ok(self.log())
    }

    /// The kernel's log so far.
    pub fn log(&self) -> String {
        self.console.text()
    }

    /// Starts a step, whose log can be read later.
    pub(super) fn start_step(&mut self) -> Result<(), VmError> {
        self.step = self.end_of_log()?;
        Ok(())
    }

    /// What the kernel has logged since the step started.
    pub(super) fn step_log(&mut self) -> Result<String, VmError> {
        let end = self.end_of_log()?;
        Ok(self.console.between(self.step, end))
    }

    /// The same of a machine that has stopped.
    pub(super) fn last_log(&self) -> String {
        self.console.between(self.step, usize::MAX)
    }

    /// Fails if the kernel has complained since it booted, whatever has been done in the machine to
    /// hide that: the console's log is outside, and so is what reads the kernel's own log and its
    /// taint.
    pub fn check_log(&mut self) -> Result<(), VmError> {
        let heard = match self.end_of_log() {
            Err(lost @ VmError::LogLost { .. }) => Err(lost),
            Err(error) => return Err(error),
            Ok(_) if self.console.has_gaps() => Err(self.log_lost()),
            Ok(_) => Ok(()),
        };
        // What cannot be read proves nothing.
        self.read_ring().map_err(io_error(READING))?;
        self.taint()?;
        let heard = if self.overwritten { heard.and(Err(self.log_lost())) } else { heard };
        self.complaint().map_or(heard, Err)
    }

    /// Fails if the kernel's own log has a complaint so far. The verdict looks again, and at more.
    pub(super) fn check_ring(&self) -> Result<(), VmError> {
        self.complained.as_deref().and_then(log::complaint).map_or(Ok(()), Err)
    }

    /// What is read in the machine's memory, if the kernel tells where it is.
    pub(super) fn places(&self) -> Option<Places> {
        self.places
    }

    /// Looks into what the kernel has logged since this was done last.
    fn read_ring(&mut self) -> io::Result<()> {
        let places = self.places.as_mut().ok_or(io::ErrorKind::NotFound)?;
        let logged = places.ring.read(&mut |at, count| self.monitor.memory(at, count))?;
        self.overwritten |= logged.overwritten;
        if self.complained.is_none() && log::complaint(&logged.text).is_some() {
            self.complained = Some(console::of_kernel(&logged.text));
        }
        Ok(())
    }

    /// What the kernel's taint is now.
    pub(super) fn taint(&mut self) -> Result<Taint, VmError> {
        let place = self.places.ok_or_else(|| io::ErrorKind::NotFound.into());
        let read = place.and_then(|places| self.monitor.memory(places.taint, 1));
        let word =
            read.and_then(|words| words.first().copied().ok_or(io::ErrorKind::NotFound.into()));
        word.map(Taint).map_err(io_error(READING))
    }

    /// Waits until the console has shown what the kernel has logged so far: the position behind it.
    fn end_of_log(&mut self) -> Result<usize, VmError> {
        let mark = format!("{MARK} {}", agent::token());
        // At the level of a warning: a console that does not show it shows no complaint either.
        let logged = self.run(&format!("echo '<4>{mark}' > /dev/kmsg"), RESTORE_LIMIT)?;
        let limit = if logged.status == 0 { CONSOLE_LIMIT } else { Duration::ZERO };
        self.console.position_behind(&mark, limit).ok_or_else(|| self.log_lost())
    }

    fn send(&mut self, text: &str) -> Result<(), VmError> {
        match self.to_agent.write_all(text.as_bytes()) {
            Ok(()) => Ok(()),
            Err(_) => Err(self.stopped()),
        }
    }

    /// The next line of the agent, before the limit ends.
    fn line(&mut self, deadline: Instant, limit: Duration) -> Result<String, VmError> {
        match self.from_agent.line(deadline) {
            Ok(line) => Ok(line),
            Err(RecvTimeoutError::Timeout) => Err(self.silent(limit)),
            Err(RecvTimeoutError::Disconnected) => Err(self.stopped()),
        }
    }

    /// The error of a machine that did not answer for so long.
    fn silent(&mut self, limit: Duration) -> VmError {
        let log = tail(&self.log());
        self.complaint().unwrap_or_else(|| {
            let stacks = self.stacks();
            VmError::Silent { seconds: limit.as_secs(), stacks, log }
        })
    }

    /// What a machine that does not answer is doing.
    fn stacks(&mut self) -> String {
        let start = self.console.len();
        let pressed = stuck::KEYS.iter().try_for_each(|key| {
            self.monitor.press_sysrq(key)?;
            self.console.settle(SETTLED);
            Ok::<_, io::Error>(())
        });
        let tasks = stuck::tasks(&self.console.between(start, usize::MAX));
        if pressed.is_err() || !tasks.is_empty() || self.monitor.inject_nmi().is_err() {
            return tasks;
        }
        // The kernel panics, and QEMU ends.
        self.console.settle(SETTLED);
        self.console.between(start, usize::MAX)
    }

    pub(super) fn stopped(&mut self) -> VmError {
        // The last lines of a dying kernel arrive after the connection is closed.
        let _ = self.qemu.0.wait();
        self.console.finish();
        let stopped = VmError::Stopped { log: tail(&self.log()) };
        self.complaint().unwrap_or(stopped)
    }

    fn complaint(&mut self) -> Option<VmError> {
        let log = self.log();
        let hidden = || log::complaint(self.complained.as_ref()?);
        log::complaint(&log).or_else(hidden).or_else(|| {
            let line = self.taint().ok()?.complaint()?;
            Some(VmError::Complaint { line, log: tail(&log) })
        })
    }

    fn garbled(&mut self, Garbled(line): Garbled) -> VmError {
        let garbled = VmError::Garbled { line, log: tail(&self.log()) };
        self.complaint().unwrap_or(garbled)
    }

    fn log_lost(&self) -> VmError {
        VmError::LogLost { log: tail(&self.log()) }
    }
}

/// The archive of a machine's own files.
pub(super) fn files(machine: &Machine) -> io::Result<Vec<u8>> {
    let modules = machine.modules.iter().map(|(name, bytes)| (module_path(name), bytes.clone()));
    let all: Vec<_> = machine.files.iter().cloned().chain(modules).collect();
    initramfs::files(&all, &machine.programs)
}

/// The path of a module to load in the machine.
fn module_path(name: &str) -> String {
    format!("/modules/{name}.ko")
}

/// The end of a log, which shows the problem.
fn tail(log: &str) -> String {
    const LINES: usize = 60;
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}
