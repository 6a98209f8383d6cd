// SPDX-License-Identifier: GPL-2.0
//! Kernels that no distribution's archive has: build folders, and folders with an installed kernel.

use super::{build, example, folder, read};
use kps_diag::NO_SOURCE;
use kps_targets::{Cache, Progress};
use kps_tests::schedule::{Case, Failed};
use kps_tests::target::target;
use kps_tests::{cases, kpsc, printed};
use std::process::Command;

/// The cases of these kernels.
pub(super) fn cases() -> Vec<Case> {
    cases![
        a_build_folder_of_ones_own_is_a_target.machine().about(40),
        a_kernel_that_is_installed_below_a_folder_is_a_target.machine().about(40),
    ]
}

/// A build folder of one's own: here the default target's, with the image put where a kernel's
/// build leaves it.
fn a_build_folder_of_ones_own_is_a_target() {
    let default = target();
    let tree = default.tree().unwrap_or_else(|| panic!("the target has no build tree"));
    let mine = folder();
    let build_dir = mine.path().join("linux");
    let copied = Command::new("cp").arg("-a").arg(&tree.build).arg(&build_dir).status();
    assert!(copied.is_ok_and(|status| status.success()));
    let _ = std::fs::remove_file(build_dir.join("GNUmakefile"));
    let makefile = String::from_utf8_lossy(&read(&build_dir.join("Makefile"))).into_owned();
    let makefile =
        makefile.replace(&tree.build.display().to_string(), &build_dir.display().to_string());
    std::fs::write(build_dir.join("Makefile"), makefile).unwrap_or_else(|error| panic!("{error}"));
    let boot = build_dir.join("arch/x86/boot");
    std::fs::create_dir_all(&boot)
        .and_then(|()| std::fs::copy(default.image(), boot.join("bzImage")))
        .unwrap_or_else(|error| panic!("{error}"));

    let cache = mine.path().join("cache");
    let mut add = kpsc();
    add.env("KPSC_CACHE", &cache)
        .args(["kernel", "add", "--name", "mine", "--build-dir"])
        .arg(&build_dir);
    if let Some(toolchain) = &tree.toolchain {
        add.arg("--toolchain").arg(toolchain);
    }
    for variable in &tree.make {
        add.arg("--make").arg(variable);
    }
    let output = add.output().unwrap_or_else(|error| panic!("{error}"));
    assert!(output.status.success(), "{}", printed(&output));
    assert!(build(&example(), Some(&cache)) == build(&example(), None));
    // KPS1316: what the default target was prepared from lacks the files of drivers.
    let cache = Cache::at(&cache);
    let source = cache.target("mine").and_then(|mine| mine.source_tree(&cache, Progress::Quiet));
    assert_eq!(source.map_err(|error| error.code), Err(NO_SOURCE));
}

/// The files of the default target's packages, put where a distribution installs them.
fn a_kernel_that_is_installed_below_a_folder_is_a_target() -> Result<(), Failed> {
    let default = target();
    let stock = Cache::open().and_then(|cache| default.modules(&cache, Progress::Quiet));
    let stock = stock.map_err(|error| error.message)?;
    let tree = default.tree().ok_or("the target has no build tree")?;
    let (root, release) = (folder(), default.release());
    let at = |path: &str| root.path().join(path.replace("RELEASE", release));
    for path in ["boot", "lib/modules/RELEASE/kernel/net", "usr/src"] {
        std::fs::create_dir_all(at(path))?;
    }
    std::fs::copy(default.image(), at("boot/vmlinuz-RELEASE"))?;
    std::fs::copy(default.folder().join("config"), at("boot/config-RELEASE"))?;
    let module = stock.get("dummy").ok_or("the kernel has no module dummy")?;
    let file = module.file_name().ok_or("the module has no name")?;
    std::fs::copy(module, at("lib/modules/RELEASE/kernel/net").join(file))?;

    let cache = root.path().join("cache");
    let add = |name: &str| {
        let mut add = kpsc();
        add.env("KPSC_CACHE", &cache)
            .args(["kernel", "add", "--name", name, "--root"])
            .arg(root.path());
        add.args(
            tree.toolchain
                .iter()
                .flat_map(|toolchain| ["--toolchain".as_ref(), toolchain.as_os_str()]),
        );
        add.args(tree.make.iter().flat_map(|variable| ["--make", variable]));
        add.output()
    };
    // What kernel there is is known, and what is missing is named.
    let without = add("lacking")?;
    assert_eq!(without.status.code(), Some(3), "{}", printed(&without));
    assert!(printed(&without).contains("has no list of exports"), "{}", printed(&without));

    // A link that starts at `/` starts at the folder.
    std::os::unix::fs::symlink("/usr/src/linux-headers", at("lib/modules/RELEASE/build"))?;
    let copied =
        Command::new("cp").arg("-a").arg(&tree.build).arg(at("usr/src/linux-headers")).status()?;
    assert!(copied.success());
    let headers = at("usr/src/linux-headers").canonicalize()?;
    std::fs::remove_file(headers.join("GNUmakefile"))?;
    let makefile = std::fs::read_to_string(headers.join("Makefile"))?;
    let makefile =
        makefile.replace(&tree.build.display().to_string(), &headers.display().to_string());
    std::fs::write(headers.join("Makefile"), makefile)?;

    let added = add("installed")?;
    assert!(added.status.success(), "{}", printed(&added));
    assert!(build(&example(), Some(&cache)) == build(&example(), None));
    // A spec that names a module finds it there.
    let spec = root.path().join("fix.kps");
    std::fs::write(
        &spec,
        "patch fix { license \"GPL\"; object dummy { fn dummy_xmit { pre { } } } }\n",
    )?;
    let check = kpsc().env("KPSC_CACHE", &cache).arg("check").arg(&spec).output()?;
    assert!(check.status.success(), "{}", printed(&check));
    let list = kpsc().env("KPSC_CACHE", &cache).args(["kernel", "list"]).output()?;
    assert!(printed(&list).contains(&format!("{release} below")), "{}", printed(&list));

    // Another image in its place is not the kernel that was read.
    let image = at("boot/vmlinuz-RELEASE");
    let bytes = read(&image);
    std::fs::write(&image, [bytes, vec![0]].concat())?;
    let changed = kpsc().env("KPSC_CACHE", &cache).arg("check").arg(&spec).output()?;
    let said = printed(&changed);
    assert!(
        said.contains("KPS0712") && said.contains("kpsc kernel add --name installed --root"),
        "{said}"
    );
    Ok(())
}
