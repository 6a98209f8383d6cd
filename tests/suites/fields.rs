// SPDX-License-Identifier: GPL-2.0
//! Every field of the language against every kind of hostile text. `tests/fields.txt` says what
//! becomes of each: the code that refuses it, or `ok`. What is accepted reaches the generated
//! folder, and the crate that the spec is converted to, as a literal, a comment or the author's own
//! Rust, and no build file at all.
//!
//! `BLESS=1 cargo xtask test fields` writes the table anew; read the difference before you commit
//! it.

use kps_grammar::ast::{Callback, Level};
use kps_tests::schedule::Case;
use kps_tests::world::World;
use kps_tests::{cases, repository, FIXTURE};
use proc_macro2::{TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::path::Path;
use std::str::FromStr as _;

/// The cases of this suite.
pub(crate) fn cases() -> Vec<Case> {
    cases![
        every_construct_has_its_texts_here,
        no_text_gets_where_it_does_not_belong,
        a_file_may_have_any_name_and_end_its_lines_as_it_likes,
        what_a_spec_includes_is_not_read_before_rustc_compiles_it,
    ]
}

/// What the texts have in common, so that it can be found in what is generated.
const MARK: &str = "pwned";

/// A spec with something in every field.
const SPEC: &str = r#"/// Description.
patch fix {
    license "GPL";
    author "Author";
    version "1.0";
    fixes "CVE-1";
    kernel "7.3.4";
    require CONFIG_HZ = "250";
    family kin;
    over below;
    state(id = 1, version = 2) level: c_long {
        save { /* save comment */ 5 }
        apply(applied) { }
        restore(restored) { }
    }
    shadow data: [u16; 2] on seq_file = [7, 8], freed by takes_sockptr(optval.user.cast()) {
        ctor(owner, fresh) { }
        dtor(stale) { }
    }
    resource lease: c_schar {
        acquire { Ok(3) }
        release(ended) { }
        adopt(taken) { Ok(4) }
    }
    // item comment
    const ITEM: &str = "item string";
    object vmlinux {
        use fn unexported_helper;
        use static saved_command_line: *const c_char;
        use percpu cpu_number: c_uint;
        fn show_type@2 { pre { /* body comment */ let a = (c"c string", r"raw string", "body string"); } }
        fn dput.part.0(dentry: *mut c_void) { arguments "looked at"; pre { } }
        fn no_btf_function(param: *mut seq_file) -> c_int { pre { } }
        post_patch { let callback = 1; }
        fn cmdline_proc_show { replace c "body.c"; }
        fn version_proc_show { replace from "body.rs"; }
    }
    mod aside from "aside.rs";
    c "code.c" {
        fn reckon(figure: c_short) -> c_ushort;
    }
    param(mode = 0o600) label: charp = "label text", "label description";
    param(mode = 0o640) levels: [c_int; 4] = [77];
    test "test name" {
        param label = "given text";
        trigger c "test.c" as user;
        wait "test wait" 5;
        run "test run";
        unpatched lacks "test text";
        unpatched complains "complaint";
    }
}
"#;

/// The fields: what they are called, what stands there in [`SPEC`], and what takes its place. `@`
/// is the text; in quotes it is written as a string, its quotes and backslashes escaped.
const FIELDS: &[(&str, &str, &str)] = &[
    ("description", "Description.", "@"),
    ("patch", "fix", "@"),
    ("license", "\"GPL\"", "\"@\""),
    ("author", "\"Author\"", "\"@\""),
    ("version", "\"1.0\"", "\"@\""),
    ("fixes", "\"CVE-1\"", "\"@\""),
    ("kernel", "\"7.3.4\"", "\"@\""),
    ("arguments", "\"looked at\"", "\"@\""),
    ("required option", "CONFIG_HZ", "@"),
    ("required value", "\"250\"", "\"@\""),
    ("family", "kin", "@"),
    ("patch below", "below", "@"),
    ("its condition", "over below", "atomic replace if @"),
    ("state", "level", "@"),
    ("its number", "id = 1", "id = @"),
    ("its type", "c_long", "@"),
    ("save comment", "save comment", "@"),
    ("applied value", "applied", "@"),
    ("shadow", "data", "@"),
    ("its type", "[u16; 2]", "@"),
    ("its parent", "seq_file", "@"),
    ("first value", "[7, 8]", "@"),
    ("freeing", "takes_sockptr", "@"),
    ("freed", "optval.user.cast()", "@"),
    ("new data", "fresh", "@"),
    ("old data", "stale", "@"),
    ("object", "vmlinux", "@"),
    ("object from", "vmlinux", "net from \"@\""),
    ("used function", "unexported_helper", "@"),
    ("used variable", "saved_command_line", "@"),
    ("its type", "*const c_char", "@"),
    ("per-CPU one", "cpu_number", "@"),
    ("its type", "c_uint", "@"),
    ("function", "show_type", "@"),
    ("position", "@2", "@@"),
    ("parameter", "param", "@"),
    ("its type", "*mut seq_file", "@"),
    ("result", "c_int", "@"),
    ("resource", "lease", "@"),
    ("its type", "c_schar", "@"),
    ("released value", "ended", "@"),
    ("adopted value", "taken", "@"),
    ("item comment", "item comment", "@"),
    ("item name", "ITEM", "@"),
    ("item string", "\"item string\"", "\"@\""),
    ("body comment", "body comment", "@"),
    ("body string", "\"body string\"", "\"@\""),
    ("raw string", "raw string", "@"),
    ("C string", "\"c string\"", "\"@\""),
    ("callback", "let callback = 1;", "@"),
    ("Rust body", "\"body.rs\"", "\"@\""),
    ("module name", "mod aside", "mod @"),
    ("module file", "\"aside.rs\"", "\"@\""),
    ("C body", "\"body.c\"", "\"@\""),
    ("C file", "\"code.c\"", "\"@\""),
    ("C function", "reckon", "@"),
    ("parameter", "figure", "@"),
    ("its type", "c_short", "@"),
    ("result", "c_ushort", "@"),
    ("mode", "0o600", "@"),
    ("loaded with", "label", "@"),
    ("its type", "charp", "@"),
    ("its text", "\"label text\"", "\"@\""),
    ("its description", "\"label description\"", "\"@\""),
    ("length", "[c_int; 4", "[c_int; @"),
    ("element", "77", "@"),
    ("test", "\"test name\"", "\"@\""),
    ("module", "trigger c", "module \"@\"; trigger c"),
    ("loaded with", "param label = ", "param @ = "),
    ("its value", "\"given text\"", "\"@\""),
    ("trigger", "\"test.c\"", "\"@\""),
    ("user", "as user", "as @"),
    ("wait", "\"test wait\"", "\"@\""),
    ("seconds", "\"test wait\" 5", "\"test wait\" @"),
    ("run", "\"test run\"", "\"@\""),
    ("lacks", "\"test text\"", "\"@\""),
    ("status", "lacks \"test text\"", "status @"),
    ("complains", "\"complaint\"", "\"@\""),
];

/// A construct that is not here is one whose texts nobody has tried.
fn every_construct_has_its_texts_here() {
    // The first has no text. The others take what their neighbors `unpatched` and `pre` take.
    const OTHERS: [&str; 4] = ["dmesg", "patched", "always", "post"];
    let templates: String = FIELDS.iter().flat_map(|(_, _, template)| [*template, " "]).collect();
    let all = format!("{SPEC} {templates}");
    let words: BTreeSet<&str> =
        all.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    for construct in Level::ALL.into_iter().flat_map(Level::constructs) {
        let keyword = construct.keyword;
        let is_callback = Callback::of(keyword).is_some();
        let here = words.contains(keyword) || is_callback || OTHERS.contains(&keyword);
        assert!(here, "`{keyword}` is neither in SPEC nor in FIELDS");
    }
}

/// The texts.
fn texts() -> Vec<(&'static str, String)> {
    let texts = [
        ("word", "pwned"),
        ("space", "pwned pwned"),
        ("quote", "pwned\""),
        ("apost", "pwned'"),
        ("back\\", "pwned\\"),
        ("$(..)", "$(touch pwned)"),
        ("`..`", "`touch pwned`"),
        ("; rm", "pwned; rm pwned"),
        ("# %s", "pwned #pwned %s {}"),
        ("brace", "pwned } }"),
        ("*/", "pwned */ pwned"),
        ("LF", "pwned\npwned"),
        ("CR LF", "pwned\r\npwned"),
        ("CR", "pwned\rpwned"),
        ("NUL", "pwned\0pwned"),
        ("ESC", "pwned\u{1b}[31m"),
        ("bidi", "pwned\u{202e}"),
        ("sep", "pwned\u{2028}pwned"),
        ("glyph", "pwn\u{435}d pwned"),
        ("kanji", "pwned\u{65e5}\u{672c}"),
    ];
    let mut texts: Vec<_> = texts.map(|(name, text)| (name, text.to_owned())).into();
    texts.push(("10000", MARK.repeat(2000)));
    texts
}

/// A world with the files that the spec names.
fn world() -> World {
    let world = World::default();
    world.write(
        "body.c",
        "int cmdline_proc_show(struct seq_file *m, void *v) { return original(m, v); }\n",
    );
    world.write("test.c", "int main(void) { return 0; }\n");
    world.write(
        "body.rs",
        "fn version_proc_show(m: *mut seq_file, v: *mut c_void) -> c_int {\n    0\n}\n",
    );
    world.write("aside.rs", "pub const A: u32 = 1;\n");
    world.write("code.c", "unsigned short reckon(short figure) { return figure; }\n");
    world
}

/// The spec with a text in a field.
fn with(found: &str, template: &str, text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"");
    let there = match template.strip_suffix('@') {
        Some(before) => format!("{before}{text}"),
        None => template.replace('@', &escaped),
    };
    SPEC.replacen(found, &there, 1)
}

