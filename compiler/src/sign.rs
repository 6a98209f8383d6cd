// SPDX-License-Identifier: GPL-2.0
//! The last stage, for kernels that accept signed modules only: from a finished module to a signed
//! one. The target's own program signs; what it appends is read back and compared.

use kps_diag::{Diagnostic, CANNOT_SIGN, VERIFY_FAILED};
use kps_host::input;
use kps_operate::{unsigned, Certificate, Signature};
use kps_targets::{Cache, Key, Progress, Target};
use std::path::Path;

/// Who signs.
#[derive(Debug)]
pub struct Signer {
    key: Key,
    certificate: Certificate,
}

impl Signer {
    /// Reads what a user names: the key by a path or a PKCS#11 URI, and the path of its
    /// certificate.
    pub fn read(key: &str, certificate: &Path) -> Result<Signer, Diagnostic> {
        let bytes = input::read(certificate, input::KEY)?;
        let Some(certificate) = Certificate::read(&bytes) else {
            let message = format!("{} is not a certificate", certificate.display());
            return Err(Diagnostic::new(CANNOT_SIGN, message)
                .help("pass an X.509 certificate in PEM or DER; the key comes before it"));
        };
        Ok(Signer { key: Key::named(key)?, certificate })
    }

    /// Finds what would keep the modules of a target from being signed, before they are built.
    pub fn check(
        &self,
        target: &mut Target,
        cache: &Cache,
        progress: Progress,
    ) -> Result<(), Diagnostic> {
        let hash = target.signature_hash()?;
        let tree = target.prepare(cache, progress)?;
        target.try_key(cache, &tree, self.with(), &hash, progress)
    }

    /// Signs a module. A signature that it has already is replaced: the kernel reads the last one.
    pub fn sign(
        &self,
        module: &[u8],
        target: &mut Target,
        cache: &Cache,
        progress: Progress,
    ) -> Result<Vec<u8>, Diagnostic> {
        let hash = target.signature_hash()?;
        let tree = target.prepare(cache, progress)?;
        let module = unsigned(module);
        let signed = target.sign(cache, &tree, self.with(), &hash, module, progress)?;
        self.verify(module, &signed, &hash)?;
        Ok(signed)
    }

    fn with(&self) -> (&Key, &[u8]) {
        (&self.key, &self.certificate.der)
    }

    /// Makes sure that a signature was appended, that nothing else has changed, and that the
    /// signature is what was wanted. sign-file has checked that the certificate is the key's.
    fn verify(&self, module: &[u8], signed: &[u8], hash: &str) -> Result<(), Diagnostic> {
        let wrong = |what: &str| {
            let message = format!("the signed module is not what was wanted: {what}");
            Err(Diagnostic::new(VERIFY_FAILED, message).help("report this with the certificate"))
        };
        if unsigned(signed) != module {
            return wrong("more than a signature was added");
        }
        let Some(signature) = Signature::of(signed) else { return wrong("it has no signature") };
        if !self.certificate.has_made(&signature) {
            return wrong("its signature names another certificate");
        }
        match signature.hash {
            Some(found) if found != hash => wrong(&format!("its hash is {found} and not {hash}")),
            _ => Ok(()),
        }
    }

    /// The certificate, for messages.
    pub fn title(&self) -> String {
        self.certificate.title()
    }
}
