// SPDX-License-Identifier: GPL-2.0
//! Editors: that `kpsc lsp` answers, on the fixture and with Neovim as its client, and that the
//! grammars for editors read what the compiler reads.

mod abilities;
mod client;
mod grammars;
mod neovim;
mod sessions;

use kps_tests::schedule::Case;

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    let parts = [abilities::cases(), sessions::cases(), grammars::cases(), neovim::cases()];
    parts.into_iter().flatten().collect()
}
