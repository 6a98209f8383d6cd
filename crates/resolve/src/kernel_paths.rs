// SPDX-License-Identifier: GPL-2.0
//! What bodies name of the crate `kernel` in core mode. The kernel has no such crate there, and
//! kpsc's own has what patches need most (`crates/runtime/kernel/`).

use super::bodies::Rust;
use super::Resolver;
use kps_ast::Span;
use kps_diag::{Diagnostic, NOT_IN_CORE_MODE};
use kps_facts::{is_constant, Mode};
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::collections::BTreeSet;

/// What kpsc's crate has, by module. A test compares it with the crate's text.
const KERNEL_CRATE: &[(&str, &[&str])] = &[
    (
        "",
        &[
            "Module",
            "ThisModule",
            "bindings",
            "c_str",
            "container_of",
            "current",
            "error",
            "ffi",
            "fmt",
            "module",
            "pr_alert",
            "pr_crit",
            "pr_debug",
            "pr_emerg",
            "pr_err",
            "pr_info",
            "pr_notice",
            "pr_warn",
            "prelude",
            "static_assert",
            "task",
        ],
    ),
    ("bindings", &["copy_from_user", "copy_to_user", "mutex_lock", "mutex_unlock"]),
    ("error", &["Error", "Result", "code", "to_result"]),
    (
        "prelude",
        &[
            "Error",
            "Module",
            "Result",
            "ThisModule",
            "module",
            "pr_alert",
            "pr_crit",
            "pr_debug",
            "pr_emerg",
            "pr_err",
            "pr_info",
            "pr_notice",
            "pr_warn",
        ],
    ),
    ("task", &["Task"]),
];

/// What the real crate's prelude has beside that, of what drivers use.
const OF_REAL_PRELUDE: &[&str] = &[
    "Box",
    "KBox",
    "KVBox",
    "KVVec",
    "KVec",
    "VBox",
    "VVec",
    "Vec",
    "dev_err",
    "dev_info",
    "dev_warn",
    "pin_init",
    "try_pin_init",
];

const ALLOCATE: &str = "allocate as C does, with `kmalloc(size, flags)` and `kfree(pointer)`";
const LOCK: &str = "call C's functions by name: `spin_lock()`, `mutex_lock()`, `rcu_read_lock()`";

/// What to use in place of the real crate's modules and names.
const IN_PLACE: &[(&str, &str)] = &[
    ("alloc", ALLOCATE),
    ("bindings", "name the kernel's functions, types and constants by themselves, as in C"),
    ("cpu", "call `smp_processor_id()`"),
    ("cred", "read the members of `current_cred()`"),
    ("dev_", "print with `pr_info!` and its relatives"),
    ("error", "return error numbers as C does, such as `-EINVAL`"),
    ("fs", "call `file_inode()` and the kernel's exported functions, and read members"),
    ("init", "initialize members one by one"),
    ("pr_", "print a whole line at a time, with `pr_info!` and its relatives"),
    ("list", "call `list_add()`, `list_del()` and `list_empty()`"),
    ("sync", LOCK),
    ("str", "write a C string, `c\"text\"`; `CStr` is in scope"),
    ("task", "read the members of `get_current()`, a `*mut task_struct`"),
    ("time", "call `jiffies()`, `msecs_to_jiffies()` or `ktime_get_ns()`"),
    ("types", "use raw pointers and the atomic types of `core`"),
    ("uaccess", "use `UserPtr`, or call `copy_from_user()` and `copy_to_user()`"),
    ("workqueue", "call the kernel's exported functions, such as `queue_work_on()`"),
    ("Box", ALLOCATE),
    ("KBox", ALLOCATE),
    ("KV", ALLOCATE),
    ("VBox", ALLOCATE),
    ("VVec", ALLOCATE),
    ("Vec", ALLOCATE),
];

/// A path behind `kernel::`.
struct Path {
    names: Vec<String>,
    span: proc_macro2::Span,
}

