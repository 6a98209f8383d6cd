// SPDX-License-Identifier: GPL-2.0
//! PKCS#11 URIs (RFC 7512), as far as the sandbox needs to know them: which token, which key, and
//! what is about the host and not about the sandbox.

use kps_diag::{Diagnostic, CANNOT_SIGN};
use kps_host::input;
use std::path::Path;

/// How such a URI begins.
pub(super) const SCHEME: &str = "pkcs11:";

/// The attributes that identify a token.
const OF_TOKEN: &[&str] = &["token", "manufacturer", "model", "serial"];
/// Those of them that others hardly share. A URI has one: the sandbox gets one token, and not all.
const OF_ONE_TOKEN: &[&str] = &["token", "serial"];

/// A PKCS#11 URI.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Uri {
    /// What identifies the key, each as `name=value`, still encoded.
    path: Vec<String>,
    /// What says how to get at it, decoded.
    query: Vec<(String, String)>,
}

impl Uri {
    /// Reads a URI.
    pub(super) fn parse(text: &str) -> Result<Uri, Diagnostic> {
        let read = || {
            let rest = text.strip_prefix(SCHEME)?;
            let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
            let path: Vec<_> =
                attributes(path, ';')?.iter().map(|(k, v)| format!("{k}={v}")).collect();
            let query = attributes(query, '&')?.into_iter();
            let query = query.map(|(name, value)| Some((name.to_owned(), decoded(value)?)));
            let is_of_one =
                |text: &String| OF_ONE_TOKEN.contains(&text.split('=').next()?).then_some(());
            path.iter().find_map(is_of_one)?;
            Some(Uri { path, query: query.collect::<Option<_>>()? })
        };
        read().ok_or_else(|| {
            // Behind a question mark there may be a PIN.
            let shown = text.split('?').next().unwrap_or_default();
            let message = format!("`{shown}` is not a PKCS#11 URI of a key in one token");
            Diagnostic::new(CANNOT_SIGN, message).help(
                "write it as RFC 7512 does: `pkcs11:token=NAME;object=NAME`, with %20 for a space",
            )
        })
    }

    /// The URI of its token.
    pub(super) fn token(&self) -> String {
        let of_token =
            |text: &&String| OF_TOKEN.iter().any(|name| text.split('=').next() == Some(name));
        let attributes: Vec<_> = self.path.iter().filter(of_token).map(String::as_str).collect();
        format!("{SCHEME}{}", attributes.join(";"))
    }

    /// The URI of the key for the program in the sandbox, without what is about the host.
    pub(super) fn key(&self) -> String {
        format!("{SCHEME}{}", self.path.join(";"))
    }

    /// The library of the host that knows the token, if the URI names one.
    pub(super) fn module(&self) -> Option<&str> {
        self.value("module-path")
    }

    /// The PIN of the token, if the URI has it.
    pub(super) fn pin(&self) -> Result<Option<String>, Diagnostic> {
        if let Some(pin) = self.value("pin-value") {
            return Ok(Some(pin.to_owned()));
        }
        let Some(source) = self.value("pin-source") else { return Ok(None) };
        let path = source.strip_prefix("file:").unwrap_or(source);
        let text = input::read_text(Path::new(path), input::KEY)?;
        Ok(Some(text.lines().next().unwrap_or_default().to_owned()))
    }

    fn value(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// The attributes of a part of a URI. Only what RFC 7512 writes unencoded, and percent-encoding, is
/// in them.
fn attributes(part: &str, between: char) -> Option<Vec<(&str, &str)>> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~:[]@!$'()*+,=%/&;?|".contains(c);
    let all = part.split(between).filter(|text| !text.is_empty());
    all.map(|text| text.split_once('=').filter(|_| text.chars().all(is_plain))).collect()
}

/// A value without percent-encoding.
fn decoded(value: &str) -> Option<String> {
    let mut bytes = Vec::new();
    let mut rest = value.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = std::str::from_utf8(after.get(..2)?).ok()?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &after[2..];
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uri_is_taken_apart_for_the_host_and_for_the_sandbox() -> Result<(), Diagnostic> {
        let uri = Uri::parse(
            "pkcs11:token=My%20token;object=signing;type=private?module-path=/usr/lib/a%2fb.so&pin-value=12%3B34",
        )?;
        assert_eq!(uri.token(), "pkcs11:token=My%20token");
        assert_eq!(uri.key(), "pkcs11:token=My%20token;object=signing;type=private");
        assert_eq!(uri.module(), Some("/usr/lib/a/b.so"));
        assert_eq!(uri.pin()?.as_deref(), Some("12;34"));
        let uri = Uri::parse("pkcs11:serial=0a;object=signing")?;
        assert_eq!(
            (uri.token().as_str(), uri.module(), uri.pin()?),
            ("pkcs11:serial=0a", None, None)
        );
        Ok(())
    }

    #[test]
    fn what_is_no_uri_is_refused() {
        for text in [
            "",
            "pkcs11",
            "pkcs11:",
            "pkcs11:token",
            "pkcs11:token=a b",
            "pkcs11:token=a\n",
            "pkcs11:token=a?pin-value=%4",
            "pkcs11:token=a?pin-value=%zz",
            "pkcs11:token=a?pin-value",
            "pkcs11:token=a?pin-value=%ff",
            "pkcs11:object=a",
            "pkcs11:manufacturer=a;object=b",
        ] {
            assert!(Uri::parse(text).is_err_and(|error| error.code == CANNOT_SIGN), "{text}");
        }
    }
}
