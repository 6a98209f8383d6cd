// SPDX-License-Identifier: GPL-2.0
//! A kernel in a virtual machine: starts within a second, runs shell scripts, and is watched for
//! complaints.
//!
//! QEMU runs the target's own image with a small initramfs: busybox, and an `init` that executes
//! what it is told over the second serial port. The first one carries the kernel's log. One CPU,
//! because an emulator with several does not honour the cross-modifying code that ftrace and
//! livepatch live on.
//!
//! A target is booted once. Its machine is saved as a template, and every machine after that starts
//! as a copy of it.

mod guest;
mod initramfs;
mod log;
mod machine;
mod monitor;
mod phases;
mod qemu;
mod steps;
mod template;

pub use guest::{Guest, Output};
pub use machine::{Machine, VmError};
pub use phases::{run_tests, run_unpatched, Phase, TestFailure, TestReport};
pub use steps::trigger_path;
pub use template::{Copy, TemplateMachine};
