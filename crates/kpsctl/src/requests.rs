// SPDX-License-Identifier: GPL-2.0
//! Modules and their parameters on the command line.

use std::ffi::OsString;
use std::path::PathBuf;

/// A module, and the parameters that follow it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request {
    /// A file, or the name of an installed livepatch.
    pub(crate) what: PathBuf,
    /// `NAME=VALUE`, as the kernel parses them.
    pub(crate) parameters: Vec<String>,
}

/// The modules of a command line, each with the parameters that follow it.
pub(crate) fn requests(items: &[OsString]) -> Vec<Request> {
    let mut requests: Vec<Request> = Vec::new();
    for item in items {
        match (parameter(item), requests.last_mut()) {
            (Some(parameter), Some(request)) => request.parameters.push(parameter),
            _ => requests.push(Request { what: item.into(), parameters: Vec::new() }),
        }
    }
    requests
}

/// `NAME=VALUE`. The kernel takes a space for the end of a value that has no quotes (`next_arg()`
/// in `lib/cmdline.c`).
fn parameter(item: &OsString) -> Option<String> {
    let (name, value) = item.to_str()?.split_once('=')?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
    if name.is_empty() || !name.chars().all(is_plain) {
        return None;
    }
    let needs_quotes = value.contains(char::is_whitespace) && !value.contains('"');
    Some(if needs_quotes { format!("{name}=\"{value}\"") } else { format!("{name}={value}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_belong_to_the_module_before_them() {
        let items = ["a.ko", "x=1", "label=two words", "b.ko", "dir/c=d.ko"].map(OsString::from);
        let request = |what: &str, parameters: &[&str]| Request {
            what: what.into(),
            parameters: parameters.iter().map(|text| (*text).to_owned()).collect(),
        };
        let wanted = [
            request("a.ko", &["x=1", "label=\"two words\""]),
            request("b.ko", &[]),
            request("dir/c=d.ko", &[]),
        ];
        assert_eq!(requests(&items), wanted);
        assert_eq!(requests(&[OsString::from("x=1")]), [request("x=1", &[])]);
    }
}
