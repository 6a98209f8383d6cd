// SPDX-License-Identifier: GPL-2.0
//! Static keys, static calls and tracepoints of modules, which come too late.
//!
//! When a livepatch is loaded, the kernel goes through its tables of these before the patch is
//! enabled (`jump_label_add_module()` in `kernel/jump_label.c`, `static_call_add_module()` in
//! `kernel/static_call_inline.c`). A klp relocation of vmlinux is applied before that, but one of a
//! module when the patch and the module are both there: until then the entry points into the table
//! itself, and the kernel would write there. `klp-build` refuses them, too
//! (`validate_special_section_klp_reloc()` in `tools/objtool/klp-diff.c`).

use super::object_file::{Address, ObjectFile};
use super::KlpName;
use kps_plan::{ObjectName, PLACEHOLDER};

/// An entry of a table that would be read before it is filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Early {
    /// What the entry belongs to.
    pub kind: EarlyKind,
    /// What it names, without what the kernel's macros put before it.
    pub name: String,
    /// The module whose it is.
    pub object: String,
    /// The code that the entry is about, if the entry says.
    pub code: Option<Address>,
}

/// What can come too early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EarlyKind {
    /// `static_branch_likely()` and its sisters.
    Key,
    /// `static_call()`.
    Call,
    /// `trace_NAME()`.
    Tracepoint,
}

impl EarlyKind {
    /// What the kernel calls it.
    pub fn word(self) -> &'static str {
        match self {
            EarlyKind::Key => "static key",
            EarlyKind::Call => "static call",
            EarlyKind::Tracepoint => "tracepoint",
        }
    }
}

/// The tables, the size of an entry, and the bytes of it that name a key: behind them is nothing,
/// before them is the code (`struct jump_entry`, `struct static_call_site`).
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

/// What a key of a static call is for: a tracepoint has one of its own.
fn call(key: &str) -> (EarlyKind, &str) {
    match key.strip_prefix("__SCK__tp_func_") {
        Some(name) => (EarlyKind::Tracepoint, name),
        None => (EarlyKind::Call, key.strip_prefix("__SCK__").unwrap_or(key)),
    }
}
