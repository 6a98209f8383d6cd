// SPDX-License-Identifier: GPL-2.0
//! From a diff to the files of a patch, on small files and a small kernel.

mod files;

use crate::fix::Fix;
use crate::fixture::{text, SmallKernel};
use crate::import::{import, Headers, Import, Source};
use crate::objects::Object;
use crate::roots::{Compiled, File, Why};
use crate::selection::UseLine;
use diffy::DiffOptions;
use kps_diag::Diagnostic;
use kps_facts::{Export, Facts};
use std::collections::{BTreeMap, BTreeSet};

/// The import of a change of `net/a.c`, whose code differs in these functions.
fn import_of(
    old: &str,
    new: &str,
    code: Option<&[&str]>,
    kernel: &SmallKernel,
) -> (Option<Import>, Vec<Diagnostic>) {
    let reaches = BTreeMap::from([("act".to_owned(), BTreeSet::from(["hdr_call".to_owned()]))]);
    import_reaching(old, new, code, &reaches, &Object::default(), kernel)
}

/// The same, where the code of functions refers to these, and the old text becomes this object.
fn import_reaching(
    old: &str,
    new: &str,
    code: Option<&[&str]>,
    reaches: &BTreeMap<String, BTreeSet<String>>,
    object: &Object,
    kernel: &SmallKernel,
) -> (Option<Import>, Vec<Diagnostic>) {
    let mut options = DiffOptions::new();
    options.set_original_filename("a/net/a.c").set_modified_filename("b/net/a.c");
    let diff = options.create_patch(old, new).to_string();
    let diff = format!("Subject: [PATCH] net: mend a\n\ndiff --git a/net/a.c b/net/a.c\n{diff}");
    let Ok(fix) = Fix::read(&diff) else { panic!("{diff}") };
    let applied = fix.files[0].apply(old).unwrap_or_default();
    assert_eq!(applied, new);
    let (old, new) = (text(old), text(&applied));
    let code: Option<BTreeSet<String>> =
        code.map(|code| code.iter().map(|name| (*name).to_owned()).collect());
    let compiled = code.as_ref().map(|code| Compiled { old: object, code, reaches });
    let file =
        File { path: "net/a.c", object: "vmlinux", old: &old, new: &new, compiled, shadows: &[] };
    let source = Source { file, lines: fix.files[0].lines() };
    import(&fix, "7.3.4", &[source], &Headers::default(), kernel)
}

fn made(old: &str, new: &str, code: Option<&[&str]>, kernel: &SmallKernel) -> Import {
    let (made, found) = import_of(old, new, code, kernel);
    made.unwrap_or_else(|| panic!("{found:#?}"))
}

fn codes(found: &[Diagnostic]) -> Vec<&'static str> {
    found.iter().map(|one| one.code.id()).collect()
}

fn uses(import: &Import) -> Vec<String> {
    let lines = import.objects["vmlinux"].uses.iter().map(|line| match line {
        UseLine::Function(name) => format!("fn {name}"),
        UseLine::Static(name) => format!("static {name}"),
        UseLine::PerCpu(name) => format!("percpu {name}"),
    });
    lines.collect()
}

fn functions(import: &Import) -> Vec<(&str, &Why)> {
    let all = import.objects["vmlinux"].functions.iter();
    all.map(|(_, root)| (root.symbol.as_str(), &root.why)).collect()
}

const OLD: &str = r#"// SPDX-License-Identifier: GPL-2.0-only
/* What this file is. */

#define pr_fmt(fmt) "a: " fmt

#include <linux/net.h>
#include "local.h"

#define LIMIT 3
#define UNUSED 4

/* The state of one. */
struct state {
	int count;
};

struct other {
	int x;
};

static struct state *states;

static DEFINE_PER_CPU(int, hits);

static const int table[] = { 1, 2 };

static int small(int x)
{
	return x + LIMIT;
}

/*
 * Counts.
 */
int count(struct state *s)
{
	return s->count;
}

// Two lines of
// comment.
static int act(struct state *s)
{
	static int calls = 0;

	calls++;
	this_cpu_inc(hits);
	hdr_call();
	return count(states) + small(table[0]);
}

int unrelated(void)
{
	return UNUSED;
}

EXPORT_SYMBOL(unrelated);
"#;

fn kernel() -> SmallKernel {
    let mut kernel = SmallKernel::new("count act unrelated hdr_call|states calls.1 calls.2|hits");
    kernel.refers.insert(("act", "calls.2"));
    kernel
}

