//! A kernel in a virtual machine: boots in seconds, runs shell scripts, and is watched for complaints.
//!
//! QEMU runs the target's own image with a small initramfs: busybox, and an `init` that executes what it is told over the
//! second serial port. The first one carries the kernel's log. One CPU, because an emulator with several does not honour
//! the cross-modifying code that ftrace and livepatch live on.

mod guest;
mod initramfs;
mod log;
mod phases;
mod steps;

pub use guest::{Guest, Machine, Output, VmError};
pub use phases::{run_tests, run_unpatched, Phase, TestFailure, TestReport};
pub use steps::trigger_path;
