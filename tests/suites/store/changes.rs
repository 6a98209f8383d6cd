// SPDX-License-Identifier: GPL-2.0
//! What installing, uninstalling and returning make of the set of a kernel.

use super::disk;
use super::place::{done, has_no_leftovers, release, said, set, writer, Place, KERNEL, OTHER};
use kps_diag::Diagnostic;
use kps_operate::open;
use kps_operate::store::{Change, Entry, Missing};
use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

/// The patches of a change, by name: those that are new, and those that are gone.
fn names(change: &Change) -> [Vec<&str>; 2] {
    [change.added(), change.removed()]
        .map(|all: Vec<&Entry>| all.iter().map(|entry| entry.name.as_str()).collect())
}

fn failed<T>(result: Result<T, Diagnostic>) -> String {
    result.err().map_or("nothing failed".to_owned(), |error| said(&error))
}

pub(super) fn patches_are_loaded_in_the_order_in_which_they_were_installed() {
    let place = Place::new();
    let store = place.store();
    let run = || -> Result<(), Diagnostic> {
        assert!(store.set(&release(KERNEL))?.is_none() && store.releases()?.is_empty());
        assert!(!place.at("").exists(), "a question makes no store");
        let files = [("b", "0a"), ("a", "0a")].map(|(name, id)| place.module(name, KERNEL, id));
        let changes = place.install(&files)?;
        assert_eq!(changes.iter().map(names).collect::<Vec<_>>(), [[vec!["b", "a"], vec![]]]);
        // Another one for the same kernel takes the place of `b`; one for another build does not.
        let params = vec!["level=3".to_owned(), "text=\"a b\"".to_owned()];
        let again = open(&place.module("b", KERNEL, "0a"))?;
        let change = store.install(vec![(again, params.clone())], None)?.pop();
        assert_eq!(change.as_ref().map(names), Some([vec!["b"], vec!["b"]]));
        place.install(&[place.module("b", KERNEL, "0b"), place.foreign("c", KERNEL)])?;
        assert_eq!(place.names(KERNEL), ["3", "b", "a", "b", "c"]);
        let set = set(&place.root(), KERNEL).map(|(_, entries)| entries).unwrap_or_default();
        let ids: Vec<_> = set.iter().map(|entry| entry.build_id.as_deref()).collect();
        assert_eq!(ids, [Some("0a"), Some("0a"), Some("0b"), None]);
        let of = |n: usize| (&set[n].params, set[n].version.as_deref(), set[n].fixes.as_slice());
        assert_eq!(of(0), (&params, Some("1.0"), &["CVE-b".to_owned()][..]));
        assert_eq!(of(3), (&vec![], None, &[][..]));
        // A module that does not tell its kernel's build is for each.
        place.install(&[place.foreign("b", KERNEL)])?;
        assert_eq!(place.names(KERNEL), ["4", "b", "a", "c"]);
        // What is installed already is no new set.
        place.install(&[place.foreign("c", KERNEL)])?;
        assert_eq!(place.names(KERNEL), ["4", "b", "a", "c"]);
        let change = store.uninstall(&release(KERNEL), &["b".into(), "c".into()])?;
        assert_eq!(names(&change), [vec![], vec!["b", "c"]]);
        assert_eq!(place.names(KERNEL), ["5", "a"]);
        Ok(())
    };
    done(run());
    has_no_leftovers(&place.root());
}

pub(super) fn each_kernel_has_a_set_of_its_own() {
    let place = Place::new();
    let store = place.store();
    let run = || -> Result<(), Diagnostic> {
        let files = [("a", KERNEL), ("a", OTHER), ("b", OTHER), ("b", "8.0"), ("c", "8.0")];
        let files = files.map(|(name, kernel)| place.module(name, kernel, ""));
        assert_eq!(place.install(&files)?.len(), 3);
        assert_eq!(store.releases()?, [KERNEL, OTHER, "8.0"].map(release));
        store.uninstall(&release("8.0"), &["c".into()])?;
        assert_eq!(
            [place.names(KERNEL), place.names(OTHER)],
            [vec!["1", "a"], vec!["1", "a", "b"]]
        );
        let missing = |name: &str, kernels: &[&str]| Missing {
            name: name.into(),
            releases: kernels.iter().map(|kernel| release(kernel)).collect(),
        };
        assert_eq!(store.missing(&release(KERNEL))?, [missing("b", &[OTHER, "8.0"])]);
        assert_eq!(store.missing(&release("8.0"))?, [missing("a", &[KERNEL, OTHER])]);
        assert_eq!(store.missing(&release("9.0"))?.len(), 2);
        assert!(store.missing(&release(OTHER))?.is_empty());
        Ok(())
    };
    done(run());
}

