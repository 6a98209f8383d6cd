// SPDX-License-Identifier: GPL-2.0
//! The kernel's own source, as clang reads it and as its compiler compiles it: what `kpsc import`
//! stands on.

use kps_diag::{Diagnostic, NOT_COMPILED, UNREAD_SOURCE};
use kps_import::objects::{Differences, Object};
use kps_import::unit::{At, Declaration, Declared, ItemKind, Kind, Of, Unit};
use kps_targets::{Progress, Target};
use kps_tests::kernel::cache;
use kps_tests::schedule::Case;
use kps_tests::target::target;
use kpsc::import::{Front, ReadFile};

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    vec![Case::new("files of the kernel are read as its build reads them", || {
        files_are_read().unwrap_or_else(|error| panic!("{}: {:?}", error.message, error.notes));
    })
    .machine()
    .about(120)]
}

/// A file of a module, with what macros make.
const MODULE: &str = "drivers/block/loop.c";
/// A file of the kernel, with system calls.
const BUILT_IN: &str = "fs/open.c";
/// A file that is compiled as a part of another one.
const INCLUDED: &str = "kernel/sched/rt.c";

/// KPS1312 and KPS1317 too.
fn files_are_read() -> Result<(), Diagnostic> {
    let (mut target, cache) = (target(), cache());
    let front = Front::new(&mut target, &cache, Progress::Quiet)?;
    a_module(&front)?;
    the_kernel(&front, &target)?;
    for path in [INCLUDED, "kernel/no_such_file.c", "../../etc/passwd.c", "include/linux/fs.h"] {
        let refused = front.command(path).map_err(|error| error.code);
        assert_eq!(refused.map(|command| command.objects), Err(NOT_COMPILED), "{path}");
    }
    let text = text(&front, MODULE);
    let broken = front.read(MODULE, &text, &format!("{text}\nint broken( {{\n"));
    assert_eq!(broken.map(|_| ()).map_err(|error| error.code), Err(UNREAD_SOURCE));
    Ok(())
}

fn text(front: &Front, path: &str) -> String {
    let path = front.source().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Lines that move change no code, and a macro's declaration is where the macro is.
fn a_module(front: &Front) -> Result<(), Diagnostic> {
    const MUTEX: &str = "static DEFINE_MUTEX(loop_ctl_mutex);";
    let old = text(front, MODULE);
    let new = old.replacen(MUTEX, &format!("/*\n * All lines\n * move.\n */\n{MUTEX}"), 1);
    let read = front.read(MODULE, &old, &new)?;
    assert_eq!(read.command.objects, ["loop"]);
    assert_eq!(differences(&read), Differences::default());
    let unit = &read.new.unit;
    assert_eq!(unit.errors, [] as [&str; 0]);
    let (item, mutex) = declared(unit, "loop_ctl_mutex");
    assert_eq!(new[unit.items[item].range.clone()], *MUTEX);
    assert!(mutex.is_static && matches!(mutex.kind, Kind::Variable { is_definition: true, .. }));
    assert_eq!(mutex.declaration.as_deref(), Some("extern struct mutex loop_ctl_mutex;"));
    let (_, function) = declared(unit, "loop_init");
    assert_eq!(function.section.as_deref(), Some(".init.text"));
    let used = function.uses.iter().find(|used| used.name == "loop_add");
    assert!(used.is_some_and(|used| used.of == Of::Function && matches!(used.at, At::Item(_))));
    Ok(())
}

/// A changed function has other code, and the kernel runs the code of the old text.
fn the_kernel(front: &Front, target: &Target) -> Result<(), Diagnostic> {
    let old = text(front, BUILT_IN);
    let new = old.replacen("return -EISDIR;", "return -ENOTDIR;", 1);
    assert_ne!(old, new);
    let read = front.read(BUILT_IN, &old, &new)?;
    assert_eq!(read.command.objects, ["vmlinux"]);
    let differs = differences(&read);
    assert!(differs.functions.changed.contains("vfs_truncate"), "{differs:?}");
    assert!(differs.functions.changed.len() < 4 && differs.functions.added.is_empty());
    let (_, call) = declared(&read.old.unit, "__do_sys_truncate");
    let Kind::Function { body: Some(body), .. } = &call.kind else { panic!("{call:?}") };
    assert_eq!(old[body.clone()], *"{\n\treturn ksys_truncate(path, length);\n}");
    assert_eq!((call.is_static, call.is_declared_before), (true, Declared::InFile));
    let object = object(&read.old.object);
    let (facts, code) = (target.facts()?, target.code()?);
    let mut compared = Vec::new();
    for function in object.functions() {
        for symbol in facts.vmlinux.symbols.named(function) {
            compared.extend(object.is_at(function, code.at(symbol.address)));
        }
    }
    let same = compared.iter().filter(|is_same| **is_same).count();
    assert!(same > 50 && same * 10 >= compared.len() * 9, "{same} of {}", compared.len());
    Ok(())
}

fn object(bytes: &[u8]) -> Object {
    Object::read(bytes).unwrap_or_else(|| panic!("the object cannot be read"))
}

fn differences(read: &ReadFile) -> Differences {
    Differences::between(&object(&read.old.object), &object(&read.new.object))
}

/// The declaration of a name that has a body or is a variable, and its item.
fn declared<'u>(unit: &'u Unit, name: &str) -> (usize, &'u Declaration) {
    let all = unit.items.iter().enumerate().filter_map(|(number, item)| match &item.kind {
        ItemKind::Declarations(declarations) => Some((number, declarations)),
        _ => None,
    });
    let mut all = all.flat_map(|(number, all)| all.iter().map(move |one| (number, one)));
    let is_meant = |one: &Declaration| match &one.kind {
        Kind::Function { body, .. } => body.is_some(),
        _ => true,
    };
    all.find(|(_, one)| one.name == name && is_meant(one))
        .unwrap_or_else(|| panic!("there is no {name}"))
}
