// SPDX-License-Identifier: GPL-2.0
//! What happens to data and states while patches come, follow each other and go: on parents of a
//! module of our own, and to the level of the console.

use super::{c_module, counter, folder, patches, say, File};

/// The machine's files for everything that is about parents.
fn family() -> Vec<File> {
    let scratch = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let parents = c_module(&folder().join("parents.c"), "", &[]);
    let names = ["parents_v0", "parents_v1", "parents_v2", "parents_other", "parents_told"];
    let mut files = patches(&names, &parents, scratch.path());
    files.extend([parents, counter()]);
    files
}

/// What a script prints where there are parents.
fn parents(script: &str) -> String {
    say(family(), &format!("insmod /parents.ko || exit 1\n{script}"), 180)
}

/// The script, each line of which is followed by what it prints, as `> TEXT`, prints just that.
#[track_caller]
fn session(steps: &str) {
    let (mut script, mut wanted) = (String::new(), String::new());
    for line in steps.lines().map(str::trim) {
        match line.strip_prefix("> ") {
            Some(text) => wanted += &format!("{text}\n"),
            // What a step prints is told apart by its own line.
            None => {
                script += &format!("echo '# {}'\n{line} || exit 1\n", line.replace('\'', "\""));
                wanted += &format!("# {}\n", line.replace('\'', "\""));
            }
        }
    }
    let said = parents(&script);
    assert_eq!(said, wanted, "\nit prints:\n{said}\nand not:\n{wanted}");
}

pub(crate) fn tied() {
    session(
        "parents alloc 3
        livepatch load /parents_v1.ko
        parents use 3
        parents use 3
        shown
        > 3 parents, 3 with data, 6 uses, 0 refused
        > v1: saved 6, taken over 0, shared 0, 3 ctors, 0 dtors
        parents again 2
        shown
        > 3 parents, 1 with data, 2 uses, 0 refused
        > v1: saved 6, taken over 0, shared 0, 3 ctors, 2 dtors
        counted | grep -o '[0-9]* data'
        > 1 data
        parents use 3
        shown
        > 3 parents, 3 with data, 5 uses, 0 refused
        > v1: saved 6, taken over 0, shared 0, 5 ctors, 2 dtors
        counted | grep -o '[0-9]* data'
        > 3 data
        parents free 3
        counted | grep -o '[0-9]* data'
        > 0 data
        parents alloc 3
        shown
        > 3 parents, 0 with data, 0 uses, 0 refused
        > v1: saved 6, taken over 0, shared 0, 5 ctors, 5 dtors
        parents use 3
        livepatch unload parents_v1
        counted
        > 0 records, 0 data
        shown
        > 3 parents, 0 with data, 0 uses, 0 refused
        livepatch load /parents_v1.ko
        shown
        > 3 parents, 0 with data, 0 uses, 0 refused
        > v1: saved 6, taken over 0, shared 0, 0 ctors, 0 dtors
        livepatch unload parents_v1
        counted
        > 0 records, 0 data",
    );
}

/// Ten data, each with a number: two go with their parents, five after the third use, three when
/// the patch is unloaded.
pub(crate) fn told() {
    session(
        "parents alloc 5
        livepatch load /parents_told.ko
        parents use 5
        parents use 5
        parents free 2
        parents alloc 2
        parents use 2
        parents use 5
        shown
        > 5 parents, 2 with data, 13 uses, 0 refused
        parents use 5
        shown
        > 5 parents, 3 with data, 27 uses, 0 refused
        livepatch unload parents_told
        counted
        > 0 records, 0 data
        dmesg | grep -o 'ctor of.*'
        > ctor of 1, parent 0, 10 uses
        > ctor of 2, parent 1, 10 uses
        > ctor of 3, parent 2, 10 uses
        > ctor of 4, parent 3, 10 uses
        > ctor of 5, parent 4, 10 uses
        > ctor of 6, parent 0, 10 uses
        > ctor of 7, parent 1, 10 uses
        > ctor of 8, parent 2, 10 uses
        > ctor of 9, parent 3, 10 uses
        > ctor of 10, parent 4, 10 uses
        dmesg | grep -o 'goes with.*'
        > goes with 1
        > goes with 2
        dmesg | grep -o 'dtor of.*' | sort -n -k 3
        > dtor of 1, 12 uses
        > dtor of 2, 12 uses
        > dtor of 3, 13 uses
        > dtor of 4, 13 uses
        > dtor of 5, 13 uses
        > dtor of 6, 13 uses
        > dtor of 7, 13 uses
        > dtor of 8, 11 uses
        > dtor of 9, 11 uses
        > dtor of 10, 11 uses",
    );
}

