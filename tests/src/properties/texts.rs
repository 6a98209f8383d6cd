// SPDX-License-Identifier: GPL-2.0
//! The texts that come from elsewhere: configurations, lists of exports, and what compilers say.

use super::style;
use kps_grammar::{Source, Sources, Span};
use kps_report::{render, Format};
use kps_targets::gather::{parse_config, parse_symvers};
use kpsc::build::Messages;
use kpsc::emit::{Line, LineTable};

/// What the messages are about: the second line of the generated file is the body.
const SPEC: &str = "patch f { object vmlinux { fn g { pre {\n    let é = 1; h(é) } } } }\n";

/// Reads a text as each of them.
pub fn texts(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for (option, value) in parse_config(&text) {
        assert!(option.starts_with("CONFIG_") && !option.contains('='), "{option:?}");
        assert!(!value.contains('\n'), "{value:?}");
    }
    for (name, export) in parse_symvers(&text).iter() {
        assert!(!name.contains(['\t', '\n']), "{name:?}");
        assert!(export.namespace.is_none_or(|name| !name.is_empty() && name == name.trim()));
    }
    let sources = Sources::new(Source::new("f.kps", SPEC));
    let body = SPEC.find("let").unwrap_or_default();
    let line = Line { generated: 2, text: Span::new(body, body + 10), column: 5 };
    let next = Line { generated: 3, text: Span::new(body + 12, body + 17), column: 8 };
    let table = LineTable { file: Some("f_main.rs".into()), lines: vec![line, next] };
    let mut messages = Messages::new(&table, &sources);
    for line in text.lines() {
        messages.read(line);
    }
    for diagnostic in messages.finish() {
        for label in &diagnostic.labels {
            sources.slice(label.span);
        }
        for format in [Format::Human, Format::Short, Format::Json] {
            render(&diagnostic, Some(&sources), style(format));
        }
    }
}
