// SPDX-License-Identifier: GPL-2.0
//! Targets on the command line: named, listed, added, and refused.

use super::{assert_ends, cache_with_manifest, folder, program, run, with_fixture, write, SPEC};
use kps_targets::Cache;
use kps_tests::miniature::{link, Addresses};
use kps_tests::schedule::Case;
use kps_tests::{cases, fixture, fixture_cache, kpsc, put_target, FIXTURE, MANIFEST};

/// The cases about targets.
pub(crate) fn cases() -> Vec<Case> {
    cases![
        an_unknown_target_is_named,
        a_damaged_target_is_noticed,
        targets_are_listed_shown_and_removed,
        a_target_without_livepatch_is_refused,
        a_target_that_wants_signatures_is_told_of,
        a_target_that_loads_patched_modules_once_is_told_of,
        a_build_folder_must_hold_a_kernel_that_can_be_read,
        the_name_of_a_target_is_taken_once,
        a_kernel_of_other_compilers_is_refused_before_anything_is_fetched,
        stock_kernels_of_all_suites_are_listed_and_found,
        the_kernel_that_runs_is_that_of_its_release_below_the_root,
    ]
}

fn an_unknown_target_is_named() {
    let root = folder();
    let spec = write(&root.path().join("a.kps"), SPEC.as_bytes());
    assert_ends(with_fixture(&["check", &spec, "--kernel", "none"]), 3, "KPS0704");
    assert_ends(with_fixture(&["check", &spec, "--kernel", "../../etc"]), 3, "KPS0704");
    assert_ends(with_fixture(&["kernel", "show", "none"]), 3, "choose from: fixture");
}

fn a_damaged_target_is_noticed() {
    let root = folder();
    let spec = write(&root.path().join("a.kps"), SPEC.as_bytes());
    let cache = cache_with_manifest("release = 7");
    assert_ends(run(kpsc().env("KPSC_CACHE", cache.path()).args(["check", &spec])), 3, "KPS0705");
    let cache = fixture_cache();
    let facts = Cache::at(cache.path()).kernel(FIXTURE).join("facts");
    let mut bytes = std::fs::read(&facts).unwrap_or_default();
    bytes[1000] ^= 1;
    write(&facts, &bytes);
    assert_ends(run(kpsc().env("KPSC_CACHE", cache.path()).args(["check", &spec])), 3, "KPS0705");
}

fn targets_are_listed_shown_and_removed() {
    let cache = fixture_cache();
    let kpsc = || {
        let mut command = kpsc();
        command.env("KPSC_CACHE", cache.path());
        command
    };
    assert_eq!(
        run(kpsc().args(["kernel", "list"])),
        (0, "fixture\tfacts only\tkernel\tDebian s (7.3.4-1)\tdefault\n".to_owned())
    );
    let (status, shown) = run(kpsc().args(["kernel", "show", FIXTURE]));
    assert!(status == 0 && shown.contains("0102030405060708090a0b0c0d0e0f1011121314"), "{shown}");
    let facts = Cache::at(cache.path()).kernel(FIXTURE).join("facts");
    assert_eq!(run(kpsc().args(["kernel", "facts"])), (0, format!("{}\n", facts.display())));
    assert_eq!(
        run(kpsc().args(["kernel", "facts", FIXTURE])),
        (0, format!("{}\n", facts.display()))
    );
    write(&facts, b"no facts at all");
    assert_ends(run(kpsc().args(["kernel", "facts", FIXTURE])), 3, "KPS0705");
    assert_eq!(run(kpsc().args(["kernel", "remove", FIXTURE])), (0, String::new()));
    assert_eq!(run(kpsc().args(["kernel", "list"])), (0, String::new()));
    assert!(!Cache::at(cache.path()).kernel(FIXTURE).exists());
}

fn a_target_without_livepatch_is_refused() {
    let root = folder();
    let spec = write(&root.path().join("a.kps"), SPEC.as_bytes());
    let mut facts = fixture::facts();
    facts.config.remove("CONFIG_LIVEPATCH");
    let cache = fixture_cache();
    write(&Cache::at(cache.path()).kernel(FIXTURE).join("facts"), &facts.to_bytes());
    assert_ends(run(kpsc().env("KPSC_CACHE", cache.path()).args(["check", &spec])), 1, "KPS0607");
}

