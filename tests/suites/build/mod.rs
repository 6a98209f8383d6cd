// SPDX-License-Identifier: GPL-2.0
//! Building for the default target: what comes out, and what is said when it cannot.

mod headers;
mod kernels;
mod library;
mod uses;

use kps_grammar::ast::Form;
use kps_targets::{Cache, Progress};
use kps_tests::schedule::Case;
use kps_tests::store::{self, with_its_module};
use kps_tests::target::{target, Vm};
use kps_tests::{cases, examples, fixture_cache, kpsc, printed, repository, FIXTURE};
use object::{Object as _, ObjectSection as _, ObjectSymbol as _};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    let cases = cases![
        make_by_hand_gives_the_very_module.machine().about(15),
        make_by_hand_refuses_what_the_objects_show.machine().about(15),
        what_is_kept_between_builds_changes_no_byte.machine().about(10),
        the_makefile_beside_the_source_needs_only_the_build_tree.machine(),
        a_failed_build_leaves_nothing.machine(),
        errors_in_bodies_are_reported_where_the_author_wrote_them.machine().about(90),
        nothing_is_said_about_the_examples.machine().about(1),
        generated_code_is_as_it_was_and_compiles.machine().about(20),
        names_that_are_too_long_for_modpost_reach_the_module.machine().about(5),
        a_patch_that_formats_nothing_has_no_code_of_rusts_formatting.machine(),
        the_kernel_takes_no_body_in_c_for_a_system_call.machine(),
        hostile_texts_reach_the_module_as_they_are_written_and_nothing_obeys_them.machine(),
    ];
    let others = [kernels::cases(), library::cases(), headers::cases(), uses::cases()];
    cases.into_iter().chain(others.into_iter().flatten()).collect()
}

/// The cases that hold on other kernels too.
pub(crate) fn on_every_kernel() -> Vec<Case> {
    let cases = cases![long_names_are_loaded.machine().about(15)];
    cases.into_iter().chain(headers::on_every_kernel()).collect()
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"))
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn example() -> PathBuf {
    repository().join("examples/cmdline_mark/cmdline_mark.kps")
}

/// Files below a folder, by their paths.
fn tree(root: &Path) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{error}")).flatten()
        {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).unwrap_or(&path).display().to_string();
                files.insert(name, String::from_utf8_lossy(&read(&path)).into_owned());
            }
        }
    }
    files
}

/// Writes the Kbuild folder of a spec and returns it.
fn emit(spec: &Path, into: &Path, cache: Option<&Path>) -> PathBuf {
    let mut command = kpsc();
    command.arg("build");
    if let Some(cache) = cache {
        command.env("KPSC_CACHE", cache).args(["--kernel", FIXTURE]);
    }
    let output = command.args(["--emit", "source", "-o"]).arg(into).arg(spec).output();
    let output = output.unwrap_or_else(|error| panic!("{error}"));
    assert!(output.status.success(), "{}", printed(&output));
    into.join(spec.file_stem().unwrap_or_default())
}

/// `make -C BUILD_TREE M=FOLDER`, as anybody would type it.
fn make(source: &Path, words: &[&str]) -> std::process::Output {
    let target = target();
    let tree = target.tree().unwrap_or_else(|| panic!("the target has no build tree"));
    let mut make = Command::new("make");
    make.arg("-C").arg(&tree.build).arg(format!("M={}", source.display())).args(words);
    make.arg(format!("KPSC={}", kpsc().get_program().to_string_lossy()));
    make.output().unwrap_or_else(|error| panic!("make: {error}"))
}

fn make_by_hand_gives_the_very_module() {
    let into = folder();
    let source = emit(&example(), into.path(), None);
    for round in 1..=2 {
        let output = make(&source, &[]);
        assert!(output.status.success(), "round {round}:\n{}", printed(&output));
        assert!(read(&source.join("cmdline_mark.ko")) == build(&example(), None), "round {round}");
    }
    let linked = tree(&source).into_keys().filter(|name| name.ends_with(".linked")).count();
    assert_eq!(linked, 0);
    let output = make(&source, &["clean"]);
    assert!(
        output.status.success() && !source.join("cmdline_mark.ko").exists(),
        "{}",
        printed(&output)
    );
}

