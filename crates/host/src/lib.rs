// SPDX-License-Identifier: GPL-2.0
//! The machine that kpsc runs on: files that are written whole or not at all, files of others that
//! are read within limits, and programs that end when kpsc does.

pub mod disk;
pub mod input;
pub mod process;
