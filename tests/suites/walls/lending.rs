// SPDX-License-Identifier: GPL-2.0
//! What root lends to the sandbox, and how it comes back.

use super::sandbox::{cache, exec};
use super::{allow, write, Person, ORDINARY};
use kps_tests::schedule::Case;
use kps_tests::target::target;
use kps_tests::{kpsc, printed, repository};
use rustix::fs::{getxattr, mkfifoat, renameat_with, setxattr, Mode, RenameFlags, XattrFlags, CWD};
use rustix::process::{geteuid, kill_process, Pid, Signal};
use std::os::unix::fs::{chown, symlink, MetadataExt as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use walkdir::WalkDir;

/// The cases with the target's compilers.
pub(super) fn machine_cases() -> Vec<Case> {
    type Run = fn();
    let all: [(&str, Run); 10] = [
        ("a folder of the system is not lent", a_folder_of_the_system_is_not_lent),
        ("a folder of everybody is not lent", a_folder_of_everybody_is_not_lent),
        ("no link of another user is followed", no_link_of_another_user_is_followed),
        ("a file with a name outside is not lent", a_file_with_a_name_outside_is_not_lent),
        ("what is mounted in it is not lent", what_is_mounted_in_it_is_not_lent),
        ("files of others stay theirs", files_of_others_stay_theirs),
        ("what is lent is what is built", what_is_lent_is_what_is_built),
        ("a folder comes back to its owners", a_folder_comes_back_to_its_owners),
        ("nothing comes back with more rights", nothing_comes_back_with_more_rights),
        ("a folder comes back when a signal ends kpsc", a_folder_comes_back_after_a_signal),
    ];
    all.map(|(name, run)| Case::new(format!("lending: {name}"), run).machine().about(1)).into()
}

/// Runs `true` as root with a folder that is lent to it, which must be refused.
fn refused(folder: &Path, why: &str) {
    let output = exec(Person::Root, folder, &["--", "true"]);
    let said = printed(&output);
    assert!(output.status.code() == Some(3) && said.contains(why), "{}: {said}", folder.display());
}

fn a_folder_of_the_system_is_not_lent() {
    let root = std::fs::metadata("/").unwrap_or_else(|error| panic!("{error}"));
    for folder in
        ["/", "/etc", "/etc/default", "/root/..", "/tmp/", "/var", "/var/lib", "/home", "/dev"]
    {
        refused(Path::new(folder), "is a folder of the system");
    }
    let now = std::fs::metadata("/").unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((now.uid(), now.ctime()), (root.uid(), root.ctime()));
}

fn a_file_with_a_name_outside_is_not_lent() {
    let (folder, other) = (Person::Root.folder(), Person::Root.folder());
    let outside = other.path().join("shadow");
    write(&outside, "of the system");
    std::fs::create_dir(folder.path().join("sub"))
        .and_then(|()| std::fs::hard_link(&outside, folder.path().join("sub/link")))
        .unwrap_or_else(|error| panic!("{error}"));
    refused(folder.path(), "has several hard links");
    let owner = std::fs::metadata(folder.path().join("sub")).map(|found| found.uid());
    assert_eq!(owner.ok(), Some(geteuid().as_raw()), "it did not come back");
}

fn a_folder_comes_back_to_its_owners() {
    let (folder, other) = (Person::Root.folder(), Person::Root.folder());
    let path = |name: &str| folder.path().join(name);
    let outside = other.path().join("file");
    write(&outside, "outside");
    for name in ["of root", "of a user"] {
        write(&path(name), "text");
    }
    symlink(&outside, path("link")).unwrap_or_else(|error| panic!("{error}"));
    let user = if geteuid().is_root() { 4242 } else { geteuid().as_raw() };
    chown(path("of a user"), Some(user), None).unwrap_or_else(|error| panic!("{error}"));
    let before = std::fs::metadata(&outside).map(|found| found.ctime_nsec());
    // What is made is the folder's owner's, and no program of root's with the rights of its owner;
    // however deep it is, kpsc ends.
    let script = "echo >>'of root' && echo >>'of a user' && chmod 666 'of root' && chmod 777 . \
         && mkdir -m 2777 new && cp /usr/bin/true new/true \
         && chmod 4755 new/true && ln -s /etc/shadow new/shadow && mkfifo -m 666 new/pipe \
         && for i in $(seq 400); do mkdir deep && cd deep || exit 1; done";
    let at = folder.path().display();
    let output =
        exec(Person::Root, folder.path(), &["--", "sh", "-c", &format!("cd {at} && {script}")]);
    assert!(output.status.success(), "{}", printed(&output));
    let owner = |name: &str| path(name).symlink_metadata().map(|found| found.uid()).ok();
    let root = Some(geteuid().as_raw());
    for name in ["", "of root", "new", "new/true", "new/shadow", "new/pipe", "deep/deep", "link"] {
        assert_eq!(owner(name), root, "{name}");
    }
    assert_eq!(owner("of a user"), Some(user));
    let mode = path("new/true").metadata().map(|found| found.mode() & 0o7000).ok();
    assert_eq!(mode, Some(0), "it runs as its owner");
    for name in ["", "of root", "new", "new/true", "new/pipe"] {
        let mode = path(name).metadata().map(|found| found.mode() & 0o6022).ok();
        assert_eq!(mode, Some(0), "others can write to {name:?}");
    }
    // What is too deep to come back is gone, and the folder can be lent again.
    let deepest = WalkDir::new(folder.path()).into_iter().flatten().map(|entry| entry.depth());
    assert_eq!(deepest.max(), Some(200));
    let output = exec(Person::Root, folder.path(), &["--", "true"]);
    assert!(output.status.success(), "{}", printed(&output));
    let after = std::fs::metadata(&outside).map(|found| found.ctime_nsec());
    assert_eq!(before.ok(), after.ok(), "a link was followed");
    let text = std::fs::read_to_string(path("of a user"));
    assert_eq!(text.ok().as_deref(), Some("text\n"));
}

fn a_folder_comes_back_after_a_signal() {
    let folder = Person::Root.folder();
    let file = folder.path().join("file");
    write(&file, "text");
    let mut command = Person::Root.kpsc(&cache());
    command.args(["kernel", "exec", &target().name, "--folder"]).arg(folder.path());
    let script = format!("touch {}/runs; sleep 1000", folder.path().display());
    let child = command.args(["--", "sh", "-c", &script]).stderr(Stdio::null()).spawn();
    let mut child = child.unwrap_or_else(|error| panic!("{error}"));
    while !folder.path().join("runs").exists() {
        std::thread::sleep(Duration::from_millis(10));
    }
    let owner = || file.metadata().map(|found| found.uid()).ok();
    let root = Some(geteuid().as_raw());
    assert_ne!(owner(), root, "it was not lent");
    let pid = Pid::from_child(&child);
    kill_process(pid, Signal::TERM).unwrap_or_else(|error| panic!("{error}"));
    let status = child.wait().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(status.signal(), Some(Signal::TERM.as_raw()));
    assert_eq!(owner(), root);
}

fn a_folder_of_everybody_is_not_lent() {
    for mode in [0o777, 0o1777, 0o702] {
        let folder = Person::Root.folder();
        allow(folder.path(), mode);
        refused(folder.path(), "everybody can write to");
    }
}

/// Another user's link may lead to a folder that this one could not change.
fn no_link_of_another_user_is_followed() {
    let (folder, other) = (Person::Root.folder(), Person::Ordinary.folder());
    for (to, link) in [(folder.path().to_owned(), "direct"), ("direct".into(), "second")] {
        symlink(to, other.path().join(link)).unwrap_or_else(|error| panic!("{error}"));
    }
    let direct = other.path().join("direct");
    let output = exec(Person::Root, &direct, &["--", "true"]);
    assert!(output.status.success(), "{}", printed(&output));
    Person::Ordinary.own(&direct);
    if geteuid().is_root() {
        for path in ["direct", "second", "../../proc/self/root"].map(|path| other.path().join(path))
        {
            let output = exec(Person::Root, &path, &["--", "true"]);
            assert_eq!(output.status.code(), Some(3), "{}", printed(&output));
        }
        refused(&direct, &format!("is a link of user {ORDINARY}"));
        refused(&direct.join("."), &format!("is a link of user {ORDINARY}"));
    }
}

/// Runs a script as root with a folder that is lent to it, after another one has been run in the
/// mount namespace that kpsc gets.
fn exec_behind(before: &str, folder: &Path, script: &str) -> Output {
    let mut command = Command::new("unshare");
    if !geteuid().is_root() {
        command.args(["--user", "--map-root-user", "--map-auto"]);
    }
    let run = format!("{before} && exec \"$@\"");
    command.args(["--mount", "sh", "-c", &run, "sh"]).arg(kpsc().get_program());
    command.args(["kernel", "exec", &target().name, "--folder"]).arg(folder);
    command.args(["--", "sh", "-c", script]).env("KPSC_CACHE", cache());
    command.output().unwrap_or_else(|error| panic!("{error}"))
}

fn what_is_mounted_in_it_is_not_lent() {
    let (folder, other) = (Person::Root.folder(), Person::Root.folder());
    let outside = other.path().join("file");
    write(&outside, "outside");
    write(&folder.path().join("file"), "text");
    std::fs::create_dir(folder.path().join("mounted")).unwrap_or_else(|error| panic!("{error}"));
    let (at, from) = (folder.path().display(), other.path().display());
    let mount = format!("mount --bind {from} {at}/mounted && mount --bind {from}/file {at}/file");
    let script = format!("echo x >>{at}/new && ! cat {at}/mounted/file && ! echo x >>{at}/file");
    let output = exec_behind(&mount, folder.path(), &script);
    assert!(output.status.success(), "{}", printed(&output));
    let text = std::fs::read_to_string(&outside);
    assert_eq!(text.ok().as_deref(), Some("outside"));
    let owner = std::fs::metadata(&outside).map(|found| found.uid());
    assert_eq!(owner.ok(), Some(geteuid().as_raw()));
    assert!(folder.path().join("new").exists());
}

/// In somebody else's folder, what is not this one's is not the sandbox's either.
fn files_of_others_stay_theirs() {
    let folder = Person::Ordinary.folder();
    let path = |name: &str| folder.path().join(name);
    for name in ["own", "private", "public"] {
        write(&path(name), "text\n");
    }
    Person::Ordinary.own(&path("own"));
    allow(&path("private"), 0o600);
    let at = folder.path().display();
    let script = match geteuid().is_root() {
        true => format!(
            "cd {at} && cat public && echo x >>own && ! cat private && ! echo x >>private \
             && ! echo x >>public"
        ),
        // There is one user.
        false => format!("cd {at} && cat public && echo x >>own"),
    };
    let output = exec(Person::Root, folder.path(), &["--", "sh", "-c", &script]);
    assert!(output.status.success(), "{}", printed(&output));
    let text = |name: &str| std::fs::read_to_string(path(name)).unwrap_or_default();
    assert_eq!([text("own"), text("private"), text("public")], ["text\nx\n", "text\n", "text\n"]);
}

/// The folder's path leads to another one at every other moment. Whichever is lent, the sandbox has
/// no other, and where they do not agree it does not start.
fn what_is_lent_is_what_is_built() {
    const RUNS: usize = 25;
    let top = Person::Root.folder();
    let (one, other) = (top.path().join("one"), top.path().join("other"));
    for folder in [&one, &other] {
        std::fs::create_dir(folder).unwrap_or_else(|error| panic!("{error}"));
        write(&folder.join("private"), "text");
        allow(&folder.join("private"), 0o600);
    }
    let over = AtomicBool::new(false);
    let ends = std::thread::scope(|scope| {
        let swapped = scope.spawn(|| {
            let mut swapped = 0;
            while !over.load(Ordering::Relaxed) {
                let exchange = RenameFlags::EXCHANGE;
                swapped += usize::from(renameat_with(CWD, &one, CWD, &other, exchange).is_ok());
                std::thread::sleep(Duration::from_micros(300));
            }
            swapped
        });
        let script = format!("echo x >>{}/private", one.display());
        let ends: Vec<(Option<i32>, String)> = (0..RUNS)
            .map(|_| exec(Person::Root, &one, &["--", "sh", "-c", &script]))
            .map(|output| (output.status.code(), printed(&output)))
            .collect();
        over.store(true, Ordering::Relaxed);
        assert!(swapped.join().is_ok_and(|swapped| swapped > RUNS), "the folder was not swapped");
        ends
    });
    let built = ends.iter().filter(|(status, _)| *status == Some(0)).count();
    println!("{built} of {RUNS} runs found the folder that was lent");
    for (status, said) in ends {
        let is_refused = status == Some(3) && said.contains("KPS0");
        assert!(status == Some(0) || is_refused, "{status:?}: {said}");
    }
    for file in [one.join("private"), other.join("private")] {
        let owner = std::fs::metadata(&file).map(|found| (found.uid(), found.mode() & 0o777));
        assert_eq!(owner.ok(), Some((geteuid().as_raw(), 0o600)), "{}", file.display());
    }
}

/// A list of rights that gives all to the owner alone, as the kernel keeps it: the version, and for
/// the owner, the group and others a kind, the rights and no number.
const OWNERS: [u8; 28] = [
    2, 0, 0, 0, 1, 0, 7, 0, 255, 255, 255, 255, 4, 0, 0, 0, 255, 255, 255, 255, 32, 0, 0, 0, 255,
    255, 255, 255,
];
const DEFAULT: &str = "system.posix_acl_default";

/// A file in the place of another one does not get its rights, and no list of rights stays.
fn nothing_comes_back_with_more_rights() {
    let folder = Person::Root.folder();
    let path = |name: &str| folder.path().join(name);
    for name in ["shared", "listed", "plain"] {
        std::fs::create_dir(path(name)).unwrap_or_else(|error| panic!("{error}"));
    }
    allow(&path("shared"), 0o2755);
    std::fs::create_dir(path("shared/inner")).unwrap_or_else(|error| panic!("{error}"));
    allow(&path("shared/inner"), 0o3775);
    setxattr(path("listed"), DEFAULT, &OWNERS, XattrFlags::empty())
        .unwrap_or_else(|error| panic!("{error}"));
    mkfifoat(CWD, path("pipe"), Mode::from_raw_mode(0o600))
        .unwrap_or_else(|error| panic!("{error}"));
    let program = std::fs::read_to_string(repository().join("tests/walls/rights.c"));
    write(&path("rights.c"), &program.unwrap_or_else(|error| panic!("{error}")));
    write(&path("known"), "text");
    allow(&path("known"), 0o4755);
    let at = folder.path().display();
    let script = format!(
        "cd {at} && gcc -Wall -Werror -o rights rights.c && ./rights . listed plain shared/inner"
    );
    let output = exec(Person::Root, folder.path(), &["--", "sh", "-c", &script]);
    let said = printed(&output);
    assert!(output.status.success(), "{said}");
    println!("{}", said.trim_end());
    for entry in WalkDir::new(folder.path()).into_iter().flatten() {
        let metadata = entry.metadata().unwrap_or_else(|error| panic!("{error}"));
        let rights = metadata.mode() & 0o7777;
        let known = ["shared"].contains(&entry.file_name().to_string_lossy().as_ref());
        let too_much = if known { 0o4022 } else { 0o6022 };
        assert_eq!(rights & too_much, 0, "{} has {rights:o}", entry.path().display());
    }
    let list = |name: &str| {
        let mut list = [0; 64];
        let read = getxattr(path(name), DEFAULT, &mut list).ok()?;
        Some(list[..read].to_vec())
    };
    assert_eq!(list("listed").as_deref(), Some(&OWNERS[..]));
    for name in ["", "plain", "new"] {
        assert_eq!(list(name), None, "{name:?} gives everybody what is made there");
    }
}
