// SPDX-License-Identifier: GPL-2.0
//! `kpsc sign`.

use super::{progress, report, running, say, CommandResult};
use crate::sign::Signer;
use kps_diag::{any_error, Diagnostic, CANNOT_SIGN, NOT_A_LIVEPATCH};
use kps_host::disk::rewrite;
use kps_host::input;
use kps_operate::{look_into, Incoming};
use kps_targets::{Cache, Target};
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub(super) struct Sign {
    /// The private key: a file in PEM, or a PKCS#11 URI such as `pkcs11:token=NAME;object=NAME`.
    /// The variable KBUILD_SIGN_PIN has its passphrase or PIN.
    #[arg(value_name = "KEY")]
    key: String,
    /// The certificate of the key, in PEM or DER.
    #[arg(value_name = "CERTIFICATE")]
    certificate: PathBuf,
    /// The livepatches. A signature that they have is replaced.
    #[arg(value_name = "FILE.ko", required = true)]
    files: Vec<PathBuf>,
    /// The target whose program and hash are used; the one that a livepatch was built for if not
    /// given.
    #[arg(long, value_name = "NAME")]
    kernel: Option<String>,
}

impl Sign {
    pub(super) fn run(self) -> CommandResult {
        let signer = Signer::read(&self.key, &self.certificate)?;
        let cache = Cache::open()?;
        let mut failed = Vec::new();
        for path in &self.files {
            match self.sign(path, &signer, &cache) {
                Ok(()) => say(path.display()),
                Err(error) => failed.push(error),
            }
        }
        let code = report(&failed, None);
        if !any_error(&failed) {
            progress().say(&format!("signed with the key of {}", signer.title()));
        }
        Ok(code)
    }

    /// Signs a file in place.
    fn sign(&self, path: &Path, signer: &Signer, cache: &Cache) -> Result<(), Diagnostic> {
        let module = input::read(path, input::MODULE)?;
        let incoming = look_into(&module).map_err(|_| {
            let message = format!("{} is not a livepatch", path.display());
            Diagnostic::new(NOT_A_LIVEPATCH, message)
                .help("pass the .ko file that `kpsc build` made, before it is compressed")
        })?;
        let mut target = match &self.kernel {
            Some(name) => cache.find(name)?,
            None => built_for(&incoming, path, cache)?,
        };
        let signed = signer.sign(&module, &mut target, cache, progress());
        let signed = signed.map_err(|error| Diagnostic {
            message: format!("{} is not signed: {}", path.display(), error.message),
            ..error
        })?;
        rewrite(path, &signed)
    }
}

/// The target that a livepatch was built for: that of its kernel's build-id, or else the one of its
/// release.
fn built_for(incoming: &Incoming, path: &Path, cache: &Cache) -> Result<Target, Diagnostic> {
    let release = incoming.release.clone().unwrap_or_default();
    let build_id = incoming.note.as_ref().map(|note| note.build_id.as_str()).unwrap_or_default();
    match running::of_release(&release, build_id, cache)? {
        Ok(target) => Ok(target),
        Err(others) if others.len() == 1 => cache.target(&others[0]),
        Err(others) => {
            let kernel = if release.is_empty() { "that it was built for" } else { &release };
            let message = format!("{}: no target is the kernel {kernel}", path.display());
            let error = Diagnostic::new(CANNOT_SIGN, message);
            Err(match others.as_slice() {
                [] if release.is_empty() => {
                    error.help("name a target with `--kernel`; `kpsc kernel list` shows all")
                }
                [] => error.help(format!(
                    "add it with `kpsc kernel add --release {release}`, or name another target with `--kernel`"
                )),
                others => error.help(format!("name one with `--kernel`: {}", others.join(", "))),
            })
        }
    }
}