/// The task in the old code frees parents that the patch does not see go, and takes their addresses
/// for new ones.
pub(crate) fn old_code_frees() {
    session(
        "parents alloc 4
        hold 3
        insmod /parents_v1.ko
        transition parents_v1
        > transition 1
        parents use 4
        shown
        > 4 parents, 0 with data, 0 uses, 4 refused
        > v1: saved 6, taken over 0, shared 0, 0 ctors, 0 dtors
        counted | grep -o '[0-9]* data'
        > 0 data
        release
        settled parents_v1
        shown
        > 4 parents, 0 with data, 0 uses, 4 refused
        > v1: saved 6, taken over 0, shared 0, 0 ctors, 0 dtors
        parents use 4
        shown
        > 4 parents, 4 with data, 4 uses, 0 refused
        > v1: saved 6, taken over 0, shared 0, 4 ctors, 0 dtors
        livepatch unload parents_v1
        counted
        > 0 records, 0 data",
    );
}

/// The task in the older patch frees parents while the newer one is loaded: by the hook of the
/// older one. What the newer one alone keeps has to wait, for its body in C as for those in Rust.
pub(crate) fn older_code_frees() {
    session(
        "parents alloc 4
        livepatch load /parents_v1.ko
        parents use 4
        hold 3
        insmod /parents_v2.ko
        transition parents_v2
        > transition 1
        parents use 4
        shown
        > 4 parents, 4 with data, 8 uses, 0 refused
        > v2: saved 6, taken over 1, shared 1, 0 ctors, 0 dtors
        release
        settled parents_v2
        shown
        > 4 parents, 1 with data, 2 uses, 0 refused
        > v2: saved 6, taken over 1, shared 0, 0 ctors, 0 dtors
        parents use 4
        shown
        > 4 parents, 4 with data, 4006 uses, 0 refused
        > v2: saved 6, taken over 1, shared 0, 3 ctors, 0 dtors
        counted | grep -o '[0-9]* data'
        > 8 data
        gone parents_v1
        rmmod parents_v1
        livepatch unload parents_v2
        counted
        > 0 records, 0 data",
    );
}

pub(crate) fn upgrade() {
    session(
        "parents alloc 3
        console
        > console 6
        livepatch load /parents_v1.ko
        console
        > console 5
        parents use 3
        parents use 3
        livepatch load /parents_v2.ko
        gone parents_v1
        rmmod parents_v1
        console
        > console 7
        shown
        > 3 parents, 3 with data, 6 uses, 0 refused
        > v2: saved 6, taken over 1, shared 0, 0 ctors, 0 dtors
        parents use 3
        shown
        > 3 parents, 3 with data, 3009 uses, 0 refused
        > v2: saved 6, taken over 1, shared 0, 0 ctors, 0 dtors
        parents free 1
        shown
        > 2 parents, 2 with data, 2006 uses, 0 refused
        > v2: saved 6, taken over 1, shared 0, 0 ctors, 1 dtors
        counted | grep -o '[0-9]* data'
        > 4 data
        livepatch unload parents_v2
        console
        > console 6
        shown
        > 2 parents, 0 with data, 0 uses, 0 refused
        counted
        > 0 records, 0 data
        dmesg | grep -oE 'parents_v.: (save|apply|restore).*'
        > parents_v1: save 6
        > parents_v1: apply over 6
        > parents_v2: apply over 6
        > parents_v2: restore 6
        rmmod parents",
    );
}

