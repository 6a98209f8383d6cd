// SPDX-License-Identifier: GPL-2.0
//! The cache of targets: nothing in it is half made, damage is found, and two kpsc at once do not
//! disturb each other.

mod damage;
mod waiting;

use kps_targets::{seal, Cache};
use kps_tests::miniature::{link, Addresses};
use kps_tests::schedule::Case;
use kps_tests::{cases, fixture, fixture_cache, kpsc, printed, FIXTURE};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    let cases = cases![
        facts_of_another_version_are_made_anew_when_they_are_needed,
        what_headers_declare_is_a_fact_of_a_build_folder,
        a_kernel_without_debug_information_is_a_target_all_the_same,
        a_folder_without_a_manifest_is_no_target,
        a_kernel_that_was_built_anew_is_noticed_and_added_again,
        two_at_once_both_get_their_target,
        a_target_in_use_is_removed_when_it_no_longer_is,
        what_no_target_needs_is_removed_and_nothing_else,
        remove_wants_to_know_what,
        the_default_target_changes_when_one_says_so_or_hears_of_it,
        a_full_disk_is_said_to_be_full_and_leaves_no_target,
        the_doctor_names_what_is_missing_and_the_one_command_that_gets_it,
    ];
    cases.into_iter().chain(damage::cases()).chain(waiting::cases()).collect()
}

/// A cache, and a build folder with a miniature kernel in it.
struct World {
    folder: tempfile::TempDir,
}

impl World {
    fn new() -> World {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let world = World { folder };
        let build = world.build();
        std::fs::create_dir_all(&build).unwrap_or_else(|error| panic!("{error}"));
        std::fs::copy(link(world.folder.path(), Addresses::RelativeToEntry), build.join("vmlinux"))
            .unwrap_or_else(|error| panic!("{error}"));
        write(&build.join(".config"), b"CONFIG_LIVEPATCH=y\n");
        write(&build.join("Module.symvers"), b"");
        world
    }

    fn build(&self) -> PathBuf {
        self.folder.path().join("linux")
    }

    fn cache(&self) -> Cache {
        Cache::at(&self.folder.path().join("cache"))
    }

    /// kpsc with this cache.
    fn kpsc(&self, words: &[&str]) -> Command {
        let mut command = kpsc();
        command.env("KPSC_CACHE", self.folder.path().join("cache")).args(words);
        command
    }

    fn add(&self, name: &str) -> Command {
        let mut command = self.kpsc(&["kernel", "add", "--name", name, "--build-dir"]);
        command.arg(self.build());
        command
    }
}

