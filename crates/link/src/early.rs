// SPDX-License-Identifier: GPL-2.0
//! Static keys, static calls and tracepoints of modules, which are resolved too late.
//!
//! When a livepatch is loaded, the kernel walks its tables of these before the patch is enabled
//! (`jump_label_add_module()` in `kernel/jump_label.c`, `static_call_add_module()` in
//! `kernel/static_call_inline.c`). A klp relocation of vmlinux is applied before that. One of a
//! module is applied only when the patch and the module are both loaded: until then the entry
//! points into the table itself, and the kernel would write there. `klp-build` refuses them, too
//! (`validate_special_section_klp_reloc()` in `tools/objtool/klp-diff.c`).

use super::object_file::{Address, ObjectFile};
use super::KlpName;
use kps_plan::{ObjectName, PLACEHOLDER};

/// A table entry that the kernel would read before it is filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Early {
    /// The kind of entry.
    pub kind: EarlyKind,
    /// Its name, without the prefix of the kernel's macros.
    pub name: String,
    /// The module that defines it.
    pub object: String,
    /// The code that the entry refers to, if known.
    pub code: Option<Address>,
}

/// The kinds of entries that can be resolved too late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EarlyKind {
    /// `static_branch_likely()` and its siblings.
    Key,
    /// `static_call()`.
    Call,
    /// `trace_NAME()`.
    Tracepoint,
}

impl EarlyKind {
    /// The kernel's name for it.
    pub fn word(self) -> &'static str {
        match self {
            EarlyKind::Key => "static key",
            EarlyKind::Call => "static call",
            EarlyKind::Tracepoint => "tracepoint",
        }
    }
}

/// The tables, the size of an entry, and the offset of its key. The key is the last member, and the
/// code is the first (`struct jump_entry`, `struct static_call_site`).
const TABLES: [(&str, u64, u64); 2] = [("__jump_table", 16, 8), (".static_call_sites", 8, 4)];

/// The entries of a module that is not converted yet.
pub fn early(object: &ObjectFile<'_>) -> Vec<Early> {
    let mut found: Vec<Early> = Vec::new();
    for used in object.uses() {
        let Some((table, size, key)) =
            TABLES.into_iter().find(|(table, ..)| *table == used.section)
        else {
            continue;
        };
        let klp = used.symbol.strip_prefix(PLACEHOLDER).and_then(KlpName::parse);
        let Some(klp) = klp.filter(|klp| klp.object != ObjectName::IMAGE && used.at % size == key)
        else {
            continue;
        };
        let (kind, name) = match klp.name.strip_prefix("__tracepoint_") {
            Some(name) => (EarlyKind::Tracepoint, name),
            None if table == "__jump_table" => (EarlyKind::Key, klp.name),
            None => call(klp.name),
        };
        let code = object.use_at(used.at - key).and_then(|code| code.target);
        found.push(Early { kind, name: name.to_owned(), object: klp.object.to_owned(), code });
    }
    found
}

/// The purpose of a static call's key: a tracepoint has its own.
fn call(key: &str) -> (EarlyKind, &str) {
    match key.strip_prefix("__SCK__tp_func_") {
        Some(name) => (EarlyKind::Tracepoint, name),
        None => (EarlyKind::Call, key.strip_prefix("__SCK__").unwrap_or(key)),
    }
}
