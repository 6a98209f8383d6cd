// SPDX-License-Identifier: GPL-2.0
//! The command line of the program `kpsctl`.

use crate::Verb;
use clap::{CommandFactory as _, Parser, Subcommand};
use kps_host::{signals, temporary};
use kps_report::{usage, Console, ExitCode, Explain, Format};

/// Manages the livepatches of this machine.
#[derive(Debug, Parser)]
#[command(name = "kpsctl", version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// How to write messages: human, short or json.
    #[arg(long, value_name = "FORMAT", global = true, hide_possible_values = true)]
    message_format: Option<Format>,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(flatten)]
    Operate(Verb),
    /// Explain the code of a message, or list all codes.
    Explain(Explain),
}

/// The command line, for its manual pages and completions.
pub fn command() -> clap::Command {
    Arguments::command()
}

/// Runs kpsctl with the arguments of the process.
pub fn main() -> ExitCode {
    // If that is impossible, a signal leaves temporary files and does nothing worse.
    let _ = signals::clean_up_before_ending();
    let mut console = Console { program: "kpsctl", format: Format::default() };
    let code = match Arguments::try_parse() {
        Err(error) => usage(&error),
        Ok(Arguments { command, message_format }) => {
            console.format = message_format.unwrap_or_default();
            match command {
                Command::Operate(verb) => verb.run(console),
                Command::Explain(explain) => {
                    explain.run();
                    0
                }
            }
        }
    };
    let code = console.finished(code);
    temporary::settle();
    code
}
