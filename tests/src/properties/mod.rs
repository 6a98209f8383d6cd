// SPDX-License-Identifier: GPL-2.0
//! What holds for every input whatever it is, one function for each reader of bytes.
//!
//! A function panics if its property is broken. `fuzz/` looks for an input that does it, and the
//! suite `properties` holds the inputs that were found and mutations of them. `docs/fuzzing.md`
//! says what each property is.

mod agent;
mod attributes;
mod btf;
mod dwarf;
mod facts;
mod image;
mod kallsyms;
mod layout;
mod livepatch;
mod module;
mod patch_crate;
mod post_link;
mod spec;
mod texts;

pub use agent::agent;
pub use attributes::attributes;
pub use btf::btf;
pub use dwarf::dwarf;
pub use facts::facts;
pub use image::image;
pub use kallsyms::kallsyms;
pub use livepatch::livepatch;
pub use module::module;
pub use patch_crate::patch_crate;
pub use post_link::post_link;
pub use spec::{on_a_large_stack, spec};
pub use texts::texts;

use kps_report::{Format, Style};
use std::path::Path;

/// How a message is rendered.
fn style(format: Format) -> Style<'static> {
    Style { program: "kpsc", format, kernel: None }
}

/// A folder for the files of an input: in memory where the machine has such a place, because each
/// of some thousand inputs makes its files anew, and a disk that others use takes most of the time.
fn scratch() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    tempfile::tempdir_in(memory)
        .or_else(|_| tempfile::tempdir())
        .unwrap_or_else(|error| panic!("{error}"))
}

/// A reader of bytes that anybody may have made.
pub struct Target {
    /// What the fuzz target, its seeds and its dictionary are named.
    pub name: &'static str,
    /// What must hold.
    pub holds: fn(&[u8]),
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target { name: "agent", holds: agent },
    Target { name: "attributes", holds: attributes },
    Target { name: "btf", holds: btf },
    Target { name: "dwarf", holds: dwarf },
    Target { name: "facts", holds: facts },
    Target { name: "image", holds: image },
    Target { name: "kallsyms", holds: kallsyms },
    Target { name: "livepatch", holds: livepatch },
    Target { name: "module", holds: module },
    Target { name: "patch_crate", holds: patch_crate },
    Target { name: "post_link", holds: post_link },
    Target { name: "spec", holds: spec },
    Target { name: "texts", holds: texts },
];
