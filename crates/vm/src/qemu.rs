// SPDX-License-Identifier: GPL-2.0
//! QEMU: its command line, its process, and the connections to it.

use super::machine::io_error;
use super::{ring, Firmware, Machine, Root, VmError};
use kps_host::process::program;
use rustix::io::{fcntl_setfd, FdFlags};
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread::available_parallelism;

/// The machine that boots kernels of this architecture.
pub(super) fn of_host() -> &'static kps_arch::Qemu {
    &kps_arch::native().qemu
}

/// The memory of every machine, in MiB.
pub(super) const MEMORY: u64 = 1024;

/// The processor that runs the machine's instructions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Accelerator {
    /// The host's processor.
    Kvm,
    /// QEMU's emulation.
    Tcg,
}

impl Accelerator {
    /// The processors of a machine. Under emulation it is one: QEMU does not honour the
    /// cross-modifying code by which ftrace changes functions, so kernels with several die there.
    pub(super) fn processors(self) -> usize {
        const MOST: usize = 4;
        match self {
            Accelerator::Kvm => available_parallelism().map_or(1, |count| count.get().min(MOST)),
            Accelerator::Tcg => 1,
        }
    }

    /// KVM if the processor itself virtualises. A `/dev/kvm` without that is an emulation that not
    /// every kernel survives.
    pub(super) fn of_host() -> Accelerator {
        let flags = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let virtualises = flags.split_whitespace().any(|flag| flag == "vmx" || flag == "svm");
        let opened = || File::options().read(true).write(true).open("/dev/kvm");
        match virtualises && opened().is_ok() {
            true => Accelerator::Kvm,
            false => Accelerator::Tcg,
        }
    }
}