/// Without kpsc around it, `kpsc link` sees the same objects and lists of files.
fn make_by_hand_refuses_what_the_objects_show() {
    let specs = repository().join("tests/ui-build");
    for (spec, code) in [
        ("captures", "KPS0527"),
        ("no-landing-pad", "KPS0522"),
        ("original-taken", "KPS0502"),
        ("outside", "KPS0525"),
    ] {
        let into = folder();
        let source = emit(&specs.join(spec).with_extension("kps"), into.path(), None);
        let name = spec.replace('-', "_");
        let source = source.with_file_name(&name);
        let output = make(&source, &[]);
        let said = printed(&output);
        assert!(!output.status.success() && said.contains(code), "{spec}:\n{said}");
        assert!(!source.join(&name).with_extension("ko").exists(), "{spec}");
    }
}

/// kpsc keeps what Kbuild does alike in each build, and make by hand does it again.
fn what_is_kept_between_builds_changes_no_byte() {
    let spec = repository().join("examples/short_version/short_version.kps");
    let first = build(&spec, None);
    let cache = Cache::open().unwrap_or_else(|error| panic!("{}", error.message));
    let place = cache.root().join("kbuild").join(&target().name);
    let whole = tree(&place);
    let is_kept = |name| whole.iter().any(|(path, text)| path.ends_with(name) && !text.is_empty());
    assert!([".kps-probes", ".module-common.o", "..module-common.o.cmd"].into_iter().all(is_kept));
    // What is damaged is not used, and made again.
    let object = whole.keys().find(|path| path.ends_with(".module-common.o")).cloned();
    let object = object.unwrap_or_default();
    std::fs::write(place.join(&object), b"none").unwrap_or_else(|error| panic!("{error}"));
    assert!(first == build(&spec, None) && tree(&place)[&object] != "none");
    let into = folder();
    let source = emit(&spec, into.path(), None);
    let output = make(&source, &[]);
    assert!(output.status.success(), "{}", printed(&output));
    assert!(first == read(&source.join("short_version.ko")));
}

fn the_makefile_beside_the_source_needs_only_the_build_tree() {
    let into = folder();
    let source = emit(&example(), into.path(), None);
    let target = target();
    let tree = target.tree().unwrap_or_else(|| panic!("the target has no build tree"));
    let output = Command::new("make")
        .current_dir(&source)
        .arg(format!("KDIR={}", tree.build.display()))
        .arg(format!("KPSC={}", kpsc().get_program().to_string_lossy()))
        .output()
        .unwrap_or_else(|error| panic!("make: {error}"));
    assert!(output.status.success(), "{}", printed(&output));
    assert!(read(&source.join("cmdline_mark.ko")) == build(&example(), None));
}

fn a_failed_build_leaves_nothing() {
    let into = folder();
    let spec = repository().join("tests/ui-build/type-error.kps");
    let output = kpsc().arg("build").arg(spec).arg("-o").arg(into.path()).output();
    let output = output.unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(tree(into.path()), BTreeMap::new());
}

/// A module that is built now, whether it has been built before or not.
fn build(spec: &Path, cache: Option<&Path>) -> Vec<u8> {
    store::build(spec, cache).module
}

/// The macro of the kernel's source also describes a system call to tracers and allows errors to be
/// injected, in sections that the kernel reads of modules.
fn the_kernel_takes_no_body_in_c_for_a_system_call() {
    let built = store::built(&repository().join("tests/vm/acts/system_calls.kps"));
    let module = object::File::parse(&*built.module).unwrap_or_else(|error| panic!("{error}"));
    assert!(module.symbols().any(|symbol| symbol.name() == Ok("__do_sys_dup2")));
    for name in ["_ftrace_events", "__syscalls_metadata", "_error_injection_whitelist"] {
        let section = module.section_by_name(name);
        assert_eq!(section.map_or(0, |section| section.size()), 0, "{name}");
    }
}