impl Resolver<'_> {
    /// Refuses what kpsc's crate `kernel` lacks.
    pub(super) fn check_kernel_paths(&mut self, rust: &Rust) {
        if self.facts.mode != Mode::Core {
            return;
        }
        let snippets = rust.snippets();
        let tokens: Vec<_> = snippets
            .iter()
            .filter_map(|(code, _)| Some((*code, self.pieces.tokens(*code).ok()?)))
            .collect();
        let mut missing = Vec::new();
        let mut has_prelude = false;
        for (code, tokens) in &tokens {
            let mut paths = Vec::new();
            of_kernel(tokens.clone(), &mut paths);
            has_prelude |= paths.iter().any(|path| path.names == ["prelude", "*"]);
            let lacking = paths.into_iter().filter(|path| is_missing(&path.names));
            missing.extend(lacking.map(|path| (*code, path)));
        }
        if has_prelude {
            let own = rust.defined();
            for (code, tokens) in &tokens {
                let mut used = Vec::new();
                of_prelude(tokens.clone(), &own, &mut used);
                missing.extend(used.into_iter().map(|path| (*code, path)));
            }
        }
        let mut told = BTreeSet::new();
        for (code, Path { names, span }) in missing {
            let place = self.pieces.place(code, span);
            if told.insert((place.start, place.end)) {
                self.report_missing_path(&names, place);
            }
        }
    }

    fn report_missing_path(&mut self, names: &[String], place: Span) {
        let path = names.join("::");
        let path = if names.len() == 1 && OF_REAL_PRELUDE.contains(&path.as_str()) {
            path
        } else {
            format!("kernel::{path}")
        };
        let names = names.strip_prefix(&["prelude".to_owned()]).unwrap_or(names);
        let in_place = names.first().and_then(|first| {
            let (_, help) = IN_PLACE.iter().find(|(start, _)| first.starts_with(start))?;
            Some(*help)
        });
        let help = in_place.unwrap_or("use what C has, by its name, or a file in C");
        let release = &self.facts.identity.release;
        self.report(
            Diagnostic::new(NOT_IN_CORE_MODE, format!("`{path}` is not there in core mode"))
                .at(place, "")
                .note(format!(
                    "for {release} the crate `kernel` is kpsc's, with what patches need most"
                ))
                .help(format!("{help}; a target with CONFIG_RUST has the kernel's own crate")),
        );
    }
}

/// Whether kpsc's crate lacks what a path leads to. Of what it has, the rest is rustc's to tell.
fn is_missing(names: &[String]) -> bool {
    let mut module = "";
    for name in names {
        let Some((_, has)) = KERNEL_CRATE.iter().find(|(of, _)| *of == module) else {
            return false;
        };
        let is_constant = module == "bindings" && is_constant(name);
        if !is_constant && !has.contains(&name.as_str()) && !["self", "*"].contains(&name.as_str())
        {
            return true;
        }
        module = name;
    }
    false
}

/// The paths of some tokens that begin with `kernel::`.
fn of_kernel(tokens: TokenStream, found: &mut Vec<Path>) {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    for (n, tree) in trees.iter().enumerate() {
        match tree {
            TokenTree::Group(group) => of_kernel(group.stream(), found),
            TokenTree::Ident(ident) if *ident == "kernel" && is_separator(&trees, n + 1) => {
                let is_inner = n >= 3
                    && is_separator(&trees, n - 2)
                    && matches!(trees[n - 3], TokenTree::Ident(_));
                if !is_inner {
                    path(&trees[n + 3..], &[], found);
                }
            }
            _ => {}
        }
    }
}

/// A path from its first token on, and each that a group of an import names.
fn path(trees: &[TokenTree], before: &[String], found: &mut Vec<Path>) {
    let with = |name: String| [before, &[name]].concat();
    match trees.first() {
        Some(TokenTree::Ident(ident)) => {
            let names = with(ident.to_string());
            let goes_on = matches!(trees.get(3), Some(TokenTree::Ident(_) | TokenTree::Group(_)))
                || matches!(trees.get(3), Some(TokenTree::Punct(punct)) if punct.as_char() == '*');
            match is_separator(trees, 1) && goes_on {
                true => path(&trees[3..], &names, found),
                false => found.push(Path { names, span: ident.span() }),
            }
        }
        Some(TokenTree::Punct(punct)) if punct.as_char() == '*' => {
            found.push(Path { names: with("*".to_owned()), span: punct.span() });
        }
        Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
            let inner: Vec<TokenTree> = group.stream().into_iter().collect();
            let is_comma =
                |tree: &TokenTree| matches!(tree, TokenTree::Punct(p) if p.as_char() == ',');
            inner.split(is_comma).for_each(|one| path(one, before, found));
        }
        _ => {}
    }
}

/// Names that only the real crate's prelude has, in a path, with arguments or as macros.
fn of_prelude(tokens: TokenStream, own: &BTreeSet<String>, found: &mut Vec<Path>) {
    let trees: Vec<TokenTree> = tokens.into_iter().collect();
    for (n, tree) in trees.iter().enumerate() {
        match tree {
            TokenTree::Group(group) => of_prelude(group.stream(), own, found),
            TokenTree::Ident(ident) => {
                let name = ident.to_string();
                let is_used = matches!(
                    trees.get(n + 1),
                    Some(TokenTree::Punct(punct)) if [':', '<', '!'].contains(&punct.as_char())
                );
                let is_inner = n >= 2 && is_separator(&trees, n - 2);
                let is_of_it = OF_REAL_PRELUDE.contains(&name.as_str()) && !own.contains(&name);
                if is_used && !is_inner && is_of_it {
                    found.push(Path { names: vec![name], span: ident.span() });
                }
            }
            _ => {}
        }
    }
}

