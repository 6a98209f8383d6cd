// SPDX-License-Identifier: GPL-2.0
//! The constructs of the language, each with its keyword and its syntax in a spec and in a crate.
//!
//! These tables are the only list of constructs. They tell the scanner where an item ends, the
//! parser which items may be repeated, the formatter what a block holds, and `attributes` which
//! attributes exist; messages list the keywords that are valid in a block. A new construct is one
//! line here and a variant. The compiler then demands it in the parser and in the reader of
//! attributes.

use kps_plan::Callback;

/// A block of a spec, identified by the items that it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// The file itself.
    File,
    /// `patch NAME { .. }`
    Patch,
    /// `object NAME { .. }`
    Object,
    /// `fn NAME { .. }` in an object
    Func,
    /// `c "FILE" { .. }`
    CFile,
    /// `state(..) NAME: TYPE { .. }`
    State,
    /// `shadow NAME: TYPE .. { .. }`
    Shadow,
    /// `resource NAME: TYPE { .. }`
    Resource,
    /// `test ".." { .. }`
    Test,
}

/// How an item ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// With `;`.
    Statement,
    /// With a block of items, or with `;` if it needs none.
    Items(Level),
    /// With a body in Rust, or with `;` if a file has the body.
    Body,
}

/// A construct.
#[derive(Debug, Clone, Copy)]
pub struct Construct {
    /// Its keyword in a spec.
    pub keyword: &'static str,
    /// How it ends there.
    pub end: End,
    /// Whether a block may hold more than one.
    pub repeats: bool,
    /// Its syntax in a spec: the start of its line in the documentation.
    pub spec: &'static str,
    /// Its syntax in a crate.
    pub attributes: &'static [Attribute],
}

/// An attribute of a patch crate, or an argument of `#[livepatch(..)]`.
#[derive(Debug, Clone, Copy)]
pub struct Attribute {
    /// Its name.
    pub name: &'static str,
    /// The item that it applies to.
    pub on: On,
    /// Its syntax, including the item that it applies to.
    pub form: &'static str,
}

/// The item that an attribute applies to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum On {
    /// It is an argument of `#[livepatch(..)]`.
    Livepatch,
    /// A function of the module.
    Function,
    /// A static of the module.
    Static,
    /// A block of foreign items.
    ForeignBlock,
    /// An item of such a block.
    ForeignItem,
    /// Any item.
    Item,
}

impl On {
    /// Its name in messages.
    pub fn title(self) -> &'static str {
        match self {
            On::Livepatch => "a module",
            On::Function => "a function",
            On::Static => "a static",
            On::ForeignBlock => "an `extern` block",
            On::ForeignItem => "a kernel symbol",
            On::Item => "a hook, a kernel symbol or a plain Rust item",
        }
    }
}

impl Construct {
    const fn new(keyword: &'static str, end: End, spec: &'static str) -> Construct {
        Construct { keyword, end, repeats: false, spec, attributes: &[] }
    }

    const fn statement(keyword: &'static str, spec: &'static str) -> Construct {
        Construct::new(keyword, End::Statement, spec)
    }

    const fn items(keyword: &'static str, level: Level, spec: &'static str) -> Construct {
        Construct::new(keyword, End::Items(level), spec)
    }

    const fn body(keyword: &'static str, spec: &'static str) -> Construct {
        Construct::new(keyword, End::Body, spec)
    }

    const fn repeats(mut self) -> Construct {
        self.repeats = true;
        self
    }

    const fn attributes(mut self, attributes: &'static [Attribute]) -> Construct {
        self.attributes = attributes;
        self
    }
}

const fn argument(name: &'static str, form: &'static str) -> Attribute {
    Attribute { name, on: On::Livepatch, form }
}

const fn on(on: On, name: &'static str, form: &'static str) -> Attribute {
    Attribute { name, on, form }
}

/// An enum of the constructs of one level, with their table.
macro_rules! level {
    ($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $variant:ident: $construct:expr;)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $($(#[$about])* $variant,)*
        }

        impl $name {
            /// All of them.
            pub const ALL: &'static [$name] = &[$($name::$variant),*];

            /// Their table, in the same order.
            pub const TABLE: &'static [Construct] = &[$($construct),*];

            /// The construct with this keyword.
            pub fn of(word: &str) -> Option<$name> {
                let n = Self::TABLE.iter().position(|construct| construct.keyword == word)?;
                Self::ALL.get(n).copied()
            }

            /// Its line of the table.
            pub fn construct(self) -> &'static Construct {
                &Self::TABLE[self as usize]
            }

            /// Its keyword.
            pub fn keyword(self) -> &'static str {
                self.construct().keyword
            }
        }
    };
}