/// The spec with nothing wrong.
fn harmless() -> String {
    with("let callback = 1;", "@", "")
}

fn no_text_gets_where_it_does_not_belong() {
    let texts = texts();
    let build = build_files(&emit(&world(), OsStr::new("spec.kps"), &harmless()));
    let row = |&(name, found, template): &(&str, &str, &str)| {
        let outcomes =
            texts.iter().map(|(_, text)| try_out(&with(found, template, text), text, &build));
        line(name, outcomes)
    };
    let mut table = line("", texts.iter().map(|(name, _)| (*name).to_owned()));
    // Every run of kpsc is a process of its own, so the rows need not wait for each other.
    std::thread::scope(|scope| {
        let rows: Vec<_> = FIELDS.iter().map(|field| scope.spawn(|| row(field))).collect();
        for row in rows {
            table.push_str(&row.join().unwrap_or_else(|error| std::panic::resume_unwind(error)));
        }
    });
    let pinned = repository().join("tests/fields.txt");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&pinned, &table).unwrap_or_else(|error| panic!("{error}"));
    }
    let wanted = std::fs::read_to_string(&pinned).unwrap_or_default();
    assert!(table == wanted, "the table differs; wanted:\n{wanted}\ngot:\n{table}");
}

/// A line of the table.
fn line(name: &str, cells: impl Iterator<Item = String>) -> String {
    let line: String = cells.map(|cell| format!("{cell:<6}")).collect();
    format!("{}\n", format!("{name:<17}{line}").trim_end())
}