fn write(path: &Path, bytes: &[u8]) {
    std::fs::write(path, bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

/// Runs a command: its exit status and what it printed.
fn run(command: &mut Command) -> (i32, String) {
    let output = command.output().unwrap_or_else(|error| panic!("{error}"));
    (output.status.code().unwrap_or(-1), printed(&output))
}

fn succeed(command: &mut Command) -> String {
    let (status, said) = run(command);
    assert_eq!(status, 0, "{said}");
    said
}

fn fail(command: &mut Command, code: &str) -> String {
    let (status, said) = run(command);
    assert_eq!(status, 3, "{said}");
    assert!(said.contains(code), "{code} is not reported:\n{said}");
    said
}

fn start(command: &mut Command) -> Child {
    command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{error}"))
}

fn end(child: Child) -> (i32, String) {
    let output = child.wait_with_output().unwrap_or_else(|error| panic!("{error}"));
    (output.status.code().unwrap_or(-1), printed(&output))
}

fn flip(path: &Path) {
    let mut bytes =
        std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    write(path, &bytes);
}

fn remove(path: &Path) {
    std::fs::remove_file(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}

fn what_headers_declare_is_a_fact_of_a_build_folder() {
    let world = World::new();
    let headers = world.build().join("include/linux");
    std::fs::create_dir_all(&headers).unwrap_or_else(|error| panic!("{error}"));
    write(&headers.join("futex.h"), b"long do_futex(u32 __user *uaddr, int op);\n");
    write(&headers.join("uio.h"), b"struct iovec { void __user *iov_base; long iov_len; };\n");
    write(&headers.join("uio.c"), b"long not_a_header(u32 __user *uaddr);\n");
    succeed(&mut world.add("mine"));
    let target = world.cache().target("mine").unwrap_or_else(|error| panic!("{}", error.message));
    let facts = target.facts().unwrap_or_else(|error| panic!("{}", error.message));
    let found = facts.user_declarations;
    assert!(found.has_param("do_futex", 0) && found.has_member("iovec", "iov_base"), "{found:?}");
    assert_eq!((found.params.len(), found.members.len()), (1, 1));
}

fn facts_of_another_version_are_made_anew_when_they_are_needed() {
    let world = World::new();
    succeed(&mut world.add("mine"));
    succeed(&mut world.add("later"));
    let folder = world.cache().kernel("mine");
    let (facts, files) = (read(&folder.join("facts")), read(&folder.join("files")));
    // What an older kpsc left: the version is the last byte of the magic, and the inventory is of
    // that file.
    let mut old = facts.clone();
    old[7] -= 1;
    old.truncate(old.len() - 24);
    let age = modified(&folder.join("facts"));
    write(&folder.join("facts"), &old);
    let file = std::fs::File::options().write(true).open(folder.join("facts"));
    file.and_then(|file| file.set_modified(age)).unwrap_or_else(|error| panic!("{error}"));
    let inventory = String::from_utf8_lossy(&files).replace(&digest(&facts), &digest(&old));
    let (_, lines) = inventory.split_once('\n').unwrap_or_default();
    write(&folder.join("files"), seal(lines).as_bytes());

    for command in [["kernel", "verify", "mine"], ["kernel", "show", "mine"]] {
        let said = succeed(&mut world.kpsc(&command));
        assert!(said.starts_with("mine") || said.starts_with("name       mine"), "{said}");
        assert!(read(&folder.join("facts")) == facts && read(&folder.join("files")) == files);
    }
    // It is not the target that was added last for that.
    assert_eq!(modified(&folder.join("facts")), age);
    let path = world.cache().kernel("later").join("facts");
    assert_eq!(succeed(&mut world.kpsc(&["kernel", "facts"])), format!("{}\n", path.display()));

    // Whoever was interrupted before the new facts were in their place leaves the new inventory
    // alone.
    write(&folder.join("facts"), &old);
    assert_eq!(succeed(&mut world.kpsc(&["kernel", "verify", "mine"])), "mine\twhole\t4 files\n");
    assert!(read(&folder.join("facts")) == facts);

    // A kernel that is another one by now is not read in the place of the old one.
    write(&folder.join("facts"), &old);
    flip(&world.build().join("vmlinux"));
    fail(&mut world.kpsc(&["kernel", "facts", "mine"]), "KPS0712");
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn modified(path: &Path) -> std::time::SystemTime {
    let modified = path.metadata().and_then(|metadata| metadata.modified());
    modified.unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The digest of a file as an inventory has it.
fn digest(bytes: &[u8]) -> String {
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let path = folder.path().join("file");
    write(&path, bytes);
    let said = succeed(Command::new("sha256sum").arg(&path));
    said.split(' ').next().unwrap_or_default().to_owned()
}

/// Debug information of this kernel, put where `kpsc kernel add --debug` puts it.
fn debug_of(cache: &Cache, name: &str) -> PathBuf {
    let folder = cache.kernel(name).join("debug");
    std::fs::create_dir_all(&folder).unwrap_or_else(|error| panic!("{error}"));
    write(&folder.join("functions"), &fixture::debug().to_bytes());
    folder
}

fn a_kernel_without_debug_information_is_a_target_all_the_same() {
    let world = World::new();
    let said = fail(world.add("mine").arg("--debug"), "KPS0706");
    assert!(said.contains("it has no debug information"), "{said}");
    let left =
        std::fs::read_dir(world.cache().kernel("mine")).unwrap_or_else(|error| panic!("{error}"));
    let left: Vec<_> = left.flatten().map(|entry| entry.file_name()).collect();
    assert!(!left.iter().any(|name| name.to_string_lossy().starts_with("debug")), "{left:?}");
    assert_eq!(succeed(&mut world.kpsc(&["kernel", "verify"])), "mine\twhole\t4 files\n");
}

fn a_folder_without_a_manifest_is_no_target() {
    let cache = fixture_cache();
    let folder = Cache::at(cache.path()).kernel(FIXTURE);
    remove(&folder.join("target.toml"));
    assert_eq!(succeed(kpsc().env("KPSC_CACHE", cache.path()).args(["kernel", "list"])), "");
    fail(kpsc().env("KPSC_CACHE", cache.path()).args(["kernel", "show", FIXTURE]), "KPS0704");
}

fn a_kernel_that_was_built_anew_is_noticed_and_added_again() {
    let world = World::new();
    succeed(&mut world.add("mine"));
    let spec = world.folder.path().join("a.kps");
    write(&spec, b"patch a { license \"GPL\"; object vmlinux { fn with_endbr { pre { } } } }");
    let vmlinux = world.build().join("vmlinux");
    let mut bytes = std::fs::read(&vmlinux).unwrap_or_else(|error| panic!("{error}"));
    bytes.extend(b"built again");
    write(&vmlinux, &bytes);
    let check = || world.kpsc(&["check", &spec.display().to_string()]);
    let said = fail(&mut check(), "KPS0712");
    // The help is the whole command.
    let command =
        said.split('`').find(|text| text.starts_with("kpsc kernel add")).unwrap_or_default();
    let words: Vec<_> = command.split(' ').skip(1).collect();
    succeed(&mut world.kpsc(&words));
    // The miniature is too small for livepatches, but it is the kernel that is there.
    let (status, said) = run(&mut check());
    assert!(status == 1 && said.contains("KPS0607"), "{said}");
}

fn two_at_once_both_get_their_target() {
    let world = World::new();
    let children: Vec<_> =
        ["a", "b", "c", "d"].map(|name| start(&mut world.add(name))).into_iter().collect();
    for child in children {
        let (status, said) = end(child);
        assert_eq!(status, 0, "{said}");
    }
    let verified = succeed(&mut world.kpsc(&["kernel", "verify"]));
    assert_eq!(verified.matches("whole").count(), 4, "{verified}");
}

fn a_target_in_use_is_removed_when_it_no_longer_is() {
    let world = World::new();
    succeed(&mut world.add("mine"));
    let flag = world.folder.path().join("flag");
    let script = format!("touch {0}; while [ -e {0} ]; do sleep 0.01; done", flag.display());
    let mut exec = world.kpsc(&["kernel", "exec", "mine", "--", "sh", "-c", &script]);
    let user = start(&mut exec);
    while !flag.exists() {
        std::thread::yield_now();
    }
    let mut remover = start(&mut world.kpsc(&["kernel", "remove", "mine"]));
    // It says that it waits; then it is let go.
    let mut said = [0; 7];
    let pipe = remover.stderr.as_mut().unwrap_or_else(|| panic!("no pipe"));
    std::io::Read::read_exact(pipe, &mut said).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(&said, b"waiting");
    assert!(world.cache().kernel("mine").join("target.toml").exists());
    remove(&flag);
    assert_eq!(end(user).0, 0);
    assert_eq!(end(remover).0, 0);
    assert!(!world.cache().kernel("mine").exists());
}

fn what_no_target_needs_is_removed_and_nothing_else() {
    let world = World::new();
    let toolchain = world.cache().root().join("toolchains/needed");
    let add = || {
        let mut add = world.add("mine");
        add.arg("--toolchain").arg(&toolchain);
        add
    };
    // A folder without compilers is refused, and leaves no target.
    std::fs::create_dir_all(&toolchain).unwrap_or_else(|error| panic!("{error}"));
    assert!(fail(&mut add(), "KPS0701").contains("whose `usr` holds the compilers"));
    assert!(!world.cache().kernel("mine").exists());
    std::fs::create_dir(toolchain.join("usr")).unwrap_or_else(|error| panic!("{error}"));
    succeed(&mut add());
    let top = world.folder.path().join("cache");
    let root = world.cache().root().to_owned();
    let unused = [
        root.join("kernels/half"),
        root.join("kernels/mine/debug.partial"),
        root.join("adding-3"),
        root.join("adding-0.replaced"),
        root.join("toolchains/needless"),
        root.join("toolchains/other.partial"),
        root.join("kbuild/removed"),
        root.join("macros/removed"),
        root.join("apt-0/archives"),
        root.join("apt/lists"),
        top.join("v1/kernels/old"),
    ];
    for folder in &unused {
        std::fs::create_dir_all(folder).unwrap_or_else(|error| panic!("{error}"));
        write(&folder.join("file"), b"bytes");
    }
    let newer = top.join("v99");
    let kept = ["kbuild/mine", "macros/mine"].map(|folder| root.join(folder));
    for folder in kept.iter().chain([&newer]) {
        std::fs::create_dir_all(folder).unwrap_or_else(|error| panic!("{error}"));
    }
    let said = succeed(&mut world.kpsc(&["kernel", "remove", "--unused"]));
    for folder in &unused {
        assert!(!folder.exists(), "{} is still there", folder.display());
    }
    assert!(said.contains("half") && said.contains("v1") && !said.contains("needed"), "{said}");
    assert!(toolchain.exists() && newer.exists() && kept.iter().all(|folder| folder.exists()));
    assert!(succeed(&mut world.kpsc(&["kernel", "list"])).starts_with("mine\t"));
    succeed(&mut world.kpsc(&["kernel", "remove", "mine"]));
    assert!(!toolchain.exists() && !kept.iter().any(|folder| folder.exists()));
}

fn remove_wants_to_know_what() {
    let world = World::new();
    assert_eq!(run(&mut world.kpsc(&["kernel", "remove"])).0, 2);
    fail(&mut world.kpsc(&["kernel", "remove", "../x"]), "KPS0704");
}

/// A disk of 16 kB, which is enlarged behind the first failure. The mount is seen by these commands
/// alone.
fn a_full_disk_is_said_to_be_full_and_leaves_no_target() {
    let world = World::new();
    let cache = world.folder.path().join("cache");
    std::fs::create_dir_all(&cache).unwrap_or_else(|error| panic!("{error}"));
    let kpsc = kpsc().get_program().to_string_lossy().into_owned();
    let script = format!(
        "mount -t tmpfs -o size=16k,mode=755 none {cache} || exit 77
        export KPSC_CACHE={cache}
        {kpsc} kernel add --name mine --build-dir {build}; echo status $?
        {kpsc} kernel list; echo listed
        mount -o remount,size=64m {cache} || exit 77
        {kpsc} kernel add --name mine --build-dir {build} && {kpsc} kernel verify",
        cache = cache.display(),
        build = world.build().display(),
    );
    let said =
        succeed(Command::new("unshare").args(["--map-root-user", "--mount", "sh", "-c", &script]));
    assert!(said.contains("KPS0711"), "{said}");
    assert!(said.starts_with("status 3\nlisted\n"), "{said}");
    assert!(said.contains("mine\twhole"), "{said}");
}

fn the_doctor_names_what_is_missing_and_the_one_command_that_gets_it() {
    let world = World::new();
    let nothing = world.folder.path().join("bin");
    std::fs::create_dir_all(&nothing).unwrap_or_else(|error| panic!("{error}"));
    let (status, said) = run(world.kpsc(&["doctor"]).env("PATH", &nothing));
    assert_eq!(status, 3, "{said}");
    assert!(
        said.contains("missing  bwrap") && said.contains("missing  qemu-system-x86_64"),
        "{said}"
    );
    assert!(
        said.contains(
            "apt-get install --no-install-recommends -y apt bubblewrap qemu-system-x86 busybox-static"
        ),
        "{said}"
    );
    for work in ["check", "build", "test"] {
        assert!(said.contains(&format!("\ncannot   {work}: see ")), "{said}");
    }
    assert!(said.contains("\n\nas root, run:\n\n    apt-get update"), "{said}");
    let said = succeed(&mut world.kpsc(&["doctor"]));
    assert!(!said.contains("missing"), "{said}");
    for work in ["check", "build", "test"] {
        assert!(said.contains(&format!("\ncan      {work}\n")), "{said}");
    }
    assert!(said.contains(" load"), "{said}");
}

/// Until a target is chosen, the one added last is the default, and `add` says that it is. Then
/// nothing but another choice changes it, unless it is removed.
fn the_default_target_changes_when_one_says_so_or_hears_of_it() {
    let world = World::new();
    let default = |words: &[&str]| run(&mut world.kpsc(&[&["kernel", "default"], words].concat()));
    let marked = || {
        let (_, listed) = run(&mut world.kpsc(&["kernel", "list"]));
        let of_default = listed.lines().filter(|line| line.ends_with("\tdefault"));
        of_default.filter_map(|line| line.split('\t').next()).collect::<Vec<_>>().join(" ")
    };
    let (status, said) = default(&[]);
    assert!(status == 3 && said.contains("KPS0704"), "{said}");
    let (status, said) = run(&mut world.add("one"));
    assert!(status == 0 && !said.contains("default"), "{said}");
    let (_, said) = run(&mut world.add("two"));
    assert!(said.contains("two is the default target now; `kpsc kernel default one` keeps one"));
    assert_eq!((default(&[]), marked()), ((0, "two\n".to_owned()), "two".to_owned()));
    assert_eq!(default(&["one"]), (0, "one\n".to_owned()));
    let (_, said) = run(&mut world.add("three"));
    assert!(!said.contains("default target"), "{said}");
    assert_eq!((default(&[]), marked()), ((0, "one\n".to_owned()), "one".to_owned()));
    let (status, said) = default(&["four"]);
    assert!(status == 3 && said.contains("choose from: "), "{said}");
    assert_eq!(run(&mut world.kpsc(&["kernel", "remove", "one"])).0, 0);
    assert_eq!(default(&[]), (0, "three\n".to_owned()));
}
