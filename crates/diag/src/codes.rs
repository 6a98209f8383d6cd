// SPDX-License-Identifier: GPL-2.0
//! The catalogue of codes. Each has a page in `docs/errors/`, which `kpsc explain` prints.

use crate::Severity;

/// The code of a message.
#[derive(Debug, Clone, Copy)]
pub struct Code(&'static Declaration);

#[derive(Debug)]
struct Declaration {
    id: &'static str,
    name: &'static str,
    severity: Severity,
    exit: Exit,
    summary: &'static str,
    #[cfg(feature = "pages")]
    page: &'static str,
}

/// The exit status of a command that ends with an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Exit {
    /// The input is wrong.
    Input = 1,
    /// The machine, a target or the running kernel does not allow it.
    Machine = 3,
    /// A test failed.
    Test = 4,
    /// A transition goes on by itself.
    Stalled = 5,
    /// A livepatch was taken back.
    TakenBack = 6,
    /// kpsc has a bug.
    Bug = 70,
}

/// Codes that belong together.
#[derive(Debug, Clone, Copy)]
pub struct Family {
    /// The title of the family in the index.
    pub title: &'static str,
    /// The codes, by number.
    pub codes: &'static [Code],
}

impl Code {
    /// `KPS0101` and so on.
    pub fn id(self) -> &'static str {
        self.0.id
    }

    /// The name of the code in kpsc's source.
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// The default severity of its messages.
    pub fn severity(self) -> Severity {
        self.0.severity
    }

    /// The exit status of a command that ends with this code.
    pub fn exit(self) -> Exit {
        self.0.exit
    }

    /// The title of its page.
    pub fn summary(self) -> &'static str {
        self.0.summary
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
    ($($title:literal {
        $($id:ident $name:ident $severity:ident $exit:ident $summary:literal)*
    })*) => {
        $($(
            #[doc = concat!(stringify!($id), ": ", $summary, ".")]
            pub const $name: Code = Code(&Declaration {
                id: stringify!($id),
                name: stringify!($name),
                severity: Severity::$severity,
                exit: Exit::$exit,
                summary: $summary,
                #[cfg(feature = "pages")]
                page: include_str!(concat!("../../../docs/errors/", stringify!($id), ".md")),
            });
        )*)*

        /// All families, in the order of their codes.
        pub const FAMILIES: &[Family] = &[$(Family { title: $title, codes: &[$($name),*] },)*];

        /// All codes, by number.
        pub const ALL: &[Code] = &[$($($name,)*)*];
    };
}