/// Checks a spec, and generates what is accepted. `ok`, or the number of the first code.
fn try_out(spec: &str, text: &str, build: &BTreeMap<String, String>) -> String {
    let world = world();
    world.write("spec.kps", spec);
    let said = world.run_cleanly(&["check", "--kernel", FIXTURE, "spec.kps"]);
    let said = said.unwrap_or_else(|error| panic!("{text:?}: {error}"));
    let control = said.chars().find(|&c| c.is_control() && c != '\n');
    assert!(control.is_none() && said.len() < 20_000, "{text:?}: {said:?}");
    if said.ends_with("exit status 0\n") {
        let files = emit(&world, OsStr::new("spec.kps"), spec);
        inspect(&files, text, build);
        return "ok".to_owned();
    }
    assert!(said.ends_with("exit status 1\n"), "{text:?}: {said}");
    assert!(said.contains(" --> spec.kps:") && said.contains("= help: "), "{text:?}: {said}");
    let code = said.split("error[KPS").nth(1).and_then(|rest| rest.get(..4));
    code.unwrap_or_else(|| panic!("{text:?}: {said}")).to_owned()
}

/// The folder that a spec in a file of this name becomes, by path, and its crate below `crate/`, if
/// it can be one.
fn emit(world: &World, name: &OsStr, spec: &str) -> BTreeMap<String, String> {
    world.write(name, spec);
    let options = ["build", "--kernel", FIXTURE, "--emit", "source", "-o", "output", "--"];
    let mut arguments: Vec<&OsStr> = options.map(OsStr::new).into();
    arguments.push(name);
    let said = world.run(&arguments);
    assert!(said.ends_with("exit status 0\n"), "{said}");
    let mut files = BTreeMap::new();
    read(&world.work().join("output"), "", &mut files);
    let options = ["convert", "--kernel", FIXTURE, "--to", "crate", "-o", "crate", "--"];
    let said = world.run(&options.iter().map(OsStr::new).chain([name]).collect::<Vec<_>>());
    if said.ends_with("exit status 0\n") {
        read(&world.work().join("crate"), "crate/", &mut files);
        // The library is the same whatever a spec says.
        files.retain(|path, _| !path.contains("/kps/") || !path.starts_with("crate/"));
    } else {
        assert!(said.contains("error[KPS12") && said.ends_with("exit status 1\n"), "{said}");
    }
    files
}

fn read(folder: &Path, below: &str, files: &mut BTreeMap<String, String>) {
    for entry in std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{error}")).flatten() {
        let path = format!("{below}{}", entry.file_name().to_string_lossy());
        match entry.path().is_dir() {
            true => read(&entry.path(), &format!("{path}/"), files),
            false => {
                let text =
                    std::fs::read_to_string(entry.path()).unwrap_or_else(|error| panic!("{error}"));
                files.insert(path, text);
            }
        }
    }
}

