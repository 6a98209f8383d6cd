// SPDX-License-Identifier: GPL-2.0
//! The certificate of a key that signs modules.

use super::signature::Signature;
use super::x509::{self, hexadecimal};
use base64::prelude::{Engine as _, BASE64_STANDARD};

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
        let der = in_pem(file).unwrap_or_else(|| file.to_vec());
        let x509::Holder { issuer, serial, key } = x509::certificate(&der)?;
        let (serial, key) = (hexadecimal(serial), key.map(hexadecimal));
        Some(Certificate { der, issuer, serial, key })
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

/// The bytes of the first certificate in a file in PEM. Its lines may have any length, and the text
/// around it any encoding.
fn in_pem(file: &[u8]) -> Option<Vec<u8>> {
    const BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";
    const END: &[u8] = b"-----END CERTIFICATE-----";
    let find = |text: &[u8], words: &[u8]| text.windows(words.len()).position(|at| at == words);
    let text = &file[find(file, BEGIN)? + BEGIN.len()..];
    let text = &text[..find(text, END)?];
    let digits: Vec<u8> = text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    BASE64_STANDARD.decode(digits).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE64: &str =
        "MIIBXzCCAQSgAwIBAgIBBzAKBggqhkjOPQQDAjAOMQwwCgYDVQQDDANLZXkwHhcNMjYxMjAyMjA1MTQ4WhcNMjYx\
         MjAzMjA1MTQ4WjAOMQwwCgYDVQQDDANLZXkwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASrM4J9m4RggD7phSxk\
         c6RuUH1ydfJ2AGvINRCC/yElUftfKBG3gFLfK3tB5S1AeyADCKPtmx3OCNIKWia2emrBo1MwUTAdBgNVHQ4EFgQU\
         JiPezhhAW3wyfWEaIwEY4Ha/F3kwHwYDVR0jBBgwFoAUJiPezhhAW3wyfWEaIwEY4Ha/F3kwDwYDVR0TAQH/BAUw\
         AwEB/zAKBggqhkjOPQQDAgNJADBGAiEA6SBdejsVB0H0u7PqI7NkqrQONVOxVgAmejpkyBTVvmACIQCFztBK3Aks\
         jEuXPo/LK/0Bfby/qhZ0tWMlP5DPjCtlHA==";

    #[test]
    fn a_certificate_is_found_in_pem_of_any_width_and_in_der() {
        let Ok(der) = BASE64_STANDARD.decode(BASE64) else { panic!("it is a certificate") };
        let of_width = |width: usize, end: &str| {
            let lines = BASE64.as_bytes().chunks(width).map(String::from_utf8_lossy);
            let lines: String = lines.map(|line| format!("{line}{end}")).collect();
            format!("-----BEGIN CERTIFICATE-----{end}{lines}-----END CERTIFICATE-----{end}")
        };
        for file in [
            der.clone(),
            of_width(64, "\n").into_bytes(),
            of_width(76, "\r\n").into_bytes(),
            of_width(BASE64.len(), "\n").into_bytes(),
            [b"Subject: J\xfcrgen\n", of_width(1, "\n ").as_bytes(), of_width(9, "").as_bytes()]
                .concat(),
        ] {
            let certificate = Certificate::read(&file);
            let shown = certificate.as_ref().map(Certificate::title).unwrap_or_default();
            assert_eq!(shown, "CN=Key, serial number 07", "{}", String::from_utf8_lossy(&file));
            assert!(certificate.is_some_and(|certificate| certificate.der == der));
        }
        for file in [
            "",
            "-----BEGIN CERTIFICATE-----",
            "-----BEGIN CERTIFICATE-----?-----END CERTIFICATE-----",
        ] {
            assert!(Certificate::read(file.as_bytes()).is_none(), "{file}");
        }
    }
}