/// Whether `::` is at an index.
fn is_separator(trees: &[TokenTree], n: usize) -> bool {
    [n, n + 1].iter().all(|&n| match trees.get(n) {
        Some(TokenTree::Punct(punct)) => punct.as_char() == ':',
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use syn::{Item, UseTree, Visibility};

    const ROOT: &str = include_str!("../../runtime/kernel/lib.rs");
    const PRINT: &str = include_str!("../../runtime/kernel/print.rs");
    const MODULE: &str = include_str!("../../runtime/kernel/module.rs");
    const TASK: &str = include_str!("../../runtime/kernel/task.rs");
    const ERROR: &str = include_str!("../../runtime/kernel/error.rs");
    const BINDINGS: &str = include_str!("../../runtime/kernel/bindings.rs");

    fn items(text: &str) -> Vec<Item> {
        syn::parse_file(text).map(|file| file.items).unwrap_or_default()
    }

    fn imported(tree: &UseTree, found: &mut BTreeSet<String>) {
        match tree {
            UseTree::Path(path) => imported(&path.tree, found),
            UseTree::Group(group) => group.items.iter().for_each(|tree| imported(tree, found)),
            UseTree::Name(name) => drop(found.insert(name.ident.to_string())),
            UseTree::Rename(_) | UseTree::Glob(_) => {}
        }
    }

    /// What a module offers.
    fn public(items: &[Item]) -> BTreeSet<String> {
        let is_public = |visibility: &Visibility| matches!(visibility, Visibility::Public(_));
        let hidden = |attributes: &[syn::Attribute]| {
            attributes
                .iter()
                .any(|attribute| quote::quote!(#attribute).to_string().contains("hidden"))
        };
        let mut found = BTreeSet::new();
        for item in items {
            let (visibility, name, attributes) = match item {
                Item::Mod(item) => (&item.vis, &item.ident, &item.attrs),
                Item::Struct(item) => (&item.vis, &item.ident, &item.attrs),
                Item::Type(item) => (&item.vis, &item.ident, &item.attrs),
                Item::Fn(item) => (&item.vis, &item.sig.ident, &item.attrs),
                Item::Use(item) if is_public(&item.vis) && !hidden(&item.attrs) => {
                    imported(&item.tree, &mut found);
                    continue;
                }
                Item::ForeignMod(block) => {
                    let functions = block.items.iter().filter_map(|item| match item {
                        syn::ForeignItem::Fn(function) if is_public(&function.vis) => {
                            Some(function.sig.ident.to_string())
                        }
                        _ => None,
                    });
                    found.extend(functions);
                    continue;
                }
                _ => continue,
            };
            if is_public(visibility) && !hidden(attributes) {
                found.insert(name.to_string());
            }
        }
        found
    }

    /// The macros that a file exports and documents.
    fn macros(text: &str) -> BTreeSet<String> {
        let documented = |item: &syn::ItemMacro| {
            let attributes = item.attrs.iter().map(|a| quote::quote!(#a).to_string());
            let attributes: String = attributes.collect();
            attributes.contains("macro_export") && !attributes.contains("hidden")
        };
        let name = |item: Item| match item {
            Item::Macro(item) if documented(&item) => Some(item.ident?.to_string()),
            _ => None,
        };
        items(text).into_iter().filter_map(name).collect()
    }

    fn listed(module: &str) -> BTreeSet<String> {
        let (_, names) = KERNEL_CRATE.iter().find(|(of, _)| *of == module).expect("it is listed");
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn the_list_is_what_the_crate_has() {
        let root = items(ROOT);
        let mut all = public(&root);
        [ROOT, PRINT, MODULE, TASK].into_iter().for_each(|text| all.extend(macros(text)));
        assert_eq!(all, listed(""));
        let prelude = root.iter().find_map(|item| match item {
            Item::Mod(item) if item.ident == "prelude" => item.content.as_ref(),
            _ => None,
        });
        assert_eq!(prelude.map(|(_, items)| public(items)), Some(listed("prelude")));
        for (text, module) in [(ERROR, "error"), (TASK, "task")] {
            assert_eq!(public(&items(text)), listed(module), "{module}");
        }
        let of_bindings = items(BINDINGS).into_iter();
        let of_bindings: Vec<Item> =
            of_bindings.filter(|item| matches!(item, Item::ForeignMod(_))).collect();
        assert_eq!(public(&of_bindings), listed("bindings"));
    }

    #[test]
    fn paths_are_found_in_imports_and_in_bodies() {
        let found = |text: &str| -> Vec<String> {
            let mut paths = Vec::new();
            of_kernel(text.parse().unwrap_or_default(), &mut paths);
            let missing = paths.into_iter().filter(|path| is_missing(&path.names));
            missing.map(|path| path.names.join("::")).collect()
        };
        assert_eq!(
            found("use kernel::{sync::{Arc, Mutex}, error::{self, code::EINVAL}, pr_info};"),
            ["sync::Arc", "sync::Mutex"]
        );
        assert_eq!(
            found("f(kernel::bindings::GFP_KERNEL, ::kernel::str::CString::new())"),
            ["str::CString::new"]
        );
        assert_eq!(found("kernel::dev_info!(x); kernel::current!().pid()"), ["dev_info"]);
        for fine in [
            "use kernel::prelude::*;",
            "crate::kernel::sync::x()",
            "a.kernel",
            "kernel::task::Task::current()",
        ] {
            assert_eq!(found(fine), [] as [&str; 0], "{fine}");
        }
    }
}
