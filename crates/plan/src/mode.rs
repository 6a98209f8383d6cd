// SPDX-License-Identifier: GPL-2.0
//! What the Rust of a patch stands on.

/// Whether a target has the kernel's own Rust crate. Generated code is the same in both modes: it
/// names a crate `kernel`, and only whose that is differs.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// The `kernel` crate of Rust for Linux, which the kernel's build has compiled: `CONFIG_RUST`.
    #[default]
    KernelCrate,
    /// Rust's `core` and kpsc's own crate `kernel`, for any kernel.
    Core,
}

impl Mode {
    /// Its name, as options and manifests have it.
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::KernelCrate => "kernel",
            Mode::Core => "core",
        }
    }

    /// The mode of this name.
    pub fn new(name: &str) -> Option<Mode> {
        [Mode::KernelCrate, Mode::Core].into_iter().find(|mode| mode.as_str() == name)
    }
}
