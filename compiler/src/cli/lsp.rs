// SPDX-License-Identifier: GPL-2.0
//! `kpsc lsp`.

use super::{CommandResult, TargetArgs};
use crate::lsp::serve;
use lsp_server::Connection;

#[derive(Debug, clap::Args)]
pub(super) struct Lsp {
    #[command(flatten)]
    target: TargetArgs,
}

impl Lsp {
    pub(super) fn run(self) -> CommandResult {
        let (connection, threads) = Connection::stdio();
        let served = serve(connection, self.target.kernel);
        // Of a client that is gone, nobody reads why.
        let is_complete = served.unwrap_or(false) && threads.join().is_ok();
        Ok(u8::from(!is_complete))
    }
}