codes! {
    "The text of a spec" {
        KPS0101 UNBALANCED_BRACKET Error Input "a bracket has no counterpart"
        KPS0102 UNTERMINATED_LITERAL Error Input "a string, character or comment is unterminated"
        KPS0103 NESTED_TOO_DEEPLY Error Input "brackets are nested too deeply"
        KPS0104 SPEC_TOO_LARGE Error Input "the spec is too large"
        KPS0105 MISSING_SEMICOLON Error Input "a `;` is missing"
        KPS0106 UNEXPECTED_TOKEN Error Input "something else was expected"
        KPS0107 UNKNOWN_KEYWORD Error Input "the keyword is unknown"
        KPS0109 REPEATED_ITEM Error Input "the item may occur once only"
        KPS0110 NO_PATCH Error Input "the file holds no patch"
        KPS0111 UNKNOWN_ESCAPE Error Input "the escape sequence is unknown"
        KPS0112 NUMBER_TOO_LARGE Error Input "the number is too large"
        KPS0113 NOT_UTF8 Error Input "the file is not UTF-8"
        KPS0114 INVALID_RUST_ITEM Error Input "a Rust item cannot be parsed"
        KPS0115 HIDDEN_CHARACTER Error Input "a character is hidden or misleading"
        KPS0116 TOO_MANY Error Input "a spec exceeds a limit"
        KPS0117 MODULE_WITHOUT_FILE Error Input "a module has no items and no file"
        KPS0118 ALTERNATIVE_LEFT_OUT Warning Input "an item for other kernels is not in the crate"
        KPS0119 OTHER_FAMILY Error Input "a patch is not of its project's family"
    }
    "Names" {
        KPS0201 NO_SUCH_FUNCTION Error Input "there is no such function"
        KPS0202 NO_SUCH_VARIABLE Error Input "there is no such variable"
        KPS0203 AMBIGUOUS_NAME Error Input "the name is not unique"
        KPS0204 NO_SUCH_POSITION Error Input "there is no such position"
        KPS0205 MISSING_USE Error Input "a kernel symbol is used without `use`"
        KPS0206 CHANGED_TWICE Error Input "the function is changed twice"
        KPS0207 CHANGES_NOTHING Error Input "nothing changes"
        KPS0208 WRONG_KIND_OF_SYMBOL Error Input "the symbol is of the wrong kind"
        KPS0209 REPEATED_OBJECT Error Input "the object is declared twice"
        KPS0210 RESERVED_NAME Error Input "the item's name is taken"
        KPS0211 REPEATED_NAME Error Input "the name is used twice"
        KPS0212 PER_CPU_MISMATCH Error Input "the per-CPU declaration contradicts the kernel"
        KPS0213 NO_SUCH_MODULE Error Input "there is no such module"
        KPS0214 FILE_OUTSIDE Error Input "the file is not beside the spec"
        KPS0215 POSITION_WITHOUT_KERNEL Warning Input "a position names no kernel that it holds for"
        KPS0216 NO_ALTERNATIVE Error Input "no alternative of a function is for the target"
        KPS0217 LEFT_UNCHANGED Warning Input "a function stays unchanged on the target"
        KPS0218 NO_SUCH_NAME Error Input "nothing has the name"
    }
    "Prototypes and types" {
        KPS0301 UNKNOWN_PROTOTYPE Error Input "BTF has no prototype, and the spec gives none"
        KPS0302 WRONG_PROTOTYPE Error Input "the declared prototype contradicts the kernel"
        KPS0303 NO_SUCH_TYPE Error Input "there is no such type"
        KPS0304 UNSUPPORTED_TYPE Error Input "a type is not supported here"
        KPS0305 VARIABLE_TOO_LARGE Error Input "the variable is declared too large"
        KPS0306 AMBIGUOUS_CONSTANT Error Input "the kernel gives the name several meanings"
        KPS0307 READ_ONLY_VARIABLE Error Input "the variable is read-only after boot"
        KPS0308 CLONE_ARGUMENTS Error Input "the arguments of a clone are not known"
        KPS0309 MISPLACED_ARGUMENTS Error Input "`arguments` does not fit the function"
        KPS0313 NOT_IN_CORE_MODE Error Input "the crate `kernel` of core mode does not have the name"
        KPS0314 NOT_IN_HEADERS Error Input "the kernel's headers do not have the constant"
        KPS0315 NO_TYPE_OF_HEADER Error Input "the kernel lacks a type of the inline function"
        KPS0316 NO_SUCH_MEMBER Error Input "the struct has no such member"
    }
    "What can be patched" {
        KPS0401 NO_FTRACE_SITE Error Input "the function has no ftrace site"
        KPS0402 FREED_AFTER_BOOT Error Input "the memory is freed after boot"
        KPS0403 UNKNOWN_ENTRY Error Input "the function's entry code is unknown"
        KPS0404 RUST_FUNCTION Error Input "the function is written in Rust"
        KPS0405 REPLACE_WITH_HOOKS Error Input "`replace` excludes hooks"
        KPS0406 VARIADIC Error Input "the function is variadic"
        KPS0407 UNCLEAR_PASSING Error Input "the calling convention is unclear"
        KPS0408 LONG_WAIT Warning Input "tasks wait in the function"
        KPS0409 MAIN_LOOP Warning Input "a task may never leave the function"
        KPS0410 NEVER_RETURNS Error Input "the function never returns"
        KPS0411 SHARED_CODE Warning Input "other functions share the code"
        KPS0412 CLONES Warning Input "the compiler made clones of the function"
        KPS0413 OTHER_SYSCALL_ENTRIES Warning Input "32-bit programs enter this system call elsewhere"
        KPS0414 NO_NAME_IN_C Error Input "the function's name is not valid in C"
        KPS0415 INLINED_COPIES Warning Input "other functions contain copies of the function"
        KPS0416 UNKNOWN_INLINING Note Input "inlined copies cannot be checked"
        KPS0417 SPLIT_FUNCTION Note Input "part of the function is in another symbol"
        KPS0418 SYSCALL_NOT_ENTERED Error Input "no program enters the system call here"
        KPS0419 ANSWERED_IN_VDSO Warning Input "the vDSO answers this system call"
        KPS0420 MAY_BE_USER_POINTER Warning Input "a parameter may point to memory of a program"
        KPS0421 LOADED_ONCE Warning Input "the target cannot load a module again under the patch"
    }
    "Bodies" {
        KPS0501 NOT_RUST Error Input "the text is not Rust"
        KPS0502 MISPLACED_ORIGINAL Error Input "`original` can only be called, and only in `replace`"
        KPS0503 RUSTC_ERROR Error Input "rustc rejects the body"
        KPS0504 RUSTC_WARNING Warning Input "rustc warns about the body"
        KPS0505 RUST_STRING_TO_C Error Input "a Rust string is passed to a C function"
        KPS0506 C_ERROR Error Input "the C compiler rejects a file"
        KPS0507 C_WARNING Warning Input "the C compiler warns about a file"
        KPS0508 WRONG_FUNCTION_IN_FILE Error Input "the file does not define the function"
        KPS0509 MAY_PANIC Warning Input "the body can panic"
        KPS0510 EARLY_TABLE Error Input "a static key or tracepoint of a module comes too late"
        KPS0511 DEADLOCK_IN_CALLBACK Error Input "a call deadlocks in a callback"
        KPS0512 SLEEP_IN_ATOMIC Error Input "a call may sleep in atomic context"
        KPS0513 RECURSIVE_HOOK Error Input "a hook reenters its own function"
        KPS0514 INIT_CODE Error Input "the patch has `__init` or `__exit` code"
        KPS0515 SECOND_STATIC Warning Input "a variable of a C file duplicates the kernel's"
        KPS0516 OTHER_LAYOUT Error Input "a type of a C file differs from the kernel's"
        KPS0517 ESCAPING_FUNCTION Warning Input "the kernel may keep a pointer into the patch"
        KPS0519 LOCK_TAKEN_TWICE Error Input "a body takes a lock that it holds"
        KPS0520 USER_POINTER_DEREFERENCED Error Input "memory of a program is accessed directly"
        KPS0521 POSITIVE_ERRNO Warning Input "an error number is positive"
        KPS0522 NO_LANDING_PAD Error Input "a function that a pointer leads to has no landing pad"
        KPS0524 RESERVED_WORD Error Input "a name of the generated code is used"
        KPS0525 OUTSIDE_INPUT Error Input "the module would depend on something outside of the patch"
        KPS0526 LANGUAGE_NAME Error Input "a name of the language is defined again"
        KPS0527 CAPTURED_SYMBOL Error Input "the patch defines a symbol in the kernel's place"
        KPS0528 INLINE_FUNCTION_ERROR Error Input "the kernel's headers do not have the inline function"
        KPS0529 WRONG_VALUE Error Input "a value has another type than its place"
        KPS0530 BTF_IDS Error Input "a list of BTF ids would stay empty"
        KPS0531 NO_C_SYMBOL Error Input "a C file needs a symbol that the kernel does not have"
        KPS0532 USES_ADDED Note Input "`use` lines were added to the spec"
        KPS0533 USES_NOT_ADDED Error Input "`use` lines were not added"
        KPS0534 PERMANENT_ENTRY Error Input "an entry of /proc would outlive the patch"
    }
    "Metadata of a patch" {
        KPS0601 INVALID_MODULE_NAME Error Input "the name is not a valid module name"
        KPS0602 INVALID_LICENSE Error Input "the license is missing or not GPL-compatible"
        KPS0603 INVALID_TEXT Error Input "a string has invalid characters"
        KPS0604 INVALID_RANGE Error Input "the kernel range is invalid"
        KPS0605 OTHER_KERNEL_RANGE Error Input "the patch has not been reviewed for the target"
        KPS0606 MISSING_OPTION Error Input "the target's configuration lacks what the patch requires"
        KPS0607 NO_LIVEPATCH_SUPPORT Error Input "the target cannot be livepatched"
        KPS0608 UNSUPPORTED_PARAM_TYPE Error Input "the kernel has no parameters of this type"
        KPS0609 INVALID_VALUE Error Input "a value does not fit the parameter's type"
        KPS0610 INVALID_MODE Error Input "the kernel does not accept the parameter's mode"
        KPS0611 INVALID_CONDITION Error Input "the condition of `atomic replace` is not a `bool` or integer"
        KPS0612 SIGNED_MODULES_ONLY Warning Input "the target loads signed modules only"
        KPS0613 NO_SUCH_PARAM Error Input "there is no such parameter"
    }
    "Targets and the machine" {
        KPS0701 FILE_ERROR Error Machine "a file cannot be read or written"
        KPS0702 MISSING_PROGRAM Error Machine "a program is missing"
        KPS0703 PROGRAM_FAILED Error Machine "a program failed"
        KPS0704 NO_SUCH_TARGET Error Machine "there is no such target"
        KPS0705 DAMAGED_TARGET Error Machine "a target is damaged"
        KPS0706 UNREADABLE_IMAGE Error Machine "a kernel image cannot be read"
        KPS0707 NO_SUITABLE_KERNEL Error Machine "no suitable kernel was found"
        KPS0708 WRONG_TOOLCHAIN Error Machine "the toolchain is not the one that built the kernel"
        KPS0709 TARGET_NAME_TAKEN Error Machine "the name of the target is taken"
        KPS0710 CHANGED_FILES Error Machine "files of a target have changed"
        KPS0711 DISK_FULL Error Machine "the disk is full"
        KPS0712 REBUILT_KERNEL Error Machine "the build folder holds another kernel now"
        KPS0713 FILE_TOO_LARGE Error Machine "a file is too large"
        KPS0714 UNREADABLE_CONFIG Error Machine "a kernel's configuration or list of exports cannot be read"
        KPS0719 FOREIGN_CACHE Error Machine "somebody else can change the cache"
        KPS0720 UNLOADABLE_MODULES Error Machine "a kernel loads no module that is built for it"
        KPS0721 AMBIGUOUS_TARGET Error Machine "the start of a version is that of several targets"
        KPS0722 UNUSABLE_PROJECT Error Input "there is no usable project file"
        KPS0716 PATCH_TOO_LARGE Error Input "a patch has too many files, or too large ones"
    }
    "Building" {
        KPS0801 KBUILD_FAILED Error Machine "Kbuild could not build the module"
        KPS0802 POST_LINK_FAILED Error Bug "the linked module cannot be converted"
        KPS0803 VERIFY_FAILED Error Bug "the finished module violates its format"
        KPS0804 OBJTOOL_ERROR Error Machine "objtool cannot follow a function"
        KPS0805 MODPOST_ERROR Error Input "modpost rejects a symbol of the module"
        KPS0806 LINKER_ERROR Error Input "the linker or the assembler rejects the code"
        KPS0809 OUTPUT_TOO_LONG Error Machine "a program prints without end"
    }
    "Running" {
        KPS0901 TEST_FAILED Error Test "a test failed"
        KPS0902 KERNEL_COMPLAINED Error Test "the virtual machine's kernel complained"
        KPS0903 MACHINE_FAILED Error Machine "the virtual machine did not answer"
        KPS0904 TRANSITION_STALLED Error Stalled "a transition did not complete"
        KPS0905 TEST_WITHOUT_CLAIM Error Test "a test proves nothing"
        KPS0906 OTHER_MODULE Error Machine "the module was not built from the spec"
        KPS0907 LOG_LOST Error Test "the kernel's log did not reach the console"
        KPS0908 MACHINE_SILENT Error Test "a test made the virtual machine hang"
    }
    "The running kernel" {
        KPS1001 LIVEPATCH_DISABLED Error Machine "the running kernel does not support livepatches"
        KPS1002 NOT_A_LIVEPATCH Error Machine "the module is not a livepatch"
        KPS1003 NO_SUCH_LIVEPATCH Error Machine "there is no such livepatch"
        KPS1004 KERNEL_REFUSED Error Machine "the kernel refuses the operation"
        KPS1005 CONFLICTING_LIVEPATCH Error Machine "another livepatch changes the function"
        KPS1006 OTHER_KERNEL Error Machine "the livepatch is for another kernel"
        KPS1007 NO_TARGET_RUNS Error Machine "no target matches the running kernel"
        KPS1008 ALREADY_LOADED Error Machine "a module of this name is already loaded"
        KPS1009 OTHER_LOADED_MODULE Warning Machine "the loaded module is a different build"
        KPS1010 MODULE_NOT_LOADED Note Machine "a module that the patch changes is not loaded"
        KPS1011 REDIRECTED_ELSEWHERE Error Machine "something else redirects the function"
        KPS1012 BPF_ATTACHED Warning Machine "BPF programs are attached to the function"
        KPS1013 SILENT_KPROBE Warning Machine "a kprobe no longer fires"
        KPS1014 UNREADABLE_STATE Warning Machine "some kernel state cannot be read"
        KPS1015 IN_TRANSITION Error Machine "another livepatch is in transition"
        KPS1016 REPLACES_OTHERS Note Machine "the livepatch replaces others"
        KPS1017 INCOMPATIBLE_STATES Error Machine "the states of the livepatches are incompatible"
        KPS1018 UNKNOWN_STATES Warning Machine "the states of a livepatch are unknown"
        KPS1019 SIGNATURE_REQUIRED Error Machine "the kernel accepts signed modules only"
        KPS1020 UNKNOWN_SIGNER Warning Machine "it is unknown whether the kernel trusts a signature"
        KPS1021 FTRACE_DISABLED Error Machine "ftrace is turned off"
        KPS1022 MODULES_DISABLED Error Machine "modules are disabled"
        KPS1023 NOT_PERMITTED Error Machine "this user may not load modules"
        KPS1024 KERNEL_OOPSED Warning Machine "the kernel has oopsed"
        KPS1025 SKIPPED_CALLBACKS Warning Machine "callbacks of a replaced livepatch do not run"
        KPS1026 RESOURCE_TAKEN Error Machine "a loaded livepatch has the same resource"
        KPS1027 TAKEN_BACK Error TakenBack "the livepatch was taken back"
        KPS1028 CANNOT_ENABLE Error Machine "a disabled livepatch cannot be enabled"
        KPS1029 NOT_IN_TRANSITION Error Machine "the livepatch is in no transition"
        KPS1030 UNKNOWN_PARAMETER Error Machine "the module has no such parameter"
        KPS1031 NOT_CONFIRMED Error Machine "the command was not confirmed"
        KPS1032 NO_BUILD Warning Machine "an installed livepatch has no build for the kernel"
        KPS1033 NOT_SET_UP Warning Machine "nothing loads the installed livepatches at boot"
        KPS1034 NOT_FOLLOWED Warning Machine "the running kernel does not follow the installed livepatches"
        KPS1035 DAMAGED_STORE Error Machine "the installed patches are damaged"
        KPS1036 NOT_INSTALLED Error Machine "there is no such installed patch"
        KPS1037 NO_EARLIER_SET Error Machine "there is no earlier set of installed patches"
        KPS1038 SET_HELD Error Machine "the machine went down with the installed patches"
        KPS1039 FOREIGN_STORE Error Machine "somebody else can change the installed patches"
        KPS1040 NOT_INSTALLABLE Error Machine "the module cannot be installed"
        KPS1041 OTHER_BUILD_LOADED Error Machine "another build of an installed livepatch is loaded"
        KPS1042 UNQUOTABLE_PARAMETER Error Machine "the kernel cannot take the value of a parameter"
        KPS1045 UNKNOWN_REPLACEMENT Warning Machine "it is unknown whether a livepatch replaces others"
    }
    "Data that outlives functions, and patches that follow each other" {
        KPS1101 SHADOW_NEVER_FREED Error Input "shadow data is never freed"
        KPS1102 PERSISTENT_DROP Error Input "persistent data has a destructor"
        KPS1103 PERSISTENT_ALIGNMENT Error Input "persistent data is aligned too strictly"
        KPS1104 PERSISTENT_NOT_SYNC Error Input "persistent data cannot be shared between threads"
        KPS1105 INCOMPLETE_STATE Error Input "a state lacks one of its bodies"
        KPS1106 INVALID_STATE_ID Error Input "a state's number is 0 or already used"
        KPS1107 CALL_UNDER_SHADOW_LOCK Error Input "a call is not allowed under the shadow lock"
        KPS1108 MISSING_IN_REPLACEMENT Error Input "a replacement lacks a state or shadow variable"
        KPS1109 LOWER_STATE_VERSION Error Input "a state has a lower version than in an earlier patch"
        KPS1110 CONFLICTING_ID Error Input "two kinds of data share an id"
        KPS1111 MISSING_OBJECT Error Input "the object whose function frees a parent is missing"
        KPS1112 FUNCTION_IN_TWO_PATCHES Error Input "two patches change the same function"
        KPS1113 FREEING_FUNCTION_REPLACED Error Input "the function that frees a parent is replaced"
        KPS1114 NOT_STACKED Error Input "the patch cannot be stacked on that one"
        KPS1115 REPEATED_PATCH_NAME Error Input "two patches have the same name"
        KPS1116 PERSISTENT_POINTER Error Input "persistent data points into the module"
        KPS1117 PERSISTENT_TOO_LARGE Error Input "persistent data is too large"
        KPS1118 FREED_DIFFERENTLY Error Input "a later patch frees data differently from an earlier one"
        KPS1119 SKIPPED_UNDOING Warning Input "a replacement skips callbacks of an earlier patch"
        KPS1120 INCOMPLETE_RESOURCE Error Input "a resource lacks one of its bodies"
        KPS1121 RESOURCE_IN_TWO_PATCHES Error Input "a stacked patch has a resource of an earlier one"
        KPS1122 RESOURCE_ENDS Note Input "the next version lacks a resource"
        KPS1123 SET_UP_IN_CALLBACK Warning Input "a callback sets up something that may outlive the patch"
        KPS1124 RESTORED_IN_CALLBACK Warning Input "a variable may never be changed back"
        KPS1125 NOT_TAKEN_BACK Warning Input "a `release` does not take back code of the patch"
    }
    "Patch crates" {
        KPS1201 INVALID_ARGUMENTS Error Input "the arguments of an attribute are invalid"
        KPS1202 MISPLACED_ATTRIBUTE Error Input "an attribute is misplaced"
        KPS1203 UNSUPPORTED_SIGNATURE Error Input "the kernel cannot call a function"
        KPS1204 DIFFERENT_PARAMETERS Error Input "two hooks of a function have different prototypes"
        KPS1205 REPEATED_HOOK Error Input "a function or object has the same hook twice"
        KPS1206 INVALID_STATIC Error Input "a static does not have the form that its attribute requires"
        KPS1207 NOT_ONE_PATCH Error Input "a crate has no patch, or more than one"
        KPS1208 UNSUPPORTED_MANIFEST Error Input "a manifest needs something that Kbuild does not support"
        KPS1209 UNREAD_ATTRIBUTE Error Input "an attribute is not directly in a `#[livepatch]` module"
        KPS1210 NOT_A_TEST Error Input "a crate's test file contains more than its tests"
        KPS1211 NOT_A_CRATE Error Input "a folder is not a patch crate"
        KPS1220 NAME_NOT_IN_CRATES Error Input "a name is not valid in a crate"
        KPS1221 PATH_CHANGES_MEANING Error Input "a path means something else in a crate"
        KPS1222 LOST_COMMENT Note Input "a comment is not in the crate"
        KPS1223 INVALID_DOC_COMMENT Error Input "a description cannot be a doc comment"
    }
    "Importing fixes" {
        KPS1301 UNREADABLE_FIX Error Input "a fix is not a source diff that can be read"
        KPS1302 FIX_DOES_NOT_APPLY Error Input "a fix does not apply to the target's source"
        KPS1303 FIX_IS_APPLIED Error Input "the target's source has the fix already"
        KPS1304 PATH_OUTSIDE_SOURCE Error Input "a path of a fix is not below the kernel's source"
        KPS1305 CHANGED_DATA Error Input "a fix changes the initial value of data"
        KPS1306 CHANGED_INIT_CODE Error Input "a fix changes code that has run already"
        KPS1307 CHANGED_LAYOUT Error Input "a fix changes the layout of a type"
        KPS1308 CHANGED_ASSEMBLY Error Input "a fix changes code that is not in C"
        KPS1309 NOTHING_TO_IMPORT Error Input "a fix changes no function of the target"
        KPS1310 NOT_REPLACEABLE Error Input "a function that a fix changes cannot be replaced"
        KPS1311 UNKNOWN_SYMBOL Error Input "it is unknown which symbol of the kernel is meant"
        KPS1312 UNREAD_SOURCE Error Machine "a source file cannot be read as the kernel's compiler reads it"
        KPS1313 LEFT_OUT Note Input "a part of a fix is not in the patch"
        KPS1314 HEADER_ELSEWHERE Warning Input "other files may contain code of a changed header"
        KPS1315 UNFINISHED_IMPORT Error Input "an imported patch needs to be completed"
        KPS1316 NO_SOURCE Error Machine "the source of a kernel is missing"
        KPS1317 NOT_COMPILED Error Input "a kernel is built without a source file"
        KPS1318 UNCLEAR_OBJECT Error Input "it is unknown which module a changed file is meant for"
    }
    "Signing and packages" {
        KPS1401 CANNOT_SIGN Error Machine "a module cannot be signed"
        KPS1402 SIGNATURES_IGNORED Error Machine "the target ignores signatures"
        KPS1403 CANNOT_PACKAGE Error Machine "a package cannot be made"
    }
    "kpsc itself" {
        KPS9999 BUG Error Bug "a bug in kpsc"
    }
}
