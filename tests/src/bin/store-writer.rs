// SPDX-License-Identifier: GPL-2.0
//! Writes to the store of a system as the commands do, in a process of its own: the suite `store`
//! watches its system calls and makes them fail.

use kps_diag::Diagnostic;
use kps_operate::store::{Release, Set, Store};
use kps_operate::{open, ModuleFile, System};
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match write(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{}: {}", error.code.id(), error.message);
            ExitCode::FAILURE
        }
    }
}

/// `ROOT VERB ARGUMENT..`
fn write(arguments: &[String]) -> Result<(), Diagnostic> {
    let [root, verb, rest @ ..] = arguments else { panic!("store-writer ROOT VERB ARGUMENT..") };
    let store = Store::of(&System::at(root));
    match (verb.as_str(), rest) {
        ("install", files) => {
            let module = |file: &String| -> Result<(ModuleFile, Vec<String>), Diagnostic> {
                Ok((open(Path::new(file))?, Vec::new()))
            };
            store.install(files.iter().map(module).collect::<Result<_, _>>()?, None).map(drop)
        }
        ("uninstall", [kernel, names @ ..]) => store.uninstall(&release(kernel), names).map(drop),
        ("rollback", [kernel]) => store.rollback(&release(kernel)).map(drop),
        ("begin", [kernel]) => store.begin(&set(&store, kernel)?),
        ("loaded", [kernel]) => store.loaded(&release(kernel)),
        ("booted", [kernel]) => store.booted(&release(kernel)),
        ("modprobe", [program]) => store.write_modprobe(Path::new(program)),
        _ => panic!("{arguments:?}"),
    }
}

fn set(store: &Store, kernel: &str) -> Result<Set, Diagnostic> {
    Ok(store.set(&release(kernel))?.unwrap_or_else(|| panic!("nothing is installed for {kernel}")))
}

fn release(text: &str) -> Release {
    Release::of(text).unwrap_or_else(|| panic!("{text} is no release"))
}
