// SPDX-License-Identifier: GPL-2.0
//! Everything that depends on the processor architecture: how a function starts and where its
//! ftrace site is, how C passes arguments, what a relocation of a module writes, how the kernel
//! enters system calls, and the names that Kbuild, Debian and QEMU use for the architecture.
//!
//! An architecture is a value of [`Arch`] in a file of its own. No other crate names one: each uses
//! the value that belongs to the target ([`with_option`]) or to the file ([`with_machine`]) it
//! works on, or, before a target is known, [`native`]. The other half of an architecture runs
//! inside the kernel: `runtime/src/arch/`. `docs/architecture.md` lists the files for a second
//! architecture.
//!
//! The crate needs std alone, because the target's own rustc compiles it for the macros.

mod passing;
mod x86_64;

use std::fmt;
use std::ops::Range;

pub use passing::{ByValue, Location, Part, Passing, Unclear, Value};

/// Everything that kpsc knows about an architecture.
pub struct Arch {
    /// The name that `uname -m` prints.
    pub name: &'static str,
    /// The name in messages.
    pub title: &'static str,
    /// The option that the configuration of a kernel for this architecture sets.
    pub option: &'static str,
    /// `e_machine` of its ELF files.
    pub machine: u16,
    /// Decodes the start of a function.
    pub entry: fn(Start<'_>) -> Option<Entry>,
    /// The instruction that indirect branches may target.
    pub landing_pad: &'static str,
    /// How modules have that instruction, on kernels that use it.
    pub pads: Option<Pads>,
    /// The entry forms that [`entry`](Arch::entry) knows, for messages.
    pub entries: &'static str,
    /// The C calling convention.
    pub calls: Calls,
    /// The system calls.
    pub syscalls: Syscalls,
    /// Finds the compressed kernel in a boot image.
    pub payload: fn(&[u8]) -> Result<&[u8], NoPayload>,
    /// What an instruction does with an address, from the bytes of its function before the address.
    pub address_use: fn(&[u8]) -> AddressUse,
    /// The lengths of the address of the memory that an instruction stores to and of the value
    /// behind it, from the bytes before that value; None if a register has the address.
    pub destination: fn(&[u8]) -> Option<(u64, u64)>,
    /// Whether an instruction writes to the memory at an address, from the bytes of its function
    /// before the address.
    pub writes: fn(&[u8]) -> bool,
    /// Whether linked code at an address refers to something in a range of addresses.
    pub refers: fn(&[u8], u64, &Range<u64>) -> bool,
    /// The length of the jump that code starts with, which static keys switch; 0 for other code.
    pub switched: fn(&[u8]) -> usize,
    /// Decodes the type of a relocation that the module loader applies; None for a type that it
    /// refuses.
    pub relocation: fn(u32) -> Option<Relocation>,
    /// Whether compilers call a function of this name, or read a variable of it, without being told
    /// to in the source.
    pub implied: fn(&str) -> bool,
    /// How a trace of the kernel names the instruction that ran.
    pub instruction_pointer: &'static str,
    /// How rustc compiles code for the kernel.
    pub rustc: Rustc,
    /// The names that Kbuild uses.
    pub kbuild: Kbuild,
    /// The names that Debian uses.
    pub debian: Debian,
    /// The virtual machine.
    pub qemu: Qemu,
}

/// The first instructions of a function that has an ftrace site, as linked.
#[derive(Debug, Clone, Copy)]
pub struct Start<'a> {
    /// Bytes from the start of the function to the site.
    pub offset: u32,
    /// The first bytes of the function.
    pub bytes: &'a [u8; ENTRY_BYTES],
}

/// The longest entry that an architecture has: the bytes of a function that decide how it starts.
pub const ENTRY_BYTES: usize = 9;

/// A function that a livepatch can redirect and still call behind its ftrace site.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Bytes from the address of the function to the instruction behind its ftrace site.
    pub skip: u32,
    /// Whether the function starts with an instruction that indirect branches may target.
    pub landing_pad: bool,
}

/// The C calling convention, as far as livepatches depend on it.
pub struct Calls {
    /// The largest struct, in bytes, that registers carry.
    pub in_registers: u64,
    /// Classifies a struct from its size, its alignment and its members.
    pub by_value: fn(u64, u64, Option<&[Part]>) -> ByValue,
    /// The numbers that DWARF gives to the registers of arguments, in the order of the arguments.
    pub dwarf_registers: &'static [u16],
    /// Assigns a location to each argument, from the result and the parameters.
    pub passing: fn(Value, &[Value]) -> Result<Passing, Unclear>,
}

/// How programs enter the kernel, and how the kernel calls the function of a system call.
pub struct Syscalls {
    /// The prefix of the functions through which 64-bit programs enter the kernel.
    pub entry: &'static str,
    /// The functions for other programs.
    pub other_entries: &'static [OtherEntry],
    /// Where the kernel finds the entry of a 64-bit program's system call by its number: functions
    /// that call it, or arrays of addresses.
    pub tables: &'static [&'static str],
    /// The same for other programs.
    pub other_tables: &'static [&'static str],
    /// The members of `struct pt_regs` that carry the arguments, in order.
    pub members: &'static [&'static str],
}

/// The functions through which programs that are not 64-bit enter the kernel.
pub struct OtherEntry {
    /// Their prefix.
    pub prefix: &'static str,
    /// Whether `COMPAT_SYSCALL_DEFINEx()` of the kernel's source makes them, and not
    /// `SYSCALL_DEFINEx()`.
    pub is_compat: bool,
    /// The members of `struct pt_regs` that carry the arguments, in order.
    pub members: &'static [&'static str],
}

