// SPDX-License-Identifier: GPL-2.0
//! Runs a kernel in a virtual machine, which starts within a second, runs shell scripts, and is
//! watched for complaints.
//!
//! QEMU runs the target's own image with a small initramfs: busybox, and an agent that executes
//! commands from the second serial port. A disk with another system serves as well, if that starts
//! the agent. The first port carries the kernel's log. What runs in the
//! machine is root there, so nothing that it could change decides whether the kernel has
//! complained: QEMU hands the log over, and reads the kernel's own log and its taint from the
//! machine's memory. An emulated machine has one CPU, because an emulator with several does not
//! honour the cross-modifying code that ftrace and livepatch rely on.
//!
//! A target boots once. Its machine is saved as a template, and every later machine starts as a
//! copy of it.

pub mod agent;
mod arguments;
mod booting;
mod console;
mod guest;
mod incoming;
mod initramfs;
mod log;
mod machine;
mod monitor;
mod phases;
mod places;
mod qemu;
mod report;
mod ring;
mod shell;
mod steps;
mod stuck;
mod taint;
mod template;

pub use arguments::arguments;
pub use booting::Booting;
pub use guest::{Guest, Output};
pub use log::complaint;
pub use machine::{Firmware, Machine, Root, VmError};
pub use phases::{run_tests, run_unpatched, with_loaded, Move, Patch, Phase, Series};
pub use report::{Broken, During, Problem, Shown, TestFailure, TestReport};
pub use shell::is_interactive;
pub use steps::trigger_path;
pub use template::{Copy, TemplateMachine};
