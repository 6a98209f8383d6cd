// SPDX-License-Identifier: GPL-2.0
//! A livepatch before it is loaded, whether it is a finished module or a spec that has been
//! checked.

use super::information::{Information, Parameter};
use super::signature::Signature;
use super::tables::{Function, Object};
use kps_diag::{list, Diagnostic, UNKNOWN_PARAMETER, UNQUOTABLE_PARAMETER};
use kps_plan::{Change, Datum, Func, Note, Patch, Replace};

/// A livepatch that is to be loaded.
#[derive(Debug, Clone, Default)]
pub struct Incoming {
    /// Its name, and its module's.
    pub name: String,
    /// The objects that it changes, as far as known.
    pub objects: Vec<Object>,
    /// Its note, if kpsc made it.
    pub note: Option<Note>,
    /// When it replaces others; `None` if only its code knows.
    pub replace: Option<Replace>,
    /// The release of the kernel that it was built for, from its `vermagic`.
    pub release: Option<String>,
    /// What its author says about it.
    pub information: Information,
    /// Its parameters, by name.
    pub parameters: Vec<Parameter>,
    /// The signature that is appended to it.
    pub signature: Option<Signature>,
    /// The module's own GNU build-id, in hexadecimal.
    pub build_id: Option<String>,
}

impl Incoming {
    /// The livepatch of a spec, which is not signed and has no `.modinfo` yet.
    pub fn of<B>(patch: &Patch<B>) -> Incoming {
        let function = |func: &Func<B>| Function {
            name: func.old.name.clone(),
            sympos: func.old.sympos.into(),
            keeps_original: match func.change {
                Change::Replace { calls_original, .. } | Change::C { calls_original, .. } => {
                    calls_original
                }
                Change::Pre(_) | Change::Around { .. } => true,
            },
        };
        let objects = patch.objects.iter().map(|object| Object {
            name: object.name.clone(),
            functions: object.funcs.iter().map(function).collect(),
        });
        let note = Note::of(patch);
        Incoming {
            name: patch.name.clone(),
            objects: objects.collect(),
            replace: Some(note.replace.clone()),
            note: Some(note),
            release: Some(patch.target.release.clone()),
            ..Incoming::default()
        }
    }

    /// Whether it is known to replace all others, without a gap.
    pub fn replaces_all(&self) -> bool {
        self.replace == Some(Replace::Always)
    }

    /// The error for the first parameter, `NAME=VALUE`, that it does not have. The kernel would
    /// load it without, and only write a line to its log (`unknown_module_param_cb()` in
    /// `kernel/module/main.c`).
    pub fn check_parameters(&self, parameters: &[String]) -> Result<(), Diagnostic> {
        /// Parameters that the kernel takes for every module.
        const OF_ALL: [&str; 2] = ["async_probe", "dyndbg"];
        if let Some(text) = parameters.iter().find(|text| !is_one_value(text)) {
            return Err(Diagnostic::new(
                UNQUOTABLE_PARAMETER,
                format!("the kernel would not take `{text}` as one value"),
            )
            .help("drop the quotation marks in it: they enclose a whole value, or are none"));
        }
        let plain = |name: &str| name.replace('-', "_");
        let names = parameters.iter().filter_map(|text| text.split('=').next());
        let has = |name: &str| self.parameters.iter().any(|own| plain(&own.name) == plain(name));
        let Some(name) = names.into_iter().find(|name| !has(name) && !OF_ALL.contains(name)) else {
            return Ok(());
        };
        let error = Diagnostic::new(
            UNKNOWN_PARAMETER,
            format!("`{}` has no parameter `{name}`", self.name),
        );
        let own: Vec<_> = self.parameters.iter().map(|own| own.name.as_str()).collect();
        Err(match own.as_slice() {
            [] => error.help("it has no parameters at all"),
            own => error.help(format!("write one that it has: {}", list(own, "or"))),
        })
    }

    /// Its states and shadow variables, as far as known.
    pub(super) fn data(&self) -> &[Datum] {
        self.note.as_ref().map_or(&[], |note| &note.data)
    }

    /// Every function, with its object.
    pub(super) fn functions(&self) -> impl Iterator<Item = (&str, &Function)> {
        self.objects
            .iter()
            .flat_map(|object| object.functions.iter().map(|func| (object.name.as_str(), func)))
    }
}

/// Whether the kernel takes the value in `NAME=VALUE` as a whole: it is in quotation marks, or has
/// neither these nor white space (`next_arg()` in `lib/cmdline.c`).
fn is_one_value(text: &str) -> bool {
    let Some((_, value)) = text.split_once('=') else { return true };
    let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    match quoted {
        Some(value) => !value.contains('"'),
        None => !value.contains('"') && !value.contains(char::is_whitespace),
    }
}

#[cfg(test)]
mod tests {
    use super::is_one_value;

    #[test]
    fn a_value_is_quoted_as_a_whole_or_not_at_all() {
        for text in ["a", "a=", "a=1,2", "a=\"b c\"", "a=\"\"", "a=b=c"] {
            assert!(is_one_value(text), "{text}");
        }
        for text in ["a=b c", "a=\"", "a=b\"c", "a=\"b c\" d=9", "a=b \"c\" d", "a=x y\""] {
            assert!(!is_one_value(text), "{text}");
        }
    }
}
