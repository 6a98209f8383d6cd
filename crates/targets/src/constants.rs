// SPDX-License-Identifier: GPL-2.0
//! The values of the constants that a kernel's headers have as macros.
//!
//! BTF has none of them, and they differ between kernels: `GFP_ATOMIC` is 2592 in Linux 6.1 and
//! 2080 in 6.12. So the target's own compiler tells them, in the way of the kernel's
//! `asm-offsets.h`: it compiles a file whose assembly has each value as text.

use super::manifest::Tree;
use kps_diag::{Diagnostic, PROGRAM_FAILED};
use kps_facts::{is_constant, Constants, CONSTANTS};
use kps_host::below::read_below;
use kps_host::disk::write_atomically;
use kps_host::input;
use kps_host::output;
use kps_host::temporary::Folder;

use std::path::Path;

const FILE: &str = "constants.c";
const ASSEMBLY: &str = "constants.s";
/// What a line of the assembly with a constant has in it.
const MARK: &str = "->";

/// Asks the compiler of a build tree.
pub(super) fn constants(tree: &Tree) -> Result<Constants, Diagnostic> {
    let place = std::env::temp_dir();
    let folder = Folder::new_in(&place).map_err(|error| {
        kps_host::disk::cannot("make a folder in", &place, &error.kind().into())
            .help("set TMPDIR to a folder")
    })?;
    let folder = folder.path();
    write_atomically(&folder.join(FILE), source().as_bytes())?;
    write_atomically(&folder.join("Kbuild"), b"obj-m := constants.o\n")?;
    let mut read: Vec<&Path> = tree.sources.iter().map(|path| path.as_path()).collect();
    read.push(&tree.build);
    let mut make = tree.toolchain().command("make", &read, &[folder], folder)?;
    make.arg("-C").arg(&tree.build).args(["-f", "Makefile"]);
    make.arg(format!("M={}", folder.display())).args(&tree.make).arg(ASSEMBLY);
    let output = output::output(&mut make).map_err(|error| make.not_started(&error))?;
    drop(make);
    if !output.ended.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        let shown = said.lines().filter(|line| !line.trim().is_empty()).take(12);
        let failed = Diagnostic::new(PROGRAM_FAILED, "the kernel's headers cannot be compiled");
        return Err(shown.fold(failed, |failed, line| failed.note(line.to_owned())));
    }
    let assembly = read_below(folder, ASSEMBLY, input::C_FILE)?;
    Ok(values(&String::from_utf8_lossy(&assembly)))
}

/// A file in C that has each constant that the headers define.
fn source() -> String {
    let mut source = String::from("// SPDX-License-Identifier: GPL-2.0\n");
    CONSTANTS.iter().for_each(|(header, _)| source.push_str(&format!("#include <{header}>\n")));
    source.push_str("void kps_constants(void);\nvoid kps_constants(void)\n{\n");
    for name in CONSTANTS.iter().flat_map(|(_, names)| *names) {
        // The value is text of the assembly, so no instruction has to hold it. An enumeration's
        // constant is no macro: BTF has it.
        source.push_str(&format!(
            "#ifdef {name}\n\tasm volatile(\"\\n.ascii \\\"{MARK}{name} %0\\\"\" : : \"i\" ((long long)({name})));\n#endif\n"
        ));
    }
    source.push_str("}\n");
    source
}

/// The constants in the assembly: `.ascii "->NAME VALUE"`.
fn values(assembly: &str) -> Constants {
    let value = |line: &str| {
        let text = line.trim().strip_prefix(".ascii \"")?.strip_prefix(MARK)?;
        // Kbuild has the compiler add comments.
        let (name, value) = text.split_once('"')?.0.split_once(' ')?;
        // How an assembler marks a number.
        let value = value.trim_start_matches(['$', '#']);
        is_constant(name).then_some((name.to_owned(), value.parse().ok()?))
    };
    assembly.lines().filter_map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_from_assembly() {
        let assembly =
            "\t.text\n.ascii \"->GFP_KERNEL $3264\"\n#NO_APP\n\t.ascii \"->AT_FDCWD #-100\"\t# \n\
                        .ascii \"->OTHER 1\"\n.ascii \"->PAGE_SIZE 4k\"\n";
        let found = values(assembly);
        let found: Vec<_> = found.iter().collect();
        assert_eq!(found, [("AT_FDCWD", -100), ("GFP_KERNEL", 3264)]);
    }
}