level! {
    /// The constructs of a file.
    FileItem {
        /// The patch.
        Patch: Construct::items("patch", Level::Patch, "patch NAME {");
    }
}

level! {
    /// The clauses of a patch whose value is a string. Parser, reader of attributes and converter
    /// treat all of them alike.
    TextClause {
        /// `MODULE_LICENSE`
        License: Construct::statement("license", "license \"..\";")
            .attributes(&[argument("license", "license = \"..\"")]);
        /// `MODULE_AUTHOR`
        Author: Construct::statement("author", "author \"..\";").repeats()
            .attributes(&[argument("author", "author = \"..\"")]);
        /// `MODULE_VERSION`
        Version: Construct::statement("version", "version \"..\";")
            .attributes(&[argument("version", "version = \"..\"")]);
        /// What the patch fixes.
        Fixes: Construct::statement("fixes", "fixes \"..\", ..;").repeats()
            .attributes(&[argument("fixes", "fixes(\"..\", ..)")]);
        /// The kernels that the patch was reviewed for.
        Kernel: Construct::statement("kernel", "kernel \"..\";")
            .attributes(&[argument("kernel", "kernel = \"..\"")]);
    }
}

level! {
    /// The other constructs of a patch, except Rust items and modules in files.
    PatchItem {
        /// An option of the target.
        Require: Construct::statement("require", "require CONFIG_X;").repeats()
            .attributes(&[argument("require", "require(CONFIG_X, ..)")]);
        /// `klp_patch.replace`
        AtomicReplace: Construct::statement("atomic", "atomic replace;")
            .attributes(&[argument("atomic_replace", "atomic_replace")]);
        /// A parameter of the module.
        Param: Construct::statement("param", "param NAME: TYPE = DEFAULT;").repeats()
            .attributes(&[on(On::Static, "param", "#[param] static NAME: bool = false;")]);
        /// The name that versions of a patch share.
        Family: Construct::statement("family", "family NAME;")
            .attributes(&[argument("family", "family = NAME")]);
        /// The patches that this one is stacked on.
        Over: Construct::statement("over", "over NAME, ..;").repeats()
            .attributes(&[argument("over", "over(NAME, ..)")]);
        /// A change of the system that the last patch undoes.
        State: Construct::items("state", Level::State, "state(id = N) NAME: TYPE {").repeats()
            .attributes(&[on(On::Static, "state",
                "#[state(id = 1)] static NAME: State<c_int> = State { save: || { .. }, .. };")]);
        /// Data attached to kernel objects.
        Shadow: Construct::items("shadow", Level::Shadow, "shadow NAME: TYPE on STRUCT = VALUE,").repeats()
            .attributes(&[on(On::Static, "shadow",
                "#[shadow(on = STRUCT, untied)] static NAME: Shadow<u32> = Shadow::new(0);")]);
        /// What the patch sets up for itself.
        Resource: Construct::items("resource", Level::Resource, "resource NAME: TYPE {").repeats()
            .attributes(&[on(On::Static, "resource",
                "#[resource] static NAME: Resource<TYPE> = Resource { acquire: || { .. }, .. };")]);
        /// The kernel image or a module, with its changes.
        Object: Construct::items("object", Level::Object, "object NAME {").repeats()
            .attributes(&[argument("object", "object(NAME = \"FILE.ko\")")]);
        /// A file in C.
        C: Construct::items("c", Level::CFile, "c \"FILE\";").repeats()
            .attributes(&[
                argument("c", "c(\"FILE.c\")"),
                on(On::ForeignBlock, "c", "#[c(\"FILE.c\")] extern \"C\" { fn NAME(..); }"),
            ]);
        /// A test in a virtual machine. A crate has its tests in a separate file.
        Test: Construct::items("test", Level::Test, "test \"..\" {").repeats();
    }
}

