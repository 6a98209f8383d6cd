// SPDX-License-Identifier: GPL-2.0
//! A kernel of one's own with a small configuration, built from the default target's source by its
//! compilers.

use super::namespace::{is_root, DISK, SMALL, TOOLCHAIN};
use super::there::{succeed, There};
use kps_targets::Target;
use kps_tests::target::target;
use kps_tests::{example, kept, kpsc, repository};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// Specs that act there, each for something that a stock kernel does in another way. The others are
/// built.
pub(super) const ACTS: [&str; 11] = [
    "callbacks",           // another preemption model
    "c_bodies",            // C without return thunks
    "cmdline_mark",        // the guard, on a kernel that nobody distributes
    "module_function",     // a module of the folder's own
    "parameters",          // struct kernel_param of another configuration
    "seven_arguments",     // a caller's stack behind an entry without call padding
    "seven_arguments_pre", // the same where a hook goes on to the old code
    "system_calls",        // a system call table without that for programs of 32 bits
    "task_misses",         // shadow variables, and the RCU of one processor
    "unions",              // structs of another configuration
    "without_endbr",       // no function starts with ENDBR
];

/// Specs that it has not got all for, and how it says so. One is of a function that has few callers
/// there: the compiler has put it into them.
pub(super) const REFUSED: [(&str, &str); 13] = [
    ("bitfields", "KPS0303"),
    ("c_per_cpu", "KPS0212"),
    ("digit_first", "KPS0213"),
    ("eight_arguments", "KPS0201"),
    ("kinds_of_types", "KPS0303"),
    ("loop_limit", "KPS0606"),
    ("no_kexec", "KPS0606"),
    ("no_port_sharing", "KPS0201"),
    ("no_user_ns", "KPS0606"),
    ("per_cpu", "KPS0212"),
    ("softirq_load", "KPS0212"),
    ("static_keys", "KPS0202"),
    ("structs_by_value", "KPS0201"),
];

/// The file that says that the kernel is finished.
const FINISHED: &str = "finished";

/// The kernel, as a target. Where it cannot be made, it is not tried again for the next case.
pub(super) fn small() -> &'static There {
    static SMALL_KERNEL: LazyLock<There> = LazyLock::new(make);
    &SMALL_KERNEL
}

fn make() -> There {
    let stock = target();
    build(&stock);
    let there = There { cache: Path::new(DISK).join("own"), name: "small".to_owned() };
    add(&mut there.kpsc(&[]), &stock);
    there
}

/// Where the kernel is kept: a folder for all that it is made of, so that the next run has nothing
/// to build.
pub(super) fn kept() -> PathBuf {
    let stock = target();
    let read = |path: PathBuf| {
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    };
    let toolchain = stock.tree().and_then(|tree| tree.toolchain.clone()).unwrap_or_default();
    let made_of = [
        read(kernels().join("small.config")),
        read(kernels().join("small.sh")),
        stock.origin().to_owned(),
        toolchain.file_name().unwrap_or_default().to_string_lossy().into_owned(),
    ];
    kept::folder("small-kernel", &made_of)
}

fn kernels() -> PathBuf {
    repository().join("tests/kernels")
}

/// Builds the kernel, unless it is finished.
fn build(stock: &Target) {
    let folder = Path::new(SMALL);
    if folder.join(FINISHED).exists() {
        return;
    }
    kept::forget_others(&kept());
    let script = kernels().join("small.sh");
    succeed(Command::new(script).arg(kpsc().get_program()).arg(&stock.name).arg(folder));
    std::fs::write(folder.join(FINISHED), "").unwrap_or_else(|error| panic!("{error}"));
}

/// `kpsc kernel add` for the kernel; its compilers are those of the stock kernel.
fn add(kpsc: &mut Command, stock: &Target) {
    kpsc.args(["kernel", "add", "--name", "small", "--build-dir"])
        .arg(Path::new(SMALL).join("build"));
    kpsc.args(["--toolchain", TOOLCHAIN]);
    for variable in stock.tree().map(|tree| tree.make.clone()).unwrap_or_default() {
        kpsc.args(["--make", &variable]);
    }
    succeed(kpsc);
}

/// Adding, checking, building and testing, by somebody who may do nothing.
pub(super) fn everything_works_without_root() {
    let there = small();
    let folder = Path::new(DISK).join("nobody");
    let program = folder.join("kpsc");
    succeed(Command::new("mkdir").arg(&folder));
    succeed(Command::new("cp").arg(kpsc().get_program()).arg(&program));
    let kpsc = || {
        let mut command = Command::new(&program);
        command.current_dir(&folder).env("KPSC_CACHE", folder.join("cache")).env("TMPDIR", &folder);
        if is_root() {
            const NOBODY: u32 = 65534;
            succeed(Command::new("chown").args(["-R", &NOBODY.to_string()]).arg(&folder));
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    };
    add(&mut kpsc(), &target());
    let mine = folder.join("cmdline_mark.kps");
    std::fs::copy(example("cmdline_mark"), &mine).unwrap_or_else(|error| panic!("{error}"));
    for command in ["check", "build", "test"] {
        succeed(kpsc().args([command, "--kernel", &there.name]).arg(&mine));
    }
    succeed(kpsc().args(["kernel", "verify"]));
    succeed(kpsc().args(["kernel", "remove", &there.name]));
}
