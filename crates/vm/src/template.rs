// SPDX-License-Identifier: GPL-2.0
//! The template machine of a target: kpsc boots it once and saves it, and every later machine
//! starts as a copy.
//!
//! While it boots, its memory is a file that QEMU shares; when it takes commands, the rest of its
//! state is saved beside that file. A copy maps the memory privately, so any number of machines run
//! from one template and none changes it. All copies share the random choices of the template's
//! boot: the kernel's addresses, its boot id and its random numbers.
//!
//! A template never causes an error for the user: if it cannot be made or does not start, the
//! machine boots instead.

use super::machine::io_error;
use super::places::Places;
use super::qemu::{self, Accelerator, Memory};
use super::{initramfs, Guest, Machine, VmError};
use kps_host::output::output;
use kps_host::process::program;
use kps_targets::{Template, Templates};
use sha2::{Digest as _, Sha256};
use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::time::Duration;

/// The files of a template: the archive that it booted with, its memory, its other state, its
/// kernel's log when it was saved, and where QEMU finds what is read in its memory.
const INITRAMFS: &str = "initramfs";
const MEMORY: &str = "memory";
const STATE: &str = "state";
const CONSOLE: &str = "console";
const PLACES: &str = "places";

/// Changes with the way in which machines are saved.
const FORMAT: &str = "3";

const LIMIT: Duration = Duration::from_secs(60);

/// The template of a machine, saved already or not.
pub struct TemplateMachine<'a> {
    machine: &'a Machine,
    templates: &'a Templates,
    system: Vec<u8>,
    id: String,
}

