// SPDX-License-Identifier: GPL-2.0
//! What kpsc says about a spec: every `tests/ui/*.kps` has its messages beside it, and the files
//! that it names in a folder of its name. Nothing else comes of it: the working folder, the cache
//! and the temporary folder stay as they were, and a build that is refused says the same and makes
//! no output folder. A spec that is one mistake of the catalogue (`docs/errors/README.md`) has its
//! repair beside it, `NAME.fixed.kps`: what the message said, and nothing more. Every folder of
//! `tests/series` holds specs that follow each other, in the order of their names; what `check`
//! says of them together stands beside it. The examples of the error pages are cases, too: what
//! `check` says of them is in `tests/ui/pages/`.
//!
//! `BLESS=1 cargo xtask test ui` writes the messages anew; read the difference before you commit
//! it.

use kps_diag::{Code, SLEEP_IN_ATOMIC};
use kps_grammar::{Source, Sources};
use kps_tests::mistakes::{changed_lines, is_repair, mistakes, words};
use kps_tests::pages::blocks;
use kps_tests::schedule::{Case, Failed};
use kps_tests::world::{compare, World};
use kps_tests::{repository, FIXTURE};
use std::path::{Path, PathBuf};

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    let folder = repository().join("tests/ui");
    let mut specs: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension() == Some("kps".as_ref()) && !is_repair(path))
        .collect();
    specs.sort();
    let cases = specs.into_iter().map(|spec| {
        let name = spec.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Case::new(name, move || check(&spec))
    });
    let series = subfolders(&repository().join("tests/series")).into_iter().map(|folder| {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Case::new(format!("series: {name}"), move || check_series(&folder))
    });
    let repairs = mistakes().into_iter().map(|name| {
        Case::new(format!("the message leads to the repair: {name}"), move || check_repair(&name))
    });
    let pages = kps_diag::ALL.iter().flat_map(|&code| page_cases(code));
    let held = Case::new("what is held with PREEMPT_RT", nothing_sleeps_under_a_lock_of_preempt_rt);
    let waits = Case::new("what waits with PREEMPT_RT", nothing_waits_where_preempt_rt_may_not);
    let core =
        Case::new("what core mode lacks of `kernel`", core_mode_refuses_what_its_crate_lacks);
    cases.chain(series).chain(repairs).chain(pages).chain([held, waits, core]).collect()
}

