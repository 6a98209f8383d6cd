// SPDX-License-Identifier: GPL-2.0
//! The tools of every day: what `fmt` does to files, what `new` writes, and what `list` reads.

use kps_diag::Severity;
use kps_operate::{
    livepatches, preflight, tasks_in, unload, verdict, Behind, Changed, Function, Incoming,
    Livepatch, Object, Signature, State, System, Task, Unit, Watch,
};
use kps_plan::{Note, ObjectName};
use kps_tests::schedule::Case;
use kps_tests::{cases, kpsc, printed, world::World, FIXTURE};
use std::io::Write as _;
use std::os::unix::fs::{symlink, MetadataExt as _, PermissionsExt as _};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    cases![
        fmt_lays_out_every_file_it_is_given,
        fmt_check_names_what_would_change_and_changes_nothing,
        fmt_leaves_a_spec_with_mistakes_alone_and_goes_on,
        fmt_of_the_standard_input_goes_to_the_standard_output,
        fmt_keeps_whose_file_it_is_and_where_a_link_leads,
        no_output_is_written_through_a_link,
        what_new_writes_passes_as_it_is,
        new_overwrites_nothing_and_takes_no_name_that_is_none,
        livepatches_are_read_from_sysfs,
        tasks_that_are_behind_are_named_with_their_stacks,
        what_is_no_livepatch_is_not_unloaded,
        a_kernel_without_livepatches_is_no_kernel_to_load_into,
        a_kernel_whose_ftrace_is_off_takes_no_livepatch,
        what_a_kernel_says_may_be_anything,
        a_patch_in_transition_is_said_to_be_in_it,
        lockdown_and_enforced_signatures_keep_unsigned_modules_out,
        a_function_of_another_object_is_another_function,
        of_functions_of_one_name_another_may_be_meant,
    ]
}

const LAID_OUT: &str = "patch fix {\n    license \"GPL\"; // why\n\n    object vmlinux {\n        fn cmdline_proc_show { pre { } }\n    }\n}\n";
const UNTIDY: &str =
    "patch fix{license\"GPL\"; // why\n\n\nobject vmlinux { fn cmdline_proc_show { pre{} }\n}}";

