// SPDX-License-Identifier: GPL-2.0
//! The facts about one kernel.
//!
//! `kpsc kernel add` reads a kernel image once and writes everything that a patch author can ask
//! about it into one *facts file*. All later checks, and the proc macros, use a [`Facts`]. Tests
//! fill the same type by hand, so no test depends on the machine it runs on.
//!
//! The crate needs std alone, because the target's own rustc compiles it for the macros.

pub mod btf;
mod by_value;
mod calls;
mod clones;
mod constants;
mod debug;
mod exports;
mod file;
mod format;
mod from_c;
mod import;
mod inline;
mod namesakes;
mod roles;
mod sites;
mod source;
mod symbols;
mod user;
mod whereabouts;

use btf::{Btf, BtfError};
use kps_arch::{Arch, Entry, Start};
use std::collections::BTreeMap;
use std::ops::Range;

pub use calls::{paths, Calls};
pub use clones::{
    is_clone, may_lack_result, may_take_members, CloneArguments, CloneParam, DebugBase, DebugType,
    Place, Unexplained,
};
pub use constants::{is_constant, Constants};
pub use debug::{Compiled, Copy, DebugInfo, DebugModules, Defined, Definition, SourceLine};
pub use exports::{Export, Exports};
pub use file::{FactsError, FactsFile};
pub use from_c::CONSTANTS;
pub use import::{param_name, passed, Importer, Wanted};
pub use inline::{inline, CType, Inline, INLINES};
pub use kps_arch::ENTRY_BYTES;
pub use kps_plan::Mode;
pub use namesakes::forget_namesakes;
pub use roles::{Role, Roles};
pub use sites::Sites;
pub use source::Source;
pub use symbols::{Sym, Symbols};
pub use user::{SyscallArgument, UserArguments, UserDeclarations};
pub use whereabouts::{redirectable_above, Function, Inlined, Outcome, Redirection, Whereabouts};

/// The facts of one kernel image.
#[derive(Debug, Default)]
pub struct Facts {
    /// What the kernel is.
    pub identity: Identity,
    /// Its configuration: the options that are set, with their values as `.config` has them.
    pub config: BTreeMap<String, String>,
    /// What the Rust of its patches stands on.
    pub mode: Mode,
    /// The contents of the image.
    pub vmlinux: Object,
    /// The exports of vmlinux, by name.
    pub exports: Exports,
    /// The parameters of its system calls, by name, as far as the image records them.
    pub syscalls: BTreeMap<String, Vec<SyscallParam>>,
    /// The system calls that the vDSO answers, by name.
    pub vdso: Vec<String>,
    /// The roles of the functions of vmlinux, as far as its code tells.
    pub roles: Roles,
    /// The direct calls between the functions of vmlinux.
    pub calls: Calls,
    /// The parameters of the functions of vmlinux that get a pointer of a system call, as far as
    /// its code tells.
    pub user_arguments: UserArguments,
    /// What its headers declare `__user`, once they are there.
    pub user_declarations: UserDeclarations,
    /// What they have as macros, likewise.
    pub constants: Constants,
    /// The types of vmlinux, followed by those of the modules that have been added.
    pub btf: Btf,
    /// The modules that have been added, by name.
    pub modules: BTreeMap<String, Module>,
    /// The names of all modules of the kernel, as far as they are known.
    pub module_names: Vec<String>,
    /// Debug information about the functions of vmlinux, if the target has any.
    pub debug: Option<DebugInfo>,
    /// The modules that debug information has functions of some names in, by these names: those
    /// that were looked up, and are found in a module.
    pub in_modules: BTreeMap<String, Vec<InModule>>,
}

/// The contents of vmlinux or of a module.
#[derive(Debug, Default)]
pub struct Object {
    /// Its symbols.
    pub symbols: Symbols,
    /// Its sections, as linked.
    pub sections: Vec<Section>,
    /// Its ftrace sites, by the address of their function.
    pub sites: Sites,
}

/// A module of the kernel.
#[derive(Debug, Default)]
pub struct Module {
    /// Its contents. Its sections have no addresses before the module is loaded; here they are laid
    /// out one after another.
    pub object: Object,
    /// The GNU build-id, if it has one.
    pub build_id: Option<Vec<u8>>,
    /// The modules that the kernel loads before this one.
    pub depends: Vec<String>,
    /// The range of its own types.
    pub types: Range<u32>,
    /// The roles of its functions, as far as its code tells.
    pub roles: Roles,
    /// The direct calls between its functions.
    pub calls: Calls,
    /// The direct calls of its functions to those of vmlinux.
    pub kernel_calls: Calls,
    /// Debug information about its functions, if the target has any.
    pub debug: Option<DebugInfo>,
}

/// A module that has a function of some name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InModule {
    /// The name of the module.
    pub module: String,
    /// Whether the function has a symbol there. If not, it is inlined.
    pub has_symbol: bool,
}

/// Whether a text can be a kernel's release, which becomes the name of a folder and a part of
/// generated code.
pub fn is_release(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._+~-".contains(c);
    // `struct new_utsname` has 64 characters and a NUL.
    (1..=64).contains(&text.len()) && !text.starts_with('.') && text.chars().all(plain)
}

/// Whether a text can be the name of a module in the kernel's spelling, which becomes a part of
/// generated code. `vmlinux` is the kernel itself.
pub fn is_module_name(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    // `MODULE_NAME_LEN` in `include/linux/moduleparam.h` is 56, with a NUL.
    (1..56).contains(&text.len()) && text.bytes().all(plain) && text != "vmlinux"
}

