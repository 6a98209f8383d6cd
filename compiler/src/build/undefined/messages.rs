// SPDX-License-Identifier: GPL-2.0
//! The errors about symbols that C files need: what the kernel has under the name, and what to do.

use super::super::exports;
use super::Need;
use crate::resolve::{Candidate, Offer, UseKind};
use kps_diag::{list, Diagnostic, AMBIGUOUS_NAME, FREED_AFTER_BOOT, MISSING_USE, NO_C_SYMBOL};
use kps_grammar::ast::Form;
use kps_plan::ObjectName;
use std::collections::BTreeSet;

const COPY: &str = "copy the function from the kernel's source into the file";

/// `use fn NAME;`
pub(super) fn line(kind: UseKind, symbol: &str) -> String {
    format!("use {} {symbol};", kind.word())
}

/// The error about a symbol.
pub(super) fn error(name: &str, need: &Need, form: Form) -> Diagnostic {
    match need {
        Need::In(object, Offer::One(kind)) => one(name, object, *kind, form),
        Need::In(object, Offer::Several(all)) => several(name, object, all, form),
        Need::In(object, Offer::Freed(kind)) => freed(name, object, *kind),
        Need::In(object, Offer::Derived(names)) => derived(name, object, names),
        Need::In(object, Offer::Inlined(place, into)) => inlined(name, object, place, into),
        Need::In(object, Offer::Absent) => nowhere(name, &BTreeSet::from([object.clone()]), true),
        Need::InSeveral(objects) => in_several(name, objects),
        Need::Exported(module, offer) => {
            exports::missing_use(name, module, &exported(name, module, offer, form))
        }
        Need::Nowhere { objects, is_known } => nowhere(name, objects, *is_known),
    }
}

fn one(name: &str, object: &ObjectName, kind: UseKind, form: Form) -> Diagnostic {
    let message = match object {
        ObjectName::Vmlinux => format!("`{name}` is not exported to modules"),
        ObjectName::Module(module) => format!("`{name}` is a {} of {module}", kind.noun()),
    };
    let help = match form {
        Form::Spec => format!(
            "add {}, as `kpsc build --write-uses` does",
            declaration(kind, name, object.as_str(), form)
        ),
        Form::Crate => format!("add {}", declaration(kind, name, object.as_str(), form)),
    };
    Diagnostic::new(MISSING_USE, message).note("a klp relocation will reach it").help(help)
}

/// What declares a symbol, and where.
fn declaration(kind: UseKind, name: &str, object: &str, form: Form) -> String {
    match form {
        Form::Spec => format!("`{}` to `object {object}`", line(kind, name)),
        Form::Crate => {
            format!("`#[symbols({object})] extern \"C\" {{ {} }}`", item(kind, name, None))
        }
    }
}

/// The declaration of a symbol in a crate.
fn item(kind: UseKind, name: &str, position: Option<usize>) -> String {
    let position = position.map(|n| format!("#[position({n})] ")).unwrap_or_default();
    match kind {
        UseKind::Function => format!("{position}fn {name}() -> _;"),
        UseKind::Variable => format!("{position}static {name}: _;"),
        UseKind::PerCpu => format!("#[percpu] {position}static {name}: _;"),
    }
}

fn several(name: &str, object: &ObjectName, all: &[Candidate], form: Form) -> Diagnostic {
    /// The number of candidates that the message shows.
    const SHOWN: usize = 8;
    let message = format!("`{name}` names {} symbols in {}", all.len(), object.as_str());
    let mut error = Diagnostic::new(AMBIGUOUS_NAME, message);
    let mut choice = Vec::new();
    for (n, Candidate { kind, whereabouts }) in all.iter().enumerate().take(SHOWN) {
        error = error.note(format!("@{} is {whereabouts}", n + 1));
        choice.push(match form {
            Form::Spec => line(*kind, &format!("{name}@{}", n + 1)),
            Form::Crate => item(*kind, name, Some(n + 1)),
        });
    }
    error.help(format!(
        "add the one that the code means to the object {}: {}",
        object.as_str(),
        list(&choice, "or")
    ))
}

fn freed(name: &str, object: &ObjectName, kind: UseKind) -> Diagnostic {
    let (ready, help) = (
        match object {
            ObjectName::Vmlinux => "boot".to_owned(),
            ObjectName::Module(module) => format!("{module} is loaded"),
        },
        match kind {
            UseKind::Function => format!("{COPY}, without `__init`"),
            UseKind::Variable | UseKind::PerCpu => "use the data that it set up".to_owned(),
        },
    );
    Diagnostic::new(FREED_AFTER_BOOT, format!("`{name}` is freed after {ready}"))
        .note("it is `__init`: its memory is freed and reused")
        .help(help)
}

fn derived(name: &str, object: &ObjectName, names: &[String]) -> Diagnostic {
    const SHOWN: usize = 3;
    let shown = &names[..names.len().min(SHOWN)];
    let message = format!("{} has `{name}` only as {}", object.as_str(), list(shown, "and"));
    Diagnostic::new(NO_C_SYMBOL, message)
        .note("the compiler derived that from the function for some callers, with other arguments")
        .help(COPY)
}

