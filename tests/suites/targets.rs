//! Several targets: an older stock kernel, whose preparation is killed twenty times and runs out of room, and a small kernel
//! built from source. What holds on the default target holds on them.
//!
//! The suite runs in a mount namespace of its own: the disk that fills up is a file system in memory that nobody else
//! sees, and it is gone when the suite ends.

use kps_facts::btf::Kind;
use kps_facts::Facts;
use kps_grammar::Source;
use kps_tests::target::target;
use kps_tests::{example, examples, fixes, kpsc, printed, repository, specs, stem};
use kpsc::resolve::is_meant_for;
use kpsc::target::{Cache, Target};
use libtest_mimic::{Arguments, Failed, Trial};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Set in the namespace.
const INSIDE: &str = "KPS_TESTS_INSIDE";
/// Where the disk is. The path is always the same, because build folders remember theirs.
const DISK: &str = "/tmp/kps-targets";
/// Where the small kernel is built. It is kept in the repository's `target` folder and built on the next time.
const SMALL: &str = "/tmp/kps-targets/small";
/// The compilers of the default target, where everybody may read them.
const TOOLCHAIN: &str = "/tmp/kps-targets/toolchain";

/// Specs that the small kernel has not got all for, and how it says so. One is of a function that has few callers there: the
/// compiler has put it into them.
const NOT_ON_SMALL: [(&str, &str); 12] = [
    ("bitfields", "KPS0303"),
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

/// The example with a symbol's position, which is that of one kernel alone.
const POSITION: &str = "private_kallsyms";

/// The example of a module that has to be built for the kernel first. It is tried on the default target.
const WITH_ITS_MODULE: &str = "meter_gap";

/// Examples that are built for the small kernel and not tried there: the compiler has put the function into its caller, or what
/// the test looks at is not there.
const BUILT_ON_SMALL: [&str; 3] = ["closed_at_exit", "no_disk_group", "short_links"];

/// Examples that are not for the older kernel, and say so: the one with a position, and one of functions that are newer.
const NOT_ON_OLDER: [&str; 2] = [POSITION, "closed_at_exit"];

fn main() -> ExitCode {
    if std::env::var_os(INSIDE).is_none() {
        return enter();
    }
    let mut trials = Vec::new();
    let mut add = |name: String, run: Box<dyn FnOnce() + Send>| {
        trials.push(Trial::test(name, move || {
            run();
            Ok::<(), Failed>(())
        }));
    };
    add(
        "older: prepared although it is killed 20 times and its disk fills up".into(),
        Box::new(|| assert!(older().target().tree().is_some())),
    );
    add("small: built from source and added".into(), Box::new(|| assert!(small().target().tree().is_some())));
    add(
        "older: a prepared target keeps less than 1 GB beside its compilers".into(),
        Box::new(a_target_is_small),
    );
    add("older: what is gone or different there is said".into(), Box::new(moving_says_what_differs));
    add("default: its debug information tells of inlined copies".into(), Box::new(copies_are_known));
    add("small: everything works without root".into(), Box::new(everything_works_without_root));
    let acting = |there: fn() -> &'static There, spec: PathBuf| move || acts(there(), &spec);
    for spec in specs("acts").into_iter().chain([example("cmdline_mark")]) {
        add(format!("older: {}", stem(&spec)), Box::new(acting(older, spec)));
    }
    add("older: the examples are built".into(), Box::new(examples_are_built));
    let elsewhere = |spec: &PathBuf| ![POSITION, WITH_ITS_MODULE].contains(&stem(spec).as_str());
    for spec in specs("acts").into_iter().chain(examples()).filter(elsewhere) {
        let name = stem(&spec);
        if BUILT_ON_SMALL.contains(&name.as_str()) {
            add(format!("small: {name} is built"), Box::new(move || is_built(small(), &spec)));
            continue;
        }
        match NOT_ON_SMALL.iter().find(|(spec, _)| *spec == name) {
            Some((_, code)) => {
                add(format!("small: {name}"), Box::new(move || is_refused(small(), &spec, code)));
            }
            None => add(format!("small: {name}"), Box::new(acting(small, spec))),
        }
    }
    for fix in fixes() {
        add(format!("older: {}", stem(&fix)), Box::new(move || mends(&fix)));
    }
    libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
}

/// Starts the suite again in a mount namespace, with the disk and the folders in it.
fn enter() -> ExitCode {
    let kept = repository().join("target/small-kernel");
    let toolchain = target().tree().and_then(|tree| tree.toolchain.clone()).unwrap_or_default();
    let script = format!(
        "set -e; mkdir -p {DISK} {kept}; mount -t tmpfs -o mode=755,size=8g none {DISK}; mkdir -p {SMALL} {TOOLCHAIN}
        mount --bind {kept} {SMALL}; mount --bind {toolchain} {TOOLCHAIN}; exec \"$0\" \"$@\"",
        kept = kept.display(),
        toolchain = toolchain.display(),
    );
    let mut command = Command::new("unshare");
    if !is_root() {
        command.arg("--map-root-user");
    }
    command.args(["--mount", "sh", "-c", &script]).env(INSIDE, "1");
    let suite = std::env::current_exe().unwrap_or_else(|error| panic!("{error}"));
    let error = command.arg(suite).args(std::env::args_os().skip(1)).exec();
    panic!("unshare (package util-linux) cannot be run: {error}");
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap_or_else(|error| panic!("id: {error}"));
    output.stdout == b"0\n"
}

/// A target in a cache of its own.
struct There {
    cache: PathBuf,
    name: String,
}

impl There {
    fn kpsc(&self, words: &[&str]) -> Command {
        let mut command = kpsc();
        command.env("KPSC_CACHE", &self.cache).args(words);
        command
    }

    fn target(&self) -> Target {
        Cache::at(&self.cache).target(&self.name).unwrap_or_else(|error| panic!("{}", error.message))
    }

    fn facts(&self) -> Facts {
        facts(&self.target())
    }
}

/// Runs a command that must succeed.
fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap_or_else(|error| panic!("{error}"));
    assert!(output.status.success(), "{command:?}:\n{}", printed(&output));
    printed(&output)
}