fn a_target_that_wants_signatures_is_told_of() {
    for option in ["CONFIG_MODULE_SIG_FORCE", "CONFIG_LOCK_DOWN_KERNEL_FORCE_INTEGRITY"] {
        let root = folder();
        let spec = write(&root.path().join("a.kps"), SPEC.as_bytes());
        let mut facts = fixture::facts();
        facts.config.insert(option.to_owned(), "y".to_owned());
        let cache = fixture_cache();
        write(&Cache::at(cache.path()).kernel(FIXTURE).join("facts"), &facts.to_bytes());
        assert_ends(
            run(kpsc().env("KPSC_CACHE", cache.path()).args(["check", &spec])),
            0,
            "warning[KPS0612]",
        );
    }
}

/// What the kernel does, `suites/modules.rs` shows.
fn a_target_that_loads_patched_modules_once_is_told_of() {
    const NEW_BODY: &str = "fn dummy_get_stats { replace { let _ = (m, stats); 0 } }";
    const HOOK: &str = "fn dummy_get_stats { pre { } }";
    for (release, changes, is_told) in [
        ("6.1.0-57-cloud-amd64", HOOK, true),
        ("6.2.16-1-generic", HOOK, true),
        ("6.3.0", HOOK, false),
        ("6.1.0-57-cloud-amd64", NEW_BODY, false),
    ] {
        let root = folder();
        let text = format!("patch fix {{ license \"GPL\"; object dummy {{ {changes} }} }}\n");
        let spec = write(&root.path().join("a.kps"), text.as_bytes());
        let mut facts = fixture::facts();
        facts.identity.release = release.to_owned();
        let cache = fixture_cache();
        write(&Cache::at(cache.path()).kernel(FIXTURE).join("facts"), &facts.to_bytes());
        let (status, said) = run(kpsc().env("KPSC_CACHE", cache.path()).args(["check", &spec]));
        assert_eq!(status, 0, "{said}");
        let warning = format!("KPS0421]: {release} cannot load dummy again");
        assert_eq!(said.contains(&warning), is_told, "{release}, {changes}:\n{said}");
    }
}

fn a_build_folder_must_hold_a_kernel_that_can_be_read() {
    let root = folder();
    let cache = folder();
    let build = root.path().join("linux");
    let add = || {
        let mut command = kpsc();
        command.env("KPSC_CACHE", cache.path()).args(["kernel", "add", "--build-dir"]).arg(&build);
        run(&mut command)
    };
    assert_ends(add(), 3, "KPS0701");
    write(&build.join(".config"), b"CONFIG_LIVEPATCH=y\n");
    assert_ends(add(), 3, "KPS0701");
    write(&build.join("Module.symvers"), b"");
    assert_ends(add(), 3, "KPS0707");
    write(&build.join("vmlinux"), b"\x7fELF and no more");
    assert_ends(add(), 3, "KPS0706");
    assert_eq!(
        run(kpsc().env("KPSC_CACHE", cache.path()).args(["kernel", "list"])),
        (0, String::new())
    );
}

fn the_name_of_a_target_is_taken_once() {
    let root = folder();
    let build = root.path().join("linux");
    let vmlinux = link(root.path(), Addresses::RelativeToEntry);
    write(&build.join("vmlinux"), &std::fs::read(vmlinux).unwrap_or_default());
    write(&build.join(".config"), b"CONFIG_LIVEPATCH=y\n");
    write(&build.join("Module.symvers"), b"");
    let cache = folder();
    let add = |name: &str| {
        let mut command = kpsc();
        command
            .env("KPSC_CACHE", cache.path())
            .args(["kernel", "add", "--name", name, "--build-dir"])
            .arg(&build);
        run(&mut command)
    };
    assert_eq!(add("mine").0, 0);
    put_target(cache.path(), FIXTURE, MANIFEST, &fixture::facts());
    assert_ends(add(FIXTURE), 3, "KPS0709");
    assert_ends(add("../mine"), 3, "KPS0709");
    let listed = run(kpsc().env("KPSC_CACHE", cache.path()).args(["kernel", "list"])).1;
    assert!(listed.contains("mine\tready to build\tkernel\tbuild folder"), "{listed}");
}

fn a_kernel_of_other_compilers_is_refused_before_anything_is_fetched() {
    let root = folder();
    let spec = write(&root.path().join("a.kps"), SPEC.as_bytes());
    let cache = cache_with_manifest(MANIFEST);
    let config = Cache::at(cache.path()).kernel(FIXTURE).join("config");
    write(&config, b"CONFIG_CC_VERSION_TEXT=\"clang version 21\"\n");
    let mut build = kpsc();
    build
        .env("KPSC_CACHE", cache.path())
        .env("PATH", "")
        .args(["build", &spec, "-o"])
        .arg(root.path());
    assert_ends(run(&mut build), 3, "KPS0708");
}

