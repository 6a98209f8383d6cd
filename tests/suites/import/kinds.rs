// SPDX-License-Identifier: GPL-2.0
//! A change of each kind that a fix may make: some become patches that build, the others are refused
//! for a reason. Each names a text of the target's source, and fails if the source has it no more.

use kps_diag::Diagnostic;
use kps_targets::Progress;
use kps_tests::kernel::cache;
use kps_tests::target::target;
use kps_tests::{files, kpsc, printed};
use similar::TextDiff;
use std::collections::BTreeMap;
use std::path::Path;

/// Changes of the target's source, as a fix.
struct Kind {
    about: &'static str,
    edits: &'static [Edit],
    wanted: Wanted,
}

/// The first place of a text in a file, and what is there with the fix. A file that is not there is
/// made.
struct Edit(&'static str, &'static str, &'static str);

/// What becomes of the fix.
enum Wanted {
    /// A module, and a spec and C files with these texts.
    Built(&'static [&'static str]),
    /// An error with this code, and a spec with this text, which builds with the first of two other
    /// texts replaced by the second.
    Completed(&'static str, &'static str, [&'static str; 2]),
    /// An error with this code.
    Refused(&'static str),
}
use Wanted::{Built, Completed, Refused};

const BUILT: [Kind; 14] = [
    Kind {
        about: "a function that the compiler has put into its caller",
        edits: &[Edit("fs/proc/meminfo.c", "\" kB\\n\", 4", "\" KB\\n\", 4")],
        wanted: Built(&["fn meminfo_proc_show { replace c \"fs/proc/meminfo.c\"; }", "show_val_kb"]),
    },
    Kind {
        about: "a function of which the kernel has a clone, and its callers, which are system calls",
        edits: &[Edit("kernel/sys.c", "tp.tv_sec + (tp.tv_nsec ? 1 : 0);", "tp.tv_sec;")],
        wanted: Built(&["fn sys_sysinfo {", "fn __ia32_compat_sys_sysinfo {"]),
    },
    Kind {
        about: "a prototype",
        edits: &[
            Edit("kernel/sys.c", "do_getpgid(pid_t pid)", "do_getpgid(pid_t pid, bool is_own)"),
            Edit("kernel/sys.c", "\tif (!pid)\n\t\tgrp =", "\tif (is_own || !pid)\n\t\tgrp ="),
            Edit("kernel/sys.c", "do_getpgid(pid);", "do_getpgid(pid, false);"),
            Edit("kernel/sys.c", "do_getpgid(0);", "do_getpgid(0, true);"),
        ],
        wanted: Built(&["fn sys_getpgid {", "fn sys_getpgrp {", "bool is_own"]),
    },
    Kind {
        about: "a function with a per-CPU variable",
        edits: &[Edit(
            "kernel/fork.c",
            "total = 0;\n\n\tfor_each_possible_cpu(cpu)\n\t\ttotal += per_cpu(process_counts",
            "total = 0;\n\n\tfor_each_online_cpu(cpu)\n\t\ttotal += per_cpu(process_counts",
        )],
        wanted: Built(&["fn nr_processes {", "use percpu process_counts;"]),
    },
    Kind {
        about: "an inline function of a header, and its callers in files that the diff does not name",
        edits: &[Edit("ipc/util.h", "!= ipcp->seq;", "!= ipcp->seq || id < 0;")],
        wanted: Built(&["replace c \"ipc/util.c\";", "/* with the fix */", "|| id < 0;"]),
    },
    Kind {
        about: "a new file, and a makefile",
        edits: &[
            Edit(
                "fs/proc/kernel_name.c",
                "",
                "// SPDX-License-Identifier: GPL-2.0\n#include <linux/utsname.h>\n#include \"internal.h\"\n\n\
                 const char *proc_kernel_name(void);\n\nconst char *proc_kernel_name(void)\n{\n\
                 \treturn utsname()->sysname;\n}\n",
            ),
            Edit("fs/proc/Makefile", "version.o\n", "version.o kernel_name.o\n"),
            Edit(
                "fs/proc/version.c",
                "static int version",
                "const char *proc_kernel_name(void);\n\nstatic int version",
            ),
            Edit("fs/proc/version.c", "utsname()->sysname", "proc_kernel_name()"),
        ],
        wanted: Built(&["fn version_proc_show {", "const char *proc_kernel_name(void)\n{"]),
    },
    Kind {
        about: "a file with a header beside it, and new data",
        edits: &[
            Edit(
                "fs/proc/array.c",
                "int proc_pid_statm(",
                "static const unsigned long least[] = { 0, 4 };\n\nint proc_pid_statm(",
            ),
            Edit("fs/proc/array.c", "unsigned long resident = 0;", "unsigned long resident = least[task->pid & 1];"),
        ],
        wanted: Built(&["fn proc_pid_statm {", "static const unsigned long least[]"]),
    },
    Kind {
        about: "a function of a module with a static key of that module",
        edits: &[Edit(
            "net/netfilter/nf_tables_core.c",
            "if (static_branch_unlikely(&nft_counters_enabled))",
            "if (static_branch_unlikely(&nft_counters_enabled) && basechain)",
        )],
        wanted: Built(&["object nf_tables {", "fn nft_do_chain {"]),
    },
    Kind {
        about: "a function with a tracepoint",
        edits: &[Edit("kernel/time/itimer.c", "nval += TICK_NSEC;", "nval += 2 * TICK_NSEC;")],
        wanted: Built(&["replace c \"kernel/time/itimer.c\";", "use static __tracepoint_itimer_state;"]),
    },
    Kind {
        about: "a function with a guard that its file defines",
        edits: &[Edit(
            "fs/namespace.c",
            "\tguard(namespace_shared)();\n",
            "\tguard(namespace_shared)();\n\tif (!ns)\n\t\treturn false;\n",
        )],
        wanted: Built(&["fn __is_local_mountpoint {", "DEFINE_LOCK_GUARD_0(namespace_shared"]),
    },
    Kind {
        about: "a file whose makefile has options for it",
        edits: &[
            Edit("fs/xfs/xfs_file.c", "log_flushed = 0;", "log_flushed = !file;"),
            Edit("fs/xfs/libxfs/xfs_bmap.c", "return -EFSCORRUPTED;", "return -EIO;"),
        ],
        wanted: Built(&["object xfs {", "replace c \"fs/xfs/libxfs/xfs_bmap.c\";"]),
    },
    Kind {
        about: "a file that another file includes",
        edits: &[Edit("kernel/sched/psi.c", "for (full = 0; full < 2", "for (full = 0; full < 1")],
        wanted: Built(&["fn psi_show { replace c \"kernel/sched/build_utility.c\"; }"]),
    },
    Kind {
        about: "files that include lists of static calls, and parts of themselves",
        edits: &[
            Edit("arch/x86/kvm/x86.c", "if (kvm_x86_call(get_cpl)(vcpu) != 0 ||", "if (kvm_x86_call(get_cpl)(vcpu) > 0 ||"),
            Edit("arch/x86/kvm/mmu/mmu.c", "if (direct)\n\t\t\taddr = 0;", "if (direct && gfn)\n\t\t\taddr = 0;"),
        ],
        wanted: Built(&["object kvm {", "fn kvm_emulate_xsetbv {"]),
    },
    Kind {
        about: "a new member",
        edits: &[
            Edit("fs/timerfd.c", "\tbool might_cancel;\n", "\tbool might_cancel;\n\tu32 reads;\n"),
            Edit("fs/timerfd.c", "\tif (ticks) {\n", "\tctx->reads++;\n\tif (ticks) {\n"),
        ],
        wanted: Completed(
            "KPS1101",
            "These free something and use `timerfd_ctx`: __do_sys_timerfd_create, timerfd_release.",
            [
                "shadow reads: c_uint on timerfd_ctx = 0;",
                "shadow reads: c_uint on timerfd_ctx = 0, freed by timerfd_release((*file).private_data.cast());",
            ],
        ),
    },
];

const REFUSED: [Kind; 9] = [
    Kind {
        about: "a function in a table",
        edits: &[Edit("fs/timerfd.c", "= noop_llseek,", "= generic_file_llseek,")],
        wanted: Refused("KPS1305"),
    },
    Kind {
        about: "a constant table",
        edits: &[Edit("fs/proc/array.c", "\"R (running)\"", "\"R (runs)\"")],
        wanted: Refused("KPS1305"),
    },
    Kind {
        about: "code that has run",
        edits: &[Edit("fs/proc/version.c", "0, NULL, version_proc", "0444, NULL, version_proc")],
        wanted: Refused("KPS1306"),
    },
    Kind {
        about: "the type of a member",
        edits: &[Edit("fs/timerfd.c", "short unsigned expired;", "unsigned int expired;")],
        wanted: Refused("KPS1307"),
    },
    Kind {
        about: "assembly",
        edits: &[Edit("arch/x86/lib/memset_64.S", "movq %rdi,%r9", "movq %rdi, %r9")],
        wanted: Refused("KPS1308"),
    },
    Kind {
        about: "the vDSO",
        edits: &[Edit(
            "lib/vdso/gettimeofday.c",
            "return ns >> shift;",
            "return ns >> (shift & 31);",
        )],
        wanted: Refused("KPS1308"),
    },
    Kind {
        about: "a makefile alone",
        edits: &[Edit("fs/proc/Makefile", "version.o\n", "version.o kernel_name.o\n")],
        wanted: Refused("KPS1309"),
    },
    Kind {
        about: "a comment",
        edits: &[Edit("fs/proc/version.c", "\treturn 0;", "\t/* Always. */\n\treturn 0;")],
        wanted: Refused("KPS1309"),
    },
    Kind {
        about: "a function without an ftrace site, which no function of its file calls",
        edits: &[Edit(
            "arch/x86/kernel/tsc.c",
            "u64 tsc_now = rdtsc();",
            "u64 tsc_now = rdtsc() + 1;",
        )],
        wanted: Refused("KPS1310"),
    },
];

/// Imports all of them.
pub(super) fn are_imported_or_refused() {
    let tree = target().source_tree(&cache(), Progress::Quiet);
    let tree = tree.unwrap_or_else(|error: Diagnostic| panic!("{}", error.message));
    let mut wrong = Vec::new();
    for kind in BUILT.iter().chain(&REFUSED) {
        let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        let outcome = judged(kind, &tree, folder.path());
        let is_right = if outcome.is_ok() { "as wanted" } else { "WRONG" };
        println!("{is_right}: {}", kind.about);
        wrong.extend(outcome.err().map(|said| format!("{}:\n{said}", kind.about)));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

/// What is not as wanted.
fn judged(kind: &Kind, tree: &Path, folder: &Path) -> Result<(), String> {
    std::fs::write(folder.join("fix.patch"), diff(kind.edits, tree)?).map_err(|e| e.to_string())?;
    let run = |words: &[&str]| {
        let output = kpsc().args(words).current_dir(folder).output();
        let output = output.unwrap_or_else(|error| panic!("{error}"));
        (output.status.code(), printed(&output))
    };
    let (status, said) = run(&["import", "fix.patch", "-o", "made"]);
    let is_there = folder.join("made").exists();
    match kind.wanted {
        Refused(code) => match status == Some(1) && !is_there && said.contains(&error(code)) {
            true => Ok(()),
            false => Err(said),
        },
        Built(_) if status != Some(0) => Err(said),
        Built(texts) => {
            let written = written(&folder.join("made"));
            let missing = texts.iter().find(|text| !written.contains(**text));
            missing.map_or(Ok(()), |text| Err(format!("`{text}` is missing:\n{written}")))
        }
        Completed(code, text, [old, new]) => {
            if status == Some(0) || !said.contains(&error(code)) {
                return Err(said);
            }
            let all = files(&folder.join("made")).into_iter();
            let mut specs = all.filter(|path| path.extension().is_some_and(|end| end == "kps"));
            let spec = specs.next().ok_or("there is no spec")?;
            let written = std::fs::read_to_string(&spec).map_err(|error| error.to_string())?;
            if let Some(missing) = [old, text].iter().find(|text| !written.contains(**text)) {
                return Err(format!("`{missing}` is missing:\n{written}"));
            }
            std::fs::write(&spec, written.replace(old, new)).map_err(|e| e.to_string())?;
            let (status, said) = run(&["build", &spec.to_string_lossy()]);
            if status == Some(0) {
                Ok(())
            } else {
                Err(said)
            }
        }
    }
}

/// The texts below a folder.
fn written(folder: &Path) -> String {
    let text = |path: &std::path::PathBuf| match path.is_dir() {
        true => written(path),
        false => std::fs::read_to_string(path).unwrap_or_default(),
    };
    files(folder).iter().map(text).collect()
}

fn error(code: &str) -> String {
    format!("error[{code}]")
}

/// Edits as Git writes them.
fn diff(edits: &[Edit], tree: &Path) -> Result<String, String> {
    let mut changed: BTreeMap<&str, (Option<String>, String)> = BTreeMap::new();
    for &Edit(path, old, new) in edits {
        let (_, text) = changed.entry(path).or_insert_with(|| {
            let text = std::fs::read_to_string(tree.join(path)).ok();
            (text.clone(), text.unwrap_or_default())
        });
        if !text.contains(old) {
            return Err(format!("{path} lacks `{old}`"));
        }
        *text = text.replacen(old, new, 1);
    }
    let diffs = changed.into_iter().map(|(path, (old, new))| {
        let (before, made) = match &old {
            Some(_) => (format!("a/{path}"), ""),
            None => ("/dev/null".to_owned(), "new file mode 100644\n"),
        };
        let old = old.unwrap_or_default();
        let diff = TextDiff::from_lines(&old, &new);
        let lines = diff.unified_diff().header(&before, &format!("b/{path}")).to_string();
        format!("diff --git a/{path} b/{path}\n{made}{lines}")
    });
    Ok(diffs.collect())
}
