// SPDX-License-Identifier: GPL-2.0
//! Variables that the kernel makes read-only once it has booted, or once a module is loaded: a
//! write to them faults. `use static` declares them as immutable, and their types (the kernel's and
//! C's) have no other way to write to them.

use super::bodies::{Fragment, Rust};
use super::Resolver;
use kps_diag::{Diagnostic, READ_ONLY_VARIABLE};
use kps_plan::{Imports, Object, StaticKind};
use std::collections::BTreeSet;

impl Resolver<'_> {
    /// Reports writes to read-only variables. rustc refuses those that are not found here.
    pub(super) fn check_writes(&mut self, rust: &Rust, read_only: &BTreeSet<String>) {
        if read_only.is_empty() {
            return;
        }
        for (code, refs) in rust.snippets() {
            for write in refs.writes.iter().filter(|write| read_only.contains(&write.name)) {
                self.report(
                    Diagnostic::new(
                        READ_ONLY_VARIABLE,
                        format!("`{}` is read-only, and this write would fault", write.name),
                    )
                    .at(self.pieces.place(code, write.span), "")
                    .note("it is `const` or `__ro_after_init`: the kernel maps it read-only after it is set up")
                    .help("change the functions that read it instead"),
                );
            }
        }
    }
}

/// The declared variables that a write faults on.
pub(super) fn read_only(imports: &Imports, objects: &[Object<Fragment>]) -> BTreeSet<String> {
    let of_modules = objects.iter().flat_map(|object| &object.uses.statics);
    let all = imports.statics.iter().chain(of_modules);
    all.filter(|item| item.kind == StaticKind::ReadOnly).map(|item| item.name.clone()).collect()
}