pub(crate) fn upgrade_reversed() {
    session(
        "parents alloc 3
        livepatch load /parents_v1.ko
        parents use 3
        hold 0
        insmod /parents_v2.ko
        transition parents_v2
        > transition 1
        parents use 3
        shown
        > 3 parents, 3 with data, 6 uses, 0 refused
        > v2: saved 6, taken over 1, shared 1, 0 ctors, 0 dtors
        console
        > console 5
        parents free 1
        enabled parents_v2 0
        gone parents_v2
        rmmod parents_v2
        shown
        > 2 parents, 2 with data, 4 uses, 0 refused
        > v1: saved 6, taken over 0, shared 0, 3 ctors, 0 dtors
        console
        > console 5
        counted | grep -o '[0-9]* data'
        > 2 data
        release
        parents alloc 3
        parents use 3
        shown
        > 3 parents, 3 with data, 7 uses, 0 refused
        > v1: saved 6, taken over 0, shared 0, 4 ctors, 0 dtors
        livepatch load /parents_v2.ko
        gone parents_v1
        rmmod parents_v1
        shown
        > 3 parents, 3 with data, 7 uses, 0 refused
        > v2: saved 6, taken over 1, shared 0, 0 ctors, 0 dtors
        livepatch unload parents_v2
        console
        > console 6
        counted
        > 0 records, 0 data
        livepatch load /parents_v1.ko
        parents use 3
        hold 0
        insmod /parents_v2.ko
        enabled parents_v2 0
        gone parents_v2
        rmmod parents_v2
        release
        livepatch unload parents_v1
        console
        > console 6
        counted
        > 0 records, 0 data
        dmesg | grep -oE 'parents_v.: (save|apply|restore).*'
        > parents_v1: save 6
        > parents_v1: apply over 6
        > parents_v2: apply over 6
        > parents_v2: restore 6
        > parents_v1: save 6
        > parents_v1: apply over 6
        > parents_v1: restore 6",
    );
}

pub(crate) fn load_reversed() {
    session(
        "parents alloc 3
        hold 3
        insmod /parents_v1.ko
        transition parents_v1
        > transition 1
        parents use 3
        shown
        > 3 parents, 0 with data, 0 uses, 3 refused
        > v1: saved 6, taken over 0, shared 0, 0 ctors, 0 dtors
        console
        > console 6
        enabled parents_v1 0
        gone parents_v1
        counted
        > 0 records, 0 data
        rmmod parents_v1
        release
        parents use 3
        shown
        > 3 parents, 0 with data, 0 uses, 0 refused
        console
        > console 6
        dmesg | grep -oE 'parents_v.: (save|apply|restore).*'
        > parents_v1: save 6
        livepatch load /parents_v1.ko
        parents use 3
        shown
        > 3 parents, 3 with data, 3 uses, 0 refused
        > v1: saved 6, taken over 0, shared 0, 3 ctors, 0 dtors
        livepatch unload parents_v1
        counted
        > 0 records, 0 data",
    );
}

/// While the patch is leaving, tasks without it free parents whose addresses others get.
pub(crate) fn unload_reversed() {
    session(
        "parents alloc 4
        livepatch load /parents_v1.ko
        parents use 4
        hold 0
        enabled parents_v1 0
        transition parents_v1
        > transition 1
        console
        > console 6
        parents again 3
        parents use 4
        shown
        > 4 parents, 0 with data, 0 uses, 0 refused
        counted | grep -o '[0-9]* data'
        > 4 data
        enabled parents_v1 1
        settled parents_v1
        console
        > console 5
        shown
        > 4 parents, 0 with data, 0 uses, 0 refused
        > v1: saved 6, taken over 0, shared 0, 4 ctors, 0 dtors
        parents use 4
        parents use 2
        shown
        > 4 parents, 4 with data, 6 uses, 0 refused
        > v1: saved 6, taken over 0, shared 0, 8 ctors, 0 dtors
        release
        livepatch unload parents_v1
        console
        > console 6
        counted
        > 0 records, 0 data
        dmesg | grep -oE 'parents_v.: (save|apply|restore).*'
        > parents_v1: save 6
        > parents_v1: apply over 6
        > parents_v1: restore 6
        > parents_v1: apply over 6
        > parents_v1: restore 6",
    );
}