/// Whether bytes can be the build-id of a kernel or a module, which becomes a part of generated
/// code.
pub fn is_build_id(bytes: &[u8]) -> bool {
    // `BUILD_ID_SIZE_MAX` in `include/linux/buildid.h`.
    (1..=20).contains(&bytes.len())
}

/// The identity of a kernel.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// `uname -r`.
    pub release: String,
    /// The GNU build-id of the image.
    pub build_id: Vec<u8>,
}

/// A section of the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Its name.
    pub name: String,
    /// Its address, as linked.
    pub address: u64,
    /// Its size in bytes.
    pub size: u64,
}

/// An ftrace site: a call that the kernel can redirect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Site {
    /// Bytes from the start of the function to the call.
    pub offset: u32,
    /// The first bytes of the function as linked.
    pub bytes: [u8; ENTRY_BYTES],
}

/// A parameter of a system call, as the kernel's source has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SyscallParam {
    /// Its type, in C.
    pub ty: String,
    /// Its name.
    pub name: String,
}

impl Site {
    /// The entry of a function that a livepatch can redirect and still call. None if kpsc does not
    /// know the function's first instructions.
    pub fn entry(&self, arch: &Arch) -> Option<Entry> {
        (arch.entry)(Start { offset: self.offset, bytes: &self.bytes })
    }
}

impl Facts {
    /// The architecture of the kernel, which its configuration names. If it names none, as in a
    /// kernel made up for a test, it is the one that kpsc runs on.
    pub fn arch(&self) -> &'static Arch {
        kps_arch::with_option(|option| self.config_enabled(option)).unwrap_or_else(kps_arch::native)
    }

    /// Adds a module, with its types if it has any: a `.BTF` section that continues that of
    /// vmlinux.
    pub fn add_module(
        &mut self,
        name: &str,
        module: Module,
        btf: Option<&[u8]>,
    ) -> Result<(), BtfError> {
        let before = self.btf.len() as u32;
        if let Some(btf) = btf {
            self.btf = self.btf.with_module(btf)?;
        }
        let types = before + 1..self.btf.len() as u32 + 1;
        let symbols = module.object.symbols.iter().map(|sym| (sym.kind, sym.name));
        forget_namesakes(&mut self.btf, types.clone(), &self.config, symbols);
        self.modules.insert(name.to_owned(), Module { types, ..module });
        Ok(())
    }

    /// The roles of the functions of vmlinux or of a module.
    pub fn roles<'a>(&'a self, module: Option<&'a Module>) -> &'a Roles {
        module.map_or(&self.roles, |module| &module.roles)
    }

    /// The direct calls between the functions of vmlinux or of a module.
    pub fn calls<'a>(&'a self, module: Option<&'a Module>) -> &'a Calls {
        module.map_or(&self.calls, |module| &module.calls)
    }

    /// Debug information about the functions of vmlinux or of a module.
    pub fn debug_of<'a>(&'a self, module: Option<&'a Module>) -> Option<&'a DebugInfo> {
        match module {
            Some(module) => module.debug.as_ref(),
            None => self.debug.as_ref(),
        }
    }

    /// The functions that a function of vmlinux or of a module calls or jumps to, in its module and
    /// in vmlinux. A module's addresses are far below those of vmlinux, so addresses tell them
    /// apart.
    pub fn calls_from<'a>(
        &'a self,
        module: Option<&'a Module>,
        function: u64,
    ) -> impl Iterator<Item = u64> + 'a {
        let of_module = module.into_iter().flat_map(|module| [&module.calls, &module.kernel_calls]);
        of_module.chain([&self.calls]).flat_map(move |calls| calls.from(function))
    }

    /// Whether an option is `y` or `m`.
    pub fn config_enabled(&self, option: &str) -> bool {
        matches!(self.config.get(option).map(String::as_str), Some("y" | "m"))
    }
}

impl Object {
    /// The section that holds an address.
    pub fn section_of(&self, address: u64) -> Option<&Section> {
        self.sections.iter().find(|s| s.address <= address && address - s.address < s.size)
    }

    /// Whether a symbol is code. The letters of kallsyms are unreliable; sections are not.
    pub fn is_function(&self, sym: Sym<'_>) -> bool {
        match self.section_of(sym.address) {
            Some(section) => section.name.ends_with(".text") || section.name.starts_with(".text"),
            None => matches!(sym.kind, 't' | 'T' | 'w' | 'W'),
        }
    }

    /// Whether the memory at an address is read-only once the kernel has booted, or the module is
    /// loaded.
    pub fn is_read_only(&self, address: u64) -> bool {
        // `RO_DATA()` of include/asm-generic/vmlinux.lds.h, which `mark_rodata_ro()` protects. It
        // includes what is `__ro_after_init`.
        let bound = |name| self.symbols.named(name).first().map(|sym| sym.address);
        match (bound("__start_rodata"), bound("__end_rodata")) {
            (Some(start), Some(end)) => (start..end).contains(&address),
            _ => self.section_of(address).is_some_and(|section| {
                section.name.starts_with(".rodata")
                    || section.name.starts_with(".data..ro_after_init")
            }),
        }
    }

    /// Whether the memory at an address is freed after the kernel has booted, or the module is
    /// loaded.
    pub fn is_init(&self, address: u64) -> bool {
        // `__init_begin` and `__init_end` bound what `free_initmem()` frees
        // (arch/x86/kernel/vmlinux.lds.S).
        let bound = |name| self.symbols.named(name).first().map(|sym| sym.address);
        match (bound("__init_begin"), bound("__init_end")) {
            (Some(begin), Some(end)) => (begin..end).contains(&address),
            _ => self.section_of(address).is_some_and(|s| s.name.starts_with(".init")),
        }
    }
}
