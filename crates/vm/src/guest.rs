// SPDX-License-Identifier: GPL-2.0
//! A running virtual machine.

use super::machine::io_error;
use super::monitor::Monitor;
use super::qemu::{self, Memory, Process, Qemu};
use super::template::TemplateMachine;
use super::{initramfs, log, Machine, VmError};
use base64::engine::general_purpose::STANDARD as BASE64;
use base64::Engine as _;
use kps_host::temporary::Folder;
use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
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
/// Where files arrive in the machine: the only port of the virtio console, which must be built into
/// the kernel.
pub(super) const FILES_PORT: &str = "/dev/vport0p1";

/// A machine that takes commands.
pub struct Guest {
    qemu: Process,
    to_agent: UnixStream,
    from_agent: Receiver<String>,
    files: UnixStream,
    pub(super) monitor: UnixStream,
    log: Arc<Mutex<String>>,
    /// These threads end with QEMU.
    collectors: Vec<JoinHandle<()>>,
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
        let packed = || Ok([initramfs::system(&machine.busybox)?, files(machine)?].concat());
        let packed = packed().map_err(io_error("packing the virtual machine's files"))?;
        let folder =
            Folder::new_in(&std::env::temp_dir()).map_err(io_error("making a temporary folder"))?;
        let initrd = folder.path().join("initramfs");
        std::fs::write(&initrd, packed).map_err(io_error("writing the virtual machine's files"))?;
        let mut guest = Guest::boot_from(machine, &initrd, Memory::Own)?;
        guest.load_modules(machine)?;
        Ok(guest)
    }

    /// Boots a machine with the files of an archive, and waits until it takes commands.
    pub(super) fn boot_from(
        machine: &Machine,
        initrd: &Path,
        memory: Memory<'_>,
    ) -> Result<Guest, VmError> {
        let qemu = qemu::start(machine, initrd, memory, None)?;
        let mut guest = Guest::of(qemu, String::new())?;
        while guest.line(BOOT_LIMIT)? != "ready" {}
        Ok(guest)
    }

    /// Saves the state of a machine whose memory is in a file, and stops it.
    pub(super) fn save(&mut self, state: &File) -> Result<(), VmError> {
        Monitor::save(&self.monitor, state).map_err(io_error("saving the virtual machine"))
    }

    /// Sets the clock of a restored machine, which still has the time when it was saved.
    pub(super) fn set_clock(&mut self) -> Result<(), VmError> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        match self.run(&format!("date -s @{} > /dev/null", now.as_secs()), RESTORE_LIMIT)? {
            Output { status: 0, .. } => Ok(()),
            Output { text, .. } => Err(VmError::Stopped { log: text }),
        }
    }

    /// The machine in a running QEMU. `log` is the kernel's log so far.
    pub(super) fn of(qemu: Qemu, log: String) -> Result<Guest, VmError> {
        let Qemu { mut process, agent, files, monitor } = qemu;
        let log = Arc::new(Mutex::new(log));
        let outputs: [Option<Box<dyn io::Read + Send>>; 2] = [
            process.0.stdout.take().map(|pipe| Box::new(pipe) as _),
            process.0.stderr.take().map(|pipe| Box::new(pipe) as _),
        ];
        let pipes = outputs.into_iter().flatten();
        let collectors = pipes.map(|pipe| collect(pipe, Arc::clone(&log))).collect();
        let reader = files.set_write_timeout(Some(RESTORE_LIMIT)).and_then(|()| agent.try_clone());
        let from_agent = lines(reader.map_err(io_error("talking to QEMU"))?);
        Ok(Guest {
            qemu: process,
            to_agent: agent,
            from_agent,
            files,
            monitor,
            log,
            collectors,
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
        for chunk in script.as_bytes().chunks(CHUNK * 3 / 4) {
            self.send(&format!("+ {}\n", BASE64.encode(chunk)))?;
            self.line(limit)?;
        }
        self.send("!\n")?;
        let deadline = Instant::now() + limit;
        let mut encoded = String::new();
        loop {
            let line = self.line(deadline.saturating_duration_since(Instant::now()))?;
            if let Some(status) = line.strip_prefix(". ") {
                let bytes = BASE64.decode(encoded).unwrap_or_default();
                let text = String::from_utf8_lossy(&bytes).into_owned();
                return Ok(Output { text, status: status.trim().parse().unwrap_or(-1) });
            }
            encoded.push_str(line.trim());
        }
    }

    /// The kernel's log so far.
    pub fn log(&self) -> String {
        lock(&self.log).clone()
    }

    /// Fails if the kernel has complained since it booted.
    pub fn check_log(&mut self) -> Result<(), VmError> {
        // The console may lag behind; the ring buffer does not.
        let ring = self.run("dmesg", Duration::from_secs(60))?.text;
        match log::complaint(&ring) {
            Some(complaint) => Err(complaint),
            None => Ok(()),
        }
    }

    fn send(&mut self, text: &str) -> Result<(), VmError> {
        match self.to_agent.write_all(text.as_bytes()) {
            Ok(()) => Ok(()),
            Err(_) => Err(self.stopped()),
        }
    }

    fn line(&mut self, limit: Duration) -> Result<String, VmError> {
        match self.from_agent.recv_timeout(limit) {
            Ok(line) => Ok(line),
            Err(RecvTimeoutError::Timeout) => Err(self.complaint().unwrap_or_else(|| {
                VmError::Silent { seconds: limit.as_secs(), log: tail(&lock(&self.log)) }
            })),
            Err(RecvTimeoutError::Disconnected) => Err(self.stopped()),
        }
    }

    fn stopped(&mut self) -> VmError {
        // The last lines of a dying kernel arrive after the connection is closed.
        let _ = self.qemu.0.wait();
        self.collectors.drain(..).for_each(|collector| drop(collector.join()));
        self.complaint().unwrap_or_else(|| VmError::Stopped { log: tail(&lock(&self.log)) })
    }

    fn complaint(&self) -> Option<VmError> {
        log::complaint(&self.log())
    }
}

/// The archive of a machine's own files.
fn files(machine: &Machine) -> io::Result<Vec<u8>> {
    let modules = machine.modules.iter().map(|(name, bytes)| (module_path(name), bytes.clone()));
    let all: Vec<_> = machine.files.iter().cloned().chain(modules).collect();
    initramfs::files(&all, &machine.programs)
}

/// The path of a module to load in the machine.
fn module_path(name: &str) -> String {
    format!("/modules/{name}.ko")
}

/// Collects the output of a pipe, in its own thread.
fn collect(mut pipe: Box<dyn io::Read + Send>, log: Arc<Mutex<String>>) -> JoinHandle<()> {
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = pipe.read(&mut buffer) {
            let text = String::from_utf8_lossy(&buffer[..count]).replace('\r', "");
            lock(&log).push_str(&text);
        }
    })
}

/// The lines of the agent, as they arrive.
fn lines(stream: UnixStream) -> Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            if sender.send(line.trim_end().to_owned()).is_err() {
                return;
            }
        }
    });
    receiver
}

fn lock(log: &Mutex<String>) -> std::sync::MutexGuard<'_, String> {
    // A thread that died with the log locked has at worst lost a line.
    log.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// The end of a log, which shows the problem.
fn tail(log: &str) -> String {
    const LINES: usize = 60;
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}