fn acts(there: &There, spec: &Path) {
    let said = succeed(there.kpsc(&["test", "--limit", "60", "--kernel", &there.name]).arg(spec));
    assert!(said.contains("ok: "), "no test held:\n{said}");
}

fn is_refused(there: &There, spec: &Path, code: &str) {
    let output = there.kpsc(&["check", "--kernel", &there.name]).arg(spec).output();
    let output = output.unwrap_or_else(|error| panic!("{error}"));
    assert!(output.status.code() == Some(1) && printed(&output).contains(code), "{}", printed(&output));
}

/// Debug information is fetched once, read, and found damaged when it is. Path lookup ends in `path_put`, which compilers put into
/// its callers since there have been livepatches.
fn copies_are_known() {
    let default = target();
    let there = There { cache: Path::new(DISK).join("debug"), name: default.release().to_owned() };
    let add = || {
        succeed(&mut there.kpsc(&[
            "kernel",
            "add",
            "--release",
            default.release(),
            "--facts-only",
            "--debug",
        ]))
    };
    add();
    let spec = Path::new(DISK).join("copies.kps");
    let text = "patch copies { license \"GPL\"; object vmlinux { fn path_put { pre { } } } }";
    std::fs::write(&spec, text).unwrap_or_else(|error| panic!("{error}"));
    let said = succeed(there.kpsc(&["check"]).arg(&spec));
    assert!(said.contains("warning[KPS0415]") && !said.contains("KPS0416"), "{said}");
    assert!(said.contains(".c:"), "no call has a place:\n{said}");
    let inspected = succeed(&mut there.kpsc(&["inspect", "path_put"]));
    assert!(inspected.contains("written in  fs/namei.c:"), "{inspected}");
    assert_eq!(add().trim(), there.name, "it was fetched again");
    succeed(&mut there.kpsc(&["kernel", "verify"]));
    succeed(Command::new("rm").arg("-r").arg(&there.cache));
}

/// That they act there as they do on the default target, a boot for each, would show little more.
fn examples_are_built() {
    for spec in examples().into_iter().filter(|spec| stem(spec) != WITH_ITS_MODULE) {
        match NOT_ON_OLDER.contains(&stem(&spec).as_str()) {
            true => is_refused(older(), &spec, "KPS0605"),
            false => is_built(older(), &spec),
        }
    }
}

fn is_built(there: &There, spec: &Path) {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    succeed(there.kpsc(&["build", "--kernel", &there.name, "-o"]).arg(folder.path()).arg(spec));
}

