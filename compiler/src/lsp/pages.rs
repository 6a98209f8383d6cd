// SPDX-License-Identifier: GPL-2.0
//! The pages of the codes. They are in this program, so an editor reads them from the server: their
//! names have a scheme of their own, whose texts the server provides.

use kps_diag::{Code, ALL};
use lsp_types::request::Request;
use lsp_types::Uri;
use serde::{Deserialize, Serialize};

/// The scheme of their names.
pub(super) const SCHEME: &str = "kpsc";

/// The name of a code's page.
pub(super) fn href(code: Code) -> Option<Uri> {
    format!("{SCHEME}:/errors/{}.md", code.id()).parse().ok()
}

/// The request for the text of a name, of version 3.18 of the protocol.
pub(super) enum TextDocumentContent {}

impl Request for TextDocumentContent {
    type Params = Params;
    type Result = Option<Content>;
    const METHOD: &'static str = "workspace/textDocumentContent";
}

/// What it asks for.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Params {
    /// The name.
    pub(super) uri: Uri,
}

/// The answer.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Content {
    /// The text.
    pub(super) text: String,
}

/// The page with a name.
pub(super) fn content(params: &Params) -> Option<Content> {
    let code = ALL.iter().find(|code| href(**code).is_some_and(|uri| uri == params.uri))?;
    Some(Content { text: code.page().to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_page_with_a_name() {
        for code in ALL {
            let uri = href(*code).unwrap_or_else(|| panic!("{} has no name", code.id()));
            let page = content(&Params { uri }).map(|content| content.text);
            assert_eq!(page.as_deref(), Some(code.page()));
        }
    }
}
