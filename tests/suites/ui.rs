//! What kpsc says about a spec: every `tests/ui/*.kps` has its messages beside it.
//!
//! `BLESS=1 cargo test --test ui` writes them anew; read the difference before you commit it.

use kps_tests::{fixture_cache, kpsc, printed, repository, FIXTURE};
use libtest_mimic::{Arguments, Failed, Trial};
use std::path::Path;

fn main() {
    let folder = repository().join("tests/ui");
    let cache = fixture_cache();
    let mut specs: Vec<_> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension() == Some("kps".as_ref()))
        .collect();
    specs.sort();
    let trials = specs
        .into_iter()
        .map(|spec| {
            let name = spec.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            let cache = cache.path().to_owned();
            Trial::test(name, move || check(&spec, &cache))
        })
        .collect();
    let conclusion = libtest_mimic::run(&Arguments::from_args(), trials);
    drop(cache);
    conclusion.exit();
}

fn check(spec: &Path, cache: &Path) -> Result<(), Failed> {
    let file = spec.file_name().unwrap_or_default();
    let output = kpsc()
        .current_dir(spec.parent().unwrap_or(Path::new(".")))
        .env("KPSC_CACHE", cache)
        .args(["check", "--kernel", FIXTURE])
        .arg(file)
        .output()?;
    let status = output.status.code().map_or("signal".to_owned(), |code| code.to_string());
    let got = format!("{}exit status {status}\n", printed(&output));
    let expected = spec.with_extension("stderr");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&expected, &got)?;
        return Ok(());
    }
    let wanted = std::fs::read_to_string(&expected).unwrap_or_default();
    // A file's name starts with the code that it is about.
    let code = file.to_string_lossy().split('-').next().unwrap_or_default().to_owned();
    if code.starts_with("KPS") && !got.contains(&code) {
        return Err(format!("{code} is not reported:\n{got}").into());
    }
    if got != wanted {
        return Err(format!("the messages differ; wanted:\n{wanted}\ngot:\n{got}").into());
    }
    Ok(())
}
