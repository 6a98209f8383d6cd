// SPDX-License-Identifier: GPL-2.0
//! What the suites share with `cargo xtask bench`: what is measured, and the figures that no clock
//! has a part in.

pub mod bench;
