//! The catalogue of codes. Each has a page in `docs/errors/`, which `kpsc explain` prints.

/// The code of a message.
#[derive(Debug, Clone, Copy)]
pub struct Code(&'static Entry);

#[derive(Debug)]
struct Entry {
    id: &'static str,
    #[cfg(feature = "pages")]
    page: &'static str,
}

impl Code {
    /// `KPS0101` and so on.
    pub fn id(self) -> &'static str {
        self.0.id
    }

    /// The page that explains it.
    #[cfg(feature = "pages")]
    pub fn page(self) -> &'static str {
        self.0.page
    }
}

impl PartialEq for Code {
    fn eq(&self, other: &Code) -> bool {
        self.id() == other.id()
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $id:ident,)*) => {
        $(
            $(#[$doc])*
            pub const $id: Code = Code(&Entry {
                id: stringify!($id),
                #[cfg(feature = "pages")]
                page: include_str!(concat!("../../../docs/errors/", stringify!($id), ".md")),
            });
        )*

        /// Every code there is, by number.
        pub const ALL: &[Code] = &[$($id,)*];
    };
}

codes! {
    // The text of a spec.
    /// A bracket has no counterpart.
    KPS0101,
    /// A string, character or comment does not end.
    KPS0102,
    /// Brackets are nested too deeply.
    KPS0103,
    /// The spec is too large.
    KPS0104,
    /// A `;` is missing.
    KPS0105,
    /// Something else was expected.
    KPS0106,
    /// No item starts with this word.
    KPS0107,
    /// The item may occur once only.
    KPS0109,
    /// The file holds no patch.
    KPS0110,
    /// Strings do not know this escape.
    KPS0111,
    /// The number is too large.
    KPS0112,
    /// The file is not UTF-8.
    KPS0113,
    /// A Rust item cannot be parsed.
    KPS0114,
    /// A character makes people and compilers read different texts.
    KPS0115,
    /// A spec holds more of something than it may.
    KPS0116,
    /// A module has no items and no file.
    KPS0117,

    // Names.
    /// There is no such function.
    KPS0201,
    /// There is no such variable.
    KPS0202,
    /// The name is not unique.
    KPS0203,
    /// There are not so many symbols of this name.
    KPS0204,
    /// A kernel symbol is used that is not exported and not in a `use`.
    KPS0205,
    /// The function is changed twice.
    KPS0206,
    /// The function or object changes nothing.
    KPS0207,
    /// The symbol is not a function, or not a variable.
    KPS0208,
    /// The object is written twice.
    KPS0209,
    /// The item's name belongs to the generated code or to a type of the kernel.
    KPS0210,
    /// The name is used twice.
    KPS0211,
    /// The variable is per-CPU.
    KPS0212,
    /// There is no such module.
    KPS0213,
    /// A file that the spec names is not below its folder.
    KPS0214,

    // Prototypes and types.
    /// BTF knows no prototype, and none is written.
    KPS0301,
    /// The written prototype contradicts BTF.
    KPS0302,
    /// There is no such type.
    KPS0303,
    /// A type cannot be written this way here.
    KPS0304,
    /// The variable is larger than its place.
    KPS0305,
    /// The kernel gives the name several meanings.
    KPS0306,

    // What can be patched.
    /// The function has no ftrace site.
    KPS0401,
    /// The memory of the function or variable is freed after boot.
    KPS0402,
    /// The function starts in a way that is not known.
    KPS0403,
    /// It is a Rust function of the kernel.
    KPS0404,
    /// `replace` excludes hooks.
    KPS0405,
    /// The function is variadic.
    KPS0406,
    /// How the function is called cannot be told.
    KPS0407,
    /// Tasks may stay in the function for hours.
    KPS0408,
    /// Some task never leaves the function.
    KPS0409,
    /// The function never returns.
    KPS0410,
    /// Other functions share the code.
    KPS0411,
    /// The compiler made clones of the function.
    KPS0412,
    /// Other programs come to the system call another way.
    KPS0413,
    /// C can define no function of this name.
    KPS0414,
    /// Other functions have inlined copies of the function.
    KPS0415,
    /// Nobody knows whether other functions have inlined copies.
    KPS0416,
    /// A part of the function is elsewhere.
    KPS0417,

    // Bodies.
    /// The text is not Rust.
    KPS0501,
    /// `original` can only be called, and only in `replace`.
    KPS0502,
    /// rustc refuses the body.
    KPS0503,
    /// rustc warns of something in the body.
    KPS0504,
    /// A Rust string is passed to a C function.
    KPS0505,
    /// The C compiler refuses a file.
    KPS0506,
    /// The C compiler warns of something in a file.
    KPS0507,
    /// A file in Rust is not the function that it should be.
    KPS0508,
    /// A body can panic.
    KPS0509,
    /// A static key, static call or tracepoint of a module comes too late.
    KPS0510,
    /// A call waits for ever in a callback.
    KPS0511,
    /// A call may sleep where nobody may.
    KPS0512,
    /// A hook calls the function that it is on.
    KPS0513,

    // What a patch says about itself.
    /// The name cannot be a module's.
    KPS0601,
    /// The license is missing or not GPL-compatible.
    KPS0602,
    /// A text has characters that it cannot have.
    KPS0603,
    /// The range of kernels cannot be read.
    KPS0604,
    /// The patch has not been reviewed for the target.
    KPS0605,
    /// The target's configuration lacks what the patch requires.
    KPS0606,
    /// The target cannot be livepatched.
    KPS0607,
    /// The kernel has no parameters of this type.
    KPS0608,
    /// The default is no value of the parameter's type.
    KPS0609,
    /// The kernel gives no parameter this mode.
    KPS0610,
    /// Only a `bool` or an integer says whether a patch replaces others.
    KPS0611,
    /// The target loads signed modules only.
    KPS0612,

    // Targets and the machine.
    /// A file cannot be read or written.
    KPS0701,
    /// A program is missing.
    KPS0702,
    /// A program failed.
    KPS0703,
    /// There is no such target.
    KPS0704,
    /// A target is damaged.
    KPS0705,
    /// A kernel image cannot be read.
    KPS0706,
    /// No suitable kernel was found.
    KPS0707,
    /// The toolchain is not the one that built the kernel.
    KPS0708,
    /// A target of this name exists.
    KPS0709,
    /// Files of a target are not as they were.
    KPS0710,
    /// The disk is full.
    KPS0711,
    /// The kernel in a build folder is not the one that was added.
    KPS0712,
    /// A file is larger than kpsc reads.
    KPS0713,
    /// A kernel's configuration or list of exports cannot be read.
    KPS0714,

    // Building.
    /// Kbuild failed.
    KPS0801,
    /// The linked module cannot be converted.
    KPS0802,
    /// The finished module breaks a rule of its format.
    KPS0803,
    /// objtool cannot follow a function.
    KPS0804,
    /// modpost refuses what the module takes from the kernel.
    KPS0805,
    /// The linker or the assembler refuses the code.
    KPS0806,

    // Running.
    /// A test did not hold.
    KPS0901,
    /// The virtual machine's kernel complained.
    KPS0902,
    /// The virtual machine did not answer.
    KPS0903,
    /// A transition did not complete.
    KPS0904,
    /// A test shows nothing.
    KPS0905,
    /// The module to test was not built from the spec.
    KPS0906,

    // The running kernel.
    /// The running kernel has no livepatches.
    KPS1001,
    /// It is no livepatch.
    KPS1002,
    /// There is no such livepatch.
    KPS1003,
    /// The kernel refuses.
    KPS1004,
    /// Another livepatch that is loaded changes the same function.
    KPS1005,
    /// The running kernel is not the one that a livepatch was built for.
    KPS1006,
    /// No prepared target is the running kernel.
    KPS1007,
    /// A module of the name is loaded.
    KPS1008,
    /// A loaded module is not the one that a livepatch was made for.
    KPS1009,
    /// A module that a livepatch changes is not loaded.
    KPS1010,
    /// Something else redirects the function.
    KPS1011,
    /// BPF programs are attached to the function.
    KPS1012,
    /// A kprobe does not fire any more.
    KPS1013,
    /// Something cannot be looked at.
    KPS1014,
    /// Another livepatch is in transition.
    KPS1015,
    /// A livepatch takes the place of others.
    KPS1016,
    /// The states of livepatches do not go together.
    KPS1017,
    /// The states of a livepatch are unknown.
    KPS1018,
    /// The kernel takes signed modules only.
    KPS1019,
    /// Whether the kernel trusts a signature is unknown.
    KPS1020,
    /// Ftrace is turned off.
    KPS1021,
    /// Modules are disabled.
    KPS1022,
    /// This user may not load modules.
    KPS1023,
    /// The kernel has oopsed.
    KPS1024,

    // Data that outlives functions, and patches that follow each other.
    /// Nobody frees shadow data.
    KPS1101,
    /// Lasting data has a destructor.
    KPS1102,
    /// Lasting data is aligned too strictly.
    KPS1103,
    /// Lasting data cannot be shared between threads.
    KPS1104,
    /// A state lacks one of its bodies.
    KPS1105,
    /// A state's number is 0, or another one's.
    KPS1106,
    /// A call is not allowed under the shadow lock.
    KPS1107,
    /// A replacement lacks a state or shadow variable.
    KPS1108,
    /// A state has a lower version than that of an earlier patch.
    KPS1109,
    /// Two kinds of data have one id.
    KPS1110,
    /// The object whose function frees a parent is missing.
    KPS1111,
    /// Two patches change one function.
    KPS1112,
    /// The function that frees a parent is replaced.
    KPS1113,
    /// The patch is not stacked on that.
    KPS1114,
    /// Two patches have one name.
    KPS1115,
    /// Lasting data points into the module.
    KPS1116,
    /// Lasting data is too large.
    KPS1117,
    /// A later patch does not free data as the earlier one does.
    KPS1118,

    // Patch crates.
    /// The arguments of an attribute are not understood.
    KPS1201,
    /// An attribute does not belong to what it stands on.
    KPS1202,
    /// A function has a signature that the kernel cannot call it by.
    KPS1203,
    /// The hooks of one function name its parameters differently.
    KPS1204,
    /// A function or an object has one kind of hook twice.
    KPS1205,
    /// What a static says is not of the form that its attribute wants.
    KPS1206,
    /// A crate has no patch, or more than one.
    KPS1207,
    /// A manifest wants what Kbuild does not do.
    KPS1208,
    /// An attribute stands where nothing reads it.
    KPS1209,
    /// The file of a crate's tests has something else in it.
    KPS1210,
    /// A folder is no patch crate.
    KPS1211,
    /// A name cannot be written in a crate.
    KPS1220,
    /// A path means something else in a crate.
    KPS1221,
    /// A comment is not in the crate.
    KPS1222,
    /// A description cannot be a doc comment.
    KPS1223,

    // kpsc itself.
    /// A bug in kpsc.
    KPS9999,
}
