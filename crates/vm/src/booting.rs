// SPDX-License-Identifier: GPL-2.0
//! A machine that boots while other work goes on, such as the boot of others.

use super::guest::files;
use super::machine::io_error;
use super::qemu::Memory;
use super::{initramfs, Guest, Machine, Root, VmError};
use kps_host::temporary::Folder;

/// A machine that has been switched on. It ends with the thread that did it, as all programs of
/// kpsc do.
pub struct Booting<'a> {
    machine: &'a Machine,
    guest: Guest,
    /// Holds the initramfs, which QEMU reads.
    _folder: Option<Folder>,
}

impl<'a> Booting<'a> {
    /// Switches a machine on.
    pub fn start(machine: &'a Machine) -> Result<Booting<'a>, VmError> {
        let (system, folder) = match &machine.root {
            Root::Disk(image) => (image.clone(), None),
            Root::Initramfs(busybox) => {
                let packed = || Ok([initramfs::system(busybox)?, files(machine)?].concat());
                let packed = packed().map_err(io_error("packing the virtual machine's files"))?;
                let folder = Folder::new_in(&std::env::temp_dir())
                    .map_err(io_error("making a temporary folder"))?;
                let initrd = folder.path().join("initramfs");
                std::fs::write(&initrd, packed)
                    .map_err(io_error("writing the virtual machine's files"))?;
                (initrd, Some(folder))
            }
        };
        let guest = Guest::switched_on(machine, &system, Memory::Own)?;
        Ok(Booting { machine, guest, _folder: folder })
    }

    /// Waits until it takes commands. The files of a machine with a disk get there then.
    pub fn finish(self) -> Result<Guest, VmError> {
        let machine = self.machine;
        let mut guest = self.guest.ready(machine)?;
        let without = [&machine.files, &machine.programs, &machine.modules];
        let is_complete = without.iter().all(|files| files.is_empty());
        if matches!(machine.root, Root::Disk(_)) && !is_complete {
            guest.take(machine)?;
        }
        guest.load_modules(machine)?;
        Ok(guest)
    }
}
