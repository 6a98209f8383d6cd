//! One function that a spec changes.

use super::bodies::{Fragment, Rust};
use super::symbols::{Found, Wanted};
use super::Resolver;
use crate::diag::{Diagnostic, KPS0206, KPS0207, KPS0401, KPS0402, KPS0403, KPS0405, KPS0502};
use kps_facts::Importer;
use kps_grammar::ast;
use kps_plan::{Change, Entry, Func};

impl Resolver<'_> {
    pub(super) fn func(
        &mut self,
        spec: &ast::Func,
        rust: &Rust,
        importer: &mut Importer<'_>,
    ) -> Option<Func<Fragment>> {
        let change = self.change(spec, rust);
        let found = self.find(&spec.symbol, Wanted::Function)?;
        let name = &spec.symbol.name;
        if let Some(&first) = self.changed.get(&found.address) {
            self.report(
                Diagnostic::error(KPS0206, format!("`{}` is changed twice", name.value))
                    .at(name.span, "")
                    .at(first, "here it is first")
                    .help("put everything into one `fn`"),
            );
            return None;
        }
        self.changed.insert(found.address, name.span);
        let entry = self.entry(spec, &found);
        let signature = self.signature(&spec.symbol, spec.prototype.as_ref(), importer);
        Some(Func { old: found.symbol, signature: signature?, entry: entry?, change: change? })
    }

    /// What runs in the function's place.
    fn change(&mut self, spec: &ast::Func, rust: &Rust) -> Option<Change<Fragment>> {
        let name = &spec.symbol.name;
        let mut originals_outside_replace = Vec::new();
        for body in [spec.pre, spec.post].into_iter().flatten() {
            if let Some((parsed, _)) = rust.body(body.code) {
                let refs = parsed.refs(&[]);
                originals_outside_replace
                    .extend(refs.originals.iter().map(|o| super::rust::place(body.code, o.span)));
            }
        }
        for span in originals_outside_replace {
            self.report(
                Diagnostic::error(KPS0502, "`original` exists in `replace` only")
                    .at(span, "")
                    .note("the old function runs by itself after `pre` and before `post`")
                    .help("drop the call, or write one `replace` instead of the hooks"),
            );
        }
        match (spec.replace, spec.pre, spec.post) {
            (None, None, None) => {
                self.report_absence(
                    Diagnostic::error(KPS0207, format!("nothing changes in `{}`", name.value))
                        .at(name.span, "")
                        .help("write `replace { .. }`, `pre { .. }` or `post { .. }`"),
                );
                None
            }
            (Some(replace), None, None) => {
                let (parsed, fragment) = rust.body(replace.code)?;
                let originals = parsed.refs(&[]).originals;
                for original in originals.iter().filter(|o| !o.called) {
                    let span = super::rust::place(replace.code, original.span);
                    self.report(
                        Diagnostic::error(KPS0502, "`original` can only be called")
                            .at(span, "")
                            .note("its address is no function's address: a call through it would fault under IBT and kCFI")
                            .help("call it: `original(..)`"),
                    );
                }
                Some(Change::Replace { body: fragment.clone(), calls_original: !originals.is_empty() })
            }
            (Some(replace), pre, post) => {
                let hook = pre.or(post).map_or(replace.word, |hook| hook.word);
                self.report(
                    Diagnostic::error(KPS0405, "`replace` excludes `pre` and `post`")
                        .at(hook, "")
                        .at(replace.word, "the new body is here")
                        .help("write the hook's text into the new body"),
                );
                None
            }
            (None, Some(pre), None) => Some(Change::Pre(rust.fragment(pre.code)?)),
            (None, pre, Some(post)) => {
                let pre = match pre {
                    Some(pre) => Some(rust.fragment(pre.code)?),
                    None => None,
                };
                Some(Change::Around { pre, post: rust.fragment(post.code)? })
            }
        }
    }

    /// How the function starts, if ftrace can redirect it and a jump past the site is known to be right.
    fn entry(&mut self, spec: &ast::Func, found: &Found) -> Option<Entry> {
        let name = &spec.symbol.name;
        if self.facts.is_init(found.address) {
            self.report(
                Diagnostic::error(KPS0402, format!("`{}` is gone when the kernel has booted", name.value))
                    .at(name.span, "")
                    .note("it is `__init`: its memory is freed and used for other things")
                    .help("patch what it has set up, or a function that runs later"),
            );
            return None;
        }
        let Some(site) = self.facts.sites.get(&found.address) else {
            self.report(
                Diagnostic::error(KPS0401, format!("`{}` cannot be redirected", name.value))
                    .at(name.span, "it has no ftrace site")
                    .note(
                        "assembly, `notrace` and `noinstr` functions and some of lib/ are built without one",
                    )
                    .help("patch the functions that call it"),
            );
            return None;
        };
        let entry = site.entry();
        if entry.is_none() {
            let bytes: Vec<_> = site.bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            self.report(
                Diagnostic::error(
                    KPS0403,
                    format!("`{}` starts in a way that kpsc does not know", name.value),
                )
                .at(name.span, "")
                .note(format!("it starts with {}, its ftrace site is at +{}", bytes.join(" "), site.offset))
                .note("known are an ftrace site at the start, and one behind an ENDBR")
                .help("patch the functions that call it, and report this kernel"),
            );
        }
        entry
    }
}
