// SPDX-License-Identifier: GPL-2.0
//! Which variables a function of the kernel or of a module uses, as its compiled code says. Neither
//! symbols nor BTF tell.

use super::image::{vmlinux, Vmlinux};
use super::linked::{Linked, Memory};
use super::module::unpack;
use super::Target;
use kps_diag::{Diagnostic, UNREADABLE_IMAGE};
use kps_host::input;
use std::ops::Range;
use std::path::Path;

/// The code of the kernel or of a module, with the addresses that the facts have.
#[derive(Debug)]
pub struct Code(Contents);

#[derive(Debug)]
enum Contents {
    /// An uncompressed kernel.
    Image(Vec<u8>),
    Module(Memory),
}

impl Target {
    /// The code of the kernel.
    pub fn code(&self) -> Result<Code, Diagnostic> {
        self.compare(&self.image())?;
        vmlinux(&input::read(&self.image(), input::IMAGE)?)
            .map(|bytes| Code(Contents::Image(bytes)))
            .map_err(|error| {
                Diagnostic::new(UNREADABLE_IMAGE, format!("the image cannot be read: {error}"))
            })
    }

    /// The code of a module: the contents of the file at this path.
    pub fn module_code(path: &Path, file: Vec<u8>) -> Result<Code, Diagnostic> {
        unpack(file)
            .and_then(|bytes| Ok(Code(Contents::Module(Linked::new(&bytes)?.memory))))
            .map_err(|error| Target::unreadable_module(path, &error))
    }
}

impl Code {
    /// The code from an address on; empty if there is none.
    pub fn at(&self, address: u64) -> &[u8] {
        self.memory(address).unwrap_or_default()
    }

    fn memory(&self, address: u64) -> Option<&[u8]> {
        match &self.0 {
            Contents::Image(bytes) => Vmlinux::parse(bytes).ok()?.memory(address),
            Contents::Module(memory) => memory.at(address),
        }
    }

    /// Whether the code at some addresses refers to a variable. Code that cannot be read does not.
    pub fn refers(&self, code: &Range<u64>, variable: &Range<u64>) -> bool {
        let Some(memory) = self.memory(code.start) else { return false };
        let len = usize::try_from(code.end - code.start).unwrap_or(usize::MAX);
        let memory = memory.get(..len).unwrap_or(memory);
        (kps_arch::native().refers)(memory, code.start, variable)
    }
}
