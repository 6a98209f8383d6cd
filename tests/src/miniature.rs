// SPDX-License-Identifier: GPL-2.0
//! A miniature `vmlinux`: real compiled functions with real ftrace sites, and symbol tables in the
//! kernel's own format.
//!
//! The ELF file's own symbol table says what must be read from them. As in a kernel's build, the
//! file is linked twice: the first time to learn the addresses, the second time with tables that
//! hold them.

use crate::btf::BtfWriter;
use object::{Object as _, ObjectSymbol as _};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// How kallsyms writes addresses, and in which order its tables stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Addresses {
    /// Relative to the entry itself, as Linux 7.x does.
    RelativeToEntry,
    /// Above a base, as since 6.15.
    RelativeToBase,
    /// Below a base, as before 6.15; what is not negative is absolute.
    BelowBase,
    /// The same before all other tables, as before 6.4, and the order of names before the tokens.
    FirstWithSequences,
    /// The same without the order of names, as in the first releases of 6.1.
    First,
}

impl Addresses {
    /// All of them.
    pub const ALL: [Addresses; 5] = [
        Addresses::RelativeToEntry,
        Addresses::RelativeToBase,
        Addresses::BelowBase,
        Addresses::FirstWithSequences,
        Addresses::First,
    ];

    fn are_first(self) -> bool {
        matches!(self, Addresses::FirstWithSequences | Addresses::First)
    }

    /// The table, and the base if it has one.
    fn table(self, symbols: &[(char, String, &str)], known: &HashMap<String, u64>) -> String {
        let text_start = known.get("_text").copied().unwrap_or(0);
        let mut table = String::new();
        for (_, _, symbol) in symbols {
            let above = known.get(*symbol).copied().unwrap_or(0).wrapping_sub(text_start) as i32;
            let entry = match self {
                Addresses::RelativeToEntry => format!("{symbol} - ."),
                Addresses::RelativeToBase => above.to_string(),
                _ => (-1 - above).to_string(),
            };
            let _ = writeln!(table, ".long {entry}");
        }
        if self != Addresses::RelativeToEntry {
            table.push_str(".balign 8\n.quad _text\n");
        }
        table
    }
}

/// The symbols that the tables list, by address.
const SYMBOLS: &[(char, &str)] = &[
    ('T', "_text"),
    ('T', "__fentry__"),
    ('T', "with_endbr"),
    ('T', "without_endbr"),
    ('T', "untraced"),
    ('t', "twice"),
    ('R', "linux_banner"),
    ('R', "__start_notes"),
    ('R', "__stop_notes"),
    ('D', "some_variable"),
    ('D', "__syscall_meta__look"),
    ('T', "__init_begin"),
    ('T', "start_kernel"),
    ('D', "__start_mcount_loc"),
    ('D', "__stop_mcount_loc"),
    ('D', "__init_end"),
];

/// Substrings that get a token of their own, so that names are compressed as the kernel's are.
const TOKENS: &[(u8, &str)] =
    &[(0x01, "__"), (0x02, "endbr"), (0x03, "th"), (0x80, "_loc"), (0xff, "start")];

/// Links a miniature in a folder.
pub fn link(folder: &Path, addresses: Addresses) -> PathBuf {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        std::fs::write(&path, bytes).unwrap_or_else(|error| panic!("{error}"));
        path
    };
    let btf = write("btf", &btf());
    let (code, data, vmlinux) =
        (folder.join("kernel.o"), folder.join("tables.o"), folder.join("vmlinux"));
    let flags = [
        "-O1",
        "-fno-pic",
        "-mcmodel=kernel",
        "-pg",
        "-mfentry",
        "-mrecord-mcount",
        "-fcf-protection=branch",
        "-mmanual-endbr",
        "-fno-asynchronous-unwind-tables",
        "-ffreestanding",
        "-fno-stack-protector",
    ];
    compile(compiler().args(flags).arg("-c").arg(fixtures.join("kernel.c")).arg("-o").arg(&code));
    let mut known = HashMap::new();
    for _ in 0..2 {
        let tables = write("tables.S", tables(addresses, &btf, &known).as_bytes());
        compile(compiler().arg("-c").arg(&tables).arg("-o").arg(&data));
        compile(
            compiler()
                .args([
                    "-nostdlib",
                    "-static",
                    "-no-pie",
                    "-Wl,--build-id=sha1",
                    "-Wl,--no-warn-rwx-segments",
                    "-Wl,-T",
                ])
                .arg(fixtures.join("vmlinux.lds"))
                .args([&code, &data])
                .arg("-o")
                .arg(&vmlinux),
        );
        known = symbols(&vmlinux);
    }
    vmlinux
}

/// A `bzImage` around a compressed kernel.
pub fn bz_image(payload: &[u8]) -> Vec<u8> {
    let mut image = vec![0; 1024];
    image[0x1f1] = 1;
    image[0x202..0x206].copy_from_slice(b"HdrS");
    image[0x206..0x208].copy_from_slice(&[0x0f, 0x02]);
    image[0x248..0x24c].copy_from_slice(&0u32.to_le_bytes());
    image[0x24c..0x250].copy_from_slice(&(payload.len() as u32).to_le_bytes());
    image.extend(payload);
    image
}

