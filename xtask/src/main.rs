// SPDX-License-Identifier: GPL-2.0
//! What developers and newcomers of kpsc run.
//!
//! `cargo xtask demo` shows the main job; `cargo xtask test` runs every test; `cargo xtask bench`
//! measures. They set up what is missing first. `cargo xtask kernels` writes which example acts on
//! which kernel, `cargo xtask fuzz` looks for inputs that break a property, and `cargo xtask dist`
//! writes the packages.

mod demo;
mod fuzz;
mod host;
mod kernels;
mod test;

use anyhow::{anyhow, bail, Context as _, Result};
use kps_diag::Diagnostic;
use kps_report::{render, Format, Style};
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, ExitCode};
use xtask::bench;

const USAGE: &str = "\
cargo xtask demo [--kernel RELEASE]
                    compile a spec, load it into a stock kernel in a virtual machine, watch it act;
                    --kernel: into this one, such as 6.12
cargo xtask test [SUITE [CASE]] [--quick | --long] [--list]
                    run every test, those of SUITE, or those of its cases with CASE in their names;
                    --quick: those that need no virtual machine, and a few that do; --long: those that
                    no other run includes; --list: list them
cargo xtask bench [--page | --against FILE.rs]
                    measure speed and size in about five minutes; --page: write the figures into
                    docs/bench.md; --against: compare with a livepatch written by hand
cargo xtask kpsctl  build kpsctl, the program for servers, and print its path
cargo xtask dist    write kpsc and kpsctl as Debian packages, and the sources, to target/dist
cargo xtask kernels [--kernel NAME ..]
                    test every example on these targets, or on all, and write the table of
                    docs/targets.md
cargo xtask fuzz [TARGET ..] [--seconds N]
                    look for inputs that break a property, for one minute by default";

fn main() -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().skip(1).collect();
    if let [word, command @ ..] = words.as_slice() {
        if word == bench::WORD {
            return end(bench::measure(command));
        }
    }
    let words: Vec<&str> = words.iter().filter_map(|word| word.to_str()).collect();
    let usage = || {
        eprintln!("{USAGE}");
        ExitCode::from(2)
    };
    let result = match words.as_slice() {
        [.., "-h" | "--help"] => {
            println!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        ["demo"] => at_the_top().and_then(|()| demo::run(None)),
        ["demo", "--kernel", release] => at_the_top().and_then(|()| demo::run(Some(release))),
        ["test", words @ ..] => match test::Request::parse(words) {
            Some(request) => match at_the_top().and_then(|()| test::run(&request)) {
                // Its last line says so.
                Ok(false) => return ExitCode::FAILURE,
                result => result.map(|_| ()),
            },
            None => return usage(),
        },
        ["bench"] => prepare_bench().and_then(|kpsc| bench::run(kpsc, None)),
        ["bench", "--page"] => prepare_bench().and_then(bench::run_for_the_page),
        ["bench", "--against", file] => bench_against(file),
        ["kpsctl"] => at_the_top().and_then(|()| {
            let (mut build, program) = kpsctl()?;
            run(&mut build)?;
            println!("{}", program.display());
            Ok(())
        }),
        ["dist"] => at_the_top().and_then(|()| dist()),
        ["kernels", words @ ..] => match kernels::names(words) {
            Some(names) => at_the_top().and_then(|()| kernels::run(&names)),
            None => return usage(),
        },
        ["fuzz", words @ ..] => match fuzz::Request::parse(words) {
            Some(wish) => at_the_top().and_then(|()| fuzz::run(&wish)),
            None => return usage(),
        },
        _ => return usage(),
    };
    end(result)
}

fn end(result: Result<()>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Goes to the repository's top folder, wherever in it the command was given.
fn at_the_top() -> Result<()> {
    let top = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
    std::env::set_current_dir(top).with_context(|| format!("cannot go to {top}"))
}

fn bench_against(file: &str) -> Result<()> {
    let file = std::path::absolute(file)?;
    bench::run(prepare_bench()?, Some(&file))
}

/// Builds what is measured, and gives the program.
fn prepare_bench() -> Result<PathBuf> {
    at_the_top()?;
    host::prepare()?;
    build_kpsc()?;
    // Without a name this prepares the default target if there is none, and says so.
    run(kpsc()?.args(["build", "examples/cmdline_mark/cmdline_mark.kps", "-o", "target/example"]))?;
    Ok(kpsc()?.get_program().into())
}

/// Runs a program that speaks for itself.
fn run(command: &mut Command) -> Result<()> {
    let status = command.status();
    let shown = format!("{command:?}").replace('"', "");
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => bail!("{shown} failed: {status}"),
        Err(error) => bail!("cannot run {shown}: {error}"),
    }
}

/// cargo, as it was called.
fn cargo() -> Command {
    Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
}

/// Compiles kpsc. It is named together with this program: what both consist of has been compiled
/// for it, with the features that both of them need, and is not compiled again with fewer.
fn build_kpsc() -> Result<()> {
    run(cargo().args(["build", "--quiet", "--release", "--package", "kpsc", "--package", "xtask"]))
}

/// What builds kpsctl, and where it is then: static, because a server has another C library than this machine, or none.
/// Only with a named target does cargo leave the flags away from build scripts and macros, which
/// cannot be static.
fn kpsctl() -> Result<(Command, PathBuf)> {
    let host = cargo_host()?;
    let flags = format!("target.{host}.rustflags=['-Ctarget-feature=+crt-static']");
    let mut command = cargo();
    command.args(["build", "--quiet", "--package", "kpsctl", "--profile", "kpsctl"]);
    command.args(["--target", &host, "--config", &flags]);
    let own = std::env::current_exe().context("cannot find this program")?;
    let target = own.ancestors().nth(2).context("this program is in no target folder")?;
    Ok((command, target.join(host).join("kpsctl/kpsctl")))
}

/// Builds the programs, and writes what they are given out as.
fn dist() -> Result<()> {
    build_kpsc()?;
    let (mut build, kpsctl) = kpsctl()?;
    run(&mut build)?;
    let kpsc = kpsc()?.get_program().into();
    let target = kpsctl.ancestors().nth(3).context("kpsctl is in no target folder")?.join("dist");
    for path in xtask::dist::write(&xtask::dist::Programs { kpsc, kpsctl }, &target)? {
        println!("{}", path.display());
    }
    Ok(())
}

/// This machine, as rustc names it.
fn cargo_host() -> Result<String> {
    let output = Command::new("rustc").arg("-vV").output().context("cannot run rustc")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc does not name its host")
}

/// kpsc, which cargo has put beside this program.
fn kpsc() -> Result<Command> {
    let own = std::env::current_exe().context("cannot find this program")?;
    Ok(Command::new(own.with_file_name("kpsc")))
}

/// What kpsc says is wrong, as an error.
fn kpsc_error(diagnostic: Diagnostic) -> anyhow::Error {
    let style = Style { program: "kpsc", format: Format::Human, kernel: None };
    anyhow!("{}", render(&diagnostic, None, style))
}
