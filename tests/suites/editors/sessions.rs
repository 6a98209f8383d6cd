// SPDX-License-Identifier: GPL-2.0
//! What holds over a session: which text counts, several specs, targets that are not there, and the
//! end.

use super::client::{list, position, uri, Client};
use kps_tests::mistakes::is_repair;
use kps_tests::schedule::Case;
use kps_tests::world::World;
use kps_tests::{cases, files, fixture_cache, repository};
use serde_json::{json, Value};

pub(super) fn cases() -> Vec<Case> {
    cases![
        the_newest_text_is_answered,
        the_text_in_the_editor_counts_and_not_that_of_its_file,
        a_file_beside_a_spec_is_read_from_the_disk,
        one_spec_does_not_change_what_is_said_of_another,
        a_spec_is_held_against_its_project,
        without_a_target_the_syntax_is_checked,
        nothing_is_fetched,
        a_session_leaves_nothing_behind,
        what_cannot_be_answered_does_not_end_a_session,
        a_spec_may_be_cut_anywhere.about(15),
        a_session_ends_with_its_client,
    ]
}

const GOOD: &str = "patch fix {\n    license \"GPL\";\n    object vmlinux {\n        \
                    fn cmdline_proc_show { pre { } }\n    }\n}\n";

fn bad() -> String {
    GOOD.replace("cmdline_proc_show", "cmdline_proc_shw")
}