fn the_kernel_that_runs_is_that_of_its_release_below_the_root() {
    let add = |words: &[&str]| {
        let cache = folder();
        let mut command = kpsc();
        command.env("KPSC_CACHE", cache.path()).args(["kernel", "add", "--facts-only"]);
        let (status, said) = run(command.args(words));
        // How long a step took is not the same twice.
        let is_step = |line: &&str| line.ends_with(" s");
        let said: Vec<String> =
            said.lines().filter(|line| !is_step(line)).map(str::to_owned).collect();
        (status, said)
    };
    let release = rustix::system::uname().release().to_string_lossy().into_owned();
    assert_eq!(add(&["--running"]), add(&["--root", "/", "--release", &release]));
}

/// apt with two suites of one release, on a mirror that has lost its security fixes.
const APT_GET: &str = r#"
for word; do
    case $word in Dir::State=*) lists=${word#*=}/lists ;; esac
done
case " $* " in
    *" indextargets "*)
        for suite in trixie trixie-updates trixie-security trixie-backports; do
            echo "$suite $lists/mirror_debian_dists_${suite}_main_binary-amd64_Packages"
        done ;;
    *" update "*)
        for suite in trixie trixie-updates trixie-backports; do
            echo > "$lists/mirror_debian_dists_${suite}_InRelease"
        done
        mirror=http://mirror.invalid/debian-security
        echo "E: The repository '$mirror trixie-security Release' does not have a Release file." >&2
        exit 100 ;;
esac"#;
const APT_CACHE: &str = r#"
case " $* " in
    *" pkgnames linux-headers- "*)
        echo linux-headers-7.3.4+deb13-amd64
        echo linux-headers-7.3.4+deb13-common ;;
    *" pkgnames linux-image- "*)
        echo linux-image-amd64
        echo linux-image-7.3.4+deb13-amd64
        echo linux-image-7.3.4+deb13-amd64-dbg
        echo linux-image-6.12.9+deb13-rt-amd64 ;;
    *" madison linux-headers-7.3.4+deb13-amd64 linux-image-7.3.4+deb13-amd64 linux-image-6.12.9+deb13-rt-amd64 "*)
        backports="7.3.4-1~bpo13+1 | http://mirror.invalid/debian trixie-backports/main amd64 Packages"
        echo "linux-image-6.12.9+deb13-rt-amd64 | 6.12.9-1 | http://mirror.invalid/debian trixie/main amd64 Packages"
        echo "linux-headers-7.3.4+deb13-amd64 | $backports"
        echo "linux-image-7.3.4+deb13-amd64 | $backports" ;;
    *) exit 1 ;;
esac"#;

fn stock_kernels_of_all_suites_are_listed_and_found() {
    let (programs, cache) = (folder(), folder());
    program(programs.path(), "apt-get", APT_GET);
    program(programs.path(), "apt-cache", APT_CACHE);
    let kernel = |words: &[&str]| {
        let mut command = kpsc();
        command.env("KPSC_CACHE", cache.path()).env("PATH", programs.path()).arg("kernel");
        run(command.args(words).args(["--mirror", "http://mirror.invalid/debian"]))
    };
    let trixie = ["list", "--available", "--suite", "trixie"];
    let (status, said) = kernel(&trixie);
    assert_eq!(status, 0, "{said}");
    let newest = "7.3.4+deb13-amd64\ttrixie-backports\tkernel\theaders\n";
    let listed = format!("{newest}6.12.9+deb13-rt-amd64\ttrixie\tcore\tno headers\n");
    assert!(said.contains(&listed), "{said}");
    assert!(said.contains("no `trixie-security`: security updates are missing"), "{said}");
    let only = |option: &[&str]| kernel(&[trixie.as_slice(), option].concat()).1;
    assert!(!only(&["--flavour", "amd64"]).contains("rt-amd64"));
    assert!(!only(&["--suite", "trixie-backports"]).contains("rt-amd64"));
    let gone = ["add", "--release", "6.12.9+deb13-rt-amd64"];
    assert_ends(kernel(&gone), 3, "trixie has the image of 6.12.9+deb13-rt-amd64, but its headers");
    let none = ["add", "--release", "6.12"];
    assert_ends(kernel(&none), 3, "the suites that kpsc knows have no cloud-amd64 kernel 6.12");
    let lost = ["list", "--available", "--suite", "bookworm"];
    assert_ends(kernel(&lost), 3, "the package lists of bookworm cannot be fetched");
    let none = ["add", "--suite", "trixie", "--release", "7.3"];
    assert_ends(kernel(&none), 3, "the suite trixie has no cloud-amd64 kernel 7.3");
}