#[test]
fn a_function_comes_with_what_it_needs_and_no_more() {
    let new = OLD.replace("hdr_call();\n", "hdr_call();\n\tif (!s)\n\t\treturn -1;\n");
    let made = made(OLD, &new, Some(&["act"]), &kernel());
    let expected = r#"// SPDX-License-Identifier: GPL-2.0-only
/*
 * Functions of net/a.c of Linux 7.3.4, with the fix "net: mend a". What they
 * need and the kernel has is declared, and the rest copied.
 */

#define pr_fmt(fmt) "a: " fmt

#include <linux/net.h>
#include "local.h"

#define LIMIT 3

/* The state of one. */
struct state {
	int count;
};

extern struct state *states;
DECLARE_PER_CPU(int, hits);

static const int table[] = { 1, 2 };

static int small(int x)
{
	return x + LIMIT;
}

extern int count(struct state *s);

// Two lines of
// comment.
static int act(struct state *s)
{
	extern int calls __asm__("calls.2");

	calls++;
	this_cpu_inc(hits);
	hdr_call();
	if (!s)
		return -1;
	return count(states) + small(table[0]);
}
"#;
    assert_eq!(made.files["net/a.c"], expected);
    assert_eq!(functions(&made), [("act", &Why::Changed)]);
    assert_eq!(
        uses(&made),
        ["fn count", "fn hdr_call", "static calls.2", "static states", "percpu hits"]
    );
}

#[test]
fn what_a_condition_within_a_function_asks_for_comes_along() {
    let old = "#define HAS_IT\n#define OTHER\n\nint act(void)\n{\n#ifdef HAS_IT\n\treturn 1;\n#endif\n\treturn 0;\n}\n";
    let new = old.replace("return 1", "return 2");
    let made = made(old, &new, Some(&["act"]), &SmallKernel::new("act"));
    let text = &made.files["net/a.c"];
    assert!(text.contains("#define HAS_IT\n") && !text.contains("OTHER"), "{text}");
}

#[test]
fn the_difference_is_the_fix() {
    let new = OLD.replace("hdr_call();\n", "hdr_call();\n\tif (!s)\n\t\treturn -1;\n");
    let made = made(OLD, &new, Some(&["act"]), &kernel());
    let changed = made.differences[0].lines().filter(|line| line.starts_with(['+', '-']));
    let changed: Vec<&str> = changed.collect();
    assert_eq!(
        changed,
        [
            "--- a/net/a.c",
            "+++ b/net/a.c",
            "-\tstatic int calls = 0;",
            "+\textern int calls __asm__(\"calls.2\");",
            "+\tif (!s)",
            "+\t\treturn -1;",
        ]
    );
}

#[test]
fn callers_that_have_the_code_of_a_changed_function_are_replaced() {
    let new = OLD.replace("return x + LIMIT;", "return x - LIMIT;");
    let contains = Why::Contains(BTreeSet::from(["small".to_owned()]));
    for code in [Some(&["act"][..]), None] {
        let made = made(OLD, &new, code, &kernel());
        assert_eq!(functions(&made), [("act", &contains)]);
        assert!(made.files["net/a.c"].contains("return x - LIMIT;"));
    }
}

#[test]
fn whoever_uses_a_changed_macro_is_replaced() {
    let new = OLD.replace("LIMIT 3", "LIMIT 5");
    let made = made(OLD, &new, Some(&["act"]), &kernel());
    let contains = Why::Contains(BTreeSet::from(["LIMIT".to_owned()]));
    assert_eq!(functions(&made), [("act", &contains)]);
}

#[test]
fn callers_of_a_function_that_cannot_be_replaced_call_a_copy() {
    let mut kernel = kernel();
    kernel.refused.insert("count", "it has no ftrace site");
    let new = OLD.replace("return s->count;", "return s ? s->count : 0;");
    let made = made(OLD, &new, Some(&["count"]), &kernel);
    let why = Why::Calls("count".to_owned(), "it has no ftrace site".to_owned());
    assert_eq!(functions(&made), [("act", &why)]);
    assert!(made.files["net/a.c"].contains("int count(struct state *s)\n{"));
    assert!(!uses(&made).contains(&"fn count".to_owned()));
}

