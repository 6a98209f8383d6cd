// SPDX-License-Identifier: GPL-2.0
//! The command line: exit codes, and what is said when the environment is not as it should be.

mod crates;
mod ending;
mod kernels;
mod make;
mod output;
mod projects;
mod targets;

use kps_targets::Cache;
use kps_tests::schedule::Case;
use kps_tests::{
    cases, fixture, fixture_cache, kpsc, printed, put_prepared_target, put_target, repository,
    FIXTURE,
};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    let cases = cases![
        help_is_as_it_was,
        wrong_usage_is_2,
        a_reader_that_stops_reading_is_no_bug,
        a_spec_that_cannot_be_read_is_3_and_one_that_is_wrong_is_1,
        source_makes_room_for_itself_and_for_nothing_else,
        text_that_could_hurt_a_terminal_is_not_printed_as_it_is,
        windows_line_ends_and_a_byte_order_mark_are_no_obstacle,
        deep_text_is_refused_and_does_not_overflow_the_stack.about(5),
        long_text_takes_time_by_its_length_and_no_more.about(12),
        a_missing_program_is_named_with_its_package,
        a_program_that_fails_is_heard,
        a_build_that_fails_for_other_reasons_says_what_make_said,
        what_make_and_compilers_print_is_escaped,
        a_linker_is_called_as_it_is_until_it_makes_a_module,
        a_machine_that_does_not_boot_says_why.about(5),
        messages_are_written_as_one_asks,
        a_module_of_another_spec_is_not_tested,
        a_check_without_debug_information_says_once_what_it_could_not_see,
        pages_and_codes_are_listed_and_printed_without_marks,
    ];
    cases
        .into_iter()
        .chain(targets::cases())
        .chain(kernels::cases())
        .chain(projects::cases())
        .chain(crates::cases())
        .chain(make::cases())
        .chain(output::cases())
        .chain(ending::cases())
        .collect()
}

const SPEC: &str =
    "patch fix {\n    license \"GPL\";\n    object vmlinux { fn cmdline_proc_show { pre { } } }\n}\n";

/// What `check` says of a spec without mistakes.
const PASSED: &str = "checked for fixture\n";

/// Runs a command: its exit status and what it printed.
fn run(command: &mut Command) -> (i32, String) {
    let output = command.output().unwrap_or_else(|error| panic!("{error}"));
    (output.status.code().unwrap_or(-1), printed(&output))
}

/// Runs kpsc with the fixture as its one target.
fn with_fixture(arguments: &[&str]) -> (i32, String) {
    let cache = fixture_cache();
    run(kpsc().env("KPSC_CACHE", cache.path()).args(arguments))
}

fn assert_ends(result: (i32, String), status: i32, code: &str) {
    assert_eq!(result.0, status, "{}", result.1);
    assert!(result.1.contains(code), "{code} is not reported:\n{}", result.1);
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"))
}

fn write(path: &Path, bytes: &[u8]) -> String {
    let folder = path.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(path, bytes))
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    path.display().to_string()
}

/// A program that does this, found before any other of its name.
fn program(folder: &Path, name: &str, script: &str) -> PathBuf {
    let path = folder.join(name);
    write(&path, format!("#!/bin/sh\n{script}\n").as_bytes());
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755))
        .unwrap_or_else(|error| panic!("{error}"));
    path
}

/// A cache whose one target is the fixture with another manifest.
fn cache_with_manifest(manifest: &str) -> tempfile::TempDir {
    let cache = fixture_cache();
    put_target(cache.path(), FIXTURE, manifest, &fixture::facts());
    cache
}

fn help_is_as_it_was() {
    let pages: [&[&str]; 15] = [
        &[],
        &["new"],
        &["fmt"],
        &["check"],
        &["inspect"],
        &["build"],
        &["expand"],
        &["convert"],
        &["test"],
        &["load"],
        &["unload"],
        &["list"],
        &["kernel"],
        &["kernel", "add"],
        &["lsp"],
    ];
    let mut got = String::new();
    for page in pages {
        let (status, text) = run(kpsc().args(page).arg("--help"));
        assert_eq!(status, 0);
        got.push_str(&format!("$ kpsc {}\n{text}\n", [page, &["--help"]].concat().join(" ")));
    }
    let path = repository().join("tests/cli/help.txt");
    if std::env::var_os("BLESS").is_some() {
        write(&path, got.as_bytes());
    }
    assert_eq!(got, std::fs::read_to_string(&path).unwrap_or_default());
}

