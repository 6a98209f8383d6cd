// SPDX-License-Identifier: GPL-2.0
//! The loop: takes messages of the client, keeps the open specs, checks them, and answers.

use super::completion::completion;
use super::diagnostics::{diagnostics, message};
use super::documents::{Document, Found};
use super::formatting::edits;
use super::hover::hover;
use super::kernel::Kernel;
use super::pages::{content, TextDocumentContent};
use super::position::Encoding;
use super::{members, repairs};
use crate::input::Input;
use crate::inspect::Member;
use kps_diag::{Diagnostic, BUG};
use kps_grammar::{Cursor, Span};
use lsp_server::{
    Connection, ErrorCode, Message, Notification, ProtocolError, Request, Response, ResponseError,
};
use lsp_types::notification::{
    DidChangeTextDocument, DidChangeWatchedFiles, DidCloseTextDocument, DidOpenTextDocument,
    DidSaveTextDocument, Notification as Note, PublishDiagnostics, ShowMessage,
};
use lsp_types::request::{
    CodeActionRequest, Completion, Formatting, HoverRequest, Request as Ability,
};
use lsp_types::{
    CodeActionOrCommand, CompletionResponse, DidChangeTextDocumentParams,
    DidCloseTextDocumentParams, DidOpenTextDocumentParams, Hover, MessageType, Position,
    PublishDiagnosticsParams, ShowMessageParams, TextDocumentItem, TextDocumentPositionParams, Uri,
};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::path::Path;
use std::time::Duration;

/// How long nothing must arrive before a change is checked. A client sends the changes of one key,
/// or of a paste, together.
const QUIET: Duration = Duration::from_millis(5);

/// A session with a client.
pub(super) struct Server {
    connection: Connection,
    encoding: Encoding,
    kernel: Kernel,
    /// The open specs by their names.
    documents: BTreeMap<String, Document>,
    /// The spec that was checked last: the kernel's facts have its modules.
    last: String,
    /// What has arrived and is not handled yet.
    inbox: VecDeque<Message>,
    /// The files with diagnostics, by their names, each with the specs that have caused them.
    published: BTreeMap<String, BTreeMap<String, Vec<lsp_types::Diagnostic>>>,
    /// What the user has been told.
    told: BTreeSet<String>,
}

impl Server {
    pub(super) fn new(connection: Connection, encoding: Encoding, kernel: Kernel) -> Server {
        Server {
            connection,
            encoding,
            kernel,
            documents: BTreeMap::new(),
            last: String::new(),
            inbox: VecDeque::new(),
            published: BTreeMap::new(),
            told: BTreeSet::new(),
        }
    }

    /// Serves until the client ends the session. Returns whether it has; otherwise it is gone.
    pub(super) fn run(mut self) -> Result<bool, ProtocolError> {
        while let Some(message) = self.next() {
            match message {
                Message::Request(request) => {
                    if self.connection.handle_shutdown(&request)? {
                        return Ok(true);
                    }
                    let answer = self.answer(request);
                    self.send(answer.into());
                }
                Message::Notification(notification) => self.note(notification),
                // The server asks nothing.
                Message::Response(_) => {}
            }
        }
        Ok(false)
    }

    /// The next message; `None` if the client is gone. Meanwhile it checks what has changed.
    fn next(&mut self) -> Option<Message> {
        loop {
            if let Some(message) = self.inbox.pop_front() {
                return Some(message);
            }
            let unchecked = self.documents.iter().find(|(_, document)| document.found.is_none());
            let Some(unchecked) = unchecked.map(|(uri, _)| uri.clone()) else {
                return self.connection.receiver.recv().ok();
            };
            match self.connection.receiver.recv_timeout(QUIET) {
                Ok(message) => return Some(message),
                Err(error) if error.is_timeout() => self.check(&unchecked),
                Err(_) => return None,
            }
        }
    }

    /// A client that is gone ends the loop when the next message is read.
    fn send(&self, message: Message) {
        let _ = self.connection.sender.send(message);
    }

    fn notify<N: Note>(&self, params: N::Params) {
        self.send(Notification::new(N::METHOD.to_owned(), params).into());
    }