#[test]
fn callers_of_a_part_that_was_split_off_are_replaced() {
    let mut kernel =
        SmallKernel::new("count count.part.0 act unrelated hdr_call|states calls.1 calls.2|hits");
    kernel.refers.insert(("act", "calls.2"));
    let kernel = kernel.with_calls(&[("act", "count.part.0")]);
    let new = OLD.replace("return s->count;", "return s ? s->count : 0;");
    let made = made(OLD, &new, Some(&["count"]), &kernel);
    let names: Vec<&str> = functions(&made).iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["act", "count"]);
}

#[test]
fn a_changed_prototype_is_a_new_function_and_its_callers_are_replaced() {
    let new = OLD
        .replace("int count(struct state *s)", "int count(struct state *s, int n)")
        .replace("count(states)", "count(states, 1)");
    let made = made(OLD, &new, Some(&["count", "act"]), &kernel());
    let names: Vec<&str> = functions(&made).iter().map(|(name, _)| *name).collect();
    assert_eq!(names, ["act"]);
    let text = &made.files["net/a.c"];
    assert!(text.contains("#define count count_fixed\n"), "{text}");
    assert!(text.contains("int count(struct state *s, int n)\n{"), "{text}");
}

#[test]
fn a_static_variable_is_never_a_second_one() {
    let mut kernel = kernel();
    let new = OLD.replace("hdr_call();\n", "hdr_call();\n\thdr_call();\n");
    kernel.refers.clear();
    let (made, found) = import_of(OLD, &new, Some(&["act"]), &kernel);
    assert_eq!((made, codes(&found)), (None, vec!["KPS1311"]));
    kernel.refers.extend([("act", "calls.1"), ("act", "calls.2")]);
    let (made, found) = import_of(OLD, &new, Some(&["act"]), &kernel);
    assert_eq!((made, codes(&found)), (None, vec!["KPS1311"]));
}

#[test]
fn of_several_symbols_the_one_among_those_of_the_file_is_meant() {
    let symbols = "far count away away2 count act unrelated hdr_call|states calls.2|hits";
    let mut kernel = SmallKernel::new(symbols);
    kernel.refers.insert(("act", "calls.2"));
    let new = OLD.replace("return s->count;", "return s ? s->count : 0;");
    let found = made(OLD, &new, Some(&["count"]), &kernel);
    assert_eq!(functions(&found), [("count@2", &Why::Changed)]);

    let unclear = SmallKernel::new("act count unrelated count|");
    let (made, found) = import_of(OLD, &new, Some(&["count"]), &unclear);
    assert_eq!((made, codes(&found)), (None, vec!["KPS1311"]));
}

#[test]
fn of_several_symbols_the_one_with_the_code_of_the_file_is_meant() {
    let symbols = "act count x y count unrelated hdr_call|states calls.2|hits";
    let mut kernel = SmallKernel::new(symbols);
    kernel.refers.insert(("act", "calls.2"));
    kernel.has_code.insert(("count", 2));
    let new = OLD.replace("return s->count;", "return s ? s->count : 0;");
    let found = made(OLD, &new, Some(&["count"]), &kernel);
    assert_eq!(functions(&found), [("count@2", &Why::Changed)]);

    // What contradicts itself tells nothing.
    let mut kernel = SmallKernel::new("far count away away2 count act unrelated|");
    kernel.has_code.insert(("count", 1));
    let (made, found) = import_of(OLD, &new, Some(&["count"]), &kernel);
    assert_eq!((made, codes(&found)), (None, vec!["KPS1311"]));
}

#[test]
fn of_several_variables_the_one_that_the_file_refers_to_is_meant() {
    let symbols = "act count unrelated hdr_call|states x states y z calls.2|hits";
    let mut kernel = SmallKernel::new(symbols);
    kernel.refers.extend([("act", "calls.2"), ("act", "states@2")]);
    let new = OLD.replace("calls++;", "calls += 2;");
    let found = made(OLD, &new, Some(&["act"]), &kernel);
    assert!(uses(&found).contains(&"static states@2".to_owned()), "{:?}", uses(&found));
}

