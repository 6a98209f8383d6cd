// SPDX-License-Identifier: GPL-2.0
//! What a program does to the files below a folder, from its system calls.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A change of what is on a disk. Paths are relative to the folder that is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Operation {
    MakeFolder(PathBuf),
    /// An empty file.
    Create(PathBuf),
    /// At the end of a file.
    Write(PathBuf, Vec<u8>),
    Link(PathBuf, String),
    Rename(PathBuf, PathBuf),
    Remove(PathBuf),
    /// The contents of a file, or the names in a folder.
    Sync(PathBuf),
}

/// The system calls that change files, and those that would, if the program used them.
const CALLS: &str = "openat,open,creat,write,pwrite64,writev,pwritev,pwritev2,ftruncate,truncate,\
    fallocate,copy_file_range,sendfile,splice,mkdir,mkdirat,mknod,mknodat,link,linkat,symlink,\
    symlinkat,rename,renameat,renameat2,unlink,unlinkat,rmdir,fsync,fdatasync,sync_file_range,\
    syncfs,sync,openat2";

/// Runs a program with its system calls written to a file, some of them made to fail.
pub(super) fn traced(program: &mut Command, to: &Path, failing: Option<&str>) -> Output {
    let mut strace = Command::new("strace");
    strace.args(["-y", "-x", "-s", "100000000", "-e", &format!("trace={CALLS}"), "-o"]).arg(to);
    strace.args(failing.map(|failing| format!("--inject={failing}")));
    strace.arg(program.get_program()).args(program.get_args());
    strace.output().unwrap_or_else(|error| {
        panic!("strace shows the system calls (install the package strace): {error}")
    })
}

/// The operations of a trace below a folder.
pub(super) fn operations(trace: &str, folder: &Path) -> Vec<Operation> {
    trace.lines().filter_map(|line| operation(line, folder)).collect()
}

fn operation(line: &str, folder: &Path) -> Option<Operation> {
    let (name, rest) = line.split_once('(')?;
    let (arguments, result) = rest.rsplit_once(" = ")?;
    if result.starts_with('-') {
        return None;
    }
    let arguments = split(arguments.trim_end().strip_suffix(')')?);
    let at = |n: usize| arguments.get(n).unwrap_or_else(|| panic!("{line}"));
    // A name in an open folder, or an open file itself.
    let named = |n: usize| Path::new(&path_of(at(n))).join(text(at(n + 1)));
    let opened = |n: usize| PathBuf::from(path_of(at(n)));
    let below = |path: PathBuf| path.strip_prefix(folder).ok().map(Path::to_owned);
    Some(match name {
        "openat" if at(2).contains("O_CREAT") && !at(2).contains("O_TRUNC") => {
            Operation::Create(below(named(0))?)
        }
        "openat" | "openat2" if !line.contains("O_TRUNC") => return None,
        "write" => {
            let path = below(opened(0))?;
            let written = result.trim().parse::<usize>();
            let mut bytes = bytes(at(1));
            bytes.truncate(written.unwrap_or_else(|error| panic!("{line}: {error}")));
            Operation::Write(path, bytes)
        }
        "mkdirat" => Operation::MakeFolder(below(named(0))?),
        "symlinkat" => Operation::Link(below(named(1))?, text(at(0))),
        "renameat" => Operation::Rename(below(named(0))?, below(named(2))?),
        "unlinkat" => Operation::Remove(below(named(0))?),
        "fsync" => Operation::Sync(below(opened(0))?),
        _ if line.contains(&folder.display().to_string()) => panic!("unknown: {line}"),
        _ => return None,
    })
}

/// The arguments of a call.
fn split(arguments: &str) -> Vec<&str> {
    let (mut found, mut start, mut is_quoted, mut is_escaped) = (Vec::new(), 0, false, false);
    for (at, c) in arguments.char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => {
                found.push(arguments[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(arguments[start..].trim());
    found
}

/// The path of an open file: `3</tmp/file>`.
fn path_of(argument: &str) -> String {
    let path = argument.split_once('<').and_then(|(_, path)| path.strip_suffix('>'));
    path.unwrap_or_else(|| panic!("{argument} is no open file")).to_owned()
}

fn text(argument: &str) -> String {
    String::from_utf8(bytes(argument)).unwrap_or_else(|error| panic!("{argument}: {error}"))
}

/// The bytes of a string in quotes.
fn bytes(argument: &str) -> Vec<u8> {
    let quoted = argument.strip_prefix('"').and_then(|text| text.strip_suffix('"'));
    let mut rest = quoted.unwrap_or_else(|| panic!("{argument} is not shown whole")).bytes();
    let mut bytes = Vec::new();
    while let Some(byte) = rest.next() {
        let escaped = match byte {
            b'\\' => rest.next(),
            plain => {
                bytes.push(plain);
                continue;
            }
        };
        bytes.push(match escaped {
            Some(b'x') => {
                let digits: String = rest.by_ref().take(2).map(char::from).collect();
                u8::from_str_radix(&digits, 16).unwrap_or_else(|error| panic!("{digits}: {error}"))
            }
            Some(b'n') => b'\n',
            Some(b't') => b'\t',
            Some(b'r') => b'\r',
            Some(quoted @ (b'"' | b'\\')) => quoted,
            other => panic!("{argument}: an escape {other:?}"),
        });
    }
    bytes
}