fn read(world: &World, path: &str) -> String {
    let path = world.work().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn fmt_lays_out_every_file_it_is_given() {
    let world = World::default();
    world.write("a.kps", UNTIDY);
    world.write("b.kps", format!("\u{feff}{}", UNTIDY.replace('\n', "\r\n")));
    world.write("c.kps", LAID_OUT);
    assert_eq!(world.run(&["fmt", "a.kps", "b.kps", "c.kps"]), "exit status 0\n");
    for file in ["a.kps", "b.kps", "c.kps"] {
        assert_eq!(read(&world, file), LAID_OUT, "{file}");
    }
    assert_eq!(
        world.run_cleanly(&["fmt", "a.kps", "b.kps", "c.kps"]),
        Ok("exit status 0\n".to_owned())
    );
    assert_eq!(world.run_cleanly(&["fmt", "--check", "a.kps"]), Ok("exit status 0\n".to_owned()));
}

fn fmt_check_names_what_would_change_and_changes_nothing() {
    let world = World::default();
    world.write("a.kps", LAID_OUT.replace("pre { }", "pre{ }"));
    world.write("b.kps", LAID_OUT);
    let wanted = "a.kps\n@@ -4,3 +4,3 @@\n     object vmlinux {\n-        fn cmdline_proc_show { pre{ } }\n+        fn cmdline_proc_show { pre { } }\n     }\nexit status 1\n";
    assert_eq!(world.run_cleanly(&["fmt", "--check", "a.kps", "b.kps"]).as_deref(), Ok(wanted));
}

fn fmt_leaves_a_spec_with_mistakes_alone_and_goes_on() {
    let world = World::default();
    world.write("wrong.kps", "patch fix { license \"GPL\" object }");
    world.write("right.kps", UNTIDY);
    let said = world.run(&["fmt", "wrong.kps", "no-such.kps", "right.kps"]);
    assert!(
        said.contains("KPS0105") && said.contains("KPS0701") && said.ends_with("exit status 3\n"),
        "{said}"
    );
    assert_eq!(read(&world, "wrong.kps"), "patch fix { license \"GPL\" object }");
    assert_eq!(read(&world, "right.kps"), LAID_OUT);
    assert!(world.run(&["fmt", "wrong.kps"]).ends_with("exit status 1\n"));
}

fn fmt_of_the_standard_input_goes_to_the_standard_output() {
    let run = |text: &str| {
        let mut child = kpsc()
            .args(["fmt", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{error}"));
        let sent = child.stdin.take().map(|mut stdin| stdin.write_all(text.as_bytes()));
        assert!(sent.is_some_and(|sent| sent.is_ok()));
        child.wait_with_output().unwrap_or_else(|error| panic!("{error}"))
    };
    assert_eq!(printed(&run(UNTIDY)), LAID_OUT);
    let refused = run("patch fix {");
    assert_eq!((refused.status.code(), refused.stdout.len()), (Some(1), 0));
}

fn fmt_keeps_whose_file_it_is_and_where_a_link_leads() {
    let world = World::default();
    world.write("real.kps", UNTIDY);
    let (real, link) = (world.work().join("real.kps"), world.work().join("link.kps"));
    std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o600))
        .unwrap_or_else(|error| panic!("{error}"));
    symlink("real.kps", &link).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(world.run(&["fmt", "link.kps"]), "exit status 0\n");
    assert_eq!(read(&world, "real.kps"), LAID_OUT);
    assert!(link.is_symlink());
    assert_eq!(real.metadata().map(|metadata| metadata.mode() & 0o777).unwrap_or_default(), 0o600);
}

/// A link in the place of an output is replaced or refused, and where it leads nothing changes.
/// `fmt` alone rewrites a file through a link that the user names.
fn no_output_is_written_through_a_link() {
    let world = World::default();
    world.write("fix.kps", LAID_OUT);
    world.write("elsewhere/fix.lines", "of kpsc");
    world.write("elsewhere/thesis.txt", "years of work");
    std::fs::create_dir(world.work().join("out")).unwrap_or_else(|error| panic!("{error}"));
    let link = |to: &str, path: &str| {
        symlink(world.work().join(to), world.work().join(path))
            .unwrap_or_else(|error| panic!("{error}"));
    };
    link("elsewhere", "out/fix");
    let source = ["build", "--kernel", FIXTURE, "fix.kps", "--emit", "source", "-o", "out"];
    assert_eq!(world.run(&source), "out/fix\nexit status 0\n");
    assert!(
        world.work().join("out/fix/Kbuild").exists() && !world.work().join("out/fix").is_symlink()
    );
    assert_eq!(read(&world, "elsewhere/thesis.txt"), "years of work");
    assert!(!world.work().join("elsewhere/Kbuild").exists());
    link("nothing", "hello.kps");
    link("nothing", "hello");
    link("elsewhere", "crates");
    link("nothing", "crates/fix");
    for words in [
        &["new", "hello"][..],
        &["new", "--crate", "hello"],
        &["convert", "--kernel", FIXTURE, "fix.kps", "--to", "crate", "-o", "crates"],
    ] {
        let said = world.run_cleanly(words).unwrap_or_else(|error| panic!("{error}"));
        assert!(said.contains("[KPS0701]") && said.ends_with("exit status 3\n"), "{said}");
    }
    assert!(!world.work().join("nothing").exists());
}

fn what_new_writes_passes_as_it_is() {
    let world = World::default();
    assert_eq!(world.run(&["new", "hello"]), "hello.kps\nexit status 0\n");
    assert_eq!(
        world.run(&["new", "calls", "--function", "do_sys_openat2"]),
        "calls.kps\nexit status 0\n"
    );
    for spec in ["hello.kps", "calls.kps"] {
        let checked = world.run_cleanly(&["check", "--kernel", FIXTURE, spec]);
        assert_eq!(checked.as_deref(), Ok("exit status 0\n"), "{}", read(&world, spec));
    }
}

fn new_overwrites_nothing_and_takes_no_name_that_is_none() {
    let world = World::default();
    world.write("hello.kps", "mine");
    let refuses = |arguments: &[&str], wanted: &str, status: &str| {
        let said = world.run_cleanly(arguments).unwrap_or_else(|error| panic!("{error}"));
        assert!(
            said.contains(wanted) && said.ends_with(&format!("exit status {status}\n")),
            "{said}"
        );
    };
    refuses(&["new", "hello"], "KPS0701", "3");
    for name in
        ["", "a b", "../up", "a$(touch pwned)", "1st", "ä", "vmlinux", "obj", &"x".repeat(56)]
    {
        refuses(&["new", name], "KPS0601", "1");
    }
    for function in ["", "a b", "f(); }", "f\"", "1st"] {
        refuses(&["new", "fresh", "--function", function], "--function", "2");
    }
    refuses(&["new", "fresh", "--object", "ext4"], "--function", "2");
}

/// Writes the files of a kernel's sysfs and procfs, each with a line.
fn tree(root: &Path, files: &[(&str, &str)]) {
    for (path, text) in files {
        let path = root.join(path);
        let folder = path.parent().unwrap_or(root);
        std::fs::create_dir_all(folder)
            .and_then(|()| std::fs::write(&path, format!("{text}\n")))
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

fn livepatches_are_read_from_sysfs() {
    let root = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    tree(
        root.path(),
        &[
            ("sys/kernel/livepatch/one/enabled", "1"),
            ("sys/kernel/livepatch/one/transition", "0"),
            ("sys/kernel/livepatch/one/vmlinux/patched", "1"),
            ("sys/kernel/livepatch/one/vmlinux/f,1/x", ""),
            ("sys/kernel/livepatch/one/vmlinux/g,2/x", ""),
            ("sys/kernel/livepatch/one/ext4/patched", "0"),
            ("sys/kernel/livepatch/two/enabled", "1"),
            ("sys/kernel/livepatch/two/transition", "1"),
            ("sys/kernel/livepatch/three/enabled", "0"),
            ("sys/kernel/livepatch/three/transition", "1"),
            ("sys/module/one/taint", "OEK"),
            ("sys/module/one/notes/.note.kps", "garbage"),
            ("sys/module/replaced/taint", "K"),
            ("sys/module/ext4/taint", ""),
        ],
    );
    let patch = |name: &str, state, objects: &[(&str, &[&str])]| Livepatch {
        objects: objects
            .iter()
            .map(|(name, functions)| Changed {
                name: (*name).into(),
                functions: functions.iter().map(|name| (*name).into()).collect(),
                is_patched: *name == "vmlinux",
            })
            .collect(),
        ..Livepatch::new(name, state)
    };
    let found =
        livepatches(&System::at(root.path())).unwrap_or_else(|error| panic!("{}", error.message));
    assert_eq!(
        found,
        [
            patch("one", State::Enabled, &[("ext4", &[]), ("vmlinux", &["f,1", "g,2"])]),
            patch("replaced", State::Disabled, &[]),
            patch("three", State::Unpatching, &[]),
            patch("two", State::Patching, &[]),
        ]
    );
}

fn tasks_that_are_behind_are_named_with_their_stacks() {
    let root = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    tree(
        root.path(),
        &[
            ("proc/7/task/7/patch_state", "0"),
            ("proc/7/task/9/patch_state", "1"),
            ("proc/7/task/9/comm", "a \u{1b}[31m worker"),
            ("proc/7/task/9/cgroup", "0::/system.slice/cron.service\n"),
            ("proc/7/task/9/stack", "[<0>] msleep+0x1/0x2\n[<0>] f+0x3/0x4"),
            ("proc/8/task/8/patch_state", "-1"),
            ("proc/8/task/garbage/patch_state", "1"),
            ("proc/self/task/7/patch_state", "1"),
            ("proc/9/task/10/patch_state", "one"),
        ],
    );
    let task = Task {
        id: 9,
        comm: "a \u{1b}[31m worker".into(),
        is_kernel_thread: false,
        function: Some("msleep".into()),
        stack: ["[<0>] msleep+0x1/0x2", "[<0>] f+0x3/0x4"].map(str::to_owned).to_vec(),
        unit: Some(Unit { name: "cron.service".into(), user: None }),
    };
    let behind = tasks_in(&System::at(root.path()), 1, &[]);
    assert_eq!(behind, Behind { tasks: vec![task], unseen: 0 });
}

fn what_is_no_livepatch_is_not_unloaded() {
    let root = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    tree(
        root.path(),
        &[
            ("sys/kernel/livepatch/one/enabled", "1"),
            ("sys/module/ext4/initstate", "live"),
            ("sys/module/ext4/taint", ""),
            ("sys/module/printk/parameters/time", "Y"),
            ("sys/secret/initstate", "live"),
        ],
    );
    for (name, code) in
        [("ext4", "KPS1002"), ("printk", "KPS1003"), ("../secret", "KPS1003"), ("", "KPS1003")]
    {
        let watch =
            Watch { timeout: Duration::ZERO, is_interrupted: &|| false, observe: &|_, _| {} };
        let refused = unload(&System::at(root.path()), name, watch);
        assert_eq!(refused.err().map(|error| error.code.id()), Some(code), "{name}");
    }
}

fn a_kernel_without_livepatches_is_no_kernel_to_load_into() {
    let root = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let error = livepatches(&System::at(root.path())).map(|_| ()).map_err(|error| error.code.id());
    assert_eq!(error, Err("KPS1001"));
}

/// What stands for and against a livepatch on a system of some files.
fn told(files: &[(&str, &str)], incoming: &Incoming) -> (Vec<&'static str>, String) {
    let root = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    tree(root.path(), files);
    std::fs::create_dir_all(root.path().join("sys/kernel/livepatch"))
        .unwrap_or_else(|error| panic!("{error}"));
    let found = preflight(&System::at(root.path()), incoming);
    let codes =
        found.iter().filter(|told| told.severity != Severity::Note).map(|told| told.code.id());
    (codes.collect(), verdict(&incoming.name, &found))
}

fn a_kernel_whose_ftrace_is_off_takes_no_livepatch() {
    // No kernel of today lets anybody turn it off.
    let mut incoming = Incoming {
        name: "mark".into(),
        signature: Some(Signature::default()),
        ..Incoming::default()
    };
    incoming.note = Some(Note { build_id: "00".into(), ..Note::default() });
    let off =
        [("proc/sys/kernel/ftrace_enabled", "0"), ("sys/kernel/tracing/enabled_functions", "")];
    let (codes, verdict) = told(&off, &incoming);
    assert_eq!(codes, ["KPS1021", "KPS1014"]);
    assert_eq!(verdict, "mark will not load because ftrace, which livepatches need, is turned off");
}

/// What to do about a livepatch of the same name depends on its state.
fn a_patch_in_transition_is_said_to_be_in_it() {
    let incoming = Incoming {
        name: "mark".into(),
        signature: Some(Signature::default()),
        ..Incoming::default()
    };
    for (enabled, transition, what, help) in [
        ("1", "1", "the livepatch `mark` is being loaded", "reverses the load"),
        ("0", "1", "the livepatch `mark` is being unloaded", "waits until it is unloaded"),
        ("0", "0", "a module `mark` is loaded", "removes what is left of it"),
        ("1", "0", "a module `mark` is loaded", "needs another name"),
    ] {
        let root = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let files = [
            ("sys/kernel/livepatch/mark/enabled", enabled),
            ("sys/kernel/livepatch/mark/transition", transition),
            ("sys/module/mark/taint", "OK"),
        ];
        tree(root.path(), &files);
        let found = preflight(&System::at(root.path()), &incoming);
        let taken = found.iter().find(|told| told.code.id() == "KPS1008");
        let taken = taken.unwrap_or_else(|| panic!("{found:?}"));
        let advice = taken.help.as_deref().unwrap_or_default();
        assert!(taken.message == what && advice.contains(help), "{taken:?}");
    }
}

fn what_a_kernel_says_may_be_anything() {
    let function = Function { name: "show".into(), sympos: 0, keeps_original: false };
    let objects = vec![Object { name: ObjectName::Vmlinux, functions: vec![function] }];
    let incoming = Incoming { name: "mark".into(), objects, ..Incoming::default() };
    let hostile = "show (1) R I D\nshow\t(\n\u{1b}[31m) I\n-->\ndirect-->\n".repeat(1000);
    let files = [
        "proc/sys/kernel/osrelease",
        "proc/sys/kernel/tainted",
        "proc/self/status",
        "sys/kernel/notes",
        "sys/kernel/security/lockdown",
        "sys/kernel/tracing/enabled_functions",
        "sys/kernel/debug/kprobes/list",
        "sys/module/module/parameters/sig_enforce",
    ];
    let texts =
        ["", "[", "]][[", "CapEff:", "CapEff:\tzz", "99999999999999999999999", hostile.as_str()];
    for text in texts {
        let (codes, _) = told(&files.map(|file| (file, text)), &incoming);
        assert!(codes.contains(&"KPS1014"), "the kernel's notes are none: {codes:?}");
        assert_eq!(codes.contains(&"KPS1011"), text == hostile, "{codes:?}");
    }
}

fn lockdown_and_enforced_signatures_keep_unsigned_modules_out() {
    let unsigned = Incoming { name: "mark".into(), ..Incoming::default() };
    let signed = Incoming { signature: Some(Signature::default()), ..unsigned.clone() };
    let lockdown = |level| [("sys/kernel/security/lockdown", level)];
    for level in ["none [integrity] confidentiality", "none integrity [confidentiality]"] {
        assert!(told(&lockdown(level), &unsigned).0.contains(&"KPS1019"), "{level}");
        assert!(told(&lockdown(level), &signed).0.contains(&"KPS1020"), "{level}");
    }
    assert!(!told(&lockdown("[none] integrity confidentiality"), &unsigned).0.contains(&"KPS1019"));
    let enforced = |value| [("sys/module/module/parameters/sig_enforce", value)];
    assert!(told(&enforced("Y"), &unsigned).0.contains(&"KPS1019"));
    assert!(!told(&enforced("N"), &unsigned).0.contains(&"KPS1019"));
}

fn a_function_of_another_object_is_another_function() {
    let function = |sympos| Function { name: "show".into(), sympos, keeps_original: false };
    let incoming = |object: &str, sympos| Incoming {
        name: "mark".into(),
        objects: vec![Object { name: ObjectName::new(object), functions: vec![function(sympos)] }],
        note: Some(Note { made_by: "kpsc".into(), ..Note::default() }),
        ..Incoming::default()
    };
    let loaded = [
        ("sys/kernel/livepatch/other/enabled", "1"),
        ("sys/kernel/livepatch/other/transition", "0"),
        ("sys/kernel/livepatch/other/ext4/show,1/of", ""),
    ];
    let conflicts = |incoming| told(&loaded, &incoming).0.contains(&"KPS1005");
    assert!(conflicts(incoming("ext4", 0)) && conflicts(incoming("ext4", 1)));
    assert!(!conflicts(incoming("vmlinux", 0)) && !conflicts(incoming("ext4", 2)));
}

fn of_functions_of_one_name_another_may_be_meant() {
    let incoming = |sympos| {
        let function = Function { name: "show".into(), sympos, keeps_original: true };
        let objects = vec![Object { name: ObjectName::Vmlinux, functions: vec![function] }];
        Incoming { name: "mark".into(), objects, ..Incoming::default() }
    };
    let files =
        [("sys/kernel/tracing/enabled_functions", "show (1)     \nshow (1) R I     \ttramp: x")];
    assert!(told(&files, &incoming(0))
        .1
        .starts_with("mark will not load because something else redirects `show`"));
    let (codes, verdict) = told(&files, &incoming(2));
    assert!(codes.contains(&"KPS1011") && verdict.starts_with("mark will load, but "), "{verdict}");
}
