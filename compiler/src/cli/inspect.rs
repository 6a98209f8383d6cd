// SPDX-License-Identifier: GPL-2.0
//! `kpsc inspect`.

use super::{open_target, progress, report, say, CommandResult, ExitCode, TargetArgs};
use crate::driver::add_remedy;
use crate::input::ModuleFile;
use crate::inspect::{all, inspect, layout, object_of, read, symbols, Inspection, KEYWORDS};
use crate::resolve::{near, ProbeSpec};
use kps_diag::{list, Diagnostic, NO_SUCH_FUNCTION, NO_SUCH_MODULE};
use kps_facts::{Facts, Outcome, Whereabouts};
use kps_grammar::ast::Symbol;
use kps_plan::ObjectName;
use kps_targets::{Cache, Target};

#[derive(Debug, clap::Args)]
pub(super) struct Inspect {
    /// The function, with a position if its name needs one: NAME or NAME@N. With a `*`, every
    /// function whose name is like it is listed, as by `--all`.
    #[arg(value_name = "FUNCTION", required_unless_present = "all")]
    function: Option<String>,
    /// A type, behind `struct`, `union` or `enum`: shows its members with their offsets, sizes and
    /// types.
    #[arg(value_name = "TYPE", conflicts_with_all = ["all", "skeleton"])]
    record: Option<String>,
    /// The object that contains it.
    #[arg(long, value_name = "OBJECT", default_value = ObjectName::IMAGE)]
    object: String,
    /// Print only a starter spec.
    #[arg(long, conflicts_with = "all")]
    skeleton: bool,
    /// List every function that ftrace can redirect: name, object, supported hooks, codes, address.
    #[arg(long, conflicts_with = "function")]
    all: bool,
    #[command(flatten)]
    target: TargetArgs,
}

impl Inspect {
    pub(super) fn run(self) -> CommandResult {
        let cache = Cache::open()?;
        let target = open_target(&cache, self.target.kernel.as_deref())?;
        let mut facts = target.facts()?;
        if self.object != ObjectName::IMAGE {
            add_module(&mut facts, &self.object, &target, &cache)?;
        }
        if let Some(name) = &self.record {
            return self.layout(&facts, name);
        }
        facts.debug = target.debug()?;
        let absent = self.function.iter().map(|name| read(name).name.value);
        let absent: Vec<String> =
            absent.filter(|name| !has_symbol(&facts, &self.object, name)).collect();
        let absent: Vec<&str> = absent.iter().map(String::as_str).collect();
        target.add_debug_of_modules(&mut facts, &absent)?;
        let spec = ProbeSpec::new();
        let text = spec.text();
        let probe = spec.probe(&text, &facts);
        let Some(function) = &self.function else {
            all(&probe, &facts, &self.object, None).for_each(say);
            return Ok(0);
        };
        if function.contains('*') {
            return Ok(self.like(function, all(&probe, &facts, &self.object, Some(function))));
        }
        let named = read(function);
        // A spec is about one function, so a name without its position is refused.
        let symbols =
            if self.skeleton { vec![named] } else { symbols(&facts, &self.object, named) };
        let mut code = 0;
        for (n, symbol) in symbols.iter().enumerate() {
            let found = inspect(&probe, &facts, &self.object, symbol);
            code = code.max(match found.and_then(|found| self.shown(symbol, found)) {
                Ok(text) => {
                    let gap = if n > 0 { "\n" } else { "" };
                    format!("{gap}{text}").lines().for_each(say);
                    0
                }
                Err(errors) => {
                    let name = &symbol.name.value;
                    let errors = errors.into_iter().map(|error| match is_known(&facts, name) {
                        true => error,
                        false => self.explained(error),
                    });
                    let mut errors: Vec<_> = errors.collect();
                    add_remedy(&mut errors, &facts, &target);
                    report(&errors, None)
                }
            });
        }
        Ok(code)
    }

    /// Shows a type.
    fn layout(&self, facts: &Facts, name: &str) -> CommandResult {
        let keyword = self.function.as_deref().unwrap_or_default();
        if !KEYWORDS.contains(&keyword) {
            let message = format!("`{keyword} {name}` is two names");
            return Err(Diagnostic::new(NO_SUCH_FUNCTION, message)
                .help(format!("write `kpsc inspect {keyword}`, or `kpsc inspect struct {name}`")));
        }
        layout(facts, name)?.lines().for_each(say);
        Ok(0)
    }

    /// Lists functions by a pattern.
    fn like(&self, pattern: &str, found: impl Iterator<Item = String>) -> ExitCode {
        let mut found = found.peekable();
        if found.peek().is_none() {
            let message = format!("`{}` has no function like `{pattern}`", self.object);
            let error = Diagnostic::new(NO_SUCH_FUNCTION, message)
                .help("functions that ftrace cannot redirect are not listed");
            return report(&[self.explained(error)], None);
        }
        found.for_each(say);
        0
    }

    /// The function may be in a module, which only the user can know.
    fn explained(&self, error: Diagnostic) -> Diagnostic {
        match error.code == NO_SUCH_FUNCTION && self.object == ObjectName::IMAGE {
            true => error.note("for a function of a module add `--object MODULE`"),
            false => error,
        }
    }

    /// The output for a function.
    fn shown(&self, symbol: &Symbol, found: Inspection) -> Result<String, Vec<Diagnostic>> {
        if self.skeleton {
            return found.spec;
        }
        let text = found.lines(symbol);
        Ok(match found.spec {
            Ok(spec) => format!("{text}\n{spec}"),
            Err(_) => text,
        })
    }
}

/// Whether something is known of a function of the kernel's source.
fn is_known(facts: &Facts, name: &str) -> bool {
    let outcome = Whereabouts::of(facts, None, name, None).outcome();
    outcome != Outcome::Unknown || facts.in_modules.contains_key(name)
}

fn has_symbol(facts: &Facts, object: &str, name: &str) -> bool {
    object_of(facts, object).is_some_and(|object| !object.symbols.named(name).is_empty())
}

/// Adds the module that should contain the function.
fn add_module(
    facts: &mut Facts,
    name: &str,
    target: &Target,
    cache: &Cache,
) -> Result<(), Diagnostic> {
    let modules = target.modules(cache, progress())?;
    match modules.get(name) {
        Some(path) => {
            let file = ModuleFile::OfTarget(path.clone()).read(target)?;
            Target::add_module(facts, name, path, file)
        }
        None => {
            let error = Diagnostic::new(
                NO_SUCH_MODULE,
                format!("{} has no module `{name}`", target.release()),
            );
            let near = near(name, modules.keys().map(String::as_str));
            Err(match near.as_slice() {
                [] => {
                    error.help("write the name that `lsmod` shows; built-in code is in `vmlinux`")
                }
                near => error.help(format!("did you mean {}?", list(near, "or"))),
            })
        }
    }
}