/// Be it one that takes the place of all others or not. The machine's `insmod` tries twice, so the
/// log has every reason twice.
pub(crate) fn older_version_is_refused() {
    const LINE: &str = "is not compatible with the already installed livepatches";
    session(&format!(
        "parents alloc 2
        livepatch load /parents_v1.ko
        parents use 2
        insmod /parents_v0.ko 2>&1 | grep -o 'Invalid argument'
        > Invalid argument
        dmesg | grep -o 'patch (parents_v0) {LINE}' | uniq
        > patch (parents_v0) {LINE}
        shown
        > 2 parents, 2 with data, 2 uses, 0 refused
        > v1: saved 6, taken over 0, shared 0, 2 ctors, 0 dtors
        livepatch load /parents_v2.ko
        gone parents_v1
        rmmod parents_v1
        insmod /parents_v1.ko 2>&1 | grep -o 'Invalid argument'
        > Invalid argument
        dmesg | grep -o 'patch (parents_v1) {LINE}' | uniq
        > patch (parents_v1) {LINE}
        parents use 2
        shown
        > 2 parents, 2 with data, 2004 uses, 0 refused
        > v2: saved 6, taken over 1, shared 0, 0 ctors, 0 dtors
        console
        > console 7
        livepatch unload parents_v2
        console
        > console 6
        counted
        > 0 records, 0 data"
    ));
}

pub(crate) fn other_type_is_refused() {
    session(
        "parents alloc 2
        livepatch load /parents_v1.ko
        parents use 2
        insmod /parents_other.ko 2>&1 | grep -o 'Invalid argument'
        > Invalid argument
        dmesg | grep -o 'parents_other: refused.*' | uniq
        > parents_other: refused: `uses` is there with another name or type
        ls /sys/kernel/livepatch
        > parents_v1
        parents use 2
        shown
        > 2 parents, 2 with data, 4 uses, 0 refused
        > v1: saved 6, taken over 0, shared 0, 2 ctors, 0 dtors
        console
        > console 5
        livepatch unload parents_v1
        console
        > console 6
        counted
        > 0 records, 0 data
        livepatch load /parents_other.ko
        parents use 2
        shown
        > 2 parents, 2 with data, 200 uses, 0 refused
        livepatch unload parents_other
        counted
        > 0 records, 0 data",
    );
}

/// By its own callback, when its records are there already.
pub(crate) fn refuses_by_itself() {
    session(
        "parents alloc 2
        insmod /parents_v1.ko busy=1 2>&1 | grep -o 'resource busy'
        > resource busy
        counted
        > 0 records, 0 data
        rmmod parents_v1 2>&1 | grep -o 'No such file'
        > No such file
        livepatch load /parents_v1.ko
        parents use 2
        insmod /parents_v2.ko busy=1 2>&1 | grep -o 'resource busy'
        > resource busy
        parents use 2
        shown
        > 2 parents, 2 with data, 4 uses, 0 refused
        > v1: saved 6, taken over 0, shared 0, 2 ctors, 0 dtors
        console
        > console 5
        livepatch load /parents_v2.ko
        gone parents_v1
        rmmod parents_v1
        shown
        > 2 parents, 2 with data, 4 uses, 0 refused
        > v2: saved 6, taken over 1, shared 0, 0 ctors, 0 dtors
        livepatch unload parents_v2
        console
        > console 6
        counted
        > 0 records, 0 data
        dmesg | grep -oE 'parents_v.: (save|apply|restore).*'
        > parents_v1: save 6
        > parents_v1: apply over 6
        > parents_v2: apply over 6
        > parents_v2: restore 6",
    );
}

/// Eight times over, so that what one time leaves shows. A datum takes 64 bytes, those of one time
/// 640 kB and so more than 5 MB in all; less than a fifth of that is what slabs may hold that have
/// been used and are not given back.
pub(crate) fn under_load() {
    const TOLERANCE: u32 = 1024;
    let script = format!(
        "insmod /parents.ko && parents alloc 10000
        unreclaimable() {{ grep SUnreclaim /proc/meminfo | tr -dc 0-9; }}
        data() {{ counted | sed 's/.* records, //; s/ data//'; }}
        (while [ ! -e /tmp/stop ]; do parents use 10000; parents again 5000; done) & load=$!
        before=$(unreclaimable)
        time=0
        while [ $time -lt 8 ]; do
            time=$((time + 1))
            livepatch load /parents_v1.ko || exit 1
            until_holds '[ $(data) -ge 5000 ]'
            livepatch unload parents_v1 || exit 1
            counted
        done
        # The kernel takes its time with what `kfree_rcu` was given.
        until_holds \"[ \\$(unreclaimable) -le $((before + {TOLERANCE})) ]\"
        touch /tmp/stop; wait $load
        parents use 1
        shown"
    );
    let said = say(family(), &script, 600);
    let wanted =
        "0 records, 0 data\n".repeat(8) + "10000 parents, 0 with data, 0 uses, 0 refused\n";
    assert_eq!(said, wanted);
}
