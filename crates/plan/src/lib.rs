// SPDX-License-Identifier: GPL-2.0
//! The model of a livepatch with every name resolved in the target kernel.
//!
//! Both front ends, specs and patch crates, produce a plan, and the code generator consumes it. It
//! holds no text that still has to be looked up: a function is a symbol with its position, its
//! prototype and its ftrace site; a type is a layout. It does no parsing, no I/O, and depends on
//! `arch` alone, because the target kernel's own rustc compiles it.
//!
//! `B` is the type of a body. A spec's bodies are text with an origin; a macro's bodies are tokens
//! with spans. The plan carries them unchanged.

mod callbacks;
mod data;
mod in_c;
mod keepers;
mod mode;
mod note;
mod params;
mod passing;
mod succession;
mod symbol;
mod types;

pub use callbacks::{Callback, Callbacks};
pub use data::{fnv, DataId, DataType, Free, Parent, Resource, Shadow, State};
pub use in_c::{CData, CDatum, CDatumKind, DataFunction};
pub use keepers::{Keeper, Stays};
pub use kps_arch::{Arch, ByValue, Entry, Location, Passing, Unclear};
pub use mode::Mode;
pub use note::{Note, NOTE_OWNER, NOTE_SECTION, NOTE_TYPE};
pub use params::{ModuleParam, ParamDefault, ParamType, ParamValue, Params};
pub use succession::{Datum, DatumKind, Fate};
pub use symbol::{short_placeholder, ObjectName, Symbol, LONG_NAMES, ORIGINAL, PLACEHOLDER};
pub use types::{
    Bitfield, CInt, Field, Param, Record, RecordKind, Signature, Type, TypeDef, TypeId, Types,
};

/// One livepatch module: everything that `klp_enable_patch()` needs, and everything that the bodies
/// need to compile.
#[derive(Debug, Clone)]
pub struct Patch<B> {
    /// The module's name, `NAME.ko`.
    pub name: String,
    /// What `modinfo` shows.
    pub metadata: Metadata,
    /// Whether this patch replaces all earlier ones (`klp_patch.replace`).
    pub replace: Replace,
    /// The module's parameters, if it has any.
    pub params: Option<Params>,
    /// The states, in source order.
    pub states: Vec<State<B>>,
    /// The shadow variables, in source order.
    pub shadows: Vec<Shadow<B>>,
    /// The resources, in source order.
    pub resources: Vec<Resource<B>>,
    /// The patched objects, in source order; vmlinux comes first if there are states, shadow
    /// variables or resources.
    pub objects: Vec<Object<B>>,
    /// Plain Rust items that the bodies share.
    pub items: Vec<B>,
    /// Rust modules that the bodies share.
    pub modules: Vec<Module<B>>,
    /// Files in C, compiled into the module.
    pub c_files: Vec<CFile>,
    /// The kernel symbols and types that the bodies use.
    pub kernel: Imports,
    /// The livepatch structs, which are in no header that Rust code can see.
    pub klp: Klp,
    /// The one kernel that all addresses, layouts and bytes in this plan come from.
    pub target: Target,
}

/// One of the author's Rust modules.
#[derive(Debug, Clone)]
pub struct Module<B> {
    /// Its name, which is an identifier.
    pub name: String,
    /// Its contents.
    pub items: B,
}

/// A file in C.
#[derive(Debug, Clone)]
pub struct CFile {
    /// Its path below the folder of the patch's source, of plain characters.
    pub path: String,
    /// The object whose functions it holds. If that is a module, the file may use the module's
    /// symbols besides those of vmlinux.
    pub object: ObjectName,
    /// The functions that Rust bodies call.
    pub functions: Vec<String>,
    /// What it uses of the patch's parameters and data.
    pub data: CData,
}

/// When a patch replaces all earlier ones.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Replace {
    /// Never: it is stacked on them.
    #[default]
    Never,
    /// Always.
    Always,
    /// If this parameter, a `bool` or an integer, is not 0 when the patch is loaded.
    If(String),
}

