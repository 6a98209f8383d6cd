// SPDX-License-Identifier: GPL-2.0
//! How a patch ends, and what is left of what it has set up: nothing, whichever way it goes.

use super::{counter, say, File};
use kps_tests::store;
use kps_tests::{example, repository, stem};
use std::path::Path;

fn module(spec: &Path) -> File {
    (format!("/{}.ko", stem(spec)), store::module(spec))
}

pub(crate) fn the_console_is_as_before_after_a_replacement() {
    let folder = repository().join("tests/vm");
    let specs = [
        example("quiet_console"),
        folder.join("data/quieter_console.kps"),
        folder.join("stacked/marks_all.kps"),
    ];
    let mut files: Vec<File> = specs.iter().map(|spec| module(spec)).collect();
    files.push(counter());
    let said = say(
        files,
        "console; livepatch load /quiet_console.ko && console
        insmod /marks_all.ko 2> /dev/null || echo a patch without the state is refused
        livepatch load /quieter_console.ko && console
        gone quiet_console && rmmod quiet_console && console
        livepatch unload quieter_console && console",
        180,
    );
    assert_eq!(
        said,
        "console 6\nconsole 1\na patch without the state is refused\nconsole 2\nconsole 2\nconsole 6\n"
    );
}

/// Shell functions: the messages of the patches since the last time, and what is there.
const BEATS: &str = r#"
seen=0
heard() { dmesg | grep -oE 'beats_[0-9]: (acquire|adopt|release|refused|the resource).*' > /tmp/heard; tail -n +$((seen + 1)) /tmp/heard; seen=$(wc -l < /tmp/heard); }
there() { echo "$(pidof beats | wc -w) hearts, $([ -e /sys/kernel/beats ] && echo a || echo no) home"; }
beating() { until_holds '[ $(pidof beats | wc -w) = 1 ]'; usleep 100000; }
# A task that waits in an open(2), as it is patched now.
wait_in_open() { mkfifo /tmp/fifo; cat /tmp/fifo > /dev/null & pid=$!; until_holds 'grep -q wait_for_partner /proc/$pid/stack'; }
let_go() { echo > /tmp/fifo; wait $pid; rm /tmp/fifo; }
"#;

/// What a script prints in a machine with the three versions, and a patch that knows nothing of
/// them.
#[track_caller]
fn session(script: &str, wanted: &str) {
    let folder = repository().join("tests/vm");
    let specs =
        ["ends/beats_1.kps", "ends/beats_2.kps", "ends/beats_3.kps", "stacked/marks_all.kps"];
    let mut files: Vec<File> = specs.iter().map(|spec| module(&folder.join(spec))).collect();
    files.push(counter());
    let said = say(files, &format!("{BEATS}{script}"), 180);
    let wanted: String = wanted.lines().map(|line| format!("{}\n", line.trim_start())).collect();
    assert_eq!(said, wanted, "\nit prints:\n{said}\nand not:\n{wanted}");
}

/// However a patch ends, what it has set up is released once.
pub(crate) fn resources_end_once() {
    session(
        "echo '# unloaded'
        livepatch load /beats_1.ko && beating && livepatch unload beats_1 && heard && there
        echo '# refused, twice: that is how often insmod tries'
        livepatch load /beats_1.ko fails=1 > /dev/null 2>&1 || heard; there
        echo '# replaced by the next version, which acquires anew'
        livepatch load /beats_1.ko && beating && livepatch load /beats_2.ko && heard && there
        gone beats_1 && rmmod beats_1 && heard && there
        echo '# replaced by the next version, which adopts'
        beating && livepatch load /beats_3.ko && heard && there
        gone beats_2 && rmmod beats_2 && heard && there
        echo '# replaced by a patch that knows nothing of it'
        beating && livepatch load /marks_all.ko && gone beats_3 && heard && there
        rmmod beats_3 && livepatch unload marks_all && heard && there",
        "# unloaded
        beats_1: acquire home
        beats_1: acquire heart
        beats_1: release heart, which beats
        beats_1: release home
        0 hearts, no home
        # refused, twice: that is how often insmod tries
        beats_1: acquire home
        beats_1: acquire heart
        beats_1: release home
        beats_1: refused: the resource `heart` cannot be acquired, error -1
        beats_1: acquire home
        beats_1: acquire heart
        beats_1: release home
        beats_1: refused: the resource `heart` cannot be acquired, error -1
        0 hearts, no home
        # replaced by the next version, which acquires anew
        beats_1: acquire home
        beats_1: acquire heart
        beats_1: release home
        beats_2: acquire home
        beats_1: release heart, which beats
        beats_2: acquire heart
        1 hearts, a home
        1 hearts, a home
        # replaced by the next version, which adopts
        beats_3: adopt home
        beats_3: adopt heart
        1 hearts, a home
        1 hearts, a home
        # replaced by a patch that knows nothing of it
        beats_3: release heart, which beats
        beats_3: release home
        0 hearts, no home
        0 hearts, no home",
    );
}

/// A transition that is reversed, and one that is forced.
pub(crate) fn resources_end_once_when_a_transition_does_not_go_through() {
    session(
        "echo '# the load is forced'
        wait_in_open; insmod /beats_1.ko && echo 1 > /sys/kernel/livepatch/beats_1/force
        settled beats_1; let_go; livepatch unload beats_1 && heard && there
        echo '# the load is reversed'
        wait_in_open; insmod /beats_1.ko && heard && there
        enabled beats_1 0 && gone beats_1 && heard && rmmod beats_1; let_go; there
        echo '# the replacement is reversed'
        livepatch load /beats_1.ko; heard; wait_in_open
        insmod /beats_2.ko; enabled beats_2 0 && gone beats_2 && heard && rmmod beats_2; there
        echo '# the unload is reversed'
        enabled beats_1 0; usleep 100000; enabled beats_1 1; settled beats_1; heard; there
        echo '# the unload is forced'
        enabled beats_1 0; usleep 100000; echo 1 > /sys/kernel/livepatch/beats_1/force
        until_holds '[ ! -e /sys/kernel/livepatch/beats_1 ]'; heard; there; let_go
        echo '# the next version comes'
        livepatch load /beats_2.ko && heard && there && livepatch unload beats_2 && heard && there",
        "# the load is forced
        beats_1: acquire home
        beats_1: acquire heart
        beats_1: release heart, which beats
        beats_1: release home
        0 hearts, no home
        # the load is reversed
        beats_1: acquire home
        beats_1: acquire heart
        1 hearts, a home
        beats_1: release heart, which beats
        beats_1: release home
        0 hearts, no home
        # the replacement is reversed
        beats_1: acquire home
        beats_1: acquire heart
        1 hearts, a home
        # the unload is reversed
        1 hearts, a home
        # the unload is forced
        beats_1: the resource `heart` stays: the transition was forced, and some task may use it
        beats_1: release home
        1 hearts, no home
        # the next version comes
        beats_2: acquire home
        beats_2: the resource `heart` stays: the transition was forced, and some task may use it
        1 hearts, a home
        beats_2: release home
        1 hearts, no home",
    );
}
