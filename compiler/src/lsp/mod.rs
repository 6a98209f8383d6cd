// SPDX-License-Identifier: GPL-2.0
//! `kpsc lsp`: specs in an editor, over the language server protocol.
//!
//! The stages are those of the command line: `server.rs` is a loop around the driver. Each ability
//! has a file that maps an open spec, and what is known of the kernel, to a value of the protocol.
//!
//! One thread does everything. A check takes some 30 ms, so a change waits until nothing else has
//! arrived, and is answered with the newest text.

mod completion;
mod diagnostics;
mod documents;
mod formatting;
mod hover;
mod kernel;
mod members;
mod names;
mod pages;
mod position;
mod repairs;
mod server;

use kernel::Kernel;
use lsp_server::{Connection, ProtocolError};
use lsp_types::{
    CodeActionKind, CodeActionOptions, CodeActionProviderCapability, CompletionOptions,
    HoverProviderCapability, InitializeParams, OneOf, SaveOptions, ServerCapabilities,
    TextDocumentSyncCapability, TextDocumentSyncKind, TextDocumentSyncOptions,
};
use position::Encoding;
use serde_json::{json, Value};
use server::Server;

/// Serves a client, for a target by its name or the default one. Returns whether the client has
/// ended the session; otherwise it is gone. Fails if it breaks the protocol.
pub fn serve(connection: Connection, target: Option<String>) -> Result<bool, ProtocolError> {
    let (id, params) = connection.initialize_start()?;
    // Of a client whose abilities cannot be read, none is used.
    let params: InitializeParams = serde_json::from_value(params).unwrap_or_default();
    let encoding = Encoding::chosen(&params.capabilities);
    let info = json!({ "name": "kpsc", "version": env!("CARGO_PKG_VERSION") });
    let answer = json!({ "capabilities": capabilities(encoding), "serverInfo": info });
    connection.initialize_finish(id, answer)?;
    Server::new(connection, encoding, Kernel::new(target)).run()
}

/// What the server offers.
fn capabilities(encoding: Encoding) -> Value {
    let sync = TextDocumentSyncOptions {
        open_close: Some(true),
        change: Some(TextDocumentSyncKind::FULL),
        save: Some(SaveOptions::default().into()),
        ..TextDocumentSyncOptions::default()
    };
    let actions = CodeActionOptions {
        code_action_kinds: Some(vec![CodeActionKind::QUICKFIX]),
        ..CodeActionOptions::default()
    };
    let completion = CompletionOptions {
        trigger_characters: Some(vec![".".to_owned()]),
        ..CompletionOptions::default()
    };
    let offered = ServerCapabilities {
        position_encoding: Some(encoding.kind()),
        text_document_sync: Some(TextDocumentSyncCapability::Options(sync)),
        hover_provider: Some(HoverProviderCapability::Simple(true)),
        completion_provider: Some(completion),
        code_action_provider: Some(CodeActionProviderCapability::Options(actions)),
        document_formatting_provider: Some(OneOf::Left(true)),
        ..ServerCapabilities::default()
    };
    let mut offered = json!(offered);
    // Version 3.18 of the protocol; `lsp-types` has 3.17.
    offered["workspace"] = json!({ "textDocumentContent": { "schemes": [pages::SCHEME] } });
    offered
}