fn wrong_usage_is_2() {
    for arguments in [
        &["biuld"][..],
        &["check"],
        &["explain", "KPS0000"],
        &["build", "a.kps", "--emit", "nothing"],
    ] {
        assert_eq!(run(kpsc().args(arguments)).0, 2, "{arguments:?}");
    }
    // The kernel that runs is one of this machine.
    for other in [["--root", "/"], ["--release", "7"], ["--suite", "trixie"]] {
        let running = ["kernel", "add", "--running"];
        assert_eq!(run(kpsc().args(running).args(other)).0, 2, "{other:?}");
    }
    // What reaches make is a plain variable.
    let variable = ["kernel", "add", "--build-dir", "/", "--make", "CC=gcc $(reboot)"];
    assert_eq!(run(kpsc().args(variable)).0, 2);
}

fn a_reader_that_stops_reading_is_no_bug() {
    let mut child = kpsc()
        .args(["explain", "KPS0203"])
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{error}"));
    drop(child.stdout.take());
    let status = child.wait().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(status.code(), Some(0));
}

fn a_spec_that_cannot_be_read_is_3_and_one_that_is_wrong_is_1() {
    let root = folder();
    assert_ends(with_fixture(&["check", "/no/such/spec.kps"]), 3, "KPS0701");
    assert_ends(with_fixture(&["check", &root.path().display().to_string()]), 1, "KPS1211");
    let binary = write(&root.path().join("binary.kps"), b"patch \xff\xfe { }");
    assert_ends(with_fixture(&["check", &binary]), 1, "KPS0113");
    let large = write(&root.path().join("large.kps"), " ".repeat(5 << 20).as_bytes());
    assert_ends(with_fixture(&["check", &large]), 1, "KPS0104");
    let empty = write(&root.path().join("empty.kps"), b"");
    assert_ends(with_fixture(&["check", &empty]), 1, "KPS0110");
}

fn source_makes_room_for_itself_and_for_nothing_else() {
    let root = folder();
    let spec = write(&root.path().join("fix.kps"), SPEC.as_bytes());
    let output = root.path().join("out");
    let emit = ["build", &spec, "--emit", "source", "-o", &output.display().to_string()];
    let kept = output.join("fix/built.o");
    for _ in 0..2 {
        assert_eq!(with_fixture(&emit).0, 0);
        assert!(output.join("fix/fix_main.rs").exists() && !kept.exists());
        write(&kept, b"of an earlier build");
    }
    std::fs::remove_file(output.join("fix/fix.lines")).unwrap_or_else(|error| panic!("{error}"));
    assert_ends(with_fixture(&emit), 3, "KPS0701");
    assert!(kept.exists(), "a folder that is not kpsc's was touched");
    let left = std::fs::read_dir(&output).map(|entries| entries.count()).unwrap_or_default();
    assert_eq!(left, 1, "something half-made is left");
}

fn text_that_could_hurt_a_terminal_is_not_printed_as_it_is() {
    let root = folder();
    let spec = write(&root.path().join("a.kps"), "patch fix \u{1b}[31m { }".as_bytes());
    let (status, said) = with_fixture(&["check", &spec]);
    assert_eq!(status, 1);
    assert!(!said.contains('\u{1b}'), "{said:?}");
}

fn windows_line_ends_and_a_byte_order_mark_are_no_obstacle() {
    let root = folder();
    let spec = write(
        &root.path().join("a.kps"),
        format!("\u{feff}{}", SPEC.replace('\n', "\r\n")).as_bytes(),
    );
    assert_eq!(with_fixture(&["check", &spec]), (0, PASSED.to_owned()));
}

