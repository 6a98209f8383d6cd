// SPDX-License-Identifier: GPL-2.0
//! What patches do to modules: loaded before, loaded later, loaded again, never loaded, and not the
//! ones they were made for.

use kps_tests::schedule::Case;
use kps_tests::store;
use kps_tests::target::{target, Vm};
use kps_tests::{kpsc, printed, repository};
use std::path::{Path, PathBuf};

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    let case = |name: &str, run: fn()| Case::new(name, run).machine().about(15);
    vec![
        case("a module that is loaded before the patch", loaded_before),
        case("a module that is loaded later, and again", loaded_later),
        case("a module that is never loaded", never_loaded),
        case("another module of the same name stays unpatched", another_stays_unpatched),
        case("the patch is not let go while a task is in a module's function", unload_is_safe),
        case(
            "a module and its patch go in every order while its function sleeps",
            unloaded_in_every_order,
        ),
        Case::new("what the code of a module tells is reported", code_tells),
        Case::new("what the code of the kernel's modules tells is reported", kernels_code_tells),
        case("a patch of a module's main loop is never complete", main_loop_stalls),
    ]
}

/// The cases that hold on other kernels too.
pub(crate) fn on_every_kernel() -> Vec<Case> {
    let case = |name: &str, run: fn()| Case::new(name, run).machine().about(15);
    vec![
        case("a module that is loaded before the patch", loaded_before),
        case("a module that is loaded later, and again", loaded_later),
        case("another module of the same name stays unpatched", another_stays_unpatched),
        case("the patch is not let go while a task is in a module's function", unload_is_safe),
    ]
}

fn folder() -> PathBuf {
    repository().join("tests/vm/modules")
}

/// The greeter with this greeting.
fn greeter(greeting: &str) -> Vec<u8> {
    let flags = format!("ccflags-y := '-DGREETING=\"{greeting}\"'\n");
    store::c_module(&folder().join("greeter.c"), &flags, &[])
}

/// A machine with the greeter, the patch for it, and another greeter.
fn machine() -> Vm {
    let scratch = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let (mine, other) = (greeter("hello"), greeter("goodbye"));
    let spec = scratch.path().join("greets_back.kps");
    std::fs::write(scratch.path().join("greeter.ko"), &mine)
        .and_then(|()| std::fs::copy(folder().join("greets_back.kps"), &spec))
        .unwrap_or_else(|error| panic!("{error}"));
    let file = |path: &str, bytes| (path.to_owned(), bytes);
    Vm::start(vec![
        file("/greets_back.ko", store::module(&spec)),
        file("/greeter.ko", mine),
        file("/other.ko", other),
    ])
}

