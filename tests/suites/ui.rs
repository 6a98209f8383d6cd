//! What kpsc says about a spec: every `tests/ui/*.kps` has its messages beside it, and the files that it names in a folder of its
//! name. Nothing else comes of it: the working
//! folder, the cache and the temporary folder stay as they were, and a build that is refused says the same and makes no
//! output folder. Every folder of `tests/series` holds specs that follow each other, in the order of their names; what `check` says of
//! them together stands beside it.
//!
//! `BLESS=1 cargo test --test ui` writes the messages anew; read the difference before you commit it.

use kps_tests::world::{compare, World};
use kps_tests::{repository, FIXTURE};
use libtest_mimic::{Arguments, Failed, Trial};
use std::path::{Path, PathBuf};

fn main() {
    let folder = repository().join("tests/ui");
    let mut specs: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension() == Some("kps".as_ref()))
        .collect();
    specs.sort();
    let trials = specs.into_iter().map(|spec| {
        let name = spec.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        Trial::test(name, move || check(&spec))
    });
    let series = subfolders(&repository().join("tests/series")).into_iter().map(|folder| {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Trial::test(format!("series: {name}"), move || check_series(&folder))
    });
    libtest_mimic::run(&Arguments::from_args(), trials.chain(series).collect()).exit();
}

fn subfolders(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
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