fn deep_text_is_refused_and_does_not_overflow_the_stack() {
    let root = folder();
    let body = |text: String| SPEC.replace("pre { }", &format!("pre {{ {text} }}"));
    let many = 60_000;
    let texts = [
        body("!".repeat(many) + "x;"),
        body("let x = ".to_owned() + &"a.".repeat(many) + "b;"),
        body("x".to_owned() + &" + x".repeat(many / 2) + ";"),
        body("if a { } ".to_owned() + &"else if a { } ".repeat(many / 6)),
        body("let x: ".to_owned() + &"*const ".repeat(many / 2) + "u8;"),
        body("|a| ".repeat(many / 4) + "a;"),
        body("return ".repeat(many) + ";"),
        format!("patch fix {{ object vmlinux {{ use static x: {}u8; }} }}", "*mut ".repeat(many)),
        "{".repeat(100_000),
        "/*".repeat(100_000),
        format!("patch fix {{ license \"GPL\"; {} }}", "license \"GPL\"; ".repeat(10_000)),
    ];
    for (n, text) in texts.iter().enumerate() {
        assert_is_refused_or_passes(&write(&root.path().join(format!("{n}.kps")), text.as_bytes()));
    }
}

/// A spec ends `check` and `fmt` as specs do, whatever it is.
fn assert_is_refused_or_passes(spec: &str) {
    for command in [&["check", spec][..], &["fmt", "--check", spec]] {
        let (status, said) = with_fixture(command);
        let start: String = said.chars().take(2000).collect();
        assert!(status == 0 || status == 1, "{command:?} ends with {status}: {start}");
    }
}

fn long_text_takes_time_by_its_length_and_no_more() {
    let root = folder();
    let many = 100_000;
    let each = |text: &dyn Fn(usize) -> String| (0..many).map(text).collect::<String>();
    let texts = [
        format!("patch fix {{ {} }}", "#{}".repeat(many)),
        format!("patch fix {{ {} }}", "#[a] ".repeat(many)),
        format!("patch fix {{ {} }}", "x".repeat(many * 20)),
        format!(
            "patch fix {{ object vmlinux {{ {} }} }}",
            each(&|n| format!("fn f{n} {{pre{{}}}} "))
        ),
        format!(
            "patch fix {{ object vmlinux {{ use fn f({}); }} }}",
            each(&|n| format!("a{n}:u8,"))
        ),
        format!("patch fix {{ {} }}", each(&|n| format!("object m{n}{{}} const A{n}:u8=0; "))),
        SPEC.replace("object", &(each(&|n| format!("const A{n}:u8=0; ")) + "object")),
        SPEC.replace("object", &("/**/".repeat(many) + "object")),
        SPEC.replace("object", &(" ".repeat(many * 10) + &"/**/ /**/".repeat(many) + "object")),
        SPEC.replace("object", &("/*\n*/\n\n".repeat(many) + "object")),
        SPEC.replace("pre { }", &format!("pre {{{}}}", "{ \"\n\" }\n/*\n*/;\n".repeat(many / 10))),
        SPEC.replace("object", &(each(&|n| format!("fn f{n}(){{\n}}")) + "object")),
        SPEC.replace("license \"GPL\"", &format!("license{} \"GPL\"", "\n/**/".repeat(many))),
    ];
    for (n, text) in texts.iter().enumerate() {
        assert_is_refused_or_passes(&write(&root.path().join(format!("{n}.kps")), text.as_bytes()));
    }
}

fn a_missing_program_is_named_with_its_package() {
    let root = folder();
    let nothing = root.path().join("bin");
    write(&nothing.join("empty"), b"");
    let cache = folder();
    let mut add = kpsc();
    add.env("KPSC_CACHE", cache.path()).env("PATH", &nothing).args(["kernel", "add"]);
    let result = run(&mut add);
    assert_ends(result, 3, "KPS0702");
}

fn a_program_that_fails_is_heard() {
    let root = folder();
    program(root.path(), "apt-get", "echo 'E: the mirror is on fire' >&2; exit 100");
    let cache = folder();
    let mut add = kpsc();
    add.env("KPSC_CACHE", cache.path()).env("PATH", root.path());
    let result = run(add.args(["kernel", "add", "--mirror", "http://mirror.invalid/debian"]));
    assert!(result.1.contains("the mirror is on fire"), "{}", result.1);
    assert_ends(result, 3, "KPS0703");
    assert_eq!(
        run(kpsc().env("KPSC_CACHE", cache.path()).args(["kernel", "list"])),
        (0, String::new())
    );
}

