//! A running virtual machine.

use super::{initramfs, log};
use crate::process::program;
use crate::target::Target;
use base64::engine::general_purpose::STANDARD as BASE64;
use base64::Engine as _;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// What to boot.
#[derive(Debug, Clone)]
pub struct Machine {
    /// The kernel, a `bzImage`.
    pub image: PathBuf,
    /// A static busybox.
    pub busybox: PathBuf,
    /// More words for the kernel's command line.
    pub append: String,
    /// Files to put in, by their path in the machine.
    pub files: Vec<(String, Vec<u8>)>,
    /// Programs to put in, likewise.
    pub programs: Vec<(String, Vec<u8>)>,
    /// Modules to load when it has booted, by their names, each behind those that it depends on.
    pub modules: Vec<(String, Vec<u8>)>,
}

impl Machine {
    /// A machine for a target. The busybox is the one that came with it, or the host's.
    pub fn of(target: &Target, files: Vec<(String, Vec<u8>)>) -> Result<Machine, VmError> {
        let host = ["/bin/busybox", "/usr/bin/busybox"].iter().map(PathBuf::from);
        let busybox = target.busybox().into_iter().chain(host).find(|path| path.exists());
        let Some(busybox) = busybox else {
            return Err(VmError::Missing { program: "busybox", package: "busybox-static" });
        };
        Ok(Machine {
            image: target.image(),
            busybox,
            append: String::new(),
            files,
            programs: Vec::new(),
            modules: Vec::new(),
        })
    }
}

/// Why a machine is of no use.
#[derive(Debug, thiserror::Error)]
pub enum VmError {
    /// A program is missing.
    #[error("`{program}` is not installed")]
    Missing {
        /// The program.
        program: &'static str,
        /// The package that has it.
        package: &'static str,
    },
    /// Something around the machine failed.
    #[error("{what}: {error}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// What went wrong.
        error: io::Error,
    },
    /// A module is not taken.
    #[error("the kernel did not load the module {name}")]
    Module {
        /// Its name.
        name: String,
        /// What was said.
        log: String,
    },
    /// It said nothing for too long.
    #[error("the virtual machine did not answer for {seconds} s")]
    Silent {
        /// How long.
        seconds: u64,
        /// The end of the kernel's log.
        log: String,
    },
    /// It ended.
    #[error("the virtual machine stopped")]
    Stopped {
        /// The end of the kernel's log, and what QEMU said.
        log: String,
    },
    /// The kernel complained.
    #[error("the kernel complained: {line}")]
    Complaint {
        /// The line.
        line: String,
        /// The kernel's log from a little before it.
        log: String,
    },
}

/// What a script did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// What it printed, errors among it.
    pub text: String,
    /// Its exit status.
    pub status: i32,
}

const QEMU: &str = "qemu-system-x86_64";
const BOOT_LIMIT: Duration = Duration::from_secs(120);
/// Bytes of a script that are sent before an answer is waited for: less than a serial line discipline holds.
const CHUNK: usize = 1024;

/// A machine that has booted.
pub struct Guest {
    qemu: Child,
    to_agent: UnixStream,
    from_agent: Receiver<String>,
    log: Arc<Mutex<String>>,
    // Removed when the machine is.
    _folder: tempfile::TempDir,
}

fn io_error(what: &'static str) -> impl FnOnce(io::Error) -> VmError {
    move |error| VmError::Io { what, error }
}

