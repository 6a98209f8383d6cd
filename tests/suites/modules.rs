// SPDX-License-Identifier: GPL-2.0
//! What patches do to modules: loaded before, loaded later, loaded again, never loaded, and not the
//! ones they were made for.

use kps_tests::repository;
use kps_tests::schedule::Case;
use kps_tests::store;
use kps_tests::target::Vm;
use std::path::PathBuf;

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

fn loaded_later() {
    let mut vm = machine();
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
    const LINE: &str = "greets_back: greeter is not the module that this patch was made for";
    let mut vm = machine();
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