fn a_build_that_fails_for_other_reasons_says_what_make_said() {
    let root = folder();
    let spec = write(&root.path().join("a.kps"), SPEC.as_bytes());
    let cache = fixture_cache();
    put_prepared_target(cache.path(), FIXTURE, &root.path().join("tree"), &fixture::facts());
    let mut build = kpsc();
    build.env("KPSC_CACHE", cache.path()).args(["build", &spec, "-o"]).arg(root.path());
    assert_ends(run(&mut build), 3, "KPS0801");
    assert!(!root.path().join("fix.ko").exists());
}

fn what_make_and_compilers_print_is_escaped() {
    // As a program in another language, a file of this name, or `#warning` would print it.
    const PRINTED: &str =
        "\u{1b}[2J\u{9b}31m a\u{202e}b\u{200b}c\u{e0061} \u{7}\u{8}\r\u{feff}\u{3164}";
    let root = folder();
    let spec = write(&root.path().join("a.kps"), SPEC.as_bytes());
    let text = write(&root.path().join("printed"), format!("{PRINTED}\n").as_bytes());
    program(root.path(), "make", &format!("cat '{text}'; cat '{text}' >&2; exit 1"));
    let path = format!("{}:{}", root.path().display(), std::env::var("PATH").unwrap_or_default());
    let cache = fixture_cache();
    put_prepared_target(cache.path(), FIXTURE, &root.path().join("tree"), &fixture::facts());
    for options in [&["-v"][..], &[], &["-v", "--message-format", "json"]] {
        let mut build = kpsc();
        build.env("KPSC_CACHE", cache.path()).env("PATH", &path);
        let (status, said) = run(build.args(["build", &spec]).args(options));
        assert_eq!(status, 3, "{said:?}");
        let hidden = |c: char| c != '\n' && kps_diag::is_hidden(c);
        assert!(!said.contains(hidden), "{said:?}");
        // All of it is there, in both streams of make.
        assert!(said.contains("\\u{1b}[2J") || said.contains("\\\\u{1b}[2J"), "{said:?}");
    }
}

fn a_linker_is_called_as_it_is_until_it_makes_a_module() {
    let root = folder();
    let linker =
        program(root.path(), "ld", "while [ \"$1\" != -o ]; do shift; done; echo junk > \"$2\"");
    let link = |output: &str| {
        let mut command = kpsc();
        run(command
            .current_dir(root.path())
            .arg("link")
            .arg(&linker)
            .args(["-r", "-o", output, "a.o"]))
    };
    assert_eq!(link("x.o"), (0, String::new()));
    assert_eq!(std::fs::read_to_string(root.path().join("x.o")).unwrap_or_default(), "junk\n");
    assert_ends(link("x.ko"), 70, "KPS0802");
    // Neither a module nor what the linker made of it stays behind.
    assert!(!root.path().join("x.ko").exists() && !root.path().join("x.ko.linked").exists());
    let failing = program(root.path(), "ld", "exit 7");
    assert_eq!(run(kpsc().arg("link").arg(&failing).args(["-o", "y.ko"])).0, 7);
}

fn a_machine_that_does_not_boot_says_why() {
    let root = folder();
    program(root.path(), "qemu-system-x86_64", "echo no such machine >&2; exit 1");
    let path = format!("{}:{}", root.path().display(), std::env::var("PATH").unwrap_or_default());
    let example = repository().join("examples/cmdline_mark/cmdline_mark.kps");
    let result = run(kpsc().env("PATH", path).arg("test").arg(example));
    assert!(result.1.contains("no such machine"), "{}", result.1);
    assert_ends(result, 3, "KPS0903");
}

/// The kernel's module is no livepatch, a text is no module, and neither was built from the spec.
fn a_module_of_another_spec_is_not_tested() {
    let root = folder();
    let tested =
        SPEC.replace("object", "test \"it acts\" { run \"true\"; patched status 1; }\n    object");
    let spec = write(&root.path().join("fix.kps"), tested.as_bytes());
    for bytes in [fixture::module(), b"no module".to_vec()] {
        let module = write(&root.path().join("fix.ko"), &bytes);
        assert_ends(with_fixture(&["test", "--module", &module, &spec]), 3, "KPS0906");
    }
    let missing = root.path().join("missing.ko").display().to_string();
    assert_ends(with_fixture(&["test", "--module", &missing, &spec]), 3, "KPS0701");
}