#[test]
fn a_copy_of_an_inline_function_is_in_the_patch_too() {
    let reaches = BTreeMap::from([
        ("act".to_owned(), BTreeSet::from(["hdr_inline".to_owned()])),
        ("hdr_inline".to_owned(), BTreeSet::from(["hdr_call".to_owned()])),
    ]);
    let new = OLD.replace("hdr_call();\n", "hdr_call();\n\thdr_call();\n");
    let mut kernel =
        SmallKernel::new("count act unrelated hdr_call hdr_inline|states calls.2|hits");
    kernel.refers.insert(("act", "calls.2"));
    let (made, found) =
        import_reaching(OLD, &new, Some(&["act"]), &reaches, &Object::default(), &kernel);
    let Some(made) = made else { panic!("{found:?}") };
    let uses = uses(&made);
    assert!(uses.contains(&"fn hdr_call".to_owned()), "{uses:?}");
    assert!(!uses.contains(&"fn hdr_inline".to_owned()), "{uses:?}");
}

#[test]
fn an_export_for_certain_modules_is_a_symbol_like_those_that_are_not_exported() {
    let export = |namespace| Export { gpl: true, namespace: Some(namespace) };
    let new = OLD.replace("return s->count;", "return s ? s->count : unrelated();");
    let with = |namespace| {
        let kernel = kernel().with_exports([("unrelated", export(namespace))]);
        made(OLD, &new, Some(&["count"]), &kernel)
    };
    let (for_some, for_all) = (with("module:kvm"), with("NET"));
    assert_eq!(uses(&for_some), ["fn unrelated"]);
    assert!(!for_some.files["net/a.c"].contains("MODULE_IMPORT_NS"));
    assert_eq!(uses(&for_all), [] as [&str; 0]);
    assert!(for_all.files["net/a.c"].contains("MODULE_IMPORT_NS(\"NET\");"));
}

#[test]
fn a_system_call_has_the_name_that_programs_know() {
    let old = "SYSCALL_DEFINE1(act, int, x)\n{\n\treturn x;\n}\n";
    let new = "SYSCALL_DEFINE1(act, int, x)\n{\n\treturn x + 1;\n}\n";
    let entry = format!("{}act", Facts::default().arch().syscalls.entry);
    let made = made(old, new, Some(&["__do_sys_act"]), &SmallKernel::new(&entry));
    assert_eq!(functions(&made), [("sys_act", &Why::Changed)]);
    assert!(made.files["net/a.c"].ends_with(new));
}

#[test]
fn a_system_call_of_other_programs_has_the_names_of_its_entries() {
    let old = "COMPAT_SYSCALL_DEFINE1(act, int, x)\n{\n\treturn x;\n}\n";
    let new = old.replace("return x", "return x + 1");
    let kernel = SmallKernel::new("__ia32_compat_sys_act");
    let made = made(old, &new, Some(&["__do_compat_sys_act"]), &kernel);
    assert_eq!(functions(&made), [("__ia32_compat_sys_act", &Why::Changed)]);
}

#[test]
fn tracepoints_are_not_made_a_second_time() {
    let old =
        "#define CREATE_TRACE_POINTS\n#include <trace/a.h>\n\nint act(void)\n{\n\treturn 0;\n}\n";
    let new = old.replace("return 0", "return 1");
    let made = made(old, &new, Some(&["act"]), &SmallKernel::new("act"));
    assert!(!made.files["net/a.c"].contains("CREATE_TRACE_POINTS"));
}

#[test]
fn what_no_function_brings_is_refused_with_what_does() {
    let old = "struct state {\n\tint count;\n};\n\nint limit = 3;\n\n\
        static int __init begin(void)\n{\n\treturn 0;\n}\n\n\
        int act(struct state *s)\n{\n\treturn limit;\n}\n";
    let kernel = SmallKernel::new("act|limit");
    let cases = [
        ("\tint count;\n", "\tint count;\n\tint more;\n", "KPS1307", "shadow more: TYPE on state"),
        ("\tint count;\n", "\tlong count;\n", "KPS1307", "kexec"),
        ("limit = 3", "limit = 4", "KPS1305", "`state`"),
        ("return 0;", "return 1;", "KPS1306", "`post_patch`"),
    ];
    for (from, to, code, help) in cases {
        let (made, found) = import_of(old, &old.replace(from, to), Some(&["act"]), &kernel);
        assert_eq!(made, None);
        let errors: Vec<&Diagnostic> = found.iter().filter(|one| one.code.id() == code).collect();
        let [error] = errors.as_slice() else { panic!("{from}: {:?}", codes(&found)) };
        assert!(error.help.as_deref().is_some_and(|text| text.contains(help)), "{error:?}");
        assert!(!error.labels.is_empty());
    }
}