/// Where a machine's memory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Memory<'a> {
    /// In QEMU's own memory.
    Own,
    /// In a file that it writes to, to make a template.
    Shared(&'a Path),
    /// A private copy-on-write mapping of a template's file.
    Copied(&'a Path),
}

/// The arguments that decide what the machine is. Machines with the same arguments can share a
/// template.
pub(super) fn arguments(machine: &Machine, accelerator: Accelerator) -> Vec<OsString> {
    let mut words: Vec<OsString> = Vec::new();
    let mut add = |some: &[&str]| words.extend(some.iter().map(OsString::from));
    match accelerator {
        Accelerator::Kvm => add(&["-accel", "kvm", "-cpu", "host"]),
        Accelerator::Tcg => add(&["-accel", "tcg,thread=single", "-cpu", "max"]),
    }
    add(&["-smp", &accelerator.processors().to_string(), "-m", &MEMORY.to_string()]);
    add(&["-nodefaults", "-display", "none", "-no-reboot"]);
    // The console goes to standard output.
    add(&["-chardev", "file,id=console,path=/dev/fd/1", "-serial", "chardev:console"]);
    add(&["-serial", "chardev:agent"]);
    add(&[
        "-device",
        "virtio-serial-pci",
        "-device",
        "virtserialport,chardev=files,name=kpsc.files",
    ]);
    let qemu = of_host();
    // All that is logged reaches the console, by kpsc too, whatever level is set later. It stays in
    // the kernel's own buffer until it has been read there.
    let append = format!(
        "console={} panic=-1 oops=panic loglevel=6 ignore_loglevel printk.devkmsg=on \
         log_buf_len={} {} {}",
        qemu.console,
        ring::SIZE,
        qemu.append,
        machine.append
    );
    add(&["-append", append.trim_end(), "-kernel"]);
    words.push(machine.image.clone().into());
    words
}

/// The arguments for a disk. NVMe is built into stock kernels, virtio's disks often are not. What
/// the machine has written is in the host's memory when QEMU ends, so the disk need not be flushed.
fn disk(image: &Path) -> [String; 4] {
    // QEMU reads a doubled comma as one in a value.
    let image = image.display().to_string().replace(',', ",,");
    let drive = format!("if=none,id=disk,format=raw,cache=unsafe,file={image}");
    ["-drive".into(), drive, "-device".into(), "nvme,drive=disk,serial=kpsc".into()]
}

/// The arguments for a firmware, in the two flash memories of the machine.
fn flash(firmware: &Firmware) -> [String; 4] {
    let drive = |number: u8, file: &Path, more: &str| {
        let file = file.display().to_string().replace(',', ",,");
        format!("if=pflash,unit={number},format=raw,file={file}{more}")
    };
    let code = drive(0, &firmware.code, ",readonly=on");
    ["-drive".into(), code, "-drive".into(), drive(1, &firmware.variables, "")]
}

/// The arguments for a network in which the machine has the address 10.0.2.15. Nothing gets out of
/// it, neither to the host nor further.
fn network(port: u16) -> [String; 4] {
    let forward = format!("user,id=net,restrict=on,hostfwd=tcp:127.0.0.1:{port}-:22");
    ["-netdev".into(), forward, "-device".into(), "virtio-net-pci,netdev=net,romfile=".into()]
}

/// A QEMU that ends when it is dropped.
pub(super) struct Process(pub(super) Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A running QEMU, and the host's ends of the connections to it.
pub(super) struct Qemu {
    pub(super) process: Process,
    pub(super) agent: UnixStream,
    pub(super) files: UnixStream,
    pub(super) monitor: UnixStream,
}

/// Starts QEMU with the machine's initramfs or its disk. With a saved state it waits for the
/// command to load that from its standard input.
pub(super) fn start(
    machine: &Machine,
    system: &Path,
    memory: Memory<'_>,
    state: Option<File>,
) -> Result<Qemu, VmError> {
    let mut command = program(of_host().program);
    command.args(arguments(machine, Accelerator::of_host()));
    match machine.root {
        Root::Initramfs(_) => command.arg("-initrd").arg(system),
        Root::Disk(_) => command.args(disk(system)),
    };
    command.args(machine.firmware.iter().flat_map(flash));
    command.args(machine.ssh_port.map(network).into_iter().flatten());
    if let Memory::Shared(path) | Memory::Copied(path) = memory {
        let share = if matches!(memory, Memory::Shared(_)) { "on" } else { "off" };
        let path = path.display();
        command.arg("-object");
        command.arg(format!(
            "memory-backend-file,id=memory,size={MEMORY}M,mem-path={path},share={share}"
        ));
        command.arg("-machine").arg(format!("{},memory-backend=memory", of_host().machine));
    }
    if state.is_some() {
        command.args(["-incoming", "defer"]);
    }
    let mut theirs: Vec<OwnedFd> = Vec::new();
    let mut connect = |name: &str| -> io::Result<UnixStream> {
        let (ours, end) = UnixStream::pair()?;
        command.arg("-chardev").arg(format!("socket,id={name},fd={}", end.as_raw_fd()));
        theirs.push(end.into());
        Ok(ours)
    };
    let mut connections = || Ok((connect("agent")?, connect("files")?, connect("monitor")?));
    let (agent, files, monitor) = connections().map_err(io_error("connecting to QEMU"))?;
    command.args(["-mon", "chardev=monitor,mode=control"]);
    command
        .stdin(state.map_or_else(Stdio::null, Stdio::from))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    // Only this child inherits its ends: other programs that kpsc starts meanwhile would keep the
    // connections open.
    let inherit = move || theirs.iter().try_for_each(|end| Ok(fcntl_setfd(end, FdFlags::empty())?));
    // SAFETY: between fork and exec only async-signal-safe functions may run; the closure makes
    // three system calls and allocates nothing.
    unsafe { command.pre_exec(inherit) };
    let process = command.spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            VmError::Missing { program: of_host().program, package: of_host().package }
        }
        _ => VmError::Io { what: "starting QEMU", error },
    })?;
    Ok(Qemu { process: Process(process), agent, files, monitor })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(accelerator: Accelerator) -> String {
        let machine = Machine {
            image: "/boot/vmlinuz".into(),
            root: Root::Initramfs("/bin/busybox".into()),
            facts: "/facts".into(),
            append: "nokaslr".into(),
            files: Vec::new(),
            programs: Vec::new(),
            modules: Vec::new(),
            firmware: None,
            ssh_port: None,
            templates: None,
        };
        let words = arguments(&machine, accelerator);
        words.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_host_that_virtualises_differs_in_the_processors_alone() {
        let (kvm, tcg) = (line(Accelerator::Kvm), line(Accelerator::Tcg));
        let count = Accelerator::Kvm.processors();
        assert!((1..=4).contains(&count) && Accelerator::Tcg.processors() == 1);
        let rest = kvm.strip_prefix(&format!("-accel kvm -cpu host -smp {count} "));
        assert!(
            rest.is_some() && rest == tcg.strip_prefix("-accel tcg,thread=single -cpu max -smp 1 "),
            "{kvm}\n{tcg}"
        );
        assert!(kvm.ends_with(" no_timer_check nokaslr -kernel /boot/vmlinuz"), "{kvm}");
    }
}