    /// Handles a notification. What cannot be read has no answer.
    fn note(&mut self, notification: Notification) {
        let Notification { method, params } = notification;
        match method.as_str() {
            DidOpenTextDocument::METHOD => {
                if let Some(DidOpenTextDocumentParams { text_document }) = read(params) {
                    let TextDocumentItem { uri, version, text, language_id } = text_document;
                    // A client may send all that it has open.
                    if language_id == "kps" || uri.as_str().ends_with(".kps") {
                        self.put(Document::new(uri, version, text));
                    }
                }
            }
            DidChangeTextDocument::METHOD => {
                if let Some(DidChangeTextDocumentParams { text_document, content_changes }) =
                    read(params)
                {
                    let is_open = self.documents.contains_key(text_document.uri.as_str());
                    let text = content_changes.into_iter().next_back().map(|change| change.text);
                    if let Some(text) = text.filter(|_| is_open) {
                        self.put(Document::new(text_document.uri, text_document.version, text));
                    }
                }
            }
            DidCloseTextDocument::METHOD => {
                if let Some(DidCloseTextDocumentParams { text_document }) = read(params) {
                    let name = text_document.uri.as_str();
                    if self.documents.remove(name).is_some() {
                        self.publish(name, None, Vec::new());
                    }
                }
            }
            // Files beside a spec, and the target itself, may be others now.
            DidSaveTextDocument::METHOD | DidChangeWatchedFiles::METHOD => {
                self.kernel.forget();
                self.documents.values_mut().for_each(|document| document.found = None);
            }
            _ => {}
        }
    }

    fn put(&mut self, document: Document) {
        self.documents.insert(document.uri.as_str().to_owned(), document);
    }

    /// Checks a spec, and publishes what was found unless there is a newer text already.
    fn check(&mut self, name: &str) {
        let Some(document) = self.documents.get(name) else { return };
        let (path, text) = (document.path.clone(), document.source.text.clone());
        let (found, obstacle) = self.found_in(&path, &text);
        self.inbox.extend(self.connection.receiver.try_iter());
        if self.inbox.iter().any(|message| is_change_of(message, name)) {
            return;
        }
        if let Some(obstacle) = obstacle {
            self.tell(&obstacle);
        }
        self.last = name.to_owned();
        let Some(document) = self.documents.get_mut(name) else { return };
        let version = document.version;
        let placed = diagnostics(document, &found, self.encoding);
        document.found = Some(found);
        self.publish(name, Some(version), placed);
    }

    /// What is found in a text, and why no more than its syntax was checked.
    fn found_in(&mut self, path: &Path, text: &str) -> (Found, Option<Diagnostic>) {
        let kernel = &mut self.kernel;
        let check = || match Input::of_text(path, text) {
            Ok(input) => kernel.check(input),
            Err(error) => (only(path, text, error), None),
        };
        // One text must not end the session.
        catch_unwind(AssertUnwindSafe(check)).unwrap_or_else(|_| {
            let bug = Diagnostic::new(BUG, "kpsc has a bug: see what it has printed")
                .help("report that with the spec");
            (only(path, text, bug), None)
        })
    }

    /// Tells the user something once.
    fn tell(&mut self, obstacle: &Diagnostic) {
        let text = message(obstacle);
        if self.told.insert(text.clone()) {
            let params = ShowMessageParams { typ: MessageType::WARNING, message: text };
            self.notify::<ShowMessage>(params);
        }
    }

    /// Publishes the diagnostics that a spec causes, in it and in the files beside it.
    fn publish(
        &mut self,
        spec: &str,
        version: Option<i32>,
        placed: Vec<(Uri, lsp_types::Diagnostic)>,
    ) {
        let mut files: BTreeSet<String> = BTreeSet::from([spec.to_owned()]);
        for (file, causes) in &mut self.published {
            if causes.remove(spec).is_some() {
                files.insert(file.clone());
            }
        }
        for (file, diagnostic) in placed {
            let file = file.as_str().to_owned();
            let causes = self.published.entry(file.clone()).or_default();
            causes.entry(spec.to_owned()).or_default().push(diagnostic);
            files.insert(file);
        }
        for file in files {
            let Ok(uri) = file.parse() else { continue };
            let causes = self.published.get(&file).into_iter().flat_map(BTreeMap::values);
            let diagnostics = causes.flatten().cloned().collect();
            let version = version.filter(|_| file == spec);
            self.notify::<PublishDiagnostics>(PublishDiagnosticsParams {
                uri,
                diagnostics,
                version,
            });
        }
        self.published.retain(|_, causes| !causes.is_empty());
    }