impl Guest {
    /// Boots a machine and waits until it takes commands.
    pub fn boot(machine: &Machine) -> Result<Guest, VmError> {
        let folder = tempfile::tempdir().map_err(io_error("making a temporary folder"))?;
        let modules = machine.modules.iter().map(|(name, bytes)| (module_path(name), bytes.clone()));
        let files: Vec<_> = machine.files.iter().cloned().chain(modules).collect();
        let archive = initramfs::initramfs(&machine.busybox, &files, &machine.programs)
            .map_err(io_error("packing the virtual machine's files"))?;
        let initrd = folder.path().join("initramfs");
        std::fs::write(&initrd, archive).map_err(io_error("writing the virtual machine's files"))?;
        let socket = folder.path().join("agent");
        let listener =
            UnixListener::bind(&socket).map_err(io_error("opening a socket for the virtual machine"))?;
        listener.set_nonblocking(true).map_err(io_error("opening a socket for the virtual machine"))?;

        let mut qemu = start(machine, &initrd, &socket)?;
        let log = Arc::new(Mutex::new(String::new()));
        let outputs: [Option<Box<dyn io::Read + Send>>; 2] = [
            qemu.stdout.take().map(|pipe| Box::new(pipe) as _),
            qemu.stderr.take().map(|pipe| Box::new(pipe) as _),
        ];
        for pipe in outputs.into_iter().flatten() {
            collect(pipe, Arc::clone(&log));
        }
        let deadline = Instant::now() + BOOT_LIMIT;
        let to_agent = loop {
            match listener.accept() {
                Ok((stream, _)) => break stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(VmError::Io { what: "talking to QEMU", error }),
            }
            let ended = qemu.try_wait().map_err(io_error("waiting for QEMU"))?.is_some();
            if ended || Instant::now() > deadline {
                let _ = qemu.kill();
                let _ = qemu.wait();
                // What QEMU said last may still be on its way.
                thread::sleep(Duration::from_millis(100));
                return Err(VmError::Stopped { log: tail(&lock(&log)) });
            }
            thread::sleep(Duration::from_millis(10));
        };
        to_agent.set_nonblocking(false).map_err(io_error("talking to QEMU"))?;
        let from_agent = lines(to_agent.try_clone().map_err(io_error("talking to QEMU"))?);
        let mut guest = Guest { qemu, to_agent, from_agent, log, _folder: folder };
        while guest.line(BOOT_LIMIT)? != "ready" {}
        for (name, _) in &machine.modules {
            let said = guest.run(&format!("insmod {}", module_path(name)), BOOT_LIMIT)?;
            if said.status != 0 {
                return Err(VmError::Module { name: name.clone(), log: said.text });
            }
        }
        Ok(guest)
    }

    /// Runs a shell script. The limit is for all of it.
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

    /// Fails if the kernel has complained since it was booted.
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
            Err(RecvTimeoutError::Timeout) => Err(self.complaint().unwrap_or_else(|| VmError::Silent {
                seconds: limit.as_secs(),
                log: tail(&lock(&self.log)),
            })),
            Err(RecvTimeoutError::Disconnected) => Err(self.stopped()),
        }
    }

    fn stopped(&mut self) -> VmError {
        // The last words of a dying kernel arrive after the connection has gone.
        let _ = self.qemu.wait();
        thread::sleep(Duration::from_millis(100));
        self.complaint().unwrap_or_else(|| VmError::Stopped { log: tail(&lock(&self.log)) })
    }

    fn complaint(&self) -> Option<VmError> {
        log::complaint(&self.log())
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}

/// Where a module to load is in the machine.
fn module_path(name: &str) -> String {
    format!("/modules/{name}.ko")
}

fn start(machine: &Machine, initrd: &Path, socket: &Path) -> Result<Child, VmError> {
    let mut command = program(QEMU);
    match has_kvm() {
        true => command.args(["-accel", "kvm", "-cpu", "host"]),
        false => command.args(["-accel", "tcg,thread=single"]),
    };
    command.args(["-smp", "1", "-m", "1024"]);
    command.args(["-nodefaults", "-display", "none", "-no-reboot", "-serial", "stdio"]);
    command.arg("-chardev").arg(format!("socket,id=agent,path={}", socket.display()));
    command.args(["-serial", "chardev:agent"]);
    command.arg("-kernel").arg(&machine.image).arg("-initrd").arg(initrd);
    // An emulator that gets too little of a busy host fails the kernel's test of its timer, which is no fault of the kernel's.
    let append = format!("console=ttyS0 panic=-1 oops=panic loglevel=6 no_timer_check {}", machine.append);
    command.arg("-append").arg(append.trim_end());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => VmError::Missing { program: QEMU, package: "qemu-system-x86" },
        _ => VmError::Io { what: "starting QEMU", error },
    })
}

/// Whether the processor itself virtualises. A `/dev/kvm` without that is an emulation that not every kernel survives.
fn has_kvm() -> bool {
    let flags = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let virtualises = flags.split_whitespace().any(|flag| flag == "vmx" || flag == "svm");
    virtualises && std::fs::OpenOptions::new().read(true).write(true).open("/dev/kvm").is_ok()
}

/// Collects what a pipe says, in a thread of its own.
fn collect(mut pipe: Box<dyn io::Read + Send>, log: Arc<Mutex<String>>) {
    thread::spawn(move || {
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = pipe.read(&mut buffer) {
            let text = String::from_utf8_lossy(&buffer[..count]).replace('\r', "");
            lock(&log).push_str(&text);
        }
    });
}

/// The lines of the agent, as they come.
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
    // A thread that died while it held the log has at worst lost a line.
    log.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
}

/// The end of a log, which is where the trouble is.
fn tail(log: &str) -> String {
    const LINES: usize = 60;
    let lines: Vec<_> = log.lines().collect();
    lines[lines.len().saturating_sub(LINES)..].join("\n")
}
