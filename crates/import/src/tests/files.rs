// SPDX-License-Identifier: GPL-2.0
//! Several files: what one gives to another.

use super::*;

#[test]
fn a_file_gives_others_what_was_inlined() {
    let of_other = |before: &str| {
        format!("#include <linux/net.h>\n\n{before}int helped(int x)\n{{\n\treturn x + 7;\n}}\n")
    };
    let diff =
        "diff --git a/net/a.c b/net/a.c\n--- a/net/a.c\n+++ b/net/a.c\n@@ -1 +1 @@\n-a\n+b\n\
        diff --git a/net/b.c b/net/b.c\n--- a/net/b.c\n+++ b/net/b.c\n@@ -1 +1 @@\n-a\n+b\n";
    let Ok(fix) = Fix::read(diff) else { panic!("{diff}") };
    let new = OLD.replace("calls++;", "calls += helped(1);");
    let texts = [OLD, new.as_str()].map(text);
    let other = [of_other("static "), of_other("")].map(|of| text(&of));
    let (code, none) = (BTreeSet::from(["act".to_owned()]), BTreeSet::new());
    let (object, reaches) = (Object::default(), BTreeMap::new());
    fn source<'a>(
        fix: &'a Fix<'_>,
        n: usize,
        path: &'a str,
        [old, new]: &'a [crate::text::Text; 2],
        compiled: Compiled<'a>,
    ) -> Source<'a> {
        let compiled = Some(compiled);
        let file = File { path, object: "vmlinux", old, new, compiled, shadows: &[] };
        Source { file, lines: fix.files[n].lines() }
    }
    let compiled = |code| Compiled { old: &object, code, reaches: &reaches };
    let b = || source(&fix, 1, "net/b.c", &other, compiled(&none));
    let sources = [source(&fix, 0, "net/a.c", &texts, compiled(&code)), b()];
    let (made, found) = import(&fix, "7.3.4", &sources, &Headers::default(), &kernel());
    let Some(made) = made else { panic!("{found:?}") };
    assert!(made.files["net/b.c"].contains("\nint helped(int x)\n"), "{}", made.files["net/b.c"]);
    assert_eq!(made.new_files, BTreeSet::from(["net/b.c".to_owned()]));

    // Nobody needs it: the file stays as it is.
    assert_eq!(import(&fix, "7.3.4", &[b()], &Headers::default(), &kernel()).0, None);
}