level! {
    /// The constructs of an object, except its callbacks.
    ObjectItem {
        /// A changed function. A crate names it in the attributes of its hooks.
        Func: Construct::items("fn", Level::Func, "fn NAME {").repeats()
            .attributes(&[on(On::Item, "when", "#[when(\"7.0 ..\")]")]);
        /// A symbol that the kernel does not export.
        Use: Construct::statement("use", "use fn NAME(..) -> TYPE;").repeats()
            .attributes(&[
                on(On::ForeignBlock, "symbols", "#[symbols(vmlinux)] extern \"C\" { fn NAME(..); }"),
                on(On::ForeignItem, "percpu",
                    "#[symbols(vmlinux)] extern \"C\" { #[percpu] static NAME: TYPE; }"),
                on(On::ForeignItem, "position",
                    "#[symbols(vmlinux)] extern \"C\" { #[position(2)] fn NAME(..); }"),
            ]);
    }
}

/// The callbacks of an object, in the order of [`Callback::ALL`].
const CALLBACKS: &[Construct] = &[
    Construct::body(Callback::PrePatch.name(), "pre_patch { .. }").attributes(&[on(
        On::Function,
        Callback::PrePatch.name(),
        "#[pre_patch(vmlinux)] unsafe fn NAME(obj: *mut klp_object) -> c_int { .. }",
    )]),
    Construct::body(Callback::PostPatch.name(), "post_patch { .. }").attributes(&[on(
        On::Function,
        Callback::PostPatch.name(),
        "#[post_patch(vmlinux)] unsafe fn NAME(obj: *mut klp_object) { .. }",
    )]),
    Construct::body(Callback::PreUnpatch.name(), "pre_unpatch { .. }").attributes(&[on(
        On::Function,
        Callback::PreUnpatch.name(),
        "#[pre_unpatch(vmlinux)] unsafe fn NAME(obj: *mut klp_object) { .. }",
    )]),
    Construct::body(Callback::PostUnpatch.name(), "post_unpatch { .. }").attributes(&[on(
        On::Function,
        Callback::PostUnpatch.name(),
        "#[post_unpatch(vmlinux)] unsafe fn NAME(obj: *mut klp_object) { .. }",
    )]),
];

level! {
    /// The hooks: code that runs in place of a function, before it or after it.
    Hook {
        /// A new body.
        Replace: Construct::body("replace", "replace { .. }")
            .attributes(&[on(On::Function, "replace",
                "#[replace(OBJECT::NAME)] unsafe fn NAME(..) -> TYPE { .. }")]);
        /// Runs before the old function.
        Pre: Construct::body("pre", "pre { .. }")
            .attributes(&[on(On::Function, "pre", "#[pre(OBJECT::NAME)] unsafe fn NAME(..) -> TYPE { .. }")]);
        /// Runs after it.
        Post: Construct::body("post", "post { .. }")
            .attributes(&[on(On::Function, "post",
                "#[post(OBJECT::NAME)] unsafe fn NAME(.., ret: TYPE) { .. }")]);
    }
}

level! {
    /// The other constructs of a function.
    FuncItem {
        /// Where the prototype of a clone comes from. A crate has it as an argument of a hook.
        Arguments: Construct::statement("arguments", "arguments \"..\";");
    }
}

level! {
    /// The constructs of a C file's block.
    CFileItem {
        /// A function that bodies call.
        Func: Construct::statement("fn", "fn NAME(..) -> TYPE;").repeats();
    }
}

level! {
    /// The constructs of a state.
    StateItem {
        /// Returns the value to save.
        Save: Construct::body("save", "save { .. }");
        /// Changes the system.
        Apply: Construct::body("apply", "apply(saved) { .. }");
        /// Undoes the change.
        Restore: Construct::body("restore", "restore(saved) { .. }");
    }
}

level! {
    /// The constructs of a shadow variable.
    ShadowItem {
        /// Runs on new data.
        Ctor: Construct::body("ctor", "ctor(parent, data) { .. }");
        /// Runs on data before it is freed.
        Dtor: Construct::body("dtor", "dtor(data) { .. }");
    }
}

level! {
    /// The constructs of a resource.
    ResourceItem {
        /// Sets it up.
        Acquire: Construct::body("acquire", "acquire { .. }");
        /// Undoes that.
        Release: Construct::body("release", "release(value) { .. }");
        /// Takes it over from the earlier version of the patch.
        Adopt: Construct::body("adopt", "adopt(value) { .. }");
    }
}

