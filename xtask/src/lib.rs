// SPDX-License-Identifier: GPL-2.0
//! What the suites share with the commands: the environment of Ansible, what `cargo xtask bench`
//! measures, with the figures that no clock has a part in, and what `cargo xtask dist` writes.

pub mod ansible;
pub mod bench;
pub mod dist;