/// The structs of `include/linux/livepatch.h`, among the types of [`Imports`].
#[derive(Debug, Clone, Copy)]
pub struct Klp {
    /// `struct klp_patch`.
    pub patch: TypeId,
    /// `struct klp_object`.
    pub object: TypeId,
    /// `struct klp_func`.
    pub func: TypeId,
    /// `struct klp_callbacks`.
    pub callbacks: TypeId,
    /// `struct klp_state`, if the patch has states or shadow variables.
    pub state: Option<TypeId>,
    /// The structs of the patch's kobject, if it has resources.
    pub kobject: Option<Kobject>,
    /// Where a module's read-only memory is, which holds its notes.
    pub rodata: Rodata,
}

/// Where `struct module` has the module's read-only memory (`include/linux/module.h`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Rodata {
    /// Before Linux 6.4: a part of `core_layout`, behind the code.
    #[default]
    CoreLayout,
    /// Since then: the element of `mem` with this index (`MOD_RODATA`).
    Memory(usize),
}

/// The structs of `include/linux/kobject.h`.
#[derive(Debug, Clone, Copy)]
pub struct Kobject {
    /// `struct kobject`.
    pub object: TypeId,
    /// `struct kobj_type`.
    pub ktype: TypeId,
}

/// The metadata of a module, in `.modinfo` and in its ELF note.
#[derive(Debug, Clone, Default)]
pub struct Metadata {
    /// `MODULE_LICENSE`. `klp_enable_patch()` is exported to GPL-compatible modules only.
    pub license: String,
    /// `MODULE_AUTHOR`, zero or more.
    pub authors: Vec<String>,
    /// `MODULE_DESCRIPTION`.
    pub description: Option<String>,
    /// `MODULE_VERSION`, shown in `/sys/module/NAME/version`.
    pub version: Option<String>,
    /// What the patch fixes, usually CVE ids.
    pub fixes: Vec<String>,
    /// The name shared by patches that follow each other; they share their shadow variables.
    pub family: String,
    /// Patches that this one is stacked on, even if they change the same functions.
    pub over: Vec<String>,
    /// SHA-256 of the patch's source text, in hexadecimal.
    pub source_hash: String,
    /// The program that made the plan, with its version.
    pub made_by: String,
}

/// The kernel that a plan was made for.
#[derive(Debug, Clone)]
pub struct Target {
    /// `uname -r`.
    pub release: String,
    /// The GNU build-id of its image, from the `.notes` section.
    pub build_id: Vec<u8>,
    /// Whether it has the kernel's own Rust crate.
    pub mode: Mode,
    /// How its `module!` spells the authors.
    pub authors: AuthorsKey,
    /// The constants of its headers, by name, for the crate `kernel` of core mode.
    pub constants: Vec<(String, i64)>,
}

impl Target {
    /// The build-id in hexadecimal.
    pub fn build_id_in_hex(&self) -> String {
        note::hex(&self.build_id)
    }
}

/// How `module!` of the target spells the authors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuthorsKey {
    /// `author: "..",` takes one author.
    Author,
    /// `authors: ["..", ".."],`.
    Authors,
}

/// A `klp_object`: vmlinux or a module, with its changes.
#[derive(Debug, Clone)]
pub struct Object<B> {
    /// Which object.
    pub name: ObjectName,
    /// The GNU build-id of a module, if it has one.
    pub build_id: Option<Vec<u8>>,
    /// The file of a module that did not come with the kernel, as the author names it.
    pub from: Option<String>,
    /// Its changed functions, in source order.
    pub funcs: Vec<Func<B>>,
    /// Its callbacks.
    pub callbacks: Callbacks<B>,
    /// The symbols of a module that its bodies use. They are available only while the module is
    /// loaded.
    pub uses: Uses,
    /// Indices of other objects whose symbols its bodies may use too.
    pub sees: Vec<usize>,
}

/// Functions and variables of one object that bodies use.
#[derive(Debug, Clone, Default)]
pub struct Uses {
    /// The functions.
    pub functions: Vec<Function>,
    /// The variables.
    pub statics: Vec<Static>,
    /// What only C files use.
    pub of_c: Vec<CSymbol>,
}