/// A fix mends the older kernel. The archive will not hold one that has the fault for ever; without one, all that
/// can be tried is that other kernels are kept from the fix.
fn mends(fix: &Path) {
    let (older, newest) = (older(), target());
    if is_for(fix, older.target().release()) {
        acts(older, fix);
        // The crate that it is converted to mends too.
        let scratch = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        succeed(
            older
                .kpsc(&["convert", "--kernel", &older.name, "--to", "crate", "-o"])
                .arg(scratch.path())
                .arg(fix),
        );
        return acts(older, &scratch.path().join(stem(fix)));
    }
    println!("{}: the archive holds no kernel with this fault any more, so nobody sees it mended", stem(fix));
    let left: Vec<_> = older_releases(older).into_iter().filter(|release| is_for(fix, release)).collect();
    assert!(left.is_empty(), "{} can be tried on {left:?}: let `older` be one", stem(fix));
    let output = kpsc().args(["check", "--kernel", &newest.name]).arg(fix).output();
    let output = output.unwrap_or_else(|error| panic!("{error}"));
    assert!(output.status.code() == Some(1) && printed(&output).contains("KPS0605"), "{}", printed(&output));
}

/// Whether a spec says that a release is one of those that it is meant for.
fn is_for(spec: &Path, release: &str) -> bool {
    let text = std::fs::read_to_string(spec).unwrap_or_else(|error| panic!("{}: {error}", spec.display()));
    let (parsed, _) = kps_grammar::parse(&Source::new(stem(spec), text));
    let range = parsed.patch.and_then(|patch| patch.kernel).map(|range| range.value);
    let range =
        range.unwrap_or_else(|| panic!("{} does not say what kernels have the fault", spec.display()));
    is_meant_for(&range, release).unwrap_or_else(|| panic!("{}: {range}", spec.display()))
}

/// What the archive holds that is older than the default target, newest first.
fn older_releases(there: &There) -> Vec<String> {
    let (default, listed) = (target(), succeed(&mut there.kpsc(&["kernel", "list", "--available"])));
    let behind = listed.lines().skip_while(|release| *release != default.release()).skip(1);
    behind.map(str::to_owned).collect()
}

/// The newest stock kernel that the archive holds of an older series than the default target's, if it can be of those that
/// the fixes of `examples` are for.
fn older() -> &'static There {
    static OLDER: OnceLock<There> = OnceLock::new();
    OLDER.get_or_init(|| {
        let default = target();
        let disk = Path::new(DISK).join("older");
        succeed(Command::new("mkdir").arg(&disk));
        succeed(Command::new("mount").args(["-t", "tmpfs", "-o", "mode=755,size=4g", "none"]).arg(&disk));
        let there = There { cache: disk, name: "older".to_owned() };
        let series = |release: &str| release.split('.').take(2).map(str::to_owned).collect::<Vec<_>>();
        let behind = older_releases(&there);
        let faulty = behind.iter().find(|release| fixes().iter().all(|fix| is_for(fix, release)));
        let other = behind.iter().find(|release| series(release) != series(default.release()));
        let Some(release) = faulty.or(other).or(behind.first()) else {
            panic!("the archive holds no kernel older than {}", default.release());
        };
        prepare_interrupted(&there, release);
        there
    })
}

/// How long each run lasts until it is killed, in seconds: while lists, headers, image, compilers and source are fetched and
/// unpacked, and while the kernel's Rust metadata is built.
const KILLED_AFTER: [f64; 20] = [
    0.05, 0.3, 1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 10.0, 14.0, 18.0, 22.0, 6.0, 25.0, 9.0, 20.0, 16.0, 7.0, 11.0,
    13.0,
];
/// The runs before which the disk is made nearly full: a first try goes wrong on it.
const FULL_BEFORE: [usize; 5] = [0, 4, 7, 10, 14];

fn prepare_interrupted(there: &There, release: &str) {
    let mut names = vec![there.name.clone()];
    let add = |name: &str| there.kpsc(&["kernel", "add", "--release", release, "--name", name]);
    for (run, seconds) in KILLED_AFTER.into_iter().enumerate() {
        let name = |names: &[String]| names.last().cloned().unwrap_or_default();
        if FULL_BEFORE.contains(&run) {
            fill_up(there, add(&name(&names)));
        }
        // A quick machine may be done before the moment comes: the next target is killed then.
        while let Some(status) = kill_after(&mut add(&name(&names)), Duration::from_secs_f64(seconds)) {
            assert!(status.success(), "after {seconds} s: {status}");
            names.push(format!("older{}", names.len()));
        }
        assert!(!is_ready(there, &name(&names)), "killed after {seconds} s, it looks ready");
    }
    for name in &names {
        succeed(&mut add(name));
        assert!(is_ready(there, name));
    }
    let verified = succeed(&mut there.kpsc(&["kernel", "verify"]));
    assert_eq!(verified.matches("\twhole\t").count(), names.len(), "{verified}");
    damage_is_found(there);
    // Once more is no harm, and nothing is left of all that.
    succeed(&mut add(&there.name));
    let left = succeed(&mut there.kpsc(&["kernel", "remove", "--unused"]));
    assert!(!left.contains("partial") && !left.contains("kernels/"), "{left}");
    for name in &names[1..] {
        succeed(&mut there.kpsc(&["kernel", "remove", name]));
    }
}

