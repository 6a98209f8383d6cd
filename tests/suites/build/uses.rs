// SPDX-License-Identifier: GPL-2.0
//! `kpsc build --write-uses`: what it writes, and what it leaves alone.

use kps_tests::schedule::Case;
use kps_tests::target::target;
use kps_tests::{cases, kpsc, printed, repository};
use std::path::Path;
use std::process::Output;

/// The cases of this suite.
pub(super) fn cases() -> Vec<Case> {
    cases![
        six_missing_lines_are_written_and_the_module_is_built.machine().about(10),
        what_may_mean_several_symbols_is_not_written.machine().about(5),
        a_crate_is_told_what_to_write.machine().about(10),
        lines_are_not_written_for_several_kernels,
    ]
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A folder with the spec and its files in C.
fn lacking() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    for file in ["lacking.kps", "vhost.c", "cmdline.c"] {
        std::fs::copy(repository().join("tests/uses").join(file), folder.path().join(file))
            .unwrap_or_else(|error| panic!("{file}: {error}"));
    }
    folder
}

/// Builds below a folder for the default target.
fn write_uses(folder: &Path, patch: &str) -> Output {
    kpsc()
        .current_dir(folder)
        .args(["build", "--write-uses", "--kernel", &target().name, patch])
        .output()
        .unwrap_or_else(|error| panic!("{error}"))
}

/// `BLESS=1` writes the golden spec with the lines anew.
fn six_missing_lines_are_written_and_the_module_is_built() {
    let folder = lacking();
    let spec = folder.path().join("lacking.kps");
    let before = read(&spec);
    let output = write_uses(folder.path(), "lacking.kps");
    let (said, after) = (printed(&output), read(&spec));
    assert!(output.status.success(), "{said}");
    assert!(said.contains("note[KPS0532]: added 6 `use` lines to lacking.kps"), "{said}");
    assert!(folder.path().join("lacking.ko").exists(), "{said}");

    let golden = repository().join("tests/uses/lacking.written.kps");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&golden, &after).unwrap_or_else(|error| panic!("{error}"));
    }
    assert_eq!(after, read(&golden));
    let is_new = |line: &&str| !before.lines().any(|old| old == *line);
    let new: Vec<&str> = after.lines().filter(is_new).map(str::trim).collect();
    assert_eq!(new.len(), 6, "{new:?}");
    assert!(new.iter().all(|line| said.contains(line)), "{said}");
    let laid = kpsc().args(["fmt", "--check"]).arg(&spec).status();
    assert!(laid.is_ok_and(|status| status.success()), "{after}");

    // Nothing is missing any more.
    let output = write_uses(folder.path(), "lacking.kps");
    assert!(output.status.success() && !printed(&output).contains("KPS0532"));
    assert_eq!(read(&spec), after);
}

fn what_may_mean_several_symbols_is_not_written() {
    let folder = lacking();
    let spec = folder.path().join("several.kps");
    let text = "patch several {\n    license \"GPL\";\n\n    object vmlinux { fn cmdline_proc_show { replace c \"several.c\"; } }\n}\n";
    let in_c = "struct seq_file;\nint s_show(struct seq_file *m, void *v);\nint no_such_helper(void);\nint cmdline_proc_show(struct seq_file *m, void *v)\n{\n\treturn s_show(m, v) + no_such_helper();\n}\n";
    std::fs::write(&spec, text).unwrap_or_else(|error| panic!("{error}"));
    std::fs::write(folder.path().join("several.c"), in_c).unwrap_or_else(|error| panic!("{error}"));
    let output = write_uses(folder.path(), "several.kps");
    let said = printed(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("KPS0203") && said.contains("`use fn s_show@1;`"), "{said}");
    assert!(said.contains("KPS0531") && !said.contains("KPS0532"), "{said}");
    assert_eq!(read(&spec), text);
}

fn a_crate_is_told_what_to_write() {
    let folder = lacking();
    let convert = kpsc()
        .current_dir(folder.path())
        .args(["convert", "--to", "crate", "--kernel", &target().name, "lacking.kps"])
        .output()
        .unwrap_or_else(|error| panic!("{error}"));
    assert!(convert.status.success(), "{}", printed(&convert));
    let lib = folder.path().join("lacking/src/lib.rs");
    let lacking = read(&lib);
    let write =
        |text: &str| std::fs::write(&lib, text).unwrap_or_else(|error| panic!("lib.rs: {error}"));

    // With these declarations nothing is missing.
    let of_vmlinux = "static max_threads: _; static nr_threads: _; #[percpu] static process_counts: _; fn get_avenrun() -> _; fn __audit_log_kern_module() -> _;";
    let items = format!(
        "#[symbols(vmlinux)] extern \"C\" {{ {of_vmlinux} }} #[symbols(vhost)] extern \"C\" {{ fn vhost_poll_queue() -> _; }}"
    );
    let end = lacking.rfind('}').unwrap_or_default();
    write(&format!("{}{items}\n}}\n", &lacking[..end]));
    let output = write_uses(folder.path(), "lacking");
    assert!(output.status.success(), "{}", printed(&output));

    write(&lacking);
    let output = write_uses(folder.path(), "lacking");
    let said = printed(&output);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("KPS0533"), "{said}");
    for item in of_vmlinux.split_inclusive("; ").chain(["fn vhost_poll_queue() -> _;"]) {
        assert!(said.contains(&format!("extern \"C\" {{ {} }}`", item.trim())), "{item}: {said}");
    }
    assert_eq!(read(&lib), lacking);
}

fn lines_are_not_written_for_several_kernels() {
    let folder = lacking();
    let output = kpsc()
        .current_dir(folder.path())
        .args(["build", "--write-uses", "--kernel", "a", "--kernel", "b", "lacking.kps"])
        .output()
        .unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(output.status.code(), Some(2), "{}", printed(&output));
    assert!(printed(&output).contains("`--write-uses` is for one kernel"), "{}", printed(&output));
}
