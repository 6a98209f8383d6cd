// SPDX-License-Identifier: GPL-2.0
//! Suggestions in messages: a Rust type for a C type, another name for one that is taken.

/// How to write C types in a spec. Every message that asks for a type has it.
pub(crate) const TYPES: &str =
    "TYPE is `c_int` for `int`, `c_ulong` for `unsigned long`, `*mut c_char` for `char *`, \
     `*mut seq_file` for `struct seq_file *`";

/// The help for a name that is already taken.
pub fn another_name(name: &str) -> String {
    format!("choose another name, for example `own_{name}`")
}

/// The help for a name that two declarations share.
pub(crate) fn rename_one(name: &str) -> String {
    format!("rename one, for example to `{name}_2`")
}
