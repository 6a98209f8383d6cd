// SPDX-License-Identifier: GPL-2.0
//! The parts of certificates and signatures (RFC 5280, RFC 5652) that tell which key made them, in
//! DER. Nothing is verified: the kernel does that.

use der::asn1::{AnyRef, ObjectIdentifier};
use der::{Decode as _, Encode as _, Reader as _, SliceReader, Tag, TagNumber, Tagged as _};
use std::fmt::Write as _;

/// `SignedData` as the content of a message.
const SIGNED_DATA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.7.2");
/// The extension of a certificate with the id of its key.
const KEY_ID: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.14");

/// The attributes that names consist of, as RFC 4514 and others abbreviate them.
const ATTRIBUTES: [(&str, &str); 13] = [
    ("2.5.4.3", "CN"),
    ("2.5.4.4", "SN"),
    ("2.5.4.5", "SERIALNUMBER"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "STREET"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.12", "TITLE"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("1.2.840.113549.1.9.1", "EMAILADDRESS"),
];

/// Who signed a message.
pub(crate) struct Signer<'a> {
    /// The issuer of the certificate, as RFC 4514 writes names; `None` if `key` is the id of the
    /// key.
    pub(crate) issuer: Option<String>,
    /// The serial number of the certificate, or the id of the key.
    pub(crate) key: &'a [u8],
    /// The hash.
    pub(crate) hash: ObjectIdentifier,
}

/// The first signer of a PKCS#7 message.
pub(crate) fn signer(message: &[u8]) -> Option<Signer<'_>> {
    let content = parts(AnyRef::from_der(message).ok()?, Tag::Sequence)?;
    let [kind, content] = content[..] else { return None };
    if kind.decode_as::<ObjectIdentifier>().ok()? != SIGNED_DATA {
        return None;
    }
    let signed = parts(inner(content, TagNumber::N0)?, Tag::Sequence)?;
    let signers = parts(*signed.last()?, Tag::Set)?;
    let [_version, id, hash, ..] = parts(*signers.first()?, Tag::Sequence)?[..] else {
        return None;
    };
    let hash = parts(hash, Tag::Sequence)?.first()?.decode_as().ok()?;
    if id.tag() == (Tag::ContextSpecific { constructed: false, number: TagNumber::N0 }) {
        return Some(Signer { issuer: None, key: id.value(), hash });
    }
    let [issuer, serial] = parts(id, Tag::Sequence)?[..] else { return None };
    Some(Signer { issuer: Some(name(issuer)?), key: integer(serial)?, hash })
}

/// What names the key of a certificate.
pub(crate) struct Holder<'a> {
    /// Who issued the certificate, as RFC 4514 writes names.
    pub(crate) issuer: String,
    /// Its serial number.
    pub(crate) serial: &'a [u8],
    /// The id of its key, if it has one.
    pub(crate) key: Option<&'a [u8]>,
}

/// What a certificate says.
pub(crate) fn certificate(bytes: &[u8]) -> Option<Holder<'_>> {
    let [content, _algorithm, _signature] =
        parts(AnyRef::from_der(bytes).ok()?, Tag::Sequence)?[..]
    else {
        return None;
    };
    let mut fields = parts(content, Tag::Sequence)?;
    // Certificates of version 1 do not have their version.
    if inner(*fields.first()?, TagNumber::N0).is_some() {
        fields.remove(0);
    }
    let [serial, _algorithm, issuer, _validity, _subject, _key, ref more @ ..] = fields[..] else {
        return None;
    };
    let extensions = more.iter().find_map(|field| inner(*field, TagNumber::N3));
    let key = extensions.and_then(|list| key_id(&parts(list, Tag::Sequence)?));
    Some(Holder { issuer: name(issuer)?, serial: integer(serial)?, key })
}

