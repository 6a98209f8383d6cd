// SPDX-License-Identifier: GPL-2.0
//! Livepatches that are to be loaded, and the notes of loaded ones: whatever is in the file, a
//! kernel that supports livepatches is asked about it, and every answer can be printed.

use super::{scratch, style};
use kps_diag::{is_hidden, Diagnostic};
use kps_operate::{livepatches, look_into, preflight, verdict, Incoming, Parameter, System};
use kps_plan::{Note, Replace};
use kps_report::{line, render, Format};

/// What the running kernel shows. Its livepatches change the functions that the seeds change, and
/// tracers are on these functions.
const FILES: &[(&str, &[u8])] = &[
    ("proc/sys/kernel/osrelease", b"7.3.4-fixture\n"),
    ("proc/sys/kernel/ftrace_enabled", b"1\n"),
    ("proc/sys/kernel/modules_disabled", b"0\n"),
    ("proc/sys/kernel/tainted", b"32896\n"),
    ("proc/self/status", b"CapEff:\t000001ffffffffff\n"),
    ("sys/kernel/security/lockdown", b"none [integrity] confidentiality\n"),
    ("sys/kernel/notes", b"\x04\0\0\0\x02\0\0\0\x03\0\0\0GNU\0\x01\x02\0\0"),
    ("sys/kernel/livepatch/one/enabled", b"1\n"),
    ("sys/kernel/livepatch/one/transition", b"0\n"),
    ("sys/kernel/livepatch/one/vmlinux/cmdline_proc_show,1/x", b""),
    ("sys/kernel/livepatch/one/dummy/dummy_show,1/x", b""),
    ("sys/kernel/livepatch/two/enabled", b"1\n"),
    ("sys/kernel/livepatch/two/transition", b"1\n"),
    ("sys/module/one/taint", b"OEK\n"),
    ("sys/module/two/taint", b"K\n"),
    ("sys/module/replaced/taint", b"K\n"),
    ("sys/module/dummy/taint", b"\n"),
    (
        "sys/module/dummy/notes/.note.gnu.build-id",
        b"\x04\0\0\0\x02\0\0\0\x03\0\0\0GNU\0\x03\x04\0\0",
    ),
    (
        "sys/kernel/tracing/enabled_functions",
        b"cmdline_proc_show (1) R I \ttramp: ERROR!\ndummy_show [dummy] (1) D \n\tdirect-->bpf_trampoline_1+0x0/0x9\n",
    ),
    (
        "sys/kernel/debug/kprobes/list",
        b"ffffffff812d9a34  k  cmdline_proc_show+0x4    [FTRACE]\n0000000000000000  k  dummy_show+0x12  dummy [OPTIMIZED]\n",
    ),
];

/// Where the kernel shows the note of the livepatch `one`.
const NOTE: &str = "sys/module/one/notes/.note.kps";

/// That note, when the input is a module.
const LOADED: &[u8] = include_bytes!("../../../fuzz/seeds/livepatch/note");

thread_local! {
    /// A running kernel, of each thread: the suite runs several cases side by side.
    static HOST: tempfile::TempDir = host();
}

fn host() -> tempfile::TempDir {
    let root = scratch();
    for (path, bytes) in FILES.iter().chain(&[(NOTE, LOADED)]) {
        let path = root.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap_or(root.path()))
            .and_then(|()| std::fs::write(path, bytes))
            .unwrap_or_else(|error| panic!("{error}"));
    }
    root
}

/// Reads a module as a livepatch that is to be loaded, and what is no module as the notes of a
/// loaded one.
pub fn livepatch(data: &[u8]) {
    HOST.with(|host| {
        let incoming = look_into(data).ok();
        let loaded = if incoming.is_some() { LOADED } else { data };
        std::fs::write(host.path().join(NOTE), loaded).unwrap_or_else(|error| panic!("{error}"));
        let system = System::at(host.path());
        if let Some(incoming) = &incoming {
            check_incoming(incoming);
            return ask(&system, incoming);
        }
        let patches = livepatches(&system).unwrap_or_default();
        for note in patches.into_iter().filter_map(|patch| patch.note) {
            check_note(&note);
            // Each replacement meets the loaded livepatch in another way.
            for replace in [Replace::Never, Replace::Always, Replace::If("on".to_owned())] {
                let (name, note) = ("other".to_owned(), note.clone());
                let note = Some(Note { replace: replace.clone(), ..note });
                let replace = Some(replace);
                ask(&system, &Incoming { name, note, replace, ..Incoming::default() });
            }
        }
    });
}

fn check_incoming(incoming: &Incoming) {
    assert!(incoming.name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
    for object in &incoming.objects {
        assert!(!object.name.as_str().is_empty() && !object.functions.is_empty());
        assert!(object.functions.iter().all(|function| !function.name.is_empty()));
    }
    assert!(incoming.parameters.is_sorted_by(|a, b| a.name < b.name));
    for Parameter { name, kind, description } in &incoming.parameters {
        assert!(!name.contains([' ', '=']) && !name.is_empty());
        assert!(kind.is_some() || description.is_some());
    }
    let key = incoming.signature.iter().find_map(|signature| signature.key.as_ref());
    assert!(key.is_none_or(|key| key.chars().all(|c| c.is_ascii_hexdigit())));
    match &incoming.note {
        Some(note) => assert_eq!(incoming.replace.as_ref(), Some(&note.replace)),
        None => assert!(!matches!(incoming.replace, Some(Replace::If(_)))),
    }
    incoming.note.iter().for_each(check_note);
}

/// A note that is written and read again is the same. A text that ends with a carriage return
/// loses it, because the end of a line may have one.
fn check_note(note: &Note) {
    let text = note.to_string();
    if text.contains('\r') {
        return;
    }
    let again = Note::parse(&text);
    let written = again.as_ref().map(ToString::to_string);
    assert_eq!(written.as_ref(), Some(&text), "a note changes when it is read");
}

/// Asks a kernel about a livepatch, and prints the answer.
fn ask(system: &System, incoming: &Incoming) {
    let found = preflight(system, incoming);
    let answer = verdict(&incoming.name, &found);
    let answer = line(&answer);
    assert!(!answer.contains(|c| is_hidden(c) || c == '\n'), "{answer:?}");
    for diagnostic in &found {
        show(diagnostic);
    }
}

fn show(diagnostic: &Diagnostic) {
    for format in [Format::Human, Format::Short, Format::Json] {
        let text = render(diagnostic, None, style(format));
        let plain = anstream::adapter::strip_str(&text).to_string();
        assert!(!plain.contains(is_hidden), "{plain:?}");
    }
}