/// `BLESS=1` writes the messages anew.
fn errors_in_bodies_are_reported_where_the_author_wrote_them() {
    // Fetched now, modules are not told of among the messages.
    let modules = Cache::open().and_then(|cache| target().modules(&cache, Progress::Quiet));
    assert!(modules.is_ok_and(|modules| !modules.is_empty()), "the target has no modules");
    let specs = repository().join("tests/ui-build");
    for entry in std::fs::read_dir(&specs).unwrap_or_else(|error| panic!("{error}")).flatten() {
        let spec = entry.path();
        if spec.extension() != Some("kps".as_ref()) {
            continue;
        }
        let into = folder();
        let output = kpsc()
            .current_dir(&specs)
            .args(["build", "--kernel", &target().name])
            .arg(spec.file_name().unwrap_or_default())
            .arg("-o")
            .arg(into.path())
            .output()
            .unwrap_or_else(|error| panic!("{error}"));
        let got = String::from_utf8_lossy(&output.stderr).into_owned();
        let expected = spec.with_extension("stderr");
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(&expected, &got).unwrap_or_else(|error| panic!("{error}"));
        }
        assert_eq!(got, String::from_utf8_lossy(&read(&expected)), "{}", spec.display());
    }
}

/// Neither the examples' own text nor the runtime that is compiled with it can panic, and no tool
/// warns of either. It comes late, when other cases have built them.
fn nothing_is_said_about_the_examples() {
    for spec in examples() {
        let beside = folder();
        let built = store::built(&with_its_module(&spec, beside.path()));
        assert!(!built.said.contains("warning["), "{}:\n{}", spec.display(), built.said);
    }
}

/// Generated code is kept beside its spec, and it compiles: it is made from the fixture's facts,
/// which say of the target what matters for that. `BLESS=1` writes it anew.
fn generated_code_is_as_it_was_and_compiles() {
    let cache = fixture_cache();
    let golden = repository().join("tests/golden");
    for entry in std::fs::read_dir(&golden).unwrap_or_else(|error| panic!("{error}")).flatten() {
        let spec = entry.path();
        if spec.extension() != Some("kps".as_ref()) {
            continue;
        }
        let into = folder();
        let source = emit(&spec, into.path(), Some(cache.path()));
        let mut files = tree(&source);
        // The runtime is the runtime; its own tests keep it.
        files.retain(|name, _| !name.starts_with("kps/"));
        let kept = spec.with_extension("");
        if std::env::var_os("BLESS").is_some() {
            let _ = std::fs::remove_dir_all(&kept);
            for (name, text) in &files {
                let path = kept.join(name);
                std::fs::create_dir_all(path.parent().unwrap_or(&kept))
                    .and_then(|()| std::fs::write(path, text))
                    .unwrap_or_else(|error| panic!("{error}"));
            }
        }
        let wanted = tree(&kept);
        assert_eq!(
            files.keys().collect::<Vec<_>>(),
            wanted.keys().collect::<Vec<_>>(),
            "{}",
            spec.display()
        );
        for (name, text) in &files {
            assert_eq!(text, &wanted[name], "{name} of {}", spec.display());
            // It may stand in a module of a crate as well as at the root of one.
            assert!(
                !name.ends_with(".rs") || !text.contains("crate::"),
                "{name} of {}",
                spec.display()
            );
        }
        let name = spec.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let output = make(&source, &["kps-module=1", &format!("{name}_main.o")]);
        let said = printed(&output);
        assert!(output.status.success(), "{said}");
        assert!(!said.contains("warning: "), "{said}");
    }
}

/// modpost of a kernel with `CONFIG_MODVERSIONS` takes 55 characters; what it is given is as long on
/// every kernel. Both forms of a patch, and C, say what the short names stand for.
fn names_that_are_too_long_for_modpost_reach_the_module() {
    let root = folder();
    let spec = with_long_names(root.path());
    let source = emit(&spec, root.path(), None);
    let symvers = String::from_utf8_lossy(&read(&source.join("kps.symvers"))).into_owned();
    let names: Vec<&str> = symvers.lines().filter_map(|line| line.split('\t').nth(1)).collect();
    assert!(names.len() >= 5 && names.iter().all(|name| name.len() <= 55), "{names:?}");
    for form in [Form::Spec, Form::Crate] {
        reach(&store::module_as(form, &spec));
    }
}

/// modpost of this kernel complains if it finds names too long, and its loader if they have no
/// versions.
fn long_names_are_loaded() {
    let root = folder();
    let module = store::module(&with_long_names(root.path()));
    reach(&module);
    let mut vm = Vm::start(vec![("/long_names.ko".to_owned(), module)]);
    vm.sh("livepatch load /long_names.ko && cat /proc/version && livepatch unload long_names");
    vm.check_log();
}