impl<'a> TemplateMachine<'a> {
    /// The template of a machine; `None` if the machine must boot.
    pub fn of(machine: &'a Machine) -> Option<TemplateMachine<'a>> {
        let copies =
            machine.append.is_empty() && machine.firmware.is_none() && machine.ssh_port.is_none();
        let templates = machine.templates.as_ref().filter(|_| copies)?;
        let system = initramfs::system(machine.root.busybox()?).ok()?;
        let id = id(machine, &system)?;
        Some(TemplateMachine { machine, templates, system, id })
    }

    /// Whether it must still be booted and saved, or once more.
    pub fn is_missing(&self) -> bool {
        matches!(self.templates.find(&self.id), Template::Missing | Template::Damaged)
    }

    /// Starts a copy, after booting and saving the template if it is missing; `None` if there can
    /// be no template.
    pub fn copy(self) -> Option<Copy> {
        let TemplateMachine { machine, templates, system, id } = self;
        let (folder, is_first) = match templates.find(&id) {
            Template::Ready(folder) => (folder, false),
            Template::Unusable(_) => return None,
            Template::Missing | Template::Damaged => {
                (templates.make(&id, |folder| make(machine, &system, folder))?, true)
            }
        };
        let started = start(machine, &folder);
        Some(Copy { started, templates: templates.clone(), id, is_first })
    }
}

/// A copy that has been started. QEMU restores it while other work goes on.
pub struct Copy {
    started: Result<Guest, VmError>,
    templates: Templates,
    id: String,
    /// Whether its template is new.
    is_first: bool,
}

impl Copy {
    /// Waits until the copy takes commands, and gives it the files and modules of a machine. Boots
    /// the machine if that fails, and keeps the reason.
    pub fn finish(self, machine: &Machine) -> Result<Guest, VmError> {
        let Copy { started, templates, id, is_first } = self;
        let reason = match started.and_then(restored) {
            Ok(mut guest) => match guest.take(machine) {
                Ok(()) => {
                    guest.load_modules(machine)?;
                    return Ok(guest);
                }
                // It runs, but has no room for these files.
                Err(error) => format!("it did not accept the files: {}", error.whole()),
            },
            Err(error) => {
                let error = error.whole();
                match is_first {
                    true => templates
                        .give_up(&id, &format!("it did not start after it was saved: {error}")),
                    // It was damaged, is not accessible to this user, or the host has changed. A
                    // new one may work.
                    false => templates.forget(&id),
                }
                format!("it did not start: {error}")
            }
        };
        Guest::boot(machine).map(|guest| guest.in_place_of_a_copy(reason))
    }
}

/// Waits until a copy takes commands.
fn restored(mut guest: Guest) -> Result<Guest, VmError> {
    guest.restored()?;
    guest.set_clock()?;
    Ok(guest)
}

/// The name of a template: the digest of everything that it depends on.
fn id(machine: &Machine, system: &[u8]) -> Option<String> {
    let accelerator = Accelerator::of_host();
    let version = output(program(qemu::of_host().program).arg("--version")).ok()?.stdout;
    let image = std::fs::read(&machine.image).ok()?;
    let arguments = qemu::arguments(machine, accelerator);
    let arguments = arguments.iter().map(|word| word.as_bytes()).collect::<Vec<_>>().join(&0);
    // The processor of a machine under KVM is the host's.
    let processor = if accelerator == Accelerator::Kvm { processor() } else { String::new() };
    Some(digest([FORMAT.as_bytes(), &version, system, &image, &arguments, processor.as_bytes()]))
}

/// A digest of several texts, and of where each one ends.
fn digest<const N: usize>(parts: [&[u8]; N]) -> String {
    let mut sum = Sha256::new();
    for part in parts {
        sum.update(part.len().to_le_bytes());
        sum.update(part);
    }
    sum.finalize().iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

/// The host's description of its processor.
fn processor() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let tells = |line: &&str| {
        ["vendor_id", "model", "stepping", "microcode", "flags"]
            .iter()
            .any(|key| line.starts_with(key))
    };
    let first = text.split("\n\n").next().unwrap_or_default();
    first.lines().filter(tells).collect::<Vec<_>>().join("\n")
}

/// Boots a machine and saves it. The error is a reason that will apply next time too, or `None` if
/// that is unknown.
fn make(machine: &Machine, system: &[u8], folder: &Path) -> Result<(), Option<String>> {
    let passing = |_: io::Error| None;
    let (initrd, memory, state) = (folder.join(INITRAMFS), folder.join(MEMORY), folder.join(STATE));
    std::fs::write(&initrd, system).map_err(passing)?;
    let mut guest =
        Guest::boot_from(machine, &initrd, Memory::Shared(&memory)).map_err(|_: VmError| None)?;
    let way = guest.run(&format!("[ -c {} ] && which cpio", super::guest::FILES_PORT), LIMIT);
    if way.map_err(|_| None)?.status != 0 {
        return Err(Some(
            "its kernel has no virtio console built in, or its busybox no cpio".to_owned(),
        ));
    }
    let Some(places) = guest.places() else {
        return Err(Some("its kernel does not tell where its taint and its log are".to_owned()));
    };
    let file = File::create_new(&state).map_err(passing)?;
    guest.save(&file).map_err(|error| Some(error.to_string()))?;
    std::fs::write(folder.join(CONSOLE), guest.log()).map_err(passing)?;
    std::fs::write(folder.join(PLACES), places.saved()).map_err(passing)?;
    drop(guest);
    // A rename may reach the disk before the data of the renamed files.
    [&initrd, &memory, &state]
        .iter()
        .try_for_each(|path| File::open(path)?.sync_all())
        .map_err(passing)
}

/// Starts QEMU with the state saved in a folder.
fn start(machine: &Machine, folder: &Path) -> Result<Guest, VmError> {
    let memory = folder.join(MEMORY);
    let read = || {
        // QEMU opens it for writing, although it maps it privately.
        let opened = File::options().read(true).write(true).open(&memory)?;
        // It would also enlarge a truncated one.
        if opened.metadata()?.len() != qemu::MEMORY << 20 {
            return Err(io::Error::other("its memory was truncated"));
        }
        let text = |file: &str| std::fs::read_to_string(folder.join(file));
        let places = Places::restored(&text(PLACES)?)
            .ok_or_else(|| io::Error::other("its list of places is damaged"))?;
        Ok((File::open(folder.join(STATE))?, text(CONSOLE)?, places))
    };
    let (state, log, places) = read().map_err(io_error("reading the template machine"))?;
    let qemu = qemu::start(machine, &folder.join(INITRAMFS), Memory::Copied(&memory), Some(state))?;
    let mut guest = Guest::of(qemu, log, Some(places))?;
    guest.restore()?;
    Ok(guest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_and_its_end_is_in_the_name() {
        let parts: [&[u8]; 3] = [b"qemu 7.2", b"init", b"image"];
        let name = digest(parts);
        assert_eq!(name, digest(parts));
        for at in 0..parts.len() {
            let mut other = parts;
            other[at] = b"other";
            assert_ne!(name, digest(other), "part {at}");
        }
        assert_ne!(name, digest([b"qemu 7.2init", b"", b"image"]));
    }
}
