// SPDX-License-Identifier: GPL-2.0
//! Compiles a text of a source file as the kernel's build does.

use super::{first_lines, scratch, write, write_headers, Command, Front, Headers};
use kps_diag::{Diagnostic, UNREAD_SOURCE};
use kps_host::below::read_below;
use kps_host::disk::{make_folder, rename};
use kps_host::input;
use kps_host::temporary::Folder;
use std::path::{Path, PathBuf};

/// One function or variable must not move another one.
const OWN_SECTIONS: [&str; 2] = ["-ffunction-sections", "-fdata-sections"];

const TEXT: &str = "text.c";
const OBJECT: &str = "text.o";

/// The object file of a text, which says by `#line` where it is from.
pub(super) fn compile(
    front: &Front,
    command: &Command,
    text: &str,
    headers: &Headers,
) -> Result<Vec<u8>, Diagnostic> {
    let folder = scratch(&front.tree)?;
    let (over, new): (Vec<_>, Vec<_>) = write_headers(&folder, &front.source, headers)?
        .into_iter()
        .partition(|(_, place)| place.exists());
    let text = write(&folder, TEXT, text)?;
    let mut words = command.options().to_vec();
    words.extend(OWN_SECTIONS.map(str::to_owned));
    // Warnings are the kernel's own, or for the build of the patch. Debug information changes no
    // code.
    words.extend(["-w", "-g0"].map(str::to_owned));
    if let Some(beside) = command.file.parent() {
        words.extend(["-iquote".to_owned(), beside.display().to_string()]);
        words.extend(of_new_headers(&folder, &front.source, beside, &new)?);
    }
    let object = folder.path().join(OBJECT);
    words.extend(["-c".to_owned(), "-o".to_owned(), object.display().to_string()]);
    words.push(text.display().to_string());
    let toolchain = front.tree.toolchain();
    let output = front.run(&toolchain, command.program(), words, folder.path(), &over)?;
    if output.ended.status.success() {
        return read_below(folder.path(), OBJECT, input::MODULE);
    }
    let message = format!("{} cannot be compiled as the kernel compiles it", command.path);
    let error = Diagnostic::new(UNREAD_SOURCE, message);
    let place = format!("{}/", front.source.display());
    let lines = first_lines(&output).into_iter().map(|line| line.replace(&place, ""));
    Err(lines
        .fold(error, Diagnostic::note)
        .help("check that the fix is for this version of the kernel"))
}

/// The options by which the compiler finds headers that the source does not have: a tree with them
/// alone, searched behind the source's own folders.
fn of_new_headers(
    folder: &Folder,
    source: &Path,
    beside: &Path,
    new: &[(PathBuf, PathBuf)],
) -> Result<Vec<String>, Diagnostic> {
    if new.is_empty() {
        return Ok(Vec::new());
    }
    let tree = folder.path().join("new");
    let below = |path: &Path| tree.join(path.strip_prefix(source).unwrap_or(path));
    for (file, place) in new {
        let to = below(place);
        make_folder(to.parent().unwrap_or(&tree))?;
        rename(file, &to)?;
    }
    let of_architecture = Path::new(kps_arch::native().kbuild.folder).join("include");
    let folders = [tree.join("include"), tree.join(of_architecture)];
    let mut words = vec!["-iquote".to_owned(), below(beside).display().to_string()];
    words.extend(folders.iter().map(|folder| format!("-I{}", folder.display())));
    Ok(words)
}
