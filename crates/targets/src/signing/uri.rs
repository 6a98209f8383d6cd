// SPDX-License-Identifier: GPL-2.0
//! PKCS#11 URIs (RFC 7512), as far as signing needs to know them: which token, which key, and what
//! the program that signs must not see in its command line.

use kps_diag::{Diagnostic, CANNOT_SIGN};
use kps_host::input;
use std::path::Path;

/// How such a URI begins.
pub(super) const SCHEME: &str = "pkcs11:";

/// The attributes that identify a token.
const OF_TOKEN: &[&str] = &["token", "manufacturer", "model", "serial"];
/// Those of them that others hardly share. A URI has one: the sandbox gets one token, and not all.
const OF_ONE_TOKEN: &[&str] = &["token", "serial"];

/// The attributes that are no part of a key's name. They belong behind the question mark.
const OF_QUERY: &[&str] = &["pin-value", "pin-source", "module-path", "module-name"];

/// A PKCS#11 URI. It may have a PIN, so it is not printed for debugging.
#[derive(PartialEq, Eq)]
pub(super) struct Uri {
    /// What identifies the key, each as `name=value`, still encoded.
    path: Vec<String>,
    /// What says how to get at it, decoded.
    query: Vec<(String, String)>,
}

impl Uri {
    /// Reads a URI.
    pub(super) fn parse(text: &str) -> Result<Uri, Diagnostic> {
        let (shown, _) = text.split_once('?').unwrap_or((text, ""));
        let names = shown.split([':', ';', '&']).filter_map(|part| part.split('=').next());
        if let Some(name) = names.into_iter().find(|name| OF_QUERY.contains(name)) {
            // The URI is not shown: it has a PIN there.
            let message = format!("`{name}` is in the path of the PKCS#11 URI");
            return Err(Diagnostic::new(CANNOT_SIGN, message).help(format!(
                "write it behind a `?`: `pkcs11:token=NAME;object=NAME?{name}=..`"
            )));
        }
        taken_apart(text).ok_or_else(|| {
            // Behind the question mark there may be a PIN.
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

    /// The URI of the key for the program, without what is not part of its name.
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

fn taken_apart(text: &str) -> Option<Uri> {
    let rest = text.strip_prefix(SCHEME)?;
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let path = attributes(path, ';')?;
    path.iter().find(|(name, _)| OF_ONE_TOKEN.contains(name))?;
    // An id is bytes, and everything else is text.
    path.iter().try_for_each(|(name, value)| match *name {
        "id" => bytes(value).map(drop),
        _ => decoded(value).map(drop),
    })?;
    let query = attributes(query, '&')?.into_iter();
    let query = query.map(|(name, value)| Some((name.to_owned(), decoded(value)?)));
    Some(Uri {
        path: path.iter().map(|(name, value)| format!("{name}={value}")).collect(),
        query: query.collect::<Option<_>>()?,
    })
}

/// The attributes of a part of a URI. Only what RFC 7512 writes unencoded, and percent-encoding, is
/// in them.
fn attributes(part: &str, between: char) -> Option<Vec<(&str, &str)>> {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-._~:[]@!$'()*+,=%/&;?|".contains(c);
    let all = part.split(between).filter(|text| !text.is_empty());
    all.map(|text| text.split_once('=').filter(|_| text.chars().all(is_plain))).collect()
}

/// A text without percent-encoding. A NUL would end it for programs in C.
fn decoded(value: &str) -> Option<String> {
    String::from_utf8(bytes(value)?).ok().filter(|text| !text.contains('\0'))
}

/// A value without percent-encoding.
fn bytes(value: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let mut bytes = Vec::new();
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => u8::try_from(digit(rest.next()?)? << 4 | digit(rest.next()?)?).ok()?,
            _ => byte,
        });
    }
    Some(bytes)
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
        assert_eq!(Uri::parse("pkcs11:token=a;id=%00%fF")?.key(), "pkcs11:token=a;id=%00%fF");
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
            "pkcs11:token=a?pin-value=%+f",
            "pkcs11:token=a?pin-value=1%002",
            "pkcs11:token=%+f",
            "pkcs11:token=a%00b",
            "pkcs11:token=a;id=%0",
            "pkcs11:object=a",
            "pkcs11:manufacturer=a;object=b",
        ] {
            let error = Uri::parse(text).err().map(|error| error.message).unwrap_or_default();
            assert!(
                error.ends_with("is not a PKCS#11 URI of a key in one token"),
                "{text}: {error}"
            );
            assert!(!error.contains("pin-value"), "{error}");
        }
    }

    #[test]
    fn a_pin_in_the_path_is_not_passed_on() {
        for text in ["pkcs11:token=a;pin-value=1234", "pkcs11:pin-value=1234;token=a?pin-source=b"]
        {
            let error = Uri::parse(text).err().map(|error| error.message);
            let wanted = "`pin-value` is in the path of the PKCS#11 URI";
            assert_eq!(error.as_deref(), Some(wanted), "{text}");
        }
    }
}
