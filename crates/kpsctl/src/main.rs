// SPDX-License-Identifier: GPL-2.0
//! The program `kpsctl`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(kpsctl::main())
}
