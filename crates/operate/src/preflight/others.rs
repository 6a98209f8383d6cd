// SPDX-License-Identifier: GPL-2.0
//! The loaded livepatches: whether they allow another one, and what it does to them.

use super::super::{Changed, Function, Incoming, Livepatch, State, System};
use kps_diag::{
    list, Diagnostic, Severity, CONFLICTING_LIVEPATCH, INCOMPATIBLE_STATES, IN_TRANSITION,
    REPLACES_OTHERS, RESOURCE_TAKEN, SKIPPED_CALLBACKS, UNKNOWN_REPLACEMENT, UNKNOWN_STATES,
};
use kps_plan::{Datum, Fate, Note, Replace};

pub(super) fn check(system: &System, incoming: &Incoming, loaded: &[Livepatch]) -> Vec<Diagnostic> {
    let program = system.program;
    let mut found: Vec<_> =
        loaded.iter().filter_map(|other| in_transition(program, other)).collect();
    found.extend(unknown_replacement(incoming, loaded));
    for other in loaded {
        found.extend(conflict(incoming, other));
        found.extend(states(program, incoming, other));
        found.extend(replacement(program, incoming, other));
        found.extend(skipped(program, incoming, other));
        found.extend(resource(program, incoming, other));
    }
    found
}

/// The kernel runs one transition at a time (`__klp_enable_patch()` in `kernel/livepatch/core.c`).
fn in_transition(program: &str, other: &Livepatch) -> Option<Diagnostic> {
    other.state.behind()?;
    let name = &other.name;
    let back = match other.state {
        State::Patching => format!("; `{program} unload {name}` reverses it"),
        _ => String::new(),
    };
    Some(
        Diagnostic::new(IN_TRANSITION, format!("another livepatch is in transition: `{name}`"))
            .note("the kernel runs one transition at a time, and refuses another patch with EBUSY")
            .help(format!("wait until `{program} list` shows no transition{back}")),
    )
}

/// Whether a livepatch changes a function. sysfs names it `NAME,SYMPOS`, where the only function of
/// its name has position 1.
pub(super) fn changes(other: &Livepatch, object: &str, function: &Function) -> bool {
    let known = format!("{},{}", function.name, function.sympos.max(1));
    other.objects.iter().any(|changed| changed.name == object && changed.functions.contains(&known))
}

/// A kpsc module that is stacked on another livepatch of the same function. The old function that
/// it calls is the kernel image's, so it would bypass the other one, even if that is a fix.
fn conflict(incoming: &Incoming, other: &Livepatch) -> Option<Diagnostic> {
    let Note { over, replace, .. } = incoming.note.as_ref()?;
    if over.contains(&other.name) || *replace == Replace::Always {
        return None;
    }
    let (_, shared) =
        incoming.functions().find(|(object, function)| changes(other, object, function))?;
    let error = Diagnostic::new(
        CONFLICTING_LIVEPATCH,
        format!("`{}` and `{}` both change `{}`", incoming.name, other.name, shared.name),
    );
    Some(error.note("the patch loaded last would undo the other one, even if that is a fix").help(format!(
        "put both changes into one patch with `atomic replace`; if this one may undo the other, write `over {};` in its spec",
        other.name
    )))
}

/// Whether the kernel accepts the states as compatible.
fn states(program: &str, incoming: &Incoming, other: &Livepatch) -> Vec<Diagnostic> {
    let unknown = |whose: &str| {
        let message = format!("the states of `{whose}` are unknown");
        let warning = Diagnostic::new(UNKNOWN_STATES, message);
        vec![warning.note("kpsc did not build it; if its states are incompatible with the others, the kernel refuses with EINVAL")]
    };
    match (&incoming.note, &other.note) {
        (Some(mine), Some(theirs)) => theirs
            .data
            .iter()
            .filter_map(|datum| state(program, incoming, mine, other, datum))
            .collect(),
        (Some(mine), None) if mine.data.is_empty() && mine.replace == Replace::Never => Vec::new(),
        (None, Some(theirs)) if theirs.data.is_empty() => Vec::new(),
        (None, Some(_)) => unknown(&incoming.name),
        (_, None) => unknown(&other.name),
    }
}

fn state(
    program: &str,
    incoming: &Incoming,
    mine: &Note,
    other: &Livepatch,
    theirs: &Datum,
) -> Option<Diagnostic> {
    let Datum { kind, name, version, .. } = theirs;
    let error = |message| {
        Diagnostic::new(INCOMPATIBLE_STATES, message)
            .note("the kernel refuses with EINVAL: data would be lost, or misread")
    };
    match theirs.fate(mine.data.iter(), mine.replace != Replace::Never) {
        Fate::Kept(_) | Fate::Untouched => None,
        Fate::Downgraded(mine) => Some(
            error(format!(
                "`{}` has version {version} of the {kind} `{name}`, but `{}` has version {}",
                other.name, incoming.name, mine.version
            ))
            .help(format!("load a patch whose `{}` has version {version} or higher", mine.name)),
        ),
        Fate::Lost => {
            let error = error(format!(
                "`{}` would replace `{}` but lacks its {kind} `{name}`",
                incoming.name, other.name
            ))
            .help(format!(
                "load a patch that has the {kind} too, or run `{program} unload {}` first",
                other.name
            ));
            Some(match &mine.replace {
                Replace::If(param) => Diagnostic {
                    severity: Severity::Warning,
                    ..error.note(format!("this applies if the parameter `{param}` is set"))
                },
                _ => error,
            })
        }
    }
}

