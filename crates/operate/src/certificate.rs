// SPDX-License-Identifier: GPL-2.0
//! The certificate of a key that signs modules.

use super::signature::{hexadecimal, Signature};
use der::{Decode as _, Encode as _};
use x509_cert::ext::pkix::SubjectKeyIdentifier;

/// A certificate, as X.509 has it.
#[derive(Debug, Clone)]
pub struct Certificate {
    /// Its bytes in DER.
    pub der: Vec<u8>,
    /// Who issued it, as [`Signature::issuer`] has it.
    issuer: String,
    /// Its serial number, in hexadecimal.
    serial: String,
    /// The id of its key, in hexadecimal, if it has one.
    key: Option<String>,
}

impl Certificate {
    /// Reads the first certificate of a file, in DER or in PEM; a file in PEM may have a key, too.
    pub fn read(file: &[u8]) -> Option<Certificate> {
        const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
        const END: &str = "-----END CERTIFICATE-----";
        let in_pem = || {
            let text = std::str::from_utf8(file).ok()?;
            let text = &text[text.find(BEGIN)?..];
            let text = &text[..text.find(END)? + END.len()];
            der::pem::decode_vec(text.as_bytes()).ok().map(|(_, bytes)| bytes)
        };
        let certificate =
            x509_cert::Certificate::from_der(&in_pem().unwrap_or(file.to_vec())).ok()?;
        let content = &certificate.tbs_certificate;
        let key = content.get::<SubjectKeyIdentifier>().ok().flatten();
        Some(Certificate {
            der: certificate.to_der().ok()?,
            issuer: content.issuer.to_string(),
            serial: hexadecimal(content.serial_number.as_bytes()),
            key: key.map(|(_, id)| hexadecimal(id.0.as_bytes())),
        })
    }

    /// Whether a signature names this certificate's key.
    pub fn has_made(&self, signature: &Signature) -> bool {
        match &signature.issuer {
            Some(issuer) => *issuer == self.issuer && signature.key.as_ref() == Some(&self.serial),
            None => signature.key.is_some() && signature.key == self.key,
        }
    }

    /// Who it is of, for messages.
    pub fn title(&self) -> String {
        format!("{}, serial number {}", self.issuer, self.serial)
    }
}
