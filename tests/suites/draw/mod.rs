// SPDX-License-Identifier: GPL-2.0
//! Whether `kpsc import` holds for functions that nobody has chosen. They are drawn from the
//! kernel's source, and the diff adds an instruction that does nothing, or is what the next series
//! of kernels changes of the function.

mod drawn;
mod functions;
mod imports;
mod older;
mod series;

use drawn::{files, Drawn};
use functions::diff;
use imports::{are_built, have_a_reason, import, module, outcomes, unchanged, Asked};
use kps_diag::Diagnostic;
use kps_import::kernel::VMLINUX;
use kps_targets::Progress;
use kps_tests::kernel::cache;
use kps_tests::schedule::Case;
use kps_tests::target::{target, Vm};
use kps_tests::{cases, work};
use kpsc::import::Front;

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = cases![
        functions_are_found_by_their_layout,
        drawn_functions_of_the_target_are_imported.machine().about(90),
    ];
    let two_series = Case::new("drawn_changes_between_two_series_are_imported", || {
        series::are_imported().unwrap_or_else(|error| panic!("{}", told(&error)));
    });
    cases.push(two_series.on("older", older::kernel).machine().long().about(3000));
    cases
}

/// How many functions are drawn in every run: of the image, and of modules.
const DRAWN: (usize, usize) = (12, 5);
/// How many of a hundred are imported at least.
const IMPORTED: usize = 90;

fn told(error: &Diagnostic) -> String {
    format!("{}: {:?}", error.message, error.notes)
}

fn functions_are_found_by_their_layout() {
    let text = "int a(void);\n\nint a(void)\n{\n\treturn 1;\n}\n\n\
        static int __init\nb(int x,\n  int y)\n{\n\treturn 2;\n}\nEXPORT_SYMBOL(b);\n\n\
        SYSCALL_DEFINE1(c, int, x)\n{\n\treturn 3;\n}\n\
        #ifdef X\nint d(void)\n{\n}\n#else\nint d(void)\n{\n}\n#endif\n\n\
        DEFINE_THING(e)\n{\n}\n\nint f[] =\n{\n\t1,\n};\n";
    let found = functions::functions(text);
    let names: Vec<&str> = found.iter().map(|one| one.name.as_str()).collect();
    assert_eq!(names, ["a", "b", "sys_c"]);
    assert_eq!(found.iter().map(|one| one.is_init).collect::<Vec<_>>(), [false, true, false]);
    assert_eq!(found[2].lines(text).concat(), "SYSCALL_DEFINE1(c, int, x)\n{\n\treturn 3;\n}\n");
    let with_nop = found[0].with_nop(text);
    assert!(with_nop.contains("int a(void)\n{\n\tasm volatile(\"nop\");\n\treturn 1;\n}\n"));
    let replaced = found[0].replaced(text, &found[2], text);
    assert!(
        replaced.starts_with("int a(void);\n\nSYSCALL_DEFINE1(c, int, x)\n{\n\treturn 3;\n}\n\n")
    );
    assert_eq!(functions::changed_lines(&["a\n", "b\n"], &["a\n", "c\n"]), 2);
    let patch = diff("fs/x.c", text, &with_nop);
    assert!(patch.starts_with("diff --git a/fs/x.c b/fs/x.c\n--- a/fs/x.c\n+++ b/fs/x.c\n@@ -"));
}

/// One function of each of the first files. They are one fix, so that each of them costs only what
/// it takes to read its file.
fn drawn_functions_of_the_target_are_imported() {
    let drawn = of_target().unwrap_or_else(|error| panic!("{}", told(&error)));
    let name = target().name;
    let folder = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let (fix, made) = (folder.path().join("drawn.patch"), folder.path().join("made"));
    let diffs: String = drawn.iter().map(|asked| asked.diffs.concat()).collect();
    std::fs::write(&fix, diffs).unwrap_or_else(|error| panic!("{error}"));
    let (status, said) = import(&name, &fix, &made);
    if status != Some(0) {
        println!("{said}");
        let outcomes = outcomes(&name, &drawn);
        have_a_reason(&drawn, &outcomes);
        return are_built(&outcomes, IMPORTED);
    }
    let mut vm = Vm::start(vec![("/drawn.ko".to_owned(), module(&made))]);
    vm.sh("livepatch load /drawn.ko");
    let report = vm.run_within(&work::rounds(3), 180);
    assert_eq!(report.status, 0, "the machine does not work any more:\n{}", report.text);
    vm.sh("livepatch unload drawn");
    vm.check_log();
}

/// Functions of the default target that have an ftrace site, and functions of modules that are made
/// of one file: these are found without asking the kernel's makefiles about each file.
fn of_target() -> Result<Vec<Asked>, Diagnostic> {
    let (mut target, cache) = (target(), cache());
    let facts = target.facts()?;
    let modules = target.modules(&cache, Progress::Quiet)?;
    let front = Front::new(&mut target, &cache, Progress::Quiet)?;
    let tree = front.source();
    let has_site = |name: &str| {
        let all = facts.vmlinux.symbols.named(name);
        all.iter().any(|sym| facts.vmlinux.sites.contains(sym.address))
    };
    let is_in = |path: &str, object: &str| {
        front.command(path).is_ok_and(|command| command.objects == [object])
    };
    let (mut of_image, mut of_modules) = (Vec::new(), Vec::new());
    for (path, found) in files(tree) {
        if (of_image.len(), of_modules.len()) == DRAWN {
            break;
        }
        let stem = path.rsplit('/').next().and_then(|name| name.strip_suffix(".c"));
        let module = stem.unwrap_or_default().replace('-', "_");
        let mut found = found.into_iter().filter(|function| !function.is_init);
        let (all, most, function, object) = match modules.contains_key(&module) {
            true => (&mut of_modules, DRAWN.1, found.next(), module.as_str()),
            false => {
                let function = found.find(|function| has_site(&function.name));
                (&mut of_image, DRAWN.0, function, VMLINUX)
            }
        };
        let Some(function) = function.filter(|_| all.len() < most) else { continue };
        if is_in(&path, object) {
            all.push(unchanged(tree, Drawn { path, function }, object.to_owned()));
        }
    }
    assert_eq!((of_image.len(), of_modules.len()), DRAWN);
    of_image.extend(of_modules);
    Ok(of_image)
}