/// The effect on a livepatch that is replaced.
fn replacement(program: &str, incoming: &Incoming, other: &Livepatch) -> Option<Diagnostic> {
    let when = when_it_replaces(incoming)?;
    let mut dropped = Vec::new();
    for Changed { name: object, functions, .. } in &other.objects {
        let mine = |known: &&String| {
            !incoming.functions().any(|(name, function)| {
                name == object && format!("{},{}", function.name, function.sympos.max(1)) == **known
            })
        };
        let names = functions.iter().filter(mine).filter_map(|known| known.split(',').next());
        dropped.extend(names.map(str::to_owned));
    }
    let message = format!("{when}`{}` replaces `{}`", incoming.name, other.name);
    let mut said = match dropped.as_slice() {
        [] => Diagnostic::new(REPLACES_OTHERS, message),
        dropped => Diagnostic::with(
            Severity::Warning,
            REPLACES_OTHERS,
            format!("{message} and reverts {} to the kernel's own code", list(dropped, "and")),
        )
        .help(format!(
            "if that undoes a fix, put the changes of `{}` into the new patch too",
            other.name
        )),
    };
    let fixes = |note: Option<&Note>| note.map_or(Vec::new(), |note| note.fixes.clone());
    let (mine, mut lost) = (fixes(incoming.note.as_ref()), fixes(other.note.as_ref()));
    lost.retain(|fix| !mine.contains(fix));
    if !lost.is_empty() {
        said.severity = Severity::Warning;
        said = said.note(format!("`{}` does not fix {}", incoming.name, lost.join(", ")));
    }
    let theirs = other.note.iter().flat_map(|note| &note.data);
    let kept = theirs.filter(|datum| incoming.data().iter().any(|mine| mine.id == datum.id));
    let kept: Vec<_> = kept.map(|datum| datum.name.as_str()).collect();
    if !kept.is_empty() {
        said = said.note(format!("the data of {} is handed over", list(&kept, "and")));
    }
    Some(said.note(format!(
        "`{}` is then disabled and `{program} unload {}` removes its module; none of its callbacks run",
        other.name, other.name
    )))
}

/// A livepatch of which only its code knows whether it replaces the others.
fn unknown_replacement(incoming: &Incoming, loaded: &[Livepatch]) -> Option<Diagnostic> {
    if incoming.replace.is_some() || loaded.is_empty() {
        return None;
    }
    let names: Vec<_> = loaded.iter().map(|other| other.name.as_str()).collect();
    let message =
        format!("whether `{}` replaces {} is unknown", incoming.name, list(&names, "and"));
    Some(
        Diagnostic::new(UNKNOWN_REPLACEMENT, message)
            .note("its code decides it at load; modules of klp-build replace all others, unless they were built with --no-replace")
            .help("if another one is a fix that this one lacks, ask its author before you load it"),
    )
}

/// The condition under which it replaces the others, as the start of a sentence.
fn when_it_replaces(incoming: &Incoming) -> Option<String> {
    match incoming.replace.as_ref()? {
        Replace::Never => None,
        Replace::Always => Some(String::new()),
        Replace::If(param) => Some(format!("if `{param}` is set, ")),
    }
}

/// The callbacks of a replaced livepatch that undo something. Without a note they are unknown, and
/// an older note does not list them.
fn skipped(program: &str, incoming: &Incoming, other: &Livepatch) -> Option<Diagnostic> {
    let when = when_it_replaces(incoming)?;
    let skipped = other.note.as_ref()?.skipped();
    if skipped.is_empty() {
        return None;
    }
    let message = format!("{when}{} of `{}` will not run", list(&skipped, "and"), other.name);
    Some(
        Diagnostic::new(SKIPPED_CALLBACKS, message)
            .note(format!(
                "`{}` replaces it, and the kernel runs no callback of a patch that is replaced",
                incoming.name
            ))
            .help(format!(
                "if they undo a change of the system, run `{program} unload {}` first; its fixes are gone until `{}` is loaded",
                other.name, incoming.name
            )),
    )
}

/// A resource that the other livepatch keeps, because it is not replaced.
fn resource(program: &str, incoming: &Incoming, other: &Livepatch) -> Option<Diagnostic> {
    let (mine, theirs) = (incoming.note.as_ref()?, other.note.as_ref()?);
    if mine.family != theirs.family || mine.replace == Replace::Always {
        return None;
    }
    let shared = mine.resources.iter().find(|name| theirs.resources.contains(name))?;
    let message =
        format!("`{}` and `{}` both have the resource `{shared}`", incoming.name, other.name);
    let error = Diagnostic::new(RESOURCE_TAKEN, message)
        .note("a resource has one owner: the patch refuses with EBUSY")
        .help(format!(
            "run `{program} unload {}` first, or build it with `atomic replace`",
            other.name
        ));
    Some(match &mine.replace {
        Replace::If(param) => Diagnostic {
            severity: Severity::Warning,
            ..error.note(format!("this applies if the parameter `{param}` is not set"))
        },
        _ => error,
    })
}