/// A `klp_func`: one function of an object and the code that replaces it.
#[derive(Debug, Clone)]
pub struct Func<B> {
    /// The function's symbol.
    pub old: Symbol,
    /// The prototype that bodies see.
    pub signature: Signature,
    /// How the function is called.
    pub convention: Convention,
    /// How the function starts.
    pub entry: Entry,
    /// The code that replaces it.
    pub change: Change<B>,
    /// The shadow data to free before the old function runs, because the old function frees its
    /// parent.
    pub frees: Vec<Free<B>>,
}

/// How a function is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Convention {
    /// As C calls functions.
    C,
    /// As the kernel enters a system call: with a pointer to the registers of its caller, which
    /// hold the arguments.
    Syscall {
        /// `struct pt_regs`.
        regs: TypeId,
    },
}

/// The kernel's declaration of a function, in C.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CPrototype {
    /// As the kernel's source has it.
    pub declaration: String,
    /// The same for the compiler, which need not know typedefs.
    pub without_typedefs: String,
}

/// A system call that a C file defines by `SYSCALL_DEFINEx()`, as the kernel's source does. The
/// macro makes every entry of it, around one function with the author's body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CSyscall {
    /// The function with the author's body, such as `__do_sys_openat2`.
    pub body: String,
    /// The members of `struct pt_regs` in which the entry gets the arguments.
    pub registers: Vec<&'static str>,
}

/// The code that replaces an old function.
#[derive(Debug, Clone)]
pub enum Change<B> {
    /// A new body. The old one runs when the new one calls `original(..)`.
    Replace {
        /// The new body.
        body: B,
        /// Whether it calls the old one.
        calls_original: bool,
    },
    /// A new body in C: a function of the old one's name in a file, or the system call's.
    C {
        /// The index of the file in the patch.
        file: usize,
        /// Whether it calls the old one.
        calls_original: bool,
        /// The prototype in the kernel, which the compiler compares.
        prototype: Option<CPrototype>,
        /// The system call that the file defines, if the function is an entry of one.
        syscall: Option<CSyscall>,
    },
    /// A hook before the old function, which leaves no frame behind. Without a body it only frees
    /// shadow data.
    Pre(Option<B>),
    /// A hook after the old function, perhaps with one before it.
    Around {
        /// Runs first.
        pre: Option<B>,
        /// Runs last.
        post: B,
    },
}

impl<B> Change<B> {
    /// The author's bodies, in the order in which they run.
    pub fn bodies(&self) -> Vec<&B> {
        match self {
            Change::Replace { body, .. } => vec![body],
            Change::Pre(body) => body.iter().collect(),
            Change::Around { pre, post } => pre.iter().chain([post]).collect(),
            Change::C { .. } => Vec::new(),
        }
    }
}

impl<B> Patch<B> {
    /// The author's snippets in its states, shadow variables and resources.
    pub fn data_texts(&self) -> impl Iterator<Item = &B> {
        let of_states = self
            .states
            .iter()
            .flat_map(|state| [&state.ty.text, &state.save, &state.apply.1, &state.restore.1]);
        let of_shadows = self.shadows.iter().flat_map(|shadow| {
            let ctor = shadow.ctor.as_ref().map(|(_, _, body)| body);
            let dtor = shadow.dtor.as_ref().map(|(_, body)| body);
            [&shadow.ty.text, &shadow.init].into_iter().chain(ctor).chain(dtor)
        });
        let of_resources = self.resources.iter().flat_map(|resource| {
            let adopt = resource.adopt.as_ref().map(|(_, body)| body);
            [&resource.ty.text, &resource.acquire, &resource.release.1].into_iter().chain(adopt)
        });
        of_states.chain(of_shadows).chain(of_resources)
    }