pub(super) fn a_package_takes_the_place_of_its_earlier_version_for_every_kernel() {
    let place = Place::new();
    let store = place.store();
    let install = |files: &[PathBuf], package: &str| {
        let open = |file: &PathBuf| open(file).map(|module| (module, Vec::new()));
        store.install(files.iter().map(open).collect::<Result<_, _>>()?, Some(package))
    };
    let module = |name: &str, kernel: &str| place.module(name, kernel, "0a");
    let run = || -> Result<(), Diagnostic> {
        place.install(&[module("own", KERNEL)])?;
        install(&[module("a1", KERNEL), module("b", KERNEL), module("a1", OTHER)], "livepatches")?;
        install(&[module("c", KERNEL)], "others")?;
        assert_eq!(place.names(KERNEL), ["3", "own", "a1", "b", "c"]);
        // The next version has another patch in place of one of them, for one kernel.
        let next = [module("a2", KERNEL), module("b", KERNEL)];
        let changes = install(&next, "livepatches")?;
        let [here, there] = changes.as_slice() else { panic!("{changes:?}") };
        assert_eq!(names(here), [vec!["a2"], vec!["a1"]]);
        assert_eq!(names(there), [vec![], vec!["a1"]]);
        assert_eq!(place.names(KERNEL), ["4", "own", "b", "c", "a2"]);
        assert_eq!(place.names(OTHER), ["2"]);
        // dpkg configures a package again.
        install(&next, "livepatches")?;
        assert_eq!(place.names(KERNEL)[0], "4");
        let changes = store.uninstall_package("livepatches")?;
        assert_eq!(changes.iter().map(names).collect::<Vec<_>>(), [[vec![], vec!["b", "a2"]]]);
        assert_eq!(place.names(KERNEL), ["5", "own", "c"]);
        assert!(store.uninstall_package("livepatches")?.is_empty());
        Ok(())
    };
    done(run());
    let before = disk::read(&place.at(""));
    for name in ["", "a b", "../a", "-a", "a\nb"] {
        let said = failed(install(&[module("d", KERNEL)], name));
        assert!(said.starts_with("KPS1040"), "{said}");
    }
    assert_eq!(disk::read(&place.at("")), before, "a refused command changes nothing");
    has_no_leftovers(&place.root());
}

pub(super) fn a_change_is_undone_where_nobody_has_made_another_since() {
    let place = Place::new();
    let store = place.store();
    let module = |name: &str, kernel: &str| place.module(name, kernel, "0a");
    let run = || -> Result<(), Diagnostic> {
        place.install(&[module("old", KERNEL)])?;
        let before = place.names(KERNEL);
        let changes = place.install(&[module("new", KERNEL), module("new", OTHER)])?;
        place.install(&[module("newer", OTHER)])?;
        let undone = store.undo(&changes)?;
        assert_eq!(undone.iter().map(names).collect::<Vec<_>>(), [[vec![], vec!["new"]]]);
        assert_eq!(place.names(KERNEL), before);
        assert_eq!(place.names(OTHER), ["2", "new", "newer"]);
        // What is undone may be the first set that there was.
        let changes = place.install(&[module("new", "7.5.0-c")])?;
        store.undo(&changes)?;
        assert!(store.set(&release("7.5.0-c"))?.is_none());
        assert!(store.undo(&changes)?.is_empty());
        Ok(())
    };
    done(run());
    has_no_leftovers(&place.root());
}

pub(super) fn rollback_returns_through_the_five_sets_before() {
    let place = Place::new();
    let (store, kernel) = (place.store(), release(KERNEL));
    let none = failed(store.rollback(&kernel));
    assert!(none.starts_with("KPS1037") && none.contains("nothing is installed"), "{none}");
    let run = || -> Result<(), Diagnostic> {
        for name in ["a", "b", "c", "d", "e", "f", "g"] {
            place.install(&[place.module(name, KERNEL, "0a")])?;
        }
        for (generation, gone) in [(6, "g"), (5, "f"), (4, "e"), (3, "d"), (2, "c")] {
            let change = store.rollback(&kernel)?;
            assert_eq!(names(&change), [vec![], vec![gone]]);
            assert_eq!(change.after.map(|set| set.generation), Some(generation));
            // Somebody may still be reading the set that was left.
            for entry in change.before.iter().flat_map(|set| &set.entries) {
                change.before.as_ref().map_or(Ok(()), |set| store.open(set, entry).map(drop))?;
            }
        }
        let none = failed(store.rollback(&kernel));
        assert!(none.starts_with("KPS1037") && none.contains("generation 1"), "{none}");
        assert_eq!(place.names(KERNEL), ["2", "a", "b"]);
        // What is installed now follows the set that was returned to.
        place.install(&[place.module("h", KERNEL, "0a")])?;
        assert_eq!(place.names(KERNEL)[1..], ["a", "b", "h"]);
        store.rollback(&kernel)?;
        assert_eq!(place.names(KERNEL), ["2", "a", "b"]);
        has_no_leftovers(&place.root());
        // Before the first set, there was none.
        place.install(&[place.module("a", OTHER, "")])?;
        let change = store.rollback(&release(OTHER))?;
        assert_eq!(names(&change), [vec![], vec!["a"]]);
        assert!(change.after.is_none() && place.names(OTHER).is_empty());
        assert!(failed(store.rollback(&release(OTHER))).starts_with("KPS1037"));
        place.install(&[place.module("b", OTHER, "")])?;
        assert_eq!(place.names(OTHER)[1..], ["b"]);
        Ok(())
    };
    done(run());
    has_no_leftovers(&place.root());
}