level! {
    /// The constructs of a test.
    TestItem {
        /// A module that is loaded before anything else.
        Module: Construct::statement("module", "module \"..\";").repeats();
        /// What the patch is loaded with.
        Param: Construct::statement("param", "param NAME = VALUE;").repeats();
        /// A command.
        Run: Construct::statement("run", "run \"COMMAND\";").repeats();
        /// A program in C.
        Trigger: Construct::statement("trigger", "trigger c \"FILE\";").repeats();
        /// The kernel's log.
        Dmesg: Construct::statement("dmesg", "dmesg;").repeats();
        /// Repeats a command until it succeeds.
        Wait: Construct::statement("wait", "wait \"COMMAND\" 10;").repeats();
        /// A claim about the unpatched kernel.
        Unpatched: Construct::statement("unpatched", "unpatched has \"TEXT\";").repeats();
        /// A claim about the patched kernel.
        Patched: Construct::statement("patched", "patched has \"TEXT\";").repeats();
        /// A claim about every phase.
        Always: Construct::statement("always", "always has \"TEXT\";").repeats();
    }
}

impl Level {
    /// Every level.
    pub const ALL: [Level; 9] = [
        Level::File,
        Level::Patch,
        Level::Object,
        Level::Func,
        Level::CFile,
        Level::State,
        Level::Shadow,
        Level::Resource,
        Level::Test,
    ];

    /// The tables of the constructs that it may hold.
    fn tables(self) -> [&'static [Construct]; 2] {
        match self {
            Level::File => [FileItem::TABLE, &[]],
            Level::Patch => [TextClause::TABLE, PatchItem::TABLE],
            Level::Object => [ObjectItem::TABLE, CALLBACKS],
            Level::Func => [Hook::TABLE, FuncItem::TABLE],
            Level::CFile => [CFileItem::TABLE, &[]],
            Level::State => [StateItem::TABLE, &[]],
            Level::Shadow => [ShadowItem::TABLE, &[]],
            Level::Resource => [ResourceItem::TABLE, &[]],
            Level::Test => [TestItem::TABLE, &[]],
        }
    }

    /// The constructs that it may hold.
    pub fn constructs(self) -> impl Iterator<Item = &'static Construct> {
        self.tables().into_iter().flatten()
    }

    /// The construct with this keyword.
    pub fn construct(self, word: &str) -> Option<&'static Construct> {
        self.constructs().find(|construct| construct.keyword == word)
    }

    /// The keywords of its items, except those of Rust.
    pub fn keywords(self) -> Vec<&'static str> {
        self.constructs().map(|construct| construct.keyword).collect()
    }
}

impl Construct {
    /// Whether it is an argument of `#[livepatch(..)]` of this name.
    fn is_argument(&self, name: &str) -> bool {
        let is_meant =
            |attribute: &Attribute| attribute.on == On::Livepatch && attribute.name == name;
        self.attributes.iter().any(is_meant)
    }
}

impl PatchItem {
    /// The construct that an argument of `#[livepatch(..)]` belongs to.
    pub fn of_argument(name: &str) -> Option<PatchItem> {
        Self::ALL.iter().copied().find(|item| item.construct().is_argument(name))
    }
}

impl TextClause {
    /// The clause that an argument of `#[livepatch(..)]` belongs to.
    pub fn of_argument(name: &str) -> Option<TextClause> {
        Self::ALL.iter().copied().find(|clause| clause.construct().is_argument(name))
    }

    /// Whether it takes a list: `fixes "..", "..";` or `fixes("..", "..")`.
    pub fn is_list(self) -> bool {
        self == TextClause::Fixes
    }
}

impl Attribute {
    /// All attributes and arguments of patch crates.
    pub fn all() -> impl Iterator<Item = &'static Attribute> {
        Level::ALL
            .into_iter()
            .flat_map(Level::constructs)
            .flat_map(|construct| construct.attributes)
    }

    /// The attributes of items in the module of a livepatch.
    pub fn of_items() -> impl Iterator<Item = &'static Attribute> {
        Attribute::all().filter(|attribute| attribute.on != On::Livepatch)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_construct_is_found_by_its_keyword() {
        for level in Level::ALL {
            for construct in level.constructs() {
                let found = level.construct(construct.keyword).map(|found| found.spec);
                assert_eq!(found, Some(construct.spec), "{construct:?}");
                assert!(construct.spec.starts_with(construct.keyword), "{construct:?}");
            }
        }
        assert_eq!(PatchItem::of("shadow").map(PatchItem::keyword), Some("shadow"));
        assert_eq!(Hook::Post.keyword(), "post");
        assert_eq!(PatchItem::of_argument("atomic_replace"), Some(PatchItem::AtomicReplace));
        assert_eq!(PatchItem::of_argument("param"), None);
    }
}