    /// The symbols that klp relocations resolve, some of them more than once.
    pub fn livepatch_symbols(&self) -> impl Iterator<Item = Symbol> + '_ {
        let funcs = self.objects.iter().flat_map(|object| &object.funcs).map(|func| &func.old);
        let of_modules = || self.objects.iter().map(|object| &object.uses);
        let functions =
            self.kernel.functions.iter().chain(of_modules().flat_map(|uses| &uses.functions));
        let statics = self.kernel.statics.iter().chain(of_modules().flat_map(|uses| &uses.statics));
        let of_c = self.kernel.of_c.iter().chain(of_modules().flat_map(|uses| &uses.of_c));
        let links = functions.map(|f| &f.link).chain(statics.map(|s| &s.link));
        let links = links.chain(of_c.map(|symbol| &symbol.link));
        let livepatch = links.filter_map(|link| match link {
            Link::Livepatch(symbol) => Some(symbol),
            Link::Export { .. } | Link::Own | Link::Header { .. } => None,
        });
        // The bounds of the kernel's notes, for the guard, and the mutex under which resources end.
        let notes = ["__start_notes", "__stop_notes"].map(Symbol::of_image);
        let mutex = self.klp.kobject.map(|_| Symbol::of_image("klp_mutex"));
        funcs.chain(livepatch).cloned().chain(notes).chain(mutex)
    }

    /// Whether it has persistent data or resources, which its callbacks maintain.
    pub fn has_data(&self) -> bool {
        !self.states.is_empty() || !self.shadows.is_empty() || !self.resources.is_empty()
    }
}

/// The symbols, types and constants of the kernel that the bodies of a patch use, by name.
#[derive(Debug, Clone)]
pub struct Imports {
    /// The types.
    pub types: Types,
    /// The functions.
    pub functions: Vec<Function>,
    /// The variables.
    pub statics: Vec<Static>,
    /// What only C files use.
    pub of_c: Vec<CSymbol>,
    /// The enumeration constants.
    pub constants: Vec<Constant>,
}

impl Imports {
    /// Empty, for a target of this architecture.
    pub fn new(arch: &'static Arch) -> Imports {
        Imports {
            types: Types::new(arch),
            functions: Vec::new(),
            statics: Vec::new(),
            of_c: Vec::new(),
            constants: Vec::new(),
        }
    }
}

/// A kernel function that a body may call.
#[derive(Debug, Clone)]
pub struct Function {
    /// Its name in bodies, which is its name in the kernel.
    pub name: String,
    /// The C prototype.
    pub signature: Signature,
    /// How the module resolves it.
    pub link: Link,
}

/// A kernel variable that a body may use.
#[derive(Debug, Clone)]
pub struct Static {
    /// Its name in bodies, which is its name in the kernel.
    pub name: String,
    /// Its type.
    pub ty: Type,
    /// How code reaches it.
    pub kind: StaticKind,
    /// How the module resolves it.
    pub link: Link,
}

/// A kernel function or variable that only C files use: they bring its declaration, and Rust would
/// need a type that nothing tells.
#[derive(Debug, Clone)]
pub struct CSymbol {
    /// Its name in C, which is its name in the kernel.
    pub name: String,
    /// How the module resolves it.
    pub link: Link,
}

/// How code reaches a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StaticKind {
    /// By its address.
    Plain,
    /// By its address, to read it: a write faults.
    ReadOnly,
    /// Each CPU has its own.
    PerCpu,
}

/// An enumeration constant.
#[derive(Debug, Clone)]
pub struct Constant {
    /// Its name.
    pub name: String,
    /// Its C type.
    pub ty: CInt,
    /// Its value.
    pub value: i128,
}

/// How a module resolves a symbol.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// The kernel exports it, so the module loader resolves it.
    Export {
        /// The symbol namespace to import (`MODULE_IMPORT_NS`).
        namespace: Option<String>,
    },
    /// A klp relocation resolves it, exported or not.
    Livepatch(Symbol),
    /// A C file of the patch defines it.
    Own,
    /// A header of the kernel has it as an inline function, and the patch has one in C that does
    /// the same.
    Header {
        /// The header.
        header: String,
        /// The function in C.
        definition: String,
    },
}
