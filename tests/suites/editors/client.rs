// SPDX-License-Identifier: GPL-2.0
//! An editor as the server sees one: it writes messages and reads the answers.

use kps_tests::kpsc;
use serde_json::{json, Value};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, ExitStatus, Stdio};

/// A session with `kpsc lsp`.
pub(super) struct Client {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    requests: i64,
    /// The notifications that have come while an answer was awaited.
    pub(super) notes: Vec<Value>,
}

impl Client {
    /// A session with a cache, and what the server offers. `capabilities` are the client's.
    pub(super) fn with(cache: &Path, capabilities: Value) -> (Client, Value) {
        let mut command = kpsc();
        command.arg("lsp").env("KPSC_CACHE", cache);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{error}"));
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let (Some(input), Some(output)) = (input, output) else { panic!("no pipes") };
        let output = BufReader::new(output);
        let mut client = Client { child, input, output, requests: 0, notes: Vec::new() };
        let params = json!({ "processId": null, "rootUri": null, "capabilities": capabilities });
        let offered = client.request("initialize", params);
        client.notify("initialized", json!({}));
        (client, offered)
    }

    /// A session with a cache.
    pub(super) fn new(cache: &Path) -> Client {
        Client::with(cache, json!({})).0
    }

    fn send(&mut self, message: &Value) {
        let text = message.to_string();
        write!(self.input, "Content-Length: {}\r\n\r\n{text}", text.len())
            .and_then(|()| self.input.flush())
            .unwrap_or_else(|error| panic!("the server is gone: {error}"));
    }

    pub(super) fn notify(&mut self, method: &str, params: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    /// The next message of the server; `None` at its end.
    pub(super) fn read(&mut self) -> Option<Value> {
        let mut size = None;
        loop {
            let mut line = String::new();
            let read = self.output.read_line(&mut line).unwrap_or_else(|error| panic!("{error}"));
            match line.trim().split_once(": ") {
                Some(("Content-Length", value)) => size = value.parse().ok(),
                _ if read == 0 => return None,
                _ if line.trim().is_empty() => break,
                _ => {}
            }
        }
        let mut bytes = vec![0; size.unwrap_or_else(|| panic!("a message without its length"))];
        self.output.read_exact(&mut bytes).unwrap_or_else(|error| panic!("{error}"));
        Some(serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{error}")))
    }

    /// The whole answer to a request.
    pub(super) fn answer(&mut self, method: &str, params: Value) -> Value {
        self.requests += 1;
        let id = self.requests;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        loop {
            let message = self.read().unwrap_or_else(|| panic!("no answer to {method}"));
            match message["id"] == id {
                true => return message,
                false => self.notes.push(message),
            }
        }
    }

    /// The result of a request that succeeds.
    pub(super) fn request(&mut self, method: &str, params: Value) -> Value {
        let answer = self.answer(method, params);
        assert!(answer.get("error").is_none(), "{method}: {answer}");
        answer["result"].clone()
    }

    /// A request about a place of a spec.
    pub(super) fn ask(&mut self, method: &str, uri: &str, position: &Value) -> Value {
        let document = json!({ "uri": uri });
        self.request(method, json!({ "textDocument": document, "position": position }))
    }

    pub(super) fn open(&mut self, uri: &str, text: &str) {
        let document = json!({ "uri": uri, "languageId": "kps", "version": 1, "text": text });
        self.notify("textDocument/didOpen", json!({ "textDocument": document }));
    }

    pub(super) fn change(&mut self, uri: &str, version: i64, text: &str) {
        let document = json!({ "uri": uri, "version": version });
        let changes = json!([{ "text": text }]);
        let params = json!({ "textDocument": document, "contentChanges": changes });
        self.notify("textDocument/didChange", params);
    }

    /// What is published of a file next.
    pub(super) fn published(&mut self, uri: &str) -> Value {
        let is_meant = |note: &Value| {
            note["method"] == "textDocument/publishDiagnostics" && note["params"]["uri"] == uri
        };
        if let Some(n) = self.notes.iter().position(is_meant) {
            return self.notes.remove(n)["params"].take();
        }
        loop {
            let mut message = self.read().unwrap_or_else(|| panic!("nothing about {uri}"));
            match is_meant(&message) {
                true => return message["params"].take(),
                false => self.notes.push(message),
            }
        }
    }

    /// Opens a spec: its diagnostics.
    pub(super) fn diagnostics(&mut self, uri: &str, text: &str) -> Vec<Value> {
        self.open(uri, text);
        list(&self.published(uri)["diagnostics"])
    }

    /// Closes the pipe to the server and waits for its end.
    pub(super) fn leave(mut self) -> ExitStatus {
        drop(self.input);
        while self.output.fill_buf().is_ok_and(|rest| !rest.is_empty()) {
            let read = self.output.buffer().len();
            self.output.consume(read);
        }
        self.child.wait().unwrap_or_else(|error| panic!("{error}"))
    }
}

/// The name of a file that need not exist.
pub(super) fn uri(path: &Path) -> String {
    format!("file://{}", path.display())
}

/// The elements of a list.
pub(super) fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_else(|| panic!("no list: {value}"))
}

/// The position of a byte in UTF-16.
pub(super) fn position(text: &str, byte: usize) -> Value {
    let before = &text[..byte];
    let line = before.rsplit('\n').next().unwrap_or_default();
    let character = line.encode_utf16().count();
    json!({ "line": before.matches('\n').count(), "character": character })
}

/// The text of a range in UTF-16.
pub(super) fn byte(text: &str, position: &Value) -> usize {
    let number = |name: &str| position[name].as_u64().unwrap_or_else(|| panic!("{position}"));
    let before = text.split_inclusive('\n').take(number("line") as usize).map(str::len);
    let start: usize = before.sum();
    let is_there =
        |byte: &usize| text[start..*byte].encode_utf16().count() as u64 == number("character");
    let places = (start..=text.len()).filter(|byte| text.is_char_boundary(*byte));
    places.into_iter().find(is_there).unwrap_or_else(|| panic!("{position} is not in {text}"))
}

/// A text after some edits.
pub(super) fn edited(text: &str, edits: &Value) -> String {
    let mut text = text.to_owned();
    for edit in list(edits).iter().rev() {
        let range = &edit["range"];
        let (start, end) = (byte(&text, &range["start"]), byte(&text, &range["end"]));
        text.replace_range(start..end, edit["newText"].as_str().unwrap_or_default());
    }
    text
}
