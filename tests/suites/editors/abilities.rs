// SPDX-License-Identifier: GPL-2.0
//! What the server answers about one spec.

use super::client::{edited, list, position, uri, Client};
use kps_tests::mistakes::{is_repair, mistakes};
use kps_tests::schedule::Case;
use kps_tests::world::World;
use kps_tests::{cases, files, fixture_cache, repository};
use serde_json::{json, Value};

pub(super) fn cases() -> Vec<Case> {
    cases![
        an_editor_shows_what_check_says.about(8),
        a_mistake_is_where_it_is_in_both_encodings,
        a_message_has_its_reasons_its_repair_and_its_page,
        every_repair_that_is_offered_mends_the_mistake.about(3),
        what_can_stand_at_a_place_is_offered,
        what_is_known_of_a_name_is_shown,
        a_spec_is_laid_out_as_by_fmt,
        every_page_is_in_the_server,
    ]
}

/// A name of a spec that no file has.
const SPEC: &str = "file:///nowhere/spec.kps";

/// A spec around the text of an object.
fn spec(object: &str) -> String {
    format!("patch fix {{\n    license \"GPL\";\n    object vmlinux {{\n{object}\n    }}\n}}\n")
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

/// Every spec of `tests/ui` has the same codes in an editor as in the file that pins what `check`
/// says of it.
fn an_editor_shows_what_check_says() {
    let cache = fixture_cache();
    let mut client = Client::new(cache.path());
    for path in files(&repository().join("tests/ui")) {
        let is_spec = path.extension() == Some("kps".as_ref()) && !is_repair(&path);
        let pinned = std::fs::read_to_string(path.with_extension("stderr"));
        let (true, Ok(pinned)) = (is_spec, pinned) else { continue };
        let Ok(spec) = std::fs::read_to_string(&path) else { continue };
        // `check` stops after some messages.
        if pinned.contains("\nand ") {
            continue;
        }
        let world = World::default();
        world.copy(&path.with_extension(""));
        let name = uri(&world.work().join(path.file_name().unwrap_or_default()));
        client.open(&name, &spec);
        // Messages about files beside the spec are published for these.
        let mut published = list(&client.published(&name)["diagnostics"]);
        let start = json!({ "line": 0, "character": 0 });
        client.ask("textDocument/hover", &name, &start);
        for note in client.notes.drain(..) {
            published.extend(note["params"]["diagnostics"].as_array().cloned().unwrap_or_default());
        }
        let mut shown: Vec<String> = published.iter().map(code).collect();
        let codes = pinned.lines().filter_map(|line| {
            let (severity, rest) = line.split_once('[')?;
            ["error", "warning", "note"].contains(&severity).then_some(rest.split(']').next()?)
        });
        let mut said: Vec<String> = codes.map(str::to_owned).collect();
        shown.sort();
        said.sort();
        assert_eq!(shown, said, "{}: {published:#?}", path.display());
        client.notify("textDocument/didClose", json!({ "textDocument": { "uri": name } }));
        client.published(&name);
    }
}

fn code(diagnostic: &Value) -> String {
    text(&diagnostic["code"]).to_owned()
}

fn a_mistake_is_where_it_is_in_both_encodings() {
    let object = "/* é\u{1f980} */ fn cmdline_proc_shw { pre { } }";
    let spec = spec(object);
    let cache = fixture_cache();
    let utf8 = json!({ "general": { "positionEncodings": ["utf-16", "utf-8"] } });
    let start = object.find("cmdline").unwrap_or_default();
    for (capabilities, encoding, units) in
        [(json!({}), "utf-16", object[..start].encode_utf16().count()), (utf8, "utf-8", start)]
    {
        let (mut client, offered) = Client::with(cache.path(), capabilities);
        assert_eq!(offered["capabilities"]["positionEncoding"], encoding);
        let found = client.diagnostics(SPEC, &spec);
        let end = units + "cmdline_proc_shw".len();
        let wanted = json!({
            "start": { "line": 3, "character": units },
            "end": { "line": 3, "character": end },
        });
        assert_eq!(found[0]["range"], wanted, "{encoding}: {found:#?}");
    }
}

fn a_message_has_its_reasons_its_repair_and_its_page() {
    let cache = fixture_cache();
    let mut client = Client::new(cache.path());
    let twice = spec("fn cmdline_proc_show { pre { } }\nfn cmdline_proc_show { post { } }");
    let found = client.diagnostics(SPEC, &twice);
    let [error] = found.as_slice() else { panic!("{found:#?}") };
    assert_eq!((code(error).as_str(), &error["severity"]), ("KPS0206", &json!(1)));
    assert_eq!(error["source"], "kpsc");
    assert_eq!(error["codeDescription"]["href"], "kpsc:/errors/KPS0206.md");
    let related = list(&error["relatedInformation"]);
    assert!(
        related.iter().any(|place| place["location"]["range"]["start"]["line"] == 3),
        "{error:#}"
    );

    client.change(SPEC, 2, &spec("fn path_put { replace { original(path) } }"));
    let found = list(&client.published(SPEC)["diagnostics"]);
    let said = found.iter().find(|found| code(found) == "KPS0415");
    let said = said.unwrap_or_else(|| panic!("{found:#?}"));
    assert_eq!(said["severity"], 2);
    let lines: Vec<&str> = text(&said["message"]).lines().collect();
    assert!(lines.iter().any(|line| line.starts_with("note: ")), "{lines:#?}");
    assert!(lines.iter().any(|line| line.starts_with("help: ")), "{lines:#?}");
}

/// Of the catalogue of mistakes: after the first repair that an editor offers for a message, there
/// is no such message any more.
fn every_repair_that_is_offered_mends_the_mistake() {
    let cache = fixture_cache();
    let mut client = Client::new(cache.path());
    let mut offered = 0;
    for name in mistakes() {
        let path = repository().join("tests/ui").join(format!("{name}.kps"));
        let spec = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{error}"));
        let uri = uri(&path);
        for found in client.diagnostics(&uri, &spec) {
            let context = json!({ "diagnostics": [found] });
            let document = json!({ "uri": uri });
            let params =
                json!({ "textDocument": document, "range": found["range"], "context": context });
            let actions = list(&client.request("textDocument/codeAction", params));
            let suggested = text(&found["message"]).contains("help: did you mean ");
            assert_eq!(!actions.is_empty(), suggested, "{name}: {found:#}");
            let Some(action) = actions.first() else { continue };
            let mended = edited(&spec, &action["edit"]["changes"][&uri]);
            client.change(&uri, 2, &mended);
            let left = list(&client.published(&uri)["diagnostics"]);
            assert!(left.iter().all(|left| code(left) != code(&found)), "{mended}\n{left:#?}");
            // The completion at that place offers it, too.
            client.change(&uri, 3, &spec);
            let items = completion(&mut client, &uri, &found["range"]["end"]);
            let title = text(&action["title"]);
            let item =
                items.iter().find(|item| title.contains(&format!("`{}`", text(&item["label"]))));
            let edit = &item.unwrap_or_else(|| panic!("{title}: {items:#?}"))["textEdit"];
            assert_eq!(edited(&spec, &json!([edit])), mended, "{name}");
            client.published(&uri);
            offered += 1;
        }
        client.notify("textDocument/didClose", json!({ "textDocument": { "uri": uri } }));
        client.published(&uri);
    }
    assert!(offered >= 10, "only {offered} repairs were offered");
}

fn completion(client: &mut Client, uri: &str, position: &Value) -> Vec<Value> {
    list(&client.ask("textDocument/completion", uri, position)["items"])
}

/// A text without its `|`, and the position of that.
fn at_bar(text: &str) -> (String, Value) {
    let byte = text.find('|').unwrap_or_else(|| panic!("no place in {text}"));
    let text = text.replacen('|', "", 1);
    let place = position(&text, byte);
    (text, place)
}

fn what_can_stand_at_a_place_is_offered() {
    let cache = fixture_cache();
    let mut client = Client::new(cache.path());
    client.diagnostics(SPEC, "");
    let body = |code: &str| spec(&format!("fn cmdline_proc_show {{ post {{ {code} }} }}"));
    for (n, (text, wanted, unwanted)) in [
        ("pat|".to_owned(), "patch", "object"),
        ("patch p { |".to_owned(), "license", "pre"),
        ("patch p { object |".to_owned(), "vmlinux", "fn"),
        (spec("|"), "post_unpatch", "license"),
        (spec("use |"), "percpu", "fn_"),
        (spec("fn cmdline|"), "cmdline_proc_show", "seq_printf"),
        (spec("fn show_t|"), "show_type@2", "show_type"),
        (spec("fn sys_|"), "sys_openat2", "seq_printf"),
        (spec("fn asm_|"), "", "asm_entry"),
        (spec("use fn asm_|"), "asm_entry", "jiffies"),
        (spec("use static jif|"), "jiffies", "seq_printf"),
        (spec("fn cmdline_proc_show { |"), "arguments", "license"),
        (body("seq_p|"), "seq_printf", "show_type"),
        (body("|"), "m", "original"),
        (body("|"), "ret", "original"),
        (spec("fn cmdline_proc_show { replace { ori| } }"), "original", "ret"),
        (body("(*m).co|"), "count", "m"),
        (body("let seq = m; (*seq).|\n seq_puts(m, c\"\".as_ptr());"), "count", "m"),
        (body("seq_puts(m, (*m).|);"), "buf", "m"),
        (body("// (*m).|"), "", "count"),
        (body("seq_puts(m, c\"|\");"), "", "m"),
    ]
    .into_iter()
    .enumerate()
    {
        let (text, place) = at_bar(&text);
        client.change(SPEC, n as i64 + 2, &text);
        let items = completion(&mut client, SPEC, &place);
        let labels: Vec<&str> = items.iter().map(|item| self::text(&item["label"])).collect();
        assert!(wanted.is_empty() || labels.contains(&wanted), "{text}\n{labels:?}");
        assert!(!labels.contains(&unwanted), "{text}\n{labels:?}");
    }
}

fn what_is_known_of_a_name_is_shown() {
    let cache = fixture_cache();
    let mut client = Client::new(cache.path());
    client.diagnostics(SPEC, "");
    let body = |code: &str| spec(&format!("fn cmdline_proc_show {{ post {{ {code} }} }}"));
    for (n, (text, wanted)) in [
        (spec("fn cmdline_proc|_show { pre { } }"), "int cmdline_proc_show(struct seq_file *m"),
        (spec("fn show_|type@1 { pre { } }"), "show_type@2\n"),
        (body("seq_|printf(m, c\"\".as_ptr());"), "void seq_printf("),
        (body("let seq = m; let _ = (*seq).co|unt;"), "seq_file.count: usize"),
        (body("let _ = |m;"), "m: struct seq_file *"),
        (body("let _: *mut seq_|file = m;"), "struct seq_file, "),
        (spec("fn cmdline_proc_sh|w { pre { } }"), "# KPS0201: "),
    ]
    .into_iter()
    .enumerate()
    {
        let (text, place) = at_bar(&text);
        client.change(SPEC, n as i64 + 2, &text);
        let hover = client.ask("textDocument/hover", SPEC, &place);
        let shown = self::text(&hover["contents"]["value"]);
        assert!(shown.contains(wanted), "{text}\n{shown}");
    }
    let place = json!({ "line": 0, "character": 0 });
    assert_eq!(client.ask("textDocument/hover", SPEC, &place), Value::Null);
}

fn a_spec_is_laid_out_as_by_fmt() {
    let cache = fixture_cache();
    let mut client = Client::new(cache.path());
    let options = json!({ "tabSize": 8, "insertSpaces": false });
    let params = json!({ "textDocument": { "uri": SPEC }, "options": options });
    for text in [
        "patch  fix{license \"GPL\";\n\nobject vmlinux{fn cmdline_proc_show{pre{ f(\"\u{1f980}\") }}}}",
        "patch fix { license \"GPL\"; } // \u{1f980}\n",
    ] {
        client.open(SPEC, text);
        let edits = client.request("textDocument/formatting", params.clone());
        let source = kps_grammar::Source::new("spec.kps", text);
        let wanted = kps_grammar::format(&source).unwrap_or_else(|errors| panic!("{errors:?}"));
        assert_eq!(edited(text, &edits), wanted);
    }
    client.open(SPEC, "patch fix { license }");
    assert_eq!(client.request("textDocument/formatting", params), Value::Null);
}

fn every_page_is_in_the_server() {
    let cache = fixture_cache();
    let (mut client, offered) = Client::with(cache.path(), json!({}));
    let schemes = &offered["capabilities"]["workspace"]["textDocumentContent"]["schemes"];
    assert_eq!(*schemes, json!(["kpsc"]));
    for code in kps_diag::ALL {
        let params = json!({ "uri": format!("kpsc:/errors/{}.md", code.id()) });
        let page = client.request("workspace/textDocumentContent", params);
        assert_eq!(page["text"], code.page());
    }
    let params = json!({ "uri": "kpsc:/errors/../KPS0201.md" });
    assert_eq!(client.request("workspace/textDocumentContent", params), Value::Null);
}