/// One byte of a file of every kind that a finished stock kernel has is changed, found, and changed back.
fn damage_is_found(there: &There) {
    let target = there.target();
    let (folder, toolchain) = (target.folder(), target.tree().and_then(|tree| tree.toolchain.clone()));
    let toolchain = toolchain.unwrap_or_default();
    let inside =
        ["vmlinuz", "busybox", "config", "Module.symvers", "facts", "source/Makefile", "build/.config"];
    let mut files: Vec<PathBuf> = inside.iter().map(|name| folder.join(name)).collect();
    files.extend(["usr/bin/make", "usr/bin/bash"].map(|name| toolchain.join(name)));
    let verify = || {
        let output =
            there.kpsc(&["kernel", "verify", &there.name]).output().unwrap_or_else(|error| panic!("{error}"));
        (output.status.code(), printed(&output))
    };
    files.iter().for_each(|file| flip(file));
    let (status, said) = verify();
    files.iter().for_each(|file| flip(file));
    assert_eq!(status, Some(3), "{said}");
    for file in &files {
        let name = file.strip_prefix(folder).or_else(|_| file.strip_prefix(&toolchain)).unwrap_or(file);
        assert!(said.contains(&format!("{name:?} was changed")), "{} is not found:\n{said}", file.display());
    }
    // The lists of what there is, which vouch for the rest.
    for file in [folder.join("files"), toolchain.join("files"), folder.join("target.toml")] {
        flip(&file);
        let (status, said) = verify();
        flip(&file);
        assert!(status == Some(3) && said.contains("damaged"), "{}:\n{said}", file.display());
    }
    assert_eq!(verify().0, Some(0));
}

