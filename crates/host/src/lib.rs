// SPDX-License-Identifier: GPL-2.0
//! The machine that kpsc runs on: files that are written completely or not at all, files of other
//! owners that are read within limits, and programs that end when kpsc ends.

pub mod disk;
pub mod input;
pub mod process;