pub(super) fn what_is_not_installed_and_what_cannot_be_is_told() {
    let place = Place::new();
    let (store, kernel) = (place.store(), release(KERNEL));
    let uninstall = |name: &str| failed(store.uninstall(&kernel, &[name.to_owned()]));
    assert!(uninstall("a").starts_with("KPS1036") && !place.at("").exists());
    assert!(place.install(&[place.module("a", KERNEL, "0a")]).is_ok());
    let before = disk::read(&place.at(""));
    let said = uninstall("b");
    assert_eq!(
        said,
        format!("KPS1036: `b` is not installed for {KERNEL}  (name an installed patch: `a`)")
    );
    assert_eq!(failed(store.uninstall(&kernel, &["a".into(), "b".into()])), said);
    let right = place.module("r", OTHER, "0a");
    for (wrong, why) in [
        (place.foreign("b", "../../etc"), "names no kernel release"),
        (place.foreign("b", ""), "names no kernel release"),
        (place.foreign("b", ".lock SMP"), "names no kernel release"),
        (place.foreign("b", &"r".repeat(65)), "names no kernel release"),
        (place.module("b", KERNEL, "../x"), "no valid build-id"),
        (place.module("b", KERNEL, &"0a".repeat(21)), "no valid build-id"),
    ] {
        let said = failed(place.install(&[right.clone(), wrong]));
        assert!(said.starts_with("KPS1040") && said.contains(why), "{said}");
    }
    let large = vec!["a".repeat(1 << 21)];
    let module = open(&right).map(|module| vec![(module, large)]);
    let said = failed(module.and_then(|module| store.install(module, None)));
    assert!(said.starts_with("KPS1040") && said.contains("too long"), "{said}");
    assert_eq!(disk::read(&place.at("")), before, "a refused command changes nothing");
}

/// Writers wait for each other, and a reader has one set whole, whatever they do.
pub(super) fn writers_and_readers_at_once_do_no_harm() {
    // A reader may still be at the first set, and as many sets are kept before the installed one.
    const WRITERS: usize = 5;
    let place = Place::new();
    assert!(place.install(&[place.module("first", KERNEL, "0a")]).is_ok());
    let module = |n: usize| place.module(&format!("patch_{n}"), KERNEL, "0a");
    let files: Vec<_> = (0..WRITERS).map(|n| module(n).display().to_string()).collect();
    let start = |file: &String| writer(&place.root(), &["install", file]).spawn();
    let mut children: Vec<_> = files.iter().map(start).collect();
    let mut sets = BTreeSet::new();
    let mut is_over = false;
    while !is_over {
        is_over = children
            .iter_mut()
            .all(|child| child.as_mut().is_ok_and(|child| !matches!(child.try_wait(), Ok(None))));
        // This opens each module, and compares it.
        sets.insert(set(&place.root(), KERNEL).map(|(generation, _)| generation));
    }
    for child in children {
        let status = child.and_then(|mut child| child.wait());
        assert!(status.as_ref().is_ok_and(|status| status.success()), "{status:?}");
    }
    let mut found = place.names(KERNEL);
    assert_eq!(found.remove(0), (WRITERS + 1).to_string());
    assert_eq!(found.remove(0), "first");
    found.sort();
    assert_eq!(found, (0..WRITERS).map(|n| format!("patch_{n}")).collect::<Vec<_>>());
    has_no_leftovers(&place.root());
}

pub(super) fn modprobe_goes_through_load() {
    let place = Place::new();
    let store = place.store();
    let file = place.root().join("etc/modprobe.d/kpsc.conf");
    let text = || fs::read_to_string(&file).unwrap_or_default();
    let outside = place.path("outside");
    let run = || -> Result<(), Diagnostic> {
        place.install(&[place.module("b", KERNEL, ""), place.module("a", OTHER, "")])?;
        // A link there is replaced, and what it leads to stays.
        let linked =
            fs::write(&outside, "old").and_then(|()| std::os::unix::fs::symlink(&outside, &file));
        assert!(linked.is_ok());
        store.write_modprobe("/usr/sbin/kpsctl".as_ref())?;
        let lines: Vec<_> = text().lines().skip(1).map(str::to_owned).collect();
        assert_eq!(
            lines,
            [
                "install a /usr/sbin/kpsctl load a $CMDLINE_OPTS",
                "install b /usr/sbin/kpsctl load b $CMDLINE_OPTS"
            ]
        );
        assert_eq!(fs::read_to_string(&outside).ok().as_deref(), Some("old"));
        store.uninstall(&release(OTHER), &["a".into()])?;
        store.write_modprobe("/usr/sbin/kpsctl".as_ref())?;
        assert_eq!(text().lines().count(), 2);
        let said = failed(store.write_modprobe("/opt/a b/kpsctl".as_ref()));
        assert!(said.contains("/opt/a b/kpsctl") && text().lines().count() == 2, "{said}");
        store.remove_modprobe()?;
        store.remove_modprobe()?;
        assert!(!file.exists());
        Ok(())
    };
    done(run());
}