impl Syscalls {
    /// The functions that may be entries of a system call.
    pub fn entries<'n>(&self, call: &'n str) -> impl Iterator<Item = String> + 'n {
        let others = self.other_entries.iter().map(|entry| entry.prefix);
        others.chain([self.entry]).map(move |prefix| format!("{prefix}{call}"))
    }

    /// The system call that a function is an entry of, if it is one for programs that are not
    /// 64-bit.
    pub fn other_entry<'n>(&self, function: &'n str) -> Option<(&'n str, &'static OtherEntry)> {
        let mut entries = self.other_entries.iter();
        entries.find_map(|entry| Some((function.strip_prefix(entry.prefix)?, entry)))
    }
}

/// The prefixes of functions that every architecture generates for a system call
/// (`include/linux/syscalls.h`).
const INNER: [&str; 2] = ["__do_sys_", "__se_sys_"];

/// Why no compressed kernel was found in an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoPayload {
    /// The image is in another format.
    Unknown,
    /// The image is shorter than its header says.
    Truncated,
}

/// What an instruction does with an address in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressUse {
    /// It calls it or jumps there.
    Branch,
    /// It stores it on the stack.
    StoreToStack,
    /// It stores it elsewhere.
    Store,
    /// It puts it into a register, or reads or writes there.
    Value,
}

/// What the module loader does with a relocation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relocation {
    /// The number of bytes that it writes.
    pub bytes: usize,
    /// The value is relative to the address that is written.
    pub relative: bool,
    /// The relocated field ends its instruction, and the distance counts from the end.
    pub from_end: bool,
}

/// How rustc compiles code for the kernel, where Kbuild does not say it.
pub struct Rustc {
    /// The built-in target that is next to a kernel: no floating point, no red zone, no operating
    /// system.
    pub target: &'static str,
    /// LLVM's name of the target that the kernel's C is compiled for.
    pub llvm_target: &'static str,
    /// Options for any kernel.
    pub options: &'static [&'static str],
    /// Options for kernels with one of these set in their configuration.
    pub configured: &'static [Configured],
    /// Features of the target, likewise.
    pub features: &'static [Configured],
}

/// The names of a kernel's option, which differ between versions, and what rustc needs then.
pub type Configured = (&'static [&'static str], &'static str);

impl Rustc {
    /// The options for a kernel, by its configuration.
    pub fn options(&self, is_set: impl Fn(&str) -> bool) -> Vec<&'static str> {
        self.options.iter().copied().chain(chosen(self.configured, is_set)).collect()
    }

    /// The features of the target for a kernel, by its configuration.
    pub fn features(&self, is_set: impl Fn(&str) -> bool) -> Vec<&'static str> {
        chosen(self.features, is_set).collect()
    }
}

fn chosen(
    all: &'static [Configured],
    is_set: impl Fn(&str) -> bool,
) -> impl Iterator<Item = &'static str> {
    let all = all.iter().filter(move |(names, _)| names.iter().any(|name| is_set(name)));
    all.map(|(_, word)| *word)
}

/// The landing pads of a module's functions.
pub struct Pads {
    /// The instruction, as an assembler knows it.
    pub instruction: &'static str,
    /// Its bytes.
    pub bytes: &'static [u8],
    /// The section that lists the functions whose landing pads the kernel overwrites. A kernel that
    /// uses landing pads has it in its modules, and no other.
    pub sealed: &'static str,
    /// The sections that name addresses of code for other purposes than branches.
    pub tables: &'static [&'static str],
}

/// The names that Kbuild uses.
pub struct Kbuild {
    /// The folder of the architecture in the kernel's source.
    pub folder: &'static str,
    /// The boot images that a build produces, in the order to look for them.
    pub images: &'static [&'static str],
    /// The prefix of cross compilers, with its dash.
    pub cross_compile: &'static str,
}

/// The names that Debian uses.
pub struct Debian {
    /// The architecture, as dpkg names it.
    pub architecture: &'static str,
    /// The kernel flavour that kpsc uses by default.
    pub flavour: &'static str,
}

/// The virtual machine that boots a kernel.
pub struct Qemu {
    /// The program.
    pub program: &'static str,
    /// The Debian package that holds the program.
    pub package: &'static str,
    /// The machine type.
    pub machine: &'static str,
    /// The console on the kernel's command line.
    pub console: &'static str,
    /// The kernel's variable with the address at which it maps all memory.
    pub direct_map: &'static str,
    /// More words for the command line of an emulated kernel.
    pub append: &'static str,
}

/// All architectures. The first is the one that kpsc itself runs on.
const ALL: [&Arch; 1] = [&x86_64::X86_64];

/// The architecture whose option is set.
pub fn with_option(is_set: impl Fn(&str) -> bool) -> Option<&'static Arch> {
    ALL.into_iter().find(|arch| is_set(arch.option))
}

/// The architecture of an ELF file.
pub fn with_machine(e_machine: u16) -> Option<&'static Arch> {
    ALL.into_iter().find(|arch| arch.machine == e_machine)
}

/// The architecture that kpsc itself runs on.
pub fn native() -> &'static Arch {
    ALL[0]
}

/// The system call that a function belongs to, by the function's name. No two architectures share a
/// prefix.
pub fn syscall_of(function: &str) -> Option<&str> {
    let entries = ALL.into_iter().flat_map(|arch| {
        let others = arch.syscalls.other_entries.iter().map(|entry| entry.prefix);
        others.chain([arch.syscalls.entry])
    });
    entries.chain(INNER).find_map(|prefix| function.strip_prefix(prefix))
}

impl PartialEq for Arch {
    fn eq(&self, other: &Arch) -> bool {
        self.name == other.name
    }
}

impl fmt::Debug for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}