/// Changes the byte in the middle of a file, or changes it back.
fn flip(path: &Path) {
    let mut bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(path, bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// Kills a program, and nothing that it has started, unless it ends before; then its status is returned.
fn kill_after(command: &mut Command, limit: Duration) -> Option<ExitStatus> {
    let start = Instant::now();
    let command = command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap_or_else(|error| panic!("{error}"));
    while start.elapsed() < limit {
        if let Some(status) = child.try_wait().unwrap_or_else(|error| panic!("{error}")) {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().and_then(|()| child.wait()).unwrap_or_else(|error| panic!("{error}"));
    None
}

fn is_ready(there: &There, name: &str) -> bool {
    let listed = succeed(&mut there.kpsc(&["kernel", "list"]));
    listed.lines().any(|line| line.starts_with(&format!("{name}\tready to build")))
}

/// Leaves a few megabytes free, tries, and makes room again.
fn fill_up(there: &There, mut add: Command) {
    let resize = |size: &str| {
        let option = format!("remount,size={size}");
        succeed(Command::new("mount").args(["-o", &option]).arg(&there.cache));
    };
    let used = succeed(Command::new("du").args(["-sk", "--apparent-size"]).arg(&there.cache));
    let used: u64 = used.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or_default();
    // Small files take whole pages there; an eighth more is room for those.
    resize(&format!("{}k", used + used / 8 + 4096));
    let output = add.output().unwrap_or_else(|error| panic!("{error}"));
    let said = printed(&output);
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("KPS0711"), "it is not said that the disk is full:\n{said}");
    resize("4g");
}

/// A kernel of one's own, with a small configuration.
fn small() -> &'static There {
    static SMALL_KERNEL: OnceLock<There> = OnceLock::new();
    SMALL_KERNEL.get_or_init(|| {
        let stock = target();
        let script = repository().join("tests/kernels/small.sh");
        succeed(Command::new(script).arg(kpsc().get_program()).arg(&stock.name).arg(SMALL));
        let there = There { cache: Path::new(DISK).join("own"), name: "small".to_owned() };
        add_small(&mut there.kpsc(&[]), &stock);
        there
    })
}

/// `kpsc kernel add` for the small kernel; its compilers are those of the stock kernel.
fn add_small(kpsc: &mut Command, stock: &Target) {
    kpsc.args(["kernel", "add", "--name", "small", "--build-dir"]).arg(Path::new(SMALL).join("build"));
    kpsc.args(["--toolchain", TOOLCHAIN]);
    for variable in stock.tree().map(|tree| tree.make.clone()).unwrap_or_default() {
        kpsc.args(["--make", &variable]);
    }
    succeed(kpsc);
}

fn a_target_is_small() {
    let folder = older().target().folder().to_owned();
    let size = succeed(Command::new("du").args(["-sk"]).arg(&folder));
    let size: u64 = size.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(u64::MAX);
    assert!(size < 1 << 20, "{} takes {size} kB", folder.display());
}

/// What a spec says of a function must hold on the kernel that it is moved to: there the function is gone, or it takes
/// something else than is written.
fn moving_says_what_differs() {
    const CASES: usize = 3;
    let here = target();
    let (known, there) = (facts(&here), older().facts());
    let (mut gone, mut different) = (Vec::new(), Vec::new());
    for id in known.btf.ids() {
        let function = known.btf.get(id);
        let name = function.name;
        let once = matches!(function.kind, Kind::Function(_)) && known.btf.functions(name).len() == 1;
        if !once || known.vmlinux.symbols.named(name).len() != 1 {
            continue;
        }
        match (there.vmlinux.symbols.named(name).len(), there.btf.functions(name).as_slice()) {
            (0, _) => gone.push(name.to_owned()),
            (1, [other]) if there.btf.declaration(*other) != known.btf.declaration(id) => {
                different.extend(prototype(&known.btf.declaration(id)).map(|types| format!("{name}{types}")));
            }
            _ => {}
        }
    }
    for (functions, code) in [(gone, "KPS0201"), (different, "KPS0302")] {
        let moved = functions.iter().filter(|function| check(&mut kpsc(), &here.name, function).0 == Some(0));
        let moved: Vec<_> = moved.take(CASES).collect();
        assert_eq!(moved.len(), CASES, "{code}: {moved:?}");
        for function in moved {
            let (status, said) = check(&mut older().kpsc(&[]), &older().name, function);
            assert!(status == Some(1) && said.contains(code), "{function}: {said}");
        }
    }
}

/// Checks a hook on a function.
fn check(kpsc: &mut Command, kernel: &str, function: &str) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let spec = folder.path().join("moved.kps");
    let text =
        format!("patch moved {{ license \"GPL\"; object vmlinux {{ fn {function} {{ pre {{ }} }} }} }}\n");
    std::fs::write(&spec, text).unwrap_or_else(|error| panic!("{error}"));
    let output = kpsc.args(["check", "--kernel", kernel]).arg(&spec).output();
    let output = output.unwrap_or_else(|error| panic!("{error}"));
    (output.status.code(), printed(&output))
}

/// A C declaration of nothing but integers as a prototype in a spec.
fn prototype(declaration: &str) -> Option<String> {
    let (head, params) = declaration.strip_suffix(')')?.split_once('(')?;
    let (ret, _) = head.rsplit_once(' ')?;
    let param = |param: &str| {
        let (ty, name) = param.rsplit_once(' ')?;
        Some(format!("{name}: {}", integer(ty)?))
    };
    let params: Option<Vec<String>> = match params {
        "void" => Some(Vec::new()),
        params => params.split(',').map(param).collect(),
    };
    let ret = if ret == "void" { String::new() } else { format!(" -> {}", integer(ret)?) };
    Some(format!("({}){ret}", params?.join(", ")))
}

fn integer(c: &str) -> Option<&str> {
    match c.trim() {
        "int" => Some("c_int"),
        "unsigned int" => Some("c_uint"),
        "bool" => Some("bool"),
        other @ ("s32" | "u32" | "s64" | "u64") => Some(other),
        _ => None,
    }
}

fn facts(target: &Target) -> Facts {
    target.facts().unwrap_or_else(|error| panic!("{}", error.message))
}

/// Adding, checking, building and testing, by somebody who may do nothing.
fn everything_works_without_root() {
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
    add_small(&mut kpsc(), &target());
    let mine = folder.join("cmdline_mark.kps");
    std::fs::copy(example("cmdline_mark"), &mine).unwrap_or_else(|error| panic!("{error}"));
    for command in ["check", "build", "test"] {
        succeed(kpsc().args([command, "--kernel", &there.name]).arg(&mine));
    }
    succeed(kpsc().args(["kernel", "verify"]));
    succeed(kpsc().args(["kernel", "remove", &there.name]));
}