fn loaded_before() {
    let mut vm = machine();
    let said = vm.sh("insmod /greeter.ko && cat /proc/greeter
        livepatch load /greets_back.ko && cat /proc/greeter
        livepatch unload greets_back && cat /proc/greeter && rmmod greeter
        dmesg | grep -o 'greets_back: p.*'");
    let wanted = "hello 1\npatched 2 of 2, 2 here\nhello 3\nhello 4\n\
        greets_back: pre_patch of 0\ngreets_back: post_patch\ngreets_back: pre_unpatch\ngreets_back: post_unpatch\n";
    assert_eq!(said, wanted);
    vm.check_log();
}

/// Linux clears what it has written into a patch for a module that goes since 6.3. Before, it
/// refuses the module when it comes again; without the patch it takes it.
fn comes_again() -> bool {
    let target = target();
    let mut numbers = target.release().split(['.', '-', '+']).map_while(|part| part.parse().ok());
    (numbers.next(), numbers.next()) >= (Some(6), Some(3_u32))
}

fn loaded_later() {
    let mut vm = machine();
    if !comes_again() {
        let said = vm.sh("livepatch load /greets_back.ko
            insmod /greeter.ko && cat /proc/greeter && rmmod greeter || exit 1
            insmod /greeter.ko && exit 1
            livepatch unload greets_back && insmod /greeter.ko && cat /proc/greeter && rmmod greeter");
        let refused = "insmod: can't insert '/greeter.ko': invalid module format\n";
        assert_eq!(said, format!("patched 1 of 1, 1 here\nhello 2\n{refused}hello 1\n"));
        return vm.check_log();
    }
    let said = vm.sh("livepatch load /greets_back.ko
        n=0
        while [ $n -lt 20 ]; do
            n=$((n + 1))
            insmod /greeter.ko && cat /proc/greeter && rmmod greeter || exit 1
        done
        insmod /greeter.ko
        livepatch unload greets_back && cat /proc/greeter && rmmod greeter
        dmesg | grep -c 'greets_back: post_unpatch'");
    assert_eq!(said, format!("{}hello 1\n21\n", "patched 1 of 1, 1 here\nhello 2\n".repeat(20)));
    vm.check_log();
}

fn never_loaded() {
    let mut vm = machine();
    let said = vm.sh(
        "for time in 1 2 3; do livepatch load /greets_back.ko && livepatch unload greets_back || exit 1; done
        insmod /greeter.ko && cat /proc/greeter",
    );
    assert_eq!(said, "hello 1\n");
    vm.check_log();
}

/// It is loaded all the same, and so is the right one after it.
fn another_stays_unpatched() {
    const LINE: &str =
        "greets_back: greeter is not the module that this patch was made for, the file greeter.ko";
    let mut vm = machine();
    if !comes_again() {
        let said = vm.sh("livepatch load /greets_back.ko
            insmod /other.ko && cat /proc/greeter && livepatch unload greets_back || exit 1
            cat /proc/greeter && rmmod greeter && livepatch load /greets_back.ko || exit 1
            insmod /greeter.ko && cat /proc/greeter && livepatch unload greets_back");
        assert_eq!(said, "goodbye 1\ngoodbye 2\npatched 1 of 1, 1 here\nhello 2\n");
        return vm.check_log();
    }
    let said = vm.sh(&format!(
        "livepatch load /greets_back.ko
        insmod /other.ko && cat /proc/greeter && rmmod greeter || exit 1
        insmod /greeter.ko && cat /proc/greeter && rmmod greeter || exit 1
        insmod /other.ko && cat /proc/greeter
        livepatch unload greets_back && cat /proc/greeter || exit 1
        livepatch load /greets_back.ko && cat /proc/greeter && livepatch unload greets_back || exit 1
        rmmod greeter
        dmesg | grep -c '{LINE}'; dmesg | grep -c 'greets_back: post_unpatch'"
    ));
    let wanted =
        "goodbye 1\npatched 1 of 1, 1 here\nhello 2\ngoodbye 1\ngoodbye 2\ngoodbye 3\n3\n1\n";
    assert_eq!(said, wanted);
    vm.check_log();
}

/// The original sleeps below the new body.
fn unload_is_safe() {
    let mut vm = machine();
    let said = vm.sh("insmod /greeter.ko sleepy=1 && livepatch load /greets_back.ko || exit 1
        cat /proc/greeter > /tmp/out & pid=$!
        until grep -q livepatch_greeter_show /proc/$pid/stack; do usleep 10000; done
        echo 0 > /sys/kernel/livepatch/greets_back/enabled
        usleep 300000; cat /sys/kernel/livepatch/greets_back/transition
        while [ -e /sys/kernel/livepatch/greets_back ]; do usleep 10000; done
        rmmod greets_back && wait $pid && cat /tmp/out && rmmod greeter");
    assert_eq!(said, "1\npatched 1 of 1, 1 here\nhello 2\n");
    vm.check_log();
}

/// Which of the two is asked to go first, and whether the other one is asked before the first one
/// is gone. Both wait for the function.
fn unloaded_in_every_order() {
    // A file of /proc that is removed while it is read ends in an error.
    let mut vm = machine();
    let said = vm.sh("
        patch_goes() {
            echo 0 > /sys/kernel/livepatch/greets_back/enabled
            while [ -e /sys/kernel/livepatch/greets_back ]; do usleep 10000; done
            rmmod greets_back
        }
        module_goes() { rmmod greeter; }
        for order in 'patch_goes; module_goes' 'module_goes; patch_goes' 'patch_goes & module_goes; wait $!' 'module_goes & patch_goes; wait $!'; do
            insmod /greeter.ko sleepy=1 && livepatch load /greets_back.ko || exit 1
            cat /proc/greeter > /tmp/out 2> /dev/null & pid=$!
            until grep -q livepatch_greeter_show /proc/$pid/stack; do usleep 10000; done
            eval \"$order\"
            wait $pid; cat /tmp/out
            grep -e greeter -e greets_back /proc/modules && exit 1
            [ -e /sys/kernel/livepatch/greets_back ] && exit 1
        done; true");
    assert_eq!(said, "patched 1 of 1, 1 here\nhello 2\n".repeat(4));
    vm.check_log();
}

/// A spec that changes a module of the kernel, or the one in a file beside it.
fn spec(object: &str, functions: &str) -> String {
    format!("patch changes {{\n    license \"GPL\";\n    object {object} {{ {functions} }}\n}}\n")
}

/// What kpsc says of a spec in a folder.
fn check(folder: &Path, text: &str) -> String {
    let path = folder.join("changes.kps");
    std::fs::write(&path, text).unwrap_or_else(|error| panic!("{error}"));
    let output = kpsc().arg("check").arg(&path).output();
    printed(&output.unwrap_or_else(|error| panic!("{error}")))
}

/// A folder with the module of this name.
fn folder_with_poller() -> tempfile::TempDir {
    let scratch = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let poller = store::c_module(&folder().join("poller.c"), "", &[]);
    std::fs::write(scratch.path().join("poller.ko"), poller)
        .unwrap_or_else(|error| panic!("{error}"));
    scratch
}

const POLLER: &str = "poller from \"poller.ko\"";
const MAIN_LOOP: &str = "fn poller_main(data: *mut c_void) -> c_int { pre { } }";

/// The module is compiled, so its code is what the kernel's build makes of C.
fn code_tells() {
    let scratch = folder_with_poller();
    let cases = [
        (MAIN_LOOP, "warning[KPS0409]"),
        ("fn poller_tick(t: *mut c_void) { pre { msleep(1); } }", "error[KPS0512]"),
        ("fn poller_exit_thread() { post { } }", "error[KPS0410]"),
        (
            "use fn poller_step() -> c_int; fn poller_count() -> c_int { pre { poller_step(); } }",
            "warning[KPS0513]",
        ),
    ];
    for (functions, wanted) in cases {
        let said = check(scratch.path(), &spec(POLLER, functions));
        assert!(said.contains(wanted), "{functions}\n{said}");
    }
    let harmless = "fn poller_step() -> c_int { post { ret += 1; } } fn poller_tick(t: *mut c_void) { pre { } }";
    let said = check(scratch.path(), &spec(POLLER, harmless));
    assert!(!said.contains("KPS"), "{said}");
}

/// Functions of modules that every target has.
fn kernels_code_tells() {
    let scratch = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let cases = [
        ("xfs", "fn xfsaild { pre { } }", "warning[KPS0409]"),
        ("btrfs", "fn cleaner_kthread { pre { } }", "warning[KPS0409]"),
        ("nfsd", "fn nfsd { pre { } }", "warning[KPS0409]"),
        ("btrfs", "fn zstd_reclaim_timer_fn { pre { msleep(1); } }", "error[KPS0512]"),
        ("xfs", "fn xfs_inode_free_callback { pre { msleep(1); } }", "error[KPS0512]"),
        ("cifs", "fn cifs_demultiplex_thread { post { } }", "error[KPS0410]"),
    ];
    for (module, functions, wanted) in cases {
        let said = check(scratch.path(), &spec(module, functions));
        assert!(said.contains(wanted), "{functions}\n{said}");
    }
}

/// The thread never leaves the old function, so the kernel waits for it, for ever. It takes the
/// patch back all the same.
fn main_loop_stalls() {
    let scratch = folder_with_poller();
    let path = scratch.path().join("changes.kps");
    let read = |name: &str| {
        std::fs::read(scratch.path().join(name)).unwrap_or_else(|error| panic!("{error}"))
    };
    std::fs::write(&path, spec(POLLER, MAIN_LOOP)).unwrap_or_else(|error| panic!("{error}"));
    let mut vm = Vm::start(vec![
        ("/changes.ko".to_owned(), store::module(&path)),
        ("/poller.ko".to_owned(), read("poller.ko")),
    ]);
    let said = vm.sh("insmod /poller.ko && insmod /changes.ko || exit 1
        usleep 3000000; cat /sys/kernel/livepatch/changes/transition
        grep -o poller_main /proc/$(pidof poller)/stack
        echo 0 > /sys/kernel/livepatch/changes/enabled
        while [ -e /sys/kernel/livepatch/changes ]; do usleep 10000; done
        rmmod changes && rmmod poller");
    assert_eq!(said, "1\npoller_main\n");
    vm.check_log();
}