fn codes(published: &Value) -> Vec<String> {
    let found = list(&published["diagnostics"]).into_iter();
    found.map(|found| found["code"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Fifty changes at once: what is published has their numbers in order, and the last one is there.
fn the_newest_text_is_answered() {
    const LAST: i64 = 50;
    let cache = fixture_cache();
    let mut client = Client::new(cache.path());
    let name = "file:///nowhere/spec.kps";
    client.diagnostics(name, GOOD);
    for version in 2..=LAST {
        let text = if version % 2 == 0 { bad() } else { GOOD.to_owned() };
        client.change(name, version, &text);
    }
    let mut before = 1;
    while before < LAST {
        let published = client.published(name);
        let version = published["version"].as_i64().unwrap_or_default();
        assert!(version > before, "{version} is published after {before}");
        let wanted: &[&str] = if version % 2 == 0 { &["KPS0201"] } else { &[] };
        assert_eq!(codes(&published), wanted, "version {version}");
        before = version;
    }
}

fn the_text_in_the_editor_counts_and_not_that_of_its_file() {
    let world = World::default();
    world.write("spec.kps", bad());
    let name = uri(&world.work().join("spec.kps"));
    let mut client = Client::new(world.cache());
    assert!(client.diagnostics(&name, GOOD).is_empty());
    client.change(&name, 2, &bad());
    assert_eq!(codes(&client.published(&name)), ["KPS0201"]);
}

fn a_file_beside_a_spec_is_read_from_the_disk() {
    let world = World::default();
    let wrong = "{ unknown_to_all(m) }\n";
    world.write(
        "bodies/show.rs",
        format!(
            "pub unsafe fn cmdline_proc_show(m: *mut seq_file, v: *mut c_void) -> c_int {wrong}"
        ),
    );
    let text = GOOD.replace("pre { }", "replace from \"bodies/show.rs\";");
    let name = uri(&world.work().join("spec.kps"));
    let beside = uri(&world.work().join("bodies/show.rs"));
    let mut client = Client::new(world.cache());
    assert!(client.diagnostics(&name, &text).is_empty());
    let found = client.published(&beside);
    assert_eq!(codes(&found), ["KPS0218"], "{found:#}");
    let line = world.work().join("bodies/show.rs");
    let line = std::fs::read_to_string(line).unwrap_or_else(|error| panic!("{error}"));
    let place = position(&line, line.find("unknown").unwrap_or_default());
    assert_eq!(found["diagnostics"][0]["range"]["start"], place);

    world.write(
        "bodies/show.rs",
        "pub unsafe fn cmdline_proc_show(m: *mut seq_file, v: *mut c_void) -> c_int { 0 }\n",
    );
    client.notify("textDocument/didSave", json!({ "textDocument": { "uri": name } }));
    assert!(codes(&client.published(&beside)).is_empty());
}

fn one_spec_does_not_change_what_is_said_of_another() {
    let cache = fixture_cache();
    let mut client = Client::new(cache.path());
    let [one, other, third] = ["one", "other", "third"].map(|n| format!("file:///nowhere/{n}.kps"));
    assert_eq!(client.diagnostics(&one, &bad()).len(), 1);
    // A module that one of them names is not known to the others.
    let of_module =
        GOOD.replace("vmlinux", "dummy").replace("cmdline_proc_show", "dummy_get_stats");
    assert_eq!(client.diagnostics(&other, &of_module), [] as [Value; 0]);
    let place = position(GOOD, GOOD.find("cmdline_").unwrap_or_default() + 3);
    client.open(&third, &GOOD.replace("cmdline_proc_show", "dum"));
    let items = client.ask("textDocument/completion", &third, &place);
    assert!(!items.to_string().contains("dummy_get_stats"), "{items:#}");
    client.published(&third);
    client.change(&one, 2, GOOD);
    assert!(codes(&client.published(&one)).is_empty());
    client.notify("textDocument/didClose", json!({ "textDocument": { "uri": other } }));
    let closed = client.published(&other);
    assert_eq!((list(&closed["diagnostics"]).len(), &closed["version"]), (0, &Value::Null));
    assert_eq!(client.ask("textDocument/completion", &other, &place), Value::Null);
}

/// What the user was told.
fn told(client: &Client) -> Vec<String> {
    let notes = client.notes.iter().filter(|note| note["method"] == "window/showMessage");
    notes.map(|note| note["params"]["message"].as_str().unwrap_or_default().to_owned()).collect()
}

/// `kpsc.toml` decides for which target, and to which family a spec belongs.
fn a_spec_is_held_against_its_project() {
    let world = World::default();
    world.write("kpsc.toml", "family = \"acme\"\n");
    let text = GOOD.replace("object", "shadow seen: u32 on seq_file = 0, untied; object");
    let name = uri(&world.work().join("spec.kps"));
    let mut client = Client::new(world.cache());
    let shown = |client: &mut Client, version, text: &str| {
        client.change(&name, version, text);
        codes(&client.published(&name))
    };
    client.diagnostics(&name, GOOD);
    assert_eq!(shown(&mut client, 2, &text), ["KPS0119"]);
    let mended = text.replace("license", "family acme; license");
    assert!(shown(&mut client, 3, &mended).is_empty());
    // Without the target that the project names, there is only the syntax.
    world.write("kpsc.toml", "kernels = [\"none\"]\n");
    assert!(shown(&mut client, 4, &bad()).is_empty());
    assert_eq!(shown(&mut client, 5, &bad().replace("license", "licence")), ["KPS0107"]);
}

fn without_a_target_the_syntax_is_checked() {
    let cache = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
    let mut client = Client::new(cache.path());
    let name = "file:///nowhere/spec.kps";
    assert!(client.diagnostics(name, &bad()).is_empty());
    client.change(name, 2, "patch fix { licence \"GPL\"; }");
    assert_eq!(codes(&client.published(name)), ["KPS0107"]);
    let items = client.ask("textDocument/completion", name, &json!({ "line": 0, "character": 15 }));
    assert!(items.to_string().contains("\"license\""), "{items:#}");
    let said = told(&client);
    let [said] = said.as_slice() else { panic!("{said:#?}") };
    assert!(said.contains("no target") && said.contains("kpsc kernel add"), "{said}");
}

/// The modules of a stock kernel come when a command needs them. An editor does not fetch them.
fn nothing_is_fetched() {
    let world = World::default();
    let modules = world.target().join("modules");
    std::fs::remove_dir_all(modules).unwrap_or_else(|error| panic!("{error}"));
    let before = world.snapshot();
    let mut client = Client::new(world.cache());
    let name = "file:///nowhere/spec.kps";
    let text = GOOD.replace("vmlinux", "dummy").replace("license", "licence");
    client.open(name, &text);
    assert_eq!(codes(&client.published(name)), ["KPS0107"]);
    let said = told(&client);
    assert!(said.iter().any(|said| said.contains("run `kpsc check`")), "{said:#?}");
    assert!(world.snapshot() == before, "something was fetched");
}

fn a_session_leaves_nothing_behind() {
    let world = World::default();
    world.write("spec.kps", GOOD);
    let before = world.snapshot();
    let name = uri(&world.work().join("spec.kps"));
    let mut client = Client::new(world.cache());
    client.diagnostics(&name, &bad());
    client.ask("textDocument/hover", &name, &position(GOOD, GOOD.find("cmd").unwrap_or_default()));
    client.request("shutdown", Value::Null);
    client.notify("exit", Value::Null);
    assert_eq!(client.leave().code(), Some(0));
    assert!(world.snapshot() == before, "a session has changed something");
}

fn what_cannot_be_answered_does_not_end_a_session() {
    let cache = fixture_cache();
    let mut client = Client::new(cache.path());
    let name = "file:///nowhere/spec.kps";
    let nowhere = json!({ "line": 4_000_000_000_u32, "character": 4_000_000_000_u32 });
    for method in ["textDocument/hover", "textDocument/completion"] {
        assert_eq!(client.ask(method, name, &nowhere), Value::Null, "{method}");
    }
    client.change(name, 7, GOOD);
    client.notify("textDocument/didOpen", json!({ "textDocument": 1 }));
    client.notify("textDocument/didClose", json!({ "textDocument": { "uri": name } }));
    client.notify("$/unknown", Value::Null);
    for (method, params) in [
        ("textDocument/hover", json!({})),
        (
            "textDocument/hover",
            json!({ "textDocument": { "uri": "not a name" }, "position": nowhere }),
        ),
        ("textDocument/unknown", json!({})),
    ] {
        let answer = client.answer(method, params);
        assert!(answer["error"]["code"].as_i64().is_some(), "{method}: {answer}");
    }
    for name in [name, "untitled:Untitled-1", "file:", "kps:%FF/%00.kps"] {
        assert_eq!(client.diagnostics(name, &bad()).len(), 1, "{name}");
        for method in ["textDocument/hover", "textDocument/completion"] {
            client.ask(method, name, &nowhere);
        }
    }
}

/// The specs of `tests/ui`, cut in their middle as if they were being typed: every request has an
/// answer.
fn a_spec_may_be_cut_anywhere() {
    let cache = fixture_cache();
    let mut client = Client::new(cache.path());
    let name = "file:///nowhere/spec.kps";
    client.diagnostics(name, "");
    let specs = files(&repository().join("tests/ui")).into_iter();
    let specs = specs.filter(|path| path.extension() == Some("kps".as_ref()) && !is_repair(path));
    for (n, path) in specs.enumerate() {
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let middle = (0..=text.len() * 2 / 3).rev().find(|byte| text.is_char_boundary(*byte));
        let middle = middle.unwrap_or_default();
        client.change(name, n as i64 + 2, &text[..middle]);
        let place = position(&text, middle);
        for method in ["textDocument/completion", "textDocument/hover"] {
            client.ask(method, name, &place);
        }
        let bugs: Vec<Value> = client.notes.drain(..).collect();
        let bugs = bugs.iter().filter(|note| note.to_string().contains("kpsc has a bug"));
        assert_eq!(bugs.count(), 0, "{}", path.display());
    }
}

fn a_session_ends_with_its_client() {
    let cache = fixture_cache();
    let mut client = Client::new(cache.path());
    client.open("file:///nowhere/spec.kps", &bad());
    assert_eq!(client.leave().code(), Some(1));
}