fn key_id<'a>(extensions: &[AnyRef<'a>]) -> Option<&'a [u8]> {
    extensions.iter().find_map(|extension| {
        let extension = parts(*extension, Tag::Sequence)?;
        // Between them it may say whether it is critical.
        let (id, value) = (extension.first()?, extension.last()?);
        if id.decode_as::<ObjectIdentifier>().ok()? != KEY_ID {
            return None;
        }
        let value = AnyRef::from_der(octets(*value)?).ok()?;
        octets(value)
    })
}

/// The values in a constructed value.
fn parts(value: AnyRef<'_>, tag: Tag) -> Option<Vec<AnyRef<'_>>> {
    if value.tag() != tag {
        return None;
    }
    let mut reader = SliceReader::new(value.value()).ok()?;
    let mut parts = Vec::new();
    while !reader.is_finished() {
        parts.push(reader.decode().ok()?);
    }
    Some(parts)
}

/// The value in an explicit tag.
fn inner(value: AnyRef<'_>, number: TagNumber) -> Option<AnyRef<'_>> {
    match parts(value, Tag::ContextSpecific { constructed: true, number })?[..] {
        [inner] => Some(inner),
        _ => None,
    }
}

fn integer(value: AnyRef<'_>) -> Option<&[u8]> {
    (value.tag() == Tag::Integer).then(|| value.value())
}

fn octets(value: AnyRef<'_>) -> Option<&[u8]> {
    (value.tag() == Tag::OctetString).then(|| value.value())
}

/// A name as RFC 4514 writes it: the last part first.
fn name(value: AnyRef<'_>) -> Option<String> {
    let mut sets = Vec::new();
    for set in parts(value, Tag::Sequence)?.into_iter().rev() {
        let attributes = parts(set, Tag::Set)?.into_iter().map(attribute);
        sets.push(attributes.collect::<Option<Vec<_>>>()?.join("+"));
    }
    Some(sets.join(","))
}

fn attribute(value: AnyRef<'_>) -> Option<String> {
    let [id, value] = parts(value, Tag::Sequence)?[..] else { return None };
    let id = id.decode_as::<ObjectIdentifier>().ok()?.to_string();
    let key = ATTRIBUTES.iter().find(|(known, _)| *known == id).map(|(_, key)| *key);
    let is_text = matches!(
        value.tag(),
        Tag::PrintableString | Tag::Utf8String | Tag::Ia5String | Tag::TeletexString
    );
    let text = std::str::from_utf8(value.value()).ok().filter(|_| is_text);
    Some(match (key, text) {
        (Some(key), Some(text)) => format!("{key}={}", escaped(text)),
        _ => format!("{id}=#{}", hexadecimal(&value.to_der().ok()?)),
    })
}

/// Escapes what separates parts of a name (RFC 4514, section 2.4).
fn escaped(text: &str) -> String {
    let mut escaped = String::new();
    let last = text.chars().count().saturating_sub(1);
    for (n, c) in text.chars().enumerate() {
        // Writing to a string cannot fail.
        let _ = match c {
            '#' if n == 0 => write!(escaped, "\\#"),
            ' ' if n == 0 || n == last => write!(escaped, "\\ "),
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' => write!(escaped, "\\{c}"),
            '\x00'..='\x1f' | '\x7f' => write!(escaped, "\\{:02x}", u32::from(c)),
            c => escaped.write_char(c),
        };
    }
    escaped
}

/// Bytes as text.
pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_separates_the_parts_of_a_name_is_escaped() {
        assert_eq!(escaped("A key, for \"x\""), "A key\\, for \\\"x\\\"");
        assert_eq!(escaped("# a\n "), "\\# a\\0a\\ ");
    }

    #[test]
    fn what_is_no_certificate_tells_nothing() {
        for bytes in [&b""[..], b"\x30", b"\x30\x00", b"\x30\x03\x30\x01\x00", &[0xff; 40]] {
            assert!(certificate(bytes).is_none() && signer(bytes).is_none(), "{bytes:?}");
        }
    }
}