/// The symbols of an ELF file.
pub fn symbols(file: &Path) -> HashMap<String, u64> {
    let bytes = std::fs::read(file).unwrap_or_else(|error| panic!("{error}"));
    let elf = object::File::parse(bytes.as_slice()).unwrap_or_else(|error| panic!("{error}"));
    elf.symbols()
        .filter_map(|symbol| Some((symbol.name().ok()?.to_owned(), symbol.address())))
        .collect()
}

/// The host's C compiler.
pub fn compiler() -> Command {
    let host = "x86_64-unknown-linux-gnu";
    let tool =
        cc::Build::new().target(host).host(host).opt_level(0).cargo_metadata(false).get_compiler();
    Command::new(tool.path())
}

/// Runs the compiler.
pub fn compile(command: &mut Command) {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("install a C compiler (package gcc): {error}"));
    assert!(output.status.success(), "{command:?}:\n{}", String::from_utf8_lossy(&output.stderr));
}

fn btf() -> Vec<u8> {
    let mut w = BtfWriter::default();
    let int = w.int("int", 4, true);
    for name in ["with_endbr", "without_endbr", "untraced", "twice"] {
        w.function(name, int, &[("value", int)]);
    }
    let char = w.int("char", 1, true);
    let text = w.pointer(char);
    let texts = w.pointer(text);
    let members = [
        ("name", text, 0, None),
        ("syscall_nr", int, 64, None),
        ("nb_args", int, 96, None),
        ("types", texts, 128, None),
        ("args", texts, 192, None),
    ];
    w.structure("syscall_metadata", 32, &members);
    w.finish_with_layout()
}

/// What a token stands for. Bytes without a substring of their own stand for themselves.
fn token(byte: u8) -> String {
    match TOKENS.iter().find(|(token, _)| *token == byte) {
        Some((_, text)) => (*text).to_owned(),
        None if byte.is_ascii_graphic() => char::from(byte).to_string(),
        None => String::new(),
    }
}

/// A name in tokens.
fn compress(name: &str) -> Vec<u8> {
    let mut rest = name;
    let mut tokens = Vec::new();
    while let Some(first) = rest.bytes().next() {
        match TOKENS.iter().find(|(_, text)| rest.starts_with(text)) {
            Some((token, text)) => {
                tokens.push(*token);
                rest = &rest[text.len()..];
            }
            None => {
                tokens.push(first);
                rest = &rest[1..];
            }
        }
    }
    tokens
}

/// The tables of `scripts/kallsyms.c`, and the BTF, as assembly.
fn tables(addresses: Addresses, btf: &Path, known: &HashMap<String, u64>) -> String {
    // Linux 7.x aligns the tables to 4 bytes, older kernels to 8.
    let align = if addresses == Addresses::RelativeToEntry { 4 } else { 8 };
    // More than one block of 256 symbols, so that the markers matter: the rest repeats the last
    // symbol under new names.
    let mut symbols: Vec<(char, String, &str)> =
        SYMBOLS.iter().map(|&(kind, name)| (kind, name.to_owned(), name)).collect();
    for n in 0..400 {
        // Some names are longer than 127 bytes, whose length takes two.
        let long = if n % 50 == 0 { "x".repeat(150) } else { String::new() };
        symbols.push(('d', format!("__start_of_symbol_{n}{long}"), "__init_end"));
    }
    let mut text =
        format!(".section .BTF, \"a\"\n.incbin \"{}\"\n.section .kallsyms, \"a\"\n", btf.display());
    let mut line = |line: String| {
        let _ = writeln!(text, "{line}");
    };
    line(format!(".balign {align}"));
    if addresses.are_first() {
        line(addresses.table(&symbols, known));
    }
    line(format!(".long {}\n.balign {align}", symbols.len()));
    let (mut markers, mut at) = (Vec::new(), 0);
    for (n, (kind, name, _)) in symbols.iter().enumerate() {
        if n % 256 == 0 {
            markers.push(at);
        }
        let tokens = compress(&format!("{kind}{name}"));
        let len = match tokens.len() {
            len @ ..0x80 => vec![len as u8],
            len => vec![len as u8 & 0x7f | 0x80, (len >> 7) as u8],
        };
        at += len.len() + tokens.len();
        let bytes: Vec<_> = len.iter().chain(&tokens).map(u8::to_string).collect();
        line(format!(".byte {}", bytes.join(", ")));
    }
    line(format!(".balign {align}"));
    markers.iter().for_each(|marker| line(format!(".long {marker}")));
    line(format!(".balign {align}"));
    if addresses == Addresses::FirstWithSequences {
        // Three bytes each, the most significant one first.
        (0..symbols.len()).for_each(|n| line(format!(".byte 0, {}, {}", n >> 8, n & 0xff)));
        line(format!(".balign {align}"));
    }
    let (mut index, mut start) = (Vec::new(), 0);
    for byte in 0..=255u8 {
        index.push(start);
        start += token(byte).len() + 1;
        let text = token(byte).replace('\\', "\\\\").replace('"', "\\\"");
        line(format!(".asciz \"{text}\""));
    }
    line(format!(".balign {align}"));
    index.iter().for_each(|start| line(format!(".short {start}")));
    line(format!(".balign {align}"));
    if !addresses.are_first() {
        line(addresses.table(&symbols, known));
    }
    text
}
