// SPDX-License-Identifier: GPL-2.0
//! The records of a facts file that several sections share, or that are long.

use crate::btf::{BtfId, Extent, Index};
use crate::format::{Reader, Writer};
use crate::symbols::Parts;
use crate::{
    Calls, Module, Object, Roles, Section, Site, Sites, Symbols, SyscallParam, ENTRY_BYTES,
};

impl Writer {
    /// The index of the types, and which of them are vmlinux's.
    pub(super) fn index(&mut self, index: &Index, kernel: Extent) {
        let Index { functions, types, constants } = index;
        self.list(functions, |w, id| w.u32(id.0));
        self.list(types, |w, id| w.u32(id.0));
        self.list(constants, |w, (id, n)| {
            w.u32(id.0);
            w.u32(*n);
        });
        let Extent { types, names } = kernel;
        self.u32(types);
        self.u32(names);
    }

    pub(super) fn sections(&mut self, sections: &[Section]) {
        self.list(sections, |w, section| {
            w.text(&section.name);
            w.u64(section.address);
            w.u64(section.size);
        });
    }

    pub(super) fn sites(&mut self, sites: &Sites) {
        self.u64(sites.len() as u64);
        for (function, site) in sites.iter() {
            self.u64(function);
            self.u32(site.offset);
            self.0.extend(site.bytes);
        }
    }

    pub(super) fn module(&mut self, module: &Module) {
        // Debug information is in a file of its own.
        let Module { object, build_id, depends, types, roles, calls, kernel_calls, debug: _ } =
            module;
        self.sections(&object.sections);
        self.sites(&object.sites);
        object.symbols.write_parts(self);
        self.text(object.symbols.names());
        // An empty build-id stands for none.
        self.bytes(build_id.as_deref().unwrap_or_default());
        self.list(depends, |w, name| w.text(name));
        self.u32(types.start);
        self.u32(types.end);
        roles.write(self);
        calls.write(self);
        kernel_calls.write(self);
    }
}

impl Reader<'_> {
    pub(super) fn index(&mut self) -> Option<(Index, Extent)> {
        let id = |record: &[u8; 4]| BtfId(u32::from_le_bytes(*record));
        let index = Index {
            functions: self.records(id)?,
            types: self.records(id)?,
            constants: self.records(|record: &[u8; 8]| {
                let [a, b, c, d, e, f, g, h] = *record;
                (id(&[a, b, c, d]), u32::from_le_bytes([e, f, g, h]))
            })?,
        };
        Some((index, Extent { types: self.u32()?, names: self.u32()? }))
    }

    pub(super) fn sections(&mut self) -> Option<Vec<Section>> {
        self.list(|r| {
            Some(Section { name: r.text()?.to_owned(), address: r.u64()?, size: r.u64()? })
        })
    }

    pub(super) fn sites(&mut self) -> Option<Sites> {
        const RECORD: usize = 12 + ENTRY_BYTES;
        let sites = self.records(|record: &[u8; RECORD]| {
            let mut r = Reader(record);
            let (function, offset) = (r.u64().unwrap_or_default(), r.u32().unwrap_or_default());
            (function, Site { offset, bytes: r.array().unwrap_or_default() })
        });
        Sites::in_order(sites?)
    }

    pub(super) fn module(&mut self) -> Option<Module> {
        let (sections, sites) = (self.sections()?, self.sites()?);
        let symbols: Symbols = Parts::read(self)?.with_names(self.bytes()?.to_vec())?;
        let build_id = self.bytes()?;
        Some(Module {
            object: Object { symbols, sections, sites },
            build_id: (!build_id.is_empty()).then(|| build_id.to_vec()),
            depends: self.list(|r| Some(r.text()?.to_owned()))?,
            types: self.u32()?..self.u32()?,
            roles: Roles::read(self)?,
            calls: Calls::read(self)?,
            kernel_calls: Calls::read(self)?,
            debug: None,
        })
    }

    pub(super) fn syscall_param(&mut self) -> Option<SyscallParam> {
        Some(SyscallParam { ty: self.text()?.to_owned(), name: self.text()?.to_owned() })
    }
}