    /// The answer to a request.
    fn answer(&mut self, request: Request) -> Response {
        let Request { id, method, params } = request;
        let answer = || match method.as_str() {
            Completion::METHOD => reply::<Completion>(params, |params| {
                let TextDocumentPositionParams { text_document, position } =
                    params.text_document_position;
                self.complete(text_document.uri.as_str(), position)
            }),
            HoverRequest::METHOD => reply::<HoverRequest>(params, |params| {
                let TextDocumentPositionParams { text_document, position } =
                    params.text_document_position_params;
                self.hover(text_document.uri.as_str(), position)
            }),
            CodeActionRequest::METHOD => reply::<CodeActionRequest>(params, |params| {
                let encoding = self.encoding;
                let document = self.checked(params.text_document.uri.as_str())?;
                let byte = encoding.byte(&document.source, params.range.start);
                let actions = repairs::actions(document, byte, encoding);
                Some(actions.into_iter().map(CodeActionOrCommand::CodeAction).collect())
            }),
            Formatting::METHOD => reply::<Formatting>(params, |params| {
                let document = self.documents.get(params.text_document.uri.as_str())?;
                edits(document, self.encoding)
            }),
            TextDocumentContent::METHOD => {
                reply::<TextDocumentContent>(params, |params| content(&params))
            }
            method => Err(error(ErrorCode::MethodNotFound, format!("no method {method}"))),
        };
        let answer = catch_unwind(AssertUnwindSafe(answer));
        let bug = |_| Err(error(ErrorCode::InternalError, "kpsc has a bug".to_owned()));
        Response { id, response_result: answer.unwrap_or_else(bug) }
    }

    /// An open spec that has been checked, and whose modules are in the kernel's facts.
    fn checked(&mut self, name: &str) -> Option<&Document> {
        let document = self.documents.get(name)?;
        if document.found.is_none() || self.last != name {
            self.check(name);
        }
        self.documents.get(name)
    }

    fn complete(&mut self, name: &str, position: Position) -> Option<CompletionResponse> {
        let encoding = self.encoding;
        let document = self.checked(name)?;
        let byte = encoding.byte(&document.source, position);
        let members = self.members(name, byte).map(|(_, members)| members);
        let (document, facts) = (self.documents.get(name)?, self.kernel.facts());
        Some(completion(document, facts, members, byte, encoding).into())
    }

    fn hover(&mut self, name: &str, position: Position) -> Option<Hover> {
        let encoding = self.encoding;
        let document = self.checked(name)?;
        let byte = encoding.byte(&document.source, position);
        let members = self.members(name, byte);
        let (document, facts) = (self.documents.get(name)?, self.kernel.facts());
        hover(document, facts, members, byte, encoding)
    }

    /// The struct whose member stands at a byte of a spec, and its members. `None` if no member
    /// stands there; there are none if the type before it is not known.
    fn members(&mut self, name: &str, byte: usize) -> Option<(String, Vec<Member>)> {
        let document = self.documents.get(name)?;
        let text = &document.source.text;
        let cursor = Cursor::at(text, byte).filter(|cursor| members::is_member(text, cursor))?;
        let (path, text) = (document.path.clone(), members::question(text, cursor.word));
        let (found, _) = self.found_in(&path, &text);
        let record = members::record(&found).unwrap_or_default().to_owned();
        let facts = self.kernel.facts();
        let members = facts.map(|facts| crate::inspect::members(facts, &record));
        Some((record, members.unwrap_or_default()))
    }
}

/// A text of which nothing is known but one message.
fn only(path: &Path, text: &str, error: Diagnostic) -> Found {
    let source = kps_grammar::Source::new(path.display().to_string(), text);
    let start = Span::new(0, 0);
    Found { sources: kps_grammar::Sources::new(source), diagnostics: vec![error.at(start, "")] }
}

/// Whether a message replaces or closes the text of a spec.
fn is_change_of(message: &Message, name: &str) -> bool {
    let Message::Notification(notification) = message else { return false };
    let methods =
        [DidChangeTextDocument::METHOD, DidCloseTextDocument::METHOD, DidOpenTextDocument::METHOD];
    methods.contains(&notification.method.as_str())
        && notification.params["textDocument"]["uri"] == name
}

/// The parameters of a message, if they can be read.
fn read<T: DeserializeOwned>(params: Value) -> Option<T> {
    serde_json::from_value(params).ok()
}

/// Answers a request of one kind.
fn reply<A: Ability>(
    params: Value,
    answer: impl FnOnce(A::Params) -> A::Result,
) -> Result<Value, ResponseError> {
    let params = serde_json::from_value(params);
    let params = params.map_err(|wrong| error(ErrorCode::InvalidParams, wrong.to_string()))?;
    serde_json::to_value(answer(params))
        .map_err(|wrong| error(ErrorCode::InternalError, wrong.to_string()))
}

fn error(code: ErrorCode, message: String) -> ResponseError {
    ResponseError { code: code as i32, message, data: None }
}
