// SPDX-License-Identifier: GPL-2.0
//! How a patch ends, and what is left of what it has set up: nothing, whichever way it goes.

use super::{counter, say, File};
use kps_tests::{example, repository, stem, store};
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