/// The same text is checked in core mode, and for a kernel with a Rust crate.
fn core_mode_refuses_what_its_crate_lacks() -> Result<(), Failed> {
    let text = "patch fix {
    license \"GPL\";
    use kernel::prelude::*;
    use kernel::{error::{code, Result}, sync::{Arc, new_mutex}};
    mod inner { fn f() { kernel::pr_info!(\"{}\", kernel::str::CString::NAME); } }
    object vmlinux {
        fn cmdline_proc_show {
            pre {
                let _ = KBox::new(1, GFP_KERNEL);
                kernel::pr_info!(\"{}\", kernel::bindings::CAP_SYSLOG);
                kernel::bindings::kmalloc(1, GFP_KERNEL);
                let task = kernel::current!().as_ptr();
                dev_info!(task, \"x\");
            }
        }
    }
}
";
    for (mode, wanted) in [
        (kps_facts::Mode::KernelCrate, &[] as &[&str]),
        (
            kps_facts::Mode::Core,
            &[
                "`kernel::sync::Arc` is not there in core mode",
                "`kernel::sync::new_mutex` is not there in core mode",
                "`kernel::str::CString::NAME` is not there in core mode",
                "`KBox` is not there in core mode",
                "`kernel::bindings::kmalloc` is not there in core mode",
                "`dev_info` is not there in core mode",
            ],
        ),
    ] {
        let facts = kps_facts::Facts { mode, ..kps_tests::fixture::facts() };
        let sources = Sources::new(Source::new("fix.kps", text));
        let patch = kps_grammar::parse(sources.spec()).0.patch;
        let patch = patch.unwrap_or_else(|| panic!("the spec is read"));
        let (_, found) = kpsc::resolve::resolve(&sources, &patch, true, &facts);
        let mut of_mode: Vec<_> = found.iter().filter(|d| d.code.id() == "KPS0313").collect();
        of_mode.sort_by_key(|d| d.labels.first().map(|label| label.span));
        let said: Vec<&str> = of_mode.iter().map(|d| d.message.as_str()).collect();
        assert_eq!(said, wanted);
        assert!(of_mode.iter().all(|d| !d.notes.is_empty() && d.help.is_some()));
    }
    Ok(())
}

fn nothing_sleeps_under_a_lock_of_preempt_rt() -> Result<(), Failed> {
    let path = repository().join("tests/ui/KPS0512-under-a-lock.kps");
    let raw = std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{error}"));
    let of_rt = raw.replace("_raw_spin_", "rt_spin_");
    let mut facts = kps_tests::fixture::facts();
    facts.config.insert("CONFIG_PREEMPT_RT".to_owned(), "y".to_owned());
    for (text, consequence) in [
        (raw, "the kernel stops with \"scheduling while atomic\""),
        (of_rt, "the kernel warns of a voluntary context switch: with CONFIG_PREEMPT_RT this is a critical section of RCU"),
    ] {
        let sources = Sources::new(Source::new("held.kps", &text));
        let patch = kps_grammar::parse(sources.spec()).0.patch;
        let patch = patch.unwrap_or_else(|| panic!("the spec is read"));
        let (_, found) = kpsc::resolve::resolve(&sources, &patch, true, &facts);
        let of_lock = found.iter().filter(|found| found.code == SLEEP_IN_ATOMIC);
        let notes: Vec<_> = of_lock.filter_map(|found| found.notes.last()).collect();
        let in_rcu = "the kernel warns of a voluntary context switch, and may free what is read here meanwhile";
        assert_eq!(notes, [in_rcu, consequence]);
    }
    Ok(())
}

/// A lock that a task may wait for, where it may not: with PREEMPT_RT, and nowhere else.
fn nothing_waits_where_preempt_rt_may_not() -> Result<(), Failed> {
    let text = "patch fix {
    license \"GPL\";
    object vmlinux {
        fn cmdline_proc_show {
            pre {
                preempt_disable();
                kfree(null());
                preempt_enable();
                kfree(null());
                let flags = local_irq_save();
                kfree(null());
                local_irq_restore(flags);
            }
        }
    }
}
";
    for (is_rt, lines) in [(false, &[][..]), (true, &[7, 11])] {
        let mut facts = kps_tests::fixture::facts();
        if is_rt {
            facts.config.insert("CONFIG_PREEMPT_RT".to_owned(), "y".to_owned());
        }
        let sources = Sources::new(Source::new("waits.kps", text));
        let patch = kps_grammar::parse(sources.spec()).0.patch;
        let patch = patch.unwrap_or_else(|| panic!("the spec is read"));
        let (_, found) = kpsc::resolve::resolve(&sources, &patch, true, &facts);
        let of_wait = found.iter().filter(|found| found.code == SLEEP_IN_ATOMIC);
        let told: Vec<usize> = of_wait
            .map(|found| text[..found.labels[0].span.start].matches('\n').count() + 1)
            .collect();
        assert_eq!(told, lines, "{found:?}");
    }
    Ok(())
}

/// The examples of a page that do not pass.
fn page_cases(code: Code) -> impl Iterator<Item = Case> {
    let examples = blocks(code.page())
        .into_iter()
        .filter(|block| ["kps,fails", "kps,warns"].contains(&block.info.as_str()));
    examples.enumerate().map(move |(n, block)| {
        let name = match n {
            0 => code.id().to_owned(),
            n => format!("{}-{}", code.id(), n + 1),
        };
        Case::new(format!("page: {name}"), move || {
            let world = World::default();
            world.write("page.kps", &block.text);
            let said = world.run_cleanly(&["check", "--kernel", FIXTURE, "page.kps"])?;
            let pinned = repository().join("tests/ui/pages").join(format!("{name}.stderr"));
            Ok(compare(&said, &pinned)?)
        })
    })
}

fn subfolders(folder: &Path) -> Vec<PathBuf> {
    let entries =
        std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut folders: Vec<_> =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders
}

fn check_series(folder: &Path) -> Result<(), Failed> {
    let world = World::default();
    world.copy(folder);
    let mut specs = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        specs.push(entry?.file_name().to_string_lossy().into_owned());
    }
    specs.sort();
    let words = ["check", "--kernel", FIXTURE].map(str::to_owned).into_iter().chain(specs);
    let said = world.run_cleanly(&words.collect::<Vec<_>>())?;
    Ok(compare(&said, &folder.with_extension("said"))?)
}

fn check(spec: &Path) -> Result<(), Failed> {
    let world = World::default();
    world.copy(&spec.with_extension(""));
    let file = spec.file_name().unwrap_or_default();
    world.write(file, std::fs::read(spec)?);
    let file = file.to_string_lossy();
    let said = world.run_cleanly(&["check", "--kernel", FIXTURE, &file])?;
    if !said.ends_with("exit status 0\n") {
        let built = world.run_cleanly(&["build", "--kernel", FIXTURE, &file, "-o", "output"])?;
        if built != said {
            return Err(format!("`build` says something else than `check`:\n{built}").into());
        }
    }
    Ok(compare(&said, &spec.with_extension("stderr"))?)
}

/// Repairs with a word that no message can know, and why.
const ONLY_THE_AUTHOR_KNOWS: &[(&str, &str)] = &[
    ("KPS0402-init", "what runs instead of a function that is gone is in the kernel's source"),
    ("KPS0404-rust-function", "callers are in the kernel's source"),
];

/// The most lines in which a repair differs from its spec.
const MOST_LINES: usize = 3;

/// A repair passes, is a small change, and has no word that the author would have to look up
/// elsewhere.
fn check_repair(name: &str) -> Result<(), Failed> {
    let folder = repository().join("tests/ui");
    let read = |end: &str| std::fs::read_to_string(folder.join(format!("{name}{end}")));
    let (spec, fixed, message) = (read(".kps")?, read(".fixed.kps")?, read(".stderr")?);

    let world = World::default();
    world.copy(&folder.join(name));
    world.write("fixed.kps", &fixed);
    let said = world.run_cleanly(&["check", "--kernel", FIXTURE, "fixed.kps"])?;
    let code = name.split('-').next().unwrap_or_default();
    if !said.ends_with("exit status 0\n") || said.contains(code) {
        return Err(format!("the repair does not pass:\n{said}").into());
    }
    if message.matches("more: `kpsc explain").count() != 1 {
        return Err("the spec has more than one mistake".into());
    }
    let (gone, new) = changed_lines(&spec, &fixed);
    if gone.len().max(new.len()) > MOST_LINES || gone.len() + new.len() == 0 {
        return Err(
            format!("the repair changes {} lines and adds {}", gone.len(), new.len()).into()
        );
    }
    // The line of the place holds the name of the test.
    let message: Vec<&str> = message.lines().filter(|line| !line.contains("--> ")).collect();
    let message = message.join("\n");
    let known = [words(&spec), words(&message)].concat();
    let unsaid: Vec<&str> =
        words(&fixed).into_iter().filter(|word| !known.contains(word)).collect();
    let excused = ONLY_THE_AUTHOR_KNOWS.iter().any(|(of, _)| *of == name);
    if unsaid.is_empty() == excused {
        return Err(format!("the message does not say {unsaid:?}:\n{message}").into());
    }
    Ok(())
}