fn messages_are_written_as_one_asks() {
    let folder = folder();
    let text = "patch fix {\n    license \"GPL\";\n    object vmlinux { fn nothing { pre { } } fn neither { pre { } } }\n}\n";
    let spec = write(&folder.path().join("fix.kps"), text.as_bytes());
    let (status, short) =
        with_fixture(&["check", "--kernel", FIXTURE, "--message-format", "short", &spec]);
    assert_eq!(status, 1);
    let lines: Vec<&str> = short.lines().collect();
    let first = format!("{spec}:3:25: error[KPS0201]: ");
    let second = format!("{spec}:3:48: error[KPS0201]: ");
    assert!(
        matches!(lines.as_slice(), [a, b] if a.starts_with(&first) && b.starts_with(&second)),
        "{short}"
    );

    let (status, json) =
        with_fixture(&["--message-format=json", "check", "--kernel", FIXTURE, &spec]);
    assert_eq!(status, 1);
    let places: Vec<_> = json
        .lines()
        .map(|line| {
            let message: serde_json::Value =
                serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
            assert_eq!(
                (&message["severity"], &message["code"]),
                (&"error".into(), &"KPS0201".into())
            );
            (message["places"][0]["line"].clone(), message["places"][0]["column"].clone())
        })
        .collect();
    assert_eq!(places, [(3.into(), 25.into()), (3.into(), 48.into())]);
    assert_ends(with_fixture(&["list", "--message-format", "loud"]), 2, "human, short, json");
}

fn a_check_without_debug_information_says_once_what_it_could_not_see() {
    let cache = fixture_cache();
    let debug = Cache::at(cache.path()).kernel(FIXTURE).join("debug");
    std::fs::remove_dir_all(debug).unwrap_or_else(|error| panic!("{error}"));
    let specs = folder();
    let first = write(&specs.path().join("a.kps"), SPEC.as_bytes());
    let second = SPEC.replace("fix", "next").replace("cmdline", "meminfo");
    let second = write(&specs.path().join("b.kps"), second.as_bytes());
    let check = |specs: &[&str]| {
        run(kpsc()
            .env("KPSC_CACHE", cache.path())
            .args(["check", "--message-format", "short"])
            .args(specs))
    };
    let (status, said) = check(&[&first, &second]);
    assert_eq!(status, 0, "{said}");
    assert_eq!(said.matches("KPS0416").count(), 1, "{said}");
    let names = "cannot check whether other functions contain inlined copies of `cmdline_proc_show` or `meminfo_proc_show`";
    assert!(said.contains(names), "{said}");
    let (_, said) = run(kpsc().env("KPSC_CACHE", cache.path()).args(["check", &first]));
    assert!(said.contains("note[KPS0416]"), "{said}");
    assert!(
        said.contains("`kpsc kernel add --name fixture --release 7.3.4-fixture --suite s"),
        "{said}"
    );
    // With debug information there is nothing to say.
    assert_eq!(with_fixture(&["check", &first]), (0, PASSED.to_owned()));
}

fn pages_and_codes_are_listed_and_printed_without_marks() {
    let (status, codes) = run(kpsc().arg("explain"));
    assert_eq!(status, 0, "{codes}");
    for code in kps_diag::ALL {
        assert!(codes.contains(&format!("  {}  {}\n", code.id(), code.summary())), "{codes}");
    }
    let (status, page) = run(kpsc().args(["explain", "kps0203"]));
    assert!(status == 0 && page.starts_with("KPS0203: "), "{page}");
    let (status, listed) = run(kpsc().arg("doc"));
    assert!(status == 0 && listed.lines().count() >= 9, "{listed}");
    for line in listed.lines() {
        let name = line.split_whitespace().nth(2).unwrap_or_default();
        let (status, page) = run(kpsc().args(["doc", name]));
        assert!(status == 0 && !page.contains("](") && !page.contains("\n```"), "{name}:\n{page}");
        let (_, markdown) = run(kpsc().args(["doc", name, "--markdown"]));
        let file = repository().join("docs").join(name).with_extension("md");
        assert_eq!(Ok(markdown), std::fs::read_to_string(file).map_err(|error| error.to_string()));
    }
    let (status, said) = run(kpsc().args(["doc", "nothing"]));
    assert!(status == 2 && said.contains("language"), "{said}");
}
