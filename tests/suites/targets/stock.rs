// SPDX-License-Identifier: GPL-2.0
//! Stock kernels in core mode: the newest of Debian 12 and 13, and the default target's own release
//! without its Rust crate. Each has a cache of its own, on one disk. The first is prepared from
//! nothing, and the others find its compilers.

use super::interrupted::{prepare, SIZE};
use super::kernel::{Kernel, Rest};
use super::namespace::DISK;
use super::stops::{self, Interrupted};
use super::there::{succeed, There};
use kps_targets::Cache;
use kps_tests::kpsc;
use kps_tests::target::target;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

/// Debian 13's own kernel.
pub(super) const TRIXIE: Kernel = Kernel {
    name: "6.12",
    get: || {
        static THERE: LazyLock<There> = LazyLock::new(|| prepared("6.12", Interrupted::InSome));
        &THERE
    },
    made_by: "stock kernels in core mode",
    acts: &ACTS,
    // For functions that are newer.
    refused: &[("closed_at_exit", "KPS0605")],
    // They name members and prototypes of newer kernels.
    elsewhere: &["flexible_arrays", "unions", "without_endbr"],
    rest: Rest::ActsInLongRuns,
    is_for_long_runs: false,
};

/// Debian 12's own kernel.
pub(super) const BOOKWORM: Kernel = Kernel {
    name: "6.1",
    get: || {
        static THERE: LazyLock<There> = LazyLock::new(|| core_mode("6.1", &newest("6.1.")));
        &THERE
    },
    refused: &[("closed_at_exit", "KPS0605"), ("structs_by_value", "KPS0201")],
    elsewhere: &["bitfields", "flexible_arrays", "kinds_of_types", "unions", "without_endbr"],
    ..TRIXIE
};

/// The default target's release, in core mode.
pub(super) const CORE: Kernel = Kernel {
    name: "core",
    get: || {
        static THERE: LazyLock<There> = LazyLock::new(|| core_mode("core", target().release()));
        &THERE
    },
    refused: &[],
    is_for_long_runs: true,
    ..TRIXIE
};

/// Specs that act in every run, each for something of the kernel's that the module is made by.
const ACTS: [&str; 13] = [
    "bitfields",       // bitfields of structs that grow from kernel to kernel
    "callbacks",       // struct klp_callbacks, and a variable that is not exported
    "cmdline_mark",    // struct klp_patch and its like, and the guard
    "kinds_of_types",  // layouts, held against those of the C of this kernel
    "module_function", // a module's own types and build-id
    "parameters",      // struct kernel_param
    "per_cpu",         // where a CPU's own variables are, and the task that runs
    "seven_arguments", // a caller's stack
    "static_keys",     // klp relocations in a table that the kernel reads early
    "system_calls",    // entries of the system call table
    "unions",          // overlapping members of structs that change with each kernel
    "user_pointers",   // the kernel's inline functions for the memory of programs
    "without_endbr",   // how functions start, and where their ftrace sites are
];

/// The first kernel, prepared under interruptions on a disk that can fill up.
fn prepared(name: &str, interrupted: Interrupted) -> There {
    let there = on_disk(name);
    let stops = stops::of_core_mode();
    prepare(&there, &newest("6.12."), &["--rust", "core"], &stops, interrupted);
    there
}

/// The first kernel is killed in each step of its preparation, and runs out of room in some.
pub(super) fn is_prepared_under_interruptions() {
    let there = prepared("interrupted", Interrupted::InAll);
    succeed(Command::new("umount").arg(&there.cache));
}

/// A kernel that is prepared in core mode with the compilers of the first one.
pub(super) fn core_mode(name: &str, release: &str) -> There {
    let first = &(TRIXIE.get)().cache;
    let there = There { cache: first.join(name), name: name.to_owned() };
    let compilers = |cache: &Path| Cache::at(cache).root().join("toolchains");
    let (own, first) = (compilers(&there.cache), compilers(first));
    succeed(Command::new("mkdir").arg("-p").arg(&own));
    // Links take no time. They need a cache on the disk of the first one.
    succeed(Command::new("cp").arg("-al").arg(first.join(".")).arg(&own));
    let words = ["kernel", "add", "--release", release, "--rust", "core", "--name", name];
    let said = succeed(&mut there.kpsc(&words));
    assert!(!said.contains("compilers: "), "{name} has compilers of its own:\n{said}");
    there
}

/// A cache on a disk of its own, in memory.
pub(super) fn on_disk(name: &str) -> There {
    let disk = Path::new(DISK).join(name);
    succeed(Command::new("mkdir").arg(&disk));
    let options = format!("mode=755,size={SIZE}");
    succeed(Command::new("mount").args(["-t", "tmpfs", "-o", &options, "none"]).arg(&disk));
    There { cache: disk, name: name.to_owned() }
}

/// The newest release of a series that can be added, in the default target's flavour.
fn newest(series: &str) -> String {
    let of_series = |line: &&str| line.starts_with(series) && line.ends_with("\theaders");
    let all = available(&["--suite", if series == "6.1." { "bookworm" } else { "trixie" }]);
    let found = all.lines().find(of_series).and_then(|line| line.split('\t').next());
    found.unwrap_or_else(|| panic!("the archive holds no kernel {series}*:\n{all}")).to_owned()
}

/// What the archive holds of the default target's flavour, newest first. The lists are those of the
/// default target's cache: the others are to have nothing yet.
pub(crate) fn available(words: &[&str]) -> String {
    let flavour = ["--flavour", kps_arch::native().debian.flavour];
    succeed(kpsc().args(["kernel", "list", "--available"]).args(flavour).args(words))
}
