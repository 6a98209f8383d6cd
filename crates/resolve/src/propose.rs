// SPDX-License-Identifier: GPL-2.0
//! What messages propose to write: a type for one of C, a name for one that is taken.

/// What types of C are called in a spec. It is said wherever an author has to write one.
pub(crate) const TYPES: &str =
    "TYPE is `c_int` for `int`, `c_ulong` for `unsigned long`, `*mut c_char` for `char *`, \
     `*mut seq_file` for `struct seq_file *`";

/// What to do about a name that belongs to something else.
pub fn another_name(name: &str) -> String {
    format!("choose another name, for example `own_{name}`")
}

/// What to do about a name that two things have.
pub(crate) fn rename_one(name: &str) -> String {
    format!("rename one, for example to `{name}_2`")
}
