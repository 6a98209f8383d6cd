// SPDX-License-Identifier: GPL-2.0
//! The program `kpsc`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(kpsc::cli::main())
}
