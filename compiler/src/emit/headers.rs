// SPDX-License-Identifier: GPL-2.0
//! The functions in C that do what inline functions of the kernel's headers do: those that the
//! patch uses, in a file that the target's compiler compiles into the module.

use kps_plan::{Link, Patch};

/// What the name of the file in a spec's folder ends in.
pub const IN_SPEC: &str = "_headers.c";
/// The file in the library's folder of a crate.
pub const IN_CRATE: &str = "patch_headers.c";

/// The file, if the patch uses such a function.
pub(super) fn headers<B>(patch: &Patch<B>) -> Option<String> {
    let functions = patch.kernel.functions.iter().filter_map(|function| match &function.link {
        Link::Header { header, definition } => Some((&function.name, header, definition)),
        _ => None,
    });
    let text: String = functions
        .map(|(name, header, definition)| {
            format!("\n{}#include <{header}>\n{definition}", title(name))
        })
        .collect();
    (!text.is_empty()).then(|| {
        format!("// SPDX-License-Identifier: GPL-2.0\n/* Inline functions of the kernel's headers. */\n{text}")
    })
}

fn title(name: &str) -> String {
    format!("/* {name}() */\n")
}

/// The function that a line of the file belongs to, of which 1 is the first.
pub fn function_at(text: &str, line: usize) -> Option<&str> {
    let before: Vec<&str> = text.lines().take(line).collect();
    before.iter().rev().find_map(|line| line.strip_prefix("/* ")?.strip_suffix("() */"))
}
