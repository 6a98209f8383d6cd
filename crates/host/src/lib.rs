// SPDX-License-Identifier: GPL-2.0
//! The machine that kpsc runs on: files that are written completely or not at all, files of other
//! owners that are read within limits, who can change a folder, and programs that end when kpsc
//! ends and are kept from what its user can reach.

pub mod below;
pub mod disk;
pub mod folder;
pub mod input;
pub mod isolation;
pub mod output;
pub mod owner;
pub mod process;
pub mod signals;
pub mod temporary;