fn inlined(name: &str, object: &ObjectName, place: &str, into: &[String]) -> Diagnostic {
    const SHOWN: usize = 3;
    let object = object.as_str();
    if into.is_empty() {
        return Diagnostic::new(NO_C_SYMBOL, format!("{object} has no code of `{name}`"))
            .note(format!(
                "{place} defines it, and this configuration has it empty or does not use it"
            ))
            .help(format!("{COPY}, or leave the call out"));
    }
    let into = match into.get(..SHOWN) {
        Some(first) if into.len() > SHOWN => {
            let first: Vec<String> = first.iter().map(|name| format!("`{name}`")).collect();
            format!("{} and {} more", first.join(", "), into.len() - SHOWN)
        }
        _ => list(into, "and"),
    };
    Diagnostic::new(NO_C_SYMBOL, format!("`{name}` is inlined wherever {object} calls it"))
        .note(format!("{place} defines it, and its code is in {into}"))
        .help(COPY)
}

fn in_several(name: &str, objects: &BTreeSet<ObjectName>) -> Diagnostic {
    let names: Vec<&str> = objects.iter().map(ObjectName::as_str).collect();
    let message = format!("`{name}` is another symbol in each of {}", list(&names, "and"));
    Diagnostic::new(AMBIGUOUS_NAME, message)
        .note("a patch declares a name for one of its objects")
        .help("copy the function for the others, under another name")
}

/// The declaration of a symbol that a module exports; both forms if its kind is not known.
fn exported(name: &str, module: &str, offer: &Option<Offer>, form: Form) -> String {
    match offer {
        Some(Offer::One(kind)) => declaration(*kind, name, module, form),
        _ => {
            let of = |kind| declaration(kind, name, module, form);
            format!("{} or {}", of(UseKind::Function), of(UseKind::Variable))
        }
    }
}

fn nowhere(name: &str, objects: &BTreeSet<ObjectName>, is_known: bool) -> Diagnostic {
    let mut looked: Vec<&str> = objects.iter().map(ObjectName::as_str).collect();
    if !looked.contains(&ObjectName::IMAGE) {
        looked.push(ObjectName::IMAGE);
    }
    let message = format!("there is no symbol `{name}` in {}", looked.join(" or "));
    let error = Diagnostic::new(NO_C_SYMBOL, message);
    if is_known {
        return error
            .note("debug information has no such function either: this kernel is built without it")
            .help("use what this kernel has in its place");
    }
    error
        .note("a function that the compiler has inlined everywhere has none, nor has code that this kernel is built without")
        .help(format!("{COPY}, or use what this kernel has in its place"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(need: &Need, form: Form) -> (&'static str, String, String) {
        let error = error("x", need, form);
        (error.code.id(), error.message, error.help.unwrap_or_default())
    }

    #[test]
    fn each_class_has_its_error_and_says_what_to_do() {
        let (vmlinux, module) = (ObjectName::Vmlinux, ObjectName::new("loop"));
        let in_vmlinux = |offer| Need::In(vmlinux.clone(), offer);
        let candidate = |kind| Candidate { kind, whereabouts: "in a.c:1".to_owned() };
        let several = vec![candidate(UseKind::Function), candidate(UseKind::Variable)];
        let derived = vec!["x.isra.0".to_owned(), "x.part.0".to_owned()];
        let inlined = |into: &[&str]| {
            Offer::Inlined("a.c:1".to_owned(), into.iter().map(|it| (*it).to_owned()).collect())
        };
        let nowhere =
            |is_known| Need::Nowhere { objects: BTreeSet::from([vmlinux.clone()]), is_known };
        let cases = [
            (
                in_vmlinux(Offer::One(UseKind::Function)),
                "KPS0205",
                "`use fn x;` to `object vmlinux`",
            ),
            (in_vmlinux(Offer::One(UseKind::PerCpu)), "KPS0205", "`use percpu x;`"),
            (
                Need::In(module, Offer::One(UseKind::Variable)),
                "KPS0205",
                "`use static x;` to `object loop`",
            ),
            (in_vmlinux(Offer::Several(several)), "KPS0203", "`use fn x@1;` or `use static x@2;`"),
            (in_vmlinux(Offer::Freed(UseKind::Function)), "KPS0402", "without `__init`"),
            (in_vmlinux(Offer::Freed(UseKind::Variable)), "KPS0402", "use the data"),
            (in_vmlinux(Offer::Derived(derived)), "KPS0531", "copy the function"),
            (Need::Exported("loop".to_owned(), None), "KPS0205", "`use fn x;` to `object loop` or"),
            (in_vmlinux(inlined(&["a"])), "KPS0531", "copy the function"),
            (in_vmlinux(inlined(&[])), "KPS0531", "leave the call out"),
            (nowhere(false), "KPS0531", "copy the function"),
            (nowhere(true), "KPS0531", "use what this kernel has"),
            (Need::InSeveral(BTreeSet::from([vmlinux.clone()])), "KPS0203", "another name"),
        ];
        for (need, code, advice) in cases {
            let (id, message, help) = said(&need, Form::Spec);
            assert!(id == code && help.contains(advice), "{id} {message} {help}");
        }
        let error = error("x", &in_vmlinux(inlined(&["a", "b", "c", "d", "e"])), Form::Spec);
        let note = "a.c:1 defines it, and its code is in `a`, `b`, `c` and 2 more";
        assert_eq!(error.notes, [note]);
        let (_, message, help) = said(&in_vmlinux(Offer::One(UseKind::PerCpu)), Form::Crate);
        assert_eq!(message, "`x` is not exported to modules");
        assert_eq!(help, "add `#[symbols(vmlinux)] extern \"C\" { #[percpu] static x: _; }`");
    }
}