/// What make and cargo read.
fn build_files(files: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let is_read =
        |path: &str| ["/Kbuild", "/Makefile", "/Cargo.toml"].iter().any(|end| path.ends_with(end));
    let read = files.iter().filter(|(path, _)| is_read(path));
    read.map(|(path, text)| (path.clone(), text.clone())).collect()
}

/// Proves that a text is in the generated folder only where it may be.
fn inspect(files: &BTreeMap<String, String>, text: &str, build: &BTreeMap<String, String>) {
    let is_name = text.chars().all(|c| c.is_ascii_alphanumeric());
    if !is_name {
        assert_eq!(&build_files(files), build, "{text:?} is in what make or cargo reads");
    }
    for (path, content) in files {
        let plain = |all: &str, more: &str| {
            all.chars().all(|c| c.is_ascii_alphanumeric() || more.contains(c))
        };
        // The one name with a hyphen is that of a header of the kernel's.
        let path = path.strip_suffix("/kps/image/asm/runtime-const.h").unwrap_or(path);
        assert!(plain(path, "_./"), "{text:?} is in the path {path}");
        if path.ends_with("kps.symvers") {
            assert!(plain(content, "_.$,\t\n"), "{text:?} is in {path}: {content}");
        }
        if path.ends_with(".lines") {
            assert!(plain(content, "_.#, -+:/\n"), "{text:?} is in {path}: {content}");
        }
        if path.starts_with("fix/fix_c") || path.contains("/pwned_c") {
            assert!(plain(content, "_.,\"/ \t\n*:;=#(){}\\'-"), "{text:?} is in {path}: {content}");
        }
        if path.ends_with(".rs") {
            syn::parse_file(content)
                .unwrap_or_else(|error| panic!("{text:?} breaks {path}: {error}"));
            let tokens =
                TokenStream::from_str(content).unwrap_or_else(|error| panic!("{path}: {error}"));
            assert!(is_name || !is_code(tokens.clone()), "{text:?} is code in {path}");
            module_information(tokens, &mut |text| {
                let printable = text.chars().all(|c| c == ' ' || c.is_ascii_graphic());
                assert!(printable, "{text:?} is in the module's information");
            });
        }
    }
}

/// Whether the mark is in a name, and not only in literals and comments.
fn is_code(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|tree| match tree {
        TokenTree::Group(group) => is_code(group.stream()),
        TokenTree::Ident(ident) => ident.to_string().contains(MARK),
        TokenTree::Punct(_) | TokenTree::Literal(_) => false,
    })
}

/// Visits every literal of `module!`, as it is written.
fn module_information(tokens: TokenStream, visit: &mut impl FnMut(&str)) {
    let mut in_module = false;
    for tree in tokens {
        match tree {
            TokenTree::Group(group) if in_module => literals(group.stream(), visit),
            TokenTree::Ident(ident) if ident == "module" => in_module = true,
            TokenTree::Punct(punct) if punct.as_char() == '!' => {}
            _ => in_module = false,
        }
    }
}

fn literals(tokens: TokenStream, visit: &mut impl FnMut(&str)) {
    for tree in tokens {
        match tree {
            TokenTree::Group(group) => literals(group.stream(), visit),
            TokenTree::Literal(literal) => visit(&literal.to_string()),
            TokenTree::Ident(_) | TokenTree::Punct(_) => {}
        }
    }
}

fn a_file_may_have_any_name_and_end_its_lines_as_it_likes() {
    let plain = emit(&world(), OsStr::new("spec.kps"), &harmless());
    let windows = format!("\u{feff}{}", harmless().replace('\n', "\r\n"));
    assert_eq!(emit(&world(), OsStr::new("spec.kps"), &windows), plain);
    let hostile = OsStr::new("a *\\ \"$(touch pwned)\"\n`pwned`;#\u{202e}.kps");
    let named = emit(&world(), hostile, &harmless());
    inspect(&named, "$(touch pwned)", &build_files(&plain));
    // Comments say where a body comes from, in plain characters.
    assert!(named["fix/fix_main.rs"].contains("a_______touch_pwned____pwned____.kps:31"));
}

fn what_a_spec_includes_is_not_read_before_rustc_compiles_it() {
    for body in [
        // By names that kpsc cannot know.
        "include_it!(\"/etc/passwd\");",
        "let a = kernel::read!(\"/etc/passwd\");",
    ] {
        let world = world();
        let files = emit(&world, OsStr::new("spec.kps"), &with("let callback = 1;", "@", body));
        let cache = world.cache().display().to_string();
        assert!(files["fix/fix_main.rs"].contains(body));
        for (path, text) in files {
            assert!(
                !text.contains("root:") && !text.contains(&cache),
                "{body} was read: see {path}"
            );
        }
    }
}