#[test]
fn a_fix_that_changes_no_code_says_so() {
    let new = OLD.replace("/* The state of one. */", "/* The state. */");
    let (made, found) = import_of(OLD, &new, Some(&[]), &kernel());
    assert_eq!((made, codes(&found)), (None, vec!["KPS1313", "KPS1309"]));
}

#[test]
fn an_export_is_left_out_with_a_note() {
    let new =
        OLD.replace("return s->count;", "return s ? s->count : 0;") + "\nEXPORT_SYMBOL(count);\n";
    let (made, found) = import_of(OLD, &new, Some(&["count"]), &kernel());
    assert!(made.is_some());
    assert_eq!(codes(&found), ["KPS1313"]);
}

#[test]
fn what_the_fix_adds_comes_along() {
    let new = OLD.replace(
        "// Two lines of",
        "static int fresh;\n\nstatic int added(void)\n{\n\treturn ++fresh;\n}\n\n// Two lines of",
    );
    let new = new.replace("hdr_call();\n", "hdr_call();\n\tadded();\n");
    let made = made(OLD, &new, Some(&["act"]), &kernel());
    let text = &made.files["net/a.c"];
    assert!(text.contains("static int fresh;\n\nstatic int added(void)\n{"), "{text}");
}

#[test]
fn a_function_that_nothing_calls_and_that_has_no_symbol_cannot_be_replaced() {
    let new = OLD.replace("return UNUSED;", "return UNUSED + 1;");
    let kernel = SmallKernel::new("count act|states calls.2|hits");
    let (made, found) = import_of(OLD, &new, Some(&["unrelated"]), &kernel);
    assert_eq!(made, None);
    assert!(codes(&found).contains(&"KPS1310"));
}

#[test]
fn a_symbol_of_another_file_is_not_taken_for_an_inlined_function() {
    let new = OLD.replace("calls++;", "calls += 2;");
    let mut kernel = SmallKernel::new("count act unrelated small|states calls.2|hits");
    kernel.refers.insert(("act", "calls.2"));
    let of = |object: &Object| {
        let (made, found) =
            import_reaching(OLD, &new, Some(&["act"]), &BTreeMap::new(), object, &kernel);
        uses(&made.unwrap_or_else(|| panic!("{found:#?}"))).contains(&"fn small".to_owned())
    };
    assert!(of(&Object::default()));
    assert!(!of(&Object::defining(&["count", "act", "unrelated", "states", "hits", "table"])));
}

#[test]
fn a_changed_header_comes_along_and_is_included_first() {
    let header = "include/linux/net.h";
    let diff = "diff --git a/net/a.c b/net/a.c\n--- a/net/a.c\n+++ b/net/a.c\n@@ -1,1 +1,1 @@\n\
        -// SPDX-License-Identifier: GPL-2.0-only\n+// SPDX-License-Identifier: GPL-2.0\n\
        diff --git a/include/linux/net.h b/include/linux/net.h\n\
        --- a/include/linux/net.h\n+++ b/include/linux/net.h\n@@ -1 +1 @@\n\
        -#define NET 1\n+#define NET 2\n";
    let Ok(fix) = Fix::read(diff) else { panic!("{diff}") };
    let (old, new) = (text(OLD), text(OLD));
    let code = BTreeSet::from(["act".to_owned()]);
    let reaches = BTreeMap::from([("act".to_owned(), BTreeSet::from(["far".to_owned()]))]);
    let object = Object::default();
    let compiled = Some(Compiled { old: &object, code: &code, reaches: &reaches });
    let file =
        File { path: "net/a.c", object: "vmlinux", old: &old, new: &new, compiled, shadows: &[] };
    let source = Source { file, lines: fix.files[0].lines() };
    let texts = BTreeMap::from([(header.to_owned(), "#define NET 2\n".to_owned())]);
    let headers = Headers { texts, read: Vec::new(), unfollowed: Some(40) };
    let (made, found) = import(&fix, "7.3.4", &[source], &headers, &kernel());
    let Some(made) = made else { panic!("{found:?}") };
    assert_eq!(codes(&found), ["KPS1314"]);
    let text = &made.files["net/a.c"];
    let own = "#include \"../include/linux/net.h\" /* with the fix */\n#include \"local.h\"\n";
    assert!(text.contains(own) && !text.contains("<linux/net.h>"), "{text}");
    assert_eq!(made.files[header], "#define NET 2\n");
}