const HOOKED: &str = "atomic_notifier_chain_register_unique_prio";
const CALLED: &str = "rcu_check_gp_kthread_expired_fqs_timer";

/// A spec that hooks the one, and calls the other from Rust and from C.
fn with_long_names(root: &Path) -> PathBuf {
    let spec = root.join("long_names.kps");
    write(
        &spec,
        &format!(
            "//! Long names.\npatch long_names {{\n    license \"GPL\";\n\n    object vmlinux {{\n        \
             use fn {CALLED};\n\n        fn {HOOKED} {{ pre {{ {CALLED}(); }} }}\n        \
             fn version_proc_show {{ replace c \"long.c\"; }}\n    }}\n}}\n"
        ),
    );
    write(
        &root.join("long.c"),
        &format!(
            "#include <linux/seq_file.h>\n\nextern void {CALLED}(void);\n\n\
             static int version_proc_show(struct seq_file *m, void *v)\n{{\n\t{CALLED}();\n\t\
             return original(m, v);\n}}\n"
        ),
    );
    spec
}

/// A module has the names as the kernel reads them.
fn reach(module: &[u8]) {
    let file = object::File::parse(module).unwrap_or_else(|error| panic!("{error}"));
    let symbols: Vec<&str> = file.symbols().filter_map(|it| it.name().ok()).collect();
    for name in [HOOKED, CALLED] {
        let klp = format!(".klp.sym.vmlinux.{name},0");
        assert!(symbols.contains(&klp.as_str()), "{symbols:?}");
    }
    assert!(file.section_by_name(".comment.kps").is_none());
}

/// What generated code logs by itself has formats of C: the code of Rust's would be larger than a
/// small patch.
fn a_patch_that_formats_nothing_has_no_code_of_rusts_formatting() {
    for form in [Form::Spec, Form::Crate] {
        let module = store::module_as(form, &example());
        let file = object::File::parse(&*module).unwrap_or_else(|error| panic!("{error}"));
        let symbols: Vec<&str> = file.symbols().filter_map(|it| it.name().ok()).collect();
        let formats = |name: &&&str| ["3fmt", "call_printk"].iter().any(|part| name.contains(part));
        assert!(symbols.contains(&"_printk"), "{form:?}: {symbols:?}");
        assert_eq!(symbols.iter().find(formats), None, "{form:?}");
    }
}

fn write(path: &Path, text: &str) {
    std::fs::create_dir_all(path.parent().unwrap_or(path))
        .and_then(|()| std::fs::write(path, text))
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

fn hostile_texts_reach_the_module_as_they_are_written_and_nothing_obeys_them() {
    let root = folder();
    let hostile = r#"$(touch pwned) `touch pwned`; touch pwned "quoted" 'quoted' \ %s # $PWD {}"#;
    let escaped = hostile.replace('\\', "\\\\").replace('"', "\\\"");
    // What is in comments and strings of a body is the author's own.
    let body = "/* $(touch pwned) `touch pwned` */ let _ = \"$(touch pwned)\";";
    let spec = root.path().join("$(touch pwned) `touch pwned`;'\".kps");
    let text = format!(
        "/// {hostile}\npatch fix {{ license \"GPL\"; author \"{escaped}\";\n\
         object vmlinux {{ fn cmdline_proc_show {{ pre {{ {body} }} }} }} }}\n"
    );
    std::fs::write(&spec, text).unwrap_or_else(|error| panic!("{error}"));
    let output =
        kpsc().current_dir(root.path()).args(["build", "-o", "output"]).arg(&spec).output();
    let output = output.unwrap_or_else(|error| panic!("{error}"));
    assert!(output.status.success(), "{}", printed(&output));
    let module = read(&root.path().join("output/fix.ko"));
    for entry in [format!("author={hostile}\0"), format!("description={hostile}\0")] {
        let there = module.windows(entry.len()).any(|window| window == entry.as_bytes());
        assert!(there, "{entry:?} is not in the module's information");
    }
    let left = tree(root.path());
    assert_eq!(left.len(), 2, "something was obeyed: {:?}", left.keys());
}
