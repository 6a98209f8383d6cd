// SPDX-License-Identifier: GPL-2.0
//! Symbols of the kernel and its modules, and their placeholders in a module before post-link.

use crate::fnv;

/// The prefix of a placeholder: a symbol in a linked module that post-link converts to the symbol
/// of a klp relocation.
pub const PLACEHOLDER: &str = "kps.sym.";

/// The section of a linked module with the long forms of placeholders that have a short one, each
/// ended by a NUL. It is not loaded, and post-link drops it. modpost complains about other sections
/// that are not loaded.
pub const LONG_NAMES: &str = ".comment.kps";

/// The longest name that modpost accepts on kernels with `CONFIG_MODVERSIONS`: `struct
/// modversion_info` has `MODULE_NAME_LEN` bytes for it, the NUL included.
const MAX_PLACEHOLDER: usize = 55;

/// The prefix of the symbol through which a body enters the old function behind its ftrace site.
/// The function's name follows, made an identifier. It can be called, and no more.
pub const ORIGINAL: &str = "kps_orig_";

/// The object that a function or a symbol belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObjectName {
    /// The kernel image. `klp_object.name` is NULL.
    Vmlinux,
    /// A module, which may be loaded now, later or never.
    Module(String),
}

impl ObjectName {
    /// How specs and the symbols of klp relocations name the kernel image.
    pub const IMAGE: &'static str = "vmlinux";

    /// The object of this name.
    pub fn new(name: &str) -> ObjectName {
        match name {
            Self::IMAGE => ObjectName::Vmlinux,
            module => ObjectName::Module(module.to_owned()),
        }
    }

    /// The name of a module; None for the image.
    pub fn module(&self) -> Option<&str> {
        match self {
            ObjectName::Vmlinux => None,
            ObjectName::Module(name) => Some(name),
        }
    }

    /// The name as the symbols of klp relocations spell it.
    pub fn as_str(&self) -> &str {
        match self {
            ObjectName::Vmlinux => Self::IMAGE,
            ObjectName::Module(name) => name,
        }
    }
}

/// A symbol of one object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symbol {
    /// The object that has it.
    pub object: ObjectName,
    /// Its name in kallsyms.
    pub name: String,
    /// 0 if the name is unique, else the symbol's rank by address among those of its name.
    pub sympos: u32,
}

impl Symbol {
    /// A symbol of the kernel image with a unique name.
    pub fn of_image(name: &str) -> Symbol {
        Symbol { object: ObjectName::Vmlinux, name: name.to_owned(), sympos: 0 }
    }

    /// The placeholder: the long form, or its short form if modpost might refuse it. It is the same
    /// on all kernels.
    pub fn placeholder(&self) -> String {
        let long = self.long_placeholder();
        if long.len() > MAX_PLACEHOLDER {
            short_placeholder(&long)
        } else {
            long
        }
    }

    /// The long form of a placeholder: `kps.sym.OBJECT.NAME,POSITION`.
    pub fn long_placeholder(&self) -> String {
        let Symbol { object, name, sympos } = self;
        format!("{PLACEHOLDER}{}.{name},{sympos}", object.as_str())
    }
}

/// The short form of a placeholder: `kps.sym.HASH`. No long form looks like this, because a long
/// one has a dot and a comma.
pub fn short_placeholder(long: &str) -> String {
    format!("{PLACEHOLDER}{:016x}", fnv(&[long]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placeholder_has_object_name_and_position() {
        let symbol = |object, sympos| Symbol {
            object: ObjectName::new(object),
            name: "f.isra.0".into(),
            sympos,
        };
        assert_eq!(symbol("vmlinux", 0).placeholder(), "kps.sym.vmlinux.f.isra.0,0");
        assert_eq!(symbol("nf_tables", 2).placeholder(), "kps.sym.nf_tables.f.isra.0,2");
    }

    #[test]
    fn a_placeholder_is_short_enough_for_modpost() {
        let name = |len: usize| Symbol::of_image(&"f".repeat(len));
        assert_eq!(name(37).placeholder(), name(37).long_placeholder());
        assert_eq!(name(37).placeholder().len(), MAX_PLACEHOLDER);
        assert_eq!(name(38).placeholder().len(), PLACEHOLDER.len() + 16);
        assert_ne!(name(38).placeholder(), name(39).placeholder());
        // Modules of one patch are made by different builds.
        let long = Symbol::of_image("atomic_notifier_chain_register_unique_prio");
        assert_eq!(long.placeholder(), "kps.sym.7358a4b16a71c58a");
    }
}
